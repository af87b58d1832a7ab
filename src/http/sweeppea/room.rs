//! Memory for bodies.
//!
//! An upload comes as one JSON text and has to be held whole, encoded and decoded. Many at once could take more memory
//! than the machine has, so what large bodies hold is taken out of a fixed room, step by step as their bytes come: what
//! a client merely declares takes none of it. Small bodies, all those of a delete among them, never wait.
//!
//! Two bodies that each hold room and wait for more of it could wait for each other. Those of one account cannot: a
//! large body first takes what it may become out of its account's share, so that the share is never promised twice, and
//! an account only ever waits for itself there. Those of different accounts can, when several accounts fill the room at
//! once. So nobody waits for ever: who finds no room in time is told that the server is busy, and gives back what it has.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::error::Refusal;
use crate::engine::model::AccountId;

/// Bytes of a request's body at most (sweeppea.md 4.1).
const BODY_LIMIT: usize = 32 << 20;
/// Bytes that need no room.
const SMALL: usize = 64 << 10;
/// Bytes of a body for which room is taken at a time.
const STEP: usize = 1 << 20;
/// What a byte of a body takes: itself, and most of itself again when decoded.
const FACTOR: usize = 2;
/// Bytes for all large bodies together.
const ROOM: usize = 256 << 20;
/// Bytes for those of one account: enough for the largest body.
const SHARE: usize = ROOM / 4;
/// How long a body waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a body may bring no byte; it is then as good as broken off, and gives its room back.
const IDLE: Duration = Duration::from_secs(30);

/// The room that large bodies share. One permit is one byte.
#[derive(Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    /// What is left of the shares of those accounts that have large bodies under way.
    shares: Mutex<HashMap<AccountId, Arc<Semaphore>>>,
    patience: Duration,
    idle: Duration,
}

/// A body's place in the room, given back when it is dropped: to be kept as long as anything of the body is.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// What the body may become, of its account's share.
    share: Option<OwnedSemaphorePermit>,
    /// What it has become, of the room.
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(ROOM)), shares: Mutex::default(), patience: PATIENCE, idle: IDLE }
    }

    /// Reads a body of `account` whole. One that breaks off, or stops coming, is as good as none.
    ///
    /// # Errors
    /// `BodyTooLarge`, `Busy`.
    pub(super) async fn read(&self, account: AccountId, mut body: Body) -> Result<(Bytes, Place), Refusal> {
        let declared = body.size_hint();
        if declared.lower() > BODY_LIMIT as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        let most = declared.upper().map_or(BODY_LIMIT, |most| BODY_LIMIT.min(most as usize));
        let (mut whole, mut place) = (BytesMut::new(), Place::default());
        loop {
            let data = match timeout(self.idle, body.frame()).await {
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Ok(None) => return Ok((whole.freeze(), place)),
                Ok(Some(Err(_))) | Err(_) => return Ok((Bytes::new(), Place::default())),
            };
            let length = whole.len() + data.len();
            if length > BODY_LIMIT {
                return Err(Refusal::BodyTooLarge);
            }
            self.enlarge(&mut place, account, length, most).await?;
            whole.extend_from_slice(&data);
        }
    }

    /// Takes what the first `length` bytes of a body need, of the `most` that it can have.
    async fn enlarge(&self, place: &mut Place, account: AccountId, length: usize, most: usize) -> Result<(), Refusal> {
        if length <= SMALL {
            return Ok(());
        }
        if place.share.is_none() {
            place.share = Some(self.take(self.share_of(account), most * FACTOR).await?);
        }
        let taken = place.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = length.next_multiple_of(STEP).min(most) * FACTOR;
        if wanted > taken {
            let more = self.take(self.free.clone(), wanted - taken).await?;
            match &mut place.taken {
                Some(taken) => taken.merge(more),
                none => *none = Some(more),
            }
        }
        Ok(())
    }

    async fn take(&self, of: Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        match timeout(self.patience, of.acquire_many_owned(bytes as u32)).await {
            Ok(Ok(taken)) => Ok(taken),
            // Too late; or closed, which nobody does.
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }

    fn share_of(&self, account: AccountId) -> Arc<Semaphore> {
        // Nothing that holds the lock can panic.
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        // A share that nobody holds a part of, or waits for, is whole: a new one is as good.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        shares.entry(account).or_insert_with(|| Arc::new(Semaphore::new(SHARE))).clone()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    const ANN: AccountId = AccountId(1);
    const BOB: AccountId = AccountId(2);
    const MIB: usize = 1 << 20;

    fn large() -> Body {
        Body::from(vec![b'x'; MIB])
    }

    /// As long as it says, in pieces of so many bytes, of which only the first come.
    fn stalled(length: usize, first: usize) -> Body {
        let pieces = stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; first]))]).chain(stream::pending());
        Body::new(Declared { body: Body::from_stream(pieces), length: length as u64 })
    }

    struct Declared {
        body: Body,
        length: u64,
    }

    impl HttpBody for Declared {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
            std::pin::Pin::new(&mut self.body).poll_frame(context)
        }

        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(self.length)
        }
    }

    fn undeclared(chunks: Vec<Bytes>) -> Body {
        Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)))
    }

    #[tokio::test]
    async fn large_bodies_take_room_and_give_it_back() {
        let room = Room::new();
        let (bytes, place) = room.read(ANN, large()).await.unwrap();
        assert_eq!(bytes.len(), MIB);
        assert_eq!(room.free.available_permits(), ROOM - FACTOR * MIB);
        let (small, _place) = room.read(ANN, Body::from("{}")).await.unwrap();
        assert_eq!(&small[..], b"{}");
        assert_eq!(room.free.available_permits(), ROOM - FACTOR * MIB);
        drop(place);
        assert_eq!(room.free.available_permits(), ROOM);
        assert_eq!(room.share_of(ANN).available_permits(), SHARE);
    }

    #[tokio::test]
    async fn a_body_of_undeclared_length_takes_room_only_if_it_is_large() {
        let room = Room::new();
        let (small, _place) = room.read(ANN, undeclared(vec!["{\"a\"".into(), ":1}".into()])).await.unwrap();
        assert_eq!(&small[..], b"{\"a\":1}");
        assert_eq!(room.free.available_permits(), ROOM);
        let chunks = vec![Bytes::from(vec![b'x'; 40 << 10]), Bytes::from(vec![b'y'; 40 << 10]), "z".into()];
        let (bytes, _place) = room.read(ANN, undeclared(chunks)).await.unwrap();
        assert_eq!((bytes.len(), bytes[0], bytes[80 << 10]), ((80 << 10) + 1, b'x', b'z'));
        assert_eq!(room.free.available_permits(), ROOM - FACTOR * STEP);
        let endless = stream::iter(std::iter::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![0; MIB]))));
        let refused = room.read(BOB, Body::from_stream(endless)).await.unwrap_err();
        assert!(matches!(refused, Refusal::BodyTooLarge));
        assert_eq!(room.free.available_permits(), ROOM - FACTOR * STEP);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_as_good_as_none() {
        let broken = stream::iter([Ok(Bytes::from_static(b"{}")), Err(std::io::Error::other("gone"))]);
        let (bytes, _place) = Room::new().read(ANN, Body::from_stream(broken)).await.unwrap();
        assert!(bytes.is_empty());
    }

    #[tokio::test]
    async fn so_is_one_that_stops_coming() {
        let room = Room { idle: Duration::from_millis(1), ..Room::new() };
        for body in [
            stalled(BODY_LIMIT, 2 * MIB),
            stalled(100, 1),
            Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>()),
        ] {
            let (bytes, _place) = room.read(ANN, body).await.unwrap();
            assert!(bytes.is_empty());
            assert_eq!(room.free.available_permits(), ROOM);
        }
    }

    #[tokio::test]
    async fn a_declaration_takes_nothing() {
        let room = Arc::new(Room::new());
        for sent in [1, SMALL, STEP + 1] {
            let room = room.clone();
            let read = async move { room.read(ANN, stalled(BODY_LIMIT, sent)).await };
            tokio::spawn(read);
        }
        // The first two take nothing, the third what came: two steps.
        let all_there = async {
            while room.free.available_permits() != ROOM - FACTOR * 2 * STEP {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, all_there).await.unwrap();
        assert_eq!(room.share_of(ANN).available_permits(), 0);
    }

    #[tokio::test]
    async fn an_account_that_used_up_its_share_stops_nobody_else() {
        let room = Room { patience: Duration::ZERO, ..Room::new() };
        let (_bytes, _place) = room.read(ANN, Body::from(vec![b'x'; BODY_LIMIT])).await.unwrap();
        assert!(matches!(room.read(ANN, large()).await.unwrap_err(), Refusal::Busy));
        assert!(room.read(ANN, Body::from("{}")).await.is_ok());
        assert!(room.read(BOB, large()).await.is_ok());
    }

    #[tokio::test]
    async fn who_finds_the_room_full_waits_and_is_told_that_it_is_busy() {
        let room = Room { patience: Duration::ZERO, ..Room::new() };
        let rest = room.free.clone().acquire_many_owned((ROOM - FACTOR * STEP) as u32).await.unwrap();
        assert!(room.read(ANN, Body::from("{}")).await.is_ok());
        let pieces = || vec![Bytes::from(vec![b'x'; MIB]); 3];
        assert!(matches!(room.read(ANN, undeclared(pieces())).await.unwrap_err(), Refusal::Busy));
        assert_eq!(room.free.available_permits(), FACTOR * STEP, "it gave back what it had");
        assert_eq!(room.share_of(ANN).available_permits(), SHARE);
        drop(rest);
        assert!(room.read(ANN, undeclared(pieces())).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_read() {
        let room = Room::new();
        let refused = room.read(ANN, Body::from(vec![b'x'; BODY_LIMIT + 1])).await.unwrap_err();
        assert!(matches!(refused, Refusal::BodyTooLarge));
        assert_eq!(room.free.available_permits(), ROOM);
    }
}
