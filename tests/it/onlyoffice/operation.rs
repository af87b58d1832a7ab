//! Operations: how long they are kept, how they are shown (onlyoffice.md 3.5, 4.8; cases 9, 14, 15).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    assert_refused, content, delete, get, make_folder, my, operation, operations, post, put, response, send, state,
    upload,
};
use crate::support::Server;

#[tokio::test]
async fn an_end_that_nobody_saw_is_kept_for_a_while() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    put(&server, &key, "fileops/delete", json!({"fileIds": [file]})).await;
    server.advance(Duration::from_secs(9 * 60)).await;
    // Neither another delete's answer nor a look at another kind takes it away.
    let other = upload(&server, &key, "@my", "b.txt", b"x").await;
    put(&server, &key, "fileops/delete", json!({"fileIds": [other]})).await;
    assert_eq!(response(&get(&server, &key, "fileops/0").await), json!([]));
    assert_eq!(response(&get(&server, &key, "fileops/3").await), json!([]));
    let both = response(&get(&server, &key, "fileops/2").await);
    let titles: Vec<_> = both.as_array().unwrap().iter().map(|record| record["files"][0]["Title"].clone()).collect();
    assert_eq!(titles, ["b.txt", "a.txt"], "newest first");
    assert_eq!(operations(&server, &key).await, Vec::<Value>::new());

    put(&server, &key, "fileops/delete", json!({"fileIds": [other], "immediately": true})).await;
    server.advance(Duration::from_secs(3_700)).await;
    assert_eq!(operations(&server, &key).await, Vec::<Value>::new(), "in the end it is forgotten");
    assert_eq!(server.sql("select count(*) from operation").await, [[0]]);
}

#[tokio::test]
async fn one_can_be_asked_for_by_its_id() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let mut ids = Vec::new();
    for name in ["a.txt", "b.txt"] {
        let file = upload(&server, &ann.key, "@my", name, b"x").await;
        let reply = put(&server, &ann.key, "fileops/delete", json!({"fileIds": [file]})).await;
        ids.push(response(&reply)[0]["id"].as_str().unwrap().to_owned());
    }
    let by_id = |id: &str| format!("fileops?id={id}");
    assert_eq!(response(&get(&server, &bob.key, &by_id(&ids[0])).await), json!([]), "another's is not there");
    for unknown in ["abc", "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11"] {
        assert_eq!(response(&get(&server, &ann.key, &by_id(unknown)).await), json!([]));
    }
    assert_eq!(response(&get(&server, &ann.key, &by_id(&ids[0])).await)[0]["id"], ids[0]);
    assert_eq!(response(&get(&server, &ann.key, &by_id(&ids[0])).await), json!([]));
    assert_eq!(operation(&server, &ann.key).await["id"], ids[1]);
    // A HEAD would take what nobody sees.
    let reply = send(&server, Method::HEAD, "fileops", &[("authorization", &ann.key)], "").await;
    assert_eq!((reply.status, reply.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn a_list_has_a_hundred() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    for _ in 0..150 {
        let reply = put(&server, &key, "fileops/markasread", json!({"fileIds": [file]})).await;
        assert_eq!(response(&reply)[0]["operation"], 4);
    }
    let (first, rest) = (operations(&server, &key).await, operations(&server, &key).await);
    assert_eq!((first.len(), rest.len()), (100, 50));
    assert!(first.iter().chain(&rest).all(|record| state(record) == (100, "1", "", true)));
    assert_eq!(operations(&server, &key).await.len(), 0);
    assert_eq!(content(&server, &key, "@my").await.0, vec![file], "nothing has changed");
}

#[tokio::test]
async fn progress_never_falls() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let folder = make_folder(&server, &key, my(&server, &key).await, "Docs").await;
    for name in ["1.txt", "2.txt", "3.txt"] {
        upload(&server, &key, folder, name, b"x").await;
    }
    let edited = upload(&server, &key, "@my", "e.txt", b"x").await;
    let doc = response(&post(&server, &key, &format!("file/{edited}/startedit"), Value::Null).await);
    let body = json!({"folderIds": [folder], "fileIds": [edited], "deleteAfter": true, "immediately": true});
    assert_eq!(state(&response(&put(&server, &key, "fileops/delete", body).await)[0]), (0, "0", "", false));
    for _ in 0..2 {
        assert_eq!(state(&operation(&server, &key).await), (80, "4", "", false));
        server.run_jobs().await;
    }
    let to = format!("file/{edited}/trackeditfile?docKeyForTrack={}&isFinish=true", doc.as_str().unwrap());
    assert_eq!(get(&server, &key, &to).await.status, 200);
    server.run_jobs().await;
    assert_eq!(state(&operation(&server, &key).await), (100, "5", "", true));
}

#[tokio::test]
async fn an_accepted_operation_is_finished_after_a_restart() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let folder = make_folder(&server, &key, my(&server, &key).await, "Docs").await;
    for name in ["1.txt", "2.txt"] {
        upload(&server, &key, folder, name, b"x").await;
    }
    let body = json!({"folderIds": [folder], "immediately": true});
    assert_eq!(put(&server, &key, "fileops/delete", body).await.status, 200);
    server.kill().await;
    server.start_again().await;
    assert_eq!(state(&operation(&server, &key).await), (100, "3", "", true));
    assert_eq!(content(&server, &key, "@my").await, (vec![], vec![]));
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn without_credentials_there_is_nothing() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    post(&server, &key, &format!("file/{file}/startedit"), Value::Null).await;
    put(&server, &key, "fileops/delete", json!({"fileIds": [file], "deleteAfter": true})).await;
    let calls = [
        (Method::GET, "fileops"),
        (Method::GET, "fileops/2"),
        (Method::PUT, "fileops/terminate"),
        (Method::PUT, "fileops/terminate/6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11"),
    ];
    for (method, to) in calls.clone() {
        let expected = format!(
            r#"{{"count":0,"links":[{{"href":"{}","action":"{method}"}}],"status":0,"statusCode":200,"response":[]}}"#,
            server.url(&super::path(to))
        );
        let reply = send(&server, method.clone(), to, &[], "").await;
        assert_eq!((reply.status, reply.text()), (200, expected));
        // Wrong ones are wrong.
        let reply = send(&server, method, to, &[("authorization", "wrong")], "").await;
        assert_refused(&reply, 401, "Unauthorized");
        assert_eq!(reply.header("www-authenticate"), "Basic realm=\"unfile\"");
    }
    assert_eq!(operations(&server, &key).await.len(), 1, "nothing is cancelled");
    for wrong in ["8", "-1", "abc", "99999999999999999999"] {
        assert_eq!(get(&server, &key, &format!("fileops/{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn another_s_operations_are_not_shown() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    put(&server, &ann.key, "fileops/delete", json!({"fileIds": [file]})).await;
    assert_eq!(operations(&server, &bob.key).await, Vec::<Value>::new());
    assert_eq!(operations(&server, &ann.key).await.len(), 1);
    let file = upload(&server, &bob.key, "@my", "b.txt", b"x").await;
    delete(&server, &bob.key, json!({"fileIds": [file]}), "1").await;
}
