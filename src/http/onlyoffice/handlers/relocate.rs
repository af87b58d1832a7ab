//! Restoring, moving, copying (onlyoffice.md 4.7).

use axum::{extract::State, response::Response};

use super::{operation::answer, place};
use crate::{
    engine::model::{Caller, Conflict, MoveRequest, NodeRef, Operation, OperationKind},
    http::{
        App, Dialect,
        onlyoffice::{
            OnlyOffice,
            asked::Asked,
            error::Refusal,
            params::{Entries, Params, Query},
            wire::File,
        },
    },
};

pub(in super::super) async fn move_entries(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let request = with_destination(&app, &caller, &params, OperationKind::Move).await?;
    begin(&app, &asked, &caller, &params, request).await
}

pub(in super::super) async fn copy(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let request = with_destination(&app, &caller, &params, OperationKind::Copy).await?;
    begin(&app, &asked, &caller, &params, request).await
}

pub(in super::super) async fn duplicate(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let request = MoveRequest { conflict: Conflict::Duplicate, ..request(&params, OperationKind::Duplicate)? };
    begin(&app, &asked, &caller, &params, request).await
}

pub(in super::super) async fn mark_as_read(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let request = request(&params, OperationKind::MarkAsRead)?;
    begin(&app, &asked, &caller, &params, request).await
}

/// The files of a move whose titles are taken at its destination.
pub(in super::super) async fn conflicts(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Query(params): Query,
) -> Result<Response, Refusal> {
    let request = with_destination(&app, &caller, &params, OperationKind::Move).await?;
    let files = match request.nodes.is_empty() {
        true => Vec::new(),
        false => app.engine.conflicts(&caller, &request).await?,
    };
    let place = place(&app, &caller).await?;
    Ok(asked.list(&files.iter().map(|file| File::new(file, place)).collect::<Vec<_>>()))
}

async fn begin(
    app: &App,
    asked: &Asked,
    caller: &Caller,
    params: &Params,
    request: MoveRequest,
) -> Result<Response, Refusal> {
    let single = params.is_on("returnSingleOperation")?;
    for unused in ["deleteAfter", "content"] {
        params.flag(unused)?;
    }
    let kind = request.kind;
    let new = match request.nodes.is_empty() {
        true => None,
        false => Some(submit(app, caller, request).await?),
    };
    answer(app, asked, caller, kind, new, single).await
}

async fn submit(app: &App, caller: &Caller, request: MoveRequest) -> Result<Operation, Refusal> {
    Ok(match request.kind {
        OperationKind::Copy | OperationKind::Duplicate => app.engine.copy_as_operation(caller, request).await?,
        OperationKind::MarkAsRead => app.engine.read_as_operation(caller, OnlyOffice::NAME, request.nodes).await?,
        OperationKind::Move | OperationKind::Delete => app.engine.move_as_operation(caller, request).await?,
    })
}

/// What is named, files before folders, to nowhere yet.
fn request(params: &Params, kind: OperationKind) -> Result<MoveRequest, Refusal> {
    let Entries { files, folders } = params.entries()?;
    let nodes = files.into_iter().map(NodeRef::FileId).chain(folders.into_iter().map(NodeRef::FolderId)).collect();
    Ok(MoveRequest { dialect: OnlyOffice::NAME, kind, nodes, destination: None, conflict: Conflict::Skip })
}

async fn with_destination(
    app: &App,
    caller: &Caller,
    params: &Params,
    kind: OperationKind,
) -> Result<MoveRequest, Refusal> {
    let destination = params.id("destFolderId")?.ok_or_else(|| Refusal::bad_value("destFolderId"))?;
    let conflict = match params.number_or_word("conflictResolveType", &["Skip", "Overwrite", "Duplicate"])? {
        None | Some(0) => Conflict::Skip,
        Some(1) => Conflict::Overwrite,
        Some(2) => Conflict::Duplicate,
        Some(_) => return Err(Refusal::bad_value("conflictResolveType")),
    };
    let request = request(params, kind)?;
    // Nothing is put into a trash but by deleting it.
    if destination == app.engine.trash_id(caller).await?.0 {
        return Err(Refusal::ACCESS_DENIED);
    }
    Ok(MoveRequest { destination: Some(NodeRef::FolderId(destination)), conflict, ..request })
}
