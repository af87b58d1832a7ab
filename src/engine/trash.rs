//! The trash: what was deleted and can be taken back, and emptying it by one mark.

use super::{Engine, error::Result};
use crate::{
    model::{Caller, NodeId, Operation, Page, TrashEntry, TrashQuery, TrashRef},
    store::folder,
};

impl Engine {
    /// The id that stands for the caller's trash; no node ever has it.
    ///
    /// # Errors
    /// Only faults.
    pub async fn trash_id(&self, caller: &Caller) -> Result<NodeId> {
        Ok(NodeId(folder::trash(&mut *self.store.read().await?, caller.account).await?))
    }

    /// A page of trash entries: whole nodes before single versions, each newest deletion first.
    ///
    /// # Errors
    /// `Forbidden`: all accounts' for a caller who is no administrator.
    pub async fn trash(&self, caller: &Caller, query: TrashQuery) -> Result<Page<TrashEntry>> {
        let _ = (caller, query);
        Err(super::unbuilt())
    }

    /// One entry that the caller holds or owns.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn trash_entry(&self, caller: &Caller, entry: TrashRef) -> Result<TrashEntry> {
        let _ = (caller, entry);
        Err(super::unbuilt())
    }

    /// Destroys all that the caller holds in the trash now, by one mark; what is under a hold stays and is named in the
    /// failures of the operation that is kept of it. `None`: there was nothing.
    ///
    /// # Errors
    /// Only faults.
    pub async fn empty_trash(&self, caller: &Caller, dialect: &'static str) -> Result<Option<Operation>> {
        let _ = (caller, dialect);
        Err(super::unbuilt())
    }
}
