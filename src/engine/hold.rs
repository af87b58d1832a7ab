//! Holds: reasons why a file must not be deleted, or its bytes not purged.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Engine,
    error::{Error, Result},
};
use crate::{
    clock::{from_micros, to_micros},
    model::Hold,
    store::{Tx, hold, purge},
};

impl Engine {
    /// Puts a hold on a file: one that is live, or one that is deleted and whose bytes are still there. A hold that is
    /// there is replaced.
    ///
    /// # Errors
    /// `NotFound`: no such file; `Invalid`: its end is not in the future, or its bytes are being removed and
    /// nobody can say whether they are still there.
    pub async fn add_hold(&self, uid: Uuid, until: Option<OffsetDateTime>, reason: &str) -> Result<Hold> {
        if until.is_some_and(|until| until <= self.clock.now()) {
            return Err(Error::Invalid("a hold's end lies in the future"));
        }
        let reason = reason.to_owned();
        self.committer
            .write_freeing("hold.add", async move |tx: &mut Tx| {
                if purge::is_in_doubt(tx, uid).await? {
                    return Err(Error::Invalid("the bytes of this file are being removed and may be gone"));
                }
                match hold::put(tx, uid, until.map(to_micros), &reason).await? {
                    true => Ok(Hold { uid, reason: reason.clone(), until, created_at: from_micros(tx.now) }),
                    false => Err(Error::NotFound),
                }
            })
            .await
    }

    /// Lifts the hold on a file; a purge that it parked goes on.
    ///
    /// # Errors
    /// `NotFound`: there is none.
    pub async fn remove_hold(&self, uid: Uuid) -> Result<()> {
        self.committer
            .write_freeing("hold.remove", async move |tx: &mut Tx| match hold::remove(tx, uid).await? {
                true => Ok(()),
                false => Err(Error::NotFound),
            })
            .await?;
        self.wake_purge.notify_one();
        Ok(())
    }

    /// The holds in force, oldest first.
    ///
    /// # Errors
    /// Only faults.
    pub async fn holds(&self) -> Result<Vec<Hold>> {
        let mut conn = self.store.read().await?;
        Ok(hold::all(&mut conn, self.clock.micros()).await?)
    }
}
