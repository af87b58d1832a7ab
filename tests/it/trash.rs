//! The trash, single versions and the emptying of a trash: what the engine does, whatever dialect asks.

mod gone;

use std::time::Duration;

use bytes::Bytes;
use unfile::{
    clock::Clock,
    engine::{Engine, error::Error},
    fault::Faults,
    jobs,
    model::*,
};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::Installation,
    promises,
};

const KEEP: Duration = Duration::from_secs(30 * 86_400);
const TO_OWNERS_TRASH: Live = Live::Trash { holder: Holder::Owner, keep: KEEP };
const TO_OWN_TRASH: Live = Live::Trash { holder: Holder::Caller, keep: KEEP };

struct Scene {
    installation: Installation,
    engine: Engine,
    clock: Clock,
    ann: Caller,
    bob: Caller,
}

impl Scene {
    async fn new() -> Self {
        let (installation, clock, faults) = (in_process::installation().await, Clock::default(), Faults::default());
        let engine = in_process::open(&installation, &clock, &faults).await;
        let mut callers = Vec::new();
        for name in ["ann", "bob"] {
            let (_, key) = engine.add_account(name, Role::User, Some(0), None).await.unwrap();
            callers.push(engine.authenticate(&key.secret, Realm::Keys).await.unwrap());
        }
        let (bob, ann) = (callers.pop().unwrap(), callers.pop().unwrap());
        Self { installation, engine, clock, ann, bob }
    }

    async fn make_folder(&self, parent: NodeRef, name: &str) -> FolderInfo {
        let new =
            NewFolder { parent, name: NodeName::parse(name).unwrap(), description: String::new(), clash: Clash::Keep };
        self.engine.make_folder(&self.ann, new).await.unwrap()
    }

    async fn store(&self, folder: NodeRef, name: &str, size: usize) -> FileInfo {
        let into = Into::Folder { folder, name: NodeName::parse(name).unwrap(), taken: Taken::Version };
        let new = NewContent { into, media_type: "text/plain".into() };
        self.engine.store_content(&self.ann, new, sent(Bytes::from(vec![7; size]))).await.unwrap()
    }

    async fn delete(&self, caller: &Caller, target: Target, live: Live, trashed: Trashed) -> Verdict {
        let request = DeleteRequest {
            caller: caller.clone(),
            dialect: "test",
            targets: vec![target],
            reach: Reach::Rights,
            atomicity: Atomicity::AllOrNothing,
            live,
            trashed,
            edited: Edited::Refuse,
        };
        self.engine.delete(request).await.unwrap().remove(0).verdict
    }

    async fn trash(&self, target: Target) -> Verdict {
        self.delete(&self.ann, target, TO_OWNERS_TRASH, Trashed::NotFound).await
    }

    async fn destroy_entry(&self, caller: &Caller, entry: &TrashEntry) -> Verdict {
        let target = Target::Entry { uid: entry.uid, is_folder: entry.item.is_folder() };
        self.delete(caller, target, Live::NotFound, Trashed::Purge).await
    }

    async fn entries(&self, caller: &Caller) -> Vec<TrashEntry> {
        let query = TrashQuery { scope: TrashScope::Own, versions: true, counted: true, offset: 0, limit: 100 };
        let page = self.engine.trash(caller, query).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items
    }

    async fn used(&self) -> (u64, u64) {
        let account = self.engine.account(&self.ann).await.unwrap();
        (account.used, account.purging)
    }

    async fn share(&self, node: NodeRef, rights: Rights) {
        let change = ShareChange { with: self.bob.uid, rights };
        self.engine.set_shares(&self.ann, node, vec![change]).await.unwrap();
    }

    async fn kept(&self) {
        promises::assert_kept(&self.installation).await;
    }

    /// Runs the jobs dry: every promise is kept, and nothing waits.
    async fn settle(&self) {
        self.kept().await;
        jobs::run_dry(&self.engine).await.unwrap();
        self.kept().await;
        promises::assert_nothing_left_behind(&self.installation).await;
    }
}

fn deleted(verdict: &Verdict) -> &Deleted {
    match verdict {
        Verdict::Deleted(deleted) => deleted,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trashed_folder_is_hidden_whole_and_keeps_its_bytes() {
    let scene = Scene::new().await;
    let folder = scene.make_folder(NodeRef::Home, "docs").await;
    let below = scene.make_folder(NodeRef::FolderUid(folder.uid), "deep").await;
    let file = scene.store(NodeRef::FolderUid(below.uid), "a.txt", 10).await;
    let verdict = scene.trash(Target::FolderUid(folder.uid)).await;
    assert_eq!(deleted(&verdict).nodes, 1);
    assert_eq!(scene.used().await, (10, 0));
    for node in [NodeRef::FolderUid(folder.uid), NodeRef::FolderUid(below.uid), NodeRef::FileUid(file.uid)] {
        let seen = scene.engine.item(&scene.ann, node, Rights::NONE).await;
        assert!(matches!(seen, Err(Error::NotFound)), "{node:?}");
    }
    assert!(matches!(scene.engine.read_signed(file.uid).await, Err(Error::NotFound)));
    let flat =
        FileQuery { whose: Whose::Own, order: FileOrder::Id, descending: false, find: None, offset: 0, limit: 10 };
    let page = scene.engine.files(&scene.ann, flat).await.unwrap();
    assert_eq!((page.total, page.items.len()), (0, 0));
    assert_eq!(scene.trash(Target::FileUid(file.uid)).await, Verdict::NotFound);
    assert_eq!(scene.trash(Target::FolderUid(folder.uid)).await, Verdict::NotFound);
    let entries = scene.entries(&scene.ann).await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].item.ids().uid, folder.uid);
    assert_ne!(entries[0].uid, folder.uid);
    scene.settle().await;

    assert_eq!(deleted(&scene.destroy_entry(&scene.ann, &entries[0]).await).nodes, 3);
    assert_eq!(scene.used().await, (0, 10));
    assert!(scene.entries(&scene.ann).await.is_empty());
    assert_eq!(scene.destroy_entry(&scene.ann, &entries[0]).await, Verdict::NotFound);
    scene.settle().await;
    assert_eq!(scene.used().await, (0, 0));
}

#[tokio::test]
async fn single_versions_go_to_the_trash_and_their_numbers_are_never_used_again() {
    let scene = Scene::new().await;
    let mut file = scene.store(NodeRef::Home, "a.txt", 1).await;
    for size in [2, 4] {
        file = scene.store(NodeRef::Home, "a.txt", size).await;
    }
    let node = NodeRef::FileUid(file.uid);
    assert_eq!((file.version, file.size), (3, 4));
    let version = |number| Target::Version { file: file.uid, number };
    assert_eq!(scene.trash(version(9)).await, Verdict::NoVersion);
    assert_eq!(deleted(&scene.trash(version(3)).await).size, 4);
    assert_eq!(scene.trash(version(3)).await, Verdict::NoVersion);
    let now = scene.engine.file_for(&scene.ann, node, Rights::READ).await.unwrap();
    assert_eq!((now.version, now.size), (2, 2));
    assert_eq!(scene.used().await, (7, 0));
    let numbers: Vec<u32> =
        scene.engine.versions(&scene.ann, node).await.unwrap().iter().map(|file| file.version).collect();
    assert_eq!(numbers, [2, 1]);
    scene.kept().await;
    assert_eq!(scene.store(NodeRef::Home, "a.txt", 8).await.version, 4);

    let entry = scene.entries(&scene.ann).await.remove(0);
    assert_eq!((entry.version, entry.item.ids().uid), (Some(3), file.uid));
    deleted(&scene.destroy_entry(&scene.ann, &entry).await);
    assert_eq!(scene.used().await, (11, 4));
    scene.settle().await;
    assert_eq!(scene.used().await, (11, 0));

    // The last one left is the file itself; its trashed versions go with it when it is destroyed.
    deleted(&scene.trash(version(1)).await);
    deleted(&scene.trash(version(2)).await);
    deleted(&scene.trash(version(4)).await);
    let entries = scene.entries(&scene.ann).await;
    assert_eq!(entries.iter().map(|entry| entry.version).collect::<Vec<_>>(), [None, Some(2), Some(1)]);
    deleted(&scene.destroy_entry(&scene.ann, &entries[0]).await);
    assert!(scene.entries(&scene.ann).await.is_empty());
    scene.settle().await;
    assert_eq!(scene.used().await, (0, 0));
}

#[tokio::test]
async fn past_versions_are_destroyed_alone_and_the_current_one_is_not() {
    let scene = Scene::new().await;
    for size in [1, 2, 4] {
        scene.store(NodeRef::Home, "a.txt", size).await;
    }
    let file = scene.store(NodeRef::Home, "a.txt", 8).await;
    let past = |number| Target::PastVersion { file: file.id.0, number };
    let request = |targets| DeleteRequest {
        reach: Reach::Rights,
        ..DeleteRequest::permanent(scene.ann.clone(), "test", targets)
    };
    let outcomes = scene.engine.delete(request(vec![past(1), past(4)])).await.unwrap();
    let verdicts: Vec<&Verdict> = outcomes.iter().map(|outcome| &outcome.verdict).collect();
    assert_eq!(verdicts, [&Verdict::Untouched, &Verdict::Forbidden]);
    assert_eq!(scene.used().await, (15, 0));
    let outcomes = scene.engine.delete(request(vec![past(1), past(9), past(3)])).await.unwrap();
    assert_eq!(outcomes[1].verdict, Verdict::NoVersion);
    assert_eq!(scene.used().await, (10, 5));
    scene.settle().await;
    let left = scene.engine.versions(&scene.ann, NodeRef::FileUid(file.uid)).await.unwrap();
    assert_eq!(left.iter().map(|file| file.version).collect::<Vec<_>>(), [4, 2]);
}

#[tokio::test]
async fn emptying_takes_what_the_caller_holds_by_one_mark_and_spares_what_is_held() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let kept = scene.store(NodeRef::FolderUid(docs.uid), "kept.txt", 1).await;
    let free = scene.make_folder(NodeRef::Home, "free").await;
    scene.store(NodeRef::FolderUid(free.uid), "b.txt", 2).await;
    let single = scene.store(NodeRef::Home, "c.txt", 4).await;
    scene.store(NodeRef::Home, "c.txt", 8).await;
    let shared = scene.store(NodeRef::Home, "d.txt", 16).await;
    scene.share(NodeRef::FileUid(shared.uid), Rights::CONTRIBUTOR).await;
    scene.trash(Target::FolderUid(docs.uid)).await;
    scene.engine.add_hold(kept.uid, None, "a case").await.unwrap();
    scene.trash(Target::FolderUid(free.uid)).await;
    scene.trash(Target::Version { file: single.uid, number: 1 }).await;
    deleted(&scene.delete(&scene.bob, Target::FileUid(shared.uid), TO_OWN_TRASH, Trashed::NotFound).await);
    assert_eq!(scene.entries(&scene.ann).await.len(), 4);
    assert_eq!(scene.entries(&scene.bob).await.len(), 1);

    let operation = scene.engine.empty_trash(&scene.ann, "test").await.unwrap().unwrap();
    assert_eq!(operation.failures, [Failure { name: "docs".into(), reason: FailureReason::Refused(Refused::Held) }]);
    assert!(operation.finished);
    assert_eq!(operation.done, 3, "a folder, its file, a version");
    assert_eq!(scene.used().await, (1 + 8 + 16, 2 + 4));
    let left: Vec<Uuid> = scene.entries(&scene.ann).await.iter().map(|entry| entry.item.ids().uid).collect();
    assert_eq!(left, [shared.uid, docs.uid]);
    // What comes into the trash later stays, also before the emptied entries carry their own marks.
    let later = scene.store(NodeRef::Home, "later.txt", 32).await;
    scene.trash(Target::FileUid(later.uid)).await;
    assert_eq!(scene.trash(Target::FolderUid(free.uid)).await, Verdict::NotFound);
    scene.settle().await;
    assert_eq!(scene.entries(&scene.ann).await.len(), 3);
    assert_eq!(scene.used().await, (1 + 8 + 16 + 32, 0));

    scene.engine.remove_hold(kept.uid).await.unwrap();
    assert!(scene.engine.empty_trash(&scene.bob, "test").await.unwrap().is_some());
    assert!(scene.engine.empty_trash(&scene.ann, "test").await.unwrap().unwrap().failures.is_empty());
    assert!(scene.engine.empty_trash(&scene.ann, "test").await.unwrap().is_none());
    scene.settle().await;
    assert_eq!(scene.used().await, (8, 0));
}

#[tokio::test]
async fn a_repeat_by_the_same_user_within_a_minute_is_the_same_deletion() {
    let scene = Scene::new().await;
    let folder = scene.make_folder(NodeRef::Home, "docs").await;
    let file = scene.store(NodeRef::FolderUid(folder.uid), "a.txt", 3).await;
    scene.share(NodeRef::FolderUid(folder.uid), Rights::CONTRIBUTOR).await;
    let delete = |caller: &Caller, target| {
        let (caller, scene) = (caller.clone(), &scene);
        async move { scene.delete(&caller, target, TO_OWN_TRASH, Trashed::PurgeUnlessRepeat).await }
    };
    let (folder, file) = (Target::FolderId(folder.id.0), Target::FileId(file.id.0));
    assert!(!deleted(&delete(&scene.bob, folder).await).before);
    scene.clock.advance(Duration::from_secs(58));
    assert!(deleted(&delete(&scene.bob, folder).await).before);
    assert!(deleted(&delete(&scene.bob, file).await).before, "it went with the folder above it");
    assert_eq!(scene.entries(&scene.bob).await.len(), 1);
    scene.clock.advance(Duration::from_secs(3));
    let gone = delete(&scene.bob, file).await;
    assert!(!deleted(&gone).before);
    assert_eq!(scene.used().await, (0, 3));
    scene.settle().await;
    // The owner did not trash it: no repeat.
    assert!(!deleted(&delete(&scene.ann, folder).await).before);
    assert!(scene.entries(&scene.bob).await.is_empty());
    scene.settle().await;
}

#[tokio::test]
async fn only_holder_and_owner_reach_an_entry() {
    let scene = Scene::new().await;
    let file = scene.store(NodeRef::Home, "a.txt", 3).await;
    scene.share(NodeRef::FileUid(file.uid), Rights::EDITOR).await;
    let by_bob = |live, trashed| scene.delete(&scene.bob, Target::FileUid(file.uid), live, trashed);
    assert_eq!(by_bob(Live::Purge, Trashed::Purge).await, Verdict::Forbidden);
    scene.share(NodeRef::FileUid(file.uid), Rights::CONTRIBUTOR).await;
    scene.trash(Target::FileUid(file.uid)).await;
    assert_eq!(by_bob(Live::Purge, Trashed::Purge).await, Verdict::Forbidden);
    let entry = scene.entries(&scene.ann).await.remove(0);
    assert!(scene.entries(&scene.bob).await.is_empty());
    assert_eq!(scene.destroy_entry(&scene.bob, &entry).await, Verdict::NotFound);
    deleted(&scene.destroy_entry(&scene.ann, &entry).await);
    scene.settle().await;
}

#[tokio::test]
async fn a_hold_keeps_what_lies_in_a_trash_beyond_its_time() {
    let scene = Scene::new().await;
    let folder = scene.make_folder(NodeRef::Home, "docs").await;
    let below = scene.store(NodeRef::FolderUid(folder.uid), "a.txt", 1).await;
    let file = scene.store(NodeRef::Home, "b.txt", 2).await;
    let free = scene.store(NodeRef::Home, "c.txt", 4).await;
    for uid in [below.uid, file.uid] {
        scene.engine.add_hold(uid, None, "a case").await.unwrap();
    }
    assert_eq!(scene.trash(Target::FolderUid(folder.uid)).await, Verdict::Held);
    for uid in [below.uid, file.uid] {
        scene.engine.remove_hold(uid).await.unwrap();
    }
    scene.trash(Target::FolderUid(folder.uid)).await;
    scene.trash(Target::FileUid(file.uid)).await;
    scene.trash(Target::FileUid(free.uid)).await;
    for uid in [below.uid, file.uid] {
        scene.engine.add_hold(uid, None, "a case").await.unwrap();
    }
    for entry in scene.entries(&scene.ann).await {
        if entry.item.ids().uid != free.uid {
            assert_eq!(scene.destroy_entry(&scene.ann, &entry).await, Verdict::Held);
        }
    }
    scene.clock.advance(KEEP);
    scene.settle().await;
    assert_eq!(scene.used().await, (3, 0));
    for uid in [below.uid, file.uid] {
        scene.engine.remove_hold(uid).await.unwrap();
    }
    scene.settle().await;
    assert_eq!(scene.used().await, (0, 0));
}

#[tokio::test]
async fn an_entry_outlives_the_folder_it_came_from() {
    let scene = Scene::new().await;
    let folder = scene.make_folder(NodeRef::Home, "docs").await;
    let file = scene.store(NodeRef::FolderUid(folder.uid), "a.txt", 1).await;
    scene.trash(Target::FileUid(file.uid)).await;
    deleted(&scene.delete(&scene.ann, Target::FolderUid(folder.uid), Live::Purge, Trashed::NotFound).await);
    jobs::run_dry(&scene.engine).await.unwrap();
    scene.kept().await;
    let entry = scene.entries(&scene.ann).await.remove(0);
    assert_eq!(entry.item.ids().uid, file.uid);
    let reference = TrashRef::Entry { uid: entry.uid, is_folder: false };
    let restored =
        scene.engine.restore(&scene.ann, vec![reference], RestoreRules::HomeAndNumber, false).await.unwrap().remove(0);
    assert!(matches!(restored, Restored::Back(_)), "{restored:?}");
    let back = scene.engine.file_for(&scene.ann, NodeRef::FileUid(file.uid), Rights::DOWNLOAD).await.unwrap();
    assert_eq!(back.path, Vec::<String>::new());
    scene.settle().await;
    scene.trash(Target::FileUid(file.uid)).await;
    let entry = scene.entries(&scene.ann).await.remove(0);
    deleted(&scene.destroy_entry(&scene.ann, &entry).await);
    scene.settle().await;
}
