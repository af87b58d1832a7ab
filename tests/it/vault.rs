//! The MetaDefender Vault dialect against its contract (vault.md). Bodies are written by eye from the contract.

mod bad_input;
pub(crate) mod bin;
mod cross;
pub(crate) mod delete;
mod expiry;
mod fault;
mod read;
mod rename;
mod seed;
pub(crate) mod sign_in;
mod token;
mod transfer;
mod upload_rules;

use reqwest::Method;

use crate::support::{Reply, Server};

const KEY_INCORRECT: &str =
    r#"{"message":"API key is incorrect","ui_message_key":"API_KEY_INCORRECT","status_code":"Forbidden"}"#;
const ACCESS_DENIED: &str =
    r#"{"message":"Access denied","ui_message_key":"API_ACCESS_DENIED","status_code":"Forbidden"}"#;
const INVALID_REQUEST: &str =
    r#"{"message":"Invalid HTTP request","ui_message_key":"API_BAD_REQUEST","status_code":"BadRequest"}"#;
const INVALID_PARAMETER: &str = r#"{"message":"One or more parameters are invalid","ui_message_key":"API_INVALID_PARAMETER","status_code":"Unauthorized"}"#;
const FILE_NOT_FOUND: &str = r#"{"message":"The specified file could not be found","ui_message_key":"API_FILE_NOT_FOUND","status_code":"NotFound"}"#;
const FILE_TO_DELETE_NOT_FOUND: &str = r#"{"message":"One or more files were not found. No files were deleted.","ui_message_key":"API_CANNOTDELETEFILENOTFOUND","status_code":"NotFound"}"#;

/// An id of the right form that belongs to nothing.
const NOBODY: &str = "05a89617d2e44c409654f516eab085a5";

/// A call with a key and without further headers or body.
pub(crate) async fn call(server: &Server, method: Method, path: &str, key: &str) -> Reply {
    call_with(server, method, path, key, &[], "").await
}

pub(crate) async fn call_with(
    server: &Server,
    method: Method,
    path: &str,
    key: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Reply {
    let authorization = format!("Bearer {key}");
    let mut all = vec![("authorization", authorization.as_str())];
    all.extend(headers);
    server.send(method, &format!("/vault_rest/{path}"), &all, body).await
}

/// Asserts status and body, the body byte for byte.
#[track_caller]
fn assert_reply(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.text().as_str()), (status, body));
}

/// Opens a transfer; gives its id.
pub(crate) async fn open(server: &Server, key: &str) -> String {
    let reply = call(server, Method::GET, "transfer", key).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["group_id"].as_str().unwrap().to_owned()
}

/// Announces a file that is sent in chunks; gives its id.
pub(crate) async fn announce(server: &Server, key: &str, group: &str, path: &str, name: &str, size: usize) -> String {
    let reply = try_announce(server, key, group, path, name, size).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["file_id"].as_str().unwrap().to_owned()
}

async fn try_announce(server: &Server, key: &str, group: &str, path: &str, name: &str, size: usize) -> Reply {
    let size = size.to_string();
    let headers = [
        ("group_id", group),
        ("transfer_method", "Chunk"),
        ("file_size", size.as_str()),
        ("file_name", name),
        ("path", path),
    ];
    call_with(server, Method::GET, "transfer_file", key, &headers, "").await
}

pub(crate) async fn send_chunk(
    server: &Server,
    key: &str,
    group: &str,
    file: &str,
    offset: usize,
    bytes: &[u8],
) -> Reply {
    let offset = offset.to_string();
    let headers = [("group_id", group), ("file_id", file), ("chunk_offset", offset.as_str())];
    call_with(server, Method::PATCH, "transfer_file", key, &headers, bytes.to_vec()).await
}

pub(crate) async fn finish(server: &Server, key: &str, group: &str, file: &str) -> Reply {
    let headers = [("group_id", group), ("file_id", file)];
    call_with(server, Method::POST, "transfer_file", key, &headers, "").await
}

pub(crate) async fn commit(server: &Server, key: &str, group: &str) -> Reply {
    call_with(server, Method::POST, "transfer", key, &[("group_id", group)], "").await
}

/// Announces a file within a transfer, sends it whole and finishes it; gives its id.
pub(crate) async fn add(server: &Server, key: &str, group: &str, path: &str, name: &str, bytes: &[u8]) -> String {
    let file = announce(server, key, group, path, name, bytes.len()).await;
    if !bytes.is_empty() {
        let sent = send_chunk(server, key, group, &file, 0, bytes).await;
        assert_reply(&sent, 200, r#"{"result":"success"}"#);
    }
    let finished = finish(server, key, group, &file).await;
    assert_eq!(finished.status, 200, "{}", finished.text());
    file
}

/// Uploads one file in a transfer of its own; gives its id in the form "N".
pub(crate) async fn upload(server: &Server, key: &str, path: &str, name: &str, bytes: &[u8]) -> String {
    let group = open(server, key).await;
    let file = add(server, key, &group, path, name, bytes).await;
    let committed = commit(server, key, &group).await;
    assert_eq!(committed.status, 200, "{}", committed.text());
    file
}

/// Whether the account can read the file.
pub(crate) async fn is_there(server: &Server, key: &str, file: &str) -> bool {
    let reply = call(server, Method::GET, &format!("file/{file}"), key).await;
    if reply.status != 200 {
        assert_reply(&reply, 404, FILE_NOT_FOUND);
    }
    let status = call(server, Method::GET, &format!("file/status/{file}"), key).await;
    assert_eq!(reply.status, status.status, "download and status agree");
    reply.status == 200
}

/// The same id with hyphens.
pub(crate) fn hyphened(id: &str) -> String {
    format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
}

/// A JSON array of ids.
fn ids(ids: &[&str]) -> String {
    serde_json::to_string(ids).unwrap()
}

pub(crate) async fn delete_files(server: &Server, key: &str, files: &[&str]) -> Reply {
    call_with(server, Method::DELETE, "files", key, &[], ids(files)).await
}

pub(crate) async fn delete_folders(server: &Server, key: &str, folders: &[&str]) -> Reply {
    call_with(server, Method::DELETE, "folders", key, &[], ids(folders)).await
}

/// What lies in a folder: name, type and id of each item.
pub(crate) async fn content(server: &Server, key: &str, folder: &str) -> Vec<(String, String, String)> {
    let reply = call(server, Method::GET, &format!("folder_content/{folder}/0/1000"), key).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = |item: &serde_json::Value, member: &str| item[member].as_str().unwrap().to_owned();
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| (text(item, "name"), text(item, "type"), text(item, "id"))).collect()
}

pub(crate) async fn root(server: &Server, key: &str) -> String {
    let reply = call(server, Method::GET, "root_folder", key).await;
    reply.json()["folder_id"].as_str().unwrap().to_owned()
}

/// The id of a folder or file by its path from the root.
pub(crate) async fn find(server: &Server, key: &str, path: &[&str]) -> String {
    let mut id = root(server, key).await;
    for name in path {
        let content = content(server, key, &id).await;
        let item = content.into_iter().find(|(item, _, _)| item == name);
        id = item.unwrap_or_else(|| panic!("{path:?} has no {name}")).2;
    }
    id
}

/// Bytes that the account's quota counts, and bytes marked but not yet gone.
async fn figures(server: &Server, account: &str) -> (i64, i64) {
    let rows = server.sql(&format!("select used, purging from account where name = '{account}'")).await;
    (rows[0][0].as_i64().unwrap(), rows[0][1].as_i64().unwrap())
}

/// Names in `files/my`.
async fn listed(server: &Server, key: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let reply = call_with(server, Method::GET, "files/my/0/1000", key, headers, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let items = reply.json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["displayed_name"].as_str().unwrap().to_owned()).collect()
}
