//! The bodies: their members, order and numbers (onlyoffice.md 1.1, 2, 3.5, 4.1, 4.9).

mod key;
mod node;
mod operation;
mod share;

use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, format_description::BorrowedFormatItem, macros::format_description};

pub(super) use key::{Key, Token};
pub(super) use node::{Content, Current, File, Folder, Part, Place, SelfPerson, access, trashed};
pub(super) use operation::{OperationRecord, kind_of};
pub(super) use share::{Share, rights};

/// A good answer in JSON.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a, T> {
    count: usize,
    links: [Link<'a>; 1],
    status: u8,
    status_code: u16,
    response: &'a T,
}

#[derive(Serialize, JsonSchema)]
struct Link<'a> {
    href: &'a str,
    action: &'a str,
}

impl<'a, T> Envelope<'a, T> {
    pub(super) fn new(count: usize, href: &'a str, action: &'a str, response: &'a T) -> Self {
        Self { count, links: [Link { href, action }], status: 0, status_code: 200, response }
    }
}

/// A good answer in XML: one `response` for each element of a list.
#[derive(Serialize)]
pub(super) struct XmlEnvelope<'a, T> {
    status: u8,
    response: &'a T,
}

impl<'a, T> XmlEnvelope<'a, T> {
    pub(super) fn new(response: &'a T) -> Self {
        Self { status: 0, response }
    }
}

/// A refusal in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorBody<'a> {
    status: u8,
    status_code: u16,
    error: ErrorMember<'a>,
}

#[derive(Serialize)]
struct ErrorMember<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    stack: Option<&'a str>,
    hresult: u8,
}

impl<'a> ErrorBody<'a> {
    pub(super) fn new(status_code: u16, message: &'a str) -> Self {
        Self { status: 1, status_code, error: ErrorMember { message, kind: None, stack: None, hresult: 0 } }
    }
}

/// A refusal in XML.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct XmlErrorBody<'a> {
    status: u8,
    status_code: u16,
    error: XmlErrorMember<'a>,
}

#[derive(Serialize)]
struct XmlErrorMember<'a> {
    message: &'a str,
}

impl<'a> XmlErrorBody<'a> {
    pub(super) fn new(status_code: u16, message: &'a str) -> Self {
        Self { status: 1, status_code, error: XmlErrorMember { message } }
    }
}

/// The answer to a call that keeps an edit session open (3.6).
#[derive(Serialize, JsonSchema)]
pub(super) struct Tracked {
    key: bool,
    value: &'static str,
}

impl Tracked {
    pub(super) const DONE: Self = Self { key: true, value: "" };
}

const DATE: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]Z");

/// UTC, seven digits.
pub(super) fn date(time: OffsetDateTime) -> String {
    // Formatting can fail for a year beyond 9999 only, which no clock of ours shows.
    time.to_offset(UtcOffset::UTC).format(DATE).unwrap_or_default()
}
