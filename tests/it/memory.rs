//! Bytes are streamed: a file of 2 GiB goes in and out of the release build in less than 100 MiB of memory.

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::json;

use crate::support::Server;

const SIZE: u64 = 2 << 30;
const PIECE: usize = 1 << 20;
const BOUND: u64 = 100 << 20;

/// The most memory that a process ever had, in bytes.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// Each piece is filled with a byte of its own, so that a piece out of place is seen.
fn piece(number: u64) -> Bytes {
    vec![(number % 251) as u8; PIECE].into()
}

#[tokio::test]
async fn two_gibibytes_go_in_and_out_in_little_memory() {
    let server = Server::start_release().await;
    let key = server.admin_key();
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let base = "/api/v1/filemanagement";
    let path = format!("{base}/generate-presigned-upload-url/");
    let announced = server.send(Method::POST, &path, &headers, r#"{"file_name":"large.bin"}"#).await.json();
    let url = announced["presigned_url"].as_str().unwrap();
    let pieces = stream::iter((0..SIZE / PIECE as u64).map(|number| Ok::<_, std::io::Error>(piece(number))));
    let length = SIZE.to_string();
    let put_headers = [("content-type", "application/octet-stream"), ("content-length", &length)];
    let put = server.send(Method::PUT, url, &put_headers, Body::wrap_stream(pieces)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let verify = json!({"file_uuid": announced["file_uuid"]}).to_string();
    let verified = server.send(Method::POST, &format!("{base}/verify-file-upload/"), &headers, verify).await;
    assert_eq!(verified.status, 200, "{}", verified.text());

    let path = format!("/vault_rest/file/{}", announced["file_uuid"].as_str().unwrap());
    let mut answer = server.http().get(server.url(&path)).bearer_auth(&key).send().await.unwrap();
    assert_eq!(answer.content_length(), Some(SIZE));
    let mut read = 0;
    while let Some(chunk) = answer.chunk().await.unwrap() {
        for (offset, byte) in (read..).zip(&chunk) {
            // A difference only: an assertion on each of two billion bytes would be slow.
            if u64::from(*byte) != offset / PIECE as u64 % 251 {
                panic!("byte {offset} differs");
            }
        }
        read += chunk.len() as u64;
    }
    assert_eq!(read, SIZE);
    let peak = peak_memory(server.pid());
    assert!(peak < BOUND, "{} MiB at most", peak >> 20);
}
