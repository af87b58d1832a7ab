//! Rows of files and folders, made into what a caller is shown: with the people, the place and the rights that belong
//! to them. What is hidden by something above it is left out.

use std::collections::{HashMap, HashSet};

use super::{
    access::{Above, Grants},
    error::Result,
};
use crate::{
    clock::from_micros,
    model::{AccountId, Caller, FileInfo, FolderInfo, Item, Lock, NodeId, NodeIds, Person, Rights},
    store::{
        Conn, account,
        folder::{self, FolderRow, WayUp},
        node::{self, FileRow, NewNode},
    },
};

/// Who looks.
#[derive(Clone, Copy)]
pub(super) enum Viewer<'a> {
    /// Whoever has every right already, by what was checked before.
    Entitled,
    /// A caller, shown with the rights there are; rows without the right to read are left out.
    By(&'a Caller),
}

/// Whether rows below a trash are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    LeftOut,
    /// For the trash's own calls, which have checked whose it is.
    Shown,
}

/// Files, in the order of their rows.
pub(super) async fn files(
    conn: &mut Conn,
    rows: Vec<FileRow>,
    viewer: Viewer<'_>,
    hidden: Hidden,
    now: i64,
) -> Result<Vec<FileInfo>> {
    let parents: HashSet<i64> = rows.iter().map(|row| row.parent).collect();
    let ways = folder::ways_up(conn, parents).await?;
    let placed = rows.into_iter().filter_map(|row| {
        let way = ways.get(&row.parent)?;
        let visible = hidden == Hidden::Shown || (way.visible && !row.trashed);
        visible.then(|| (Above::new(row.owner, row.ids.id.0, way), row))
    });
    let rows = allowed(conn, placed.collect(), viewer, now).await?;
    let people = people(conn, rows.iter().flat_map(|(_, row)| row.people())).await?;
    let known = uids(conn, rows.iter().map(|(_, row)| row.parent)).await?;
    Ok(rows.into_iter().filter_map(|(rights, row)| file(row, rights, &ways, &people, &known)).collect())
}

/// What stands around a file that was just made.
pub(super) struct Fresh<'a> {
    pub(super) owner: Person,
    pub(super) creator: Person,
    pub(super) parent: NodeIds,
    /// Folder names above it.
    pub(super) path: &'a [String],
    pub(super) rights: Rights,
}

/// A file that this transaction has made, as its maker sees it: nobody has locked, shared or held it yet.
pub(super) fn fresh(id: NodeId, new: &NewNode<'_>, of: Fresh<'_>, now: i64) -> FileInfo {
    FileInfo {
        id,
        uid: new.uid,
        name: new.name.to_owned(),
        version: 1,
        size: new.size,
        media_type: new.media_type.to_owned(),
        owner: of.owner,
        modifier: of.creator.clone(),
        creator: of.creator,
        parent: of.parent,
        group: new.group,
        path: of.path.to_vec(),
        private: new.private,
        created_at: from_micros(now),
        modified_at: from_micros(now),
        expires_at: new.expires_at.map(from_micros),
        lock: None,
        edited: false,
        held: false,
        shared: false,
        rights: of.rights,
        trashed: false,
    }
}

/// Folders, in the order of their rows.
pub(super) async fn folders(
    conn: &mut Conn,
    rows: Vec<FolderRow>,
    viewer: Viewer<'_>,
    hidden: Hidden,
    now: i64,
) -> Result<Vec<FolderInfo>> {
    let ways = folder::ways_up(conn, rows.iter().map(|row| row.ids.id.0)).await?;
    let placed = rows.into_iter().filter_map(|row| {
        let way = ways.get(&row.ids.id.0)?;
        let visible = hidden == Hidden::Shown || way.visible;
        visible.then(|| (Above::new(row.owner, row.ids.id.0, way), row))
    });
    let rows = allowed(conn, placed.collect(), viewer, now).await?;
    let people = people(conn, rows.iter().flat_map(|(_, row)| [row.owner, row.creator, row.modifier])).await?;
    let known = uids(conn, rows.iter().filter_map(|(_, row)| row.parent)).await?;
    Ok(rows.into_iter().filter_map(|(rights, row)| folder(row, rights, &ways, &people, &known)).collect())
}

/// Files and folders of both kinds together, by id.
pub(super) async fn by_id(
    conn: &mut Conn,
    ids: &[i64],
    viewer: Viewer<'_>,
    hidden: Hidden,
    now: i64,
) -> Result<HashMap<i64, Item>> {
    let rows = node::files(conn, ids, now).await?;
    let found = files(conn, rows, viewer, hidden, now).await?;
    let mut shown: HashMap<i64, Item> = found.into_iter().map(|file| (file.id.0, Item::File(file))).collect();
    let rows = folder::folders(conn, ids).await?;
    let found = folders(conn, rows, viewer, hidden, now).await?;
    shown.extend(found.into_iter().map(|folder| (folder.id.0, Item::Folder(folder))));
    Ok(shown)
}

/// Files and folders by id, each said to be a folder or not, in that order; those that are gone are left out.
pub(super) async fn items(
    conn: &mut Conn,
    nodes: &[(i64, bool)],
    viewer: Viewer<'_>,
    hidden: Hidden,
    now: i64,
) -> Result<Vec<Item>> {
    let of_kind = |folders: bool| nodes.iter().filter(move |node| node.1 == folders).map(|node| node.0);
    let (folders_asked, files_asked): (Vec<i64>, Vec<i64>) = (of_kind(true).collect(), of_kind(false).collect());
    let mut shown: HashMap<i64, Item> = HashMap::with_capacity(nodes.len());
    if !folders_asked.is_empty() {
        let rows = folder::folders(conn, &folders_asked).await?;
        let found = folders(conn, rows, viewer, hidden, now).await?;
        shown.extend(found.into_iter().map(|folder| (folder.id.0, Item::Folder(folder))));
    }
    if !files_asked.is_empty() {
        let rows = node::files(conn, &files_asked, now).await?;
        let found = files(conn, rows, viewer, hidden, now).await?;
        shown.extend(found.into_iter().map(|file| (file.id.0, Item::File(file))));
    }
    Ok(nodes.iter().filter_map(|(id, _)| shown.remove(id)).collect())
}

async fn allowed<T>(conn: &mut Conn, rows: Vec<(Above, T)>, viewer: Viewer<'_>, now: i64) -> Result<Vec<(Rights, T)>> {
    let caller = match viewer {
        Viewer::Entitled => return Ok(rows.into_iter().map(|(_, row)| (Rights::ALL, row)).collect()),
        Viewer::By(caller) => caller,
    };
    let grants = Grants::read(conn, [caller], rows.iter().map(|(above, _)| above), now).await?;
    let with_rights = rows.into_iter().map(|(above, row)| (grants.rights(caller, &above), row));
    Ok(with_rights.filter(|(rights, _)| rights.has(Rights::READ)).collect())
}

async fn people(conn: &mut Conn, ids: impl Iterator<Item = AccountId>) -> Result<HashMap<AccountId, Person>> {
    let ids: HashSet<i64> = ids.map(|id| id.0).collect();
    Ok(account::people(conn, ids).await?)
}

async fn uids(conn: &mut Conn, ids: impl Iterator<Item = i64>) -> Result<HashMap<i64, NodeIds>> {
    let ids: HashSet<i64> = ids.collect();
    Ok(folder::ids(conn, ids).await?)
}

impl FileRow {
    fn people(&self) -> impl Iterator<Item = AccountId> {
        [Some(self.owner), Some(self.creator), Some(self.modifier), self.locked_by].into_iter().flatten()
    }
}

fn file(
    row: FileRow,
    rights: Rights,
    ways: &HashMap<i64, WayUp>,
    people: &HashMap<AccountId, Person>,
    known: &HashMap<i64, NodeIds>,
) -> Option<FileInfo> {
    let person = |id: AccountId| people.get(&id).cloned();
    let lock = match (row.locked_by.and_then(person), row.locked_at) {
        (Some(by), at) => Some(Lock { by, at: from_micros(at.unwrap_or(row.modified_at)) }),
        (None, _) => None,
    };
    Some(FileInfo {
        id: NodeId(row.ids.id.0),
        uid: row.ids.uid,
        name: row.name,
        version: row.version,
        size: row.size,
        media_type: row.media_type,
        owner: person(row.owner)?,
        creator: person(row.creator)?,
        modifier: person(row.modifier)?,
        parent: *known.get(&row.parent)?,
        group: row.group,
        path: ways.get(&row.parent)?.path.clone(),
        private: row.private,
        created_at: from_micros(row.created_at),
        modified_at: from_micros(row.modified_at),
        expires_at: row.expires_at.map(from_micros),
        lock,
        edited: row.edited,
        held: row.held,
        shared: row.shared,
        rights,
        trashed: row.trashed,
    })
}

fn folder(
    row: FolderRow,
    rights: Rights,
    ways: &HashMap<i64, WayUp>,
    people: &HashMap<AccountId, Person>,
    known: &HashMap<i64, NodeIds>,
) -> Option<FolderInfo> {
    let person = |id: AccountId| people.get(&id).cloned();
    Some(FolderInfo {
        id: row.ids.id,
        uid: row.ids.uid,
        name: row.name,
        description: row.description,
        owner: person(row.owner)?,
        creator: person(row.creator)?,
        modifier: person(row.modifier)?,
        parent: row.parent.and_then(|parent| known.get(&parent).copied()),
        path: ways.get(&row.ids.id.0)?.path.clone(),
        files: row.files,
        folders: row.folders,
        bytes: row.bytes,
        created_at: from_micros(row.created_at),
        modified_at: from_micros(row.modified_at),
        shared: row.shared,
        rights,
        trashed: row.trashed,
    })
}
