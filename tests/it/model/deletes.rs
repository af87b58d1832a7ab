//! Deletes of every contract's manner, out of the tree and out of the trash.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use unfile::{engine::error::Error, model::*};
use uuid::Uuid;

use super::{
    How,
    belief::{Asked, Expected, NOBODY, Place, State},
    check,
    world::{ADMIN, World},
};

/// How long things stay in a trash here.
const KEEP: Duration = Duration::from_secs(48 * 3_600);

impl World {
    pub(super) async fn delete(&mut self, actor: usize, picks: &[usize], all_or_nothing: bool, how: How) {
        let mut uids: Vec<Uuid> = Vec::new();
        for &pick in picks {
            let uid = self.pick(pick, |_| true);
            if !uids.contains(&uid) {
                uids.push(uid);
            }
        }
        let mut request = self.request(actor, how);
        // Named once more, each counts once.
        request.targets = uids.iter().chain(&uids).map(|uid| self.target(*uid)).collect();
        if all_or_nothing {
            request.atomicity = Atomicity::AllOrNothing;
        }
        let mut after = self.belief.clone();
        let targets: Vec<(Uuid, Option<u32>)> = uids.iter().map(|uid| (*uid, None)).collect();
        let expected = after.delete(self.asked(actor, &request), &targets, all_or_nothing);
        let stopped = all_or_nothing && expected.iter().any(|expected| *expected != Expected::Deleted);
        match self.engine.delete(request).await {
            Ok(outcomes) => {
                assert_eq!(outcomes.len(), uids.len(), "each distinct target has one outcome");
                for (outcome, expected) in outcomes.iter().zip(&expected) {
                    assert_verdict(outcome, *expected, stopped, how);
                }
                self.belief = after;
            }
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    pub(super) async fn delete_version(&mut self, actor: usize, pick: usize, number: usize, how: How) {
        let (file, number) = (self.pick_file(pick), number as u32 + 1);
        let mut request = self.request(actor, how);
        request.targets = vec![Target::Version { file, number }];
        let mut after = self.belief.clone();
        let expected = after.delete(self.asked(actor, &request), &[(file, Some(number))], false);
        match self.engine.delete(request).await {
            Ok(outcomes) => {
                assert_verdict(&outcomes[0], expected[0], false, how);
                self.belief = after;
            }
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    pub(super) async fn delete_after(&mut self, actor: usize, pick: usize, immediately: bool) {
        let uid = self.pick(pick, |_| true);
        let how = if immediately { How::Immediately } else { How::DeletersTrash };
        let mut request = self.request(actor, how);
        request.targets = vec![self.target_by_id(uid).await];
        (request.atomicity, request.edited) = (Atomicity::AllOrNothing, Edited::Wait);
        let asked = self.asked(actor, &request);
        let mut after = self.belief.clone();
        let expected = after.delete(asked, &[(uid, None)], true)[0];
        let waits = expected == Expected::Waiting;
        if waits {
            after.waiting.push((uid, asked));
        }
        match self.engine.delete_as_operation(request).await {
            Ok(marked) => {
                assert_verdict(&marked.outcomes[0], expected, false, how);
                let done = marked.operation.map(|operation| operation.finished);
                let accepted = matches!(expected, Expected::Deleted | Expected::Waiting);
                assert_eq!(done.is_some(), accepted, "an operation is kept of what was accepted");
                self.belief = after;
            }
            Err(error) if !waits => self.in_doubt(after, &error).await,
            Err(error) => {
                assert!(self.disturbed(), "no fault was set: {error:#}");
                self.recover().await;
                let query = OperationQuery { unfinished: true, ..OperationQuery::default() };
                let kept = self.engine.operations(&self.callers[actor], "model", query).await.unwrap();
                let known = self.belief.waiting.iter().filter(|(_, asked)| asked.actor == actor).count();
                assert!(kept.len() == known || kept.len() == known + 1);
                if kept.len() > known {
                    self.belief = after;
                }
            }
        }
    }

    pub(super) async fn delete_by_link(&mut self, link: usize, role: usize, pick: usize) {
        const ROLES: [Rights; 4] = [Rights::VIEWER, Rights::DOWNLOADER, Rights::CONTRIBUTOR, Rights::CONTRIBUTOR];
        let (linked, uid, rights) = (self.pick(link, |_| true), self.pick(pick, |_| true), ROLES[role]);
        let Some(node) = self.belief.nodes.get(&linked).filter(|node| node.parent.is_some()) else { return };
        let (owner, node_ref) = (self.callers[node.owner].clone(), self.node_ref(linked));
        let new = NewLink {
            audience: Audience::Everybody,
            rights,
            name: self.next().to_string(),
            code: None,
            expires_at: None,
        };
        let made = match self.engine.add_link(&owner, node_ref, new).await {
            Ok(made) => made,
            Err(Error::NotFound) => return assert!(!self.belief.is_visible(linked)),
            Err(error) => return assert!(self.disturbed(), "no fault was set: {error:#}"),
        };
        let opened = self.engine.open_link(made.uid, linked, None, None, IpAddr::from([127, 0, 0, 1])).await;
        let Ok(Ok(pass)) = opened else { return assert!(self.disturbed(), "{opened:?}") };
        let mut request = self.request(ADMIN, How::OwnersTrash);
        (request.caller, request.targets) = (Caller::anonymous(pass), vec![self.target(uid)]);
        let asked =
            Asked { actor: NOBODY, is_admin: false, link: Some((linked, rights)), ..self.asked(ADMIN, &request) };
        let mut after = self.belief.clone();
        let expected = after.delete(asked, &[(uid, None)], false)[0];
        match self.engine.delete(request).await {
            Ok(outcomes) => {
                assert_verdict(&outcomes[0], expected, false, How::OwnersTrash);
                self.belief = after;
            }
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    fn request(&self, actor: usize, how: How) -> DeleteRequest {
        let into = |holder: Holder| Live::Trash { holder, keep: KEEP };
        let (reach, live, trashed) = match how {
            How::Purge => (Reach::OwnOrAdmin, Live::Purge, Trashed::NotFound),
            How::Bin => (Reach::OwnOrAdmin, into(Holder::Owner), Trashed::NotFound),
            How::FromBin => (Reach::OwnOrAdmin, Live::NotFound, Trashed::Purge),
            How::OwnersTrash => (Reach::Rights, into(Holder::Owner), Trashed::NotFound),
            How::DeletersTrash => (Reach::Rights, into(Holder::Caller), Trashed::PurgeUnlessRepeat),
            How::Immediately => (Reach::Rights, Live::Purge, Trashed::Purge),
        };
        DeleteRequest {
            caller: self.callers[actor].clone(),
            dialect: "model",
            targets: Vec::new(),
            reach,
            atomicity: Atomicity::BestEffort,
            live,
            trashed,
            edited: Edited::Refuse,
        }
    }

    fn asked(&self, actor: usize, request: &DeleteRequest) -> Asked {
        let DeleteRequest { reach, live, trashed, .. } = *request;
        Asked {
            actor,
            is_admin: actor == ADMIN,
            reach,
            live,
            trashed,
            waits: request.edited == Edited::Wait,
            link: None,
            now: self.clock.micros(),
        }
    }

    fn target(&self, uid: Uuid) -> Target {
        match self.node_ref(uid) {
            NodeRef::FolderUid(uid) => Target::FolderUid(uid),
            _ => Target::FileUid(uid),
        }
    }

    /// The same by the integer id, as far as the owner is told of it.
    async fn target_by_id(&self, uid: Uuid) -> Target {
        let Some(node) = self.belief.nodes.get(&uid) else { return self.target(uid) };
        match self.engine.item(&self.callers[node.owner], self.node_ref(uid), Rights::NONE).await {
            Ok(Item::File(file)) => Target::FileId(file.id.0),
            Ok(Item::Folder(folder)) => Target::FolderId(folder.id.0),
            Err(_) => self.target(uid),
        }
    }

    pub(super) async fn delete_and_wait(&mut self, account: usize, pick: usize) {
        let uid = self.pick_file(pick);
        let mut after = self.belief.clone();
        let asked = self.asked(account, &DeleteRequest { reach: Reach::Own, ..self.request(account, How::Purge) });
        let expected = after.delete(asked, &[(uid, None)], false)[0];
        let node = self.belief.nodes.get(&uid);
        let owed = node.is_some_and(|node| node.owed && node.owner == account);
        let verdict = self.engine.delete_and_wait(&self.callers[account], "model", uid).await;
        let disturbed = self.disturbed();
        match verdict {
            Ok(GoneVerdict::Gone(deleted)) => {
                assert!(expected == Expected::Deleted || owed);
                assert_eq!(deleted.uid, uid);
                self.belief = after;
                self.belief.get(uid).owed = false;
            }
            Ok(GoneVerdict::Going) => {
                assert!(self.storage_down || disturbed, "storage works and did not confirm");
                self.belief = after;
                self.belief.get(uid).owed = true;
            }
            Ok(GoneVerdict::NotFound) => assert!(expected == Expected::NotFound && !owed || disturbed),
            Ok(GoneVerdict::Held) => assert!(expected == Expected::Held || self.belief.node(uid).held),
            Ok(GoneVerdict::Locked) => assert_eq!(expected, Expected::Locked),
            Err(error) => {
                self.in_doubt(after, &error).await;
                if expected == Expected::Deleted {
                    let gone = self.belief.place(uid) == Place::Gone;
                    self.belief.get(uid).owed = gone;
                }
            }
        }
    }

    pub(super) async fn race(&mut self, account: usize, picks: &[usize]) {
        let uids: BTreeSet<Uuid> = picks.iter().map(|&pick| self.pick_file(pick)).collect();
        let mut request = self.request(account, How::Purge);
        request.reach = Reach::Own;
        request.targets = uids.iter().map(|uid| Target::FileUid(*uid)).collect();
        let targets: Vec<(Uuid, Option<u32>)> = uids.iter().map(|uid| (*uid, None)).collect();
        let mut after = self.belief.clone();
        let expected = after.delete(self.asked(account, &request), &targets, false);
        let gone = expected.iter().filter(|expected| **expected == Expected::Deleted).count();
        let (first, second) = tokio::join!(self.engine.delete(request.clone()), self.engine.delete(request));
        match (first, second) {
            (Ok(first), Ok(second)) => {
                let deleted = |outcomes: &[Outcome]| {
                    outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Deleted(_))).count()
                };
                assert_eq!(deleted(&first) + deleted(&second), gone, "each file is deleted by one of two calls");
                assert!(deleted(&first) == 0 || deleted(&second) == 0, "one call wins whole");
                self.belief = after;
            }
            (first, second) => {
                let error = first.err().or(second.err()).unwrap();
                self.in_doubt(after, &error).await;
            }
        }
    }

    /// An entry of some trash, as its holder or owner sees it: its own uid, its node, and which version it is of.
    async fn pick_entry(&self, pick: usize) -> Option<(Uuid, Uuid, Option<u32>)> {
        let mut entries = Vec::new();
        for account in 0..self.callers.len() {
            let shown = check::trash_of(self, account).await;
            entries.extend(shown.into_iter().map(|((node, version), uid)| (uid, node, version)));
        }
        entries.sort_by_key(|(_, node, version)| (*node, *version));
        entries.dedup();
        (!entries.is_empty()).then(|| entries[pick % entries.len()])
    }

    fn belongs(&self, actor: usize, (node, version): (Uuid, Option<u32>)) -> bool {
        self.belief.trash(actor).contains(&(node, version))
    }

    pub(super) async fn destroy(&mut self, actor: usize, pick: usize) {
        let Some((uid, node, version)) = self.pick_entry(pick).await else { return };
        let is_folder = self.belief.node(node).is_folder;
        let mut request = self.request(actor, How::FromBin);
        request.reach = Reach::Rights;
        request.targets = vec![Target::Entry { uid, is_folder }];
        let held = if version.is_some() { self.belief.node(node).held } else { self.belief.is_held(node) };
        let expected = match self.belongs(actor, (node, version)) {
            false => Expected::NotFound,
            true if held => Expected::Held,
            true => Expected::Deleted,
        };
        let mut after = self.belief.clone();
        if expected == Expected::Deleted {
            after.destroy((node, version));
        }
        match self.engine.delete(request).await {
            Ok(outcomes) => {
                assert_verdict(&outcomes[0], expected, false, How::FromBin);
                self.belief = after;
            }
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    pub(super) async fn empty(&mut self, actor: usize) {
        let mut after = self.belief.clone();
        let (mut gone, mut kept) = (0, 0);
        for (uid, version) in self.belief.trash(actor) {
            let node = self.belief.node(uid);
            let state = version.map_or(node.state, |number| node.versions[&number].state);
            let held = if version.is_some() { node.held } else { self.belief.is_held(uid) };
            match state {
                State::Trashed(trashing) if trashing.holder == actor && held => kept += 1,
                State::Trashed(trashing) if trashing.holder == actor => {
                    gone += 1;
                    after.destroy((uid, version));
                }
                _ => {}
            }
        }
        match self.engine.empty_trash(&self.callers[actor], "model").await {
            Ok(None) => assert_eq!((gone, kept), (0, 0)),
            Ok(Some(operation)) => {
                // A version that goes with its file is not counted beside it.
                assert!(operation.entries.len() <= gone && operation.failures.len() == kept);
                self.belief = after;
            }
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    pub(super) async fn restore(&mut self, actor: usize, pick: usize, home: bool, as_admin: bool) {
        let Some((uid, node, version)) = self.pick_entry(pick).await else { return };
        let is_folder = self.belief.node(node).is_folder;
        let entry = match version {
            None if home => TrashRef::Node(node),
            _ => TrashRef::Entry { uid, is_folder },
        };
        let rules = if home { RestoreRules::HomeAndNumber } else { RestoreRules::RebuildAndRefuse };
        let caller = self.callers[actor].clone();
        let may = self.belongs(actor, (node, version)) || (as_admin && actor == ADMIN);
        let done = self.engine.restore(&caller, vec![entry], rules, as_admin).await;
        let back = match done.map(|mut restored| restored.remove(0)) {
            Ok(Restored::Back(_)) => {
                assert!(may);
                true
            }
            Ok(Restored::NotFound) => {
                // A single version goes back into a file that is there, or not at all.
                assert!(!may || version.is_some() && !self.belief.is_visible(node));
                false
            }
            Ok(Restored::NameTaken) => {
                assert!(may && !home && version.is_none());
                false
            }
            Ok(Restored::Refused(Refused::Locked)) => {
                assert!(may && version.is_some() && self.belief.node(node).locked_by.is_some_and(|by| by != actor));
                false
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert!(self.disturbed(), "no fault was set: {error:#}");
                self.recover().await;
                let owner = self.belief.node(node).owner;
                !check::trash_of(self, owner).await.contains_key(&(node, version))
            }
        };
        if back {
            self.is_back(node, version, home).await;
        }
        self.see_folders().await;
    }

    /// Where it lies now is looked up; it is its old folder, if that is there.
    async fn is_back(&mut self, node: Uuid, version: Option<u32>, home: bool) {
        if let Some(number) = version {
            self.belief.get(node).versions.get_mut(&number).unwrap().state = State::Live;
            return;
        }
        self.see_folders().await;
        let owner = self.belief.node(node).owner;
        let item = self.engine.item(&self.callers[owner], self.node_ref(node), Rights::NONE).await.unwrap();
        let parent = match item {
            Item::File(file) => file.parent.uid,
            Item::Folder(folder) => folder.parent.unwrap().uid,
        };
        let old = self.belief.node(node).parent.unwrap();
        let stands = self.belief.nodes.get(&old).is_some_and(|old| old.owner == owner) && self.belief.is_visible(old);
        match stands {
            true => assert_eq!(parent, old, "it is not where it lay"),
            false if home => assert_eq!(parent, self.root_of(owner), "it is not at home"),
            false => assert!(self.belief.is_visible(parent) && self.belief.node(parent).owner == owner),
        }
        let node = self.belief.get(node);
        (node.state, node.parent) = (State::Live, Some(parent));
    }
}

fn assert_verdict(outcome: &Outcome, expected: Expected, stopped: bool, how: How) {
    let became = match outcome.verdict {
        Verdict::Untouched => {
            assert!(stopped && expected == Expected::Deleted, "{outcome:?}, {how:?}");
            return;
        }
        Verdict::Deleted(_) => Expected::Deleted,
        Verdict::NotFound => Expected::NotFound,
        Verdict::NoVersion => Expected::NoVersion,
        Verdict::Forbidden => Expected::Forbidden,
        Verdict::Held => Expected::Held,
        Verdict::Locked => Expected::Locked,
        Verdict::Waiting => Expected::Waiting,
    };
    assert_eq!(became, expected, "{outcome:?}, {how:?}");
    assert!(!stopped || became != Expected::Deleted);
}
