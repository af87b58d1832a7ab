//! What went wrong, in this dialect's words (onlyoffice.md 1.1, 2, 3.2, 5).
//!
//! A refusal is written as JSON and carries itself along, so that [`super::asked`] can write it anew where XML is
//! asked for.

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};

use super::{
    asked::{Form, write},
    wire::{ErrorBody, XmlErrorBody},
};
use crate::{
    engine::{
        error::Error,
        model::{FailureReason, NodeRef, Refused, Target, Verdict},
    },
    http::range::OutOfRange,
};

/// A refused call: status, message, and what its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    message: Cow<'static, str>,
    header: Option<Header>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Header {
    RetryAfter(Duration),
    Challenge,
    Allow(String),
    OutOfRange(OutOfRange),
}

const DENIED: &str = "Access denied";
const NO_FILE: &str = "The required file was not found";
const NO_FOLDER: &str = "The required folder was not found";
const HELD: &str = "The item is under a legal hold";
const TOO_DEEP: &str = "Folders are at most 100 deep";
const QUOTA: &str = "Storage quota exceeded";
const INTO_ITSELF: &str = "The folder cannot lie in itself";

impl Refusal {
    pub(super) const ACCESS_DENIED: Self = Self::new(StatusCode::FORBIDDEN, DENIED);
    pub(super) const FILE_NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, NO_FILE);
    pub(super) const FOLDER_NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, NO_FOLDER);
    pub(super) const KEY_NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "The required key was not found");
    pub(super) const UNKNOWN_PATH: Self = Self::new(StatusCode::NOT_FOUND, "The required resource was not found");
    pub(super) const TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "The request body is too large");
    pub(super) const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
    pub(super) const UNAUTHORIZED: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        message: Cow::Borrowed("Unauthorized"),
        header: Some(Header::Challenge),
    };

    const fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message: Cow::Borrowed(message), header: None }
    }

    /// 400: the request itself is wrong, as the text says.
    pub(super) const fn bad(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400 about one parameter.
    pub(super) fn bad_value(name: &str) -> Self {
        Self { message: format!("The value of {name} is not valid").into(), ..Self::bad("") }
    }

    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
        Self { header: Some(Header::Allow(allow.to_owned())), ..refusal }
    }

    /// As [`From<Error>`], for the calls whose missing thing is a folder.
    pub(super) fn of_folder(error: Error) -> Self {
        Self::from(error).into_folder()
    }

    /// What is missing is a folder.
    pub(super) fn into_folder(self) -> Self {
        match self == Self::FILE_NOT_FOUND {
            true => Self::FOLDER_NOT_FOUND,
            false => self,
        }
    }

    /// Why a target stops the whole call. `None`: it does not (3.2).
    pub(super) fn of_verdict(target: &Target, verdict: &Verdict) -> Option<Self> {
        let refused = match verdict {
            // A version that does not exist stops nobody (4.5).
            Verdict::Deleted(_) | Verdict::Untouched | Verdict::Waiting | Verdict::NoVersion => return None,
            Verdict::NotFound => Refused::NotFound,
            Verdict::Forbidden => Refused::Forbidden,
            Verdict::Held => Refused::Held,
            Verdict::Locked => Refused::Locked,
        };
        let is_folder = matches!(target, Target::FolderId(_) | Target::FolderUid(_));
        Some(Self::of_refused(refused, is_folder))
    }

    fn of_refused(refused: Refused, is_folder: bool) -> Self {
        match refused {
            Refused::NotFound if is_folder => Self::FOLDER_NOT_FOUND,
            Refused::NotFound => Self::FILE_NOT_FOUND,
            Refused::Forbidden | Refused::Locked => Self::ACCESS_DENIED,
            Refused::Held => Self::new(StatusCode::FORBIDDEN, HELD),
            Refused::TooDeep => Self::bad(TOO_DEEP),
            Refused::QuotaExceeded => Self::new(StatusCode::PAYMENT_REQUIRED, QUOTA),
            Refused::IntoItself => Self::new(StatusCode::FORBIDDEN, INTO_ITSELF),
        }
    }

    fn with_retry_after(self, wait: Duration) -> Self {
        Self { header: Some(Header::RetryAfter(wait)), ..self }
    }

    pub(super) fn write(&self, form: Form) -> Response {
        let status = self.status.as_u16();
        let mut answer = match form {
            Form::Json => write(form, self.status, &ErrorBody::new(status, &self.message)),
            Form::Xml => write(form, self.status, &XmlErrorBody::new(status, &self.message)),
        };
        let header = self.header.as_ref().and_then(|header| {
            Some(match header {
                Header::RetryAfter(wait) => (RETRY_AFTER, HeaderValue::from(whole_seconds(*wait))),
                Header::Challenge => (WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"unfile\"")),
                Header::Allow(methods) => (ALLOW, HeaderValue::from_str(methods).ok()?),
                Header::OutOfRange(range) => (CONTENT_RANGE, range.content_range()),
            })
        });
        answer.headers_mut().extend(header);
        answer
    }
}

/// What an entry of an operation failed with, behind its title (3.3).
pub(super) fn reason(reason: FailureReason) -> Cow<'static, str> {
    match reason {
        FailureReason::NoVersion(number) => format!("Version {number} was not found").into(),
        FailureReason::Refused(refused) => Refusal::of_refused(refused, false).message,
    }
}

/// What the engine refused, as this dialect says it. A fault of the server is logged here, once; the caller is told no
/// more than that there was one.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::KeyUnknown | Error::AccountDisabled | Error::WrongPassword => Self::UNAUTHORIZED,
            Error::TooManyAttempts { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts").with_retry_after(retry_after)
            }
            Error::Forbidden | Error::Locked => Self::ACCESS_DENIED,
            Error::NotFound => Self::FILE_NOT_FOUND,
            Error::NoVersion => Self::new(StatusCode::NOT_FOUND, "The required version was not found"),
            Error::Held => Self::new(StatusCode::FORBIDDEN, HELD),
            Error::Stopped { node, why } => {
                let is_folder = matches!(node, NodeRef::FolderId(_) | NodeRef::FolderUid(_) | NodeRef::Home);
                Self::of_refused(why, is_folder)
            }
            Error::Invalid(why) => Self::bad(why),
            Error::InvalidName => Self::bad("The title is not valid"),
            Error::TooDeep => Self::bad(TOO_DEEP),
            // No call of this dialect refuses a taken name or knows of announced uploads.
            Error::NameTaken { .. } | Error::Exists(_) => Self::bad("The title is taken"),
            Error::Incomplete | Error::UploadEnded | Error::TooManyUploads => Self::bad("The upload is not possible"),
            Error::BodyBrokenOff => Self::bad("The request body broke off"),
            Error::QuotaExceeded { .. } => Self::new(StatusCode::PAYMENT_REQUIRED, QUOTA),
            Error::StorageFull => Self::new(StatusCode::PAYMENT_REQUIRED, "Storage is full."),
            Error::TooLarge => Self::TOO_LARGE,
            Error::Busy | Error::Interrupted(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable")
                    .with_retry_after(Duration::from_secs(1))
            }
            Error::Internal(cause) => {
                tracing::error!(dialect = "onlyoffice", error = format!("{cause:#}"), "a call failed");
                Self::INTERNAL
            }
        }
    }
}

impl From<OutOfRange> for Refusal {
    fn from(range: OutOfRange) -> Self {
        let refusal = Self::new(OutOfRange::STATUS, "The file has no such part");
        Self { header: Some(Header::OutOfRange(range)), ..refusal }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = self.write(Form::Json);
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Rounded up: who comes back at that second is not refused again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
