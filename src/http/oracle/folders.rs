//! Folders: making, looking at, and what lies in them (oracle.md 4.2, 4.3).

use axum::extract::State;

use super::{
    answer::Answer,
    auth::{Asker, Named},
    error::{Refusal, refusing},
    ids::{HOME, Ids},
    items,
    params::{Folder, Members, Query},
    wire::{Entry, Items, Shown},
};
use crate::{
    engine::model::{Clash, ContentOrder, ContentQuery, Item, NewFolder, Rights},
    http::App,
};

pub(super) async fn create(
    State(app): State<App>,
    asker: Asker,
    Folder(parent): Folder,
    members: Members,
) -> Result<Answer, Refusal> {
    let name = members.name()?.ok_or_else(|| Refusal::invalid("name"))?;
    let description = members.description()?.unwrap_or_default();
    let parent = asker.reach(&parent).await?;
    let new = NewFolder { parent: parent.node(), name, description, clash: Clash::NumberAnyCase };
    let made = app.engine.make_folder(&parent.caller, new).await.map_err(refusing(&parent.caller))?;
    Ok(Answer::created(&items::shown(&app, &parent.caller, Item::Folder(made)).await?))
}

pub(super) async fn info(State(app): State<App>, asker: Asker, Folder(folder): Folder) -> Result<Answer, Refusal> {
    let folder = asker.reach(&folder).await?;
    let caller = &folder.caller;
    let item = app.engine.item(caller, folder.node(), Rights::READ).await.map_err(refusing(caller))?;
    Ok(Answer::ok(&items::shown(&app, caller, item).await?))
}

pub(super) async fn home_items(state: State<App>, asker: Asker, query: Query) -> Result<Answer, Refusal> {
    content(state, asker, Named::folder(HOME), query, Some(HOME)).await
}

pub(super) async fn items(
    state: State<App>,
    asker: Asker,
    Folder(folder): Folder,
    query: Query,
) -> Result<Answer, Refusal> {
    content(state, asker, folder, query, None).await
}

async fn content(
    State(app): State<App>,
    asker: Asker,
    folder: Named,
    query: Query,
    owner_folder_id: Option<&'static str>,
) -> Result<Answer, Refusal> {
    let asked = page(&query)?;
    let (offset, limit) = (asked.offset, asked.limit);
    let reached = asker.reach(&folder).await?;
    let caller = &reached.caller;
    let (folder, page) = app.engine.content_of(caller, reached.node(), asked).await.map_err(refusing(caller))?;
    let folders = page.items.iter().filter_map(|item| match item {
        Item::File(_) => None,
        Item::Folder(folder) => Some(folder.id),
    });
    let counted: Vec<_> = std::iter::once(folder.id).chain(folders).collect();
    let mut counts = items::children(&app, caller, &counted).await?.into_iter();
    let ids = Ids::of(&app.engine);
    let to = Shown { ids: &ids, reader: caller.account };
    let mut next = || counts.next().unwrap_or_default();
    let folder = super::wire::Folder::new(folder, next(), &to);
    let entries = page.items.into_iter().map(|item| {
        let children = if item.is_folder() { next() } else { 0 };
        Entry::new(item, children, &to)
    });
    let entries: Vec<Entry> = entries.collect();
    Ok(Answer::ok(&Items {
        folder,
        count: entries.len().to_string(),
        has_more: if page.more { "1" } else { "0" },
        items: entries,
        limit: limit.to_string(),
        offset: offset.to_string(),
        owner_folder_id,
        total_results: page.total.to_string(),
    }))
}

/// Items of a page, if the request names no number, and at the most.
const PAGE: u64 = 50;
const LONGEST_PAGE: u64 = 10_000;

fn page(query: &Query) -> Result<ContentQuery, Refusal> {
    let limit = query.number("limit")?.unwrap_or(PAGE).min(LONGEST_PAGE);
    if limit == 0 {
        return Err(Refusal::invalid("limit"));
    }
    let (order, descending) = order(query)?;
    Ok(ContentQuery {
        order,
        descending,
        name: query.text("filterName")?.map(str::to_owned),
        find: None,
        offset: query.number("offset")?.unwrap_or(0),
        limit: limit as u32,
    })
}

/// `name:asc`; without a direction, ascending.
fn order(query: &Query) -> Result<(ContentOrder, bool), Refusal> {
    const ORDER: &str = "orderby";
    let Some(text) = query.text(ORDER)? else { return Ok((ContentOrder::Name, false)) };
    let (column, direction) = text.split_once(':').unwrap_or((text, "asc"));
    let order = match column {
        "name" => ContentOrder::Name,
        "createdTime" => ContentOrder::Created,
        "modifiedTime" => ContentOrder::Modified,
        _ => return Err(Refusal::invalid(ORDER)),
    };
    match direction {
        "asc" => Ok((order, false)),
        "desc" => Ok((order, true)),
        _ => Err(Refusal::invalid(ORDER)),
    }
}
