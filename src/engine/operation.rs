//! Operations: bulk requests as records. One is written in the commit that accepts its request, so an accepted request
//! survives whatever comes; it is shown until it has ended, its end exactly once.

mod waiting;

use std::{collections::HashMap, time::Duration};

use uuid::Uuid;

use super::{
    Engine, access,
    error::{Error, Result},
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{
        AccountId, Caller, DeleteRequest, Failure, FailureReason, Item, NodeRef, Operation, OperationKind,
        OperationQuery, Outcome, Refused, Rights, Target, Verdict,
    },
    store::{self, Tx},
};
use waiting::Waiting;

/// Records in one list at the most (onlyoffice.md 3.5).
const LIST: i64 = 100;
/// How long the end of an operation waits to be looked at; at least 10 minutes are promised (onlyoffice.md 3.5).
const KEEP: Duration = Duration::from_secs(3_600);
/// Operations forgotten in one step at the most: each may have thousands of entries.
const STEP: i64 = 50;

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
        let account = caller.account;
        let listed = self.operations(caller, dialect, query).await?;
        if listed.iter().all(|operation| !operation.finished) {
            return Ok(listed);
        }
        self.committer
            .write_freeing("operation.take", async move |tx: &mut Tx| {
                // What another call has taken meanwhile is not shown again.
                let rows = store::operation::list(tx, account, dialect, query, LIST).await?;
                let finished: Vec<i64> = rows.iter().filter(|(_, row)| row.finished).map(|&(id, _)| id).collect();
                store::operation::remove(tx, &finished).await?;
                Ok(rows.into_iter().map(|(_, operation)| operation).collect())
            })
            .await
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
        let mut conn = self.store.read().await?;
        let rows = store::operation::list(&mut conn, caller.account, dialect, query, LIST).await?;
        Ok(rows.into_iter().map(|(_, operation)| operation).collect())
    }

    /// Drops what still waits of the caller's unfinished operations, of one or of all, and the operations with it.
    ///
    /// # Errors
    /// Only faults.
    pub async fn terminate_operations(&self, caller: &Caller, dialect: &'static str, uid: Option<Uuid>) -> Result<()> {
        let account = caller.account;
        self.committer
            .write_freeing("operation.terminate", async move |tx: &mut Tx| {
                let ended = store::operation::unfinished(tx, account, dialect, uid).await?;
                store::operation::drop_waiting(tx, &ended).await?;
                Ok(store::operation::remove(tx, &ended).await?)
            })
            .await
    }

    /// Keeps an operation that changes nothing of these nodes, which are named by their integer ids. Needs
    /// [`Rights::READ`] on each.
    ///
    /// # Errors
    /// `Stopped`: one is not there, or may not be seen.
    pub async fn read_as_operation(
        &self,
        caller: &Caller,
        dialect: &'static str,
        nodes: Vec<NodeRef>,
    ) -> Result<Operation> {
        let caller = caller.clone();
        self.committer
            .write("operation.read", async move |tx: &mut Tx| {
                let now = tx.now;
                let named: Vec<(i64, bool)> = nodes.iter().filter_map(id_and_kind).collect();
                let ids: Vec<i64> = named.iter().map(|&(id, _)| id).collect();
                let mut found = show::by_id(tx, &ids, Viewer::By(&caller), Hidden::LeftOut, now).await?;
                let is_found =
                    |(id, is_folder)| found.get(&id).is_some_and(|item: &Item| item.is_folder() == is_folder);
                if let Some(&node) = nodes.iter().find(|node| !id_and_kind(node).is_some_and(is_found)) {
                    let why = match access::open(tx, &caller, node, Rights::READ, now).await {
                        Err(Error::Forbidden) => Refused::Forbidden,
                        Err(Error::NotFound) | Ok(_) => Refused::NotFound,
                        Err(other) => return Err(other),
                    };
                    return Err(Error::Stopped { node, why });
                }
                let entries: Vec<Item> = ids.iter().filter_map(|id| found.remove(id)).collect();
                let items = entries.len() as u64;
                let new = NewOperation {
                    account: caller.account,
                    dialect,
                    kind: OperationKind::MarkAsRead,
                    entries,
                    items,
                    done: items,
                    failures: Vec::new(),
                    finished: true,
                    waiting: &[],
                };
                insert(tx, new).await
            })
            .await
    }

    /// Forgets operations whose end nobody came to see; says how many.
    pub(super) async fn forget_operations(&self) -> Result<usize> {
        let before = self.clock.micros() - KEEP.as_micros() as i64;
        let ended = {
            let mut conn = self.store.read().await?;
            store::operation::finished_before(&mut conn, before, STEP).await?
        };
        let forgotten = ended.len();
        if forgotten > 0 {
            self.committer
                .write_freeing("operation.forget", async move |tx: &mut Tx| {
                    Ok(store::operation::remove(tx, &ended).await?)
                })
                .await?;
        }
        Ok(forgotten)
    }
}

/// The integer id that a reference names, and whether that is to be a folder's.
fn id_and_kind(node: &NodeRef) -> Option<(i64, bool)> {
    match *node {
        NodeRef::FileId(id) => Some((id, false)),
        NodeRef::FolderId(id) => Some((id, true)),
        NodeRef::FileUid(_) | NodeRef::FolderUid(_) | NodeRef::Home => None,
    }
}

/// A request that was accepted, as it is to be kept.
pub(super) struct NewOperation<'a> {
    pub(super) account: AccountId,
    pub(super) dialect: &'static str,
    pub(super) kind: OperationKind,
    /// As they were when the request was accepted, in request order.
    pub(super) entries: Vec<Item>,
    /// To be handled in all: a destroyed folder counts itself and everything below it, all else 1.
    pub(super) items: u64,
    pub(super) done: u64,
    pub(super) failures: Vec<Failure>,
    pub(super) finished: bool,
    /// Entries that wait for the end of an edit session; an operation with some is not finished.
    pub(super) waiting: &'a [Waiting],
}

/// Keeps an operation, in the transaction of what it stands for.
pub(super) async fn insert(tx: &mut Tx, new: NewOperation<'_>) -> Result<Operation> {
    let created_at = crate::clock::from_micros(tx.now);
    let NewOperation { account, dialect, kind, entries, items, done, failures, finished, waiting } = new;
    let uid = Uuid::new_v4();
    let row = store::operation::NewRow {
        uid,
        account,
        dialect,
        kind,
        entries: &entries,
        items,
        done,
        failures: &failures,
        finished,
    };
    let id = store::operation::insert(tx, &row).await?;
    if !waiting.is_empty() {
        let rows: Vec<(i64, String)> = waiting.iter().map(Waiting::row).collect();
        store::operation::insert_waiting(tx, id, &store::rows(&rows)).await?;
    }
    Ok(Operation { uid, kind, entries, items, done, failures, created_at, finished })
}

/// The entries that a delete names by their integer ids, as its caller sees them now, in request order: what is not
/// there is left out. A file whose versions are named stands there once.
pub(super) async fn entries(tx: &mut Tx, request: &DeleteRequest) -> Result<Vec<Item>> {
    let mut ids = Vec::with_capacity(request.targets.len());
    for target in &request.targets {
        match *target {
            Target::FileId(id) | Target::FolderId(id) | Target::PastVersion { file: id, .. } => ids.push(id),
            // No delete that is kept names anything by these.
            Target::FileUid(_) | Target::FolderUid(_) | Target::Version { .. } | Target::Entry { .. } => {}
        }
    }
    items(tx, &request.caller, &ids).await
}

/// Nodes as a caller sees them, also in the trash, in the order of their ids; a repeated one stands there once.
pub(super) async fn items(tx: &mut Tx, caller: &Caller, ids: &[i64]) -> Result<Vec<Item>> {
    let now = tx.now;
    let mut found = show::by_id(tx, ids, Viewer::By(caller), Hidden::Shown, now).await?;
    // The holder of a trash entry may have lost the share by which it was deleted.
    let rest: Vec<i64> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
    if !rest.is_empty() {
        found.extend(show::by_id(tx, &rest, Viewer::Entitled, Hidden::Shown, now).await?);
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Keeps a delete as an operation, in the transaction of its marks. `None`: it was stopped, or named nothing.
pub(super) async fn keep(
    tx: &mut Tx,
    request: &DeleteRequest,
    outcomes: &[Outcome],
    entries: Vec<Item>,
) -> Result<Option<Operation>> {
    let by_id: HashMap<i64, &Item> = entries.iter().map(|item| (item.ids().id.0, item)).collect();
    let (mut items, mut done) = (0, 0);
    let (mut failures, mut waiting) = (Vec::new(), Vec::new());
    for Outcome { target, verdict } in outcomes {
        let item = id_of(target).and_then(|id| by_id.get(&id).copied());
        match verdict {
            Verdict::Deleted(deleted) => {
                items += deleted.nodes;
                done += deleted.nodes;
            }
            Verdict::Waiting => {
                let item = item.ok_or_else(|| anyhow::anyhow!("an entry that is to wait was not named by its id"))?;
                let entry = Waiting::new(request, item);
                items += entry.nodes();
                waiting.push(entry);
            }
            Verdict::NoVersion => {
                items += 1;
                let name = item.map_or_else(String::new, |item| item.name().to_owned());
                failures.push(Failure { name, reason: FailureReason::NoVersion(version_of(target)) });
            }
            Verdict::Untouched | Verdict::NotFound | Verdict::Forbidden | Verdict::Held | Verdict::Locked => {
                return Ok(None);
            }
        }
    }
    if outcomes.is_empty() {
        return Ok(None);
    }
    let finished = waiting.is_empty();
    let (account, dialect, kind) = (request.caller.account, request.dialect, OperationKind::Delete);
    let new = NewOperation { account, dialect, kind, entries, items, done, failures, finished, waiting: &waiting };
    insert(tx, new).await.map(Some)
}

fn id_of(target: &Target) -> Option<i64> {
    match *target {
        Target::FileId(id) | Target::FolderId(id) | Target::PastVersion { file: id, .. } => Some(id),
        Target::FileUid(_) | Target::FolderUid(_) | Target::Version { .. } | Target::Entry { .. } => None,
    }
}

fn version_of(target: &Target) -> u32 {
    match *target {
        Target::PastVersion { number, .. } | Target::Version { number, .. } => number,
        Target::FileId(_) | Target::FolderId(_) | Target::FileUid(_) | Target::FolderUid(_) | Target::Entry { .. } => 0,
    }
}
