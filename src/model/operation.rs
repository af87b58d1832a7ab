//! Bulk requests as records that a caller can look at while they go on.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Item, NodeRef, Outcome, Refused};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    Move,
    Copy,
    Delete,
    Duplicate,
    MarkAsRead,
}

impl OperationKind {
    pub fn as_str(self) -> &'static str {
        match self {
            OperationKind::Move => "move",
            OperationKind::Copy => "copy",
            OperationKind::Delete => "delete",
            OperationKind::Duplicate => "duplicate",
            OperationKind::MarkAsRead => "mark_as_read",
        }
    }

    pub(crate) fn kept(text: &str) -> Self {
        match text {
            "move" => OperationKind::Move,
            "copy" => OperationKind::Copy,
            "duplicate" => OperationKind::Duplicate,
            "mark_as_read" => OperationKind::MarkAsRead,
            _ => OperationKind::Delete,
        }
    }
}

/// A bulk request as a record.
#[derive(Debug, Clone)]
pub struct Operation {
    pub uid: Uuid,
    pub kind: OperationKind,
    /// The top-level entries as they were when the request was accepted, in request order.
    pub entries: Vec<Item>,
    /// To be handled in all: a destroyed folder counts itself and everything below it, all else 1.
    pub items: u64,
    /// Handled so far, of `items`.
    pub done: u64,
    pub failures: Vec<Failure>,
    pub created_at: OffsetDateTime,
    pub finished: bool,
}

/// An entry that was not handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub name: String,
    pub reason: FailureReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureReason {
    Refused(Refused),
    /// No such version, by its number.
    NoVersion(u32),
}

/// Which records are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationQuery {
    pub uid: Option<Uuid>,
    pub kind: Option<OperationKind>,
    /// Only those still going on.
    pub unfinished: bool,
}

/// A delete that was kept as an operation: the outcomes decided at once, and the record unless the call was stopped or
/// named nothing.
#[derive(Debug, Clone)]
pub struct MarkedAsOperation {
    pub outcomes: Vec<Outcome>,
    pub operation: Option<Operation>,
}

/// What a moved file does whose name is taken in the destination; a folder whose name is taken is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// It stays where it is, and nothing is said.
    Skip,
    /// It becomes a new version of the file there, and is gone itself.
    Overwrite,
    /// Both remain, side by side.
    Duplicate,
}

/// Entries to be moved or copied together.
#[derive(Debug, Clone)]
pub struct MoveRequest {
    pub dialect: &'static str,
    pub kind: OperationKind,
    /// Files and folders, in the order in which they are handled.
    pub nodes: Vec<NodeRef>,
    /// `None`: each beside itself, under a numbered name.
    pub destination: Option<NodeRef>,
    pub conflict: Conflict,
}
