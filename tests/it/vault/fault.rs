//! Faults of the server: nothing was committed, or all of it, and a retry ends where one call would have (vault.md 2.2).

use reqwest::Method;

use super::{
    announce, assert_reply, call, call_with, commit, delete_files, delete_folders, figures, find, finish, ids,
    is_there, open, send_chunk, upload,
};
use crate::support::Server;

const UNAVAILABLE: &str = r#"{"message":"Server is temporarily unavailable","ui_message_key":"API_SERVER_UNAVAILABLE","status_code":"InternalServerError"}"#;

#[tokio::test]
async fn a_delete_that_fails_has_marked_nothing() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "x", "a.txt", b"abc").await;
    let folder = find(&server, &key, &["x"]).await;
    server.fault("mark", "fail").await;
    assert_reply(&delete_files(&server, &key, &[&file]).await, 500, UNAVAILABLE);
    assert_reply(&delete_folders(&server, &key, &[&folder]).await, 500, UNAVAILABLE);
    assert_reply(&call(&server, Method::DELETE, &format!("file/{file}"), &key).await, 500, UNAVAILABLE);
    server.fault("mark", "off").await;
    assert!(is_there(&server, &key, &file).await);
    assert_eq!(figures(&server, "ann").await, (3, 0));
    assert_eq!(delete_files(&server, &key, &[&file]).await.json()["success_counter"], 1);
}

#[tokio::test]
async fn a_chunk_that_fails_can_be_sent_again() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "", "a.txt", 3).await;
    for point in ["objects.put", "upload.written", "commit"] {
        server.fault(point, "fail").await;
        assert_reply(&send_chunk(&server, &key, &group, &file, 0, b"abc").await, 500, UNAVAILABLE);
        server.fault(point, "off").await;
    }
    assert_eq!(send_chunk(&server, &key, &group, &file, 0, b"abc").await.status, 200);
    finish(&server, &key, &group, &file).await;
    server.fault("commit", "fail").await;
    assert_reply(&commit(&server, &key, &group).await, 500, UNAVAILABLE);
    server.fault("commit", "off").await;
    assert!(!is_there(&server, &key, &file).await);
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, "abc");
}

#[tokio::test]
async fn a_delete_whose_answer_was_lost_can_be_repeated() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", authorization.as_str())];
    for (point, marked) in [("mark", 0), ("mark.committed", 1)] {
        let file = upload(&server, &key, "", "a.txt", b"abc").await;
        server.fault(point, "kill").await;
        let lost = server.try_send(Method::DELETE, "/vault_rest/files", &headers, ids(&[&file])).await;
        assert!(lost.is_err(), "{point}");
        server.wait_end().await;
        server.start_again().await;
        assert_eq!(is_there(&server, &key, &file).await, marked == 0, "{point}");
        let reply = delete_files(&server, &key, &[&file]).await;
        assert_eq!(reply.json()["success_counter"], 1 - marked, "{point}");
        server.run_jobs().await;
        assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (0, (0, 0)), "{point}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "", "a.txt", 6).await;
    let broken = futures_util::stream::iter([Ok(&b"abc"[..]), Err(std::io::Error::other("gone"))]);
    let authorization = format!("Bearer {key}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("group_id", group.as_str()),
        ("file_id", file.as_str()),
        ("chunk_offset", "0"),
    ];
    let body = reqwest::Body::wrap_stream(broken);
    assert!(server.try_send(Method::PATCH, "/vault_rest/transfer_file", &headers, body).await.is_err());
    let reply = call_with(&server, Method::PATCH, "transfer_file", &key, &headers[1..], "abcdef").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    finish(&server, &key, &group, &file).await;
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, "abcdef");
}
