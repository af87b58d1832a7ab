//! The trash: what is in it, whose it is, emptying it (onlyoffice.md 4.6; cases 11, 12).

use serde_json::{Value, json};

use super::{
    assert_refused, call, content, delete, get, hold, is_there, make_folder, my, operation, operations, put, response,
    share, state, trash_id, upload,
};
use crate::support::Server;

#[tokio::test]
async fn emptying_takes_what_the_caller_holds() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let folder = make_folder(&server, &ann.key, my(&server, &ann.key).await, "Docs").await;
    let by_bob = upload(&server, &ann.key, folder, "b.txt", b"x").await;
    let by_ann = upload(&server, &ann.key, folder, "a.txt", b"x").await;
    share(&server, &ann.key, &format!("folder/{folder}"), &bob.uid, 1).await;
    delete(&server, &bob.key, json!({"fileIds": [by_bob]}), "1").await;
    delete(&server, &ann.key, json!({"fileIds": [by_ann]}), "1").await;
    let mut seen = content(&server, &ann.key, "@trash").await.0;
    seen.sort_unstable();
    assert_eq!(seen, [by_bob, by_ann], "holder and owner see an entry");
    assert_eq!(content(&server, &bob.key, "@trash").await.0, [by_bob]);

    let reply = put(&server, &ann.key, "fileops/emptytrash", Value::Null).await;
    assert_eq!(state(&response(&reply)[0]), (0, "0", "", false));
    assert_eq!(response(&reply)[0]["operation"], 2);
    assert_eq!(content(&server, &ann.key, "@trash").await.0, [by_bob], "at once");
    assert_eq!(state(&operation(&server, &ann.key).await), (100, "1", "", true));
    assert_eq!(content(&server, &bob.key, "@trash").await.0, [by_bob]);
    let shown = response(&get(&server, &bob.key, &format!("file/{by_bob}")).await);
    assert_eq!(shown["folderId"], trash_id(&server, &bob.key).await);

    // The owner destroys it all the same, by name.
    delete(&server, &ann.key, json!({"fileIds": [by_bob], "immediately": true}), "1").await;
    assert_eq!(content(&server, &bob.key, "@trash").await.0, super::NOTHING);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn a_hold_keeps_its_entry() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let held = upload(&server, &key, "@my", "held.txt", b"x").await;
    let free = upload(&server, &key, "@my", "free.txt", b"x").await;
    delete(&server, &key, json!({"fileIds": [held, free]}), "2").await;
    hold(&server, held).await;
    assert_eq!(put(&server, &key, "fileops/emptytrash", Value::Null).await.status, 200);
    assert_eq!(content(&server, &key, "@trash").await.0, [held]);
    let record = operation(&server, &key).await;
    assert_eq!(state(&record), (100, "1", "held.txt: The item is under a legal hold", true));
}

#[tokio::test]
async fn an_empty_trash_and_foreign_rooms_are_no_error() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    assert_eq!(response(&put(&server, &key, "fileops/emptytrash", Value::Null).await), json!([]));
    let file = upload(&server, &key, "@my", "a.txt", b"x").await;
    delete(&server, &key, json!({"fileIds": [file]}), "1").await;
    for room in [14, 15, 16, 19, 22, 29] {
        let reply = put(&server, &key, &format!("fileops/emptytrash?folderType={room}"), Value::Null).await;
        assert_eq!(response(&reply), json!([]));
    }
    for bad in ["0", "3", "99", "abc", "-5"] {
        let reply = put(&server, &key, &format!("fileops/emptytrash?folderType={bad}"), Value::Null).await;
        assert_refused(&reply, 400, "The value of folderType is not valid");
    }
    assert_eq!(content(&server, &key, "@trash").await.0, [file]);
    let reply = put(&server, &key, "fileops/emptytrash?folderType=5&single=TRUE", Value::Null).await;
    assert_eq!(response(&reply).as_array().unwrap().len(), 1);
    assert_eq!(content(&server, &key, "@trash").await.0, super::NOTHING);
    assert_eq!(operations(&server, &key).await.len(), 1);
}

#[tokio::test]
async fn what_lies_there_is_named_and_not_listed() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let key = ann.key.as_str();
    let (root, trash) = (my(&server, key).await, trash_id(&server, key).await);
    let folder = make_folder(&server, key, root, "Docs").await;
    let inner = make_folder(&server, key, folder, "inner").await;
    let file = upload(&server, key, folder, "a.txt", b"x").await;
    delete(&server, key, json!({"folderIds": [folder]}), "1").await;

    let listed = response(&get(&server, key, "@trash").await);
    assert_eq!((&listed["total"], &listed["count"], &listed["new"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(listed["pathParts"], json!([{"id": trash, "title": "Trash"}]));
    assert_eq!(listed["current"]["rootFolderType"], 3);
    let shown = &listed["folders"][0];
    assert_eq!(
        (&shown["id"], &shown["parentId"], &shown["rootFolderType"]),
        (&json!(folder), &json!(trash), &json!(3))
    );
    assert_eq!(response(&get(&server, key, &trash.to_string()).await), listed, "by its id too");
    assert_eq!(response(&get(&server, key, &format!("folder/{trash}")).await), listed["current"]);
    assert_eq!(response(&get(&server, key, &format!("folder/{folder}")).await)["parentId"], trash);

    for hidden in [folder, inner] {
        assert_refused(&get(&server, key, &hidden.to_string()).await, 403, super::DENIED);
        assert_refused(
            &super::post(&server, key, &format!("{hidden}/text"), json!({"title": "a"})).await,
            403,
            super::DENIED,
        );
    }
    assert_eq!(get(&server, key, &format!("file/{file}")).await.status, 404, "below, and not itself");
    assert_eq!(get(&server, &bob.key, &format!("folder/{folder}")).await.status, 404);
    let download = format!("file/{file}/download");
    assert_eq!(get(&server, key, &download).await.status, 404);
}

#[tokio::test]
async fn only_holder_and_owner_destroy_an_entry() {
    let server = Server::start().await;
    let (ann, bob, eve) = (server.account("ann").await, server.account("bob").await, server.account("eve").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    for with in [&bob, &eve] {
        share(&server, &ann.key, &format!("file/{file}"), &with.uid, 1).await;
    }
    delete(&server, &bob.key, json!({"fileIds": [file]}), "1").await;
    let used = async |name: &str| server.sql(&format!("select used from account where name = '{name}'")).await;
    assert_eq!((used("ann").await, used("bob").await), (vec![vec![json!(1)]], vec![vec![json!(0)]]));
    let reply = put(&server, &eve.key, "fileops/delete", json!({"fileIds": [file], "immediately": true})).await;
    assert_refused(&reply, 403, super::DENIED);
    // Deleted once more by another than who trashed it: no repeat.
    delete(&server, &ann.key, json!({"fileIds": [file]}), "1").await;
    assert_eq!(content(&server, &bob.key, "@trash").await.0, super::NOTHING);
}

#[tokio::test]
async fn holder_and_owner_restore_it() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let root = my(&server, &ann.key).await;
    let folder = make_folder(&server, &ann.key, root, "Docs").await;
    share(&server, &ann.key, &format!("folder/{folder}"), &bob.uid, 1).await;
    let file = upload(&server, &ann.key, folder, "a.txt", b"x").await;
    for (who, destination) in [(&bob, folder), (&ann, root)] {
        let deleter = if is_there(&server, &bob.key, file).await { &bob } else { &ann };
        delete(&server, &deleter.key, json!({"fileIds": [file]}), "1").await;
        let body = json!({"fileIds": [file], "destFolderId": destination});
        let reply = put(&server, &who.key, "fileops/move", body).await;
        assert_eq!(response(&reply)[0]["operation"], 0, "{}", reply.text());
        assert_eq!(state(&operation(&server, &who.key).await), (100, "1", "", true));
        assert!(is_there(&server, &ann.key, file).await);
        let shown = response(&get(&server, &ann.key, &format!("file/{file}")).await);
        assert_eq!(shown["folderId"], destination);
    }
}

#[tokio::test]
async fn into_the_grantee_s_tree_owner_and_quota_follow() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"bytes").await;
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 1).await;
    delete(&server, &bob.key, json!({"fileIds": [file]}), "1").await;
    let body = json!({"fileIds": [file], "destFolderId": my(&server, &bob.key).await});
    assert_eq!(put(&server, &bob.key, "fileops/move", body).await.status, 200);
    assert_eq!(content(&server, &bob.key, "@my").await.0, [file]);
    assert_eq!(response(&get(&server, &bob.key, &format!("file/{file}")).await)["access"], 0);
    let used = server.sql("select used from account where name in ('ann', 'bob') order by name").await;
    assert_eq!(used, [[0], [5]]);
    let reply = call(&server, &ann.key, reqwest::Method::GET, &format!("file/{file}"), Value::Null).await;
    assert_eq!(reply.status, 403);
}
