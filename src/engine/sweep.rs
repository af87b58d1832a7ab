//! Sweeping an object store that clients write to by themselves: what lies there for no open upload, and parts of
//! objects that nobody writes any more (hexnode.md 3.1).
//!
//! A URL outlives its upload, and a slow sender outlives the URL, so the sweep comes again and again and asks nobody
//! what happened. It lists first and looks at the rows then: an upload is a row before its URL is out, and an object is
//! staged before its first part is sent, so what has no row by then has none any more.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::{Engine, error::Result};
use crate::{
    objects::Removal,
    store::{staged, upload},
};

/// Uploads that are looked at together.
const PAGE: usize = 1_000;
/// Removals at one time.
const AT_ONCE: usize = 4;
/// How long storage may take to remove one.
pub(super) const REMOVE_WITHIN: Duration = Duration::from_secs(20);

impl Engine {
    /// Looks through all of it once; says whether anything was removed, by this server.
    ///
    /// # Errors
    /// Database or storage failed; the rest is swept the next time.
    pub(crate) async fn sweep_step(&self) -> Result<bool> {
        if !self.objects.takes_uploads() || !self.has_lease("sweep").await? {
            return Ok(false);
        }
        // Each part is done, whatever becomes of the other.
        let uploads = self.sweep_uploads().await;
        let parts = self.sweep_parts().await;
        Ok(uploads? + parts? > 0)
    }

    async fn sweep_uploads(&self) -> Result<usize> {
        let (mut removed, mut after) = (0, None);
        loop {
            let found = self.objects.uploads(after, PAGE).await?;
            let Some(last) = found.last() else { return Ok(removed) };
            after = Some(*last);
            let open = {
                let mut conn = self.store.read().await?;
                upload::open_slots(&mut conn, &found, self.clock.micros()).await?
            };
            self.committer.all_durable().await;
            let removals: Vec<Removal> = stream::iter(found.into_iter().filter(|upload| !open.contains(upload)))
                .map(|upload| self.objects.remove_upload(upload, REMOVE_WITHIN))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            for removal in removals {
                match removal {
                    Removal::Gone => removed += 1,
                    Removal::Failed(error) => tracing::warn!(error, "what was put for an upload could not be removed"),
                }
            }
            if !self.has_lease("sweep").await? {
                return Ok(removed);
            }
        }
    }

    async fn sweep_parts(&self) -> Result<usize> {
        let found = self.objects.multiparts().await?;
        if found.is_empty() {
            return Ok(0);
        }
        let written = {
            let mut conn = self.store.read().await?;
            staged::unwritten_of(&mut conn, found.iter().map(|unfinished| &unfinished.key)).await?
        };
        self.committer.all_durable().await;
        let mut aborted = 0;
        for unfinished in found.iter().filter(|unfinished| !written.contains(&unfinished.key)) {
            self.objects.abort(unfinished).await?;
            aborted += 1;
        }
        Ok(aborted)
    }
}
