//! Operations: bulk requests as records. One is written in the commit that accepts its request, so an accepted request
//! survives whatever comes; it is shown until it has ended, its end exactly once.

use uuid::Uuid;

use super::{Engine, error::Result};
use crate::model::{Caller, DeleteRequest, MarkedAsOperation, Operation, OperationQuery};

impl Engine {
    /// Deletes as [`Self::delete`] does, and keeps an operation of it. Targets that are edited may wait
    /// ([`crate::model::Edited::Wait`]). A call that is stopped keeps none.
    ///
    /// # Errors
    /// As [`Self::delete`].
    pub async fn delete_as_operation(&self, request: DeleteRequest) -> Result<MarkedAsOperation> {
        let _ = request;
        Err(super::unbuilt())
    }

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
