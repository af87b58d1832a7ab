//! The tree as a caller with rights sees it: files, folders and what lies in them; making and naming.

use uuid::Uuid;

use super::{
    Engine, access,
    error::{Error, Result},
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{
        Caller, Clash, ContentQuery, FileInfo, FolderInfo, Item, NewFolder, NodeId, NodeName, NodeRef, Page, Presence,
        Rights,
    },
    store::{Conn, folder, node},
};

impl Engine {
    /// What a reference names, if the caller has these rights on it.
    ///
    /// # Errors
    /// `NotFound`: not there, or hidden by itself or by something above it; `Forbidden`: it is there, and the caller
    /// lacks the right.
    pub async fn item(&self, caller: &Caller, node: NodeRef, wants: Rights) -> Result<Item> {
        let mut conn = self.store.read().await?;
        show_one(&mut conn, caller, node, wants, self.clock.micros()).await
    }

    /// As [`Self::item`], of a file.
    ///
    /// # Errors
    /// As there; a folder is `NotFound`.
    pub async fn file_for(&self, caller: &Caller, node: NodeRef, wants: Rights) -> Result<FileInfo> {
        match self.item(caller, node, wants).await? {
            Item::File(file) => Ok(file),
            Item::Folder(_) => Err(Error::NotFound),
        }
    }

    /// As [`Self::item`], of a folder.
    ///
    /// # Errors
    /// As there; a file is `NotFound`.
    pub async fn folder_for(&self, caller: &Caller, node: NodeRef, wants: Rights) -> Result<FolderInfo> {
        match self.item(caller, node, wants).await? {
            Item::Folder(folder) => Ok(folder),
            Item::File(_) => Err(Error::NotFound),
        }
    }

    /// Whether a file or folder is there at all, whoever asks; the caller of this says no more than the contract lets.
    ///
    /// # Errors
    /// Only faults.
    pub async fn presence(&self, uid: Uuid, is_folder: bool) -> Result<Presence> {
        let _ = (uid, is_folder);
        Err(super::unbuilt())
    }

    /// A folder and a page of its live content: folders before files. Needs [`Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn content_of(
        &self,
        caller: &Caller,
        folder: NodeRef,
        query: ContentQuery,
    ) -> Result<(FolderInfo, Page<Item>)> {
        let _ = (caller, folder, query);
        Err(super::unbuilt())
    }

    /// How many live children each of these folders has, in their order.
    ///
    /// # Errors
    /// Only faults.
    pub async fn child_counts(&self, folders: &[NodeId]) -> Result<Vec<u64>> {
        let _ = folders;
        Err(super::unbuilt())
    }

    /// Makes a folder. Needs [`Rights::WRITE`] on the one above it.
    ///
    /// # Errors
    /// As [`Self::item`]; `NameTaken`; `TooDeep`: beyond 100.
    pub async fn make_folder(&self, caller: &Caller, new: NewFolder) -> Result<FolderInfo> {
        let _ = (caller, new);
        Err(super::unbuilt())
    }

    /// Renames a file or folder, and with `description` describes a folder anew. Needs [`Rights::WRITE`]. A file that
    /// another has locked is not renamed, nor is an account's root.
    ///
    /// # Errors
    /// As [`Self::item`]; `NameTaken`; `Locked`.
    pub async fn rename(
        &self,
        caller: &Caller,
        node: NodeRef,
        name: Option<NodeName>,
        description: Option<String>,
        clash: Clash,
    ) -> Result<Item> {
        let _ = (caller, node, name, description, clash);
        Err(super::unbuilt())
    }
}

/// A live node as the caller sees it; also inside the transaction that has just changed it.
pub(super) async fn show_one(conn: &mut Conn, caller: &Caller, node: NodeRef, wants: Rights, now: i64) -> Result<Item> {
    let reached = access::open(conn, caller, node, wants, now).await?;
    let viewer = Viewer::By(caller);
    let shown = match reached.is_folder {
        true => {
            let rows = folder::folders(conn, &[reached.id]).await?;
            show::folders(conn, rows, viewer, Hidden::LeftOut, now).await?.pop().map(Item::Folder)
        }
        false => {
            let rows = node::files(conn, &[reached.id], now).await?;
            show::files(conn, rows, viewer, Hidden::LeftOut, now).await?.pop().map(Item::File)
        }
    };
    shown.ok_or(Error::NotFound)
}
