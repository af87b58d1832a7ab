//! What went wrong, in this dialect's words (oracle.md 3.4 to 3.6).
//!
//! Whoever refuses a call knows the reason; the call itself (which id, which service, which first sentence) is known
//! from its path. A refusal therefore leaves its room as it is, and [`super::answer`] writes it for the call it refuses.

use std::{borrow::Cow, time::Duration};

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use super::call::{Call, is_folder_id};
use crate::engine::{error::Error, model::Caller};

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// No credentials, or wrong ones: not JSON, but plain text (oracle.md 2).
    SignIn,
    /// A parameter that is missing or not of its form.
    Invalid(Cow<'static, str>),
    TooLarge,
    OutOfRange,
    Method,
    /// The caller, by display name, may not.
    Forbidden(String),
    /// The same, because another site made the caller's browser send it.
    CrossSite(String),
    TooManyAttempts,
    CodeNeeded,
    Exists,
    Missing,
    UnknownPath,
    Locked,
    Held,
    Quota,
    Full,
    Busy,
    Failed,
}

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    /// What it is about, where that is not the id in the path.
    id: Option<String>,
    /// As the request named it.
    version: Option<String>,
    retry_after: Option<Duration>,
    /// A header that belongs to the reason.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refusal {
    pub(super) const SIGN_IN: Self = Self::new(Reason::SignIn);
    pub(super) const TOO_LARGE: Self = Self::new(Reason::TooLarge);
    pub(super) const CODE_NEEDED: Self = Self::new(Reason::CodeNeeded);
    pub(super) const MISSING: Self = Self::new(Reason::Missing);
    pub(super) const UNKNOWN_PATH: Self = Self::new(Reason::UnknownPath);
    pub(super) const LOCKED: Self = Self::new(Reason::Locked);
    pub(super) const HELD: Self = Self::new(Reason::Held);
    pub(super) const QUOTA: Self = Self::new(Reason::Quota);
    pub(super) const FAILED: Self = Self::new(Reason::Failed);

    const fn new(reason: Reason) -> Self {
        Self { reason, id: None, version: None, retry_after: None, header: None }
    }

    pub(super) fn invalid(parameter: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Reason::Invalid(parameter.into()))
    }

    pub(super) fn forbidden(caller: &Caller) -> Self {
        Self::new(Reason::Forbidden(caller.display_name.clone()))
    }

    pub(super) fn cross_site(caller: &Caller) -> Self {
        Self::new(Reason::CrossSite(caller.display_name.clone()))
    }

    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let allow = HeaderValue::from_str(allow).ok();
        Self { header: allow.map(|allow| Box::new((ALLOW, allow))), ..Self::new(Reason::Method) }
    }

    /// A part of a file that lies behind its end.
    pub(super) fn out_of_range(content_range: HeaderValue) -> Self {
        Self { header: Some(Box::new((CONTENT_RANGE, content_range))), ..Self::new(Reason::OutOfRange) }
    }

    /// The server has no room for the call.
    pub(super) fn busy() -> Self {
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(Reason::Busy) }
    }

    /// About another thing than the one in the path.
    pub(super) fn about(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// Of a call that named a version; a refusal for its form does not repeat it (oracle.md 3.5).
    pub(super) fn of_version(self, version: Option<&str>) -> Self {
        match self.reason {
            Reason::Invalid(_) | Reason::TooLarge => self,
            _ => Self { version: version.map(str::to_owned), ..self },
        }
    }

    /// What the engine refused this caller. A fault of the server is logged here, once; the caller is told no more than
    /// that there was one.
    pub(super) fn of(error: Error, caller: &Caller) -> Self {
        let retry_after = match &error {
            Error::TooManyAttempts { retry_after } => Some(*retry_after),
            Error::Busy | Error::Interrupted(_) => Some(Duration::from_secs(1)),
            _ => None,
        };
        let reason = match error {
            Error::KeyUnknown | Error::AccountDisabled | Error::WrongPassword => Reason::SignIn,
            Error::TooManyAttempts { .. } => Reason::TooManyAttempts,
            Error::Forbidden => Reason::Forbidden(caller.display_name.clone()),
            Error::NotFound | Error::NoVersion | Error::Stopped { .. } => Reason::Missing,
            Error::Locked => Reason::Locked,
            Error::Held => Reason::Held,
            Error::Invalid(what) => Reason::Invalid(what.into()),
            Error::InvalidName => Reason::Invalid("name".into()),
            Error::TooDeep => Reason::Invalid("parentID".into()),
            Error::BodyBrokenOff | Error::Incomplete | Error::UploadEnded | Error::TooManyUploads => {
                Reason::Invalid("primaryFile".into())
            }
            Error::NameTaken { .. } | Error::Exists(_) => Reason::Exists,
            Error::TooLarge => Reason::TooLarge,
            Error::QuotaExceeded { .. } => Reason::Quota,
            Error::StorageFull => Reason::Full,
            Error::Busy | Error::Interrupted(_) => Reason::Busy,
            Error::Internal(cause) => {
                tracing::error!(dialect = "oracle", error = format!("{cause:#}"), "a call failed");
                Reason::Failed
            }
        };
        Self { retry_after, ..Self::new(reason) }
    }

    pub(super) fn is_forbidden(&self) -> bool {
        matches!(self.reason, Reason::Forbidden(_))
    }

    pub(super) fn status(&self) -> StatusCode {
        match self.reason {
            Reason::SignIn => StatusCode::UNAUTHORIZED,
            Reason::Invalid(_) => StatusCode::BAD_REQUEST,
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::OutOfRange => StatusCode::RANGE_NOT_SATISFIABLE,
            Reason::Method => StatusCode::METHOD_NOT_ALLOWED,
            Reason::Forbidden(_) | Reason::CrossSite(_) | Reason::CodeNeeded | Reason::Locked | Reason::Held => {
                StatusCode::FORBIDDEN
            }
            Reason::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Reason::Exists => StatusCode::CONFLICT,
            Reason::Missing | Reason::UnknownPath => StatusCode::NOT_FOUND,
            Reason::Quota | Reason::Full => StatusCode::INSUFFICIENT_STORAGE,
            Reason::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `errorCode`, which the trash's calls name `StatusCode`.
    pub(super) fn code(&self) -> &'static str {
        match self.reason {
            Reason::Invalid(_) | Reason::TooLarge | Reason::OutOfRange | Reason::Method => "-50",
            Reason::SignIn | Reason::Forbidden(_) | Reason::CrossSite(_) | Reason::TooManyAttempts => "-20",
            Reason::CodeNeeded => "-18",
            Reason::Exists => "-17",
            Reason::Missing | Reason::UnknownPath => "-16",
            Reason::Locked | Reason::Held => "-22",
            Reason::Quota | Reason::Full | Reason::Busy | Reason::Failed => "-32",
        }
    }

    /// `errorKey` and `errorMessage` of a call.
    pub(super) fn texts(&self, call: &Call) -> (String, String) {
        let item = call.item(self.id.as_deref());
        let (key, message) = match &self.reason {
            Reason::Invalid(name) => {
                (format!("csInvalidParameter,{name}"), format!("The parameter '{name}' is not formatted correctly."))
            }
            Reason::TooLarge => ("csInvalidParameter,body".into(), "The request is too large.".into()),
            Reason::OutOfRange => ("csInvalidParameter,Range".into(), "The file has no such range.".into()),
            Reason::Method => ("csInvalidParameter,method".into(), "The method is not supported.".into()),
            Reason::SignIn => ("csSignInRequired".into(), "Sign in first.".into()),
            Reason::Forbidden(name) | Reason::CrossSite(name) => (
                format!("csCloudItemInsufficientPrivileges,{name},{item},{}", call.service),
                format!("User '{name}' has insufficient privilege to access {item} with service {}.", call.service),
            ),
            Reason::TooManyAttempts => ("csTooManyAttempts".into(), "Too many attempts.".into()),
            Reason::CodeNeeded => (
                "csAccessCodeRequiredForLinkAccess".into(),
                "The access code must be provided to access the link.".into(),
            ),
            Reason::Exists => (format!("csItemAlreadyExists,{item}"), "The item already exists.".into()),
            Reason::Missing => {
                let version = self.version.as_ref().map(|version| format!(",{version}")).unwrap_or_default();
                (format!("csFldDoesNotExist,{item}{version}"), format!("The item {item} does not exist."))
            }
            Reason::UnknownPath => ("csFldDoesNotExist".into(), "The requested resource does not exist.".into()),
            Reason::Locked => (format!("csItemLocked,{item}"), format!("The item {item} is locked or being edited.")),
            Reason::Held => (format!("csItemHeld,{item}"), format!("The item {item} is under a legal hold.")),
            Reason::Quota => ("csStorageQuotaExceeded".into(), "Storage quota exceeded.".into()),
            Reason::Full => ("csStorageFull".into(), "Storage is full.".into()),
            Reason::Busy | Reason::Failed => ("csProcessError".into(), "The request could not be completed.".into()),
        };
        (format!("{}!{key}", call.outer.key), format!("{} {message}", call.outer.sentence))
    }

    /// The body for a call (oracle.md 3.5); `None` for the refusal that is plain text.
    pub(super) fn body(&self, call: &Call) -> Option<Value> {
        if self.reason == Reason::SignIn {
            return None;
        }
        let (key, message) = self.texts(call);
        let id = self.id.as_deref().unwrap_or(&call.id);
        let kind = match (call.kind, &self.id) {
            ("link", _) => "link",
            (_, Some(id)) if is_folder_id(id) => "folder",
            (kind, _) => kind,
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: &str| body.insert(name.to_owned(), value.into());
        put("errorCode", self.code());
        put("errorKey", &key);
        put("errorMessage", &message);
        put("errorType", kind);
        put(call.outer.id_member, id);
        put("title", &message);
        put("type", "");
        if let Some(version) = &self.version {
            put("version", version);
        }
        Some(body.into())
    }

    /// The answer without its body.
    pub(super) fn head(&self) -> Response {
        let mut answer = match self.reason {
            Reason::SignIn => (self.status(), [(CONTENT_TYPE, "text/plain")], "Unauthorized").into_response(),
            _ => self.status().into_response(),
        };
        let headers = answer.headers_mut();
        if self.reason == Reason::SignIn {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"unfile\""));
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: who comes back at that second is not refused again.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some((name, value)) = self.header.as_deref() {
            headers.insert(name, value.clone());
        }
        answer
    }
}

/// Makes refusals of errors for a caller, for `map_err`.
pub(super) fn refusing(caller: &Caller) -> impl Fn(Error) -> Refusal {
    move |error| Refusal::of(error, caller)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = self.head();
        answer.extensions_mut().insert(self);
        answer
    }
}
