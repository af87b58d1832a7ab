//! Deletes whose caller is answered once the bytes are gone.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Batch;
use crate::{
    engine::{Engine, delete::Marking, error::Result},
    model::{Caller, DeleteRequest, Deleted, GoneVerdict, Target, Verdict},
    store::{
        self, Tx, deletion, hold,
        purge::{self, Entry},
    },
};

/// How long a call waits for storage to confirm (sweeppea.md 3).
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);

impl Engine {
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
        let work = async move { Ok((engine.delete_until_gone(&caller, dialect, uid).await?, turn)) };
        let (verdict, _turn) = Self::to_its_end(work).await?;
        match verdict {
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

    /// Purges leased entries. It counts in the rate of purging, and does not wait for it.
    async fn purge_now(&self, leased: Vec<Entry>) -> Result<()> {
        self.purge_rate.spend(leased.len());
        let removed = self.remove(Batch { entries: leased, leased: Instant::now() }).await?;
        self.put_off(removed.failed).await?;
        self.finish(removed.gone).await.map(drop)
    }

    /// Purges leased entries, waiting no longer than a caller should; the work itself goes on.
    async fn confirm(&self, leased: Vec<Entry>) {
        let engine = self.clone();
        let work = tokio::spawn(async move {
            if let Err(error) = engine.purge_now(leased).await {
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
