//! Folders (vault.md 4.9, 4.10).

use axum::{extract::State, response::Response};

use super::{
    error::Refusal,
    params::{Count, Id, Segments, Start},
    wire::{self, FolderContent, RootFolder},
};
use crate::{engine::model::Caller, http::App};

pub(super) async fn root(State(app): State<App>, caller: Caller) -> Result<Response, Refusal> {
    let root = app.engine.root(&caller).await.map_err(Refusal::of_folder)?;
    Ok(wire::json(&RootFolder::from(root)))
}

pub(super) async fn content(
    State(app): State<App>,
    caller: Caller,
    Segments((Id(folder), Start(offset), Count(limit))): Segments<(Id, Start, Count)>,
) -> Result<Response, Refusal> {
    let page = app.engine.folder_content(&caller, folder, offset, limit).await.map_err(Refusal::of_folder)?;
    Ok(wire::json(&FolderContent::new(folder, page)))
}
