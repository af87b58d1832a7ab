//! Deleting files and folders (vault.md 3).

use axum::{
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Vault,
    error::{Reason, Refusal},
    params::{self, Id, Segments, Writer},
    wire::{self, AllMarked, FoldersOutcome, SomeRefused},
};
use crate::{
    engine::model::{Atomicity, Caller, DeleteRequest, Holder, Live, Outcome, Reach, Target, Verdict},
    http::{App, Dialect},
};

pub(super) async fn files(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let targets = ids(body).await?.into_iter().map(Target::FileUid).collect();
    let outcomes = app.engine.delete(request(&app, caller.allow()?, targets)).await?;
    Ok(batch(outcomes.iter().map(|outcome| (uid(outcome), marked(&outcome.verdict, FILE))).collect()))
}

pub(super) async fn folders(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let targets = ids(body).await?.into_iter().map(Target::FolderUid).collect();
    let outcomes = app.engine.delete(request(&app, caller.allow()?, targets)).await?;
    let refused: Vec<Reason> = outcomes.iter().filter_map(|outcome| marked(&outcome.verdict, FOLDER).err()).collect();
    Ok(wire::json(&FoldersOutcome::new(outcomes.len() - refused.len(), refused)))
}

pub(super) async fn file(
    State(app): State<App>,
    caller: Writer,
    Segments(Id(file)): Segments<Id>,
) -> Result<Response, Refusal> {
    let outcomes = app.engine.delete(request(&app, caller.allow()?, vec![Target::FileUid(file)])).await?;
    let refused = outcomes.iter().find_map(|outcome| marked(&outcome.verdict, FILE).err());
    match refused {
        None => Ok(StatusCode::OK.into_response()),
        Some(FILE) => Err(Refusal::not_found(FILE)),
        Some(reason) => Err(Refusal::forbidden(reason)),
    }
}

const FILE: Reason = Reason::FILE_TO_DELETE_NOT_FOUND;
const FOLDER: Reason = Reason::FOLDER_TO_DELETE_NOT_FOUND;

/// Administrators reach every tree; each target stands for itself (3.1). With bin days it goes into its owner's bin,
/// whoever deletes it (3.5).
fn request(app: &App, caller: Caller, targets: Vec<Target>) -> DeleteRequest {
    let live = match app.config.rules().vault_bin {
        Some(keep) => Live::Trash { holder: Holder::Owner, keep },
        None => Live::Purge,
    };
    DeleteRequest { live, ..best_effort(caller, targets) }
}

/// A delete for good of what is live, as far as this dialect's callers reach.
pub(super) fn best_effort(caller: Caller, targets: Vec<Target>) -> DeleteRequest {
    DeleteRequest {
        reach: Reach::OwnOrAdmin,
        atomicity: Atomicity::BestEffort,
        ..DeleteRequest::permanent(caller, Vault::NAME, targets)
    }
}

/// What became of each id of a batch, by name or reason, in the shape that it asks for (3.1).
pub(super) fn batch(outcomes: Vec<(Uuid, Result<String, Reason>)>) -> Response {
    let all_done = outcomes.iter().all(|(_, outcome)| outcome.is_ok());
    match all_done {
        true => {
            wire::json(&AllMarked::new(outcomes.into_iter().filter_map(|(id, name)| Some((id, name.ok()?))).collect()))
        }
        false => wire::json(&SomeRefused::new(outcomes.into_iter().map(|(id, name)| (id, name.err())).collect())),
    }
}

/// The name of what was marked, or why it was not; `missing` says that it is not there.
pub(super) fn marked(verdict: &Verdict, missing: Reason) -> Result<String, Reason> {
    match verdict {
        Verdict::Deleted(deleted) => Ok(deleted.name.clone()),
        // The others belong to calls of which there is none here.
        Verdict::NotFound | Verdict::Untouched | Verdict::Forbidden | Verdict::NoVersion => Err(missing),
        Verdict::Waiting => Err(Reason::LOCKED),
        Verdict::Held => Err(Reason::ON_HOLD),
        Verdict::Locked => Err(Reason::LOCKED),
    }
}

fn uid(outcome: &Outcome) -> Uuid {
    match outcome.target {
        Target::FileUid(uid) | Target::FolderUid(uid) => uid,
        Target::Version { file: uid, .. } | Target::Entry { uid, .. } => uid,
        // No call of this dialect names anything by its number.
        Target::FileId(_) | Target::FolderId(_) | Target::PastVersion { .. } => Uuid::nil(),
    }
}

/// A batch names at most so many (vault.md 2.2).
pub(super) const IDS_LIMIT: usize = 10_000;

/// The ids of a batch. One that is none spoils the whole call, before anything is done.
pub(super) async fn ids(body: Body) -> Result<Vec<Uuid>, Refusal> {
    let elements = params::json_array(body).await?;
    if elements.len() > IDS_LIMIT {
        return Err(Refusal::INVALID_REQUEST);
    }
    let id = |element: &Value| match element.as_str() {
        Some(text) => Id::parse(text).map(|Id(uid)| uid),
        None => Err(Refusal::INVALID_PARAMETER),
    };
    elements.iter().map(id).collect()
}
