//! Reading, status, lists and folders (vault.md 4.6 to 4.10).

use reqwest::Method;

use super::{
    ACCESS_DENIED, FILE_NOT_FOUND, INVALID_PARAMETER, NOBODY, assert_reply, call, call_with, find, hyphened, is_there,
    listed, root, sign_in::assert_time, upload,
};
use crate::support::Server;

const FOLDER_NOT_FOUND: &str = r#"{"message":"The specified folder could not be found","ui_message_key":"API_FOLDER_NOT_FOUND","status_code":"NotFound"}"#;

#[tokio::test]
async fn bytes_leave_as_an_attachment() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "report.pdf", b"abc").await;
    for id in [&file, &hyphened(&file), &file.to_uppercase()] {
        let reply = call_with(&server, Method::GET, &format!("file/{id}/"), &key, &[("skip_notify", "true")], "").await;
        assert_reply(&reply, 200, "abc");
        for (name, value) in [
            ("content-length", "3"),
            ("content-type", "application/pdf"),
            ("content-disposition", "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
        ] {
            assert_eq!(reply.header(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn pages_and_drawings_are_saved_and_run_nothing() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for (name, media_type) in
        [("a.html", "text/html"), ("a.svg", "image/svg+xml"), ("a.xhtml", "application/xhtml+xml")]
    {
        let file = upload(&server, &key, "", name, b"<script>alert(1)</script>").await;
        let reply = call(&server, Method::GET, &format!("file/{file}"), &key).await;
        assert_reply(&reply, 200, "<script>alert(1)</script>");
        let disposition = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
        for (header, value) in [
            ("content-type", media_type),
            ("content-disposition", &disposition),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(header), value, "{name} {header}");
        }
    }
}

#[tokio::test]
async fn a_foreign_file_looks_like_a_missing_one() {
    let server = Server::start().await;
    let ann = server.account("ann").await.key;
    let bob = server.account("bob").await.key;
    let file = upload(&server, &ann, "x", "a.txt", b"abc").await;
    let folder = find(&server, &ann, &["x"]).await;
    for key in [&bob, &server.admin_key()] {
        assert!(!is_there(&server, key, &file).await);
        let reply = call(&server, Method::GET, &format!("folder_content/{folder}/0/10"), key).await;
        assert_reply(&reply, 404, FOLDER_NOT_FOUND);
    }
    for id in [NOBODY, folder.as_str()] {
        assert_reply(&call(&server, Method::GET, &format!("file/{id}"), &ann).await, 404, FILE_NOT_FOUND);
        assert_reply(&call(&server, Method::GET, &format!("file/status/{id}"), &ann).await, 404, FILE_NOT_FOUND);
    }
    let reply = call(&server, Method::GET, &format!("folder_content/{file}/0/10"), &ann).await;
    assert_reply(&reply, 404, FOLDER_NOT_FOUND);
}

#[tokio::test]
async fn a_status_says_it_all() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let bob = server.account("bob").await.id;
    let group = super::open(&server, &key).await;
    let file = super::add(&server, &key, &group, "My Folder/Documents", "done.gif", b"GIF89a").await;
    super::commit(&server, &key, &group).await;

    let path = format!("file/status/{file}");
    let reply = call(&server, Method::GET, &path, &key).await;
    let created = reply.json()["date_created"].as_str().unwrap().to_owned();
    assert_time(&created);
    let uploaded = created.trim_end_matches('Z');
    let status = |deletable: bool, locked: bool| {
        format!(
            r#"{{"group_id":"{group}","availability":3,"shared_with_active_users":[],"shared_with_guests":[],"sender":"ann","subject":"","expiration_date":"","can_be_rescanned":false,"can_be_deleted":{deletable},"displayed_name":"done.gif","first_upload_time":"{uploaded}","shared_with_groups":[],"path":"My Folder\\Documents","access_mode":1,"file_id":"{file}","scan_result":{{"workflow_result":"Allowed","blocked_reason":"","actions_failed":""}},"availability_state":"Available","processing_state":"Available","unlock_eta":null,"is_locked":{locked},"expires":null,"can_be_downloaded":true,"supervisor_approval_state":"ApprovalDisabled","administrator_approval_state":"ApprovalDisabled","is_false_positive":false,"can_be_approved":false,"can_be_overridden":false,"can_be_denied_access":false,"is_file_owned":true,"can_update_sharing":false,"is_sanitized":false,"date_created":"{created}","message":"","ui_message_key":null,"size":6}}"#
        )
    };
    assert_reply(&reply, 200, &status(true, false));

    let reply = call(&server, Method::GET, "files/my/0/10", &key).await;
    assert_reply(&reply, 200, &format!(r#"{{"filter_count":1,"items":[{}]}}"#, status(true, false)));

    let uid = hyphened(&file);
    server.cli(&["hold", "add", &uid]).await;
    assert_reply(&call(&server, Method::GET, &path, &key).await, 200, &status(false, false));
    server.cli(&["hold", "remove", &uid]).await;
    server.sql(&format!("update node set locked_by = {bob} where uid = '{uid}'")).await;
    assert_reply(&call(&server, Method::GET, &path, &key).await, 200, &status(false, true));
}

#[tokio::test]
async fn files_are_listed_sorted_found_and_cut() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    upload(&server, &key, "", "b.txt", b"1").await;
    upload(&server, &key, "deep/er", "Ärger.txt", b"22").await;
    upload(&server, &key, "", "a.pdf", b"333").await;
    let list = async |headers: &[(&str, &str)]| listed(&server, &key, headers).await;

    assert_eq!(list(&[]).await, ["b.txt", "Ärger.txt", "a.pdf"]);
    assert_eq!(list(&[("sort_column", "name")]).await, ["a.pdf", "b.txt", "Ärger.txt"]);
    assert_eq!(list(&[("sort_column", "size"), ("sort_direction", "desc")]).await, ["a.pdf", "Ärger.txt", "b.txt"]);
    assert_eq!(list(&[("sort_column", "expires")]).await.len(), 3);
    assert_eq!(list(&[("find", "TXT")]).await, ["b.txt", "Ärger.txt"]);
    assert_eq!(list(&[("find", "%")]).await, [""; 0]);
    assert_eq!(list(&[("find", "pdf"), ("findB64", "w4Q=")]).await, ["Ärger.txt"]);
    assert_eq!(list(&[("AvailabilityState", "Available")]).await.len(), 3);
    assert_eq!(list(&[("AvailabilityState", "Deleted, Available")]).await.len(), 3);
    assert_eq!(list(&[("AvailabilityState", "Deleted")]).await, [""; 0]);
    assert_eq!(list(&[("AvailabilityState", "Processing")]).await, [""; 0]);

    let reply = call_with(&server, Method::GET, "files/my/1/1", &key, &[("sort_column", "name")], "").await;
    assert_eq!(reply.json()["filter_count"], 3);
    assert_eq!(reply.json()["items"][0]["displayed_name"], "b.txt");
    assert_reply(&call(&server, Method::GET, "files/my/9/1", &key).await, 200, r#"{"filter_count":3,"items":[]}"#);
    for header in [
        ("sort_column", "colour"),
        ("sort_direction", "up"),
        ("AvailabilityState", "Gone"),
        ("AvailabilityState", ""),
        ("findB64", "!"),
    ] {
        let reply = call_with(&server, Method::GET, "files/my/0/1", &key, &[header], "").await;
        assert_reply(&reply, 401, INVALID_PARAMETER);
    }
}

#[tokio::test]
async fn all_files_are_for_administrators() {
    let server = Server::start().await;
    let ann = server.account("ann").await.key;
    let bob = server.account("bob").await.key;
    upload(&server, &ann, "", "ann.txt", b"1").await;
    upload(&server, &bob, "", "bob.txt", b"2").await;
    let admin = server.admin_key();
    upload(&server, &admin, "", "admin.txt", b"3").await;

    assert_reply(&call(&server, Method::GET, "files/all/0/10", &ann).await, 403, ACCESS_DENIED);
    let deleted = [("AvailabilityState", "Deleted")];
    assert_reply(&call_with(&server, Method::GET, "files/all/0/10", &ann, &deleted, "").await, 403, ACCESS_DENIED);
    let list = call(&server, Method::GET, "files/all/0/10", &admin).await.json();
    let items = list["items"].as_array().unwrap();
    let seen = |member: &str| items.iter().map(|item| item[member].clone()).collect::<Vec<_>>();
    assert_eq!(seen("displayed_name"), ["ann.txt", "bob.txt", "admin.txt"]);
    assert_eq!(seen("sender"), ["ann", "bob", "admin"]);
    assert_eq!(seen("is_file_owned"), [false, false, true]);
    assert_eq!(listed(&server, &admin, &[]).await, ["admin.txt"]);
}

#[tokio::test]
async fn the_root_is_its_own_path() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let reply = call(&server, Method::GET, "root_folder", &ann.key).await;
    let id = reply.json()["folder_id"].as_str().unwrap().to_owned();
    let members = format!(
        r#""availability_state":"Available","can_update_sharing":false,"folder_id":"{id}","name":"","owner":"ann","owner_id":{},"path":"""#,
        ann.id
    );
    assert_reply(&reply, 200, &format!(r#"{{{members},"folder_path_list":[{{{members}}}]}}"#));
}

#[tokio::test]
async fn a_folder_shows_folders_first_then_names() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let file = upload(&server, &key, "", "a.txt", b"1").await;
    upload(&server, &key, "z", "inner.txt", b"1").await;
    upload(&server, &key, "b", "inner.txt", b"1").await;
    let root = root(&server, &key).await;
    let items = super::content(&server, &key, &root).await;
    let names: Vec<_> = items.iter().map(|(name, kind, _)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(names, [("b", "folder"), ("z", "folder"), ("a.txt", "file")]);

    let reply = call(&server, Method::GET, &format!("folder_content/{root}/2/15"), &key).await;
    let item = &reply.json()["items"][0];
    let (created, modified) = (item["creationDate"].as_str().unwrap(), item["lastModifiedDate"].as_str().unwrap());
    assert_time(created);
    assert_time(modified);
    let expected = format!(
        r#"{{"totalCount":3,"items":[{{"id":"{file}","name":"a.txt","type":"file","parentFolderId":"{root}","creationDate":"{created}","lastModifiedDate":"{modified}"}}]}}"#
    );
    assert_reply(&reply, 200, &expected);
    let unknown = call(&server, Method::GET, &format!("folder_content/{NOBODY}/0/15"), &key).await;
    assert_reply(&unknown, 404, FOLDER_NOT_FOUND);
}
