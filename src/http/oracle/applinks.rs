//! Applinks: a user's access to one item, by tokens that are refreshed (oracle.md 4.4).

use axum::{
    extract::State,
    http::{HeaderMap, request::Parts},
};

use super::{
    answer::Answer,
    auth::{self, ACCESS_TOKEN, APPLINK_ID, Asker, Named},
    error::{Refusal, refusing},
    ids::Ids,
    params::{File, Folder, Members},
    wire::{AccessToken, NewApplink, rights_of},
};
use crate::{
    engine::{
        error::Error,
        model::{Caller, Rights},
    },
    http::App,
};

pub(super) async fn create_on_file(
    state: State<App>,
    asker: Asker,
    File(file): File,
    members: Members,
) -> Result<Answer, Refusal> {
    create(state, asker, file, members).await
}

pub(super) async fn create_on_folder(
    state: State<App>,
    asker: Asker,
    Folder(folder): Folder,
    members: Members,
) -> Result<Answer, Refusal> {
    create(state, asker, folder, members).await
}

async fn create(State(app): State<App>, asker: Asker, named: Named, members: Members) -> Result<Answer, Refusal> {
    const ASSIGNED: &str = "assignedUser";
    let ids = Ids::of(&app.engine);
    let assigned = members.required(ASSIGNED)?;
    // The engine knows accounts by uid, sign-in name or address.
    let assigned = ids.parse_user(&assigned).map_or(assigned, |uid| uid.to_string());
    let rights = match members.text("role")? {
        None => Rights::VIEWER,
        Some(role) => rights_of(&role).ok_or_else(|| Refusal::invalid("role"))?,
    };
    let item = asker.reach(&named).await?;
    let made = app.engine.add_applink(&item.caller, item.node(), &assigned, rights).await;
    let made = made.map_err(|error| match error {
        Error::Invalid(_) => Refusal::invalid(ASSIGNED),
        other => Refusal::of(other, &item.caller),
    })?;
    Ok(Answer::ok(&NewApplink::new(made, &app.config.public_url, &ids)))
}

/// A new access token. The tokens themselves are the credentials; whoever signs in beside them must be right too.
pub(super) async fn refresh(State(app): State<App>, parts: Parts) -> Result<Answer, Refusal> {
    let signed_in = auth::sign_in(&app, &parts).await?;
    let caller = signed_in.unwrap_or_else(auth::nobody);
    auth::may_write(&app, &parts.headers, &caller)?;
    let required = |name| required(&parts.headers, name);
    let (id, access) = (required(APPLINK_ID)?, required(ACCESS_TOKEN)?);
    let refresh = required("refreshToken")?;
    let link = Ids::of(&app.engine).parse_link(&id).ok_or_else(|| forbidden(&caller, &id))?;
    let renewed = app.engine.refresh_applink(link, &access, &refresh).await.map_err(|error| match error {
        Error::Forbidden | Error::NotFound => forbidden(&caller, &id),
        other => refusing(&caller)(other),
    })?;
    Ok(Answer::ok(&AccessToken { access_token: renewed.access_token, r#type: "applink" }))
}

fn required(headers: &HeaderMap, name: &'static str) -> Result<String, Refusal> {
    auth::header(headers, name)?.ok_or_else(|| Refusal::invalid(name))
}

fn forbidden(caller: &Caller, id: &str) -> Refusal {
    Refusal::forbidden(caller).about(id)
}
