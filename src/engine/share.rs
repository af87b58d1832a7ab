//! Shares: rights on a node that its owner, or whoever may share it, gives to accounts.

use super::{
    Engine, access,
    error::{Error, Result},
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{Account, Caller, Item, NodeRef, Rights, Share, ShareChange},
    store::{Conn, Tx, account, folder, node, share},
};

/// What is shared with one account, shown at the most.
const SHARED: usize = 1_000;

impl Engine {
    /// The shares of a node itself, its owner first. Needs [`Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn shares(&self, caller: &Caller, node: NodeRef) -> Result<Vec<Share>> {
        let mut conn = self.store.read().await?;
        list(&mut conn, caller, node, self.clock.micros()).await
    }

    /// Changes shares of a node; all or none. Needs [`Rights::SHARE`], and not through a link. The owner's rights are
    /// not changed by any share.
    ///
    /// # Errors
    /// As [`Self::item`]; `Invalid`: no such account, or one that is switched off is given rights; `Forbidden`: an
    /// account's root, a right that the caller lacks, a link.
    pub async fn set_shares(&self, caller: &Caller, node: NodeRef, changes: Vec<ShareChange>) -> Result<Vec<Share>> {
        let caller = caller.clone();
        self.committer
            .write("share.set", async move |tx: &mut Tx| {
                let now = tx.now;
                let reached = access::open(tx, &caller, node, Rights::SHARE, now).await?;
                let widens = changes.iter().any(|change| !reached.rights.has(change.rights));
                if caller.link.is_some() || reached.parent.is_none() || widens {
                    return Err(Error::Forbidden);
                }
                let known = account::by_uids(tx, changes.iter().map(|change| change.with)).await?;
                for change in &changes {
                    let gives = change.rights != Rights::NONE;
                    let with = known.get(&change.with).filter(|account| !(gives && account.disabled));
                    let with = with.ok_or(Error::Invalid("no such account"))?.id;
                    match with == reached.owner {
                        true => {}
                        false if gives => share::put(tx, reached.id, with, change.rights).await?,
                        false => share::remove(tx, reached.id, with).await?,
                    }
                }
                // Who has just given up a share of their own may not look any more; what was asked is done.
                match list(tx, &caller, node, now).await {
                    Err(Error::Forbidden) => Ok(Vec::new()),
                    other => other,
                }
            })
            .await
    }

    /// What others share with the caller and is live, at most 1,000 by id. Nothing is shared with a link.
    ///
    /// # Errors
    /// Only faults.
    pub async fn shared_with(&self, caller: &Caller) -> Result<Vec<Item>> {
        if caller.link.is_some() {
            return Ok(Vec::new());
        }
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let (mut shown, mut after) = (Vec::new(), 0);
        // What a folder above hides is left out: until enough is shown, there may be more behind it.
        while shown.len() < SHARED {
            let ids = share::with(&mut conn, caller.account, after, SHARED as i64).await?;
            let Some(&last) = ids.last() else { break };
            after = last;
            let viewer = Viewer::By(caller);
            let (files, folders) = (node::files(&mut conn, &ids, now).await?, folder::folders(&mut conn, &ids).await?);
            let files = show::files(&mut conn, files, viewer, Hidden::LeftOut, now).await?;
            let folders = show::folders(&mut conn, folders, viewer, Hidden::LeftOut, now).await?;
            let mut items: Vec<Item> =
                files.into_iter().map(Item::File).chain(folders.into_iter().map(Item::Folder)).collect();
            items.sort_by_key(|item| item.ids().id);
            shown.extend(items);
        }
        shown.truncate(SHARED);
        Ok(shown)
    }

    /// The account that somebody names: by uid, sign-in name, or an e-mail address that no other has. Not one that is
    /// switched off.
    ///
    /// # Errors
    /// Only faults.
    pub async fn account_named(&self, text: &str) -> Result<Option<Account>> {
        account::named(&mut *self.store.read().await?, text).await.map_err(Into::into)
    }

    /// Accounts that are not switched off and whose sign-in or display name contains a text, without regard to ASCII
    /// case; at most 100, by name.
    ///
    /// # Errors
    /// Only faults.
    pub async fn find_accounts(&self, text: &str) -> Result<Vec<Account>> {
        if text.contains(char::is_control) {
            return Ok(Vec::new());
        }
        Ok(account::find(&mut *self.store.read().await?, text).await?)
    }
}

async fn list(conn: &mut Conn, caller: &Caller, node: NodeRef, now: i64) -> Result<Vec<Share>> {
    let reached = access::open(conn, caller, node, Rights::READ, now).await?;
    let mut all = vec![(reached.owner, Rights::ALL)];
    all.extend(share::of_node(conn, reached.id).await?.into_iter().filter(|(account, _)| *account != reached.owner));
    let people = account::people(conn, all.iter().map(|(account, _)| account.0)).await?;
    let share = |(account, rights)| {
        Some(Share { with: people.get(&account).cloned()?, rights, is_owner: account == reached.owner })
    };
    Ok(all.into_iter().filter_map(share).collect())
}
