//! Moving one node, and moving an account's own files together.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    Place,
    leaving::{Obstacles, Source, Where, leave, leave_all},
    relocate, relocate_together,
};
use crate::{
    engine::{
        Engine,
        error::{Error, Result},
        name,
        tree::show_one,
    },
    model::{Caller, Clash, Item, NodeName, NodeRef, Rights},
    store::{Tx, folder, node, relocate as rows},
};

impl Engine {
    /// Moves one file or folder, live ones only. Needs [`Rights::DELETE`] at its source and [`Rights::WRITE`] at the
    /// destination. Ids, versions, dates, shares and links stay; into another account's tree, owner and quota move
    /// with it. Where it lies already nothing changes.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` (source or destination, also an account's root); `Locked`: it or something below it is
    /// locked by another or open for editing; `Invalid`: into itself; `TooDeep`; `QuotaExceeded`; `NameTaken`.
    pub async fn move_node(&self, caller: &Caller, node: NodeRef, destination: NodeRef, clash: Clash) -> Result<Item> {
        let caller = caller.clone();
        self.committer
            .write("node.move", async move |tx: &mut Tx| move_one(tx, &caller, node, destination, clash).await)
            .await
    }

    /// Moves several live files of the caller's own to a folder of the caller's own, named from the root down, under
    /// new names; all or none (vault.md 4.12). The inner error names the files that are the reason that nothing was
    /// moved: not there, locked by another or open for editing, named twice, or of a name that is taken.
    ///
    /// # Errors
    /// `NotFound`: no such folder.
    pub async fn move_own_files(
        &self,
        caller: &Caller,
        files: Vec<(Uuid, NodeName)>,
        path: Vec<NodeName>,
    ) -> Result<std::result::Result<(), Vec<Uuid>>> {
        let caller = caller.clone();
        self.committer.write("files.move", async move |tx: &mut Tx| move_files(tx, &caller, &files, &path).await).await
    }
}

async fn move_one(tx: &mut Tx, caller: &Caller, node: NodeRef, destination: NodeRef, clash: Clash) -> Result<Item> {
    let now = tx.now;
    let source = leave(tx, caller, node, Where::Live, 0, now).await?;
    let to = Place::open(tx, caller, destination, now).await?;
    Obstacles::read(tx, [&source.mover]).await?.check(caller, &source.mover, false)?;
    if source.holds(&to) {
        return Err(super::into_itself());
    }
    let mover = &source.mover;
    if !source.lies_in(&to) {
        let name = name::settle(tx, to.id, &mover.name, mover.is_folder, clash, Some(mover.id)).await?;
        relocate(tx, &[(mover, &name)], &source.from, &to).await?;
    }
    show_one(tx, caller, node, Rights::NONE, now).await
}

async fn move_files(
    tx: &mut Tx,
    caller: &Caller,
    files: &[(Uuid, NodeName)],
    path: &[NodeName],
) -> Result<std::result::Result<(), Vec<Uuid>>> {
    let now = tx.now;
    let mut to = Place::open(tx, caller, NodeRef::Home, now).await?;
    for name in path {
        to = to.below(folder::named(tx, to.id, name.as_str()).await?.ok_or(Error::NotFound)?);
    }
    let (mut bad, mut names, mut asked) = (HashSet::new(), HashMap::new(), Vec::with_capacity(files.len()));
    for (uid, name) in files {
        match names.insert(*uid, name) {
            Some(before) if before == name => {}
            Some(_) => drop(bad.insert(*uid)),
            None => asked.push((*uid, name)),
        }
    }
    let nodes: Vec<NodeRef> = asked.iter().map(|(uid, _)| NodeRef::FileUid(*uid)).collect();
    let found = leave_all(tx, caller, &nodes, Where::Live, to.id, now).await?;
    let nothing_below = Obstacles::none();
    let mut sources: Vec<(Uuid, Source, &NodeName)> = Vec::with_capacity(asked.len());
    for ((uid, name), source) in asked.into_iter().zip(found) {
        let own = source.and_then(|source| match source.mover.owner == caller.account {
            true => nothing_below.check(caller, &source.mover, false).map(|()| source),
            false => Err(Error::NotFound),
        });
        match own {
            Ok(source) => sources.push((uid, source, name)),
            Err(Error::NotFound | Error::Forbidden | Error::Locked) => drop(bad.insert(uid)),
            Err(error) => return Err(error),
        }
    }
    // The names of those that move are free: each gets another, or its own again.
    let leaving: HashSet<i64> = sources.iter().map(|(_, source, _)| source.mover.id).collect();
    let mut given = HashSet::new();
    for (uid, _, name) in &sources {
        let others = rows::of_name(tx, to.id, name.as_str()).await?;
        if others.iter().any(|other| !leaving.contains(other)) || !given.insert(*name) {
            bad.insert(*uid);
        }
    }
    let wrong: Vec<Uuid> = files.iter().map(|(uid, _)| *uid).filter(|uid| bad.remove(uid)).collect();
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    relocate_together(tx, sources.iter().map(|(_, source, name)| (source, name.as_str())).collect(), &to).await?;
    for (_, Source { mover, .. }, name) in sources.iter().filter(|(_, source, name)| source.mover.name != name.as_str())
    {
        node::rename(tx, mover.id, name.as_str(), caller.account).await?;
    }
    Ok(Ok(()))
}
