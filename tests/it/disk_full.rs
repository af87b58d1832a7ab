//! A disk that is full: uploads are refused in each dialect's words, deletes go on, and what they free is used again.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, Server, wait_until};

const DISK: u64 = 48 * 1024 * 1024;

/// Either what the dialect calls the file, or the answer of the first step that was refused.
type Uploaded = Result<String, Box<Reply>>;

fn good(reply: Reply) -> Result<Reply, Box<Reply>> {
    match reply.status {
        200 => Ok(reply),
        _ => Err(Box::new(reply)),
    }
}

async fn hexnode(server: &Server, bytes: Vec<u8>) -> Uploaded {
    let key = server.admin_key();
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let base = "/api/v1/filemanagement";
    let announce = r#"{"file_name":"a.bin"}"#;
    let path = format!("{base}/generate-presigned-upload-url/");
    let announced = good(server.send(Method::POST, &path, &headers, announce).await)?.json();
    let url = announced["presigned_url"].as_str().unwrap();
    good(server.send(Method::PUT, url, &[("content-type", "application/octet-stream")], bytes).await)?;
    let verify = json!({"file_uuid": announced["file_uuid"]}).to_string();
    let path = format!("{base}/verify-file-upload/");
    let verified = good(server.send(Method::POST, &path, &headers, verify).await)?;
    Ok(verified.json()["file_id"].to_string())
}

async fn vault(server: &Server, bytes: Vec<u8>) -> Uploaded {
    let key = format!("Bearer {}", server.admin_key());
    let size = bytes.len().to_string();
    let opened = good(server.send(Method::GET, "/vault_rest/transfer", &[("authorization", &key)], "").await)?.json();
    let group = opened["group_id"].as_str().unwrap();
    let mut headers = vec![("authorization", key.as_str()), ("group_id", group)];
    headers.extend([("transfer_method", "Stream"), ("file_size", &size), ("file_name", "a.bin")]);
    let announced = good(server.send(Method::GET, "/vault_rest/transfer_file", &headers, "").await)?.json();
    let file = announced["file_id"].as_str().unwrap();
    let headers = [("authorization", key.as_str()), ("group_id", group), ("file_id", file)];
    good(server.send(Method::PATCH, "/vault_rest/transfer_file", &headers, bytes).await)?;
    good(server.send(Method::POST, "/vault_rest/transfer_file", &headers, "").await)?;
    good(server.send(Method::POST, "/vault_rest/transfer", &headers[..2], "").await)?;
    Ok(file.to_owned())
}

async fn sweeppea(server: &Server, name: &str, bytes: Vec<u8>) -> Uploaded {
    let key = format!("Bearer {}", server.admin_key());
    let body = json!({"Filename": name, "MimeType": "text/plain", "FileData": BASE64_STANDARD.encode(bytes)});
    let reply = server.send(Method::POST, "/files/upload", &[("authorization", &key)], body.to_string()).await;
    Ok(good(reply)?.json()["Data"]["FileToken"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn uploads_are_refused_deletes_go_on_and_room_is_used_again() {
    let server = Server::start_on_small_disk(DISK).await;
    let token = sweeppea(&server, "kept.txt", vec![b'a'; 1 << 20]).await.unwrap();
    let file = vault(&server, vec![b'b'; 1 << 20]).await.unwrap();

    // Large files until one does not fit, then ever smaller ones into what is left.
    let mut ids = Vec::new();
    let mut size = 4 << 20;
    let mut refusals = Vec::new();
    while size >= 4 << 10 {
        match hexnode(&server, vec![b'c'; size]).await {
            Ok(id) => ids.push(id),
            Err(refusal) => {
                refusals.push(refusal);
                size /= 4;
            }
        }
        assert!((ids.len() as u64) < DISK >> 12, "the disk is never full");
    }
    assert!(ids.len() >= 5, "{} files fitted", ids.len());
    for refusal in refusals {
        assert_eq!(refusal.status, 400, "{}", refusal.text());
        assert!(refusal.text().contains("Storage is full."), "{}", refusal.text());
    }
    let refusal = vault(&server, vec![b'd'; 1 << 20]).await.unwrap_err();
    assert_eq!(refusal.status, 401, "{}", refusal.text());
    assert_eq!(
        refusal.text(),
        r#"{"message":"Storage is full.","ui_message_key":"API_QUOTA_EXCEEDED","status_code":"Unauthorized"}"#
    );
    let refusal = sweeppea(&server, "more.txt", vec![b'e'; 1 << 20]).await.unwrap_err();
    assert_eq!((refusal.status, refusal.text().as_str()), (400, r#"{"Response":false,"Message":"Storage is full."}"#));

    // Reads go on.
    let key = format!("Bearer {}", server.admin_key());
    let read = server.send(Method::GET, &format!("/vault_rest/file/{file}"), &[("authorization", &key)], "").await;
    assert_eq!((read.status, read.body.len()), (200, 1 << 20));

    // Deletes go on, and the bytes go.
    let body = json!({"FileToken": token}).to_string();
    let deleted = server.send(Method::POST, "/files/delete", &[("authorization", &key)], body).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let body = format!("[{file:?}]");
    let deleted = server.send(Method::DELETE, "/vault_rest/files", &[("authorization", &key)], body).await;
    assert!(deleted.text().ends_with(r#""success_counter":1}"#), "{}", deleted.text());
    let admin = server.admin_key();
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let body = format!("{{\"file_ids\":[{}]}}", ids.join(","));
    let deleted = server.send(Method::POST, "/api/v1/filemanagement/delete-files/", &headers, body).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    // An upload that was refused at its last step has left bytes that go with its time.
    server.advance(Duration::from_secs(25 * 3600)).await;
    wait_until("the bytes are gone", || async {
        server.run_jobs().await;
        server.objects().await.is_empty()
    })
    .await;

    // And there is room again, for each dialect.
    hexnode(&server, vec![b'f'; 4 << 20]).await.unwrap();
    vault(&server, vec![b'g'; 4 << 20]).await.unwrap();
    sweeppea(&server, "kept.txt", vec![b'h'; 4 << 20]).await.unwrap();
    server.stop().await;
}
