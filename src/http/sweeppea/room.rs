//! Memory for bodies.
//!
//! An upload comes as one JSON text and has to be held whole, encoded and decoded. Many at once could take more memory
//! than the machine has, so large bodies share a fixed room: who finds it full waits, with the bytes still in the
//! network, and is told that the server is busy if that takes too long. Small bodies, all those of a delete among them,
//! never wait.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::Refusal;
use crate::http::body::{BodyError, read_body};

/// Bytes of a request's body at most (sweeppea.md 4.1).
const BODY_LIMIT: usize = 32 << 20;
/// Bytes that need no room.
const SMALL: usize = 64 << 10;
/// Bytes for all large bodies together.
const ROOM: usize = 256 << 20;
/// What a byte of a body takes: itself, and most of itself again when decoded.
const FACTOR: usize = 2;
/// How long a body waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may then take to come: a slow line has time for the largest file, and a dead one gives its room back.
const READ_WITHIN: Duration = Duration::from_secs(300);

/// The room that large bodies share.
#[derive(Debug)]
pub(super) struct Room {
    /// One permit a byte.
    free: Arc<Semaphore>,
    patience: Duration,
}

/// A body's place in the room, given back when it is dropped: to be kept as long as anything of the body is.
#[derive(Debug)]
pub(super) struct Place {
    _taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(ROOM)), patience: PATIENCE }
    }

    /// Reads a body whole. One that breaks off, or does not end in time, is as good as none.
    ///
    /// # Errors
    /// `BodyTooLarge`, `Busy`.
    pub(super) async fn read(&self, body: Body) -> Result<(Bytes, Place), Refusal> {
        let declared = body.size_hint();
        if declared.lower() > BODY_LIMIT as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        let (body, most) = match declared.upper() {
            Some(most) => (body, most as usize),
            None => measured(body).await,
        };
        let place = self.place(most.min(BODY_LIMIT)).await?;
        match tokio::time::timeout(READ_WITHIN, read_body(body, BODY_LIMIT)).await {
            Ok(Ok(bytes)) => Ok((bytes, place)),
            Ok(Err(BodyError::BrokenOff)) | Err(_) => Ok((Bytes::new(), place)),
            Ok(Err(BodyError::TooLarge)) => Err(Refusal::BodyTooLarge),
        }
    }

    async fn place(&self, bytes: usize) -> Result<Place, Refusal> {
        if bytes <= SMALL {
            return Ok(Place { _taken: None });
        }
        let wanted = self.free.clone().acquire_many_owned((bytes * FACTOR) as u32);
        match tokio::time::timeout(self.patience, wanted).await {
            Ok(Ok(taken)) => Ok(Place { _taken: Some(taken) }),
            // Too late; or closed, which nobody does.
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }
}

/// A body of undeclared length, with the most bytes that it can have: its beginning is read, because most end there.
async fn measured(body: Body) -> (Body, usize) {
    let mut stream = body.into_data_stream();
    let (mut head, mut length) = (Vec::new(), 0);
    let mut most = BODY_LIMIT;
    while length <= SMALL {
        match stream.next().await {
            Some(Ok(chunk)) => {
                length += chunk.len();
                head.push(Ok(chunk));
            }
            // The error comes again where the body is read.
            Some(Err(error)) => return (Body::from_stream(stream::once(async { Err::<Bytes, _>(error) })), 0),
            None => {
                most = length;
                break;
            }
        }
    }
    (Body::from_stream(stream::iter(head).chain(stream)), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bodies_take_room_and_give_it_back() {
        let room = Room::new();
        let (large, place) = room.read(Body::from(vec![b'x'; 1 << 20])).await.unwrap();
        assert_eq!(large.len(), 1 << 20);
        assert_eq!(room.free.available_permits(), ROOM - (2 << 20));
        let (small, _place) = room.read(Body::from("{}")).await.unwrap();
        assert_eq!(&small[..], b"{}");
        assert_eq!(room.free.available_permits(), ROOM - (2 << 20));
        drop(place);
        assert_eq!(room.free.available_permits(), ROOM);
    }

    fn undeclared(chunks: Vec<Bytes>) -> Body {
        Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)))
    }

    #[tokio::test]
    async fn a_body_of_undeclared_length_takes_room_only_if_it_is_large() {
        let room = Room::new();
        let (small, _place) = room.read(undeclared(vec!["{\"a\"".into(), ":1}".into()])).await.unwrap();
        assert_eq!(&small[..], b"{\"a\":1}");
        assert_eq!(room.free.available_permits(), ROOM);
        let chunks = vec![Bytes::from(vec![b'x'; 40 << 10]), Bytes::from(vec![b'y'; 40 << 10]), "z".into()];
        let (large, _place) = room.read(undeclared(chunks)).await.unwrap();
        assert_eq!((large.len(), large[0], large[80 << 10]), ((80 << 10) + 1, b'x', b'z'));
        assert_eq!(room.free.available_permits(), ROOM - FACTOR * BODY_LIMIT);
        let endless = stream::iter(std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![0; 1 << 20]))));
        let refused = room.read(Body::from_stream(endless)).await.unwrap_err();
        assert!(matches!(refused, Refusal::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_as_good_as_none() {
        let broken = stream::iter([Ok(Bytes::from_static(b"{}")), Err(std::io::Error::other("gone"))]);
        let (bytes, _place) = Room::new().read(Body::from_stream(broken)).await.unwrap();
        assert!(bytes.is_empty());
    }

    #[tokio::test]
    async fn who_finds_the_room_full_waits_and_is_told_that_it_is_busy() {
        let room = Room { patience: Duration::ZERO, ..Room::new() };
        let _all = room.free.clone().acquire_many_owned(ROOM as u32).await.unwrap();
        assert!(room.read(Body::from("{}")).await.is_ok());
        let refused = room.read(Body::from(vec![b'x'; 1 << 20])).await.unwrap_err();
        assert!(matches!(refused, Refusal::Busy));
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_read() {
        let room = Room::new();
        let refused = room.read(Body::from(vec![b'x'; BODY_LIMIT + 1])).await.unwrap_err();
        assert!(matches!(refused, Refusal::BodyTooLarge));
        assert_eq!(room.free.available_permits(), ROOM);
    }
}
