//! Nobody is told anything that a power cut could still take back: not who wrote it, and not who only read it.

use std::{fs, path::PathBuf, pin::pin, process::Command};

use futures_util::future::{Either, select};
use tempfile::TempDir;

use crate::{
    hexnode,
    support::{Server, promises, wait_until},
};

/// What stands between a server and its disk: while it is shut, no `fdatasync` comes to its end.
struct Gate {
    folder: TempDir,
}

impl Gate {
    fn new() -> Self {
        let gate = Self { folder: TempDir::new().unwrap() };
        let source = gate.folder.path().join("gate.c");
        fs::write(&source, include_str!("durable/gate.c")).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).args([&gate.library(), &source]);
        assert!(cc.status().unwrap().success());
        gate
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("gate.so")
    }

    fn bar(&self) -> PathBuf {
        self.folder.path().join("shut")
    }

    async fn server(&self) -> Server {
        let (library, bar) = (self.library().display().to_string(), self.bar().display().to_string());
        Server::start_embedded_with(&[("LD_PRELOAD", &library), ("GATE", &bar)]).await
    }

    fn shut(&self) {
        fs::write(self.bar(), "").unwrap();
    }

    fn open(&self) {
        fs::remove_file(self.bar()).unwrap();
    }
}

/// A server behind a gate that is open, and two files of one account.
struct Scene {
    gate: Gate,
    server: Server,
    key: String,
    first: i64,
    second: i64,
}

async fn scene() -> Scene {
    let gate = Gate::new();
    let server = gate.server().await;
    let key = server.account("ann").await.key;
    let first = hexnode::upload(&server, &key, "first", b"x").await;
    let second = hexnode::upload(&server, &key, "second", b"x").await;
    Scene { gate, server, key, first, second }
}

/// Waits until a file's mark can be read.
async fn marked(server: &Server, file: i64) {
    wait_until("the mark is written", || async {
        server.sql(&format!("select 1 from node where id = {file} and state = 3")).await.len() == 1
    })
    .await;
}

/// Time enough for a server to answer what waits for nothing.
async fn a_while(server: &Server) {
    for _ in 0..50 {
        assert_eq!(server.send(reqwest::Method::GET, "/healthz", &[], "").await.status, 200);
    }
}

#[tokio::test]
async fn a_delete_is_answered_and_seen_by_none_before_it_is_on_the_disk() {
    let Scene { gate, server, key, first, second } = scene().await;

    gate.shut();
    let (one, another) = (format!("[{first}]"), format!("[{second}]"));
    let mut delete = pin!(hexnode::delete(&server, &key, &one));
    assert!(
        matches!(select(&mut delete, pin!(marked(&server, first))).await, Either::Right(_)),
        "answered before it was durable"
    );
    // Whoever reads now could see what is not on the disk yet, be it only that there is no such key.
    let mut list = pin!(hexnode::listed(&server, &key));
    let mut stranger = pin!(hexnode::get_list(&server, "NobodysKeyNobodysKeyNobodysKey", ""));
    let mut accounts = pin!(server.cli(&["account", "list"]));
    // The next one may be written meanwhile.
    let mut other = pin!(hexnode::delete(&server, &key, &another));
    let writers = select(&mut delete, &mut other);
    let readers = select(&mut list, select(&mut stranger, &mut accounts));
    let anybody = select(writers, readers);
    assert!(
        matches!(select(anybody, pin!(a_while(&server))).await, Either::Right(_)),
        "answered before it was durable"
    );

    gate.open();
    assert_eq!(delete.await.status, 200);
    let listed = list.await;
    assert!(!listed.contains(&first), "{listed:?}");
    assert_eq!(other.await.status, 200);
    assert_eq!(stranger.await.status, 401);
    assert_eq!(accounts.await.status, 0);
    server.run_jobs().await;
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn what_was_answered_outlives_a_server_that_is_killed_in_the_middle_of_a_sync() {
    let Scene { gate, server, key, first, second } = scene().await;
    assert_eq!(hexnode::delete(&server, &key, &format!("[{first}]")).await.status, 200);

    gate.shut();
    let delete = async {
        let body = format!(r#"{{"file_ids":[{second}]}}"#);
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        server.try_send(reqwest::Method::POST, "/api/v1/filemanagement/delete-files/", &headers, body).await
    };
    let killed = async {
        marked(&server, second).await;
        server.kill().await;
    };
    let (answer, ()) = tokio::join!(delete, killed);
    assert!(answer.is_err(), "answered before it was durable");
    gate.open();
    server.start_again().await;
    // Nobody was told about the second one: it may be there or not, but not half.
    let listed = hexnode::listed(&server, &key).await;
    assert!(!listed.contains(&first), "{listed:?}");
    server.run_jobs().await;
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
}
