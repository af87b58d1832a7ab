//! One file, several names: what another dialect stored or deleted, seen from here (acceptance cases 2, 4 and 10).

use reqwest::Method;

use super::*;
use crate::{sweeppea, vault};

async fn vault_call(server: &Server, method: Method, path: &str, key: &str) -> Reply {
    let bearer = format!("Bearer {key}");
    server.send(method, &format!("/vault_rest/{path}"), &[("Authorization", &bearer)], "").await
}

async fn vault_read(server: &Server, key: &str, id: &str) -> Reply {
    vault_call(server, Method::GET, &format!("file/{id}"), key).await
}

#[tokio::test]
async fn a_file_from_vault_is_listed_and_deleted_here() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let vault_id = vault::upload(&server, &ann.key, "Folder", "b.txt", b"bb").await;
    let uuid = uuid::Uuid::parse_str(&vault_id).unwrap();
    let list = get_list(&server, &ann.key, "").await.json();
    assert_eq!(list["count"], 1);
    let file = &list["results"][0];
    assert_eq!(file["file_uuid"], uuid.to_string());
    assert_eq!((&file["file_name"], &file["size"]), (&"b.txt".into(), &2.into()));
    assert_eq!(vault_read(&server, &ann.key, &vault_id).await.status, 200);
    // It counts as verified.
    assert_eq!(verify(&server, &ann.key, &uuid.to_string()).await, file["id"].as_i64().unwrap());

    assert_answer(&delete(&server, &ann.key, &format!("[{}]", file["id"])).await, 200, DELETED);
    assert_eq!(vault_read(&server, &ann.key, &vault_id).await.status, 404);
    assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn a_file_from_sweeppea_is_deleted_together_with_one_from_here() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    sweeppea::upload(&server, &ann.key, "a.txt", "text/plain", b"a").await;
    upload(&server, &ann.key, "b.pdf", b"b").await;
    let ids = listed(&server, &ann.key).await;
    assert_eq!(ids.len(), 2);
    let reply = delete(&server, &ann.key, &serde_json::to_string(&ids).unwrap()).await;
    assert_answer(&reply, 200, DELETED);
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn a_file_that_was_not_deleted_still_reads() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let kept = uploaded(&server, &ann.key, "kept.pdf", b"kept").await;
    assert_not_found(&delete(&server, &ann.key, &format!("[{},999999]", kept.id)).await, "[999999]");
    let reply = vault_read(&server, &ann.key, &kept.uuid).await;
    assert_eq!((reply.status, &reply.body[..]), (200, &b"kept"[..]));
}

#[tokio::test]
async fn an_upload_before_its_verify_is_in_no_contract() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.pdf", "application/pdf").await;
    assert_eq!(put(&server, &url, "application/pdf", b"x").await.status, 200);
    assert_eq!(vault_read(&server, &ann.key, &uuid).await.status, 404);
    verify(&server, &ann.key, &uuid).await;
    assert_eq!(vault_read(&server, &ann.key, &uuid).await.status, 200);
}

#[tokio::test]
async fn late_bytes_are_refused_whoever_deleted_the_file() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let file = uploaded(&server, &ann.key, "a.pdf", b"abc").await;
    let gone = vault_call(&server, Method::DELETE, &format!("file/{}", file.uuid), &ann.key).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    assert_not_found(&delete(&server, &ann.key, &format!("[{}]", file.id)).await, &format!("[{}]", file.id));
    assert_s3(&put(&server, &file.url, "application/pdf", b"late").await, 403, "AccessDenied");
    let body = format!(r#"{{"file_uuid":"{}"}}"#, file.uuid);
    assert_answer(&post(&server, &ann.key, VERIFY, &body).await, 404, NOT_FOUND);
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn ids_are_never_given_out_again() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let first = uploaded(&server, &ann.key, "a.pdf", b"1").await;
    assert_answer(&delete(&server, &ann.key, &format!("[{}]", first.id)).await, 200, DELETED);
    server.run_jobs().await;
    server.stop().await;
    server.start_again().await;
    let second = uploaded(&server, &ann.key, "a.pdf", b"2").await;
    assert!(second.id > first.id);
    assert_ne!(second.uuid, first.uuid);
}
