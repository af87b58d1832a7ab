//! Who may do what: the one place where rights are decided, and the only ways to a node.
//!
//! A node is reached by saying what will be done with it. It is there if it and everything above it is live. The owner
//! of a tree may do everything in it; others have what shares on the node and above it give them together. Whoever
//! comes by a link is judged by that link alone, and only at the linked item and below.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::error::{Error, Result};
use crate::{
    model::{AccountId, Caller, NodeRef, Rights},
    store::{
        Conn,
        folder::{self, WayUp},
        link,
        node::{self, Found},
        share,
    },
};

/// A node that was reached, with the folders above it.
pub(super) struct Reached {
    pub(super) id: i64,
    pub(super) uid: Uuid,
    pub(super) is_folder: bool,
    /// `None`: an account's root.
    pub(super) parent: Option<i64>,
    pub(super) owner: AccountId,
    /// From the node itself, if it is a folder, or else from the folder it lies in, up to the root.
    pub(super) way: WayUp,
    pub(super) rights: Rights,
}

impl Reached {
    pub(super) fn new(found: Found, way: WayUp, rights: Rights) -> Self {
        let Found { id, uid, is_folder, parent, owner, .. } = found;
        Self { id, uid, is_folder, parent, owner, way, rights }
    }

    pub(super) fn node(&self) -> NodeRef {
        match self.is_folder {
            true => NodeRef::FolderId(self.id),
            false => NodeRef::FileId(self.id),
        }
    }
}

/// In whose name something is made or changed in an owner's tree: who comes by a public link without signing in acts in
/// the owner's.
pub(super) fn actor(caller: &Caller, owner: AccountId) -> AccountId {
    if caller.account == AccountId::NOBODY { owner } else { caller.account }
}

/// Reaches a live node to do what `wants` names.
///
/// # Errors
/// `NotFound`, `Forbidden`.
pub(super) async fn open(conn: &mut Conn, caller: &Caller, node: NodeRef, wants: Rights, now: i64) -> Result<Reached> {
    let (found, way) = find(conn, caller, node).await?.ok_or(Error::NotFound)?;
    if found.state != 1 || !way.visible {
        return Err(Error::NotFound);
    }
    let above = Above::of(&found, &way);
    let rights = Grants::read(conn, [caller], [&above], now).await?.rights(caller, &above);
    match rights.has(wants) {
        true => Ok(Reached::new(found, way, rights)),
        false => Err(Error::Forbidden),
    }
}

/// A node as it is named, in whatever state, with what lies above it.
pub(super) async fn find(conn: &mut Conn, caller: &Caller, node: NodeRef) -> Result<Option<(Found, WayUp)>> {
    let (found, is_folder) = match node {
        NodeRef::FileId(id) => (node::by_id(conn, id).await?, false),
        NodeRef::FolderId(id) => (node::by_id(conn, id).await?, true),
        NodeRef::FileUid(uid) => (node::by_uid(conn, uid).await?, false),
        NodeRef::FolderUid(uid) => (node::by_uid(conn, uid).await?, true),
        // A link has no home: what it opens is its own item.
        NodeRef::Home if caller.link.is_some() || caller.account == AccountId::NOBODY => (None, true),
        NodeRef::Home => (node::home(conn, caller.account).await?, true),
    };
    let Some(found) = found.filter(|found| found.is_folder == is_folder) else { return Ok(None) };
    let start = if found.is_folder { Some(found.id) } else { found.parent };
    let Some(start) = start else { return Ok(None) };
    let way = match found.parent {
        // Nothing lies above a root.
        None => Some(WayUp::of_root(start, found.state)),
        Some(_) => folder::ways_up(conn, [start]).await?.remove(&start),
    };
    Ok(way.map(|way| (found, way)))
}

/// Where a node stands, as far as rights on it go.
#[derive(Debug, Clone)]
pub(super) struct Above {
    pub(super) owner: AccountId,
    /// The node itself and every folder above it.
    pub(super) ids: Vec<i64>,
}

impl Above {
    pub(super) fn of(found: &Found, way: &WayUp) -> Self {
        Self::new(found.owner, found.id, way)
    }

    /// `way` may begin with the node itself.
    pub(super) fn new(owner: AccountId, id: i64, way: &WayUp) -> Self {
        let mut ids = vec![id];
        ids.extend(way.ids.iter().copied().filter(|&above| above != id));
        Self { owner, ids }
    }
}

/// The shares and links that bear on some callers and nodes, read at one moment.
#[derive(Debug, Default)]
pub(super) struct Grants {
    shares: HashMap<(AccountId, i64), Rights>,
    /// What links that have not ended give.
    links: HashMap<i64, Rights>,
}

impl Grants {
    pub(super) async fn read<'a>(
        conn: &mut Conn,
        callers: impl IntoIterator<Item = &'a Caller>,
        nodes: impl IntoIterator<Item = &'a Above>,
        now: i64,
    ) -> Result<Self> {
        let (mut accounts, mut passes) = (HashSet::new(), HashSet::new());
        for caller in callers {
            match caller.link {
                Some(pass) => drop(passes.insert(pass.link)),
                None => drop(accounts.insert(caller.account)),
            }
        }
        let mut foreign = HashSet::new();
        for above in nodes {
            if accounts.iter().any(|&account| account != above.owner) {
                foreign.extend(above.ids.iter().copied());
            }
        }
        let mut grants = Self::default();
        if !foreign.is_empty() {
            grants.shares = share::rights(conn, accounts.iter().map(|account| account.0), foreign).await?;
        }
        if !passes.is_empty() {
            grants.links = link::alive(conn, passes, now).await?;
        }
        Ok(grants)
    }

    /// What a caller may do with a node.
    pub(super) fn rights(&self, caller: &Caller, above: &Above) -> Rights {
        if let Some(pass) = caller.link {
            // As the link is now: it may have been narrowed since its bearer was let in.
            let given = self.links.get(&pass.link).filter(|_| above.ids.contains(&pass.node.0));
            return given.copied().unwrap_or(Rights::NONE);
        }
        if caller.account == above.owner {
            return Rights::ALL;
        }
        let shared = above.ids.iter().filter_map(|&id| self.shares.get(&(caller.account, id)));
        shared.fold(Rights::NONE, |all, &rights| all | rights)
    }
}
