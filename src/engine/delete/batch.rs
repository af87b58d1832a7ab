//! What is read for a batch of deletes, and what is decided of each target.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    Marking,
    effects::{Effects, Purging, TrashMark},
};
use crate::{
    engine::{
        access::{Above, Grants},
        error::Result,
    },
    model::{
        AccountId, Atomicity, Caller, DeleteRequest, Deleted, Edited, Holder, Live, Outcome, Reach, Rights, Target,
        Trashed, Verdict,
    },
    store::{
        Tx,
        deletion::{self, Candidate, Obstacle, VersionRow},
        folder::{self, WayUp},
        trash::{self, EntryRow},
    },
};

/// A repeat of a caller's own trashing within this time is the same deletion (onlyoffice.md 3.3), microseconds.
const REPEAT: i64 = 60_000_000;

/// What was read for a batch, and what it has decided so far.
pub(super) struct Batch {
    by_id: HashMap<i64, Candidate>,
    by_uid: HashMap<Uuid, i64>,
    ways: HashMap<i64, WayUp>,
    /// Standing entries of whole nodes, by node.
    entries: HashMap<i64, EntryRow>,
    /// The entries that were named, by uid.
    named: HashMap<Uuid, EntryRow>,
    /// The versions of the files of which single ones were named.
    versions: HashMap<i64, Vec<VersionRow>>,
    grants: Grants,
    /// What may stop the delete of a folder above it, by each of these folders.
    obstacles: HashMap<i64, Vec<Obstacle>>,
    now: i64,
    pub(super) effects: Effects,
}

/// What is to be done with a target.
enum Act {
    /// Its own request has marked it, or a folder above it, already; or it is a repeat.
    Nothing,
    Trash(TrashMark),
    /// Destroyed, out of the trash of this node if it lies in one.
    Purge {
        within: Option<i64>,
    },
    TrashVersion(VersionRow, TrashMark),
    PurgeVersion {
        version: VersionRow,
        within: Option<i64>,
    },
}

struct Judged<'a> {
    candidate: &'a Candidate,
    act: Act,
}

type Judgement<T> = std::result::Result<T, Verdict>;

impl Batch {
    pub(super) async fn read(tx: &mut Tx, markings: &[&Marking]) -> Result<Self> {
        let (mut ids, mut uids, mut entry_uids) = (Vec::new(), Vec::new(), Vec::new());
        let mut has_versions = false;
        for target in markings.iter().flat_map(|marking| &marking.request.targets) {
            has_versions |=
                matches!(target, Target::Version { .. } | Target::PastVersion { .. } | Target::Entry { .. });
            match target {
                Target::FileId(id) | Target::FolderId(id) | Target::PastVersion { file: id, .. } => ids.push(*id),
                Target::FileUid(uid) | Target::FolderUid(uid) | Target::Version { file: uid, .. } => {
                    uids.push(uid.to_string());
                }
                Target::Entry { uid, .. } => entry_uids.push(uid.to_string()),
            }
        }
        let mut named = HashMap::new();
        if !entry_uids.is_empty() {
            for entry in trash::by_uids(tx, &entry_uids).await? {
                ids.push(entry.node);
                named.insert(entry.uid, entry);
            }
        }
        let candidates = deletion::candidates(tx, &ids, &uids).await?;
        let mut versions: HashMap<i64, Vec<VersionRow>> = HashMap::new();
        if has_versions {
            let files = candidates.iter().filter(|candidate| !candidate.is_folder).map(|candidate| candidate.id);
            for version in deletion::versions(tx, files).await? {
                versions.entry(version.file).or_default().push(version);
            }
        }
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
        let mut below: HashMap<i64, Vec<Obstacle>> = HashMap::new();
        for obstacle in obstacles {
            for &folder in ways.get(&obstacle.folder).map(|way| way.ids.as_slice()).unwrap_or_default() {
                below.entry(folder).or_default().push(obstacle);
            }
        }
        let mut batch = Self {
            by_uid: candidates.iter().map(|candidate| (candidate.uid, candidate.id)).collect(),
            by_id: candidates.into_iter().map(|candidate| (candidate.id, candidate)).collect(),
            ways,
            entries: HashMap::new(),
            named,
            versions,
            grants: Grants::default(),
            obstacles: below,
            now: tx.now,
            effects: Effects::default(),
        };
        batch.read_trash(tx, markings).await?;
        batch.read_grants(tx, markings).await?;
        Ok(batch)
    }

    async fn read_trash(&mut self, tx: &mut Tx, markings: &[&Marking]) -> Result<()> {
        if markings.iter().all(|marking| marking.request.trashed == Trashed::NotFound) {
            return Ok(());
        }
        let trashed: HashSet<i64> = self.by_id.values().filter_map(|candidate| self.trash_root(candidate)).collect();
        if !trashed.is_empty() {
            let found = trash::of_nodes(tx, trashed).await?;
            self.entries = found.into_iter().map(|entry| (entry.node, entry)).collect();
        }
        Ok(())
    }

    async fn read_grants(&mut self, tx: &mut Tx, markings: &[&Marking]) -> Result<()> {
        let by_rights = markings.iter().filter(|marking| marking.request.reach == Reach::Rights);
        let callers: Vec<&Caller> = by_rights.map(|marking| &marking.request.caller).collect();
        if !callers.is_empty() {
            let above: Vec<Above> = self.by_id.values().filter_map(|candidate| self.above(candidate)).collect();
            self.grants = Grants::read(tx, callers, &above, self.now).await?;
        }
        Ok(())
    }

    fn above(&self, candidate: &Candidate) -> Option<Above> {
        let way = self.ways.get(&candidate.parent?)?;
        Some(Above::new(candidate.account, candidate.id, way))
    }

    /// The node whose trash entry the candidate belongs to: its own, or that of the lowest folder above it that is not
    /// live.
    fn trash_root(&self, candidate: &Candidate) -> Option<i64> {
        match (candidate.trashed, candidate.live) {
            (true, _) => Some(candidate.id),
            (false, true) => self.ways.get(&candidate.parent?)?.trashed,
            (false, false) => None,
        }
    }

    /// Decides one request: the outcome of each distinct target, and the nodes that it marks.
    pub(super) fn decide(&mut self, marking: &Marking) -> (Vec<Outcome>, HashSet<i64>) {
        let request = &marking.request;
        let mut seen = HashSet::new();
        let targets: Vec<Target> = request.targets.iter().copied().filter(|target| seen.insert(*target)).collect();
        let stopped = request.atomicity == Atomicity::AllOrNothing
            && targets
                .iter()
                .any(|target| self.judge(request, *target, &HashSet::new()).is_err_and(|verdict| stops(&verdict)));
        let (mut outcomes, mut taken) = (Vec::with_capacity(targets.len()), HashSet::new());
        for target in targets {
            let verdict = match self.judge(request, target, &taken) {
                Err(refused) => refused,
                Ok(_) if stopped => Verdict::Untouched,
                Ok(Judged { candidate, act }) => {
                    let deleted = self.deleted(candidate, &act, request);
                    let id = candidate.id;
                    if self.take(id, act, Purging { delay: marking.purge_delay, wait: marking.wait }) {
                        taken.insert(id);
                    }
                    Verdict::Deleted(deleted)
                }
            };
            outcomes.push(Outcome { target, verdict });
        }
        let done = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Deleted(_))).count();
        // A job that ends what is over comes again and again for what a hold keeps: nobody asked for that.
        if done > 0 || !request.caller.name.is_empty() {
            self.effects.audit.push((request.caller.account.0, request.dialect, outcomes.len() as i64, done as i64));
        }
        (outcomes, taken)
    }

    /// Whether a target can be deleted now; `taken` is what its own request has marked already.
    fn judge(&self, request: &DeleteRequest, target: Target, taken: &HashSet<i64>) -> Judgement<Judged<'_>> {
        if let Target::Entry { uid, is_folder } = target {
            return self.judge_entry(request, uid, is_folder);
        }
        let candidate = self.find(target).ok_or(Verdict::NotFound)?;
        let Some(parent) = candidate.parent else {
            // An account's root, or its trash.
            return Err(if request.reach == Reach::Rights { Verdict::Forbidden } else { Verdict::NotFound });
        };
        let way = self.ways.get(&parent).ok_or(Verdict::NotFound)?;
        let by_itself = self.effects.marked.contains(&candidate.id).then_some(candidate.id);
        if let Some(marked) = by_itself.or_else(|| self.went_with(candidate, way)) {
            // Named together with a folder above it: it went with that.
            return match taken.contains(&marked) {
                true => Ok(Judged { candidate, act: Act::Nothing }),
                false => Err(Verdict::NotFound),
            };
        }
        if candidate.live && way.visible {
            return self.judge_live(request, target, candidate, way);
        }
        let root = self.trash_root(candidate).ok_or(Verdict::NotFound)?;
        self.judge_trashed(request, target, candidate, root)
    }

    fn judge_live<'a>(
        &'a self,
        request: &DeleteRequest,
        target: Target,
        candidate: &'a Candidate,
        way: &WayUp,
    ) -> Judgement<Judged<'a>> {
        if request.live == Live::NotFound {
            return Err(Verdict::NotFound);
        }
        self.allow(request, candidate)?;
        let version = match target {
            Target::Version { number, .. } => self.version_alone(candidate, number)?,
            Target::PastVersion { number, .. } => Some(self.past_version(candidate, number)?),
            _ => None,
        };
        self.check(candidate, request, None)?;
        let act = match (request.live, version) {
            (Live::NotFound, _) => return Err(Verdict::NotFound),
            (Live::Purge, None) => Act::Purge { within: None },
            (Live::Purge, Some(version)) => Act::PurgeVersion { version, within: None },
            (Live::Trash { holder, keep }, version) => {
                let caller = request.caller.account;
                let holder = match holder {
                    Holder::Caller if caller != AccountId::NOBODY => caller,
                    Holder::Caller | Holder::Owner => candidate.account,
                };
                let mark = TrashMark {
                    owner: candidate.account,
                    holder,
                    deleter: (caller != AccountId::NOBODY).then_some(caller),
                    path: way.path.clone(),
                    purge_after: self.now.saturating_add(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX)),
                };
                match version {
                    None => Act::Trash(mark),
                    Some(version) => Act::TrashVersion(version, mark),
                }
            }
        };
        Ok(Judged { candidate, act })
    }

    /// What lies in a trash, itself or below the folder `root`.
    fn judge_trashed<'a>(
        &'a self,
        request: &DeleteRequest,
        target: Target,
        candidate: &'a Candidate,
        root: i64,
    ) -> Judgement<Judged<'a>> {
        if request.trashed == Trashed::NotFound {
            return Err(Verdict::NotFound);
        }
        let entry = self.entries.get(&root).ok_or(Verdict::NotFound)?;
        let is_version = matches!(target, Target::Version { .. } | Target::PastVersion { .. });
        if !self.may_empty(request, entry) || is_version {
            return Err(if request.reach == Reach::Rights { Verdict::Forbidden } else { Verdict::NotFound });
        }
        if request.trashed == Trashed::PurgeUnlessRepeat
            && entry.deleter == Some(request.caller.account)
            && self.now - entry.deleted_at <= REPEAT
        {
            return Ok(Judged { candidate, act: Act::Nothing });
        }
        self.check(candidate, request, Some(root))?;
        Ok(Judged { candidate, act: Act::Purge { within: Some(root) } })
    }

    /// An entry of a trash that was named itself.
    fn judge_entry(&self, request: &DeleteRequest, uid: Uuid, is_folder: bool) -> Judgement<Judged<'_>> {
        let entry = self.named.get(&uid).filter(|entry| self.may_empty(request, entry)).ok_or(Verdict::NotFound)?;
        let candidate = self.by_id.get(&entry.node).filter(|candidate| candidate.is_folder == is_folder);
        let candidate = candidate.ok_or(Verdict::NotFound)?;
        let way = candidate.parent.and_then(|parent| self.ways.get(&parent)).ok_or(Verdict::NotFound)?;
        if request.trashed == Trashed::NotFound || self.effects.marked.contains(&candidate.id) {
            return Err(Verdict::NotFound);
        }
        let Some(version) = entry.version else {
            self.check(candidate, request, Some(candidate.id))?;
            return Ok(Judged { candidate, act: Act::Purge { within: Some(candidate.id) } });
        };
        let versions = self.versions.get(&candidate.id).map(Vec::as_slice).unwrap_or_default();
        let version = versions.iter().find(|row| row.id == version && !row.live).ok_or(Verdict::NotFound)?;
        let within = self.trash_root(candidate);
        if self.is_gone(candidate, way, within) {
            return Err(Verdict::NotFound);
        }
        if candidate.held {
            return Err(Verdict::Held);
        }
        Ok(Judged { candidate, act: Act::PurgeVersion { version: *version, within } })
    }

    /// The folder marked so far that a node went with: none above the lowest that is not live, the one whose trash entry
    /// it belongs to; and what lay in a trash or was deleted by itself before went with no folder.
    fn went_with(&self, candidate: &Candidate, way: &WayUp) -> Option<i64> {
        let mut above = way.ids.iter().copied().take(way.live + 1).filter(|_| candidate.live);
        above.find(|folder| self.effects.marked.contains(folder))
    }

    /// Whether a file went with something above it, or with an emptied trash, and carries no mark of its own yet: its
    /// single versions went with it. `root`: whose trash entry it belongs to.
    fn is_gone(&self, file: &Candidate, way: &WayUp, root: Option<i64>) -> bool {
        let with_a_folder = !file.trashed && (!file.live || way.deleted || self.went_with(file, way).is_some());
        with_a_folder || root.is_some_and(|root| !self.entries.contains_key(&root))
    }

    fn find(&self, target: Target) -> Option<&Candidate> {
        let (id, is_folder) = match target {
            Target::FileId(id) | Target::PastVersion { file: id, .. } => (id, false),
            Target::FolderId(id) => (id, true),
            Target::FileUid(uid) | Target::Version { file: uid, .. } => (*self.by_uid.get(&uid)?, false),
            Target::FolderUid(uid) => (*self.by_uid.get(&uid)?, true),
            Target::Entry { uid, .. } => (self.named.get(&uid)?.node, false),
        };
        self.by_id.get(&id).filter(|candidate| candidate.is_folder == is_folder)
    }

    fn allow(&self, request: &DeleteRequest, candidate: &Candidate) -> Judgement<()> {
        let own = candidate.account == request.caller.account;
        match request.reach {
            Reach::Own if own => Ok(()),
            Reach::OwnOrAdmin if own || request.caller.is_admin() => Ok(()),
            Reach::Own | Reach::OwnOrAdmin => Err(Verdict::NotFound),
            Reach::Rights => {
                let above = self.above(candidate).ok_or(Verdict::NotFound)?;
                match self.grants.rights(&request.caller, &above).has(Rights::DELETE) {
                    true => Ok(()),
                    false => Err(Verdict::Forbidden),
                }
            }
        }
    }

    fn may_empty(&self, request: &DeleteRequest, entry: &EntryRow) -> bool {
        let as_admin = request.reach == Reach::OwnOrAdmin && request.caller.is_admin();
        request.caller.link.is_none() && (entry.belongs_to(request.caller.account) || as_admin)
    }

    /// A live version by number; `None` for the only one left, which is the file itself (oracle.md 3.2).
    fn version_alone(&self, candidate: &Candidate, number: u32) -> Judgement<Option<VersionRow>> {
        let live: Vec<&VersionRow> = self.live_versions(candidate.id).collect();
        let found = live.iter().find(|version| version.number == number).ok_or(Verdict::NoVersion)?;
        Ok((live.len() > 1).then_some(**found))
    }

    /// A live version that is not the current one.
    fn past_version(&self, candidate: &Candidate, number: u32) -> Judgement<VersionRow> {
        let found = self.live_versions(candidate.id).find(|version| version.number == number);
        let found = found.ok_or(Verdict::NoVersion)?;
        let newest = self.live_versions(candidate.id).map(|version| version.number).max();
        match newest == Some(number) {
            true => Err(Verdict::Forbidden),
            false => Ok(*found),
        }
    }

    fn live_versions(&self, file: i64) -> impl Iterator<Item = &VersionRow> {
        self.versions.get(&file).into_iter().flatten().filter(|version| version.live)
    }

    /// Holds first, then locks and edit sessions; of a folder, all that lies below it. In the trash of `within` only
    /// holds count.
    fn check(&self, candidate: &Candidate, request: &DeleteRequest, within: Option<i64>) -> Judgement<()> {
        let caller = request.caller.account;
        let by_other = |by: Option<AccountId>| by.is_some_and(|by| by != caller);
        let (mut held, mut edited, mut locked) = (candidate.held, candidate.edited, by_other(candidate.locked_by));
        if candidate.is_folder {
            let below = self.obstacles.get(&candidate.id).into_iter().flatten();
            for obstacle in below.filter(|obstacle| self.counts(obstacle, within)) {
                held |= obstacle.held;
                edited |= obstacle.edited;
                locked |= by_other(obstacle.locked_by);
            }
        }
        match (held, locked && within.is_none(), edited && within.is_none()) {
            (true, ..) => Err(Verdict::Held),
            (false, true, _) => Err(Verdict::Locked),
            (false, false, true) if request.edited == Edited::Wait => Err(Verdict::Waiting),
            (false, false, true) => Err(Verdict::Locked),
            (false, false, false) => Ok(()),
        }
    }

    /// Whether an obstacle still lies where it was found: neither it nor a folder above it was marked meanwhile. Few
    /// files are held, locked or edited: looking up from each of them beats looking down from a large folder.
    fn counts(&self, obstacle: &Obstacle, within: Option<i64>) -> bool {
        let reached = |way: &WayUp| {
            !way.deleted && way.trashed == within && !way.ids.iter().any(|id| self.effects.marked.contains(id))
        };
        !self.effects.marked.contains(&obstacle.node) && self.ways.get(&obstacle.folder).is_some_and(reached)
    }

    /// What a target was at this moment.
    fn deleted(&self, candidate: &Candidate, act: &Act, request: &DeleteRequest) -> Deleted {
        let mut deleted = Deleted {
            uid: candidate.uid,
            name: candidate.name.clone(),
            size: candidate.size as u64,
            nodes: 1,
            before: false,
        };
        match act {
            Act::Nothing => {
                deleted.before = true;
                deleted.nodes = u64::from(request.live != Live::Purge);
            }
            Act::Purge { .. } if candidate.is_folder => {
                let left = self.effects.left(candidate.id);
                deleted.nodes = (1 + candidate.files + candidate.folders - left.files - left.folders) as u64;
            }
            Act::TrashVersion(version, _) | Act::PurgeVersion { version, .. } => deleted.size = version.size as u64,
            Act::Trash(_) | Act::Purge { .. } => {}
        }
        deleted
    }

    /// Notes the effects of an act; says whether the node itself is marked by it.
    fn take(&mut self, id: i64, act: Act, purging: Purging) -> bool {
        let Some(candidate) = self.by_id.get_mut(&id) else { return false };
        let way = candidate.parent.and_then(|parent| self.ways.get(&parent));
        let above = way.map(|way| way.ids.as_slice()).unwrap_or_default();
        match act {
            Act::Nothing => return false,
            Act::Trash(mark) => self.effects.trash(candidate, above, mark),
            Act::Purge { within } => self.effects.purge(candidate, above, within, purging),
            Act::TrashVersion(version, mark) => {
                let versions = self.versions.entry(id).or_default();
                versions.iter_mut().filter(|row| row.id == version.id).for_each(|row| row.live = false);
                self.effects.trash_version(candidate, version, versions, mark);
                return false;
            }
            Act::PurgeVersion { version, within } => {
                let versions = self.versions.entry(id).or_default();
                versions.retain(|row| row.id != version.id);
                self.effects.purge_version(candidate, above, version, versions, within, purging);
                candidate.bytes -= version.size;
                return false;
            }
        }
        true
    }
}

/// Whether a refusal stops a call that does all or nothing.
fn stops(verdict: &Verdict) -> bool {
    !matches!(verdict, Verdict::Waiting | Verdict::NoVersion)
}
