//! What the engine does at moments that no request can choose: two things at once, a step that fails, a long wait.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, future::join_all, stream};
use unfile::{
    clock::Clock,
    engine::{Engine, error::Error},
    fault::{Action, Faults},
    jobs,
    model::*,
};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::Installation,
    promises, wait_until,
};

struct Scene {
    installation: Installation,
    engine: Engine,
    clock: Clock,
    faults: Faults,
    ann: Caller,
}

impl Scene {
    /// An installation with one account of so many bytes, 0 for no quota; its password is `right`.
    async fn new(quota: u64) -> Self {
        let (installation, clock, faults) = (in_process::installation().await, Clock::default(), Faults::default());
        let engine = in_process::open(&installation, &clock, &faults).await;
        let (_, key) = engine.add_account("ann", Role::User, Some(quota), Some("right")).await.unwrap();
        let ann = engine.authenticate(&key.secret, Realm::Keys).await.unwrap();
        Self { installation, engine, clock, faults, ann }
    }

    async fn store(&self, name: &str, size: usize) -> Result<FileInfo, Error> {
        let name = NodeName::parse(name).unwrap();
        let new = NewFile { name, media_type: "text/plain".into(), private: true };
        self.engine.store_file(&self.ann, new, Bytes::from(vec![1; size])).await
    }

    async fn delete(&self, uid: Uuid) -> Verdict {
        let request = DeleteRequest {
            caller: self.ann.clone(),
            dialect: "test",
            targets: vec![Target::FileUid(uid)],
            reach: Reach::Own,
            atomicity: Atomicity::BestEffort,
            live: Live::Purge,
            trashed: Trashed::NotFound,
            edited: Edited::Refuse,
        };
        self.engine.delete(request).await.unwrap().remove(0).verdict
    }

    async fn announce(&self, group: Uuid, name: &str, size: u64, chunked: bool) -> Result<Uuid, Error> {
        let new = NewTransferFile {
            uid: None,
            name: NodeName::parse(name).unwrap(),
            path: Vec::new(),
            media_type: "text/plain".into(),
            size,
            chunked,
        };
        self.engine.add_transfer_file(&self.ann, group, new).await
    }

    async fn chunk(&self, group: Uuid, file: Uuid, offset: Option<u64>, bytes: &'static str) -> Result<(), Error> {
        let chunk = Chunk { offset, md5: None };
        self.engine.put_chunk(&self.ann, group, file, chunk, sent(Bytes::from_static(bytes.as_bytes()))).await
    }

    async fn sign_in(&self, password: &str, address: &str) -> Result<IssuedKey, Error> {
        self.engine.sign_in("ann", password, address.parse().unwrap()).await
    }

    /// Whatever was disturbed before: now all works, and nothing is left behind.
    async fn settle(&self) {
        self.clock.advance(Duration::from_secs(3 * 86_400));
        jobs::run_dry(&self.engine).await.unwrap();
        promises::assert_kept(&self.installation).await;
        promises::assert_nothing_left_behind(&self.installation).await;
    }
}

#[tokio::test]
async fn guesses_at_the_same_moment_count() {
    let scene = Scene::new(0).await;
    let guesses = join_all((0..40).map(|guess| {
        let scene = &scene;
        async move { scene.sign_in(&format!("guess {guess}"), "10.0.0.1").await }
    }))
    .await;
    let compared = guesses.iter().filter(|guess| matches!(guess, Err(Error::WrongPassword))).count();
    assert_eq!(compared, 10, "of 40 guesses");
    assert!(matches!(scene.sign_in("right", "10.0.0.2").await, Err(Error::TooManyAttempts { .. })));
    scene.clock.advance(Duration::from_secs(301));
    assert!(scene.sign_in("right", "10.0.0.1").await.is_ok());
}

#[tokio::test]
async fn an_address_is_limited_over_all_accounts_and_ipv6_by_its_network() {
    let scene = Scene::new(0).await;
    for guess in 0..100 {
        let address = format!("2001:db8::{guess:x}");
        let name = format!("nobody-{guess}");
        let tried = scene.engine.sign_in(&name, "guess", address.parse().unwrap()).await;
        assert!(matches!(tried, Err(Error::WrongPassword)), "guess {guess}");
    }
    let limited = scene.sign_in("right", "2001:db8::ffff").await;
    assert!(matches!(limited, Err(Error::TooManyAttempts { .. })));
    assert!(scene.sign_in("right", "2001:db8:0:1::1").await.is_ok(), "another network");
}

#[tokio::test]
async fn no_sign_in_with_an_old_password_outlives_its_change() {
    let scene = Scene::new(0).await;
    let mut old = "right".to_owned();
    for round in 0..8 {
        let new = format!("new {round}");
        let address = format!("10.0.1.{round}");
        let (signed_in, changed) = tokio::join!(scene.sign_in(&old, &address), scene.engine.set_password("ann", &new));
        changed.unwrap();
        if let Ok(key) = signed_in {
            let caller = scene.engine.authenticate(&key.secret, Realm::Vault).await;
            assert!(matches!(caller, Err(Error::KeyUnknown)), "round {round}");
        }
        old = new;
    }
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_moved_on_is_good_all_the_same() {
    let scene = Scene::new(0).await;
    let key = scene.sign_in("right", "10.0.0.1").await.unwrap();
    scene.clock.advance(Duration::from_secs(120));
    scene.faults.set("key.renew", Some(Action::Fail));
    assert!(scene.engine.authenticate(&key.secret, Realm::Vault).await.is_ok());
}

#[tokio::test]
async fn no_sum_of_announcements_leaves_its_numbers() {
    let scene = Scene::new(0).await;
    let group = scene.engine.open_transfer(&scene.ann, None, None).await.unwrap().uid;
    // As after 4,095 files of one PiB: the last one that fits, and one more.
    scene.installation.sql("update account set used = 4611686018427387904 - 1125899906842624 where name = 'ann'").await;
    scene.announce(group, "last", 1 << 50, true).await.unwrap();
    let more = scene.announce(group, "more", 1, true).await;
    assert!(matches!(more, Err(Error::QuotaExceeded { .. })));
    assert_eq!(scene.engine.account(&scene.ann).await.unwrap().used, 1 << 62);
    assert!(matches!(scene.announce(group, "huge", (1 << 50) + 1, true).await, Err(Error::QuotaExceeded { .. })));
}

#[tokio::test]
async fn an_upload_whose_last_commit_fails_leaves_neither_bytes_nor_quota() {
    let scene = Scene::new(10_000).await;
    scene.faults.set("direct.commit", Some(Action::Fail));
    assert!(scene.store("a.txt", 9_000).await.is_err());
    scene.faults.set("direct.commit", None);
    assert_eq!(scene.engine.account(&scene.ann).await.unwrap().used, 0);
    jobs::run_dry(&scene.engine).await.unwrap();
    promises::assert_nothing_left_behind(&scene.installation).await;
    scene.store("a.txt", 9_000).await.unwrap();
    scene.settle().await;
}

#[tokio::test]
async fn a_put_that_outlives_the_sweep_of_its_slot_is_counted_once() {
    let scene = Scene::new(0).await;
    let slot = scene.engine.open_slot(&scene.ann, NodeName::parse("a").unwrap(), "text/plain".into()).await.unwrap();
    let (send, receive) = tokio::sync::mpsc::unbounded_channel();
    let bytes = stream::unfold(receive, async |mut receive| receive.recv().await.map(|item| (item, receive))).boxed();
    let engine = scene.engine.clone();
    let put = tokio::spawn(async move { engine.put_slot(slot.uid, None, bytes).await });
    send.send(Ok(Bytes::from_static(b"first"))).unwrap();
    wait_until("the object is named", || async {
        scene.installation.sql("select count(*) from staged").await == [[1]]
    })
    .await;
    // Storage takes nothing away while the sweep, three days later, queues the object under its writer's hands.
    scene.faults.set("objects.delete", Some(Action::Fail));
    scene.clock.advance(Duration::from_secs(3 * 86_400));
    jobs::run_dry(&scene.engine).await.unwrap();
    drop(send);
    assert!(matches!(put.await.unwrap(), Err(Error::UploadEnded)));
    scene.faults.set("objects.delete", None);
    scene.settle().await;
}

#[tokio::test]
async fn a_hold_comes_too_late_for_bytes_that_may_be_gone() {
    let scene = Scene::new(0).await;
    let file = scene.store("a.txt", 9).await.unwrap();
    scene.faults.set("purge.finish", Some(Action::Fail));
    assert!(matches!(scene.delete(file.uid).await, Verdict::Deleted(_)));
    assert!(jobs::run_dry(&scene.engine).await.is_err(), "the bytes are gone, and nobody could write it down");
    scene.faults.set("purge.finish", None);
    scene.clock.advance(Duration::from_secs(31));
    assert!(matches!(scene.engine.add_hold(file.uid, None, "case 7").await, Err(Error::Invalid(_))));
    scene.settle().await;
}

#[tokio::test]
async fn a_text_that_no_name_contains_finds_nothing() {
    let scene = Scene::new(0).await;
    scene.store("a.txt", 9).await.unwrap();
    for (find, found) in
        [("a".repeat(60_000), 0), ("\0".into(), 0), ("_".into(), 0), ("%".into(), 0), (".TX".into(), 1)]
    {
        let query = FileQuery {
            whose: Whose::Own,
            order: FileOrder::Name,
            descending: false,
            find: Some(find.clone()),
            offset: 0,
            limit: 10,
        };
        let page = scene.engine.files(&scene.ann, query).await.unwrap();
        assert_eq!((page.total, page.items.len()), (found, found as usize), "{:.9}", find);
    }
}

#[tokio::test]
async fn a_text_that_not_every_database_keeps_is_refused_and_names_nobody() {
    let scene = Scene::new(0).await;
    let text = || "a\0b".to_owned();
    let name = NodeName::parse("docs").unwrap();
    let new = NewFolder { parent: NodeRef::Home, name, description: text(), clash: Clash::Keep };
    assert!(matches!(scene.engine.make_folder(&scene.ann, new.clone()).await, Err(Error::Invalid(_))));
    let made = scene.engine.make_folder(&scene.ann, NewFolder { description: String::new(), ..new }).await.unwrap();
    let folder = NodeRef::FolderId(made.id.0);
    let described = scene.engine.rename(&scene.ann, folder, None, Some(text()), Clash::Keep).await;
    assert!(matches!(described, Err(Error::Invalid(_))));
    let new = NewKey { description: text(), read_only: false, expires_at: None };
    assert!(matches!(scene.engine.add_key("ann", new).await, Err(Error::Invalid(_))));
    let address = "10.0.0.1".parse().unwrap();
    assert!(matches!(scene.engine.sign_in("ann\0", "right", address).await, Err(Error::WrongPassword)));
    let shown = scene.engine.folder_for(&scene.ann, folder, Rights::READ).await.unwrap();
    assert_eq!(shown.description, "");
}

#[tokio::test]
async fn two_who_finish_one_file_at_once_both_succeed() {
    let scene = Scene::new(0).await;
    for round in 0..10 {
        let group = scene.engine.open_transfer(&scene.ann, None, None).await.unwrap().uid;
        let file = scene.announce(group, &format!("file {round}"), 6, true).await.unwrap();
        scene.chunk(group, file, Some(3), "def").await.unwrap();
        scene.chunk(group, file, Some(0), "abc").await.unwrap();
        let finish = || scene.engine.finish_transfer_file(&scene.ann, group, file);
        let (one, other) = tokio::join!(finish(), finish());
        assert!(one.is_ok() && other.is_ok(), "round {round}");
        scene.engine.commit_transfer(&scene.ann, group, None).await.unwrap();
    }
    scene.settle().await;
}

#[tokio::test]
async fn a_streams_last_piece_sent_again_never_replaces_its_first() {
    let scene = Scene::new(0).await;
    let group = scene.engine.open_transfer(&scene.ann, None, None).await.unwrap().uid;
    let file = scene.announce(group, "pieces", 9, false).await.unwrap();
    for piece in ["abc", "def", "ghi"] {
        scene.chunk(group, file, None, piece).await.unwrap();
    }
    assert!(matches!(scene.chunk(group, file, None, "ghi").await, Err(Error::TooLarge)));
    let whole = scene.announce(group, "whole", 3, false).await.unwrap();
    for _ in 0..2 {
        scene.chunk(group, whole, None, "xyz").await.unwrap();
    }
    for file in [file, whole] {
        scene.engine.finish_transfer_file(&scene.ann, group, file).await.unwrap();
    }
    scene.engine.commit_transfer(&scene.ann, group, None).await.unwrap();
    for (file, content) in [(file, "abcdefghi"), (whole, "xyz")] {
        let chunks: Vec<_> = scene.engine.read(&scene.ann, file).await.unwrap().stream.collect().await;
        let read: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap()).collect();
        assert_eq!(read, content.as_bytes());
    }
}

#[tokio::test]
async fn equal_names_are_numbered_from_the_lowest_that_is_free() {
    let scene = Scene::new(0).await;
    let long = "x".repeat(255);
    for (asked, names) in [
        (["a.txt"; 4].as_slice(), ["a.txt", "a(1).txt", "a(2).txt", "a(3).txt"].map(str::to_owned).as_slice()),
        (["a(2).txt", "a.txt"].as_slice(), ["a(2)(1).txt", "a(4).txt"].map(str::to_owned).as_slice()),
        ([long.as_str(); 2].as_slice(), [long.clone(), format!("{}(1)", "x".repeat(252))].as_slice()),
    ] {
        let group = scene.engine.open_transfer(&scene.ann, None, None).await.unwrap().uid;
        for name in asked {
            let file = scene.announce(group, name, 0, true).await.unwrap();
            scene.engine.finish_transfer_file(&scene.ann, group, file).await.unwrap();
        }
        let shown = scene.engine.commit_transfer(&scene.ann, group, None).await.unwrap();
        assert_eq!(shown.into_iter().map(|file| file.name).collect::<Vec<_>>(), names);
    }
}

#[tokio::test]
async fn a_lease_begins_when_it_is_given() {
    let scene = Scene::new(0).await;
    let file = scene.store("a.txt", 9).await.unwrap();
    // Another process holds the database while the delete waits for it.
    let mut other = scene.installation.connect(false).await;
    other.take_turn().await;
    scene.faults.set("purge.taken", Some(Action::Fail));
    let (engine, ann) = (scene.engine.clone(), scene.ann.clone());
    let delete = tokio::spawn(async move { engine.delete_and_wait(&ann, "test", file.uid).await });
    tokio::task::yield_now().await;
    scene.clock.advance(Duration::from_secs(3_600));
    let released = scene.engine.now();
    other.rows("rollback").await;
    assert_eq!(delete.await.unwrap().unwrap(), GoneVerdict::Going);
    let lease = other.rows("select lease_until from purge").await[0][0].as_i64().unwrap();
    let left = lease - (released.unix_timestamp_nanos() / 1_000) as i64;
    assert!(left >= 30_000_000, "{left} µs");
    scene.faults.set("purge.taken", None);
    scene.settle().await;
}
