//! The calls that the library does not make, or whose answers it does not show whole: signed by the library, sent
//! through its connections, answered with what the store said.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use md5::{Digest, Md5};
use object_store::{
    aws::AwsAuthorizer,
    client::{HttpRequest, HttpRequestBody},
    signer::{HeaderMap, HeaderValue, Method},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, de::DeserializeOwned};

use super::place::Place;

/// Bytes of an answer at the most that are read: a listing of 1,000 versions has less than a tenth of it.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// How long an answer may take that is not a body of bytes.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The pauses after which a call is made again that the store has refused for the moment.
pub(super) const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_600)];

/// What the store answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The store said no.
    #[error("{code}: {message} (status {status})")]
    Refused { status: u16, code: String, message: String },
    /// Nobody knows what became of it.
    #[error("the object store gave no answer")]
    Unanswered(#[source] anyhow::Error),
    /// It was answered with what is none.
    #[error("the object store's answer cannot be read")]
    Unreadable(#[source] anyhow::Error),
    /// It was not made.
    #[error("there are no credentials for the object store")]
    Credentials(#[source] object_store::Error),
}

impl CallError {
    /// The store's word for why it refused.
    pub(super) fn code(&self) -> &str {
        match self {
            CallError::Refused { code, .. } => code,
            CallError::Unanswered(_) | CallError::Unreadable(_) | CallError::Credentials(_) => "",
        }
    }

    /// The store asks for fewer calls.
    pub(super) fn is_too_fast(&self) -> bool {
        matches!(self, CallError::Refused { status, code, .. } if *status == 503 || *status == 429 || is_too_fast(code))
    }

    /// The same call may be answered better soon.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            CallError::Refused { status, code, .. } => is_too_fast(code) || matches!(status, 429 | 500 | 502..),
            CallError::Unanswered(_) => true,
            CallError::Unreadable(_) | CallError::Credentials(_) => false,
        }
    }

    /// The store does not know this call.
    pub(super) fn is_not_implemented(&self) -> bool {
        matches!(self, CallError::Refused { status, code, .. } if *status == 501 || code == "NotImplemented")
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, CallError::Refused { status: 404, .. })
    }
}

/// Whether a code asks for fewer calls.
pub(super) fn is_too_fast(code: &str) -> bool {
    matches!(code, "SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "Throttling" | "TooManyRequests")
}

impl Place {
    /// Asks for something that stands in the bucket; a few times, if the answer may be better soon.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub(super) async fn ask(&self, key: Option<&str>, query: &[(&str, &str)]) -> Result<Answer, CallError> {
        for pause in PAUSES {
            match self.call(Method::GET, key, query, Bytes::new()).await {
                Err(error) if error.is_passing() => tokio::time::sleep(pause).await,
                answer => return answer,
            }
        }
        self.call(Method::GET, key, query, Bytes::new()).await
    }

    /// Makes one call of the bucket, or of a key in it, once.
    ///
    /// # Errors
    /// [`CallError`]; also where a success holds an error.
    pub(super) async fn call(
        &self,
        method: Method,
        key: Option<&str>,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, CallError> {
        let request = self.signed(method, key, query, body).await?;
        let answered = tokio::time::timeout(ANSWER_WITHIN, async {
            let response = self.client.execute(request).await?;
            let (parts, body) = response.into_parts();
            Ok::<_, object_store::client::HttpError>((parts, body.bytes().await?))
        });
        let (parts, body) = match answered.await {
            Ok(answered) => answered.map_err(|error| CallError::Unanswered(error.into()))?,
            Err(late) => return Err(CallError::Unanswered(late.into())),
        };
        if body.len() > LONGEST_ANSWER {
            return Err(CallError::Unreadable(anyhow::anyhow!("it has {} bytes", body.len())));
        }
        match (parts.status.is_success(), error_of(&body)) {
            (true, None) => Ok(Answer { headers: parts.headers, body }),
            (_, Some(refused)) => {
                Err(CallError::Refused { status: parts.status.as_u16(), code: refused.code, message: refused.message })
            }
            (false, None) => Err(CallError::Refused {
                status: parts.status.as_u16(),
                code: parts.status.canonical_reason().unwrap_or("Error").replace(' ', ""),
                message: String::from_utf8_lossy(&body).chars().take(200).collect(),
            }),
        }
    }

    async fn signed(
        &self,
        method: Method,
        key: Option<&str>,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<HttpRequest, CallError> {
        let not_made = |error: anyhow::Error| CallError::Unreadable(error.context("the call cannot be written"));
        let credential = self.credentials.get_credential().await.map_err(CallError::Credentials)?;
        let mut url = self.bucket_url.to_string();
        if let Some(key) = key {
            url = format!("{url}/{key}");
        }
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        if !query.is_empty() {
            url = format!("{url}?{}", query.join("&"));
        }
        let (length, sum) = (body.len(), BASE64_STANDARD.encode(Md5::digest(&body)));
        let mut request = HttpRequest::new(HttpRequestBody::from(body));
        *request.uri_mut() = url.parse().map_err(|error| not_made(anyhow::Error::new(error)))?;
        if method == Method::POST || method == Method::PUT {
            let headers = request.headers_mut();
            headers.insert("content-length", HeaderValue::from(length));
            headers.insert("content-type", HeaderValue::from_static("application/xml"));
            // Some stores take no DeleteObjects without it.
            headers.insert("content-md5", HeaderValue::from_str(&sum).map_err(|error| not_made(error.into()))?);
        }
        *request.method_mut() = method;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|error| not_made(error.into()))?;
        Ok(request)
    }
}

/// Reads an answer's document.
///
/// # Errors
/// `Unreadable`.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, CallError> {
    quick_xml::de::from_reader(answer.body.as_ref()).map_err(|error| CallError::Unreadable(error.into()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ErrorDocument {
    code: String,
    message: String,
}

/// The error that an answer holds, whatever its status.
fn error_of(body: &[u8]) -> Option<ErrorDocument> {
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}').trim_start();
    let root = match text.strip_prefix("<?").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    };
    let inside = root.strip_prefix("<Error")?;
    match inside.starts_with(['>', ' ', '/', '\t', '\r', '\n']) {
        true => Some(quick_xml::de::from_str(root).unwrap_or_default()),
        false => None,
    }
}

fn escape(text: &str) -> String {
    /// What a signature's texts leave as it is.
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_under_any_status() {
        let code = |body: &str| error_of(body.as_bytes()).map(|error| error.code);
        assert_eq!(code("<Error><Code>SlowDown</Code></Error>"), Some("SlowDown".into()));
        let long = "<?xml version=\"1.0\"?>\n<Error xmlns=\"x\"><Code>A</Code><Message>m</Message><Key>k</Key></Error>";
        assert_eq!(code(long), Some("A".into()));
        assert_eq!(code("<Error/>"), Some(String::new()));
        assert_eq!(code("<DeleteResult><Error><Code>A</Code></Error></DeleteResult>"), None);
        assert_eq!(code("<Errors/>"), None);
        assert_eq!(code(""), None);
    }
}
