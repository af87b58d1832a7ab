//! Bytes in storage, by key.
//!
//! Three rules hold for everything in here. A key is minted once and never used again, so nothing is ever overwritten.
//! Bytes count as stored, and as gone, only once that would outlive a power cut. And nothing is believed of a storage
//! that is not there: a missing object counts as gone only where the installation's own object shows that we look at
//! the right place, so that an unmounted disk is a failure and not a success.

mod disk;
mod hashes;
mod key;
mod s3;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use uuid::Uuid;

use disk::Disk;
pub use key::{KeyMint, ObjectKey};
pub use s3::Unfinished;
use s3::{Place, S3};

use crate::fault::Faults;

/// The one object that belongs to no file: it names the installation whose objects these are.
pub(crate) const MARKER: &str = "unfile-installation";

/// Behind the installation's name as long as its objects are still being copied there: no server takes that for its own.
pub(crate) const NOT_ALL_THERE: &str = ", not all there yet";

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
pub struct Stored {
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    pub md5: [u8; 16],
    /// The store's own name of this version of the object, where it keeps versions.
    pub version: Option<String>,
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Bytes.
    pub(crate) size: u64,
    /// As [`Stored::version`].
    pub(crate) version: Option<String>,
}

/// An object to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub key: ObjectKey,
    /// As [`Stored::version`]; `None` where that is not known, or there are none.
    pub version: Option<String>,
}

/// Whether a store keeps what is overwritten or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    Off,
    /// Also while it is suspended: what was kept before is still there.
    On,
}

/// Why bytes were not stored. What had arrived of them is removed, or stands under the key until the purge of its
/// staged row.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
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
pub enum Removal {
    /// Storage has confirmed that it is not there, and that outlives a power cut.
    Gone,
    /// Still there, or nobody knows; the text is for operators.
    Failed(String),
}

/// The objects of an installation.
#[derive(Debug, Clone)]
pub enum Objects {
    Disk(Disk),
    S3(S3),
}

impl Objects {
    /// Nothing is looked at yet.
    ///
    /// # Errors
    /// What the environment says of the store cannot be.
    pub fn new(at: ObjectsAt, installation: &str, faults: Faults) -> anyhow::Result<Self> {
        let utf8 = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self::with_environment(at, installation, faults, std::env::vars_os().filter_map(utf8))
    }

    /// As [`Self::new`], with other variables than those of this process.
    ///
    /// # Errors
    /// As there.
    pub fn with_environment(
        at: ObjectsAt,
        installation: &str,
        faults: Faults,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        Ok(match at {
            ObjectsAt::Folder(root) => Objects::Disk(Disk::new(root, installation, faults)),
            ObjectsAt::Bucket { bucket, prefix } => {
                let place = Place::new(&bucket, variables)?;
                Objects::S3(S3::new(place, &prefix, installation, faults))
            }
        })
    }

    /// Makes the place, unless there is one: only for an installation that never stored anything.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn make(&self) -> anyhow::Result<()> {
        match self {
            Objects::Disk(disk) => disk.make(),
            Objects::S3(s3) => s3.make().await,
        }
    }

    /// Whether storage is there and is this installation's.
    ///
    /// # Errors
    /// It is not; the text says what was found.
    pub async fn is_ours(&self) -> anyhow::Result<()> {
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
    pub async fn probe(&self) -> anyhow::Result<()> {
        match self {
            Objects::Disk(_) => Ok(()),
            Objects::S3(s3) => s3.probe().await,
        }
    }

    /// Whether the store keeps what is overwritten or deleted, as far as it has said so.
    pub fn keeps_versions(&self) -> bool {
        match self {
            Objects::Disk(_) => false,
            Objects::S3(s3) => s3.versioning_known() == Some(Versioning::On),
        }
    }

    /// Stores at most `limit` bytes under a fresh key; they are durable when this returns.
    ///
    /// # Errors
    /// [`PutError`].
    pub async fn put(&self, key: &ObjectKey, bytes: ByteStream, limit: u64) -> Result<Stored, PutError> {
        match self {
            Objects::Disk(disk) => disk.put(key, bytes, limit).await,
            Objects::S3(s3) => s3.put(key, bytes, limit).await,
        }
    }

    /// What is known of an object that may be there.
    ///
    /// # Errors
    /// Storage does not say.
    pub(crate) async fn find(&self, key: &ObjectKey) -> anyhow::Result<Option<Found>> {
        match self {
            Objects::Disk(disk) => disk.find(key).await,
            Objects::S3(s3) => s3.find(key).await,
        }
    }

    /// At most so many objects in the order of their keys, behind one key, with their sizes in bytes.
    ///
    /// # Errors
    /// Storage does not say.
    pub(crate) async fn list(&self, behind: Option<&ObjectKey>, limit: usize) -> anyhow::Result<Vec<(ObjectKey, u64)>> {
        match self {
            Objects::Disk(disk) => disk.list(behind, limit).await,
            Objects::S3(s3) => s3.list(behind, limit).await,
        }
    }

    /// The object's bytes. On disk, reading goes on to the end even if the object is purged meanwhile.
    ///
    /// # Errors
    /// The object is not there: a broken promise, or storage that is away.
    pub async fn read(&self, key: &ObjectKey) -> anyhow::Result<ByteStream> {
        match self {
            Objects::Disk(disk) => disk.read(key).await,
            Objects::S3(s3) => s3.read(key).await,
        }
    }

    /// So many of the object's bytes, from an offset on; fewer where it ends before. Otherwise as [`Self::read`].
    ///
    /// # Errors
    /// As there.
    pub async fn read_part(&self, key: &ObjectKey, first: u64, length: u64) -> anyhow::Result<ByteStream> {
        match self {
            Objects::Disk(disk) => disk.read_part(key, first, length).await,
            Objects::S3(s3) => s3.read_part(key, first, length).await,
        }
    }

    /// Where a client puts the bytes of an upload itself, bound to the content type, for `life` from now on. `None`: on
    /// disk only this server writes.
    pub async fn presign(&self, upload: Uuid, content_type: &str, life: Duration) -> anyhow::Result<Option<String>> {
        match self {
            Objects::Disk(_) => Ok(None),
            Objects::S3(s3) => s3.presign(upload, content_type, life).await.map(Some),
        }
    }

    /// Copies what a client has put for an upload to a fresh key, and hashes the copy. `None`: there are no bytes.
    ///
    /// # Errors
    /// [`PutError`]; `TooLarge` is found before a byte is copied.
    pub async fn adopt(&self, upload: Uuid, key: &ObjectKey, limit: u64) -> Result<Option<Stored>, PutError> {
        match self {
            Objects::Disk(_) => Ok(None),
            Objects::S3(s3) => s3.adopt(upload, key, limit).await,
        }
    }

    /// Removes objects; the answers stand in the order of the targets. What is not done within `time` is left, and said
    /// to have failed.
    pub async fn delete(&self, targets: &[Target], time: Duration) -> Vec<Removal> {
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
    pub async fn uploads(&self, after: Option<Uuid>, limit: usize) -> anyhow::Result<Vec<Uuid>> {
        match self {
            Objects::Disk(_) => Ok(Vec::new()),
            Objects::S3(s3) => s3.uploads(after, limit).await,
        }
    }

    /// Removes all that clients have put for an upload.
    pub async fn remove_upload(&self, upload: Uuid, time: Duration) -> Removal {
        match self {
            Objects::Disk(_) => Removal::Gone,
            Objects::S3(s3) => s3.remove_upload(upload, time).await,
        }
    }

    /// Objects that are being written in parts, or were left so by a process that died.
    ///
    /// # Errors
    /// The list cannot be had.
    pub async fn multiparts(&self) -> anyhow::Result<Vec<Unfinished>> {
        match self {
            Objects::Disk(_) => Ok(Vec::new()),
            Objects::S3(s3) => s3.multiparts().await,
        }
    }

    /// Drops the parts of an object that will not be finished.
    ///
    /// # Errors
    /// They may still be there.
    pub async fn abort(&self, unfinished: &Unfinished) -> anyhow::Result<()> {
        match self {
            Objects::Disk(_) => Ok(()),
            Objects::S3(s3) => s3.abort(unfinished).await,
        }
    }
}
