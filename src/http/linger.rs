//! Lets a client that is still sending hear why it was refused.
//!
//! A connection that is closed while bytes are on their way to it is reset, and the reset can overtake the answer: the
//! client sees a broken pipe instead of a status. So what is left of a refused body is read and thrown away beside the
//! answer, for a bounded time and a bounded number of bytes.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::EXPECT,
    response::Response,
};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// Bytes thrown away at most: more than the longest body that any call but Hexnode's PUT takes.
const AT_MOST: usize = 128 * 1024 * 1024;
const NO_LONGER_THAN: Duration = Duration::from_secs(5);

/// Runs the rest, and reads on after an answer that came before the end of the body.
pub(crate) async fn linger<F: Future<Output = Response>>(
    request: Request,
    rest: impl FnOnce(Request) -> F,
) -> Response {
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return rest(Request::from_parts(parts, body)).await;
    }
    let shared = Shared(Arc::new(Mutex::new(Incoming { body, asked: false })));
    let answer = rest(Request::from_parts(parts, Body::new(shared.clone()))).await;
    if shared.is_coming(waits) {
        tokio::spawn(async move { tokio::time::timeout(NO_LONGER_THAN, shared.drain()).await });
    }
    answer
}

/// A body that handler and middleware both hold.
#[derive(Clone)]
struct Shared(Arc<Mutex<Incoming>>);

struct Incoming {
    body: Body,
    /// Somebody asked for bytes: a client that waited for `100 Continue` has got it.
    asked: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client sends or is about to. One that waits for `100 Continue` and was never told to go on is not.
    fn is_coming(&self, waits: bool) -> bool {
        let incoming = self.lock();
        !incoming.body.is_end_stream() && (incoming.asked || !waits)
    }

    async fn drain(mut self) {
        let mut read = 0;
        while let Some(Ok(frame)) = self.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > AT_MOST {
                return;
            }
        }
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut incoming = self.lock();
        incoming.asked = true;
        Pin::new(&mut incoming.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        http::StatusCode,
        middleware::{self, Next},
        routing::put,
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Sends a body of `length` bytes to a server that refuses it unread, writes all of it, and only then reads.
    async fn answer_to(head: &str, length: usize) -> String {
        let refuse = put(async || StatusCode::FORBIDDEN)
            .layer(middleware::from_fn(|request, next: Next| linger(request, |request| next.run(request))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", refuse)).await });
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; length]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_client_that_writes_before_it_reads_hears_the_answer() {
        let length = AT_MOST - 1;
        let answer = answer_to(&format!("Content-Length: {length}\r\n"), length).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_asked_first_is_not_told_to_go_on() {
        let answer = answer_to("Content-Length: 5000000000\r\nExpect: 100-continue\r\n", 0).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    }
}
