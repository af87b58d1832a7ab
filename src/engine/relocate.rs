//! Moving, copying and restoring: a node gets another place, in its own tree or in another account's.

use super::{Engine, error::Result};
use crate::model::{
    Caller, Clash, Conflict, FileInfo, Item, MoveRequest, NodeName, NodeRef, Operation, RestoreRules, Restored,
    TrashRef,
};

impl Engine {
    /// Moves one file or folder, live ones only. Needs [`crate::model::Rights::DELETE`] at its source and
    /// [`crate::model::Rights::WRITE`] at the destination. Ids, versions, dates, shares and links stay; into another
    /// account's tree, owner and quota move with it.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` (source or destination, also an account's root); `Locked`: it or something below it is
    /// locked by another or open for editing; `Invalid`: into itself; `TooDeep`; `QuotaExceeded`; `NameTaken`.
    pub async fn move_node(&self, caller: &Caller, node: NodeRef, destination: NodeRef, clash: Clash) -> Result<Item> {
        let _ = (caller, node, destination, clash);
        Err(super::unbuilt())
    }

    /// Moves several live files of the caller's own to a folder of the caller's own, named from the root down, under
    /// new names; all or none (vault.md 4.12). Says for each whether it is the reason that nothing was moved.
    ///
    /// # Errors
    /// `NotFound`: no such folder.
    pub async fn move_own_files(
        &self,
        caller: &Caller,
        files: Vec<(uuid::Uuid, NodeName)>,
        path: Vec<NodeName>,
    ) -> Result<std::result::Result<(), Vec<uuid::Uuid>>> {
        let _ = (caller, files, path);
        Err(super::unbuilt())
    }

    /// Copies the current version of a file, or of all files below a folder, under new ids. Needs
    /// [`crate::model::Rights::DOWNLOAD`] at the source and [`crate::model::Rights::WRITE`] at the destination. The
    /// copy appears whole or not at all.
    ///
    /// # Errors
    /// As [`Self::move_node`]; `Invalid` also for more than 10,000 nodes.
    pub async fn copy_node(&self, caller: &Caller, node: NodeRef, destination: NodeRef, clash: Clash) -> Result<Item> {
        let _ = (caller, node, destination, clash);
        Err(super::unbuilt())
    }

    /// Moves entries, live ones and such as lie in a trash, as one operation. It is checked as a whole first.
    ///
    /// # Errors
    /// What stops the whole: `Stopped` by the first entry or the destination, in request order.
    pub async fn move_as_operation(&self, caller: &Caller, request: MoveRequest) -> Result<Operation> {
        let _ = (caller, request);
        Err(super::unbuilt())
    }

    /// Copies entries as one operation. It is checked as a whole first.
    ///
    /// # Errors
    /// As [`Self::move_as_operation`].
    pub async fn copy_as_operation(&self, caller: &Caller, request: MoveRequest) -> Result<Operation> {
        let _ = (caller, request);
        Err(super::unbuilt())
    }

    /// The files of a move whose names are taken in the destination.
    ///
    /// # Errors
    /// As [`Self::move_as_operation`].
    pub async fn conflicts(&self, caller: &Caller, request: &MoveRequest) -> Result<Vec<FileInfo>> {
        let _ = (caller, request, Conflict::Skip);
        Err(super::unbuilt())
    }

    /// Takes deletions back: the nodes live again with their ids, versions, shares and links. For the holder of an
    /// entry, the owner of its tree, and with `any` an administrator. Each entry stands for itself, in one commit.
    ///
    /// # Errors
    /// Only faults.
    pub async fn restore(
        &self,
        caller: &Caller,
        entries: Vec<TrashRef>,
        rules: RestoreRules,
        any: bool,
    ) -> Result<Vec<Restored>> {
        let _ = (caller, entries, rules, any);
        Err(super::unbuilt())
    }
}
