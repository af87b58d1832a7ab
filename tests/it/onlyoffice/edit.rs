//! Edit sessions, and deletes that wait for their end (onlyoffice.md 3.6; case 8).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    DENIED, HELD, assert_refused, call, content, get, hold, is_there, make_folder, my, operation, operations, post,
    put, response, share, state, upload,
};
use crate::support::Server;

const OTHER_TAB: &str = "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11";

/// Opens an edit session; gives the key.
async fn start(server: &Server, key: &str, file: i64) -> String {
    let reply = post(server, key, &format!("file/{file}/startedit"), json!({"editingAlone": false})).await;
    response(&reply).as_str().unwrap().to_owned()
}

async fn track(server: &Server, key: &str, file: i64, doc: &str, more: &str) -> crate::support::Reply {
    get(server, key, &format!("file/{file}/trackeditfile?docKeyForTrack={doc}{more}")).await
}

async fn wait_for(server: &Server, key: &str, body: Value) -> Value {
    let reply = put(server, key, "fileops/delete", body).await;
    response(&reply)[0].clone()
}

#[tokio::test]
async fn a_file_being_edited_is_refused_or_waited_for() {
    let server = Server::start().await;
    let (key, bob) = (server.account("ann").await.key, server.account("bob").await);
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    let other = upload(&server, &key, "@my", "b.txt", b"x").await;
    share(&server, &key, &format!("file/{file}"), &bob.uid, 10).await;
    let doc = start(&server, &key, file).await;
    assert_eq!(response(&get(&server, &key, &format!("file/{file}")).await)["fileStatus"], 1);
    let body = json!({"fileIds": [file, other]});
    assert_refused(&put(&server, &key, "fileops/delete", body).await, 403, DENIED);
    assert!(is_there(&server, &key, other).await);

    wait_for(&server, &key, json!({"fileIds": [file, other], "deleteAfter": true})).await;
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &key).await), (50, "1", "", false));
    assert!(is_there(&server, &key, file).await);
    assert!(!is_there(&server, &key, other).await, "what need not wait is gone");

    // Nobody begins anew, and who has begun goes on.
    let reply = post(&server, &bob.key, &format!("file/{file}/startedit"), Value::Null).await;
    assert_refused(&reply, 403, DENIED);
    let reply = track(&server, &key, file, &doc, "").await;
    assert_eq!(reply.json()["response"], json!({"key": true, "value": ""}));

    let reply = track(&server, &key, file, &doc, "&isFinish=true").await;
    assert_eq!(response(&reply), json!({"key": true, "value": ""}));
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &key).await), (100, "2", "", true));
    assert_eq!(content(&server, &key, "@trash").await.0.len(), 2);
}

#[tokio::test]
async fn every_tab_and_every_user_is_waited_for() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 10).await;
    let doc = start(&server, &ann.key, file).await;
    assert_eq!(start(&server, &bob.key, file).await, doc, "the key is the version's");
    let tab = format!("&tabId={OTHER_TAB}");
    assert_eq!(track(&server, &ann.key, file, &doc, &tab).await.status, 200);
    wait_for(&server, &ann.key, json!({"fileIds": [file], "deleteAfter": true, "immediately": true})).await;
    for (key, more) in [
        (&ann.key, "&isFinish=true".to_owned()),
        (&bob.key, "&isFinish=true".to_owned()),
        (&ann.key, format!("{tab}&isFinish=true")),
    ] {
        server.run_jobs().await;
        assert!(is_there(&server, &ann.key, file).await);
        assert_eq!(track(&server, key, file, &doc, &more).await.status, 200);
    }
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &ann.key).await), (100, "1", "", true));
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn silence_ends_a_session() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    let doc = start(&server, &key, file).await;
    wait_for(&server, &key, json!({"fileIds": [file], "deleteAfter": true})).await;
    server.advance(Duration::from_secs(9 * 60)).await;
    assert!(is_there(&server, &key, file).await);
    assert_eq!(track(&server, &key, file, &doc, "").await.status, 200);
    server.advance(Duration::from_secs(9 * 60)).await;
    assert!(is_there(&server, &key, file).await, "each call counts anew");
    server.advance(Duration::from_secs(61)).await;
    assert_eq!(state(&operation(&server, &key).await), (100, "1", "", true));
    assert_eq!(content(&server, &key, "@trash").await.0, vec![file]);
}

#[tokio::test]
async fn a_folder_waits_for_all_below_it() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let folder = make_folder(&server, &key, my(&server, &key).await, "Docs").await;
    let inner = make_folder(&server, &key, folder, "inner").await;
    let file = upload(&server, &key, inner, "a.txt", b"x").await;
    let other = upload(&server, &key, folder, "b.txt", b"x").await;
    let doc = start(&server, &key, file).await;
    assert_refused(&put(&server, &key, "fileops/delete", json!({"folderIds": [folder]})).await, 403, DENIED);
    let body = json!({"folderIds": [folder], "deleteAfter": true, "immediately": true});
    wait_for(&server, &key, body).await;
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &key).await), (0, "0", "", false));
    assert!(is_there(&server, &key, other).await, "as one unit");
    // It has grown when its turn comes; the figure does not fall.
    let late = upload(&server, &key, folder, "late.txt", b"x").await;
    let reply = post(&server, &key, &format!("file/{late}/startedit"), Value::Null).await;
    assert_refused(&reply, 403, DENIED);
    track(&server, &key, file, &doc, "&isFinish=true").await;
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &key).await), (100, "5", "", true));
    assert_eq!(content(&server, &key, "@my").await, (vec![], vec![]));
}

#[tokio::test]
async fn terminate_drops_what_waits() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for all in [true, false] {
        let file = upload(&server, &key, "@my", "a.txt", b"x").await;
        let other = upload(&server, &key, "@my", "b.txt", b"x").await;
        let doc = start(&server, &key, file).await;
        let record = wait_for(&server, &key, json!({"fileIds": [other, file], "deleteAfter": true})).await;
        let id = record["id"].as_str().unwrap();
        for nothing in [format!("fileops/terminate/{OTHER_TAB}"), "fileops/terminate/abc".to_owned()] {
            let left = response(&put(&server, &key, &nothing, Value::Null).await);
            assert_eq!(left[0]["id"], id, "an unknown id ends nothing");
        }
        let path = if all { "fileops/terminate".to_owned() } else { format!("fileops/terminate/{id}") };
        assert_eq!(response(&put(&server, &key, &path, Value::Null).await), json!([]));
        track(&server, &key, file, &doc, "&isFinish=true").await;
        server.run_jobs().await;
        assert_eq!(operations(&server, &key).await, Vec::<Value>::new());
        assert!(is_there(&server, &key, file).await, "it stays");
        assert!(!is_there(&server, &key, other).await, "the others are gone all the same");
        assert_eq!(post(&server, &key, &format!("file/{file}/startedit"), Value::Null).await.status, 200);
        track(&server, &key, file, &doc, "&isFinish=true").await;
    }
}

#[tokio::test]
async fn another_s_operation_is_not_terminated() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    start(&server, &ann.key, file).await;
    let record = wait_for(&server, &ann.key, json!({"fileIds": [file], "deleteAfter": true})).await;
    let path = format!("fileops/terminate/{}", record["id"].as_str().unwrap());
    assert_eq!(response(&put(&server, &bob.key, &path, Value::Null).await), json!([]));
    assert_eq!(response(&put(&server, &bob.key, "fileops/terminate", Value::Null).await), json!([]));
    assert_eq!(operations(&server, &ann.key).await.len(), 1);
}

#[tokio::test]
async fn what_waited_is_checked_again() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let mut docs = Vec::new();
    let mut files = Vec::new();
    for name in ["held.txt", "right.txt", "gone.txt", "locked.txt", "good.txt"] {
        let file = upload(&server, &ann.key, "@my", name, b"x").await;
        share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 1).await;
        docs.push(start(&server, &ann.key, file).await);
        files.push(file);
    }
    wait_for(&server, &bob.key, json!({"fileIds": files, "deleteAfter": true, "immediately": true})).await;
    hold(&server, files[0]).await;
    share(&server, &ann.key, &format!("file/{}", files[1]), &bob.uid, 10).await;
    let lock = json!({"lockFile": true});
    assert_eq!(put(&server, &ann.key, &format!("file/{}/lock", files[3]), lock).await.status, 200);
    for (file, doc) in files.iter().zip(&docs) {
        track(&server, &ann.key, *file, doc, "&isFinish=true").await;
        if *file == files[2] {
            call(&server, &ann.key, Method::DELETE, &format!("file/{file}?immediately=true"), Value::Null).await;
        }
    }
    server.run_jobs().await;
    let record = operation(&server, &bob.key).await;
    let (progress, processed, error, finished) = state(&record);
    // The owner's own delete and the waiting one race for the third; all else is certain.
    assert_eq!((progress, finished), (100, true));
    let mut errors: Vec<&str> = error.split("; ").collect();
    errors.retain(|error| !error.starts_with("gone.txt"));
    assert_eq!(
        errors,
        [&format!("held.txt: {HELD}"), &format!("right.txt: {DENIED}"), &format!("locked.txt: {DENIED}")]
    );
    let done: i64 = processed.parse().unwrap();
    assert_eq!(done + error.split("; ").count() as i64, 5);
    assert!(!is_there(&server, &ann.key, files[4]).await);
    assert!(is_there(&server, &ann.key, files[0]).await);
}

#[tokio::test]
async fn a_user_who_is_switched_off_deletes_nothing_any_more() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 1).await;
    let doc = start(&server, &ann.key, file).await;
    wait_for(&server, &bob.key, json!({"fileIds": [file], "deleteAfter": true})).await;
    assert_eq!(server.cli(&["account", "disable", "bob"]).await.status, 0);
    track(&server, &ann.key, file, &doc, "&isFinish=true").await;
    server.run_jobs().await;
    assert!(is_there(&server, &ann.key, file).await);
    assert_eq!(server.cli(&["account", "enable", "bob"]).await.status, 0);
    let record = operation(&server, &bob.key).await;
    assert_eq!(state(&record), (100, "0", "a.txt: Access denied", true));
}

#[tokio::test]
async fn waiting_survives_a_restart() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    let doc = start(&server, &key, file).await;
    wait_for(&server, &key, json!({"fileIds": [file], "deleteAfter": true})).await;
    server.kill().await;
    server.start_again().await;
    server.run_jobs().await;
    assert!(is_there(&server, &key, file).await);
    assert_eq!(state(&operation(&server, &key).await), (0, "0", "", false));
    track(&server, &key, file, &doc, "&isFinish=true").await;
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &key).await), (100, "1", "", true));
}

#[tokio::test]
async fn alone_is_alone() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    let to = format!("file/{file}/startedit");
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 2).await;
    assert_refused(&post(&server, &bob.key, &to, Value::Null).await, 403, DENIED);
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 10).await;

    let alone = json!({"editingAlone": true});
    let doc = response(&post(&server, &ann.key, &to, alone.clone()).await).as_str().unwrap().to_owned();
    assert_refused(&post(&server, &bob.key, &to, Value::Null).await, 403, DENIED);
    track(&server, &ann.key, file, &doc, "&isFinish=true").await;
    assert_eq!(post(&server, &bob.key, &to, Value::Null).await.status, 200);
    assert_eq!(post(&server, &ann.key, &to, Value::Null).await.status, 200, "joins");
    assert_refused(&post(&server, &ann.key, &to, alone).await, 403, DENIED);
    assert_refused(&track(&server, &ann.key, file, "wrong", "").await, 403, DENIED);
    assert_refused(&track(&server, &ann.key, file, "", "&isFinish=true").await, 403, DENIED);
}
