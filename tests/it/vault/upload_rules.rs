//! Who may upload what, under which ids, and how much (vault.md 4.5).

use reqwest::Method;

use super::{
    ACCESS_DENIED, INVALID_PARAMETER, INVALID_REQUEST, NOBODY, add, announce, assert_reply, call, call_with, commit,
    delete_files, figures, finish, is_there, open, send_chunk, try_announce, upload,
};
use crate::support::{Reply, Server};

const QUOTA_EXCEEDED: &str =
    r#"{"message":"Storage quota exceeded","ui_message_key":"API_QUOTA_EXCEEDED","status_code":"Unauthorized"}"#;

#[tokio::test]
async fn only_the_opener_goes_on() {
    let server = Server::start().await;
    let ann = server.account("ann").await.key;
    let bob = server.account("bob").await.key;
    let group = open(&server, &ann).await;
    let file = announce(&server, &ann, &group, "", "a.txt", 3).await;
    let in_group = [("group_id", group.as_str())];
    let of_file = [("group_id", group.as_str()), ("file_id", file.as_str())];
    for other in [&bob, &server.admin_key()] {
        assert_reply(&try_announce(&server, other, &group, "", "b", 1).await, 403, ACCESS_DENIED);
        assert_reply(&send_chunk(&server, other, &group, &file, 0, b"abc").await, 403, ACCESS_DENIED);
        assert_reply(&finish(&server, other, &group, &file).await, 403, ACCESS_DENIED);
        assert_reply(&commit(&server, other, &group).await, 403, ACCESS_DENIED);
        let reply = call_with(&server, Method::DELETE, "transfer_file", other, &of_file, "").await;
        assert_reply(&reply, 403, ACCESS_DENIED);
        let reply = call_with(&server, Method::DELETE, "transfer", other, &in_group, "").await;
        assert_reply(&reply, 403, ACCESS_DENIED);
    }
    send_chunk(&server, &ann, &group, &file, 0, b"abc").await;
    finish(&server, &ann, &group, &file).await;
    assert_eq!(commit(&server, &ann, &group).await.status, 200);
}

#[tokio::test]
async fn an_administrator_uploads_for_others() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let admin = server.admin_key();
    for header in ["impersonate_as", "send_as"] {
        let headers = [(header, "ann")];
        let reply = call_with(&server, Method::GET, "transfer", &admin, &headers, "").await;
        let group = reply.json()["group_id"].as_str().unwrap().to_owned();
        assert_reply(
            &reply,
            200,
            &format!(
                r#"{{"group_id":"{group}","owner":{{"email":"","first_name":"","is_impersonated":true,"last_name":"","username":"ann"}},"shared_with":[]}}"#
            ),
        );
        let file = add(&server, &admin, &group, "", header, b"abc").await;
        assert_eq!(commit(&server, &admin, &group).await.status, 200);
        assert!(is_there(&server, &ann.key, &file).await, "the file is Ann's");
        assert!(!is_there(&server, &admin, &file).await);
    }
    assert_eq!(figures(&server, "ann").await, (6, 0));
    assert_eq!(figures(&server, "admin").await, (0, 0));

    let as_ann = [("impersonate_as", "ann")];
    let bob = server.account("bob").await.key;
    assert_reply(&call_with(&server, Method::GET, "transfer", &bob, &as_ann, "").await, 403, ACCESS_DENIED);
    assert_eq!(server.cli(&["account", "disable", "bob"]).await.status, 0);
    let both = |other| [("impersonate_as", "ann"), ("send_as", other)];
    for refused in [&[("impersonate_as", "nobody")][..], &[("impersonate_as", "bob")], &both("admin")] {
        let reply = call_with(&server, Method::GET, "transfer", &admin, refused, "").await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{refused:?}");
    }
    assert_eq!(call_with(&server, Method::GET, "transfer", &admin, &both("ann"), "").await.status, 200);
}

#[tokio::test]
async fn the_quota_is_exact_from_the_announcement_on() {
    let server = Server::start().await;
    let key = server.account_with("ann", &["--quota", "10"]).await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "", "a", 7).await;
    assert_reply(&try_announce(&server, &key, &group, "", "b", 4).await, 401, QUOTA_EXCEEDED);
    assert_reply(&try_announce(&server, &key, &group, "", "b", i64::MAX as usize).await, 401, QUOTA_EXCEEDED);
    let last = add(&server, &key, &group, "", "c", b"123").await;
    assert_eq!(figures(&server, "ann").await.0, 10);
    send_chunk(&server, &key, &group, &file, 0, b"1234567").await;
    finish(&server, &key, &group, &file).await;
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    assert_eq!(figures(&server, "ann").await.0, 10);
    delete_files(&server, &key, &[&last]).await;
    assert_eq!(figures(&server, "ann").await.0, 7);
    upload(&server, &key, "", "d", b"123").await;
}

#[tokio::test]
async fn two_uploads_race_for_the_last_bytes() {
    let server = Server::start().await;
    let key = server.account_with("ann", &["--quota", "10"]).await.key;
    let group = open(&server, &key).await;
    let (one, two) =
        tokio::join!(try_announce(&server, &key, &group, "", "a", 6), try_announce(&server, &key, &group, "", "b", 6));
    let mut statuses = [one.status, two.status];
    statuses.sort();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(figures(&server, "ann").await.0, 6);
}

async fn open_as(server: &Server, key: &str, group: &str) -> Reply {
    call_with(server, Method::GET, "transfer", key, &[("group_id", group)], "").await
}

async fn announce_as(server: &Server, key: &str, group: &str, file: &str) -> Reply {
    let headers =
        [("group_id", group), ("file_id", file), ("transfer_method", "Chunk"), ("file_size", "0"), ("file_name", "a")];
    call_with(server, Method::GET, "transfer_file", key, &headers, "").await
}

#[tokio::test]
async fn ids_chosen_by_the_client_are_good_once() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let bob = server.account("bob").await.key;
    let group = "2b6dea8f2fed49f5a5bb61c766394f45";
    let file = "6f1c0d7e3f0a4a539f520b1d8f2c7a11";

    let reply = open_as(&server, &key, "2B6DEA8F-2FED-49F5-A5BB-61C766394F45").await;
    assert_eq!(reply.json()["group_id"], group);
    assert_reply(&open_as(&server, &key, group).await, 401, INVALID_PARAMETER);
    assert_reply(&open_as(&server, &bob, group).await, 401, INVALID_PARAMETER);

    let reply = announce_as(&server, &key, group, "6F1C0D7E-3F0A-4A53-9F52-0B1D8F2C7A11").await;
    assert_reply(&reply, 200, &format!(r#"{{"file_id":"{file}"}}"#));
    assert_reply(&announce_as(&server, &key, group, file).await, 401, INVALID_PARAMETER);
    finish(&server, &key, group, file).await;
    assert_eq!(commit(&server, &key, group).await.status, 200);
    assert_reply(&open_as(&server, &key, group).await, 401, INVALID_PARAMETER);

    let other = open(&server, &bob).await;
    assert_reply(&announce_as(&server, &bob, &other, file).await, 401, INVALID_PARAMETER);
    delete_files(&server, &key, &[file]).await;
    assert_reply(&announce_as(&server, &bob, &other, file).await, 401, INVALID_PARAMETER);
    server.run_jobs().await;
    assert_reply(&announce_as(&server, &bob, &other, file).await, 401, INVALID_PARAMETER);

    // Given up is used, too.
    let dropped = "7d871b61ea564b99b779e9fb35815706";
    assert_eq!(announce_as(&server, &bob, &other, dropped).await.status, 200);
    call_with(&server, Method::DELETE, "transfer", &bob, &[("group_id", &other)], "").await;
    assert_reply(&open_as(&server, &bob, &other).await, 401, INVALID_PARAMETER);
    let another = open(&server, &bob).await;
    assert_reply(&announce_as(&server, &bob, &another, dropped).await, 401, INVALID_PARAMETER);
}

#[tokio::test]
async fn sharing_is_refused_and_not_ignored() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    for header in ["share_with", "recipients"] {
        let with_bob = [("group_id", group.as_str()), (header, "bob")];
        let reply = call_with(&server, Method::GET, "transfer", &key, &[(header, "bob")], "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
        let reply = call_with(&server, Method::POST, "transfer", &key, &with_bob, "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
    }
}

#[tokio::test]
async fn folders_are_at_most_100_deep() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let deep = |folders: usize| vec!["d"; folders].join("/");
    upload(&server, &key, &deep(100), "a", b"1").await;
    let group = open(&server, &key).await;
    assert_reply(&try_announce(&server, &key, &group, &deep(101), "a", 1).await, 400, INVALID_REQUEST);
}

#[tokio::test]
async fn unknown_groups_and_files_are_bad_parameters() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let elsewhere = upload(&server, &key, "", "a", b"1").await;
    assert_reply(&try_announce(&server, &key, NOBODY, "", "b", 1).await, 401, INVALID_PARAMETER);
    assert_reply(&commit(&server, &key, NOBODY).await, 401, INVALID_PARAMETER);
    for file in [NOBODY, elsewhere.as_str()] {
        assert_reply(&send_chunk(&server, &key, &group, file, 0, b"1").await, 401, INVALID_PARAMETER);
        assert_reply(&finish(&server, &key, &group, file).await, 401, INVALID_PARAMETER);
        let headers = [("group_id", group.as_str()), ("file_id", file)];
        let reply = call_with(&server, Method::DELETE, "transfer_file", &key, &headers, "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
    }
    assert!(is_there(&server, &key, &elsewhere).await);
}

#[tokio::test]
async fn a_body_larger_than_a_chunk_may_be_is_refused() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let limit = 100 << 20;
    let file = announce(&server, &key, &group, "", "big", limit + 1).await;
    let reply = send_chunk(&server, &key, &group, &file, 0, &vec![7; limit + 1]).await;
    assert_reply(&reply, 401, INVALID_PARAMETER);
    let sent = send_chunk(&server, &key, &group, &file, 0, &vec![7; limit]).await;
    assert_eq!(sent.status, 200, "100 MiB are a chunk");
    send_chunk(&server, &key, &group, &file, limit, b"7").await;
    assert_eq!(finish(&server, &key, &group, &file).await.status, 200);
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    let reply = call(&server, Method::GET, &format!("file/{file}"), &key).await;
    assert_eq!(reply.body.len(), limit + 1);
}
