//! What a delete is asked with, and what it answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Caller;

/// What a delete names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A file by its integer id.
    FileId(i64),
    /// A file by its uid.
    FileUid(Uuid),
    /// A folder, with everything below it, by its integer id.
    FolderId(i64),
    /// The same by its uid.
    FolderUid(Uuid),
    /// One version of a live file. The only one left is the file itself.
    Version { file: Uuid, number: u32 },
    /// One version of a live file that is not its current one.
    PastVersion { file: i64, number: u32 },
    /// An entry of a trash by its own uid: a whole node or a single version; whether it is a folder's must be right.
    Entry { uid: Uuid, is_folder: bool },
}

/// Which nodes a caller may reach for deleting; a dialect narrows, never widens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// What lies in the caller's own tree; all else is not found.
    Own,
    /// The same, and anything for an administrator (vault.md 2.4).
    OwnOrAdmin,
    /// Whatever the caller has the right to: as owner, by a share, or by the link that the caller came with. What is
    /// there without the right is `Forbidden`.
    Rights,
}

/// What one refused target means for the others of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// Nothing is deleted unless everything can be.
    AllOrNothing,
    /// Each target stands for itself.
    BestEffort,
}

/// Who may take a deletion back, beside the owner of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    Owner,
    Caller,
}

/// What is done with a target that is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Live {
    /// It is not found: the call is about the trash.
    NotFound,
    /// Into the trash, for so long.
    Trash { holder: Holder, keep: Duration },
    /// Destroyed.
    Purge,
}

/// What is done with a target that lies in a trash, itself or below a folder that does. Only its holder and the owner
/// of its tree reach it, and administrators where [`Reach::OwnOrAdmin`] says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trashed {
    NotFound,
    Purge,
    /// Destroyed, unless the caller trashed it within the last 60 seconds: then this is a repeat, and it stays
    /// (onlyoffice.md 3.3).
    PurgeUnlessRepeat,
}

/// What an open edit session means for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// It is refused.
    Refuse,
    /// It waits for the end of the session; only for deletes that are kept as an operation.
    Wait,
}

/// The one request that every dialect's delete becomes.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    pub caller: Caller,
    /// Which API asked, for the audit.
    pub dialect: &'static str,
    /// In the order in which they are handled. Repeated targets count once.
    pub targets: Vec<Target>,
    pub reach: Reach,
    pub atomicity: Atomicity,
    pub live: Live,
    pub trashed: Trashed,
    pub edited: Edited,
}

impl DeleteRequest {
    /// A delete for good of what is live.
    pub fn permanent(caller: Caller, dialect: &'static str, targets: Vec<Target>) -> Self {
        Self {
            caller,
            dialect,
            targets,
            reach: Reach::Own,
            atomicity: Atomicity::AllOrNothing,
            live: Live::Purge,
            trashed: Trashed::NotFound,
            edited: Edited::Refuse,
        }
    }
}

/// What became of one distinct target, in request order.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub target: Target,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Marked by this call: hidden everywhere. If it was destroyed, its purge is durably queued.
    Deleted(Deleted),
    /// Could have been deleted, but an all-or-nothing call was stopped by another target.
    Untouched,
    /// Not there for this caller.
    NotFound,
    /// It is there, and the version is not.
    NoVersion,
    /// It is there, and the caller may not.
    Forbidden,
    /// It, or something below it, is under a hold.
    Held,
    /// It, or something below it, is locked by another user or open for editing.
    Locked,
    /// It, or something below it, is open for editing; it is deleted when that has ended.
    Waiting,
}

/// A node at the moment it was marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    pub uid: Uuid,
    pub name: String,
    /// Bytes of the current version, or of the one version; a folder's whole subtree.
    pub size: u64,
    /// Nodes that went: 1, and for a destroyed folder all below it too.
    pub nodes: u64,
    /// It was in the trash already and stays there, or went with a folder of the same call.
    pub before: bool,
}
