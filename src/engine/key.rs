//! Keys: from a secret to a caller, and the making and ending of keys. Only hashes are kept.

use std::{net::IpAddr, time::Duration};

use rand::{RngExt, distr::Alphanumeric};
use sha2::{Digest, Sha256};

use super::{
    Engine,
    account::by_name,
    error::{Error, Result},
};
use crate::{
    clock::{from_micros, to_micros},
    hex::hex,
    model::{Account, AccountId, Caller, IssuedKey, KeyId, KeyInfo, NewKey, Realm},
    store::{self, Tx, account, key},
};

/// A sign-in key lives this long, moved on by use (vault.md 4.1).
const SIGN_IN: Duration = Duration::from_secs(3_600);
/// It is moved on at most this often.
const RENEWAL_STEP: Duration = Duration::from_secs(60);
/// It never lives longer than this.
const LONGEST_SIGN_IN: Duration = Duration::from_secs(24 * 3_600);

/// A key's secret: 30 characters `[A-Za-z0-9]`.
pub(super) struct Secret(String);

impl Secret {
    const LENGTH: usize = 30;

    pub(super) fn mint() -> Self {
        Self(rand::rng().sample_iter(Alphanumeric).take(Self::LENGTH).map(char::from).collect())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// A secret has 178 bits of chance: one fast hash hides it, and looking it up by hash takes no comparison of
    /// secrets.
    fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

impl Engine {
    /// The caller that a secret stands for. A sign-in key is moved on.
    ///
    /// # Errors
    /// `KeyUnknown`, `AccountDisabled`.
    pub async fn authenticate(&self, secret: &str, realm: Realm) -> Result<Caller> {
        let secret = Secret::parse(secret).ok_or(Error::KeyUnknown)?;
        let now = self.clock.micros();
        let found = {
            let mut conn = self.store.read().await?;
            key::by_hash(&mut conn, &secret.hash(), now).await?.ok_or(Error::KeyUnknown)?
        };
        if found.sign_in && realm != Realm::Vault {
            return Err(Error::KeyUnknown);
        }
        if found.disabled {
            return Err(Error::AccountDisabled);
        }
        if let (Some(until), Some(end)) = (found.renewable_until, found.expires_at) {
            let moved = (now + SIGN_IN.as_micros() as i64).min(until);
            if moved - end >= RENEWAL_STEP.as_micros() as i64 {
                let id = found.caller.key;
                let renewed = self
                    .committer
                    .write_freeing("key.renew", async move |tx: &mut Tx| Ok(key::renew(tx, id, moved).await?))
                    .await;
                if let Err(error) = renewed {
                    // The key is good all the same, and what it is used for may well be possible.
                    tracing::warn!(error = format!("{error:#}"), "a sign-in key could not be moved on");
                }
            }
        }
        Ok(found.caller)
    }

    /// Name and password to a key for Vault: 1 hour, moved on by use, at most 24 hours from now. `address` is the
    /// peer's; failures are limited by account and by address.
    ///
    /// # Errors
    /// `WrongPassword`, also for an account that is switched off or not there; `TooManyAttempts`.
    pub async fn sign_in(&self, name: &str, password: &str, address: IpAddr) -> Result<IssuedKey> {
        self.attempts.begin(name, address, self.clock.now())?;
        let (account, hash) = self.account_to_sign_in(name).await?;
        let right = self.passwords.verify(password, hash.clone()).await?;
        let account = account.filter(|_| right).ok_or(Error::WrongPassword)?;
        let secret = Secret::mint();
        let issued = self
            .committer
            .write_freeing("key.sign_in", async move |tx: &mut Tx| {
                // The password may have been changed, or the account switched off, while it was compared.
                let now = account::by_id(tx, account.id).await?.ok_or(Error::WrongPassword)?;
                if now.disabled || account::password_hash(tx, account.id).await? != hash {
                    return Err(Error::WrongPassword);
                }
                let expires_at = tx.now + SIGN_IN.as_micros() as i64;
                let id = insert(tx, account.id, &secret, &NewKey::default(), Some(expires_at)).await?;
                Ok(IssuedKey {
                    id,
                    secret: secret.0.clone(),
                    account: account.id,
                    expires_at: Some(from_micros(expires_at)),
                })
            })
            .await?;
        self.attempts.succeeded(name, address);
        Ok(issued)
    }

    /// Whether sign-ins from an address are looked at now.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub fn sign_in_allowed(&self, address: IpAddr) -> Result<()> {
        self.attempts.check_address(address, self.clock.now())
    }

    async fn account_to_sign_in(&self, name: &str) -> Result<(Option<Account>, Option<String>)> {
        let mut conn = self.store.read().await?;
        match account::by_name(&mut conn, name).await? {
            Some(account) => {
                let hash = account::password_hash(&mut conn, account.id).await?;
                Ok((Some(account), hash))
            }
            None => Ok((None, None)),
        }
    }

    /// Ends the key that the caller came with.
    ///
    /// # Errors
    /// Only faults.
    pub async fn end_key(&self, caller: &Caller) -> Result<()> {
        let id = caller.key;
        self.committer.write_freeing("key.end", async move |tx: &mut Tx| Ok(key::revoke(tx, id).await.map(drop)?)).await
    }

    /// A new account key for the caller. Unless a password stood behind the caller's own key, it is never wider or
    /// longer-lived than that.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid`: its end is not in the future.
    pub async fn issue_key(&self, caller: &Caller, new: NewKey) -> Result<IssuedKey> {
        let longer = match (caller.key_expires_at, new.expires_at) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(own), Some(asked)) => asked > own,
        };
        if !caller.from_password && (longer || (caller.read_only && !new.read_only)) {
            return Err(Error::Forbidden);
        }
        self.make_key(caller.account, Some(caller.key), new).await
    }

    /// A new key for an account, by an administrator.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`: its end is not in the future.
    pub async fn add_key(&self, account: &str, new: NewKey) -> Result<IssuedKey> {
        let id = {
            let mut conn = self.store.read().await?;
            by_name(&mut conn, account).await?.id
        };
        self.make_key(id, None, new).await
    }

    /// `with` is the key that asks for it: one that ended meanwhile makes no other.
    async fn make_key(&self, account: AccountId, with: Option<KeyId>, new: NewKey) -> Result<IssuedKey> {
        if new.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Error::Invalid("a key's end lies in the future"));
        }
        let secret = Secret::mint();
        self.committer
            .write("key.add", async move |tx: &mut Tx| {
                if let Some(with) = with
                    && !key::is_good(tx, with).await?
                {
                    return Err(Error::KeyUnknown);
                }
                keep(tx, account, &secret, &new).await
            })
            .await
    }

    /// The caller's own keys; an administrator sees all accounts'. Ended ones are listed too.
    ///
    /// # Errors
    /// Only faults.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<KeyInfo>> {
        let mut conn = self.store.read().await?;
        Ok(key::list(&mut conn, (!caller.is_admin()).then_some(caller.account)).await?)
    }

    /// An account's keys, ended ones too.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn keys_of(&self, account: &str) -> Result<Vec<KeyInfo>> {
        let mut conn = self.store.read().await?;
        let id = by_name(&mut conn, account).await?.id;
        Ok(key::list(&mut conn, Some(id)).await?)
    }

    /// Ends a key.
    ///
    /// # Errors
    /// `NotFound`: no such key, or ended before.
    pub async fn revoke_key(&self, id: KeyId) -> Result<()> {
        self.committer
            .write_freeing("key.revoke", async move |tx: &mut Tx| match key::revoke(tx, id).await? {
                true => Ok(()),
                false => Err(Error::NotFound),
            })
            .await
    }
}

/// Keeps an account key.
pub(super) async fn keep(tx: &mut Tx, account: AccountId, secret: &Secret, new: &NewKey) -> Result<IssuedKey> {
    let id = insert(tx, account, secret, new, None).await?;
    Ok(IssuedKey { id, secret: secret.0.clone(), account, expires_at: new.expires_at })
}

/// Keeps an account key, or with its first end a sign-in key.
async fn insert(tx: &mut Tx, account: AccountId, secret: &Secret, new: &NewKey, sign_in: Option<i64>) -> Result<KeyId> {
    let row = store::key::NewRow {
        account,
        sign_in: sign_in.is_some(),
        hash: &secret.hash(),
        prefix: secret.0.get(..4).unwrap_or_default(),
        description: &new.description,
        read_only: new.read_only,
        expires_at: sign_in.or(new.expires_at.map(to_micros)),
        renewable_until: sign_in.map(|_| tx.now + LONGEST_SIGN_IN.as_micros() as i64),
    };
    Ok(key::insert(tx, row).await?)
}
