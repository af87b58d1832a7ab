//! Renaming and moving (vault.md 4.11, 4.12, 5).

use reqwest::Method;

use super::{
    ACCESS_DENIED, INVALID_PARAMETER, INVALID_REQUEST, NOBODY, assert_reply, call, call_with, content, delete_files,
    find, hyphened, is_there, root, upload,
};
use crate::support::{Reply, Server};

const TO_RENAME_NOT_FOUND: &str = r#"{"message":"The specified file could not be found","ui_message_key":"API_FILE_NOT_FOUND","status_code":"BadRequest"}"#;
const NAME_IN_USE: &str = r#"{"message":"The file name is already in use","ui_message_key":"API_FILE_NAME_IN_USE","status_code":"BadRequest"}"#;
const TO_MOVE_NOT_FOUND: &str = r#"{"message":"Could not update file. Could not find file by given GUID.","ui_message_key":"API_FILE_UPDATE_NO_FILE_FOUND"}"#;
const LOCKED: &str =
    r#"{"message":"The file is locked or being edited.","ui_message_key":"API_FILE_LOCKED","status_code":"Forbidden"}"#;

async fn rename(server: &Server, key: &str, file: &str, name: &str) -> Reply {
    let body = format!(r#"{{"file_id":"{file}","new_file_name":"{name}"}}"#);
    call_with(server, Method::PUT, "rename_file", key, &[], body).await
}

async fn move_files(server: &Server, key: &str, files: &[(&str, &str)], path: &str) -> Reply {
    let files: Vec<_> = files.iter().map(|(id, name)| serde_json::json!({"file_id": id, "name": name})).collect();
    let body = serde_json::json!({"files": files, "new_path": path}).to_string();
    call_with(server, Method::PUT, "move_files", key, &[], body).await
}

/// A file's folder and name, from its status.
async fn place(server: &Server, key: &str, file: &str) -> (String, String) {
    let status = call(server, Method::GET, &format!("file/status/{file}"), key).await.json();
    let text = |member: &str| status[member].as_str().unwrap().to_owned();
    (text("path"), text("displayed_name"))
}

#[track_caller]
fn assert_done(reply: &Reply) {
    assert_reply(reply, 200, "");
    assert_eq!(reply.header("content-length"), "0");
}

#[tokio::test]
async fn a_file_gets_another_name() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "x", "a.txt", b"abc").await;
    assert_done(&rename(&server, &key, &hyphened(&file).to_uppercase(), "Ü b.txt").await);
    assert_eq!(place(&server, &key, &file).await, ("x".into(), "Ü b.txt".into()));
    let folder = find(&server, &key, &["x"]).await;
    assert_eq!(content(&server, &key, &folder).await, [("Ü b.txt".into(), "file".into(), file.clone())]);
    let read = call(&server, Method::GET, &format!("file/{file}"), &key).await;
    assert_eq!((&read.body[..], read.status), (&b"abc"[..], 200));
    // Its own name is not taken by another.
    assert_done(&rename(&server, &key, &file, "Ü b.txt").await);
    // The old name is free.
    upload(&server, &key, "x", "a.txt", b"new").await;
    assert_eq!(content(&server, &key, &folder).await.len(), 2);
}

#[tokio::test]
async fn a_taken_name_is_refused() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let (one, two) = (upload(&server, &key, "", "a", b"1").await, upload(&server, &key, "", "b", b"2").await);
    upload(&server, &key, "f", "c", b"3").await;
    for taken in ["b", "f"] {
        assert_reply(&rename(&server, &key, &one, taken).await, 400, NAME_IN_USE);
    }
    assert_eq!(place(&server, &key, &one).await.1, "a");
    // Names are compared exactly, in one folder.
    for free in ["B", "c"] {
        assert_done(&rename(&server, &key, &one, free).await);
    }
    delete_files(&server, &key, &[&two]).await;
    assert_done(&rename(&server, &key, &one, "b").await);
}

#[tokio::test]
async fn only_an_own_file_that_is_there_is_renamed_or_moved() {
    let server = Server::start().await;
    let (key, bob) = (server.account("ann").await.key, server.account("bob").await.key);
    let file = upload(&server, &key, "x", "a", b"1").await;
    let gone = upload(&server, &key, "", "gone", b"1").await;
    delete_files(&server, &key, &[&gone]).await;
    let folder = find(&server, &key, &["x"]).await;
    for key in [&key, &bob, &server.admin_key()] {
        let theirs = if *key == server.admin_key() || *key == bob { file.as_str() } else { NOBODY };
        for file in [NOBODY, &gone, &folder, theirs] {
            assert_reply(&rename(&server, key, file, "b").await, 400, TO_RENAME_NOT_FOUND);
            let moved = move_files(&server, key, &[(file, "b")], "").await;
            assert_reply(&moved, 400, &format!("[{TO_MOVE_NOT_FOUND}]"));
        }
    }
    assert_eq!(place(&server, &key, &file).await, ("x".into(), "a".into()));
}

#[tokio::test]
async fn files_move_together_under_new_names() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let one = upload(&server, &key, "", "a", b"1").await;
    let two = upload(&server, &key, r"from\below", "b", b"22").await;
    upload(&server, &key, r"test\deep", "c", b"333").await;
    assert_done(&move_files(&server, &key, &[(&one, "b"), (&hyphened(&two), "a")], "/test/deep/").await);
    assert_eq!(place(&server, &key, &one).await, (r"test\deep".into(), "b".into()));
    assert_eq!(place(&server, &key, &two).await, (r"test\deep".into(), "a".into()));
    for file in [&one, &two] {
        assert!(is_there(&server, &key, file).await);
    }
    assert_done(&move_files(&server, &key, &[(&one, "b")], "").await);
    assert_eq!(place(&server, &key, &one).await, ("".into(), "b".into()));
    // Within its folder a move is a rename; a repeated id counts once.
    assert_done(&move_files(&server, &key, &[(&one, "z"), (&hyphened(&one), "z")], "").await);
    assert_eq!(place(&server, &key, &one).await, ("".into(), "z".into()));
    assert_done(&move_files(&server, &key, &[], r"test\deep").await);
}

#[tokio::test]
async fn nothing_moves_unless_all_can() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let one = upload(&server, &key, "", "a", b"1").await;
    let two = upload(&server, &key, "", "b", b"2").await;
    upload(&server, &key, "test", "taken", b"3").await;
    let none = |bad: usize| format!("[{}]", vec![TO_MOVE_NOT_FOUND; bad].join(","));
    for (files, path, bad) in [
        (vec![(one.as_str(), "a"), (NOBODY, "x")], "test", 1),
        (vec![(&one, "a"), (&two, "taken")], "test", 1),
        (vec![(&one, "same"), (&two, "same")], "test", 1),
        (vec![(&one, "a"), (&two, "b")], "missing", 2),
        (vec![(&one, "a")], r"test\taken", 1),
    ] {
        assert_reply(&move_files(&server, &key, &files, path).await, 400, &none(bad));
        assert_eq!(place(&server, &key, &one).await, ("".into(), "a".into()), "{path}");
        assert_eq!(place(&server, &key, &two).await, ("".into(), "b".into()), "{path}");
    }
}

#[tokio::test]
async fn a_file_that_another_has_locked_keeps_its_name() {
    let server = Server::start().await;
    let (key, bob) = (server.account("ann").await.key, server.account("bob").await);
    let file = upload(&server, &key, "", "a", b"1").await;
    server.sql(&format!("update node set locked_by = {}, locked_at = 1 where name = 'a'", bob.id)).await;
    assert_reply(&rename(&server, &key, &file, "b").await, 403, LOCKED);
    assert_eq!(place(&server, &key, &file).await.1, "a");
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a", b"1").await;
    upload(&server, &key, "test", "b", b"1").await;
    let long = "x".repeat(256);
    for body in ["", "[]", "null", "7", "\"x\"", "{", &format!("\"{file}\"")] {
        for path in ["rename_file", "move_files"] {
            let reply = call_with(&server, Method::PUT, path, &key, &[], body.to_owned()).await;
            assert_eq!((reply.status, reply.text().as_str()), (400, INVALID_REQUEST), "{path} {body}");
        }
    }
    for name in ["", ".", "..", "a/b", r"a\\b", r"a\u0000", &long] {
        assert_reply(&rename(&server, &key, &file, name).await, 401, INVALID_PARAMETER);
        let body = format!(r#"{{"files":[{{"file_id":"{file}","name":"{name}"}}],"new_path":"test"}}"#);
        assert_reply(&call_with(&server, Method::PUT, "move_files", &key, &[], body).await, 401, INVALID_PARAMETER);
    }
    for body in [
        "{}".to_owned(),
        format!(r#"{{"file_id":"{file}"}}"#),
        r#"{"new_file_name":"b"}"#.to_owned(),
        r#"{"file_id":"abc","new_file_name":"b"}"#.to_owned(),
        format!(r#"{{"file_id":"{file}","new_file_name":7}}"#),
    ] {
        let reply = call_with(&server, Method::PUT, "rename_file", &key, &[], body.clone()).await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{body}");
    }
    let good = format!(r#"{{"file_id":"{file}","name":"b"}}"#);
    let other = format!(r#"{{"file_id":"{file}","name":"c"}}"#);
    for (files, path) in [
        (format!("[{good},{other}]"), r#""test""#),
        (format!("[{good},7]"), r#""test""#),
        (format!("[{good},{{\"file_id\":\"{file}\"}}]"), r#""test""#),
        (good.clone(), r#""test""#),
        (format!("[{good}]"), "7"),
        (format!("[{good}]"), "null"),
        (format!("[{good}]"), r#""a//b""#),
        (format!("[{good}]"), r#""..""#),
    ] {
        let body = format!(r#"{{"files":{files},"new_path":{path}}}"#);
        let reply = call_with(&server, Method::PUT, "move_files", &key, &[], body.clone()).await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{body}");
    }
    let many = vec![(NOBODY, "b"); 10_001];
    assert_reply(&move_files(&server, &key, &many, "test").await, 400, INVALID_REQUEST);
    let reader = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json::<serde_json::Value>();
    let reader = reader["key"].as_str().unwrap();
    assert_reply(&rename(&server, reader, &file, "b").await, 403, ACCESS_DENIED);
    assert_reply(&rename(&server, reader, "abc", "b").await, 401, INVALID_PARAMETER);
    assert_reply(&move_files(&server, reader, &[(&file, "b")], "").await, 403, ACCESS_DENIED);
    let root = root(&server, &key).await;
    assert_eq!(content(&server, &key, &root).await.len(), 2);
    assert_eq!(place(&server, &key, &file).await, ("".into(), "a".into()));
}
