//! Taking deletions back.

use super::{Place, relocate, whole};
use crate::{
    engine::{
        Engine, access,
        error::{Error, Result},
        name,
        show::{self, Hidden, Viewer},
        tree::DEEPEST,
    },
    model::{Caller, Clash, Item, NodeRef, Refused, RestoreRules, Restored, TrashRef},
    store::{
        self, Tx, folder, node,
        relocate::{self as rows, Mover},
        trash::{self, EntryRow},
    },
};

impl Engine {
    /// Takes deletions back: the nodes live again with their ids, versions, shares and links. For the holder of an
    /// entry, the owner of its tree, and with `any` an administrator. Each entry stands for itself, in one commit.
    ///
    /// # Errors
    /// Only faults.
    pub async fn restore(
        &self,
        caller: &Caller,
        entries: Vec<TrashRef>,
        rules: RestoreRules,
        any: bool,
    ) -> Result<Vec<Restored>> {
        let caller = caller.clone();
        self.committer
            .write("trash.restore", async move |tx: &mut Tx| {
                let mut restored = Vec::with_capacity(entries.len());
                for &entry in &entries {
                    let done = whole(tx, async |tx| restore(tx, &caller, entry, rules, any).await).await?;
                    restored.push(match done {
                        Ok(item) => Restored::Back(Box::new(item)),
                        Err(Error::NotFound) => Restored::NotFound,
                        Err(Error::NameTaken { .. }) => Restored::NameTaken,
                        Err(Error::Locked) => Restored::Refused(Refused::Locked),
                        Err(Error::TooDeep) => Restored::Refused(Refused::TooDeep),
                        Err(other) => return Err(other),
                    });
                }
                Ok(restored)
            })
            .await
    }
}

async fn restore(tx: &mut Tx, caller: &Caller, entry: TrashRef, rules: RestoreRules, any: bool) -> Result<Item> {
    let now = tx.now;
    let (entry, mover) = find(tx, entry).await?.ok_or(Error::NotFound)?;
    let may = entry.belongs_to(caller.account) || (any && caller.is_admin());
    if !may || caller.link.is_some() {
        return Err(Error::NotFound);
    }
    match entry.version {
        Some(version) => restore_version(tx, caller, &mover, version).await?,
        None => restore_node(tx, caller, &entry, &mover, rules).await?,
    }
    trash::remove(tx, [entry.id]).await?;
    let one = [(mover.id, mover.is_folder)];
    show::items(tx, &one, Viewer::Entitled, Hidden::LeftOut, now).await?.pop().ok_or(Error::NotFound)
}

/// The standing entry that a reference names, with its node.
async fn find(tx: &mut Tx, entry: TrashRef) -> Result<Option<(EntryRow, Mover)>> {
    let now = tx.now;
    let (found, is_folder) = match entry {
        TrashRef::Entry { uid, is_folder } => (trash::by_uids(tx, &[uid.to_string()]).await?.pop(), Some(is_folder)),
        TrashRef::Node(uid) => {
            let id = node::by_uid(tx, uid).await?.map(|found| found.id);
            (trash::of_nodes(tx, id).await?.pop(), None)
        }
    };
    let Some(found) = found else { return Ok(None) };
    let mover = rows::by_id(tx, found.node, 0, now).await?;
    let right_kind = |mover: &Mover| is_folder.is_none_or(|is_folder| is_folder == mover.is_folder);
    Ok(mover.filter(right_kind).map(|mover| (found, mover)))
}

async fn restore_node(
    tx: &mut Tx,
    caller: &Caller,
    entry: &EntryRow,
    mover: &Mover,
    rules: RestoreRules,
) -> Result<()> {
    let to = match old_place(tx, mover).await? {
        Some(place) => place,
        None => match rules {
            RestoreRules::HomeAndNumber => home(tx, mover).await?,
            RestoreRules::RebuildAndRefuse => rebuild(tx, caller, entry, mover).await?,
        },
    };
    let clash = match rules {
        RestoreRules::HomeAndNumber => Clash::NumberAnyCase,
        RestoreRules::RebuildAndRefuse => Clash::Refuse,
    };
    let name = name::settle(tx, to.id, &mover.name, mover.is_folder, clash, Some(mover.id)).await?;
    relocate(tx, &[(mover, &name)], &[], &to).await
}

/// The folder that a node was deleted from, if it is there and still of the same owner.
async fn old_place(tx: &mut Tx, mover: &Mover) -> Result<Option<Place>> {
    let Some(parent) = mover.parent else { return Ok(None) };
    let Some(found) = node::by_id(tx, parent).await? else { return Ok(None) };
    let way = folder::ways_up(tx, [parent]).await?.remove(&parent).unwrap_or_default();
    let stands = way.visible && found.owner == mover.owner;
    Ok(stands.then_some(Place { id: parent, owner: mover.owner, ids: way.ids }))
}

async fn home(tx: &mut Tx, mover: &Mover) -> Result<Place> {
    let root = folder::root(tx, mover.owner).await?;
    Ok(Place { id: root, owner: mover.owner, ids: vec![root] })
}

/// The folder that a node was deleted from by the names above it, made again where they are missing.
async fn rebuild(tx: &mut Tx, caller: &Caller, entry: &EntryRow, mover: &Mover) -> Result<Place> {
    let mut place = home(tx, mover).await?;
    for name in &entry.path {
        let below = match folder::named(tx, place.id, name).await? {
            Some(folder) => folder,
            None => {
                let depth = place.depth_inside();
                if depth > DEEPEST {
                    return Err(Error::TooDeep);
                }
                let creator = access::actor(caller, mover.owner);
                let made = folder::insert(tx, mover.owner, Some(place.id), depth, name, creator).await?;
                let added: Vec<(i64, i64, i64, i64)> = place.ids.iter().map(|&id| (id, 0, 1, 0)).collect();
                folder::change_totals(tx, &store::rows(&added)).await?;
                made
            }
        };
        place = place.below(below);
    }
    Ok(place)
}

/// Puts a single version back, if its file is there to take it.
async fn restore_version(tx: &mut Tx, caller: &Caller, file: &Mover, version: i64) -> Result<()> {
    let (found, way) = access::find(tx, caller, NodeRef::FileId(file.id)).await?.ok_or(Error::NotFound)?;
    if found.state != 1 || !way.visible {
        return Err(Error::NotFound);
    }
    if file.locked_by.is_some_and(|by| by != caller.account) {
        return Err(Error::Locked);
    }
    rows::restore_version(tx, file.id, version).await?;
    Ok(())
}
