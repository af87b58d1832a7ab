//! The tables of bad input (vault.md 2.2, 2.3, 5). Nothing is marked or changed in any of these.

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;

use super::{
    INVALID_PARAMETER, INVALID_REQUEST, KEY_INCORRECT, NOBODY, assert_reply, call, call_with, figures, hyphened,
    is_there, open, try_announce, upload,
};
use crate::support::Server;

const BATCHES: [&str; 2] = ["files", "folders"];

#[tokio::test]
async fn bodies_that_are_no_lists_are_bad_requests() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a", b"1").await;
    let quoted = format!("\"{file}\"");
    let broken = format!("[\"{file}\"");
    let trailing = format!("[\"{file}\"] x");
    let large = format!("[\"{file}\"{}]", " ".repeat(1 << 20));
    let many = serde_json::to_string(&vec![file.as_str(); 10_001]).unwrap();
    let many_bad = serde_json::to_string(&vec!["abc"; 10_001]).unwrap();
    let deep = "[".repeat(100_000);
    for path in BATCHES {
        for body in ["", " ", "{}", "null", "7", "true", &quoted, &broken, &trailing, &large, &many, &many_bad, &deep] {
            let reply = call_with(&server, Method::DELETE, path, &key, &[], body.to_owned()).await;
            let shown = &body[..body.len().min(40)];
            assert_eq!((reply.status, reply.text().as_str()), (400, INVALID_REQUEST), "{path} {shown}");
        }
    }
    assert!(is_there(&server, &key, &file).await);
}

#[tokio::test]
async fn a_body_that_tells_no_length_is_bounded_too() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a", b"1").await;
    let chunked = |spaces: usize| {
        let parts = [format!("[\"{file}\""), " ".repeat(spaces), "]".to_owned()];
        reqwest::Body::wrap_stream(futures_util::stream::iter(parts.map(Ok::<_, std::io::Error>)))
    };
    for (method, path) in [(Method::DELETE, "files"), (Method::DELETE, "folders"), (Method::POST, "token")] {
        let reply = call_with(&server, method, path, &key, &[], chunked(1 << 20)).await;
        assert_eq!((reply.status, reply.text().as_str()), (400, INVALID_REQUEST), "{path}");
    }
    assert!(is_there(&server, &key, &file).await);
    let spaces = (1 << 20) - 36;
    assert_eq!(call_with(&server, Method::DELETE, "files", &key, &[], chunked(spaces)).await.status, 200);
    assert!(!is_there(&server, &key, &file).await);
}

#[tokio::test]
async fn one_bad_element_refuses_the_whole_call() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a", b"1").await;
    let braced = format!("\"{{{}}}\"", hyphened(&file));
    for path in BATCHES {
        for element in ["\"abc\"", "7", "null", "{}", "[]", "\"\"", &braced] {
            let body = format!("[\"{file}\",{element}]");
            let reply = call_with(&server, Method::DELETE, path, &key, &[], body).await;
            assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{path} {element}");
        }
    }
    assert!(is_there(&server, &key, &file).await);
}

#[tokio::test]
async fn ten_thousand_ids_are_a_batch() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let ids: Vec<String> = (0..10_000u32).map(|at| format!("{at:032x}")).collect();
    let reply = call_with(&server, Method::DELETE, "files", &key, &[], serde_json::to_string(&ids).unwrap()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["results"].as_array().unwrap().len(), 10_000);
    assert_eq!(reply.json()["success_counter"], 0);
}

#[tokio::test]
async fn the_content_type_is_not_looked_at() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for content_type in ["text/plain", "application/json", "application/x-www-form-urlencoded", "nonsense"] {
        let file = upload(&server, &key, "", "a", b"1").await;
        let headers = [("content-type", content_type)];
        let reply = call_with(&server, Method::DELETE, "files", &key, &headers, super::ids(&[&file])).await;
        assert_eq!((reply.status, &reply.json()["success_counter"]), (200, &1.into()), "{content_type}");
    }
}

#[tokio::test]
async fn the_key_is_judged_before_the_body() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let basic = format!("Basic {}", BASE64_STANDARD.encode("ann\r\nsecret"));
    for path in BATCHES {
        assert_reply(&server.send(Method::DELETE, &format!("/vault_rest/{path}"), &[], "{}").await, 403, KEY_INCORRECT);
        for authorization in [key.as_str(), basic.as_str(), "Bearer Cp01BwnXAIOLZXxn7yogjKqIZnZpQD"] {
            let headers = [("authorization", authorization)];
            let reply = server.send(Method::DELETE, &format!("/vault_rest/{path}"), &headers, "{}").await;
            assert_reply(&reply, 403, KEY_INCORRECT);
        }
    }
}

#[tokio::test]
async fn path_and_method_are_judged_before_the_key() {
    let server = Server::start().await;
    let body =
        r#"{"message":"Method not allowed","ui_message_key":"API_BAD_REQUEST","status_code":"MethodNotAllowed"}"#;
    for (method, path, allow) in [
        (Method::POST, "files", "DELETE"),
        (Method::GET, "files/", "DELETE"),
        (Method::PUT, "folders", "DELETE"),
        (Method::POST, "authenticate", "GET, DELETE"),
        (Method::PUT, "file/abc", "GET, DELETE"),
        (Method::DELETE, "root_folder", "GET"),
        (Method::PUT, "transfer", "GET, POST, DELETE"),
        (Method::PUT, "transfer_file", "GET, PATCH, POST, DELETE"),
        (Method::POST, "files/my/0/1", "GET"),
        (Method::GET, "rename_file", "PUT"),
        (Method::POST, "move_files", "PUT"),
        (Method::DELETE, "recycle_bin/0/10", "GET"),
        (Method::GET, "recycle_bin", "DELETE"),
        (Method::POST, "recycle_bin/restore", "PUT"),
        (Method::GET, "recycle_bin/all", "DELETE"),
    ] {
        let reply = server.send(method.clone(), &format!("/vault_rest/{path}"), &[], "").await;
        assert_eq!((reply.status, reply.text().as_str(), reply.header("allow")), (405, body, allow), "{method} {path}");
    }
    for path in ["", "nothing", "files/my", "files/my/0", "recycle_bin/0", "transfer_file_diode"] {
        let reply = server.send(Method::GET, &format!("/vault_rest/{path}"), &[], "").await;
        let body = r#"{"message":"The requested resource could not be found","ui_message_key":"API_BAD_REQUEST","status_code":"NotFound"}"#;
        assert_eq!((reply.status, reply.text().as_str()), (404, body), "{path}");
    }
}

#[tokio::test]
async fn head_opens_no_transfer() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for (path, allow) in [
        ("transfer", "GET, POST, DELETE"),
        ("transfer/", "GET, POST, DELETE"),
        ("transfer_file", "GET, PATCH, POST, DELETE"),
    ] {
        let reply = call(&server, Method::HEAD, path, &key).await;
        assert_eq!((reply.status, reply.header("allow")), (405, allow), "{path}");
        let without_key = server.send(Method::HEAD, &format!("/vault_rest/{path}"), &[], "").await;
        assert_eq!((without_key.status, without_key.header("allow")), (405, allow), "{path}");
    }
    assert_eq!(server.sql("select count(*) from transfer").await, [[0]]);
}

#[tokio::test]
async fn paths_with_bad_parts_are_bad_parameters() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let braced = format!("file/%7B{}%7D", hyphened(NOBODY));
    for (method, path) in [
        (Method::GET, "file/abc"),
        (Method::GET, "file/%ff"),
        (Method::GET, braced.as_str()),
        (Method::DELETE, "file/abc"),
        (Method::GET, "file/status/abc"),
        (Method::GET, "folder_content/abc/0/1"),
        (Method::GET, "files/our/0/1"),
        (Method::GET, "files/MY/0/1"),
        (Method::GET, "files/my/-1/1"),
        (Method::GET, "files/my/+1/1"),
        (Method::GET, "files/my/x/1"),
        (Method::GET, "files/my/99999999999999999999/1"),
        (Method::GET, "files/my/0/0"),
        (Method::GET, "files/my/0/1001"),
        (Method::GET, "files/my/0/1.5"),
        (Method::GET, &format!("folder_content/{NOBODY}/0/0")),
        (Method::GET, &format!("folder_content/{NOBODY}/a/1")),
    ] {
        let reply = call(&server, method.clone(), path, &key).await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{method} {path}");
        let without_key = server.send(method.clone(), &format!("/vault_rest/{path}"), &[], "").await;
        assert_reply(&without_key, 403, KEY_INCORRECT);
    }
    assert_eq!(call(&server, Method::GET, "files/my/9223372036854775807/1000", &key).await.status, 200);
}

#[tokio::test]
async fn bad_names_and_paths_are_bad_parameters() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let long = "n".repeat(256);
    for name in ["", ".", "..", "a/b", "a\\b", "a\tb", &long] {
        let reply = try_announce(&server, &key, &group, "", name, 1).await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{name:?}");
    }
    for path in ["a//b", "a/../b", "./a", "a\tb", &format!("a/{long}")] {
        let reply = try_announce(&server, &key, &group, path, "a", 1).await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{path:?}");
    }
    assert_eq!(figures(&server, "ann").await.0, 0);
    let longest = "ü".repeat(255);
    assert_eq!(try_announce(&server, &key, &group, "", &longest, 1).await.status, 200);
}

#[tokio::test]
async fn bad_header_parameters_are_bad_parameters() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let good = [("group_id", group.as_str()), ("transfer_method", "Chunk"), ("file_size", "3"), ("file_name", "a.txt")];
    let refused = async |method: Method, path: &str, headers: &[(&str, &str)]| {
        let reply = call_with(&server, method, path, &key, headers, "").await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{path} {headers:?}");
    };
    for missing in 0..good.len() {
        let headers: Vec<_> = good.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, h)| *h).collect();
        refused(Method::GET, "transfer_file", &headers).await;
    }
    for (at, value) in
        [(0, "abc"), (1, "Carrier"), (1, ""), (2, "-1"), (2, "many"), (2, "1.5"), (2, ""), (2, "99999999999999999999")]
    {
        let mut headers = good;
        headers[at].1 = value;
        refused(Method::GET, "transfer_file", &headers).await;
    }
    for more in [("file_id", "abc"), ("file_id", "6f1c0d7e3f0a1a539f520b1d8f2c7a11"), ("file_name", "again")] {
        let headers: Vec<_> = good.iter().copied().chain([more]).collect();
        refused(Method::GET, "transfer_file", &headers).await;
    }
    for group in ["abc", "", "2b6dea8f2fed19f5a5bb61c766394f45"] {
        refused(Method::GET, "transfer", &[("group_id", group)]).await;
    }
    for (method, path) in [
        (Method::POST, "transfer"),
        (Method::DELETE, "transfer"),
        (Method::PATCH, "transfer_file"),
        (Method::POST, "transfer_file"),
        (Method::DELETE, "transfer_file"),
    ] {
        refused(method.clone(), path, &[]).await;
        refused(method.clone(), path, &[("group_id", "abc"), ("file_id", NOBODY)]).await;
        if path == "transfer_file" {
            refused(method.clone(), path, &[("group_id", &group)]).await;
            refused(method, path, &[("group_id", &group), ("file_id", "abc")]).await;
        }
    }
    for expiry in [
        [("expires_after", "1 day"), ("x", "")],
        [("expires_after", "24:00"), ("x", "")],
        [("expires_after", "00:00:00:00"), ("x", "")],
        [("expires", "2001-01-01T00:00:00Z"), ("x", "")],
        [("expires", "soon"), ("x", "")],
        [("expires", "2099-01-01T12:00:60Z"), ("x", "")],
        [("expires", "9999-12-31T23:59:59-23:00"), ("x", "")],
        [("expires", "2099-01-01T12:00:00+25:30"), ("x", "")],
        [("expires", "2099-01-01T00:00:00Z"), ("expires_after", "01:00:00:00")],
    ] {
        refused(Method::POST, "transfer", &[("group_id", &group), expiry[0], expiry[1]]).await;
    }
    let reply = super::commit(&server, &key, &group).await;
    assert_reply(&reply, 200, r#"{"files":[]}"#);
}

#[tokio::test]
async fn a_chunk_names_where_it_goes() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = super::announce(&server, &key, &group, "", "a", 3).await;
    let base = [("group_id", group.as_str()), ("file_id", file.as_str())];
    for more in [("x", ""), ("chunk_offset", "-1"), ("chunk_offset", "x"), ("chunk_offset", "4")] {
        let headers = [base[0], base[1], more];
        let reply = call_with(&server, Method::PATCH, "transfer_file", &key, &headers, "abc").await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{more:?}");
    }
    let headers = [base[0], base[1], ("chunk_offset", "0"), ("chunk_checksum", "md5")];
    let reply = call_with(&server, Method::PATCH, "transfer_file", &key, &headers, "abc").await;
    assert_reply(&reply, 401, INVALID_PARAMETER);
}
