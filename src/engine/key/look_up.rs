//! Looking keys up. Every request brings one, and those that come at the same moment share one read, which begins after
//! they have come: a key that has ended is known to nobody from that commit on.

use std::collections::HashMap;

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};

use crate::{
    clock::Clock,
    store::{
        Store,
        key::{self, Found},
        seen,
    },
};

/// Keys that wait, and that are taken from the queue at once, at the most.
const TOGETHER: usize = 512;

/// The way to the task that reads. It ends with the last handle.
pub(in crate::engine) struct LookUps {
    queue: mpsc::Sender<LookUp>,
}

struct LookUp {
    hash: String,
    answer: oneshot::Sender<Option<Found>>,
}

impl LookUps {
    pub(in crate::engine) fn start(store: Store, clock: Clock) -> Self {
        let (queue, waiting) = mpsc::channel(TOGETHER);
        tokio::spawn(look_up(store, clock, waiting));
        Self { queue }
    }

    /// What a secret's hash leads to.
    ///
    /// # Errors
    /// The read that it shared failed: reading alone will tell why.
    pub(super) async fn find(&self, hash: &str) -> Result<Option<Found>, Failed> {
        let (answer, found) = oneshot::channel();
        self.queue.send(LookUp { hash: hash.to_owned(), answer }).await.map_err(|_| Failed)?;
        let found = found.await.map_err(|_| Failed)?;
        seen::note();
        Ok(found)
    }
}

/// A read that many shared failed.
pub(super) struct Failed;

async fn look_up(store: Store, clock: Clock, mut waiting: mpsc::Receiver<LookUp>) {
    let mut together = Vec::new();
    while waiting.recv_many(&mut together, TOGETHER).await > 0 {
        // Requests that are ready to run get to ask too.
        tokio::task::yield_now().await;
        let _ = waiting.recv_many(&mut together, TOGETHER).now_or_never();
        match read(&store, &clock, &together).await {
            Ok(found) => {
                for LookUp { hash, answer } in together.drain(..) {
                    let _ = answer.send(found.get(&hash).cloned());
                }
            }
            // Whoever waits hears that by its end of the channel.
            Err(_) => together.clear(),
        }
    }
}

async fn read(store: &Store, clock: &Clock, together: &[LookUp]) -> crate::store::Result<HashMap<String, Found>> {
    let mut hashes: Vec<&str> = together.iter().map(|look_up| look_up.hash.as_str()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    let mut conn = store.read().await?;
    let found = key::by_hashes(&mut conn, &hashes, clock.micros()).await?;
    Ok(found.into_iter().collect())
}
