//! Finding accounts (oracle.md 4.3).

use axum::extract::State;

use super::{
    answer::Answer,
    auth::Asker,
    error::{Refusal, refusing},
    ids::Ids,
    params::Query,
    wire::{List, User},
};
use crate::http::App;

pub(super) async fn list(State(app): State<App>, asker: Asker, query: Query) -> Result<Answer, Refusal> {
    const INFO: &str = "info";
    let caller = asker.account()?;
    let text = query.text(INFO)?.filter(|text| !text.is_empty()).ok_or_else(|| Refusal::invalid(INFO))?;
    let found = app.engine.find_accounts(text).await.map_err(refusing(caller))?;
    let ids = Ids::of(&app.engine);
    Ok(Answer::ok(&List::new(found.into_iter().map(|account| User::of_account(account, &ids)).collect())))
}
