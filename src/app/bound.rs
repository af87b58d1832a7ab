//! How many connections there may be: each listener serves so many, tells some more that it is busy, and leaves the
//! rest in the system's queue until there is a place.
//!
//! A connection that is only told so costs little and lives shortly: one request is answered in the words of the
//! dialect that it is for, and the connection is closed. Nothing is ever cut off for lack of room.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready as done},
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::{Bytes, HttpBody},
    extract::{ConnectInfo, Request},
    routing::future::RouteFuture,
};
use axum_server::accept::Accept;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_util::sync::PollSemaphore;
use tower::Service;

use crate::http::Refused;

/// From the connection to the end of the one request that is told that the server is busy.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);
/// Files beyond the connections: the database's, and the objects that are written and read.
const OTHER_FILES: u64 = 1_024;

/// Raises the number of files that the process may have open as far as the system allows; gives how many connections
/// that leaves for each of so many listeners.
pub(super) fn raise_open_files(listeners: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let Some(files) = files else { return Semaphore::MAX_PERMITS };
    // Where there are few, half of them.
    let connections = files - OTHER_FILES.min(files / 2);
    // A fifth of a listener's are told that it is busy.
    (connections as usize / listeners.max(1) * 4 / 5).clamp(1, Semaphore::MAX_PERMITS)
}

/// Makes the service of each connection, once there is a place for it.
pub(super) struct Door {
    router: Router,
    free: Arc<Semaphore>,
    refusing: PollSemaphore,
    next: Option<Place>,
}

impl Door {
    pub(super) fn new(router: Router, connections: usize) -> Self {
        let refusing = connections.div_ceil(4);
        Self {
            router,
            free: Arc::new(Semaphore::new(connections)),
            refusing: PollSemaphore::new(Arc::new(Semaphore::new(refusing))),
            next: None,
        }
    }

    fn poll_place(&mut self, context: &mut Context<'_>) -> Poll<Place> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Poll::Ready(Place { refused: false, _permit: permit });
        }
        match done!(self.refusing.poll_acquire(context)) {
            Some(permit) => Poll::Ready(Place { refused: true, _permit: permit }),
            // It is never closed.
            None => Poll::Pending,
        }
    }
}

impl Service<SocketAddr> for Door {
    type Response = Served;
    type Error = Infallible;
    type Future = Ready<Result<Served, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.next.is_none() {
            let place = done!(self.poll_place(context));
            if place.refused {
                tracing::warn!("too many connections, one is told that the server is busy");
            }
            self.next = Some(place);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, peer: SocketAddr) -> Self::Future {
        ready(Ok(Served { router: self.router.clone(), peer, place: self.next.take().map(Arc::new) }))
    }
}

/// A place among the connections. It is given back when the connection ends.
struct Place {
    refused: bool,
    _permit: OwnedSemaphorePermit,
}

/// What answers on one connection.
#[derive(Clone)]
pub(super) struct Served {
    router: Router,
    peer: SocketAddr,
    place: Option<Arc<Place>>,
}

impl Served {
    fn is_refused(&self) -> bool {
        self.place.as_ref().is_none_or(|place| place.refused)
    }
}

impl<B> Service<Request<B>> for Served
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if self.is_refused() {
            request.extensions_mut().insert(Refused);
        }
        self.router.call(request)
    }
}

/// Sets up each connection.
#[derive(Clone)]
pub(super) struct Welcome;

impl Accept<TcpStream, Served> for Welcome {
    type Stream = Connection;
    type Service = Served;
    type Future = Ready<io::Result<(Connection, Served)>>;

    fn accept(&self, stream: TcpStream, service: Served) -> Self::Future {
        let ends = service.is_refused().then(|| Box::pin(tokio::time::sleep(REFUSED_WITHIN)));
        ready(stream.set_nodelay(true).map(|()| (Connection { stream, ends }, service)))
    }
}

/// A connection, with an end if it is only told that the server is busy.
pub(super) struct Connection {
    stream: TcpStream,
    ends: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(ends) = &mut self.ends
            && ends.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
