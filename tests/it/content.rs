//! Bytes that become a file or a further version: who may, what a name means, whose quota it is, and that whatever goes
//! wrong on the way leaves nothing.

mod refused;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use unfile::{
    clock::Clock,
    engine::{ByteStream, Content, Engine, Extent, error::Error},
    fault::Faults,
    jobs,
    model::{Into, *},
};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::Installation,
    promises,
};

struct Scene {
    installation: Installation,
    engine: Engine,
    clock: Clock,
    faults: Faults,
    ann: Caller,
    bob: Caller,
}

impl Scene {
    /// An installation with two accounts; ann has so many bytes, 0 for no quota.
    async fn new(quota: u64) -> Self {
        let (installation, clock, faults) = (in_process::installation().await, Clock::default(), Faults::default());
        let engine = in_process::open(&installation, &clock, &faults).await;
        let [ann, bob] = [account(&engine, "ann", quota).await, account(&engine, "bob", 0).await];
        Self { installation, engine, clock, faults, ann, bob }
    }

    async fn put(&self, caller: &Caller, into: Into, bytes: &str) -> Result<FileInfo, Error> {
        self.send(caller, into, sent(Bytes::copy_from_slice(bytes.as_bytes()))).await
    }

    async fn send(&self, caller: &Caller, into: Into, bytes: ByteStream) -> Result<FileInfo, Error> {
        let new = NewContent { into, media_type: "text/plain".into() };
        self.engine.store_content(caller, new, bytes).await
    }

    async fn make_folder(&self, parent: NodeRef, name: &str) -> FolderInfo {
        let name = NodeName::parse(name).unwrap();
        let new = NewFolder { parent, name, description: String::new(), clash: Clash::Refuse };
        self.engine.make_folder(&self.ann, new).await.unwrap()
    }

    async fn read(&self, file: NodeRef, number: Option<u32>, part: Option<Part>) -> Result<(Extent, String), Error> {
        let content = self.engine.read_for(&self.ann, file, number, part, false).await?;
        let extent = content.extent.clone();
        Ok((extent, text(content).await))
    }

    /// Name, number and size of each live version, newest first.
    async fn versions(&self, file: NodeRef) -> Vec<(u32, u64)> {
        let versions = self.engine.versions(&self.ann, file).await.unwrap();
        versions.iter().map(|version| (version.version, version.size)).collect()
    }

    async fn delete(&self, target: Target, live: Live) -> Verdict {
        let request = DeleteRequest { live, ..DeleteRequest::permanent(self.ann.clone(), "test", vec![target]) };
        self.engine.delete(request).await.unwrap().remove(0).verdict
    }

    async fn used(&self) -> u64 {
        self.engine.account(&self.ann).await.unwrap().used
    }

    async fn share(&self, node: NodeId, with: &Caller, rights: Rights) {
        let rights = rights.bits();
        self.sql(&format!("insert into share values ({}, {}, {rights}, 0)", node.0, with.account.0)).await;
    }

    /// What no door of the engine does yet, or not at this moment.
    async fn sql(&self, statement: &str) {
        self.installation.sql(statement).await;
    }

    /// Once the jobs have run, nothing is left of what was refused.
    async fn settle(&self) {
        jobs::run_dry(&self.engine).await.unwrap();
        promises::assert_kept(&self.installation).await;
        promises::assert_nothing_left_behind(&self.installation).await;
    }
}

async fn account(engine: &Engine, name: &str, quota: u64) -> Caller {
    let (_, key) = engine.add_account(name, Role::User, Some(quota), None).await.unwrap();
    engine.authenticate(&key.secret, Realm::Keys).await.unwrap()
}

fn at(folder: NodeRef, name: &str, taken: Taken) -> Into {
    Into::Folder { folder, name: NodeName::parse(name).unwrap(), taken }
}

fn home(name: &str) -> Into {
    at(NodeRef::Home, name, Taken::Version)
}

fn next(file: &FileInfo) -> Into {
    Into::File { file: NodeRef::FileUid(file.uid), name: None }
}

fn uid(file: &FileInfo) -> NodeRef {
    NodeRef::FileUid(file.uid)
}

async fn text(content: Content) -> String {
    let chunks: Vec<_> = content.stream.collect().await;
    String::from_utf8(chunks.into_iter().flat_map(|chunk| chunk.unwrap()).collect()).unwrap()
}

/// A body that comes as the test sends it, and ends when the sender is dropped.
fn body() -> (UnboundedSender<std::io::Result<Bytes>>, ByteStream) {
    let (send, receive) = unbounded_channel();
    let bytes = stream::unfold(receive, async |mut receive| receive.recv().await.map(|item| (item, receive))).boxed();
    (send, bytes)
}

#[tokio::test]
async fn versions_are_numbered_and_no_number_comes_twice() {
    let scene = Scene::new(0).await;
    let first = scene.put(&scene.ann, home("a.txt"), "one").await.unwrap();
    assert_eq!((first.version, first.size, first.name.as_str()), (1, 3, "a.txt"));
    scene.clock.advance(Duration::from_secs(60));
    let second = scene.put(&scene.ann, home("a.txt"), "two!").await.unwrap();
    assert_eq!((second.id, second.version, second.size), (first.id, 2, 4));
    assert_eq!(second.created_at, first.created_at);
    assert!(second.modified_at - first.modified_at >= Duration::from_secs(60));
    assert_eq!(scene.used().await, 7);

    let trash = Live::Trash { holder: Holder::Owner, keep: Duration::from_secs(3_600) };
    let newest = Target::Version { file: first.uid, number: 2 };
    assert!(matches!(scene.delete(newest, trash).await, Verdict::Deleted(_)));
    assert_eq!(scene.versions(uid(&first)).await, [(1, 3)]);
    let third = scene.put(&scene.ann, next(&first), "three").await.unwrap();
    assert_eq!((third.version, scene.versions(uid(&first)).await), (3, vec![(3, 5), (1, 3)]));
    assert_eq!(scene.used().await, 12, "what lies in the trash counts");

    assert_eq!(scene.read(uid(&first), None, None).await.unwrap(), (Extent::Whole, "three".into()));
    assert_eq!(scene.read(uid(&first), Some(1), None).await.unwrap(), (Extent::Whole, "one".into()));
    assert!(matches!(scene.read(uid(&first), Some(2), None).await, Err(Error::NoVersion)));
    assert!(matches!(scene.read(uid(&first), Some(4), None).await, Err(Error::NoVersion)));
    let old = scene.engine.file_version(&scene.ann, uid(&first), 1).await.unwrap();
    assert_eq!((old.version, old.size, old.modified_at), (1, 3, first.modified_at));
    let gone = scene.engine.file_version(&scene.ann, uid(&first), 2).await;
    assert!(matches!(gone, Err(Error::NoVersion)));
    scene.settle().await;
}

#[tokio::test]
async fn a_taken_name_means_what_was_asked_for() {
    let scene = Scene::new(0).await;
    let folder = scene.make_folder(NodeRef::Home, "f").await;
    let into = |name: &str, taken| at(NodeRef::FolderId(folder.id.0), name, taken);
    let put = async |name: &str, taken| {
        let file = scene.put(&scene.ann, into(name, taken), name).await.unwrap();
        (file.id.0, file.name, file.version)
    };
    let (first, ..) = put("a.txt", Taken::Version).await;
    scene.make_folder(NodeRef::FolderId(folder.id.0), "B.txt").await;
    // Exactly, and in any case; a folder's name is none of a file's.
    assert_eq!(put("a.txt", Taken::Version).await, (first, "a.txt".into(), 2));
    assert_eq!(put("A.TXT", Taken::VersionAnyCase).await, (first, "a.txt".into(), 3));
    let (upper, name, version) = put("A.txt", Taken::Version).await;
    assert_eq!((name.as_str(), version), ("A.txt", 1));
    assert_eq!(put("A.txt", Taken::VersionAnyCase).await, (upper, "A.txt".into(), 2), "the exact name comes first");
    assert_eq!(put("a.TXT", Taken::VersionAnyCase).await, (first, "a.txt".into(), 4), "then the oldest");
    assert_eq!(put("B.txt", Taken::Version).await.1, "B.txt");
    // Numbers skip what is there, in any case, folders too.
    assert_eq!(put("b.txt", Taken::Number).await.1, "b(2).txt");
    assert_eq!(put("B.TXT", Taken::Number).await.1, "B(3).TXT");
    assert_eq!(put("c.txt", Taken::Number).await.1, "c.txt");
    // Side by side; the oldest of equals is meant from then on.
    let (other, name, version) = put("a.txt", Taken::Keep).await;
    assert_eq!((name.as_str(), version), ("a.txt", 1));
    assert!(other != first);
    assert_eq!(put("a.txt", Taken::Version).await, (first, "a.txt".into(), 5));
    scene.settle().await;
}

#[tokio::test]
async fn a_version_under_another_name_renames_the_file() {
    let scene = Scene::new(0).await;
    let file = scene.put(&scene.ann, home("a.txt"), "a").await.unwrap();
    scene.put(&scene.ann, home("b.txt"), "b").await.unwrap();
    let named = |name: &str| Into::File { file: NodeRef::FileId(file.id.0), name: NodeName::parse(name).ok() };
    for (name, becomes) in
        [("a.txt", "a.txt"), ("A.txt", "A.txt"), ("B.txt", "B(2).txt"), ("B(2).txt", "B(2).txt"), ("c", "c")]
    {
        let shown = scene.put(&scene.ann, named(name), name).await.unwrap();
        assert_eq!((shown.id, shown.name.as_str()), (file.id, becomes), "{name}");
    }
    let found = scene.put(&scene.ann, at(NodeRef::Home, "C", Taken::VersionAnyCase), "c").await.unwrap();
    assert_eq!((found.id, found.version), (file.id, 7), "found under its new name, in any case");
    scene.settle().await;
}

#[tokio::test]
async fn what_comes_at_the_same_moment_is_decided_in_the_commit() {
    let scene = Scene::new(0).await;
    let all = async |taken| {
        let sent = (0..10).map(|_| scene.put(&scene.ann, at(NodeRef::Home, "a.txt", taken), "same"));
        let files: Vec<_> = join_all(sent).await.into_iter().map(Result::unwrap).collect();
        let mut shown: Vec<_> = files.iter().map(|file| (file.id, file.name.clone(), file.version)).collect();
        shown.sort();
        shown
    };
    let versions = all(Taken::Version).await;
    let file = versions[0].0;
    assert_eq!(versions, (1..=10).map(|version| (file, "a.txt".to_owned(), version)).collect::<Vec<_>>());
    let mut names: Vec<_> = all(Taken::Number).await.into_iter().map(|(_, name, _)| name).collect();
    names.sort_by_key(String::len);
    assert_eq!(names.first().unwrap(), "a(2).txt");
    assert_eq!(names.last().unwrap(), "a(11).txt");
    assert_eq!(names.len(), names.iter().collect::<std::collections::BTreeSet<_>>().len());
    assert_eq!(scene.used().await, 80);
    scene.settle().await;
}

#[tokio::test]
async fn the_bytes_count_to_the_owner_whoever_sends_them() {
    let scene = Scene::new(0).await;
    let folder = scene.make_folder(NodeRef::Home, "f").await;
    scene.share(folder.id, &scene.bob, Rights::EDITOR).await;
    let into = || at(NodeRef::FolderUid(folder.uid), "a.txt", Taken::Version);
    let file = scene.put(&scene.bob, into(), "bob's").await.unwrap();
    assert_eq!((file.owner.name.as_str(), file.creator.name.as_str()), ("ann", "bob"));
    assert_eq!(file.rights, Rights::EDITOR);
    let file = scene.put(&scene.ann, next(&file), "ann's").await.unwrap();
    let said = |file: &FileInfo| (file.creator.name.clone(), file.modifier.name.clone());
    assert_eq!(said(&file), ("bob".to_owned(), "ann".to_owned()));
    let first = scene.engine.file_version(&scene.ann, uid(&file), 1).await.unwrap();
    assert_eq!(said(&first), ("bob".to_owned(), "bob".to_owned()));
    let [ann, bob] = [scene.used().await, scene.engine.account(&scene.bob).await.unwrap().used];
    assert_eq!((ann, bob), (10, 0));

    // Nobody with a name, by a link: in the owner's.
    let node = folder.id;
    scene
        .sql(&format!(
            "insert into link (id, uid, node_id, kind, creator_id, rights, name, audience, accounts, created_at, \
             modified_at) values (7, 'u', {}, 'public', {}, 15, '', 'everybody', '[]', 0, 0)",
            node.0, scene.ann.account.0
        ))
        .await;
    let pass = |rights| Caller::anonymous(LinkPass { link: 7, node, rights });
    let narrow = async |rights: Rights| scene.sql(&format!("update link set rights = {}", rights.bits())).await;
    let named = |name: &str| at(NodeRef::FolderUid(folder.uid), name, Taken::Version);
    let file = scene.put(&pass(Rights::CONTRIBUTOR), named("b.txt"), "b").await.unwrap();
    assert_eq!((file.owner.name.as_str(), said(&file)), ("ann", ("ann".to_owned(), "ann".to_owned())));
    narrow(Rights::DOWNLOADER).await;
    let refused = scene.put(&pass(Rights::CONTRIBUTOR), named("c.txt"), "c").await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    narrow(Rights::CONTRIBUTOR).await;
    let outside = scene.put(&pass(Rights::CONTRIBUTOR), at(NodeRef::Home, "c.txt", Taken::Version), "c").await;
    assert!(matches!(outside, Err(Error::NotFound)));
    scene.settle().await;
}

#[tokio::test]
async fn a_part_is_read_as_it_is_asked_for() {
    let scene = Scene::new(0).await;
    let file = scene.put(&scene.ann, home("a.txt"), "old").await.unwrap();
    scene.put(&scene.ann, next(&file), "0123456789").await.unwrap();
    let from = |first, last| Part::From { first, last };
    for (part, extent, bytes) in [
        (from(0, Some(3)), Extent::Part(0..=3), "0123"),
        (from(9, Some(9)), Extent::Part(9..=9), "9"),
        (from(7, None), Extent::Part(7..=9), "789"),
        (from(7, Some(99)), Extent::Part(7..=9), "789"),
        (Part::Last(2), Extent::Part(8..=9), "89"),
        (Part::Last(99), Extent::Part(0..=9), "0123456789"),
        (from(10, None), Extent::Nothing, ""),
        (Part::Last(0), Extent::Nothing, ""),
    ] {
        assert_eq!(scene.read(uid(&file), None, Some(part)).await.unwrap(), (extent, bytes.into()), "{part:?}");
    }
    let old = scene.read(uid(&file), Some(1), Some(from(1, Some(5)))).await.unwrap();
    assert_eq!(old, (Extent::Part(1..=2), "ld".into()));
    let empty = scene.put(&scene.ann, home("empty"), "").await.unwrap();
    assert_eq!(scene.read(uid(&empty), None, Some(from(0, None))).await.unwrap().0, Extent::Nothing);
    assert_eq!(scene.read(uid(&empty), None, None).await.unwrap(), (Extent::Whole, String::new()));
}

#[tokio::test]
async fn an_old_version_becomes_the_newest_with_bytes_of_its_own() {
    let scene = Scene::new(16).await;
    let file = scene.put(&scene.ann, home("a.txt"), "first").await.unwrap();
    scene.put(&scene.ann, next(&file), "second").await.unwrap();
    let promote = async |caller: &Caller, number| scene.engine.promote_version(caller, uid(&file), number).await;
    let third = promote(&scene.ann, 1).await.unwrap();
    assert_eq!((third.version, third.size, third.media_type.as_str()), (3, 5, "text/plain"));
    assert_eq!(scene.versions(uid(&file)).await, [(3, 5), (2, 6), (1, 5)]);
    assert!(matches!(promote(&scene.ann, 4).await, Err(Error::NoVersion)));
    assert!(matches!(promote(&scene.bob, 1).await, Err(Error::Forbidden)));
    assert!(matches!(promote(&scene.ann, 2).await, Err(Error::QuotaExceeded { size: 6, .. })));
    assert_eq!(scene.used().await, 16);
    // The older one goes, and the newest is whole.
    assert!(matches!(
        scene.delete(Target::PastVersion { file: file.id.0, number: 1 }, Live::Purge).await,
        Verdict::Deleted(_)
    ));
    scene.settle().await;
    assert_eq!(scene.read(uid(&file), None, None).await.unwrap().1, "first");
    assert!(matches!(promote(&scene.ann, 1).await, Err(Error::NoVersion)));
    scene.settle().await;
}

#[tokio::test]
async fn whoever_holds_a_trashed_file_still_reads_it() {
    let scene = Scene::new(0).await;
    let folder = scene.make_folder(NodeRef::Home, "f").await;
    scene.share(folder.id, &scene.bob, Rights::CONTRIBUTOR).await;
    let file =
        scene.put(&scene.ann, at(NodeRef::FolderUid(folder.uid), "a.txt", Taken::Version), "bytes").await.unwrap();
    let read = async |caller: &Caller, trash| scene.engine.read_for(caller, uid(&file), None, None, trash).await;
    let keep = Duration::from_secs(3_600);
    let request = DeleteRequest {
        reach: Reach::Rights,
        live: Live::Trash { holder: Holder::Caller, keep },
        ..DeleteRequest::permanent(scene.bob.clone(), "test", vec![Target::FileUid(file.uid)])
    };
    assert!(matches!(scene.engine.delete(request).await.unwrap()[0].verdict, Verdict::Deleted(_)));
    assert!(matches!(read(&scene.bob, false).await, Err(Error::NotFound)));
    assert!(matches!(read(&scene.ann, true).await, Err(Error::NotFound)), "the owner does not hold it");
    let content = read(&scene.bob, true).await.unwrap();
    assert!(content.file.trashed);
    assert_eq!(text(content).await, "bytes");
}

#[tokio::test]
async fn versions_are_told_to_those_who_may_read() {
    let scene = Scene::new(0).await;
    let file = scene.put(&scene.ann, home("a.txt"), "bytes").await.unwrap();
    let versions = async || scene.engine.versions(&scene.bob, uid(&file)).await;
    let read = async || scene.engine.read_for(&scene.bob, uid(&file), None, None, false).await.map(drop);
    assert!(matches!(versions().await, Err(Error::Forbidden)));
    scene.share(file.id, &scene.bob, Rights::VIEWER).await;
    assert_eq!(versions().await.unwrap()[0].rights, Rights::VIEWER);
    assert!(matches!(read().await, Err(Error::Forbidden)));
    let folder = scene.engine.versions(&scene.ann, NodeRef::Home).await;
    assert!(matches!(folder, Err(Error::NotFound)), "a folder has none");
    assert!(matches!(scene.engine.versions(&scene.ann, NodeRef::FileUid(Uuid::new_v4())).await, Err(Error::NotFound)));
}
