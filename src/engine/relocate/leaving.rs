//! Reaching nodes to take them away from where they are, and what stands in the way of that.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Place;
use crate::{
    engine::{
        access::{Above, Grants},
        error::{Error, Result},
    },
    model::{AccountId, Caller, NodeRef, Rights},
    store::{
        Conn, Tx,
        deletion::{self, Obstacle},
        folder::{self, WayUp},
        relocate::{self as rows, Mover},
        trash,
    },
};

/// A node that is to leave its place.
pub(super) struct Source {
    pub(super) mover: Mover,
    /// The folders whose totals it leaves: those above it up to the first that is not live. None if it lies in a trash
    /// itself.
    pub(super) from: Vec<i64>,
}

impl Source {
    pub(super) fn lies_in(&self, place: &Place) -> bool {
        self.from.first() == Some(&place.id)
    }

    pub(super) fn holds(&self, place: &Place) -> bool {
        place.ids.contains(&self.mover.id)
    }
}

/// Where a node that is to be moved may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Live,
    /// Or in a trash, itself or below a folder that does, of an entry that the caller holds or owns.
    AlsoTrash,
}

/// Reaches a node to take it away from where it is: with [`Rights::DELETE`] on it. Its name is compared with those in
/// the folder `into`.
///
/// # Errors
/// `NotFound`; `Forbidden`, also an account's root.
pub(super) async fn leave(
    conn: &mut Conn,
    caller: &Caller,
    node: NodeRef,
    lies: Where,
    into: i64,
    now: i64,
) -> Result<Source> {
    leave_all(conn, caller, &[node], lies, into, now).await?.pop().unwrap_or(Err(Error::NotFound))
}

/// As [`leave`], of several nodes, each for itself.
pub(super) async fn leave_all(
    conn: &mut Conn,
    caller: &Caller,
    nodes: &[NodeRef],
    lies: Where,
    into: i64,
    now: i64,
) -> Result<Vec<Result<Source>>> {
    let home = match nodes.contains(&NodeRef::Home) && caller.link.is_none() {
        true => Some(folder::root(conn, caller.account).await?),
        false => None,
    };
    let (mut ids, mut uids) = (Vec::new(), Vec::new());
    for node in nodes {
        match node {
            NodeRef::FileId(id) | NodeRef::FolderId(id) => ids.push(*id),
            NodeRef::FileUid(uid) | NodeRef::FolderUid(uid) => uids.push(uid.to_string()),
            NodeRef::Home => ids.extend(home),
        }
    }
    let movers = rows::movers(conn, &ids, &uids, into, now).await?;
    let ways = folder::ways_up(conn, movers.iter().filter_map(Mover::way_starts).collect::<HashSet<_>>()).await?;
    let mut found = Found { caller, home, by_uid: HashMap::new(), by_id: HashMap::new(), own: HashSet::new() };
    let (mut tops, mut above) = (Vec::new(), Vec::new());
    for mover in movers {
        let way = mover.way_starts().and_then(|start| ways.get(&start)).cloned().unwrap_or_default();
        let reached = Reached { above: Above::new(mover.owner, mover.id, &way), mover, way };
        match reached.top() {
            None => above.push(reached.above.clone()),
            top => tops.extend(top),
        }
        found.by_uid.insert(reached.mover.uid, reached.mover.id);
        found.by_id.insert(reached.mover.id, reached);
    }
    let mut standing = HashSet::new();
    if lies == Where::AlsoTrash && caller.link.is_none() {
        for entry in trash::of_nodes(conn, tops.into_iter().collect::<HashSet<_>>()).await? {
            standing.insert(entry.node);
            if entry.belongs_to(caller.account) {
                found.own.insert(entry.node);
            }
        }
    }
    let grants = Grants::read(conn, [caller], &above, now).await?;
    Ok(nodes.iter().map(|node| found.source(*node, &grants, &standing)).collect())
}

impl Mover {
    /// The folder from which on the way up is walked: itself, or the one that a file lies in.
    fn way_starts(&self) -> Option<i64> {
        if self.is_folder { Some(self.id) } else { self.parent }
    }
}

struct Reached {
    mover: Mover,
    way: WayUp,
    above: Above,
}

impl Reached {
    /// The first node from this one upwards that is not live; `None`: all are.
    fn top(&self) -> Option<i64> {
        match self.mover.state {
            1 if self.way.visible => None,
            1 => self.way.ids.get(self.way.live).copied(),
            _ => Some(self.mover.id),
        }
    }
}

struct Found<'a> {
    caller: &'a Caller,
    home: Option<i64>,
    by_uid: HashMap<Uuid, i64>,
    by_id: HashMap<i64, Reached>,
    /// Nodes of trash entries that the caller holds or owns.
    own: HashSet<i64>,
}

impl Found<'_> {
    fn source(&self, node: NodeRef, grants: &Grants, standing: &HashSet<i64>) -> Result<Source> {
        let (id, is_folder) = match node {
            NodeRef::FileId(id) => (Some(id), false),
            NodeRef::FolderId(id) => (Some(id), true),
            NodeRef::FileUid(uid) => (self.by_uid.get(&uid).copied(), false),
            NodeRef::FolderUid(uid) => (self.by_uid.get(&uid).copied(), true),
            NodeRef::Home => (self.home, true),
        };
        let reached = id.and_then(|id| self.by_id.get(&id)).filter(|reached| reached.mover.is_folder == is_folder);
        let reached = reached.ok_or(Error::NotFound)?;
        let allowed = match reached.top() {
            None => grants.rights(self.caller, &reached.above).has(Rights::DELETE),
            Some(top) if standing.contains(&top) => self.own.contains(&top),
            Some(_) => return Err(Error::NotFound),
        };
        // An account's root stays where it is.
        if !allowed || reached.mover.parent.is_none() {
            return Err(Error::Forbidden);
        }
        let mut from = Vec::new();
        if reached.mover.state == 1 {
            from = reached.way.ids.iter().take(reached.way.live + 1).copied().collect();
            from.retain(|&above| above != reached.mover.id);
        }
        Ok(Source { mover: reached.mover.clone(), from })
    }
}

/// What may stop a move of some nodes. Few files are held, locked or edited: looking up from each of them beats looking
/// down from a large folder.
pub(super) struct Obstacles {
    files: Vec<Obstacle>,
    ways: HashMap<i64, WayUp>,
}

impl Obstacles {
    /// Of files alone: nothing lies below them.
    pub(super) fn none() -> Self {
        Self { files: Vec::new(), ways: HashMap::new() }
    }

    pub(super) async fn read<'a>(tx: &mut Tx, movers: impl IntoIterator<Item = &'a Mover>) -> Result<Self> {
        let folders = movers.into_iter().filter(|mover| mover.is_folder);
        let owners: HashSet<i64> = folders.map(|mover| mover.owner.0).collect();
        if owners.is_empty() {
            return Ok(Self::none());
        }
        let files = deletion::obstacles(tx, owners).await?;
        let ways = folder::ways_up(tx, files.iter().map(|file| file.folder).collect::<HashSet<_>>()).await?;
        Ok(Self { files, ways })
    }

    /// Whether a node, or something that goes with it, is locked by another or open for editing, or with `holds` under
    /// a hold.
    ///
    /// # Errors
    /// `Held`, `Locked`.
    pub(super) fn check(&self, caller: &Caller, mover: &Mover, holds: bool) -> Result<()> {
        let by_other = |by: Option<AccountId>| by.is_some_and(|by| by != caller.account);
        let (mut held, mut locked) = (mover.held, mover.edited || by_other(mover.locked_by));
        if mover.is_folder {
            for file in self.files.iter().filter(|file| self.goes_along(file, mover.id)) {
                held |= file.held;
                locked |= file.edited || by_other(file.locked_by);
            }
        }
        match (held && holds, locked) {
            (true, _) => Err(Error::Held),
            (false, true) => Err(Error::Locked),
            (false, false) => Ok(()),
        }
    }

    /// Whether all between a file and the folder is live.
    fn goes_along(&self, file: &Obstacle, folder: i64) -> bool {
        self.ways
            .get(&file.folder)
            .is_some_and(|way| way.ids.iter().position(|&above| above == folder).is_some_and(|at| at <= way.live))
    }
}
