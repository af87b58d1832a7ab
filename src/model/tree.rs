//! Files and folders as they are shown, and what can be done with them but deleting.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::timestamp::microseconds};
use uuid::Uuid;

use super::{AccountId, NodeId, NodeName, Rights};

/// An account as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: AccountId,
    pub uid: Uuid,
    /// The sign-in name.
    pub name: String,
    pub display_name: String,
}

/// A node's two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeIds {
    pub id: NodeId,
    pub uid: Uuid,
}

/// Who locked a file, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub by: Person,
    #[serde(with = "microseconds")]
    pub at: OffsetDateTime,
}

/// A file as it is shown to somebody who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    pub id: NodeId,
    pub uid: Uuid,
    pub name: String,
    /// Of the version shown: the current one, unless another was asked for.
    pub version: u32,
    /// Bytes of the version shown.
    pub size: u64,
    pub media_type: String,
    pub owner: Person,
    pub creator: Person,
    /// Who changed it last.
    pub modifier: Person,
    pub parent: NodeIds,
    /// The Vault transfer it came with.
    pub group: Option<Uuid>,
    /// Folder names from below the root down to the file's folder.
    pub path: Vec<String>,
    pub private: bool,
    #[serde(with = "microseconds")]
    pub created_at: OffsetDateTime,
    #[serde(with = "microseconds")]
    pub modified_at: OffsetDateTime,
    #[serde(with = "microseconds::option")]
    pub expires_at: Option<OffsetDateTime>,
    pub lock: Option<Lock>,
    /// Open for editing, by anyone.
    pub edited: bool,
    pub held: bool,
    /// Shared with anybody, itself.
    pub shared: bool,
    /// What whoever asked may do with it.
    pub rights: Rights,
    /// It lies in a trash, itself.
    pub trashed: bool,
}

impl FileInfo {
    /// Locked or open for editing, by anyone.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some() || self.edited
    }
}

/// A folder as it is shown to somebody who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderInfo {
    pub id: NodeId,
    pub uid: Uuid,
    /// Empty for an account's root.
    pub name: String,
    pub description: String,
    pub owner: Person,
    pub creator: Person,
    pub modifier: Person,
    /// `None`: an account's root.
    pub parent: Option<NodeIds>,
    /// Names from below the root down to this folder; empty for the root.
    pub path: Vec<String>,
    /// Live files, folders and bytes anywhere below it.
    pub files: u64,
    pub folders: u64,
    pub bytes: u64,
    #[serde(with = "microseconds")]
    pub created_at: OffsetDateTime,
    #[serde(with = "microseconds")]
    pub modified_at: OffsetDateTime,
    /// Shared with anybody, itself.
    pub shared: bool,
    /// What whoever asked may do with it.
    pub rights: Rights,
    /// It lies in a trash, itself.
    pub trashed: bool,
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    File(FileInfo),
    Folder(FolderInfo),
}

impl Item {
    pub fn ids(&self) -> NodeIds {
        match self {
            Item::File(file) => NodeIds { id: file.id, uid: file.uid },
            Item::Folder(folder) => NodeIds { id: folder.id, uid: folder.uid },
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Item::File(file) => &file.name,
            Item::Folder(folder) => &folder.name,
        }
    }

    pub fn is_folder(&self) -> bool {
        matches!(self, Item::Folder(_))
    }

    /// What whoever asked may do with it.
    pub fn rights(&self) -> Rights {
        match self {
            Item::File(file) => file.rights,
            Item::Folder(folder) => folder.rights,
        }
    }
}

/// How a call names a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeRef {
    FileId(i64),
    FileUid(Uuid),
    FolderId(i64),
    FolderUid(Uuid),
    /// The caller's own root folder.
    Home,
}

/// What a name that is taken in the destination means. Names are compared exactly, unless a variant says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// `NameTaken`.
    Refuse,
    /// `NameTaken`, compared in any case.
    RefuseAnyCase,
    /// `name(2).ext`, compared in any case.
    NumberAnyCase,
    /// Equal names may stand side by side.
    Keep,
}

/// The order of a folder's content; folders always stand before files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentOrder {
    Name,
    Created,
    Modified,
    Size,
}

/// A list of what lies in one folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContentQuery {
    pub order: ContentOrder,
    pub descending: bool,
    /// Only this name, exactly.
    pub name: Option<String>,
    /// Only names that contain this, without regard to ASCII case.
    pub find: Option<String>,
    pub offset: u64,
    pub limit: u32,
}

/// A folder to be made.
#[derive(Debug, Clone)]
pub struct NewFolder {
    pub parent: NodeRef,
    pub name: NodeName,
    pub description: String,
    pub clash: Clash,
}

/// Bytes to be stored as a file of a folder, or as a further version.
#[derive(Debug, Clone)]
pub struct NewContent {
    pub into: Into,
    pub media_type: String,
}

/// Where stored bytes go.
#[derive(Debug, Clone)]
pub enum Into {
    /// A folder, under a name.
    Folder { folder: NodeRef, name: NodeName, taken: Taken },
    /// An existing file, as its next version; with a new name, numbered where that is taken.
    File { file: NodeRef, name: Option<NodeName> },
}

/// What an upload does where a file of its name is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A new version of that file.
    Version,
    /// The same, names compared in any case.
    VersionAnyCase,
    /// A new file, `name(2).ext`, compared in any case.
    Number,
    /// A new file beside it, of the same name.
    Keep,
}

/// A part of a file's bytes, as it is asked for before the size is known. Offsets and lengths are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From the first offset on; to the last one, where it is given and the file is as long.
    From { first: u64, last: Option<u64> },
    /// So many at the end, or all there are.
    Last(u64),
}

impl Part {
    /// The first and the last offset of it in so many bytes; `None`: no byte is in it.
    pub fn within(self, size: u64) -> Option<RangeInclusive<u64>> {
        let end = size.checked_sub(1)?;
        let (first, last) = match self {
            Part::From { first, last } => (first, last.map_or(end, |last| last.min(end))),
            Part::Last(0) => return None,
            Part::Last(length) => (size.saturating_sub(length), end),
        };
        (first <= last).then_some(first..=last)
    }
}

/// Whether a node named by uid is there for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Live,
    /// It, or something above it, lies in a trash.
    InTrash,
    Missing,
}

/// One deletion that can be taken back.
#[derive(Debug, Clone)]
pub struct TrashEntry {
    /// Of the entry, never equal to the item's.
    pub uid: Uuid,
    pub item: Item,
    /// A single version; the item is its file.
    pub version: Option<u32>,
    /// May restore and destroy it, as its owner may.
    pub holder: Person,
    /// `None`: nobody with a name.
    pub deleter: Option<Person>,
    pub deleted_at: OffsetDateTime,
    /// When it is destroyed by itself.
    pub purge_after: OffsetDateTime,
    /// Folder names from below the root down to where it lay.
    pub path: Vec<String>,
}

/// Which entries of the trash are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrashScope {
    /// What the caller holds, and what of the caller's own tree another holds.
    Own,
    /// Every account's; for administrators.
    All,
}

/// A list of trash entries: whole nodes first, then single versions, each newest deletion first.
#[derive(Debug, Clone)]
pub struct TrashQuery {
    pub scope: TrashScope,
    /// Single versions too.
    pub versions: bool,
    /// Whether the page is to say how many there are in all; 0 if not.
    pub counted: bool,
    pub offset: u64,
    pub limit: u32,
}

/// How a trash entry is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrashRef {
    /// By its own uid; whether it is a folder's must be right too.
    Entry { uid: Uuid, is_folder: bool },
    /// By its node's uid.
    Node(Uuid),
}

/// Where a restored entry goes if the folder it lay in is gone or itself in a trash, and what a taken name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreRules {
    /// To the owner's home; a taken name is numbered, compared in any case (oracle.md 4.6).
    HomeAndNumber,
    /// Missing folders are made again; a taken name refuses (vault.md 4.13).
    RebuildAndRefuse,
}

/// What became of one entry that was to be restored.
#[derive(Debug, Clone)]
pub enum Restored {
    Back(Box<Item>),
    NotFound,
    NameTaken,
    /// The quota, depth or anything else that the error says.
    Refused(Refused),
}

/// Why a node could not be moved, copied or restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    NotFound,
    Forbidden,
    Held,
    Locked,
    TooDeep,
    QuotaExceeded,
    /// A folder into itself or into something below it.
    IntoItself,
}
