//! Signing in, keys, and foreign pages (onlyoffice.md 2; case 6).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{DENIED, assert_refused, call, get, is_there, operations, post, put, response, send, upload};
use crate::support::{Account, Server};

const PASSWORD: &str = "correct horse";

async fn with_password(server: &Server, name: &str) -> Account {
    let account = server.account(name).await;
    let output = server.cli_with(&["account", "passwd", name], &format!("{PASSWORD}\n")).await;
    assert_eq!(output.status, 0, "{output:?}");
    account
}

async fn sign_in(server: &Server, body: Value) -> crate::support::Reply {
    let headers = [("content-type", "application/json")];
    send(server, Method::POST, "/api/2.0/authentication", &headers, body.to_string()).await
}

async fn token(server: &Server, name: &str, password: &str) -> String {
    let reply = sign_in(server, json!({"userName": name, "password": password})).await;
    response(&reply)["token"].as_str().unwrap().to_owned()
}

async fn whoami(server: &Server, headers: &[(&str, &str)]) -> u16 {
    send(server, Method::GET, "/api/2.0/people/@self", headers, "").await.status
}

#[tokio::test]
async fn a_token_is_taken_in_every_form() {
    let server = Server::start().await;
    let ann = with_password(&server, "ann").await;
    let token = token(&server, "ann", PASSWORD).await;
    let bearer = format!("bearer {token}");
    let cookie = format!("x=1; asc_auth_key={token}");
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ann:{PASSWORD}")));
    let basic_key = format!("Basic {}", BASE64_STANDARD.encode(format!("ann:{}", ann.key)));
    for headers in [
        ("authorization", token.as_str()),
        ("authorization", bearer.as_str()),
        ("cookie", cookie.as_str()),
        ("authorization", basic.as_str()),
        ("authorization", basic_key.as_str()),
        ("authorization", ann.key.as_str()),
    ] {
        assert_eq!(whoami(&server, &[headers]).await, 200, "{headers:?}");
    }
    // The header decides.
    assert_eq!(whoami(&server, &[("authorization", "wrong"), ("cookie", &cookie)]).await, 401);
    assert_eq!(whoami(&server, &[("authorization", &token), ("cookie", "asc_auth_key=wrong")]).await, 200);
    for wrong in ["wrong", "Bearer wrong", "Digest x", "Basic ???", &format!("Token {token}")] {
        assert_eq!(whoami(&server, &[("authorization", wrong)]).await, 401, "{wrong}");
    }
    let reply = get(&server, &token, "/api/2.0/people/@self").await;
    let person = response(&reply);
    assert_eq!((&person["id"], &person["userName"]), (&json!(ann.uid), &json!("ann")));

    server.advance(std::time::Duration::from_secs(24 * 3_600 - 60)).await;
    assert_eq!(whoami(&server, &[("authorization", &token)]).await, 200);
    server.advance(std::time::Duration::from_secs(61)).await;
    assert_eq!(whoami(&server, &[("authorization", &token)]).await, 401);
}

#[tokio::test]
async fn names_come_in_any_case_and_form() {
    let server = Server::start().await;
    with_password(&server, "ann").await;
    for (media_type, body) in [
        ("application/json", format!(r#"{{"username":"ann","PASSWORD":"{PASSWORD}"}}"#)),
        ("application/x-www-form-urlencoded", "username=ann&password=correct+horse".to_owned()),
        ("", "userName=ann&password=correct%20horse".to_owned()),
    ] {
        let headers = [("content-type", media_type)];
        let headers = if media_type.is_empty() { &headers[..0] } else { &headers[..] };
        let reply = send(&server, Method::POST, "/api/2.0/authentication", headers, body).await;
        let made = response(&reply);
        assert!(made["token"].is_string() && made["expires"].as_str().unwrap().ends_with("0Z"), "{made}");
    }
}

#[tokio::test]
async fn failures_are_alike_and_limited() {
    let server = Server::start().await;
    with_password(&server, "ann").await;
    for (name, password) in [("ann", "wrong"), ("nobody", PASSWORD), ("ann", ""), ("", "")] {
        let reply = sign_in(&server, json!({"userName": name, "password": password})).await;
        assert_refused(&reply, 401, "Unauthorized");
    }
    assert_refused(&sign_in(&server, json!({})).await, 401, "Unauthorized");
    let mut last = sign_in(&server, json!({"userName": "ann", "password": "wrong"})).await;
    for _ in 0..10 {
        last = sign_in(&server, json!({"userName": "ann", "password": "wrong"})).await;
    }
    assert_refused(&last, 429, "Too many attempts");
    assert!(last.header("retry-after").parse::<u64>().unwrap() > 0);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ann:{PASSWORD}")));
    assert_refused(
        &send(&server, Method::GET, "@my", &[("authorization", &basic)], "").await,
        429,
        "Too many attempts",
    );
}

#[tokio::test]
async fn keys_are_as_narrow_as_asked() {
    let server = Server::start().await;
    let ann = with_password(&server, "ann").await;
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    let token = token(&server, "ann", PASSWORD).await;
    let add = async |key: &str, body: Value| post(&server, key, "/api/2.0/keys", body).await;
    let made =
        response(&add(&token, json!({"name": "reader", "permissions": ["files:read"], "expiresInDays": 1})).await);
    let reader = made["key"].as_str().unwrap().to_owned();
    assert!(reader.starts_with("sk-") && reader.ends_with(made["keyPostfix"].as_str().unwrap()));
    assert_eq!((&made["permissions"], &made["isActive"]), (&json!(["files:read"]), &json!(true)));
    let reader = format!("Bearer {reader}");
    assert_eq!(get(&server, &reader, "@my").await.status, 200);
    for (method, to) in [
        (Method::PUT, "fileops/delete".to_owned()),
        (Method::DELETE, format!("file/{file}")),
        (Method::PUT, "fileops/terminate".to_owned()),
        (Method::GET, format!("file/{file}/trackeditfile")),
        (Method::POST, "/api/2.0/keys".to_owned()),
    ] {
        assert_refused(&call(&server, &reader, method, &to, Value::Null).await, 403, DENIED);
    }
    assert!(is_there(&server, &ann.key, file).await);

    let writer = response(&add(&token, json!({"name": "writer", "permissions": ["files:write"]})).await);
    let writer = writer["key"].as_str().unwrap();
    assert_refused(&get(&server, writer, "@my").await, 403, DENIED);
    assert_eq!(put(&server, writer, "fileops/delete", json!({})).await.status, 200);

    // A key makes none that is wider or lives longer.
    let short = response(&add(&token, json!({"name": "short", "expiresInDays": 2})).await);
    let short = short["key"].as_str().unwrap().to_owned();
    assert_refused(&add(&short, json!({"name": "long"})).await, 403, DENIED);
    assert_refused(&add(&short, json!({"name": "long", "expiresInDays": 3})).await, 403, DENIED);
    assert_eq!(add(&short, json!({"name": "ok", "expiresInDays": 1})).await.status, 200);

    for bad in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "x".repeat(31)}),
        json!({"name": "x", "expiresInDays": 0}),
        json!({"name": "x", "expiresInDays": 366}),
        json!({"name": "x", "permissions": ["files:delete"]}),
        json!({"name": "x", "permissions": []}),
    ] {
        assert_eq!(add(&token, bad.clone()).await.status, 400, "{bad}");
    }
    let listed = response(&get(&server, &token, "/api/2.0/keys").await);
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["reader", "writer", "short", "ok"]);
    assert!(listed[0].get("key").is_none());
    let end = format!("/api/2.0/keys/{}", listed[2]["id"].as_str().unwrap());
    assert_eq!(response(&call(&server, &token, Method::DELETE, &end, Value::Null).await), json!(true));
    assert_eq!(whoami(&server, &[("authorization", &short)]).await, 401);
    assert_refused(
        &call(&server, &token, Method::DELETE, &end, Value::Null).await,
        404,
        "The required key was not found",
    );
}

#[tokio::test]
async fn tokens_and_keys_open_this_api_alone() {
    let server = Server::start().await;
    with_password(&server, "ann").await;
    let token = token(&server, "ann", PASSWORD).await;
    let made = response(&post(&server, &token, "/api/2.0/keys", json!({"name": "k"})).await);
    for secret in [token.as_str(), made["key"].as_str().unwrap()] {
        let bearer = format!("Bearer {secret}");
        for (method, path, header) in [
            (Method::GET, "/api/v1/filemanagement/", secret),
            (Method::GET, "/vault_rest/version", bearer.as_str()),
            (Method::POST, "/files/fetch", bearer.as_str()),
            (Method::GET, "/documents/api/1.2/folders/items", bearer.as_str()),
        ] {
            let reply = server.send(method, path, &[("authorization", header)], "{}").await;
            assert!([401, 403].contains(&reply.status), "{path}: {}", reply.status);
        }
    }
}

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let server = Server::start().await;
    let ann = with_password(&server, "ann").await;
    let token = token(&server, "ann", PASSWORD).await;
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    put(&server, &ann.key, "fileops/markasread", json!({"fileIds": [file]})).await;
    let cookie = format!("asc_auth_key={token}");
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ann:{PASSWORD}")));
    let body = json!({"fileIds": [file]}).to_string();
    for credentials in [("cookie", cookie.as_str()), ("authorization", basic.as_str())] {
        for foreign in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            for (method, to) in [
                (Method::PUT, "fileops/delete".to_owned()),
                (Method::GET, "fileops".to_owned()),
                (Method::GET, "fileops/4".to_owned()),
                (Method::PUT, "fileops/terminate".to_owned()),
                (Method::GET, format!("file/{file}/trackeditfile")),
            ] {
                let headers = [credentials, foreign, ("content-type", "text/plain")];
                assert_refused(&send(&server, method, &to, &headers, body.clone()).await, 403, DENIED);
            }
            assert_eq!(send(&server, Method::GET, "@my", &[credentials, foreign], "").await.status, 200);
        }
    }
    assert!(is_there(&server, &ann.key, file).await);
    // No browser adds a key by itself, and the own page may do everything.
    let own = server.url("");
    for headers in [
        [("authorization", ann.key.as_str()), ("origin", "https://evil.example")],
        [("cookie", cookie.as_str()), ("origin", own.as_str())],
    ] {
        assert_eq!(send(&server, Method::PUT, "fileops/delete", &headers, "{}").await.status, 200);
    }
    assert_eq!(operations(&server, &ann.key).await.len(), 1);
}

#[tokio::test]
async fn who_is_switched_off_is_out() {
    let server = Server::start().await;
    let ann = with_password(&server, "ann").await;
    let token = token(&server, "ann", PASSWORD).await;
    assert_eq!(server.cli(&["account", "disable", "ann"]).await.status, 0);
    for key in [&token, &ann.key] {
        for to in ["@my", "fileops"] {
            assert_refused(&get(&server, key, to).await, 401, "Unauthorized");
        }
    }
    let reply = sign_in(&server, json!({"userName": "ann", "password": PASSWORD})).await;
    assert_refused(&reply, 401, "Unauthorized");
    assert_eq!(server.cli(&["account", "enable", "ann"]).await.status, 0);
    assert_eq!(
        (whoami(&server, &[("authorization", &token)]).await, whoami(&server, &[("authorization", &ann.key)]).await),
        (401, 200)
    );
}
