//! Credentials (oracle.md 2, 8.5 and 8.15).

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;

use super::{
    FORBIDDEN, INVALID, NO_FILE, OK, assert_outcome, assert_reply, call, call_with, delete_file, get, text, upload,
};
use crate::support::{Reply, Server};

const PASSWORD: &str = "correct horse battery";

fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{secret}")))
}

async fn by(server: &Server, authorization: &str, more: &[(&str, &str)], method: Method, path: &str) -> Reply {
    let mut headers = vec![("authorization", authorization)];
    headers.extend(more);
    call_with(server, method, path, "", &headers, "").await
}

#[track_caller]
fn assert_unauthorized(reply: &Reply) {
    assert_reply(reply, 401, "Unauthorized");
    assert_eq!(reply.header("content-type"), "text/plain");
    assert_eq!(reply.header("www-authenticate"), "Basic realm=\"unfile\"");
}

#[tokio::test]
async fn names_passwords_and_keys() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    server.cli_with(&["account", "passwd", "usera"], PASSWORD).await;
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    let path = format!("files/{file}");
    for good in [format!("Bearer {key}"), format!("bearer {key}"), basic("usera", PASSWORD), basic("usera", &key)] {
        assert_outcome(&by(&server, &good, &[], Method::GET, &path).await, OK);
    }
    let bad = [
        key.clone(),
        "Bearer".to_owned(),
        format!("Bearer {}", "A".repeat(30)),
        format!("Token {key}"),
        basic("usera", "wrong"),
        basic("userb", PASSWORD),
        basic("usera", &other),
        basic("nobody", PASSWORD),
        "Basic %%%".to_owned(),
        format!("Basic {}", BASE64_STANDARD.encode("usera")),
    ];
    for bad in &bad {
        for path in [path.as_str(), "files/lists", "/documents/integration?IdcService=GET_USER_INFO"] {
            assert_unauthorized(&by(&server, bad, &[], Method::GET, path).await);
        }
        // They are never ignored, whatever link there is.
        let link = [("linkID", "LD1")];
        assert_unauthorized(&by(&server, bad, &link, Method::DELETE, &path).await);
    }
    assert_unauthorized(&call(&server, Method::DELETE, &path, "").await);
    assert_unauthorized(&call(&server, Method::DELETE, &format!("files/{NO_FILE}?version=x"), "").await);
    server.cli(&["account", "disable", "usera"]).await;
    for gone in [format!("Bearer {key}"), basic("usera", PASSWORD)] {
        assert_unauthorized(&by(&server, &gone, &[], Method::GET, &path).await);
    }
}

#[tokio::test]
async fn too_many_failures_are_told_to_wait() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    server.cli_with(&["account", "passwd", "usera"], PASSWORD).await;
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    let path = format!("files/{file}");
    for _ in 0..10 {
        assert_unauthorized(&by(&server, &basic("usera", "wrong"), &[], Method::DELETE, &path).await);
    }
    let refused = by(&server, &basic("usera", PASSWORD), &[], Method::DELETE, &path).await;
    let body = format!(
        r#"{{"errorCode":"-20","errorKey":"!csFldUnableToDeleteItems!csTooManyAttempts","errorMessage":"Unable to delete items. Too many attempts.","errorType":"file","idList":"{file}","title":"Unable to delete items. Too many attempts.","type":""}}"#
    );
    assert_reply(&refused, 429, &body);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=301).contains(&wait), "{wait}");
    let idc = "/documents/integration?IdcService=GET_USER_INFO&IsJson=1";
    let refused = by(&server, &basic("usera", PASSWORD), &[], Method::GET, idc).await;
    assert_eq!((refused.status, text(&refused.json()["LocalData"]["StatusCode"])), (429, "-20".to_owned()));
    assert!(!refused.header("retry-after").is_empty());
    server.advance(Duration::from_secs(wait)).await;
    assert_outcome(&by(&server, &basic("usera", PASSWORD), &[], Method::DELETE, &path).await, OK);
}

#[tokio::test]
async fn a_key_that_only_reads_reads() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let made = server.cli(&["key", "add", "usera", "--read-only", "--json"]).await.json::<serde_json::Value>();
    let reader = text(&made["key"]);
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    for authorization in [format!("Bearer {reader}"), basic("usera", &reader)] {
        let asked = async |method, path: &str| by(&server, &authorization, &[], method, path).await;
        assert_outcome(&asked(Method::GET, &format!("files/{file}")).await, OK);
        assert_eq!(asked(Method::GET, &format!("files/{file}/data")).await.status, 200);
        let refused = asked(Method::DELETE, &format!("files/{file}")).await;
        assert_outcome(&refused, FORBIDDEN);
        assert!(text(&refused.json()["errorMessage"]).contains("User 'usera' has insufficient privilege"));
        // Before the form of the request, and whether there is such a thing.
        assert_outcome(&asked(Method::DELETE, &format!("files/{NO_FILE}?version=x")).await, FORBIDDEN);
        for path in
            ["files/data", "folders/self", &format!("files/{file}/reserve"), &format!("publiclinks/file/{file}")]
        {
            assert_outcome(&asked(Method::POST, path).await, FORBIDDEN);
        }
        let idc = "/documents/integration?IsJson=1&IdcService=";
        for service in ["FLD_EMPTY_TRASH", "FLD_MOVE_TO_TRASH&item=x", "FLD_RESTORE", "FLD_DELETE_FROM_TRASH"] {
            assert_eq!(super::status_code(&asked(Method::POST, &format!("{idc}{service}")).await), "-20");
        }
        assert_eq!(super::status_code(&asked(Method::GET, &format!("{idc}FLD_BROWSE_TRASH")).await), "0");
    }
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
}

#[tokio::test]
async fn other_sites_change_nothing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    let trashed = upload(&server, &key, "self", "b.txt", b"1").await;
    assert_outcome(&delete_file(&server, &key, &trashed).await, OK);
    let authorization = basic("usera", &key);
    let empty = "/documents/integration?IdcService=FLD_EMPTY_TRASH&IsJson=1";
    let own = server.url("");
    for foreign in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let asked = async |method, path: &str| by(&server, &authorization, &[foreign], method, path).await;
        assert_outcome(&asked(Method::DELETE, &format!("files/{file}")).await, FORBIDDEN);
        assert_outcome(&asked(Method::POST, "files/data").await, FORBIDDEN);
        assert_outcome(&asked(Method::PUT, "applinks/token").await, FORBIDDEN);
        let refused = asked(Method::POST, empty).await;
        assert_eq!((refused.status, text(&refused.json()["LocalData"]["StatusCode"])), (403, "-20".to_owned()));
        assert_outcome(&asked(Method::GET, &format!("files/{file}")).await, OK);
        // A key in a header is nothing that a browser adds.
        let bearer = format!("Bearer {key}");
        assert_outcome(&by(&server, &bearer, &[foreign], Method::POST, "folders/self").await, INVALID);
        // A code in a cookie is.
        let by_link = [foreign, ("linkID", "LD1"), ("cookie", "dAccessCode-LD1=12345678")];
        let refused = call_with(&server, Method::DELETE, &format!("files/{file}"), "", &by_link, "").await;
        assert_outcome(&refused, FORBIDDEN);
    }
    assert_eq!(super::trashed_files(&server, &key).await.len(), 1);
    let asked = by(&server, &authorization, &[("origin", &own)], Method::DELETE, &format!("files/{file}")).await;
    assert_outcome(&asked, OK);
}
