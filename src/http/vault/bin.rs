//! The recycle bin (vault.md 3.5, 4.13): the account's one trash, seen from here. It shows whole files and folders;
//! single versions, which other dialects put there, it does not.

use std::collections::HashSet;

use axum::{body::Body, extract::State, response::Response};
use uuid::Uuid;

use super::{
    Vault,
    delete::{batch, best_effort, ids, marked},
    error::{Reason, Refusal},
    params::{Count, Segments, Start, Writer},
    wire::{self, BinEntry, Emptied, List},
};
use crate::{
    engine::model::{
        Caller, DeleteRequest, FileInfo, FileQuery, Item, Live, Page, Refused, RestoreRules, Restored, Target,
        TrashEntry, TrashQuery, TrashRef, TrashScope, Trashed, Verdict,
    },
    http::{App, Dialect},
};

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments((Start(offset), Count(limit))): Segments<(Start, Count)>,
) -> Result<Response, Refusal> {
    let scope = if caller.is_admin() { TrashScope::All } else { TrashScope::Own };
    let query = TrashQuery { scope, versions: false, counted: true, offset, limit };
    let page = app.engine.trash(&caller, query).await?;
    let items = page.items.into_iter().map(BinEntry::from).collect();
    Ok(wire::json(&List { filter_count: page.total, items }))
}

pub(super) async fn restore(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let nodes = distinct(ids(body).await?);
    let caller = caller.allow()?;
    let entries = nodes.iter().copied().map(TrashRef::Node).collect();
    let restored = app.engine.restore(&caller, entries, RestoreRules::RebuildAndRefuse, caller.is_admin()).await?;
    Ok(batch(nodes.into_iter().zip(restored.into_iter().map(back)).collect()))
}

pub(super) async fn purge(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let nodes = distinct(ids(body).await?);
    // An id does not tell whether it is a file's or a folder's: one of the two is there at the most.
    let targets = nodes.iter().flat_map(|&uid| [Target::FileUid(uid), Target::FolderUid(uid)]).collect();
    let request =
        DeleteRequest { live: Live::NotFound, trashed: Trashed::Purge, ..best_effort(caller.allow()?, targets) };
    let outcomes = app.engine.delete(request).await?;
    let verdicts = outcomes.chunks(2).map(|both| {
        let found = both.iter().find(|outcome| outcome.verdict != Verdict::NotFound);
        found.map_or(Err(Reason::FILE_NOT_FOUND), |outcome| marked(&outcome.verdict, Reason::FILE_NOT_FOUND))
    });
    Ok(batch(nodes.into_iter().zip(verdicts).collect()))
}

pub(super) async fn empty(State(app): State<App>, caller: Writer) -> Result<Response, Refusal> {
    let emptied = app.engine.empty_trash(&caller.allow()?, Vault::NAME).await?;
    Ok(wire::json(&emptied.map_or_else(Emptied::default, Emptied::from)))
}

/// A page of the files of the bin, in the order of a list of files: the bin's own order is that of the deletions.
pub(super) async fn files(app: &App, caller: &Caller, asked: FileQuery) -> Result<Page<FileInfo>, Refusal> {
    let Page { total, items, more } = app.engine.trashed_files(caller, asked).await?;
    Ok(Page { total, items: items.into_iter().filter_map(file).collect(), more })
}

fn file(entry: TrashEntry) -> Option<FileInfo> {
    match entry.item {
        Item::File(file) => Some(FileInfo { path: entry.path, ..file }),
        Item::Folder(_) => None,
    }
}

/// Each id once, in the order of the call.
fn distinct(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    ids
}

/// The name of what lives again, or why it does not.
fn back(restored: Restored) -> Result<String, Reason> {
    match restored {
        Restored::Back(item) => Ok(item.name().to_owned()),
        Restored::NotFound => Err(Reason::FILE_NOT_FOUND),
        Restored::NameTaken => Err(Reason::NAME_IN_USE),
        Restored::Refused(why) => Err(match why {
            Refused::NotFound | Refused::Forbidden | Refused::IntoItself => Reason::FILE_NOT_FOUND,
            Refused::Held => Reason::ON_HOLD,
            Refused::Locked => Reason::LOCKED,
            Refused::TooDeep => Reason::INVALID_REQUEST,
            Refused::QuotaExceeded => Reason::QUOTA_EXCEEDED,
        }),
    }
}
