//! One line for each request, and an id by which the caller and the log know it.
//!
//! The line names the route, not the URL: a URL may carry a signature, a file's name or a folder's path.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::HeaderValue,
    response::Response,
};
use futures_util::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::{App, dialect_of, fault};

/// Gives the request its id, in a span that everything logged on its behalf lies in; logs and counts the answer.
pub(crate) async fn around<F: Future<Output = Response>>(
    app: &App,
    request: Request,
    rest: impl FnOnce(Request) -> F,
) -> Response {
    let id = Uuid::new_v4().to_string();
    let span = tracing::info_span!("request", id);
    let start = Instant::now();
    let method = request.method().clone();
    let dialect = dialect_of(request.uri().path());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().trim_end_matches('/').to_owned());
    let mut answer = rest(request).instrument(span.clone()).await;
    let status = answer.status();
    if let Ok(id) = HeaderValue::try_from(id) {
        answer.headers_mut().insert("x-request-id", id);
    }
    let took = start.elapsed();
    app.ops.count(dialect, &method, &route, status, took);
    let micros = took.as_micros() as u64;
    span.in_scope(|| tracing::info!(dialect, %method, route, status = status.as_u16(), micros, "answered"));
    answer
}

/// Answers a request whose handler panicked, in the words of whose path it is. The panic's own message is logged by the
/// hook, the line here ties it to the request.
pub(crate) async fn catch_panic<F: Future<Output = Response>>(
    request: Request,
    rest: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.uri().path().to_owned();
    // What the handler was at is dropped, and what outlives it is behind locks that say how they take a panic.
    let answered = AssertUnwindSafe(rest(request)).catch_unwind().await;
    answered.unwrap_or_else(|panic| {
        tracing::error!(error = message_of(&*panic), "a handler panicked");
        fault(&path)
    })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    formatted.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        middleware::{self, Next},
    };
    use tower::ServiceExt;

    use super::*;

    async fn answer_to(path: &str) -> (u16, String, String) {
        let panics = axum::routing::any(async || -> () { panic!("a test asks for it") });
        let router: Router = Router::new()
            .route("/{*path}", panics)
            .layer(middleware::from_fn(|request, next: Next| catch_panic(request, |request| next.run(request))));
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let (status, media_type) = (answer.status(), answer.headers()["content-type"].to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status.as_u16(), media_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_answered_in_the_words_of_the_dialect() {
        const JSON: &str = "application/json";
        const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code>\
             <Message>We encountered an internal error. Please try again.</Message></Error>";
        for (path, media_type, body) in [
            ("/api/v1/filemanagement/", JSON, r#"{"detail":"A server error occurred."}"#),
            (
                "/vault_rest/version",
                JSON,
                r#"{"message":"Server is temporarily unavailable","ui_message_key":"API_SERVER_UNAVAILABLE","status_code":"InternalServerError"}"#,
            ),
            ("/files/delete", JSON, r#"{"Response":false,"Message":"Internal Server Error","Code":500}"#),
            (
                "/api/2.0/files/@my",
                "application/json; charset=utf-8",
                r#"{"status":1,"statusCode":500,"error":{"message":"Internal server error","type":null,"stack":null,"hresult":0}}"#,
            ),
            ("/s3/hexnode/x", "application/xml", XML),
            ("/s3/sweeppea/x/y", "application/xml", XML),
            ("/healthz", "text/plain; charset=utf-8", "internal server error\n"),
        ] {
            assert_eq!(answer_to(path).await, (500, media_type.to_owned(), body.to_owned()), "{path}");
        }
    }
}
