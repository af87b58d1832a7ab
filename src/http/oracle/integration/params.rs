//! The parameters of a service: from the query, or from `{"LocalData":{..}}`, or both where they say the same.

use axum::body::Body;
use serde_json::{Map, Value};

use crate::http::{
    body::{BodyError, read_body},
    json::strict_json,
    oracle::{auth::Named, error::Refusal, params::Query},
};

pub(super) const SERVICE: &str = "IdcService";
/// A body has at most so many bytes.
const BODY_LIMIT: usize = 64 << 10;
const BODY: &str = "LocalData";

pub(super) struct Params {
    query: Query,
    local: Map<String, Value>,
}

impl Params {
    pub(super) async fn read(query: Option<&str>, body: Body) -> Result<Self, Refusal> {
        let query = Query::parse(query)?;
        let bytes = read_body(body, BODY_LIMIT).await.map_err(|error| match error {
            BodyError::TooLarge => Refusal::TOO_LARGE,
            BodyError::BrokenOff => Refusal::invalid(BODY),
        })?;
        let mut local = Map::new();
        if !bytes.is_empty() {
            match strict_json(&bytes) {
                Ok(Value::Object(mut members)) => match members.remove(BODY) {
                    Some(Value::Object(data)) => local = data,
                    None if members.is_empty() => {}
                    Some(_) | None => return Err(Refusal::invalid(BODY)),
                },
                Ok(_) | Err(_) => return Err(Refusal::invalid(BODY)),
            }
        }
        let params = Self { query, local };
        params.text(SERVICE)?;
        Ok(params)
    }

    pub(super) fn service(&self) -> Option<String> {
        self.text(SERVICE).ok().flatten()
    }

    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        let in_body = match self.local.get(name) {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Bool(value)) => Some(value.to_string()),
            Some(_) => return Err(Refusal::invalid(name)),
        };
        match (self.query.text(name)?, in_body) {
            (Some(one), Some(other)) if one != other => Err(Refusal::invalid(name)),
            (one, other) => Ok(one.map(str::to_owned).or(other)),
        }
    }

    pub(super) fn required(&self, name: &'static str) -> Result<String, Refusal> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| Refusal::invalid(name))
    }

    /// The one thing that `item`, or its other name `items`, names.
    pub(super) fn item(&self) -> Result<Named, Refusal> {
        const ITEM: &str = "item";
        let text = match (self.text(ITEM)?, self.text("items")?) {
            (Some(one), Some(other)) if one != other => return Err(Refusal::invalid(ITEM)),
            (one, other) => one.or(other).ok_or_else(|| Refusal::invalid(ITEM))?,
        };
        let named = match text.split_once(':') {
            Some(("fFileGUID", id)) => Named::file(id),
            Some(("fFolderGUID", id)) => Named::folder(id),
            _ => return Err(Refusal::invalid(ITEM)),
        };
        // A list names no one thing.
        match named.id.is_empty() || !named.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            true => Err(Refusal::invalid(ITEM)),
            false => Ok(named),
        }
    }

    /// A flag: `1` or `true`.
    pub(super) fn flag(&self, name: &'static str) -> Result<bool, Refusal> {
        match self.text(name)?.as_deref() {
            None | Some("" | "0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(Refusal::invalid(name)),
        }
    }
}
