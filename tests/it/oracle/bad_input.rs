//! Bad input (oracle.md 5): every row that is refused changes nothing.

use reqwest::Method;

use super::{
    FORBIDDEN, INVALID, MISSING, OK, assert_outcome, assert_reply, call, call_with, delete::deleted, get, make_folder,
    numbers, post, send_form, text, versions,
};
use crate::support::Server;

const JSON: (&str, &str) = ("content-type", "application/json");
const XML: (&str, &str) = ("content-type", "application/xml");

fn invalid(file: &str, name: &str) -> String {
    format!(
        r#"{{"errorCode":"-50","errorKey":"!csFldUnableToDeleteItems!csInvalidParameter,{name}","errorMessage":"Unable to delete items. The parameter '{name}' is not formatted correctly.","errorType":"file","idList":"{file}","title":"Unable to delete items. The parameter '{name}' is not formatted correctly.","type":""}}"#
    )
}

#[tokio::test]
async fn a_version_that_cannot_be_used_never_means_all_of_them() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 2).await;
    let all = ["2".to_owned(), "1".to_owned()];
    let queries = [
        "version=",
        "version",
        "version=0",
        "version=-1",
        "version=02",
        "version=2.0",
        "version=abc",
        "version=latest",
        "version=1&version=2",
        "version=1&Version=2",
        "version=null",
        "version=%00",
    ];
    for query in queries {
        let reply = call(&server, Method::DELETE, &format!("files/{file}?{query}"), &key).await;
        assert_reply(&reply, 400, &invalid(&file, "version"));
    }
    let delete = async |query: &str, header, body: &str| {
        let path = format!("files/{file}{query}");
        call_with(&server, Method::DELETE, &path, &key, &[header], body.to_owned()).await
    };
    for version in [
        r#""""#,
        "null",
        r#""0""#,
        r#""-1""#,
        r#""02""#,
        r#""2.0""#,
        r#""abc""#,
        r#""latest""#,
        "[]",
        "{}",
        "0",
        "2.5",
        "true",
    ] {
        let reply = delete("", JSON, &format!(r#"{{"version":{version}}}"#)).await;
        assert_reply(&reply, 400, &invalid(&file, "version"));
    }
    assert_reply(&delete("?version=1", JSON, r#"{"version":"2"}"#).await, 400, &invalid(&file, "version"));
    assert_reply(&delete("", JSON, r#"{"vresion":"2"}"#).await, 400, &invalid(&file, "vresion"));
    for body in ["version=2", "[]", r#"["2"]"#, "2", "null", r#"{"version":"2","version":"2"}"#, "{", " ", "<r/>"] {
        assert_reply(&delete("", JSON, body).await, 400, &invalid(&file, "body"));
    }
    for body in ["{}", "<r>", "<r><version>2</r>", "<r>2</r>", "text", "<!DOCTYPE r><r/>"] {
        assert_reply(&delete("", XML, body).await, 400, &invalid(&file, "body"));
    }
    for body in
        ["<r><version/></r>", "<r><version>1</version><version>2</version></r>", "<r><version><a>1</a></version></r>"]
    {
        assert_reply(&delete("", XML, body).await, 400, &invalid(&file, "version"));
    }
    assert_outcome(&delete("", XML, "<r><v>2</v></r>").await, INVALID);
    let long = format!(r#"{{"version":"{}"}}"#, "1".repeat(64 << 10));
    assert_outcome(&delete("", JSON, &long).await, (413, "-50"));
    assert_eq!(numbers(&server, &key, &file).await, all);
    // A refusal says the same whatever else is wrong further on.
    let stranger = server.account("userb").await.key;
    let reply = call(&server, Method::DELETE, &format!("files/{file}?version=x"), &stranger).await;
    assert_reply(&reply, 400, &invalid(&file, "version"));
}

#[tokio::test]
async fn what_says_the_same_twice_is_accepted_as_one() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 5).await;
    for (query, header, body) in [
        ("?version=1", JSON, r#"{"version":"1"}"#),
        ("?version=2&Version=2&unknown=x", JSON, "{}"),
        ("", ("content-type", "text/plain"), r#"{"version":3}"#),
        ("?version=4", ("content-type", "text/xml; charset=utf-8"), "<any><version>4</version></any>"),
    ] {
        let path = format!("files/{file}/{query}");
        let reply = call_with(&server, Method::DELETE, &path, &key, &[header], body).await;
        assert_reply(&reply, 200, &deleted(&file));
    }
    assert_eq!(numbers(&server, &key, &file).await, ["5"]);
}

#[tokio::test]
async fn link_headers_that_do_not_fit_together_are_refused() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 1).await;
    let path = format!("files/{file}");
    let bad: [&[(&str, &str)]; 7] = [
        &[("appLinkID", "LD1")],
        &[("AccessToken", "x")],
        &[("appLinkID", "LD1"), ("accessToken", "x"), ("linkID", "LD2")],
        &[("appLinkID", "LD1"), ("linkID", "LD2")],
        &[("linkID", "LD1"), ("LinkID", "LD2")],
        &[("appLinkID", "LD1"), ("AppLinkID", "LD2"), ("accessToken", "x")],
        &[("linkID", "")],
    ];
    for headers in bad {
        for key in [key.as_str(), ""] {
            let reply = call_with(&server, Method::DELETE, &path, key, headers, "").await;
            assert_outcome(&reply, INVALID);
        }
    }
    // The same twice is one; this one is unknown.
    let same = [("linkID", "LD1"), ("linkID", "LD1")];
    assert_outcome(&call_with(&server, Method::DELETE, &path, &key, &same, "").await, FORBIDDEN);
    assert_outcome(&get(&server, &path, &key).await, OK);
}

#[tokio::test]
async fn other_paths_versions_and_methods() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 1).await;
    for path in [
        format!("/documents/api/1.0/files/{file}"),
        format!("/documents/api/1.3/files/{file}"),
        format!("/documents/api/1.2/files/{file}/nothing"),
        "/documents/api/1.2/nothing".to_owned(),
        "/documents/api/1.2".to_owned(),
        "/documents".to_owned(),
        "/documents/web".to_owned(),
    ] {
        assert_outcome(&call(&server, Method::DELETE, &path, &key).await, MISSING);
    }
    let reply = call(&server, Method::PATCH, &format!("files/{file}"), &key).await;
    assert_outcome(&reply, (405, "-50"));
    assert_eq!(reply.header("allow"), "GET, PUT, DELETE");
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
}

#[tokio::test]
async fn uploads_that_are_not_of_their_form_store_nothing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 1).await;
    let home = br#"{"parentID":"self"}"#.as_slice();
    let (parameters, primary) = ("jsonInputParameters", "primaryFile");
    let long = format!("{}.txt", "n".repeat(252));
    let bad: [&[(&str, &str, &[u8])]; 13] = [
        &[],
        &[(primary, "b.txt", b"1"), (parameters, "", home)],
        &[(primary, "b.txt", b"1")],
        &[(parameters, "", home)],
        &[(parameters, "", home), (primary, "", b"1")],
        &[(parameters, "", b"{}"), (primary, "b.txt", b"1")],
        &[(parameters, "", b"x"), (primary, "b.txt", b"1")],
        &[(parameters, "", br#"{"parentID":"self","parentID":"self"}"#), (primary, "b.txt", b"1")],
        &[(parameters, "", br#"{"parentID":["self"]}"#), (primary, "b.txt", b"1")],
        &[(parameters, "", br#"{"parentID":"self","duplicateResolution":"x"}"#), (primary, "b.txt", b"1")],
        &[(parameters, "", home), (primary, "..", b"1")],
        &[(parameters, "", home), (primary, "a/b", b"1")],
        &[(parameters, "", home), (primary, &long, b"1")],
    ];
    for parts in bad {
        assert_outcome(&send_form(&server, "files/data", &key, &[], parts).await, INVALID);
    }
    let path = format!("files/{file}/data");
    let bad: [&[(&str, &str, &[u8])]; 3] = [&[], &[(parameters, "", home)], &[(primary, "", b"1")]];
    for parts in bad {
        assert_outcome(&send_form(&server, &path, &key, &[], parts).await, INVALID);
    }
    // No form at all, and one that ends in the middle of the file.
    assert_outcome(&call_with(&server, Method::POST, "files/data", &key, &[JSON], "{}").await, INVALID);
    let media_type = ("content-type", "multipart/form-data; boundary=x");
    let broken = "--x\r\nContent-Disposition: form-data; name=\"jsonInputParameters\"\r\n\r\n{\"parentID\":\"self\"}\r\n--x\r\n\
        Content-Disposition: form-data; name=\"primaryFile\"; filename=\"b.txt\"\r\n\r\nhalf";
    assert_outcome(&call_with(&server, Method::POST, "files/data", &key, &[media_type], broken).await, INVALID);
    let gone = br#"{"parentID":"F34A657B8723A96097F80926T0000000000100000001"}"#.as_slice();
    let parts: [(&str, &str, &[u8]); 2] = [(parameters, "", gone), (primary, "b.txt", b"1")];
    assert_outcome(&send_form(&server, "files/data", &key, &[], &parts).await, MISSING);
    assert_eq!(super::names(&server, &key, "self").await, ["a.txt"]);
    assert_eq!(numbers(&server, &key, &file).await, ["1"]);
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn names_descriptions_and_places_have_their_rules() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 1).await;
    let folder = make_folder(&server, &key, "self", "x").await;
    let (long, wordy) = ("n".repeat(256), "d".repeat(2001));
    let names = ["", ".", "..", "a/b", "a\\\\b", "a\\u0001", &long];
    for name in names {
        let body = format!(r#"{{"name":"{name}"}}"#);
        assert_outcome(&post(&server, "folders/self", &key, &body).await, INVALID);
        for path in [format!("files/{file}"), format!("folders/{folder}")] {
            assert_outcome(&call_with(&server, Method::PUT, &path, &key, &[], body.clone()).await, INVALID);
        }
    }
    for body in
        ["", "{}", "[]", r#"{"name":null}"#, r#"{"name":["a"]}"#, &format!(r#"{{"name":"y","description":"{wordy}"}}"#)]
    {
        assert_outcome(&post(&server, "folders/self", &key, body).await, INVALID);
    }
    for action in ["move", "copy"] {
        for body in ["", "{}", r#"{"destinationID":null}"#] {
            assert_outcome(&post(&server, &format!("files/{file}/{action}"), &key, body).await, INVALID);
        }
        let nowhere = format!(r#"{{"destinationID":"{}"}}"#, file.replacen('D', "F", 1));
        assert_outcome(&post(&server, &format!("files/{file}/{action}"), &key, &nowhere).await, MISSING);
        let itself = format!(r#"{{"destinationID":"{folder}"}}"#);
        assert_outcome(&post(&server, &format!("folders/{folder}/{action}"), &key, &itself).await, INVALID);
    }
    for query in ["limit=x", "limit=-1", "limit=0", "offset=x", "orderby=size", "orderby=name:up", "limit=1&limit=2"] {
        assert_outcome(&get(&server, &format!("folders/items?{query}"), &key).await, INVALID);
    }
    for query in ["", "?idList=", "?idList=self,,self", &format!("?idList={}", vec!["self"; 101].join(","))] {
        assert_outcome(&get(&server, &format!("folders/lists{query}"), &key).await, INVALID);
    }
    for query in ["", "?info="] {
        assert_outcome(&get(&server, &format!("users/items{query}"), &key).await, INVALID);
    }
    assert_outcome(&post(&server, &format!("files/{file}/unreserve"), &key, "{}").await, INVALID);
    assert_eq!(super::names(&server, &key, "self").await, ["x", "a.txt"]);
}

#[tokio::test]
async fn links_that_are_not_of_their_form_are_not_made() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 1).await;
    for body in [
        "{}",
        r#"{"assignedUsers":""}"#,
        r#"{"assignedUsers":"nobody"}"#,
        r#"{"assignedUsers":"usera,nobody"}"#,
        r#"{"assignedUsers":"usera,@everybody"}"#,
        r#"{"assignedUsers":"@everybody","role":"owner"}"#,
        r#"{"assignedUsers":"@everybody","role":"manager"}"#,
        r#"{"assignedUsers":"@everybody","role":"viewer","roleName":"contributor"}"#,
        r#"{"assignedUsers":"@everybody","password":"1234567"}"#,
        &format!(r#"{{"assignedUsers":"@everybody","password":"{}"}}"#, "x".repeat(51)),
        r#"{"assignedUsers":"@everybody","expirationTime":"soon"}"#,
        r#"{"assignedUsers":"@everybody","expirationTime":"2001-01-01T00:00:00"}"#,
    ] {
        assert_outcome(&post(&server, &format!("publiclinks/file/{file}"), &key, body).await, INVALID);
    }
    let links = get(&server, &format!("publiclinks/file/{file}"), &key).await;
    assert_reply(&links, 200, &format!(r#"{{"count":"0","errorCode":"0","id":"{file}","items":[],"type":"file"}}"#));
    for body in ["{}", r#"{"assignedUser":"nobody"}"#, r#"{"assignedUser":"usera","role":"owner"}"#] {
        assert_outcome(&post(&server, &format!("applinks/file/{file}"), &key, body).await, INVALID);
    }
    let reply = post(&server, &format!("publiclinks/file/{file}"), &key, "{}").await;
    assert_eq!(text(&reply.json()["errorType"]), "link");
    assert_eq!(text(&reply.json()["errorKey"]), "!csFldUnableToEditLink!csInvalidParameter,assignedUsers");
}
