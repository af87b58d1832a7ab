//! The tree as a caller with rights sees it: files, folders and what lies in them; making and naming.

use uuid::Uuid;

use super::{
    Engine, access,
    error::{Error, Result, can_be_kept},
    name,
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{Caller, Clash, FileInfo, FolderInfo, Item, NewFolder, NodeId, NodeName, NodeRef, Presence, Rights},
    store::{self, Conn, Tx, folder, node, trash},
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
        let mut conn = self.store.read().await?;
        let Some(found) = node::by_uid(&mut conn, uid).await?.filter(|found| found.is_folder == is_folder) else {
            return Ok(Presence::Missing);
        };
        let Some(start) = (if is_folder { Some(found.id) } else { found.parent }) else { return Ok(Presence::Missing) };
        let way = folder::ways_up(&mut conn, [start]).await?.remove(&start).unwrap_or_default();
        Ok(match found.state {
            1 if way.visible => Presence::Live,
            1 => trashed_by(&mut conn, way.trashed).await?,
            2 => trashed_by(&mut conn, Some(found.id)).await?,
            _ => Presence::Missing,
        })
    }

    /// How many live children each of these folders has, in their order.
    ///
    /// # Errors
    /// Only faults.
    pub async fn child_counts(&self, folders: &[NodeId]) -> Result<Vec<u64>> {
        let mut conn = self.store.read().await?;
        let counts = folder::child_counts(&mut conn, folders.iter().map(|folder| folder.0)).await?;
        Ok(folders.iter().map(|folder| counts.get(&folder.0).copied().unwrap_or(0)).collect())
    }

    /// Makes a folder. Needs [`Rights::WRITE`] on the one above it.
    ///
    /// # Errors
    /// As [`Self::item`]; `NameTaken`; `TooDeep`: beyond 100; `Invalid`: the description.
    pub async fn make_folder(&self, caller: &Caller, new: NewFolder) -> Result<FolderInfo> {
        can_be_kept(&new.description)?;
        let caller = caller.clone();
        self.committer.write("folder.make", async move |tx: &mut Tx| make(tx, &caller, &new).await).await
    }

    /// Renames a file or folder, and with `description` describes a folder anew. Needs [`Rights::WRITE`]. A file that
    /// another has locked is not renamed, nor is an account's root (`Forbidden`); one that is open for editing is.
    ///
    /// # Errors
    /// As [`Self::item`]; `NameTaken`; `Locked`; `Invalid`: the description.
    pub async fn rename(
        &self,
        caller: &Caller,
        node: NodeRef,
        name: Option<NodeName>,
        description: Option<String>,
        clash: Clash,
    ) -> Result<Item> {
        can_be_kept(description.as_deref().unwrap_or_default())?;
        let caller = caller.clone();
        let name = name.map(|name| name.as_str().to_owned());
        self.committer
            .write("node.rename", async move |tx: &mut Tx| {
                rename(tx, &caller, node, name.as_deref(), description.as_deref(), clash).await
            })
            .await
    }
}

/// What lies in an emptied trash is as good as destroyed.
async fn trashed_by(conn: &mut Conn, node: Option<i64>) -> Result<Presence> {
    let standing = trash::of_nodes(conn, node).await?;
    Ok(if standing.is_empty() { Presence::Missing } else { Presence::InTrash })
}

/// Folders lie so deep at the most; an account's root is 0 deep.
pub(super) const DEEPEST: i64 = 100;

async fn make(tx: &mut Tx, caller: &Caller, new: &NewFolder) -> Result<FolderInfo> {
    let now = tx.now;
    let above = access::open(tx, caller, new.parent, Rights::WRITE, now).await?;
    if !above.is_folder {
        return Err(Error::NotFound);
    }
    let depth = above.way.depth() + 1;
    if depth > DEEPEST {
        return Err(Error::TooDeep);
    }
    let name = name::settle(tx, above.id, new.name.as_str(), true, new.clash, None).await?;
    let creator = access::actor(caller, above.owner);
    let id = folder::insert(tx, above.owner, Some(above.id), depth, &name, creator).await?;
    if !new.description.is_empty() {
        folder::describe(tx, id, &new.description).await?;
    }
    let added: Vec<(i64, i64, i64, i64)> = above.way.ids.iter().map(|&id| (id, 0, 1, 0)).collect();
    folder::change_totals(tx, &store::rows(&added)).await?;
    match show_one(tx, caller, NodeRef::FolderId(id), Rights::NONE, now).await? {
        Item::Folder(folder) => Ok(folder),
        Item::File(_) => Err(Error::NotFound),
    }
}

async fn rename(
    tx: &mut Tx,
    caller: &Caller,
    node: NodeRef,
    name: Option<&str>,
    description: Option<&str>,
    clash: Clash,
) -> Result<Item> {
    let now = tx.now;
    let reached = access::open(tx, caller, node, Rights::WRITE, now).await?;
    let Some(parent) = reached.parent else { return Err(Error::Forbidden) };
    let shown = show_one(tx, caller, reached.node(), Rights::NONE, now).await?;
    if let Item::File(FileInfo { lock: Some(lock), .. }) = &shown
        && lock.by.id != caller.account
    {
        return Err(Error::Locked);
    }
    let name = match name {
        Some(name) => name::settle(tx, parent, name, reached.is_folder, clash, Some(reached.id)).await?,
        None => shown.name().to_owned(),
    };
    node::rename(tx, reached.id, &name, access::actor(caller, reached.owner)).await?;
    if let (Some(description), true) = (description, reached.is_folder) {
        folder::describe(tx, reached.id, description).await?;
    }
    show_one(tx, caller, reached.node(), Rights::NONE, now).await
}

/// A live node as the caller sees it; also inside the transaction that has just changed it.
pub(super) async fn show_one(conn: &mut Conn, caller: &Caller, node: NodeRef, wants: Rights, now: i64) -> Result<Item> {
    let reached = access::open(conn, caller, node, wants, now).await?;
    let one = [(reached.id, reached.is_folder)];
    show::items(conn, &one, Viewer::By(caller), Hidden::LeftOut, now).await?.pop().ok_or(Error::NotFound)
}
