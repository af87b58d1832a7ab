//! Keys that one realm makes, lists and ends by itself (onlyoffice.md 2).

use uuid::Uuid;

use super::{Secret, outlives, row, still_good};
use crate::{
    clock::{from_micros, to_micros},
    engine::{
        Engine,
        error::{Error, Result},
    },
    model::{Caller, IssuedOwnKey, KeyId, NewOwnKey, OwnKey, Permissions, Realm},
    store::{
        Tx,
        key::{self, NewRow},
    },
};

/// Characters of a name, at the most.
const NAME_LIMIT: usize = 30;

impl Engine {
    /// A new key for the caller that opens one realm. Unless a password stood behind the caller's own key, it is never
    /// wider or longer-lived than that, and ends with it.
    ///
    /// # Errors
    /// `Forbidden`; `Invalid`: its name is longer than 30 characters, its end is not in the future.
    pub async fn issue_own_key(&self, caller: &Caller, realm: Realm, new: NewOwnKey) -> Result<IssuedOwnKey> {
        if new.name.chars().count() > NAME_LIMIT {
            return Err(Error::Invalid("a key's name has at most 30 characters"));
        }
        if new.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Error::Invalid("a key's end lies in the future"));
        }
        let narrow = new.permissions == permissions(caller) || permissions(caller) == Permissions::All;
        if caller.link.is_some() || (!caller.from_password && (!narrow || outlives(caller, new.expires_at))) {
            return Err(Error::Forbidden);
        }
        let (caller, secret, uid) = (caller.clone(), Secret::mint_own(), Uuid::new_v4());
        self.committer
            .write("key.add_own", async move |tx: &mut Tx| {
                still_good(tx, &caller).await?;
                let now = tx.now;
                let kept = NewRow {
                    parent: (!caller.from_password && caller.key != KeyId::NONE).then_some(caller.key),
                    listed: Some((uid, secret.postfix())),
                    description: &new.name,
                    read_only: new.permissions == Permissions::ReadOnly,
                    write_only: new.permissions == Permissions::WriteOnly,
                    expires_at: new.expires_at.map(to_micros),
                    ..row(caller.account, realm, &secret)
                };
                key::insert(tx, kept).await?;
                let key = OwnKey {
                    uid,
                    name: new.name.clone(),
                    postfix: secret.postfix().to_owned(),
                    permissions: new.permissions,
                    created_at: from_micros(now),
                    expires_at: new.expires_at,
                    active: true,
                };
                Ok(IssuedOwnKey { key, secret: secret.0.clone() })
            })
            .await
    }

    /// The keys of a realm that the caller's account made, but those that were ended, oldest first.
    ///
    /// # Errors
    /// Only faults.
    pub async fn own_keys(&self, caller: &Caller, realm: Realm) -> Result<Vec<OwnKey>> {
        let mut conn = self.store.read().await?;
        Ok(key::own(&mut conn, caller.account, realm, self.clock.micros()).await?)
    }

    /// Ends one of them, and what ends with it.
    ///
    /// # Errors
    /// `NotFound`: no such key of the caller's account, or ended before.
    pub async fn end_own_key(&self, caller: &Caller, realm: Realm, uid: Uuid) -> Result<()> {
        let account = caller.account;
        self.committer
            .write_freeing("key.end_own", async move |tx: &mut Tx| {
                let id = key::own_by_uid(tx, account, realm, uid).await?.ok_or(Error::NotFound)?;
                Ok(key::revoke(tx, id).await.map(drop)?)
            })
            .await
    }
}

/// What the caller's own key is good for.
fn permissions(caller: &Caller) -> Permissions {
    match (caller.read_only, caller.write_only) {
        (true, _) => Permissions::ReadOnly,
        (false, true) => Permissions::WriteOnly,
        (false, false) => Permissions::All,
    }
}
