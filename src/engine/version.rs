//! The versions of a file.

use super::{Engine, error::Result, file::Content};
use crate::{
    model::{Caller, FileInfo, NewContent, NodeRef, Part},
    objects::ByteStream,
};

impl Engine {
    /// Stores bytes as a new file of a folder or as the next version of a file; who may not write is refused before
    /// the first byte is read. Needs [`crate::model::Rights::WRITE`]; the bytes count to the owner of the tree. The
    /// file stands and is durable when this returns. The end of the stream is the end of the file: a sender that broke
    /// off must be an error in it.
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: the file is locked by another; `TooLarge`, `QuotaExceeded`, `StorageFull`,
    /// `BodyBrokenOff`. Nothing is kept.
    pub async fn store_content(&self, caller: &Caller, new: NewContent, bytes: ByteStream) -> Result<FileInfo> {
        let _ = (caller, new, bytes);
        Err(super::unbuilt())
    }

    /// A file's live versions, newest first. Needs [`crate::model::Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn versions(&self, caller: &Caller, file: NodeRef) -> Result<Vec<FileInfo>> {
        let _ = (caller, file);
        Err(super::unbuilt())
    }

    /// A file as one of its live versions shows it. Needs [`crate::model::Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`]; `NoVersion`.
    pub async fn file_version(&self, caller: &Caller, file: NodeRef, number: u32) -> Result<FileInfo> {
        let _ = (caller, file, number);
        Err(super::unbuilt())
    }

    /// The bytes of a file, of its current version or another live one; all, or the part asked for. Needs
    /// [`crate::model::Rights::DOWNLOAD`]. With `trash` also a file that lies in the trash, itself, for the entry's
    /// holder.
    ///
    /// # Errors
    /// As [`Self::item`]; `NoVersion`.
    pub async fn read_for(
        &self,
        caller: &Caller,
        file: NodeRef,
        number: Option<u32>,
        part: Option<Part>,
        trash: bool,
    ) -> Result<Content> {
        let _ = (caller, file, number, part, trash);
        Err(super::unbuilt())
    }

    /// Makes the content of an older version the newest one, as a further version with bytes of its own. Needs
    /// [`crate::model::Rights::WRITE`].
    ///
    /// # Errors
    /// As [`Self::store_content`]; `NoVersion`.
    pub async fn promote_version(&self, caller: &Caller, file: NodeRef, number: u32) -> Result<FileInfo> {
        let _ = (caller, file, number);
        Err(super::unbuilt())
    }
}
