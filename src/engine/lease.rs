//! Many servers on one database: which of them does what only one should, and which of them are alive.
//!
//! Nothing depends on it that would be wrong if two servers did it: every step of a job is one transaction that looks
//! for itself. A lease only keeps them from doing the same work at the same time, so clocks that differ by seconds do no
//! harm. Entries of the purge queue are leased one by one instead, so that all servers purge.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Engine, error::Result};
use crate::store::{self, Tx, lease, writer};

/// The jobs that are this server's, each until a time, microseconds.
#[derive(Default)]
pub(super) struct Leases {
    until: Mutex<HashMap<&'static str, i64>>,
}

impl Leases {
    /// Whether a job is this server's for half a lease at least: then that need not be asked.
    fn holds(&self, job: &'static str, now: i64) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(job).is_some_and(|until| until - now > store::LEASE_MICROS / 2)
    }

    fn keep(&self, job: &'static str, until: Option<i64>) {
        let mut all = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        match until {
            Some(until) => all.insert(job, until),
            None => all.remove(job),
        };
    }
}

impl Engine {
    /// How often a server that has nothing to write says that it is alive: well within a lease.
    pub(crate) const ALIVE_EVERY: Duration = Duration::from_secs(10);

    /// Whether this server does a job now: the only one always does; of many the one that asks first, for as long as it
    /// asks again.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn has_lease(&self, job: &'static str) -> Result<bool> {
        let now = self.clock.micros();
        if !self.store.is_shared() || self.leases.holds(job, now) {
            return Ok(true);
        }
        let taken = lease::is_taken(&mut *self.store.read().await?, job, self.committer.writer_id(), now).await?;
        let until = match taken {
            true => None,
            false => {
                self.committer
                    .write_behind("lease", async move |tx: &mut Tx| {
                        let until = tx.now + store::LEASE_MICROS;
                        Ok(lease::claim(tx, job, until).await?.then_some(until))
                    })
                    .await?
            }
        };
        self.leases.keep(job, until);
        Ok(until.is_some())
    }

    /// Gives back a job before its time is over.
    pub(super) async fn end_lease(&self, job: &'static str) -> Result<()> {
        if self.store.is_shared() {
            self.leases.keep(job, None);
            self.committer.write_freeing("lease", async move |tx: &mut Tx| Ok(lease::end(tx, job).await?)).await?;
        }
        Ok(())
    }

    /// Whether other servers may work on the same database.
    pub fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    /// Says that this server is alive, as every commit of its does.
    ///
    /// # Errors
    /// The database failed.
    pub(crate) async fn stay_alive(&self) -> Result<()> {
        self.committer.write_behind("alive", async |_: &mut Tx| Ok(())).await
    }

    /// Gives everything back that is this process's alone, so that others go on with it at once.
    pub(super) async fn leave(&self) {
        if !self.store.is_shared() {
            return;
        }
        let left = self
            .committer
            .write_freeing("leave", async |tx: &mut Tx| {
                lease::release(tx).await?;
                Ok(writer::leave(tx).await?)
            })
            .await;
        if let Err(error) = left {
            tracing::warn!(error = format!("{error:#}"), "this server's work stays its own until its time is over");
        }
    }
}
