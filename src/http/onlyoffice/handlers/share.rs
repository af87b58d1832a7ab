//! Who may do what with an entry (onlyoffice.md 4.9).

use axum::{extract::State, response::Response};
use serde_json::Value;

use crate::{
    engine::model::{self, Caller, NodeRef, Rights, ShareChange},
    http::{
        App,
        onlyoffice::{
            asked::Asked,
            error::Refusal,
            params::{Id, Params, whole},
            wire::{Share, rights},
        },
    },
};

pub(in super::super) async fn of_file(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Refusal> {
    list(&app, &asked, &caller, NodeRef::FileId(id)).await
}

pub(in super::super) async fn of_folder(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Refusal> {
    list(&app, &asked, &caller, NodeRef::FolderId(id)).await.map_err(Refusal::into_folder)
}

pub(in super::super) async fn set_of_file(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
    params: Params,
) -> Result<Response, Refusal> {
    set(&app, &asked, &caller, NodeRef::FileId(id), &params).await
}

pub(in super::super) async fn set_of_folder(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
    params: Params,
) -> Result<Response, Refusal> {
    set(&app, &asked, &caller, NodeRef::FolderId(id), &params).await.map_err(Refusal::into_folder)
}

async fn list(app: &App, asked: &Asked, caller: &Caller, node: NodeRef) -> Result<Response, Refusal> {
    let item = app.engine.item(caller, node, Rights::READ).await?;
    let shares = app.engine.shares(caller, node).await?;
    Ok(answer(asked, &shares, item.rights().has(Rights::SHARE)))
}

async fn set(app: &App, asked: &Asked, caller: &Caller, node: NodeRef, params: &Params) -> Result<Response, Refusal> {
    params.flag("notify")?;
    let changes: Option<Vec<ShareChange>> = params.list("share").into_iter().map(change).collect();
    let changes = changes.ok_or_else(|| Refusal::bad_value("share"))?;
    let shares = app.engine.set_shares(caller, node, changes).await?;
    Ok(answer(asked, &shares, true))
}

fn answer(asked: &Asked, shares: &[model::Share], may_change: bool) -> Response {
    asked.list(&shares.iter().map(|share| Share::new(share, may_change)).collect::<Vec<_>>())
}

fn change(value: &Value) -> Option<ShareChange> {
    let with = value.get("shareto")?.as_str()?.parse().ok()?;
    Some(ShareChange { with, rights: rights(whole(value.get("access")?)?)? })
}
