//! Moving many entries as one operation: what is taken in the destination, what lies in a trash, what stops the whole.

use unfile::{engine::error::Error, model::*};
use uuid::Uuid;

use super::{QUOTA, Scene, name, of, uid};

fn request(nodes: &[NodeRef], destination: NodeRef, conflict: Conflict) -> MoveRequest {
    let (nodes, destination) = (nodes.to_vec(), Some(destination));
    MoveRequest { dialect: "test", kind: OperationKind::Move, nodes, destination, conflict }
}

impl Scene {
    async fn move_all(&self, nodes: &[NodeRef], to: NodeRef, conflict: Conflict) -> Result<Operation, Error> {
        self.engine.move_as_operation(&self.ann, request(nodes, to, conflict)).await
    }
}

/// Two trees of the same shape, but for one file more in the first.
async fn two_trees(scene: &Scene) -> [FileInfo; 4] {
    let ann = &scene.ann;
    let (from, to) = (scene.path(ann, "from/same").await, scene.path(ann, "to/same").await);
    let taken = scene.store(ann, from, "taken", 10).await;
    let taken = scene.add_version(ann, &taken, 20).await;
    let free = scene.store(ann, scene.path(ann, "from/same/deep").await, "free", 30).await;
    let there = scene.store(ann, to, "taken", 40).await;
    let other = scene.store(ann, scene.path(ann, "to/same/deep").await, "other", 50).await;
    [taken, free, there, other]
}

#[tokio::test]
async fn skip_leaves_what_is_taken_where_it_is() {
    let scene = Scene::new().await;
    let [taken, free, there, other] = two_trees(&scene).await;
    let (from, to) = (scene.path(&scene.ann, "from/same").await, scene.path(&scene.ann, "to").await);
    let asked = request(&[from], to, Conflict::Skip);
    let conflicts = scene.engine.conflicts(&scene.ann, &asked).await.unwrap();
    assert_eq!(conflicts.iter().map(|file| file.uid).collect::<Vec<_>>(), [taken.uid]);
    let moved = scene.engine.move_as_operation(&scene.ann, asked).await.unwrap();
    assert_eq!((moved.items, moved.done, moved.finished), (1, 1, true));
    assert_eq!(moved.failures, []);
    assert_eq!(moved.entries[0].ids().uid, uid(from));
    assert_eq!(scene.names(&scene.ann, from).await, ["taken"]);
    for (file, path) in [(&taken, "from/same"), (&free, "to/same/deep"), (&there, "to/same"), (&other, "to/same/deep")]
    {
        assert_eq!(scene.file(&scene.ann, file).await.path.join("/"), path, "{}", file.name);
    }
    let skipped = scene.move_all(&[of(&taken)], scene.path(&scene.ann, "to/same").await, Conflict::Skip).await.unwrap();
    assert_eq!((skipped.items, skipped.done), (1, 0));
    assert_eq!(skipped.failures, []);
    let shown = scene.engine.operations(&scene.ann, "test", OperationQuery::default()).await.unwrap();
    assert_eq!(shown.len(), 2);
    scene.settle().await;
}

#[tokio::test]
async fn overwrite_makes_a_version_and_the_moved_file_goes() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let [taken, free, there, _] = two_trees(&scene).await;
    let (from, to) = (scene.path(ann, "from/same").await, scene.path(ann, "to").await);
    scene.trash(ann, Target::Version { file: taken.uid, number: 1 }, Holder::Owner).await;
    scene.move_all(&[from], to, Conflict::Overwrite).await.unwrap();
    scene.kept().await;
    let now = scene.file(ann, &there).await;
    assert_eq!((now.version, now.size), (2, 20));
    assert_eq!(scene.content(ann, of(&there)).await, [b'v'; 20]);
    assert_eq!(scene.engine.versions(ann, of(&there)).await.unwrap().len(), 2);
    for node in [of(&taken), from] {
        assert!(matches!(scene.engine.item(ann, node, Rights::NONE).await, Err(Error::NotFound)));
    }
    assert_eq!(scene.file(ann, &free).await.path, ["to", "same", "deep"]);
    assert_eq!(scene.used(ann).await, 20 + 30 + 40 + 50);
    assert!(scene.entries(ann).await.is_empty(), "its single versions went with it");
    scene.settle().await;
    assert_eq!(scene.engine.presence(taken.uid, false).await.unwrap(), Presence::Missing);
}

#[tokio::test]
async fn a_file_of_one_version_leaves_nothing_to_purge() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let (there, into) = (scene.store(ann, NodeRef::Home, "a", 1).await, scene.path(ann, "into").await);
    let moved = scene.store(ann, into, "a", 2).await;
    scene.share(of(&moved), Rights::DOWNLOADER).await;
    scene.move_all(&[of(&moved)], NodeRef::Home, Conflict::Overwrite).await.unwrap();
    scene.settle().await;
    assert_eq!(scene.file(ann, &there).await.size, 2);
    let again = scene.engine.move_node(ann, of(&moved), into, Clash::Keep).await;
    assert!(matches!(again, Err(Error::NotFound)));
}

#[tokio::test]
async fn duplicate_lets_both_remain() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let [taken, ..] = two_trees(&scene).await;
    let (from, to) = (scene.path(ann, "from/same").await, scene.path(ann, "to").await);
    scene.move_all(&[from], to, Conflict::Duplicate).await.unwrap();
    assert_eq!(scene.names(ann, scene.path(ann, "to/same").await).await, ["deep/", "taken", "taken"]);
    assert_eq!(scene.names(ann, scene.path(ann, "from").await).await, Vec::<String>::new());
    assert_eq!(scene.engine.versions(ann, of(&taken)).await.unwrap().len(), 2);
    scene.settle().await;
}

#[tokio::test]
async fn a_folder_merges_into_one_above_it() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let inner = scene.path(ann, "a/b/a").await;
    let file = scene.store(ann, scene.path(ann, "a/b/a/b").await, "x", 1).await;
    scene.move_all(&[inner], NodeRef::Home, Conflict::Skip).await.unwrap();
    assert_eq!(scene.file(ann, &file).await.path, ["a", "b"]);
    assert_eq!(scene.names(ann, scene.path(ann, "a/b").await).await, ["x"]);
    scene.settle().await;
}

#[tokio::test]
async fn entries_come_out_of_a_trash_by_a_move() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    scene.share(docs, Rights::CONTRIBUTOR).await;
    let deep = scene.path(ann, "docs/deep").await;
    let [mut file, below] = [scene.store(ann, docs, "a", 10).await, scene.store(ann, deep, "b", 20).await];
    file = scene.add_version(ann, &file, 30).await;
    scene.trash(bob, Target::FileUid(file.uid), Holder::Caller).await;
    scene.trash(ann, Target::FolderUid(uid(deep)), Holder::Owner).await;
    let into = scene.path(ann, "into").await;
    // Below a trashed folder too: what is left of that stays in the trash.
    scene.move_all(&[of(&file), of(&below)], into, Conflict::Skip).await.unwrap();
    scene.kept().await;
    assert_eq!(scene.names(ann, into).await, ["a", "b"]);
    assert_eq!(scene.file(ann, &file).await.version, 2);
    assert_eq!(scene.entries(ann).await.len(), 1);
    // The holder takes it into a tree of its own.
    let file = NodeRef::FileUid(scene.store(ann, docs, "c", 40).await.uid);
    let NodeRef::FileUid(c) = file else { panic!("a file") };
    scene.trash(bob, Target::FileUid(c), Holder::Caller).await;
    let bobs = scene.engine.move_as_operation(bob, request(&[file], NodeRef::Home, Conflict::Skip)).await.unwrap();
    assert_eq!((bobs.done, bobs.entries[0].name()), (1, "c"));
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (60, 40));
    assert!(scene.entries(bob).await.is_empty());
    // A trashed folder merges; nobody else's comes along.
    let theirs = scene.engine.move_as_operation(bob, request(&[deep], NodeRef::Home, Conflict::Skip)).await;
    assert!(matches!(theirs, Err(Error::Stopped { why: Refused::Forbidden, .. })));
    scene.path(ann, "into/deep").await;
    scene.move_all(&[deep], into, Conflict::Skip).await.unwrap();
    assert!(scene.entries(ann).await.is_empty());
    scene.settle().await;
}

#[tokio::test]
async fn a_trashed_file_may_overwrite_and_come_back_to_where_it_was() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let mut files = Vec::new();
    for size in [1, 2] {
        let file = scene.store(ann, NodeRef::Home, "a", size).await;
        scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
        files.push(file);
    }
    scene.move_all(&[of(&files[0])], NodeRef::Home, Conflict::Overwrite).await.unwrap();
    scene.move_all(&[of(&files[1])], NodeRef::Home, Conflict::Overwrite).await.unwrap();
    let there = scene.file(ann, &files[0]).await;
    assert_eq!((there.version, there.size), (2, 2));
    assert!(scene.entries(ann).await.is_empty());
    scene.settle().await;
}

#[tokio::test]
async fn the_whole_is_checked_before_anything_moves() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let (good, into) = (scene.store(ann, docs, "good", 1).await, scene.path(ann, "into").await);
    let foreign = scene.store(&scene.bob, NodeRef::Home, "foreign", 1).await;
    let edited = scene.store(ann, docs, "edited", 1).await;
    scene.engine.start_edit(ann, of(&edited), false).await.unwrap();
    let held = scene.store(ann, docs, "held", 1).await;
    scene.engine.add_hold(held.uid, None, "a trial").await.unwrap();
    let trashed = scene.path(ann, "trashed").await;
    scene.trash(ann, Target::FolderUid(uid(trashed)), Holder::Owner).await;
    let missing = NodeRef::FileUid(Uuid::new_v4());
    let stopped = async |nodes: &[NodeRef], to, conflict| match scene.move_all(nodes, to, conflict).await {
        Err(Error::Stopped { node, why }) => (node, why),
        other => panic!("{other:?}"),
    };
    let (skip, overwrite) = (Conflict::Skip, Conflict::Overwrite);
    assert_eq!(stopped(&[of(&good), missing], into, skip).await, (missing, Refused::NotFound));
    assert_eq!(stopped(&[of(&good), of(&foreign)], into, skip).await, (of(&foreign), Refused::Forbidden));
    assert_eq!(stopped(&[of(&good), of(&edited)], into, skip).await, (of(&edited), Refused::Locked));
    assert_eq!(stopped(&[of(&good), of(&held)], into, overwrite).await, (of(&held), Refused::Held));
    assert_eq!(stopped(&[missing, NodeRef::Home], into, skip).await, (NodeRef::Home, Refused::Forbidden));
    assert_eq!(stopped(&[of(&good)], trashed, skip).await, (trashed, Refused::Forbidden));
    assert_eq!(stopped(&[of(&good)], NodeRef::FolderId(0), skip).await.1, Refused::NotFound);
    let deep = scene.path(ann, "into/deep").await;
    assert_eq!(stopped(&[into], deep, skip).await, (into, Refused::IntoItself));
    assert_eq!(scene.names(ann, docs).await, ["edited", "good", "held"]);
    assert!(scene.engine.operations(ann, "test", OperationQuery::default()).await.unwrap().is_empty());
    scene.move_all(&[of(&good), of(&held), of(&good)], into, skip).await.unwrap();
    assert_eq!(scene.names(ann, into).await, ["deep/", "good", "held"]);
    scene.kept().await;
}

#[tokio::test]
async fn what_fails_at_its_turn_is_told_and_the_others_go_on() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs/same").await);
    let into = scene.path(ann, "into").await;
    let [first, second] = [scene.store(ann, docs, "a", 1).await, scene.store(ann, docs, "b", 1).await];
    scene.store(ann, scene.path(ann, "docs/same/deep").await, "c", 1).await;
    let there = scene.store(ann, scene.path(ann, "into/same").await, "b", 1).await;
    scene.engine.start_edit(ann, of(&there), false).await.unwrap();
    let other = scene.store(ann, NodeRef::Home, "other", 1).await;
    let moved = scene.move_all(&[docs, of(&other)], into, Conflict::Overwrite).await.unwrap();
    assert_eq!((moved.items, moved.done), (2, 1));
    let why = FailureReason::Refused(Refused::Locked);
    assert_eq!(moved.failures, [Failure { name: "same".into(), reason: why }]);
    // The folder is where it was, whole.
    assert_eq!(scene.names(ann, docs).await, ["deep/", "a", "b"]);
    for file in [&first, &second] {
        assert_eq!(scene.file(ann, file).await.path, ["docs", "same"]);
    }
    assert_eq!(scene.names(ann, into).await, ["same/", "other"]);
    scene.kept().await;
}

#[tokio::test]
async fn an_operation_beyond_the_quota_moves_nothing() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    scene.share(docs, Rights::CONTRIBUTOR).await;
    let half = QUOTA as usize / 2;
    let [small, large] = [scene.store(ann, docs, "a", half).await, scene.store(ann, docs, "b", half + 1).await];
    let asked = request(&[of(&small), of(&large)], NodeRef::Home, Conflict::Skip);
    let refused = scene.engine.move_as_operation(bob, asked).await;
    assert!(matches!(refused, Err(Error::QuotaExceeded { .. })));
    assert_eq!(scene.names(ann, docs).await, ["a", "b"]);
    // Overwriting in another tree: only the version that is kept counts there.
    let there = scene.store(bob, NodeRef::Home, "a", 1).await;
    let small = scene.add_version(ann, &small, half).await;
    scene.engine.move_as_operation(bob, request(&[of(&small)], NodeRef::Home, Conflict::Overwrite)).await.unwrap();
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (half as u64 + 1, half as u64 + 1));
    assert_eq!(scene.file(bob, &there).await.version, 2);
    scene.settle().await;
}

#[tokio::test]
async fn a_merge_into_another_tree_takes_along_what_it_moves() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs/deep").await);
    let top = scene.path(ann, "docs").await;
    scene.share(top, Rights::CONTRIBUTOR).await;
    scene.store(ann, docs, "moved", 10).await;
    let [taken, trashed] = [scene.store(ann, docs, "taken", 20).await, scene.store(ann, docs, "trashed", 40).await];
    scene.trash(ann, Target::FileUid(trashed.uid), Holder::Owner).await;
    scene.store(bob, scene.path(bob, "docs/deep").await, "taken", 1).await;
    let asked = request(&[top], NodeRef::Home, Conflict::Skip);
    let conflicts = scene.engine.conflicts(bob, &asked).await.unwrap();
    assert_eq!(conflicts.iter().map(|file| file.uid).collect::<Vec<_>>(), [taken.uid]);
    scene.engine.move_as_operation(bob, asked).await.unwrap();
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (60, 11));
    assert_eq!(scene.names(ann, docs).await, ["taken"]);
    scene.engine.rename(ann, of(&taken), Some(name("free")), None, Clash::Keep).await.unwrap();
    let asked = request(&[top], NodeRef::Home, Conflict::Skip);
    scene.engine.move_as_operation(bob, asked).await.unwrap();
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (40, 31));
    assert!(matches!(scene.engine.item(ann, top, Rights::NONE).await, Err(Error::NotFound)));
    scene.settle().await;
    let restored =
        scene.engine.restore(ann, vec![TrashRef::Node(trashed.uid)], RestoreRules::HomeAndNumber, false).await;
    assert!(matches!(restored.unwrap()[0], Restored::Back(_)));
    scene.settle().await;
}

#[tokio::test]
async fn a_folder_that_is_merged_into_one_above_it_loses_nothing() {
    for path in ["A/A/A", "A/B/A/B/A"] {
        let scene = Scene::new().await;
        let ann = &scene.ann;
        let deepest = scene.store(ann, scene.path(ann, path).await, "x.txt", 10).await;
        let half = path.rsplit_once("/A").unwrap().0;
        let beside = scene.store(ann, scene.path(ann, half).await, "y.txt", 20).await;
        let inner = scene.path(ann, if path.len() > 5 { "A/B/A" } else { "A/A" }).await;
        let moved = scene.move_all(&[inner], NodeRef::Home, Conflict::Skip).await.unwrap();
        assert_eq!(moved.failures, []);
        scene.kept().await;
        scene.settle().await;
        for file in [&deepest, &beside] {
            assert_eq!(scene.file(ann, file).await.size, file.size, "{path}");
            assert_eq!(scene.content(ann, of(file)).await.len() as u64, file.size);
        }
        assert_eq!(scene.used(ann).await, 30);
        assert_eq!(scene.names(ann, NodeRef::Home).await, ["A/"]);
    }
}

#[tokio::test]
async fn an_overwrite_in_another_tree_moves_one_version_and_leaves_the_others_to_be_purged() {
    let scene = Scene::new().await;
    let (ann, bob) = (&scene.ann, &scene.bob);
    let docs = scene.path(ann, "docs").await;
    let file = scene.store(ann, docs, "f", 1).await;
    for size in [2, 4] {
        scene.add_version(ann, &file, size).await;
    }
    scene.trash(ann, Target::Version { file: file.uid, number: 1 }, Holder::Owner).await;
    let there = scene.store(bob, NodeRef::Home, "f", 8).await;
    scene.share(docs, Rights::CONTRIBUTOR).await;
    let asked = request(&[of(&file)], NodeRef::Home, Conflict::Overwrite);
    scene.engine.move_as_operation(bob, asked).await.unwrap();
    scene.kept().await;
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (0, 12));
    assert_eq!(scene.file(bob, &there).await.version, 2);
    assert!(scene.entries(ann).await.is_empty());
    scene.settle().await;
}
