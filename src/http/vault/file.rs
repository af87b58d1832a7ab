//! Reading, describing and listing files (vault.md 4.6 to 4.8).

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::{
    bin,
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
    let states = States::parse(&params)?;
    let query = FileQuery { whose: list.into(), order, descending, find: params.find()?, offset, limit };
    let mut page = match states.live {
        true => app.engine.files(&caller, query.clone()).await?,
        false => {
            // Whoever may not see a list may not see an empty one either.
            app.engine.files(&caller, FileQuery { offset: 0, limit: 0, ..query.clone() }).await?;
            Page::empty(0)
        }
    };
    if states.binned {
        // Live files stand before them.
        let (offset, limit) = (offset.saturating_sub(page.total), limit.saturating_sub(page.items.len() as u32));
        let binned = bin::files(&app, &caller, FileQuery { offset, limit, ..query }).await?;
        page.total += binned.total;
        page.items.extend(binned.items);
    }
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

/// The vendor's names of a file's states. Only [`wire::AVAILABLE`] and [`wire::DELETED`] occur here.
const STATES: [&str; 9] =
    ["Unknown", "Uploading", "Pending", "Processing", "Available", "Locked", "Blocked", "Unavailable", "Deleted"];

/// Which files a list asks for: live ones if it names no states.
struct States {
    live: bool,
    binned: bool,
}

impl States {
    fn parse(params: &Params) -> Result<Self, Refusal> {
        let Some(states) = params.text("AvailabilityState")? else {
            return Ok(Self { live: true, binned: false });
        };
        let asked = states.split(',').map(|state| params::word(state.trim(), &STATES));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let names = |state: &str| asked.iter().any(|place| STATES[*place] == state);
        Ok(Self { live: names(wire::AVAILABLE), binned: names(wire::DELETED) })
    }
}
