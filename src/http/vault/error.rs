//! What went wrong, in this dialect's words (vault.md 2.2).

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};

use super::wire::ErrorBody;
use crate::{engine::error::Error, http::body::json};

/// A message and the key by which clients tell what it means: the part that refused calls and refused entries of a
/// batch have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) message: &'static str,
    pub(super) key: &'static str,
}

impl Reason {
    pub(super) const FILE_TO_DELETE_NOT_FOUND: Self =
        Self::new("One or more files were not found. No files were deleted.", "API_CANNOTDELETEFILENOTFOUND");
    pub(super) const FOLDER_TO_DELETE_NOT_FOUND: Self = Self::new(
        "One or more folders were not found. No folders were deleted.",
        "API_FOLDER_CAN_NOT_DELETE_FOLDER_NOT_FOUND",
    );
    pub(super) const LOCKED: Self = Self::new("The file is locked or being edited.", "API_FILE_LOCKED");
    pub(super) const ON_HOLD: Self = Self::new("The file is under a legal hold.", "API_FILE_ON_HOLD");

    pub(super) const FILE_NOT_FOUND: Self = Self::new("The specified file could not be found", "API_FILE_NOT_FOUND");
    pub(super) const FILE_TO_MOVE_NOT_FOUND: Self =
        Self::new("Could not update file. Could not find file by given GUID.", "API_FILE_UPDATE_NO_FILE_FOUND");
    pub(super) const NAME_IN_USE: Self = Self::new("The file name is already in use", "API_FILE_NAME_IN_USE");
    pub(super) const QUOTA_EXCEEDED: Self = Self::new("Storage quota exceeded", "API_QUOTA_EXCEEDED");
    pub(super) const INVALID_REQUEST: Self = Self::new("Invalid HTTP request", "API_BAD_REQUEST");

    const fn new(message: &'static str, key: &'static str) -> Self {
        Self { message, key }
    }
}

/// A refused call: status, reason, and for how long to stay away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The status's name in .NET, which the body repeats.
    status_code: &'static str,
    reason: Reason,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) const INVALID_REQUEST: Self = Self::bad_request(Reason::INVALID_REQUEST);
    pub(super) const INVALID_PARAMETER: Self =
        Self::unauthorized(Reason::new("One or more parameters are invalid", "API_INVALID_PARAMETER"));
    pub(super) const KEY_INCORRECT: Self = Self::forbidden(Reason::new("API key is incorrect", "API_KEY_INCORRECT"));
    pub(super) const ACCESS_DENIED: Self = Self::forbidden(Reason::new("Access denied", "API_ACCESS_DENIED"));
    pub(super) const FILE_NOT_FOUND: Self = Self::not_found(Reason::FILE_NOT_FOUND);
    /// In 2019's words a rename of what is not there is a bad request (4.11).
    const FILE_TO_RENAME_NOT_FOUND: Self = Self::bad_request(Reason::FILE_NOT_FOUND);
    pub(super) const FOLDER_NOT_FOUND: Self =
        Self::not_found(Reason::new("The specified folder could not be found", "API_FOLDER_NOT_FOUND"));
    pub(super) const UNKNOWN_PATH: Self =
        Self::not_found(Reason::new("The requested resource could not be found", "API_BAD_REQUEST"));
    pub(super) const METHOD_NOT_ALLOWED: Self =
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Method not allowed", "API_BAD_REQUEST");
    const NAME_IN_USE: Self = Self::bad_request(Reason::NAME_IN_USE);
    const QUOTA_EXCEEDED: Self = Self::unauthorized(Reason::QUOTA_EXCEEDED);
    const STORAGE_FULL: Self = Self::unauthorized(Reason::new("Storage is full.", "API_QUOTA_EXCEEDED"));
    const TOO_MANY_ATTEMPTS: Self =
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Too many attempts", "API_TOO_MANY_ATTEMPTS");
    pub(super) const UNAVAILABLE: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServerError",
        "Server is temporarily unavailable",
        "API_SERVER_UNAVAILABLE",
    );

    /// 403 for a reason that is not the key: what is asked cannot be deleted now.
    pub(super) const fn forbidden(reason: Reason) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", reason.message, reason.key)
    }

    pub(super) const fn not_found(reason: Reason) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", reason.message, reason.key)
    }

    const fn bad_request(reason: Reason) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", reason.message, reason.key)
    }

    const fn unauthorized(reason: Reason) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", reason.message, reason.key)
    }

    const fn new(status: StatusCode, status_code: &'static str, message: &'static str, key: &'static str) -> Self {
        Self { status, status_code, reason: Reason::new(message, key), retry_after: None }
    }

    const fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// As [`From<Error>`], for the calls whose missing thing is a folder.
    pub(super) fn of_folder(error: Error) -> Self {
        match Self::from(error) {
            Self::FILE_NOT_FOUND => Self::FOLDER_NOT_FOUND,
            other => other,
        }
    }

    /// As [`From<Error>`], for a rename.
    pub(super) fn of_rename(error: Error) -> Self {
        match Self::from(error) {
            Self::FILE_NOT_FOUND => Self::FILE_TO_RENAME_NOT_FOUND,
            other => other,
        }
    }
}

/// What the engine refused, as this dialect says it. A fault of the server is logged here, once; the caller is told no
/// more than that there was one.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::KeyUnknown | Error::AccountDisabled | Error::WrongPassword => Self::KEY_INCORRECT,
            Error::TooManyAttempts { retry_after } => Self::TOO_MANY_ATTEMPTS.retry_after(retry_after),
            Error::Forbidden => Self::ACCESS_DENIED,
            Error::NotFound | Error::NoVersion | Error::Stopped { .. } => Self::FILE_NOT_FOUND,
            Error::Locked => Self::forbidden(Reason::LOCKED),
            Error::Held => Self::forbidden(Reason::ON_HOLD),
            Error::Invalid(_)
            | Error::InvalidName
            | Error::TooLarge
            | Error::TooManyUploads
            | Error::Incomplete
            | Error::UploadEnded
            | Error::Exists(_) => Self::INVALID_PARAMETER,
            Error::TooDeep | Error::BodyBrokenOff => Self::INVALID_REQUEST,
            Error::NameTaken { .. } => Self::NAME_IN_USE,
            Error::QuotaExceeded { .. } => Self::QUOTA_EXCEEDED,
            Error::StorageFull => Self::STORAGE_FULL,
            Error::Busy | Error::Interrupted(_) => Self::UNAVAILABLE.retry_after(Duration::from_secs(1)),
            Error::Internal(cause) => {
                tracing::error!(dialect = "vault", error = format!("{cause:#}"), "a call failed");
                Self::UNAVAILABLE
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body =
            ErrorBody { message: self.reason.message, ui_message_key: self.reason.key, status_code: self.status_code };
        let mut answer = json(self.status, &body);
        if let Some(wait) = self.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        answer
    }
}

/// Rounded up: who comes back at that second is not refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::from_millis(2_001)), 3);
    }
}
