//! Reading bytes: with the caller's credentials, or by a URL that stands for them for a short time (onlyoffice.md 4.3).

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::file::version;
use crate::{
    engine::{
        error::Error,
        model::{Caller, FileInfo, NodeRef, Rights},
    },
    http::{
        App,
        content::{Disposition, user_bytes, user_part},
        onlyoffice::{
            asked::Asked,
            error::Refusal,
            params::{Id, Query},
        },
        range,
        s3_error::{internal_error, no_such_key, s3_error},
        sigv4::{self, Signed, host_of},
    },
};

pub(in super::super) async fn download(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Query(params): Query,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (number, part) = (version(&params)?, range::asked(&headers));
    let content = app.engine.read_for(&caller, NodeRef::FileId(id), number, part, true).await?;
    Ok(user_part(content, Disposition::Attachment)?)
}

/// Where the signed URLs lie, each with its file's uid and name behind it.
const SIGNED_URLS: &str = "/s3/onlyoffice";
/// What their key is for; other purposes have other keys.
const PURPOSE: &str = "onlyoffice-read";
/// How long they are good.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// Everything but the characters that stand in a path for themselves.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(in super::super) async fn presign(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Refusal> {
    let file = app.engine.file_for(&caller, NodeRef::FileId(id), Rights::DOWNLOAD).await?;
    Ok(asked.one(&signed_url(&app, &file)))
}

fn signed_url(app: &App, file: &FileInfo) -> String {
    let path = format!("{SIGNED_URLS}/{}/{}", file.uid, utf8_percent_encode(&file.name, NOT_UNRESERVED));
    let key = app.engine.signing_key(PURPOSE);
    let query = sigv4::sign(&key, signed(&host_of(&app.config.public_url), &path), app.engine.now(), LIFE);
    format!("{}{path}?{query}", app.config.public_url)
}

/// Of the headers none is bound: whoever has the URL may read.
fn signed<'a>(host: &'a str, path: &'a str) -> Signed<'a> {
    Signed { method: "GET", host, path, content_type: "" }
}

/// Answers every method of a signed URL, in S3's words.
pub(in super::super) async fn read_signed(State(app): State<App>, method: Method, url: Uri) -> Response {
    if ![Method::GET, Method::HEAD].contains(&method) {
        let message = "The specified method is not allowed against this resource.";
        return s3_error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
    }
    let (key, host) = (app.engine.signing_key(PURPOSE), host_of(&app.config.public_url));
    let query = url.query().unwrap_or_default();
    match sigv4::check(&key, signed(&host, url.path()), query, app.engine.now()) {
        Ok(()) => bytes(&app, url.path()).await,
        Err(sigv4::Refusal::Expired) => s3_error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"),
        Err(sigv4::Refusal::Mismatch) => {
            let message = "The request signature we calculated does not match the signature you provided.";
            s3_error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message)
        }
    }
}

async fn bytes(app: &App, path: &str) -> Response {
    let uid = path.strip_prefix(SIGNED_URLS).and_then(|rest| rest.split('/').nth(1)?.parse::<Uuid>().ok());
    let Some(uid) = uid else { return no_such_key() };
    match app.engine.read_signed(uid).await {
        Ok(content) => user_bytes(content, Disposition::Attachment),
        Err(Error::NotFound) => no_such_key(),
        Err(error) => {
            tracing::error!(dialect = "onlyoffice", error = format!("{error:#}"), "a signed URL could not be read");
            internal_error().into_response()
        }
    }
}
