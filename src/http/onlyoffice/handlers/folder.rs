//! Folders: what lies in them, making and renaming them (onlyoffice.md 4.1 to 4.3).

use axum::{extract::State, response::Response};

use super::place;
use crate::{
    engine::{
        error::Error,
        model::{
            Caller, Clash, ContentOrder, ContentQuery, FolderInfo, Item, NewFolder, NodeRef, Rights, TrashQuery,
            TrashScope,
        },
    },
    http::{
        App,
        onlyoffice::{
            asked::Asked,
            error::Refusal,
            params::{Id, Params, Query},
            wire::{Content, Current, Folder, Part, trashed},
        },
    },
};

pub(in super::super) async fn mine(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Query(params): Query,
) -> Result<Response, Refusal> {
    content_of(&app, &asked, &caller, NodeRef::Home, &params).await
}

pub(in super::super) async fn content(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(folder): Id,
    Query(params): Query,
) -> Result<Response, Refusal> {
    match folder == app.engine.trash_id(&caller).await?.0 {
        true => trash_content(&app, &asked, &caller, &params).await,
        false => content_of(&app, &asked, &caller, NodeRef::FolderId(folder), &params).await,
    }
}

async fn content_of(
    app: &App,
    asked: &Asked,
    caller: &Caller,
    folder: NodeRef,
    params: &Params,
) -> Result<Response, Refusal> {
    let query = query(params)?;
    let start = query.offset;
    let (current, page) = match app.engine.content_of(caller, folder, query).await {
        Ok(found) => found,
        Err(error) => return Err(of_folder(app, folder, error).await?),
    };
    let way = app.engine.way_to(caller, folder).await.map_err(Refusal::of_folder)?;
    let place = place(app, caller).await?;
    let parts = way.iter().map(Part::new).collect();
    let current = Folder::new(&current, place);
    Ok(asked.one(&Content::new(current, Some(parts), &page.items, (start, page.total), place)))
}

/// A folder that is not there may lie in a trash: then it is refused (4.1, 5).
pub(super) async fn of_folder(app: &App, folder: NodeRef, error: Error) -> Result<Refusal, Refusal> {
    Ok(match error {
        Error::NotFound if app.engine.lies_in_trash(folder).await? => Refusal::ACCESS_DENIED,
        other => Refusal::of_folder(other),
    })
}

pub(in super::super) async fn trash(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Query(params): Query,
) -> Result<Response, Refusal> {
    trash_content(&app, &asked, &caller, &params).await
}

async fn trash_content(app: &App, asked: &Asked, caller: &Caller, params: &Params) -> Result<Response, Refusal> {
    let ContentQuery { offset, limit, .. } = query(params)?;
    let query = TrashQuery { scope: TrashScope::Own, versions: false, counted: true, offset, limit };
    let page = app.engine.trash(caller, query).await?;
    let items: Vec<Item> = page.items.into_iter().map(trashed).collect();
    let place = place(app, caller).await?;
    let current = Folder::of_system(Current::Trash, place);
    Ok(asked.one(&Content::new(current, None, &items, (offset, page.total), place)))
}

pub(in super::super) async fn shared(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
) -> Result<Response, Refusal> {
    let items = app.engine.shared_with(&caller).await?;
    system(&app, &asked, &caller, Current::Share, &items).await
}

pub(in super::super) async fn common(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
) -> Result<Response, Refusal> {
    system(&app, &asked, &caller, Current::Common, &[]).await
}

pub(in super::super) async fn recent(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
) -> Result<Response, Refusal> {
    system(&app, &asked, &caller, Current::Recent, &[]).await
}

pub(in super::super) async fn favorites(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
) -> Result<Response, Refusal> {
    system(&app, &asked, &caller, Current::Favorites, &[]).await
}

async fn system(
    app: &App,
    asked: &Asked,
    caller: &Caller,
    current: Current,
    items: &[Item],
) -> Result<Response, Refusal> {
    let place = place(app, caller).await?;
    let current = Folder::of_system(current, place);
    Ok(asked.one(&Content::new(current, None, items, (0, items.len() as u64), place)))
}

pub(in super::super) async fn info(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let place = place(&app, &caller).await?;
    if id == place.trash {
        return Ok(asked.one(&Folder::of_system(Current::Trash, place)));
    }
    let folder = match app.engine.folder_for(&caller, NodeRef::FolderId(id), Rights::READ).await {
        Err(Error::NotFound) => in_trash(&app, &caller, id).await?,
        other => other.map_err(Refusal::of_folder)?,
    };
    Ok(asked.one(&Folder::new(&folder, place)))
}

async fn in_trash(app: &App, caller: &Caller, id: i64) -> Result<FolderInfo, Refusal> {
    let entry = app.engine.trash_entry_of(caller, NodeRef::FolderId(id)).await.map_err(Refusal::of_folder)?;
    match trashed(entry) {
        Item::Folder(folder) => Ok(folder),
        Item::File(_) => Err(Refusal::FOLDER_NOT_FOUND),
    }
}

pub(in super::super) async fn make(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(parent): Id,
    params: Params,
) -> Result<Response, Refusal> {
    let name = params.title()?.ok_or_else(|| Refusal::bad_value("title"))?;
    let parent = NodeRef::FolderId(parent);
    let new = NewFolder { parent, name, description: String::new(), clash: Clash::Keep };
    let folder = match app.engine.make_folder(&caller, new).await {
        Ok(folder) => folder,
        Err(error) => return Err(of_folder(&app, parent, error).await?),
    };
    Ok(asked.one(&Folder::new(&folder, place(&app, &caller).await?)))
}

pub(in super::super) async fn rename(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
    params: Params,
) -> Result<Response, Refusal> {
    let name = params.title()?.ok_or_else(|| Refusal::bad_value("title"))?;
    let renamed = app.engine.rename(&caller, NodeRef::FolderId(id), Some(name), None, Clash::Keep).await;
    match renamed.map_err(Refusal::of_folder)? {
        Item::Folder(folder) => Ok(asked.one(&Folder::new(&folder, place(&app, &caller).await?))),
        Item::File(_) => Err(Refusal::FOLDER_NOT_FOUND),
    }
}

/// Entries in one answer, where a call does not say, and at the most.
const PAGE: u32 = 10_000;

fn query(params: &Params) -> Result<ContentQuery, Refusal> {
    let sort = params.text("sortBy")?.unwrap_or_default().to_lowercase();
    let order = match sort.as_str() {
        "dateandtime" | "updated" | "lastmodified" => ContentOrder::Modified,
        "dateandtimecreation" | "created" => ContentOrder::Created,
        "size" => ContentOrder::Size,
        // The vendor sorts by more than there is here; by name is never wrong.
        _ => ContentOrder::Name,
    };
    let descending = match params.text("sortOrder")?.unwrap_or_default().to_lowercase().as_str() {
        "" | "ascending" | "asc" | "0" => false,
        "descending" | "desc" | "1" => true,
        _ => return Err(Refusal::bad_value("sortOrder")),
    };
    let limit = params.number("count")?.map_or(PAGE, |count| u32::try_from(count).unwrap_or(PAGE).min(PAGE));
    Ok(ContentQuery {
        order,
        descending,
        name: None,
        find: params.text("filterValue")?.filter(|text| !text.is_empty()),
        offset: params.number("startIndex")?.unwrap_or_default(),
        limit,
    })
}
