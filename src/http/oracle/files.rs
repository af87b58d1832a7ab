//! Files: what they are, what they hold, their names, places and reservations (oracle.md 4.2, 4.3).

use axum::{extract::State, http::HeaderMap, response::Response};

use super::{
    answer::Answer,
    auth::Asker,
    error::{Refusal, refusing},
    ids::Ids,
    params::{File, Members, Query},
    wire::{self, Released, Reservation, Shown, Versions},
};
use crate::{
    engine::model::{Caller, FileInfo, Rights},
    http::{
        App,
        content::{Disposition, user_part},
        range,
    },
};

/// A file as its object.
pub(super) fn shown(app: &App, caller: &Caller, file: FileInfo) -> wire::File {
    let ids = Ids::of(&app.engine);
    wire::File::new(file, &Shown { ids: &ids, reader: caller.account })
}

pub(super) async fn info(
    State(app): State<App>,
    asker: Asker,
    File(file): File,
    query: Query,
) -> Result<Answer, Refusal> {
    let version = query.version()?;
    let file = asker.reach(&file).await?;
    let (caller, node) = (&file.caller, file.node());
    let found = match &version {
        None => app.engine.file_for(caller, node, Rights::READ).await,
        Some(version) => app.engine.file_version(caller, node, version.number).await,
    };
    let text = version.as_ref().map(|version| version.text.as_str());
    let found = found.map_err(|error| Refusal::of(error, caller).of_version(text))?;
    Ok(Answer::ok(&shown(&app, caller, found)))
}

pub(super) async fn data(
    State(app): State<App>,
    asker: Asker,
    File(file): File,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let version = query.version()?;
    let file = asker.reach(&file).await?;
    let (caller, node) = (&file.caller, file.node());
    let number = version.as_ref().map(|version| version.number);
    let text = version.as_ref().map(|version| version.text.as_str());
    let content = app.engine.read_for(caller, node, number, range::asked(&headers), false).await;
    let mut content = content.map_err(|error| Refusal::of(error, caller).of_version(text))?;
    // Whatever it is, here it is bytes (oracle.md 4.3).
    content.file.media_type = "application/octet-stream".to_owned();
    user_part(content, Disposition::Attachment).map_err(|out| Refusal::out_of_range(out.content_range()))
}

pub(super) async fn versions(State(app): State<App>, asker: Asker, File(file): File) -> Result<Answer, Refusal> {
    let file = asker.reach(&file).await?;
    let versions = app.engine.versions(&file.caller, file.node()).await.map_err(refusing(&file.caller))?;
    let ids = Ids::of(&app.engine);
    let shown = Versions::new(versions, &Shown { ids: &ids, reader: file.caller.account });
    shown.map(|versions| Answer::ok(&versions)).ok_or(Refusal::MISSING)
}

pub(super) async fn reserve(State(app): State<App>, asker: Asker, File(named): File) -> Result<Answer, Refusal> {
    let file = asker.reach(&named).await?;
    let locked = app.engine.lock(&file.caller, file.node()).await.map_err(refusing(&file.caller))?;
    let ids = Ids::of(&app.engine);
    let lock = locked.lock.as_ref().ok_or(Refusal::FAILED)?;
    Ok(Answer::ok(&Reservation::new(named.id, lock, &ids)))
}

pub(super) async fn unreserve(
    State(app): State<App>,
    asker: Asker,
    File(named): File,
    members: Members,
) -> Result<Answer, Refusal> {
    const BY: &str = "reservedByUserID";
    let user = Ids::of(&app.engine).parse_user(&members.required(BY)?).ok_or(Refusal::invalid(BY))?;
    let file = asker.reach(&named).await?;
    app.engine.unlock(&file.caller, file.node(), Some(user)).await.map_err(refusing(&file.caller))?;
    Ok(Answer::ok(&Released { id: named.id, r#type: "file" }))
}
