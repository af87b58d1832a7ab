//! Signing in: by name and password to a caller, or to a key that lasts for a while.

use std::{net::IpAddr, time::Duration};

use super::{Secret, row, still_good};
use crate::{
    clock::{from_micros, to_micros},
    engine::{
        Engine,
        error::{Error, Result},
        password::Who,
    },
    model::{Account, AccountId, Caller, IssuedKey, Realm},
    store::{
        Conn, Tx, account,
        key::{self, NewRow},
    },
};

/// A sign-in key lives this long, moved on by use (vault.md 4.1).
pub(super) const SIGN_IN: Duration = Duration::from_secs(3_600);
/// It is moved on at most this often.
pub(super) const RENEWAL_STEP: Duration = Duration::from_secs(60);
/// It never lives longer than this. A token is never moved on, and lives as long (onlyoffice.md 2).
const LONGEST_SIGN_IN: Duration = Duration::from_secs(24 * 3_600);

impl Engine {
    /// Name and password to a key for Vault: 1 hour, moved on by use, at most 24 hours from now. `address` is the
    /// peer's; failures are limited by account and by address.
    ///
    /// # Errors
    /// `WrongPassword`, also for an account that is switched off or not there; `TooManyAttempts`.
    pub async fn sign_in(&self, name: &str, password: &str, address: IpAddr) -> Result<IssuedKey> {
        let (account, hash) = self.by_password(name, password, address).await?;
        let (id, secret) = (account.id, Secret::mint());
        self.committer
            .write_freeing("key.sign_in", async move |tx: &mut Tx| {
                still_right(tx, id, &hash).await?;
                let expires_at = tx.now + SIGN_IN.as_micros() as i64;
                let new = NewRow {
                    session: true,
                    from_password: true,
                    expires_at: Some(expires_at),
                    renewable_until: Some(tx.now + LONGEST_SIGN_IN.as_micros() as i64),
                    ..row(id, Realm::Vault, &secret)
                };
                issue(tx, &secret, new).await
            })
            .await
    }

    /// Name and password, or one of the account's keys in place of the password, to a token: it opens one realm for
    /// 24 hours. Made with a key it is as narrow as that, and ends with it.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn sign_in_token(
        &self,
        name: &str,
        password_or_key: &str,
        address: IpAddr,
        realm: Realm,
    ) -> Result<IssuedKey> {
        let (caller, hash) = self.prove(name, password_or_key, address, realm).await?;
        let secret = Secret::mint();
        self.committer
            .write_freeing("key.token", async move |tx: &mut Tx| {
                match &hash {
                    Some(hash) => still_right(tx, caller.account, hash).await?,
                    None => still_good(tx, &caller).await.map_err(as_password)?,
                }
                let end = tx.now + LONGEST_SIGN_IN.as_micros() as i64;
                let new = NewRow {
                    session: true,
                    parent: hash.is_none().then_some(caller.key),
                    read_only: caller.read_only,
                    write_only: caller.write_only,
                    from_password: hash.is_some(),
                    expires_at: Some(caller.key_expires_at.map_or(end, |own| end.min(to_micros(own)))),
                    ..row(caller.account, realm, &secret)
                };
                issue(tx, &secret, new).await
            })
            .await
    }

    /// The caller behind a Basic header: name and password, or one of the account's keys in place of the password; then
    /// the caller is as narrow as the key. Failures are limited by account and by address.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn sign_in_basic(
        &self,
        name: &str,
        password_or_key: &str,
        address: IpAddr,
        realm: Realm,
    ) -> Result<Caller> {
        Ok(self.prove(name, password_or_key, address, realm).await?.0)
    }

    /// Whether sign-ins from an address are looked at now.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub fn sign_in_allowed(&self, address: IpAddr) -> Result<()> {
        self.attempts.check_address(address, self.clock.now())
    }

    /// The caller, and the hash that the password fits if it was one.
    async fn prove(
        &self,
        name: &str,
        password_or_key: &str,
        address: IpAddr,
        realm: Realm,
    ) -> Result<(Caller, Option<String>)> {
        self.attempts.check(&Who::account(name), address, self.clock.now())?;
        let found = self.found_by(password_or_key, realm).await?;
        // A token is what one gets for a password, not another password.
        if let Some(found) = found.filter(|found| found.caller.name == name && !found.session && !found.disabled) {
            return Ok((found.caller, None));
        }
        let (account, hash) = self.by_password(name, password_or_key, address).await?;
        Ok((Caller::by_password(account), Some(hash)))
    }

    /// The account of a name and the hash of its password, which the given one fits.
    async fn by_password(&self, name: &str, password: &str, address: IpAddr) -> Result<(Account, String)> {
        let (account, hash) = self.account_to_sign_in(name).await?;
        let right = self.guess(Who::account(name), address, password, hash.clone()).await?;
        match (account.filter(|_| right), hash) {
            (Some(account), Some(hash)) => {
                still_right(&mut *self.store.read().await?, account.id, &hash).await?;
                Ok((account, hash))
            }
            _ => Err(Error::WrongPassword),
        }
    }

    /// No password fits an account that is switched off.
    async fn account_to_sign_in(&self, name: &str) -> Result<(Option<Account>, Option<String>)> {
        let mut conn = self.store.read().await?;
        match account::by_name(&mut conn, name).await?.filter(|account| !account.disabled) {
            Some(account) => {
                let hash = account::password_hash(&mut conn, account.id).await?;
                Ok((Some(account), hash))
            }
            None => Ok((None, None)),
        }
    }
}

/// The password may have been changed, or the account switched off, while it was compared.
async fn still_right(conn: &mut Conn, id: AccountId, hash: &str) -> Result<()> {
    let account = account::by_id(conn, id).await?.filter(|account| !account.disabled);
    match account.is_some() && account::password_hash(conn, id).await?.as_deref() == Some(hash) {
        true => Ok(()),
        false => Err(Error::WrongPassword),
    }
}

/// A key that came in place of a password is refused like one.
fn as_password(error: Error) -> Error {
    if matches!(error, Error::KeyUnknown) { Error::WrongPassword } else { error }
}

async fn issue(tx: &mut Tx, secret: &Secret, new: NewRow<'_>) -> Result<IssuedKey> {
    let (account, expires_at) = (new.account, new.expires_at.map(from_micros));
    let id = key::insert(tx, new).await?;
    Ok(IssuedKey { id, secret: secret.0.clone(), account, expires_at })
}
