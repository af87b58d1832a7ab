//! Taking deletions back.

use unfile::model::*;
use uuid::Uuid;

use super::{Scene, name, of, uid};

async fn restore(scene: &Scene, caller: &Caller, entry: &TrashEntry, rules: RestoreRules) -> Restored {
    let entry = TrashRef::Entry { uid: entry.uid, is_folder: entry.item.is_folder() };
    scene.engine.restore(caller, vec![entry], rules, false).await.unwrap().remove(0)
}

fn back(restored: Restored) -> Item {
    match restored {
        Restored::Back(item) => *item,
        other => panic!("{other:?}"),
    }
}

const HOME: RestoreRules = RestoreRules::HomeAndNumber;
const REBUILD: RestoreRules = RestoreRules::RebuildAndRefuse;

#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let deep = scene.path(ann, "docs/deep").await;
    let mut file = scene.store(ann, deep, "a.txt", 3).await;
    file = scene.add_version(ann, &file, 4).await;
    scene.share(docs, Rights::DOWNLOADER).await;
    scene.trash(ann, Target::FolderUid(uid(docs)), Holder::Owner).await;
    let entry = scene.entries(ann).await.remove(0);
    for caller in [&scene.bob, &scene.ann] {
        let restored = restore(&scene, caller, &entry, HOME).await;
        match caller.name.as_str() {
            "bob" => assert!(matches!(restored, Restored::NotFound)),
            _ => assert_eq!(back(restored).ids().uid, uid(docs)),
        }
    }
    assert!(scene.entries(ann).await.is_empty());
    assert!(matches!(restore(&scene, ann, &entry, HOME).await, Restored::NotFound));
    let there = scene.file(&scene.bob, &file).await;
    assert_eq!((there.id, there.version, there.size), (file.id, 2, 4));
    assert_eq!(there.path, ["docs", "deep"]);
    assert_eq!(scene.engine.versions(ann, of(&file)).await.unwrap().len(), 2);
    scene.settle().await;
}

#[tokio::test]
async fn a_taken_name_is_numbered_or_refuses() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let file = scene.store(ann, docs, "a.txt", 1).await;
    scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
    scene.store(ann, docs, "A.TXT", 1).await;
    scene.store(ann, docs, "a.txt", 1).await;
    let entry = scene.entries(ann).await.remove(0);
    assert!(matches!(restore(&scene, ann, &entry, REBUILD).await, Restored::NameTaken));
    scene.kept().await;
    assert_eq!(back(restore(&scene, ann, &entry, HOME).await).name(), "a(2).txt");
    assert_eq!(scene.file(ann, &file).await.path, ["docs"]);
    scene.settle().await;
}

#[tokio::test]
async fn what_lost_its_folder_goes_home_or_has_it_made_again() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let deep = scene.path(ann, "docs/deep").await;
    let docs = scene.path(ann, "docs").await;
    let [first, second] = [scene.store(ann, deep, "1", 1).await, scene.store(ann, deep, "2", 2).await];
    for file in [&first, &second] {
        scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
    }
    scene.trash(ann, Target::FolderUid(uid(docs)), Holder::Owner).await;
    let entries = scene.entries(ann).await;
    let of_node = |uid: Uuid| entries.iter().find(|entry| entry.item.ids().uid == uid).unwrap();
    let home = back(restore(&scene, ann, of_node(first.uid), HOME).await);
    assert!(matches!(home, Item::File(file) if file.path.is_empty()));
    let rebuilt = back(restore(&scene, ann, of_node(second.uid), REBUILD).await);
    assert!(matches!(rebuilt, Item::File(file) if file.path == ["docs", "deep"] && file.parent.uid != uid(deep)));
    scene.kept().await;
    // The folder itself finds its name taken now.
    assert!(matches!(restore(&scene, ann, of_node(uid(docs)), REBUILD).await, Restored::NameTaken));
    assert_eq!(back(restore(&scene, ann, of_node(uid(docs)), HOME).await).name(), "docs(2)");
    scene.settle().await;
}

#[tokio::test]
async fn a_file_outlives_the_folder_that_was_destroyed_above_it() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let file = scene.store(ann, docs, "a", 5).await;
    scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
    scene.destroy(ann, Target::FolderUid(uid(docs))).await;
    scene.settle().await;
    let entry = scene.entries(ann).await.remove(0);
    back(restore(&scene, ann, &entry, REBUILD).await);
    assert_eq!(scene.file(ann, &file).await.path, ["docs"]);
    scene.settle().await;
}

#[tokio::test]
async fn holder_owner_and_administrator_take_back() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    scene.share(docs, Rights::CONTRIBUTOR).await;
    let (_, key) = scene.engine.add_account("root", Role::Admin, Some(0), None).await.unwrap();
    let root = scene.engine.authenticate(&key.secret, Realm::Keys).await.unwrap();
    let file = scene.store(ann, docs, "a", 5).await;
    for (caller, any, expected) in [(bob, false, true), (ann, false, true), (&root, false, false), (&root, true, true)]
    {
        if let Ok(Presence::Live) = scene.engine.presence(file.uid, false).await {
            scene.trash(bob, Target::FileUid(file.uid), Holder::Caller).await;
        }
        let named = TrashRef::Node(file.uid);
        let restored = scene.engine.restore(caller, vec![named, named], HOME, any).await.unwrap();
        assert_eq!(matches!(restored[0], Restored::Back(_)), expected, "{}", caller.name);
        assert!(matches!(restored[1], Restored::NotFound), "once it is back");
        scene.kept().await;
    }
    scene.trash(bob, Target::FileUid(file.uid), Holder::Caller).await;
    scene.share(docs, Rights::NONE).await;
    let restored = scene.engine.restore(bob, vec![TrashRef::Node(file.uid)], HOME, false).await.unwrap();
    assert!(matches!(&restored[0], Restored::Back(item) if item.name() == "a"), "also without the share");
    scene.settle().await;
}

#[tokio::test]
async fn an_emptied_trash_gives_nothing_back() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let file = scene.store(ann, NodeRef::Home, "a", 5).await;
    scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
    let entry = scene.entries(ann).await.remove(0);
    scene.engine.empty_trash(ann, "test").await.unwrap();
    assert!(matches!(restore(&scene, ann, &entry, HOME).await, Restored::NotFound));
    scene.settle().await;
}

#[tokio::test]
async fn a_single_version_comes_back_under_its_number() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let mut file = scene.store(ann, NodeRef::Home, "a", 1).await;
    for size in [2, 4] {
        file = scene.add_version(ann, &file, size).await;
    }
    for number in [3, 1] {
        scene.trash(ann, Target::Version { file: file.uid, number }, Holder::Owner).await;
    }
    assert_eq!(scene.file(ann, &file).await.version, 2);
    let entries = scene.entries(ann).await;
    let of_version = |number| entries.iter().find(|entry| entry.version == Some(number)).unwrap();
    back(restore(&scene, ann, of_version(1), HOME).await);
    assert_eq!(scene.file(ann, &file).await.version, 2, "an older one is not shown");
    scene.engine.lock(ann, of(&file)).await.unwrap();
    back(restore(&scene, ann, of_version(3), HOME).await);
    let there = scene.file(ann, &file).await;
    assert_eq!((there.version, there.size), (3, 4));
    scene.kept().await;
    scene.trash(ann, Target::Version { file: file.uid, number: 1 }, Holder::Owner).await;
    scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
    let entries = scene.entries(ann).await;
    let version = entries.iter().find(|entry| entry.version.is_some()).unwrap();
    assert!(matches!(restore(&scene, ann, version, HOME).await, Restored::NotFound), "its file is in the trash");
    let whole = entries.iter().find(|entry| entry.version.is_none()).unwrap();
    back(restore(&scene, ann, whole, HOME).await);
    back(restore(&scene, ann, version, HOME).await);
    assert_eq!(scene.engine.versions(ann, of(&file)).await.unwrap().len(), 3);
    scene.settle().await;
}

#[tokio::test]
async fn each_entry_stands_for_itself() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let docs = scene.path(ann, "docs").await;
    let [taken, free] = [scene.store(ann, docs, "taken", 1).await, scene.store(ann, docs, "free", 1).await];
    for file in [&taken, &free] {
        scene.trash(ann, Target::FileUid(file.uid), Holder::Owner).await;
    }
    // What lay in it goes with the folder, and comes back into it.
    let under = scene.path(ann, "under").await;
    scene.engine.rename(ann, docs, Some(name("other")), None, Clash::Keep).await.unwrap();
    scene.engine.move_node(ann, docs, under, Clash::Keep).await.unwrap();
    scene.store(ann, docs, "taken", 1).await;
    let refs = [taken.uid, Uuid::new_v4(), free.uid].map(TrashRef::Node);
    let restored = scene.engine.restore(ann, refs.into(), REBUILD, false).await.unwrap();
    assert!(matches!(restored[0], Restored::NameTaken));
    assert!(matches!(restored[1], Restored::NotFound));
    assert!(matches!(restored[2], Restored::Back(_)));
    assert_eq!(scene.file(ann, &free).await.path, ["under", "other"]);
    scene.settle().await;
}
