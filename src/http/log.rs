//! One line for each request, and an id by which the caller and the log know it.
//!
//! The line names the route, not the URL: a URL may carry a signature, a file's name or a folder's path.

use std::{any::Any, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use uuid::Uuid;

use super::{App, dialect_of};

/// Gives the request its id, in a span that everything logged on its behalf lies in; logs and counts the answer.
pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().to_string();
    let span = tracing::info_span!("request", id);
    let start = Instant::now();
    let method = request.method().clone();
    let dialect = dialect_of(request.uri().path());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().trim_end_matches('/').to_owned());
    let mut answer = next.run(request).instrument(span.clone()).await;
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

/// The answer to a request whose handler panicked. The panic's own message is logged by the hook, the line here ties
/// it to the request.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(error = message, "a handler panicked");
    (StatusCode::INTERNAL_SERVER_ERROR, "internal server error\n").into_response()
}
