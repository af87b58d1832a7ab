//! Who may call: sweeppea.md 2.1 and the last rows of section 5.

use std::time::Duration;

use reqwest::Method;

use super::*;

const CALLS: [&str; 5] = ["/files/delete", "/files/upload", "/files/fetch", "/files/getFileUrl", "/files/send"];

#[tokio::test]
async fn without_a_bearer_token_every_call_is_401() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let body = r#"{"Response":false,"Message":"Invalid or Missing Bearer Token","Code":401}"#;
    let raw = ann.key.as_str();
    for path in CALLS {
        assert_reply(&server.send(Method::POST, path, &[], "{}").await, 401, body);
        for value in ["", raw, "Bearer", "Bearer ", "Basic YW5uOnB3"] {
            let reply = server.send(Method::POST, path, &[("authorization", value)], "{}").await;
            assert_reply(&reply, 401, body);
        }
        let bearer = format!("Bearer {raw}");
        let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
        assert_reply(&server.send(Method::POST, path, &twice, "{}").await, 401, body);
    }
}

#[tokio::test]
async fn a_key_of_nobody_is_403() {
    let server = Server::start().await;
    let body = r#"{"Response":false,"Message":"Invalid API Token","Code":403}"#;
    let unknown = "A".repeat(30);
    for path in CALLS {
        assert_reply(&post(&server, &unknown, path, "{}").await, 403, body);
    }
    let ann = server.account("ann").await;
    let ended = server.cli(&["key", "add", "ann", "--expires", "60s", "--json"]).await;
    let ended = text(&ended.json::<Value>()["key"]);
    assert_eq!(post(&server, &ended, "/files/fetch", "").await.status, 200);
    server.advance(Duration::from_secs(61)).await;
    assert_reply(&post(&server, &ended, "/files/fetch", "").await, 403, body);
    assert_eq!(post(&server, &ann.key, "/files/fetch", "").await.status, 200);
}

#[tokio::test]
async fn an_account_that_is_switched_off_is_told_so() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    server.cli(&["account", "disable", "ann"]).await;
    assert_reply(
        &post(&server, &ann.key, "/files/fetch", "").await,
        403,
        r#"{"Response":false,"Message":"Account is disabled. Please contact support.","Code":403}"#,
    );
    server.cli(&["account", "enable", "ann"]).await;
    assert_eq!(post(&server, &ann.key, "/files/fetch", "").await.status, 200);
}

#[tokio::test]
async fn a_key_restricted_to_reading_only_reads() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let reader = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await;
    let reader = text(&reader.json::<Value>()["key"]);
    let refused = r#"{"Response":false,"Message":"API access restricted. This key may only read.","Code":403}"#;
    for path in ["/files/delete", "/files/upload", "/files/send"] {
        assert_reply(&post(&server, &reader, path, token_body(&token)).await, 403, refused);
    }
    assert_eq!(listed(&server, &reader).await, [token.as_str()]);
    assert_eq!(file_url(&server, &reader, &token).await.status, 200);
}

/// 403, then 429, then 413.
#[tokio::test]
async fn whether_a_caller_may_comes_before_what_it_sends() {
    let server = Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "1")]).await;
    let ann = server.account("ann").await;
    let reader = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await;
    let reader = text(&reader.json::<Value>()["key"]);
    let large = bytes::Bytes::from(vec![b' '; (32 << 20) + 1]);
    for (key, status) in [(&reader, 403), (&ann.key, 413), (&ann.key, 429), (&reader, 403)] {
        let reply = post(&server, key, "/files/upload", large.clone()).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
}

#[tokio::test]
async fn the_scheme_word_may_be_in_any_case_and_a_final_slash_is_accepted() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let value = format!("{scheme} {}", ann.key);
        let headers = [("authorization", value.as_str())];
        for path in ["/files/fetch", "/files/fetch/"] {
            assert_eq!(server.send(Method::POST, path, &headers, "").await.status, 200);
        }
    }
}

#[tokio::test]
async fn other_methods_are_405_before_any_key_is_asked_for() {
    let server = Server::start().await;
    for path in CALLS {
        for method in [Method::GET, Method::DELETE, Method::PUT, Method::PATCH] {
            let reply = server.send(method, path, &[], "").await;
            assert_reply(&reply, 405, r#"{"Response":false,"Message":"Method Not Allowed","Code":405}"#);
            assert_eq!(reply.header("allow"), "POST");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_without_telemetry() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let body = r#"{"Response":false,"Message":"Not Found","Code":404}"#;
    for path in ["/files/nothing", "/files/Delete", "/files/geturl", "/files/delete/x"] {
        assert_reply(&post(&server, &ann.key, path, "{}").await, 404, body);
        assert_reply(&server.send(Method::GET, path, &[], "").await, 404, body);
    }
    assert_eq!(calls_of(&post(&server, &ann.key, "/files/fetch", "").await), 1);
}
