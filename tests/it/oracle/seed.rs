//! The six examples of the vendor's page, with this installation's ids in the place of the page's.

use reqwest::Method;

use super::{assert_reply, call_with, delete::deleted, make_folder, numbers, public_link, text, versions};
use crate::support::Server;

const VERSION: &str = r#"{ "version": "2" }"#;

#[tokio::test]
async fn example_1_a_version_of_an_own_file() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 3).await;
    let path = format!("/documents/api/1.1/files/{file}");
    let reply = call_with(&server, Method::DELETE, &path, &key, &[], VERSION).await;
    assert_reply(&reply, 200, &deleted(&file));
    assert_eq!(numbers(&server, &key, &file).await, ["3", "1"]);
}

#[tokio::test]
async fn examples_2_3_and_5_by_public_links_with_and_without_a_code() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    let folder = make_folder(&server, &owner, "self", "shared").await;
    let file = versions(&server, &owner, &folder, "a.txt", 4).await;
    let path = format!("/documents/api/1.1/files/{file}");
    let open = r#"{"assignedUsers":"@everybody","role":"contributor","linkName":"open"}"#;
    let open = public_link(&server, &owner, &folder, open).await;
    let reply = call_with(&server, Method::DELETE, &path, &other, &[("LinkID", &open)], VERSION).await;
    assert_reply(&reply, 200, &deleted(&file));

    let coded = r#"{"assignedUsers":"@everybody","role":"contributor","linkName":"code","password":"test12345"}"#;
    let coded = public_link(&server, &owner, &folder, coded).await;
    let version = r#"{"version":"3"}"#;
    let reply = call_with(&server, Method::DELETE, &path, &other, &[("LinkID", &coded)], version).await;
    let refused = format!(
        r#"{{"errorCode":"-18","errorKey":"!csFldUnableToDeleteItems!csAccessCodeRequiredForLinkAccess","errorMessage":"Unable to delete items. The access code must be provided to access the link.","errorType":"file","idList":"{file}","title":"Unable to delete items. The access code must be provided to access the link.","type":"","version":"3"}}"#
    );
    assert_reply(&reply, 403, &refused);
    let cookie = format!("dAccessCode-{coded}=test12345");
    let headers = [("LinkID", coded.as_str()), ("Cookie", &cookie)];
    let reply = call_with(&server, Method::DELETE, &path, &other, &headers, version).await;
    assert_reply(&reply, 200, &deleted(&file));
    assert_eq!(numbers(&server, &owner, &file).await, ["4", "1"]);
}

#[tokio::test]
async fn example_4_a_stranger_is_told_so() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    server.cli(&["account", "set", "userb", "--display-name", "User BB"]).await;
    let file = versions(&server, &owner, "self", "a.txt", 3).await;
    let path = format!("/documents/api/1.1/files/{file}");
    let reply = call_with(&server, Method::DELETE, &path, &other, &[], VERSION).await;
    let refused = format!(
        r#"{{"errorCode":"-20","errorKey":"!csFldUnableToDeleteItems!csCloudItemInsufficientPrivileges,User BB,fFileGUID:{file},FLD_MOVE_TO_TRASH","errorMessage":"Unable to delete items. User 'User BB' has insufficient privilege to access fFileGUID:{file} with service FLD_MOVE_TO_TRASH.","errorType":"file","idList":"{file}","title":"Unable to delete items. User 'User BB' has insufficient privilege to access fFileGUID:{file} with service FLD_MOVE_TO_TRASH.","type":"","version":"2"}}"#
    );
    assert_reply(&reply, 403, &refused);
    assert_eq!(numbers(&server, &owner, &file).await, ["3", "2", "1"]);
}

#[tokio::test]
async fn example_6_all_versions_by_an_applink() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    server.account("userb").await;
    let file = versions(&server, &owner, "self", "a.txt", 2).await;
    let made = super::post(
        &server,
        &format!("applinks/file/{file}"),
        &owner,
        r#"{"assignedUser":"userb","role":"contributor"}"#,
    )
    .await
    .json();
    let headers = [("appLinkID", &text(&made["appLinkID"])), ("accessToken", &text(&made["accessToken"]))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let path = format!("/documents/api/1.1/files/{file}");
    let reply = call_with(&server, Method::DELETE, &path, "", &headers, "").await;
    assert_reply(&reply, 200, &deleted(&file));
    assert_eq!(super::trashed_files(&server, &owner).await, [(file, "2".to_owned())]);
}
