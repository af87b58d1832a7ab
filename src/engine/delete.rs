//! Deleting: the mark that hides a node, or puts it into a trash, or moves its bytes out of the quota and queues its
//! purge; in one commit.
//!
//! A batch of requests is marked by a handful of statements, however many targets it names: read what is named
//! ([`batch`]), decide in memory in the order of arrival, write the effects as sets ([`effects`]). Each request sees
//! the marks of the ones before it, because the decision keeps account of what the batch has marked so far.
//!
//! A folder is marked by its own row alone. Its totals tell at once how many bytes leave the quota; what lies below is
//! hidden by the walk up that every read makes, and carries its own marks later (see [`super::expand`]). In a trash it
//! never gets any: taking it back is one row.

mod batch;
mod effects;

use std::collections::HashMap;

use super::{Engine, error::Result, operation};
use crate::{
    model::{DeleteRequest, MarkedAsOperation, Operation, Outcome, Trashed},
    store::{
        self, Tx,
        purge::{self, Entry},
    },
};
use batch::Batch;

/// A delete on its way to the committer.
pub(super) struct Marking {
    pub(super) request: DeleteRequest,
    /// Purge entries may be taken from this time after the mark on, microseconds.
    pub(super) purge_delay: i64,
    /// The caller purges at once and answers only then: the entries are leased to it, and the deletion is remembered
    /// until it was answered.
    pub(super) wait: bool,
    /// An operation is kept of it, in the same commit.
    pub(super) as_operation: bool,
}

/// What a mark did.
pub(super) struct Marked {
    pub(super) outcomes: Vec<Outcome>,
    /// With `wait`, the purge entries leased to the caller.
    pub(super) leased: Vec<Entry>,
    pub(super) has_folders: bool,
    pub(super) operation: Option<Operation>,
}

impl Engine {
    /// Deletes what a request names. All marks of one request are in one commit, which is durable before this returns;
    /// bytes go in the background.
    ///
    /// # Errors
    /// `Busy`, `Internal`: nothing was marked. What stops a single target is in its outcome.
    pub async fn delete(&self, request: DeleteRequest) -> Result<Vec<Outcome>> {
        Ok(self.mark(request, false).await?.outcomes)
    }

    /// Deletes as [`Self::delete`] does, and keeps an operation of it. Targets that are edited may wait
    /// ([`crate::model::Edited::Wait`]). A call that is stopped keeps none, nor does one without targets. Targets are named
    /// by their integer ids.
    ///
    /// # Errors
    /// As [`Self::delete`].
    pub async fn delete_as_operation(&self, request: DeleteRequest) -> Result<MarkedAsOperation> {
        let Marked { outcomes, operation, .. } = self.mark(request, true).await?;
        Ok(MarkedAsOperation { outcomes, operation })
    }

    async fn mark(&self, request: DeleteRequest, as_operation: bool) -> Result<Marked> {
        let purge_delay = self.rules.purge_delay.as_micros() as i64;
        let marked = self.committer.mark(Marking { request, purge_delay, wait: false, as_operation }).await?;
        self.wake_purge.notify_one();
        if marked.has_folders {
            self.wake_expand.notify_one();
        }
        Ok(marked)
    }
}

/// Marks what a batch of requests names; gives what became of each request.
pub(super) async fn mark(tx: &mut Tx, markings: &[&Marking]) -> Result<Vec<Marked>> {
    let mut all = Vec::with_capacity(markings.len());
    for together in markings.chunk_by(|one, next| shares_a_batch(one) && shares_a_batch(next)) {
        match together {
            [one] if one.as_operation => all.push(mark_recorded(tx, one).await?),
            _ => all.extend(mark_together(tx, together).await?),
        }
    }
    Ok(all)
}

/// What a request does to a trash depends on what the ones before it have put there: it reads for itself.
fn shares_a_batch(marking: &Marking) -> bool {
    marking.request.trashed == Trashed::NotFound && !marking.as_operation
}

async fn mark_recorded(tx: &mut Tx, marking: &Marking) -> Result<Marked> {
    let entries = operation::entries(tx, &marking.request).await?;
    let mut marked = mark_together(tx, &[marking]).await?;
    let mut marked = marked.pop().ok_or_else(|| anyhow::anyhow!("a request without an outcome"))?;
    marked.operation = operation::keep(tx, &marking.request, &marked.outcomes, entries).await?;
    Ok(marked)
}

async fn mark_together(tx: &mut Tx, markings: &[&Marking]) -> Result<Vec<Marked>> {
    let mut batch = Batch::read(tx, markings).await?;
    let mut all = Vec::with_capacity(markings.len());
    for marking in markings {
        all.push(batch.decide(marking));
    }
    batch.effects.write(tx).await?;
    let waited = markings.iter().zip(&all).filter(|(marking, _)| marking.wait).flat_map(|(_, (_, taken))| taken);
    let waited: Vec<i64> = waited.copied().collect();
    let mut leased: HashMap<i64, Vec<Entry>> = HashMap::new();
    if !waited.is_empty() {
        for entry in purge::of_nodes(tx, &store::id_rows(waited)).await? {
            leased.entry(entry.node).or_default().push(entry);
        }
    }
    let mut marked = Vec::with_capacity(markings.len());
    for (outcomes, taken) in all {
        let own = taken.iter().filter_map(|node| leased.remove(node)).flatten().collect();
        let has_folders = taken.iter().any(|node| batch.effects.expands(*node));
        marked.push(Marked { outcomes, leased: own, has_folders, operation: None });
    }
    Ok(marked)
}
