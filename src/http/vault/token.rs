//! Signing in and out, making and listing keys (vault.md 4.1 to 4.4).

use std::{
    cmp::Ordering,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    Extension,
    body::Body,
    extract::{ConnectInfo, State},
    http::HeaderMap,
    response::Response,
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};

use super::{
    bearer, credentials,
    error::Refusal,
    params::{self, Count, Params, Segments, Start, Writer},
    wire::{self, EndedToken, List, NewToken, Token, Version},
};
use crate::{
    engine::model::{Caller, KeyInfo, NewKey},
    http::{App, cross_site::is_cross_site},
};

pub(super) async fn version(_: Caller) -> Response {
    wire::json(&Version { version: env!("CARGO_PKG_VERSION") })
}

pub(super) async fn sign_in(
    State(app): State<App>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(ConnectInfo(peer))| peer.ip());
    app.engine.sign_in_allowed(address)?;
    let login = Login::parse(&headers)?;
    if is_cross_site(&headers, &app.config.public_url) {
        return Err(Refusal::ACCESS_DENIED);
    }
    let (name, password) = login.split()?;
    let key = app.engine.sign_in(name, password, address).await?;
    Ok(wire::json(&NewToken::from(key)))
}

pub(super) async fn end(State(app): State<App>, caller: Writer, headers: HeaderMap) -> Result<Response, Refusal> {
    let token = bearer(&headers).ok_or(Refusal::KEY_INCORRECT)?.to_owned();
    app.engine.end_key(&caller.allow()?).await?;
    Ok(wire::json(&EndedToken { token }))
}

pub(super) async fn issue(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let new = new_key(&app, &params::json_object(body).await?)?;
    let key = app.engine.issue_key(&caller.allow()?, new).await?;
    Ok(wire::json(&NewToken::from(key)))
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments((Start(start), Count(count))): Segments<(Start, Count)>,
    params: Params,
) -> Result<Response, Refusal> {
    let order = KeyOrder::parse(&params)?;
    let find = params.find()?.unwrap_or_default().to_lowercase();
    let now = app.engine.now();
    let mut keys = app.engine.keys(&caller).await?;
    keys.retain(|key| key.description.to_lowercase().contains(&find));
    keys.sort_by(|one, other| order.compare(one, other, now));
    let skip = usize::try_from(start).unwrap_or(usize::MAX);
    let items = keys.iter().skip(skip).take(count as usize).map(|key| Token::new(key, now)).collect();
    Ok(wire::json(&List { filter_count: keys.len() as u64, items }))
}

/// What a Basic header holds in this dialect: name, line break, password.
struct Login(Vec<u8>);

impl Login {
    fn parse(headers: &HeaderMap) -> Result<Self, Refusal> {
        let encoded = credentials(headers, "basic").ok_or(Refusal::INVALID_PARAMETER)?;
        BASE64.decode(encoded).map(Self).map_err(|_| Refusal::INVALID_PARAMETER)
    }

    /// CR LF or a lone LF, the first. Without one, as in the colon form of all other products, nobody can be meant.
    fn split(&self) -> Result<(&str, &str), Refusal> {
        let text = std::str::from_utf8(&self.0).map_err(|_| Refusal::KEY_INCORRECT)?;
        let (name, password) = text.split_once('\n').ok_or(Refusal::KEY_INCORRECT)?;
        Ok((name.strip_suffix('\r').unwrap_or(name), password))
    }
}

/// Padding may be left out, as clients do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key's description has at most so many characters.
const DESCRIPTION_LIMIT: usize = 1000;

fn new_key(app: &App, asked: &Map<String, Value>) -> Result<NewKey, Refusal> {
    let expires_at = asked.get("expires").and_then(Value::as_str).and_then(params::moment);
    let expires_at = expires_at.filter(|end| *end > app.engine.now()).ok_or(Refusal::INVALID_PARAMETER)?;
    let description = match asked.get("description") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.chars().count() <= DESCRIPTION_LIMIT => text.clone(),
        Some(_) => return Err(Refusal::INVALID_PARAMETER),
    };
    Ok(NewKey { description, read_only: false, expires_at: Some(expires_at) })
}

/// The columns by which keys can be sorted: the members of an item that tell keys apart.
const COLUMNS: [&str; 6] = ["token_id", "description", "status", "created", "expires", "role"];

struct KeyOrder {
    column: &'static str,
    descending: bool,
}

impl KeyOrder {
    fn parse(params: &Params) -> Result<Self, Refusal> {
        let (column, descending) = params.sort(&COLUMNS)?;
        Ok(Self { column: column.map_or("token_id", |place| COLUMNS[place]), descending })
    }

    fn compare(&self, one: &KeyInfo, other: &KeyInfo, now: time::OffsetDateTime) -> Ordering {
        let order = match self.column {
            "description" => one.description.cmp(&other.description),
            "status" => wire::token_status(one, now).cmp(wire::token_status(other, now)),
            "created" => one.created_at.cmp(&other.created_at),
            // A key that never ends stands behind those that do.
            "expires" => {
                (one.expires_at.is_none(), one.expires_at).cmp(&(other.expires_at.is_none(), other.expires_at))
            }
            "role" => one.role.as_str().cmp(other.role.as_str()),
            _ => Ordering::Equal,
        };
        let order = order.then(one.id.cmp(&other.id));
        match self.descending {
            true => order.reverse(),
            false => order,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;

    use super::*;

    fn split(decoded: &str) -> Result<(String, String), Refusal> {
        let encoded = format!("Basic {}", BASE64.encode(decoded));
        let headers = [(AUTHORIZATION, encoded.parse().unwrap())].into_iter().collect();
        let login = Login::parse(&headers)?;
        login.split().map(|(name, password)| (name.to_owned(), password.to_owned()))
    }

    #[test]
    fn a_line_break_parts_name_and_password() {
        let login = |name: &str, password: &str| Ok((name.to_owned(), password.to_owned()));
        assert_eq!(split("ann\r\nsecret"), login("ann", "secret"));
        assert_eq!(split("ann\nsecret"), login("ann", "secret"));
        assert_eq!(split("ann\nse:cr\r\net"), login("ann", "se:cr\r\net"));
        assert_eq!(split("ann:secret"), Err(Refusal::KEY_INCORRECT));
    }
}
