//! Expanding: what lies below a marked folder, or in an emptied trash, gets its own marks, a bounded number at a time.
//!
//! Nothing that anybody sees changes here: the mark has hidden it all and moved its bytes already. Each step marks some
//! nodes, queues the purge of the files among them and the expansion of the folders.

use super::{Engine, error::Result, purge::drop_emptied_folders};
use crate::{
    model::AccountId,
    store::{self, Tx, deletion, purge, trash},
};

/// Rows marked in one transaction at the most.
const STEP: i64 = 500;

impl Engine {
    /// Does one step; says whether there was anything to do, for this server.
    ///
    /// # Errors
    /// The database failed; the step is done later.
    pub(crate) async fn expand_step(&self) -> Result<bool> {
        let (emptied, folder) = {
            let mut conn = self.store.read().await?;
            (trash::next_emptying(&mut conn).await?, deletion::next_expansion(&mut conn).await?)
        };
        if emptied.is_none() && folder.is_none() || !self.has_lease("expand").await? {
            return Ok(false);
        }
        let delay = self.rules.purge_delay.as_micros() as i64;
        match (emptied, folder) {
            (Some(holder), _) => {
                self.committer
                    .write_freeing("expand.trash", async move |tx: &mut Tx| expand_trash(tx, holder, delay).await)
                    .await?;
            }
            (None, Some(folder)) => {
                self.committer
                    .write_freeing("expand", async move |tx: &mut Tx| expand(tx, folder, delay).await)
                    .await?;
            }
            (None, None) => return Ok(false),
        }
        self.wake_purge.notify_one();
        Ok(true)
    }
}

async fn expand(tx: &mut Tx, folder: i64, purge_delay: i64) -> Result<()> {
    let children = deletion::live_children(tx, folder, STEP).await?;
    if children.is_empty() {
        deletion::end_expansion(tx, folder).await?;
        return drop_emptied_folders(tx, vec![folder]).await;
    }
    mark_deleted(tx, &children, purge_delay).await
}

/// The entries of an emptied trash; the mark has moved their bytes already.
async fn expand_trash(tx: &mut Tx, holder: AccountId, purge_delay: i64) -> Result<()> {
    let emptied = trash::emptied(tx, holder, STEP).await?;
    if emptied.is_empty() {
        return Ok(trash::end_emptying(tx, holder).await?);
    }
    let nodes: Vec<(i64, bool)> = emptied.iter().map(|&(_, node, is_folder)| (node, is_folder)).collect();
    mark_deleted(tx, &nodes, purge_delay).await
}

/// Gives nodes, each a folder or not, marks of their own.
async fn mark_deleted(tx: &mut Tx, nodes: &[(i64, bool)], purge_delay: i64) -> Result<()> {
    let all = store::id_rows(nodes.iter().map(|&(id, _)| id));
    deletion::mark(tx, &all, false).await?;
    trash::remove_of_nodes(tx, &all).await?;
    purge::queue_versions(tx, &all, tx.now + purge_delay, 0).await?;
    let folders = store::id_rows(nodes.iter().filter(|&&(_, is_folder)| is_folder).map(|&(id, _)| id));
    deletion::queue_expansion(tx, &folders).await?;
    Ok(())
}
