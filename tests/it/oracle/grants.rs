//! Rights that were given through another API hold here (oracle.md 2 and 8.14).

use reqwest::Method;

use super::{
    CREATED, FORBIDDEN, OK, assert_outcome, browse, call, delete_file, get, make_folder, run, text, tree::share,
    try_upload, upload,
};
use crate::support::Server;

#[tokio::test]
async fn each_set_of_rights_is_what_it_is() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let mut folders = Vec::new();
    let other = server.account("userb").await;
    for (name, rights) in [("viewer", 1), ("reader", 3), ("editor", 7), ("contributor", 15), ("manager", 31)] {
        let folder = make_folder(&server, &owner, "self", name).await;
        let file = upload(&server, &owner, &folder, "a.txt", b"1").await;
        share(&server, &folder, other.id, rights).await;
        folders.push((name, folder, file));
    }
    let key = other.key;
    for (name, folder, file) in &folders {
        let at_least = |least: &str| {
            let place = |name: &str| folders.iter().position(|(known, ..)| *known == name);
            if place(name) >= place(least) { OK } else { FORBIDDEN }
        };
        let created = |least: &str| if at_least(least) == OK { CREATED } else { FORBIDDEN };
        assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
        assert_outcome(&get(&server, &format!("folders/{folder}/items"), &key).await, OK);
        let data = get(&server, &format!("files/{file}/data"), &key).await;
        assert_eq!(data.status, at_least("reader").0, "{name}");
        assert_outcome(&try_upload(&server, &key, folder, "b.txt", b"1").await, created("editor"));
        let link = r#"{"assignedUsers":"@everybody"}"#;
        assert_outcome(
            &super::post(&server, &format!("publiclinks/file/{file}"), &key, link).await,
            at_least("manager"),
        );
        assert_outcome(&delete_file(&server, &key, file).await, at_least("contributor"));
        assert_outcome(
            &call(&server, Method::DELETE, &format!("folders/{folder}"), &key).await,
            at_least("contributor"),
        );
    }
}

#[tokio::test]
async fn an_entry_that_another_holds_is_its_owners_too() {
    let server = Server::start().await;
    let owner = server.account("usera").await.key;
    let (holder, stranger) = (server.account("userb").await, server.account("userc").await.key);
    let folder = make_folder(&server, &owner, "self", "x").await;
    let mut entries = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        let file = upload(&server, &owner, &folder, name, b"1").await;
        assert_outcome(&delete_file(&server, &owner, &file).await, OK);
    }
    // As an API leaves them whose trash is the deleting user's.
    server.sql(&format!("update trash set holder_id = {}, deleter_id = {0}", holder.id)).await;
    for key in [&owner, &holder.key] {
        let (files, _) = browse(&server, key).await;
        entries = files.iter().map(|file| text(&file["fFileGUID"])).collect();
        assert_eq!((files.len(), text(&files[0]["fLastModifierFullName"])), (3, "userb".to_owned()));
    }
    assert_eq!(browse(&server, &stranger).await.0.len(), 0);
    let item = |place: usize| format!("item=fFileGUID:{}", entries[place]);
    for service in ["FLD_RESTORE", "FLD_DELETE_FROM_TRASH"] {
        assert_eq!(run(&server, &stranger, &format!("{service}&{}", item(0))).await, "-16");
    }
    // Emptying takes what the caller holds.
    assert_eq!(run(&server, &owner, "FLD_EMPTY_TRASH").await, "0");
    assert_eq!(browse(&server, &owner).await.0.len(), 3);
    assert_eq!(run(&server, &owner, &format!("FLD_RESTORE&{}", item(0))).await, "0");
    assert_eq!(run(&server, &holder.key, &format!("FLD_RESTORE&{}", item(1))).await, "0");
    assert_eq!(run(&server, &holder.key, "FLD_EMPTY_TRASH").await, "0");
    assert_eq!(browse(&server, &owner).await.0.len(), 0);
    assert_eq!(super::names(&server, &owner, &folder).await.len(), 2);
}
