//! The engine under test, and what the model believes of it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use unfile::{
    clock::Clock,
    engine::{Engine, error::Error},
    fault::{Action, Faults},
    model::*,
};
use uuid::Uuid;

use super::{
    Step,
    belief::{Belief, Node, State, Version},
    check, points,
};
use crate::support::{
    in_process::{self, open},
    installation::Installation,
};

/// Bytes that an account may hold: little enough that uploads sometimes do not fit.
const QUOTA: u64 = 40_000;

/// The place of the administrator among the callers.
pub(super) const ADMIN: usize = 2;

pub(super) struct World {
    pub(super) installation: Installation,
    pub(super) engine: Engine,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    /// Two users, and an administrator.
    pub(super) callers: Vec<Caller>,
    /// The uids of their roots.
    pub(super) roots: Vec<Uuid>,
    pub(super) belief: Belief,
    /// Every integer id that was ever given out, with its uid.
    pub(super) ids: BTreeMap<i64, Uuid>,
    pub(super) storage_down: bool,
    /// The point that fails throughout this step.
    failing: Option<&'static str>,
    made: u32,
    /// What the steps so far came to, for whoever has to find out why a history failed.
    trace: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("UNFILE_MODEL_TRACE").is_some() {
            eprintln!("{}", self.trace.join("\n"));
        }
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let installation = in_process::installation().await;
        let (clock, faults) = (Clock::default(), Faults::default());
        let engine = open(&installation, &clock, &faults).await;
        let (mut callers, mut roots, mut belief) = (Vec::new(), Vec::new(), Belief::default());
        for (account, (name, role)) in
            [("ann", Role::User), ("bob", Role::User), ("root", Role::Admin)].into_iter().enumerate()
        {
            let (_, key) = engine.add_account(name, role, Some(QUOTA), None).await.unwrap();
            let caller = engine.authenticate(&key.secret, Realm::Keys).await.unwrap();
            let root = engine.root(&caller).await.unwrap().uid;
            belief.nodes.insert(root, Node::new(account, None, true));
            callers.push(caller);
            roots.push(root);
        }
        Self {
            installation,
            engine,
            faults,
            clock,
            callers,
            roots,
            belief,
            ids: BTreeMap::new(),
            storage_down: false,
            failing: None,
            made: 0,
            trace: Vec::new(),
        }
    }

    /// Takes a step; if the process died in it, starts it again and sees which of the allowed ends it came to.
    pub(super) async fn take(&mut self, step: &Step) {
        match step {
            Step::Store { account, name, size } => self.store(*account, *name, *size).await,
            Step::Slot { account, puts, verify } => self.slot(*account, puts, *verify).await,
            Step::Transfer { account, files, end } => self.transfer(*account, files, *end).await,
            Step::MakeFolder { actor, pick } => self.make_folder(*actor, *pick).await,
            Step::Version { actor, pick, size } => self.version(*actor, *pick, *size).await,
            Step::Delete { actor, picks, all_or_nothing, how } => {
                self.delete(*actor, picks, *all_or_nothing, *how).await;
            }
            Step::DeleteVersion { actor, pick, number, how } => {
                self.delete_version(*actor, *pick, *number, *how).await;
            }
            Step::DeleteByLink { link, role, pick } => self.delete_by_link(*link, *role, *pick).await,
            Step::DeleteAfter { actor, pick, immediately } => self.delete_after(*actor, *pick, *immediately).await,
            Step::DeleteAndWait { account, pick } => self.delete_and_wait(*account, *pick).await,
            Step::Race { account, picks } => self.race(*account, picks).await,
            Step::Restore { actor, pick, home, as_admin } => self.restore(*actor, *pick, *home, *as_admin).await,
            Step::Destroy { actor, pick } => self.destroy(*actor, *pick).await,
            Step::Empty { actor } => self.empty(*actor).await,
            Step::Move { actor, pick, to } => self.move_node(*actor, *pick, *to).await,
            Step::Share { actor, pick, with, rights } => self.share(*actor, *pick, *with, *rights).await,
            Step::Lock { actor, pick, lock } => self.lock(*actor, *pick, *lock).await,
            Step::Edit { actor, pick, open } => self.edit(*actor, *pick, *open).await,
            Step::Hold { pick } => self.hold(*pick, true).await,
            Step::Unhold { pick } => self.hold(*pick, false).await,
            Step::Storage { down } => self.storage(*down),
            Step::Jobs => self.jobs().await,
            Step::Minutes { minutes } => self.clock.advance(Duration::from_secs(minutes * 60)),
            Step::CrashAt { point } => self.faults.set(points::CRASHING[*point], Some(Action::Crash)),
            Step::FailAt { point } => {
                self.mend();
                self.failing = Some(points::FAILING[*point]);
                self.faults.set(points::FAILING[*point], Some(Action::Fail));
            }
        }
        let crashed = self.faults.crashed();
        self.trace.push(format!("{step:?}, crashed: {crashed}, {}", self.belief.summary()));
        if !matches!(step, Step::FailAt { .. }) {
            self.mend();
        }
        if self.faults.crashed() {
            self.restart().await;
        }
    }

    /// Everything works, holds are lifted, time passes, the jobs do all they can: what lies in a trash is gone then.
    pub(super) async fn settle(&mut self) {
        self.restart().await;
        for hold in self.engine.holds().await.unwrap() {
            self.engine.remove_hold(hold.uid).await.unwrap();
        }
        self.belief.nodes.values_mut().for_each(|node| node.held = false);
        self.clock.advance(Duration::from_secs(72 * 3_600));
        self.jobs().await;
    }

    /// Takes back what fails; the leases that it has left behind run out.
    pub(super) fn mend(&mut self) {
        if let Some(point) = self.failing.take() {
            self.faults.set(point, None);
            self.storage(self.storage_down);
            self.clock.advance(Duration::from_secs(31));
        }
    }

    /// Whether an error may have to do with a fault that was set.
    pub(super) fn disturbed(&self) -> bool {
        self.faults.crashed() || self.failing.is_some()
    }

    /// After a disturbed step: everything works again, after a start if the process has died.
    pub(super) async fn recover(&mut self) {
        match self.faults.crashed() {
            true => self.restart().await,
            false => self.mend(),
        }
    }

    async fn restart(&mut self) {
        self.failing = None;
        self.engine.close().await;
        self.faults = Faults::default();
        self.storage_down = false;
        self.engine = in_process::open_again(&self.installation, &self.clock, &self.faults).await;
    }

    /// A step whose answer was lost has happened whole or not at all.
    pub(super) async fn in_doubt(&mut self, after: Belief, error: &Error) {
        assert!(self.disturbed(), "no fault was set: {error:#}");
        self.recover().await;
        let Err(not_after) = check::compare(self, &after).await else {
            self.belief = after;
            return;
        };
        if let Err(not_before) = check::compare(self, &self.belief).await {
            panic!("half a step has happened: {not_after}, and {not_before}");
        }
    }

    fn storage(&mut self, down: bool) {
        self.storage_down = down;
        let action = down.then_some(Action::Fail);
        self.faults.set("objects.delete", action);
        self.faults.set("objects.put", action);
    }

    /// What a fault cut off is finished by a further turn.
    async fn jobs(&mut self) {
        let mut done = unfile::jobs::run_dry(&self.engine).await;
        // One fault may be set that fails and one that kills behind it.
        for _ in 0..2 {
            if self.disturbed() || done.is_err() {
                self.recover().await;
                done = unfile::jobs::run_dry(&self.engine).await;
            }
        }
        done.unwrap();
        self.belief.run_jobs(self.clock.micros());
    }

    /// A number that was not given before.
    pub(super) fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    pub(super) fn bytes(&mut self, size: usize) -> Bytes {
        let seed = self.next();
        (0..size).map(|at| (at as u32).wrapping_mul(31).wrapping_add(seed) as u8).collect()
    }

    /// A file that has just appeared.
    pub(super) fn know(&mut self, account: usize, info: &FileInfo, bytes: Bytes) {
        let before = self.ids.insert(info.id.0, info.uid);
        assert!(before.is_none_or(|uid| uid == info.uid), "an integer id was given out twice");
        assert_eq!(info.size, bytes.len() as u64);
        let mut node = Node::new(account, Some(info.parent.uid), false);
        node.versions.insert(info.version, Version { bytes, state: State::Live });
        assert!(self.belief.nodes.insert(info.uid, node).is_none(), "a uid was given out twice");
    }

    /// Something that is or was there, or now and then nothing at all.
    pub(super) fn pick(&self, pick: usize, wanted: impl Fn(&Node) -> bool) -> Uuid {
        let there = self.belief.nodes.iter().filter(|(_, node)| node.state != State::Gone && wanted(node));
        let gone = self.belief.nodes.iter().filter(|(_, node)| node.state == State::Gone && wanted(node)).take(2);
        let mut all: Vec<Uuid> = there.chain(gone).map(|(uid, _)| *uid).collect();
        all.push(Uuid::from_u128(7));
        all[pick % all.len()]
    }

    pub(super) fn pick_file(&self, pick: usize) -> Uuid {
        self.pick(pick, |node| !node.is_folder)
    }

    /// How calls name a node.
    pub(super) fn node_ref(&self, uid: Uuid) -> NodeRef {
        match self.belief.nodes.get(&uid) {
            Some(node) if node.is_folder => NodeRef::FolderUid(uid),
            Some(_) | None => NodeRef::FileUid(uid),
        }
    }

    pub(super) fn root_of(&self, account: usize) -> Uuid {
        self.roots[account]
    }

    pub(super) fn account_of(&self, id: AccountId) -> usize {
        self.callers.iter().position(|caller| caller.account == id).unwrap()
    }
}
