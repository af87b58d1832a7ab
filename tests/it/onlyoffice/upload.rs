//! Bytes on their way in (onlyoffice.md 4.2).

use reqwest::Method;
use serde_json::json;

use super::{assert_refused, content, get, make_folder, my, post, response, send};
use crate::support::{Reply, Server};

async fn raw(server: &Server, key: &str, to: &str, headers: &[(&str, &str)], body: &'static str) -> Reply {
    let mut all = vec![("authorization", key)];
    all.extend(headers);
    send(server, Method::POST, to, &all, body).await
}

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b");

fn part(disposition: &str, bytes: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{bytes}\r\n")
}

async fn form(server: &Server, key: &str, to: &str, parts: &[String]) -> Reply {
    let body = format!("{}--b--\r\n", parts.concat());
    send(server, Method::POST, to, &[("authorization", key), FORM], body).await
}

#[tokio::test]
async fn a_raw_body_answers_with_an_object() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for (headers, title, exst) in [
        (&[("content-disposition", "attachment; filename=\"a%20b.txt\"")][..], "a b.txt", ".txt"),
        (&[("content-disposition", "inline; filename=c.pdf"), ("content-type", "application/pdf")], "c.pdf", ".pdf"),
        (&[("content-type", "text/plain")], "file.txt", ".txt"),
        (&[("content-type", "application/octet-stream")], "file", ""),
        (&[], "file", ""),
    ] {
        let folder = make_folder(&server, &key, my(&server, &key).await, "Docs").await;
        let reply = raw(&server, &key, &format!("{folder}/upload"), headers, "hello").await;
        let file = response(&reply);
        assert_eq!((&file["title"], &file["fileExst"]), (&json!(title), &json!(exst)));
        assert_eq!((&file["folderId"], &file["contentLength"]), (&json!(folder), &json!("5 bytes")));
        let view = file["viewUrl"].as_str().unwrap();
        let read = server.send(Method::GET, view, &[("authorization", &key)], "").await;
        assert_eq!(read.text(), "hello");
        assert_eq!(read.header("x-content-type-options"), "nosniff");
        assert!(read.header("content-disposition").starts_with("attachment;"));
    }
}

#[tokio::test]
async fn a_form_answers_with_a_list() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let parts = [
        part("name=\"note\"", "no file"),
        part("name=\"file\"; filename=\"a.txt\"", "1"),
        part("name=\"other\"; filename=\"C:\\docs\\b.txt\"", "22"),
    ];
    let listed = response(&form(&server, &key, "@my/upload", &parts).await);
    let seen: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["title"].as_str().unwrap(), f["pureContentLength"].as_i64().unwrap()))
        .collect();
    assert_eq!(seen, [("a.txt", 1), ("b.txt", 2)]);
    assert_eq!(form(&server, &key, "@my/upload", &parts[..1]).await.status, 400, "no file part");
    assert_eq!(form(&server, &key, "@my/upload", &[]).await.status, 400);
    let broken = send(&server, Method::POST, "@my/upload", &[("authorization", &key), FORM], "--b\r\n").await;
    assert_eq!(broken.status, 400);
    assert_eq!(content(&server, &key, "@my").await.0.len(), 2);
}

#[tokio::test]
async fn a_taken_title_is_a_version_or_a_number() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let name = [("content-disposition", "attachment; filename=\"a.txt\"")];
    let first = response(&raw(&server, &key, "@my/upload", &name, "1").await);
    let second = response(&raw(&server, &key, "@my/upload", &name, "2").await);
    assert_eq!((&second["id"], &second["version"]), (&first["id"], &json!(2)));
    let third = response(&raw(&server, &key, "@my/upload?createNewIfExist=true", &name, "3").await);
    assert_eq!((&third["title"], &third["version"]), (&json!("a(2).txt"), &json!(1)));
    let parts = [part("name=\"createNewIfExist\"", "True"), part("name=\"f\"; filename=\"a.txt\"", "4")];
    let fourth = response(&form(&server, &key, "@my/upload", &parts).await);
    assert_eq!(fourth[0]["title"], "a(3).txt");
    let parts = [part("name=\"f\"; filename=\"a.txt\"", "5")];
    let fifth = response(&form(&server, &key, "@my/upload?createNewIfExist=false", &parts).await);
    assert_eq!((&fifth[0]["id"], &fifth[0]["version"]), (&first["id"], &json!(3)));
    assert_eq!(raw(&server, &key, "@my/upload?createNewIfExist=1", &name, "x").await.status, 400);
}

#[tokio::test]
async fn files_and_folders_are_made() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let root = my(&server, &key).await;
    for (to, body, title, size) in [
        ("@my/file".to_owned(), json!({"title": "new"}), "new.docx", 0),
        ("@my/file".to_owned(), json!({"title": "new.xlsx"}), "new.xlsx", 0),
        (format!("{root}/file"), json!({"title": "new"}), "new.docx", 0),
        (format!("{root}/text"), json!({"title": "t", "content": "\u{e4}b"}), "t.txt", 3),
        (format!("{root}/text"), json!({"title": "t.md"}), "t.md", 0),
    ] {
        let file = response(&post(&server, &key, &to, body).await);
        assert_eq!((&file["title"], &file["pureContentLength"]), (&json!(title), &json!(size)));
        assert_eq!((&file["version"], &file["folderId"]), (&json!(1), &json!(root)));
    }
    assert_eq!(content(&server, &key, "@my").await.0.len(), 5, "same titles may stand side by side");
    for _ in 0..2 {
        let folder = response(&post(&server, &key, &format!("folder/{root}"), json!({"title": "Docs"})).await);
        assert_eq!(
            (&folder["title"], &folder["parentId"], &folder["filesCount"]),
            (&json!("Docs"), &json!(root), &json!(0))
        );
    }
}

#[tokio::test]
async fn beyond_the_quota_nothing_is_kept() {
    let server = Server::start().await;
    let key = server.account_with("ann", &["--quota", "10"]).await.key;
    let name = [("content-disposition", "attachment; filename=\"a.txt\"")];
    let reply = raw(&server, &key, "@my/upload", &name, "eleven bytes").await;
    assert_refused(&reply, 402, "Storage quota exceeded");
    let reply = form(&server, &key, "@my/upload", &[part("name=\"f\"; filename=\"a.txt\"", "eleven bytes")]).await;
    assert_refused(&reply, 402, "Storage quota exceeded");
    let parts = [part("name=\"f\"; filename=\"1.txt\"", "12345"), part("name=\"f\"; filename=\"2.txt\"", "123456")];
    assert_refused(&form(&server, &key, "@my/upload", &parts).await, 402, "Storage quota exceeded");
    assert_eq!(content(&server, &key, "@my").await.0, super::NOTHING);
    assert_eq!(server.sql("select used from account where name = 'ann'").await, [[0]]);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
    assert_eq!(get(&server, &key, "@trash").await.json()["response"]["total"], 0);
}
