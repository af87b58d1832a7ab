//! One file, several names: README.md "Ids" and acceptance case 13.

use reqwest::Method;

use super::*;
use crate::{hexnode, vault};

/// A file's token by the integer that Hexnode prints.
async fn token_of(server: &Server, id: i64) -> String {
    text(&server.sql(&format!("select uid from node where id = {id}")).await[0][0])
}

async fn hexnode_delete(server: &Server, key: &str, id: i64) -> Reply {
    let body = format!(r#"{{"file_ids":[{id}]}}"#);
    let headers = [("authorization", key), ("content-type", "application/json")];
    server.send(Method::POST, "/api/v1/filemanagement/delete-files/", &headers, body).await
}

async fn vault_delete(server: &Server, key: &str, token: &str) -> Reply {
    let bearer = format!("Bearer {key}");
    let body = format!(r#"["{}"]"#, token.replace('-', ""));
    server.send(Method::DELETE, "/vault_rest/files", &[("authorization", bearer.as_str())], body).await
}

#[tokio::test]
async fn what_other_dialects_stored_is_shown_read_and_deleted_here() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let a = token_of(&server, hexnode::upload(&server, &ann.key, "a b.pdf", b"a").await).await;
    let b = vault::upload(&server, &ann.key, r"My Folder\Documents", "b.txt", b"bb").await;
    let b = uuid::Uuid::parse_str(&b).unwrap().to_string();
    assert_eq!(listed(&server, &ann.key).await, [b.clone(), a.clone()]);
    let data = fetch(&server, &ann.key).await;
    assert!(data["Categories"][0]["CategoryToken"].is_string(), "made on first use: {data}");
    assert_eq!(data["Files"][0]["CategoryToken"], data["Categories"][0]["CategoryToken"]);
    for (token, name, bytes) in [(a, "a b.pdf", "a"), (b, "b.txt", "bb")] {
        let url = url_of(&server, &ann.key, &token).await;
        assert_eq!(get(&server, &url).await.text(), bytes);
        let taken = try_upload(&server, &ann.key, name, "text/plain", b"x").await;
        match name {
            "b.txt" => assert_eq!(taken.json()["ExistingFileToken"], json!(token), "wherever it lies"),
            _ => assert_eq!(taken.json()["Data"]["Filename"], json!("a_b.pdf")),
        }
        let done = delete(&server, &ann.key, &token).await;
        assert_eq!(done.json()["Data"]["Filename"], json!(name));
        assert_eq!(get(&server, &url).await.status, 404);
    }
}

#[tokio::test]
async fn what_another_dialect_deleted_is_not_found_here() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let [a, b] = ["a.txt", "b.txt"].map(|name| (name, "text/plain"));
    let a = upload(&server, &ann.key, a.0, a.1, b"a").await;
    let b = upload(&server, &ann.key, b.0, b.1, b"b").await;
    let url = url_of(&server, &ann.key, &a).await;
    let id = node_id(&server, &b).await;
    // Waiting for the worker, which cannot work.
    server.storage_down().await;
    assert_eq!(vault_delete(&server, &ann.key, &a).await.status, 200);
    assert_eq!(hexnode_delete(&server, &ann.key, id).await.status, 200);
    for token in [&a, &b] {
        let reply = delete(&server, &ann.key, token).await;
        assert_reply(&reply, 404, &not_found_body(calls_of(&reply)));
        assert_eq!(file_url(&server, &ann.key, token).await.status, 404);
    }
    assert_eq!(get(&server, &url).await.status, 404);
    assert!(listed(&server, &ann.key).await.is_empty());
    server.storage_up().await;
    server.advance(std::time::Duration::from_secs(3600)).await;
    assert!(server.objects().await.is_empty());
    assert_eq!(delete(&server, &ann.key, &a).await.status, 404, "it was answered there");
}

#[tokio::test]
async fn what_is_going_here_is_not_found_there() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let id = node_id(&server, &token).await;
    server.storage_down().await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 500);
    let there = vault_delete(&server, &ann.key, &token).await;
    assert!(there.text().contains("API_CANNOTDELETEFILENOTFOUND"), "{}", there.text());
    assert_eq!(hexnode_delete(&server, &ann.key, id).await.status, 404);
    server.storage_up().await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 200);
}

#[tokio::test]
async fn an_unfinished_upload_and_a_trashed_file_are_not_found() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let headers = [("authorization", ann.key.as_str()), ("content-type", "application/json")];
    let body = r#"{"file_name":"a.pdf","content_type":"application/pdf"}"#;
    let path = "/api/v1/filemanagement/generate-presigned-upload-url/";
    let slot = server.send(Method::POST, path, &headers, body).await.json();
    let slot = text(&slot["file_uuid"]);
    assert_eq!(delete(&server, &ann.key, &slot).await.status, 404);

    let token = upload_report(&server, &ann.key).await;
    server.sql(&format!("update node set state = 2 where uid = '{token}'")).await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 404);
    assert_eq!(file_url(&server, &ann.key, &token).await.status, 404);
    assert_eq!(nodes(&server, &token).await, 1);
}
