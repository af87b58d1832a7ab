//! Entries of an operation that wait until nobody edits them any more. Each is then deleted as its user, who is looked
//! up anew, and checked again: rights, locks, holds, existence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    engine::{
        Engine,
        delete::{Marking, mark},
        error::Result,
    },
    model::{
        Account, AccountId, Atomicity, Caller, DeleteRequest, Edited, Failure, FailureReason, Item, KeyId, Live,
        Outcome, Reach, Refused, Target, Trashed, Verdict,
    },
    store::{self, Tx, account, folder, node},
};

/// Entries in one step at the most.
const STEP: i64 = 500;

/// What is kept of a request for one of its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    account: AccountId,
    reach: Reach,
    live: Live,
    is_folder: bool,
    name: String,
    /// What the entry was counted as when it was accepted.
    nodes: u64,
}

/// An entry that waits.
pub(in crate::engine) struct Waiting {
    node: i64,
    kept: Kept,
}

impl Waiting {
    pub(super) fn new(request: &DeleteRequest, item: &Item) -> Self {
        let nodes = match (item, request.live) {
            (Item::Folder(folder), Live::Purge) => 1 + folder.files + folder.folders,
            (Item::Folder(_), _) | (Item::File(_), _) => 1,
        };
        let kept = Kept {
            account: request.caller.account,
            reach: request.reach,
            live: request.live,
            is_folder: item.is_folder(),
            name: item.name().to_owned(),
            nodes,
        };
        Self { node: item.ids().id.0, kept }
    }

    pub(super) fn nodes(&self) -> u64 {
        self.kept.nodes
    }

    pub(super) fn row(&self) -> (i64, String) {
        // Numbers and strings always become JSON.
        (self.node, serde_json::to_string(&self.kept).unwrap_or_default())
    }

    fn is_meant_for_trash(&self) -> bool {
        matches!(self.kept.live, Live::Trash { .. })
    }

    fn target(&self) -> Target {
        match self.kept.is_folder {
            true => Target::FolderId(self.node),
            false => Target::FileId(self.node),
        }
    }
}

impl Engine {
    /// Deletes entries that need wait no longer; says whether there were any, for this server.
    ///
    /// # Errors
    /// The database failed; they are deleted later.
    pub(crate) async fn waiting_step(&self) -> Result<bool> {
        let ready = {
            let mut conn = self.store.read().await?;
            match store::operation::any_waiting(&mut conn).await? {
                true => store::operation::ready(&mut conn, self.clock.micros(), STEP).await?,
                false => Vec::new(),
            }
        };
        if ready.is_empty() || !self.has_lease("waiting").await? {
            return Ok(false);
        }
        let mut by_operation: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (operation, node) in ready {
            by_operation.entry(operation).or_default().push(node);
        }
        let purge_delay = self.rules.purge_delay.as_micros() as i64;
        let mut settled = 0;
        for (operation, nodes) in by_operation {
            settled += self
                .committer
                .write_freeing("operation.waiting", async move |tx: &mut Tx| {
                    delete(tx, operation, &nodes, purge_delay).await
                })
                .await?;
        }
        if settled > 0 {
            self.wake_purge.notify_one();
            self.wake_expand.notify_one();
        }
        Ok(settled > 0)
    }
}

/// Deletes those of an operation's entries that still wait and that nobody edits; gives how many wait no longer.
async fn delete(tx: &mut Tx, operation: i64, nodes: &[i64], purge_delay: i64) -> Result<usize> {
    let mut waiting = Vec::new();
    for (node, request) in store::operation::waiting_of(tx, operation, nodes).await? {
        let kept = serde_json::from_str(&request).map_err(anyhow::Error::new)?;
        waiting.push(Waiting { node, kept });
    }
    // The entries of one operation are of one request.
    let Some(Kept { account, reach, live, .. }) = waiting.first().map(|entry| entry.kept.clone()) else {
        return Ok(0);
    };
    let targets: Vec<Target> = waiting.iter().map(Waiting::target).collect();
    let user = account::by_id(tx, account).await?.filter(|account| !account.disabled);
    let Some(user) = user else {
        let refused = |target| Outcome { target, verdict: Verdict::Forbidden };
        return settle(tx, operation, &waiting, &targets.into_iter().map(refused).collect::<Vec<_>>()).await;
    };
    let request = DeleteRequest {
        caller: caller(user),
        dialect: "waiting",
        targets,
        reach,
        atomicity: Atomicity::BestEffort,
        live,
        trashed: match live {
            // Meant for the trash, it stays if it lies there by now.
            Live::Trash { .. } | Live::NotFound => Trashed::NotFound,
            Live::Purge => Trashed::Purge,
        },
        // Somebody may have begun anew since it was looked at.
        edited: Edited::Wait,
    };
    let marking = Marking { request, purge_delay, wait: false, as_operation: false };
    let marked = mark(tx, &[&marking]).await?;
    let outcomes: Vec<Outcome> = marked.into_iter().flat_map(|marked| marked.outcomes).collect();
    settle(tx, operation, &waiting, &outcomes).await
}

/// The user of an operation, as far as a delete looks.
fn caller(user: Account) -> Caller {
    Caller {
        account: user.id,
        uid: user.uid,
        name: user.name,
        display_name: user.display_name,
        email: user.email,
        role: user.role,
        max_calls: user.max_calls,
        key: KeyId(0),
        read_only: false,
        write_only: false,
        from_password: false,
        key_expires_at: None,
        link: None,
    }
}

/// Writes down what became of entries that waited; those that wait on are left. Gives how many were not.
async fn settle(tx: &mut Tx, operation: i64, waiting: &[Waiting], outcomes: &[Outcome]) -> Result<usize> {
    let Some((mut items, mut done, mut failures)) = store::operation::progress(tx, operation).await? else {
        return Ok(0);
    };
    let mut ended = Vec::with_capacity(waiting.len());
    for entry in waiting {
        let Some(outcome) = outcomes.iter().find(|outcome| outcome.target == entry.target()) else { continue };
        match handled(tx, entry, &outcome.verdict).await? {
            Handled::Waits => continue,
            Handled::Done(nodes) => {
                // A folder may have grown or shrunk while it waited.
                items = (items + nodes).saturating_sub(entry.kept.nodes);
                done += nodes;
            }
            Handled::Not(why) => {
                let (name, reason) = (entry.kept.name.clone(), FailureReason::Refused(why));
                failures.push(Failure { name, reason });
            }
        }
        ended.push(entry.node);
    }
    store::operation::end_waiting(tx, operation, &ended).await?;
    store::operation::set_progress(tx, operation, items, done, &failures).await?;
    Ok(ended.len())
}

enum Handled {
    Waits,
    Done(u64),
    Not(Refused),
}

async fn handled(tx: &mut Tx, entry: &Waiting, verdict: &Verdict) -> Result<Handled> {
    Ok(match verdict {
        Verdict::Waiting | Verdict::Untouched => Handled::Waits,
        Verdict::Deleted(deleted) => Handled::Done(deleted.nodes),
        // What was meant for the trash and lies there at its turn is done (onlyoffice.md 3.3).
        Verdict::NotFound if entry.is_meant_for_trash() && lies_in_trash(tx, entry.node).await? => {
            Handled::Done(entry.kept.nodes)
        }
        Verdict::NotFound | Verdict::NoVersion => Handled::Not(Refused::NotFound),
        Verdict::Forbidden => Handled::Not(Refused::Forbidden),
        Verdict::Held => Handled::Not(Refused::Held),
        Verdict::Locked => Handled::Not(Refused::Locked),
    })
}

/// Whether a node lies in a trash, by itself or with a folder above it.
async fn lies_in_trash(tx: &mut Tx, id: i64) -> Result<bool> {
    let Some(found) = node::by_id(tx, id).await?.filter(|found| found.state != 3) else { return Ok(false) };
    let way = folder::ways_up(tx, found.parent).await?.remove(&found.parent.unwrap_or_default());
    Ok(way.is_some_and(|way| !way.deleted && (found.state == 2 || way.trashed.is_some())))
}
