//! Trees: making, listing and naming; then moving, copying and taking back, each in a file of its own. After every step
//! quota, totals, depths and owners are computed again from the rows.

mod copying;
mod merging;
mod moving;
mod restoring;

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
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

/// Of bob; ann has none.
const QUOTA: u64 = 1_000;

struct Scene {
    installation: Installation,
    engine: Engine,
    faults: Faults,
    ann: Caller,
    bob: Caller,
}

impl Scene {
    async fn new() -> Self {
        let (installation, clock, faults) = (in_process::installation().await, Clock::default(), Faults::default());
        let engine = in_process::open(&installation, &clock, &faults).await;
        let mut callers = Vec::new();
        for (name, quota) in [("ann", 0), ("bob", QUOTA)] {
            let (_, key) = engine.add_account(name, Role::User, Some(quota), None).await.unwrap();
            callers.push(engine.authenticate(&key.secret, Realm::Keys).await.unwrap());
        }
        let (bob, ann) = (callers.pop().unwrap(), callers.pop().unwrap());
        Self { installation, engine, faults, ann, bob }
    }

    async fn try_make(&self, caller: &Caller, parent: NodeRef, text: &str, clash: Clash) -> Result<FolderInfo, Error> {
        let new = NewFolder { parent, name: name(text), description: String::new(), clash };
        self.engine.make_folder(caller, new).await
    }

    /// A folder of a caller's, by its names from the root down, made where it is missing.
    async fn path(&self, caller: &Caller, path: &str) -> NodeRef {
        let mut node = NodeRef::Home;
        for text in path.split('/') {
            let query = ContentQuery { name: Some(text.to_owned()), ..all() };
            let (_, page) = self.engine.content_of(caller, node, query).await.unwrap();
            let there = page.items.iter().find(|item| item.is_folder()).map(Item::ids);
            let uid = match there {
                Some(ids) => ids.uid,
                None => self.try_make(caller, node, text, Clash::Keep).await.unwrap().uid,
            };
            node = NodeRef::FolderUid(uid);
        }
        node
    }

    async fn store(&self, caller: &Caller, folder: NodeRef, text: &str, size: usize) -> FileInfo {
        let into = Into::Folder { folder, name: name(text), taken: Taken::Keep };
        let new = NewContent { into, media_type: "text/plain".into() };
        self.engine.store_content(caller, new, sent(Bytes::from(vec![b'x'; size]))).await.unwrap()
    }

    async fn add_version(&self, caller: &Caller, file: &FileInfo, size: usize) -> FileInfo {
        let new = NewContent { into: Into::File { file: of(file), name: None }, media_type: "text/plain".into() };
        self.engine.store_content(caller, new, sent(Bytes::from(vec![b'v'; size]))).await.unwrap()
    }

    async fn trash(&self, caller: &Caller, target: Target, holder: Holder) {
        let keep = Duration::from_secs(30 * 86_400);
        self.delete(caller, target, Live::Trash { holder, keep }).await;
    }

    async fn destroy(&self, caller: &Caller, target: Target) {
        self.delete(caller, target, Live::Purge).await;
    }

    async fn delete(&self, caller: &Caller, target: Target, live: Live) {
        let request = DeleteRequest {
            caller: caller.clone(),
            dialect: "test",
            targets: vec![target],
            reach: Reach::Rights,
            atomicity: Atomicity::AllOrNothing,
            live,
            trashed: Trashed::NotFound,
            edited: Edited::Refuse,
        };
        let verdict = self.engine.delete(request).await.unwrap().remove(0).verdict;
        assert!(matches!(verdict, Verdict::Deleted(_)), "{verdict:?}");
    }

    async fn entries(&self, caller: &Caller) -> Vec<TrashEntry> {
        let query = TrashQuery { scope: TrashScope::Own, versions: true, counted: true, offset: 0, limit: 100 };
        self.engine.trash(caller, query).await.unwrap().items
    }

    async fn share(&self, node: NodeRef, rights: Rights) {
        let change = ShareChange { with: self.bob.uid, rights };
        self.engine.set_shares(&self.ann, node, vec![change]).await.unwrap();
    }

    /// The names in a folder, folders with a slash behind them, in the order of a list by name.
    async fn names(&self, caller: &Caller, folder: NodeRef) -> Vec<String> {
        let (_, page) = self.engine.content_of(caller, folder, all()).await.unwrap();
        let shown = |item: &Item| format!("{}{}", item.name(), if item.is_folder() { "/" } else { "" });
        page.items.iter().map(shown).collect()
    }

    async fn file(&self, caller: &Caller, file: &FileInfo) -> FileInfo {
        self.engine.file_for(caller, of(file), Rights::READ).await.unwrap()
    }

    async fn content(&self, caller: &Caller, file: NodeRef) -> Vec<u8> {
        let mut content = self.engine.read_for(caller, file, None, None, false).await.unwrap();
        let mut bytes = Vec::new();
        while let Some(chunk) = content.stream.next().await {
            bytes.extend(chunk.unwrap());
        }
        bytes
    }

    async fn used(&self, caller: &Caller) -> u64 {
        self.engine.account(caller).await.unwrap().used
    }

    async fn sql(&self, statement: &str) {
        self.installation.sql(statement).await;
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

fn name(text: &str) -> NodeName {
    NodeName::parse(text).unwrap()
}

fn of(file: &FileInfo) -> NodeRef {
    NodeRef::FileUid(file.uid)
}

fn uid(folder: NodeRef) -> Uuid {
    match folder {
        NodeRef::FolderUid(uid) => uid,
        other => panic!("{other:?}"),
    }
}

fn all() -> ContentQuery {
    ContentQuery { order: ContentOrder::Name, descending: false, name: None, find: None, offset: 0, limit: 1_000 }
}

#[tokio::test]
async fn folders_are_made_where_one_may_write() {
    let scene = Scene::new().await;
    let (ann, bob) = (&scene.ann, &scene.bob);
    let docs = scene.path(ann, "docs").await;
    assert!(matches!(scene.try_make(bob, docs, "new", Clash::Keep).await, Err(Error::Forbidden)));
    scene.share(docs, Rights::DOWNLOADER).await;
    assert!(matches!(scene.try_make(bob, docs, "new", Clash::Keep).await, Err(Error::Forbidden)));
    scene.share(docs, Rights::EDITOR).await;
    let made = scene.try_make(bob, docs, "new", Clash::Keep).await.unwrap();
    assert_eq!((made.owner.name.as_str(), made.creator.name.as_str()), ("ann", "bob"));
    assert_eq!(made.path, ["docs", "new"]);
    let file = scene.store(ann, docs, "a.txt", 1).await;
    assert!(matches!(scene.try_make(ann, of(&file), "new", Clash::Keep).await, Err(Error::NotFound)));
    let nowhere = NodeRef::FolderUid(Uuid::new_v4());
    assert!(matches!(scene.try_make(ann, nowhere, "new", Clash::Keep).await, Err(Error::NotFound)));
    let home = scene.engine.folder_for(ann, NodeRef::Home, Rights::READ).await.unwrap();
    assert_eq!((home.files, home.folders, home.bytes), (1, 2, 1));
    scene.settle().await;
}

#[tokio::test]
async fn who_comes_by_a_link_without_a_name_creates_in_the_owners() {
    let scene = Scene::new().await;
    let docs = scene.path(&scene.ann, "docs").await;
    let new = NewLink {
        audience: Audience::Everybody,
        rights: Rights::CONTRIBUTOR,
        name: String::new(),
        code: None,
        expires_at: None,
    };
    let link = scene.engine.add_link(&scene.ann, docs, new).await.unwrap();
    let address = "10.0.0.1".parse().unwrap();
    let pass = scene.engine.open_link(link.uid, uid(docs), None, None, address).await.unwrap().unwrap();
    let anonymous = Caller::anonymous(pass);
    let made = scene.try_make(&anonymous, docs, "new", Clash::Keep).await.unwrap();
    assert_eq!((made.owner.name.as_str(), made.creator.name.as_str()), ("ann", "ann"));
    let renamed =
        scene.engine.rename(&anonymous, NodeRef::FolderUid(made.uid), Some(name("x")), None, Clash::Keep).await;
    let Item::Folder(renamed) = renamed.unwrap() else { panic!("a folder") };
    assert_eq!(renamed.modifier.name, "ann");
    let home = scene.engine.move_node(&anonymous, NodeRef::FolderUid(made.uid), NodeRef::Home, Clash::Keep).await;
    assert!(matches!(home, Err(Error::NotFound)), "a link has no home");
    scene.settle().await;
}

#[tokio::test]
async fn a_folder_lies_at_most_100_deep() {
    let scene = Scene::new().await;
    let path = vec!["d"; 99].join("/");
    let deepest = scene.path(&scene.ann, &path).await;
    let last = scene.try_make(&scene.ann, deepest, "last", Clash::Keep).await.unwrap();
    let beyond = scene.try_make(&scene.ann, NodeRef::FolderUid(last.uid), "more", Clash::Keep).await;
    assert!(matches!(beyond, Err(Error::TooDeep)));
    scene.store(&scene.ann, NodeRef::FolderUid(last.uid), "a.txt", 1).await;
    let two = scene.path(&scene.ann, "a/b").await;
    let (a, d) = (scene.path(&scene.ann, "a").await, scene.path(&scene.ann, &vec!["d"; 98].join("/")).await);
    let moved = scene.engine.move_node(&scene.ann, a, NodeRef::FolderUid(last.uid), Clash::Keep).await;
    assert!(matches!(moved, Err(Error::TooDeep)));
    scene.engine.move_node(&scene.ann, a, d, Clash::Keep).await.unwrap();
    let b = scene.engine.folder_for(&scene.ann, two, Rights::READ).await.unwrap();
    assert_eq!(b.path.len(), 100);
    let copied = scene.engine.copy_node(&scene.ann, a, deepest, Clash::Keep).await;
    assert!(matches!(copied, Err(Error::TooDeep)));
    scene.settle().await;
}

#[tokio::test]
async fn taken_names_mean_what_the_caller_says() {
    let scene = Scene::new().await;
    let (ann, home) = (&scene.ann, NodeRef::Home);
    let first = scene.try_make(ann, home, "Straße", Clash::Refuse).await.unwrap();
    let taken = async |text: &str, clash| match scene.try_make(ann, home, text, clash).await {
        Err(Error::NameTaken { by }) => {
            assert_eq!(by, first.uid);
            true
        }
        made => made.is_err(),
    };
    assert!(taken("Straße", Clash::Refuse).await);
    assert!(taken("STRAße", Clash::RefuseAnyCase).await);
    assert!(!taken("STRAße", Clash::Refuse).await);
    assert!(!taken("Straße", Clash::Keep).await);
    for expected in ["STRASSE", "straße(2)", "straße(3)"] {
        let asked = if expected == "STRASSE" { expected } else { "straße" };
        let made = scene.try_make(ann, home, asked, Clash::NumberAnyCase).await.unwrap();
        assert_eq!(made.name, expected);
    }
    let file = scene.store(ann, home, "v1.2.txt", 1).await;
    let renamed = async |node, text: &str, clash| {
        scene.engine.rename(ann, node, Some(name(text)), None, clash).await.map(|item| item.name().to_owned())
    };
    assert_eq!(renamed(of(&file), "V1.2.TXT", Clash::RefuseAnyCase).await.unwrap(), "V1.2.TXT", "its own name");
    assert!(matches!(renamed(of(&file), "straßE", Clash::RefuseAnyCase).await, Err(Error::NameTaken { .. })));
    let other = scene.store(ann, home, "b.txt", 1).await;
    assert_eq!(renamed(of(&other), "v1.2.txt", Clash::NumberAnyCase).await.unwrap(), "v1.2(2).txt");
    let folder = NodeRef::FolderUid(first.uid);
    assert_eq!(renamed(folder, "v1.2.txt", Clash::NumberAnyCase).await.unwrap(), "v1.2.txt(2)");
    scene.settle().await;
}

#[tokio::test]
async fn a_rename_needs_the_right_and_no_others_lock() {
    let scene = Scene::new().await;
    let (ann, bob) = (&scene.ann, &scene.bob);
    let docs = scene.path(ann, "docs").await;
    let file = scene.store(ann, docs, "a.txt", 1).await;
    let rename =
        async |caller: &Caller, node| scene.engine.rename(caller, node, Some(name("b.txt")), None, Clash::Keep).await;
    scene.share(docs, Rights::DOWNLOADER).await;
    assert!(matches!(rename(bob, of(&file)).await, Err(Error::Forbidden)));
    scene.share(docs, Rights::EDITOR).await;
    assert!(matches!(rename(ann, NodeRef::Home).await, Err(Error::Forbidden)));
    scene.engine.start_edit(ann, of(&file), true).await.unwrap();
    let Item::File(renamed) = rename(bob, of(&file)).await.unwrap() else { panic!("a file") };
    assert_eq!((renamed.name.as_str(), renamed.modifier.name.as_str()), ("b.txt", "bob"));
    assert!(renamed.modified_at > file.modified_at);
    scene.engine.lock(ann, of(&file)).await.unwrap();
    assert!(matches!(rename(bob, of(&file)).await, Err(Error::Locked)));
    assert!(rename(ann, of(&file)).await.is_ok());
    let described = scene.engine.rename(ann, docs, None, Some("What is written".into()), Clash::Refuse).await.unwrap();
    let Item::Folder(described) = described else { panic!("a folder") };
    assert_eq!((described.name.as_str(), described.description.as_str()), ("docs", "What is written"));
    scene.kept().await;
}

#[tokio::test]
async fn a_list_has_its_order_its_filters_and_its_exact_total() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    for (text, size) in [("b.txt", 3), ("A.txt", 5), ("c_1.txt", 1), ("hidden.txt", 9)] {
        scene.store(ann, docs, text, size).await;
    }
    for text in ["z", "Y"] {
        scene.try_make(ann, docs, text, Clash::Keep).await.unwrap();
    }
    let gone = ContentQuery { name: Some("hidden.txt".into()), ..all() };
    let (_, page) = scene.engine.content_of(ann, docs, gone.clone()).await.unwrap();
    scene.trash(ann, Target::FileUid(page.items[0].ids().uid), Holder::Owner).await;
    let list = async |query| {
        let (folder, page) = scene.engine.content_of(ann, docs, query).await.unwrap();
        assert_eq!(folder.name, "docs");
        let names: Vec<String> = page.items.iter().map(|item| item.name().to_owned()).collect();
        (page.total, names.join(" "))
    };
    let listed = |total, names: &str| (total, names.to_owned());
    assert_eq!(list(all()).await, listed(5, "Y z A.txt b.txt c_1.txt"));
    let by = |order, descending| ContentQuery { order, descending, ..all() };
    assert_eq!(list(by(ContentOrder::Name, true)).await, listed(5, "z Y c_1.txt b.txt A.txt"));
    assert_eq!(list(by(ContentOrder::Size, false)).await, listed(5, "z Y c_1.txt b.txt A.txt"));
    assert_eq!(list(by(ContentOrder::Created, true)).await, listed(5, "Y z c_1.txt A.txt b.txt"));
    assert_eq!(list(ContentQuery { offset: 1, limit: 2, ..all() }).await, listed(5, "z A.txt"));
    assert_eq!(list(gone).await, listed(0, ""));
    assert_eq!(list(ContentQuery { name: Some("a.txt".into()), ..all() }).await, listed(0, ""));
    assert_eq!(list(ContentQuery { name: Some("A.txt".into()), ..all() }).await, listed(1, "A.txt"));
    assert_eq!(list(ContentQuery { find: Some("A".into()), ..all() }).await, listed(1, "A.txt"));
    assert_eq!(list(ContentQuery { find: Some("_".into()), ..all() }).await, listed(1, "c_1.txt"));
    assert_eq!(list(ContentQuery { find: Some("\0".into()), ..all() }).await, listed(0, ""));
    let ids: Vec<NodeId> = {
        let (folder, page) = scene.engine.content_of(ann, docs, all()).await.unwrap();
        [folder.id, page.items[0].ids().id].into()
    };
    assert_eq!(scene.engine.child_counts(&ids).await.unwrap(), [5, 0]);
    assert!(matches!(scene.engine.content_of(&scene.bob, docs, all()).await, Err(Error::Forbidden)));
    scene.kept().await;
}

#[tokio::test]
async fn presence_tells_live_trashed_and_missing_apart() {
    let scene = Scene::new().await;
    let (ann, docs) = (&scene.ann, scene.path(&scene.ann, "docs").await);
    let [single, below] = [scene.store(ann, docs, "a", 1).await, scene.store(ann, docs, "b", 1).await];
    let shown = async |expected: [Presence; 3]| {
        let folder = scene.engine.presence(uid(docs), true).await.unwrap();
        let single = scene.engine.presence(single.uid, false).await.unwrap();
        let below = scene.engine.presence(below.uid, false).await.unwrap();
        assert_eq!([folder, single, below], expected);
    };
    shown([Presence::Live; 3]).await;
    assert_eq!(scene.engine.presence(single.uid, true).await.unwrap(), Presence::Missing, "a file is no folder");
    scene.trash(ann, Target::FileUid(single.uid), Holder::Owner).await;
    shown([Presence::Live, Presence::InTrash, Presence::Live]).await;
    scene.trash(ann, Target::FolderUid(uid(docs)), Holder::Owner).await;
    shown([Presence::InTrash; 3]).await;
    scene.engine.empty_trash(ann, "test").await.unwrap();
    shown([Presence::Missing; 3]).await;
    scene.settle().await;
    shown([Presence::Missing; 3]).await;
}
