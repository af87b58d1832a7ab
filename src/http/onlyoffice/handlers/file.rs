//! Files: what is known of them, renaming, locking (onlyoffice.md 4.2, 4.3).

use axum::{extract::State, response::Response};

use super::place;
use crate::{
    engine::{
        error::Error,
        model::{Caller, Clash, FileInfo, Item, NodeRef, Rights},
    },
    http::{
        App,
        onlyoffice::{
            asked::Asked,
            error::Refusal,
            params::{Id, Params, Query},
            wire::{File, trashed},
        },
    },
};

pub(in super::super) async fn info(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
    Query(params): Query,
) -> Result<Response, Refusal> {
    let file = match version(&params)? {
        None => match app.engine.file_for(&caller, NodeRef::FileId(id), Rights::READ).await {
            Err(Error::NotFound) => in_trash(&app, &caller, id).await?,
            other => other?,
        },
        Some(number) => app.engine.file_version(&caller, NodeRef::FileId(id), number).await?,
    };
    one(&app, &asked, &caller, &file).await
}

/// The number of a version. `None`: the current one, which clients also call 0 or -1.
pub(super) fn version(params: &Params) -> Result<Option<u32>, Refusal> {
    if params.text("version").is_ok_and(|text| text.as_deref() == Some("-1")) {
        return Ok(None);
    }
    let number = params.number("version")?.filter(|number| *number > 0);
    Ok(number.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
}

async fn in_trash(app: &App, caller: &Caller, id: i64) -> Result<FileInfo, Refusal> {
    match trashed(app.engine.trash_entry_of(caller, NodeRef::FileId(id)).await?) {
        Item::File(file) => Ok(file),
        Item::Folder(_) => Err(Refusal::FILE_NOT_FOUND),
    }
}

pub(in super::super) async fn history(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let versions = app.engine.versions(&caller, NodeRef::FileId(id)).await?;
    let place = place(&app, &caller).await?;
    Ok(asked.list(&versions.iter().map(|file| File::new(file, place)).collect::<Vec<_>>()))
}

pub(in super::super) async fn change(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
    params: Params,
) -> Result<Response, Refusal> {
    let (title, version) = (params.title()?, params.number("lastVersion")?.filter(|number| *number > 0));
    let node = NodeRef::FileId(id);
    let mut file = app.engine.file_for(&caller, node, Rights::WRITE).await?;
    if let Some(number) = version {
        file = app.engine.promote_version(&caller, node, u32::try_from(number).unwrap_or(u32::MAX)).await?;
    }
    if let Some(title) = title {
        match app.engine.rename(&caller, node, Some(title), None, Clash::Keep).await? {
            Item::File(renamed) => file = renamed,
            Item::Folder(_) => return Err(Refusal::FILE_NOT_FOUND),
        }
    }
    one(&app, &asked, &caller, &file).await
}

pub(in super::super) async fn lock(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
    params: Params,
) -> Result<Response, Refusal> {
    let node = NodeRef::FileId(id);
    let file = match params.flag("lockFile")?.ok_or_else(|| Refusal::bad_value("lockFile"))? {
        true => app.engine.lock(&caller, node).await?,
        false => app.engine.unlock(&caller, node, None).await?,
    };
    one(&app, &asked, &caller, &file).await
}

pub(super) async fn one(app: &App, asked: &Asked, caller: &Caller, file: &FileInfo) -> Result<Response, Refusal> {
    Ok(asked.one(&File::new(file, place(app, caller).await?)))
}
