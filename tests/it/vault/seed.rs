//! The examples of the vendor's page "Delete Multiple Files", as they stand there.

use reqwest::Method;

use super::{assert_reply, call_with, commit, finish, is_there, open};
use crate::support::Server;

/// An empty file under an id that the client chose.
async fn upload_as(server: &Server, key: &str, id: &str, name: &str) {
    let group = open(server, key).await;
    let headers = [
        ("group_id", group.as_str()),
        ("transfer_method", "Stream"),
        ("file_size", "0"),
        ("file_name", name),
        ("file_id", id),
    ];
    let reply = call_with(server, Method::GET, "transfer_file", key, &headers, "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    finish(server, key, &group, id).await;
    assert_eq!(commit(server, key, &group).await.status, 200);
}

#[tokio::test]
async fn the_request_is_taken() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let ids = ["05a89617d2e44c409654f516eab085a5", "cadf2430773c44d9bbc49a516660382c"];
    for id in ids {
        upload_as(&server, &key, id, id).await;
    }
    let body = "[\n\"05a89617d2e44c409654f516eab085a5\"\n,\n\"cadf2430773c44d9bbc49a516660382c\"\n]";
    let reply = call_with(&server, Method::DELETE, "files", &key, &[], body).await;
    assert_eq!((reply.status, &reply.json()["success_counter"]), (200, &2.into()));
    for id in ids {
        assert!(!is_there(&server, &key, id).await);
    }
}

#[tokio::test]
async fn the_successful_answer_is_given() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    upload_as(&server, &key, "f558715a1ab547639392b3fdc50cf886", "testtt").await;
    upload_as(&server, &key, "d48c9ce1719d4cedb1609c654fd3a52e", "testt").await;
    let body = r#"["f558715a1ab547639392b3fdc50cf886","d48c9ce1719d4cedb1609c654fd3a52e"]"#;
    let reply = call_with(&server, Method::DELETE, "files", &key, &[], body).await;
    assert_reply(
        &reply,
        200,
        r#"{"message":null,"ui_message_key":null,"final_result":0,"results":[{"message":null,"result":"Success","ui_message_key":null,"FolderName":"testtt","Guid":"f558715a1ab547639392b3fdc50cf886","Result":4},{"message":null,"result":"Success","ui_message_key":null,"FolderName":"testt","Guid":"d48c9ce1719d4cedb1609c654fd3a52e","Result":4}],"success_counter":2}"#,
    );
}

#[tokio::test]
async fn the_failed_answer_is_given() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    upload_as(&server, &key, "8287603912f44f7fae3c6076c765a5f3", "a").await;
    let body = r#"["82876039-12f4-4f7f-ae3c-6076c765a5f3","7d871b61-ea56-4b99-b779-e9fb35815706"]"#;
    let reply = call_with(&server, Method::DELETE, "files", &key, &[], body).await;
    assert_reply(
        &reply,
        200,
        r#"{"results":[{"Key":"82876039-12f4-4f7f-ae3c-6076c765a5f3","Value":{"message":null,"ui_message_key":null}},{"Key":"7d871b61-ea56-4b99-b779-e9fb35815706","Value":{"message":"One or more files were not found. No files were deleted.","ui_message_key":"API_CANNOTDELETEFILENOTFOUND"}}],"success_counter":1}"#,
    );
}
