//! Deleting files, folders and past versions, and emptying the trash (onlyoffice.md 3, 4.4 to 4.6).

use axum::{extract::State, response::Response};
use serde_json::Value;

use super::{super::params::whole, operation::answer};
use crate::{
    engine::model::{
        Atomicity, Caller, DeleteRequest, Edited, Holder, Live, NodeRef, Operation, OperationKind, Outcome, Reach,
        Target, Trashed,
    },
    http::{
        App, Dialect,
        onlyoffice::{
            OnlyOffice,
            asked::Asked,
            error::Refusal,
            params::{Entries, Id, Params},
        },
    },
};

pub(in super::super) async fn entries(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let entries = params.entries()?;
    delete(&app, &asked, caller, &params, entries).await
}

pub(in super::super) async fn file(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(file): Id,
    params: Params,
) -> Result<Response, Refusal> {
    delete(&app, &asked, caller, &params, Entries { files: vec![file], folders: Vec::new() }).await
}

pub(in super::super) async fn folder(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(folder): Id,
    params: Params,
) -> Result<Response, Refusal> {
    delete(&app, &asked, caller, &params, Entries { files: Vec::new(), folders: vec![folder] }).await
}

async fn delete(
    app: &App,
    asked: &Asked,
    caller: Caller,
    params: &Params,
    entries: Entries,
) -> Result<Response, Refusal> {
    let (immediately, after) = (params.is_on("immediately")?, params.is_on("deleteAfter")?);
    let single = params.is_on("returnSingleOperation")?;
    // Files are handled before folders (3.3).
    let files = entries.files.into_iter().map(Target::FileId);
    let targets = files.chain(entries.folders.into_iter().map(Target::FolderId)).collect();
    let (live, trashed) = match immediately {
        true => (Live::Purge, Trashed::Purge),
        false => (Live::Trash { holder: Holder::Caller, keep: app.config.trash_keep }, Trashed::PurgeUnlessRepeat),
    };
    let edited = if after { Edited::Wait } else { Edited::Refuse };
    let new = submit(app, request(&caller, targets, live, trashed, edited)).await?;
    answer(app, asked, &caller, OperationKind::Delete, new, single).await
}

pub(in super::super) async fn versions(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let single = params.is_on("returnSingleOperation")?;
    params.flag("deleteAfter")?;
    let numbers: Option<Vec<u32>> = params.list("versions").into_iter().map(number).collect();
    let numbers = numbers.ok_or_else(|| Refusal::bad_value("versions"))?;
    let new = match numbers.is_empty() {
        true => None,
        false => {
            let file = params.id("fileId")?.ok_or_else(|| Refusal::bad_value("fileId"))?;
            delete_versions(&app, &caller, file, numbers).await?
        }
    };
    answer(&app, &asked, &caller, OperationKind::Delete, new, single).await
}

async fn delete_versions(
    app: &App,
    caller: &Caller,
    file: i64,
    numbers: Vec<u32>,
) -> Result<Option<Operation>, Refusal> {
    let targets = numbers.into_iter().map(|number| Target::PastVersion { file, number }).collect();
    let request = request(caller, targets, Live::Purge, Trashed::NotFound, Edited::Refuse);
    match submit(app, request).await {
        // In the trash it is there, and keeps its versions (4.5).
        Err(refusal)
            if refusal == Refusal::FILE_NOT_FOUND && app.engine.lies_in_trash(NodeRef::FileId(file)).await? =>
        {
            Err(Refusal::ACCESS_DENIED)
        }
        other => other,
    }
}

/// A version's number, from 1 on.
fn number(value: &Value) -> Option<u32> {
    whole(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}

pub(in super::super) async fn empty_trash(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let single = params.is_on("single")? || params.is_on("returnSingleOperation")?;
    let new = match params.number("folderType")? {
        None | Some(MY_DOCUMENTS) => app.engine.empty_trash(&caller, OnlyOffice::NAME).await?,
        Some(room) if ROOMS.contains(&room) => None,
        Some(_) => return Err(Refusal::bad_value("folderType")),
    };
    answer(&app, &asked, &caller, OperationKind::Delete, new, single).await
}

const MY_DOCUMENTS: u64 = 5;
/// The vendor's kinds of rooms, of which there is none here (4.6).
const ROOMS: [u64; 6] = [14, 15, 16, 19, 22, 29];

fn request(caller: &Caller, targets: Vec<Target>, live: Live, trashed: Trashed, edited: Edited) -> DeleteRequest {
    DeleteRequest {
        caller: caller.clone(),
        dialect: OnlyOffice::NAME,
        targets,
        reach: Reach::Rights,
        atomicity: Atomicity::AllOrNothing,
        live,
        trashed,
        edited,
    }
}

/// The operation that was kept, or why the whole was refused. `None`: nothing was named.
async fn submit(app: &App, request: DeleteRequest) -> Result<Option<Operation>, Refusal> {
    if request.targets.is_empty() {
        return Ok(None);
    }
    let marked = app.engine.delete_as_operation(request).await?;
    match refusal(&marked.outcomes) {
        Some(refusal) => Err(refusal),
        None => Ok(marked.operation),
    }
}

/// The first failure answers for all; folders are looked at before files, though files are handled first (3.2).
fn refusal(outcomes: &[Outcome]) -> Option<Refusal> {
    let is_folder = |outcome: &&Outcome| matches!(outcome.target, Target::FolderId(_) | Target::FolderUid(_));
    let folders = outcomes.iter().filter(is_folder);
    let files = outcomes.iter().filter(|outcome| !is_folder(outcome));
    folders.chain(files).find_map(|outcome| Refusal::of_verdict(&outcome.target, &outcome.verdict))
}
