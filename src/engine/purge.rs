//! Purging: removing the bytes of what was marked, until storage has confirmed that they are gone.
//!
//! An entry is taken with a lease in one transaction, which checks holds once more; its object is removed; a second
//! transaction drops the entry and, with a node's last one, turns the node into its deletion record. A crash anywhere
//! between leaves the entry, and doing it again does no harm, because keys are never used twice. What fails goes back
//! into the queue with growing pauses, for ever.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use super::{
    Engine,
    delete::Marking,
    error::{Error, Result},
};
use crate::{
    model::{Caller, DeleteRequest, Deleted, GoneVerdict, Target, Verdict},
    objects::Removal,
    store::{
        self, Tx, account, deletion, hold,
        purge::{self, Entry},
    },
};

/// Entries in one step at the most.
const STEP: i64 = 1_000;
/// How long one step may remove objects: well within the lease, so that nobody else takes them meanwhile.
const REMOVE_WITHIN: Duration = Duration::from_secs(20);
/// The longest pause before an entry is tried again, seconds.
const LONGEST_PAUSE: i64 = 300;
/// How long a call waits for storage to confirm (sweeppea.md 3).
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);

/// What one step of purging came to: entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) taken: usize,
    pub(crate) failed: usize,
}

impl Engine {
    /// Takes and purges what is due, at most one step of it.
    ///
    /// # Errors
    /// The database failed. Storage that fails is no error: its entries wait for their next turn.
    pub(crate) async fn purge_due(&self) -> Result<Step> {
        let taken = self
            .committer
            .write_freeing("purge.take", async |tx: &mut Tx| {
                Ok(purge::take_due(tx, STEP, tx.now + store::LEASE_MICROS).await?)
            })
            .await?;
        self.purge(taken).await
    }

    /// Removes the objects of leased entries and writes down what became of each.
    async fn purge(&self, taken: Vec<Entry>) -> Result<Step> {
        let mut step = Step { taken: taken.len(), failed: 0 };
        if taken.is_empty() {
            return Ok(step);
        }
        self.faults.hit("purge.taken")?;
        let targets: Vec<_> = taken.iter().map(|entry| entry.target.clone()).collect();
        let removals = self.objects.delete(&targets, REMOVE_WITHIN).await;
        self.faults.hit("purge.removed")?;
        let (mut gone, mut failed) = (Vec::new(), Vec::new());
        for (entry, removal) in taken.into_iter().zip(removals) {
            match removal {
                Removal::Gone => gone.push(entry),
                Removal::Failed(error) => {
                    let not_before = self.clock.micros() + pause_micros(entry.attempts);
                    failed.push((entry.id, entry.lease_until, not_before, error));
                }
            }
        }
        step.failed = failed.len();
        if let Some((_, _, _, error)) = failed.first() {
            tracing::warn!(objects = failed.len(), error, "objects could not be removed and will be tried again");
            let failed = store::rows(&failed);
            self.committer
                .write_freeing("purge.put_off", async move |tx: &mut Tx| Ok(purge::put_off(tx, &failed).await?))
                .await?;
        }
        if !gone.is_empty() {
            self.committer.write_freeing("purge.finish", async move |tx: &mut Tx| finish(tx, &gone).await).await?;
            self.purged.notify_waiters();
            self.reserve_wanted.notify_one();
        }
        Ok(step)
    }

    /// Deletes one file of the caller's own and answers once its bytes are gone, or after 10 seconds. A call for the
    /// same file waits for the one before it. Dropping the future does not stop the deletion; it is acknowledged only
    /// where the future is awaited to its end, so that whoever comes again still gets the answer.
    ///
    /// # Errors
    /// `Busy`, `Internal`: nothing was marked, or storage cannot be asked.
    pub async fn delete_and_wait(&self, caller: &Caller, dialect: &'static str, uid: Uuid) -> Result<GoneVerdict> {
        let (engine, caller) = (self.clone(), caller.clone());
        // Taken here, so that a client that goes away while it waits leaves the line.
        let turn = self.turns.take(uid).await;
        let work = tokio::spawn(async move { (engine.delete_until_gone(&caller, dialect, uid).await, turn) });
        let (verdict, _turn) = work.await.map_err(|error| Error::Internal(error.into()))?;
        match verdict? {
            GoneVerdict::Gone(deleted) => self.acknowledge(deleted).await,
            other => Ok(other),
        }
    }

    async fn delete_until_gone(&self, caller: &Caller, dialect: &'static str, uid: Uuid) -> Result<GoneVerdict> {
        let request = DeleteRequest::permanent(caller.clone(), dialect, vec![Target::FileUid(uid)]);
        let marked = self.committer.mark(Marking { request, purge_delay: 0, wait: true, as_operation: false }).await?;
        match marked.outcomes.first().map(|outcome| &outcome.verdict) {
            Some(Verdict::Deleted(_)) => {
                self.confirm(marked.leased).await;
                self.answer_if_gone(caller, uid).await
            }
            Some(Verdict::Held) => Ok(GoneVerdict::Held),
            Some(Verdict::Locked) => Ok(GoneVerdict::Locked),
            Some(
                Verdict::NotFound | Verdict::Forbidden | Verdict::NoVersion | Verdict::Untouched | Verdict::Waiting,
            )
            | None => self.repeat(caller, uid).await,
        }
    }

    /// A file that is not live any more: perhaps an earlier call for it was never answered with a success.
    async fn repeat(&self, caller: &Caller, uid: Uuid) -> Result<GoneVerdict> {
        let going = {
            let mut conn = self.store.read().await?;
            deletion::going(&mut conn, caller.account, uid).await?
        };
        if let Some(node) = going {
            if hold::covers(&mut *self.store.read().await?, node, self.clock.micros()).await? {
                return Ok(GoneVerdict::Held);
            }
            let again = self.purge_again(caller, uid, node);
            tokio::time::timeout(CONFIRM_WITHIN, again).await.unwrap_or(Ok(()))?;
        }
        self.answer_if_gone(caller, uid).await
    }

    /// Tries storage again, once, for a node whose purge is queued; while another has taken it, waits for that one.
    async fn purge_again(&self, caller: &Caller, uid: Uuid, node: i64) -> Result<()> {
        loop {
            let purged = self.purged.notified();
            let taken = self
                .committer
                .write_freeing("purge.take", async move |tx: &mut Tx| {
                    Ok(purge::take_of_node(tx, node, tx.now + store::LEASE_MICROS).await?)
                })
                .await?;
            if !taken.is_empty() {
                self.confirm(taken).await;
                return Ok(());
            }
            if deletion::going(&mut *self.store.read().await?, caller.account, uid).await?.is_none() {
                return Ok(());
            }
            // What another server purges, nobody tells this one: look again after a while.
            let _ = tokio::time::timeout(Duration::from_millis(250), purged).await;
        }
    }

    /// Purges leased entries, waiting no longer than a caller should; the work itself goes on.
    async fn confirm(&self, leased: Vec<Entry>) {
        let engine = self.clone();
        let work = tokio::spawn(async move {
            if let Err(error) = engine.purge(leased).await {
                tracing::warn!(error = format!("{error:#}"), "a purge that a caller waits for failed");
            }
        });
        let _ = tokio::time::timeout(CONFIRM_WITHIN, work).await;
    }

    /// What is owed, and if that is nothing: still going, or acknowledged, perhaps through another server meanwhile.
    async fn answer_if_gone(&self, caller: &Caller, uid: Uuid) -> Result<GoneVerdict> {
        // In this order: what is not going any more is owed from the same commit on.
        let going = deletion::going(&mut *self.store.read().await?, caller.account, uid).await?;
        Ok(match self.owed(caller, uid).await? {
            Some(deleted) => GoneVerdict::Gone(deleted),
            None if going.is_some() => GoneVerdict::Going,
            None => GoneVerdict::NotFound,
        })
    }

    async fn owed(&self, caller: &Caller, uid: Uuid) -> Result<Option<Deleted>> {
        let mut conn = self.store.read().await?;
        let owed = deletion::owed_answer(&mut conn, caller.account, uid).await?;
        Ok(owed.map(|(name, size)| Deleted { uid, name, size: size as u64, nodes: 1, before: false }))
    }

    /// From here on the file is not found any more. The commit is queued, so that whoever asks next is decided after
    /// it, and not waited for: if the process dies before the answer is out, a repeat still gets it. Of many servers
    /// that were asked at the same moment one answers success (sweeppea.md 3), and only the commit knows which.
    async fn acknowledge(&self, deleted: Deleted) -> Result<GoneVerdict> {
        let uid = deleted.uid;
        let queued = self
            .committer
            .submit("purge.acknowledge", true, async move |tx: &mut Tx| Ok(deletion::acknowledge(tx, uid).await?));
        let acknowledged = match queued {
            Ok(outcome) if self.store.is_shared() => outcome.await.unwrap_or(Ok(false)),
            Ok(_) => Ok(true),
            Err(error) => Err(error),
        };
        Ok(match acknowledged {
            Ok(true) => GoneVerdict::Gone(deleted),
            Ok(false) => GoneVerdict::NotFound,
            Err(_) => GoneVerdict::Going,
        })
    }
}

/// Drops the entries of objects that are gone; nodes without any left become deletion records.
async fn finish(tx: &mut Tx, gone: &[Entry]) -> Result<()> {
    let mut freed: BTreeMap<i64, i64> = BTreeMap::new();
    let mut single = Vec::new();
    for (account, size, version) in purge::finish(tx, &store::id_rows(gone.iter().map(|entry| entry.id))).await? {
        *freed.entry(account).or_default() += size;
        single.extend(version);
    }
    if !single.is_empty() {
        deletion::drop_versions(tx, &store::id_rows(single)).await?;
    }
    account::take_from_purging(tx, &store::rows(&freed.into_iter().collect::<Vec<_>>())).await?;
    let nodes: BTreeSet<i64> = gone.iter().map(|entry| entry.node).filter(|&node| node != 0).collect();
    let purged = deletion::purged_files(tx, &store::id_rows(nodes)).await?;
    if purged.is_empty() {
        return Ok(());
    }
    let parents = deletion::record(tx, &store::id_rows(purged)).await?;
    drop_emptied_folders(tx, parents).await
}

/// Turns deleted folders that have become empty into deletion records, and those above them in turn.
pub(super) async fn drop_emptied_folders(tx: &mut Tx, folders: Vec<i64>) -> Result<()> {
    let mut folders: BTreeSet<i64> = folders.into_iter().collect();
    while !folders.is_empty() {
        let emptied = deletion::emptied_folders(tx, &store::id_rows(folders)).await?;
        if emptied.is_empty() {
            break;
        }
        folders = deletion::record(tx, &store::id_rows(emptied)).await?.into_iter().collect();
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
