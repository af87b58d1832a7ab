//! What the model believes: every node there ever was, and the contracts' common rules about them in plain words.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use unfile::model::*;
use uuid::Uuid;

/// A file or folder that the model knows.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The account whose tree it lies in.
    pub(super) owner: usize,
    /// `None`: an account's root.
    pub(super) parent: Option<Uuid>,
    pub(super) is_folder: bool,
    pub(super) state: State,
    pub(super) versions: BTreeMap<u32, Version>,
    pub(super) held: bool,
    pub(super) locked_by: Option<usize>,
    /// When an edit session on it ends by silence, microseconds, by account.
    pub(super) edited: BTreeMap<usize, i64>,
    pub(super) shares: BTreeMap<usize, Rights>,
    /// Deleted by a call that waits and was not answered with a success.
    pub(super) owed: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    pub(super) bytes: Bytes,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Live,
    Trashed(Trashing),
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trashing {
    pub(super) holder: usize,
    pub(super) by: usize,
    /// Microseconds.
    pub(super) at: i64,
    pub(super) purge_after: i64,
}

/// Where a node stands by the lowest node on its way up that is not live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Live,
    /// In the trash, with this one.
    Trash(Uuid),
    Gone,
}

impl Node {
    pub(super) fn new(owner: usize, parent: Option<Uuid>, is_folder: bool) -> Self {
        Self {
            owner,
            parent,
            is_folder,
            state: State::Live,
            versions: BTreeMap::new(),
            held: false,
            locked_by: None,
            edited: BTreeMap::new(),
            shares: BTreeMap::new(),
            owed: false,
        }
    }

    pub(super) fn live_versions(&self) -> impl Iterator<Item = (u32, &Bytes)> {
        let live = self.versions.iter().filter(|(_, version)| version.state == State::Live);
        live.map(|(number, version)| (*number, &version.bytes))
    }

    /// Number and bytes of what is shown.
    pub(super) fn current(&self) -> Option<(u32, &Bytes)> {
        self.live_versions().last()
    }

    pub(super) fn is_edited(&self, now: i64) -> bool {
        self.edited.values().any(|until| *until > now)
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Belief {
    pub(super) nodes: BTreeMap<Uuid, Node>,
    /// What waits for the end of editing, in the order of the calls.
    pub(super) waiting: Vec<(Uuid, Asked)>,
}

impl Belief {
    /// In few words.
    pub(super) fn summary(&self) -> String {
        let short = |uid: &Uuid| uid.to_string()[..4].to_owned();
        let nodes = self.nodes.iter().filter(|(_, node)| node.parent.is_some()).map(|(uid, node)| {
            let state = match node.state {
                State::Live => "live".to_owned(),
                State::Trashed(trashing) => format!("trashed by {} held by {}", trashing.by, trashing.holder),
                State::Gone => "gone".to_owned(),
            };
            let parent = node.parent.map(|parent| short(&parent)).unwrap_or_default();
            let (locked, edited) = (node.locked_by, node.edited.len());
            format!(
                "{}<{parent} of {} {state} held {} locked {locked:?} edited {edited}",
                short(uid),
                node.owner,
                node.held
            )
        });
        let waiting = self.waiting.iter().map(|(uid, asked)| format!("{} waits for {}", short(uid), asked.actor));
        nodes.chain(waiting).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn node(&self, uid: Uuid) -> &Node {
        &self.nodes[&uid]
    }

    pub(super) fn get(&mut self, uid: Uuid) -> &mut Node {
        self.nodes.get_mut(&uid).unwrap()
    }

    /// The node itself and what lies above it.
    pub(super) fn way(&self, uid: Uuid) -> Vec<Uuid> {
        let mut way = vec![uid];
        while let Some(parent) = way.last().and_then(|last| self.nodes.get(last)).and_then(|node| node.parent) {
            way.push(parent);
        }
        way
    }

    pub(super) fn place(&self, uid: Uuid) -> Place {
        for above in self.way(uid) {
            match self.nodes.get(&above).map(|node| node.state) {
                Some(State::Live) => {}
                Some(State::Trashed(_)) => return Place::Trash(above),
                Some(State::Gone) | None => return Place::Gone,
            }
        }
        Place::Live
    }

    pub(super) fn is_visible(&self, uid: Uuid) -> bool {
        self.place(uid) == Place::Live
    }

    pub(super) fn rights(&self, actor: usize, uid: Uuid) -> Rights {
        if self.node(uid).owner == actor {
            return Rights::ALL;
        }
        let shares = self.way(uid).into_iter().filter_map(|above| self.node(above).shares.get(&actor).copied());
        shares.fold(Rights::NONE, |all, rights| all | rights)
    }

    /// A node and all that goes with it: what lies in a trash below it by itself does not.
    pub(super) fn subtree(&self, top: Uuid) -> BTreeSet<Uuid> {
        let goes_along = |uid: &Uuid| {
            let way = self.way(*uid);
            let below = way.iter().position(|above| *above == top);
            below.is_some_and(|below| way[..below].iter().all(|above| self.node(*above).state == State::Live))
        };
        self.nodes.keys().copied().filter(goes_along).collect()
    }

    pub(super) fn purge(&mut self, top: Uuid) {
        for uid in self.subtree(top) {
            let node = self.get(uid);
            node.state = State::Gone;
            node.versions.values_mut().for_each(|version| version.state = State::Gone);
        }
    }

    /// The trash of an account: nodes, and numbers of single versions.
    pub(super) fn trash(&self, account: usize) -> BTreeSet<(Uuid, Option<u32>)> {
        let mut entries = BTreeSet::new();
        for (uid, node) in &self.nodes {
            let belongs = |state: State| match state {
                State::Trashed(trashing) => trashing.holder == account || node.owner == account,
                State::Live | State::Gone => false,
            };
            if belongs(node.state) {
                entries.insert((*uid, None));
            }
            if self.place(*uid) != Place::Gone {
                let versions = node.versions.iter().filter(|(_, version)| belongs(version.state));
                entries.extend(versions.map(|(number, _)| (*uid, Some(*number))));
            }
        }
        entries
    }

    pub(super) fn is_held(&self, top: Uuid) -> bool {
        self.subtree(top).into_iter().any(|uid| self.node(uid).held)
    }

    pub(super) fn is_edited(&self, top: Uuid, now: i64) -> bool {
        self.subtree(top).into_iter().any(|uid| self.node(uid).is_edited(now))
    }

    /// What the jobs do: what waited and is not edited any more is deleted as it was asked for, or dropped; what has
    /// lain in a trash for its time is destroyed.
    pub(super) fn run_jobs(&mut self, now: i64) {
        for (uid, asked) in std::mem::take(&mut self.waiting) {
            if self.place(uid) == Place::Live && self.is_edited(uid, now) {
                self.waiting.push((uid, asked));
                continue;
            }
            let trashed = if asked.live == Live::Purge { Trashed::Purge } else { Trashed::NotFound };
            self.delete_one(Asked { trashed, now, ..asked }, (uid, None), &[]);
        }
        for entry in self.due(now) {
            self.destroy(entry);
        }
    }

    /// Whether another's lock or anybody's edit session is on it or on something below.
    pub(super) fn is_locked(&self, top: Uuid, actor: usize, now: i64) -> bool {
        self.subtree(top)
            .into_iter()
            .map(|uid| self.node(uid))
            .any(|node| node.locked_by.is_some_and(|by| by != actor) || node.is_edited(now))
    }

    /// Keep times that are over, whatever else they wait for.
    fn due(&self, now: i64) -> Vec<(Uuid, Option<u32>)> {
        let over = |state: State| matches!(state, State::Trashed(trashing) if trashing.purge_after <= now);
        let mut due = Vec::new();
        for (uid, node) in &self.nodes {
            let held = if node.is_folder { self.is_held(*uid) } else { node.held };
            if !held && over(node.state) {
                due.push((*uid, None));
            }
            let versions = node.versions.iter().filter(|(_, version)| !held && over(version.state));
            due.extend(versions.map(|(number, _)| (*uid, Some(*number))));
        }
        due
    }

    pub(super) fn destroy(&mut self, (uid, version): (Uuid, Option<u32>)) {
        match version {
            None => self.purge(uid),
            Some(number) => self.get(uid).versions.get_mut(&number).unwrap().state = State::Gone,
        }
    }
}

/// Who asks: an account, or the administrator with an administrator's reach.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) actor: usize,
    pub(super) is_admin: bool,
    pub(super) reach: Reach,
    pub(super) live: Live,
    pub(super) trashed: Trashed,
    /// What is edited is waited for.
    pub(super) waits: bool,
    /// By a link, which alone decides: the linked node and what it gives there.
    pub(super) link: Option<(Uuid, Rights)>,
    pub(super) now: i64,
}

/// The place among the accounts of somebody without a name.
pub(super) const NOBODY: usize = usize::MAX;

/// What the model expects of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Deleted,
    NotFound,
    NoVersion,
    Forbidden,
    Held,
    Locked,
    Waiting,
}

impl Belief {
    /// Handles the targets of a delete in their order, and says what each comes to. What went with one is deleted too;
    /// what lay in a trash below it by itself did not go along. With `all_or_nothing` a refusal
    /// leaves everything as it was.
    pub(super) fn delete(
        &mut self,
        asked: Asked,
        targets: &[(Uuid, Option<u32>)],
        all_or_nothing: bool,
    ) -> Vec<Expected> {
        let before = self.clone();
        let stops = |expected: &Expected| !matches!(expected, Expected::Deleted | Expected::NoVersion);
        let first: Vec<Expected> =
            targets.iter().map(|target| before.clone().delete_one(asked, *target, &[])).collect();
        if all_or_nothing && first.iter().any(stops) {
            return first;
        }
        let mut done = Vec::new();
        let mut all = Vec::new();
        for target in targets {
            let goes_along = self.subtree(target.0);
            let expected = self.delete_one(asked, *target, &done);
            if expected == Expected::Deleted && target.1.is_none() {
                done.extend(goes_along);
            }
            all.push(expected);
        }
        all
    }

    fn delete_one(&mut self, asked: Asked, (uid, version): (Uuid, Option<u32>), done: &[Uuid]) -> Expected {
        use Expected::{Deleted, Forbidden, Held, Locked, NoVersion, NotFound, Waiting};
        if !self.nodes.contains_key(&uid) {
            return NotFound;
        }
        let hidden = if asked.reach == Reach::Rights { Forbidden } else { NotFound };
        if self.node(uid).parent.is_none() {
            return hidden;
        }
        if done.contains(&uid) {
            return Deleted;
        }
        let own = self.node(uid).owner == asked.actor;
        let as_admin = asked.is_admin && asked.reach == Reach::OwnOrAdmin;
        match self.place(uid) {
            Place::Gone => NotFound,
            Place::Live => {
                let may = match asked.reach {
                    Reach::Own | Reach::OwnOrAdmin => own || as_admin,
                    Reach::Rights => match asked.link {
                        Some((linked, rights)) => self.way(uid).contains(&linked) && rights.has(Rights::DELETE),
                        None => self.rights(asked.actor, uid).has(Rights::DELETE),
                    },
                };
                if asked.live == Live::NotFound {
                    return NotFound;
                }
                if !may {
                    return hidden;
                }
                let live: Vec<u32> = self.node(uid).live_versions().map(|(number, _)| number).collect();
                let alone = match version {
                    Some(number) if !live.contains(&number) => return NoVersion,
                    Some(_) if live.len() == 1 => None,
                    other => other,
                };
                if self.is_held(uid) {
                    return Held;
                }
                let waits = asked.waits && self.is_edited(uid, asked.now);
                if self.is_locked(uid, asked.actor, if waits { i64::MAX } else { asked.now }) {
                    return Locked;
                }
                if waits {
                    return Waiting;
                }
                self.mark(asked, uid, alone);
                Deleted
            }
            Place::Trash(root) => {
                let State::Trashed(trashing) = self.node(root).state else { unreachable!() };
                let belongs = trashing.holder == asked.actor || self.node(root).owner == asked.actor || as_admin;
                if asked.trashed == Trashed::NotFound {
                    return NotFound;
                }
                if !belongs || version.is_some() {
                    return hidden;
                }
                let is_repeat = trashing.by == asked.actor && asked.now - trashing.at <= 60_000_000;
                if asked.trashed == Trashed::PurgeUnlessRepeat && is_repeat {
                    return Deleted;
                }
                if self.is_held(uid) {
                    return Held;
                }
                self.purge(uid);
                Deleted
            }
        }
    }

    fn mark(&mut self, asked: Asked, uid: Uuid, version: Option<u32>) {
        let owner = self.node(uid).owner;
        let state = match asked.live {
            Live::Trash { holder, keep } => State::Trashed(Trashing {
                holder: if holder == Holder::Owner || asked.actor == NOBODY { owner } else { asked.actor },
                by: asked.actor,
                at: asked.now,
                purge_after: asked.now + keep.as_micros() as i64,
            }),
            Live::Purge | Live::NotFound => State::Gone,
        };
        match (version, state) {
            (Some(number), state) => self.get(uid).versions.get_mut(&number).unwrap().state = state,
            (None, State::Gone) => self.purge(uid),
            (None, state) => self.get(uid).state = state,
        }
    }
}
