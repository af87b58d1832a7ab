//! Past versions (onlyoffice.md 4.2, 4.3, 4.5; case 10).

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    DENIED, HELD, NO_FILE, assert_refused, delete, get, hold, operation, operations, post, put, response, state, upload,
};
use crate::support::Server;

/// A file with so many versions, each with its number as content.
async fn file_of(server: &Server, key: &str, name: &str, versions: u32) -> i64 {
    let mut file = 0;
    for number in 1..=versions {
        file = upload(server, key, "@my", name, number.to_string().as_bytes()).await;
    }
    file
}

async fn numbers(server: &Server, key: &str, file: i64) -> Vec<i64> {
    let history = response(&get(server, key, &format!("file/{file}/history")).await);
    history.as_array().unwrap().iter().map(|version| version["version"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn past_versions_are_destroyed() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = file_of(&server, &key, "a.txt", 4).await;
    assert_eq!(numbers(&server, &key, file).await, [4, 3, 2, 1]);
    let body = json!({"fileId": file, "versions": [1, "3", 1, 9]});
    let reply = put(&server, &key, "fileops/deleteversion", body).await;
    let accepted = response(&reply);
    assert_eq!(state(&accepted[0]), (0, "0", "", false));
    assert_eq!(accepted[0]["files"][0]["Id"], file);
    assert_eq!(accepted[0]["files"].as_array().unwrap().len(), 1);
    let record = operation(&server, &key).await;
    assert_eq!(state(&record), (100, "2", "a.txt: Version 9 was not found", true));
    assert_eq!(numbers(&server, &key, file).await, [4, 2]);
    assert_eq!(get(&server, &key, &format!("file/{file}?version=1")).await.status, 404);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 2);
}

#[tokio::test]
async fn the_current_one_is_not() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = file_of(&server, &key, "a.txt", 3).await;
    let versions = |numbers: Value| json!({"fileId": file, "versions": numbers});
    let reply = put(&server, &key, "fileops/deleteversion", versions(json!([1, 3]))).await;
    assert_refused(&reply, 403, DENIED);
    assert_eq!(numbers(&server, &key, file).await, [3, 2, 1]);
    for nothing in [Value::Null, json!([])] {
        assert_eq!(response(&put(&server, &key, "fileops/deleteversion", versions(nothing)).await), json!([]));
    }
    for bad in [json!([0]), json!([-1]), json!([1.5]), json!(["x"]), json!([null]), json!([true])] {
        let reply = put(&server, &key, "fileops/deleteversion", versions(bad)).await;
        assert_refused(&reply, 400, "The value of versions is not valid");
    }
    assert_eq!(numbers(&server, &key, file).await, [3, 2, 1]);
    let missing = json!({"fileId": 999_999, "versions": [1]});
    assert_refused(&put(&server, &key, "fileops/deleteversion", missing).await, 404, NO_FILE);
    let unnamed = json!({"versions": [1]});
    assert_refused(
        &put(&server, &key, "fileops/deleteversion", unnamed).await,
        400,
        "The value of fileId is not valid",
    );
    assert_eq!(operations(&server, &key).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_stops_a_delete_stops_it() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let attempt = async |file: i64| {
        put(&server, &ann.key, "fileops/deleteversion", json!({"fileId": file, "versions": [1]})).await
    };
    let edited = file_of(&server, &ann.key, "e.txt", 2).await;
    post(&server, &ann.key, &format!("file/{edited}/startedit"), Value::Null).await;
    assert_refused(&attempt(edited).await, 403, DENIED);
    let locked = file_of(&server, &ann.key, "l.txt", 2).await;
    super::share(&server, &ann.key, &format!("file/{locked}"), &bob.uid, 10).await;
    put(&server, &bob.key, &format!("file/{locked}/lock"), json!({"lockFile": true})).await;
    assert_refused(&attempt(locked).await, 403, DENIED);
    let trashed = file_of(&server, &ann.key, "t.txt", 2).await;
    delete(&server, &ann.key, json!({"fileIds": [trashed]}), "1").await;
    assert_refused(&attempt(trashed).await, 403, DENIED);
    let held = file_of(&server, &ann.key, "h.txt", 2).await;
    hold(&server, held).await;
    assert_refused(&attempt(held).await, 403, HELD);
    let foreign = file_of(&server, &bob.key, "f.txt", 2).await;
    assert_refused(&attempt(foreign).await, 403, DENIED);
    for file in [edited, locked, held] {
        assert_eq!(numbers(&server, &ann.key, file).await, [2, 1]);
    }
}

#[tokio::test]
async fn an_older_one_can_be_seen_and_brought_back() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = file_of(&server, &key, "a.txt", 2).await;
    let first = response(&get(&server, &key, &format!("file/{file}?version=1")).await);
    assert_eq!(first["version"], 1);
    let view = first["viewUrl"].as_str().unwrap();
    assert_eq!(server.send(Method::GET, view, &[("authorization", &key)], "").await.text(), "1");
    let changed = put(&server, &key, &format!("file/{file}"), json!({"lastVersion": 1, "title": "b.txt"})).await;
    let changed = response(&changed);
    assert_eq!((&changed["version"], &changed["title"]), (&json!(3), &json!("b.txt")));
    let view = changed["viewUrl"].as_str().unwrap();
    assert_eq!(server.send(Method::GET, view, &[("authorization", &key)], "").await.text(), "1");
    assert_eq!(numbers(&server, &key, file).await, [3, 2, 1]);
    assert_eq!(put(&server, &key, &format!("file/{file}"), json!({"lastVersion": 9})).await.status, 404);
    assert_eq!(get(&server, &key, &format!("file/{file}?version=abc")).await.status, 400);
}
