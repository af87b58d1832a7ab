//! Uploads: from the first announcement to the commit that shows a file.
//!
//! The order is always the same. A row names the object before its first byte is stored, so that a crash leaves nothing
//! that nobody knows of; the bytes are durable before a row shows them; and every key is fresh, so that what arrives
//! late can only land where no reader looks. What an upload announces or holds counts in its owner's quota until the
//! file takes over or the upload ends.

mod adopt;
mod content;
mod direct;
mod slot;
mod transfer;

use std::time::Duration;

use uuid::Uuid;

pub(super) use transfer::end_transfer;

use super::{
    ByteStream, Engine,
    error::{Error, Result},
    show,
};
use crate::{
    model::{Account, AccountId, FileInfo, NodeId, Person, Rights},
    objects::{ObjectKey, PutError, Stored},
    store::{
        self, Tx, account,
        folder::{self, Home, WayUp},
        node::{self, NewNode},
        purge,
        staged::{self, Staged},
        upload::{self, Upload},
    },
};

/// An upload that was not finished lives this long.
pub(super) const UPLOAD_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long an object store may take to store what was sent to it by a server that has died since, or that heard no
/// answer: stores end such requests within a minute or so. Bytes that land later would belong to nobody.
pub(super) const LANDS_FOR: Duration = Duration::from_secs(120);
/// One object of one upload, bytes.
const LARGEST_OBJECT: u64 = 5 * 1024 * 1024 * 1024;

impl Engine {
    /// Uploads are refused while the disk has no room to spare.
    pub(super) fn room(&self) -> Result<()> {
        match self.reserve.is_given_up() {
            true => Err(Error::StorageFull),
            false => Ok(()),
        }
    }

    /// Writes an object that a staged row names. If that fails, the row and what there is of the object are given up.
    pub(super) async fn write_object(
        &self,
        owner: AccountId,
        key: &ObjectKey,
        bytes: ByteStream,
        limit: u64,
    ) -> Result<Stored> {
        match self.objects.put(key, bytes, limit).await {
            Ok(stored) => {
                self.faults.hit("upload.written")?;
                Ok(stored)
            }
            Err(error) => {
                self.give_up_after(owner, key, self.lands_after(&error)).await;
                Err(not_stored(error))
            }
        }
    }

    /// What became of a stored object when it was to be put into its place; the inner result is the client's. If even
    /// that could not be written, it is given up, so that it takes no space until the sweep; where it was written after
    /// all, that changes nothing.
    async fn kept<T>(&self, owner: AccountId, key: &ObjectKey, kept: Result<Result<T>>) -> Result<T> {
        match kept {
            Ok(Ok(kept)) => Ok(kept),
            Ok(Err(refusal)) => {
                // The object was discarded in that commit.
                self.wake_purge.notify_one();
                Err(refusal)
            }
            Err(error) => {
                self.give_up(owner, key).await;
                Err(error)
            }
        }
    }

    /// Queues an object that will not become a version, together with forgetting its staged row.
    pub(super) async fn give_up(&self, owner: AccountId, key: &ObjectKey) {
        self.give_up_after(owner, key, 0).await;
    }

    /// How long the bytes of a put whose sender is gone may still land, microseconds.
    pub(super) fn lands_for(&self) -> i64 {
        if self.objects.may_land_late() { LANDS_FOR.as_micros() as i64 } else { 0 }
    }

    /// The same after a put that failed: whoever does not know how it has ended may see its bytes land yet.
    fn lands_after(&self, error: &PutError) -> i64 {
        match error {
            PutError::Unclear(_) => self.lands_for(),
            PutError::TooLarge | PutError::BrokenOff(_) | PutError::Full | PutError::Failed(_) => 0,
        }
    }

    /// As [`Self::give_up`], to be purged only after a pause, microseconds.
    async fn give_up_after(&self, owner: AccountId, key: &ObjectKey, pause: i64) {
        let key = key.clone();
        let given_up = self
            .committer
            .write_freeing("upload.give_up", async move |tx: &mut Tx| give_up(tx, owner, &key, pause).await)
            .await;
        match given_up {
            Ok(()) => self.wake_purge.notify_one(),
            // The row stays, and with it the sweep's knowledge of the object.
            Err(error) => tracing::warn!(error = format!("{error:#}"), "a staged object could not be given up"),
        }
    }
}

fn not_stored(error: PutError) -> Error {
    match error {
        PutError::TooLarge => Error::TooLarge,
        PutError::BrokenOff(_) => Error::BodyBrokenOff,
        PutError::Full => Error::StorageFull,
        PutError::Failed(error) | PutError::Unclear(error) => Error::Internal(error),
    }
}

/// Discards an object, unless it found its place; it is purged after a pause, microseconds.
pub(super) async fn give_up(tx: &mut Tx, owner: AccountId, key: &ObjectKey, pause: i64) -> Result<()> {
    let not_before = tx.now + pause;
    if staged::remove_unwritten(tx, key).await? {
        purge::queue_objects(tx, &[(key.as_str().to_owned(), owner.0, 0)], not_before).await?;
    } else if !staged::is_named(tx, key).await? {
        // Another server has taken this one for dead. What it has queued may be done already.
        queue_again(tx, owner, key, 0, not_before).await?;
    }
    Ok(())
}

/// Forgets a staged object and queues its purge.
async fn discard(tx: &mut Tx, owner: AccountId, key: &ObjectKey, size: u64) -> Result<()> {
    let now = tx.now;
    queue_again(tx, owner, key, size, now).await?;
    staged::remove(tx, std::slice::from_ref(key)).await?;
    Ok(())
}

/// Queues the purge of an object that may stand in the queue since before it was written.
async fn queue_again(tx: &mut Tx, owner: AccountId, key: &ObjectKey, size: u64, not_before: i64) -> Result<()> {
    if let Some(early) = purge::drop_early(tx, key).await? {
        account::take_from_purging(tx, &store::rows(&[early])).await?;
    }
    purge::queue_objects(tx, &[(key.as_str().to_owned(), owner.0, size as i64)], not_before).await?;
    Ok(())
}

/// Forgets staged objects and queues their purge after a pause, microseconds.
async fn discard_all(tx: &mut Tx, objects: &[Staged], pause: i64) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let keys: Vec<ObjectKey> = objects.iter().map(|object| object.key.clone()).collect();
    let queued: Vec<(String, i64, i64)> =
        objects.iter().map(|object| (object.key.as_str().to_owned(), object.account.0, object.size as i64)).collect();
    let not_before = tx.now + pause;
    purge::queue_objects(tx, &queued, not_before).await?;
    staged::remove(tx, &keys).await?;
    Ok(())
}

/// Ends an upload that does not become a file: its bytes leave the quota, its objects are queued, its uid is spent.
pub(super) async fn end(tx: &mut Tx, upload: &Upload) -> Result<()> {
    let stored = staged::of_upload(tx, upload.id).await?;
    discard_all(tx, &stored, 0).await?;
    staged::orphan_unwritten(tx, upload.id).await?;
    account::add_used(tx, upload.owner, -(upload.bytes as i64)).await?;
    node::spend_uids(tx, &[upload.uid.to_string()]).await?;
    upload::remove(tx, &[upload.id]).await?;
    Ok(())
}

/// Forgets staged objects whose writers are gone, ends the uploads that went with them, and queues the objects' purge
/// after a pause, microseconds. Gives their number.
pub(super) async fn end_abandoned(tx: &mut Tx, begun_before: i64, limit: i64, pause: i64) -> Result<usize> {
    let now = tx.now;
    let abandoned = staged::abandoned(tx, begun_before, now, limit).await?;
    discard_all(tx, &abandoned, pause).await?;
    let uploads: Vec<i64> = abandoned.iter().filter_map(|object| object.upload).collect();
    for upload in upload::direct_of(tx, &uploads).await? {
        end(tx, &upload).await?;
    }
    Ok(abandoned.len())
}

/// Takes `more` bytes into an account's quota, or refuses; gives the account as others see it.
pub(super) async fn reserve_quota(tx: &mut Tx, owner: AccountId, more: u64) -> Result<Person> {
    if more <= Account::ENDLESS
        && let Some(person) = account::reserve(tx, owner, more as i64).await?
    {
        return Ok(person);
    }
    let account = account_of(tx, owner).await?;
    // No bytes at all fit into any quota, also into one that was lowered below what is used.
    check_quota(&account, more, 0)?;
    let Account { id, uid, name, display_name, .. } = account;
    Ok(Person { id, uid, name, display_name })
}

/// Whether `size` bytes fit if `replaced` bytes that count already go for them.
pub(super) fn check_quota(account: &Account, size: u64, replaced: u64) -> Result<()> {
    if size > account.remaining().saturating_add(replaced) {
        return Err(Error::QuotaExceeded { used: account.used, quota: account.quota, size });
    }
    Ok(())
}

pub(super) async fn account_of(tx: &mut Tx, id: AccountId) -> Result<Account> {
    account::by_id(tx, id).await?.ok_or(Error::NotFound)
}

/// A folder that a file is put into.
#[derive(Clone)]
struct Place {
    folder: i64,
    depth: i64,
    /// The folder and everything above it.
    way: WayUp,
}

impl Place {
    fn of_root(folder: i64) -> Self {
        Self { folder, depth: 0, way: WayUp::of_root(folder, 1) }
    }
}

async fn root_place(tx: &mut Tx, owner: AccountId) -> Result<Place> {
    folder::root(tx, owner).await.map(Place::of_root).map_err(Error::from)
}

/// Adds files and bytes to the totals of a folder and everything above it.
async fn add_totals(tx: &mut Tx, way: &WayUp, files: i64, bytes: u64) -> Result<()> {
    let added: Vec<(i64, i64, i64, i64)> = way.ids.iter().map(|&id| (id, files, 0, bytes as i64)).collect();
    folder::change_totals(tx, &store::rows(&added)).await?;
    Ok(())
}

/// What makes a finished upload a file.
struct Finished<'a> {
    upload: &'a Upload,
    object: &'a Staged,
    name: &'a str,
    group: Option<Uuid>,
    private: bool,
    expires_at: Option<i64>,
}

impl<'a> Finished<'a> {
    fn node(&self, place: &Place) -> NewNode<'a> {
        let Self { upload, object, name, group, private, expires_at } = *self;
        NewNode {
            uid: upload.uid,
            account: upload.owner,
            parent: place.folder,
            depth: place.depth,
            name,
            creator: upload.creator,
            group,
            private,
            expires_at,
            size: object.size,
            sha256: object.sha256.as_deref().unwrap_or_default(),
            media_type: &upload.media_type,
            object_key: object.key.as_str(),
            store_version: object.store_version.as_deref(),
        }
    }
}

/// Shows a finished upload as a file. Its bytes are in the quota already.
async fn place(tx: &mut Tx, place: &Place, finished: Finished<'_>) -> Result<NodeId> {
    let id = node::insert_file(tx, &finished.node(place)).await?;
    add_totals(tx, &place.way, 1, finished.object.size).await?;
    staged::remove(tx, std::slice::from_ref(&finished.object.key)).await?;
    upload::remove(tx, &[finished.upload.id]).await?;
    Ok(id)
}

/// The same in its owner's root folder, of an upload that its owner has made.
async fn place_in_root(tx: &mut Tx, finished: Finished<'_>) -> Result<FileInfo> {
    let Home { root, owner } = folder::home(tx, finished.upload.owner).await?;
    let into = Place::of_root(root.id.0);
    let new = finished.node(&into);
    let id = place(tx, &into, finished).await?;
    let of = show::Fresh { parent: root, path: &into.way.path, creator: owner.clone(), owner, rights: Rights::ALL };
    Ok(show::fresh(id, &new, of, tx.now))
}
