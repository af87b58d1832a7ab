//! Uploads (oracle.md 4.2 and 8.16).

use std::time::Duration;

use super::{
    CREATED, QUOTA, assert_outcome, get, make_folder, names, numbers, send_form, text, try_upload, upload, versions,
};
use crate::support::Server;

#[tokio::test]
async fn a_taken_name_is_a_new_version_in_any_case() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "Straße.TXT", b"1").await;
    assert_eq!(upload(&server, &key, "self", "straße.txt", b"22").await, file);
    assert_eq!(numbers(&server, &key, &file).await, ["2", "1"]);
    assert_eq!(get(&server, &format!("files/{file}/data"), &key).await.text(), "22");
    // In another folder the name is free.
    let folder = make_folder(&server, &key, "self", "x").await;
    let other = upload(&server, &key, &folder, "straße.txt", b"3").await;
    assert_ne!(other, file);
    assert_eq!(names(&server, &key, &folder).await, ["straße.txt"]);
}

#[tokio::test]
async fn a_taken_name_gets_the_time_where_that_is_asked_for() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let parameters = br#"{"parentID":"self","duplicateResolution":"TimeStampSuffix"}"#;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let parts = [("jsonInputParameters", "", parameters.as_slice()), ("primaryFile", "a.b.txt", b"1")];
        let reply = send_form(&server, "files/data", &key, &[], &parts).await;
        assert_outcome(&reply, CREATED);
        ids.push(text(&reply.json()["id"]));
        let name = text(&reply.json()["name"]);
        match ids.len() {
            1 => assert_eq!(name, "a.b.txt"),
            _ => assert!(name.starts_with("a.b_20") && name.ends_with(".txt"), "{name}"),
        }
        server.advance(Duration::from_secs(1)).await;
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_version_of_a_file_by_its_id() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 1).await;
    upload(&server, &key, "self", "taken.txt", b"1").await;
    let path = format!("files/{file}/data");
    // With and without parameters, which say nothing here.
    let parts: [(&str, &str, &[u8]); 2] = [("jsonInputParameters", "", b"not JSON"), ("primaryFile", "a.txt", b"22")];
    for (parts, version, name) in [
        (&parts[..], "2", "a.txt"),
        (&[("primaryFile", "b.txt", b"33".as_slice())], "3", "b.txt"),
        (&[("primaryFile", "TAKEN.txt", b"44".as_slice())], "4", "TAKEN(2).txt"),
    ] {
        let reply = send_form(&server, &path, &key, &[], parts).await;
        assert_outcome(&reply, CREATED);
        let file = reply.json();
        assert_eq!((text(&file["version"]), text(&file["name"])), (version.to_owned(), name.to_owned()));
    }
    assert_eq!(numbers(&server, &key, &file).await, ["4", "3", "2", "1"]);
    let trailing = send_form(&server, "files/data/", &key, &[], &parts[1..]).await;
    assert_eq!(trailing.status, 400);
}

#[tokio::test]
async fn more_than_the_quota_is_not_kept() {
    let server = Server::start().await;
    let key = server.account_with("usera", &["--quota", "5"]).await.key;
    let file = upload(&server, &key, "self", "a.txt", b"123").await;
    let reply = try_upload(&server, &key, "self", "b.txt", b"456").await;
    assert_outcome(&reply, QUOTA);
    assert!(text(&reply.json()["errorMessage"]).ends_with("Storage quota exceeded."), "{}", reply.text());
    assert_outcome(&try_upload(&server, &key, "self", "a.txt", b"456").await, QUOTA);
    let copy = super::post(&server, &format!("files/{file}/copy"), &key, r#"{"destinationID":"self"}"#).await;
    assert_outcome(&copy, QUOTA);
    assert_eq!(
        (names(&server, &key, "self").await, numbers(&server, &key, &file).await.len()),
        (vec!["a.txt".into()], 1)
    );
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 1);
    upload(&server, &key, "self", "b.txt", b"45").await;
}
