//! Copying: whole or not at all, and nothing left behind.

use std::sync::Arc;

use unfile::{
    clock::Clock,
    engine::error::Error,
    fault::{Action, Faults},
    model::*,
};
use uuid::Uuid;

use super::{QUOTA, Scene, of, uid};
use crate::support::in_process;

impl Scene {
    async fn copy_all(
        &self,
        nodes: &[NodeRef],
        destination: Option<NodeRef>,
        conflict: Conflict,
    ) -> Result<Operation, Error> {
        let kind = if destination.is_some() { OperationKind::Copy } else { OperationKind::Duplicate };
        let request = MoveRequest { dialect: "test", kind, nodes: nodes.to_vec(), destination, conflict };
        self.engine.copy_as_operation(&self.ann, request).await
    }
}

#[tokio::test]
async fn a_copy_has_the_current_content_under_new_ids() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    let deep = scene.path(ann, "docs/deep").await;
    let file = scene.store(ann, deep, "a", 30).await;
    let file = scene.add_version(ann, &file, 20).await;
    let gone = scene.store(ann, docs, "gone", 5).await;
    scene.trash(ann, Target::FileUid(gone.uid), Holder::Owner).await;
    scene.engine.lock(ann, of(&file)).await.unwrap();
    scene.engine.rename(ann, docs, None, Some("Papers".into()), Clash::Keep).await.unwrap();
    scene.share(docs, Rights::DOWNLOADER).await;
    let copy = scene.engine.copy_node(bob, docs, NodeRef::Home, Clash::NumberAnyCase).await.unwrap();
    let Item::Folder(copy) = copy else { panic!("a folder") };
    assert_eq!((copy.name.as_str(), copy.description.as_str(), copy.owner.name.as_str()), ("docs", "Papers", "bob"));
    assert_eq!((copy.files, copy.folders, copy.bytes), (1, 1, 20));
    assert_ne!(copy.uid, uid(docs));
    let deep_copy = scene.path(bob, "docs/deep").await;
    let (_, page) = scene.engine.content_of(bob, deep_copy, super::all()).await.unwrap();
    let Item::File(copied) = &page.items[0] else { panic!("a file") };
    assert_eq!((copied.version, copied.size, copied.lock.is_some()), (1, 20, false));
    assert_eq!((copied.owner.name.as_str(), copied.creator.name.as_str()), ("bob", "bob"));
    assert_eq!(scene.content(bob, of(copied)).await, [b'v'; 20]);
    assert_eq!((scene.used(ann).await, scene.used(bob).await), (55, 20));
    // Each has bytes of its own.
    scene.engine.unlock(ann, of(&file), None).await.unwrap();
    scene.destroy(ann, Target::FolderUid(uid(docs))).await;
    scene.settle().await;
    assert_eq!(scene.content(bob, of(copied)).await, [b'v'; 20]);
}

#[tokio::test]
async fn a_copy_needs_download_and_write() {
    let scene = Scene::new().await;
    let (ann, bob) = (&scene.ann, &scene.bob);
    let (from, to) = (scene.path(ann, "from").await, scene.path(ann, "to").await);
    let file = scene.store(ann, from, "a", 1).await;
    for (at_source, at_destination, allowed) in [
        (Rights::VIEWER, Rights::EDITOR, false),
        (Rights::DOWNLOADER, Rights::DOWNLOADER, false),
        (Rights::DOWNLOADER, Rights::EDITOR, true),
    ] {
        scene.share(from, at_source).await;
        scene.share(to, at_destination).await;
        let copied = scene.engine.copy_node(bob, of(&file), to, Clash::Keep).await;
        assert_eq!(copied.is_ok(), allowed, "{at_source:?} {at_destination:?}");
        assert!(allowed || matches!(copied, Err(Error::Forbidden)));
    }
    let copied = scene.engine.copy_node(ann, of(&file), from, Clash::NumberAnyCase).await.unwrap();
    assert_eq!(copied.name(), "a(2)");
    let copied = scene.engine.copy_node(ann, of(&file), from, Clash::Refuse).await;
    assert!(matches!(copied, Err(Error::NameTaken { .. })));
    let missing = scene.engine.copy_node(ann, NodeRef::FileUid(Uuid::new_v4()), from, Clash::Keep).await;
    assert!(matches!(missing, Err(Error::NotFound)));
    scene.settle().await;
}

#[tokio::test]
async fn a_copy_that_fails_leaves_nothing() {
    let scene = Scene::new().await;
    let (ann, bob, docs) = (&scene.ann, &scene.bob, scene.path(&scene.ann, "docs").await);
    scene.share(docs, Rights::DOWNLOADER).await;
    for count in 0..20 {
        scene.store(ann, docs, &format!("{count}"), 50).await;
    }
    for point in ["copy.stage", "objects.put", "upload.written", "copy.commit"] {
        scene.faults.set(point, Some(Action::Fail));
        let copied = scene.engine.copy_node(bob, docs, NodeRef::Home, Clash::Keep).await;
        assert!(matches!(copied, Err(Error::Internal(_))), "{point}: {copied:?}");
        scene.faults.set(point, None);
        assert_eq!(scene.names(bob, NodeRef::Home).await, Vec::<String>::new(), "{point}");
        assert_eq!(scene.used(bob).await, 0);
        scene.settle().await;
    }
    scene.store(bob, NodeRef::Home, "own", 1).await;
    let refused = scene.engine.copy_node(bob, docs, NodeRef::Home, Clash::Keep).await;
    assert!(matches!(refused, Err(Error::QuotaExceeded { used: 1, quota: QUOTA, size: QUOTA })), "{refused:?}");
    scene.settle().await;
}

#[tokio::test]
async fn a_copy_in_which_the_process_dies_is_whole_or_gone() {
    for point in ["copy.stage", "copy.stage.committed", "objects.put", "upload.written", "copy.commit", "commit"] {
        died_at(point, false).await;
    }
    died_at("copy.commit.committed", true).await;
}

#[tokio::test]
async fn a_copy_that_is_given_up_when_the_process_dies_is_gone() {
    for point in ["copy.give_up", "copy.give_up.committed"] {
        let scene = Scene::new().await;
        scene.faults.set("copy.commit", Some(Action::Fail));
        scene_dies_at(scene, point, false).await;
    }
}

async fn died_at(point: &str, is_there: bool) {
    scene_dies_at(Scene::new().await, point, is_there).await;
}

async fn scene_dies_at(mut scene: Scene, point: &str, is_there: bool) {
    let docs = scene.path(&scene.ann, "docs").await;
    for count in 0..10 {
        scene.store(&scene.ann, docs, &format!("{count}"), 50).await;
    }
    scene.faults.set(point, Some(Action::Crash));
    let copied = scene.engine.copy_node(&scene.ann, docs, NodeRef::Home, Clash::NumberAnyCase).await;
    assert!(copied.is_err() && scene.faults.crashed(), "{point}");
    scene.engine.close().await;
    scene.kept().await;
    scene.engine = in_process::open_again(&scene.installation, &Clock::default(), &Faults::default()).await;
    scene.settle().await;
    let expected: &[&str] = if is_there { &["docs/", "docs(2)/"] } else { &["docs/"] };
    assert_eq!(scene.names(&scene.ann, NodeRef::Home).await, expected, "{point}");
}

#[tokio::test]
async fn what_is_deleted_while_it_is_copied_is_not_copied() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let into = scene.path(ann, "into").await;
    for round in 0..10 {
        let file = scene.store(ann, docs, &format!("{round}"), 10).await;
        let gone = async {
            scene.destroy(ann, Target::FileUid(file.uid)).await;
        };
        let (copied, ()) = tokio::join!(scene.engine.copy_node(ann, of(&file), into, Clash::Keep), gone);
        assert!(matches!(copied, Ok(_) | Err(Error::NotFound)), "{copied:?}");
        assert_eq!(scene.names(ann, into).await.contains(&file.name), copied.is_ok());
        scene.settle().await;
    }
}

#[tokio::test]
async fn at_most_ten_thousand_nodes_are_copied() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let id = scene.engine.folder_for(ann, docs, Rights::READ).await.unwrap().id.0;
    scene
        .sql(&format!(
            "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 10000) \
             insert into node (uid, account_id, parent_id, kind, state, depth, name, folded, files, folders, bytes, \
             creator_id, private, created_at, modified_at) select \
             '00000000-0000-4000-8000-' || substr(cast(1000000000000 + n as text), 2), {account}, {id}, 'folder', 1, 2, \
             cast(n as text), cast(n as text), 0, 0, 0, {account}, 1, 0, 0 from numbers",
            account = ann.account.0
        ))
        .await;
    let copied = scene.engine.copy_node(ann, docs, NodeRef::Home, Clash::Keep).await;
    assert!(matches!(copied, Err(Error::Invalid(_))), "{copied:?}");
    scene.sql("delete from node where name = '1' and parent_id is not null").await;
    let copied = scene.engine.copy_node(ann, docs, NodeRef::Home, Clash::NumberAnyCase).await.unwrap();
    let Item::Folder(copied) = copied else { panic!("a folder") };
    assert_eq!((copied.name.as_str(), copied.folders), ("docs(2)", 9_999));
}

#[tokio::test]
async fn copies_meet_what_is_there_as_moves_do() {
    let scene = Scene::new().await;
    let ann = &scene.ann;
    let (from, to) = (scene.path(ann, "from/same").await, scene.path(ann, "to").await);
    scene.store(ann, from, "taken", 10).await;
    scene.store(ann, from, "free", 20).await;
    let same = scene.path(ann, "to/same").await;
    let there = scene.store(ann, same, "taken", 30).await;
    let single = scene.store(ann, NodeRef::Home, "taken", 5).await;

    let copied = scene.copy_all(&[from], Some(to), Conflict::Skip).await.unwrap();
    assert_eq!((copied.kind, copied.items, copied.done, copied.finished), (OperationKind::Copy, 1, 1, true));
    assert_eq!(scene.names(ann, same).await, ["free", "taken"]);
    assert_eq!(scene.file(ann, &there).await.version, 1);
    scene.settle().await;
    let copied = scene.copy_all(&[of(&single)], Some(same), Conflict::Skip).await.unwrap();
    assert_eq!((copied.items, copied.done), (1, 0));
    scene.settle().await;
    scene.copy_all(&[from], Some(to), Conflict::Overwrite).await.unwrap();
    let now = scene.file(ann, &there).await;
    assert_eq!((now.version, now.size), (2, 10));
    assert_eq!(scene.names(ann, same).await, ["free", "taken"]);
    scene.settle().await;
    scene.copy_all(&[from], Some(to), Conflict::Duplicate).await.unwrap();
    assert_eq!(scene.names(ann, same).await, ["free", "free", "taken", "taken"]);
    assert_eq!(scene.names(ann, from).await, ["free", "taken"]);
    scene.settle().await;

    scene.engine.start_edit(ann, of(&there), false).await.unwrap();
    let copied = scene.copy_all(&[of(&single), from], Some(same), Conflict::Overwrite).await.unwrap();
    assert_eq!((copied.items, copied.done), (2, 1));
    let reason = FailureReason::Refused(Refused::Locked);
    assert_eq!(copied.failures, [Failure { name: "taken".into(), reason }]);
    scene.kept().await;
}

#[tokio::test]
async fn a_duplicate_lies_beside_its_original() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let file = scene.store(ann, docs, "a.txt", 1).await;
    for _ in 0..2 {
        let copied = scene.copy_all(&[of(&file), docs], None, Conflict::Skip).await.unwrap();
        assert_eq!((copied.kind, copied.done), (OperationKind::Duplicate, 2));
    }
    assert_eq!(scene.names(ann, docs).await, ["a(2).txt", "a(3).txt", "a.txt"]);
    assert_eq!(scene.names(ann, NodeRef::Home).await, ["docs/", "docs(2)/", "docs(3)/"]);
    scene.settle().await;
}

#[tokio::test]
async fn an_operation_that_copies_is_checked_as_a_whole() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let [good, gone] = [scene.store(ann, docs, "good", 1).await, scene.store(ann, docs, "gone", 1).await];
    let foreign = scene.store(&scene.bob, NodeRef::Home, "foreign", 1).await;
    let trashed = scene.path(ann, "trashed").await;
    scene.trash(ann, Target::FolderUid(uid(trashed)), Holder::Owner).await;
    scene.trash(ann, Target::FileUid(gone.uid), Holder::Owner).await;
    let missing = NodeRef::FileUid(Uuid::new_v4());
    let stopped =
        async |node: NodeRef, to: NodeRef| match scene.copy_all(&[of(&good), node], Some(to), Conflict::Skip).await {
            Err(Error::Stopped { node, why }) => (node, why),
            other => panic!("{other:?}"),
        };
    assert_eq!(stopped(missing, NodeRef::Home).await, (missing, Refused::NotFound));
    assert_eq!(stopped(of(&foreign), NodeRef::Home).await, (of(&foreign), Refused::Forbidden));
    assert_eq!(stopped(of(&gone), NodeRef::Home).await, (of(&gone), Refused::Forbidden));
    assert_eq!(stopped(of(&good), trashed).await, (trashed, Refused::Forbidden));
    assert_eq!(stopped(docs, docs).await, (docs, Refused::IntoItself));
    assert_eq!(scene.names(ann, NodeRef::Home).await, ["docs/"]);
    scene.settle().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_half_done() {
    let scene = Arc::new(Scene::new().await);
    let docs = scene.path(&scene.ann, "docs").await;
    for count in 0..20 {
        scene.store(&scene.ann, docs, &format!("{count}"), 50).await;
    }
    for polls in 0..6 {
        let copying = scene.engine.copy_node(&scene.ann, docs, NodeRef::Home, Clash::NumberAnyCase);
        let mut copying = Box::pin(copying);
        for _ in 0..polls {
            let _ = futures_util::poll!(&mut copying);
            tokio::task::yield_now().await;
        }
        drop(copying);
    }
    // What was begun ends by itself, each of them whole: all but the one that was never looked at.
    crate::support::wait_until("all copies have ended", async || {
        let shown = "select 1 from node where kind = 'folder' and name like 'docs(%' and files = 20";
        scene.installation.sql(shown).await.len() == 5
    })
    .await;
    scene.settle().await;
}
