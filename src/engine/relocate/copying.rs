//! Copying: planned in one transaction, written object by object, shown in another.
//!
//! Each object is named by a staged row before its first byte is written, and the last commit makes all of them
//! versions or none; whatever goes wrong in between leaves only rows that the sweep of uploads knows. That commit looks
//! at everything anew: what was deleted while it was being copied is not brought back by its copy.

mod planting;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{StreamExt, stream};

use super::{Place, bulk, into_itself, whole};
use crate::{
    engine::{
        Engine, access,
        error::{Error, Result},
        name,
        operation::{self, NewOperation},
        tree::{DEEPEST, show_one},
        upload,
    },
    model::{AccountId, Caller, Clash, Failure, FailureReason, Item, MoveRequest, NodeRef, Operation, Refused, Rights},
    objects::{ObjectKey, Stored},
    store::{
        Tx, purge,
        relocate::{self as rows, Original},
        staged,
    },
};
use planting::{Planting, Taken};

/// Nodes that one call may copy.
const MOST: usize = 10_000;
/// Objects that one call writes at the same time.
const AT_ONCE: usize = 8;

impl Engine {
    /// Copies the current version of a file, or of all files below a folder, under new ids. Needs
    /// [`Rights::DOWNLOAD`] at the source and [`Rights::WRITE`] at the destination. The copy appears whole or not at
    /// all.
    ///
    /// # Errors
    /// As [`Self::move_node`], but that locks and edit sessions stop no copy; `Invalid` also for more than 10,000
    /// nodes; `StorageFull`.
    pub async fn copy_node(&self, caller: &Caller, node: NodeRef, destination: NodeRef, clash: Clash) -> Result<Item> {
        let wanted = Wanted::One(clash);
        let copying = Copying { caller: caller.clone(), nodes: vec![node], destination: Some(destination), wanted };
        match self.copy(copying).await? {
            Shown::Item(item) => Ok(*item),
            Shown::Operation(_) => Err(Error::NotFound),
        }
    }

    /// Copies live entries as one operation, whole when this returns: to the destination, or without one each beside
    /// itself under a numbered name. It is checked as a whole first: folders, then files, then the destination.
    ///
    /// # Errors
    /// What stops the whole: `Stopped`; `QuotaExceeded`, `TooDeep`, `StorageFull`; `Invalid`: more than 10,000 nodes.
    pub async fn copy_as_operation(&self, caller: &Caller, request: MoveRequest) -> Result<Operation> {
        let (nodes, destination) = (bulk::distinct(&request.nodes), request.destination);
        let copying = Copying { caller: caller.clone(), nodes, destination, wanted: Wanted::Operation(request) };
        match self.copy(copying).await? {
            Shown::Operation(operation) => Ok(operation),
            Shown::Item(_) => Err(Error::NotFound),
        }
    }

    async fn copy(&self, copying: Copying) -> Result<Shown> {
        let engine = self.clone();
        Self::to_its_end(async move { engine.copy_now(copying).await }).await
    }

    async fn copy_now(&self, copying: Copying) -> Result<Shown> {
        self.room()?;
        let (engine, planned) = (self.clone(), copying.clone());
        let mut copies = self
            .committer
            .write("copy.stage", async move |tx: &mut Tx| {
                let mut copies = planned.plan(tx).await?;
                planned.check(tx, &copies).await?;
                for copy in &mut copies {
                    copy.stage(tx, &engine).await?;
                }
                Ok(copies)
            })
            .await?;
        let written = self.write_copies(&mut copies).await;
        let shown = match written {
            Err(error) => Err(error),
            Ok(()) => {
                let copies = copies.clone();
                self.committer.write("copy.commit", async move |tx: &mut Tx| copying.show(tx, &copies).await).await
            }
        };
        if shown.is_err() {
            self.give_up_copies(copies).await;
        }
        self.wake_purge.notify_one();
        shown
    }

    /// Writes the objects of copies. After a failure no further one is begun, but none is left half-way.
    async fn write_copies(&self, copies: &mut [Copy]) -> Result<()> {
        let mut objects = Vec::new();
        for (at, copy) in copies.iter().enumerate() {
            objects.extend(copy.objects().map(|(original, key)| (at, copy.to.owner, original.clone(), key.clone())));
        }
        let failed = Arc::new(AtomicBool::new(false));
        let written: Vec<Result<Option<(usize, i64, Stored)>>> = stream::iter(objects)
            .map(|(at, owner, original, key)| {
                let (engine, failed) = (self.clone(), Arc::clone(&failed));
                async move {
                    if failed.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    let written = engine.write_copy(owner, &original, &key).await;
                    failed.fetch_or(written.is_err(), Ordering::Relaxed);
                    Ok(Some((at, original.id, written?)))
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for written in written {
            if let Some((at, original, stored)) = written? {
                copies[at].versions.extend(stored.version.map(|version| (original, version)));
            }
        }
        Ok(())
    }

    async fn write_copy(&self, owner: AccountId, original: &Original, key: &ObjectKey) -> Result<Stored> {
        let bytes = match self.objects.read(&ObjectKey::kept(original.object_key.clone())).await {
            Ok(bytes) => bytes,
            // The file may have been deleted and purged since it was planned.
            Err(error) => {
                let mut conn = self.store.read().await?;
                return Err(match rows::shows(&mut conn, original.id, original.version).await? {
                    true => Error::Internal(error),
                    false => Error::NotFound,
                });
            }
        };
        let stored = self.write_object(owner, key, bytes, original.size).await?;
        if stored.size != original.size || stored.sha256 != original.sha256 {
            return Err(anyhow::anyhow!("the bytes of {} are not what was stored", original.object_key).into());
        }
        Ok(stored)
    }

    /// Queues the objects of copies that will not be shown, together with forgetting their staged rows.
    async fn give_up_copies(&self, copies: Vec<Copy>) {
        let lands_for = self.lands_for();
        let given_up = self
            .committer
            .write_freeing("copy.give_up", async move |tx: &mut Tx| {
                for copy in &copies {
                    for (_, key) in copy.objects() {
                        upload::give_up(tx, copy.to.owner, key, lands_for).await?;
                    }
                }
                Ok(())
            })
            .await;
        if let Err(error) = given_up {
            // The rows stay, and with them the sweep's knowledge of the objects.
            tracing::warn!(error = format!("{error:#}"), "the objects of a copy could not be given up");
        }
    }
}

/// A call that copies; looked at anew in each of its transactions.
#[derive(Clone)]
struct Copying {
    caller: Caller,
    nodes: Vec<NodeRef>,
    /// `None`: each beside itself.
    destination: Option<NodeRef>,
    wanted: Wanted,
}

#[derive(Clone)]
enum Wanted {
    One(Clash),
    Operation(MoveRequest),
}

/// What became of it.
enum Shown {
    Item(Box<Item>),
    Operation(Operation),
}

/// One node on its way to its copy.
#[derive(Clone)]
struct Copy {
    node: NodeRef,
    to: Place,
    /// The node itself first, each other after the folder that it lies in.
    originals: Vec<Original>,
    /// For each of the originals that is a file.
    keys: Vec<Option<ObjectKey>>,
    /// By the originals' ids, where the store keeps versions: how it calls what was written.
    versions: HashMap<i64, String>,
}

impl Copy {
    /// The files' contents, with where they go.
    fn objects(&self) -> impl Iterator<Item = (&Original, &ObjectKey)> {
        self.originals.iter().zip(&self.keys).filter_map(|(original, key)| Some((original, key.as_ref()?)))
    }

    fn store_version(&self, original: &Original) -> Option<&str> {
        self.versions.get(&original.id).map(String::as_str)
    }

    fn top(&self) -> Result<&Original> {
        self.originals.first().ok_or(Error::NotFound)
    }

    async fn stage(&mut self, tx: &mut Tx, engine: &Engine) -> Result<()> {
        self.keys = self.originals.iter().map(|original| (!original.is_folder).then(|| engine.keys.mint())).collect();
        for (_, key) in self.objects() {
            staged::insert(tx, key, None, self.to.owner, 0).await?;
        }
        Ok(())
    }
}

impl Copying {
    /// What is to be copied where, as it is now.
    async fn plan(&self, tx: &mut Tx) -> Result<Vec<Copy>> {
        let now = tx.now;
        let mut sources = Vec::with_capacity(self.nodes.len());
        let mut left = MOST as i64;
        let (folders, files): (Vec<NodeRef>, Vec<NodeRef>) =
            self.nodes.iter().partition(|node| bulk::is_folder(**node));
        for node in folders.into_iter().chain(files) {
            let (parent, originals) = self.stopped_by(node, self.source(tx, node, left).await)?;
            left -= originals.len() as i64;
            if left < 0 {
                return Err(Error::Invalid("more than 10,000 files and folders"));
            }
            sources.push((node, parent, originals));
        }
        let mut copies = Vec::with_capacity(sources.len());
        for (node, parent, originals) in sources {
            let (destination, concerned) = match self.destination {
                Some(destination) => (destination, destination),
                None => (NodeRef::FolderId(parent), node),
            };
            let to = self.stopped_by(concerned, bulk::destination(tx, &self.caller, destination, now).await)?;
            if originals.first().is_some_and(|top| to.ids.contains(&top.id)) {
                return Err(match self.wanted {
                    Wanted::One(_) => into_itself(),
                    Wanted::Operation(_) => Error::Stopped { node, why: Refused::IntoItself },
                });
            }
            copies.push(Copy { node, to, originals, keys: Vec::new(), versions: HashMap::new() });
        }
        Ok(copies)
    }

    /// A node that the caller may read, with all that lies below it, and the folder that it lies in.
    async fn source(&self, tx: &mut Tx, node: NodeRef, left: i64) -> Result<(i64, Vec<Original>)> {
        let now = tx.now;
        let reached = match access::open(tx, &self.caller, node, Rights::DOWNLOAD, now).await {
            Err(Error::NotFound) if bulk::in_trash(tx, &self.caller, node).await? => return Err(Error::Forbidden),
            reached => reached?,
        };
        let parent = reached.parent.ok_or(Error::Forbidden)?;
        Ok((parent, rows::originals(tx, reached.id, left + 1).await?))
    }

    /// What is known to fail before the first byte is written.
    async fn check(&self, tx: &mut Tx, copies: &[Copy]) -> Result<()> {
        let mut sizes: BTreeMap<i64, u64> = BTreeMap::new();
        for copy in copies {
            let deepest =
                copy.originals.iter().filter(|original| original.is_folder).map(|original| original.step).max();
            if deepest.is_some_and(|step| copy.to.depth_inside() + step > DEEPEST) {
                return Err(Error::TooDeep);
            }
            *sizes.entry(copy.to.owner.0).or_default() +=
                copy.originals.iter().map(|original| original.size).sum::<u64>();
            if let Wanted::One(clash) = self.wanted {
                let top = copy.top()?;
                name::settle(tx, copy.to.id, &top.name, top.is_folder, clash, None).await?;
            }
        }
        for (owner, size) in sizes {
            let owner = upload::account_of(tx, AccountId(owner)).await?;
            upload::check_quota(&owner, size, 0)?;
        }
        Ok(())
    }

    /// Shows what was written, if all that it was written from may still be copied to where it goes.
    async fn show(&self, tx: &mut Tx, copies: &[Copy]) -> Result<Shown> {
        let now = self.plan(tx).await?;
        for key in copies.iter().flat_map(Copy::objects).map(|(_, key)| key) {
            if !staged::take(tx, key).await? {
                return Err(Error::UploadEnded);
            }
        }
        match &self.wanted {
            Wanted::One(clash) => self.show_one(tx, copies, &now, *clash).await,
            Wanted::Operation(request) => self.show_operation(tx, copies, &now, request).await,
        }
    }

    async fn show_one(&self, tx: &mut Tx, copies: &[Copy], now: &[Copy], clash: Clash) -> Result<Shown> {
        let (Some(copy), Some(there)) = (copies.first(), now.first()) else { return Err(Error::NotFound) };
        let (planted, _) = self.plant(tx, copy, there, Taken::Clash(clash)).await?;
        let id = planted.ok_or(Error::NotFound)?;
        let node = if copy.top()?.is_folder { NodeRef::FolderId(id) } else { NodeRef::FileId(id) };
        let now = tx.now;
        Ok(Shown::Item(Box::new(show_one(tx, &self.caller, node, Rights::NONE, now).await?)))
    }

    async fn show_operation(&self, tx: &mut Tx, copies: &[Copy], now: &[Copy], request: &MoveRequest) -> Result<Shown> {
        let by_request = |node: &NodeRef| copies.iter().position(|copy| copy.node == *node);
        let order: Vec<usize> = self.nodes.iter().filter_map(by_request).collect();
        let ids: Vec<i64> = order.iter().filter_map(|&at| Some(copies[at].originals.first()?.id)).collect();
        let entries = operation::items(tx, &self.caller, &ids).await?;
        let taken = match self.destination {
            Some(_) => Taken::Conflict(request.conflict),
            None => Taken::Number,
        };
        let (mut done, mut failures) = (0, Vec::new());
        for at in order {
            let (copy, there) = (&copies[at], &now[at]);
            let unused = match whole(tx, async |tx| self.plant(tx, copy, there, taken).await).await? {
                Ok((planted, unused)) => {
                    done += u64::from(planted.is_some());
                    unused
                }
                Err(error) => {
                    let why = bulk::refused(&error).ok_or(error)?;
                    failures.push(Failure { name: copy.top()?.name.clone(), reason: FailureReason::Refused(why) });
                    copy.objects().collect()
                }
            };
            let unused: Vec<(String, i64, i64)> = unused
                .into_iter()
                .map(|(original, key)| (key.as_str().to_owned(), copy.to.owner.0, original.size as i64))
                .collect();
            let at_once = tx.now;
            purge::queue_objects(tx, &unused, at_once).await?;
        }
        let new = NewOperation {
            account: self.caller.account,
            dialect: request.dialect,
            kind: request.kind,
            items: entries.len() as u64,
            entries,
            done,
            failures,
            finished: true,
            waiting: &[],
        };
        Ok(Shown::Operation(operation::insert(tx, new).await?))
    }

    /// Makes one copy: gives its id unless it was left out because its name is taken, or was merged into what is there
    /// (then that), and the objects that were not used.
    async fn plant<'a>(
        &self,
        tx: &mut Tx,
        copy: &'a Copy,
        there: &Copy,
        taken: Taken,
    ) -> Result<(Option<i64>, Vec<(&'a Original, &'a ObjectKey)>)> {
        let current: HashSet<(i64, i64)> =
            there.originals.iter().map(|original| (original.id, original.version)).collect();
        if copy.originals.iter().any(|original| !current.contains(&(original.id, original.version))) {
            return Err(Error::NotFound);
        }
        let mut planting = Planting::new(&self.caller, copy, &there.to);
        let planted = planting.put(tx, taken).await?;
        let used = planting.finish(tx).await?;
        let unused = copy.objects().filter(|(original, _)| !used.contains(&original.id)).collect();
        Ok((planted, unused))
    }

    /// For an operation, what is refused of one entry stops the whole.
    fn stopped_by<T>(&self, node: NodeRef, outcome: Result<T>) -> Result<T> {
        match self.wanted {
            Wanted::One(_) => outcome,
            Wanted::Operation(_) => bulk::stopped_by(node, outcome),
        }
    }
}
