//! Bytes of unknown length that become a file of a folder, or the next version of a file.
//!
//! Who may write, what a taken name means and whose quota it is are looked at twice: before the first byte, so that
//! nobody sends what will be refused, and in the commit, which alone decides. In between only the staged row speaks of
//! the object; whatever goes wrong, it is given up.

use super::{Engine, LARGEST_OBJECT, account_of, add_totals, check_quota, discard, reserve_quota};
use crate::{
    engine::{
        ByteStream, access,
        error::{Error, Result},
        expire::on_behalf_of,
        name, show, tree,
    },
    model::{
        Account, AccountId, Caller, DeleteRequest, FileInfo, Into, Item, NewContent, NodeId, NodeIds, NodeRef, Rights,
        Taken, Target,
    },
    objects::{ObjectKey, Stored},
    store::{
        Tx,
        folder::WayUp,
        node::{self, NewNode},
        staged,
        version::{self, NewVersion},
    },
};

impl Engine {
    /// Stores bytes as a new file of a folder or as the next version of a file; who may not write is refused before
    /// the first byte is read. Needs [`Rights::WRITE`]; the bytes count to the owner of the tree, and whoever has no
    /// name creates in the owner's. The file stands and is durable when this returns. The end of the stream is the end
    /// of the file: a sender that broke off must be an error in it.
    ///
    /// # Errors
    /// As [`Self::item`]; `Locked`: the file is locked by another; `TooLarge`: over 5 GiB; `QuotaExceeded`,
    /// `StorageFull`, `BodyBrokenOff`. Nothing is kept.
    pub async fn store_content(&self, caller: &Caller, new: NewContent, bytes: ByteStream) -> Result<FileInfo> {
        let NewContent { into, media_type } = new;
        let (engine, plan) = (self.clone(), Plan { caller: caller.clone(), into });
        Self::to_its_end(async move { engine.store(plan, media_type, bytes).await }).await
    }

    /// Takes back what a request has stored before it failed as a whole: new files go, new versions too. What somebody
    /// has come to lock or edit meanwhile stays.
    ///
    /// # Errors
    /// Only faults.
    pub async fn take_back(&self, stored: Vec<FileInfo>) -> Result<()> {
        for file in stored {
            // Who may only write may not delete; what they have just stored goes all the same.
            let owner = on_behalf_of(file.owner.id);
            let target = Target::Version { file: file.uid, number: file.version };
            self.delete(DeleteRequest::permanent(owner, "upload", vec![target])).await?;
        }
        Ok(())
    }

    async fn store(&self, plan: Plan, media_type: String, bytes: ByteStream) -> Result<FileInfo> {
        self.room()?;
        let key = self.keys.mint();
        let (planned, staged_key) = (plan.clone(), key.clone());
        let owner = self
            .committer
            .write("content.stage", async move |tx: &mut Tx| {
                let aim = planned.aim(tx).await?;
                staged::insert(tx, &staged_key, None, aim.owner, 0).await?;
                account_of(tx, aim.owner).await
            })
            .await?;
        self.store_staged(plan, &owner, key, media_type, bytes).await
    }

    /// Makes the content of an older version the newest one, as a further version with bytes of its own. Needs
    /// [`Rights::WRITE`].
    ///
    /// # Errors
    /// As [`Self::store_content`]; `NoVersion`.
    pub async fn promote_version(&self, caller: &Caller, file: NodeRef, number: u32) -> Result<FileInfo> {
        let (engine, plan) = (self.clone(), Plan { caller: caller.clone(), into: Into::File { file, name: None } });
        Self::to_its_end(async move { engine.promote(plan, file, number).await }).await
    }

    async fn promote(&self, plan: Plan, file: NodeRef, number: u32) -> Result<FileInfo> {
        self.room()?;
        let key = self.keys.mint();
        let (planned, staged_key) = (plan.clone(), key.clone());
        let (owner, source) = self
            .committer
            .write("promote.stage", async move |tx: &mut Tx| {
                let (aim, now) = (planned.aim(tx).await?, tx.now);
                let Becomes::Next { file, .. } = aim.becomes else { return Err(Error::NotFound) };
                let source = version::live_one(tx, file, number, now).await?.ok_or(Error::NoVersion)?;
                let owner = account_of(tx, aim.owner).await?;
                check_quota(&owner, source.size, 0)?;
                staged::insert(tx, &staged_key, None, owner.id, 0).await?;
                Ok((owner, source))
            })
            .await?;
        match self.objects.read(&ObjectKey::kept(source.object_key)).await {
            Ok(bytes) => self.store_staged(plan, &owner, key, source.media_type, bytes).await,
            Err(error) => {
                self.give_up(owner.id, &key).await;
                // Between the two looks the version may have been deleted and purged.
                self.file_version(&plan.caller, file, number).await?;
                Err(Error::Internal(error))
            }
        }
    }

    /// Writes the object that a staged row names and shows it, or gives it up.
    async fn store_staged(
        &self,
        plan: Plan,
        owner: &Account,
        key: ObjectKey,
        media_type: String,
        bytes: ByteStream,
    ) -> Result<FileInfo> {
        let limit = owner.remaining().min(LARGEST_OBJECT);
        let stored = self.write_object(owner.id, &key, bytes, limit).await.map_err(|error| match error {
            Error::TooLarge if limit < LARGEST_OBJECT => {
                // How many more would have come nobody knows.
                Error::QuotaExceeded { used: owner.used, quota: owner.quota, size: limit + 1 }
            }
            other => other,
        })?;
        let (given_to, put) = (owner.id, key.clone());
        let shown = self
            .committer
            .write("content.commit", async move |tx: &mut Tx| {
                if !staged::take(tx, &put).await? {
                    // It was given up under our hands.
                    discard(tx, given_to, &put, stored.size).await?;
                    return Ok(Err(Error::UploadEnded));
                }
                show(tx, &plan, &put, &stored, &media_type).await.map(Ok)
            })
            .await;
        self.kept(owner.id, &key, shown).await
    }
}

/// What an upload is to become, looked at anew in each of its transactions.
#[derive(Clone)]
struct Plan {
    caller: Caller,
    into: Into,
}

/// What a plan comes to at one moment.
struct Aim {
    owner: AccountId,
    /// The folder of the file and everything above it.
    way: WayUp,
    /// The caller's, on what was named.
    rights: Rights,
    becomes: Becomes,
}

enum Becomes {
    File { folder: NodeIds, name: String },
    Next { file: i64, name: String },
}

impl Plan {
    async fn aim(&self, tx: &mut Tx) -> Result<Aim> {
        let (node, now) = (self.into.node(), tx.now);
        let reached = access::open(tx, &self.caller, node, Rights::WRITE, now).await?;
        let (owner, way, rights) = (reached.owner, reached.way, reached.rights);
        let becomes = match (&self.into, reached.is_folder) {
            (Into::Folder { name, taken, .. }, true) => {
                let (folder, name) = (NodeIds { id: NodeId(reached.id), uid: reached.uid }, name.as_str());
                let there = match taken {
                    Taken::Version => version::file_named(tx, folder.id.0, name).await?,
                    Taken::VersionAnyCase => version::file_named_any_case(tx, folder.id.0, name).await?,
                    Taken::Number | Taken::Keep => None,
                };
                match (there, taken) {
                    (Some(file), _) => self.next(tx, file, None).await?,
                    (None, Taken::Number) => {
                        Becomes::File { folder, name: name::free_any_case(tx, folder.id.0, name, false, None).await? }
                    }
                    (None, Taken::Version | Taken::VersionAnyCase | Taken::Keep) => {
                        Becomes::File { folder, name: name.to_owned() }
                    }
                }
            }
            (Into::File { name, .. }, false) => {
                self.next(tx, reached.id, name.as_ref().map(|name| name.as_str())).await?
            }
            (Into::Folder { .. }, false) | (Into::File { .. }, true) => return Err(Error::NotFound),
        };
        Ok(Aim { owner, way, rights, becomes })
    }

    /// The next version of a live file, under another name if one is given.
    async fn next(&self, tx: &mut Tx, file: i64, name: Option<&str>) -> Result<Becomes> {
        let now = tx.now;
        let row = node::files(tx, &[file], now).await?.pop().ok_or(Error::NotFound)?;
        if row.locked_by.is_some_and(|by| by != self.caller.account) {
            return Err(Error::Locked);
        }
        let name = match name {
            Some(name) if name != row.name => name::free_any_case(tx, row.parent, name, false, Some(file)).await?,
            _ => row.name,
        };
        Ok(Becomes::Next { file, name })
    }
}

impl Into {
    fn node(&self) -> NodeRef {
        match self {
            Into::Folder { folder, .. } => *folder,
            Into::File { file, .. } => *file,
        }
    }
}

/// Makes a stored object what its upload was to become, if that may still be.
async fn show(tx: &mut Tx, plan: &Plan, key: &ObjectKey, stored: &Stored, media_type: &str) -> Result<FileInfo> {
    let Aim { owner, way, rights, becomes } = plan.aim(tx).await?;
    let person = reserve_quota(tx, owner, stored.size).await?;
    let (creator, now) = (access::actor(&plan.caller, owner), tx.now);
    let (size, sha256, object_key) = (stored.size, stored.sha256.as_str(), key.as_str());
    let store_version = stored.version.as_deref();
    match becomes {
        Becomes::File { folder, name } => {
            let new = NewNode {
                uid: uuid::Uuid::new_v4(),
                account: owner,
                parent: folder.id.0,
                // A file is as deep as its folder: the root is 0.
                depth: way.ids.len() as i64 - 1,
                name: &name,
                creator,
                group: None,
                private: true,
                expires_at: None,
                size,
                sha256,
                media_type,
                object_key,
                store_version,
            };
            let id = node::insert_file(tx, &new).await?;
            add_totals(tx, &way, 1, size).await?;
            let creator = if creator == owner { person.clone() } else { plan.caller.person() };
            let of = show::Fresh { owner: person, creator, parent: folder, path: &way.path, rights };
            Ok(show::fresh(id, &new, of, now))
        }
        Becomes::Next { file, name } => {
            let number = version::last_number(tx, file).await? + 1;
            let next = NewVersion { node: file, number, size, sha256, media_type, object_key, store_version, creator };
            version::append(tx, &next, &name).await?;
            add_totals(tx, &way, 0, size).await?;
            match tree::show_one(tx, &plan.caller, NodeRef::FileId(file), Rights::WRITE, now).await? {
                Item::File(file) => Ok(file),
                Item::Folder(_) => Err(Error::NotFound),
            }
        }
    }
}
