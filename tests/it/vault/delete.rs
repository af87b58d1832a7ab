//! Deleting (vault.md 3; acceptance cases 3 to 10, 12, 13).

use std::time::Duration;

use reqwest::Method;

use super::{
    FILE_TO_DELETE_NOT_FOUND, NOBODY, announce, assert_reply, call, content, delete_files, delete_folders, figures,
    find, finish, hyphened, is_there, listed, open, root, send_chunk, upload,
};
use crate::support::{Server, wait_until};

fn marked(name: &str, id: &str) -> String {
    format!(
        r#"{{"message":null,"result":"Success","ui_message_key":null,"FolderName":"{name}","Guid":"{id}","Result":4}}"#
    )
}

pub(crate) fn all_marked(files: &[(&str, &str)]) -> String {
    let results: Vec<_> = files.iter().map(|(name, id)| marked(name, id)).collect();
    format!(
        r#"{{"message":null,"ui_message_key":null,"final_result":0,"results":[{}],"success_counter":{}}}"#,
        results.join(","),
        files.len()
    )
}

pub(crate) const OK: &str = r#"{"message":null,"ui_message_key":null}"#;
pub(crate) const MISSING: &str = r#"{"message":"One or more files were not found. No files were deleted.","ui_message_key":"API_CANNOTDELETEFILENOTFOUND"}"#;
pub(crate) const LOCKED: &str =
    r#"{"message":"The file is locked or being edited.","ui_message_key":"API_FILE_LOCKED"}"#;
pub(crate) const HELD: &str = r#"{"message":"The file is under a legal hold.","ui_message_key":"API_FILE_ON_HOLD"}"#;

pub(crate) fn some_refused(entries: &[(&str, &str)], success_counter: usize) -> String {
    let entry = |(id, value): &(&str, &str)| format!(r#"{{"Key":"{}","Value":{value}}}"#, hyphened(id));
    let results: Vec<_> = entries.iter().map(entry).collect();
    format!(r#"{{"results":[{}],"success_counter":{success_counter}}}"#, results.join(","))
}

#[tokio::test]
async fn two_own_files_go() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let one = upload(&server, &key, "", "testtt", b"1").await;
    let two = upload(&server, &key, "x", "Ü \"t\".txt", b"22").await;
    let reply = delete_files(&server, &key, &[&one, &two]).await;
    assert_reply(&reply, 200, &all_marked(&[("testtt", &one), (r#"Ü \"t\".txt"#, &two)]));
    assert_eq!(reply.header("content-type"), "application/json");
    for file in [&one, &two] {
        assert!(!is_there(&server, &key, file).await);
    }
    assert_eq!(listed(&server, &key, &[]).await, [""; 0]);
    assert_eq!(figures(&server, "ann").await.0, 0);
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (0, (0, 0)));
}

#[tokio::test]
async fn an_unknown_id_does_not_stop_the_others() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let own = upload(&server, &key, "", "a", b"1").await;
    let last = upload(&server, &key, "", "b", b"1").await;
    let reply = delete_files(&server, &key, &[&own, NOBODY, &last]).await;
    assert_reply(&reply, 200, &some_refused(&[(&own, OK), (NOBODY, MISSING), (&last, OK)], 2));
    assert!(!is_there(&server, &key, &own).await);
    let reply = delete_files(&server, &key, &[&own, NOBODY, &last]).await;
    assert_reply(&reply, 200, &some_refused(&[(&own, MISSING), (NOBODY, MISSING), (&last, MISSING)], 0));
}

#[tokio::test]
async fn an_empty_list_deletes_nothing() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    assert_reply(&delete_files(&server, &key, &[]).await, 200, &all_marked(&[]));
    assert_reply(&delete_folders(&server, &key, &[]).await, 200, &folders(0, &[]));
}

#[tokio::test]
async fn only_administrators_delete_foreign_files() {
    let server = Server::start().await;
    let ann = server.account("ann").await.key;
    let bob = server.account("bob").await.key;
    let file = upload(&server, &ann, "x", "a.txt", b"1").await;
    let folder = find(&server, &ann, &["x"]).await;
    assert_reply(&delete_files(&server, &bob, &[&file]).await, 200, &some_refused(&[(&file, MISSING)], 0));
    let single = call(&server, Method::DELETE, &format!("file/{file}"), &bob).await;
    assert_reply(&single, 404, FILE_TO_DELETE_NOT_FOUND);
    assert_reply(&delete_folders(&server, &bob, &[&folder]).await, 200, &folders(0, &[FOLDER_MISSING]));
    assert!(is_there(&server, &ann, &file).await);
    let admin = server.admin_key();
    assert_reply(&delete_files(&server, &admin, &[&file]).await, 200, &all_marked(&[("a.txt", &file)]));
    assert!(!is_there(&server, &ann, &file).await);
    assert_eq!(figures(&server, "ann").await.0, 0);
    assert_reply(&delete_folders(&server, &admin, &[&folder]).await, 200, &folders(1, &[]));
}

#[tokio::test]
async fn a_repeated_id_counts_once() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a", b"1").await;
    let again = hyphened(&file).to_uppercase();
    assert_reply(&delete_files(&server, &key, &[&file, &again, &file]).await, 200, &all_marked(&[("a", &file)]));
    let reply = delete_files(&server, &key, &[&again, &file]).await;
    assert_reply(&reply, 200, &some_refused(&[(&file, MISSING)], 0));
}

#[tokio::test]
async fn an_unfinished_upload_is_not_found() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "", "a", 3).await;
    assert_reply(&delete_files(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, MISSING)], 0));
    send_chunk(&server, &key, &group, &file, 0, b"abc").await;
    finish(&server, &key, &group, &file).await;
    assert_reply(&delete_files(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, MISSING)], 0));
    assert_eq!(super::commit(&server, &key, &group).await.status, 200);
}

#[tokio::test]
async fn what_is_held_locked_or_open_stays() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let bob = server.account("bob").await.id;
    let held = upload(&server, &key, "", "held", b"1").await;
    let free = upload(&server, &key, "", "free", b"1").await;
    let locked = upload(&server, &key, "", "locked", b"1").await;
    let open = upload(&server, &key, "", "open", b"1").await;
    server.cli(&["hold", "add", &hyphened(&held), "--reason", "case 7"]).await;
    server.sql(&format!("update node set locked_by = {bob} where uid = '{}'", hyphened(&locked))).await;
    let edit = format!(
        "insert into edit_session (node_id, account_id, tab, exclusive, expires_at) \
         select id, {bob}, 't', 0, 9000000000000000 from node where uid = '{}'",
        hyphened(&open)
    );
    server.sql(&edit).await;

    let reply = delete_files(&server, &key, &[&held, &free, &locked, &open]).await;
    let entries = [(held.as_str(), HELD), (&free, OK), (&locked, LOCKED), (&open, LOCKED)];
    assert_reply(&reply, 200, &some_refused(&entries, 1));
    let single = async |file: &str| call(&server, Method::DELETE, &format!("file/{file}"), &key).await;
    let forbidden = |value: &str| value.replace('}', r#","status_code":"Forbidden"}"#);
    assert_reply(&single(&held).await, 403, &forbidden(HELD));
    assert_reply(&single(&locked).await, 403, &forbidden(LOCKED));
    assert_reply(&single(&open).await, 403, &forbidden(LOCKED));
    for file in [&held, &locked, &open] {
        assert!(is_there(&server, &key, file).await);
    }

    server.cli(&["hold", "remove", &hyphened(&held)]).await;
    assert_reply(&delete_files(&server, &key, &[&held]).await, 200, &all_marked(&[("held", &held)]));
}

#[tokio::test]
async fn one_file_goes_with_an_empty_answer() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "x", "a", b"1").await;
    let folder = find(&server, &key, &["x"]).await;
    let path = format!("file/{}", hyphened(&file).to_uppercase());
    let reply = call(&server, Method::DELETE, &path, &key).await;
    assert_reply(&reply, 200, "");
    assert_eq!(reply.header("content-length"), "0");
    for id in [path.as_str(), &format!("file/{NOBODY}"), &format!("file/{folder}")] {
        assert_reply(&call(&server, Method::DELETE, id, &key).await, 404, FILE_TO_DELETE_NOT_FOUND);
    }
    assert_eq!(find(&server, &key, &["x"]).await, folder);
}

const FOLDER_MISSING: &str = r#"{"message":"One or more folders were not found. No folders were deleted.","ui_message_key":"API_FOLDER_CAN_NOT_DELETE_FOLDER_NOT_FOUND"}"#;

fn folders(marked: usize, refused: &[&str]) -> String {
    let success = [r#"{"message":null,"ui_message_key":null,"result":"Success"}"#].repeat(marked);
    format!(
        r#"{{"successful_results":{{"entities":[{}],"success_counter":{marked}}},"failed_results":{{"entities":[{}],"failed_counter":{}}},"total_count":{}}}"#,
        success.join(","),
        refused.join(","),
        refused.len(),
        marked + refused.len()
    )
}

#[tokio::test]
async fn a_folder_goes_with_all_below() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let mut below = Vec::new();
    for (path, name) in [("tree", "1"), ("tree/a", "2"), ("tree/a/b", "3"), ("tree/c", "4")] {
        below.push(upload(&server, &key, path, name, b"abc").await);
    }
    let beside = upload(&server, &key, "treehouse", "5", b"abc").await;
    let tree = find(&server, &key, &["tree"]).await;
    let reply = delete_folders(&server, &key, &[&tree, NOBODY]).await;
    assert_reply(&reply, 200, &folders(1, &[FOLDER_MISSING]));
    for file in &below {
        assert!(!is_there(&server, &key, file).await);
    }
    assert!(is_there(&server, &key, &beside).await);
    assert_eq!(listed(&server, &key, &[]).await, ["5"]);
    assert_eq!(figures(&server, "ann").await.0, 3);
    let again = delete_folders(&server, &key, &[&tree]).await;
    assert_reply(&again, 200, &folders(0, &[FOLDER_MISSING]));
    let inside: Vec<(&str, &str)> = below.iter().map(|file| (file.as_str(), MISSING)).collect();
    let files: Vec<&str> = below.iter().map(String::as_str).collect();
    assert_reply(&delete_files(&server, &key, &files).await, 200, &some_refused(&inside, 0));
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (1, (3, 0)));
}

#[tokio::test]
async fn a_folder_and_its_ancestor_both_succeed() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    upload(&server, &key, "a/b", "1", b"abc").await;
    let (a, b) = (find(&server, &key, &["a"]).await, find(&server, &key, &["a", "b"]).await);
    let reply = delete_folders(&server, &key, &[&b, &a, &hyphened(&b).to_uppercase()]).await;
    assert_reply(&reply, 200, &folders(2, &[]));
    assert_eq!(content(&server, &key, &root(&server, &key).await).await, []);
    assert_eq!(figures(&server, "ann").await.0, 0);
}

#[tokio::test]
async fn a_folder_and_its_descendant_both_succeed() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    upload(&server, &key, "a/b", "1", b"abc").await;
    let (a, b) = (find(&server, &key, &["a"]).await, find(&server, &key, &["a", "b"]).await);
    assert_reply(&delete_folders(&server, &key, &[&a, &b]).await, 200, &folders(2, &[]));
    assert_eq!(figures(&server, "ann").await.0, 0);
}

#[tokio::test]
async fn a_folder_stays_whole_when_one_item_cannot_go() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let bob = server.account("bob").await.id;
    let held = upload(&server, &key, "held/a/b", "1", b"1").await;
    let beside = upload(&server, &key, "held", "2", b"1").await;
    let locked = upload(&server, &key, "locked/a", "3", b"1").await;
    upload(&server, &key, "free", "4", b"1").await;
    server.cli(&["hold", "add", &hyphened(&held)]).await;
    server.sql(&format!("update node set locked_by = {bob} where uid = '{}'", hyphened(&locked))).await;
    let mut ids = Vec::new();
    for name in ["held", "free", "locked"] {
        ids.push(find(&server, &key, &[name]).await);
    }
    let reply = delete_folders(&server, &key, &[&ids[0], &ids[1], &ids[2], NOBODY]).await;
    assert_reply(&reply, 200, &folders(1, &[HELD, LOCKED, FOLDER_MISSING]));
    for file in [&held, &beside, &locked] {
        assert!(is_there(&server, &key, file).await);
    }
    assert_eq!(figures(&server, "ann").await.0, 3);
}

#[tokio::test]
async fn roots_and_files_are_no_folders_to_delete() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "x", "a", b"1").await;
    let root = root(&server, &key).await;
    for actor in [&key, &server.admin_key()] {
        let reply = delete_folders(&server, actor, &[&root, &file]).await;
        assert_reply(&reply, 200, &folders(0, &[FOLDER_MISSING, FOLDER_MISSING]));
    }
    let folder = find(&server, &key, &["x"]).await;
    assert_reply(&delete_files(&server, &key, &[&folder]).await, 200, &some_refused(&[(&folder, MISSING)], 0));
    assert!(is_there(&server, &key, &file).await);
}

#[tokio::test]
async fn two_calls_at_once_mark_a_file_once() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for round in 0..5 {
        let file = upload(&server, &key, "", &format!("f{round}"), b"1").await;
        let (batch, single) = ([file.as_str()], format!("file/{file}"));
        let (one, two) =
            tokio::join!(delete_files(&server, &key, &batch), call(&server, Method::DELETE, &single, &key));
        let won = (one.json()["success_counter"].as_i64().unwrap(), two.status);
        assert!(matches!(won, (1, 404) | (0, 200)), "{won:?}");
    }
}

#[tokio::test]
async fn the_worker_starts_by_itself() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "x", "a.txt", b"abc").await;
    upload(&server, &key, "x", "b.txt", b"abc").await;
    delete_files(&server, &key, &[&file]).await;
    wait_until("one is gone", async || server.objects().await.len() == 1).await;
    let folder = find(&server, &key, &["x"]).await;
    delete_folders(&server, &key, &[&folder]).await;
    wait_until("both are gone", async || server.objects().await.is_empty()).await;
}

#[tokio::test]
async fn bytes_wait_for_storage_and_then_go_by_themselves() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a.txt", b"abc").await;
    server.storage_down().await;
    assert_reply(&delete_files(&server, &key, &[&file]).await, 200, &all_marked(&[("a.txt", &file)]));
    assert!(!is_there(&server, &key, &file).await);
    assert_eq!(listed(&server, &key, &[]).await, [""; 0]);
    assert_eq!(figures(&server, "ann").await, (0, 3));
    server.kill().await;
    server.storage_up().await;
    assert_eq!(server.objects().await.len(), 1);
    server.start_again().await;
    assert!(!is_there(&server, &key, &file).await);
    server.advance(Duration::from_secs(3600)).await;
    wait_until("the bytes are gone", async || server.objects().await.is_empty()).await;
    assert_eq!(figures(&server, "ann").await, (0, 0));
}

#[tokio::test]
async fn a_hold_after_the_mark_keeps_the_bytes() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a.txt", b"abc").await;
    server.storage_down().await;
    delete_files(&server, &key, &[&file]).await;
    let uid = hyphened(&file);
    // While the worker has the bytes in hand, a hold is refused: nobody could say whether it came in time.
    wait_until("the hold is taken", async || server.cli(&["hold", "add", &uid]).await.status == 0).await;
    server.storage_up().await;
    server.advance(Duration::from_secs(3600)).await;
    assert_eq!(server.objects().await.len(), 1);
    assert!(!is_there(&server, &key, &file).await);
    assert_eq!(server.cli(&["hold", "remove", &uid]).await.status, 0);
    server.advance(Duration::from_secs(3600)).await;
    wait_until("the bytes are gone", async || server.objects().await.is_empty()).await;
}
