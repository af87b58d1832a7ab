//! Sign-in and its keys (vault.md 2.1, 4.1, 4.2; acceptance case 1).

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;

use super::{ACCESS_DENIED, INVALID_PARAMETER, KEY_INCORRECT, assert_reply, call};
use crate::support::{Account, Reply, Server};

const PASSWORD: &str = "correct horse:battery";

async fn ann(server: &Server) -> Account {
    let args = ["account", "add", "ann", "--password-stdin", "--json"];
    server.cli_with(&args, &format!("{PASSWORD}\n")).await.json()
}

async fn sign_in_as(server: &Server, decoded: &str, more: &[(&str, &str)]) -> Reply {
    let authorization = format!("Basic {}", BASE64_STANDARD.encode(decoded));
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(more);
    server.send(Method::GET, "/vault_rest/authenticate", &headers, "").await
}

pub(super) async fn sign_in(server: &Server) -> String {
    let reply = sign_in_as(server, &format!("ann\r\n{PASSWORD}"), &[]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["token"].as_str().unwrap().to_owned()
}

pub(crate) async fn ann_signed_in(server: &Server) -> (Account, String) {
    (ann(server).await, sign_in(server).await)
}

/// `2026-05-10T09:36:09.5479468Z`
#[track_caller]
pub(super) fn assert_time(text: &str) {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.0000000Z", "{text}");
}

#[tokio::test]
async fn a_line_break_signs_in_and_a_colon_does_not() {
    let server = Server::start().await;
    let ann = ann(&server).await;
    for decoded in [format!("ann\r\n{PASSWORD}"), format!("ann\n{PASSWORD}")] {
        let reply = sign_in_as(&server, &decoded, &[]).await;
        let body = reply.json();
        let (expires, token) = (body["expires"].as_str().unwrap(), body["token"].as_str().unwrap());
        assert_time(expires);
        assert!(token.len() == 30 && token.bytes().all(|b| b.is_ascii_alphanumeric()), "{token}");
        let id = ann.id;
        assert_reply(&reply, 200, &format!(r#"{{"expires":"{expires}","token":"{token}","user_id":{id}}}"#));
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(call(&server, Method::GET, "root_folder", token).await.status, 200);
    }
    for decoded in [format!("ann:{PASSWORD}"), "ann\r\nwrong".into(), "ann\r\n".into(), format!("bob\r\n{PASSWORD}")] {
        assert_reply(&sign_in_as(&server, &decoded, &[]).await, 403, KEY_INCORRECT);
    }
}

#[tokio::test]
async fn sign_in_without_basic_is_a_bad_parameter() {
    let server = Server::start().await;
    let ann = ann(&server).await;
    let path = "/vault_rest/authenticate";
    assert_reply(&server.send(Method::GET, path, &[], "").await, 401, INVALID_PARAMETER);
    let bearer = format!("Bearer {}", ann.key);
    for authorization in ["Basic", "Basic !!", bearer.as_str(), ann.key.as_str()] {
        let reply = server.send(Method::GET, path, &[("authorization", authorization)], "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
    }
}

#[tokio::test]
async fn only_bearer_carries_a_key() {
    let server = Server::start().await;
    let ann = ann(&server).await;
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ann\r\n{PASSWORD}")));
    let unknown = format!("Bearer {}", "x".repeat(30));
    for authorization in [ann.key.as_str(), basic.as_str(), unknown.as_str(), "Bearer ", "Bearer", ""] {
        let reply = server.send(Method::GET, "/vault_rest/version", &[("authorization", authorization)], "").await;
        assert_reply(&reply, 403, KEY_INCORRECT);
    }
    assert_reply(&server.send(Method::GET, "/vault_rest/version", &[], "").await, 403, KEY_INCORRECT);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", ann.key);
        let reply = server.send(Method::GET, "/vault_rest/version", &[("authorization", &authorization)], "").await;
        assert_reply(&reply, 200, &format!(r#"{{"version":"{}"}}"#, env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn signing_out_ends_the_key() {
    let server = Server::start().await;
    let (ann, token) = ann_signed_in(&server).await;
    let other = sign_in(&server).await;
    let ended = |key: &str| format!(r#"{{"token":"{key}"}}"#);
    assert_reply(&call(&server, Method::DELETE, "authenticate", &token).await, 200, &ended(&token));
    assert_reply(&call(&server, Method::DELETE, "authenticate", &token).await, 403, KEY_INCORRECT);
    assert_reply(&call(&server, Method::GET, "root_folder", &token).await, 403, KEY_INCORRECT);
    assert_eq!(call(&server, Method::GET, "root_folder", &other).await.status, 200);
    // An API key is a key like any other.
    assert_reply(&call(&server, Method::DELETE, "authenticate", &ann.key).await, 200, &ended(&ann.key));
    assert_reply(&call(&server, Method::GET, "root_folder", &ann.key).await, 403, KEY_INCORRECT);
}

#[tokio::test]
async fn a_sign_in_lasts_an_hour_from_its_last_use_and_a_day_at_most() {
    let server = Server::start().await;
    let (_, idle) = ann_signed_in(&server).await;
    let used = sign_in(&server).await;
    let minutes = |count: u64| Duration::from_secs(60 * count);
    server.advance(minutes(59)).await;
    assert_eq!(call(&server, Method::GET, "root_folder", &used).await.status, 200);
    server.advance(minutes(2)).await;
    assert_reply(&call(&server, Method::GET, "root_folder", &idle).await, 403, KEY_INCORRECT);
    for hour in 2..24 {
        assert_eq!(call(&server, Method::GET, "root_folder", &used).await.status, 200, "hour {hour}");
        server.advance(minutes(59)).await;
    }
    // 22 h 39 min after the sign-in.
    assert_eq!(call(&server, Method::GET, "root_folder", &used).await.status, 200);
    server.advance(minutes(55)).await;
    assert_eq!(call(&server, Method::GET, "root_folder", &used).await.status, 200);
    server.advance(minutes(27)).await;
    assert_reply(&call(&server, Method::GET, "root_folder", &used).await, 403, KEY_INCORRECT);
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once() {
    let server = Server::start().await;
    let (ann, token) = ann_signed_in(&server).await;
    assert_eq!(server.cli(&["account", "disable", "ann"]).await.status, 0);
    assert_reply(&call(&server, Method::GET, "root_folder", &token).await, 403, KEY_INCORRECT);
    assert_reply(&call(&server, Method::GET, "root_folder", &ann.key).await, 403, KEY_INCORRECT);
    assert_reply(&sign_in_as(&server, &format!("ann\n{PASSWORD}"), &[]).await, 403, KEY_INCORRECT);
    assert_eq!(server.cli(&["account", "enable", "ann"]).await.status, 0);
    assert_eq!(call(&server, Method::GET, "root_folder", &ann.key).await.status, 200);
    assert_reply(&call(&server, Method::GET, "root_folder", &token).await, 403, KEY_INCORRECT);
}

#[tokio::test]
async fn failed_sign_ins_are_limited() {
    let server = Server::start().await;
    ann(&server).await;
    let mut limited = None;
    for _ in 0..100 {
        let reply = sign_in_as(&server, "ann\nwrong", &[]).await;
        if reply.status == 429 {
            limited = Some(reply);
            break;
        }
        assert_reply(&reply, 403, KEY_INCORRECT);
    }
    let limited = limited.expect("failures are limited");
    let body =
        r#"{"message":"Too many attempts","ui_message_key":"API_TOO_MANY_ATTEMPTS","status_code":"TooManyRequests"}"#;
    assert_reply(&limited, 429, body);
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!(wait > 0);
    // The right password is not tried either while the limit holds, and is good again after it.
    assert_reply(&sign_in_as(&server, &format!("ann\n{PASSWORD}"), &[]).await, 429, body);
    server.advance(Duration::from_secs(wait)).await;
    assert_eq!(sign_in_as(&server, &format!("ann\n{PASSWORD}"), &[]).await.status, 200);
}

#[tokio::test]
async fn a_foreign_site_cannot_sign_in() {
    let server = Server::start().await;
    ann(&server).await;
    let login = format!("ann\n{PASSWORD}");
    for header in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        assert_reply(&sign_in_as(&server, &login, &[header]).await, 403, ACCESS_DENIED);
    }
    let own = server.url("");
    for header in [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")] {
        assert_eq!(sign_in_as(&server, &login, &[header]).await.status, 200, "{header:?}");
    }
}
