//! Edit sessions (onlyoffice.md 3.6).

use axum::{extract::State, response::Response};
use uuid::Uuid;

use crate::{
    engine::model::{Caller, NodeRef},
    http::{
        App,
        onlyoffice::{
            asked::Asked,
            error::Refusal,
            params::{Id, Params, Query},
            wire::Tracked,
        },
    },
};

pub(in super::super) async fn start(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(file): Id,
    params: Params,
) -> Result<Response, Refusal> {
    let exclusive = params.is_on("editingAlone")?;
    let key = app.engine.start_edit(&caller, NodeRef::FileId(file), exclusive).await?;
    Ok(asked.one(&key))
}

pub(in super::super) async fn track(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(file): Id,
    Query(params): Query,
) -> Result<Response, Refusal> {
    let tab = params.uuid("tabId")?.unwrap_or(Uuid::nil());
    let key = params.text("docKeyForTrack")?.unwrap_or_default();
    let finish = params.is_on("isFinish")?;
    app.engine.track_edit(&caller, NodeRef::FileId(file), tab, &key, finish).await?;
    Ok(asked.one(&Tracked::DONE))
}
