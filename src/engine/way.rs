//! What lies above a node: the way down to it as a caller may see it, and whether it lies in a trash.

use uuid::Uuid;

use super::{
    Engine, access,
    error::{Error, Result},
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{Caller, FolderInfo, NodeRef, Presence, Rights, TrashEntry, TrashRef},
    store::folder,
};

impl Engine {
    /// A folder and what lies above it, as far as the caller may read: the uppermost first, the folder itself last.
    /// Needs [`Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn way_to(&self, caller: &Caller, node: NodeRef) -> Result<Vec<FolderInfo>> {
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let reached = access::open(&mut conn, caller, node, Rights::READ, now).await?;
        let rows = folder::folders(&mut conn, &reached.way.ids).await?;
        let mut way = show::folders(&mut conn, rows, Viewer::By(caller), Hidden::LeftOut, now).await?;
        way.sort_by_key(|folder| folder.path.len());
        Ok(way)
    }

    /// Whether a node, or something above it, lies in a trash, whoever asks; the caller of this says no more than the
    /// contract lets.
    ///
    /// # Errors
    /// Only faults.
    pub async fn lies_in_trash(&self, node: NodeRef) -> Result<bool> {
        let is_folder = matches!(node, NodeRef::FolderId(_) | NodeRef::FolderUid(_) | NodeRef::Home);
        match self.uid_of(node).await? {
            Some(uid) => Ok(self.presence(uid, is_folder).await? == Presence::InTrash),
            None => Ok(false),
        }
    }

    /// The entry of a node that lies in the trash, itself, for who holds or owns it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn trash_entry_of(&self, caller: &Caller, node: NodeRef) -> Result<TrashEntry> {
        let uid = self.uid_of(node).await?.ok_or(Error::NotFound)?;
        self.trash_entry(caller, TrashRef::Node(uid)).await
    }

    async fn uid_of(&self, node: NodeRef) -> Result<Option<Uuid>> {
        let id = match node {
            NodeRef::FileUid(uid) | NodeRef::FolderUid(uid) => return Ok(Some(uid)),
            NodeRef::FileId(id) | NodeRef::FolderId(id) => id,
            NodeRef::Home => return Ok(None),
        };
        let known = folder::ids(&mut *self.store.read().await?, [id]).await?;
        Ok(known.get(&id).map(|ids| ids.uid))
    }
}
