//! The recycle bin (vault.md 3.5, 4.8, 4.13; acceptance cases 11, 15).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ACCESS_DENIED, FILE_NOT_FOUND, INVALID_PARAMETER, INVALID_REQUEST, NOBODY, assert_reply, call, call_with, content,
    delete::{HELD, LOCKED, MISSING, OK, all_marked, some_refused},
    delete_files, delete_folders, figures, find, hyphened, ids, is_there, listed, root, upload,
};
use crate::support::{Reply, Server, promises};

const DAY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const NOT_IN_BIN: &str =
    r#"{"message":"The specified file could not be found","ui_message_key":"API_FILE_NOT_FOUND"}"#;
const NAME_IN_USE: &str = r#"{"message":"The file name is already in use","ui_message_key":"API_FILE_NAME_IN_USE"}"#;

/// A server with a bin of thirty days, and the key of `ann`.
async fn with_bin() -> (Server, String) {
    let server = Server::start_with(&[("UNFILE_VAULT_BIN_DAYS", "30")]).await;
    let key = server.account("ann").await.key;
    (server, key)
}

pub(crate) async fn restore(server: &Server, key: &str, nodes: &[&str]) -> Reply {
    call_with(server, Method::PUT, "recycle_bin/restore", key, &[], ids(nodes)).await
}

pub(crate) async fn purge(server: &Server, key: &str, nodes: &[&str]) -> Reply {
    call_with(server, Method::DELETE, "recycle_bin", key, &[], ids(nodes)).await
}

async fn empty(server: &Server, key: &str) -> Reply {
    call(server, Method::DELETE, "recycle_bin/all", key).await
}

async fn entries(server: &Server, key: &str) -> Value {
    let reply = call(server, Method::GET, "recycle_bin/0/1000", key).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// The ids in the bin, newest deletion first.
pub(crate) async fn binned(server: &Server, key: &str) -> Vec<String> {
    let bin = entries(server, key).await;
    let items = bin["items"].as_array().unwrap();
    assert_eq!(bin["filter_count"], items.len());
    items.iter().map(|item| item["file_id"].as_str().unwrap().to_owned()).collect()
}

fn counters(success: u32, failed: u32) -> String {
    format!(r#"{{"success_counter":{success},"failed_counter":{failed}}}"#)
}

#[tokio::test]
async fn a_deleted_file_lies_in_the_bin_and_comes_back() {
    let (server, key) = with_bin().await;
    let file = upload(&server, &key, r"My\Docs", "a.txt", b"abc").await;
    assert_reply(&delete_files(&server, &key, &[&file]).await, 200, &all_marked(&[("a.txt", &file)]));
    assert!(!is_there(&server, &key, &file).await);
    assert_eq!(listed(&server, &key, &[]).await, [""; 0]);
    assert_eq!(figures(&server, "ann").await, (3, 0), "quota is freed when it leaves the bin");
    let bin = call(&server, Method::GET, "recycle_bin/0/10", &key).await;
    let item = &bin.json()["items"][0];
    let (deleted, purged) = (item["date_deleted"].as_str().unwrap(), item["purge_after"].as_str().unwrap());
    super::sign_in::assert_time(deleted);
    let moment = |text| time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(moment(purged) - moment(deleted), 30 * DAY);
    assert_reply(
        &bin,
        200,
        &format!(
            r#"{{"filter_count":1,"items":[{{"file_id":"{file}","displayed_name":"a.txt","path":"My\\Docs","size":3,"date_deleted":"{deleted}","purge_after":"{purged}"}}]}}"#
        ),
    );
    // Deleted again, it is not found and stays.
    assert_reply(&delete_files(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, MISSING)], 0));
    let single = call(&server, Method::DELETE, &format!("file/{file}"), &key).await;
    assert_reply(&single, 404, super::FILE_TO_DELETE_NOT_FOUND);

    assert_reply(&restore(&server, &key, &[&file]).await, 200, &all_marked(&[("a.txt", &file)]));
    assert_eq!(binned(&server, &key).await, [""; 0]);
    let read = call(&server, Method::GET, &format!("file/{file}"), &key).await;
    assert_eq!((read.status, &read.body[..]), (200, &b"abc"[..]));
    assert_eq!(find(&server, &key, &["My", "Docs", "a.txt"]).await, file);
    assert_eq!(figures(&server, "ann").await, (3, 0));
    promises::assert_kept(server.installation()).await;

    let single = call(&server, Method::DELETE, &format!("file/{file}"), &key).await;
    assert_reply(&single, 200, "");
    assert_reply(&purge(&server, &key, &[&hyphened(&file)]).await, 200, &all_marked(&[("a.txt", &file)]));
    assert_eq!(binned(&server, &key).await, [""; 0]);
    assert_reply(&purge(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, NOT_IN_BIN)], 0));
    assert_reply(&restore(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, NOT_IN_BIN)], 0));
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (0, (0, 0)));
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn what_lies_in_the_bin_is_purged_when_its_days_are_over() {
    let (server, key) = with_bin().await;
    let file = upload(&server, &key, "", "a.txt", b"abc").await;
    let folder_file = upload(&server, &key, "f", "b.txt", b"de").await;
    let folder = find(&server, &key, &["f"]).await;
    delete_files(&server, &key, &[&file]).await;
    delete_folders(&server, &key, &[&folder]).await;
    // The date is fixed when it enters the bin.
    server.stop().await;
    server.start_again_with(&[("UNFILE_VAULT_BIN_DAYS", "1")]).await;
    server.advance(29 * DAY).await;
    assert_eq!(binned(&server, &key).await, [folder.as_str(), &file]);
    assert_eq!(server.objects().await.len(), 2);
    server.advance(2 * DAY).await;
    assert_eq!(binned(&server, &key).await, [""; 0]);
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (0, (0, 0)));
    assert!(!is_there(&server, &key, &folder_file).await);
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn a_hold_puts_the_end_of_the_days_off() {
    let (server, key) = with_bin().await;
    let file = upload(&server, &key, "", "a.txt", b"abc").await;
    delete_files(&server, &key, &[&file]).await;
    let uid = hyphened(&file);
    assert_eq!(server.cli(&["hold", "add", &uid]).await.status, 0);
    server.advance(40 * DAY).await;
    assert_eq!(binned(&server, &key).await, [file.as_str()]);
    assert_reply(&purge(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, HELD)], 0));
    assert_reply(&empty(&server, &key).await, 200, &counters(0, 1));
    assert_eq!(binned(&server, &key).await, [file.as_str()]);
    assert_eq!(server.cli(&["hold", "remove", &uid]).await.status, 0);
    server.advance(DAY).await;
    assert_eq!((binned(&server, &key).await.len(), server.objects().await.len()), (0, 0));
}

#[tokio::test]
async fn a_folder_is_one_entry_and_comes_back_whole() {
    let (server, key) = with_bin().await;
    let one = upload(&server, &key, r"f\g", "a", b"1").await;
    let two = upload(&server, &key, "f", "b", b"22").await;
    let folder = find(&server, &key, &["f"]).await;
    let below = find(&server, &key, &["f", "g"]).await;
    let deleted = delete_folders(&server, &key, &[&below, &folder]).await;
    assert_eq!(deleted.json()["successful_results"]["success_counter"], 2);
    for file in [&one, &two] {
        assert!(!is_there(&server, &key, file).await);
    }
    assert_eq!(figures(&server, "ann").await, (3, 0));
    assert!(binned(&server, &key).await.contains(&folder));
    // The folder below went first, as an entry of its own.
    assert_eq!(binned(&server, &key).await.len(), 2);
    for entry in [&folder, &below] {
        let reply = restore(&server, &key, &[entry]).await;
        assert_eq!(reply.json()["success_counter"], 1, "{}", reply.text());
    }
    assert_eq!(find(&server, &key, &["f", "g", "a"]).await, one);
    assert_eq!(find(&server, &key, &["f", "b"]).await, two);
    assert_eq!(find(&server, &key, &["f"]).await, folder);
    promises::assert_kept(server.installation()).await;
    delete_folders(&server, &key, &[&folder]).await;
    assert_reply(&purge(&server, &key, &[&folder]).await, 200, &all_marked(&[("f", &folder)]));
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (0, (0, 0)));
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn missing_folders_are_made_again() {
    let (server, key) = with_bin().await;
    let file = upload(&server, &key, r"f\g", "a", b"1").await;
    let other = upload(&server, &key, r"f\g", "b", b"22").await;
    delete_files(&server, &key, &[&file]).await;
    let folder = find(&server, &key, &["f"]).await;
    delete_folders(&server, &key, &[&folder]).await;
    assert_reply(&restore(&server, &key, &[&file]).await, 200, &all_marked(&[("a", &file)]));
    assert_eq!(find(&server, &key, &["f", "g", "a"]).await, file);
    assert_ne!(find(&server, &key, &["f"]).await, folder);
    assert_eq!(binned(&server, &key).await, [folder.as_str()]);
    assert!(!is_there(&server, &key, &other).await);
    // The name of the folder is taken now.
    assert_reply(&restore(&server, &key, &[&folder]).await, 200, &some_refused(&[(&folder, NAME_IN_USE)], 0));
    promises::assert_kept(server.installation()).await;
    // A folder that was destroyed is made again too.
    delete_files(&server, &key, &[&file]).await;
    let again = find(&server, &key, &["f"]).await;
    delete_folders(&server, &key, &[&again]).await;
    assert_eq!(purge(&server, &key, &[&again]).await.json()["success_counter"], 1);
    server.run_jobs().await;
    promises::assert_kept(server.installation()).await;
    assert_reply(&restore(&server, &key, &[&file]).await, 200, &all_marked(&[("a", &file)]));
    assert_eq!(find(&server, &key, &["f", "g", "a"]).await, file);
    promises::assert_kept(server.installation()).await;
}

#[tokio::test]
async fn a_taken_name_declines_a_restore() {
    let (server, key) = with_bin().await;
    let one = upload(&server, &key, "", "a", b"1").await;
    let two = upload(&server, &key, "", "b", b"1").await;
    delete_files(&server, &key, &[&one, &two]).await;
    upload(&server, &key, "", "a", b"3").await;
    let reply = restore(&server, &key, &[&one, NOBODY, &two, &hyphened(&two)]).await;
    let expected = some_refused(&[(&one, NAME_IN_USE), (NOBODY, NOT_IN_BIN), (&two, OK)], 1);
    assert_reply(&reply, 200, &expected);
    assert_eq!(binned(&server, &key).await, [one.as_str()]);
    assert!(is_there(&server, &key, &two).await);
    assert_reply(&restore(&server, &key, &[]).await, 200, &all_marked(&[]));
}

#[tokio::test]
async fn purging_takes_nothing_that_is_not_in_the_bin() {
    let (server, key) = with_bin().await;
    let live = upload(&server, &key, "f", "a", b"1").await;
    let binned_file = upload(&server, &key, "", "b", b"1").await;
    delete_files(&server, &key, &[&binned_file]).await;
    let folder = find(&server, &key, &["f"]).await;
    let reply = purge(&server, &key, &[&live, &binned_file, &folder]).await;
    let expected = some_refused(&[(&live, NOT_IN_BIN), (&binned_file, OK), (&folder, NOT_IN_BIN)], 1);
    assert_reply(&reply, 200, &expected);
    assert!(is_there(&server, &key, &live).await);
    let reply = restore(&server, &key, &[&live]).await;
    assert_reply(&reply, 200, &some_refused(&[(&live, NOT_IN_BIN)], 0));
}

#[tokio::test]
async fn bad_input_leaves_the_bin_untouched() {
    let (server, key) = with_bin().await;
    let file = upload(&server, &key, "", "a", b"1").await;
    delete_files(&server, &key, &[&file]).await;
    let reader = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json::<Value>();
    let reader = reader["key"].as_str().unwrap();
    for (method, path) in [(Method::DELETE, "recycle_bin"), (Method::PUT, "recycle_bin/restore")] {
        for body in ["", "{}", "null", "7", "[", &format!("\"{file}\"")] {
            let reply = call_with(&server, method.clone(), path, &key, &[], body.to_owned()).await;
            assert_reply(&reply, 400, INVALID_REQUEST);
        }
        for body in [format!("[\"{file}\",\"abc\"]"), format!("[\"{file}\",7]")] {
            let reply = call_with(&server, method.clone(), path, &key, &[], body).await;
            assert_reply(&reply, 401, INVALID_PARAMETER);
        }
        let reply = call_with(&server, method, path, reader, &[], ids(&[&file])).await;
        assert_reply(&reply, 403, ACCESS_DENIED);
    }
    assert_reply(&empty(&server, reader).await, 403, ACCESS_DENIED);
    for path in ["recycle_bin/x/10", "recycle_bin/0/0", "recycle_bin/0/1001", "recycle_bin/-1/10"] {
        assert_reply(&call(&server, Method::GET, path, &key).await, 401, INVALID_PARAMETER);
    }
    assert_eq!(binned(&server, &key).await, [file.as_str()]);
}

#[tokio::test]
async fn emptying_takes_what_the_caller_holds() {
    let (server, key) = with_bin().await;
    let bob = server.account("bob").await.key;
    let other = upload(&server, &bob, "", "b", b"1").await;
    delete_files(&server, &bob, &[&other]).await;
    assert_reply(&empty(&server, &key).await, 200, &counters(0, 0));
    let (one, two) = (upload(&server, &key, "", "a", b"1").await, upload(&server, &key, "f", "b", b"22").await);
    let folder = find(&server, &key, &["f"]).await;
    delete_files(&server, &key, &[&one]).await;
    delete_folders(&server, &key, &[&folder]).await;
    // An administrator sees all and empties only what is the administrator's.
    let admin = server.admin_key();
    assert_eq!(binned(&server, &admin).await, [folder.as_str(), &one, &other]);
    assert_reply(&empty(&server, &admin).await, 200, &counters(0, 0));
    assert_reply(&empty(&server, &key).await, 200, &counters(2, 0));
    assert_eq!(binned(&server, &key).await, [""; 0]);
    assert_eq!(binned(&server, &admin).await, [other.as_str()]);
    assert_eq!(figures(&server, "ann").await.0, 0);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 1);
    assert!(!is_there(&server, &key, &two).await);
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn the_bin_is_its_holders_and_owners_and_administrators() {
    let (server, key) = with_bin().await;
    let (bob, admin) = (server.account("bob").await.key, server.admin_key());
    let file = upload(&server, &key, "", "a", b"abc").await;
    // Whoever deletes it, it is the owner's.
    delete_files(&server, &admin, &[&file]).await;
    assert_eq!(binned(&server, &key).await, [file.as_str()]);
    assert_eq!(binned(&server, &bob).await, [""; 0]);
    let missing = some_refused(&[(&file, NOT_IN_BIN)], 0);
    assert_reply(&restore(&server, &bob, &[&file]).await, 200, &missing);
    assert_reply(&purge(&server, &bob, &[&file]).await, 200, &missing);
    assert_reply(&restore(&server, &admin, &[&file]).await, 200, &all_marked(&[("a", &file)]));
    assert!(is_there(&server, &key, &file).await);
    delete_files(&server, &key, &[&file]).await;
    assert_reply(&purge(&server, &admin, &[&file]).await, 200, &all_marked(&[("a", &file)]));
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn lists_show_the_bins_files_if_asked() {
    let (server, key) = with_bin().await;
    let live = upload(&server, &key, "", "live", b"1").await;
    let big = upload(&server, &key, r"f\g", "big", b"333").await;
    let small = upload(&server, &key, "", "small", b"22").await;
    let in_folder = upload(&server, &key, "h", "hidden", b"1").await;
    let folder = find(&server, &key, &["h"]).await;
    delete_files(&server, &key, &[&big, &small]).await;
    delete_folders(&server, &key, &[&folder]).await;
    let deleted = ("AvailabilityState", "Deleted");
    assert_eq!(listed(&server, &key, &[]).await, ["live"]);
    assert_eq!(listed(&server, &key, &[deleted]).await, ["big", "small"]);
    assert_eq!(listed(&server, &key, &[deleted, ("sort_column", "size")]).await, ["small", "big"]);
    assert_eq!(
        listed(&server, &key, &[deleted, ("sort_column", "size"), ("sort_direction", "desc")]).await,
        ["big", "small"]
    );
    assert_eq!(listed(&server, &key, &[deleted, ("sort_column", "expires")]).await, ["big", "small"]);
    assert_eq!(listed(&server, &key, &[deleted, ("find", "ALL")]).await, ["small"]);
    let both = ("AvailabilityState", "available, deleted");
    assert_eq!(listed(&server, &key, &[both]).await, ["live", "big", "small"]);
    for (path, names) in [("0/2", &["live", "big"][..]), ("1/1", &["big"]), ("2/5", &["small"]), ("3/1", &[])] {
        let reply = call_with(&server, Method::GET, &format!("files/my/{path}"), &key, &[both], "").await.json();
        let shown: Vec<_> =
            reply["items"].as_array().unwrap().iter().map(|item| item["displayed_name"].clone()).collect();
        assert_eq!(
            (&reply["filter_count"], shown),
            (&json!(3), names.iter().map(|name| json!(name)).collect()),
            "{path}"
        );
    }
    let states = ("AvailabilityState", "Blocked,Locked");
    assert_eq!(listed(&server, &key, &[states]).await, [""; 0]);
    let reply = call_with(&server, Method::GET, "files/my/0/1", &key, &[deleted], "").await.json();
    let item = &reply["items"][0];
    assert_eq!((&item["availability"], &item["availability_state"]), (&json!(5), &json!("Deleted")));
    assert_eq!((&item["can_be_deleted"], &item["can_be_downloaded"]), (&json!(false), &json!(false)));
    assert_eq!((&item["file_id"], &item["path"], &item["size"]), (&json!(big), &json!(r"f\g"), &json!(3)));
    let all = call_with(&server, Method::GET, "files/all/0/10", &server.admin_key(), &[deleted], "").await.json();
    assert_eq!(all["filter_count"], 2);
    let refused = call_with(&server, Method::GET, "files/all/0/10", &key, &[deleted], "").await;
    assert_reply(&refused, 403, ACCESS_DENIED);
    // Its status is that of what is not there.
    for file in [&big, &in_folder] {
        assert_reply(&call(&server, Method::GET, &format!("file/status/{file}"), &key).await, 404, FILE_NOT_FOUND);
    }
    assert!(is_there(&server, &key, &live).await);
}

#[tokio::test]
async fn locks_and_holds_keep_files_out_of_the_bin() {
    let (server, key) = with_bin().await;
    let bob = server.account("bob").await;
    let locked = upload(&server, &key, "", "locked", b"1").await;
    let held = upload(&server, &key, "f", "held", b"1").await;
    server.sql(&format!("update node set locked_by = {} where name = 'locked'", bob.id)).await;
    assert_eq!(server.cli(&["hold", "add", &hyphened(&held)]).await.status, 0);
    let reply = delete_files(&server, &key, &[&locked, &held]).await;
    assert_reply(&reply, 200, &some_refused(&[(&locked, LOCKED), (&held, HELD)], 0));
    let folder = find(&server, &key, &["f"]).await;
    assert_eq!(delete_folders(&server, &key, &[&folder]).await.json()["failed_results"]["failed_counter"], 1);
    assert_eq!(binned(&server, &key).await, [""; 0]);
}

#[tokio::test]
async fn without_bin_days_nothing_comes_there() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a", b"1").await;
    delete_files(&server, &key, &[&file]).await;
    assert_reply(&call(&server, Method::GET, "recycle_bin/0/10", &key).await, 200, r#"{"filter_count":0,"items":[]}"#);
    assert_reply(&restore(&server, &key, &[&file]).await, 200, &some_refused(&[(&file, NOT_IN_BIN)], 0));
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
    assert_eq!(content(&server, &key, &root(&server, &key).await).await, []);
}

#[tokio::test]
async fn a_file_that_ends_by_itself_goes_into_the_bin() {
    let (server, key) = with_bin().await;
    let group = super::open(&server, &key).await;
    let file = super::add(&server, &key, &group, "", "a.txt", b"abc").await;
    let headers = [("group_id", group.as_str()), ("expires_after", "01:00:00:00")];
    assert_eq!(call_with(&server, Method::POST, "transfer", &key, &headers, "").await.status, 200);
    server.advance(2 * DAY).await;
    assert!(!is_there(&server, &key, &file).await);
    assert_eq!(binned(&server, &key).await, [file.as_str()]);
    assert_eq!(server.objects().await.len(), 1);
    server.advance(31 * DAY).await;
    assert_eq!((binned(&server, &key).await.len(), server.objects().await.len()), (0, 0));
}
