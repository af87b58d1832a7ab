//! Signing in, keys, and who one is (onlyoffice.md 2, 4.9).

use axum::{
    extract::{FromRequest, Path, Request, State},
    response::Response,
};
use uuid::Uuid;

use crate::{
    engine::{
        error::Error,
        model::{Caller, NewOwnKey, Permissions, Realm},
    },
    http::{
        App,
        onlyoffice::{
            asked::Asked,
            auth,
            error::Refusal,
            params::Params,
            wire::{Key, SelfPerson, Token},
        },
    },
};

pub(in super::super) async fn authenticate(
    State(app): State<App>,
    asked: Asked,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let address = auth::address(&parts);
    app.engine.sign_in_allowed(address)?;
    let params = Params::from_request(Request::from_parts(parts, body), &app).await?;
    let name = params.text("userName")?.unwrap_or_default();
    let password = params.text("password")?.unwrap_or_default();
    let key = app.engine.sign_in_token(&name, &password, address, Realm::OnlyOffice).await?;
    Ok(asked.one(&Token::from(key)))
}

pub(in super::super) async fn add_key(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    let name = params.text("name")?.filter(|name| !name.is_empty()).ok_or_else(|| Refusal::bad_value("name"))?;
    let days = params.number("expiresInDays")?;
    if days.is_some_and(|days| !(1..=365).contains(&days)) {
        return Err(Refusal::bad_value("expiresInDays"));
    }
    let expires_at = days.map(|days| app.engine.now() + time::Duration::days(days as i64));
    let new = NewOwnKey { name, permissions: permissions(&params)?, expires_at };
    let issued = app.engine.issue_own_key(&caller, Realm::OnlyOffice, new).await?;
    Ok(asked.one(&Key::new(issued.key, Some(issued.secret), &caller)))
}

fn permissions(params: &Params) -> Result<Permissions, Refusal> {
    let (mut read, mut write) = (false, false);
    if params.is_empty_list("permissions") {
        // Not to be read as none given, which means all.
        return Err(Refusal::bad_value("permissions"));
    }
    for permission in params.list("permissions") {
        match permission.as_str() {
            Some("*") => (read, write) = (true, true),
            Some("files:read") => read = true,
            Some("files:write") => write = true,
            _ => return Err(Refusal::bad_value("permissions")),
        }
    }
    Ok(match (read, write) {
        (true, false) => Permissions::ReadOnly,
        (false, true) => Permissions::WriteOnly,
        (true, true) | (false, false) => Permissions::All,
    })
}

pub(in super::super) async fn keys(State(app): State<App>, asked: Asked, caller: Caller) -> Result<Response, Refusal> {
    let keys = app.engine.own_keys(&caller, Realm::OnlyOffice).await?;
    Ok(asked.list(&keys.into_iter().map(|key| Key::new(key, None, &caller)).collect::<Vec<_>>()))
}

pub(in super::super) async fn end_key(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id: Uuid = id.parse().map_err(|_| Refusal::KEY_NOT_FOUND)?;
    match app.engine.end_own_key(&caller, Realm::OnlyOffice, id).await {
        Err(Error::NotFound) => Err(Refusal::KEY_NOT_FOUND),
        other => {
            other?;
            Ok(asked.one(&true))
        }
    }
}

pub(in super::super) async fn myself(asked: Asked, caller: Caller) -> Response {
    asked.one(&SelfPerson::new(&caller))
}
