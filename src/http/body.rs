//! Bodies: requests' read whole within a bound, or passed on as they come; answers' in JSON.

use std::{io, time::Duration};

use axum::{
    body::Body,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use serde::Serialize;
use tokio::time::timeout;

use crate::engine::ByteStream;

/// A client that sends nothing for so long in the middle of a body has gone: what it holds here is given back.
const IDLE: Duration = Duration::from_secs(60);

/// Why a body could not be read whole.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// Longer than the bound.
    TooLarge,
    /// The client went away, fell silent or broke HTTP.
    BrokenOff,
}

/// Reads a body of at most `limit` bytes. A longer one is refused as soon as that is known.
pub(crate) async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    use axum::body::HttpBody;
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = timeout(IDLE, body.frame()).await.map_err(|_| BodyError::BrokenOff)? {
        let frame = frame.map_err(|_| BodyError::BrokenOff)?;
        if let Some(data) = frame.data_ref() {
            if whole.len() + data.len() > limit {
                return Err(BodyError::TooLarge);
            }
            whole.extend_from_slice(data);
        }
    }
    Ok(whole.freeze())
}

/// A body as it comes in. A client that falls silent is an error of kind `TimedOut`.
pub(crate) fn byte_stream(body: Body) -> ByteStream {
    let next = |mut chunks: axum::body::BodyDataStream| async move {
        let chunk = match timeout(IDLE, chunks.next()).await {
            Ok(chunk) => chunk?.map_err(io::Error::other),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client fell silent")),
        };
        Some((chunk, chunks))
    };
    stream::unfold(body.into_data_stream(), next).boxed()
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            // A bug of ours: nothing that a client sends decides whether a body can be written.
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Three bytes, each after a pause, and then silence if `silent`, else the end.
    fn slow(pause: Duration, silent: bool) -> Body {
        let bytes = stream::iter([b"a", b"b", b"c"]).then(move |byte| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, io::Error>(Bytes::from_static(byte))
        });
        match silent {
            true => Body::from_stream(bytes.chain(stream::pending())),
            false => Body::from_stream(bytes),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_waited_for() {
        let pause = IDLE - Duration::from_secs(1);
        assert_eq!(read_body(slow(pause, false), 3).await.unwrap(), "abc");
        let chunks: Vec<_> = byte_stream(slow(pause, false)).map(Result::unwrap).collect().await;
        assert_eq!(chunks.concat(), b"abc");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not() {
        let start = Instant::now();
        let read = read_body(slow(Duration::ZERO, true), 100).await;
        assert!(matches!(read, Err(BodyError::BrokenOff)));
        assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());

        let mut chunks = byte_stream(slow(Duration::ZERO, true)).skip(3);
        let error = chunks.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), 2 * IDLE.as_secs());
    }
}
