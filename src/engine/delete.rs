//! Deleting: the mark that hides a node, moves its bytes out of the quota and queues its purge, in one commit.
//!
//! A batch of requests is marked by a handful of statements, however many targets it names: read what is named, decide
//! in memory in the order of arrival, write the effects as sets. Each request sees the marks of the ones before it,
//! because the decision keeps account of what the batch has marked so far.
//!
//! A folder is marked by its own row alone. Its totals tell at once how many bytes leave the quota; what lies below is
//! hidden by the walk up that every read makes, and carries its own marks later (see [`super::expand`]).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Engine, error::Result, operation};
use crate::{
    model::{AccountId, Atomicity, DeleteRequest, Deleted, Operation, Outcome, Reach, Target, Verdict},
    store::{
        self, Tx,
        deletion::{self, Candidate, Obstacle},
        folder::{self, WayUp},
        purge::{self, Entry},
    },
};

/// A delete on its way to the committer.
pub(super) struct Marking {
    pub(super) request: DeleteRequest,
    /// Purge entries may be taken from this time after the mark on, microseconds.
    pub(super) purge_delay: i64,
    /// The caller purges at once and answers only then: the entries are leased to it, and the deletion is remembered
    /// until it was answered.
    pub(super) wait: bool,
    /// An operation is kept of it, in the same commit.
    pub(super) as_operation: bool,
}

/// What a mark did.
pub(super) struct Marked {
    pub(super) outcomes: Vec<Outcome>,
    /// With `wait`, the purge entries leased to the caller.
    pub(super) leased: Vec<Entry>,
    pub(super) has_folders: bool,
    /// With `as_operation`, unless the call was stopped or named nothing.
    pub(super) operation: Option<Operation>,
}

impl Engine {
    /// Deletes what a request names, for good. All marks of one request are in one commit, which is durable before
    /// this returns; the bytes go in the background.
    ///
    /// # Errors
    /// `Busy`, `Internal`: nothing was marked. What stops a single target is in its outcome.
    pub async fn delete(&self, request: DeleteRequest) -> Result<Vec<Outcome>> {
        let purge_delay = self.rules.purge_delay.as_micros() as i64;
        let marked = self.committer.mark(Marking { request, purge_delay, wait: false, as_operation: false }).await?;
        self.wake_purge.notify_one();
        if marked.has_folders {
            self.wake_expand.notify_one();
        }
        Ok(marked.outcomes)
    }
}

/// Marks what a batch of requests names; gives what became of each request.
pub(super) async fn mark(tx: &mut Tx, markings: &[&Marking]) -> Result<Vec<Marked>> {
    let mut batch = Batch::read(tx, markings).await?;
    let mut entries = Vec::with_capacity(markings.len());
    for marking in markings {
        entries.push(match marking.as_operation {
            true => operation::entries(tx, &marking.request).await?,
            false => Vec::new(),
        });
    }
    let mut all = Vec::with_capacity(markings.len());
    for marking in markings {
        all.push(batch.decide(marking));
    }
    batch.write(tx).await?;
    let waited = markings.iter().zip(&all).filter(|(marking, _)| marking.wait).flat_map(|(_, (_, taken))| taken);
    let waited: Vec<i64> = waited.copied().collect();
    let mut leased = match waited.is_empty() {
        true => Vec::new(),
        false => purge::of_nodes(tx, &store::id_rows(waited)).await?,
    };
    let mut marked = Vec::with_capacity(markings.len());
    for ((marking, entries), (outcomes, taken)) in markings.iter().zip(entries).zip(all) {
        let own = leased.extract_if(.., |entry| taken.contains(&entry.node)).collect();
        let has_folders = taken.iter().any(|node| batch.folders.contains(node));
        let operation = match marking.as_operation {
            true => operation::keep(tx, &marking.request, &outcomes, entries).await?,
            false => None,
        };
        marked.push(Marked { outcomes, leased: own, has_folders, operation });
    }
    Ok(marked)
}

/// Files, folders and bytes that leave a folder's totals.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    files: i64,
    folders: i64,
    bytes: i64,
}

/// How the purge entries of a marked file are queued, and what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Purging {
    delay: i64,
    wait: bool,
}

/// What was read for a batch, and what it has decided so far.
struct Batch {
    by_id: HashMap<i64, Candidate>,
    by_uid: HashMap<uuid::Uuid, i64>,
    ways: HashMap<i64, WayUp>,
    obstacles: Vec<Obstacle>,
    /// Nodes marked so far.
    marked: HashSet<i64>,
    /// Those of them that are folders.
    folders: HashSet<i64>,
    files: BTreeMap<Purging, Vec<i64>>,
    /// What has left each folder's totals so far.
    left: HashMap<i64, Totals>,
    freed: BTreeMap<i64, i64>,
    audit: Vec<(i64, &'static str, i64, i64)>,
}

impl Batch {
    async fn read(tx: &mut Tx, markings: &[&Marking]) -> Result<Self> {
        let (mut ids, mut uids) = (Vec::new(), Vec::new());
        for target in markings.iter().flat_map(|marking| &marking.request.targets) {
            match target {
                Target::FileId(id) | Target::FolderId(id) => ids.push(*id),
                Target::FileUid(uid) | Target::FolderUid(uid) => uids.push(uid.to_string()),
                Target::Version { .. } | Target::PastVersion { .. } | Target::Entry { .. } => {}
            }
        }
        let candidates = deletion::candidates(tx, &ids, &uids).await?;
        let parents: HashSet<i64> = candidates.iter().filter_map(|candidate| candidate.parent).collect();
        let mut ways = folder::ways_up(tx, parents).await?;
        let owners: HashSet<i64> =
            candidates.iter().filter(|candidate| candidate.is_folder).map(|candidate| candidate.account.0).collect();
        let mut obstacles = Vec::new();
        if !owners.is_empty() {
            obstacles = deletion::obstacles(tx, owners).await?;
            let unknown: HashSet<i64> =
                obstacles.iter().map(|obstacle| obstacle.folder).filter(|folder| !ways.contains_key(folder)).collect();
            ways.extend(folder::ways_up(tx, unknown).await?);
        }
        Ok(Self {
            by_uid: candidates.iter().map(|candidate| (candidate.uid, candidate.id)).collect(),
            by_id: candidates.into_iter().map(|candidate| (candidate.id, candidate)).collect(),
            ways,
            obstacles,
            marked: HashSet::new(),
            folders: HashSet::new(),
            files: BTreeMap::new(),
            left: HashMap::new(),
            freed: BTreeMap::new(),
            audit: Vec::new(),
        })
    }

    /// Decides one request: the outcome of each distinct target, and the nodes that it marks.
    fn decide(&mut self, marking: &Marking) -> (Vec<Outcome>, Vec<i64>) {
        let request = &marking.request;
        let mut seen = HashSet::new();
        let targets: Vec<Target> = request.targets.iter().copied().filter(|target| seen.insert(*target)).collect();
        let stopped = request.atomicity == Atomicity::AllOrNothing
            && targets.iter().any(|target| self.judge(request, *target, &[]).is_err());
        let (mut outcomes, mut taken) = (Vec::with_capacity(targets.len()), Vec::new());
        for target in targets {
            let verdict = match self.judge(request, target, &taken) {
                Err(refused) => refused,
                Ok(_) if stopped => Verdict::Untouched,
                Ok(judged) => {
                    let deleted = Deleted {
                        uid: judged.candidate.uid,
                        name: judged.candidate.name.clone(),
                        size: judged.candidate.size as u64,
                        nodes: 1,
                        before: false,
                    };
                    if let (id, false) = (judged.candidate.id, judged.covered) {
                        self.take(id, Purging { delay: marking.purge_delay, wait: marking.wait });
                        taken.push(id);
                    }
                    Verdict::Deleted(deleted)
                }
            };
            outcomes.push(Outcome { target, verdict });
        }
        self.audit.push((request.caller.account.0, request.dialect, outcomes.len() as i64, taken.len() as i64));
        (outcomes, taken)
    }

    /// Whether a target can be deleted now; `taken` is what its own request has marked already.
    fn judge(
        &self,
        request: &DeleteRequest,
        target: Target,
        taken: &[i64],
    ) -> std::result::Result<Judged<'_>, Verdict> {
        let candidate = self.find(target).ok_or(Verdict::NotFound)?;
        let parent = candidate.parent.ok_or(Verdict::NotFound)?;
        let own = candidate.account == request.caller.account;
        let reached = own || (request.reach == Reach::OwnOrAdmin && request.caller.is_admin());
        let way = self.ways.get(&parent).ok_or(Verdict::NotFound)?;
        if !candidate.live || !reached || !way.visible {
            return Err(Verdict::NotFound);
        }
        let by_itself = self.marked.contains(&candidate.id).then_some(candidate.id);
        if let Some(marked) = by_itself.or_else(|| way.ids.iter().copied().find(|id| self.marked.contains(id))) {
            // Named together with a folder above it: it went with that.
            return match taken.contains(&marked) {
                true => Ok(Judged { candidate, covered: true }),
                false => Err(Verdict::NotFound),
            };
        }
        self.check(candidate, request.caller.account)?;
        Ok(Judged { candidate, covered: false })
    }

    fn find(&self, target: Target) -> Option<&Candidate> {
        let (id, is_folder) = match target {
            Target::FileId(id) => (id, false),
            Target::FolderId(id) => (id, true),
            Target::Version { .. } | Target::PastVersion { .. } | Target::Entry { .. } => return None,
            Target::FileUid(uid) => (*self.by_uid.get(&uid)?, false),
            Target::FolderUid(uid) => (*self.by_uid.get(&uid)?, true),
        };
        self.by_id.get(&id).filter(|candidate| candidate.is_folder == is_folder)
    }

    /// Holds first, then locks and edit sessions; of a folder, all that lies below it.
    fn check(&self, candidate: &Candidate, caller: AccountId) -> std::result::Result<(), Verdict> {
        let locked_by_other = |by: Option<AccountId>| by.is_some_and(|by| by != caller);
        let (mut held, mut locked) = (candidate.held, candidate.edited || locked_by_other(candidate.locked_by));
        if candidate.is_folder {
            for obstacle in self.obstacles.iter().filter(|obstacle| self.lies_below(obstacle, candidate.id)) {
                held |= obstacle.held;
                locked |= obstacle.edited || locked_by_other(obstacle.locked_by);
            }
        }
        match (held, locked) {
            (true, _) => Err(Verdict::Held),
            (false, true) => Err(Verdict::Locked),
            (false, false) => Ok(()),
        }
    }

    /// Few files are held, locked or edited: looking up from each of them beats looking down from a large folder.
    fn lies_below(&self, obstacle: &Obstacle, folder: i64) -> bool {
        let visible = |way: &WayUp| way.visible && !way.ids.iter().any(|id| self.marked.contains(id));
        !self.marked.contains(&obstacle.node)
            && self.ways.get(&obstacle.folder).is_some_and(|way| visible(way) && way.ids.contains(&folder))
    }

    /// Notes the effects of marking a node.
    fn take(&mut self, id: i64, purging: Purging) {
        let Some(candidate) = self.by_id.get(&id) else { return };
        let gone = match candidate.is_folder {
            false => Totals { files: 1, folders: 0, bytes: candidate.bytes },
            true => {
                let left = self.left.get(&id).copied().unwrap_or_default();
                Totals {
                    files: candidate.files - left.files,
                    folders: candidate.folders - left.folders + 1,
                    bytes: candidate.bytes - left.bytes,
                }
            }
        };
        self.marked.insert(id);
        match candidate.is_folder {
            true => drop(self.folders.insert(id)),
            false => self.files.entry(purging).or_default().push(id),
        }
        *self.freed.entry(candidate.account.0).or_default() += gone.bytes;
        let above = candidate.parent.and_then(|parent| self.ways.get(&parent));
        for folder in above.into_iter().flat_map(|way| &way.ids) {
            let left = self.left.entry(*folder).or_default();
            left.files += gone.files;
            left.folders += gone.folders;
            left.bytes += gone.bytes;
        }
    }

    async fn write(&self, tx: &mut Tx) -> Result<()> {
        for (purging, files) in &self.files {
            let files_marked = store::id_rows(files.iter().copied());
            self.expect(deletion::mark(tx, &files_marked, purging.wait).await?, files.len())?;
            let lease_until = if purging.wait { tx.now + purge::LEASE_MICROS } else { 0 };
            purge::queue_versions(tx, &files_marked, tx.now + purging.delay, lease_until).await?;
        }
        if !self.folders.is_empty() {
            let folders = store::id_rows(self.folders.iter().copied());
            self.expect(deletion::mark(tx, &folders, false).await?, self.folders.len())?;
            deletion::queue_expansion(tx, &folders).await?;
        }
        if !self.marked.is_empty() {
            let freed: Vec<(i64, i64)> = self.freed.iter().map(|(&account, &bytes)| (account, bytes)).collect();
            store::account::move_to_purging(tx, &store::rows(&freed)).await?;
            let left: Vec<(i64, i64, i64, i64)> =
                self.left.iter().map(|(&id, left)| (id, -left.files, -left.folders, -left.bytes)).collect();
            folder::change_totals(tx, &store::rows(&left)).await?;
        }
        deletion::audit(tx, &store::rows(&self.audit)).await?;
        Ok(())
    }

    /// What was read in this transaction is what is marked in it; anything else is a fault, and nothing is committed.
    fn expect(&self, marked: u64, decided: usize) -> Result<()> {
        if marked == decided as u64 {
            return Ok(());
        }
        Err(anyhow::anyhow!("{decided} nodes were to be marked, {marked} were").into())
    }
}

struct Judged<'a> {
    candidate: &'a Candidate,
    /// Its own request has marked it, or a folder above it, already.
    covered: bool,
}
