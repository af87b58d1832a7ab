//! Reading: files, folders, their content, bytes (onlyoffice.md 4.1, 4.3, 4.9).

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    DENIED, NO_FILE, NO_FOLDER, assert_refused, content, get, make_folder, my, post, put, response, send, upload,
};
use crate::support::Server;

#[tokio::test]
async fn a_file_is_shown_to_the_byte() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let root = my(&server, &ann.key).await;
    let file = upload(&server, &ann.key, "@my", "a.txt", b"thirteen byte").await;
    let reply = get(&server, &ann.key, &format!("file/{file}")).await;
    let shown = response(&reply);
    let (created, updated) = (shown["created"].as_str().unwrap(), shown["updated"].as_str().unwrap());
    assert!(created.len() == 28 && created.ends_with('Z'), "{created}");
    let (url, uid) = (server.url(""), &ann.uid);
    let person = format!(
        r#"{{"id":"{uid}","displayName":"ann","title":"","avatarSmall":"/skins/default/images/default_user_photo_size_32-32.png","profileUrl":"/Products/People/Profile.aspx?user=ann"}}"#
    );
    let expected = format!(
        r#"{{"count":1,"links":[{{"href":"{url}/api/2.0/files/file/{file}","action":"GET"}}],"status":0,"statusCode":200,"response":{{"folderId":{root},"version":1,"versionGroup":1,"contentLength":"13 bytes","pureContentLength":13,"fileStatus":0,"viewUrl":"{url}/api/2.0/files/file/{file}/download?version=1","webUrl":"{url}/api/2.0/files/file/{file}/download?version=1","fileType":7,"fileExst":".txt","comment":null,"encrypted":false,"id":{file},"title":"a.txt","access":0,"shared":false,"rootFolderType":5,"updatedBy":{person},"created":"{created}","createdBy":{person},"updated":"{updated}","providerItem":false}}}}"#
    );
    assert_eq!(reply.text(), expected);
    let folder = make_folder(&server, &ann.key, root, "Docs").await;
    let reply = get(&server, &ann.key, &format!("folder/{folder}")).await;
    let shown = response(&reply);
    let (created, updated) = (shown["created"].as_str().unwrap(), shown["updated"].as_str().unwrap());
    let expected = format!(
        r#"{{"count":1,"links":[{{"href":"{url}/api/2.0/files/folder/{folder}","action":"GET"}}],"status":0,"statusCode":200,"response":{{"parentId":{root},"filesCount":0,"foldersCount":0,"isShareable":true,"id":{folder},"title":"Docs","access":0,"shared":false,"rootFolderType":5,"updatedBy":{person},"created":"{created}","createdBy":{person},"updated":"{updated}","providerItem":false}}}}"#
    );
    assert_eq!(reply.text(), expected);
    let reply = get(&server, &ann.key, "/api/2.0/people/@self").await;
    let expected = format!(
        r#"{{"count":1,"links":[{{"href":"{url}/api/2.0/people/@self","action":"GET"}}],"status":0,"statusCode":200,"response":{{{},"email":"","userName":"ann"}}}}"#,
        &person[1..person.len() - 1]
    );
    assert_eq!(reply.text(), expected);
}

#[tokio::test]
async fn a_folder_s_content_is_told_in_pages() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    let docs = make_folder(&server, &key, root, "Docs").await;
    let inner = make_folder(&server, &key, docs, "inner").await;
    let mut files = Vec::new();
    for (name, bytes) in [("b.txt", "22"), ("a.txt", "333"), ("c.md", "1")] {
        files.push(upload(&server, &key, docs, name, bytes.as_bytes()).await);
    }
    let [b, a, c] = files[..] else { unreachable!() };
    let listed = response(&get(&server, &key, &docs.to_string()).await);
    assert_eq!(listed["pathParts"], json!([{"id": root, "title": "My documents"}, {"id": docs, "title": "Docs"}]));
    let figures = ["startIndex", "count", "total", "new"].map(|member| listed[member].as_i64().unwrap());
    assert_eq!(figures, [0, 4, 4, 0]);
    assert_eq!(listed["current"]["id"], docs);
    for (query, expected) in [
        ("", (vec![a, b, c], vec![inner])),
        ("?count=2", (vec![a], vec![inner])),
        ("?startIndex=2&count=2", (vec![b, c], vec![])),
        ("?sortBy=Size", (vec![c, b, a], vec![inner])),
        ("?sortBy=size&sortOrder=descending", (vec![a, b, c], vec![inner])),
        ("?sortBy=DateAndTime&sortOrder=descending", (vec![c, a, b], vec![inner])),
        ("?filterValue=TXT", (vec![a, b], vec![])),
        ("?count=0", (vec![], vec![])),
    ] {
        assert_eq!(content(&server, &key, format!("{docs}{query}")).await, expected, "{query}");
    }
    for bad in ["?count=x", "?startIndex=-1", "?sortOrder=up"] {
        assert_eq!(get(&server, &key, &format!("{docs}{bad}")).await.status, 400, "{bad}");
    }
    let shown = response(&get(&server, &key, &format!("folder/{docs}")).await);
    assert_eq!((&shown["filesCount"], &shown["foldersCount"]), (&json!(3), &json!(1)));
    for (empty, kind) in [("@common", 1), ("@recent", 11), ("@favorites", 10), ("@share", 6)] {
        let listed = response(&get(&server, &key, empty).await);
        assert_eq!((&listed["total"], &listed["files"], &listed["folders"]), (&json!(0), &json!([]), &json!([])));
        assert_eq!(listed["current"]["rootFolderType"], kind);
    }
}

#[tokio::test]
async fn what_is_missing_or_foreign_is_refused() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    let root = my(&server, &ann.key).await;
    for (to, message) in [
        ("file/999999", NO_FILE),
        ("file/999999/history", NO_FILE),
        ("file/999999/presigneduri", NO_FILE),
        ("file/999999/download", NO_FILE),
        ("file/999999/share", NO_FILE),
        ("folder/999999", NO_FOLDER),
        ("999999", NO_FOLDER),
        ("nothing", NO_FOLDER),
    ] {
        assert_refused(&get(&server, &ann.key, to).await, 404, message);
    }
    for to in ["", "/history", "/presigneduri", "/download", "/share"] {
        assert_refused(&get(&server, &bob.key, &format!("file/{file}{to}")).await, 403, DENIED);
    }
    for to in [format!("folder/{root}"), root.to_string(), format!("folder/{root}/share")] {
        assert_refused(&get(&server, &bob.key, &to).await, 403, DENIED);
    }
    for to in ["/api/2.0", "/api/2.0/files", "/api/2.0/files/a/b/c", "/api/2.0/people/someone", "/api/2.0/x"] {
        assert_refused(&get(&server, &ann.key, to).await, 404, "The required resource was not found");
    }
    for to in ["@my", "fileops/delete", "/api/2.0/keys"] {
        let reply = send(&server, Method::PATCH, to, &[("authorization", &ann.key)], "").await;
        assert_refused(&reply, 405, "Method not allowed");
        assert!(!reply.header("allow").is_empty());
    }
}

#[tokio::test]
async fn bytes_are_read_whole_and_in_part() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "page.html", b"0123456789").await;
    let to = format!("file/{file}/download");
    let read =
        async |range: &str| send(&server, Method::GET, &to, &[("authorization", &key), ("range", range)], "").await;
    let whole = get(&server, &key, &to).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    assert_eq!(whole.header("content-security-policy"), "sandbox; default-src 'none'");
    let part = read("bytes=2-4").await;
    assert_eq!((part.status, part.text().as_str(), part.header("content-range")), (206, "234", "bytes 2-4/10"));
    assert_eq!(read("bytes=-3").await.text(), "789");
    let behind = read("bytes=10-").await;
    assert_eq!((behind.status, behind.header("content-range")), (416, "bytes */10"));
    assert_refused(&behind, 416, "The file has no such part");
    assert_eq!(send(&server, Method::GET, &to, &[], "").await.status, 401);
}

#[tokio::test]
async fn a_temporary_url_is_good_for_a_while() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "@my", "a b.txt", b"bytes").await;
    let url = response(&get(&server, &key, &format!("file/{file}/presigneduri")).await);
    let url = url.as_str().unwrap();
    let read = async |method: Method, url: &str| server.send(method, url, &[], "").await;
    assert_eq!(read(Method::GET, url).await.text(), "bytes");
    assert_eq!(read(Method::HEAD, url).await.status, 200);
    assert_eq!(read(Method::PUT, url).await.status, 405);
    assert_eq!(read(Method::GET, &url.replace("a%20b", "c")).await.status, 403);
    assert_eq!(read(Method::GET, &format!("{url}0")).await.status, 403);
    server.advance(Duration::from_secs(14 * 60)).await;
    assert_eq!(read(Method::GET, url).await.status, 200);
    server.advance(Duration::from_secs(61)).await;
    let late = read(Method::GET, url).await;
    assert!(late.status == 403 && late.text().contains("<Message>Request has expired</Message>"));
    let url = response(&get(&server, &key, &format!("file/{file}/presigneduri")).await);
    let url = url.as_str().unwrap();
    super::delete(&server, &key, json!({"fileIds": [file]}), "1").await;
    assert_eq!(read(Method::GET, url).await.status, 404, "it dies with the file");
    assert_refused(&get(&server, &key, &format!("file/{file}/presigneduri")).await, 404, NO_FILE);
}

#[tokio::test]
async fn entries_are_renamed_and_locked() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    let to = format!("file/{file}");
    assert_eq!(response(&put(&server, &ann.key, &to, json!({"title": "b.pdf"})).await)["fileType"], 10);
    assert_eq!(response(&put(&server, &ann.key, &to, Value::Null).await)["title"], "b.pdf");
    let folder = make_folder(&server, &ann.key, my(&server, &ann.key).await, "Docs").await;
    let renamed = put(&server, &ann.key, &format!("folder/{folder}"), json!({"title": "New"})).await;
    assert_eq!(response(&renamed)["title"], "New");

    super::share(&server, &ann.key, &to, &bob.uid, 10).await;
    let lock = format!("{to}/lock");
    let locked = response(&put(&server, &bob.key, &lock, json!({"lockFile": true})).await);
    assert_eq!(locked["locked"], true);
    assert_refused(&put(&server, &ann.key, &lock, json!({"lockFile": true})).await, 403, DENIED);
    assert_refused(&put(&server, &ann.key, &to, json!({"title": "c.txt"})).await, 403, DENIED);
    assert_refused(&post(&server, &ann.key, &format!("{to}/startedit"), Value::Null).await, 403, DENIED);
    let unlocked = response(&put(&server, &ann.key, &lock, json!({"lockFile": false})).await);
    assert!(unlocked.get("locked").is_none(), "its owner may");
    assert_eq!(put(&server, &ann.key, &lock, json!({})).await.status, 400);
}
