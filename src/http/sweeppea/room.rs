//! Memory for bodies.
//!
//! An upload comes as one JSON text and has to be held whole, encoded and decoded. Many at once could take more memory
//! than the machine has, so large bodies share a fixed room: who finds it full waits, with the bytes still in the
//! network, and is told that the server is busy if that takes too long. Small bodies, all those of a delete among them,
//! never wait.

use std::{sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
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
const PATIENCE: Duration = Duration::from_secs(10);

/// The room that large bodies share.
#[derive(Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// A body's place in the room, given back when it is dropped: to be kept as long as anything of the body is.
#[derive(Debug)]
pub(super) struct Place {
    _taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }

    /// Reads a body whole. One that breaks off is as good as none.
    ///
    /// # Errors
    /// `BodyTooLarge`, `Busy`.
    pub(super) async fn read(&self, body: Body) -> Result<(Bytes, Place), Refusal> {
        let declared = body.size_hint();
        if declared.lower() > BODY_LIMIT as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        let most = declared.upper().map_or(BODY_LIMIT, |upper| upper.min(BODY_LIMIT as u64) as usize);
        let place = self.place(most).await?;
        match read_body(body, BODY_LIMIT).await {
            Ok(bytes) => Ok((bytes, place)),
            Err(BodyError::BrokenOff) => Ok((Bytes::new(), place)),
            Err(BodyError::TooLarge) => Err(Refusal::BodyTooLarge),
        }
    }

    async fn place(&self, bytes: usize) -> Result<Place, Refusal> {
        if bytes <= SMALL {
            return Ok(Place { _taken: None });
        }
        let wanted = self.0.clone().acquire_many_owned((bytes * FACTOR) as u32);
        match tokio::time::timeout(PATIENCE, wanted).await {
            Ok(Ok(taken)) => Ok(Place { _taken: Some(taken) }),
            // Too late; or closed, which nobody does.
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bodies_take_room_and_give_it_back() {
        let room = Room::new();
        let (large, place) = room.read(Body::from(vec![b'x'; 1 << 20])).await.unwrap();
        assert_eq!(large.len(), 1 << 20);
        assert_eq!(room.0.available_permits(), ROOM - (2 << 20));
        let (small, _place) = room.read(Body::from("{}")).await.unwrap();
        assert_eq!(&small[..], b"{}");
        assert_eq!(room.0.available_permits(), ROOM - (2 << 20));
        drop(place);
        assert_eq!(room.0.available_permits(), ROOM);
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_takes_the_most_it_may_hold() {
        let room = Room::new();
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"abc"))]);
        let (body, _place) = room.read(Body::from_stream(chunks)).await.unwrap();
        assert_eq!(room.0.available_permits(), ROOM - FACTOR * BODY_LIMIT);
        assert_eq!(&body[..], b"abc");
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_read() {
        let room = Room::new();
        let refused = room.read(Body::from(vec![b'x'; BODY_LIMIT + 1])).await.unwrap_err();
        assert!(matches!(refused, Refusal::BodyTooLarge));
        assert_eq!(room.0.available_permits(), ROOM);
    }
}
