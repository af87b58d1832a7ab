//! Hexnode file management, as its contract has it (hexnode.md). Bodies are written out byte for byte.

mod admission;
mod bad_input;
mod cross;
mod delete;
mod late_bytes;
mod list;
mod upload;

use reqwest::Method;

use crate::support::{Reply, Server, wait_until};

const BASE: &str = "/api/v1/filemanagement";
const PRESIGN: &str = "generate-presigned-upload-url/";
const VERIFY: &str = "verify-file-upload/";
const DELETE: &str = "delete-files/";

pub(crate) const DELETED: &str = r#"{"message":"Files are Deleted Successfully"}"#;
const NOT_FOUND: &str = r#"{"detail":"Not found."}"#;

/// A file that went through the three steps: its id, its uuid, and the URL to which its bytes went.
pub(crate) struct Uploaded {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    pub(crate) url: String,
}

/// Uploads a file in the three steps and gives its integer id.
pub(crate) async fn upload(server: &Server, key: &str, name: &str, bytes: &[u8]) -> i64 {
    uploaded(server, key, name, bytes).await.id
}

pub(crate) async fn uploaded(server: &Server, key: &str, name: &str, bytes: &[u8]) -> Uploaded {
    let (url, uuid) = presign(server, key, name, "application/pdf").await;
    let reply = put(server, &url, "application/pdf", bytes).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let id = verify(server, key, &uuid).await;
    Uploaded { id, uuid, url }
}

/// The upload URL and the uuid.
pub(crate) async fn presign(server: &Server, key: &str, name: &str, content_type: &str) -> (String, String) {
    let body = serde_json::json!({ "file_name": name, "content_type": content_type });
    let reply = post(server, key, PRESIGN, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = |member: &str| reply.json()[member].as_str().unwrap().to_owned();
    (text("presigned_url"), text("file_uuid"))
}

pub(crate) async fn put(server: &Server, url: &str, content_type: &str, bytes: &[u8]) -> Reply {
    let headers = [("Content-Type", content_type)];
    server.send(Method::PUT, url, &headers, bytes.to_vec()).await
}

pub(crate) async fn verify(server: &Server, key: &str, uuid: &str) -> i64 {
    let reply = post(server, key, VERIFY, &format!(r#"{{"file_uuid":"{uuid}"}}"#)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["file_id"].as_i64().unwrap()
}

pub(crate) async fn post(server: &Server, key: &str, call: &str, body: &str) -> Reply {
    let headers = [("Authorization", key), ("Content-Type", "application/json")];
    let path = format!("{BASE}/{call}");
    server.send(Method::POST, &path, &headers, body.to_owned()).await
}

pub(crate) async fn delete(server: &Server, key: &str, ids: &str) -> Reply {
    post(server, key, DELETE, &format!(r#"{{"file_ids":{ids}}}"#)).await
}

pub(crate) async fn get_list(server: &Server, key: &str, query: &str) -> Reply {
    let path = format!("{BASE}/{query}");
    server.send(Method::GET, &path, &[("Authorization", key)], "").await
}

/// The ids in the list, in its order.
pub(crate) async fn listed(server: &Server, key: &str) -> Vec<i64> {
    let reply = get_list(server, key, "?per_page=100").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let results = reply.json()["results"].as_array().unwrap().clone();
    results.iter().map(|file| file["id"].as_i64().unwrap()).collect()
}

fn assert_answer(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.text().as_str()), (status, body));
    assert_eq!(reply.header("content-type"), "application/json");
}

fn assert_not_found(reply: &Reply, ids: &str) {
    assert_answer(reply, 404, &format!(r#"{{"detail":"Not found.","file_ids":{ids}}}"#));
}

/// An answer of the upload URL: S3's XML with this code.
pub(crate) fn assert_s3(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), "application/xml");
    let code = format!("<Code>{code}</Code>");
    assert!(reply.text().contains(&code), "{}", reply.text());
}

/// How much there is of everything that a call could change, to be compared before and after one that must not.
async fn figures(server: &Server) -> (Vec<Vec<serde_json::Value>>, usize) {
    let counts = server
        .sql(
            "select (select count(*) from node where state = 1), (select count(*) from upload), \
                    (select count(*) from version), (select count(*) from staged), (select count(*) from purge), \
                    (select count(*) from deletion), (select sum(used) from account)",
        )
        .await;
    (counts, server.objects().await.len())
}

/// Bytes that count against an account's quota.
async fn used(server: &Server, account: i64) -> i64 {
    let rows = server.sql(&format!("select used from account where id = {account}")).await;
    rows[0][0].as_i64().unwrap()
}
