//! The delete call: what it does, what stops it, what repeats come to (onlyoffice.md 3; cases 1 to 7).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    DENIED, HELD, NO_FILE, NO_FOLDER, assert_refused, call, content, delete, get, hold, is_there, make_folder, my,
    operation, operations, put, response, send, share, state, trash_id, upload,
};
use crate::support::Server;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_file_goes_to_the_trash() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let (root, trash) = (my(&server, &key).await, trash_id(&server, &key).await);
    let file = upload(&server, &key, "@my", "a.txt", b"bytes").await;
    let url = response(&get(&server, &key, &format!("file/{file}/presigneduri")).await);

    let reply = put(&server, &key, "fileops/delete", json!({"fileIds": [file]})).await;
    let accepted = response(&reply)[0].clone();
    assert_eq!(state(&accepted), (0, "0", "", false));
    assert_eq!((&accepted["operation"], &accepted["Operation"]), (&json!(2), &json!(2)));
    let members: Vec<&String> = accepted["files"][0].as_object().unwrap().keys().collect();
    assert_eq!(members.len(), 24, "{members:?}");

    let finished = operation(&server, &key).await;
    assert_eq!(state(&finished), (100, "1", "", true));
    assert_eq!(finished["id"], accepted["id"]);
    assert_eq!(operations(&server, &key).await, Vec::<Value>::new(), "the end is shown once");

    assert_eq!(content(&server, &key, root).await, (vec![], vec![]));
    assert_eq!(content(&server, &key, "@trash").await, (vec![file], vec![]));
    let shown = response(&get(&server, &key, &format!("file/{file}")).await);
    assert_eq!((&shown["folderId"], &shown["rootFolderType"]), (&json!(trash), &json!(3)));
    assert_eq!(shown["updatedBy"]["displayName"], "ann");
    // URLs that were handed out die with it; the holder's own goes on.
    assert_eq!(server.send(Method::GET, url.as_str().unwrap(), &[], "").await.status, 404);
    let view = shown["viewUrl"].as_str().unwrap();
    assert_eq!(server.send(Method::GET, view, &[("authorization", &key)], "").await.text(), "bytes");
}

#[tokio::test]
async fn immediately_it_is_destroyed() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"bytes").await;
    let shown = response(&get(&server, &key, &format!("file/{file}")).await);
    let url = response(&get(&server, &key, &format!("file/{file}/presigneduri")).await);
    assert_eq!(server.send(Method::GET, url.as_str().unwrap(), &[], "").await.text(), "bytes");

    delete(&server, &key, json!({"fileIds": [file], "immediately": true}), "1").await;
    assert_eq!(content(&server, &key, "@my").await, (vec![], vec![]));
    assert_eq!(content(&server, &key, "@trash").await, (vec![], vec![]));
    assert_eq!(server.send(Method::GET, url.as_str().unwrap(), &[], "").await.status, 404);
    let view = shown["viewUrl"].as_str().unwrap();
    assert_refused(&server.send(Method::GET, view, &[("authorization", &key)], "").await, 404, NO_FILE);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn a_batch_counts_by_what_was_done() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    for (immediately, processed) in [(false, "3"), (true, "6")] {
        let folder = make_folder(&server, &key, root, "Docs").await;
        for name in ["1.txt", "2.txt", "3.txt"] {
            upload(&server, &key, folder, name, b"x").await;
        }
        let a = upload(&server, &key, "@my", "a.txt", b"x").await;
        let b = upload(&server, &key, "@my", "b.txt", b"x").await;
        let body = json!({"folderIds": [folder], "fileIds": [b, a], "immediately": immediately});
        let accepted = response(&put(&server, &key, "fileops/delete", body).await)[0].clone();
        let ids = |member: &str| -> Vec<i64> {
            accepted[member].as_array().unwrap().iter().map(|entry| entry["Id"].as_i64().unwrap()).collect()
        };
        assert_eq!((ids("files"), ids("folders")), (vec![b, a], vec![folder]), "in request order");
        assert_eq!(accepted["folders"][0]["FilesCount"], 3);
        assert_eq!(state(&operation(&server, &key).await), (100, processed, "", true));
        assert_eq!(content(&server, &key, root).await, (vec![], vec![]));
    }
}

#[tokio::test]
async fn what_lies_in_the_trash_is_destroyed() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    delete(&server, &key, json!({"fileIds": [file]}), "1").await;
    delete(&server, &key, json!({"fileIds": [file], "immediately": true}), "1").await;
    assert_eq!(content(&server, &key, "@trash").await.0, super::NOTHING);

    let file = upload(&server, &key, "@my", "b.txt", b"x").await;
    delete(&server, &key, json!({"fileIds": [file]}), "1").await;
    server.advance(MINUTE + Duration::from_secs(1)).await;
    delete(&server, &key, json!({"fileIds": [file]}), "1").await;
    assert_eq!(content(&server, &key, "@trash").await.0, super::NOTHING);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn a_repeat_within_a_minute_is_the_same_deletion() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    let body = json!({"fileIds": [file, file.to_string(), file]});
    let both = tokio::join!(
        put(&server, &key, "fileops/delete", body.clone()),
        put(&server, &key, "fileops/delete", body.clone())
    );
    assert_eq!((both.0.status, both.1.status), (200, 200));
    assert_eq!(put(&server, &key, "fileops/delete", body).await.status, 200);
    let all = operations(&server, &key).await;
    assert_eq!(all.iter().map(state).collect::<Vec<_>>(), [(100, "1", "", true); 3]);
    assert_eq!(content(&server, &key, "@trash").await.0, vec![file]);
}

#[tokio::test]
async fn a_folder_and_a_folder_in_it_both_lie_in_the_trash() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let outer = make_folder(&server, &key, my(&server, &key).await, "outer").await;
    let inner = make_folder(&server, &key, outer, "inner").await;
    let body = json!({"folderIds": [outer, inner]});
    for _ in 0..2 {
        delete(&server, &key, body.clone(), "2").await;
        assert_eq!(content(&server, &key, "@trash").await.1, vec![outer]);
    }
    let root = my(&server, &key).await;
    let reply = put(&server, &key, "fileops/move", json!({"folderIds": [outer], "destFolderId": root})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(content(&server, &key, outer).await.1, vec![inner], "it went with the folder above it");
}

#[tokio::test]
async fn one_that_is_missing_or_foreign_stops_all() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let (key, root) = (ann.key.as_str(), my(&server, &ann.key).await);
    let file = upload(&server, key, "@my", "a.txt", b"x").await;
    let folder = make_folder(&server, key, root, "Docs").await;
    let foreign = upload(&server, &bob.key, "@my", "b.txt", b"x").await;
    let bobs = my(&server, &bob.key).await;
    let trash = trash_id(&server, key).await;
    for (body, status, message) in [
        (json!({"fileIds": [file, 999_999]}), 404, NO_FILE),
        (json!({"fileIds": [file], "folderIds": [999_999]}), 404, NO_FOLDER),
        // Folders are looked at first.
        (json!({"fileIds": [999_999], "folderIds": [folder, 888_888]}), 404, NO_FOLDER),
        (json!({"fileIds": [file, foreign]}), 403, DENIED),
        (json!({"fileIds": [foreign], "folderIds": [folder, 999_999]}), 404, NO_FOLDER),
        (json!({"fileIds": [folder]}), 404, NO_FILE),
        (json!({"folderIds": [file]}), 404, NO_FOLDER),
        (json!({"folderIds": [folder, root]}), 403, DENIED),
        (json!({"folderIds": [folder, trash]}), 403, DENIED),
        (json!({"folderIds": [folder, bobs]}), 403, DENIED),
    ] {
        for immediately in [false, true] {
            let mut body = body.clone();
            body["immediately"] = immediately.into();
            assert_refused(&put(&server, key, "fileops/delete", body).await, status, message);
        }
    }
    assert_eq!(content(&server, key, root).await, (vec![file], vec![folder]));
    assert_eq!(operations(&server, key).await, Vec::<Value>::new());
}

#[tokio::test]
async fn only_the_right_to_delete_deletes() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let root = my(&server, &ann.key).await;
    for (access, status) in [(2, 403), (10, 403), (1, 200), (9, 200)] {
        let folder = make_folder(&server, &ann.key, root, "Docs").await;
        let file = upload(&server, &ann.key, folder, "a.txt", b"x").await;
        let direct = upload(&server, &ann.key, "@my", "b.txt", b"x").await;
        share(&server, &ann.key, &format!("folder/{folder}"), &bob.uid, access).await;
        share(&server, &ann.key, &format!("file/{direct}"), &bob.uid, access).await;
        for body in [json!({"fileIds": [file]}), json!({"fileIds": [direct]}), json!({"folderIds": [folder]})] {
            let reply = put(&server, &bob.key, "fileops/delete", body.clone()).await;
            assert_eq!(reply.status, status, "{access}: {body}: {}", reply.text());
        }
        assert_eq!(is_there(&server, &ann.key, file).await, status == 403);
    }
}

#[tokio::test]
async fn locks_and_holds_stop_it_below_a_folder_too() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let folder = make_folder(&server, &ann.key, my(&server, &ann.key).await, "Docs").await;
    let file = upload(&server, &ann.key, folder, "a.txt", b"x").await;
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 10).await;
    let attempts = [json!({"fileIds": [file]}), json!({"folderIds": [folder]})];
    let lock = |on: bool| json!({"lockFile": on});
    assert_eq!(put(&server, &bob.key, &format!("file/{file}/lock"), lock(true)).await.status, 200);
    for body in &attempts {
        assert_refused(&put(&server, &ann.key, "fileops/delete", body.clone()).await, 403, DENIED);
    }
    assert_eq!(put(&server, &bob.key, &format!("file/{file}/lock"), lock(false)).await.status, 200);
    hold(&server, file).await;
    for body in &attempts {
        assert_refused(&put(&server, &ann.key, "fileops/delete", body.clone()).await, 403, HELD);
    }
    assert!(is_there(&server, &ann.key, file).await);
    // One's own lock is no obstacle.
    let own = upload(&server, &ann.key, "@my", "own.txt", b"x").await;
    assert_eq!(put(&server, &ann.key, &format!("file/{own}/lock"), lock(true)).await.status, 200);
    delete(&server, &ann.key, json!({"fileIds": [own]}), "1").await;
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    for point in ["mark", "commit"] {
        server.fault(point, "fail").await;
        let reply = put(&server, &key, "fileops/delete", json!({"fileIds": [file]})).await;
        assert_refused(&reply, 500, "Internal server error");
        server.fault(point, "off").await;
        assert!(is_there(&server, &key, file).await);
        assert_eq!(operations(&server, &key).await, Vec::<Value>::new());
    }
    delete(&server, &key, json!({"fileIds": [file]}), "1").await;
}

#[tokio::test]
async fn naming_nothing_is_no_error() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for body in [json!({"fileIds": [], "folderIds": []}), json!({"fileIds": null}), json!({}), Value::Null] {
        let reply = put(&server, &key, "fileops/delete", body).await;
        assert_eq!(response(&reply), json!([]));
        assert_eq!(reply.json()["count"], 0);
    }
}

#[tokio::test]
async fn a_single_entry_has_a_call_of_its_own() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    for (kind, processed) in [("file", "1"), ("folder", "2")] {
        for (query, body, destroyed) in [
            ("", Value::Null, false),
            ("?immediately=true", Value::Null, true),
            ("?ReturnSingleOperation=true", json!({"immediately": true, "deleteAfter": false}), true),
        ] {
            let id = match kind {
                "file" => upload(&server, &key, "@my", "a.txt", b"x").await,
                _ => {
                    let folder = make_folder(&server, &key, root, "Docs").await;
                    upload(&server, &key, folder, "a.txt", b"x").await;
                    folder
                }
            };
            let reply = call(&server, &key, Method::DELETE, &format!("{kind}/{id}{query}"), body).await;
            assert_eq!(response(&reply).as_array().unwrap().len(), 1, "a list");
            let processed = if destroyed { processed } else { "1" };
            assert_eq!(state(&operation(&server, &key).await), (100, processed, "", true));
            let (files, folders) = content(&server, &key, "@trash").await;
            assert_eq!([files, folders].concat().contains(&id), !destroyed);
        }
    }
    // A header of that name says nothing.
    let id = upload(&server, &key, "@my", "a.txt", b"x").await;
    let headers = [("authorization", key.as_str()), ("immediately", "true")];
    assert_eq!(send(&server, Method::DELETE, &format!("file/{id}"), &headers, "").await.status, 200);
    assert!(content(&server, &key, "@trash").await.0.contains(&id));
    assert_refused(&call(&server, &key, Method::DELETE, "file/abc", Value::Null).await, 404, NO_FILE);
    assert_refused(&call(&server, &key, Method::DELETE, "folder/0", Value::Null).await, 404, NO_FOLDER);
}

#[tokio::test]
async fn the_answer_shows_the_other_unfinished_ones_unless_one_is_asked_for() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let edited = upload(&server, &key, "@my", "e.txt", b"x").await;
    super::post(&server, &key, &format!("file/{edited}/startedit"), Value::Null).await;
    let waiting = put(&server, &key, "fileops/delete", json!({"fileIds": [edited], "deleteAfter": true})).await;
    let waiting = response(&waiting)[0]["id"].clone();
    for (single, expected) in [(false, 2), (true, 1)] {
        let file = upload(&server, &key, "@my", "a.txt", b"x").await;
        let body = json!({"fileIds": [file], "returnSingleOperation": single});
        let listed = response(&put(&server, &key, "fileops/delete", body).await);
        assert_eq!(listed.as_array().unwrap().len(), expected, "{listed}");
        assert_eq!(listed[0]["files"][0]["Id"], file, "newest first");
        assert!(!single || listed[0]["id"] != waiting);
    }
    // Finished ones are left for the list of operations.
    assert_eq!(operations(&server, &key).await.len(), 3);
}
