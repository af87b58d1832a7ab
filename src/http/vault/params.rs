//! What a request says: parts of the path, header parameters, JSON bodies.
//!
//! The contract fixes the order in which a request is judged (vault.md 2.3): key, kind of request (400), parameters
//! (401), and only then whether the caller may (403). A key that may only read is therefore refused last, after the
//! parameters: a writing handler gets a [`Writer`] and has no caller until it asks.

use axum::{
    body::Body,
    extract::{FromRequestParts, Path},
    http::{HeaderMap, request::Parts},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use time::{
    Date, Duration, OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Iso8601},
    macros::format_description,
};
use uuid::Uuid;

use super::error::Refusal;
use crate::{
    engine::model::{Caller, NodeName},
    http::{App, body::read_body},
};

/// The caller of a writing call, whose key may still turn out to be for reading only.
pub(super) struct Writer(Caller);

impl Writer {
    /// The caller. To be asked once the parameters are known to be good.
    pub(super) fn allow(self) -> Result<Caller, Refusal> {
        match self.0.read_only {
            true => Err(Refusal::ACCESS_DENIED),
            false => Ok(self.0),
        }
    }
}

impl FromRequestParts<App> for Writer {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Caller::from_request_parts(parts, app).await.map(Self)
    }
}

/// Parts of the path. A part that is not of its form is a bad parameter.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match Path::<T>::from_request_parts(parts, app).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(_) => Err(Refusal::INVALID_PARAMETER),
        }
    }
}

/// A file's or folder's id: 32 hex digits, or 8-4-4-4-12 with hyphens, in any letter case (vault.md 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Id(pub(super) Uuid);

impl Id {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        // The length rules out the other forms that `Uuid` reads, such as braces.
        match text.len() {
            32 | 36 => Uuid::try_parse(text).map(Self).map_err(|_| Refusal::INVALID_PARAMETER),
            _ => Err(Refusal::INVALID_PARAMETER),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|_| "not an id")
    }
}

/// From which item on a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Start(pub(super) u64);

impl TryFrom<String> for Start {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        number(&text).map(Self).ok_or("not a number")
    }
}

/// How many items of a list are asked for: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Count(pub(super) u32);

impl TryFrom<String> for Count {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let count = number(&text).and_then(|count| u32::try_from(count).ok());
        count.filter(|count| (1..=1000).contains(count)).map(Self).ok_or("not a count")
    }
}

/// Digits alone, up to what the database can hold.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = text.parse().ok().filter(|_| digits)?;
    u64::try_from(number).ok()
}

/// The parameters that a call has in its headers. Each stands there once, in UTF-8.
pub(super) struct Params(HeaderMap);

/// Parameters of the vendor's that would change who can read a file. They are not offered, and refused rather than
/// ignored (vault.md 4.5).
const NOT_OFFERED: [&str; 2] = ["share_with", "recipients"];

impl FromRequestParts<App> for Params {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        match NOT_OFFERED.iter().any(|name| parts.headers.contains_key(*name)) {
            true => Err(Refusal::INVALID_PARAMETER),
            false => Ok(Self(parts.headers.clone())),
        }
    }
}

impl Params {
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.get_all(name).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        match (std::str::from_utf8(value.as_bytes()), values.next()) {
            (Ok(text), None) => Ok(Some(text)),
            _ => Err(Refusal::INVALID_PARAMETER),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)?.ok_or(Refusal::INVALID_PARAMETER)
    }

    /// The id of something that exists.
    pub(super) fn id(&self, name: &str) -> Result<Uuid, Refusal> {
        Ok(Id::parse(self.required(name)?)?.0)
    }

    /// An id that the client chose for something new: a version 4 UUID, as every id here.
    pub(super) fn new_id(&self, name: &str) -> Result<Option<Uuid>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let Id(id) = Id::parse(text)?;
        let random = id.get_version_num() == 4 && id.get_variant() == uuid::Variant::RFC4122;
        random.then_some(Some(id)).ok_or(Refusal::INVALID_PARAMETER)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.text(name)? {
            Some(text) => number(text).map(Some).ok_or(Refusal::INVALID_PARAMETER),
            None => Ok(None),
        }
    }

    /// One of the given words, in any letter case, by its place in the list.
    pub(super) fn one_of(&self, name: &str, words: &[&str]) -> Result<Option<usize>, Refusal> {
        match self.text(name)? {
            Some(text) => word(text, words).map(Some),
            None => Ok(None),
        }
    }

    /// MD5 in hex.
    pub(super) fn md5(&self, name: &str) -> Result<Option<[u8; 16]>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| hex);
        number.map(|number| Some(number.to_be_bytes())).ok_or(Refusal::INVALID_PARAMETER)
    }

    pub(super) fn file_name(&self) -> Result<NodeName, Refusal> {
        name(self.required("file_name")?)
    }

    /// Folder names below the root, from `/a/b` or `a\b`; empty for the root.
    pub(super) fn path(&self) -> Result<Vec<NodeName>, Refusal> {
        folders(self.text("path")?.unwrap_or_default())
    }

    /// When files are to end: `expires_after` or `expires`, not both, not in the past.
    pub(super) fn expires_at(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, Refusal> {
        let end = match (self.text("expires_after")?, self.text("expires")?) {
            (None, None) => return Ok(None),
            (Some(after), None) => life(after).map(|life| now + life),
            (None, Some(at)) => moment(at),
            (Some(_), Some(_)) => None,
        };
        end.filter(|end| *end > now).map(Some).ok_or(Refusal::INVALID_PARAMETER)
    }

    /// What names must contain: `find`, or `findB64`, which wins.
    pub(super) fn find(&self) -> Result<Option<String>, Refusal> {
        let Some(encoded) = self.text("findB64")? else {
            return Ok(self.text("find")?.map(str::to_owned));
        };
        let text = BASE64_STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Some).ok_or(Refusal::INVALID_PARAMETER)
    }

    /// By which of the given columns, and whether backwards.
    pub(super) fn sort(&self, columns: &[&str]) -> Result<(Option<usize>, bool), Refusal> {
        let column = self.one_of("sort_column", columns)?;
        let direction = self.one_of("sort_direction", &["asc", "ascending", "desc", "descending"])?;
        Ok((column, direction.is_some_and(|direction| direction >= 2)))
    }
}

fn name(text: &str) -> Result<NodeName, Refusal> {
    NodeName::parse(text).map_err(|_| Refusal::INVALID_PARAMETER)
}

/// Folder names below the root, from `/a/b` or `a\b`; empty for the root.
fn folders(path: &str) -> Result<Vec<NodeName>, Refusal> {
    let separators = ['/', '\\'];
    match path.trim_matches(separators) {
        "" => Ok(Vec::new()),
        path => path.split(separators).map(name).collect(),
    }
}

/// Members of a JSON object. One that is missing or of another type is a bad parameter.
pub(super) struct Members<'a>(pub(super) &'a Map<String, Value>);

impl Members<'_> {
    fn text(&self, member: &str) -> Result<&str, Refusal> {
        self.0.get(member).and_then(Value::as_str).ok_or(Refusal::INVALID_PARAMETER)
    }

    pub(super) fn id(&self, member: &str) -> Result<Uuid, Refusal> {
        Ok(Id::parse(self.text(member)?)?.0)
    }

    pub(super) fn name(&self, member: &str) -> Result<NodeName, Refusal> {
        name(self.text(member)?)
    }

    pub(super) fn folders(&self, member: &str) -> Result<Vec<NodeName>, Refusal> {
        folders(self.text(member)?)
    }

    pub(super) fn array(&self, member: &str) -> Result<&[Value], Refusal> {
        self.0.get(member).and_then(Value::as_array).map(Vec::as_slice).ok_or(Refusal::INVALID_PARAMETER)
    }
}

/// The place of a word in a list of those that are known, in any letter case.
pub(super) fn word(text: &str, words: &[&str]) -> Result<usize, Refusal> {
    words.iter().position(|word| word.eq_ignore_ascii_case(text)).ok_or(Refusal::INVALID_PARAMETER)
}

/// `DD:HH:MM:SS`, two digits each.
fn life(text: &str) -> Option<Duration> {
    let parts: Vec<&str> = text.split(':').collect();
    let [days, hours, minutes, seconds] = parts.try_into().ok()?;
    let part = |digits: &str, below: u64| match digits.len() {
        2 => number(digits).filter(|value| *value < below).map(|value| value as i64),
        _ => None,
    };
    Some(
        Duration::days(part(days, 100)?)
            + Duration::hours(part(hours, 24)?)
            + Duration::minutes(part(minutes, 60)?)
            + Duration::seconds(part(seconds, 60)?),
    )
}

const DAY: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]");

/// A date, or date and time, of ISO 8601; in UTC where no zone is given. The form alone says how a text is read: one
/// that is wrong in its form is no time, and never a shorter form's time.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    match text.get(10..)? {
        "" => Date::parse(text, DAY).ok().map(|day| day.midnight().assume_utc()),
        time if time.contains(['Z', 'z', '+', '-']) => {
            let time = OffsetDateTime::parse(text, &Iso8601::DEFAULT).ok()?;
            let less_than_a_day = time.offset().whole_hours().abs() < 24;
            time.checked_to_offset(UtcOffset::UTC).filter(|_| less_than_a_day)
        }
        _ => PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).ok().map(PrimitiveDateTime::assume_utc),
    }
}

/// JSON bodies hold at most 1 MiB (vault.md 2.2).
const BODY_LIMIT: usize = 1 << 20;

/// A body that is a JSON array.
pub(super) async fn json_array(body: Body) -> Result<Vec<Value>, Refusal> {
    json(body).await
}

/// A body that is a JSON object.
pub(super) async fn json_object(body: Body) -> Result<Map<String, Value>, Refusal> {
    json(body).await
}

async fn json<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = read_body(body, BODY_LIMIT).await.map_err(|_| Refusal::INVALID_REQUEST)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::INVALID_REQUEST)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn params(headers: &[(&'static str, &str)]) -> Params {
        let value = |value: &str| axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        Params(headers.iter().map(|(name, text)| ((*name).parse().unwrap(), value(text))).collect())
    }

    #[test]
    fn an_id_has_two_forms_in_any_case() {
        let id = Uuid::from_u128(0x05a8_9617_d2e4_4c40_9654_f516_eab0_85a5);
        for text in [
            "05a89617d2e44c409654f516eab085a5",
            "05A89617D2E44C409654F516EAB085A5",
            "05a89617-d2e4-4c40-9654-f516eab085a5",
            "05A89617-D2E4-4C40-9654-F516EAB085A5",
        ] {
            assert_eq!(Id::parse(text), Ok(Id(id)), "{text}");
        }
        for text in [
            "",
            "abc",
            "{05a89617-d2e4-4c40-9654-f516eab085a5}",
            "urn:uuid:05a89617-d2e4-4c40-9654-f516eab085a5",
            "05a89617d2e4-4c40-9654-f516eab085a5",
            "05a89617d2e44c409654f516eab085a",
            "05a89617d2e44c409654f516eab085ag",
            "05a8-9617d2e4-4c40-9654-f516eab085a5",
            " 05a89617d2e44c409654f516eab085a5",
        ] {
            assert_eq!(Id::parse(text), Err(Refusal::INVALID_PARAMETER), "{text}");
        }
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("007"), Some(7));
        for text in ["", "-1", "+1", "1.0", " 1", "٣", "9223372036854775808"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn a_new_id_is_random() {
        let id = |text: &str| params(&[("group_id", text)]).new_id("group_id");
        assert!(id("2b6dea8f2fed49f5a5bb61c766394f45").is_ok_and(|id| id.is_some()));
        assert!(id("2b6dea8f2fed19f5a5bb61c766394f45").is_err());
        assert!(id("2b6dea8f2fed49f525bb61c766394f45").is_err());
        assert!(id("").is_err());
        assert_eq!(params(&[]).new_id("group_id"), Ok(None));
    }

    #[test]
    fn a_path_may_have_either_separator() {
        let path = |text: &str| {
            let path = params(&[("path", text)]).path();
            path.map(|names| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(path("").unwrap(), [""; 0]);
        assert_eq!(path("/").unwrap(), [""; 0]);
        assert_eq!(path("My Folder\\Documents").unwrap(), ["My Folder", "Documents"]);
        assert_eq!(path("/a/b/").unwrap(), ["a", "b"]);
        assert_eq!(path("Ü").unwrap(), ["Ü"]);
        for bad in ["a//b", "a/../b", "."] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_parameter_stands_once_and_in_utf8() {
        assert!(params(&[("find", "a"), ("find", "b")]).text("find").is_err());
        let latin1 = axum::http::HeaderValue::from_bytes(b"\xfc").unwrap();
        assert!(Params([("find".parse().unwrap(), latin1)].into_iter().collect()).text("find").is_err());
    }

    #[test]
    fn an_end_is_given_in_one_way() {
        let now = datetime!(2026-05-10 12:00 UTC);
        let end = |headers: &[(&'static str, &str)]| params(headers).expires_at(now);
        assert_eq!(end(&[]), Ok(None));
        assert_eq!(end(&[("expires_after", "01:02:03:04")]), Ok(Some(datetime!(2026-05-11 14:03:04 UTC))));
        for at in ["2026-05-11T00:00:00Z", "2026-05-11T00:00:00.0000000Z", "2026-05-11T02:00:00+02:00", "2026-05-11"] {
            assert_eq!(end(&[("expires", at)]), Ok(Some(datetime!(2026-05-11 00:00 UTC))), "{at}");
        }
        for bad in
            ["", "1:0:0:0", "01:00:00", "01:24:00:00", "aa:00:00:00", "00:00:00:00", "-1:00:00:00", "+1:00:00:00"]
        {
            assert!(end(&[("expires_after", bad)]).is_err(), "{bad}");
        }
        for bad in ["", "tomorrow", "2026-05-09T00:00:00Z", "2026-13-01"] {
            assert!(end(&[("expires", bad)]).is_err(), "{bad}");
        }
        assert!(end(&[("expires", "2026-06-01"), ("expires_after", "01:00:00:00")]).is_err());
    }

    #[test]
    fn a_time_is_read_by_its_form_or_not_at_all() {
        for (text, time) in [
            ("2099-01-01", datetime!(2099-01-01 0:00 UTC)),
            ("2099-01-01T12:30:15", datetime!(2099-01-01 12:30:15 UTC)),
            ("2099-01-01T12:30:15.5000000", datetime!(2099-01-01 12:30:15.5 UTC)),
            ("2099-01-01T12:30:15Z", datetime!(2099-01-01 12:30:15 UTC)),
            ("2099-01-01T12:30:15-02:00", datetime!(2099-01-01 14:30:15 UTC)),
            ("20990101T123015+0200", datetime!(2099-01-01 10:30:15 UTC)),
        ] {
            assert_eq!(moment(text), Some(time), "{text}");
        }
        for bad in [
            "",
            "2099-01-0",
            "2099-02-30",
            "20990101T1",
            "2099-01-01T",
            "2099-01-01T12:00:60",
            "2099-01-01T12:00:60Z",
            "2099-01-01T24:01:00Z",
            "2099-01-01T12:00:00+25:30",
            "2099-01-01T12:00:00 02:00",
            "2099-01-01T12:00:00Zulu",
            "9999-12-31T23:59:59-23:00",
            "2099-01-0\u{fc}",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn find_b64_wins() {
        assert_eq!(params(&[("find", "a"), ("findB64", "w5w=")]).find(), Ok(Some("Ü".to_owned())));
        assert!(params(&[("findB64", "!")]).find().is_err());
    }

    #[test]
    fn a_checksum_is_md5_in_hex() {
        let md5 = |text: &str| params(&[("chunk_checksum", text)]).md5("chunk_checksum");
        assert!(md5("900150983CD24FB0d6963f7d28e17f72").is_ok_and(|md5| md5.is_some_and(|md5| md5[0] == 0x90)));
        for bad in ["", "abc", "+00150983cd24fb0d6963f7d28e17f72", "z00150983cd24fb0d6963f7d28e17f72"] {
            assert!(md5(bad).is_err(), "{bad}");
        }
    }
}
