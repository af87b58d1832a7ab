//! The delete call (oracle.md 3 and 8).

use reqwest::Method;

use super::{
    CREATED, FORBIDDEN, INVALID, LOCKED, MISSING, NO_FILE, OK, assert_outcome, assert_reply, call, call_with,
    delete_file, get, make_folder, names, numbers, text, trashed_files, uid, upload, versions,
};
use crate::support::Server;

pub(crate) fn deleted(id: &str) -> String {
    let kind = if id.starts_with('D') { "file" } else { "folder" };
    format!(r#"{{"errorCode":"0","idList":"{id}","type":"{kind}"}}"#)
}

/// What says that a file, or a version of it, is not there.
fn missing(id: &str, version: Option<&str>) -> String {
    let in_key = version.map(|version| format!(",{version}")).unwrap_or_default();
    let member = version.map(|version| format!(r#","version":"{version}""#)).unwrap_or_default();
    format!(
        r#"{{"errorCode":"-16","errorKey":"!csFldUnableToDeleteItems!csFldDoesNotExist,fFileGUID:{id}{in_key}","errorMessage":"Unable to delete items. The item fFileGUID:{id} does not exist.","errorType":"file","idList":"{id}","title":"Unable to delete items. The item fFileGUID:{id} does not exist.","type":""{member}}}"#
    )
}

#[tokio::test]
async fn a_whole_file_goes_to_the_trash_as_one_entry() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    for version in ["1.1", "1.2"] {
        let file = versions(&server, &key, "self", "a.txt", 2).await;
        let path = format!("/documents/api/{version}/files/{file}");
        let reply = call(&server, Method::DELETE, &path, &key).await;
        assert_reply(&reply, 200, &deleted(&file));
        assert_eq!(reply.header("content-type"), "application/json");
        for rest in ["", "/data", "/versions", "?version=1", "/data?version=1"] {
            assert_outcome(&get(&server, &format!("files/{file}{rest}"), &key).await, MISSING);
        }
        assert_eq!(names(&server, &key, "self").await, [""; 0]);
        assert_reply(&call(&server, Method::DELETE, &path, &key).await, 404, &missing(&file, None));
        let (rows, folders) = super::browse(&server, &key).await;
        assert_eq!((rows.len(), folders.len()), (1, 0));
        assert_eq!((text(&rows[0]["fRealItemGUID"]), text(&rows[0]["dRevLabel"])), (file.clone(), "2".to_owned()));
        let entry = text(&rows[0]["fFileGUID"]);
        assert_eq!((entry.len(), &entry[..1], entry == file), (44, "D", false));
        // A trash entry's id names no file.
        assert_outcome(&delete_file(&server, &key, &entry).await, MISSING);
        let destroyed = super::run(&server, &key, &format!("FLD_DELETE_FROM_TRASH&item=fFileGUID:{entry}")).await;
        assert_eq!(destroyed, "0");
    }
}

#[tokio::test]
async fn a_version_goes_alone_and_its_number_is_not_given_again() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    for (query, body) in [("?version=1", ""), ("", r#"{"version":"1"}"#), ("?VERSION=1", r#"{"version":1}"#)] {
        let file = versions(&server, &key, "self", "a.txt", 2).await;
        let path = format!("files/{file}{query}");
        let reply = call_with(&server, Method::DELETE, &path, &key, &[], body).await;
        assert_reply(&reply, 200, &deleted(&file));
        assert_eq!(numbers(&server, &key, &file).await, ["2"]);
        assert_eq!(trashed_files(&server, &key).await, [(file.clone(), "1".to_owned())]);
        let reply = call_with(&server, Method::DELETE, &path, &key, &[], body).await;
        assert_reply(&reply, 404, &missing(&file, Some("1")));
        // The only one left is the file itself.
        assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=2"), &key).await, OK);
        assert_outcome(&get(&server, &format!("files/{file}"), &key).await, MISSING);
        assert_eq!(super::run(&server, &key, "FLD_EMPTY_TRASH").await, "0");
        assert_eq!(trashed_files(&server, &key).await, []);
    }
}

#[tokio::test]
async fn without_its_newest_version_the_highest_left_is_current() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 3).await;
    assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=3"), &key).await, OK);
    assert_eq!(text(&get(&server, &format!("files/{file}"), &key).await.json()["version"]), "2");
    assert_eq!(get(&server, &format!("files/{file}/data"), &key).await.text(), "2");
    assert_outcome(&get(&server, &format!("files/{file}?version=3"), &key).await, MISSING);
    assert_eq!(upload(&server, &key, "self", "a.txt", b"4").await, file);
    assert_eq!(numbers(&server, &key, &file).await, ["4", "2", "1"]);
    // A number that no version ever had, beyond all that there can be.
    for number in ["9", "9999999999"] {
        let path = format!("files/{file}?version={number}");
        assert_reply(&call(&server, Method::DELETE, &path, &key).await, 404, &missing(&file, Some(number)));
    }
}

#[tokio::test]
async fn what_names_nothing_is_missing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let folder = make_folder(&server, &key, "self", "x").await;
    let file = upload(&server, &key, &folder, "a.txt", b"1").await;
    let (lower, short) = (file.to_lowercase(), &file[..43]);
    let other_tail = format!("{}{}", &file[..43], if file.ends_with('0') { '1' } else { '0' });
    for id in [NO_FILE, &folder, &lower, short, &other_tail, "self", "x"] {
        assert_reply(&delete_file(&server, &key, id).await, 404, &missing(id, None));
    }
    for id in [file.as_str(), "x", &folder.replace('F', "D")] {
        assert_outcome(&call(&server, Method::DELETE, &format!("folders/{id}"), &key).await, MISSING);
    }
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
}

#[tokio::test]
async fn a_folder_goes_whole_or_not_at_all() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let bob = server.account("bob").await.id;
    let top = make_folder(&server, &key, "self", "top").await;
    let below = make_folder(&server, &key, &top, "below").await;
    let file = upload(&server, &key, &below, "a.txt", b"1").await;
    let path = format!("folders/{top}");

    let lock = format!("update node set locked_by = {bob} where uid = '{}'", uid(&file));
    server.sql(&lock).await;
    let locked = |what: &str, id: &str, kind: &str, key: &str, text: &str| {
        format!(
            r#"{{"errorCode":"-22","errorKey":"!csFldUnableToDeleteItems!{key},{what}:{id}","errorMessage":"Unable to delete items. The item {what}:{id} is {text}","errorType":"{kind}","idList":"{id}","title":"Unable to delete items. The item {what}:{id} is {text}","type":""}}"#
        )
    };
    let (in_use, held) = ("locked or being edited.", "under a legal hold.");
    let refused = locked("fFolderGUID", &top, "folder", "csItemLocked", in_use);
    assert_reply(&call(&server, Method::DELETE, &path, &key).await, 403, &refused);
    let refused = locked("fFileGUID", &file, "file", "csItemLocked", in_use);
    assert_reply(&delete_file(&server, &key, &file).await, 403, &refused);
    server.sql("update node set locked_by = null").await;

    let edit = format!(
        "insert into edit_session (node_id, account_id, tab, exclusive, expires_at) \
         select id, {bob}, 't', 0, 9000000000000000 from node where uid = '{}'",
        uid(&file)
    );
    server.sql(&edit).await;
    assert_outcome(&call(&server, Method::DELETE, &path, &key).await, LOCKED);
    server.sql("delete from edit_session").await;

    server.cli(&["hold", "add", &uid(&file)]).await;
    let refused = locked("fFolderGUID", &top, "folder", "csItemHeld", held);
    assert_reply(&call(&server, Method::DELETE, &path, &key).await, 403, &refused);
    let refused = locked("fFileGUID", &file, "file", "csItemHeld", held);
    assert_reply(&delete_file(&server, &key, &file).await, 403, &refused);
    server.cli(&["hold", "remove", &uid(&file)]).await;
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);

    assert_reply(&call(&server, Method::DELETE, &path, &key).await, 200, &deleted(&top));
    for gone in [format!("files/{file}"), format!("folders/{below}"), format!("folders/{top}/items")] {
        assert_outcome(&get(&server, &gone, &key).await, MISSING);
    }
    assert_outcome(&delete_file(&server, &key, &file).await, MISSING);
    let (files, folders) = super::browse(&server, &key).await;
    assert_eq!((files.len(), folders.len()), (0, 1));
}

#[tokio::test]
async fn a_home_stays_and_a_folder_takes_no_version() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let home = text(&get(&server, "folders/self", &key).await.json()["id"]);
    for id in ["self", &home] {
        assert_outcome(&call(&server, Method::DELETE, &format!("folders/{id}"), &key).await, FORBIDDEN);
    }
    let folder = make_folder(&server, &key, "self", "x").await;
    let path = format!("folders/{folder}");
    assert_outcome(&call(&server, Method::DELETE, &format!("{path}?version=1"), &key).await, INVALID);
    for body in [r#"{"version":"1"}"#, r#"{"a":1}"#, "[]", "x"] {
        assert_outcome(&call_with(&server, Method::DELETE, &path, &key, &[], body).await, INVALID);
    }
    assert_eq!(names(&server, &key, "self").await, ["x"]);
}

#[tokio::test]
async fn a_stranger_deletes_nothing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    let folder = make_folder(&server, &key, "self", "x").await;
    let file = upload(&server, &key, &folder, "a.txt", b"1").await;
    let refused = format!(
        r#"{{"errorCode":"-20","errorKey":"!csFldUnableToDeleteItems!csCloudItemInsufficientPrivileges,userb,fFileGUID:{file},FLD_MOVE_TO_TRASH","errorMessage":"Unable to delete items. User 'userb' has insufficient privilege to access fFileGUID:{file} with service FLD_MOVE_TO_TRASH.","errorType":"file","idList":"{file}","title":"Unable to delete items. User 'userb' has insufficient privilege to access fFileGUID:{file} with service FLD_MOVE_TO_TRASH.","type":""}}"#
    );
    assert_reply(&delete_file(&server, &other, &file).await, 403, &refused);
    // The right comes before the version, and before locks and holds.
    server.cli(&["hold", "add", &uid(&file)]).await;
    assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=7"), &other).await, FORBIDDEN);
    assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=7"), &key).await, MISSING);
    assert_outcome(&call(&server, Method::DELETE, &format!("folders/{folder}"), &other).await, FORBIDDEN);
    // An administrator of the server has no more rights here than any account.
    assert_outcome(&delete_file(&server, &server.admin_key(), &file).await, FORBIDDEN);
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
}

#[tokio::test]
async fn of_two_deletes_at_once_one_finds_the_file() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    for round in 0..5 {
        let file = upload(&server, &key, "self", &format!("f{round}"), b"1").await;
        let (one, two) = tokio::join!(delete_file(&server, &key, &file), delete_file(&server, &key, &file));
        let mut seen = [one.status, two.status];
        seen.sort();
        assert_eq!(seen, [200, 404]);
    }
}

#[tokio::test]
async fn a_delete_survives_a_kill_whole_or_not_at_all() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let answered = upload(&server, &key, "self", "a.txt", b"1").await;
    assert_reply(&delete_file(&server, &key, &answered).await, 200, &deleted(&answered));
    server.kill().await;
    server.start_again().await;
    assert_eq!(trashed_files(&server, &key).await, [(answered, "1".to_owned())]);
    let file = versions(&server, &key, "self", "b.txt", 2).await;
    let (path, authorization) = (format!("/documents/api/1.2/files/{file}"), format!("Bearer {key}"));
    let headers = [("authorization", authorization.as_str())];
    let (_, ()) = tokio::join!(server.try_send(Method::DELETE, &path, &headers, ""), server.kill());
    server.start_again().await;
    let there = get(&server, &format!("files/{file}"), &key).await.status == 200;
    let trashed = trashed_files(&server, &key).await.contains(&(file.clone(), "2".to_owned()));
    assert_eq!(there, !trashed);
}

#[tokio::test]
async fn a_delete_that_cannot_be_committed_changes_nothing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    server.fault("commit", "fail").await;
    let reply = delete_file(&server, &key, &file).await;
    let refused = format!(
        r#"{{"errorCode":"-32","errorKey":"!csFldUnableToDeleteItems!csProcessError","errorMessage":"Unable to delete items. The request could not be completed.","errorType":"file","idList":"{file}","title":"Unable to delete items. The request could not be completed.","type":""}}"#
    );
    assert_reply(&reply, 500, &refused);
    server.fault("commit", "off").await;
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
    assert_outcome(&super::try_upload(&server, &key, "self", "a.txt", b"2").await, CREATED);
}
