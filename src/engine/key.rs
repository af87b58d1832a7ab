//! Keys: from a secret to a caller, and the making and ending of keys. Only hashes are kept.

pub(super) mod look_up;
mod own;
mod sign_in;

use rand::{RngExt, distr::Alphanumeric};
use sha2::{Digest, Sha256};

use super::{
    Engine,
    account::by_name,
    error::{Error, Result, can_be_kept},
};
use crate::{
    clock::to_micros,
    hex::hex,
    model::{AccountId, Caller, IssuedKey, KeyId, KeyInfo, NewKey, Realm},
    store::{
        Tx, account,
        key::{self, Found, NewRow},
    },
};
use sign_in::{RENEWAL_STEP, SIGN_IN};

/// A key's secret: 30 characters `[A-Za-z0-9]`, or 40 behind `sk-` for a key that its realm lists.
pub(super) struct Secret(String);

impl Secret {
    const LENGTH: usize = 30;
    const OWN_LENGTH: usize = 40;
    const OWN_START: &str = "sk-";

    pub(super) fn mint() -> Self {
        Self(random(Self::LENGTH))
    }

    fn mint_own() -> Self {
        Self(format!("{}{}", Self::OWN_START, random(Self::OWN_LENGTH)))
    }

    /// An account's key.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// Any key.
    fn read(text: &str) -> Option<Self> {
        let Some(own) = text.strip_prefix(Self::OWN_START) else { return Self::parse(text) };
        let fits = own.len() == Self::OWN_LENGTH && own.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// A secret has at least 178 bits of chance: one fast hash hides it, and looking it up by hash takes no comparison
    /// of secrets.
    fn hash(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }

    fn prefix(&self) -> &str {
        self.0.get(..4).unwrap_or_default()
    }

    fn postfix(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default()
    }
}

fn random(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

impl Engine {
    /// The caller that a secret stands for. A sign-in key is moved on.
    ///
    /// # Errors
    /// `KeyUnknown`, `AccountDisabled`.
    pub async fn authenticate(&self, secret: &str, realm: Realm) -> Result<Caller> {
        let found = self.found_by(secret, realm).await?.ok_or(Error::KeyUnknown)?;
        if found.disabled {
            return Err(Error::AccountDisabled);
        }
        if let (Some(until), Some(end)) = (found.renewable_until, found.expires_at) {
            let moved = (self.clock.micros() + SIGN_IN.as_micros() as i64).min(until);
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

    /// What a secret leads to in a realm, whether or not its account is switched off.
    async fn found_by(&self, secret: &str, realm: Realm) -> Result<Option<Found>> {
        let Some(secret) = Secret::read(secret) else { return Ok(None) };
        let hash = secret.hash();
        let found = match self.look_ups.find(&hash).await {
            Ok(found) => found,
            Err(look_up::Failed) => {
                let mut conn = self.store.read().await?;
                key::by_hashes(&mut conn, &[&hash], self.clock.micros()).await?.pop().map(|(_, found)| found)
            }
        };
        Ok(found.filter(|found| realm.takes(found.realm)))
    }

    /// Ends the key that the caller came with, and what ends with it.
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
        let wider = (caller.read_only && !new.read_only) || caller.write_only;
        if !caller.from_password && (wider || outlives(caller, new.expires_at)) {
            return Err(Error::Forbidden);
        }
        self.make_key(caller.account, Some(caller.clone()), new).await
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

    /// `asks` came with a key: one that ended meanwhile makes no other.
    async fn make_key(&self, account: AccountId, asks: Option<Caller>, new: NewKey) -> Result<IssuedKey> {
        if new.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Error::Invalid("a key's end lies in the future"));
        }
        let secret = Secret::mint();
        self.committer
            .write("key.add", async move |tx: &mut Tx| {
                if let Some(caller) = &asks {
                    still_good(tx, caller).await?;
                }
                keep(tx, account, &secret, &new).await
            })
            .await
    }

    /// The caller's own keys and sign-ins; an administrator sees all accounts'. Ended ones are listed too.
    ///
    /// # Errors
    /// Only faults.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<KeyInfo>> {
        let mut conn = self.store.read().await?;
        Ok(key::list(&mut conn, (!caller.is_admin()).then_some(caller.account), Some(Realm::Vault)).await?)
    }

    /// An account's keys of all realms, ended ones too.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn keys_of(&self, account: &str) -> Result<Vec<KeyInfo>> {
        let mut conn = self.store.read().await?;
        let id = by_name(&mut conn, account).await?.id;
        Ok(key::list(&mut conn, Some(id), None).await?)
    }

    /// Ends a key, and what ends with it.
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
    can_be_kept(&new.description)?;
    let row = NewRow {
        description: &new.description,
        read_only: new.read_only,
        expires_at: new.expires_at.map(to_micros),
        ..row(account, Realm::Keys, secret)
    };
    let id = key::insert(tx, row).await?;
    Ok(IssuedKey { id, secret: secret.0.clone(), account, expires_at: new.expires_at })
}

/// A key that may do everything in its realm and never ends.
fn row(account: AccountId, realm: Realm, secret: &Secret) -> NewRow<'_> {
    NewRow {
        account,
        realm,
        session: false,
        parent: None,
        hash: secret.hash(),
        prefix: secret.prefix(),
        listed: None,
        description: "",
        read_only: false,
        write_only: false,
        from_password: false,
        expires_at: None,
        renewable_until: None,
    }
}

/// Whether a key that ends then would end after the caller's own.
fn outlives(caller: &Caller, end: Option<time::OffsetDateTime>) -> bool {
    match (caller.key_expires_at, end) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(own), Some(asked)) => asked > own,
    }
}

/// Refuses a caller whose key has ended since the request began; one who came with a password has none.
async fn still_good(tx: &mut Tx, caller: &Caller) -> Result<()> {
    let good = match caller.key {
        KeyId::NONE => account::by_id(tx, caller.account).await?.is_some_and(|account| !account.disabled),
        key => key::is_good(tx, key).await?,
    };
    if good { Ok(()) } else { Err(Error::KeyUnknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_told_by_its_form() {
        for own in [false, true] {
            let minted = if own { Secret::mint_own() } else { Secret::mint() }.0;
            assert!(Secret::read(&minted).is_some(), "{minted}");
            assert_eq!(Secret::parse(&minted).is_some(), !own, "{minted}");
            let (short, long, other) = (&minted[..minted.len() - 1], format!("{minted}a"), minted.replace('-', "_"));
            for wrong in [short, &long, &format!("{short}-"), &format!("{short}\u{e4}")] {
                assert!(Secret::read(wrong).is_none(), "{wrong}");
            }
            assert_eq!(Secret::read(&other).is_some(), !own, "{other}");
        }
        assert!(Secret::read("").is_none() && Secret::read("sk-").is_none());
        let secret = Secret::parse("ABCDefghijklmnopqrstuvwxyz0123").map(|secret| (secret.hash(), secret));
        assert!(
            secret.is_some_and(|(hash, secret)| {
                (secret.prefix(), secret.postfix(), hash.len()) == ("ABCD", "0123", 64)
            })
        );
    }
}
