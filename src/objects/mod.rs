//! Bytes in storage, by key.
//!
//! Three rules hold for everything in here. A key is minted once and never used again, so nothing is ever overwritten.
//! Bytes count as stored, and as gone, only once that would outlive a power cut. And nothing is believed of a storage
//! that is not there: a missing object counts as gone only where the installation's own object shows that we look at
//! the right place, so that an unmounted disk is a failure and not a success.

mod disk;
mod key;

use bytes::Bytes;
use futures_util::stream::BoxStream;

pub(crate) use disk::Disk;
pub(crate) use key::{KeyMint, ObjectKey};

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
}

/// What became of one object that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Storage has confirmed that it is not there, and that outlives a power cut.
    Gone,
    /// Still there, or nobody knows; the text is for operators.
    Failed(String),
}
