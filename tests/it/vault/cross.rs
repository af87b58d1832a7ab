//! One file, several names: what was uploaded here is deleted elsewhere (acceptance case 13).

use reqwest::Method;

use super::{INVALID_PARAMETER, assert_reply, call_with, delete_files, hyphened, is_there, listed, open, upload};
use crate::{hexnode, support::Server, sweeppea};

#[tokio::test]
async fn what_other_dialects_delete_is_not_found_here() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let one = upload(&server, &key, "x", "one.txt", b"1").await;
    let two = upload(&server, &key, "", "two.txt", b"2").await;

    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let token = format!(r#"{{"FileToken":"{}"}}"#, hyphened(&one));
    let reply = server.send(Method::POST, "/files/delete", &headers, token).await;
    assert_eq!(reply.status, 200, "{}", reply.text());

    let id = server.sql(&format!("select id from node where uid = '{}'", hyphened(&two))).await[0][0].clone();
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let body = format!(r#"{{"file_ids":[{id}]}}"#);
    let reply = server.send(Method::POST, "/api/v1/filemanagement/delete-files/", &headers, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());

    let group = open(&server, &key).await;
    for file in [&one, &two] {
        assert!(!is_there(&server, &key, file).await);
        let reply = delete_files(&server, &key, &[file]).await;
        assert_eq!(reply.json()["results"][0]["Value"]["ui_message_key"], "API_CANNOTDELETEFILENOTFOUND");
        let again = [
            ("group_id", group.as_str()),
            ("transfer_method", "Chunk"),
            ("file_size", "0"),
            ("file_name", "a"),
            ("file_id", file),
        ];
        let reply = call_with(&server, Method::GET, "transfer_file", &key, &again, "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
    }
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn what_other_dialects_stored_is_shown_and_deleted_here() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    hexnode::upload(&server, &key, "one.pdf", b"1").await;
    let token = sweeppea::upload(&server, &key, "two.txt", "text/plain", b"2").await;
    assert_eq!(listed(&server, &key, &[]).await, ["one.pdf", "two.txt"]);
    let list = super::call(&server, Method::GET, "files/my/0/10", &key).await.json();
    let id = |at: usize| list["items"][at]["file_id"].as_str().unwrap().to_owned();
    assert_eq!(hyphened(&id(1)), token);
    // Without a transfer, a file is a group of its own.
    assert_eq!(list["items"][1]["group_id"], list["items"][1]["file_id"]);
    assert_eq!(delete_files(&server, &key, &[&id(0), &id(1)]).await.json()["success_counter"], 2);
    assert_eq!(listed(&server, &key, &[]).await, [""; 0]);
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
}
