//! Public links (oracle.md 2, 4.5 and 8.5).

use std::time::Duration;

use reqwest::Method;

use super::{
    CODE_NEEDED, CREATED, EXISTS, FORBIDDEN, INVALID, MISSING, OK, assert_outcome, assert_reply, call, call_with,
    delete_file, get, make_folder, post, public_link, run, send_form, text, trashed_files, upload, user, user_id,
};
use crate::support::{Reply, Server};

async fn by_link(server: &Server, method: Method, path: &str, key: &str, link: &str, code: &str) -> Reply {
    let cookie = format!("other=1; dAccessCode-{link}={code}; dAccessCode-LD0=12345678");
    let mut headers = vec![("linkID", link)];
    if !code.is_empty() {
        headers.push(("cookie", &cookie));
    }
    call_with(server, method, path, key, &headers, "").await
}

#[tokio::test]
async fn a_contributor_by_link_moves_to_the_owners_trash() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    let folder = make_folder(&server, &owner, "self", "x").await;
    let beside = upload(&server, &owner, "self", "beside.txt", b"1").await;
    let viewer = public_link(&server, &owner, &folder, r#"{"assignedUsers":"@everybody","linkName":"v"}"#).await;
    let link = r#"{"assignedUsers":"@everybody","role":"contributor","linkName":"c"}"#;
    let contributor = public_link(&server, &owner, &folder, link).await;
    let downloader = r#"{"assignedUsers":"@everybody","roleName":"downloader","linkName":"d"}"#;
    let downloader = public_link(&server, &owner, &folder, downloader).await;
    for key in ["", &other, &owner] {
        let file = upload(&server, &owner, &folder, "a.txt", b"1").await;
        let path = format!("files/{file}");
        let ask = async |method, path: &str, link: &str| by_link(&server, method, path, key, link, "").await;
        // Judged by the link alone, whoever comes with it.
        assert_outcome(&ask(Method::GET, &path, &viewer).await, OK);
        assert_outcome(&ask(Method::GET, &format!("{path}/data"), &viewer).await, FORBIDDEN);
        assert_eq!(ask(Method::GET, &format!("{path}/data"), &downloader).await.status, 200);
        let refused = ask(Method::DELETE, &path, &viewer).await;
        assert_outcome(&refused, FORBIDDEN);
        let name = if key.is_empty() {
            "anonymous"
        } else if key == owner {
            "usera"
        } else {
            "userb"
        };
        assert!(text(&refused.json()["errorKey"]).contains(&format!(",{name},")), "{}", refused.text());
        assert_outcome(&ask(Method::DELETE, &format!("files/{beside}"), &contributor).await, FORBIDDEN);
        assert_outcome(&ask(Method::POST, &format!("publiclinks/file/{file}"), &contributor).await, INVALID);
        assert_outcome(
            &ask(Method::GET, "folders/self/items", &contributor).await,
            if key.is_empty() { MISSING } else { FORBIDDEN },
        );
        assert_outcome(&ask(Method::GET, &format!("folders/{folder}/items"), &contributor).await, OK);
        let parameters = format!(r#"{{"parentID":"{folder}"}}"#);
        let parts = [("jsonInputParameters", "", parameters.as_bytes()), ("primaryFile", "new.txt", b"1")];
        let headers = [("linkid", contributor.as_str())];
        assert_outcome(&send_form(&server, "files/data", key, &headers, &parts).await, CREATED);
        assert_outcome(&ask(Method::DELETE, &path, &contributor).await, OK);
        assert_outcome(&ask(Method::GET, &path, &contributor).await, MISSING);
        assert!(trashed_files(&server, &owner).await.contains(&(file, "1".to_owned())));
    }
    assert_eq!(trashed_files(&server, &other).await, []);
    let (files, _) = super::browse(&server, &owner).await;
    let deleters: Vec<_> = files.iter().map(|file| text(&file["fLastModifierFullName"])).collect();
    assert_eq!(deleters, ["usera", "userb", "anonymous"]);
}

#[tokio::test]
async fn codes_ends_and_users() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let (named, other) = (server.account("userb").await.key, server.account("userc").await.key);
    let folder = make_folder(&server, &owner, "self", "x").await;
    let file = upload(&server, &owner, &folder, "a.txt", b"1").await;
    let path = format!("files/{file}");
    let make = async |body: &str| {
        let body = format!(r#"{{"role":"contributor","linkName":"{}",{body}}}"#, uuid());
        public_link(&server, &owner, &folder, &body).await
    };
    let coded = make(r#""assignedUsers":"@everybody","password":"Secret 123""#).await;
    let ask = async |key: &str, link: &str, code: &str| by_link(&server, Method::GET, &path, key, link, code).await;
    assert_outcome(&ask("", &coded, "").await, CODE_NEEDED);
    assert_outcome(&ask("", &coded, "secret 123").await, CODE_NEEDED);
    assert_outcome(&ask("", &coded, "Secret 123").await, OK);
    let users = make(r#""assignedUsers":"userb""#).await;
    assert_outcome(&ask(&named, &users, "").await, OK);
    assert_outcome(&ask(&other, &users, "").await, FORBIDDEN);
    assert_outcome(&ask(&owner, &users, "").await, FORBIDDEN);
    assert_reply(&ask("", &users, "").await, 401, "Unauthorized");
    let everyone = make(r#""assignedUsers":"@serviceinstance""#).await;
    assert_outcome(&ask(&other, &everyone, "").await, OK);
    assert_reply(&ask("", &everyone, "").await, 401, "Unauthorized");
    let unknown = format!("{}{}", &coded[..43], if coded.ends_with('0') { '1' } else { '0' });
    for link in [unknown.as_str(), "LF1", &coded.to_lowercase(), &file] {
        assert_outcome(&ask(&owner, link, "").await, FORBIDDEN);
    }
    // What is not there comes before what is wrong with the link.
    let missing = by_link(&server, Method::DELETE, &format!("files/{}", super::NO_FILE), "", &unknown, "").await;
    assert_outcome(&missing, MISSING);

    let end = time_after(&server, 3600).await;
    let ending = make(&format!(r#""assignedUsers":"@everybody","expirationTime":"{end}""#)).await;
    assert_outcome(&ask("", &ending, "").await, OK);
    server.advance(Duration::from_secs(3600)).await;
    assert_outcome(&ask("", &ending, "").await, FORBIDDEN);
    assert_outcome(&by_link(&server, Method::DELETE, &path, "", &ending, "").await, FORBIDDEN);
}

fn uuid() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The server's time, so many seconds on, as a request writes it.
async fn time_after(server: &Server, seconds: i64) -> String {
    let now = server.sql("select max(created_at) from node").await[0][0].as_i64().unwrap() / 1_000_000;
    let moment = time::OffsetDateTime::from_unix_timestamp(now + seconds).unwrap();
    let form = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    moment.format(form).unwrap()
}

#[tokio::test]
async fn wrong_codes_are_limited() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let file = upload(&server, &owner, "self", "a.txt", b"1").await;
    let body = r#"{"assignedUsers":"@everybody","role":"contributor","password":"test12345"}"#;
    let link = public_link(&server, &owner, &file, body).await;
    let path = format!("files/{file}");
    let mut wrong = 0;
    let refused = loop {
        let reply = by_link(&server, Method::DELETE, &path, "", &link, "guess 12345").await;
        if reply.status == 429 {
            break reply;
        }
        assert_outcome(&reply, CODE_NEEDED);
        wrong += 1;
        assert!(wrong <= 100);
    };
    assert_eq!(wrong, 10);
    let body = format!(
        r#"{{"errorCode":"-20","errorKey":"!csFldUnableToDeleteItems!csTooManyAttempts","errorMessage":"Unable to delete items. Too many attempts.","errorType":"file","idList":"{file}","title":"Unable to delete items. Too many attempts.","type":""}}"#
    );
    assert_reply(&refused, 429, &body);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert_eq!(by_link(&server, Method::DELETE, &path, "", &link, "test12345").await.status, 429);
    server.advance(Duration::from_secs(wait)).await;
    assert_outcome(&by_link(&server, Method::DELETE, &path, "", &link, "test12345").await, OK);
}

#[tokio::test]
async fn links_are_listed_changed_and_ended() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    let file = upload(&server, &owner, "self", "a.txt", b"1").await;
    let path = format!("publiclinks/file/{file}");
    let made =
        post(&server, &path, &owner, r#"{"assignedUsers":"userb, usera","expirationTime":"2099-01-02T03:04:05"}"#)
            .await;
    assert_outcome(&made, OK);
    let link = text(&made.json()["linkID"]);
    assert_eq!((link.len(), &link[..2]), (44, "LD"));
    let me = user("usera", &user_id(&server, &owner).await);
    let object = |made: &Reply, users: &str, end: &str, password: &str, role: &str| {
        let (created, modified) = (text(&made.json()["createdTime"]), text(&made.json()["lastModifiedTime"]));
        format!(
            r#"{{"assignedUsers":"{users}","createdTime":"{created}","errorCode":"0","expirationTime":"{end}","id":"{file}","lastModifiedTime":"{modified}","linkID":"{link}","linkName":"","ownedBy":{me},"password":"{password}","role":"{role}","type":"publiclink"}}"#
        )
    };
    let end = "2099-01-02T03:04:05Z";
    assert_reply(&made, 200, &object(&made, "userb,usera", end, "", "viewer"));
    assert_outcome(&post(&server, &path, &owner, r#"{"assignedUsers":"@everybody"}"#).await, EXISTS);
    let named = r#"{"assignedUsers":"@everybody","linkName":"n"}"#;
    assert_outcome(&post(&server, &path, &owner, named).await, OK);
    assert_outcome(&post(&server, &path, &owner, named).await, EXISTS);
    let list = get(&server, &path, &owner).await;
    assert_eq!((text(&list.json()["count"]), text(&list.json()["items"][0]["linkID"])), ("2".to_owned(), link.clone()));

    let one = format!("publiclinks/{link}");
    let put = async |key: &str, body: &str| call_with(&server, Method::PUT, &one, key, &[], body.to_owned()).await;
    let changed = put(
        &owner,
        r#"{"role":"contributor","password":"test12345","expirationTime":"","assignedUsers":"@everybody"}"#,
    )
    .await;
    assert_reply(&changed, 200, &object(&changed, "@everybody", "", "********", "contributor"));
    assert_outcome(&by_link(&server, Method::GET, &format!("files/{file}"), "", &link, "").await, CODE_NEEDED);
    assert_outcome(&put(&owner, r#"{"password":""}"#).await, OK);
    assert_outcome(&by_link(&server, Method::GET, &format!("files/{file}"), "", &link, "").await, OK);
    for bad in [r#"{"role":"owner"}"#, r#"{"password":"short"}"#, r#"{"expirationTime":"2001-01-01T00:00:00Z"}"#] {
        assert_outcome(&put(&owner, bad).await, INVALID);
    }
    assert_outcome(&put(&other, r#"{"role":"viewer"}"#).await, FORBIDDEN);
    for (path, key) in [(one.as_str(), &other), (&path, &other)] {
        assert_outcome(&get(&server, path, key).await, FORBIDDEN);
    }
    assert_outcome(&call(&server, Method::DELETE, &one, &other).await, FORBIDDEN);
    assert_eq!(text(&get(&server, &one, &owner).await.json()["role"]), "contributor");
    let ended = call(&server, Method::DELETE, &one, &owner).await;
    assert_reply(&ended, 200, &format!(r#"{{"errorCode":"0","linkID":"{link}","type":"publiclink"}}"#));
    for method in [Method::GET, Method::DELETE] {
        let missing = call(&server, method, &one, &owner).await;
        assert_outcome(&missing, MISSING);
        assert_eq!(text(&missing.json()["errorType"]), "link");
    }
    assert_outcome(&by_link(&server, Method::GET, &format!("files/{file}"), "", &link, "").await, FORBIDDEN);
}

#[tokio::test]
async fn a_link_sleeps_while_its_item_is_in_the_trash() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let file = upload(&server, &owner, "self", "a.txt", b"1").await;
    let link = public_link(&server, &owner, &file, r#"{"assignedUsers":"@everybody"}"#).await;
    let ask = async || by_link(&server, Method::GET, &format!("files/{file}"), "", &link, "").await;
    assert_outcome(&delete_file(&server, &owner, &file).await, OK);
    assert_outcome(&ask().await, MISSING);
    let entry = text(&super::browse(&server, &owner).await.0[0]["fFileGUID"]);
    assert_eq!(run(&server, &owner, &format!("FLD_RESTORE&items=fFileGUID:{entry}")).await, "0");
    assert_outcome(&ask().await, OK);
}
