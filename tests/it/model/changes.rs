//! Moves, and what keeps a file or lets others at it: shares, locks, edit sessions, holds.

use unfile::{engine::error::Error, model::*};
use uuid::Uuid;

use super::{belief::Belief, world::World};

const RIGHTS: [Rights; 6] =
    [Rights::NONE, Rights::VIEWER, Rights::DOWNLOADER, Rights::EDITOR, Rights::CONTRIBUTOR, Rights::ALL];
/// As long as the harness lets a session last without a call, microseconds.
const EDIT_LIFE: i64 = 600_000_000;

impl World {
    pub(super) async fn move_node(&mut self, actor: usize, pick: usize, to: usize) {
        let (uid, to) = (self.pick(pick, |_| true), self.pick(to, |node| node.is_folder));
        let expected = self.may_move(actor, uid, to);
        let mut after = self.belief.clone();
        if expected.is_ok() {
            let owner = after.node(to).owner;
            for moved in after.subtree(uid) {
                after.get(moved).owner = owner;
            }
            after.get(uid).parent = Some(to);
        }
        let (node, to) = (self.node_ref(uid), NodeRef::FolderUid(to));
        match self.engine.move_node(&self.callers[actor], node, to, Clash::Keep).await {
            Ok(_) => {
                assert_eq!(expected, Ok(()));
                self.belief = after;
            }
            Err(Error::NotFound) => assert!(expected.unwrap_err().contains(&"not found")),
            Err(Error::Forbidden) => assert!(expected.unwrap_err().contains(&"forbidden")),
            Err(Error::Locked) => assert_eq!(expected, Err(vec!["locked"])),
            Err(Error::Invalid(_)) => assert_eq!(expected, Err(vec!["into itself"])),
            Err(Error::QuotaExceeded { .. }) => assert_eq!(expected, Ok(())),
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    /// The reasons against a move, any of which may be told.
    fn may_move(&self, actor: usize, uid: Uuid, to: Uuid) -> Result<(), Vec<&'static str>> {
        let mut against: Vec<&str> = [self.may(actor, uid, Rights::DELETE), self.may(actor, to, Rights::WRITE)]
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if self.belief.nodes.get(&uid).is_some_and(|node| node.parent.is_none()) {
            against.push("forbidden");
        }
        if against.is_empty() && self.belief.subtree(uid).contains(&to) {
            against.push("into itself");
        } else if against.is_empty() && self.belief.is_locked(uid, actor, self.clock.micros()) {
            against.push("locked");
        }
        if against.is_empty() { Ok(()) } else { Err(against) }
    }

    pub(super) async fn share(&mut self, actor: usize, pick: usize, with: usize, rights: usize) {
        let (uid, rights) = (self.pick(pick, |_| true), RIGHTS[rights]);
        let mut expected = self.may(actor, uid, Rights::SHARE);
        if expected.is_ok() && self.belief.node(uid).parent.is_none() {
            expected = Err("forbidden");
        }
        let mut after = self.belief.clone();
        if expected.is_ok() && with != after.node(uid).owner {
            match rights {
                Rights::NONE => drop(after.get(uid).shares.remove(&with)),
                rights => drop(after.get(uid).shares.insert(with, rights)),
            }
        }
        let change = ShareChange { with: self.callers[with].uid, rights };
        let done = self.engine.set_shares(&self.callers[actor], self.node_ref(uid), vec![change]).await;
        self.changed(done.map(drop), expected, after).await;
    }

    pub(super) async fn lock(&mut self, actor: usize, pick: usize, lock: bool) {
        let uid = self.pick_file(pick);
        let mut expected = self.may(actor, uid, if lock { Rights::WRITE } else { Rights::READ });
        let mut after = self.belief.clone();
        if expected.is_ok() {
            let is_owner = after.node(uid).owner == actor;
            let by = &mut after.get(uid).locked_by;
            match (*by, lock) {
                (Some(other), true) if other != actor => expected = Err("locked"),
                (Some(other), false) if other != actor && !is_owner => expected = Err("locked"),
                _ => *by = lock.then_some(actor),
            }
        }
        let (caller, file) = (&self.callers[actor], NodeRef::FileUid(uid));
        let done = match lock {
            true => self.engine.lock(caller, file).await,
            false => self.engine.unlock(caller, file, None).await,
        };
        self.changed(done.map(drop), expected, after).await;
    }

    /// Opens an edit session, or opens and closes one.
    pub(super) async fn edit(&mut self, actor: usize, pick: usize, open: bool) {
        let (uid, now) = (self.pick_file(pick), self.clock.micros());
        let mut expected = self.may(actor, uid, Rights::WRITE);
        let mut after = self.belief.clone();
        let waits = expected.is_ok() && {
            let way = self.belief.way(uid);
            self.belief.waiting.iter().any(|(waiting, _)| way.contains(waiting))
        };
        if expected.is_ok() {
            let node = after.get(uid);
            let has_one = node.edited.get(&actor).is_some_and(|until| *until > now);
            match node.locked_by {
                Some(by) if by != actor && !has_one => expected = Err("locked"),
                _ if waits && !has_one => expected = Err("locked"),
                _ => drop(node.edited.insert(actor, now + EDIT_LIFE)),
            }
        }
        let (caller, file) = (self.callers[actor].clone(), NodeRef::FileUid(uid));
        let started = self.engine.start_edit(&caller, file, false).await;
        let key = started.as_ref().ok().cloned();
        self.changed(started.map(drop), expected, after).await;
        if let (Some(key), false) = (key, open) {
            let mut after = self.belief.clone();
            after.get(uid).edited.remove(&actor);
            let ended = self.engine.track_edit(&caller, file, Uuid::nil(), &key, true).await;
            self.changed(ended, Ok(()), after).await;
        }
    }

    async fn changed(&mut self, done: Result<(), Error>, expected: Result<(), &'static str>, after: Belief) {
        match done {
            Ok(()) => {
                assert_eq!(expected, Ok(()));
                self.belief = after;
            }
            Err(Error::NotFound) => assert_eq!(expected, Err("not found")),
            Err(Error::Forbidden) => assert_eq!(expected, Err("forbidden")),
            Err(Error::Locked) => assert_eq!(expected, Err("locked")),
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    pub(super) async fn hold(&mut self, pick: usize, put: bool) {
        let uid = self.pick_file(pick);
        let done = match put {
            true => self.engine.add_hold(uid, None, "case 7").await.map(drop),
            false => self.engine.remove_hold(uid).await,
        };
        match done {
            Ok(()) => self.belief.get(uid).held = put,
            Err(Error::NotFound) => {}
            // A purge that failed half-way has the bytes in hand for as long as its lease lasts.
            Err(Error::Invalid(_)) => assert!(put, "nothing is being removed"),
            Err(_) => {
                assert!(self.disturbed());
                self.recover().await;
                let holds = self.engine.holds().await.unwrap();
                for (uid, node) in &mut self.belief.nodes {
                    node.held = holds.iter().any(|hold| hold.uid == *uid);
                }
            }
        }
    }
}
