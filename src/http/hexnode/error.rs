//! What this dialect says when something is not done: Django REST framework's texts where it has one (hexnode.md 2, 3
//! and 5), and S3's at the upload URL (hexnode.md 4.2).

use std::time::Duration;

use axum::{
    http::{
        HeaderValue, Method, StatusCode,
        header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::fields::{FieldErrors, FileId};
use crate::{
    engine::error::Error,
    http::{
        body::{BodyError, json},
        rate::OverRate,
        s3_error::{self, s3_error, slow_down},
        sigv4,
    },
};

/// Everything that a call with a key can be refused for.
pub(super) enum Refusal {
    NoCredentials,
    /// Sent as two headers or in bytes that no key has.
    MalformedKey,
    /// A key restricted to reading, on a call that writes.
    ReadOnlyKey,
    Throttled(OverRate),
    Method(Method, HeaderValue),
    UnknownPath,
    /// The `Content-Type` as it was sent, empty if it was not.
    UnsupportedMediaType(String),
    BodyTooLarge,
    BodyBrokenOff,
    /// The body is not JSON; the reason.
    Syntax(String),
    /// The body is JSON, but no object.
    NonField(String),
    Fields(FieldErrors),
    /// Nothing was deleted: these ids are not there for the caller.
    NoFiles(Vec<FileId>),
    /// Nothing was deleted: these files are under a hold.
    Held(Vec<FileId>),
    /// Nothing was deleted: these files are locked by another user or open for editing.
    Locked(Vec<FileId>),
    InvalidPage,
    Engine(Error),
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: &'a str,
}

#[derive(Serialize)]
struct DetailWithIds<'a> {
    detail: &'static str,
    file_ids: &'a [FileId],
}

#[derive(Serialize)]
struct NonFieldErrors {
    non_field_errors: [String; 1],
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        use StatusCode as S;
        match self {
            Refusal::NoCredentials => unauthorized("Authentication credentials were not provided."),
            Refusal::MalformedKey => unauthorized("Invalid token."),
            Refusal::ReadOnlyKey => detail(S::FORBIDDEN, "You do not have permission to perform this action."),
            Refusal::Throttled(over) => throttled(over.retry_after),
            Refusal::Method(method, allow) => {
                let text = format!("Method \"{method}\" not allowed.");
                with_header(detail(S::METHOD_NOT_ALLOWED, &text), ALLOW, allow)
            }
            Refusal::UnknownPath => detail(S::NOT_FOUND, "Not found."),
            Refusal::UnsupportedMediaType(sent) => {
                let text = format!("Unsupported media type \"{sent}\" in request.");
                detail(S::UNSUPPORTED_MEDIA_TYPE, &text)
            }
            Refusal::BodyTooLarge => detail(S::PAYLOAD_TOO_LARGE, "Request body too large."),
            Refusal::BodyBrokenOff => detail(S::BAD_REQUEST, "JSON parse error - the body broke off"),
            Refusal::Syntax(reason) => detail(S::BAD_REQUEST, &format!("JSON parse error - {reason}")),
            Refusal::NonField(text) => json(S::BAD_REQUEST, &NonFieldErrors { non_field_errors: [text] }),
            Refusal::Fields(errors) => json(S::BAD_REQUEST, &errors),
            Refusal::NoFiles(ids) => detail_with_ids(S::NOT_FOUND, "Not found.", &ids),
            Refusal::Held(ids) => detail_with_ids(S::FORBIDDEN, "File is under a legal hold.", &ids),
            Refusal::Locked(ids) => detail_with_ids(S::FORBIDDEN, "File is locked or being edited.", &ids),
            Refusal::InvalidPage => detail(S::NOT_FOUND, "Invalid page."),
            Refusal::Engine(error) => engine_error(error),
        }
    }
}

/// The engine's errors in DRF's form.
fn engine_error(error: Error) -> Response {
    use StatusCode as S;
    match error {
        Error::KeyUnknown => unauthorized("Invalid token."),
        Error::AccountDisabled => unauthorized("User inactive or deleted."),
        Error::TooManyAttempts { retry_after } => throttled(whole_seconds(retry_after)),
        Error::Forbidden => Refusal::ReadOnlyKey.into_response(),
        // An upload that ended before its verify is gone like any other.
        Error::NotFound | Error::UploadEnded => detail(S::NOT_FOUND, "Not found."),
        Error::Invalid(text) => detail(S::BAD_REQUEST, text),
        Error::TooManyUploads => detail(S::BAD_REQUEST, "Too many open uploads."),
        Error::Incomplete => detail(S::BAD_REQUEST, "File not found in Amazon S3"),
        Error::QuotaExceeded { .. } => detail(S::BAD_REQUEST, "Storage quota exceeded."),
        Error::StorageFull => detail(S::BAD_REQUEST, "Storage is full."),
        Error::Busy | Error::Interrupted(_) => {
            let answer = detail(S::SERVICE_UNAVAILABLE, "Service temporarily unavailable, try again later.");
            with_header(answer, RETRY_AFTER, HeaderValue::from_static("1"))
        }
        // What this dialect never asks for cannot be refused: a fault of ours.
        error @ (Error::Internal(_)
        | Error::WrongPassword
        | Error::NoVersion
        | Error::Locked
        | Error::Held
        | Error::Stopped { .. }
        | Error::InvalidName
        | Error::TooDeep
        | Error::NameTaken { .. }
        | Error::TooLarge
        | Error::BodyBrokenOff
        | Error::Exists(_)) => {
            log_fault(&error);
            server_error()
        }
    }
}

pub(super) fn server_error() -> Response {
    detail(StatusCode::INTERNAL_SERVER_ERROR, "A server error occurred.")
}

/// Everything that the upload URL can be refused for.
pub(super) enum PutRefusal {
    Url(sigv4::Refusal),
    Engine(Error),
}

impl IntoResponse for PutRefusal {
    fn into_response(self) -> Response {
        use StatusCode as S;
        match self {
            PutRefusal::Url(sigv4::Refusal::Expired) => s3_error(S::FORBIDDEN, "AccessDenied", "Request has expired"),
            PutRefusal::Url(sigv4::Refusal::Mismatch) => s3_error(
                S::FORBIDDEN,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
            ),
            PutRefusal::Engine(error) => put_engine_error(error),
        }
    }
}

/// The engine's errors in S3's form.
fn put_engine_error(error: Error) -> Response {
    use StatusCode as S;
    match error {
        Error::QuotaExceeded { .. } | Error::TooLarge => {
            s3_error(S::BAD_REQUEST, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
        }
        Error::StorageFull => s3_error(S::BAD_REQUEST, "EntityTooLarge", "Storage is full."),
        Error::UploadEnded | Error::NotFound | Error::Forbidden | Error::AccountDisabled => {
            s3_error(S::FORBIDDEN, "AccessDenied", "Access Denied")
        }
        Error::BodyBrokenOff | Error::Incomplete => s3_error(
            S::BAD_REQUEST,
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ),
        // Four PUTs to one URL are under way, or the server has no room for more work.
        Error::TooManyUploads | Error::Busy | Error::Interrupted(_) => slow_down(),
        // What a PUT never asks for cannot be refused: a fault of ours.
        error @ (Error::Internal(_)
        | Error::NoVersion
        | Error::Locked
        | Error::Held
        | Error::Stopped { .. }
        | Error::KeyUnknown
        | Error::WrongPassword
        | Error::TooManyAttempts { .. }
        | Error::Invalid(_)
        | Error::InvalidName
        | Error::TooDeep
        | Error::NameTaken { .. }
        | Error::Exists(_)) => {
            log_fault(&error);
            s3_error::internal_error()
        }
    }
}

fn log_fault(error: &Error) {
    tracing::error!(dialect = "hexnode", error = %error, "a call failed");
}

fn detail(status: StatusCode, text: &str) -> Response {
    json(status, &Detail { detail: text })
}

fn detail_with_ids(status: StatusCode, detail: &'static str, file_ids: &[FileId]) -> Response {
    json(status, &DetailWithIds { detail, file_ids })
}

fn unauthorized(text: &str) -> Response {
    let answer = detail(StatusCode::UNAUTHORIZED, text);
    with_header(answer, WWW_AUTHENTICATE, HeaderValue::from_static("Api-Key"))
}

fn throttled(seconds: u64) -> Response {
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let text = format!("Request was throttled. Expected available in {seconds} {unit}.");
    with_header(detail(StatusCode::TOO_MANY_REQUESTS, &text), RETRY_AFTER, seconds.into())
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn with_header(mut answer: Response, name: HeaderName, value: HeaderValue) -> Response {
    answer.headers_mut().insert(name, value);
    answer
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Engine(error)
    }
}

impl From<OverRate> for Refusal {
    fn from(over: OverRate) -> Self {
        Refusal::Throttled(over)
    }
}

impl From<FieldErrors> for Refusal {
    fn from(errors: FieldErrors) -> Self {
        Refusal::Fields(errors)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Refusal::BodyTooLarge,
            BodyError::BrokenOff => Refusal::BodyBrokenOff,
        }
    }
}

impl From<sigv4::Refusal> for PutRefusal {
    fn from(refusal: sigv4::Refusal) -> Self {
        PutRefusal::Url(refusal)
    }
}

impl From<Error> for PutRefusal {
    fn from(error: Error) -> Self {
        PutRefusal::Engine(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(answer: impl IntoResponse) -> (u16, String) {
        let answer = answer.into_response();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// What no request from outside brings about at will.
    #[tokio::test]
    async fn the_server_is_busy_full_or_broken() {
        let quota = || Error::QuotaExceeded { used: 1, quota: 1, size: 1 };
        let broken = || Error::Internal(anyhow::anyhow!("disk 7 at /secret"));
        for (error, status, body) in [
            (Error::Busy, 503, r#"{"detail":"Service temporarily unavailable, try again later."}"#),
            (Error::StorageFull, 400, r#"{"detail":"Storage is full."}"#),
            (quota(), 400, r#"{"detail":"Storage quota exceeded."}"#),
            (broken(), 500, r#"{"detail":"A server error occurred."}"#),
        ] {
            assert_eq!(said(Refusal::Engine(error)).await, (status, body.to_owned()));
        }
        for (error, status, code, message) in [
            (Error::Busy, 503, "SlowDown", "Please reduce your request rate."),
            (Error::TooManyUploads, 503, "SlowDown", "Please reduce your request rate."),
            (Error::StorageFull, 400, "EntityTooLarge", "Storage is full."),
            (quota(), 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"),
            (broken(), 500, "InternalError", "We encountered an internal error. Please try again."),
        ] {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <Error><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            assert_eq!(said(PutRefusal::Engine(error)).await, (status, body));
        }
    }

    #[test]
    fn whoever_is_to_come_back_is_told_when() {
        let after = |answer: Response| answer.headers()["retry-after"].to_str().unwrap().to_owned();
        assert_eq!(after(Refusal::Engine(Error::Busy).into_response()), "1");
        assert_eq!(after(PutRefusal::Engine(Error::Busy).into_response()), "1");
        let retry_after = Duration::from_millis(56_001);
        assert_eq!(after(Refusal::Engine(Error::TooManyAttempts { retry_after }).into_response()), "57");
    }

    #[tokio::test]
    async fn one_second_is_singular() {
        for (retry_after, text) in [(1, "1 second"), (57, "57 seconds")] {
            let body = format!(r#"{{"detail":"Request was throttled. Expected available in {text}."}}"#);
            assert_eq!(said(Refusal::Throttled(OverRate { retry_after })).await, (429, body));
        }
    }
}
