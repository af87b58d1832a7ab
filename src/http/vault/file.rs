//! Reading, describing and listing files (vault.md 4.6 to 4.8).

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::{
    error::Refusal,
    params::{self, Count, Id, Params, Segments, Start},
    wire::{self, FileStatus, List},
};
use crate::{
    engine::model::{Caller, FileOrder, FileQuery, Page, Whose},
    http::{
        App,
        content::{Disposition, user_bytes},
    },
};

pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Segments(Id(file)): Segments<Id>,
) -> Result<Response, Refusal> {
    let content = app.engine.read(&caller, file).await?;
    Ok(user_bytes(content, Disposition::Attachment))
}

pub(super) async fn status(
    State(app): State<App>,
    caller: Caller,
    Segments(Id(file)): Segments<Id>,
) -> Result<Response, Refusal> {
    let file = app.engine.file(&caller, file).await?;
    Ok(wire::json(&FileStatus::new(file, &caller)))
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments((list, Start(offset), Count(limit))): Segments<(ListType, Start, Count)>,
    params: Params,
) -> Result<Response, Refusal> {
    let (order, descending) = order(&params)?;
    let live = asks_for_live(&params)?;
    let query = FileQuery { whose: list.into(), order, descending, find: params.find()?, offset, limit };
    let page = app.engine.files(&caller, query).await?;
    let page = if live { page } else { Page { total: 0, items: Vec::new() } };
    let items = page.items.into_iter().map(|file| FileStatus::new(file, &caller)).collect();
    Ok(wire::json(&List { filter_count: page.total, items }))
}

/// Whose files a list is to show.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ListType {
    My,
    All,
}

impl From<ListType> for Whose {
    fn from(list: ListType) -> Self {
        match list {
            ListType::My => Whose::Own,
            ListType::All => Whose::All,
        }
    }
}

const COLUMNS: [(&str, FileOrder); 3] =
    [("expires", FileOrder::Expires), ("name", FileOrder::Name), ("size", FileOrder::Size)];

fn order(params: &Params) -> Result<(FileOrder, bool), Refusal> {
    let (column, descending) = params.sort(&COLUMNS.map(|(name, _)| name))?;
    Ok((column.map_or(FileOrder::Id, |place| COLUMNS[place].1), descending))
}

/// The vendor's names of a file's states. Files that are not live are in none of the lists: `Deleted` will show what
/// lies in a bin once there is one, and the other states do not occur here.
const STATES: [&str; 9] =
    ["Unknown", "Uploading", "Pending", "Processing", "Available", "Locked", "Blocked", "Unavailable", "Deleted"];

/// Whether a list asks for live files: if it names no states, or names theirs.
fn asks_for_live(params: &Params) -> Result<bool, Refusal> {
    let Some(states) = params.text("AvailabilityState")? else {
        return Ok(true);
    };
    let asked = states.split(',').map(|state| params::word(state.trim(), &STATES));
    let asked = asked.collect::<Result<Vec<_>, _>>()?;
    Ok(asked.iter().any(|place| STATES[*place] == wire::AVAILABLE))
}
