//! ONLYOFFICE on the wire: onlyoffice.md, line by line.

mod bad_input;
mod calls;
mod delete;
mod edit;
mod form;
mod operation;
mod relocate;
mod seed;
mod share;
mod sign_in;
mod trash;
mod upload;
mod version;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, Server};

/// The full path of one below `files/`; one that begins with `/` is whole.
fn path(path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/api/2.0/files/{path}"),
    }
}

/// A call with a JSON body; null sends none.
pub(crate) async fn call(server: &Server, key: &str, method: Method, to: &str, body: Value) -> Reply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(server, method, to, &[("authorization", key), ("content-type", "application/json")], body).await
}

pub(crate) async fn send(
    server: &Server,
    method: Method,
    to: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Reply {
    server.send(method, &path(to), headers, body).await
}

pub(crate) async fn get(server: &Server, key: &str, to: &str) -> Reply {
    call(server, key, Method::GET, to, Value::Null).await
}

pub(crate) async fn put(server: &Server, key: &str, to: &str, body: Value) -> Reply {
    call(server, key, Method::PUT, to, body).await
}

pub(crate) async fn post(server: &Server, key: &str, to: &str, body: Value) -> Reply {
    call(server, key, Method::POST, to, body).await
}

/// What a good answer holds.
pub(crate) fn response(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["response"].clone()
}

/// Asserts a refusal, to the byte.
pub(crate) fn assert_refused(reply: &Reply, status: u16, message: &str) {
    let expected = format!(
        r#"{{"status":1,"statusCode":{status},"error":{{"message":"{message}","type":null,"stack":null,"hresult":0}}}}"#
    );
    assert_eq!((reply.status, reply.text()), (status, expected));
    assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
}

const NOTHING: [i64; 0] = [];
const DENIED: &str = "Access denied";
const NO_FILE: &str = "The required file was not found";
const NO_FOLDER: &str = "The required folder was not found";
const HELD: &str = "The item is under a legal hold";

/// Uploads a file as a raw body into a folder (an id or `@my`); gives its id.
pub(crate) async fn upload(
    server: &Server,
    key: &str,
    folder: impl std::fmt::Display,
    name: &str,
    bytes: &[u8],
) -> i64 {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers =
        [("authorization", key), ("content-type", "text/plain"), ("content-disposition", disposition.as_str())];
    let reply = send(server, Method::POST, &format!("{folder}/upload"), &headers, bytes.to_vec()).await;
    response(&reply)["id"].as_i64().unwrap()
}

/// Makes a folder; gives its id.
pub(crate) async fn make_folder(server: &Server, key: &str, parent: i64, title: &str) -> i64 {
    let reply = post(server, key, &format!("folder/{parent}"), json!({"title": title})).await;
    response(&reply)["id"].as_i64().unwrap()
}

/// The id of the account's root folder.
pub(crate) async fn my(server: &Server, key: &str) -> i64 {
    response(&get(server, key, "@my").await)["current"]["id"].as_i64().unwrap()
}

/// The id of the account's trash.
pub(crate) async fn trash_id(server: &Server, key: &str) -> i64 {
    response(&get(server, key, "@trash").await)["current"]["id"].as_i64().unwrap()
}

/// Ids of the files and of the folders in a folder's content.
pub(crate) async fn content(server: &Server, key: &str, folder: impl std::fmt::Display) -> (Vec<i64>, Vec<i64>) {
    let content = response(&get(server, key, &folder.to_string()).await);
    let ids = |member: &str| -> Vec<i64> {
        content[member].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
    };
    (ids("files"), ids("folders"))
}

/// The caller's operations, which forgets the finished ones.
pub(crate) async fn operations(server: &Server, key: &str) -> Vec<Value> {
    response(&get(server, key, "fileops").await).as_array().unwrap().clone()
}

/// The one operation that there is.
async fn operation(server: &Server, key: &str) -> Value {
    let mut all = operations(server, key).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Progress, `processed`, `error` and `finished` of a record.
fn state(record: &Value) -> (i64, &str, &str, bool) {
    let text = |member: &str| record[member].as_str().unwrap();
    (record["progress"].as_i64().unwrap(), text("processed"), text("error"), record["finished"].as_bool().unwrap())
}

/// Deletes entries and asserts that the operation ends well, with so many items.
async fn delete(server: &Server, key: &str, body: Value, processed: &str) {
    let reply = put(server, key, "fileops/delete", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(state(&operation(server, key).await), (100, processed, "", true));
}

/// Whether a file is there for its owner, and whether it is in the trash.
async fn is_there(server: &Server, key: &str, file: i64) -> bool {
    let reply = get(server, key, &format!("file/{file}")).await;
    reply.status == 200 && response(&reply)["rootFolderType"] == 5
}

async fn uid(server: &Server, id: i64) -> String {
    let rows = server.sql(&format!("select uid from node where id = {id}")).await;
    rows[0][0].as_str().unwrap().to_owned()
}

/// Puts a hold on a file, or lifts it.
async fn hold(server: &Server, id: i64) {
    let output = server.cli(&["hold", "add", &uid(server, id).await, "--reason", "case"]).await;
    assert_eq!(output.status, 0, "{output:?}");
}

/// Gives an account rights on an entry (`file/1` or `folder/1`).
pub(crate) async fn share(server: &Server, key: &str, entry: &str, with: &str, access: u8) {
    let body = json!({"share": [{"shareTo": with, "access": access}], "notify": false});
    let reply = put(server, key, &format!("{entry}/share"), body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}
