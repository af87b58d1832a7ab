//! Slots on an object store that clients put to by themselves (hexnode.md 4.3): what they put may change until its URL's
//! time is over, so it is copied to a fresh key, the copy is hashed, and only the copy becomes a file. Its bytes are in
//! the quota from then on.

use uuid::Uuid;

use super::{Engine, LARGEST_OBJECT, account_of, check_quota, discard, not_stored, slot};
use crate::{
    engine::{
        error::{Error, Result},
        sweep::REMOVE_WITHIN,
    },
    model::{AccountId, FileInfo, Slot},
    objects::{ObjectKey, PutError, Stored},
    store::{Tx, account, staged, upload},
};

/// A copy that is about to be made.
enum Begun {
    /// The slot is not open any more.
    Ended,
    /// Its bytes came through a server, before the objects were moved to where they are now.
    Stored,
    Copy {
        /// What the quota allows, bytes.
        limit: u64,
        over: Error,
    },
}

impl Engine {
    /// Where the client puts the bytes of a slot, for `life` from now on; `None`: to this server.
    ///
    /// # Errors
    /// Only faults.
    pub async fn presign_slot(&self, slot: &Slot, life: std::time::Duration) -> Result<Option<String>> {
        Ok(self.objects.presign(slot.uid, &slot.media_type, life).await?)
    }

    /// Makes a file of what a client has put into the store for a slot. `None`: the slot is not open any more.
    pub(super) async fn adopt_slot(&self, account: AccountId, uid: Uuid) -> Result<Option<FileInfo>> {
        let engine = self.clone();
        // Two at once would copy twice, for nothing.
        let turn = self.turns.take(uid).await;
        Self::to_its_end(async move {
            let _turn = turn;
            engine.adopt(account, uid).await
        })
        .await
    }

    async fn adopt(&self, account: AccountId, uid: Uuid) -> Result<Option<FileInfo>> {
        self.room()?;
        let key = self.keys.mint();
        let staged_key = key.clone();
        let begun = self
            .committer
            .write("slot.adopt", async move |tx: &mut Tx| begin(tx, account, uid, &staged_key).await)
            .await?;
        let (limit, over) = match begun {
            Begun::Ended => return Ok(None),
            Begun::Stored => return self.verify_stored(account, uid).await,
            Begun::Copy { limit, over } => (limit, over),
        };
        let stored = match self.objects.adopt(uid, &key, limit).await {
            Ok(Some(stored)) => stored,
            other => {
                let (pause, error) = match other {
                    Err(PutError::TooLarge) => {
                        self.remove_put(uid);
                        (0, over)
                    }
                    Err(error) => (self.lands_after(&error), not_stored(error)),
                    Ok(_) => (0, Error::Incomplete),
                };
                self.give_up_after(account, &key, pause).await;
                // Another server may have made the file meanwhile, and taken away what this one copied from.
                let mut conn = self.store.read().await?;
                return match upload::open_slot(&mut conn, uid, self.clock.micros()).await? {
                    Some(_) => Err(error),
                    None => Ok(None),
                };
            }
        };
        self.faults.hit("upload.written")?;
        let copy = key.clone();
        let shown = self
            .committer
            .write("slot.verify", async move |tx: &mut Tx| show(tx, account, uid, &copy, &stored).await)
            .await;
        let shown = self.kept(account, &key, shown).await;
        self.wake_purge.notify_one();
        if matches!(shown, Ok(Some(_)) | Err(Error::QuotaExceeded { .. })) {
            self.remove_put(uid);
        }
        shown
    }

    /// Removes what a client has put, behind the answer; what is left, and what comes later, is the sweep's.
    fn remove_put(&self, uid: Uuid) {
        let objects = self.objects.clone();
        tokio::spawn(async move { objects.remove_upload(uid, REMOVE_WITHIN).await });
    }
}

async fn begin(tx: &mut Tx, account: AccountId, uid: Uuid, key: &ObjectKey) -> Result<Begun> {
    let now = tx.now;
    let Some(open) = upload::open_slot(tx, uid, now).await? else { return Ok(Begun::Ended) };
    if open.owner != account {
        return Err(Error::NotFound);
    }
    if !staged::of_upload(tx, open.id).await?.is_empty() {
        return Ok(Begun::Stored);
    }
    let owner = account_of(tx, account).await?;
    let limit = owner.remaining().min(LARGEST_OBJECT);
    let over = Error::QuotaExceeded { used: owner.used, quota: owner.quota, size: limit + 1 };
    staged::insert(tx, key, Some(open.id), account, 0).await?;
    Ok(Begun::Copy { limit, over })
}

/// Shows the copy as a file, unless the slot has ended or the quota is used up by now; the inner result is the client's.
async fn show(
    tx: &mut Tx,
    account: AccountId,
    uid: Uuid,
    key: &ObjectKey,
    stored: &Stored,
) -> Result<Result<Option<FileInfo>>> {
    let now = tx.now;
    let noted = staged::written(tx, key, 0, stored).await?;
    let open = upload::open_slot(tx, uid, now).await?.filter(|open| open.owner == account);
    let Some(open) = open.filter(|open| noted == Some(open.id)) else {
        let given_up = noted.is_none() && upload::open_slot(tx, uid, now).await?.is_some();
        discard(tx, account, key, stored.size).await?;
        // Taken for dead by another server, this one did all the same; the client can ask again.
        return Ok(if given_up { Err(Error::Busy) } else { Ok(None) });
    };
    let owner = account_of(tx, account).await?;
    if let Err(refusal) = check_quota(&owner, stored.size, open.bytes) {
        discard(tx, account, key, stored.size).await?;
        return Ok(Err(refusal));
    }
    account::add_used(tx, account, stored.size as i64 - open.bytes as i64).await?;
    slot::verify(tx, &open).await.map(|file| Ok(Some(file)))
}
