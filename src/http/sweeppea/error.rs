//! Every answer that is not a 200 (sweeppea.md 2.1, 2.4, 3, 4).

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{
    file_type,
    wire::{Decimal, Telemetry},
};
use crate::{
    engine::error::Error,
    http::{
        body::json,
        s3_error::{self, s3_error},
    },
};

/// Why a call was not done. Nothing was changed, but where [`Refusal::Internal`] says otherwise.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No `Authorization: Bearer <key>`.
    NoBearer,
    KeyUnknown,
    AccountDisabled,
    /// The key is restricted to reading.
    ReadOnlyKey,
    /// The month's calls are made.
    MonthUsedUp,
    RateLimited {
        calls_a_minute: u32,
    },
    /// No such call.
    Path,
    Method {
        allow: String,
    },
    BodyTooLarge,
    /// A member is missing or wrong; the help tells what the call expects.
    Field {
        help: Help,
        field: Field,
    },
    /// The media type as it was sent.
    TypeNotAllowed {
        media_type: String,
    },
    /// Bytes.
    FileTooLarge {
        size: u64,
    },
    /// Bytes.
    QuotaExceeded {
        used: u64,
        quota: u64,
        size: u64,
    },
    StorageFull,
    NameTaken {
        name: String,
        by: Uuid,
    },
    /// Not there for this caller.
    NotFound,
    Locked,
    Held,
    /// No mail server is set.
    MailOff,
    /// A fault of the server, or a deletion that is marked and not yet confirmed.
    Internal,
    /// More work than the server may hold.
    Busy,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::KeyUnknown => Self::KeyUnknown,
            Error::AccountDisabled => Self::AccountDisabled,
            // All that a good key may not do here is change something.
            Error::Forbidden => Self::ReadOnlyKey,
            Error::NotFound => Self::NotFound,
            Error::InvalidName => Help::Upload.about(Field::Filename),
            Error::QuotaExceeded { used, quota, size } => Self::QuotaExceeded { used, quota, size },
            Error::StorageFull => Self::StorageFull,
            Error::Busy | Error::Interrupted(_) => Self::Busy,
            Error::Internal(_)
            // Only an upload meets this, and it says which name (handlers).
            | Error::NameTaken { .. }
            // No call of this dialect asks for what is answered so.
            | Error::WrongPassword
            | Error::NoVersion
            | Error::Locked
            | Error::Held
            | Error::Stopped { .. }
            | Error::TooManyAttempts { .. }
            | Error::Invalid(_)
            | Error::TooDeep
            | Error::TooLarge
            | Error::TooManyUploads
            | Error::Incomplete
            | Error::UploadEnded
            | Error::BodyBrokenOff
            | Error::Exists(_) => {
                tracing::error!(dialect = "sweeppea", %error, "a call failed");
                Self::Internal
            }
        }
    }
}

/// A member that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    FileToken,
    Filename,
    MimeType,
    FileData,
    Private,
    Mode,
    ExpiresIn,
    RecipientEmail,
}

impl Field {
    fn message(self) -> &'static str {
        match self {
            Field::FileToken => "Invalid or Missing FileToken.",
            Field::Filename => "Missing or invalid Filename.",
            Field::MimeType => "Missing or invalid MimeType.",
            Field::FileData => "Missing or invalid FileData.",
            Field::Private => "Missing or invalid Private.",
            Field::Mode => "Invalid Mode.",
            Field::ExpiresIn => "Invalid ExpiresIn.",
            Field::RecipientEmail => "Invalid or Missing RecipientEmail.",
        }
    }
}

/// What the body of a call is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Help {
    Delete,
    Upload,
    GetFileUrl,
    Send,
}

impl Help {
    pub(super) fn about(self, field: Field) -> Refusal {
        Refusal::Field { help: self, field }
    }

    /// Members and what is said of them.
    fn expected(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Help::Delete => &[("FileToken", "string (required) — UUID v4 of the file to delete")],
            Help::Upload => &[
                ("Filename", "string (required) — Original filename with extension (e.g. \"report.pdf\")"),
                ("MimeType", "string (required) — MIME type of the file (e.g. \"application/pdf\")"),
                ("FileData", "string (required) — Base64-encoded file content"),
                ("Private", "boolean (optional) — Whether the file is private (default: true)"),
            ],
            Help::GetFileUrl => &[
                ("FileToken", "string (required) — UUID v4 of the file to generate URL for"),
                (
                    "Mode",
                    "string (optional) — \"download\" (forces attachment) or \"preview\" (inline). Default: \"preview\"",
                ),
                ("ExpiresIn", "number (optional) — URL lifetime in seconds. Range: 60–3600. Default: 900 (15 minutes)"),
            ],
            Help::Send => &[
                ("FileToken", "string (required) — UUID v4 of the file to send"),
                ("RecipientEmail", "string (required) — Email address of the recipient"),
                ("EmailSubject", "string (optional) — Custom email subject (default: \"File shared from Sweeppea\")"),
                ("EmailMessage", "string (optional) — Custom message body to include in the email"),
            ],
        }
    }
}

/// `{"ExpectedBody":{..}}`
impl Serialize for Help {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Expected(Help);
        impl Serialize for Expected {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.expected().iter().copied())
            }
        }
        serializer.collect_map([("ExpectedBody", Expected(*self))])
    }
}

/// The body of every answer that is not a 200; which members it has depends on the answer (sweeppea.md 2.4).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    response: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<Telemetry>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    existing_file_token: Option<Uuid>,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoBearer => StatusCode::UNAUTHORIZED,
            Self::KeyUnknown
            | Self::AccountDisabled
            | Self::ReadOnlyKey
            | Self::MonthUsedUp
            | Self::Locked
            | Self::Held => StatusCode::FORBIDDEN,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Path | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Field { .. }
            | Self::TypeNotAllowed { .. }
            | Self::FileTooLarge { .. }
            | Self::QuotaExceeded { .. }
            | Self::StorageFull
            | Self::MailOff => StatusCode::BAD_REQUEST,
            Self::NameTaken { .. } => StatusCode::CONFLICT,
            Self::Internal | Self::Busy => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(&self) -> String {
        let fixed = match self {
            Self::NoBearer => "Invalid or Missing Bearer Token",
            Self::KeyUnknown => "Invalid API Token",
            Self::AccountDisabled => "Account is disabled. Please contact support.",
            Self::ReadOnlyKey => "API access restricted. This key may only read.",
            Self::MonthUsedUp => "Monthly API call limit reached.",
            Self::RateLimited { calls_a_minute } => {
                return format!(
                    "Rate limit exceeded. Your plan allows {calls_a_minute} API calls per minute. \
                     Wait a few seconds and try again."
                );
            }
            Self::Path => "Not Found",
            Self::Method { .. } => "Method Not Allowed",
            Self::BodyTooLarge => "Request body too large",
            Self::Field { field, .. } => field.message(),
            Self::TypeNotAllowed { media_type } => {
                let allowed = file_type::listed();
                return format!("File type \"{media_type}\" is not allowed. Allowed types: {allowed}.");
            }
            Self::FileTooLarge { size } => {
                let size = Decimal::mib(*size).in_full();
                return format!("File size ({size} MB) exceeds the maximum allowed size of 10 MB.");
            }
            Self::QuotaExceeded { used, quota, size } => return quota_message(*used, *quota, *size),
            Self::StorageFull => "Storage is full.",
            Self::NameTaken { name, .. } => {
                return format!(
                    "A file named \"{name}\" already exists in this account's Drive. \
                     Rename the file or delete the existing one and try again."
                );
            }
            Self::NotFound => "File not found or access denied.",
            Self::Locked => "File is locked or being edited.",
            Self::Held => "File is under a legal hold.",
            Self::MailOff => "Email sending is not configured on this server.",
            Self::Internal | Self::Busy => "Internal Server Error",
        };
        fixed.to_owned()
    }

    /// The header that goes with it.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            // The vendor's constant, though a call may succeed earlier.
            Self::RateLimited { .. } => Some((header::RETRY_AFTER, HeaderValue::from_static("60"))),
            Self::Busy => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::Method { allow } => Some((header::ALLOW, allow.parse().ok()?)),
            _ => None,
        }
    }

    /// The answer to a call that was let in; only a file that is not found shows the telemetry.
    pub(super) fn answer(self, telemetry: Option<Telemetry>) -> Response {
        let status = self.status();
        let header = self.header();
        let failure = Failure {
            response: false,
            message: self.message(),
            // A request that is wrong in itself carries no code; all else does.
            code: (status != StatusCode::BAD_REQUEST && status != StatusCode::CONFLICT).then_some(status.as_u16()),
            telemetry: telemetry.filter(|_| matches!(self, Self::NotFound)),
            help: match self {
                Self::Field { help, .. } => Some(help),
                _ => None,
            },
            existing_file_token: match self {
                Self::NameTaken { by, .. } => Some(by),
                _ => None,
            },
        };
        let mut answer = json(status, &failure);
        answer.headers_mut().extend(header);
        answer
    }
}

/// Before a call is let in, there is no telemetry to show.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer(None)
    }
}

fn quota_message(used: u64, quota: u64, size: u64) -> String {
    let full = |bytes| Decimal::mib(bytes).in_full();
    format!(
        "Storage quota exceeded. Current usage: {} MB, file size: {} MB, quota: {} MB, remaining: {} MB.",
        full(used),
        full(size),
        Decimal::mib(quota),
        full(quota.saturating_sub(used)),
    )
}

/// What a signed URL answers instead of bytes, in S3's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadRefusal {
    /// The URL is not one that this server signed.
    Signature,
    Expired,
    /// Hidden or gone.
    NotFound,
    /// A URL of this kind is only read.
    Method,
    Internal,
}

impl From<Error> for ReadRefusal {
    fn from(error: Error) -> Self {
        match Refusal::from(error) {
            Refusal::NotFound => Self::NotFound,
            _ => Self::Internal,
        }
    }
}

impl IntoResponse for ReadRefusal {
    fn into_response(self) -> Response {
        match self {
            Self::Signature => s3_error(
                StatusCode::FORBIDDEN,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            ),
            Self::Expired => s3_error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"),
            Self::NotFound => s3_error::no_such_key(),
            Self::Method => {
                let mut answer = s3_error(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "MethodNotAllowed",
                    "The specified method is not allowed against this resource.",
                );
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                answer
            }
            Self::Internal => s3_error::internal_error(),
        }
    }
}
