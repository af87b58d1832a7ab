//! Names, places and reservations (oracle.md 4.2 and 8.13).

use reqwest::Method;

use super::{
    CREATED, EXISTS, FORBIDDEN, INVALID, LOCKED, OK, assert_outcome, assert_reply, call_with, delete_file, get,
    make_folder, names, numbers, post, text, upload, user, user_id, versions,
};
use crate::support::{Reply, Server};

async fn put(server: &Server, path: &str, key: &str, body: &str) -> Reply {
    call_with(server, Method::PUT, path, key, &[], body.to_owned()).await
}

#[tokio::test]
async fn taken_names_are_numbered_or_refused() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    make_folder(&server, &key, "self", "x").await;
    let reply = post(&server, "folders/self", &key, r#"{"name":"X"}"#).await;
    assert_eq!((reply.status, text(&reply.json()["name"])), (201, "X(2)".to_owned()));
    let second = text(&reply.json()["id"]);
    assert_outcome(&put(&server, &format!("folders/{second}"), &key, r#"{"name":"X"}"#).await, EXISTS);
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    upload(&server, &key, "self", "b.txt", b"1").await;
    let refused = put(&server, &format!("files/{file}"), &key, r#"{"name":"B.txt"}"#).await;
    assert_outcome(&refused, EXISTS);
    let renamed = put(&server, &format!("files/{file}"), &key, r#"{"name":"c.txt"}"#).await;
    assert_outcome(&renamed, OK);
    assert_eq!((text(&renamed.json()["name"]), text(&renamed.json()["id"])), ("c.txt".to_owned(), file));
    let edited = put(&server, &format!("folders/{second}"), &key, r#"{"name":"y","description":"d"}"#).await;
    assert_outcome(&edited, OK);
    assert_eq!((text(&edited.json()["name"]), text(&edited.json()["description"])), ("y".to_owned(), "d".to_owned()));
    let edited = put(&server, &format!("folders/{second}"), &key, r#"{"description":"e"}"#).await;
    assert_eq!((text(&edited.json()["name"]), text(&edited.json()["description"])), ("y".to_owned(), "e".to_owned()));
    assert_eq!(names(&server, &key, "self").await, ["x", "y", "b.txt", "c.txt"]);
}

#[tokio::test]
async fn moving_keeps_and_copying_mints_ids() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let from = make_folder(&server, &key, "self", "from").await;
    let to = make_folder(&server, &key, "self", "to").await;
    let file = versions(&server, &key, &from, "a.txt", 2).await;
    upload(&server, &key, &to, "A.txt", b"x").await;
    let destination = format!(r#"{{"destinationID":"{to}"}}"#);
    let copied = post(&server, &format!("files/{file}/copy"), &key, &destination).await;
    assert_outcome(&copied, OK);
    let copy = copied.json();
    assert_eq!((text(&copy["name"]), text(&copy["version"])), ("a(2).txt".to_owned(), "1".to_owned()));
    assert_ne!(text(&copy["id"]), file);
    assert_eq!(get(&server, &format!("files/{}/data", text(&copy["id"])), &key).await.text(), "2");
    let moved = post(&server, &format!("files/{file}/move"), &key, &destination).await;
    assert_outcome(&moved, OK);
    let moved = moved.json();
    assert_eq!(
        (text(&moved["name"]), text(&moved["id"]), text(&moved["parentID"])),
        ("a(3).txt".to_owned(), file.clone(), to.clone())
    );
    assert_eq!(numbers(&server, &key, &file).await, ["2", "1"]);
    assert_eq!(names(&server, &key, &from).await, [""; 0]);
    // Folders, with all below them; not into themselves.
    let home = r#"{"destinationID":"self"}"#;
    let into = format!(r#"{{"destinationID":"{from}"}}"#);
    let moved = post(&server, &format!("folders/{to}/move"), &key, &into).await;
    assert_outcome(&moved, OK);
    let below = format!(r#"{{"destinationID":"{to}"}}"#);
    for action in ["move", "copy"] {
        assert_outcome(&post(&server, &format!("folders/{from}/{action}"), &key, &below).await, INVALID);
    }
    let copied = post(&server, &format!("folders/{to}/copy"), &key, home).await;
    assert_outcome(&copied, OK);
    let copy = text(&copied.json()["id"]);
    assert_eq!(names(&server, &key, &copy).await, names(&server, &key, &to).await);
    assert_outcome(&post(&server, "folders/self/move", &key, &into).await, FORBIDDEN);
}

#[tokio::test]
async fn a_reservation_keeps_others_out() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await;
    let (file, folder) = {
        let folder = make_folder(&server, &owner, "self", "x").await;
        (upload(&server, &owner, &folder, "a.txt", b"1").await, folder)
    };
    share(&server, &folder, other.id, 15).await;
    let other = other.key;
    let id = user_id(&server, &other).await;
    let reserved = post(&server, &format!("files/{file}/reserve"), &other, "").await;
    assert_outcome(&reserved, OK);
    let date = text(&reserved.json()["reservationDate"]);
    assert!(date.len() == 24 && date.ends_with('Z') && &date[19..20] == ".", "{date}");
    let body = format!(
        r#"{{"errorCode":"0","id":"{file}","reservationDate":"{date}","reservedBy":{},"type":"file"}}"#,
        user("userb", &id)
    );
    assert_reply(&reserved, 200, &body);
    assert_reply(&post(&server, &format!("files/{file}/reserve"), &other, "").await, 200, &body);
    assert_outcome(&post(&server, &format!("files/{file}/reserve"), &owner, "").await, LOCKED);
    assert_outcome(&delete_file(&server, &owner, &file).await, LOCKED);
    assert_outcome(&super::try_upload(&server, &owner, &folder, "a.txt", b"2").await, LOCKED);
    assert_outcome(&put(&server, &format!("files/{file}"), &owner, r#"{"name":"b.txt"}"#).await, LOCKED);
    let mine = user_id(&server, &owner).await;
    let release = |by: &str| format!(r#"{{"reservedByUserID":"{by}"}}"#);
    assert_outcome(&post(&server, &format!("files/{file}/unreserve"), &owner, &release(&mine)).await, INVALID);
    // The owner of the tree may end it.
    let done = post(&server, &format!("files/{file}/unreserve"), &owner, &release(&id)).await;
    assert_reply(&done, 200, &format!(r#"{{"errorCode":"0","id":"{file}","type":"file"}}"#));
    assert_outcome(&delete_file(&server, &owner, &file).await, OK);
}

/// Gives an account rights on an item, as another API would.
pub(super) async fn share(server: &Server, item: &str, account: i64, rights: i64) {
    let statement = format!(
        "insert into share (node_id, account_id, rights, created_at) \
         select id, {account}, {rights}, 0 from node where uid = '{}'",
        super::uid(item)
    );
    server.sql(&statement).await;
}

async fn used(server: &Server, name: &str) -> i64 {
    server.sql(&format!("select used from account where name = '{name}'")).await[0][0].as_i64().unwrap()
}

#[tokio::test]
async fn into_another_tree_owner_and_quota_move_with_it() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let other = server.account("userb").await;
    let folder = make_folder(&server, &owner, "self", "shared").await;
    share(&server, &folder, other.id, 15).await;
    let other = other.key;
    // What somebody else puts there counts to the owner of the tree.
    let put = upload(&server, &other, &folder, "theirs.txt", b"12345").await;
    let file = get(&server, &format!("files/{put}"), &other).await.json();
    assert_eq!(
        (text(&file["ownedBy"]["loginName"]), text(&file["createdBy"]["loginName"])),
        ("usera".into(), "userb".into())
    );
    assert_eq!((used(&server, "usera").await, used(&server, "userb").await), (5, 0));
    let mine = versions(&server, &other, "self", "mine.txt", 2).await;
    assert_eq!((used(&server, "usera").await, used(&server, "userb").await), (5, 2));
    let moved =
        post(&server, &format!("files/{mine}/move"), &other, &format!(r#"{{"destinationID":"{folder}"}}"#)).await;
    assert_outcome(&moved, OK);
    assert_eq!(
        (text(&moved.json()["ownedBy"]["loginName"]), text(&moved.json()["id"])),
        ("usera".into(), mine.clone())
    );
    assert_eq!(numbers(&server, &owner, &mine).await, ["2", "1"]);
    assert_eq!((used(&server, "usera").await, used(&server, "userb").await), (7, 0));
    // Back again: that takes the right to delete there.
    let moved = post(&server, &format!("files/{mine}/move"), &other, r#"{"destinationID":"self"}"#).await;
    assert_outcome(&moved, OK);
    assert_eq!(text(&moved.json()["parentID"]), "self");
    assert_eq!((used(&server, "usera").await, used(&server, "userb").await), (5, 2));
    assert_outcome(&post(&server, &format!("folders/{folder}"), &other, r#"{"name":"n"}"#).await, CREATED);
}
