//! Moving, copying and restoring: a node gets another place, in its own tree or in another account's.
//!
//! Whatever asks for it, nodes change their place by [`relocate`] alone: there the totals of the folders above, the
//! depth of the folders below, owner and quota go with them. What lies in a trash below a folder that goes to another
//! account is no part of it: it stays its owner's, and goes home if it is taken back. Copies are planned, written and shown like uploads
//! (`copying`).

mod bulk;
mod copying;
mod leaving;
mod merging;
mod moving;
mod restoring;

use std::collections::BTreeMap;

use super::{
    access,
    error::{Error, Result},
    purge::drop_emptied_folders,
    tree::DEEPEST,
    upload,
};
use crate::{
    model::{AccountId, Caller, NodeRef, Rights},
    store::{
        self, Conn, Tx, account, folder,
        relocate::{self as rows, Mover},
    },
};

use leaving::Source;

/// A live folder that something is put into.
#[derive(Debug, Clone)]
struct Place {
    id: i64,
    owner: AccountId,
    /// Ids from the folder itself up to the root.
    ids: Vec<i64>,
}

impl Place {
    /// A folder that the caller may write to.
    async fn open(conn: &mut Conn, caller: &Caller, node: NodeRef, now: i64) -> Result<Self> {
        let reached = access::open(conn, caller, node, Rights::WRITE, now).await?;
        match reached.is_folder {
            true => Ok(Self { id: reached.id, owner: reached.owner, ids: reached.way.ids }),
            false => Err(Error::NotFound),
        }
    }

    /// A live folder that lies in this one.
    fn below(&self, folder: i64) -> Self {
        let ids = std::iter::once(folder).chain(self.ids.iter().copied()).collect();
        Self { id: folder, owner: self.owner, ids }
    }

    /// Of a folder that lies in this one.
    fn depth_inside(&self) -> i64 {
        self.ids.len() as i64
    }
}

/// Changes of folders' totals: files, folders and bytes, by folder.
#[derive(Debug, Default)]
struct Totals(BTreeMap<i64, (i64, i64, i64)>);

impl Totals {
    fn add(&mut self, folders: &[i64], change: (i64, i64, i64)) {
        for &folder in folders {
            let sum = self.0.entry(folder).or_default();
            *sum = (sum.0 + change.0, sum.1 + change.1, sum.2 + change.2);
        }
    }

    fn take(&mut self, folders: &[i64], change: (i64, i64, i64)) {
        self.add(folders, (-change.0, -change.1, -change.2));
    }

    async fn write(self, tx: &mut Tx) -> Result<()> {
        let changed: Vec<(i64, i64, i64, i64)> =
            self.0.into_iter().map(|(id, (files, folders, bytes))| (id, files, folders, bytes)).collect();
        folder::change_totals(tx, &store::rows(&changed)).await?;
        Ok(())
    }
}

/// Puts nodes, all from one place, under these names into another, where they live from then on. `from`: the folders
/// whose totals they leave. Trash entries of the nodes themselves are the caller's.
///
/// # Errors
/// `TooDeep`, `QuotaExceeded`.
async fn relocate(tx: &mut Tx, movers: &[(&Mover, &str)], from: &[i64], to: &Place) -> Result<()> {
    let Some(owner) = movers.first().map(|(mover, _)| mover.owner) else { return Ok(()) };
    let moved = movers.iter().fold((0, 0, 0), |sum, (mover, _)| match mover.is_folder {
        true => (sum.0 + mover.files, sum.1 + mover.folders + 1, sum.2 + mover.bytes),
        false => (sum.0 + 1, sum.1, sum.2 + mover.bytes),
    });
    if owner != to.owner {
        let ids = movers.iter().map(|(mover, _)| mover.id);
        upload::reserve_quota(tx, to.owner, moved.2 as u64).await?;
        account::add_used(tx, owner, -moved.2).await?;
        rows::leave_behind(tx, ids.clone(), owner).await?;
        rows::give(tx, ids, to.owner).await?;
    }
    // What leads up to the root has been in sight.
    if owner != to.owner || from.last() != to.ids.last() {
        account::count_shown_again(tx, to.owner).await?;
    }
    let depth = to.depth_inside();
    let folders = movers.iter().map(|(mover, _)| mover).filter(|mover| mover.is_folder);
    let deepened: Vec<i64> = folders.clone().filter(|mover| mover.depth < depth).map(|mover| mover.id).collect();
    if !deepened.is_empty() && depth + rows::height(tx, deepened).await? > DEEPEST {
        return Err(Error::TooDeep);
    }
    let changes: Vec<(i64, i64)> =
        folders.map(|mover| (mover.id, depth - mover.depth)).filter(|(_, change)| *change != 0).collect();
    // A file is as deep as its folder.
    let placed = |(mover, name): &(&Mover, &'_ str)| {
        (mover.id, to.id, to.owner.0, name.to_string(), name.to_lowercase(), depth - i64::from(!mover.is_folder))
    };
    rows::put(tx, &movers.iter().map(placed).collect::<Vec<_>>()).await?;
    if !changes.is_empty() {
        rows::deepen(tx, &changes).await?;
    }
    // A deleted folder stays until what lay in it in a trash has left it.
    drop_emptied_folders(tx, movers.iter().filter_map(|(mover, _)| mover.parent).collect()).await?;
    let mut totals = Totals::default();
    totals.take(from, moved);
    totals.add(&to.ids, moved);
    totals.write(tx).await
}

/// As [`relocate`], of nodes from several places: those of each place at once.
async fn relocate_together(tx: &mut Tx, sources: Vec<(&Source, &str)>, to: &Place) -> Result<()> {
    let mut places = BTreeMap::<(i64, &[i64]), Vec<(&Mover, &str)>>::new();
    for (source, name) in sources {
        places.entry((source.mover.owner.0, &source.from)).or_default().push((&source.mover, name));
    }
    for ((_, from), movers) in places {
        relocate(tx, &movers, from, to).await?;
    }
    Ok(())
}

/// A folder would be put into itself or into something below it.
fn into_itself() -> Error {
    Error::Invalid("a folder cannot be put into itself")
}

/// Does a part of a transaction whole or not at all. The inner result is a refusal, which leaves nothing behind; the
/// outer one a fault, behind which the transaction is of no use.
async fn whole<T>(tx: &mut Tx, work: impl AsyncFnOnce(&mut Tx) -> Result<T>) -> Result<Result<T>> {
    tx.savepoint().await?;
    match work(tx).await {
        Ok(done) => {
            tx.release().await?;
            Ok(Ok(done))
        }
        Err(fault) if fault.is_fault() => Err(fault),
        Err(refusal) => {
            tx.rollback_to_savepoint().await?;
            Ok(Err(refusal))
        }
    }
}
