//! Making and listing keys (vault.md 4.3, 4.4; acceptance case 14).

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::{
    ACCESS_DENIED, INVALID_PARAMETER, INVALID_REQUEST, KEY_INCORRECT, assert_reply, call, call_with,
    sign_in::{ann_signed_in, assert_time},
    upload,
};
use crate::support::{Reply, Server};

const FAR: &str = r#"{"expires":"2099-01-01T00:00:00Z","description":"backup"}"#;

async fn issue(server: &Server, key: &str, body: &str) -> Reply {
    call_with(server, Method::POST, "token", key, &[], body.to_owned()).await
}

#[tokio::test]
async fn a_new_key_works_until_it_ends() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let reply = issue(&server, &ann.key, FAR).await;
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    let expires = "2099-01-01T00:00:00.0000000Z";
    assert_reply(&reply, 200, &format!(r#"{{"expires":"{expires}","token":"{token}","user_id":{}}}"#, ann.id));
    assert_eq!(call(&server, Method::GET, "root_folder", &token).await.status, 200);
    let century = Duration::from_secs(100 * 365 * 24 * 3600);
    server.advance(century).await;
    assert_reply(&call(&server, Method::GET, "root_folder", &token).await, 403, KEY_INCORRECT);
}

#[tokio::test]
async fn no_key_makes_a_longer_lived_one_but_a_sign_in_may() {
    let server = Server::start().await;
    let (_, signed_in) = ann_signed_in(&server).await;
    assert_eq!(issue(&server, &signed_in, FAR).await.status, 200);
    let output = server.cli(&["key", "add", "ann", "--expires", "1h", "--json"]).await;
    let short = output.json::<Value>()["key"].as_str().unwrap().to_owned();
    assert_reply(&issue(&server, &short, FAR).await, 403, ACCESS_DENIED);
}

#[tokio::test]
async fn a_read_only_key_reads_and_no_more() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let file = upload(&server, &ann.key, "", "a.txt", b"abc").await;
    let output = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await;
    let key = output.json::<Value>()["key"].as_str().unwrap().to_owned();
    assert_eq!(call(&server, Method::GET, &format!("file/{file}"), &key).await.status, 200);

    let group = super::open(&server, &ann.key).await;
    let in_group = [("group_id", group.as_str())];
    let of_file = [("group_id", group.as_str()), ("file_id", file.as_str()), ("chunk_offset", "0")];
    let new_file = [("group_id", group.as_str()), ("transfer_method", "Chunk"), ("file_size", "1"), ("file_name", "b")];
    let one = super::ids(&[&file]);
    type Call<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let calls: [Call<'_>; 13] = [
        (Method::DELETE, "files", &[], &one),
        (Method::DELETE, "files", &[], "[]"),
        (Method::DELETE, "folders", &[], &one),
        (Method::DELETE, &format!("file/{file}"), &[], ""),
        (Method::POST, "token", &[], FAR),
        (Method::DELETE, "authenticate", &[], ""),
        (Method::GET, "transfer", &[], ""),
        (Method::POST, "transfer", &in_group, ""),
        (Method::DELETE, "transfer", &in_group, ""),
        (Method::GET, "transfer_file", &new_file, ""),
        (Method::PATCH, "transfer_file", &of_file, "x"),
        (Method::POST, "transfer_file", &of_file, ""),
        (Method::DELETE, "transfer_file", &of_file, ""),
    ];
    for (method, path, headers, body) in calls {
        let reply = call_with(&server, method.clone(), path, &key, headers, body.to_owned()).await;
        assert_eq!((reply.status, reply.text().as_str()), (403, ACCESS_DENIED), "{method} {path}");
    }
    assert!(super::is_there(&server, &key, &file).await);
    // What is wrong with the request itself is said first (vault.md 2.3).
    let reply = call_with(&server, Method::DELETE, "files", &key, &[], "{}").await;
    assert_reply(&reply, 400, INVALID_REQUEST);
}

#[tokio::test]
async fn what_a_key_is_asked_with_is_checked() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for body in ["", "[]", "7", "{", "null", r#""2099-01-01T00:00:00Z""#] {
        assert_reply(&issue(&server, &ann.key, body).await, 400, INVALID_REQUEST);
    }
    for body in [
        r#"{}"#,
        r#"{"description":"x"}"#,
        r#"{"expires":null}"#,
        r#"{"expires":7}"#,
        r#"{"expires":"soon"}"#,
        r#"{"expires":"2001-01-01T00:00:00Z"}"#,
        r#"{"expires":"2099-01-01T00:00:00Z","description":7}"#,
    ] {
        assert_reply(&issue(&server, &ann.key, body).await, 401, INVALID_PARAMETER);
    }
}

#[tokio::test]
async fn keys_are_listed_without_their_secrets() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let made = issue(&server, &ann.key, FAR).await.json()["token"].as_str().unwrap().to_owned();

    let headers = [("find", "BACK")];
    let reply = call_with(&server, Method::GET, "tokens/0/10", &ann.key, &headers, "").await;
    let item = &reply.json()["items"][0];
    let created = item["created"].as_str().unwrap();
    assert_time(created);
    let shown = format!("{}{}", &made[..4], "*".repeat(26));
    let id = item["token_id"].as_i64().unwrap();
    let expected = format!(
        r#"{{"filter_count":1,"items":[{{"token_id":{id},"token":"{shown}","description":"backup","status":"valid","created":"{created}","expires":"2099-01-01T00:00:00.0000000Z","role":"user"}}]}}"#
    );
    assert_reply(&reply, 200, &expected);

    let count = async |key: &str, headers: &[(&str, &str)]| {
        let reply = call_with(&server, Method::GET, "tokens/0/10", key, headers, "").await;
        reply.json()["filter_count"].as_i64().unwrap()
    };
    assert_eq!(count(&ann.key, &[]).await, 2);
    assert_eq!(count(&bob.key, &[]).await, 1);
    assert_eq!(count(&server.admin_key(), &[]).await, 4);
    assert_eq!(count(&ann.key, &[("find", "nothing"), ("findB64", "YmFja3Vw")]).await, 1);

    let sorted = [("sort_column", "token_id"), ("sort_direction", "desc")];
    let reply = call_with(&server, Method::GET, "tokens/1/1", &ann.key, &sorted, "").await;
    assert_eq!(reply.json()["filter_count"], 2);
    assert!(reply.json()["items"][0]["token_id"].as_i64().unwrap() < id);

    for path in ["tokens/a/1", "tokens/0/0", "tokens/0/1001", "tokens/0/-1"] {
        assert_reply(&call(&server, Method::GET, path, &ann.key).await, 401, INVALID_PARAMETER);
    }
    for header in [("sort_column", "colour"), ("sort_direction", "up"), ("findB64", "!")] {
        let reply = call_with(&server, Method::GET, "tokens/0/1", &ann.key, &[header], "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
    }
}
