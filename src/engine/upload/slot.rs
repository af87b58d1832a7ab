//! Slots: a URL to PUT to, as often as the client likes, and a call that makes a file of what came last.

use uuid::Uuid;

use super::{Engine, Finished, LARGEST_OBJECT, UPLOAD_LIFE, check_quota, discard, discard_all, place_in_root};
use crate::{
    clock::from_micros,
    engine::{
        ByteStream,
        error::{Error, Result},
    },
    model::{AccountId, Caller, FileInfo, NodeName, Slot},
    objects::{ObjectKey, Stored},
    store::{
        Tx, account,
        staged::{self, Staged},
        upload::{self, Kind, NewUpload, Upload},
    },
};

/// Slots that an account may have open (hexnode.md 4.1).
const OPEN_SLOTS: u64 = 1_000;
/// PUTs to one slot that may be under way: what is not yet stored is in nobody's quota.
const PUTS_UNDER_WAY: u64 = 4;

impl Engine {
    /// Announces an upload by PUT. It ends if it is not verified within 24 hours.
    ///
    /// # Errors
    /// `TooManyUploads`: 1,000 are open.
    pub async fn open_slot(&self, caller: &Caller, name: NodeName, media_type: String) -> Result<Slot> {
        let account = caller.account;
        self.committer
            .write("slot.open", async move |tx: &mut Tx| {
                if upload::count_slots(tx, account).await? >= OPEN_SLOTS {
                    return Err(Error::TooManyUploads);
                }
                let uid = Uuid::new_v4();
                let slot = NewUpload {
                    uid,
                    owner: account,
                    creator: account,
                    group: None,
                    kind: Kind::Slot,
                    chunked: false,
                    name: name.as_str(),
                    path: &[],
                    media_type: &media_type,
                    bytes: 0,
                    expires_at: Some(tx.now + UPLOAD_LIFE.as_micros() as i64),
                };
                upload::insert(tx, &slot).await?;
                Ok(Slot { uid, media_type: media_type.clone(), created_at: from_micros(tx.now) })
            })
            .await
    }

    /// A slot that is open.
    ///
    /// # Errors
    /// `UploadEnded`: verified, deleted, past its time, or never there.
    pub async fn slot(&self, uid: Uuid) -> Result<Slot> {
        let mut conn = self.store.read().await?;
        let open = upload::open_slot(&mut conn, uid, self.clock.micros()).await?.ok_or(Error::UploadEnded)?;
        Ok(Slot { uid, media_type: open.media_type, created_at: open.created_at })
    }

    /// Stores what is PUT to a slot; gives the MD5 of the bytes. They replace what came before. `declared` is the
    /// length that the client announced, in bytes.
    ///
    /// # Errors
    /// `UploadEnded`; `QuotaExceeded`; `TooLarge`: over 5 GiB, or beyond the quota by a body of no declared length;
    /// `StorageFull`; `BodyBrokenOff`; `TooManyUploads`: four PUTs to this slot are under way. No byte is kept.
    pub async fn put_slot(&self, uid: Uuid, declared: Option<u64>, bytes: ByteStream) -> Result<[u8; 16]> {
        let engine = self.clone();
        Self::to_its_end(async move { engine.put(uid, declared, bytes).await }).await
    }

    async fn put(&self, uid: Uuid, declared: Option<u64>, bytes: ByteStream) -> Result<[u8; 16]> {
        self.room()?;
        let key = self.keys.mint();
        let staged_key = key.clone();
        let (owner, limit) = self
            .committer
            .write("slot.stage", async move |tx: &mut Tx| {
                let now = tx.now;
                let open = upload::open_slot(tx, uid, now).await?.ok_or(Error::UploadEnded)?;
                let account = super::account_of(tx, open.owner).await?;
                let remaining = account.remaining().saturating_add(open.bytes);
                match declared {
                    Some(size) if size > LARGEST_OBJECT => return Err(Error::TooLarge),
                    Some(size) => check_quota(&account, size, open.bytes)?,
                    None => {}
                }
                if staged::count_unwritten(tx, open.id).await? >= PUTS_UNDER_WAY {
                    return Err(Error::TooManyUploads);
                }
                staged::insert(tx, &staged_key, Some(open.id), open.owner, 0).await?;
                Ok((open.owner, remaining.min(LARGEST_OBJECT)))
            })
            .await?;
        let stored = self.write_object(owner, &key, bytes, limit).await?;
        let (md5, put) = (stored.md5, key.clone());
        let kept =
            self.committer.write("slot.put", async move |tx: &mut Tx| keep(tx, owner, &put, &stored).await).await;
        self.kept(owner, &key, kept).await?;
        // What was there before it has gone with that commit.
        self.wake_purge.notify_one();
        Ok(md5)
    }

    /// Makes a file of a slot's bytes, in the root folder. A repeat answers the same file.
    ///
    /// # Errors
    /// `NotFound`, `Incomplete` (no bytes yet); where clients put to the store by themselves also `QuotaExceeded`,
    /// `StorageFull`.
    pub async fn verify_slot(&self, caller: &Caller, uid: Uuid) -> Result<FileInfo> {
        let shown = match self.objects.takes_uploads() {
            true => self.adopt_slot(caller.account, uid).await?,
            false => self.verify_stored(caller.account, uid).await?,
        };
        match shown {
            Some(file) => Ok(file),
            None => self.file(caller, uid).await,
        }
    }

    /// Makes a file of what was PUT to a slot through a server. `None`: the slot is not open any more.
    pub(super) async fn verify_stored(&self, account: AccountId, uid: Uuid) -> Result<Option<FileInfo>> {
        self.committer
            .write("slot.verify", async move |tx: &mut Tx| {
                let now = tx.now;
                let Some(open) = upload::open_slot(tx, uid, now).await? else { return Ok(None) };
                match open.owner == account {
                    true => verify(tx, &open).await.map(Some),
                    false => Err(Error::NotFound),
                }
            })
            .await
    }
}

/// Shows the bytes of an open slot, which are in the quota, as a file of the root folder.
pub(super) async fn verify(tx: &mut Tx, open: &Upload) -> Result<FileInfo> {
    let stored = staged::of_upload(tx, open.id).await?;
    let object = stored.first().ok_or(Error::Incomplete)?;
    staged::orphan_unwritten(tx, open.id).await?;
    let finished = Finished { upload: open, object, name: &open.name, group: None, private: true, expires_at: None };
    place_in_root(tx, finished).await
}

/// Puts a stored object into its slot, or discards it; the inner result is the client's.
async fn keep(tx: &mut Tx, owner: AccountId, key: &ObjectKey, stored: &Stored) -> Result<Result<()>> {
    let open = match staged::written(tx, key, 0, stored).await? {
        Some(id) => upload::by_id(tx, id).await?,
        None => None,
    };
    let Some(open) = open else {
        discard(tx, owner, key, stored.size).await?;
        return Ok(Err(Error::UploadEnded));
    };
    let account = super::account_of(tx, owner).await?;
    if let Err(refusal) = check_quota(&account, stored.size, open.bytes) {
        discard(tx, owner, key, stored.size).await?;
        return Ok(Err(refusal));
    }
    let before: Vec<Staged> =
        staged::of_upload(tx, open.id).await?.into_iter().filter(|object| object.key != *key).collect();
    discard_all(tx, &before, 0).await?;
    account::add_used(tx, owner, stored.size as i64 - open.bytes as i64).await?;
    upload::set_bytes(tx, open.id, stored.size).await?;
    Ok(Ok(()))
}
