//! In which form an answer is asked for, and the envelope around it (onlyoffice.md 1.1, 1.2).
//!
//! The form may stand at the end of the path, so it is settled before any route is looked for.

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{ACCEPT, CONTENT_TYPE},
        request::Parts,
        uri::PathAndQuery,
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tower::{ServiceExt, service_fn};

use super::{
    PREFIX,
    error::Refusal,
    wire::{Envelope, XmlEnvelope},
};
use crate::http::{
    App, lies_below,
    xml::{Style, to_xml},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Xml,
}

const XML: Style = Style { declaration: false, space_in_empty: true, title_case: true };

/// What an answer repeats of its request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) form: Form,
    method: Method,
    /// As it was sent.
    url: String,
}

impl Asked {
    /// A list of answers.
    pub(super) fn list<T: Serialize>(&self, items: &[T]) -> Response {
        self.answer(items.len(), &items)
    }

    /// One answer.
    pub(super) fn one<T: Serialize>(&self, item: &T) -> Response {
        self.answer(1, item)
    }

    fn answer<T: Serialize>(&self, count: usize, response: &T) -> Response {
        match self.form {
            Form::Json => {
                write(Form::Json, StatusCode::OK, &Envelope::new(count, &self.url, self.method.as_str(), response))
            }
            Form::Xml => write(Form::Xml, StatusCode::OK, &XmlEnvelope::new(response)),
        }
    }
}

impl FromRequestParts<App> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        match parts.extensions.get::<Asked>() {
            Some(asked) => Ok(Asked { url: format!("{}{}", app.config.public_url, asked.url), ..asked.clone() }),
            None => Err(Refusal::INTERNAL),
        }
    }
}

/// A body in one of the two forms.
pub(super) fn write(form: Form, status: StatusCode, body: &impl Serialize) -> Response {
    let (media_type, text) = match form {
        Form::Json => ("application/json; charset=utf-8", serde_json::to_string(body).map_err(std::io::Error::other)),
        Form::Xml => ("text/xml; charset=utf-8", to_xml("result", body, XML)),
    };
    match text {
        Ok(text) => (status, [(CONTENT_TYPE, media_type)], text).into_response(),
        Err(error) => {
            // A bug of ours: nothing that a client sends decides whether a body can be written.
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Takes the form from requests to this dialect before they are routed, and gives it to refusals on their way out.
pub(crate) fn around(router: Router) -> Router {
    Router::new().fallback_service(service_fn(move |mut request: Request| {
        let router = router.clone();
        async move {
            if !lies_below(request.uri().path(), PREFIX) {
                return router.oneshot(request).await;
            }
            let form = take_form(&mut request);
            let answer = router.oneshot(request).await?;
            Ok(match (form, answer.extensions().get::<Refusal>()) {
                (Form::Xml, Some(refusal)) => {
                    let refusal = refusal.clone();
                    rewritten(answer, &refusal)
                }
                _ => answer,
            })
        }
    }))
}

fn rewritten(answer: Response, refusal: &Refusal) -> Response {
    let mut written = refusal.write(Form::Xml);
    for (name, value) in answer.headers() {
        // Content type and length are the new body's own.
        if !name.as_str().starts_with("content-") && !written.headers().contains_key(name) {
            written.headers_mut().append(name, value.clone());
        }
    }
    written
}

fn take_form(request: &mut Request) -> Form {
    let sent = request.uri().clone();
    let (path, by_path) = without_suffix(sent.path());
    // Some clients escape the `@` of `@my` and its like.
    let path = path.replace("%40", "@");
    if path != sent.path()
        && let Some(uri) = with_path(&sent, &path)
    {
        *request.uri_mut() = uri;
    }
    let form = by_path.unwrap_or_else(|| by_accept(request.headers()));
    let url = sent.path_and_query().map_or_else(String::new, ToString::to_string);
    let method = request.method().clone();
    request.extensions_mut().insert(Asked { form, method, url });
    form
}

fn without_suffix(path: &str) -> (&str, Option<Form>) {
    let end = path.trim_end_matches('/');
    match (end.strip_suffix(".json"), end.strip_suffix(".xml")) {
        (Some(path), _) => (path, Some(Form::Json)),
        (None, Some(path)) => (path, Some(Form::Xml)),
        (None, None) => (path, None),
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// XML only if nothing else is named.
fn by_accept(headers: &HeaderMap) -> Form {
    let mut named = headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("*/*").split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .filter(|range| !range.is_empty())
        .peekable();
    match named.peek().is_some() && named.all(|range| range == "text/xml" || range == "application/xml") {
        true => Form::Xml,
        false => Form::Json,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_asked_for_alone() {
        let form = |values: &[&str]| {
            by_accept(&values.iter().map(|value| (ACCEPT, value.parse().unwrap())).collect::<HeaderMap>())
        };
        for xml in [&["text/xml"][..], &["application/xml;q=0.9, Text/XML"], &["text/xml", "application/xml"]] {
            assert_eq!(form(xml), Form::Xml, "{xml:?}");
        }
        for json in [&[][..], &[""], &["*/*"], &["text/xml, */*"], &["application/json"], &["text/xml", "text/html"]] {
            assert_eq!(form(json), Form::Json, "{json:?}");
        }
    }

    #[test]
    fn the_suffix_leaves_the_path() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        for (sent, path, form) in [
            ("/api/2.0/files/35.json", "/api/2.0/files/35", Some(Form::Json)),
            ("/api/2.0/files/fileops.xml", "/api/2.0/files/fileops", Some(Form::Xml)),
            ("/api/2.0/files/fileops", "/api/2.0/files/fileops", None),
        ] {
            assert_eq!(without_suffix(sent), (path, form));
        }
        assert_eq!(with_path(&uri("/a.xml?b=c.xml"), "/a").unwrap(), uri("/a?b=c.xml"));
    }
}
