//! The promises as invariants, looked at from outside: what a caller sees, what stands in the database and on disk.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use unfile::{
    engine::{Content, error::Error},
    model::*,
};
use uuid::Uuid;

use super::{
    belief::{Belief, Node, Place, State},
    world::World,
};
use crate::support::promises::{self, Evidence};

/// Promises 1 to 3, 5 and 6, at any moment, as far as lists tell.
pub(super) async fn lists(world: &World) {
    for account in 0..world.callers.len() {
        compare_lists(world, &world.belief, account).await.unwrap();
    }
    let mut evidence = Evidence::of(&world.installation).await;
    evidence.assert_kept().await;
    ids_are_kept(world, &mut evidence).await;
    evidence.close().await;
}

/// The same, of every node there ever was, by everybody.
pub(super) async fn everything(world: &World) {
    compare(world, &world.belief).await.unwrap();
}

/// With everything working and the jobs done: promises 3 and 4.
pub(super) async fn nothing_left_behind(world: &World) {
    promises::assert_nothing_left_behind(&world.installation).await;
}

pub(super) fn every_file() -> FileQuery {
    FileQuery { whose: Whose::Own, order: FileOrder::Id, descending: false, find: None, offset: 0, limit: 10_000 }
}

/// The entries of an account's trash by node and version, with their own uids.
pub(super) async fn trash_of(world: &World, account: usize) -> BTreeMap<(Uuid, Option<u32>), Uuid> {
    let query = TrashQuery { scope: TrashScope::Own, versions: true, counted: true, offset: 0, limit: 10_000 };
    let page = world.engine.trash(&world.callers[account], query).await.unwrap();
    page.items.into_iter().map(|entry| ((entry.item.ids().uid, entry.version), entry.uid)).collect()
}

/// What everybody sees, against a belief; the error says in words where they part.
pub(super) async fn compare(world: &World, belief: &Belief) -> Result<(), String> {
    for account in 0..world.callers.len() {
        compare_lists(world, belief, account).await?;
    }
    for (uid, node) in &belief.nodes {
        for account in 0..world.callers.len() {
            compare_item(world, belief, *uid, node, account).await.map_err(|error| {
                format!(
                    "{error}, of node {uid} ({}) for account {account}",
                    if node.is_folder { "folder" } else { "file" }
                )
            })?;
        }
        if !node.is_folder {
            compare_bytes(world, belief, *uid, node).await.map_err(|error| format!("{error}, of file {uid}"))?;
        }
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, believed: T) -> Result<(), String> {
    match seen == believed {
        true => Ok(()),
        false => Err(format!("{what}: seen {seen:?}, believed {believed:?}")),
    }
}

async fn compare_lists(world: &World, belief: &Belief, account: usize) -> Result<(), String> {
    let caller = &world.callers[account];
    let page = world.engine.files(caller, every_file()).await.unwrap();
    same("the total of the list", page.total, page.items.len() as u64)?;
    let listed: BTreeSet<Uuid> = page.items.iter().map(|file| file.uid).collect();
    let own = belief.nodes.iter().filter(|(_, node)| !node.is_folder && node.owner == account);
    let visible: BTreeSet<Uuid> = own.map(|(uid, _)| *uid).filter(|uid| belief.is_visible(*uid)).collect();
    same(&format!("the list of account {account}"), listed, visible)?;
    for file in page.items {
        let node = belief.node(file.uid);
        let (number, bytes) = node.current().unwrap();
        same("version and size", (file.version, file.size), (number, bytes.len() as u64))?;
        same("the folder", Some(file.parent.uid), node.parent)?;
        let by = file.lock.map(|lock| world.account_of(lock.by.id));
        same(
            "lock, edit and hold",
            (by, file.edited, file.held),
            (node.locked_by, node.is_edited(world.clock.micros()), node.held),
        )?;
    }
    let binned: BTreeSet<_> = trash_of(world, account).await.into_keys().collect();
    same(&format!("the trash of account {account}"), binned, belief.trash(account))
}

async fn compare_item(world: &World, belief: &Belief, uid: Uuid, node: &Node, account: usize) -> Result<(), String> {
    let rights = belief.rights(account, uid);
    let seen = world.engine.item(&world.callers[account], world.node_ref(uid), Rights::READ).await;
    match seen {
        Ok(item) => {
            let (owner, parent, seen) = match item {
                Item::File(file) => (file.owner, Some(file.parent), file.rights),
                Item::Folder(folder) => (folder.owner, folder.parent, folder.rights),
            };
            same("whether it is there", true, belief.is_visible(uid))?;
            same("owner", world.account_of(owner.id), node.owner)?;
            same("place", parent.map(|parent| parent.uid), node.parent)?;
            same("rights", seen, rights)
        }
        Err(Error::NotFound) => same("whether it is there", false, belief.is_visible(uid)),
        Err(Error::Forbidden) => {
            same("whether it is there", true, belief.is_visible(uid))?;
            same("whether it may be seen", false, rights.has(Rights::READ))
        }
        Err(error) => Err(format!("{error:#}")),
    }
}

async fn compare_bytes(world: &World, belief: &Belief, uid: Uuid, node: &Node) -> Result<(), String> {
    let (engine, owner) = (&world.engine, &world.callers[node.owner]);
    let file = NodeRef::FileUid(uid);
    let place = belief.place(uid);
    let presence = match place {
        Place::Live => Presence::Live,
        Place::Trash(_) => Presence::InTrash,
        Place::Gone => Presence::Missing,
    };
    same("presence", engine.presence(uid, false).await.unwrap(), presence)?;
    for (account, caller) in world.callers.iter().enumerate() {
        // Owner's calls, and what a trash leaves to its entry's holder.
        let read = bytes_of(engine.read(caller, uid).await).await;
        let current = node.current().map(|(_, bytes)| bytes.to_vec());
        same("the bytes", read, current.clone().filter(|_| place == Place::Live && node.owner == account))?;
        let read = bytes_of(engine.read_for(caller, file, None, None, true).await).await;
        let may = match (place, node.state) {
            (Place::Live, _) => belief.rights(account, uid).has(Rights::DOWNLOAD),
            (_, State::Trashed(trashing)) => trashing.holder == account,
            _ => false,
        };
        same("the bytes by rights", read, current.filter(|_| may))?;
    }
    same("an old URL", engine.read_signed(uid).await.is_ok(), place == Place::Live)?;
    if place == Place::Live {
        let mut live: Vec<_> = node.live_versions().map(|(number, bytes)| (number, bytes.to_vec())).collect();
        live.reverse();
        let mut seen = Vec::new();
        for version in engine.versions(owner, file).await.unwrap() {
            let bytes = bytes_of(engine.read_for(owner, file, Some(version.version), None, false).await).await;
            seen.push((version.version, bytes.unwrap_or_default()));
        }
        same("the versions", seen, live)?;
    }
    Ok(())
}

async fn bytes_of(content: Result<Content, Error>) -> Option<Vec<u8>> {
    match content {
        Ok(content) => {
            let chunks: Vec<_> = content.stream.try_collect().await.unwrap();
            Some(chunks.concat())
        }
        Err(Error::NotFound | Error::Forbidden) => None,
        Err(error) => panic!("{error:#}"),
    }
}

/// Promise 5: every id ever seen stays on its node or in its deletion record.
async fn ids_are_kept(world: &World, evidence: &mut Evidence<'_>) {
    let rows = evidence.rows("select id, uid from node union all select node_id, uid from deletion").await;
    let kept: BTreeMap<i64, &str> =
        rows.iter().map(|row| (row[0].as_i64().unwrap(), row[1].as_str().unwrap())).collect();
    for (id, uid) in &world.ids {
        assert_eq!(kept.get(id), Some(&uid.to_string().as_str()), "the ids of a file are not kept");
    }
}
