//! Reading files and folders: only what is visible, only to whom it belongs.

use std::{collections::HashMap, ops::RangeInclusive};

use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::{
    ByteStream, Engine, access,
    error::{Error, Result},
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{Caller, FileInfo, FolderInfo, NodeRef, Part, Rights},
    objects::ObjectKey,
    store::{
        Conn, Tx, folder,
        node::{self, FileRow},
    },
};

/// A file's bytes on their way out, with what is known of it.
pub struct Content {
    pub file: FileInfo,
    pub extent: Extent,
    pub stream: ByteStream,
}

/// Which of a file's bytes a [`Content`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    Whole,
    /// From the first offset to the last.
    Part(RangeInclusive<u64>),
    /// None: what was asked for lies behind the end.
    Nothing,
}

impl Engine {
    /// A file of the caller's own.
    ///
    /// # Errors
    /// `NotFound`: not there, deleted, hidden by a folder above it, or somebody else's.
    pub async fn file(&self, caller: &Caller, uid: Uuid) -> Result<FileInfo> {
        let mut conn = self.store.read().await?;
        Ok(self.visible(&mut conn, uid, Some(caller)).await?.0)
    }

    /// The bytes of the current version of a file of the caller's own.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn read(&self, caller: &Caller, uid: Uuid) -> Result<Content> {
        self.current(uid, Some(caller)).await
    }

    /// The bytes of a file for whoever holds a URL that this server signed; the caller has checked the signature.
    ///
    /// # Errors
    /// `NotFound` once the file is hidden or gone.
    pub async fn read_signed(&self, uid: Uuid) -> Result<Content> {
        self.current(uid, None).await
    }

    async fn current(&self, uid: Uuid, caller: Option<&Caller>) -> Result<Content> {
        let look = || async { self.visible(&mut *self.store.read().await?, uid, caller).await };
        let (file, key) = look().await?;
        match self.content(file, &key, None).await {
            Ok(content) => Ok(content),
            // Between the two looks the file may have been deleted and purged.
            Err(error) => Err(look().await.err().unwrap_or(Error::Internal(error))),
        }
    }

    /// The bytes of one version, all or the part asked for.
    pub(super) async fn content(&self, file: FileInfo, key: &ObjectKey, part: Option<Part>) -> anyhow::Result<Content> {
        let extent = match part.map(|part| part.within(file.size)) {
            None => Extent::Whole,
            Some(Some(within)) => Extent::Part(within),
            Some(None) => Extent::Nothing,
        };
        let stream = match &extent {
            Extent::Whole => self.objects.read(key).await?,
            Extent::Part(part) => self.objects.read_part(key, *part.start(), part.end() - part.start() + 1).await?,
            Extent::Nothing => stream::empty().boxed(),
        };
        Ok(Content { file, extent, stream })
    }

    async fn visible(&self, conn: &mut Conn, uid: Uuid, caller: Option<&Caller>) -> Result<(FileInfo, ObjectKey)> {
        let now = self.clock.micros();
        let row = node::live_file(conn, uid, now).await?.ok_or(Error::NotFound)?;
        if caller.is_some_and(|caller| caller.account != row.owner) {
            return Err(Error::NotFound);
        }
        let key = ObjectKey::kept(row.object_key.clone());
        let file = show::files(conn, vec![row], Viewer::Entitled, Hidden::LeftOut, now).await?.pop();
        Ok((file.ok_or(Error::NotFound)?, key))
    }

    /// The caller's root folder.
    ///
    /// # Errors
    /// Only faults.
    pub async fn root(&self, caller: &Caller) -> Result<FolderInfo> {
        let mut conn = self.store.read().await?;
        self.own_folder(&mut conn, caller, NodeRef::Home).await
    }

    /// A folder of the caller's own.
    ///
    /// # Errors
    /// `NotFound`: not there, deleted, hidden by a folder above it, or somebody else's.
    pub async fn folder(&self, caller: &Caller, uid: Uuid) -> Result<FolderInfo> {
        let mut conn = self.store.read().await?;
        self.own_folder(&mut conn, caller, NodeRef::FolderUid(uid)).await
    }

    pub(super) async fn own_folder(&self, conn: &mut Conn, caller: &Caller, node: NodeRef) -> Result<FolderInfo> {
        let now = self.clock.micros();
        let reached = access::open(conn, caller, node, Rights::NONE, now).await?;
        if reached.owner != caller.account {
            return Err(Error::NotFound);
        }
        let rows = folder::folders(conn, &[reached.id]).await?;
        show::folders(conn, rows, Viewer::Entitled, Hidden::LeftOut, now).await?.pop().ok_or(Error::NotFound)
    }
}

/// Files that the transaction has just shown, in the order of their uids.
pub(super) async fn shown(tx: &mut Tx, uids: Vec<Uuid>) -> Result<Vec<FileInfo>> {
    let now = tx.now;
    let rows = node::live_files(tx, &uids, now).await?;
    let mut by_uid: HashMap<Uuid, FileRow> = rows.into_iter().map(|row| (row.ids.uid, row)).collect();
    let rows = uids.iter().map(|uid| by_uid.remove(uid).ok_or(Error::NotFound)).collect::<Result<_>>()?;
    show::files(tx, rows, Viewer::Entitled, Hidden::LeftOut, now).await
}

/// A text that no name can contain (see [`crate::model::NodeName`]); databases choke on some of these.
pub(super) fn is_in_no_name(text: &str) -> bool {
    text.chars().count() > 255 || text.contains(char::is_control)
}
