//! What is gone with something above it, or by an emptied trash, before it carries a mark of its own: its bytes have left
//! the quota once, and no call finds it.

use unfile::model::*;

use super::{KEEP, Scene, TO_OWN_TRASH, deleted};

impl Scene {
    /// A file of two versions, 1 and 2 bytes, in a folder; the first lies in the owner's trash.
    async fn file_without_its_first_version(&self, folder: NodeRef) -> (FileInfo, TrashEntry) {
        self.store(folder, "a.txt", 1).await;
        let file = self.store(folder, "a.txt", 2).await;
        deleted(&self.trash(Target::Version { file: file.uid, number: 1 }).await);
        let entry = self.entries(&self.ann).await.into_iter().find(|entry| entry.item.ids().uid == file.uid);
        (file, entry.unwrap())
    }

    async fn audited(&self) -> usize {
        self.installation.sql("select id from audit").await.len()
    }

    /// The entry is as good as destroyed: not listed, not taken back, not destroyed, not emptied.
    async fn is_gone(&self, entry: &TrashEntry) {
        let all = self.engine.trash(&self.ann, TrashQuery { limit: 100, ..everything() }).await.unwrap();
        assert!(all.items.iter().all(|listed| listed.uid != entry.uid), "listed");
        let reference = TrashRef::Entry { uid: entry.uid, is_folder: false };
        assert!(self.engine.trash_entry(&self.ann, reference).await.is_err());
        let rules = RestoreRules::HomeAndNumber;
        let restored = self.engine.restore(&self.ann, vec![reference], rules, false).await.unwrap().remove(0);
        assert!(matches!(restored, Restored::NotFound), "{restored:?}");
        let used = self.used().await;
        assert_eq!(self.destroy_entry(&self.ann, entry).await, Verdict::NotFound);
        assert!(self.engine.empty_trash(&self.ann, "test").await.unwrap().is_none(), "nothing was there");
        assert_eq!(self.used().await, used);
        self.kept().await;
    }
}

fn everything() -> TrashQuery {
    TrashQuery { scope: TrashScope::Own, versions: true, counted: true, offset: 0, limit: 100 }
}

#[tokio::test]
async fn a_single_version_goes_with_the_emptied_trash_that_its_folder_lay_in() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let (_, entry) = scene.file_without_its_first_version(NodeRef::FolderUid(docs.uid)).await;
    scene.share(NodeRef::FolderUid(docs.uid), Rights::CONTRIBUTOR).await;
    deleted(&scene.delete(&scene.bob, Target::FolderUid(docs.uid), TO_OWN_TRASH, Trashed::NotFound).await);
    scene.kept().await;
    scene.engine.empty_trash(&scene.bob, "test").await.unwrap().unwrap();
    assert_eq!(scene.used().await, (0, 3));
    scene.is_gone(&entry).await;
    scene.settle().await;
    assert_eq!(scene.used().await, (0, 0));
}

#[tokio::test]
async fn a_single_version_goes_with_the_emptied_trash_that_its_file_lay_in() {
    let scene = Scene::new().await;
    let (file, entry) = scene.file_without_its_first_version(NodeRef::Home).await;
    scene.share(NodeRef::FileUid(file.uid), Rights::CONTRIBUTOR).await;
    deleted(&scene.delete(&scene.bob, Target::FileUid(file.uid), TO_OWN_TRASH, Trashed::NotFound).await);
    scene.engine.empty_trash(&scene.bob, "test").await.unwrap().unwrap();
    assert_eq!(scene.used().await, (0, 3));
    scene.is_gone(&entry).await;
    scene.settle().await;
}

#[tokio::test]
async fn a_single_version_goes_with_the_destroyed_folder_above_it() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let (_, entry) = scene.file_without_its_first_version(NodeRef::FolderUid(docs.uid)).await;
    deleted(&scene.delete(&scene.ann, Target::FolderUid(docs.uid), Live::Purge, Trashed::NotFound).await);
    assert_eq!(scene.used().await, (0, 3));
    scene.is_gone(&entry).await;
    scene.settle().await;
}

#[tokio::test]
async fn a_folder_and_a_single_version_below_it_are_destroyed_together_once() {
    for folder_first in [true, false] {
        let scene = Scene::new().await;
        let docs = scene.make_folder(NodeRef::Home, "docs").await;
        scene.file_without_its_first_version(NodeRef::FolderUid(docs.uid)).await;
        deleted(&scene.trash(Target::FolderUid(docs.uid)).await);
        let mut targets: Vec<Target> = scene.entries(&scene.ann).await.iter().map(target).collect();
        if !folder_first {
            targets.reverse();
        }
        let request = DeleteRequest {
            live: Live::NotFound,
            trashed: Trashed::Purge,
            atomicity: Atomicity::BestEffort,
            ..DeleteRequest::permanent(scene.ann.clone(), "test", targets)
        };
        let outcomes = scene.engine.delete(request).await.unwrap();
        deleted(&outcomes[0].verdict);
        assert_eq!(matches!(outcomes[1].verdict, Verdict::NotFound), folder_first);
        assert_eq!(scene.used().await, (0, 3));
        scene.settle().await;
    }
}

fn target(entry: &TrashEntry) -> Target {
    Target::Entry { uid: entry.uid, is_folder: entry.item.is_folder() }
}

#[tokio::test]
async fn a_folder_in_the_trash_and_what_lies_below_it_are_destroyed_together_once() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let below = scene.make_folder(NodeRef::FolderUid(docs.uid), "below").await;
    let file = scene.store(NodeRef::FolderUid(below.uid), "a.txt", 3).await;
    let apart = scene.store(NodeRef::FolderUid(below.uid), "b.txt", 4).await;
    deleted(&scene.trash(Target::FileUid(apart.uid)).await);
    deleted(&scene.trash(Target::FolderUid(docs.uid)).await);
    let targets = [Target::FolderId(docs.id.0), Target::FolderId(below.id.0), Target::FileId(file.id.0)];
    let request = DeleteRequest {
        reach: Reach::Rights,
        trashed: Trashed::Purge,
        ..DeleteRequest::permanent(scene.ann.clone(), "test", targets.to_vec())
    };
    let outcomes = scene.engine.delete(request).await.unwrap();
    let went: Vec<bool> = outcomes.iter().map(|outcome| deleted(&outcome.verdict).before).collect();
    assert_eq!(went, [false, true, true]);
    assert_eq!(scene.used().await, (4, 3));
    scene.settle().await;
    assert_eq!(scene.entries(&scene.ann).await.len(), 1, "what lay in the trash by itself stays");
}

#[tokio::test]
async fn emptying_once_more_brings_nothing_back() {
    let scene = Scene::new().await;
    let held = scene.store(NodeRef::Home, "held.txt", 1).await;
    let first = scene.store(NodeRef::Home, "first.txt", 2).await;
    let second = scene.store(NodeRef::Home, "second.txt", 4).await;
    for file in [&held, &first, &second] {
        deleted(&scene.trash(Target::FileUid(file.uid)).await);
    }
    let entries = scene.entries(&scene.ann).await;
    scene.engine.add_hold(held.uid, None, "a case").await.unwrap();
    let named = [Failure { name: "held.txt".into(), reason: FailureReason::Refused(Refused::Held) }];
    for _ in 0..2 {
        // Before what was emptied carries its own marks.
        let operation = scene.engine.empty_trash(&scene.ann, "test").await.unwrap().unwrap();
        assert_eq!(operation.failures, named);
        assert_eq!(scene.used().await, (1, 6));
        assert_eq!(scene.entries(&scene.ann).await.len(), 1);
        for entry in entries.iter().filter(|entry| entry.item.ids().uid != held.uid) {
            assert_eq!(scene.destroy_entry(&scene.ann, entry).await, Verdict::NotFound);
        }
        scene.kept().await;
    }
    scene.engine.remove_hold(held.uid).await.unwrap();
    let operation = scene.engine.empty_trash(&scene.ann, "test").await.unwrap().unwrap();
    assert_eq!((operation.done, operation.failures), (1, Vec::new()));
    assert!(scene.entries(&scene.ann).await.is_empty(), "what was spared before is not spared for ever");
    assert_eq!(scene.used().await, (0, 7));
    scene.kept().await;
    assert!(scene.engine.empty_trash(&scene.ann, "test").await.unwrap().is_none());
    scene.settle().await;
    assert_eq!(scene.used().await, (0, 0));
}

#[tokio::test]
async fn what_a_hold_keeps_beyond_its_time_leaves_no_trace_at_each_look() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let file = scene.store(NodeRef::FolderUid(docs.uid), "a.txt", 1).await;
    deleted(&scene.trash(Target::FolderUid(docs.uid)).await);
    scene.engine.add_hold(file.uid, None, "a case").await.unwrap();
    let before = scene.audited().await;
    for _ in 0..3 {
        scene.clock.advance(KEEP);
        scene.settle().await;
    }
    assert_eq!(scene.audited().await, before);
    scene.engine.remove_hold(file.uid).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.audited().await, before + 1);
}
