//! Locks and edit sessions: what keeps a file from being deleted or changed by others.

use uuid::Uuid;

use super::{Engine, error::Result};
use crate::model::{Caller, FileInfo, NodeRef};

impl Engine {
    /// Locks a file for the caller. Needs [`crate::model::Rights::WRITE`]. Who has it locked already keeps the lock and
    /// its time.
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: another has it.
    pub async fn lock(&self, caller: &Caller, file: NodeRef) -> Result<FileInfo> {
        let _ = (caller, file);
        Err(super::unbuilt())
    }

    /// Unlocks a file: by whoever locked it, or by the owner of its tree.
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: another has it; `Invalid`: `locked_by` is given and did not lock it.
    pub async fn unlock(&self, caller: &Caller, file: NodeRef, locked_by: Option<Uuid>) -> Result<FileInfo> {
        let _ = (caller, file, locked_by);
        Err(super::unbuilt())
    }

    /// Opens an edit session of the caller's on a file, or joins; gives the key of the version that is edited. Needs
    /// [`crate::model::Rights::WRITE`] (onlyoffice.md 3.6).
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: locked by another, an exclusive session is open, `exclusive` and any is open, or
    /// the file waits to be deleted.
    pub async fn start_edit(&self, caller: &Caller, file: NodeRef, exclusive: bool) -> Result<String> {
        let _ = (caller, file, exclusive);
        Err(super::unbuilt())
    }

    /// Keeps the edit session of a tab open, opens one for a tab that has none, or with `finish` ends it.
    ///
    /// # Errors
    /// As [`Self::start_edit`]; `Forbidden`: the key is not the version's.
    pub async fn track_edit(&self, caller: &Caller, file: NodeRef, tab: Uuid, key: &str, finish: bool) -> Result<()> {
        let _ = (caller, file, tab, key, finish);
        Err(super::unbuilt())
    }
}
