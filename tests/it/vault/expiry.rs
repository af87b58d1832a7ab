//! Files and transfers that end by themselves (vault.md 4.5; acceptance case 12).

use std::time::Duration;

use reqwest::Method;

use super::{INVALID_PARAMETER, add, assert_reply, call, call_with, commit, figures, hyphened, is_there, listed, open};
use crate::support::Server;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn upload_until(server: &Server, key: &str, expiry: (&str, &str)) -> String {
    let group = open(server, key).await;
    let file = add(server, key, &group, "", "a.txt", b"abc").await;
    let headers = [("group_id", group.as_str()), expiry];
    let reply = call_with(server, Method::POST, "transfer", key, &headers, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    file
}

#[tokio::test]
async fn a_file_goes_at_its_end() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload_until(&server, &key, ("expires_after", "01:00:00:00")).await;
    let status = call(&server, Method::GET, &format!("file/status/{file}"), &key).await.json();
    super::sign_in::assert_time(status["expires"].as_str().unwrap());
    server.advance(DAY - Duration::from_secs(60)).await;
    assert!(is_there(&server, &key, &file).await);
    server.advance(Duration::from_secs(120)).await;
    assert!(!is_there(&server, &key, &file).await);
    assert_eq!(listed(&server, &key, &[]).await, [""; 0]);
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (0, (0, 0)));
}

#[tokio::test]
async fn an_end_may_be_a_date() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload_until(&server, &key, ("expires", "2098-02-03T04:05:06Z")).await;
    let status = call(&server, Method::GET, &format!("file/status/{file}"), &key).await.json();
    assert_eq!(status["expires"], "2098-02-03T04:05:06.0000000Z");
}

#[tokio::test]
async fn a_hold_puts_the_end_off() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload_until(&server, &key, ("expires_after", "00:01:00:00")).await;
    let uid = hyphened(&file);
    assert_eq!(server.cli(&["hold", "add", &uid, "--reason", "case 7"]).await.status, 0);
    server.advance(DAY).await;
    assert!(is_there(&server, &key, &file).await);
    assert_eq!(server.cli(&["hold", "remove", &uid]).await.status, 0);
    server.advance(Duration::from_secs(60)).await;
    assert!(!is_there(&server, &key, &file).await);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn an_open_group_is_swept_after_a_day_without_a_call() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let left = open(&server, &key).await;
    let swept = add(&server, &key, &left, "", "left.txt", b"abc").await;
    let kept = open(&server, &key).await;
    server.advance(Duration::from_secs(20 * 3600)).await;
    add(&server, &key, &kept, "", "kept.txt", b"de").await;
    server.advance(Duration::from_secs(5 * 3600)).await;
    assert_reply(&commit(&server, &key, &left).await, 401, INVALID_PARAMETER);
    assert!(!is_there(&server, &key, &swept).await);
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (1, (2, 0)));
    assert_eq!(commit(&server, &key, &kept).await.status, 200);
}
