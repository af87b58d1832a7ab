//! Calls a month and calls a minute: sweeppea.md 2.2, 2.3, acceptance cases 8 and 9.

use std::time::Duration;

use super::*;
use crate::support::wait_until;

async fn fetch_calls(server: &Server, key: &str) -> u64 {
    calls_of(&post(server, key, "/files/fetch", "").await)
}

#[tokio::test]
async fn answers_count_but_for_refused_callers() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    assert_eq!(fetch_calls(&server, &ann.key).await, 1);
    // 200, 400, 404, 409 and 413 count.
    let token = upload_report(&server, &ann.key).await;
    post(&server, &ann.key, "/files/delete", "{}").await;
    delete(&server, &ann.key, NOT_THERE).await;
    try_upload(&server, &ann.key, "report.pdf", "application/pdf", b"x").await;
    post(&server, &ann.key, "/files/delete", vec![b' '; (32 << 20) + 1]).await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 7);
    // 401, 403 and 405 do not.
    server.send(reqwest::Method::POST, "/files/fetch", &[], "").await;
    server.send(reqwest::Method::GET, "/files/fetch", &[], "").await;
    hold(&server, &token).await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 403);
    assert_eq!(fetch_calls(&server, &ann.key).await, 8);
    assert_eq!(fetch_calls(&server, &bob.key).await, 1, "accounts count apart");
    // 500 does.
    lift_hold(&server, &token).await;
    server.storage_down().await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 500);
    assert_eq!(try_upload(&server, &ann.key, "b.txt", "text/plain", b"b").await.status, 500);
    server.storage_up().await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 11);
}

#[tokio::test]
async fn the_count_starts_again_with_the_month() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    fetch_calls(&server, &ann.key).await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 2);
    server.advance(Duration::from_secs(32 * 86_400)).await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 1);
}

#[tokio::test]
async fn the_count_outlives_a_stop_and_a_crash() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for _ in 0..3 {
        fetch_calls(&server, &ann.key).await;
    }
    server.stop().await;
    server.start_again().await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 4);
    wait_until("the calls are written", || async {
        let rows = server.sql("select sum(calls) from call_count").await;
        rows[0][0] == 4
    })
    .await;
    server.kill().await;
    server.start_again().await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 5);
}

#[tokio::test]
async fn the_months_calls_run_out() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    assert_eq!(server.cli(&["account", "set", "ann", "--max-calls", "2"]).await.status, 0);
    let first = post(&server, &ann.key, "/files/fetch", "").await;
    assert_eq!(first.json()["Telemetry"]["MaxAPICalls"], 2);
    assert_eq!(fetch_calls(&server, &ann.key).await, 2);
    for _ in 0..2 {
        assert_reply(
            &post(&server, &ann.key, "/files/fetch", "").await,
            403,
            r#"{"Response":false,"Message":"Monthly API call limit reached.","Code":403}"#,
        );
    }
    server.advance(Duration::from_secs(32 * 86_400)).await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 1);
    server.cli(&["account", "set", "ann", "--max-calls", "0"]).await;
    for call in 2..5 {
        let reply = post(&server, &ann.key, "/files/fetch", "").await;
        assert_eq!((reply.status, calls_of(&reply)), (200, call), "0 is no limit");
    }
}

#[tokio::test]
async fn call_151_within_a_minute_is_refused() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    for call in 1..=150 {
        assert_eq!(fetch_calls(&server, &ann.key).await, call);
    }
    let refused = post(&server, &ann.key, "/files/fetch", "").await;
    assert_reply(
        &refused,
        429,
        r#"{"Response":false,"Message":"Rate limit exceeded. Your plan allows 150 API calls per minute. Wait a few seconds and try again.","Code":429}"#,
    );
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(fetch_calls(&server, &bob.key).await, 1);
    server.advance(Duration::from_secs(60)).await;
    assert_eq!(fetch_calls(&server, &ann.key).await, 151, "a refused call does not count");
}

#[tokio::test]
async fn the_rate_is_configurable_and_its_text_prints_it() {
    let server = Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "1")]).await;
    let ann = server.account("ann").await;
    fetch_calls(&server, &ann.key).await;
    let refused = post(&server, &ann.key, "/files/fetch", "").await;
    assert!(refused.text().contains("Your plan allows 1 API calls per minute."), "{}", refused.text());

    let server = Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "0")]).await;
    let ann = server.account("ann").await;
    for call in 1..=200 {
        assert_eq!(fetch_calls(&server, &ann.key).await, call);
    }
}
