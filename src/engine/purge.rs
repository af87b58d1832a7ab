//! Purging: removing the bytes of what was marked, until storage has confirmed that they are gone.
//!
//! An entry is taken with a lease in one transaction, which checks holds once more; its object is removed; a second
//! transaction drops the entry and, with a node's last one, turns the node into its deletion record. A crash anywhere
//! between leaves the entry, and doing it again does no harm, because keys are never used twice. What fails goes back
//! into the queue with growing pauses, for ever.
//!
//! While the objects of one batch are being removed, what became of the one before is written down and the next is
//! taken, in one commit. Three batches are in hand at the most, however long the queue is.

mod rate;
mod waited;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use anyhow::Context;

use super::{Engine, error::Result, pace::Pace};
use crate::{
    objects::{Removal, Target},
    store::{
        self, Tx, account, deletion,
        purge::{self, DueRow, Entry},
    },
};
pub(super) use rate::Rate;

/// How long after its lease began a batch may still be worked on: well within the lease, so that nobody else takes it
/// meanwhile.
const REMOVE_WITHIN: Duration = Duration::from_secs(20);
/// A batch that has waited so long for its turn is left to its lease.
const TURN_WITHIN: Duration = Duration::from_secs(10);
/// What a batch should take; with [`REMOVE_WITHIN`] there is a lot of room for one that takes longer than the last.
const BATCH_TIME: Duration = Duration::from_secs(2);
/// Entries of one batch, at the least and at the most.
const FEWEST: usize = 50;
const MOST: usize = 4_000;
/// The same while people ask for something: what is taken keeps the writer too.
const MOST_WHILE_WANTED: usize = 500;
/// Entries that one transaction drops at the most.
const FINISH: usize = 1_000;
/// Batches taken behind one another before the head of the queue is looked at again.
const FROM_THE_HEAD: u32 = 64;
/// The longest pause before an entry is tried again, seconds.
const LONGEST_PAUSE: i64 = 300;

/// Leased entries, and when the lease began.
struct Batch {
    entries: Vec<Entry>,
    leased: Instant,
}

/// What became of a batch: entries that are gone with their nodes, and rows of those that failed.
#[derive(Default)]
struct Removed {
    gone: Vec<(i64, i64)>,
    failed: Vec<(i64, i64, i64, String)>,
}

/// The purger of this process: what it has in hand.
pub(crate) struct Purger {
    taken: Option<Batch>,
    removed: Option<Removed>,
    /// The last batch was as large as it was allowed to be: more is waiting.
    is_full: bool,
    /// The not-before time up to which entries were taken: those at the head are leased or parked.
    behind: i64,
    since_head: u32,
    /// Entries of the next batch.
    size: usize,
    pace: Pace,
}

/// What one turn came to: entries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turn {
    /// Written down as gone or as failed.
    pub(crate) settled: usize,
    pub(crate) failed: usize,
}

impl Default for Purger {
    fn default() -> Self {
        Self {
            taken: None,
            removed: None,
            is_full: false,
            behind: 0,
            since_head: 0,
            size: MOST / 4,
            pace: Pace::new(FINISH),
        }
    }
}

impl Purger {
    /// Nothing is in hand, and nothing is known to wait.
    pub(crate) fn is_idle(&self) -> bool {
        self.taken.is_none() && self.removed.is_none() && !self.is_full
    }
}

impl Engine {
    /// One turn: removes the objects of the batch that is taken, and meanwhile writes down what became of the one
    /// before and takes the next.
    ///
    /// # Errors
    /// The database failed: what was in hand is taken up again when its lease is over. Storage that fails is no error:
    /// its entries wait for their next turn.
    pub(crate) async fn purge_turn(&self, purger: &mut Purger) -> Result<Turn> {
        let (batch, removed) = (purger.taken.take(), purger.removed.take());
        // What a short batch left behind is only what came since: it waits until this one is written down.
        let takes = purger.is_full || batch.is_none();
        let settled = removed.as_ref().map_or(0, |removed| removed.gone.len() + removed.failed.len());
        let failed = removed.as_ref().map_or(0, |removed| removed.failed.len());
        let size = batch.as_ref().map_or(0, |batch| batch.entries.len());
        let started = Instant::now();
        let removing = async {
            match batch {
                Some(batch) => self.remove(batch).await.map(|removed| (Some(removed), started.elapsed())),
                None => Ok((None, Duration::ZERO)),
            }
        };
        let (removed, settled_and_taken) = tokio::join!(removing, self.settle_and_take(purger, removed, takes));
        let (removed, took) = removed?;
        purger.removed = removed;
        settled_and_taken?;
        if size >= FEWEST {
            let fits = size as f64 * BATCH_TIME.as_secs_f64() / took.as_secs_f64().max(1e-3);
            purger.size = (fits as usize).clamp(FEWEST, MOST);
        }
        Ok(Turn { settled, failed })
    }

    /// Removes the objects of leased entries; says what became of each.
    async fn remove(&self, batch: Batch) -> Result<Removed> {
        let mut removed = Removed::default();
        let waited = batch.leased.elapsed();
        if batch.entries.is_empty() || waited > TURN_WITHIN {
            return Ok(removed);
        }
        self.faults.hit("purge.taken")?;
        let targets: Vec<Target> = batch.entries.iter().map(|entry| entry.target.clone()).collect();
        let removals = self.objects.delete(&targets, REMOVE_WITHIN - waited).await;
        self.faults.hit("purge.removed")?;
        for (entry, removal) in batch.entries.into_iter().zip(removals) {
            match removal {
                Removal::Gone => removed.gone.push((entry.id, entry.node)),
                Removal::Failed(error) => {
                    let not_before = self.clock.micros() + pause_micros(entry.attempts);
                    removed.failed.push((entry.id, entry.lease_until, not_before, error));
                }
            }
        }
        Ok(removed)
    }

    /// Writes down what became of a batch, in transactions as long as the pace allows, and takes the next one, with the
    /// last of them in one commit where there is any.
    async fn settle_and_take(&self, purger: &mut Purger, removed: Option<Removed>, takes: bool) -> Result<()> {
        let Removed { mut gone, failed } = removed.unwrap_or_default();
        self.put_off(failed).await?;
        loop {
            let wanted = self.committer.is_wanted();
            let rest = gone.split_off(gone.len().min(purger.pace.rows(wanted)));
            let (rows, is_last) = (gone.len(), rest.is_empty());
            let takes = is_last && (takes || rows > 0);
            let (finished, taken) = tokio::join!(self.finish(gone), self.take(purger, takes));
            let took = finished?;
            taken?;
            tokio::time::sleep(purger.pace.rest(rows, took, wanted)).await;
            if is_last {
                return Ok(());
            }
            gone = rest;
        }
    }

    /// Leases the next batch, as much of it as the rate allows.
    async fn take(&self, purger: &mut Purger, takes: bool) -> Result<()> {
        let most = if self.committer.is_wanted() { MOST_WHILE_WANTED } else { MOST };
        let limit = self.purge_rate.allowed(purger.size.min(most), self.clock.micros());
        purger.is_full = false;
        if !takes || limit == 0 {
            return Ok(());
        }
        let behind = purger.behind;
        let entries = self
            .committer
            .write_behind("purge.take", async move |tx: &mut Tx| {
                let lease_until = tx.now + store::LEASE_MICROS;
                let due = purge::due(tx, behind, limit as i64).await?;
                let rows: Vec<DueRow> = serde_json::from_str(&due).context("the purge queue is not readable")?;
                if !rows.is_empty() {
                    purge::lease(tx, &due, lease_until).await?;
                }
                Ok((rows, lease_until))
            })
            .await?;
        let (rows, lease_until) = entries;
        self.purge_rate.spend(rows.len());
        purger.is_full = rows.len() == limit;
        purger.since_head += 1;
        match rows.iter().map(DueRow::not_before).max() {
            Some(behind) if purger.is_full && purger.since_head < FROM_THE_HEAD => purger.behind = behind,
            _ => (purger.behind, purger.since_head) = (0, 0),
        }
        let entries: Vec<Entry> = rows.into_iter().map(|row| row.leased(lease_until)).collect();
        purger.taken = (!entries.is_empty()).then(|| Batch { entries, leased: Instant::now() });
        Ok(())
    }

    async fn put_off(&self, failed: Vec<(i64, i64, i64, String)>) -> Result<()> {
        let Some((_, _, _, error)) = failed.first() else { return Ok(()) };
        tracing::warn!(objects = failed.len(), error, "objects could not be removed and will be tried again");
        let failed = store::rows(&failed);
        self.committer
            .write_behind("purge.put_off", async move |tx: &mut Tx| Ok(purge::put_off(tx, &failed).await?))
            .await
    }

    /// Drops the entries of objects that are gone; says how long that kept the writer.
    async fn finish(&self, gone: Vec<(i64, i64)>) -> Result<Duration> {
        if gone.is_empty() {
            return Ok(Duration::ZERO);
        }
        let ((), took) =
            self.committer.write_timed("purge.finish", async move |tx: &mut Tx| finish(tx, &gone).await).await?;
        self.purged.notify_waiters();
        self.reserve_wanted.notify_one();
        Ok(took)
    }
}

/// Drops the entries of objects that are gone; nodes without any left become deletion records.
async fn finish(tx: &mut Tx, gone: &[(i64, i64)]) -> Result<()> {
    let entries = store::id_rows(gone.iter().map(|&(entry, _)| entry));
    let (mut freed, mut single) = (Vec::new(), Vec::new());
    for (account, bytes, versions) in purge::sums(tx, &entries).await? {
        freed.push((account, bytes));
        single.extend(versions);
    }
    purge::finish(tx, &entries).await?;
    if !single.is_empty() {
        deletion::drop_versions(tx, &store::id_rows(single)).await?;
    }
    account::take_from_purging(tx, &store::rows(&freed)).await?;
    let nodes: BTreeSet<i64> = gone.iter().map(|&(_, node)| node).filter(|&node| node != 0).collect();
    let purged = deletion::purged_files(tx, &store::id_rows(nodes)).await?;
    if purged.nodes.is_empty() {
        return Ok(());
    }
    deletion::record(tx, &purged.nodes).await?;
    drop_emptied_folders(tx, purged.parents).await
}

/// Turns deleted folders that have become empty into deletion records, and those above them in turn.
pub(super) async fn drop_emptied_folders(tx: &mut Tx, folders: Vec<i64>) -> Result<()> {
    let mut folders: BTreeSet<i64> = folders.into_iter().collect();
    while !folders.is_empty() {
        let emptied = deletion::emptied_folders(tx, &store::id_rows(folders)).await?;
        if emptied.nodes.is_empty() {
            break;
        }
        deletion::record(tx, &emptied.nodes).await?;
        folders = emptied.parents.into_iter().collect();
    }
    Ok(())
}

/// 1, 2, 4 … seconds, and 5 minutes at the most.
fn pause_micros(attempts: i64) -> i64 {
    let seconds = 1i64 << (attempts - 1).clamp(0, 16);
    seconds.min(LONGEST_PAUSE) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_five_minutes() {
        let pauses: Vec<i64> = [1, 2, 3, 9, 10, 100].map(|attempts| pause_micros(attempts) / 1_000_000).into();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300]);
    }
}
