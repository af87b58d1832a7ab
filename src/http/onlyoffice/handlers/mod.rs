//! One short function a call.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod file;
pub(super) mod folder;
pub(super) mod operation;
pub(super) mod read;
pub(super) mod relocate;
pub(super) mod share;
pub(super) mod sign_in;
pub(super) mod upload;

use super::{error::Refusal, wire::Place};
use crate::{engine::model::Caller, http::App};

/// What objects show of the server and of who looks.
async fn place<'a>(app: &'a App, caller: &'a Caller) -> Result<Place<'a>, Refusal> {
    Ok(Place { caller, trash: app.engine.trash_id(caller).await?.0, public_url: &app.config.public_url })
}
