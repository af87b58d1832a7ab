//! Answers on their way out: handlers say what an answer holds, here it gets its form, JSON or XML, once for all calls
//! and for refusals too, whoever made them.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;

use super::{call::Call, error::Refusal, integration};
use crate::http::{
    body::json,
    xml::{Style, to_xml},
};

/// A good answer: an object, whose members go out in alphabetical order, every scalar of it a string.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: StatusCode,
    body: Arc<Value>,
}

impl Answer {
    pub(super) fn ok(body: &impl Serialize) -> Self {
        Self::new(StatusCode::OK, body)
    }

    pub(super) fn created(body: &impl Serialize) -> Self {
        Self::new(StatusCode::CREATED, body)
    }

    fn new(status: StatusCode, body: &impl Serialize) -> Self {
        // An object of serde_json keeps its members in alphabetical order.
        let mut body = serde_json::to_value(body).unwrap_or_default();
        if let Some(members) = body.as_object_mut() {
            members.insert("errorCode".into(), "0".into());
        }
        Self { status, body: Arc::new(body) }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut answer = self.status.into_response();
        answer.extensions_mut().insert(self);
        answer
    }
}

/// Everything below this belongs to the dialect.
pub(super) const PREFIX: &str = "/documents";

/// Gives the dialect's answers and refusals their body, in the form that the request asks for.
pub(crate) async fn write<F: Future<Output = Response>>(request: Request, rest: impl FnOnce(Request) -> F) -> Response {
    let path = request.uri().path();
    if !path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return rest(request).await;
    }
    let call = Call::of(request.method(), path);
    let form = Form::asked(request.headers());
    let service = integration::is_integration(path).then(|| integration::service_of(request.uri()));
    // Without a route, the dialect may not be served here at all.
    let has_route = request.extensions().get::<MatchedPath>().is_some();
    let mut answer = match has_route && !is_known_version(path) {
        true => Refusal::UNKNOWN_PATH.into_response(),
        false => rest(request).await,
    };
    if let Some(refusal) = answer.extensions_mut().remove::<Refusal>() {
        return match (service, refusal.body(&call)) {
            (_, None) => refusal.head(),
            (Some(service), Some(_)) => integration::refused(&refusal, &service),
            (None, Some(body)) => form.write(refusal.head(), &body),
        };
    }
    match answer.extensions_mut().remove::<Answer>() {
        Some(Answer { body, .. }) => form.write(answer, &body),
        None => answer,
    }
}

/// Of the versions of the vendor's API there are two here, and they are alike (oracle.md 1).
fn is_known_version(path: &str) -> bool {
    match path.strip_prefix("/documents/api/") {
        Some(rest) => matches!(rest.split('/').next(), Some("1.1" | "1.2")),
        None => true,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Xml,
}

impl Form {
    /// XML where `Accept` prefers it, JSON in all other cases (oracle.md 1).
    fn asked(headers: &HeaderMap) -> Self {
        let accept: Vec<&str> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        match weight(&accept, "application/xml") > weight(&accept, "application/json") {
            true => Form::Xml,
            false => Form::Json,
        }
    }

    /// Puts a body into an answer, whose status and other headers stay.
    fn write(self, head: Response, body: &Value) -> Response {
        let status = head.status();
        let mut answer = match self {
            Form::Json => json(status, body),
            Form::Xml => xml(status, body),
        };
        for (name, value) in head.headers() {
            if name != CONTENT_TYPE && name != axum::http::header::CONTENT_LENGTH {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        answer
    }
}

/// How much a client wants a type, 0 to 1000: the most exact of its ranges says it.
fn weight(accept: &[&str], media_type: &str) -> u32 {
    let group = media_type.split('/').next().unwrap_or_default();
    let ranges = [media_type.to_owned(), format!("{group}/*"), "*/*".to_owned()];
    let of = |wanted: &String| {
        accept.iter().find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let matches = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(wanted));
            matches.then(|| {
                let q = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
                q.map_or(1000, |q| (q.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0) * 1000.0) as u32)
            })
        })
    };
    ranges.iter().find_map(of).unwrap_or(0)
}

const STYLE: Style = Style { declaration: true, space_in_empty: false, title_case: false };

fn xml(status: StatusCode, body: &Value) -> Response {
    match to_xml("response", body, STYLE) {
        Ok(text) => (status, [(CONTENT_TYPE, HeaderValue::from_static("application/xml"))], text).into_response(),
        Err(error) => {
            // A bug of ours: nothing that a client sends decides whether a body can be written.
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_unless_xml_is_preferred() {
        let asked = |accept: &str| {
            let headers = [(ACCEPT, accept.parse().unwrap())].into_iter().collect();
            Form::asked(&headers)
        };
        assert_eq!(Form::asked(&HeaderMap::new()), Form::Json);
        for accept in
            ["*/*", "application/json", "application/xml, */*", "application/xml,application/json", "text/html"]
        {
            assert_eq!(asked(accept), Form::Json, "{accept}");
        }
        for accept in [
            "application/xml",
            "APPLICATION/XML",
            "application/xml, */*;q=0.8",
            "application/json;q=0.5, application/xml",
            "text/html,application/xml;q=0.9,*/*;q=0.8",
        ] {
            assert_eq!(asked(accept), Form::Xml, "{accept}");
        }
        assert_eq!(asked("application/xml;q=0.4, application/json;q=0.5"), Form::Json);
        assert_eq!(asked("application/xml;q=0"), Form::Json);
    }
}
