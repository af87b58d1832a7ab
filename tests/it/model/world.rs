//! The engine under test, and what the model believes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use tempfile::TempDir;
use unfile::{
    clock::Clock,
    engine::{Engine, error::Error},
    fault::{Action, Faults},
    model::*,
};
use uuid::Uuid;

use super::{End, Step};
use crate::support::in_process::{self, open, sent};

/// Where the process can die.
pub(super) const POINTS: &[&str] = &[
    "commit",
    "mark",
    "mark.committed",
    "purge.take.committed",
    "purge.taken",
    "purge.removed",
    "purge.finish",
    "purge.finish.committed",
    "expand",
    "expand.committed",
    "objects.put",
    "objects.delete",
    "upload.written",
    "direct.stage.committed",
    "direct.commit",
    "direct.commit.committed",
    "slot.stage.committed",
    "slot.put.committed",
    "slot.verify.committed",
    "chunk.stage.committed",
    "chunk.put.committed",
    "file.stage.committed",
    "file.finish.committed",
    "transfer.add.committed",
    "transfer.commit",
    "transfer.commit.committed",
];

/// Where the work can fail while the process lives on: everywhere but behind a commit, which cannot be taken back.
pub(super) const FAILING: &[&str] = &[
    "commit",
    "mark",
    "purge.take",
    "purge.taken",
    "purge.removed",
    "purge.put_off",
    "purge.finish",
    "purge.acknowledge",
    "expand",
    "objects.put",
    "objects.delete",
    "upload.written",
    "upload.give_up",
    "direct.stage",
    "direct.commit",
    "direct.end",
    "slot.put",
    "slot.verify",
    "chunk.put",
    "file.finish",
    "transfer.commit",
    "transfer.drop",
    "expire.uploads",
];

/// Bytes that an account may hold: little enough that uploads sometimes do not fit.
const QUOTA: u64 = 40_000;

/// A file that the model knows.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) account: usize,
    pub(super) bytes: Bytes,
    pub(super) path: Vec<String>,
    pub(super) live: bool,
    pub(super) held: bool,
    /// Deleted by a call that waits and was not answered with a success.
    pub(super) owed: bool,
}

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) engine: Engine,
    faults: Faults,
    clock: Clock,
    pub(super) callers: Vec<Caller>,
    admin: Caller,
    pub(super) files: BTreeMap<Uuid, File>,
    /// Folder uids by account and path, as last seen.
    pub(super) folders: BTreeMap<(usize, Vec<String>), Uuid>,
    /// Every integer id that was ever given out, with its uid.
    pub(super) ids: BTreeMap<i64, Uuid>,
    storage_down: bool,
    /// The point that fails throughout this step.
    failing: Option<&'static str>,
    made: u32,
}

impl World {
    pub(super) async fn new() -> Self {
        let folder = in_process::folder();
        let (clock, faults) = (Clock::default(), Faults::default());
        let engine = open(&folder, &clock, &faults).await;
        let mut callers = Vec::new();
        for (name, role) in [("ann", Role::User), ("bob", Role::User), ("root", Role::Admin)] {
            let (_, key) = engine.add_account(name, role, Some(QUOTA), None).await.unwrap();
            callers.push(engine.authenticate(&key.secret, Realm::Keys).await.unwrap());
        }
        let admin = callers.pop().unwrap();
        Self {
            folder,
            engine,
            faults,
            clock,
            callers,
            admin,
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            ids: BTreeMap::new(),
            storage_down: false,
            failing: None,
            made: 0,
        }
    }

    /// Takes a step; if the process died in it, starts it again and sees which of the allowed ends it came to.
    pub(super) async fn take(&mut self, step: &Step) {
        match step {
            Step::Store { account, name, size } => self.store(*account, *name, *size).await,
            Step::Slot { account, puts, verify } => self.slot(*account, puts, *verify).await,
            Step::Transfer { account, files, end } => self.transfer(*account, files, *end).await,
            Step::Delete { account, picks, all_or_nothing, as_admin } => {
                self.delete(*account, picks, *all_or_nothing, *as_admin).await;
            }
            Step::DeleteFolders { account, picks } => self.delete_folders(*account, picks).await,
            Step::DeleteAndWait { account, pick } => self.delete_and_wait(*account, *pick).await,
            Step::Race { account, picks } => self.race(*account, picks).await,
            Step::Hold { pick } => self.hold(*pick, true).await,
            Step::Unhold { pick } => self.hold(*pick, false).await,
            Step::Storage { down } => self.storage(*down),
            Step::Jobs => self.jobs().await,
            Step::Hours { hours } => self.clock.advance(Duration::from_secs(hours * 3_600)),
            Step::CrashAt { point } => self.faults.set(POINTS[*point], Some(Action::Crash)),
            Step::FailAt { point } => {
                self.mend();
                self.failing = Some(FAILING[*point]);
                self.faults.set(FAILING[*point], Some(Action::Fail));
            }
        }
        if !matches!(step, Step::FailAt { .. }) {
            self.mend();
        }
        if self.faults.crashed() {
            self.restart().await;
        }
        self.see_folders().await;
    }

    /// Everything works, holds are lifted, time passes, the jobs do all they can.
    pub(super) async fn settle(&mut self) {
        self.restart().await;
        for hold in self.engine.holds().await.unwrap() {
            self.engine.remove_hold(hold.uid).await.unwrap();
        }
        self.files.values_mut().for_each(|file| file.held = false);
        self.clock.advance(Duration::from_secs(72 * 3_600));
        self.jobs().await;
    }

    /// Takes back what fails; the leases that it has left behind run out.
    fn mend(&mut self) {
        if let Some(point) = self.failing.take() {
            self.faults.set(point, None);
            self.storage(self.storage_down);
            self.clock.advance(Duration::from_secs(31));
        }
    }

    /// Whether an error may have to do with a fault that was set.
    fn disturbed(&self) -> bool {
        self.faults.crashed() || self.failing.is_some()
    }

    /// After a disturbed step: everything works again, after a start if the process has died.
    async fn recover(&mut self) {
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
        self.engine = open(&self.folder, &self.clock, &self.faults).await;
        let lost: Vec<Uuid> = self.files.keys().copied().collect();
        for uid in lost {
            let owner = &self.callers[self.files[&uid].account];
            let there = self.engine.file(owner, uid).await.is_ok();
            self.files.get_mut(&uid).unwrap().live &= there || !self.in_doubt(uid);
        }
    }

    /// Whether the step that the crash cut off may have ended this file. Only deletes do, and they are noted first.
    fn in_doubt(&self, uid: Uuid) -> bool {
        self.files[&uid].owed
    }

    fn storage(&mut self, down: bool) {
        self.storage_down = down;
        let action = down.then_some(Action::Fail);
        self.faults.set("objects.delete", action);
        self.faults.set("objects.put", action);
    }

    pub(super) async fn jobs(&mut self) {
        let _ = unfile::jobs::run_dry(&self.engine).await;
    }

    fn bytes(&mut self, size: usize) -> Bytes {
        self.made += 1;
        let seed = self.made;
        (0..size).map(|at| (at as u32).wrapping_mul(31).wrapping_add(seed) as u8).collect()
    }

    fn know(&mut self, account: usize, info: &FileInfo, bytes: Bytes) {
        let before = self.ids.insert(info.id.0, info.uid);
        assert!(before.is_none_or(|uid| uid == info.uid), "an integer id was given out twice");
        assert_eq!(info.size, bytes.len() as u64);
        let path = info.path.clone();
        let file = File { account, bytes, path, live: true, held: false, owed: false };
        assert!(self.files.insert(info.uid, file).is_none(), "a uid was given out twice");
    }

    /// After a crash within an upload: whatever file has appeared is one that was asked for.
    async fn find_new(&mut self, account: usize, asked: &[(String, Bytes)]) {
        self.recover().await;
        let caller = self.callers[account].clone();
        let page = self.engine.files(&caller, every_file()).await.unwrap();
        let new: Vec<FileInfo> = page.items.into_iter().filter(|file| !self.files.contains_key(&file.uid)).collect();
        assert!(new.is_empty() || new.len() == asked.len(), "part of an upload has become visible");
        for (info, (_, bytes)) in new.iter().zip(asked) {
            self.know(account, info, bytes.clone());
        }
    }

    async fn store(&mut self, account: usize, name: u8, size: usize) {
        let bytes = self.bytes(size);
        let name = format!("stored-{name}");
        let new = NewFile { name: NodeName::parse(&name).unwrap(), media_type: "text/plain".into(), private: true };
        match self.engine.store_file(&self.callers[account], new, bytes.clone()).await {
            Ok(info) => self.know(account, &info, bytes),
            Err(Error::NameTaken { by }) => assert!(self.files[&by].live, "a name is taken by a file that is gone"),
            Err(Error::QuotaExceeded { .. }) => {}
            Err(error) => self.expect_fault(error, account, &[(name, bytes)]).await,
        }
    }

    async fn expect_fault(&mut self, error: Error, account: usize, asked: &[(String, Bytes)]) {
        match self.disturbed() {
            true => self.find_new(account, asked).await,
            false => assert!(self.storage_down, "no fault was set: {error:#}"),
        }
    }

    async fn slot(&mut self, account: usize, puts: &[usize], verify: bool) {
        let caller = self.callers[account].clone();
        let name = NodeName::parse("slot").unwrap();
        let slot = match self.engine.open_slot(&caller, name, "text/plain".into()).await {
            Ok(slot) => slot,
            Err(error) => return self.expect_fault(error, account, &[]).await,
        };
        let mut last = None;
        for &size in puts {
            let bytes = self.bytes(size);
            match self.engine.put_slot(slot.uid, Some(size as u64), sent(bytes.clone())).await {
                Ok(_) => last = Some(bytes),
                Err(Error::QuotaExceeded { .. }) => {}
                Err(error) => return self.expect_fault(error, account, &[]).await,
            }
        }
        if verify {
            let asked: Vec<(String, Bytes)> = last.iter().map(|bytes| ("slot".into(), bytes.clone())).collect();
            match self.engine.verify_slot(&caller, slot.uid).await {
                Ok(info) => {
                    self.know(account, &info, last.unwrap());
                    let again = self.engine.verify_slot(&caller, slot.uid).await;
                    assert!(again.is_ok_and(|again| again.id == info.id) || self.disturbed());
                }
                Err(Error::Incomplete) => assert!(last.is_none()),
                Err(error) => self.expect_fault(error, account, &asked).await,
            }
        }
    }

    async fn transfer(&mut self, account: usize, files: &[(Vec<u8>, usize)], end: End) {
        let caller = self.callers[account].clone();
        let mut asked = Vec::new();
        match self.send(&caller, files, end, &mut asked).await {
            Ok(shown) => {
                for (info, (_, bytes)) in shown.iter().zip(&asked) {
                    self.know(account, info, bytes.clone());
                }
            }
            Err(Error::QuotaExceeded { .. }) => {}
            Err(error) => {
                let asked = if asked.len() == files.len() { asked } else { Vec::new() };
                self.expect_fault(error, account, &asked).await;
            }
        }
    }

    async fn send(
        &mut self,
        caller: &Caller,
        files: &[(Vec<u8>, usize)],
        end: End,
        asked: &mut Vec<(String, Bytes)>,
    ) -> Result<Vec<FileInfo>, Error> {
        let group = self.engine.open_transfer(caller, None, None).await?.uid;
        for (path, size) in files {
            let bytes = self.bytes(*size);
            let new = NewTransferFile {
                uid: None,
                name: NodeName::parse("sent.txt").unwrap(),
                path: path.iter().map(|part| NodeName::parse(&format!("folder-{part}")).unwrap()).collect(),
                media_type: "text/plain".into(),
                size: *size as u64,
                chunked: true,
            };
            let file = self.engine.add_transfer_file(caller, group, new).await?;
            let half = size / 2;
            // The second half first, and once more: order does not matter, and a chunk may be sent again.
            for (from, to) in [(half, *size), (0, half), (half, *size)] {
                let chunk = Chunk { offset: Some(from as u64), md5: None };
                self.engine.put_chunk(caller, group, file, chunk, sent(bytes.slice(from..to))).await?;
            }
            self.engine.finish_transfer_file(caller, group, file).await?;
            asked.push(("sent.txt".into(), bytes));
        }
        match end {
            End::Commit => self.engine.commit_transfer(caller, group, None).await,
            End::Drop => self.engine.drop_transfer(caller, group).await.map(|()| Vec::new()),
            End::Leave => Ok(Vec::new()),
        }
    }

    fn pick(&self, pick: usize) -> Uuid {
        // Some picks name nothing at all.
        self.files.keys().nth(pick % (self.files.len() + 1)).copied().unwrap_or(Uuid::from_u128(7))
    }

    /// What the model expects of deleting one file.
    fn expected(&self, uid: Uuid, account: usize, as_admin: bool) -> &'static str {
        match self.files.get(&uid) {
            Some(file) if !file.live || (file.account != account && !as_admin) => "not found",
            None => "not found",
            Some(file) if file.held => "held",
            Some(_) => "deleted",
        }
    }

    async fn delete(&mut self, account: usize, picks: &[usize], all_or_nothing: bool, as_admin: bool) {
        let uids: BTreeSet<Uuid> = picks.iter().map(|&pick| self.pick(pick)).collect();
        let expected: BTreeMap<Uuid, &str> =
            uids.iter().map(|&uid| (uid, self.expected(uid, account, as_admin))).collect();
        let stopped = all_or_nothing && expected.values().any(|&expected| expected != "deleted");
        let request = DeleteRequest {
            caller: if as_admin { self.admin.clone() } else { self.callers[account].clone() },
            dialect: "model",
            targets: picks.iter().map(|&pick| Target::FileUid(self.pick(pick))).collect(),
            reach: Reach::OwnOrAdmin,
            atomicity: if all_or_nothing { Atomicity::AllOrNothing } else { Atomicity::BestEffort },
            live: Live::Purge,
            trashed: Trashed::NotFound,
            edited: Edited::Refuse,
        };
        let gone: Vec<Uuid> = match stopped {
            true => Vec::new(),
            false => uids.iter().copied().filter(|uid| expected[uid] == "deleted").collect(),
        };
        match self.engine.delete(request).await {
            Ok(outcomes) => {
                assert_eq!(outcomes.len(), uids.len(), "each distinct target has one outcome");
                for outcome in outcomes {
                    let Target::FileUid(uid) = outcome.target else { unreachable!() };
                    let became = match outcome.verdict {
                        Verdict::Deleted(_) => "deleted",
                        Verdict::Untouched => "untouched",
                        Verdict::NotFound | Verdict::NoVersion | Verdict::Forbidden | Verdict::Waiting => "not found",
                        Verdict::Held => "held",
                        Verdict::Locked => "locked",
                    };
                    let expected = if stopped && expected[&uid] == "deleted" { "untouched" } else { expected[&uid] };
                    assert_eq!(became, expected);
                }
                self.forget(&gone);
            }
            Err(_) => self.all_or_none(&gone).await,
        }
    }

    fn forget(&mut self, gone: &[Uuid]) {
        for uid in gone {
            self.files.get_mut(uid).unwrap().live = false;
        }
    }

    /// A delete whose answer was lost has happened whole or not at all.
    async fn all_or_none(&mut self, asked: &[Uuid]) {
        assert!(self.disturbed(), "a delete failed without a fault");
        self.recover().await;
        let mut there = BTreeSet::new();
        for uid in asked {
            let owner = &self.callers[self.files[uid].account];
            there.insert(self.engine.file(owner, *uid).await.is_ok());
        }
        assert!(there.len() <= 1, "half a delete has happened");
        if there.contains(&false) {
            self.forget(asked);
        }
    }

    async fn delete_folders(&mut self, account: usize, picks: &[usize]) {
        let own: Vec<(Vec<String>, Uuid)> = self
            .folders
            .iter()
            .filter(|((owner, _), _)| *owner == account)
            .map(|((_, path), uid)| (path.clone(), *uid))
            .collect();
        if own.is_empty() {
            return;
        }
        let mut chosen: Vec<(Vec<String>, Uuid)> = picks.iter().map(|&pick| own[pick % own.len()].clone()).collect();
        chosen.sort();
        chosen.dedup();
        let below = |path: &[String], file: &File| file.account == account && file.path.starts_with(path);
        let held = |path: &[String]| self.files.values().any(|file| file.live && file.held && below(path, file));
        let free: Vec<Vec<String>> = chosen.iter().map(|(path, _)| path.clone()).filter(|path| !held(path)).collect();
        let gone: Vec<Uuid> = self
            .files
            .iter()
            .filter(|(_, file)| file.live && free.iter().any(|path| below(path, file)))
            .map(|(uid, _)| *uid)
            .collect();
        let request = DeleteRequest {
            caller: self.callers[account].clone(),
            dialect: "model",
            targets: chosen.iter().map(|(_, uid)| Target::FolderUid(*uid)).collect(),
            reach: Reach::Own,
            atomicity: Atomicity::BestEffort,
            live: Live::Purge,
            trashed: Trashed::NotFound,
            edited: Edited::Refuse,
        };
        match self.engine.delete(request).await {
            Ok(outcomes) => {
                for (outcome, (path, _)) in outcomes.iter().zip(&chosen) {
                    let deleted = matches!(outcome.verdict, Verdict::Deleted(_));
                    assert_eq!(deleted, free.contains(path), "{:?} of {path:?}", outcome.verdict);
                }
                self.forget(&gone);
            }
            Err(_) => self.all_or_none(&gone).await,
        }
    }

    async fn delete_and_wait(&mut self, account: usize, pick: usize) {
        let uid = self.pick(pick);
        let expected = self.expected(uid, account, false);
        let owed = self.files.get(&uid).is_some_and(|file| file.owed && file.account == account);
        let verdict = self.engine.delete_and_wait(&self.callers[account], "model", uid).await;
        let disturbed = self.disturbed();
        match verdict {
            Ok(GoneVerdict::Gone(deleted)) => {
                assert!(expected == "deleted" || owed);
                let file = self.files.get_mut(&uid).unwrap();
                assert_eq!(deleted.size, file.bytes.len() as u64);
                (file.live, file.owed) = (false, false);
            }
            Ok(GoneVerdict::Going) => {
                assert!(self.storage_down || disturbed, "storage works and did not confirm");
                let file = self.files.get_mut(&uid).unwrap();
                (file.live, file.owed) = (false, true);
            }
            Ok(GoneVerdict::NotFound) => assert!(expected == "not found" && !owed || disturbed),
            Ok(GoneVerdict::Held) => assert!(self.files[&uid].held),
            Ok(GoneVerdict::Locked) => panic!("nothing is locked here"),
            Err(_) => {
                assert!(disturbed);
                if expected == "deleted" {
                    self.recover().await;
                    let there = self.engine.file(&self.callers[account], uid).await.is_ok();
                    let file = self.files.get_mut(&uid).unwrap();
                    (file.live, file.owed) = (there, !there);
                }
            }
        }
    }

    async fn race(&mut self, account: usize, picks: &[usize]) {
        let targets: Vec<Target> = picks.iter().map(|&pick| Target::FileUid(self.pick(pick))).collect();
        let request = DeleteRequest {
            caller: self.callers[account].clone(),
            dialect: "model",
            targets,
            reach: Reach::Own,
            atomicity: Atomicity::BestEffort,
            live: Live::Purge,
            trashed: Trashed::NotFound,
            edited: Edited::Refuse,
        };
        let uids: BTreeSet<Uuid> = picks.iter().map(|&pick| self.pick(pick)).collect();
        let gone: Vec<Uuid> = uids.into_iter().filter(|&uid| self.expected(uid, account, false) == "deleted").collect();
        let (first, second) = tokio::join!(self.engine.delete(request.clone()), self.engine.delete(request));
        match (first, second) {
            (Ok(first), Ok(second)) => {
                let deleted = |outcomes: &[Outcome]| {
                    outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Deleted(_))).count()
                };
                assert_eq!(deleted(&first) + deleted(&second), gone.len(), "each file is deleted by one of two calls");
                assert!(deleted(&first) == 0 || deleted(&second) == 0, "one call wins whole");
                self.forget(&gone);
            }
            _ => self.all_or_none(&gone).await,
        }
    }

    async fn hold(&mut self, pick: usize, put: bool) {
        let uid = self.pick(pick);
        let done = match put {
            true => self.engine.add_hold(uid, None, "case 7").await.map(drop),
            false => self.engine.remove_hold(uid).await,
        };
        match done {
            Ok(()) => self.files.get_mut(&uid).unwrap().held = put,
            Err(Error::NotFound) => {}
            // A purge that failed half-way has the bytes in hand for as long as its lease lasts.
            Err(Error::Invalid(_)) => assert!(put && !self.files[&uid].live, "nothing is being removed"),
            Err(_) => {
                assert!(self.disturbed());
                self.recover().await;
                let holds = self.engine.holds().await.unwrap();
                for (uid, file) in &mut self.files {
                    file.held = holds.iter().any(|hold| hold.uid == *uid);
                }
            }
        }
    }

    /// Folders are found as a client finds them: by listing from the root.
    async fn see_folders(&mut self) {
        self.folders.clear();
        for (account, caller) in self.callers.iter().enumerate() {
            let root = self.engine.root(caller).await.unwrap();
            let mut open = vec![(root.uid, Vec::new())];
            while let Some((folder, path)) = open.pop() {
                for entry in self.engine.folder_content(caller, folder, 0, 1_000).await.unwrap().items {
                    if entry.is_folder {
                        let path: Vec<String> = path.iter().cloned().chain([entry.name]).collect();
                        self.folders.insert((account, path.clone()), entry.uid);
                        open.push((entry.uid, path));
                    }
                }
            }
        }
    }
}

pub(super) fn every_file() -> FileQuery {
    FileQuery { whose: Whose::Own, order: FileOrder::Id, descending: false, find: None, offset: 0, limit: 10_000 }
}
