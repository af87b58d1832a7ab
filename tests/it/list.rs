//! Lists of any length: pages that follow each other, what a large folder in the trash hides, and how rows are found.

mod plans;

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::json;
use unfile::{clock::Clock, engine::Engine, fault::Faults, model::*};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::Installation,
};

/// More than a list reads again each time (`engine/gaps.rs`).
const MANY: usize = 1500;

struct Scene {
    installation: Installation,
    engine: Engine,
    ann: Caller,
}

impl Scene {
    async fn new() -> Self {
        let installation = in_process::installation().await;
        let engine = in_process::open(&installation, &Clock::default(), &Faults::default()).await;
        let (_, key) = engine.add_account("ann", Role::User, Some(0), None).await.unwrap();
        let ann = engine.authenticate(&key.secret, Realm::Keys).await.unwrap();
        Self { installation, engine, ann }
    }

    async fn make_folder(&self, parent: NodeRef, name: &str) -> FolderInfo {
        let new =
            NewFolder { parent, name: NodeName::parse(name).unwrap(), description: String::new(), clash: Clash::Keep };
        self.engine.make_folder(&self.ann, new).await.unwrap()
    }

    async fn store(&self, folder: NodeRef, name: &str) -> FileInfo {
        let into = Into::Folder { folder, name: NodeName::parse(name).unwrap(), taken: Taken::Keep };
        let new = NewContent { into, media_type: "text/plain".into() };
        self.engine.store_content(&self.ann, new, sent(Bytes::from_static(b"x"))).await.unwrap()
    }

    async fn delete(&self, target: Target, live: Live) {
        let request = DeleteRequest {
            caller: self.ann.clone(),
            dialect: "test",
            targets: vec![target],
            reach: Reach::Rights,
            atomicity: Atomicity::AllOrNothing,
            live,
            trashed: Trashed::Purge,
            edited: Edited::Refuse,
        };
        let outcome = self.engine.delete(request).await.unwrap().remove(0);
        assert!(matches!(outcome.verdict, Verdict::Deleted(_)), "{outcome:?}");
    }

    async fn trash(&self, target: Target) {
        let keep = std::time::Duration::from_secs(86_400);
        self.delete(target, Live::Trash { holder: Holder::Owner, keep }).await;
    }

    /// Many files in a folder, straight into the database: as if they had been uploaded one by one.
    async fn fill(&self, NodeId(folder): NodeId, files: usize) {
        let rows: Vec<_> = (0..files).map(|number| json!([Uuid::new_v4(), format!("many {number:05}")])).collect();
        let rows = serde_json::Value::from(rows);
        let mut connection = self.installation.connect(false).await;
        for statement in [
            format!(
                "insert into node (uid, account_id, parent_id, kind, state, depth, name, folded, files, folders, \
                 bytes, creator_id, private, created_at, modified_at) select j.value ->> 0, f.account_id, f.id, \
                 'file', 1, f.depth, j.value ->> 1, j.value ->> 1, 0, 0, 0, f.account_id, 1, f.created_at, \
                 f.created_at from json_each('{rows}') j cross join node f where f.id = {folder}"
            ),
            format!(
                "insert into version (node_id, number, size, sha256, media_type, object_key, creator_id, created_at) \
                 select n.id, 1, 0, '', 'text/plain', 'many/' || n.uid, n.account_id, n.created_at from node n \
                 where n.parent_id = {folder} and n.version_id is null"
            ),
            format!(
                "update node set version_id = (select v.id from version v where v.node_id = node.id) \
                 where parent_id = {folder} and version_id is null"
            ),
            // Its way up is the root alone.
            format!(
                "update node set files = files + {files} where id = {folder} \
                 or id = (select parent_id from node where id = {folder})"
            ),
        ] {
            connection.rows(&statement).await;
        }
        connection.close().await;
    }

    /// The names of an account's files, page by page, and how many there are said to be.
    async fn all(&self, query: &FileQuery) -> (Vec<String>, u64) {
        let (mut names, mut query) = (Vec::new(), query.clone());
        loop {
            let page = self.engine.files(&self.ann, query.clone()).await.unwrap();
            names.extend(page.items.iter().map(|file| file.name.clone()));
            query.offset += u64::from(query.limit);
            if !page.more {
                assert_eq!(page.total, names.len() as u64, "{query:?}");
                return (names, page.total);
            }
        }
    }

    /// The names of the account's files, which every order of the list shows.
    async fn in_every_order(&self, limit: u32) -> BTreeSet<String> {
        let mut seen = Vec::new();
        for order in [FileOrder::Id, FileOrder::Name, FileOrder::Size, FileOrder::Expires] {
            for descending in [false, true] {
                for find in [None, Some("a".to_owned())] {
                    let (names, total) = self.all(&FileQuery { order, descending, find, ..flat(limit) }).await;
                    let distinct: BTreeSet<String> = names.into_iter().collect();
                    assert_eq!(distinct.len() as u64, total, "each file once: {order:?} {descending}");
                    seen.push(distinct);
                }
            }
        }
        let first = seen.remove(0);
        assert!(seen.iter().all(|other| *other == first));
        first
    }
}

fn flat(limit: u32) -> FileQuery {
    FileQuery { whose: Whose::Own, order: FileOrder::Id, descending: true, find: None, offset: 0, limit }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_large_folder_hides_its_files_at_once_in_every_list_and_shows_them_at_once() {
    let scene = Scene::new().await;
    scene.store(NodeRef::Home, "before a").await;
    let big = scene.make_folder(NodeRef::Home, "big").await;
    let inner = scene.store(NodeRef::FolderUid(big.uid), "inner a").await;
    scene.fill(big.id, MANY).await;
    scene.store(NodeRef::Home, "after a").await;
    assert_eq!(scene.in_every_order(1000).await.len(), MANY + 3);

    scene.trash(Target::FolderUid(big.uid)).await;
    // Twice: the second list knows where the first found nothing.
    for _ in 0..2 {
        assert_eq!(scene.in_every_order(1).await, names(&["before a", "after a"]));
    }
    scene.store(NodeRef::Home, "later a").await;
    assert_eq!(scene.in_every_order(2).await, names(&["before a", "after a", "later a"]));

    // What is taken out of the folder is shown, the rest is not.
    let request = MoveRequest {
        dialect: "test",
        kind: OperationKind::Move,
        nodes: vec![NodeRef::FileUid(inner.uid)],
        destination: Some(NodeRef::Home),
        conflict: Conflict::Skip,
    };
    scene.engine.move_as_operation(&scene.ann, request).await.unwrap();
    assert_eq!(scene.in_every_order(2).await, names(&["before a", "after a", "later a", "inner a"]));

    let restored = scene
        .engine
        .restore(&scene.ann, vec![TrashRef::Node(big.uid)], RestoreRules::RebuildAndRefuse, false)
        .await
        .unwrap();
    assert!(matches!(restored[..], [Restored::Back(_)]), "{restored:?}");
    assert_eq!(scene.in_every_order(1000).await.len(), MANY + 4);
    scene.delete(Target::FolderUid(big.uid), Live::Purge).await;
    assert_eq!(scene.in_every_order(3).await, names(&["before a", "after a", "later a", "inner a"]));
}

#[tokio::test]
async fn files_below_many_hidden_folders_are_left_out() {
    let scene = Scene::new().await;
    scene.store(NodeRef::Home, "before a").await;
    let top = scene.make_folder(NodeRef::Home, "top").await;
    for number in 0..30 {
        let below = scene.make_folder(NodeRef::FolderUid(top.uid), &format!("below {number}")).await;
        scene.store(NodeRef::FolderUid(below.uid), &format!("hidden a {number}")).await;
    }
    scene.store(NodeRef::Home, "after a").await;
    scene.trash(Target::FolderUid(top.uid)).await;
    for limit in [1, 2, 100] {
        assert_eq!(scene.in_every_order(limit).await, names(&["before a", "after a"]));
    }
    let deep = FileQuery { offset: 1, ..flat(1) };
    let jumped = scene.engine.files(&scene.ann, deep).await.unwrap();
    assert_eq!((jumped.items[0].name.as_str(), jumped.total, jumped.more), ("before a", 2, false));
}

#[tokio::test]
async fn pages_show_each_entry_once_while_what_they_showed_is_deleted() {
    const FILES: usize = 40;
    let scene = Scene::new().await;
    let folder = scene.make_folder(NodeRef::Home, "docs").await;
    for number in 0..6 {
        scene.make_folder(NodeRef::FolderUid(folder.uid), &format!("sub {number}")).await;
    }
    for number in 0..FILES {
        scene.store(NodeRef::FolderUid(folder.uid), &format!("file {number}")).await;
    }
    let everything: BTreeSet<String> =
        (0..FILES).map(|number| format!("file {number}")).chain((0..6).map(|number| format!("sub {number}"))).collect();

    // The folder's content goes into the trash as it is read.
    let (mut seen, mut offset) = (Vec::new(), 0);
    loop {
        let query =
            ContentQuery { order: ContentOrder::Name, descending: false, name: None, find: None, offset, limit: 7 };
        let (_, page) = scene.engine.content_of(&scene.ann, NodeRef::FolderUid(folder.uid), query).await.unwrap();
        offset += page.items.len() as u64;
        for item in &page.items {
            seen.push(item.name().to_owned());
            let uid = item.ids().uid;
            scene.trash(if item.is_folder() { Target::FolderUid(uid) } else { Target::FileUid(uid) }).await;
        }
        if !page.more {
            break;
        }
    }
    assert_eq!((seen.len(), seen.iter().cloned().collect::<BTreeSet<_>>()), (everything.len(), everything.clone()));

    // Half of what the trash shows is destroyed as it is read.
    let (mut seen, mut offset) = (Vec::new(), 0);
    loop {
        let query = TrashQuery { scope: TrashScope::Own, versions: true, counted: false, offset, limit: 5 };
        let page = scene.engine.trash(&scene.ann, query).await.unwrap();
        offset += page.items.len() as u64;
        for (at, entry) in page.items.iter().enumerate() {
            seen.push(entry.item.name().to_owned());
            if at % 2 == 0 {
                let target = Target::Entry { uid: entry.uid, is_folder: entry.item.is_folder() };
                scene.delete(target, Live::NotFound).await;
            }
        }
        if !page.more {
            break;
        }
    }
    assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (everything.len(), everything));

    // So are the files of it, in the order of a list of files.
    let left = scene.engine.trashed_files(&scene.ann, flat(100)).await.unwrap().items.len();
    let (mut seen, mut query) = (BTreeSet::new(), FileQuery { order: FileOrder::Name, ..flat(3) });
    loop {
        let page = scene.engine.trashed_files(&scene.ann, query.clone()).await.unwrap();
        query.offset += page.items.len() as u64;
        for entry in &page.items {
            assert!(seen.insert(entry.item.name().to_owned()), "{} twice", entry.item.name());
            scene.delete(Target::Entry { uid: entry.uid, is_folder: false }, Live::NotFound).await;
        }
        if !page.more {
            break;
        }
    }
    assert_eq!(seen.len(), left);
}

#[tokio::test]
async fn a_page_that_nobody_led_to_is_counted_out() {
    let scene = Scene::new().await;
    let folder = scene.make_folder(NodeRef::Home, "docs").await;
    for number in 0..3 {
        scene.make_folder(NodeRef::FolderUid(folder.uid), &format!("sub {number}")).await;
        scene.store(NodeRef::FolderUid(folder.uid), &format!("file {number}")).await;
    }
    for (offset, expected) in
        [(1, vec!["sub 1", "sub 2"]), (2, vec!["sub 2", "file 0"]), (3, vec!["file 0", "file 1"]), (5, vec!["file 2"])]
    {
        let page = scene.engine.folder_content(&scene.ann, folder.uid, offset, 2).await.unwrap();
        let found: Vec<&str> = page.items.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!((found, page.total, page.more), (expected, 6, offset < 4), "{offset}");
    }
    let behind = scene.engine.folder_content(&scene.ann, folder.uid, 6, 2).await.unwrap();
    assert_eq!((behind.items.len(), behind.total, behind.more), (0, 6, false));
    let page = scene.engine.files(&scene.ann, FileQuery { offset: 2, ..flat(5) }).await.unwrap();
    assert_eq!((page.items.len(), page.total, page.more), (1, 3, false));
    let page = scene.engine.files(&scene.ann, FileQuery { offset: 3, ..flat(5) }).await.unwrap();
    assert_eq!((page.items.len(), page.total, page.more), (0, 3, false));
}
