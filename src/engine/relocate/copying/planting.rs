//! The nodes of one copy, made from what was written for it.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Copy, Place};
use crate::{
    engine::{
        access,
        error::{Error, Result},
        name,
        relocate::Totals,
        tree::DEEPEST,
        upload,
    },
    model::{AccountId, Caller, Clash, Conflict},
    objects::ObjectKey,
    store::{
        Tx, folder,
        node::{self, NewNode},
        relocate::{self as rows, Original},
        version::{self, NewVersion},
    },
};

/// What a taken name means to the node that is copied.
#[derive(Debug, Clone, Copy)]
pub(super) enum Taken {
    Clash(Clash),
    Conflict(Conflict),
    /// It gets a number whether its name is taken or not.
    Number,
}

/// One copy being made. Totals and quota change when it is finished.
pub(super) struct Planting<'a> {
    caller: &'a Caller,
    creator: AccountId,
    copy: &'a Copy,
    to: &'a Place,
    keys: HashMap<i64, &'a ObjectKey>,
    children: HashMap<i64, Vec<&'a Original>>,
    totals: Totals,
    bytes: u64,
    /// Files whose objects became versions.
    used: HashSet<i64>,
}

impl<'a> Planting<'a> {
    pub(super) fn new(caller: &'a Caller, copy: &'a Copy, to: &'a Place) -> Self {
        let mut children: HashMap<i64, Vec<&Original>> = HashMap::new();
        for original in copy.originals.iter().skip(1) {
            children.entry(original.parent).or_default().push(original);
        }
        Self {
            caller,
            creator: access::actor(caller, to.owner),
            copy,
            to,
            keys: copy.objects().map(|(original, key)| (original.id, key)).collect(),
            children,
            totals: Totals::default(),
            bytes: 0,
            used: HashSet::new(),
        }
    }

    /// Makes the copy; gives the id of what it became, or `None` if it was left out.
    ///
    /// # Errors
    /// `NameTaken`; `Locked`: a file that would get a new version is locked by another or open for editing.
    pub(super) async fn put(&mut self, tx: &mut Tx, taken: Taken) -> Result<Option<i64>> {
        let (top, to) = (self.copy.top()?, self.to.clone());
        let name = match taken {
            Taken::Conflict(conflict) => return self.merge(tx, top, &to, conflict).await,
            Taken::Clash(clash) => name::settle(tx, to.id, &top.name, top.is_folder, clash, None).await?,
            Taken::Number => name::numbered_any_case(tx, to.id, &top.name, top.is_folder, None).await?,
        };
        self.make(tx, top, &name, &to).await.map(Some)
    }

    /// Takes the bytes into the quota and the nodes into the totals; gives the files whose objects became versions.
    ///
    /// # Errors
    /// `QuotaExceeded`.
    pub(super) async fn finish(self, tx: &mut Tx) -> Result<HashSet<i64>> {
        upload::reserve_quota(tx, self.to.owner, self.bytes).await?;
        self.totals.write(tx).await?;
        Ok(self.used)
    }

    /// As a move does it (see [`crate::engine::relocate::merging`]).
    async fn merge(&mut self, tx: &mut Tx, original: &Original, to: &Place, conflict: Conflict) -> Result<Option<i64>> {
        let there = rows::taken_by(tx, to.id, &original.name, original.is_folder).await?;
        match there {
            Some(there) if original.is_folder => {
                let below = to.below(there);
                for child in self.children.remove(&original.id).unwrap_or_default() {
                    Box::pin(self.merge(tx, child, &below, conflict)).await?;
                }
                Ok(Some(there))
            }
            Some(_) if conflict == Conflict::Skip => Ok(None),
            Some(there) if conflict == Conflict::Overwrite => {
                self.append(tx, original, there, to).await?;
                Ok(Some(there))
            }
            Some(_) | None => self.make(tx, original, &original.name, to).await.map(Some),
        }
    }

    /// A new node, with all that lies below it.
    ///
    /// # Errors
    /// `TooDeep`.
    async fn make(&mut self, tx: &mut Tx, original: &Original, name: &str, to: &Place) -> Result<i64> {
        if !original.is_folder {
            return self.make_file(tx, original, name, to).await;
        }
        // The place may have moved down since it was looked at.
        if to.depth_inside() > DEEPEST {
            return Err(Error::TooDeep);
        }
        let id = folder::insert(tx, to.owner, Some(to.id), to.depth_inside(), name, self.creator).await?;
        if !original.description.is_empty() {
            folder::describe(tx, id, &original.description).await?;
        }
        self.totals.add(&to.ids, (0, 1, 0));
        let inside = to.below(id);
        for child in self.children.remove(&original.id).unwrap_or_default() {
            Box::pin(self.make(tx, child, &child.name, &inside)).await?;
        }
        Ok(id)
    }

    async fn make_file(&mut self, tx: &mut Tx, original: &Original, name: &str, to: &Place) -> Result<i64> {
        let key = self.take(original)?;
        let new = NewNode {
            uid: Uuid::new_v4(),
            account: to.owner,
            parent: to.id,
            // A file is as deep as its folder.
            depth: to.depth_inside() - 1,
            name,
            creator: self.creator,
            group: None,
            private: original.private,
            expires_at: None,
            size: original.size,
            sha256: &original.sha256,
            media_type: &original.media_type,
            object_key: key.as_str(),
            store_version: self.copy.store_version(original),
        };
        let id = node::insert_file(tx, &new).await?;
        self.totals.add(&to.ids, (1, 0, original.size as i64));
        Ok(id.0)
    }

    /// The next version of the file there.
    async fn append(&mut self, tx: &mut Tx, original: &Original, there: i64, to: &Place) -> Result<()> {
        let now = tx.now;
        let file = rows::by_id(tx, there, to.id, now).await?.ok_or(Error::NotFound)?;
        if file.edited || file.locked_by.is_some_and(|by| by != self.caller.account) {
            return Err(Error::Locked);
        }
        let key = self.take(original)?;
        let next = NewVersion {
            node: there,
            number: file.last_version + 1,
            size: original.size,
            sha256: &original.sha256,
            media_type: &original.media_type,
            object_key: key.as_str(),
            store_version: self.copy.store_version(original),
            creator: self.creator,
        };
        version::append(tx, &next, &file.name).await?;
        self.totals.add(&to.ids, (0, 0, original.size as i64));
        Ok(())
    }

    /// The object that was written for a file.
    fn take(&mut self, original: &Original) -> Result<&'a ObjectKey> {
        let key = self.keys.get(&original.id).copied();
        self.bytes += original.size;
        self.used.insert(original.id);
        key.ok_or_else(|| anyhow::anyhow!("no object was written for file {}", original.id).into())
    }
}
