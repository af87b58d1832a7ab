//! Operations: looked at, consumed, ended (onlyoffice.md 3.4, 4.8).

use axum::{
    extract::{Path, Request, State},
    http::Method,
    response::Response,
};
use uuid::Uuid;

use super::place;
use crate::{
    engine::model::{Caller, Operation, OperationKind, OperationQuery},
    http::{
        Access, App, Dialect,
        onlyoffice::{
            OnlyOffice,
            asked::Asked,
            auth,
            error::Refusal,
            params::Query,
            wire::{OperationRecord, kind_of},
        },
    },
};

/// What a call that began an operation answers: the new one as it was accepted, then the caller's other unfinished ones
/// of its kind, unless only the new one is asked for.
pub(super) async fn answer(
    app: &App,
    asked: &Asked,
    caller: &Caller,
    kind: OperationKind,
    new: Option<Operation>,
    single: bool,
) -> Result<Response, Refusal> {
    let place = place(app, caller).await?;
    let mut records: Vec<OperationRecord> =
        new.iter().map(|new| OperationRecord::accepted(new, asked.form, place)).collect();
    if !single || new.is_none() {
        let query = OperationQuery { kind: Some(kind), unfinished: true, ..OperationQuery::default() };
        let others = app.engine.operations(caller, OnlyOffice::NAME, query).await?;
        let others = others.iter().filter(|other| new.as_ref().is_none_or(|new| new.uid != other.uid));
        records.extend(others.map(|other| OperationRecord::new(other, asked.form, place)));
    }
    Ok(asked.list(&records))
}

/// All of the caller's, or one.
pub(in super::super) async fn list(
    State(app): State<App>,
    asked: Asked,
    Query(params): Query,
    request: Request,
) -> Result<Response, Refusal> {
    let Some(caller) = reader(&app, request).await? else { return Ok(nothing(&asked)) };
    let query = match params.text("id")? {
        None => OperationQuery::default(),
        Some(id) => match id.parse::<Uuid>() {
            Ok(uid) => OperationQuery { uid: Some(uid), ..OperationQuery::default() },
            // No operation has such an id.
            Err(_) => return Ok(nothing(&asked)),
        },
    };
    take(&app, &asked, &caller, query).await
}

/// Those of one kind.
pub(in super::super) async fn list_kind(
    State(app): State<App>,
    asked: Asked,
    Path(number): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let number = number.parse::<u64>().ok().filter(|number| *number <= 7);
    let Some(caller) = reader(&app, request).await? else { return Ok(nothing(&asked)) };
    match kind_of(number.ok_or_else(|| Refusal::bad_value("operationType"))?) {
        Some(kind) => {
            take(&app, &asked, &caller, OperationQuery { kind: Some(kind), ..OperationQuery::default() }).await
        }
        None => Ok(nothing(&asked)),
    }
}

pub(in super::super) async fn terminate_all(
    State(app): State<App>,
    asked: Asked,
    request: Request,
) -> Result<Response, Refusal> {
    let Some(caller) = caller(&app, request, Access::Write).await? else { return Ok(nothing(&asked)) };
    app.engine.terminate_operations(&caller, OnlyOffice::NAME, None).await?;
    remaining(&app, &asked, &caller).await
}

pub(in super::super) async fn terminate(
    State(app): State<App>,
    asked: Asked,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let Some(caller) = caller(&app, request, Access::Write).await? else { return Ok(nothing(&asked)) };
    if let Ok(uid) = id.parse::<Uuid>() {
        app.engine.terminate_operations(&caller, OnlyOffice::NAME, Some(uid)).await?;
    }
    remaining(&app, &asked, &caller).await
}

/// A list forgets what it shows: a HEAD, which shows nothing, is no way to ask for it.
async fn reader(app: &App, request: Request) -> Result<Option<Caller>, Refusal> {
    match *request.method() == Method::HEAD {
        true => Err(Refusal::method_not_allowed("GET")),
        false => caller(app, request, Access::Read).await,
    }
}

/// Without credentials these calls answer as if there were nothing, and do nothing (2).
async fn caller(app: &App, request: Request, access: Access) -> Result<Option<Caller>, Refusal> {
    let (parts, _) = request.into_parts();
    auth::caller(app, &parts, access, true).await
}

fn nothing(asked: &Asked) -> Response {
    asked.list::<OperationRecord>(&[])
}

async fn take(app: &App, asked: &Asked, caller: &Caller, query: OperationQuery) -> Result<Response, Refusal> {
    let operations = app.engine.take_operations(caller, OnlyOffice::NAME, query).await?;
    records(app, asked, caller, &operations).await
}

async fn remaining(app: &App, asked: &Asked, caller: &Caller) -> Result<Response, Refusal> {
    let query = OperationQuery { unfinished: true, ..OperationQuery::default() };
    let operations = app.engine.operations(caller, OnlyOffice::NAME, query).await?;
    records(app, asked, caller, &operations).await
}

async fn records(app: &App, asked: &Asked, caller: &Caller, operations: &[Operation]) -> Result<Response, Refusal> {
    let place = place(app, caller).await?;
    let records: Vec<_> =
        operations.iter().map(|operation| OperationRecord::new(operation, asked.form, place)).collect();
    Ok(asked.list(&records))
}
