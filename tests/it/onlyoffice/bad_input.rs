//! Bad input, row by row (onlyoffice.md 5). Nothing is queued or changed by any of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{content, get, make_folder, my, operations, post, put, send, upload};
use crate::support::Server;

struct Scene {
    server: Server,
    key: String,
    file: i64,
    folder: i64,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let key = server.account("ann").await.key;
        let file = upload(&server, &key, "@my", "a.txt", b"x").await;
        let folder = make_folder(&server, &key, my(&server, &key).await, "Docs").await;
        Self { server, key, file, folder }
    }

    /// A delete with this body, in which `<id>` is the file's and `<folder>` the folder's id.
    async fn delete(&self, media_type: &str, query: &str, body: &str) -> u16 {
        let fill =
            |text: &str| text.replace("<id>", &self.file.to_string()).replace("<folder>", &self.folder.to_string());
        let mut headers = vec![("authorization", self.key.as_str())];
        headers.extend((!media_type.is_empty()).then_some(("content-type", media_type)));
        let to = format!("fileops/delete{}", fill(query));
        send(&self.server, Method::PUT, &to, &headers, fill(body)).await.status
    }

    async fn assert_untouched(&self) {
        let root = my(&self.server, &self.key).await;
        assert_eq!(content(&self.server, &self.key, root).await, (vec![self.file], vec![self.folder]));
        assert_eq!(operations(&self.server, &self.key).await, Vec::<Value>::new());
    }
}

const JSON: &str = "application/json";

#[tokio::test]
async fn a_malformed_body_is_refused() {
    let scene = Scene::new().await;
    for (media_type, body) in [
        (JSON, "{"),
        (JSON, "[<id>]"),
        (JSON, "null"),
        (JSON, "5"),
        (JSON, "\"fileIds\""),
        (JSON, r#"{"fileIds":[<id>]"#),
        (JSON, r#"{"fileIds":[<id>],}"#),
        (JSON, r#"{"fileIds":[<id>]}x"#),
        (JSON, "fileIds=<id>"),
        (JSON, r#"{"fileIds":[<id>],"fileIds":[]}"#),
        (JSON, r#"{"fileIds":[<id>],"FileIds":[]}"#),
        (JSON, r#"{"fileIds":[<id>],"x":{"a":1,"A":2}}"#),
        ("text/xml", "<r><fileIds><id></fileIds>"),
        ("text/xml", "<r>text</r>"),
        ("text/xml", "<r><fileIds><id></fileIds><FILEIDS><id></FILEIDS></r>"),
        ("text/xml", "fileIds=<id>"),
        ("text/plain", "[<id>]"),
        ("text/plain", "<r><fileIds><id></fileIds></r>"),
        ("", "<id>"),
        ("application/x-www-form-urlencoded", "fileIds"),
        ("application/x-www-form-urlencoded", "fileIds=<id>&"),
        ("application/octet-stream", "{\"fileIds\":[<id>]"),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"fileIds\"\r\n\r\n<id>\r\n--b--\r\n",
        ),
    ] {
        assert_eq!(scene.delete(media_type, "", body).await, 400, "{media_type} {body}");
    }
    scene.assert_untouched().await;
}

#[tokio::test]
async fn a_bad_element_spoils_the_whole() {
    let scene = Scene::new().await;
    for element in ["null", "true", "1.5", "1e2", "{}", "{\"id\":1}", "[]", "[<id>]", "\"\""] {
        for name in ["fileIds", "folderIds"] {
            let body = format!(r#"{{"fileIds":[<id>],"folderIds":[<folder>],"{name}2":1}}"#)
                .replace(&format!("\"{name}\":["), &format!("\"{name}\":[{element},"));
            assert_eq!(scene.delete(JSON, "", &body).await, 400, "{body}");
        }
    }
    for scalar in ["true", "{}", "\"\"", "1.5"] {
        assert_eq!(scene.delete(JSON, "", &format!(r#"{{"fileIds":{scalar}}}"#)).await, 400, "{scalar}");
    }
    assert_eq!(scene.delete("", "?fileIds=", "").await, 400);
    scene.assert_untouched().await;
}

#[tokio::test]
async fn an_id_that_can_be_none_names_nothing() {
    let scene = Scene::new().await;
    for element in [
        "0",
        "-1",
        "\"abc\"",
        "\"-1\"",
        "\"0\"",
        "\"1.5\"",
        "\" 1\"",
        "\"99999999999999999999\"",
        "99999999999999999999",
    ] {
        for (name, other) in [("fileIds", "folderIds\":[<folder>"), ("folderIds", "fileIds\":[<id>")] {
            let body = format!(r#"{{"{name}":[{element}],"{other}]}}"#);
            assert_eq!(scene.delete(JSON, "", &body).await, 404, "{body}");
        }
    }
    assert_eq!(scene.delete(JSON, "", r#"{"folderIds":[<id>]}"#).await, 404);
    assert_eq!(scene.delete(JSON, "", r#"{"fileIds":[<folder>]}"#).await, 404);
    for path in ["file/abc", "file/-1", "file/0", "file/99999999999999999999", "folder/abc", "abc", "0"] {
        assert_eq!(get(&scene.server, &scene.key, path).await.status, 404, "{path}");
    }
    scene.assert_untouched().await;
}

#[tokio::test]
async fn a_flag_is_true_or_false() {
    let scene = Scene::new().await;
    for value in ["1", "0", "\"yes\"", "\"1\"", "\"\"", "{}", "[]", "[true]"] {
        for flag in ["immediately", "deleteAfter", "returnSingleOperation"] {
            let body = format!(r#"{{"fileIds":[<id>],"{flag}":{value}}}"#);
            assert_eq!(scene.delete(JSON, "", &body).await, 400, "{body}");
        }
    }
    for query in ["?immediately=1", "?immediately=", "?immediately=false&immediately=true"] {
        assert_eq!(scene.delete(JSON, query, r#"{"fileIds":[<id>]}"#).await, 400, "{query}");
    }
    let body = r#"{"fileIds":[<id>],"immediately":true}"#;
    assert_eq!(scene.delete(JSON, "?immediately=false", body).await, 400);
    scene.assert_untouched().await;
}

#[tokio::test]
async fn a_call_has_its_bounds() {
    let scene = Scene::new().await;
    let ids = |count: i64| json!({"fileIds": (1_000_000..1_000_000 + count).collect::<Vec<_>>()}).to_string();
    assert_eq!(scene.delete(JSON, "", &ids(10_000)).await, 404);
    assert_eq!(scene.delete(JSON, "", &ids(10_001)).await, 400);
    let same = json!({"fileIds": vec![1_000_000; 20_000]}).to_string();
    assert_eq!(scene.delete(JSON, "", &same).await, 404, "the same one counts once");
    let padded = |length: usize| format!("{{\"fileIds\":[1000000]{}}}", " ".repeat(length - 21));
    assert_eq!(scene.delete(JSON, "", &padded(1 << 20)).await, 404);
    assert_eq!(scene.delete(JSON, "", &padded((1 << 20) + 1)).await, 413);
    scene.assert_untouched().await;
}

#[tokio::test]
async fn ten_thousand_entries_are_deleted_by_one_call() {
    let scene = Scene::new().await;
    // Rows made beside the server: uploading so many would take longer than what is tried here.
    let root = my(&scene.server, &scene.key).await;
    scene
        .server
        .sql(&format!(
            "with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000) \
             insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, \
             private, created_at, modified_at, folded) select \
             '00000000-0000-4000-8000-' || substr(cast(1000000000000 + i as text), 2), account_id, id, 'folder', 1, 1, 'f' || i, 0, 0, 0, account_id, 1, 1, 1, 'f' || i from n, node where node.id = {root}"
        ))
        .await;
    scene.server.sql(&format!("update node set folders = folders + 10000 where id = {root}")).await;
    let rows = scene.server.sql("select id from node where uid like '00000000-0000-4000-8000-%'").await;
    let ids: Vec<i64> = rows.iter().map(|row| row[0].as_i64().unwrap()).collect();
    let reply = put(&scene.server, &scene.key, "fileops/delete", json!({"folderIds": ids})).await;
    assert_eq!(super::response(&reply)[0]["folders"].as_array().unwrap().len(), 10_000);
    let record = super::operation(&scene.server, &scene.key).await;
    assert_eq!(super::state(&record), (100, "10000", "", true));
    // Three of them are more than one list holds: the oldest is left for the next.
    for _ in 0..3 {
        let body = json!({"folderIds": ids, "returnSingleOperation": true});
        assert_eq!(put(&scene.server, &scene.key, "fileops/delete", body).await.status, 200);
    }
    for expected in [2, 1] {
        let records = operations(&scene.server, &scene.key).await;
        assert_eq!(records.len(), expected);
        assert!(records.iter().all(|record| super::state(record) == (100, "10000", "", true)));
    }
    scene.assert_untouched().await;
}

#[tokio::test]
async fn a_title_has_its_rules() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, scene.key.as_str());
    let root = my(server, key).await;
    let long = "x".repeat(256);
    for title in ["", ".", "..", "a/b", "a\\b", "a\u{1}b", long.as_str()] {
        for (method, to) in [
            (Method::POST, format!("folder/{root}")),
            (Method::PUT, format!("folder/{}", scene.folder)),
            (Method::PUT, format!("file/{}", scene.file)),
            (Method::POST, format!("{root}/file")),
            (Method::POST, format!("{root}/text")),
        ] {
            let reply = super::call(server, key, method.clone(), &to, json!({"title": title})).await;
            assert_eq!(reply.status, 400, "{method} {to} {title:?}: {}", reply.text());
        }
    }
    for to in [format!("folder/{root}"), format!("{root}/file")] {
        assert_eq!(post(server, key, &to, json!({})).await.status, 400);
    }
    assert_eq!(put(server, key, &format!("folder/{root}"), json!({"title": "mine"})).await.status, 403);
    scene.assert_untouched().await;
}

#[tokio::test]
async fn folders_have_a_depth() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, scene.key.as_str());
    let mut deepest = my(server, key).await;
    for _ in 0..100 {
        deepest = make_folder(server, key, deepest, "d").await;
    }
    let reply = post(server, key, &format!("folder/{deepest}"), json!({"title": "e"})).await;
    super::assert_refused(&reply, 400, "Folders are at most 100 deep");
    for call in ["fileops/move", "fileops/copy"] {
        let body = json!({"folderIds": [scene.folder], "destFolderId": deepest});
        super::assert_refused(&put(server, key, call, body).await, 400, "Folders are at most 100 deep");
    }
    assert_eq!(content(server, key, deepest).await, (vec![], vec![]));
}

#[tokio::test]
async fn an_upload_needs_its_folder() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, scene.key.as_str());
    let trashed = make_folder(server, key, my(server, key).await, "trashed").await;
    super::delete(server, key, json!({"folderIds": [trashed]}), "1").await;
    for (folder, status) in [(999_999, 404), (trashed, 403), (scene.file, 404)] {
        let headers = [("authorization", key), ("content-type", "text/plain")];
        let reply = send(server, Method::POST, &format!("{folder}/upload"), &headers, "x").await;
        assert_eq!(reply.status, status, "{}", reply.text());
        for call in [format!("{folder}/file"), format!("{folder}/text"), format!("folder/{folder}")] {
            assert_eq!(post(server, key, &call, json!({"title": "a.txt"})).await.status, status, "{call}");
        }
    }
    assert_eq!(server.objects().await.len(), 1);
    scene.assert_untouched().await;
}
