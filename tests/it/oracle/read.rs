//! Looking at files and folders (oracle.md 4.1 and 4.3).

use reqwest::Method;
use serde_json::Value;

use super::{
    FORBIDDEN, MISSING, NO_FILE, OK, assert_outcome, assert_reply, call, call_with, delete_file, get, make_folder,
    post, text, upload, user, user_id, versions,
};
use crate::support::Server;

/// The same with every time replaced, once each has been seen to be one.
fn without_times(value: &Value) -> String {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match name.ends_with("Time") && member.as_str() != Some("") {
                        true => {
                            let text = text(member);
                            assert!(text.len() == 20 && text.starts_with("20") && text.ends_with('Z'), "{text}");
                            *member = "T".into();
                        }
                        false => walk(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    let mut value = value.clone();
    walk(&mut value);
    value.to_string()
}

fn file_object(id: &str, name: &str, parent: &str, version: usize, user: &str) -> String {
    format!(
        r#"{{"createdBy":{user},"createdTime":"T","errorCode":"0","id":"{id}","mimeType":"text/plain","modifiedBy":{user},"modifiedTime":"T","name":"{name}","ownedBy":{user},"parentID":"{parent}","size":"1","type":"file","version":"{version}"}}"#
    )
}

fn folder_object(id: &str, name: &str, description: &str, children: usize, parent: &str, user: &str) -> String {
    format!(
        r#"{{"childItemsCount":"{children}","createdBy":{user},"createdTime":"T","description":"{description}","errorCode":"0","id":"{id}","modifiedBy":{user},"modifiedTime":"T","name":"{name}","ownedBy":{user},"parentID":"{parent}","size":"0","type":"folder"}}"#
    )
}

#[tokio::test]
async fn files_and_folders_are_their_objects() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let me = user("usera", &user_id(&server, &key).await);
    let made = post(&server, "folders/self", &key, r#"{"name":"x","description":"of 2026"}"#).await;
    let folder = text(&made.json()["id"]);
    assert_eq!(folder.len(), 44);
    assert_eq!(
        (made.status, without_times(&made.json())),
        (201, folder_object(&folder, "x", "of 2026", 0, "self", &me))
    );
    let file = versions(&server, &key, &folder, "a.txt", 2).await;
    let top = upload(&server, &key, "self", "b.txt", b"1").await;
    let seen = async |path: String| without_times(&get(&server, &path, &key).await.json());
    assert_eq!(seen(format!("files/{file}")).await, file_object(&file, "a.txt", &folder, 2, &me));
    assert_eq!(seen(format!("files/{file}?version=1")).await, file_object(&file, "a.txt", &folder, 1, &me));
    assert_eq!(seen(format!("files/{top}/")).await, file_object(&top, "b.txt", "self", 1, &me));
    assert_eq!(seen(format!("folders/{folder}")).await, folder_object(&folder, "x", "of 2026", 1, "self", &me));
    let home = text(&get(&server, "folders/self", &key).await.json()["id"]);
    let by_id = get(&server, &format!("folders/{home}"), &key).await;
    assert_eq!(by_id.json()["childItemsCount"], "2");
    let object = |number| file_object(&file, "a.txt", &folder, number, &me).replace(r#""errorCode":"0","#, "");
    let list = format!(
        r#"{{"errorCode":"0","id":"{file}","items":[{},{}],"name":"a.txt","parentID":"{folder}","type":"file"}}"#,
        object(2),
        object(1)
    );
    assert_eq!(seen(format!("files/{file}/versions")).await, list);
    for missing in [NO_FILE, &folder] {
        assert_outcome(&get(&server, &format!("files/{missing}"), &key).await, MISSING);
    }
    for number in ["3", "4294967296"] {
        assert_outcome(&get(&server, &format!("files/{file}?version={number}"), &key).await, MISSING);
    }
    let stranger = server.account("userb").await.key;
    for path in [format!("files/{file}"), format!("files/{file}/data"), format!("folders/{folder}/items")] {
        assert_outcome(&get(&server, &path, &stranger).await, FORBIDDEN);
    }
    let refused = get(&server, &format!("files/{NO_FILE}"), &key).await;
    let body = format!(
        r#"{{"errorCode":"-16","errorKey":"!csFldUnableToReadItems!csFldDoesNotExist,fFileGUID:{NO_FILE}","errorMessage":"Unable to read items. The item fFileGUID:{NO_FILE} does not exist.","errorType":"file","id":"{NO_FILE}","title":"Unable to read items. The item fFileGUID:{NO_FILE} does not exist.","type":""}}"#
    );
    assert_reply(&refused, 404, &body);
}

#[tokio::test]
async fn data_is_bytes_whatever_it_is() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "page.html", b"0123456789").await;
    upload(&server, &key, "self", "page.html", b"new").await;
    let path = format!("files/{file}/data");
    let reply = get(&server, &format!("{path}?version=1"), &key).await;
    assert_reply(&reply, 200, "0123456789");
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-length", "10"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("content-disposition", "attachment; filename=\"page.html\"; filename*=UTF-8''page.html"),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert_reply(&get(&server, &path, &key).await, 200, "new");
    let ranged = async |range: &str| {
        let headers = [("range", range)];
        call_with(&server, Method::GET, &format!("{path}?version=1"), &key, &headers, "").await
    };
    let reply = ranged("bytes=2-4").await;
    assert_reply(&reply, 206, "234");
    assert_eq!((reply.header("content-range"), reply.header("content-length")), ("bytes 2-4/10", "3"));
    assert_reply(&ranged("bytes=-3").await, 206, "789");
    assert_reply(&ranged("bytes=8-").await, 206, "89");
    let reply = ranged("bytes=10-").await;
    assert_outcome(&reply, (416, "-50"));
    assert_eq!(reply.header("content-range"), "bytes */10");
    let reply = call(&server, Method::HEAD, &path, &key).await;
    assert_eq!((reply.status, reply.header("content-length")), (200, "3"));
}

#[tokio::test]
async fn lists_have_pages_orders_and_a_filter() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let me = user("usera", &user_id(&server, &key).await);
    let folder = make_folder(&server, &key, "self", "x").await;
    make_folder(&server, &key, &folder, "b-folder").await;
    for name in ["c.txt", "a.txt", "b.txt"] {
        upload(&server, &key, &folder, name, b"1").await;
    }
    let list = async |query: &str| get(&server, &format!("folders/{folder}/items{query}"), &key).await.json();
    let names = |list: &Value| {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| text(&item["name"])).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&list("?orderby=name:asc").await), "b-folder a.txt b.txt c.txt");
    assert_eq!(names(&list("?orderby=name:desc").await), "b-folder c.txt b.txt a.txt");
    assert_eq!(names(&list("?orderby=createdTime:asc").await), "b-folder c.txt a.txt b.txt");
    assert_eq!(names(&list("?filterName=b.txt").await), "b.txt");
    assert_eq!(names(&list("?filterName=b").await), "");
    let page = list("?limit=2&offset=1&unknown=1").await;
    assert_eq!(names(&page), "a.txt b.txt");
    for (name, value) in [("count", "2"), ("hasMore", "1"), ("limit", "2"), ("offset", "1"), ("totalResults", "4")] {
        assert_eq!(page[name], value, "{name}");
    }
    let page = list("?limit=20000&offset=3").await;
    for (name, value) in [("count", "1"), ("hasMore", "0"), ("limit", "10000"), ("offset", "3"), ("totalResults", "4")]
    {
        assert_eq!(page[name], value, "{name}");
    }
    assert_eq!((&page["id"], &page["items"][0]["errorCode"]), (&folder.clone().into(), &Value::Null));

    let items = get(&server, "folders/items?filterName=none", &key).await;
    let home = text(&get(&server, "folders/self", &key).await.json()["id"]);
    let body = format!(
        r#"{{"childItemsCount":"1","count":"0","createdBy":{me},"createdTime":"T","description":"","errorCode":"0","hasMore":"0","id":"{home}","items":[],"limit":"50","modifiedBy":{me},"modifiedTime":"T","name":"usera","offset":"0","ownedBy":{me},"ownerFolderID":"self","parentID":"","size":"0","totalResults":"0","type":"folder"}}"#
    );
    assert_eq!(without_times(&items.json()), body);
    assert_eq!(list("").await["ownerFolderID"], Value::Null);
}

#[tokio::test]
async fn several_things_by_their_ids() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    let one = upload(&server, &key, "self", "a.txt", b"1").await;
    let two = upload(&server, &key, "self", "b.txt", b"1").await;
    let trashed = upload(&server, &key, "self", "c.txt", b"1").await;
    assert_outcome(&delete_file(&server, &key, &trashed).await, OK);
    let list = async |key: &str, query: &str| get(&server, &format!("files/lists?idList={query}"), key).await;
    let reply = list(&key, &format!("{one},{two}")).await;
    assert_outcome(&reply, OK);
    assert_eq!((&reply.json()["count"], &reply.json()["items"][1]["name"]), (&"2".into(), &"b.txt".into()));
    assert_eq!(reply.json()["items"][0]["status"], Value::Null);
    for missing in [NO_FILE, &trashed] {
        let reply = list(&key, &format!("{one},{missing}")).await;
        assert_outcome(&reply, MISSING);
        assert_eq!(reply.json()["id"], missing);
    }
    assert_outcome(&list(&other, &one).await, FORBIDDEN);
    let reply = list(&key, &format!("{one},{trashed},{NO_FILE}&checkStatus=1")).await;
    assert_outcome(&reply, OK);
    let seen: Vec<_> = reply.json()["items"].as_array().unwrap().iter().map(|item| text(&item["status"])).collect();
    assert_eq!(seen, ["exists", "inTrash", "missing"]);
    let items = &reply.json()["items"];
    assert_eq!((&items[0]["name"], &items[1]["id"]), (&"a.txt".into(), &trashed.as_str().into()));
    let reply = list(&other, &format!("{one}&checkStatus=1")).await;
    let body = format!(r#"{{"count":"1","errorCode":"0","items":[{{"id":"{one}","status":"exists"}}]}}"#);
    assert_reply(&reply, 200, &body);
    let home = text(&get(&server, "folders/self", &key).await.json()["id"]);
    let folders = get(&server, &format!("folders/lists?idList=self,{home}"), &key).await;
    assert_eq!((folders.status, &folders.json()["count"]), (200, &"2".into()));
}

#[tokio::test]
async fn accounts_are_found_by_part_of_their_names() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    server.account("userb").await;
    server.cli(&["account", "set", "userb", "--display-name", "Bea Brown"]).await;
    let by_name = get(&server, "users/items?info=brow", &key).await;
    let found = by_name.json();
    assert_eq!((&found["count"], &found["items"][0]["displayName"]), (&"1".into(), &"Bea Brown".into()));
    let id = text(&found["items"][0]["id"]);
    assert_eq!((id.len(), &id[..1]), (36, "U"));
    let by_login = get(&server, "users/items?info=user", &key).await;
    assert_eq!(by_login.json()["count"], "2");
    let body = format!(
        r#"{{"count":"1","errorCode":"0","items":[{{"displayName":"Bea Brown","id":"{id}","loginName":"userb","type":"user"}}]}}"#
    );
    assert_reply(&get(&server, "users/items?info=userb", &key).await, 200, &body);
    let none = get(&server, "users/items?info=nobody", &key).await;
    assert_reply(&none, 200, r#"{"count":"0","errorCode":"0","items":[]}"#);
}
