//! Errors in the words of S3, for the URLs that stand in for a bucket's: the signed upload (hexnode.md 4.2) and the
//! signed read (sweeppea.md 4.3). Programs that talk to them read XML, whatever the dialect around them speaks.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// `code` is one of S3's own error codes; `message` is for people. Both are the server's own constant texts: nothing of
/// the request is repeated, so nothing has to be escaped.
pub(crate) fn s3_error(status: StatusCode, code: &'static str, message: &'static str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

/// Nothing lies at this URL.
pub(crate) fn no_such_key() -> Response {
    s3_error(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
}

/// The server has no room for more work now.
pub(crate) fn slow_down() -> Response {
    let mut answer = s3_error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.");
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// A fault of the server; whoever meets it logs it.
pub(crate) fn internal_error() -> Response {
    let message = "We encountered an internal error. Please try again.";
    s3_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_like_s3() {
        let answer = s3_error(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired");
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.headers()["content-type"], "application/xml");
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
        assert_eq!(
            body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        );
    }
}
