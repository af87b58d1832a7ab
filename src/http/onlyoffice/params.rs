//! What a request says: ids in the path, and parameters from the query and from a body in any of four forms
//! (onlyoffice.md 3.1, 5).

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    error::Refusal,
    strict::{Strict, lower},
};
use crate::{
    engine::model::NodeName,
    http::{
        App,
        body::{BodyError, read_body},
        xml::from_xml,
    },
};

/// Bodies with parameters hold at most 1 MiB (5).
const BODY_LIMIT: usize = 1 << 20;
/// A call names at most so many entries (5).
const IDS_LIMIT: usize = 10_000;
/// The id of a text that can be no id: no node has it.
const NO_ID: i64 = -1;

/// An id in the path; what cannot be one names nothing.
pub(super) struct Id(pub(super) i64);

impl FromRequestParts<App> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        Ok(Self(text.map_or(NO_ID, |Path(text)| id(&text))))
    }
}

fn id(text: &str) -> i64 {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id > 0).unwrap_or(NO_ID)
}

/// Parameters, their names in lower case.
pub(super) struct Params {
    body: Map<String, Value>,
    query: Map<String, Value>,
}

/// The parameters of a call that has no body.
pub(super) struct Query(pub(super) Params);

impl FromRequestParts<App> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let query = fields(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Self(Params { body: Map::new(), query }))
    }
}

impl FromRequest<App> for Params {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let Query(Params { query, .. }) = Query::from_request_parts(&mut parts, app).await?;
        Ok(Self { body: read(&parts.headers, body).await?, query })
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Refusal> {
    let bytes = read_body(body, BODY_LIMIT).await.map_err(|error| match error {
        BodyError::TooLarge => Refusal::TOO_LARGE,
        BodyError::BrokenOff => Refusal::bad("The request body broke off"),
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match Kind::of(headers) {
        Kind::Json => json(bytes),
        Kind::Xml => {
            let (_, members) = from_xml(bytes).map_err(|_| Refusal::bad("The request body is no XML"))?;
            let members = members.into_iter().map(|(name, value)| (name, null_if_empty(value))).collect();
            lower(members).ok_or(Refusal::bad("A parameter stands there twice"))
        }
        Kind::Other if bytes.starts_with(b"{") => json(bytes),
        Kind::Other => form(bytes),
    }
}

/// An empty element says no more than that there is nothing.
fn null_if_empty(value: Value) -> Value {
    match value.as_str().is_some_and(|text| text.trim().is_empty()) {
        true => Value::Null,
        false => value,
    }
}

enum Kind {
    Json,
    Xml,
    Other,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" => Self::Json,
            "application/xml" | "text/xml" => Self::Xml,
            _ => Self::Other,
        }
    }
}

fn json(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(bytes) {
        Ok(Strict(Value::Object(members))) => Ok(members),
        _ => Err(Refusal::bad("The request body is no JSON object")),
    }
}

/// Fields of a form. What does not look like some is refused: it might have named something.
fn form(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-[]%+".contains(byte);
    let field = |part: &[u8]| {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        !name.is_empty() && name.len() < part.len() && name.iter().all(plain)
    };
    match bytes.split(|byte| *byte == b'&').all(field) && std::str::from_utf8(bytes).is_ok() {
        true => Ok(fields(bytes)),
        false => Err(Refusal::bad("The request body is no form")),
    }
}

/// `a=1&a=2`, `a[]=1` and `a[0]=1` are lists.
fn fields(text: &[u8]) -> Map<String, Value> {
    let mut members: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(text) {
        let bare = name.split('[').next().unwrap_or_default().to_lowercase();
        let value = Value::from(value.into_owned());
        match members.get_mut(&bare) {
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => drop(members.insert(bare, value)),
        }
    }
    members
}

impl Params {
    /// What was given for a name, in the body and in the query; null is nothing.
    fn given(&self, name: &str) -> impl Iterator<Item = &Value> {
        let name = name.to_lowercase();
        let both = [self.body.get(&name), self.query.get(&name)];
        both.into_iter().flatten().filter(|value| !value.is_null())
    }

    /// One value; the same again in the query does no harm.
    fn one<T: PartialEq>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Refusal> {
        let mut found = None;
        for value in self.given(name) {
            let read = read(value).ok_or_else(|| Refusal::bad_value(name))?;
            if found.as_ref().is_some_and(|found| *found != read) {
                return Err(Refusal::bad_value(name));
            }
            found = Some(read);
        }
        Ok(found)
    }

    /// `true` and `false`, bare or as texts, in any case.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.one(name, |value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    /// A flag that is off unless it is given.
    pub(super) fn is_on(&self, name: &str) -> Result<bool, Refusal> {
        Ok(self.flag(name)?.unwrap_or_default())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        self.one(name, |value| value.as_str().map(str::to_owned))
    }

    /// A whole number that is not negative, bare or as a text.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.one(name, whole)
    }

    /// A number or one of these words, by the word's place.
    pub(super) fn number_or_word(&self, name: &str, words: &[&str]) -> Result<Option<u64>, Refusal> {
        let word =
            |value: &Value| words.iter().position(|word| value.as_str().is_some_and(|v| v.eq_ignore_ascii_case(word)));
        self.one(name, |value| whole(value).or_else(|| word(value).map(|place| place as u64)))
    }

    pub(super) fn uuid(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        self.one(name, |value| value.as_str()?.parse().ok())
    }

    /// A title, if one is given.
    pub(super) fn title(&self) -> Result<Option<NodeName>, Refusal> {
        let title = self.text("title")?;
        title.map(|title| NodeName::parse(&title).map_err(|_| Refusal::bad_value("title"))).transpose()
    }

    /// One id: of something that there may not be.
    pub(super) fn id(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let mut found = None;
        for value in self.given(name) {
            let id = element(value).ok_or_else(|| Refusal::bad_value(name))?;
            if found.is_some_and(|found| found != id) {
                return Err(Refusal::bad_value(name));
            }
            found = Some(id);
        }
        Ok(found)
    }

    /// A list of values; one that is no list is a list of one, and those of body and query are united.
    pub(super) fn list(&self, name: &str) -> Vec<&Value> {
        let mut list = Vec::new();
        for value in self.given(name) {
            match value {
                Value::Array(items) => list.extend(items),
                one => list.push(one),
            }
        }
        list
    }

    /// Whether a list is given that holds nothing.
    pub(super) fn is_empty_list(&self, name: &str) -> bool {
        self.given(name).into_iter().any(|value| value.is_array()) && self.list(name).is_empty()
    }

    /// The files and folders that a call names, each once.
    pub(super) fn entries(&self) -> Result<Entries, Refusal> {
        let entries = Entries { files: self.ids("fileIds")?, folders: self.ids("folderIds")? };
        match entries.files.len() + entries.folders.len() <= IDS_LIMIT {
            true => Ok(entries),
            false => Err(Refusal::bad("At most 10000 entries can be named in one call")),
        }
    }

    fn ids(&self, name: &str) -> Result<Vec<i64>, Refusal> {
        let mut seen = std::collections::HashSet::new();
        let mut ids = Vec::new();
        for value in self.list(name) {
            let id = element(value).ok_or_else(|| Refusal::bad_value(name))?;
            if seen.insert(id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// What a call names, in its order.
pub(super) struct Entries {
    pub(super) files: Vec<i64>,
    pub(super) folders: Vec<i64>,
}

/// An element of a list of ids. `None`: it has no form that an id has. A text or whole number that names nothing has.
fn element(value: &Value) -> Option<i64> {
    /// From here on a number that is written without a fraction may have lost its digits.
    const BEYOND_INTEGERS: f64 = 1.8e19;
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(id(text)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(id), _) => Some(if id > 0 { id } else { NO_ID }),
            (None, Some(huge)) if number.is_u64() || huge.abs() >= BEYOND_INTEGERS => Some(NO_ID),
            (None, _) => None,
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Digits, or a number that is whole and not negative.
pub(super) fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}
