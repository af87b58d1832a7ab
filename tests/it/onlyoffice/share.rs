//! Who may do what with an entry (onlyoffice.md 4.9).

use serde_json::{Value, json};

use super::{DENIED, NO_FOLDER, assert_refused, content, get, make_folder, my, put, response, share, upload};
use crate::support::Server;

#[tokio::test]
async fn shares_are_listed_and_changed() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let folder = make_folder(&server, &ann.key, my(&server, &ann.key).await, "Docs").await;
    let to = format!("folder/{folder}/share");
    let person = |uid: &str, name: &str| {
        json!({"id": uid, "displayName": name, "title": "",
            "avatarSmall": "/skins/default/images/default_user_photo_size_32-32.png",
            "profileUrl": format!("/Products/People/Profile.aspx?user={name}")})
    };
    let line = |access: u8, uid: &str, name: &str, is_owner: bool, changeable: bool| {
        json!({"access": access, "sharedTo": person(uid, name), "isLocked": false, "isOwner": is_owner,
            "canEditAccess": changeable, "canEditInternal": false, "canEditDenyDownload": false,
            "canEditExpirationDate": false, "canRevoke": changeable, "subjectType": 0})
    };
    let owner = line(0, &ann.uid, "ann", true, false);
    assert_eq!(response(&get(&server, &ann.key, &to).await), json!([owner]));
    for access in [2, 10, 1, 9] {
        share(&server, &ann.key, &format!("folder/{folder}"), &bob.uid, access).await;
        let both = json!([owner, line(access, &bob.uid, "bob", false, true)]);
        assert_eq!(response(&get(&server, &ann.key, &to).await), both);
        let shown = response(&get(&server, &bob.key, &format!("folder/{folder}")).await);
        assert_eq!((&shown["access"], &shown["isShareable"]), (&json!(access), &json!(access == 9)));
        assert_eq!(content(&server, &bob.key, "@share").await.1, [folder]);
    }
    assert_eq!(response(&get(&server, &ann.key, &format!("folder/{folder}")).await)["shared"], true);
    share(&server, &ann.key, &format!("folder/{folder}"), &bob.uid, 0).await;
    assert_eq!(response(&get(&server, &ann.key, &to).await), json!([owner]));
    assert_eq!(content(&server, &bob.key, "@share").await.1, super::NOTHING);
    assert_refused(&get(&server, &bob.key, &format!("folder/{folder}")).await, 403, DENIED);
}

#[tokio::test]
async fn only_owner_and_manager_share() {
    let server = Server::start().await;
    let (ann, bob, eve) = (server.account("ann").await, server.account("bob").await, server.account("eve").await);
    let file = upload(&server, &ann.key, "@my", "a.txt", b"x").await;
    let to = format!("file/{file}/share");
    let body = json!({"share": [{"shareTo": eve.uid, "access": 2}]});
    for (access, status) in [(2, 403), (10, 403), (1, 403), (9, 200)] {
        share(&server, &ann.key, &format!("file/{file}"), &bob.uid, access).await;
        assert_eq!(put(&server, &bob.key, &to, body.clone()).await.status, status, "{access}");
    }
    for bad in [
        json!({"share": [{"shareTo": eve.uid, "access": 3}]}),
        json!({"share": [{"shareTo": eve.uid, "access": "all"}]}),
        json!({"share": [{"shareTo": eve.uid}]}),
        json!({"share": [{"shareTo": "eve", "access": 2}]}),
        json!({"share": [{"access": 2}]}),
        json!({"share": [2]}),
        json!({"share": [{"shareTo": "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11", "access": 2}]}),
        // One that is bad spoils all.
        json!({"share": [{"shareTo": eve.uid, "access": 0}, {"shareTo": bob.uid, "access": 7}]}),
    ] {
        assert_eq!(put(&server, &ann.key, &to, bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(content(&server, &eve.key, "@share").await.0, [file]);
    let root = my(&server, &ann.key).await;
    assert_refused(&put(&server, &ann.key, &format!("folder/{root}/share"), body.clone()).await, 403, DENIED);
    assert_refused(&put(&server, &ann.key, "folder/999999/share", body).await, 404, NO_FOLDER);
    assert_refused(&get(&server, &ann.key, "folder/999999/share").await, 404, NO_FOLDER);
}

#[tokio::test]
async fn each_number_is_a_set_of_rights() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let folder = make_folder(&server, &ann.key, my(&server, &ann.key).await, "Docs").await;
    let file = upload(&server, &ann.key, folder, "a.txt", b"bytes").await;
    assert_refused(&get(&server, &bob.key, &format!("file/{file}")).await, 403, DENIED);
    for (access, writes) in [(2, false), (10, true), (1, true), (9, true)] {
        share(&server, &ann.key, &format!("folder/{folder}"), &bob.uid, access).await;
        assert_eq!(get(&server, &bob.key, &format!("file/{file}/download")).await.text(), "bytes");
        assert_eq!(get(&server, &bob.key, &format!("file/{file}/presigneduri")).await.status, 200);
        let renamed = put(&server, &bob.key, &format!("file/{file}"), json!({"title": "a.txt"})).await;
        let made = super::post(&server, &bob.key, &format!("{folder}/text"), json!({"title": "b"})).await;
        let locked = put(&server, &bob.key, &format!("file/{file}/lock"), json!({"lockFile": false})).await;
        let started = super::post(&server, &bob.key, &format!("file/{file}/startedit"), Value::Null).await;
        let expected = if writes { 200 } else { 403 };
        let seen = [renamed.status, made.status, started.status];
        assert_eq!(seen, [expected; 3], "{access}");
        assert!([200, 403].contains(&locked.status));
        server.advance(std::time::Duration::from_secs(601)).await;
    }
    let parts = response(&get(&server, &bob.key, &folder.to_string()).await)["pathParts"].clone();
    assert_eq!(parts, json!([{"id": folder, "title": "Docs"}]), "no more than may be seen");
}
