//! Expanding: what lies below marked folders, or in an emptied trash, gets its own marks, a bounded number at a time.
//!
//! Nothing that anybody sees changes here: the mark has hidden it all and moved its bytes already. Each step marks some
//! nodes, queues the purge of the files among them and the expansion of the folders. A step takes as many folders as it
//! has rows for: one with a million files is many steps, a thousand with a file each are a few.

use std::time::Duration;

use super::{Engine, error::Result, purge::drop_emptied_folders};
use crate::{
    model::AccountId,
    store::{self, Tx, deletion, purge, trash},
};

/// Folders in one step at the most.
const FOLDERS: i64 = 200;

/// What one step of expanding came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expanded {
    /// Nodes marked, and folders found to be done.
    pub(crate) rows: usize,
    /// How long it kept the writer.
    pub(crate) took: Duration,
}

impl Engine {
    /// Rows of one step at the most.
    pub const EXPAND: usize = 2_000;

    /// Marks at most so many nodes; `None` if there is nothing to do, for this server.
    ///
    /// # Errors
    /// The database failed; the step is done later.
    pub(crate) async fn expand_step(&self, rows: usize) -> Result<Option<Expanded>> {
        let (emptied, folders) = {
            let mut conn = self.store.read().await?;
            (trash::next_emptying(&mut conn).await?, deletion::next_expansions(&mut conn, FOLDERS).await?)
        };
        if emptied.is_none() && folders.is_empty() || !self.has_lease("expand").await? {
            return Ok(None);
        }
        let (limit, delay) = (rows as i64, self.rules.purge_delay.as_micros() as i64);
        let (rows, took) = match emptied {
            Some(holder) => {
                self.committer
                    .write_timed("expand.trash", async move |tx: &mut Tx| expand_trash(tx, holder, limit, delay).await)
                    .await?
            }
            None => {
                self.committer
                    .write_timed("expand", async move |tx: &mut Tx| expand(tx, &folders, limit, delay).await)
                    .await?
            }
        };
        self.wake_purge.notify_one();
        Ok(Some(Expanded { rows, took }))
    }
}

async fn expand(tx: &mut Tx, folders: &[i64], limit: i64, purge_delay: i64) -> Result<usize> {
    let all = store::id_rows(folders.iter().copied());
    let (files, below) = deletion::live_children(tx, &all, limit).await?;
    let marked = files.len() + below.len();
    if marked > 0 {
        let marked = store::id_rows(files.into_iter().chain(below.iter().copied()));
        mark_deleted(tx, &marked, &store::id_rows(below), purge_delay).await?;
    }
    let expanded = deletion::expanded(tx, &all).await?;
    if !expanded.is_empty() {
        deletion::end_expansions(tx, &store::id_rows(expanded.iter().copied())).await?;
    }
    let rows = marked + expanded.len();
    drop_emptied_folders(tx, expanded).await?;
    Ok(rows)
}

/// The entries of an emptied trash; the mark has moved their bytes already.
async fn expand_trash(tx: &mut Tx, holder: AccountId, limit: i64, purge_delay: i64) -> Result<usize> {
    let emptied = trash::emptied(tx, holder, limit).await?;
    if emptied.is_empty() {
        trash::end_emptying(tx, holder).await?;
        return Ok(0);
    }
    let all = store::id_rows(emptied.iter().map(|&(_, node, _)| node));
    let folders = store::id_rows(emptied.iter().filter(|&&(_, _, is_folder)| is_folder).map(|&(_, node, _)| node));
    mark_deleted(tx, &all, &folders, purge_delay).await?;
    Ok(emptied.len())
}

/// Gives nodes marks of their own; the folders among them are to be expanded in turn.
async fn mark_deleted(tx: &mut Tx, all: &str, folders: &str, purge_delay: i64) -> Result<()> {
    deletion::mark(tx, all, false).await?;
    trash::remove_of_nodes(tx, all).await?;
    purge::queue_versions(tx, all, tx.now + purge_delay, 0).await?;
    deletion::queue_expansion(tx, folders).await?;
    Ok(())
}
