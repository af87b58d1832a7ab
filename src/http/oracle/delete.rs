//! Deleting files, single versions and folders: all of them into the trash (oracle.md 3).

use axum::extract::State;

use super::{
    Oracle,
    answer::Answer,
    auth::{Asker, Named, Reached},
    error::{Refusal, refusing},
    params::{File, Folder, Members, Query, Version},
    wire::Deleted,
};
use crate::{
    engine::model::{Atomicity, Caller, DeleteRequest, Edited, Holder, Live, Reach, Target, Trashed, Verdict},
    http::{App, Dialect},
};

pub(super) async fn file(
    State(app): State<App>,
    asker: Asker,
    File(file): File,
    query: Query,
    members: Members,
) -> Result<Answer, Refusal> {
    let version = Version::to_delete(&query, &members)?;
    let text = version.as_ref().map(|version| version.text.as_str());
    to_trash(&app, &asker, &file, version.as_ref()).await.map_err(|refusal| refusal.of_version(text))?;
    Ok(Answer::ok(&Deleted { id_list: file.id, r#type: "file" }))
}

pub(super) async fn folder(
    State(app): State<App>,
    asker: Asker,
    Folder(folder): Folder,
    query: Query,
    members: Members,
) -> Result<Answer, Refusal> {
    Version::none(&query, &members)?;
    to_trash(&app, &asker, &folder, None).await?;
    Ok(Answer::ok(&Deleted { id_list: folder.id, r#type: "folder" }))
}

/// Moves a file, one of its versions or a folder to the trash of the owner of its tree.
pub(super) async fn to_trash(
    app: &App,
    asker: &Asker,
    named: &Named,
    version: Option<&Version>,
) -> Result<(), Refusal> {
    let Reached { caller, uid, is_folder } = asker.reach(named).await?;
    let target = match (is_folder, version) {
        (true, _) => Target::FolderUid(uid),
        (false, None) => Target::FileUid(uid),
        (false, Some(version)) => Target::Version { file: uid, number: version.number },
    };
    let live = Live::Trash { holder: Holder::Owner, keep: app.config.trash_keep };
    one(app, DeleteRequest { live, ..request(caller, target) }).await
}

/// Destroys an entry of the trash.
pub(super) async fn from_trash(app: &App, caller: Caller, entry: Target) -> Result<(), Refusal> {
    one(app, DeleteRequest { live: Live::NotFound, trashed: Trashed::Purge, ..request(caller, entry) }).await
}

fn request(caller: Caller, target: Target) -> DeleteRequest {
    DeleteRequest {
        caller,
        dialect: Oracle::NAME,
        targets: vec![target],
        reach: Reach::Rights,
        atomicity: Atomicity::AllOrNothing,
        live: Live::NotFound,
        trashed: Trashed::NotFound,
        edited: Edited::Refuse,
    }
}

async fn one(app: &App, request: DeleteRequest) -> Result<(), Refusal> {
    let caller = request.caller.clone();
    let outcomes = app.engine.delete(request).await.map_err(refusing(&caller))?;
    match outcomes.into_iter().next().map(|outcome| outcome.verdict) {
        Some(Verdict::Deleted(_)) => Ok(()),
        // The first cannot be: an only target is not stopped by another.
        Some(Verdict::Untouched | Verdict::NotFound | Verdict::NoVersion) | None => Err(Refusal::MISSING),
        Some(Verdict::Forbidden) => Err(Refusal::forbidden(&caller)),
        Some(Verdict::Held) => Err(Refusal::HELD),
        Some(Verdict::Locked | Verdict::Waiting) => Err(Refusal::LOCKED),
    }
}
