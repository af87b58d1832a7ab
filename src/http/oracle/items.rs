//! What files and folders have in common: a name, a place, and lists by their ids (oracle.md 4.2, 4.3).

use axum::extract::State;

use super::{
    answer::Answer,
    auth::{Asker, Named, Reached},
    error::{Refusal, refusing},
    ids::Ids,
    params::{File, Folder, Members, Query},
    wire::{Entry, List, Listed, Shown},
};
use crate::{
    engine::{
        error::Error,
        model::{Caller, Clash, Item, NodeId, Presence, Rights},
    },
    http::App,
};

/// A file or folder as its object.
pub(super) async fn shown(app: &App, caller: &Caller, item: Item) -> Result<Entry, Refusal> {
    let children = match &item {
        Item::File(_) => 0,
        Item::Folder(folder) => children(app, caller, &[folder.id]).await?.first().copied().unwrap_or_default(),
    };
    let ids = Ids::of(&app.engine);
    Ok(Entry::new(item, children, &Shown { ids: &ids, reader: caller.account }))
}

/// How many things lie in each of these folders, itself.
pub(super) async fn children(app: &App, caller: &Caller, folders: &[NodeId]) -> Result<Vec<u64>, Refusal> {
    match folders {
        [] => Ok(Vec::new()),
        folders => app.engine.child_counts(folders).await.map_err(refusing(caller)),
    }
}

pub(super) async fn rename_file(
    state: State<App>,
    asker: Asker,
    File(file): File,
    members: Members,
) -> Result<Answer, Refusal> {
    let name = members.name()?.ok_or_else(|| Refusal::invalid("name"))?;
    rename(state, asker, file, Some(name), None).await
}

pub(super) async fn edit_folder(
    state: State<App>,
    asker: Asker,
    Folder(folder): Folder,
    members: Members,
) -> Result<Answer, Refusal> {
    let (name, description) = (members.name()?, members.description()?);
    if name.is_none() && description.is_none() {
        return Err(Refusal::invalid("name"));
    }
    rename(state, asker, folder, name, description).await
}

async fn rename(
    State(app): State<App>,
    asker: Asker,
    named: Named,
    name: Option<crate::engine::model::NodeName>,
    description: Option<String>,
) -> Result<Answer, Refusal> {
    let reached = asker.reach(&named).await?;
    let (caller, node) = (&reached.caller, reached.node());
    let item =
        app.engine.rename(caller, node, name, description, Clash::RefuseAnyCase).await.map_err(refusing(caller))?;
    Ok(Answer::ok(&shown(&app, caller, item).await?))
}

pub(super) async fn move_file(
    state: State<App>,
    asker: Asker,
    File(file): File,
    members: Members,
) -> Result<Answer, Refusal> {
    relocate(state, asker, file, members, How::Move).await
}

pub(super) async fn move_folder(
    state: State<App>,
    asker: Asker,
    Folder(folder): Folder,
    members: Members,
) -> Result<Answer, Refusal> {
    relocate(state, asker, folder, members, How::Move).await
}

pub(super) async fn copy_file(
    state: State<App>,
    asker: Asker,
    File(file): File,
    members: Members,
) -> Result<Answer, Refusal> {
    relocate(state, asker, file, members, How::Copy).await
}

pub(super) async fn copy_folder(
    state: State<App>,
    asker: Asker,
    Folder(folder): Folder,
    members: Members,
) -> Result<Answer, Refusal> {
    relocate(state, asker, folder, members, How::Copy).await
}

#[derive(Clone, Copy)]
enum How {
    Move,
    Copy,
}

async fn relocate(
    State(app): State<App>,
    asker: Asker,
    named: Named,
    members: Members,
    how: How,
) -> Result<Answer, Refusal> {
    let destination = members.destination()?;
    let Reached { caller, uid, is_folder } = asker.reach(&named).await?;
    let node = Reached { caller: caller.clone(), uid, is_folder }.node();
    let to = asker.reach(&destination).await.map_err(|refusal| refusal.about(&destination.id))?.node();
    let done = match how {
        How::Move => app.engine.move_node(&caller, node, to, Clash::NumberAnyCase).await,
        How::Copy => app.engine.copy_node(&caller, node, to, Clash::NumberAnyCase).await,
    };
    let item = done.map_err(|error| match error {
        // Into itself, or too deep.
        Error::Invalid(_) | Error::TooDeep => Refusal::invalid("destinationID"),
        other => Refusal::of(other, &caller),
    })?;
    Ok(Answer::ok(&shown(&app, &caller, item).await?))
}

pub(super) async fn list_files(state: State<App>, asker: Asker, query: Query) -> Result<Answer, Refusal> {
    list(state, asker, query, Named::file).await
}

pub(super) async fn list_folders(state: State<App>, asker: Asker, query: Query) -> Result<Answer, Refusal> {
    list(state, asker, query, Named::folder).await
}

/// A list names at most so many ids.
const IDS_LIMIT: usize = 100;

/// Several things by their ids. One that is not there refuses the call, unless it asks for their states.
async fn list(
    State(app): State<App>,
    asker: Asker,
    query: Query,
    named: fn(String) -> Named,
) -> Result<Answer, Refusal> {
    const IDS: &str = "idList";
    let refused = || Refusal::invalid(IDS);
    let ids: Vec<&str> = query.text(IDS)?.ok_or_else(refused)?.split(',').map(str::trim).collect();
    if ids.len() > IDS_LIMIT || ids.iter().any(|id| id.is_empty()) {
        return Err(refused());
    }
    let states = query.text("checkStatus")? == Some("1");
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let thing = named(id.to_owned());
        let listed = match states {
            true => state_of(&app, &asker, &thing).await,
            false => entry(&app, &asker, &thing).await.map(Listed::Full),
        };
        items.push(listed.map_err(|refusal| refusal.about(id))?);
    }
    Ok(Answer::ok(&List::new(items)))
}

async fn entry(app: &App, asker: &Asker, named: &Named) -> Result<Entry, Refusal> {
    let reached = asker.reach(named).await?;
    let caller = &reached.caller;
    let item = app.engine.item(caller, reached.node(), Rights::READ).await.map_err(refusing(caller))?;
    shown(app, caller, item).await
}

/// Whether a thing is there, and the thing itself for those who may see it.
async fn state_of(app: &App, asker: &Asker, named: &Named) -> Result<Listed, Refusal> {
    let id = named.id.clone();
    match asker.presence(named).await? {
        Presence::Missing => Ok(Listed::Status { id, status: "missing" }),
        Presence::InTrash => Ok(Listed::Status { id, status: "inTrash" }),
        Presence::Live => match entry(app, asker, named).await {
            Ok(entry) => Ok(Listed::There { entry, status: "exists" }),
            Err(refusal) if refusal.is_forbidden() => Ok(Listed::Status { id, status: "exists" }),
            Err(other) => Err(other),
        },
    }
}
