//! What a moved node does where its name is taken: a folder is merged into the one there, a file stays, becomes the
//! next version of the file there, or lies beside it (onlyoffice.md 4.7).

use super::{Place, Totals, leaving::Source, relocate};
use crate::{
    engine::{
        access,
        error::{Error, Result},
        purge::drop_emptied_folders,
        upload,
    },
    model::{Caller, Conflict},
    store::{
        self, Tx, account, deletion, folder, purge,
        relocate::{self as rows, Mover},
        trash,
    },
};

/// How moved nodes are put into a place.
pub(super) struct Merging<'a> {
    pub(super) caller: &'a Caller,
    pub(super) conflict: Conflict,
    /// Versions that are not wanted any more may be purged from this time after now on, microseconds.
    pub(super) purge_delay: i64,
}

impl Merging<'_> {
    /// Puts one node, whose name was compared with those there, into a place. `false`: it stays where it is, or some of
    /// what lies below it does.
    ///
    /// # Errors
    /// `TooDeep`, `QuotaExceeded`; `Locked`: a file that would get a new version is locked by another or open for
    /// editing.
    pub(super) async fn put(&self, tx: &mut Tx, source: &Source, to: &Place) -> Result<bool> {
        if source.lies_in(to) {
            return Ok(true);
        }
        let mover = &source.mover;
        match mover.taken_by {
            Some(taken_by) if mover.is_folder => {
                // The compiler must not be asked for the size of a future that contains itself.
                return Box::pin(self.merge(tx, mover, &source.from, &to.below(taken_by))).await;
            }
            Some(_) if self.conflict == Conflict::Skip => return Ok(false),
            Some(taken_by) if self.conflict == Conflict::Overwrite => {
                self.overwrite(tx, mover, &source.from, taken_by, to).await?;
            }
            Some(_) | None => relocate(tx, &[(mover, &mover.name)], &source.from, to).await?,
        }
        trash::remove_of_whole(tx, [mover.id]).await?;
        Ok(true)
    }

    /// Moves what lies in a folder into another. The folder itself goes once nothing is left in it.
    async fn merge(&self, tx: &mut Tx, merged: &Mover, above: &[i64], into: &Place) -> Result<bool> {
        let now = tx.now;
        let from: Vec<i64> = std::iter::once(merged.id).chain(above.iter().copied()).collect();
        let children = rows::children(tx, merged.id, into.id, now).await?;
        let is_free =
            |mover: &Mover| mover.taken_by.is_none() || (!mover.is_folder && self.conflict == Conflict::Duplicate);
        let (free, others): (Vec<Mover>, Vec<Mover>) = children.into_iter().partition(is_free);
        let free: Vec<(&Mover, &str)> = free.iter().map(|mover| (mover, mover.name.as_str())).collect();
        relocate(tx, &free, &from, into).await?;
        let mut all = true;
        for mover in others {
            all &= self.put(tx, &Source { mover, from: from.clone() }, into).await?;
        }
        // A folder above it that is merged into may have put something into it meanwhile.
        let is_left = all && !folder::has_content(tx, merged.id).await?;
        if is_left {
            let left = store::id_rows([merged.id]);
            deletion::mark(tx, &left, false).await?;
            trash::remove_of_nodes(tx, &left).await?;
            deletion::queue_expansion(tx, &left).await?;
            let mut totals = Totals::default();
            totals.take(above, (0, 1, 0));
            totals.write(tx).await?;
        }
        Ok(is_left)
    }

    /// The file's content becomes the next version of the file there: the object stays, its version changes hands. The
    /// file itself goes, with its other versions.
    async fn overwrite(&self, tx: &mut Tx, file: &Mover, above: &[i64], taken_by: i64, to: &Place) -> Result<()> {
        let now = tx.now;
        let there = rows::by_id(tx, taken_by, to.id, now).await?.ok_or(Error::NotFound)?;
        if there.edited || there.locked_by.is_some_and(|by| by != self.caller.account) {
            return Err(Error::Locked);
        }
        if file.held {
            return Err(Error::Held);
        }
        let old = file.bytes - file.size;
        if file.owner != to.owner {
            upload::reserve_quota(tx, to.owner, file.size as u64).await?;
            account::add_used(tx, file.owner, -file.size).await?;
        }
        account::move_to_purging(tx, &store::rows(&[(file.owner.0, old)])).await?;
        rows::absorb(tx, file, &there, access::actor(self.caller, to.owner)).await?;
        let mut totals = Totals::default();
        totals.take(above, (1, 0, file.bytes));
        totals.add(&to.ids, (0, 0, file.size));
        totals.write(tx).await?;
        let gone = store::id_rows([file.id]);
        trash::remove_of_nodes(tx, &gone).await?;
        purge::queue_versions(tx, &gone, now + self.purge_delay, 0).await?;
        // Without other versions nothing is left to be purged.
        let purged = deletion::purged_files(tx, &gone).await?;
        if !purged.nodes.is_empty() {
            deletion::record(tx, &purged.nodes).await?;
            drop_emptied_folders(tx, purged.parents).await?;
        }
        Ok(())
    }
}
