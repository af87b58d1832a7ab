//! What ends by itself: files with an end time, uploads, transfers, abandoned objects, old sign-ins and audit rows, and
//! what servers that died have left behind.
//!
//! Each step takes no input: it compares what is with what should be, does a bounded part, and says whether there was
//! anything to do.

use std::{collections::BTreeMap, time::Duration};

use super::{Engine, error::Result, upload};
use crate::{
    model::{
        AccountId, Atomicity, Caller, DeleteRequest, Holder, KeyId, Live, Outcome, Role, Target, Trashed, Verdict,
    },
    store::{self, Tx, deletion, key, node, transfer, trash},
};

/// Rows in one step at the most.
const STEP: i64 = 500;
/// Transfers in one step at the most: each may have thousands of files.
const TRANSFERS: i64 = 4;
/// A transfer that nobody touched for so long ends (vault.md 4.5).
const IDLE_TRANSFER: Duration = Duration::from_secs(24 * 3_600);
/// Longer than any one request can last: whoever wrote an object for so long is gone.
const ABANDONED_AFTER: Duration = Duration::from_secs(2 * 24 * 3_600);
/// A server that was silent for so long, with nothing staged, is forgotten.
const SILENT_SERVER: Duration = Duration::from_secs(24 * 3_600);

impl Engine {
    /// Does one step of everything; says whether there may be more. Only one server does.
    ///
    /// # Errors
    /// The database failed; the rest is done later.
    pub(crate) async fn expire_step(&self) -> Result<bool> {
        if !self.has_lease("expire").await? {
            return Ok(false);
        }
        // Each part is done, whatever becomes of the others.
        let files = self.expire_files().await;
        let trash = self.expire_trash().await;
        let uploads = self.end_uploads().await;
        let abandoned = self.end_abandoned(self.clock.micros() - ABANDONED_AFTER.as_micros() as i64).await;
        let edits = self.end_edits().await;
        let applinks = self.end_applinks().await;
        let forgotten = self.forget().await;
        let operations = self.forget_operations().await;
        self.wake_purge.notify_one();
        Ok(files? + trash? + uploads? + abandoned? + edits? + applinks? + forgotten? + operations? > 0)
    }

    /// Deletes files whose end time has come, as their owners would through the API that gives files one: into the bin
    /// if there is one (vault.md 3.5). What lies in a trash by then is destroyed.
    async fn expire_files(&self) -> Result<usize> {
        let expired = {
            let mut conn = self.store.read().await?;
            node::expired(&mut conn, self.clock.micros(), STEP).await?
        };
        let mut by_owner: BTreeMap<AccountId, Vec<Target>> = BTreeMap::new();
        for (id, owner) in expired {
            by_owner.entry(owner).or_default().push(Target::FileId(id));
        }
        let live = match self.rules.vault_bin {
            Some(keep) => Live::Trash { holder: Holder::Owner, keep },
            None => Live::Purge,
        };
        let mut deleted = 0;
        for (owner, targets) in by_owner {
            let request = DeleteRequest {
                live,
                trashed: Trashed::Purge,
                atomicity: Atomicity::BestEffort,
                ..DeleteRequest::permanent(on_behalf_of(owner), "expiry", targets)
            };
            deleted += count_deleted(&self.delete(request).await?);
        }
        Ok(deleted)
    }

    /// Destroys what has lain in a trash for its keep time. What a hold keeps below a folder is passed by.
    async fn expire_trash(&self) -> Result<usize> {
        let (mut destroyed, mut behind) = (0, (i64::MIN, 0));
        loop {
            let due = {
                let mut conn = self.store.read().await?;
                trash::due(&mut conn, self.clock.micros(), behind, STEP).await?
            };
            let Some(last) = due.last() else { return Ok(destroyed) };
            behind = (last.purge_after, last.id);
            let mut by_owner: BTreeMap<AccountId, Vec<Target>> = BTreeMap::new();
            for entry in &due {
                let target = Target::Entry { uid: entry.uid, is_folder: entry.is_folder };
                by_owner.entry(entry.owner).or_default().push(target);
            }
            for (owner, targets) in by_owner {
                let request = DeleteRequest {
                    live: Live::NotFound,
                    trashed: Trashed::Purge,
                    atomicity: Atomicity::BestEffort,
                    ..DeleteRequest::permanent(on_behalf_of(owner), "trash", targets)
                };
                destroyed += count_deleted(&self.delete(request).await?);
            }
        }
    }

    /// Ends uploads and transfers whose time is over, and staged objects that nobody comes for.
    async fn end_uploads(&self) -> Result<usize> {
        let now = self.clock.micros();
        let (uploads, transfers) = {
            let mut conn = self.store.read().await?;
            let idle_since = now - IDLE_TRANSFER.as_micros() as i64;
            (
                store::upload::expired(&mut conn, now, STEP).await?,
                transfer::idle(&mut conn, idle_since, TRANSFERS).await?,
            )
        };
        let ended = uploads.len() + transfers.len();
        if ended > 0 {
            self.committer
                .write_freeing("expire.uploads", async move |tx: &mut Tx| {
                    for &id in &uploads {
                        if let Some(ended) = store::upload::by_id(tx, id).await? {
                            upload::end(tx, &ended).await?;
                        }
                    }
                    for &group in &transfers {
                        upload::end_transfer(tx, group).await?;
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(ended)
    }

    async fn end_abandoned(&self, begun_before: i64) -> Result<usize> {
        let none = {
            let mut conn = self.store.read().await?;
            store::staged::abandoned(&mut conn, begun_before, self.clock.micros(), 1).await?.is_empty()
        };
        if none {
            return Ok(0);
        }
        let lands_for = self.lands_for();
        self.committer
            .write_freeing("expire.staged", async move |tx: &mut Tx| {
                upload::end_abandoned(tx, begun_before, STEP, lands_for).await
            })
            .await
    }

    /// Forgets audit rows, sign-ins and servers that are past their keep time.
    async fn forget(&self) -> Result<usize> {
        let now = self.clock.micros();
        let audit_before = now - self.rules.audit_keep.as_micros() as i64;
        let sign_ins_before = now - 2 * IDLE_TRANSFER.as_micros() as i64;
        let silent_since = now - SILENT_SERVER.as_micros() as i64;
        let old = {
            let mut conn = self.store.read().await?;
            deletion::has_audit_before(&mut conn, audit_before).await?
                || key::has_old_sign_ins(&mut conn, sign_ins_before).await?
                || store::writer::any_silent(&mut conn, silent_since).await?
        };
        if !old {
            return Ok(0);
        }
        let forgotten = self
            .committer
            .write_freeing("expire.forget", async move |tx: &mut Tx| {
                let audit = deletion::forget_audit(tx, audit_before, STEP).await?;
                let servers = store::writer::forget_silent(tx, silent_since).await?;
                Ok(audit + servers + key::forget_sign_ins(tx, sign_ins_before).await?)
            })
            .await?;
        Ok(forgotten as usize)
    }

    /// At the start of an installation that this process alone works on: what the last process left half-done is taken
    /// up at once.
    pub(super) async fn take_over(&self) -> Result<()> {
        let lands_for = self.lands_for();
        self.committer.write_freeing("start", async move |tx: &mut Tx| take_up(tx, lands_for).await).await
    }
}

/// Takes up everything half-done: nobody else holds a lease or writes an object. What still lands of bytes on their way
/// has done so after `lands_for`, microseconds.
pub(super) async fn take_up(tx: &mut Tx, lands_for: i64) -> Result<()> {
    store::purge::start_over(tx).await?;
    for id in store::upload::direct(tx).await? {
        if let Some(ended) = store::upload::by_id(tx, id).await? {
            upload::end(tx, &ended).await?;
        }
    }
    while upload::end_abandoned(tx, i64::MAX, STEP, lands_for).await? > 0 {}
    Ok(())
}

fn count_deleted(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Deleted(_))).count()
}

/// The owner of a file that goes by itself, as far as a delete looks.
pub(super) fn on_behalf_of(owner: AccountId) -> Caller {
    Caller {
        account: owner,
        uid: uuid::Uuid::nil(),
        name: String::new(),
        display_name: String::new(),
        email: String::new(),
        role: Role::User,
        max_calls: 0,
        key: KeyId(0),
        read_only: false,
        write_only: false,
        from_password: false,
        key_expires_at: None,
        link: None,
    }
}
