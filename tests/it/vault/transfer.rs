//! Chunked upload, step by step (vault.md 4.5; acceptance case 2).

use reqwest::Method;

use super::{
    INVALID_PARAMETER, add, announce, assert_reply, call, call_with, commit, content, figures, find, finish, is_there,
    listed, open, root, send_chunk, upload,
};
use crate::support::Server;

const SUCCESS: &str = r#"{"result":"success"}"#;

#[tokio::test]
async fn five_steps_make_a_file() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;

    let reply = call(&server, Method::GET, "transfer", &key).await;
    let group = reply.json()["group_id"].as_str().unwrap().to_owned();
    assert_reply(
        &reply,
        200,
        &format!(
            r#"{{"group_id":"{group}","owner":{{"email":"","first_name":"","is_impersonated":false,"last_name":"","username":"ann"}},"shared_with":[]}}"#
        ),
    );

    let headers = [
        ("group_id", group.as_str()),
        ("transfer_method", "Chunk"),
        ("file_size", "9"),
        ("file_name", "report.pdf"),
        ("path", "My Folder/Documents"),
    ];
    let reply = call_with(&server, Method::GET, "transfer_file", &key, &headers, "").await;
    let file = reply.json()["file_id"].as_str().unwrap().to_owned();
    assert_reply(&reply, 200, &format!(r#"{{"file_id":"{file}"}}"#));
    assert!(file.len() == 32 && file.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{file}");

    assert_reply(&send_chunk(&server, &key, &group, &file, 6, b"ghi").await, 200, SUCCESS);
    assert_reply(&send_chunk(&server, &key, &group, &file, 0, b"abcdef").await, 200, SUCCESS);
    let reply = finish(&server, &key, &group, &file).await;
    assert_reply(&reply, 200, &format!(r#"{{"result":"success","file_id":"{file}"}}"#));

    assert!(!is_there(&server, &key, &file).await, "nothing shows before the commit");
    assert_eq!(listed(&server, &key, &[]).await, [""; 0]);
    let reply = commit(&server, &key, &group).await;
    assert_reply(&reply, 200, &format!(r#"{{"files":[{{"file_id":"{file}","displayed_name":"report.pdf"}}]}}"#));

    assert_eq!(find(&server, &key, &["My Folder", "Documents", "report.pdf"]).await, file);
    let reply = call(&server, Method::GET, &format!("file/{file}"), &key).await;
    assert_reply(&reply, 200, "abcdefghi");
}

#[tokio::test]
async fn chunks_come_in_any_order_and_more_than_once() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let bytes: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
    let file = announce(&server, &key, &group, "", "big.bin", bytes.len()).await;
    for offset in [200_000, 0, 100_000, 200_000, 0] {
        let chunk = &bytes[offset..offset + 100_000];
        assert_reply(&send_chunk(&server, &key, &group, &file, offset, chunk).await, 200, SUCCESS);
    }
    assert_eq!(finish(&server, &key, &group, &file).await.status, 200);
    assert_eq!(finish(&server, &key, &group, &file).await.status, 200);
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    let reply = call(&server, Method::GET, &format!("file/{file}"), &key).await;
    assert!(reply.body == bytes, "the bytes read back equal");
    assert_eq!(reply.header("content-length"), "300000");
}

#[tokio::test]
async fn a_chunk_sent_again_replaces_the_first() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "", "a.txt", 6).await;
    for bytes in [b"wrong!", b"right!"] {
        assert_reply(&send_chunk(&server, &key, &group, &file, 0, bytes).await, 200, SUCCESS);
    }
    finish(&server, &key, &group, &file).await;
    commit(&server, &key, &group).await;
    assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, "right!");
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 1, "the replaced chunk is gone");
}

#[tokio::test]
async fn a_bad_chunk_leaves_the_file_completable() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "", "a.txt", 6).await;
    assert_reply(&send_chunk(&server, &key, &group, &file, 2, b"cd").await, 200, SUCCESS);
    for (offset, bytes) in [(0, &b"abc"[..]), (3, b"def"), (2, b"cde"), (2, b"c"), (4, b"efg"), (6, b"g"), (1, b"bcde")]
    {
        let reply = send_chunk(&server, &key, &group, &file, offset, bytes).await;
        assert_eq!((reply.status, reply.text().as_str()), (401, INVALID_PARAMETER), "{offset} {bytes:?}");
    }
    let checked = async |md5: &str| {
        let headers =
            [("group_id", group.as_str()), ("file_id", &file), ("chunk_offset", "4"), ("chunk_checksum", md5)];
        call_with(&server, Method::PATCH, "transfer_file", &key, &headers, "ef").await
    };
    let (md5_of_abc, md5_of_ef) = ("900150983cd24fb0d6963f7d28e17f72", "FEB78CC258bdc76867354f01c22dbe43");
    assert_reply(&checked(md5_of_abc).await, 401, INVALID_PARAMETER);
    assert_reply(&finish(&server, &key, &group, &file).await, 401, INVALID_PARAMETER);
    assert_reply(&commit(&server, &key, &group).await, 401, INVALID_PARAMETER);
    assert_reply(&checked(md5_of_ef).await, 200, SUCCESS);
    assert_reply(&send_chunk(&server, &key, &group, &file, 0, b"ab").await, 200, SUCCESS);
    assert_eq!(finish(&server, &key, &group, &file).await.status, 200);
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, "abcdef");
}

#[tokio::test]
async fn a_stream_needs_no_offsets() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let headers =
        [("group_id", group.as_str()), ("transfer_method", "Stream"), ("file_size", "6"), ("file_name", "a.txt")];
    let reply = call_with(&server, Method::GET, "transfer_file", &key, &headers, "").await;
    let file = reply.json()["file_id"].as_str().unwrap().to_owned();
    let headers = [("group_id", group.as_str()), ("file_id", file.as_str())];
    for bytes in ["abc", "def"] {
        let reply = call_with(&server, Method::PATCH, "transfer_file", &key, &headers, bytes).await;
        assert_reply(&reply, 200, SUCCESS);
    }
    let reply = call_with(&server, Method::PATCH, "transfer_file", &key, &headers, "g").await;
    assert_reply(&reply, 401, INVALID_PARAMETER);
    finish(&server, &key, &group, &file).await;
    commit(&server, &key, &group).await;
    assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, "abcdef");
}

#[tokio::test]
async fn an_upload_survives_a_kill_between_its_steps() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let file = announce(&server, &key, &group, "docs", "a.txt", 6).await;
    send_chunk(&server, &key, &group, &file, 0, b"abc").await;
    server.kill().await;
    server.start_again().await;
    assert_reply(&send_chunk(&server, &key, &group, &file, 3, b"def").await, 200, SUCCESS);
    assert_eq!(finish(&server, &key, &group, &file).await.status, 200);
    server.kill().await;
    server.start_again().await;
    assert_eq!(commit(&server, &key, &group).await.status, 200);
    assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, "abcdef");
}

#[tokio::test]
async fn a_group_appears_together() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let one = add(&server, &key, &group, "", "one.txt", b"1").await;
    let two = add(&server, &key, &group, "a\\b", "two.txt", b"22").await;
    let none = add(&server, &key, &group, "", "empty.txt", b"").await;
    assert_eq!(content(&server, &key, &root(&server, &key).await).await, []);
    let reply = commit(&server, &key, &group).await;
    let entry = |id: &str, name: &str| format!(r#"{{"file_id":"{id}","displayed_name":"{name}"}}"#);
    let files = [entry(&one, "one.txt"), entry(&two, "two.txt"), entry(&none, "empty.txt")].join(",");
    assert_reply(&reply, 200, &format!(r#"{{"files":[{files}]}}"#));
    for (file, text) in [(&one, "1"), (&two, "22"), (&none, "")] {
        assert_reply(&call(&server, Method::GET, &format!("file/{file}"), &key).await, 200, text);
    }
}

#[tokio::test]
async fn a_taken_name_is_numbered() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    upload(&server, &key, "x", "report.pdf", b"1").await;
    for expected in ["report(1).pdf", "report(2).pdf"] {
        let group = open(&server, &key).await;
        let file = add(&server, &key, &group, "x", "report.pdf", b"1").await;
        let reply = commit(&server, &key, &group).await;
        assert_reply(&reply, 200, &format!(r#"{{"files":[{{"file_id":"{file}","displayed_name":"{expected}"}}]}}"#));
    }
    let group = open(&server, &key).await;
    let one = add(&server, &key, &group, "", "same", b"1").await;
    let two = add(&server, &key, &group, "", "same", b"2").await;
    let reply = commit(&server, &key, &group).await;
    let files =
        format!(r#"{{"file_id":"{one}","displayed_name":"same"}},{{"file_id":"{two}","displayed_name":"same(1)"}}"#);
    assert_reply(&reply, 200, &format!(r#"{{"files":[{files}]}}"#));
}

#[tokio::test]
async fn names_travel_as_utf8() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "Übersicht", "naïve %41 файл.txt", b"1").await;
    assert_eq!(find(&server, &key, &["Übersicht", "naïve %41 файл.txt"]).await, file);
    let reply = call(&server, Method::GET, &format!("file/{file}"), &key).await;
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"na_ve _41 ____.txt\"; filename*=UTF-8''na%C3%AFve%20%2541%20%D1%84%D0%B0%D0%B9%D0%BB.txt"
    );
}

#[tokio::test]
async fn an_upload_can_be_given_up_until_its_commit() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let group = open(&server, &key).await;
    let one = add(&server, &key, &group, "", "one", b"111").await;
    let two = add(&server, &key, &group, "", "two", b"22").await;
    assert_eq!(figures(&server, "ann").await.0, 5);
    let headers = [("group_id", group.as_str()), ("file_id", one.as_str())];
    let drop_one = async || call_with(&server, Method::DELETE, "transfer_file", &key, &headers, "").await;
    assert_reply(&drop_one().await, 200, SUCCESS);
    assert_reply(&drop_one().await, 401, INVALID_PARAMETER);
    assert_eq!(figures(&server, "ann").await.0, 2);
    let reply = commit(&server, &key, &group).await;
    assert_reply(&reply, 200, &format!(r#"{{"files":[{{"file_id":"{two}","displayed_name":"two"}}]}}"#));
    let drop_group =
        async |group: &str| call_with(&server, Method::DELETE, "transfer", &key, &[("group_id", group)], "").await;
    assert_reply(&drop_group(&group).await, 401, INVALID_PARAMETER);
    assert!(is_there(&server, &key, &two).await);

    let other = open(&server, &key).await;
    let three = add(&server, &key, &other, "", "three", b"3").await;
    assert_reply(&drop_group(&other).await, 200, SUCCESS);
    assert_reply(&commit(&server, &key, &other).await, 401, INVALID_PARAMETER);
    assert!(!is_there(&server, &key, &three).await);
    server.run_jobs().await;
    assert_eq!((server.objects().await.len(), figures(&server, "ann").await), (1, (2, 0)));
}
