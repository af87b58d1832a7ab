//! Moving and copying many entries as one operation (onlyoffice.md 4.7).

use super::{Place, Source, Where, check, leave, merging::Merging, whole};
use crate::{
    engine::{
        Engine,
        error::{Error, Result},
        show::{self, Hidden, Viewer},
    },
    model::{Caller, Conflict, Failure, FailureReason, FileInfo, Item, MoveRequest, NodeRef, Operation, Refused},
    store::{Conn, Tx, relocate as rows},
};

impl Engine {
    /// Moves entries, live ones and such as lie in a trash of the caller's, as one operation, whole when this returns.
    /// It is checked as a whole first: folders, then files, then the destination. What fails at its turn all the same,
    /// because of an entry before it or of a file in the destination, is told in the record; each entry is moved whole
    /// or not at all, but for the files of a merged folder that stay because their names are taken.
    ///
    /// # Errors
    /// What stops the whole: `Stopped`; `QuotaExceeded`, `TooDeep`.
    pub async fn move_as_operation(&self, caller: &Caller, request: MoveRequest) -> Result<Operation> {
        let (caller, purge_delay) = (caller.clone(), self.rules.purge_delay.as_micros() as i64);
        let moved = self
            .committer
            .write("operation.move", async move |tx: &mut Tx| move_all(tx, &caller, &request, purge_delay).await)
            .await?;
        self.wake_purge.notify_one();
        self.wake_expand.notify_one();
        Ok(moved)
    }

    /// Copies entries as one operation. It is checked as a whole first.
    ///
    /// # Errors
    /// As [`Self::move_as_operation`].
    pub async fn copy_as_operation(&self, caller: &Caller, request: MoveRequest) -> Result<Operation> {
        let _ = (caller, request);
        Err(crate::engine::unbuilt())
    }

    /// The files of a move whose names are taken in the destination, also where folders would be merged.
    ///
    /// # Errors
    /// As [`Self::move_as_operation`], but that locks, edit sessions and holds are not looked at.
    pub async fn conflicts(&self, caller: &Caller, request: &MoveRequest) -> Result<Vec<FileInfo>> {
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let conn = &mut conn;
        let into = destination(conn, caller, request, now).await?;
        let mut taken = Vec::new();
        for &node in &request.nodes {
            let source = stopped_by(node, leave(conn, caller, node, Where::AlsoTrash, into.id, now).await)?;
            if source.lies_in(&into) {
                continue;
            }
            let mut open = vec![source.mover];
            while let Some(mover) = open.pop() {
                match mover.taken_by {
                    Some(taken_by) if mover.is_folder => {
                        open.extend(rows::children(conn, mover.id, taken_by, now).await?);
                    }
                    Some(_) => taken.push((mover.id, false)),
                    None => {}
                }
            }
        }
        let items = show::items(conn, &taken, Viewer::Entitled, Hidden::Shown, now).await?;
        Ok(items
            .into_iter()
            .filter_map(|item| match item {
                Item::File(file) => Some(file),
                Item::Folder(_) => None,
            })
            .collect())
    }
}

/// The folder that all goes into.
async fn destination(conn: &mut Conn, caller: &Caller, request: &MoveRequest, now: i64) -> Result<Place> {
    let node = request.destination.ok_or(Error::Invalid("a destination is needed"))?;
    match stopped_by(node, Place::open(conn, caller, node, now).await) {
        Err(Error::Stopped { why: Refused::NotFound, .. }) if in_trash(conn, caller, node).await? => {
            Err(Error::Stopped { node, why: Refused::Forbidden })
        }
        opened => opened,
    }
}

/// What is refused of one entry stops the whole.
fn stopped_by<T>(node: NodeRef, outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| match refused(&error) {
        Some(why) => Error::Stopped { node, why },
        None => error,
    })
}

/// What a refusal of one entry is called; `None` for what concerns the whole call, and for faults.
fn refused(error: &Error) -> Option<Refused> {
    match error {
        Error::NotFound => Some(Refused::NotFound),
        Error::Forbidden => Some(Refused::Forbidden),
        Error::Held => Some(Refused::Held),
        Error::Locked => Some(Refused::Locked),
        _ => None,
    }
}
