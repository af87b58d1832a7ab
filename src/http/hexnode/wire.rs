//! This dialect's words: what its bodies hold, member by member in the order of the contract.

use axum::{
    extract::{FromRequest, Request},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderMap},
    },
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use uuid::Uuid;

use super::{
    error::Refusal,
    fields::{self, FieldErrors, FileId, FileName, Members, NotMembers},
};
use crate::{
    engine::model::FileInfo,
    http::{
        App,
        body::{json, read_body},
    },
};

/// Bytes of a JSON body at most (hexnode.md 5).
const MAX_BODY: usize = 1024 * 1024;
const DEFAULT_MEDIA_TYPE: &str = "application/octet-stream";

/// A body that was sent as JSON, read as `T`.
pub(super) struct Sent<T>(pub(super) T);

/// What a call's body must hold.
pub(super) trait FromMembers: Sized {
    fn from_members(members: &Members) -> Result<Self, FieldErrors>;
}

/// `POST /delete-files/`
pub(super) struct DeleteFiles {
    /// Each once, in the order in which they were first named; 1 to 10,000.
    pub(super) file_ids: Vec<FileId>,
}

/// `POST /generate-presigned-upload-url/`
pub(super) struct NewUpload {
    pub(super) file_name: FileName,
    pub(super) content_type: String,
}

/// `POST /verify-file-upload/`
pub(super) struct VerifyUpload {
    pub(super) file_uuid: Uuid,
}

impl FromMembers for DeleteFiles {
    fn from_members(members: &Members) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let file_ids = members.required("file_ids").and_then(fields::file_ids);
        errors.note("file_ids", file_ids).map(|file_ids| Self { file_ids }).ok_or(errors)
    }
}

impl FromMembers for NewUpload {
    fn from_members(members: &Members) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let file_name = members.required("file_name").and_then(fields::file_name);
        let file_name = errors.note("file_name", file_name);
        let content_type = members.get("content_type").map_or(Ok(DEFAULT_MEDIA_TYPE.to_owned()), fields::media_type);
        let content_type = errors.note("content_type", content_type);
        match (file_name, content_type) {
            (Some(file_name), Some(content_type)) => Ok(Self { file_name, content_type }),
            _ => Err(errors),
        }
    }
}

impl FromMembers for VerifyUpload {
    fn from_members(members: &Members) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let file_uuid = members.required("file_uuid").and_then(fields::uuid);
        errors.note("file_uuid", file_uuid).map(|file_uuid| Self { file_uuid }).ok_or(errors)
    }
}

impl<T: FromMembers> FromRequest<App> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &App) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let body = read_body(body, MAX_BODY).await?;
        let members = Members::parse(&body).map_err(|why| match why {
            NotMembers::Syntax(reason) => Refusal::Syntax(reason),
            NotMembers::Null => Refusal::NonField("No data provided".to_owned()),
            NotMembers::Other(found) => {
                Refusal::NonField(format!("Invalid data. Expected a dictionary, but got {found}."))
            }
        })?;
        Ok(Self(T::from_members(&members)?))
    }
}

/// Parameters such as `charset` do not matter; the refusal repeats the header as it was sent.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = headers
        .get(CONTENT_TYPE)
        .map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let essence = sent.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Refusal::UnsupportedMediaType(sent)),
    }
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Message {
    pub(super) message: &'static str,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct PresignedUrl {
    pub(super) presigned_url: String,
    pub(super) file_name: String,
    pub(super) file_uuid: Uuid,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct VerifiedFile {
    message: &'static str,
    file_id: i64,
    file_name: String,
    file_uuid: Uuid,
}

impl From<FileInfo> for VerifiedFile {
    fn from(file: FileInfo) -> Self {
        Self {
            message: "File Upload Verified Successfully",
            file_id: file.id.0,
            file_name: file.name,
            file_uuid: file.uid,
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub(super) struct FileList {
    pub(super) count: u64,
    pub(super) next: Option<String>,
    pub(super) previous: Option<String>,
    pub(super) results: Vec<ListedFile>,
}

#[derive(JsonSchema, Serialize)]
pub(super) struct ListedFile {
    id: i64,
    file_name: String,
    file_uuid: Uuid,
    content_type: String,
    size: u64,
    created_time: String,
}

impl From<FileInfo> for ListedFile {
    fn from(file: FileInfo) -> Self {
        Self {
            id: file.id.0,
            file_name: file.name,
            file_uuid: file.uid,
            content_type: file.media_type,
            size: file.size,
            created_time: utc(file.created_at),
        }
    }
}

const MICROSECONDS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// `2026-04-04T07:09:25.362338Z`
fn utc(time: OffsetDateTime) -> String {
    // The engine's times are in UTC and within the calendar: this does not fail.
    time.format(MICROSECONDS).unwrap_or_default()
}

/// A successful answer.
pub(super) struct Answer<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}
