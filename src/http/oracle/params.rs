//! What a request says: parts of the path, the query, and the members of its body.
//!
//! A parameter that is given twice must say the same both times, and one that is not of its form refuses the call. That
//! matters most for the version of a delete: without one the whole file goes, so nothing that was meant as one may count
//! as none (oracle.md 5).

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::{auth::Named, error::Refusal};
use crate::{
    engine::model::NodeName,
    http::{
        App,
        body::{BodyError, read_body},
        json::strict_json,
        xml::from_xml,
    },
};

/// The id in the path of a call about a file.
pub(super) struct File(pub(super) Named);
/// The same about a folder.
pub(super) struct Folder(pub(super) Named);
/// The same about a link.
pub(super) struct Link(pub(super) String);

impl FromRequestParts<App> for File {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        Ok(Self(Named::file(last_segment(parts, app).await?)))
    }
}

impl FromRequestParts<App> for Folder {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        Ok(Self(Named::folder(last_segment(parts, app).await?)))
    }
}

impl FromRequestParts<App> for Link {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        Ok(Self(last_segment(parts, app).await?))
    }
}

/// What the path has beside the version of the API. Text that is no UTF-8 names nothing.
async fn last_segment(parts: &mut Parts, app: &App) -> Result<String, Response> {
    match Path::<(String, String)>::from_request_parts(parts, app).await {
        Ok(Path((_, id))) => Ok(id),
        Err(_) => Err(Refusal::MISSING.into_response()),
    }
}

/// The parameters of the URL.
pub(super) struct Query(Vec<(String, String)>);

impl FromRequestParts<App> for Query {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        Self::parse(parts.uri.query()).map_err(IntoResponse::into_response)
    }
}

impl Query {
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        let uri = axum::http::Uri::builder().path_and_query(format!("/?{}", text.unwrap_or_default()));
        let uri = uri.build().map_err(|_| Refusal::invalid("query"))?;
        let pairs = axum::extract::Query::try_from_uri(&uri).map_err(|_| Refusal::invalid("query"))?;
        let axum::extract::Query(pairs) = pairs;
        Ok(Self(pairs))
    }

    /// A parameter by its exact name.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        self.one(name, |given| given == name)
    }

    /// A parameter whose name may be written in any case.
    pub(super) fn any_case(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        self.one(name, |given| given.eq_ignore_ascii_case(name))
    }

    fn one(&self, name: &'static str, is_it: impl Fn(&str) -> bool) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.iter().filter(|(given, _)| is_it(given)).map(|(_, value)| value.as_str());
        let Some(first) = values.next() else { return Ok(None) };
        match values.all(|other| other == first) {
            true => Ok(Some(first)),
            false => Err(Refusal::invalid(name)),
        }
    }

    /// A decimal number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<i64>().ok().filter(|_| digits).and_then(|number| u64::try_from(number).ok());
        number.map(Some).ok_or_else(|| Refusal::invalid(name))
    }

    /// The version that a reading call asks for.
    pub(super) fn version(&self) -> Result<Option<Version>, Refusal> {
        self.any_case(VERSION)?.map(Version::parse).transpose()
    }
}

/// A body of a call that is no upload has at most so many bytes.
const BODY_LIMIT: usize = 64 << 10;

/// The members of a body: a JSON object, or XML where the content type says so. No body is none.
#[derive(Debug)]
pub(super) struct Members(Map<String, Value>);

impl FromRequest<App> for Members {
    type Rejection = Response;

    async fn from_request(request: Request, _: &App) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, BODY_LIMIT).await.map_err(|error| match error {
            BodyError::TooLarge => Refusal::TOO_LARGE.into_response(),
            BodyError::BrokenOff => Refusal::invalid(BODY).into_response(),
        })?;
        Self::parse(is_xml(&parts.headers), &bytes).map_err(IntoResponse::into_response)
    }
}

/// What a refusal names where no single parameter is wrong.
const BODY: &str = "body";

fn is_xml(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/xml") || essence.eq_ignore_ascii_case("text/xml")
}

impl Members {
    pub(super) fn parse(xml: bool, bytes: &[u8]) -> Result<Self, Refusal> {
        let refused = || Refusal::invalid(BODY);
        match bytes {
            [] => Ok(Self(Map::new())),
            bytes if xml => match from_xml(bytes) {
                // A parameter where the root should stand is no parameter, and must not count as none.
                Ok((root, members)) if !root.eq_ignore_ascii_case(VERSION) => Ok(Self(members)),
                Ok(_) | Err(_) => Err(refused()),
            },
            bytes => match strict_json(bytes) {
                Ok(Value::Object(members)) => Ok(Self(members)),
                Ok(_) | Err(_) => Err(refused()),
            },
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The name of a member that is none of these.
    pub(super) fn beside(&self, known: &[&str]) -> Option<&str> {
        self.0.keys().map(String::as_str).find(|name| !known.contains(name))
    }

    /// A text; numbers are taken as they are written.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(Refusal::invalid(name)),
        }
    }

    pub(super) fn required(&self, name: &'static str) -> Result<String, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::invalid(name))
    }

    /// A parameter that has two names.
    pub(super) fn alias(&self, name: &'static str, other: &'static str) -> Result<Option<String>, Refusal> {
        match (self.text(name)?, self.text(other)?) {
            (Some(one), Some(two)) if one != two => Err(Refusal::invalid(name)),
            (one, two) => Ok(one.or(two)),
        }
    }

    /// The name of a file or folder.
    pub(super) fn name(&self) -> Result<Option<NodeName>, Refusal> {
        self.text("name")?.map(|name| NodeName::parse(&name).map_err(|_| Refusal::invalid("name"))).transpose()
    }

    /// What a folder is said to be for, at most 2000 characters.
    pub(super) fn description(&self) -> Result<Option<String>, Refusal> {
        let text = self.text("description")?;
        match text.as_ref().is_some_and(|text| text.chars().count() > 2000) {
            true => Err(Refusal::invalid("description")),
            false => Ok(text),
        }
    }

    /// The folder that something is to go to.
    pub(super) fn destination(&self) -> Result<Named, Refusal> {
        Ok(Named::folder(self.required("destinationID")?))
    }
}

const VERSION: &str = "version";

/// The number of a version, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) text: String,
    pub(super) number: u32,
}

impl Version {
    /// `[1-9][0-9]{0,9}`
    fn parse(text: &str) -> Result<Self, Refusal> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !(1..=10).contains(&text.len()) || text.starts_with('0') {
            return Err(Refusal::invalid(VERSION));
        }
        // No file has so many versions that this could name one.
        let number = text.parse().unwrap_or(u32::MAX);
        Ok(Self { text: text.to_owned(), number })
    }

    fn of_member(value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => Err(Refusal::invalid(VERSION)),
        }
    }

    /// The version that a delete names, in the query, in the body or in both. The body has no other member.
    pub(super) fn to_delete(query: &Query, members: &Members) -> Result<Option<Self>, Refusal> {
        if let Some(unknown) = members.beside(&[VERSION]) {
            return Err(Refusal::invalid(unknown.to_owned()));
        }
        let in_body = members.get(VERSION).map(Self::of_member).transpose()?;
        match (query.version()?, in_body) {
            (Some(one), Some(other)) if one != other => Err(Refusal::invalid(VERSION)),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// For a delete that takes none: a folder's.
    pub(super) fn none(query: &Query, members: &Members) -> Result<(), Refusal> {
        match (query.any_case(VERSION)?, members.beside(&[])) {
            (None, None) => Ok(()),
            (Some(_), _) => Err(Refusal::invalid(VERSION)),
            (None, Some(unknown)) => Err(Refusal::invalid(unknown.to_owned())),
        }
    }
}

/// `yyyy-mm-ddThh:mm:ss` with or without `Z`, UTC.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    PrimitiveDateTime::parse(text, form).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, body: &str) -> Result<Option<u32>, Refusal> {
        let query = Query::parse(Some(query)).unwrap();
        let members = Members::parse(body.starts_with('<'), body.as_bytes())?;
        Version::to_delete(&query, &members).map(|version| version.map(|version| version.number))
    }

    #[test]
    fn a_version_stands_in_query_or_body() {
        assert_eq!(asked("", ""), Ok(None));
        assert_eq!(asked("x=1", "{}"), Ok(None));
        for (query, body) in [
            ("version=2", ""),
            ("", r#"{"version":"2"}"#),
            ("", r#"{"version":2}"#),
            ("version=2", r#"{"version":"2"}"#),
            ("Version=2&version=2", ""),
            ("", "<r><version>2</version></r>"),
        ] {
            assert_eq!(asked(query, body), Ok(Some(2)), "{query} {body}");
        }
        assert_eq!(asked("version=9999999999", ""), Ok(Some(u32::MAX)));
    }

    #[test]
    fn what_could_have_been_a_version_never_means_none() {
        for query in [
            "version",
            "version=",
            "version=0",
            "version=-1",
            "version=02",
            "version=2.0",
            "version=abc",
            "version=latest",
            "version=1&version=2",
            "version=1&VERSION=2",
            "version=%31%20",
            "version=12345678901",
            "version=%D9%A2",
        ] {
            assert!(asked(query, "").is_err(), "{query}");
        }
        assert!(asked("version=1", r#"{"version":"2"}"#).is_err());
        for body in [
            r#"{"version":""}"#,
            r#"{"version":null}"#,
            r#"{"version":"0"}"#,
            r#"{"version":0}"#,
            r#"{"version":-1}"#,
            r#"{"version":2.0}"#,
            r#"{"version":"02"}"#,
            r#"{"version":["2"]}"#,
            r#"{"version":{"a":1}}"#,
            r#"{"version":true}"#,
            r#"{"version":"2","version":"2"}"#,
            r#"{"vresion":"2"}"#,
            r#"{"Version":"2"}"#,
            "[]",
            "2",
            "\"2\"",
            "null",
            "{",
            " ",
            "<r><version/></r>",
            "<r><version>1</version><version>1</version></r>",
            "<r><v>1</v></r>",
            "<r>",
        ] {
            assert!(asked("", body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_moment_is_utc_with_or_without_its_letter() {
        assert_eq!(moment("2026-01-05T10:00:00Z"), moment("2026-01-05T10:00:00"));
        assert_eq!(moment("2026-01-05T10:00:00Z").unwrap().unix_timestamp(), 1_767_607_200);
        for wrong in ["", "2026-01-05", "2026-13-05T10:00:00", "2026-01-05 10:00:00", "2026-01-05T10:00:00+01:00"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
