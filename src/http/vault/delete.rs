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
    engine::model::{Atomicity, Caller, DeleteRequest, Deleted, Outcome, Reach, Target, Verdict},
    http::{App, Dialect},
};

pub(super) async fn files(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let targets = ids(body).await?.into_iter().map(Target::FileUid).collect();
    let outcomes = app.engine.delete(request(caller.allow()?, targets)).await?;
    let all_marked: Result<Vec<&Deleted>, Reason> = outcomes.iter().map(|outcome| marked(outcome, FILE)).collect();
    Ok(match all_marked {
        Ok(files) => wire::json(&AllMarked::new(files)),
        Err(_) => {
            let each = outcomes.iter().map(|outcome| (uid(outcome), marked(outcome, FILE).err()));
            wire::json(&SomeRefused::new(each.collect()))
        }
    })
}

pub(super) async fn folders(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let targets = ids(body).await?.into_iter().map(Target::FolderUid).collect();
    let outcomes = app.engine.delete(request(caller.allow()?, targets)).await?;
    let refused: Vec<Reason> = outcomes.iter().filter_map(|outcome| marked(outcome, FOLDER).err()).collect();
    Ok(wire::json(&FoldersOutcome::new(outcomes.len() - refused.len(), refused)))
}

pub(super) async fn file(
    State(app): State<App>,
    caller: Writer,
    Segments(Id(file)): Segments<Id>,
) -> Result<Response, Refusal> {
    let outcomes = app.engine.delete(request(caller.allow()?, vec![Target::FileUid(file)])).await?;
    let refused = outcomes.iter().find_map(|outcome| marked(outcome, FILE).err());
    match refused {
        None => Ok(StatusCode::OK.into_response()),
        Some(FILE) => Err(Refusal::not_found(FILE)),
        Some(reason) => Err(Refusal::forbidden(reason)),
    }
}

const FILE: Reason = Reason::FILE_TO_DELETE_NOT_FOUND;
const FOLDER: Reason = Reason::FOLDER_TO_DELETE_NOT_FOUND;

/// Administrators reach every tree; each target stands for itself (3.1).
fn request(caller: Caller, targets: Vec<Target>) -> DeleteRequest {
    DeleteRequest {
        reach: Reach::OwnOrAdmin,
        atomicity: Atomicity::BestEffort,
        ..DeleteRequest::permanent(caller, Vault::NAME, targets)
    }
}

/// What was marked, or why it was not; `missing` says that it is not there.
fn marked(outcome: &Outcome, missing: Reason) -> Result<&Deleted, Reason> {
    match &outcome.verdict {
        Verdict::Deleted(deleted) => Ok(deleted),
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
const IDS_LIMIT: usize = 10_000;

/// The ids of a batch. One that is none spoils the whole call, before anything is marked.
async fn ids(body: Body) -> Result<Vec<Uuid>, Refusal> {
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
