//! Operations: bulk requests as records. One is written in the commit that accepts its request, so an accepted request
//! survives whatever comes; it is shown until it has ended, its end exactly once.

use uuid::Uuid;

use super::{Engine, delete::Marking, error::Result};
use crate::{
    model::{Caller, Item, Operation, OperationQuery, Outcome},
    store::Tx,
};

impl Engine {
    /// The caller's operations of a dialect, newest first, at most 100; finished ones are shown and forgotten.
    ///
    /// # Errors
    /// Only faults.
    pub async fn take_operations(
        &self,
        caller: &Caller,
        dialect: &'static str,
        query: OperationQuery,
    ) -> Result<Vec<Operation>> {
        let _ = (caller, dialect, query);
        Err(super::unbuilt())
    }

    /// The same without forgetting any.
    ///
    /// # Errors
    /// Only faults.
    pub async fn operations(
        &self,
        caller: &Caller,
        dialect: &'static str,
        query: OperationQuery,
    ) -> Result<Vec<Operation>> {
        let _ = (caller, dialect, query);
        Err(super::unbuilt())
    }

    /// Drops what still waits of the caller's unfinished operations, of one or of all, and the operations with it.
    ///
    /// # Errors
    /// Only faults.
    pub async fn terminate_operations(&self, caller: &Caller, dialect: &'static str, uid: Option<Uuid>) -> Result<()> {
        let _ = (caller, dialect, uid);
        Err(super::unbuilt())
    }
}

/// The entries of a delete that is to be recorded, as they are before it.
pub(super) async fn entries(_: &mut Tx, _: &Marking) -> Result<Vec<Item>> {
    Err(super::unbuilt())
}

/// Keeps the record of a delete that was just marked; none if it was stopped or named nothing.
pub(super) async fn keep(_: &mut Tx, _: &Marking, _: &[Outcome], _: Vec<Item>) -> Result<Option<Operation>> {
    Err(super::unbuilt())
}
