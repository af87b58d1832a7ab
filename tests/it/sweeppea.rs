//! The Sweeppea Drive dialect (sweeppea.md), by its acceptance cases: bodies are written out as the contract has them.

mod access;
mod counting;
mod crash;
mod cross;
mod delete;
mod fetch;
mod read_url;
mod repeat;
mod send;
mod upload;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, Server};

/// The file of the seed's numbers: 34,980 bytes are 0.03 MB and 0.000033 GB.
const REPORT: usize = 34_980;

const NOT_THERE: &str = "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11";

const INTERNAL: &str = r#"{"Response":false,"Message":"Internal Server Error","Code":500}"#;

/// One call with a good key.
pub(crate) async fn post(server: &Server, key: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.send(Method::POST, path, &headers, body).await
}

fn upload_body(name: &str, media_type: &str, bytes: &[u8]) -> String {
    json!({"Filename": name, "MimeType": media_type, "FileData": BASE64.encode(bytes)}).to_string()
}

pub(crate) async fn try_upload(server: &Server, key: &str, name: &str, media_type: &str, bytes: &[u8]) -> Reply {
    post(server, key, "/files/upload", upload_body(name, media_type, bytes)).await
}

/// Uploads a file and gives its token.
pub(crate) async fn upload(server: &Server, key: &str, name: &str, media_type: &str, bytes: &[u8]) -> String {
    let reply = try_upload(server, key, name, media_type, bytes).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    text(&reply.json()["Data"]["FileToken"])
}

/// `report.pdf`, as long as the seed's.
async fn upload_report(server: &Server, key: &str) -> String {
    upload(server, key, "report.pdf", "application/pdf", &[7; REPORT]).await
}

pub(crate) async fn delete(server: &Server, key: &str, token: &str) -> Reply {
    post(server, key, "/files/delete", token_body(token)).await
}

async fn fetch(server: &Server, key: &str) -> Value {
    let reply = post(server, key, "/files/fetch", "{}").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["Data"].clone()
}

/// The tokens that `fetch` lists, in its order.
pub(crate) async fn listed(server: &Server, key: &str) -> Vec<String> {
    let data = fetch(server, key).await;
    let files = data["Files"].as_array().unwrap();
    files.iter().map(|file| text(&file["FileToken"])).collect()
}

pub(crate) async fn file_url(server: &Server, key: &str, token: &str) -> Reply {
    post(server, key, "/files/getFileUrl", token_body(token)).await
}

/// A read URL of the file.
pub(crate) async fn url_of(server: &Server, key: &str, token: &str) -> String {
    let reply = file_url(server, key, token).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    text(&reply.json()["Data"]["Url"])
}

pub(crate) async fn get(server: &Server, url: &str) -> Reply {
    server.send(Method::GET, url, &[], "").await
}

fn token_body(token: &str) -> String {
    format!(r#"{{"FileToken":"{token}"}}"#)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub(crate) fn calls_of(reply: &Reply) -> u64 {
    reply.json()["Telemetry"]["APICalls"].as_u64().unwrap()
}

fn deleted_body(token: &str, calls: u64) -> String {
    format!(
        r#"{{"Response":true,"Telemetry":{{"DataConsumed":0,"APICalls":{calls},"MaxAPICalls":1500000}},"Data":{{"FileToken":"{token}","Filename":"report.pdf","SizeMB":0.03}},"Message":"(OK) File deleted successfully."}}"#
    )
}

pub(crate) fn not_found_body(calls: u64) -> String {
    format!(
        r#"{{"Response":false,"Telemetry":{{"DataConsumed":0,"APICalls":{calls},"MaxAPICalls":1500000}},"Message":"File not found or access denied.","Code":404}}"#
    )
}

fn assert_reply(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.text().as_str()), (status, body));
    assert_eq!(reply.header("content-type"), "application/json");
}

/// `2026-01-23T21:58:05.468Z`
fn assert_date(value: &Value) {
    let date = text(value);
    let shape: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z", "{date}");
}

/// The installation's own id of a file, for looking into the database.
async fn node_id(server: &Server, token: &str) -> i64 {
    let rows = server.sql(&format!("select id from node where uid = '{token}'")).await;
    rows[0][0].as_i64().unwrap()
}

/// Rows of the file's node.
async fn nodes(server: &Server, token: &str) -> usize {
    server.sql(&format!("select id from node where uid = '{token}'")).await.len()
}

async fn hold(server: &Server, token: &str) {
    let output = server.cli(&["hold", "add", token]).await;
    assert_eq!(output.status, 0, "{output:?}");
}

async fn lift_hold(server: &Server, token: &str) {
    let output = server.cli(&["hold", "remove", token]).await;
    assert_eq!(output.status, 0, "{output:?}");
}
