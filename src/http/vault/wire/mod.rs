//! This dialect's words: the bodies it answers with, member by member in the order of the contract.
//!
//! A member whose type is `()` is always `null`; one whose value is written in a `From` below is a constant of the
//! contract for something that does not exist here, such as scanning or approval.

mod bin;
mod delete;
mod file;
mod token;
mod transfer;

use axum::{http::StatusCode, response::Response};
use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

pub(super) use self::{bin::*, delete::*, file::*, token::*, transfer::*};
use super::error::Reason;
use crate::http::body;

/// A JSON answer with status 200.
pub(super) fn json(body: &impl Serialize) -> Response {
    body::json(StatusCode::OK, body)
}

/// An id as 32 lower-case hex digits: .NET's form "N" (vault.md 1).
pub(super) fn n(id: Uuid) -> String {
    id.simple().to_string()
}

/// An id with hyphens: .NET's form "D". Only `Key` of a batch that partly failed has it.
fn d(id: Uuid) -> String {
    id.hyphenated().to_string()
}

const ROUND_TRIP: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]");

/// A time in .NET's round-trip form, without a zone.
fn local(time: OffsetDateTime) -> String {
    // Every time the engine gives is in UTC and within the calendar, so this does not fail.
    time.format(ROUND_TRIP).unwrap_or_default()
}

/// A time in .NET's round-trip form: `2026-05-10T09:36:09.5479468Z`.
fn utc(time: OffsetDateTime) -> String {
    local(time) + "Z"
}

#[derive(JsonSchema, Serialize)]
pub(super) struct ErrorBody {
    pub(super) message: &'static str,
    pub(super) ui_message_key: &'static str,
    pub(super) status_code: &'static str,
}

/// A reason by itself, where several stand in a list.
#[derive(JsonSchema, Serialize)]
pub(super) struct ReasonBody {
    message: &'static str,
    ui_message_key: &'static str,
}

impl From<Reason> for ReasonBody {
    fn from(reason: Reason) -> Self {
        Self { message: reason.message, ui_message_key: reason.key }
    }
}

/// A list cut to what was asked for; `filter_count` counts all that passed the filter.
#[derive(JsonSchema, Serialize)]
pub(super) struct List<T> {
    pub(super) filter_count: u64,
    pub(super) items: Vec<T>,
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_have_seven_digits() {
        let time = datetime!(2026-05-10 09:36:09.547_946_8 UTC);
        assert_eq!(utc(time), "2026-05-10T09:36:09.5479468Z");
        assert_eq!(local(datetime!(2026-05-02 13:22:16 UTC)), "2026-05-02T13:22:16.0000000");
    }
}
