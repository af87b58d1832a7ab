//! Bytes in storage, by key.
//!
//! Three rules hold for everything in here. A key is minted once and never used again, so nothing is ever overwritten.
//! Bytes count as stored, and as gone, only once that would outlive a power cut. And nothing is believed of a storage
//! that is not there: a missing object counts as gone only where the installation's own object shows that we look at
//! the right place, so that an unmounted disk is a failure and not a success.

mod disk;
mod key;
mod s3;

use std::{path::PathBuf, time::Duration};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use uuid::Uuid;

use disk::Disk;
pub(crate) use key::{KeyMint, ObjectKey};
use s3::S3;
pub(crate) use s3::Unfinished;

use crate::fault::Faults;

/// The one object that belongs to no file: it names the installation whose objects these are.
const MARKER: &str = "unfile-installation";

/// Where objects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectsAt {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of an S3 store, all keys below a prefix. How to reach the store stands in the `AWS_*` variables.
    Bucket {
        bucket: String,
        /// Without `/` at either end; empty for the whole bucket.
        prefix: String,
    },
}

/// Bytes on their way. An item that is an error means that the sender broke off.
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// What is known of an object once it is durably stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
    pub(crate) md5: [u8; 16],
    /// The store's own name of this version of the object, where it keeps versions.
    pub(crate) version: Option<String>,
}

/// An object to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) key: ObjectKey,
    /// As [`Stored::version`]; `None` where that is not known, or there are none.
    pub(crate) version: Option<String>,
}

/// Whether a store keeps what is overwritten or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioning {
    Off,
    /// Also while it is suspended: what was kept before is still there.
    On,
}

/// Why bytes were not stored. What had arrived of them is removed, or stands under the key until the purge of its
/// staged row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    #[error("more bytes came than allowed")]
    TooLarge,
    #[error("the sender broke off")]
    BrokenOff(#[source] std::io::Error),
    #[error("storage is full")]
    Full,
    #[error("storage failed")]
    Failed(#[source] anyhow::Error),
    /// Nobody knows what became of it: the bytes may still appear under the key, also after a purge of it.
    #[error("storage gave no answer")]
    Unclear(#[source] anyhow::Error),
}

/// What became of one object that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Storage has confirmed that it is not there, and that outlives a power cut.
    Gone,
    /// Still there, or nobody knows; the text is for operators.
    Failed(String),
}

/// The objects of an installation.
#[derive(Debug, Clone)]
pub(crate) enum Objects {
    Disk(Disk),
    S3(S3),
}

impl Objects {
    /// Nothing is looked at yet.
    ///
    /// # Errors
    /// What the environment says of the store cannot be.
    pub(crate) fn new(at: ObjectsAt, installation: &str, faults: Faults) -> anyhow::Result<Self> {
        Ok(match at {
            ObjectsAt::Folder(root) => Objects::Disk(Disk::new(root, installation, faults)),
            ObjectsAt::Bucket { bucket, prefix } => Objects::S3(S3::new(&bucket, &prefix, installation, faults)?),
        })
    }

    /// Makes the place, unless there is one: only for an installation that never stored anything.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) async fn make(&self) -> anyhow::Result<()> {
        match self {
            Objects::Disk(disk) => disk.make(),
            Objects::S3(s3) => s3.make().await,
        }
    }

    /// Whether storage is there and is this installation's.
    ///
    /// # Errors
    /// It is not; the text says what was found.
    pub(crate) async fn is_ours(&self) -> anyhow::Result<()> {
        match self {
            Objects::Disk(disk) => {
                // Storage may hang: no worker thread waits for it.
                let disk = disk.clone();
                tokio::task::spawn_blocking(move || disk.is_ours()).await?
            }
            Objects::S3(s3) => s3.is_ours().await,
        }
    }

    /// Whether bytes may still be stored after their sender has died, or has heard no answer. A process that writes to
    /// its own disk takes the rest with it.
    pub(crate) fn may_land_late(&self) -> bool {
        match self {
            Objects::Disk(_) => false,
            Objects::S3(_) => true,
        }
    }

    /// Whether clients put the bytes of uploads into the store by themselves.
    pub(crate) fn takes_uploads(&self) -> bool {
        match self {
            Objects::Disk(_) => false,
            Objects::S3(_) => true,
        }
    }

    /// Finds out at the start what the store can do, and whether this program may do what it has to.
    ///
    /// # Errors
    /// One line: no such bucket, no right to list, write or delete, clocks that differ.
    pub(crate) async fn probe(&self) -> anyhow::Result<Versioning> {
        match self {
            Objects::Disk(_) => Ok(Versioning::Off),
            Objects::S3(s3) => s3.probe().await,
        }
    }

    /// Stores at most `limit` bytes under a fresh key; they are durable when this returns.
    ///
    /// # Errors
    /// [`PutError`].
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: ByteStream, limit: u64) -> Result<Stored, PutError> {
        match self {
            Objects::Disk(disk) => disk.put(key, bytes, limit).await,
            Objects::S3(s3) => s3.put(key, bytes, limit).await,
        }
    }

    /// The object's bytes. On disk, reading goes on to the end even if the object is purged meanwhile.
    ///
    /// # Errors
    /// The object is not there: a broken promise, or storage that is away.
    pub(crate) async fn read(&self, key: &ObjectKey) -> anyhow::Result<ByteStream> {
        match self {
            Objects::Disk(disk) => disk.read(key).await,
            Objects::S3(s3) => s3.read(key).await,
        }
    }

    /// So many of the object's bytes, from an offset on; fewer where it ends before. Otherwise as [`Self::read`].
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn read_part(&self, key: &ObjectKey, first: u64, length: u64) -> anyhow::Result<ByteStream> {
        match self {
            Objects::Disk(disk) => disk.read_part(key, first, length).await,
            Objects::S3(s3) => s3.read_part(key, first, length).await,
        }
    }

    /// Where a client puts the bytes of an upload itself, bound to the content type, for `life` from now on. `None`: on
    /// disk only this server writes.
    pub(crate) async fn presign(
        &self,
        upload: Uuid,
        content_type: &str,
        life: Duration,
    ) -> anyhow::Result<Option<String>> {
        match self {
            Objects::Disk(_) => Ok(None),
            Objects::S3(s3) => s3.presign(upload, content_type, life).await.map(Some),
        }
    }

    /// Copies what a client has put for an upload to a fresh key, and hashes the copy. `None`: there are no bytes.
    ///
    /// # Errors
    /// [`PutError`]; `TooLarge` is found before a byte is copied.
    pub(crate) async fn adopt(&self, upload: Uuid, key: &ObjectKey, limit: u64) -> Result<Option<Stored>, PutError> {
        match self {
            Objects::Disk(_) => Ok(None),
            Objects::S3(s3) => s3.adopt(upload, key, limit).await,
        }
    }

    /// Removes objects, at most 1,000; the answers stand in the order of the targets. What is not done within `time` is
    /// left, and said to have failed.
    pub(crate) async fn delete(&self, targets: &[Target], time: Duration) -> Vec<Removal> {
        match self {
            Objects::Disk(disk) => {
                let keys: Vec<ObjectKey> = targets.iter().map(|target| target.key.clone()).collect();
                disk.delete(&keys, time).await
            }
            Objects::S3(s3) => s3.delete(targets, time).await,
        }
    }

    /// The uploads for which clients have put anything themselves, in order, after one of them; at most `limit`.
    ///
    /// # Errors
    /// The list cannot be had.
    pub(crate) async fn uploads(&self, after: Option<Uuid>, limit: usize) -> anyhow::Result<Vec<Uuid>> {
        match self {
            Objects::Disk(_) => Ok(Vec::new()),
            Objects::S3(s3) => s3.uploads(after, limit).await,
        }
    }

    /// Removes all that clients have put for an upload.
    pub(crate) async fn remove_upload(&self, upload: Uuid, time: Duration) -> Removal {
        match self {
            Objects::Disk(_) => Removal::Gone,
            Objects::S3(s3) => s3.remove_upload(upload, time).await,
        }
    }

    /// Objects that are being written in parts, or were left so by a process that died.
    ///
    /// # Errors
    /// The list cannot be had.
    pub(crate) async fn multiparts(&self) -> anyhow::Result<Vec<Unfinished>> {
        match self {
            Objects::Disk(_) => Ok(Vec::new()),
            Objects::S3(s3) => s3.multiparts().await,
        }
    }

    /// Drops the parts of an object that will not be finished.
    ///
    /// # Errors
    /// They may still be there.
    pub(crate) async fn abort(&self, unfinished: &Unfinished) -> anyhow::Result<()> {
        match self {
            Objects::Disk(_) => Ok(()),
            Objects::S3(s3) => s3.abort(unfinished).await,
        }
    }
}
