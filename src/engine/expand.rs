//! Expanding: what lies below a marked folder gets its own marks, a bounded number at a time.
//!
//! Nothing that anybody sees changes here: the mark has hidden the subtree and moved its bytes already. Each step marks
//! some children, queues the purge of the files among them and the expansion of the folders.

use super::{Engine, error::Result, purge::drop_emptied_folders};
use crate::store::{self, Tx, deletion, purge};

/// Children marked in one transaction at the most.
const STEP: i64 = 500;

impl Engine {
    /// Does one step; says whether there was anything to do.
    ///
    /// # Errors
    /// The database failed; the step is done later.
    pub(crate) async fn expand_step(&self) -> Result<bool> {
        let next = {
            let mut conn = self.store.read().await?;
            deletion::next_expansion(&mut conn).await?
        };
        let Some(folder) = next else { return Ok(false) };
        let delay = self.rules.purge_delay.as_micros() as i64;
        self.committer.write_freeing("expand", async move |tx: &mut Tx| expand(tx, folder, delay).await).await?;
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
    let all = store::id_rows(children.iter().map(|&(id, _)| id));
    deletion::mark(tx, &all, false).await?;
    purge::queue_versions(tx, &all, tx.now + purge_delay, 0).await?;
    let folders = store::id_rows(children.iter().filter(|&&(_, is_folder)| is_folder).map(|&(id, _)| id));
    deletion::queue_expansion(tx, &folders).await?;
    Ok(())
}
