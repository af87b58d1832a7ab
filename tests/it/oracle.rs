//! The Oracle Content Management dialect against its contract (oracle.md). Bodies are written by eye from the contract.

mod applink;
mod bad_input;
pub(crate) mod delete;
mod grants;
mod link;
mod read;
mod seed;
mod sign_in;
mod trash;
mod tree;
mod upload;
mod xml;

use reqwest::Method;
use serde_json::Value;

use crate::support::{Reply, Server};

/// Ids of the right form, but for the tail of the installation, that belong to nothing.
const NO_FILE: &str = "D34A657B8723A96097F80926T0000000000100000001";

/// A call with a key; without one if it is empty.
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
    let mut all = Vec::new();
    if !key.is_empty() {
        all.push(("authorization", authorization.as_str()));
    }
    all.extend(headers);
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/documents/api/1.2/{path}"),
    };
    server.send(method, &path, &all, body).await
}

pub(crate) async fn get(server: &Server, path: &str, key: &str) -> Reply {
    call(server, Method::GET, path, key).await
}

pub(crate) async fn post(server: &Server, path: &str, key: &str, body: &str) -> Reply {
    call_with(server, Method::POST, path, key, &[], body.to_owned()).await
}

pub(crate) async fn delete_file(server: &Server, key: &str, id: &str) -> Reply {
    call(server, Method::DELETE, &format!("files/{id}"), key).await
}

/// Asserts status and body, the body byte for byte.
#[track_caller]
pub(crate) fn assert_reply(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.text().as_str()), (status, body));
}

/// Status and `errorCode`.
#[track_caller]
pub(crate) fn outcome(reply: &Reply) -> (u16, String) {
    (reply.status, text(&reply.json()["errorCode"]))
}

#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub(crate) const OK: (u16, &str) = (200, "0");
pub(crate) const CREATED: (u16, &str) = (201, "0");
pub(crate) const INVALID: (u16, &str) = (400, "-50");
pub(crate) const FORBIDDEN: (u16, &str) = (403, "-20");
pub(crate) const CODE_NEEDED: (u16, &str) = (403, "-18");
pub(crate) const LOCKED: (u16, &str) = (403, "-22");
pub(crate) const MISSING: (u16, &str) = (404, "-16");
pub(crate) const EXISTS: (u16, &str) = (409, "-17");
pub(crate) const QUOTA: (u16, &str) = (507, "-32");

/// Asserts status and `errorCode`.
#[track_caller]
pub(crate) fn assert_outcome(reply: &Reply, expected: (u16, &str)) {
    let seen = outcome(reply);
    assert_eq!((seen.0, seen.1.as_str()), expected, "{}", reply.text());
}

pub(crate) const BOUNDARY: &str = "c2ec1f9a";

/// A form's body of these parts: name, file name (none if empty), bytes.
pub(crate) fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn send_form(
    server: &Server,
    path: &str,
    key: &str,
    headers: &[(&str, &str)],
    parts: &[(&str, &str, &[u8])],
) -> Reply {
    let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut all = vec![("content-type", media_type.as_str())];
    all.extend(headers);
    call_with(server, Method::POST, path, key, &all, form(parts)).await
}

pub(crate) async fn try_upload(server: &Server, key: &str, parent: &str, name: &str, bytes: &[u8]) -> Reply {
    let parameters = format!(r#"{{"parentID":"{parent}"}}"#);
    let parts = [("jsonInputParameters", "", parameters.as_bytes()), ("primaryFile", name, bytes)];
    send_form(server, "files/data", key, &[], &parts).await
}

/// Stores a file, or a new version of the one that has its name; gives its id.
pub(crate) async fn upload(server: &Server, key: &str, parent: &str, name: &str, bytes: &[u8]) -> String {
    let reply = try_upload(server, key, parent, name, bytes).await;
    assert_outcome(&reply, CREATED);
    text(&reply.json()["id"])
}

/// A file with so many versions, whose bytes are their numbers; gives its id.
async fn versions(server: &Server, key: &str, parent: &str, name: &str, count: usize) -> String {
    let mut id = String::new();
    for number in 1..=count {
        id = upload(server, key, parent, name, number.to_string().as_bytes()).await;
    }
    id
}

/// The numbers of a file's live versions, newest first.
async fn numbers(server: &Server, key: &str, id: &str) -> Vec<String> {
    let reply = get(server, &format!("files/{id}/versions"), key).await;
    assert_outcome(&reply, OK);
    reply.json()["items"].as_array().unwrap().iter().map(|item| text(&item["version"])).collect()
}

pub(crate) async fn make_folder(server: &Server, key: &str, parent: &str, name: &str) -> String {
    let reply = post(server, &format!("folders/{parent}"), key, &format!(r#"{{"name":"{name}"}}"#)).await;
    assert_outcome(&reply, CREATED);
    text(&reply.json()["id"])
}

/// The names of what lies in a folder.
pub(crate) async fn names(server: &Server, key: &str, folder: &str) -> Vec<String> {
    let reply = get(server, &format!("folders/{folder}/items"), key).await;
    assert_outcome(&reply, OK);
    reply.json()["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
}

/// The uid in an id, with hyphens.
pub(crate) fn uid(id: &str) -> String {
    let hex = id[1..33].to_lowercase();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A service of the second entry point.
pub(crate) async fn service(server: &Server, method: Method, key: &str, query: &str, body: &str) -> Reply {
    let path = format!("/documents/integration?IsJson=1&IdcService={query}");
    call_with(server, method, &path, key, &[], body.to_owned()).await
}

/// The same by POST; gives its `StatusCode`. The answer must be 200.
pub(crate) async fn run(server: &Server, key: &str, query: &str) -> String {
    let reply = service(server, Method::POST, key, query, "").await;
    status_code(&reply)
}

#[track_caller]
pub(crate) fn status_code(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text());
    text(&reply.json()["LocalData"]["StatusCode"])
}

/// A table of a service's answer: each row as its values by their columns' names.
pub(crate) fn rows(reply: &Reply, set: &str) -> Vec<Value> {
    let set = &reply.json()["ResultSets"][set];
    let fields: Vec<String> = set["fields"].as_array().unwrap().iter().map(|field| text(&field["name"])).collect();
    let row = |row: &Value| {
        let values = row.as_array().unwrap().iter();
        assert_eq!(values.len(), fields.len(), "{row}");
        fields.iter().cloned().zip(values.map(text)).collect::<Value>()
    };
    set["rows"].as_array().unwrap().iter().map(row).collect()
}

/// The trash's two tables.
pub(crate) async fn browse(server: &Server, key: &str) -> (Vec<Value>, Vec<Value>) {
    let reply = service(server, Method::GET, key, "FLD_BROWSE_TRASH&fileCount=-1", "").await;
    assert_eq!(status_code(&reply), "0");
    (rows(&reply, "ChildFiles"), rows(&reply, "ChildFolders"))
}

/// The original ids and labels of the files in a trash.
async fn trashed_files(server: &Server, key: &str) -> Vec<(String, String)> {
    let (files, _) = browse(server, key).await;
    files.iter().map(|file| (text(&file["fRealItemGUID"]), text(&file["dRevLabel"]))).collect()
}

/// Makes a public link; gives its id.
pub(crate) async fn public_link(server: &Server, key: &str, item: &str, body: &str) -> String {
    let kind = if item.starts_with('D') { "file" } else { "folder" };
    let reply = post(server, &format!("publiclinks/{kind}/{item}"), key, body).await;
    assert_outcome(&reply, OK);
    text(&reply.json()["linkID"])
}

/// Who an account is, in every object.
fn user(name: &str, id: &str) -> String {
    format!(r#"{{"displayName":"{name}","id":"{id}","loginName":"{name}","type":"user"}}"#)
}

/// An account's id in this dialect.
async fn user_id(server: &Server, key: &str) -> String {
    text(&get(server, "folders/self", key).await.json()["ownedBy"]["id"])
}
