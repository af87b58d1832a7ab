//! One at a time, for each uid: whoever comes later waits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use uuid::Uuid;

#[derive(Default)]
pub(super) struct Turns {
    waiting: Mutex<HashMap<Uuid, Arc<AsyncMutex<()>>>>,
}

impl Turns {
    /// Waits for this uid's turn; it ends when the guard is dropped.
    pub(super) async fn take(&self, uid: Uuid) -> OwnedMutexGuard<()> {
        let turn = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds or waits for any more go first, so that the map stays as small as the traffic.
            waiting.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(waiting.entry(uid).or_default())
        };
        turn.lock_owned().await
    }
}
