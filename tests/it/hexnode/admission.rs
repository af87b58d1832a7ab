//! Keys, their refusals, the rate limit and the order of checks (hexnode.md 2).

use std::time::Duration;

use super::*;

const MISSING: &str = r#"{"detail":"Authentication credentials were not provided."}"#;
const INVALID: &str = r#"{"detail":"Invalid token."}"#;
const INACTIVE: &str = r#"{"detail":"User inactive or deleted."}"#;
const READ_ONLY: &str = r#"{"detail":"You do not have permission to perform this action."}"#;

const POSTS: [&str; 3] = [PRESIGN, VERIFY, DELETE];

fn assert_unauthorized(reply: &Reply, body: &str) {
    assert_answer(reply, 401, body);
    assert_eq!(reply.header("www-authenticate"), "Api-Key");
}

#[tokio::test]
async fn the_header_is_the_bare_key() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let body = format!(r#"{{"file_ids":[{id}]}}"#);
    let json = ("Content-Type", "application/json");
    let path = format!("{BASE}/{DELETE}");
    let send = async |headers: &[(&str, &str)]| server.send(Method::POST, &path, headers, body.clone()).await;

    assert_unauthorized(&send(&[json]).await, MISSING);
    assert_unauthorized(&send(&[json, ("Authorization", "")]).await, MISSING);
    assert_unauthorized(&send(&[json, ("Cookie", &format!("key={}", ann.key))]).await, MISSING);
    for key in [
        format!("Bearer {}", ann.key),
        format!("Token {}", ann.key),
        "Basic YW5uOmFubg==".to_owned(),
        "x".repeat(30),
        ann.key[..29].to_owned(),
        format!("{}x", ann.key),
        ann.key.to_lowercase() + "0",
        "ü".to_owned(),
    ] {
        assert_unauthorized(&send(&[json, ("Authorization", &key)]).await, INVALID);
    }
    let two = [json, ("Authorization", &ann.key), ("Authorization", &ann.key)];
    assert_unauthorized(&send(&two).await, INVALID);
    assert_eq!(listed(&server, &ann.key).await, [id]);
}

#[tokio::test]
async fn a_read_only_key_lists_and_no_more() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let key: serde_json::Value = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json();
    let key = key["key"].as_str().unwrap();
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let before = figures(&server).await;
    assert_eq!(listed(&server, key).await, [id]);
    for call in POSTS {
        let body = format!(r#"{{"file_ids":[{id}],"file_name":"b"}}"#);
        assert_answer(&post(&server, key, call, &body).await, 403, READ_ONLY);
        assert_answer(&post(&server, key, call, "not even JSON").await, 403, READ_ONLY);
    }
    // 403 comes before 405.
    assert_answer(&post(&server, key, "", "{}").await, 403, READ_ONLY);
    assert_eq!(figures(&server).await, before);
}

#[tokio::test]
async fn a_key_that_ended_is_unknown() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let brief: serde_json::Value = server.cli(&["key", "add", "ann", "--expires", "1h", "--json"]).await.json();
    let brief = brief["key"].as_str().unwrap();
    let revoked: serde_json::Value = server.cli(&["key", "add", "ann", "--json"]).await.json();
    assert_eq!(get_list(&server, brief, "").await.status, 200);
    assert_eq!(get_list(&server, revoked["key"].as_str().unwrap(), "").await.status, 200);
    server.advance(Duration::from_secs(3_601)).await;
    assert_unauthorized(&get_list(&server, brief, "").await, INVALID);
    let output = server.cli(&["key", "revoke", &revoked["id"].to_string()]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert_unauthorized(&get_list(&server, revoked["key"].as_str().unwrap(), "").await, INVALID);
    assert_eq!(get_list(&server, &ann.key, "").await.status, 200);
}

#[tokio::test]
async fn an_account_switched_off_says_so() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    assert_eq!(server.cli(&["account", "disable", "ann"]).await.status, 0);
    assert_unauthorized(&get_list(&server, &ann.key, "").await, INACTIVE);
    for call in POSTS {
        assert_unauthorized(&post(&server, &ann.key, call, "{}").await, INACTIVE);
    }
    assert_eq!(server.cli(&["account", "enable", "ann"]).await.status, 0);
    assert_eq!(get_list(&server, &ann.key, "").await.status, 200);
}

#[tokio::test]
async fn the_thirty_first_call_in_a_minute_waits() {
    let server = Server::start_with(&[("UNFILE_HEXNODE_RATE", "30")]).await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let read_only: serde_json::Value = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json();
    let read_only = read_only["key"].as_str().unwrap();
    for _ in 0..29 {
        assert_eq!(get_list(&server, &ann.key, "").await.status, 200);
    }
    // A call that is refused for itself counts like any other.
    assert_eq!(delete(&server, &ann.key, "[]").await.status, 400);
    for reply in [
        get_list(&server, &ann.key, "").await,
        post(&server, &ann.key, DELETE, "not JSON").await,
        server.send(Method::PUT, BASE, &[("Authorization", &ann.key)], "").await,
    ] {
        let seconds: u64 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let body = format!(r#"{{"detail":"Request was throttled. Expected available in {seconds} {unit}."}}"#);
        assert_answer(&reply, 429, &body);
    }
    // Each key counts for itself; 401 and 403 come before 429 and cost nothing.
    assert_eq!(get_list(&server, &bob.key, "").await.status, 200);
    for _ in 0..31 {
        assert_eq!(post(&server, read_only, DELETE, "{}").await.status, 403);
    }
    assert_eq!(get_list(&server, read_only, "").await.status, 200);
    assert_unauthorized(&get_list(&server, "unknown", "").await, INVALID);

    server.advance(Duration::from_secs(60)).await;
    assert_eq!(get_list(&server, &ann.key, "").await.status, 200);
}

#[tokio::test]
async fn the_upload_url_costs_no_call() {
    let server = Server::start_with(&[("UNFILE_HEXNODE_RATE", "1")]).await;
    let ann = server.account("ann").await;
    let (url, _) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    for _ in 0..3 {
        assert_eq!(put(&server, &url, "text/plain", b"x").await.status, 200);
    }
    assert_eq!(get_list(&server, &ann.key, "").await.status, 429);
}

#[tokio::test]
async fn without_a_limit_a_hundred_calls_pass() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for _ in 0..100 {
        assert_eq!(get_list(&server, &ann.key, "").await.status, 200);
    }
}

/// Whoever is refused before the method is looked at is not told which methods there are.
#[tokio::test]
async fn only_a_405_has_an_allow_header() {
    let server = Server::start_with(&[("UNFILE_HEXNODE_RATE", "1")]).await;
    let ann = server.account("ann").await;
    let reader: serde_json::Value = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json();
    let reader = reader["key"].as_str().unwrap();
    let delete = format!("{BASE}/{DELETE}");
    for (method, path, key, status, allow) in [
        (Method::GET, delete.as_str(), "", 401, ""),
        (Method::PUT, BASE, "unknown", 401, ""),
        (Method::HEAD, &delete, "unknown", 401, ""),
        (Method::POST, BASE, reader, 403, ""),
        (Method::PUT, &delete, &ann.key, 405, "POST"),
        (Method::PUT, &delete, &ann.key, 429, ""),
    ] {
        let reply = server.send(method.clone(), path, &[("Authorization", key)], "").await;
        assert_eq!((reply.status, reply.header("allow")), (status, allow), "{method} {path} {key}");
    }
}

/// 401, then 405, then 415, then the fields, then 404.
#[tokio::test]
async fn checks_come_in_the_order_of_the_framework() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let path = format!("{BASE}/{DELETE}");
    let text = ("Content-Type", "text/plain");
    let reply = server.send(Method::GET, &path, &[text], "x").await;
    assert_unauthorized(&reply, MISSING);
    let key = ("Authorization", ann.key.as_str());
    let reply = server.send(Method::GET, &path, &[key, text], "x").await;
    assert_eq!(reply.status, 405);
    let reply = server.send(Method::POST, &path, &[key, text], "x").await;
    assert_eq!(reply.status, 415);
    let reply = delete(&server, &ann.key, r#"[999999,"x"]"#).await;
    assert_answer(&reply, 400, r#"{"file_ids":{"1":["A valid integer is required."]}}"#);
}
