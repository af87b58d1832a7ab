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
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

/// Bytes thrown away at most.
const AT_MOST: usize = 16 * 1024 * 1024;
const NO_LONGER_THAN: Duration = Duration::from_secs(5);

/// Middleware: runs the rest, and reads on after an answer that came before the end of the body.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    let waits = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let shared = Shared(Arc::new(Mutex::new(Incoming { body, asked: false })));
    let answer = next.run(Request::from_parts(parts, Body::new(shared.clone()))).await;
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
