//! Moving one node, and an account's own files together.

use unfile::{engine::error::Error, model::*};
use uuid::Uuid;

use super::{QUOTA, Scene, name, of, uid};

#[tokio::test]
async fn a_move_in_a_tree_keeps_all_but_the_place() {
    let scene = Scene::new().await;
    let (ann, deep) = (&scene.ann, scene.path(&scene.ann, "a/b/c").await);
    let mut file = scene.store(ann, deep, "x.txt", 3).await;
    file = scene.add_version(ann, &file, 4).await;
    let (b, into) = (scene.path(ann, "a/b").await, scene.path(ann, "into/here").await);
    scene.try_make(ann, into, "B", Clash::Keep).await.unwrap();
    let before = scene.engine.folder_for(ann, b, Rights::READ).await.unwrap();
    let moved = scene.engine.move_node(ann, b, into, Clash::NumberAnyCase).await.unwrap();
    let Item::Folder(moved) = moved else { panic!("a folder") };
    assert_eq!((moved.id, moved.name.as_str()), (before.id, "b(2)"));
    assert_eq!((moved.files, moved.folders, moved.bytes), (1, 1, 7));
    assert_eq!((moved.created_at, moved.modified_at), (before.created_at, before.modified_at));
    let there = scene.file(ann, &file).await;
    assert_eq!(there.path, ["into", "here", "b(2)", "c"]);
    assert_eq!((there.id, there.version, there.modified_at), (file.id, 2, file.modified_at));
    assert_eq!(scene.names(ann, scene.path(ann, "a").await).await, Vec::<String>::new());
    let again = scene.engine.move_node(ann, b, into, Clash::Refuse).await.unwrap();
    assert_eq!(again.name(), "b(2)", "it is there already");
    let refused = scene.engine.move_node(ann, b, of(&file), Clash::Keep).await;
    assert!(matches!(refused, Err(Error::NotFound)), "a file is no destination");
    scene.settle().await;
}

#[tokio::test]
async fn nothing_goes_into_itself_and_no_root_goes_anywhere() {
    let scene = Scene::new().await;
    let (ann, deep) = (&scene.ann, scene.path(&scene.ann, "a/b/c").await);
    let a = scene.path(ann, "a").await;
    for into in [a, deep] {
        assert!(matches!(scene.engine.move_node(ann, a, into, Clash::Keep).await, Err(Error::Invalid(_))));
        assert!(matches!(scene.engine.copy_node(ann, a, into, Clash::Keep).await, Err(Error::Invalid(_))));
    }
    for into in [a, deep, NodeRef::Home] {
        assert!(matches!(scene.engine.move_node(ann, NodeRef::Home, into, Clash::Keep).await, Err(Error::Forbidden)));
        assert!(matches!(scene.engine.copy_node(ann, NodeRef::Home, into, Clash::Keep).await, Err(Error::Forbidden)));
    }
    scene.settle().await;
}

#[tokio::test]
async fn a_move_needs_delete_where_it_starts_and_write_where_it_ends() {
    let scene = Scene::new().await;
    let (ann, bob) = (&scene.ann, &scene.bob);
    let (from, to) = (scene.path(ann, "from").await, scene.path(ann, "to").await);
    let file = scene.store(ann, from, "a", 1).await;
    for (at_source, at_destination, allowed) in [
        (Rights::EDITOR, Rights::EDITOR, false),
        (Rights::CONTRIBUTOR, Rights::DOWNLOADER, false),
        (Rights::NONE, Rights::ALL, false),
        (Rights::CONTRIBUTOR, Rights::EDITOR, true),
    ] {
        scene.share(from, at_source).await;
        scene.share(to, at_destination).await;
        let moved = scene.engine.move_node(bob, of(&file), to, Clash::Keep).await;
        assert_eq!(moved.is_ok(), allowed, "{at_source:?} {at_destination:?}");
        assert!(allowed || matches!(moved, Err(Error::Forbidden)));
    }
    assert_eq!(scene.file(ann, &file).await.path, ["to"]);
    scene.settle().await;
}

#[tokio::test]
async fn locks_and_edit_sessions_stop_a_move_from_anywhere_below() {
    let scene = Scene::new().await;
    let (ann, bob, deep) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "a/b/c").await);
    let (a, into) = (scene.path(ann, "a").await, scene.path(ann, "into").await);
    let file = scene.store(ann, deep, "x", 1).await;
    scene.share(NodeRef::FolderUid(uid(a)), Rights::CONTRIBUTOR).await;
    scene.share(into, Rights::CONTRIBUTOR).await;
    scene.engine.add_hold(file.uid, None, "a trial").await.unwrap();
    scene.engine.lock(bob, of(&file)).await.unwrap();
    for node in [a, of(&file)] {
        assert!(matches!(scene.engine.move_node(ann, node, into, Clash::Keep).await, Err(Error::Locked)));
    }
    scene.engine.move_node(bob, a, into, Clash::Keep).await.unwrap();
    scene.engine.unlock(bob, of(&file), None).await.unwrap();
    scene.engine.start_edit(ann, of(&file), false).await.unwrap();
    for caller in [ann, bob] {
        assert!(matches!(scene.engine.move_node(caller, a, into, Clash::Keep).await, Err(Error::Locked)));
    }
    scene.kept().await;
}

#[tokio::test]
async fn a_lock_below_that_lies_in_a_trash_stops_nothing() {
    let scene = Scene::new().await;
    let (ann, deep) = (&scene.ann, scene.path(&scene.ann, "a/b").await);
    let file = scene.store(ann, deep, "x", 1).await;
    scene.trash(ann, Target::FolderUid(uid(deep)), Holder::Owner).await;
    scene.sql(&format!("update node set locked_by = {} where id = {}", scene.bob.account.0, file.id.0)).await;
    let (a, into) = (scene.path(ann, "a").await, scene.path(ann, "into").await);
    scene.engine.move_node(ann, a, into, Clash::Keep).await.unwrap();
    scene.settle().await;
}

#[tokio::test]
async fn into_another_tree_owner_and_quota_go_along() {
    let scene = Scene::new().await;
    let (ann, bob) = (&scene.ann, &scene.bob);
    let (docs, deep) = (scene.path(ann, "docs").await, scene.path(ann, "docs/deep").await);
    let mut file = scene.store(ann, deep, "a", 100).await;
    for _ in 0..2 {
        file = scene.add_version(ann, &file, 200).await;
    }
    let (held, single) = (scene.store(ann, docs, "held", 1).await, scene.store(ann, deep, "single", 50).await);
    scene.engine.add_hold(held.uid, None, "a trial").await.unwrap();
    scene.trash(ann, Target::Version { file: file.uid, number: 2 }, Holder::Owner).await;
    scene.trash(ann, Target::FileUid(single.uid), Holder::Owner).await;
    scene.share(docs, Rights::CONTRIBUTOR).await;
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (551, 0));

    scene.engine.move_node(bob, docs, NodeRef::Home, Clash::Keep).await.unwrap();
    scene.kept().await;
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (50, 501));
    let there = scene.file(bob, &file).await;
    assert_eq!((there.id, there.owner.name.as_str(), there.creator.name.as_str()), (file.id, "bob", "ann"));
    assert!(matches!(scene.engine.item(ann, docs, Rights::READ).await, Err(Error::Forbidden)));
    assert!(scene.file(bob, &held).await.held);
    // The single version is bob's to take back, the whole file that lay in the trash below is still ann's.
    let versions: Vec<TrashEntry> = scene.entries(bob).await;
    assert_eq!(versions.iter().map(|entry| entry.version).collect::<Vec<_>>(), [Some(2)]);
    assert_eq!(versions[0].holder.name, "bob");
    let restored = scene.engine.restore(bob, vec![entry_of(&versions[0])], RestoreRules::HomeAndNumber, false).await;
    assert!(matches!(restored.unwrap()[0], Restored::Back(_)));
    let left = scene.entries(ann).await;
    assert_eq!((left.len(), left[0].item.ids().uid), (1, single.uid));
    let restored = scene.engine.restore(ann, vec![entry_of(&left[0])], RestoreRules::RebuildAndRefuse, false).await;
    assert!(matches!(restored.unwrap()[0], Restored::Back(_)));
    let back = scene.file(ann, &single).await;
    assert_eq!((back.path.join("/").as_str(), back.owner.name.as_str()), ("docs/deep", "ann"));
    assert_ne!(back.parent.uid, uid(deep));
    scene.settle().await;
}

fn entry_of(entry: &TrashEntry) -> TrashRef {
    TrashRef::Entry { uid: entry.uid, is_folder: entry.item.is_folder() }
}

#[tokio::test]
async fn an_emptied_trash_swallows_no_entry_that_stands() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    let [mut kept, mut emptied] = [scene.store(ann, docs, "kept", 1).await, scene.store(ann, docs, "gone", 1).await];
    for file in [&mut kept, &mut emptied] {
        *file = scene.add_version(ann, file, 10).await;
    }
    scene.trash(ann, Target::Version { file: emptied.uid, number: 1 }, Holder::Owner).await;
    scene.engine.empty_trash(ann, "test").await.unwrap();
    scene.trash(ann, Target::Version { file: kept.uid, number: 1 }, Holder::Owner).await;
    let own = scene.store(bob, NodeRef::Home, "own", 1).await;
    scene.trash(bob, Target::FileUid(own.uid), Holder::Owner).await;
    scene.engine.empty_trash(bob, "test").await.unwrap();
    scene.share(docs, Rights::CONTRIBUTOR).await;
    scene.engine.move_node(bob, docs, NodeRef::Home, Clash::Keep).await.unwrap();
    assert_eq!(scene.entries(bob).await.len(), 1, "the version that ann had not emptied");
    assert_eq!(scene.entries(ann).await.len(), 0);
    scene.settle().await;
    assert_eq!(scene.entries(bob).await.len(), 1);
    assert_eq!(scene.used(bob).await, 21);
}

#[tokio::test]
async fn a_tree_that_is_full_takes_nothing_in() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    scene.store(bob, NodeRef::Home, "own", 400).await;
    scene.store(ann, docs, "a", 600).await;
    let more = scene.store(ann, docs, "b", 1).await;
    let into = scene.path(bob, "into").await;
    scene.share(docs, Rights::CONTRIBUTOR).await;
    let refused = scene.engine.move_node(bob, docs, into, Clash::Keep).await;
    assert!(matches!(refused, Err(Error::QuotaExceeded { used: 400, quota: QUOTA, size: 601 })), "{refused:?}");
    scene.kept().await;
    scene.destroy(ann, Target::FileUid(more.uid)).await;
    scene.engine.move_node(bob, docs, into, Clash::Keep).await.unwrap();
    assert_eq!(scene.used(bob).await, QUOTA);
    scene.settle().await;
}

#[tokio::test]
async fn a_deleted_folder_below_a_moved_one_is_still_expanded() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    let deep = scene.path(ann, "docs/deep/deeper").await;
    scene.store(ann, deep, "a", 100).await;
    scene.share(docs, Rights::CONTRIBUTOR).await;
    let gone = scene.path(ann, "docs/deep").await;
    scene.destroy(ann, Target::FolderUid(uid(gone))).await;
    scene.engine.move_node(bob, docs, NodeRef::Home, Clash::Keep).await.unwrap();
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (0, 0));
    scene.settle().await;
}

#[tokio::test]
async fn own_files_move_together_or_not_at_all() {
    let scene = Scene::new().await;
    let (ann, into) = (&scene.ann, scene.path(&scene.ann, "into").await);
    let [a, b, foreign] = [
        scene.store(ann, NodeRef::Home, "a", 1).await,
        scene.store(ann, NodeRef::Home, "b", 2).await,
        scene.store(&scene.bob, NodeRef::Home, "c", 3).await,
    ];
    let there = scene.store(ann, into, "there", 4).await;
    let move_files = async |files: &[(&FileInfo, &str)], path: &[&str]| {
        let files = files.iter().map(|(file, text)| (file.uid, name(text))).collect();
        let path = path.iter().map(|text| name(text)).collect();
        scene.engine.move_own_files(ann, files, path).await
    };
    assert!(matches!(move_files(&[(&a, "a")], &["nowhere"]).await, Err(Error::NotFound)));
    let refused = move_files(&[(&a, "there"), (&b, "b"), (&foreign, "c")], &["into"]).await.unwrap();
    assert_eq!(refused, Err(vec![a.uid, foreign.uid]));
    assert_eq!(move_files(&[(&a, "x"), (&b, "x")], &["into"]).await.unwrap(), Err(vec![b.uid]));
    assert_eq!(move_files(&[(&a, "x"), (&a, "y")], &["into"]).await.unwrap(), Err(vec![a.uid]));
    scene.engine.start_edit(ann, of(&b), false).await.unwrap();
    assert_eq!(move_files(&[(&a, "x"), (&b, "b")], &["into"]).await.unwrap(), Err(vec![b.uid]));
    assert_eq!(scene.names(ann, NodeRef::Home).await, ["into/", "a", "b"], "nothing was moved");
    // Two that change their names with each other are in nobody's way.
    assert_eq!(move_files(&[(&a, "there"), (&there, "a"), (&a, "there")], &["into"]).await.unwrap(), Ok(()));
    assert_eq!(scene.file(ann, &a).await.name, "there");
    assert_eq!(scene.names(ann, into).await, ["a", "there"]);
    assert_eq!(move_files(&[(&a, "a")], &[]).await.unwrap(), Ok(()));
    assert_eq!(scene.names(ann, NodeRef::Home).await, ["into/", "a", "b"]);
    scene.kept().await;
}

#[tokio::test]
async fn of_a_move_and_a_delete_at_once_the_earlier_wins() {
    let scene = Scene::new().await;
    let (ann, into) = (&scene.ann, scene.path(&scene.ann, "into").await);
    for round in 0..10 {
        let file = scene.store(ann, NodeRef::Home, &format!("{round}"), 1).await;
        let gone = async {
            scene.destroy(ann, Target::FileUid(file.uid)).await;
        };
        let (moved, ()) = tokio::join!(scene.engine.move_node(ann, of(&file), into, Clash::Keep), gone);
        assert!(matches!(moved, Ok(_) | Err(Error::NotFound)));
        assert_eq!(scene.engine.presence(file.uid, false).await.unwrap(), Presence::Missing);
    }
    let unknown = scene.engine.move_node(ann, NodeRef::FileUid(Uuid::new_v4()), into, Clash::Keep).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
    scene.settle().await;
}
