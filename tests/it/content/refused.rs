//! Uploads that come to nothing: refused, broken off, cut off by a fault or a crash. Nothing is left of any.

use unfile::fault::Action;

use super::*;
use crate::support::wait_until;

impl Scene {
    /// Sends the first bytes and waits until the engine asks for more; then whatever the test does comes in between.
    async fn under_way(&self, caller: &Caller, into: Into) -> UnderWay {
        let (send, bytes) = body();
        send.send(Ok(Bytes::from_static(b"first"))).unwrap();
        let (engine, caller) = (self.engine.clone(), caller.clone());
        let new = NewContent { into, media_type: "text/plain".into() };
        let upload = tokio::spawn(async move { engine.store_content(&caller, new, bytes).await });
        wait_until("the object is named", || async { self.staged().await == 1 }).await;
        UnderWay { send, upload }
    }

    async fn staged(&self) -> usize {
        promises::all_rows(&self.installation).await["staged"].len()
    }
}

struct UnderWay {
    send: UnboundedSender<std::io::Result<Bytes>>,
    upload: tokio::task::JoinHandle<Result<FileInfo, Error>>,
}

impl UnderWay {
    /// The rest comes, and the end.
    async fn end(self) -> Result<FileInfo, Error> {
        self.send.send(Ok(Bytes::from_static(b", last"))).unwrap();
        drop(self.send);
        self.upload.await.unwrap()
    }
}

/// A body that must not be looked at.
fn unread() -> ByteStream {
    stream::once(async { panic!("the first byte was read") }).boxed()
}

#[tokio::test]
async fn who_may_not_write_is_refused_before_the_first_byte() {
    let scene = Scene::new(0).await;
    let folder = scene.make_folder(NodeRef::Home, "f").await;
    let file = scene.put(&scene.ann, at(NodeRef::FolderUid(folder.uid), "a.txt", Taken::Version), "a").await.unwrap();
    let inside = || at(NodeRef::FolderUid(folder.uid), "b.txt", Taken::Version);
    for into in [inside(), next(&file)] {
        assert!(matches!(scene.send(&scene.bob, into, unread()).await, Err(Error::Forbidden)));
    }
    scene.share(folder.id, &scene.bob, Rights::DOWNLOADER).await;
    for into in [inside(), next(&file)] {
        assert!(matches!(scene.send(&scene.bob, into, unread()).await, Err(Error::Forbidden)));
    }
    for missing in [
        at(NodeRef::FolderUid(Uuid::new_v4()), "b.txt", Taken::Keep),
        at(NodeRef::FolderUid(file.uid), "b.txt", Taken::Keep),
        at(NodeRef::FileUid(file.uid), "b.txt", Taken::Keep),
        Into::File { file: NodeRef::FileId(folder.id.0), name: None },
        Into::File { file: NodeRef::FolderId(folder.id.0), name: None },
        Into::File { file: NodeRef::Home, name: None },
    ] {
        assert!(matches!(scene.send(&scene.ann, missing, unread()).await, Err(Error::NotFound)));
    }
    assert!(matches!(scene.delete(Target::FolderUid(folder.uid), Live::Purge).await, Verdict::Deleted(_)));
    for hidden in [inside(), next(&file)] {
        assert!(matches!(scene.send(&scene.ann, hidden, unread()).await, Err(Error::NotFound)));
    }
    scene.settle().await;
}

#[tokio::test]
async fn a_lock_of_another_stops_an_upload_and_editing_does_not() {
    let scene = Scene::new(0).await;
    let file = scene.put(&scene.ann, home("a.txt"), "a").await.unwrap();
    scene.share(file.id, &scene.bob, Rights::EDITOR).await;
    let lock = async |by: &Caller| {
        scene
            .sql(&format!("update node set locked_by = {}, locked_at = 0 where id = {}", by.account.0, file.id.0))
            .await;
    };
    let session =
        format!("insert into edit_session values (1, {}, {}, 'tab', 1, {})", file.id.0, scene.ann.account.0, i64::MAX);
    scene.sql(&session).await;
    scene.put(&scene.bob, next(&file), "edited").await.unwrap();
    lock(&scene.bob).await;
    for into in [next(&file), home("a.txt")] {
        assert!(matches!(scene.send(&scene.ann, into, unread()).await, Err(Error::Locked)));
    }
    scene.put(&scene.bob, next(&file), "his own lock").await.unwrap();
    // A lock that comes while the bytes do.
    let under_way = scene.under_way(&scene.bob, next(&file)).await;
    lock(&scene.ann).await;
    assert!(matches!(under_way.end().await, Err(Error::Locked)));
    assert_eq!(scene.versions(uid(&file)).await, [(3, 12), (2, 6), (1, 1)]);
    scene.settle().await;
}

#[tokio::test]
async fn what_goes_beyond_the_quota_is_not_kept() {
    let scene = Scene::new(100).await;
    let file = scene.put(&scene.ann, home("a.txt"), &"x".repeat(90)).await.unwrap();
    for into in [home("b.txt"), next(&file)] {
        let refused = scene.put(&scene.ann, into, &"x".repeat(11)).await;
        assert!(matches!(refused, Err(Error::QuotaExceeded { used: 90, quota: 100, size: 11 })));
    }
    assert_eq!((scene.used().await, scene.staged().await), (90, 0));
    scene.settle().await;
    // To the last byte, and what is empty always fits.
    scene.put(&scene.ann, next(&file), &"x".repeat(10)).await.unwrap();
    scene.put(&scene.ann, home("empty"), "").await.unwrap();
    assert!(matches!(scene.put(&scene.ann, home("c"), "x").await, Err(Error::QuotaExceeded { .. })));
    // The tree's owner has none left, whoever sends.
    scene.share(file.id, &scene.bob, Rights::EDITOR).await;
    assert!(matches!(scene.put(&scene.bob, next(&file), "x").await, Err(Error::QuotaExceeded { .. })));
    assert_eq!(scene.used().await, 100);
    scene.settle().await;
}

#[tokio::test]
async fn of_those_who_race_for_the_last_bytes_as_many_win_as_fit() {
    let scene = Scene::new(100).await;
    let bytes = "x".repeat(30);
    let sent = (0..12).map(|number| {
        let (scene, bytes) = (&scene, &bytes);
        async move { scene.put(&scene.ann, home(&format!("{}.txt", number % 4)), bytes).await }
    });
    let done = join_all(sent).await;
    let refused = done.iter().filter(|done| matches!(done, Err(Error::QuotaExceeded { .. }))).count();
    assert_eq!((done.iter().filter(|done| done.is_ok()).count(), refused), (3, 9));
    assert_eq!(scene.used().await, 90);
    scene.settle().await;
}

#[tokio::test]
async fn where_the_folder_goes_meanwhile_nothing_is_kept() {
    let scene = Scene::new(0).await;
    let trash = Live::Trash { holder: Holder::Owner, keep: Duration::from_secs(3_600) };
    for (live, next_version) in [(Live::Purge, false), (Live::Purge, true), (trash, false), (trash, true)] {
        let folder = scene.make_folder(NodeRef::Home, "f").await;
        let inside = |name| at(NodeRef::FolderUid(folder.uid), name, Taken::Version);
        let file = scene.put(&scene.ann, inside("a.txt"), "a").await.unwrap();
        let into = if next_version { next(&file) } else { inside("b.txt") };
        let under_way = scene.under_way(&scene.ann, into).await;
        assert!(matches!(scene.delete(Target::FolderUid(folder.uid), live).await, Verdict::Deleted(_)));
        assert!(matches!(under_way.end().await, Err(Error::NotFound)));
    }
    scene.settle().await;
}

#[tokio::test]
async fn a_right_that_ends_meanwhile_ends_the_upload() {
    let scene = Scene::new(0).await;
    let folder = scene.make_folder(NodeRef::Home, "f").await;
    scene.share(folder.id, &scene.bob, Rights::EDITOR).await;
    let inside = at(NodeRef::FolderUid(folder.uid), "a.txt", Taken::Version);
    let under_way = scene.under_way(&scene.bob, inside).await;
    scene.sql("delete from share").await;
    assert!(matches!(under_way.end().await, Err(Error::Forbidden)));
    assert_eq!(scene.used().await, 0);
    scene.settle().await;
}

#[tokio::test]
async fn what_moves_to_another_tree_meanwhile_counts_there() {
    let scene = Scene::new(20).await;
    let tree = scene.put(&scene.bob, home("bob's"), "").await.unwrap().parent;
    scene.share(tree.id, &scene.ann, Rights::EDITOR).await;
    let destination = NodeRef::FolderUid(tree.uid);
    let file = scene.put(&scene.ann, home("a.txt"), "bytes").await.unwrap();
    let under_way = scene.under_way(&scene.ann, next(&file)).await;
    scene.engine.move_node(&scene.ann, uid(&file), destination, Clash::Keep).await.unwrap();
    let shown = under_way.end().await.unwrap();
    assert_eq!((shown.version, shown.owner.name.as_str(), shown.size), (2, "bob", 11));
    assert_eq!((scene.used().await, scene.engine.account(&scene.bob).await.unwrap().used), (0, 16));
    // And where there is no room any more, there it is refused.
    let file = scene.put(&scene.ann, home("b.txt"), "bytes").await.unwrap();
    let under_way = scene.under_way(&scene.ann, next(&file)).await;
    scene.engine.move_node(&scene.ann, uid(&file), destination, Clash::Keep).await.unwrap();
    scene.sql("update account set quota = 30 where name = 'bob'").await;
    assert!(matches!(under_way.end().await, Err(Error::QuotaExceeded { used: 21, quota: 30, size: 11 })));
    scene.settle().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing() {
    let scene = Scene::new(0).await;
    let file = scene.put(&scene.ann, home("a.txt"), "a").await.unwrap();
    let UnderWay { send, upload } = scene.under_way(&scene.ann, next(&file)).await;
    send.send(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap();
    assert!(matches!(upload.await.unwrap(), Err(Error::BodyBrokenOff)));
    // Nobody waits for the answer any more, and the body breaks off only then.
    let UnderWay { send, upload } = scene.under_way(&scene.ann, next(&file)).await;
    upload.abort();
    send.send(Err(std::io::ErrorKind::ConnectionReset.into())).unwrap();
    wait_until("the object is given up", || async { scene.staged().await == 0 }).await;
    assert_eq!(scene.versions(uid(&file)).await, [(1, 1)]);
    assert_eq!(scene.used().await, 1);
    scene.settle().await;
}

#[tokio::test]
async fn an_upload_that_the_sweep_has_given_up_is_not_shown() {
    let scene = Scene::new(0).await;
    let under_way = scene.under_way(&scene.ann, home("a.txt")).await;
    scene.clock.advance(Duration::from_secs(3 * 86_400));
    jobs::run_dry(&scene.engine).await.unwrap();
    assert!(matches!(under_way.end().await, Err(Error::UploadEnded)));
    assert_eq!(scene.used().await, 0);
    scene.settle().await;
}

/// The steps of an upload, and of a promotion behind its first.
const STEPS: [&str; 6] =
    ["content.stage", "content.stage.committed", "objects.put", "upload.written", "content.commit", "commit"];

#[tokio::test]
async fn a_step_that_fails_leaves_nothing() {
    let scene = Scene::new(0).await;
    let file = scene.put(&scene.ann, home("a.txt"), "a").await.unwrap();
    for step in STEPS {
        for into in [home("b.txt"), next(&file)] {
            scene.faults.set(step, Some(Action::Fail));
            assert!(scene.put(&scene.ann, into, "bytes").await.is_err(), "{step}");
            scene.faults.set(step, None);
        }
    }
    for step in ["promote.stage", "objects.put", "content.commit"] {
        scene.faults.set(step, Some(Action::Fail));
        assert!(scene.engine.promote_version(&scene.ann, uid(&file), 1).await.is_err(), "{step}");
        scene.faults.set(step, None);
    }
    // Where even giving up fails, the sweep finds what is left.
    scene.faults.set("objects.put", Some(Action::Fail));
    scene.faults.set("upload.give_up", Some(Action::Fail));
    assert!(scene.put(&scene.ann, home("b.txt"), "bytes").await.is_err());
    scene.faults.set("objects.put", None);
    scene.faults.set("upload.give_up", None);
    scene.clock.advance(Duration::from_secs(3 * 86_400));
    scene.settle().await;
    assert_eq!((scene.versions(uid(&file)).await, scene.used().await), (vec![(1, 1)], 1));
}

#[tokio::test]
async fn a_crash_between_two_steps_leaves_the_file_as_it_was_or_whole() {
    let steps = STEPS.into_iter().chain(["content.commit.committed"]);
    for (step, promoted) in steps.map(|step| (step, false)).chain([
        ("promote.stage", true),
        ("promote.stage.committed", true),
        ("upload.written", true),
        ("content.commit.committed", true),
    ]) {
        let mut scene = Scene::new(0).await;
        let file = scene.put(&scene.ann, home("a.txt"), "old").await.unwrap();
        scene.faults.set(step, Some(Action::Crash));
        let done = match promoted {
            true => scene.engine.promote_version(&scene.ann, uid(&file), 1).await,
            false => scene.put(&scene.ann, next(&file), "new").await,
        };
        assert!(done.is_err() && scene.faults.crashed(), "{step}");
        promises::assert_kept(&scene.installation).await;
        scene.engine.close().await;
        scene.faults = Faults::default();
        scene.engine = in_process::open_again(&scene.installation, &scene.clock, &scene.faults).await;
        let versions = if step == "content.commit.committed" { vec![(2, 3), (1, 3)] } else { vec![(1, 3)] };
        assert_eq!(scene.versions(uid(&file)).await, versions, "{step}");
        scene.settle().await;
    }
}
