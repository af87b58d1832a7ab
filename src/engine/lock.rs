//! Locks and edit sessions: what keeps a file from being deleted or changed by others.
//!
//! A lock has no end but its holder's or the owner's word. An edit session belongs to one tab of one account and ends
//! by word or by silence; a row whose time is over counts for nothing, and is removed later.

use uuid::Uuid;

use super::{
    Engine,
    access::{self, Reached},
    error::{Error, Result},
    keyed_hash, tree,
};
use crate::{
    hex::hex,
    model::{AccountId, Caller, FileInfo, Item, NodeRef, Rights},
    store::{Conn, Tx, lock, operation},
};

/// The tab of every session that is opened without naming one (onlyoffice.md 3.6).
const FIRST_TAB: Uuid = Uuid::nil();
/// Ended sessions removed in one step at the most.
const STEP: i64 = 500;

impl Engine {
    /// Locks a file for the caller. Needs [`Rights::WRITE`]. Who has it locked already keeps the lock and its time.
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: another has it; `Forbidden`: the caller has no name.
    pub async fn lock(&self, caller: &Caller, file: NodeRef) -> Result<FileInfo> {
        let caller = caller.clone();
        self.committer
            .write("lock.set", async move |tx: &mut Tx| {
                let reached = reach(tx, &caller, file, Rights::WRITE).await?;
                match lock::holder(tx, reached.id).await? {
                    None => lock::set(tx, reached.id, Some(caller.account)).await?,
                    Some(by) if by == caller.account => {}
                    Some(_) => return Err(Error::Locked),
                }
                shown(tx, &caller, file).await
            })
            .await
    }

    /// Unlocks a file: by whoever locked it, or by the owner of its tree. One that is not locked stays so.
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: another has it; `Invalid`: `locked_by` is given and did not lock it.
    pub async fn unlock(&self, caller: &Caller, file: NodeRef, locked_by: Option<Uuid>) -> Result<FileInfo> {
        let caller = caller.clone();
        self.committer
            .write_freeing("lock.end", async move |tx: &mut Tx| {
                let reached = reach(tx, &caller, file, Rights::READ).await?;
                let file_now = shown(tx, &caller, file).await?;
                let Some(lock) = &file_now.lock else { return Ok(file_now) };
                // By a link nobody is the owner, whoever it is.
                let owner = caller.link.is_none() && reached.owner == caller.account;
                if lock.by.id != caller.account && !owner {
                    return Err(Error::Locked);
                }
                if locked_by.is_some_and(|by| by != lock.by.uid) {
                    return Err(Error::Invalid("the file is locked by another account than the one named"));
                }
                lock::set(tx, reached.id, None).await?;
                shown(tx, &caller, file).await
            })
            .await
    }

    /// Opens an edit session of the caller's on a file, or joins; gives the key of the version that is edited. Needs
    /// [`Rights::WRITE`] (onlyoffice.md 3.6). A session that the caller has open stays as it is and is kept open.
    ///
    /// # Errors
    /// As [`Self::item`]; `Forbidden`: the caller has no name; `Locked`: locked by another, another's exclusive session
    /// is open, `exclusive` and any is open, or the file waits to be deleted.
    pub async fn start_edit(&self, caller: &Caller, file: NodeRef, exclusive: bool) -> Result<String> {
        let (caller, engine) = (caller.clone(), self.clone());
        self.committer
            .write("edit.start", async move |tx: &mut Tx| {
                let reached = reach(tx, &caller, file, Rights::WRITE).await?;
                engine.keep_open(tx, &caller, &reached, FIRST_TAB, exclusive).await?;
                let keys = engine.edit_keys(tx, reached.id).await?;
                keys.into_iter().next().ok_or(Error::NotFound)
            })
            .await
    }

    /// Keeps the edit session of a tab open, opens one for a tab that has none, or with `finish` ends it. The key may
    /// be an older version's: an editor that stores a new one goes on with the key it began with.
    ///
    /// # Errors
    /// As [`Self::start_edit`], but to end a session [`Rights::READ`] will do; `Forbidden`: the key is none of the
    /// file's.
    pub async fn track_edit(&self, caller: &Caller, file: NodeRef, tab: Uuid, key: &str, finish: bool) -> Result<()> {
        let (caller, engine, key) = (caller.clone(), self.clone(), key.to_owned());
        let work = async move |tx: &mut Tx| {
            let wants = if finish { Rights::READ } else { Rights::WRITE };
            let reached = reach(tx, &caller, file, wants).await?;
            if !engine.edit_keys(tx, reached.id).await?.contains(&key) {
                return Err(Error::Forbidden);
            }
            match finish {
                true => Ok(lock::end_session(tx, reached.id, caller.account, tab).await?),
                false => engine.keep_open(tx, &caller, &reached, tab, false).await,
            }
        };
        if !finish {
            return self.committer.write("edit.keep", work).await;
        }
        self.committer.write_freeing("edit.end", work).await?;
        self.wake_waiting.notify_one();
        Ok(())
    }

    /// Removes edit sessions that ended by silence, a bounded part; says how many.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn end_edits(&self) -> Result<usize> {
        if !lock::has_ended_sessions(&mut *self.store.read().await?, self.clock.micros()).await? {
            return Ok(0);
        }
        let ended = self
            .committer
            .write_freeing("expire.edits", async move |tx: &mut Tx| Ok(lock::forget_sessions(tx, STEP).await?))
            .await?;
        self.wake_waiting.notify_one();
        Ok(ended as usize)
    }

    async fn keep_open(&self, tx: &mut Tx, caller: &Caller, file: &Reached, tab: Uuid, exclusive: bool) -> Result<()> {
        let open = lock::sessions(tx, file.id).await?;
        if exclusive && !open.is_empty() {
            return Err(Error::Locked);
        }
        let theirs = |session: &lock::Session| session.account == caller.account && session.tab == tab;
        if !open.iter().any(theirs) {
            let others = open.iter().any(|session| session.exclusive && session.account != caller.account);
            let locked = lock::holder(tx, file.id).await?.is_some_and(|by| by != caller.account);
            let above: Vec<i64> = file.way.ids.iter().copied().chain([file.id]).collect();
            if others || locked || operation::waits(tx, &above).await? {
                return Err(Error::Locked);
            }
        }
        let expires_at = tx.now + self.rules.edit_life.as_micros() as i64;
        Ok(lock::keep_session(tx, file.id, caller.account, tab, exclusive, expires_at).await?)
    }

    /// The keys of a file's versions, the current one's first: each is fixed, and says nothing of its object.
    async fn edit_keys(&self, conn: &mut Conn, file: i64) -> Result<Vec<String>> {
        let signing = self.signing_key("edit");
        let objects = lock::object_keys(conn, file).await?;
        Ok(objects.iter().map(|object| hex(&keyed_hash(&signing, &[object.as_bytes()]))).collect())
    }
}

/// A live file, for a caller with a name.
async fn reach(tx: &mut Tx, caller: &Caller, file: NodeRef, wants: Rights) -> Result<Reached> {
    let now = tx.now;
    let reached = access::open(tx, caller, file, wants, now).await?;
    if reached.is_folder {
        return Err(Error::NotFound);
    }
    if caller.account == AccountId::NOBODY {
        return Err(Error::Forbidden);
    }
    Ok(reached)
}

async fn shown(tx: &mut Tx, caller: &Caller, file: NodeRef) -> Result<FileInfo> {
    let now = tx.now;
    match tree::show_one(tx, caller, file, Rights::READ, now).await? {
        Item::File(file) => Ok(file),
        Item::Folder(_) => Err(Error::NotFound),
    }
}
