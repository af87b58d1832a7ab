//! Applinks (oracle.md 4.4 and 8.6).

use std::time::Duration;

use reqwest::Method;

use super::{
    FORBIDDEN, INVALID, MISSING, OK, assert_outcome, assert_reply, call_with, delete::deleted, get, make_folder, post,
    text, trashed_files, upload, user_id,
};
use crate::support::{Reply, Server};

struct Applink {
    id: String,
    access: String,
    refresh: String,
}

impl Applink {
    async fn make(server: &Server, key: &str, item: &str, body: &str) -> Self {
        let kind = if item.starts_with('D') { "file" } else { "folder" };
        let made = post(server, &format!("applinks/{kind}/{item}"), key, body).await;
        assert_outcome(&made, OK);
        let member = |name: &str| text(&made.json()[name]);
        Self { id: member("appLinkID"), access: member("accessToken"), refresh: member("refreshToken") }
    }

    async fn ask(&self, server: &Server, method: Method, path: &str) -> Reply {
        let headers = [("APPLINKID", self.id.as_str()), ("AccessToken", &self.access)];
        call_with(server, method, path, "", &headers, "").await
    }

    async fn refresh(&self, server: &Server) -> Reply {
        let headers = [("appLinkID", self.id.as_str()), ("accessToken", &self.access), ("refreshToken", &self.refresh)];
        call_with(server, Method::PUT, "applinks/token", "", &headers, "").await
    }
}

const CONTRIBUTOR: &str = r#"{"assignedUser":"userb","role":"contributor","userLocale":"en","userTimeZone":"UTC"}"#;

#[tokio::test]
async fn an_applink_is_what_the_page_shows() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    server.cli(&["account", "set", "userb", "--email", "b@example.com"]).await;
    let file = upload(&server, &owner, "self", "a.txt", b"1").await;
    let path = format!("applinks/file/{file}");
    let made = post(&server, &path, &owner, CONTRIBUTOR).await;
    let member = |name: &str| text(&made.json()[name]);
    let (access, id, refresh) = (member("accessToken"), member("appLinkID"), member("refreshToken"));
    let url = server.url(&format!("/documents/embed/link/app/{id}/fileview/{file}"));
    let body = format!(
        r#"{{"accessToken":"{access}","appLinkID":"{id}","appLinkUrl":"{url}","errorCode":"0","id":"{file}","refreshToken":"{refresh}","role":"contributor","type":"applink"}}"#
    );
    assert_reply(&made, 200, &body);
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    assert!(access.len() == 64 && access.chars().all(legal), "{access}");
    assert_eq!((id.len(), &id[..2]), (44, "LD"));
    let id = user_id(&server, &other).await;
    for assigned in [&id, "b@example.com"] {
        let body = format!(r#"{{"assignedUser":"{assigned}"}}"#);
        let made = post(&server, &path, &owner, &body).await;
        assert_eq!((made.status, text(&made.json()["role"])), (200, "viewer".to_owned()));
    }
    assert_outcome(&post(&server, &path, &other, CONTRIBUTOR).await, FORBIDDEN);
}

#[tokio::test]
async fn tokens_run_out_and_are_refreshed() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    server.account("userb").await;
    server.cli(&["account", "set", "userb", "--display-name", "User BB"]).await;
    let folder = make_folder(&server, &owner, "self", "x").await;
    let file = upload(&server, &owner, &folder, "a.txt", b"1").await;
    let beside = upload(&server, &owner, "self", "b.txt", b"1").await;
    let path = format!("files/{file}");
    let mut link = Applink::make(&server, &owner, &folder, CONTRIBUTOR).await;
    assert_outcome(&link.ask(&server, Method::GET, &path).await, OK);
    let refused = link.ask(&server, Method::DELETE, &format!("files/{beside}")).await;
    assert_outcome(&refused, FORBIDDEN);

    let viewer = Applink::make(&server, &owner, &folder, r#"{"assignedUser":"userb"}"#).await;
    let refused = viewer.ask(&server, Method::DELETE, &path).await;
    assert_outcome(&refused, FORBIDDEN);
    assert!(text(&refused.json()["errorMessage"]).contains("User 'User BB' has"), "{}", refused.text());
    // No link makes links.
    let manager = Applink::make(&server, &owner, &folder, r#"{"assignedUser":"userb","role":"manager"}"#).await;
    let headers = [("appLinkID", manager.id.as_str()), ("accessToken", &manager.access)];
    let made = call_with(&server, Method::POST, &format!("applinks/file/{file}"), "", &headers, CONTRIBUTOR).await;
    assert_outcome(&made, FORBIDDEN);

    server.advance(Duration::from_secs(15 * 60)).await;
    assert_outcome(&link.ask(&server, Method::DELETE, &path).await, FORBIDDEN);
    let refreshed = link.refresh(&server).await;
    let access = text(&refreshed.json()["accessToken"]);
    assert_reply(&refreshed, 200, &format!(r#"{{"accessToken":"{access}","errorCode":"0","type":"applink"}}"#));
    // The old one is good for nothing more, not even for a refresh.
    assert_outcome(&link.refresh(&server).await, FORBIDDEN);
    link.access = access;
    let again = link.refresh(&server).await;
    assert_outcome(&again, OK);
    assert_outcome(&link.ask(&server, Method::GET, &path).await, FORBIDDEN);
    link.access = text(&again.json()["accessToken"]);
    assert_reply(&link.ask(&server, Method::DELETE, &path).await, 200, &deleted(&file));
    assert_outcome(&link.ask(&server, Method::GET, &path).await, MISSING);
    assert_eq!(trashed_files(&server, &owner).await, [(file, "1".to_owned())]);

    server.advance(Duration::from_secs(24 * 3600)).await;
    let refused = link.refresh(&server).await;
    assert_outcome(&refused, FORBIDDEN);
    assert_eq!(text(&refused.json()["errorType"]), "link");
}

#[tokio::test]
async fn wrong_tokens_and_missing_headers() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    server.account("userb").await;
    let file = upload(&server, &owner, "self", "a.txt", b"1").await;
    let link = Applink::make(&server, &owner, &file, CONTRIBUTOR).await;
    let path = format!("files/{file}");
    let wrong = Applink { id: link.id.clone(), access: "x".repeat(64), refresh: link.refresh.clone() };
    assert_outcome(&wrong.ask(&server, Method::DELETE, &path).await, FORBIDDEN);
    assert_outcome(&wrong.refresh(&server).await, FORBIDDEN);
    let wrong = Applink { id: link.id.clone(), access: link.access.clone(), refresh: "x".repeat(64) };
    assert_outcome(&wrong.refresh(&server).await, FORBIDDEN);
    let wrong = Applink { id: "LD1".to_owned(), access: link.access.clone(), refresh: link.refresh.clone() };
    assert_outcome(&wrong.refresh(&server).await, FORBIDDEN);
    assert_outcome(&wrong.ask(&server, Method::DELETE, &path).await, FORBIDDEN);
    let all = [("appLinkID", link.id.as_str()), ("accessToken", &link.access), ("refreshToken", &link.refresh)];
    for left_out in 0..3 {
        let headers: Vec<_> =
            all.into_iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, h)| h).collect();
        assert_outcome(&call_with(&server, Method::PUT, "applinks/token", "", &headers, "").await, INVALID);
    }
    // The tokens open a link, not an account, and this API alone.
    assert_eq!(call_with(&server, Method::GET, &path, &link.access, &[], "").await.status, 401);
    // Wrong credentials beside them are not ignored.
    let reply = call_with(&server, Method::PUT, "applinks/token", "A", &all, "").await;
    assert_eq!(reply.status, 401);
    assert_outcome(&link.ask(&server, Method::GET, &path).await, OK);
    server.cli(&["account", "disable", "userb"]).await;
    assert_outcome(&link.ask(&server, Method::DELETE, &path).await, FORBIDDEN);
    assert_outcome(&link.refresh(&server).await, FORBIDDEN);
    server.cli(&["account", "enable", "userb"]).await;
    assert_outcome(&link.ask(&server, Method::DELETE, &path).await, FORBIDDEN);
    assert_outcome(&get(&server, &path, &owner).await, OK);
}
