//! Restoring, moving and copying (onlyoffice.md 4.7; case 12).

use serde_json::{Value, json};

use super::{
    DENIED, NO_FILE, NO_FOLDER, assert_refused, content, delete, get, hold, make_folder, my, operation, operations,
    post, put, response, share, state, trash_id, upload,
};
use crate::support::Server;

#[tokio::test]
async fn a_restored_file_keeps_id_and_versions() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    for text in ["1", "2"] {
        upload(&server, &key, "@my", "a.txt", text.as_bytes()).await;
    }
    let file = content(&server, &key, "@my").await.0[0];
    delete(&server, &key, json!({"fileIds": [file]}), "1").await;
    let body = json!({"fileIds": [file.to_string()], "folderIds": [], "destFolderId": root.to_string(),
        "conflictResolveType": "Skip", "deleteAfter": false, "content": true, "returnSingleOperation": false});
    let record = response(&put(&server, &key, "fileops/move", body).await)[0].clone();
    assert_eq!((state(&record), &record["operation"]), ((0, "0", "", false), &json!(0)));
    assert_eq!(record["files"][0]["Id"], file);
    assert_eq!(state(&operation(&server, &key).await), (100, "1", "", true));
    assert_eq!(content(&server, &key, "@my").await.0, [file]);
    let history = response(&get(&server, &key, &format!("file/{file}/history")).await);
    assert_eq!(history.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_taken_title_means_what_was_asked_for() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    for (kind, processed, left, there) in [
        (json!(0), "0", 1, 1),
        (json!("skip"), "0", 1, 1),
        (json!("1"), "1", 0, 1),
        (json!("Overwrite"), "1", 0, 1),
        (json!(2), "1", 0, 2),
        (json!("DUPLICATE"), "1", 0, 2),
    ] {
        let (from, to) = (make_folder(&server, &key, root, "from").await, make_folder(&server, &key, root, "to").await);
        let moved = upload(&server, &key, from, "a.txt", b"moved").await;
        let taken = upload(&server, &key, to, "a.txt", b"taken").await;
        let conflicts = format!("fileops/move?fileIds={moved}&destFolderId={to}&conflictResolveType=0");
        let listed = response(&get(&server, &key, &conflicts).await);
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["title"]), (1, &json!("a.txt")));
        let body = json!({"fileIds": [moved], "destFolderId": to, "conflictResolveType": kind});
        assert_eq!(put(&server, &key, "fileops/move", body).await.status, 200);
        assert_eq!(state(&operation(&server, &key).await), (100, processed, "", true), "{kind}");
        assert_eq!(content(&server, &key, from).await.0.len(), left, "{kind}");
        assert_eq!(content(&server, &key, to).await.0.len(), there, "{kind}");
        let shown = response(&get(&server, &key, &format!("file/{taken}")).await);
        assert_eq!(shown["version"], if there == 1 && left == 0 { 2 } else { 1 }, "{kind}");
    }
}

#[tokio::test]
async fn a_folder_whose_title_is_taken_is_merged() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    let (from, to) = (make_folder(&server, &key, root, "from").await, make_folder(&server, &key, root, "to").await);
    let (moved, there) = (make_folder(&server, &key, from, "Docs").await, make_folder(&server, &key, to, "Docs").await);
    let one = upload(&server, &key, moved, "1.txt", b"x").await;
    let two = upload(&server, &key, there, "2.txt", b"x").await;
    let body = json!({"folderIds": [moved], "destFolderId": to});
    assert_eq!(put(&server, &key, "fileops/move", body).await.status, 200);
    assert_eq!(content(&server, &key, to).await.1, [there]);
    assert_eq!(content(&server, &key, there).await.0, [one, two]);
    assert_eq!(content(&server, &key, from).await.1, super::NOTHING);
}

#[tokio::test]
async fn the_whole_is_checked_first() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let key = ann.key.as_str();
    let root = my(&server, key).await;
    let to = make_folder(&server, key, root, "to").await;
    let inner = make_folder(&server, key, to, "inner").await;
    let file = upload(&server, key, "@my", "a.txt", b"x").await;
    let edited = upload(&server, key, "@my", "e.txt", b"x").await;
    post(&server, key, &format!("file/{edited}/startedit"), Value::Null).await;
    let foreign = upload(&server, &bob.key, "@my", "f.txt", b"x").await;
    let bobs = my(&server, &bob.key).await;
    let trashed = make_folder(&server, key, root, "trashed").await;
    delete(&server, key, json!({"folderIds": [trashed]}), "1").await;
    for (body, status, message) in [
        (json!({"fileIds": [file, 999_999], "destFolderId": to}), 404, NO_FILE),
        (json!({"fileIds": [file], "folderIds": [999_999], "destFolderId": to}), 404, NO_FOLDER),
        (json!({"fileIds": [file], "destFolderId": 999_999}), 404, NO_FOLDER),
        (json!({"fileIds": [file], "destFolderId": "abc"}), 404, NO_FOLDER),
        (json!({"fileIds": [file, foreign], "destFolderId": to}), 403, DENIED),
        (json!({"fileIds": [file], "destFolderId": bobs}), 403, DENIED),
        (json!({"fileIds": [file, edited], "destFolderId": to}), 403, DENIED),
        (json!({"fileIds": [file], "destFolderId": trashed}), 403, DENIED),
        (json!({"fileIds": [file], "destFolderId": trash_id(&server, key).await}), 403, DENIED),
        (json!({"folderIds": [root], "destFolderId": to}), 403, DENIED),
        (json!({"folderIds": [to], "destFolderId": inner}), 403, "The folder cannot lie in itself"),
        (json!({"fileIds": [file]}), 400, "The value of destFolderId is not valid"),
        (json!({"fileIds": [file], "destFolderId": [1]}), 400, "The value of destFolderId is not valid"),
        (
            json!({"fileIds": [file], "destFolderId": to, "conflictResolveType": 3}),
            400,
            "The value of conflictResolveType is not valid",
        ),
        (
            json!({"fileIds": [file], "destFolderId": to, "conflictResolveType": "ask"}),
            400,
            "The value of conflictResolveType is not valid",
        ),
    ] {
        assert_refused(&put(&server, key, "fileops/move", body).await, status, message);
    }
    let nothing = json!({"destFolderId": to});
    assert_eq!(response(&put(&server, key, "fileops/move", nothing).await), json!([]));
    assert_eq!(operations(&server, key).await, Vec::<Value>::new());
    assert_eq!(content(&server, key, to).await, (vec![], vec![inner]));

    // What would be gone as a file of its own must not be held.
    upload(&server, key, to, "a.txt", b"x").await;
    hold(&server, file).await;
    let body = json!({"fileIds": [file], "destFolderId": to, "conflictResolveType": 1});
    assert_refused(&put(&server, key, "fileops/move", body).await, 403, super::HELD);
}

#[tokio::test]
async fn a_copy_has_an_id_of_its_own() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let key = ann.key.as_str();
    let root = my(&server, key).await;
    let to = make_folder(&server, key, root, "to").await;
    for text in ["1", "2"] {
        upload(&server, key, "@my", "a.txt", text.as_bytes()).await;
    }
    let file = content(&server, key, "@my").await.0[0];
    let body = json!({"fileIds": [file], "destFolderId": to});
    assert_eq!(response(&put(&server, key, "fileops/copy", body.clone()).await)[0]["operation"], 1);
    assert_eq!(state(&operation(&server, key).await), (100, "1", "", true));
    let copies = content(&server, key, to).await.0;
    assert!(copies.len() == 1 && copies[0] != file);
    let copy = response(&get(&server, key, &format!("file/{}", copies[0])).await);
    assert_eq!((&copy["title"], &copy["version"], &copy["pureContentLength"]), (&json!("a.txt"), &json!(1), &json!(1)));

    let reply = put(&server, key, "fileops/duplicate", json!({"fileIds": [file], "folderIds": [to]})).await;
    assert_eq!(response(&reply)[0]["operation"], 7);
    assert_eq!(state(&operation(&server, key).await).0, 100);
    let (files, folders) = content(&server, key, "@my").await;
    assert_eq!((files.len(), folders.len()), (2, 2));
    let titles: Vec<Value> = response(&get(&server, key, "@my").await)["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["title"].clone())
        .collect();
    assert!(titles.contains(&json!("a(2).txt")), "{titles:?}");

    // A reader may download, and so copy into a tree of their own.
    share(&server, key, &format!("file/{file}"), &bob.uid, 2).await;
    let body = json!({"fileIds": [file], "destFolderId": my(&server, &bob.key).await});
    assert_eq!(put(&server, &bob.key, "fileops/copy", body).await.status, 200);
    delete(&server, key, json!({"fileIds": [file]}), "1").await;
    let body = json!({"fileIds": [file], "destFolderId": to});
    assert_refused(&put(&server, key, "fileops/copy", body).await, 403, DENIED);
}

#[tokio::test]
async fn a_tree_beyond_its_quota_takes_nothing() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account_with("bob", &["--quota", "10"]).await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"eleven bytes").await;
    share(&server, &ann.key, &format!("file/{file}"), &bob.uid, 1).await;
    let body = json!({"fileIds": [file], "destFolderId": my(&server, &bob.key).await});
    for call in ["fileops/copy", "fileops/move"] {
        assert_refused(&put(&server, &bob.key, call, body.clone()).await, 402, "Storage quota exceeded");
    }
    assert_eq!(content(&server, &bob.key, "@my").await.0, super::NOTHING);
    assert_eq!(content(&server, &ann.key, "@my").await.0, [file]);
}
