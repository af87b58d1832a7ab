//! Moving many entries as one operation, and what is the same when they are copied (onlyoffice.md 4.7).

use std::collections::{HashMap, HashSet};

use super::{
    Place,
    leaving::{Obstacles, Source, Where, leave, leave_all},
    merging::Merging,
    relocate_together, whole,
};
use crate::{
    engine::{
        Engine, access,
        error::{Error, Result},
        operation::{self, NewOperation},
        show::{self, Hidden, Viewer},
    },
    model::{Caller, Conflict, Failure, FailureReason, FileInfo, Item, MoveRequest, NodeRef, Operation, Refused},
    store::{Conn, Tx, relocate as rows, trash},
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

    /// The files of a move whose names are taken in the destination, also where folders would be merged.
    ///
    /// # Errors
    /// As [`Self::move_as_operation`], but that locks, edit sessions and holds are not looked at.
    pub async fn conflicts(&self, caller: &Caller, request: &MoveRequest) -> Result<Vec<FileInfo>> {
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let conn = &mut conn;
        let into = into(conn, caller, request, now).await?;
        let mut taken = Vec::new();
        let nodes = distinct(&request.nodes);
        let sources = leave_all(conn, caller, &nodes, Where::AlsoTrash, into.id, now).await?;
        for (node, source) in nodes.into_iter().zip(sources) {
            let source = stopped_by(node, source)?;
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

/// The folder that all goes into; one that lies in a trash is `Forbidden`.
pub(super) async fn destination(conn: &mut Conn, caller: &Caller, node: NodeRef, now: i64) -> Result<Place> {
    match Place::open(conn, caller, node, now).await {
        Err(Error::NotFound) if in_trash(conn, caller, node).await? => Err(Error::Forbidden),
        opened => opened,
    }
}

/// Whether a node is there and lies in a trash, itself or below a folder that does.
pub(super) async fn in_trash(conn: &mut Conn, caller: &Caller, node: NodeRef) -> Result<bool> {
    let Some((found, way)) = access::find(conn, caller, node).await? else { return Ok(false) };
    Ok(match found.state {
        1 => way.trashed.is_some(),
        state => state == 2,
    })
}

/// Each entry once, where it was named first.
pub(super) fn distinct(nodes: &[NodeRef]) -> Vec<NodeRef> {
    let mut seen = HashSet::new();
    nodes.iter().copied().filter(|node| seen.insert(*node)).collect()
}

async fn into(conn: &mut Conn, caller: &Caller, request: &MoveRequest, now: i64) -> Result<Place> {
    let node = request.destination.ok_or(Error::Invalid("a destination is needed"))?;
    stopped_by(node, destination(conn, caller, node, now).await)
}

async fn move_all(tx: &mut Tx, caller: &Caller, request: &MoveRequest, purge_delay: i64) -> Result<Operation> {
    let (now, nodes) = (tx.now, distinct(&request.nodes));
    let (mut checked, files): (Vec<NodeRef>, Vec<NodeRef>) = nodes.iter().partition(|node| is_folder(**node));
    checked.extend(files);
    let mut found = Vec::with_capacity(nodes.len());
    for (node, source) in checked.iter().zip(leave_all(tx, caller, &checked, Where::AlsoTrash, 0, now).await?) {
        found.push((*node, stopped_by(*node, source)?));
    }
    let obstacles = Obstacles::read(tx, found.iter().map(|(_, source)| &source.mover)).await?;
    for (node, source) in &found {
        let holds = request.conflict == Conflict::Overwrite;
        stopped_by(*node, obstacles.check(caller, &source.mover, holds))?;
    }
    let to = into(tx, caller, request, now).await?;
    if let Some((node, _)) = found.iter().find(|(_, source)| source.holds(&to)) {
        return Err(Error::Stopped { node: *node, why: Refused::IntoItself });
    }
    let known: HashMap<NodeRef, i64> = found.iter().map(|(node, source)| (*node, source.mover.id)).collect();
    let ids: Vec<i64> = nodes.iter().filter_map(|node| known.get(node).copied()).collect();
    let entries = operation::items(tx, caller, &ids).await?;
    let merging = Merging { caller, conflict: request.conflict, purge_delay };
    let moved = move_free_files(tx, &nodes, found, request.conflict, &to).await?;
    let (mut done, mut failures) = (moved.len() as u64, Vec::new());
    for (&node, entry) in nodes.iter().zip(&entries).filter(|(node, _)| !moved.contains(node)) {
        match whole(tx, async |tx| move_entry(tx, &merging, node, &to).await).await? {
            Ok(true) => done += 1,
            Ok(false) => {}
            Err(error) => {
                let why = refused(&error).ok_or(error)?;
                failures.push(Failure { name: entry.name().to_owned(), reason: FailureReason::Refused(why) });
            }
        }
    }
    let new = NewOperation {
        account: caller.account,
        dialect: request.dialect,
        kind: request.kind,
        items: entries.len() as u64,
        entries,
        done,
        failures,
        finished: true,
        waiting: &[],
    };
    operation::insert(tx, new).await
}

/// Moves the files that are named before any folder and whose names are nobody else's, all from one place at once;
/// says which.
async fn move_free_files(
    tx: &mut Tx,
    nodes: &[NodeRef],
    found: Vec<(NodeRef, Source)>,
    conflict: Conflict,
    to: &Place,
) -> Result<HashSet<NodeRef>> {
    let first: HashSet<NodeRef> = nodes.iter().copied().take_while(|node| !is_folder(*node)).collect();
    let files: Vec<(NodeRef, Source)> = found.into_iter().filter(|(node, _)| first.contains(node)).collect();
    let names: Vec<[&str; 1]> = files.iter().map(|(_, source)| [source.mover.name.as_str()]).collect();
    let taken = rows::names_taken(tx, to.id, &names).await?;
    let mut bearers: HashMap<&str, u32> = HashMap::new();
    for [name] in names {
        *bearers.entry(name).or_default() += 1;
    }
    let is_free = |name: &str| !taken.contains(name) && bearers.get(name) == Some(&1);
    let (mut moved, mut ids, mut free) = (HashSet::new(), HashSet::new(), Vec::new());
    for (node, source) in files.iter().filter(|(_, source)| !source.lies_in(to)) {
        let mover = &source.mover;
        if (conflict == Conflict::Duplicate || is_free(&mover.name)) && ids.insert(mover.id) {
            moved.insert(*node);
            free.push((source, mover.name.as_str()));
        }
    }
    relocate_together(tx, free, to).await?;
    trash::remove_of_whole(tx, ids).await?;
    Ok(moved)
}

/// Moves one entry at its turn: those before it may have taken it along, or changed what there is in the destination.
async fn move_entry(tx: &mut Tx, merging: &Merging<'_>, node: NodeRef, to: &Place) -> Result<bool> {
    let now = tx.now;
    let source = leave(tx, merging.caller, node, Where::AlsoTrash, to.id, now).await?;
    match source.lies_in(to) || merging.put(tx, &source, to).await? {
        true => Ok(true),
        // A folder is handled, though some of what lies in it stays.
        false => Ok(source.mover.is_folder),
    }
}

pub(super) fn is_folder(node: NodeRef) -> bool {
    match node {
        NodeRef::FolderId(_) | NodeRef::FolderUid(_) | NodeRef::Home => true,
        NodeRef::FileId(_) | NodeRef::FileUid(_) => false,
    }
}

/// What is refused of one entry stops the whole.
pub(super) fn stopped_by<T>(node: NodeRef, outcome: Result<T>) -> Result<T> {
    outcome.map_err(|error| match refused(&error) {
        Some(why) => Error::Stopped { node, why },
        None => error,
    })
}

/// What a refusal of one entry is called; `None` for what concerns the whole call, and for faults.
pub(super) fn refused(error: &Error) -> Option<Refused> {
    match error {
        Error::NotFound => Some(Refused::NotFound),
        Error::Forbidden => Some(Refused::Forbidden),
        Error::Held => Some(Refused::Held),
        Error::Locked => Some(Refused::Locked),
        _ => None,
    }
}
