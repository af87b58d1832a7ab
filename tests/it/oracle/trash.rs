//! The trash's calls (oracle.md 4.6, 8.7 to 8.9).

use reqwest::Method;
use serde_json::Value;

use super::{
    MISSING, OK, assert_outcome, assert_reply, browse, call, call_with, delete_file, get, make_folder, names, numbers,
    rows, run, service, status_code, text, trashed_files, uid, upload, versions,
};
use crate::support::Server;

#[tokio::test]
async fn answers_have_their_form() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    server.cli(&["account", "set", "usera", "--display-name", "User AA"]).await;
    let local = |service: &str, rest: &str, code: &str, message: &str, message_key: &str, token: &str| {
        format!(
            r#"{{"LocalData":{{"IdcService":"{service}",{rest}"StatusCode":"{code}","StatusMessage":"{message}","StatusMessageKey":"{message_key}","dUser":"usera","dUserFullName":"User AA","idcToken":"{token}","localizedForResponse":"1"}},"ResultSets":{{}}}}"#
        )
    };
    let token = |value: &Value| {
        let token = text(&value["LocalData"]["idcToken"]);
        let (millis, mark) = token.split_once(':').unwrap();
        assert!(millis.parse::<u64>().is_ok() && mark.len() == 32, "{token}");
        token
    };
    let config = service(&server, Method::GET, &key, "SCS_GET_TENANT_CONFIG", "").await;
    let governance = r#""IsSitesGovernanceEnabled":"0","#;
    assert_reply(&config, 200, &local("SCS_GET_TENANT_CONFIG", governance, "0", "OK", "", &token(&config.json())));
    let reply = service(&server, Method::GET, &key, "GET_USER_INFO", "").await;
    assert_eq!((status_code(&reply), text(&reply.json()["LocalData"]["dUser"])), ("0".to_owned(), "usera".to_owned()));
    assert!(!text(&reply.json()["LocalData"]["UserRoles"]).is_empty());
    let reply = service(&server, Method::POST, &key, "FLD_RESTORE&item=x", "").await;
    let body = local(
        "FLD_RESTORE",
        "",
        "-50",
        "Unable to edit items. The parameter 'item' is not formatted correctly.",
        "!csFldUnableToEditItems!csInvalidParameter,item",
        &token(&reply.json()),
    );
    assert_reply(&reply, 200, &body);
    for unknown in ["NO_SUCH_SERVICE", ""] {
        for method in [Method::GET, Method::POST] {
            assert_eq!(status_code(&service(&server, method, &key, unknown, "").await), "-1");
        }
    }
    for service_name in ["FLD_MOVE_TO_TRASH", "FLD_RESTORE", "FLD_DELETE_FROM_TRASH", "FLD_EMPTY_TRASH"] {
        let reply = service(&server, Method::GET, &key, service_name, "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    }
    // No link opens it, and nobody without an account does.
    let headers = [("linkID", "LD1")];
    let path = "/documents/integration?IdcService=FLD_BROWSE_TRASH&IsJson=1";
    for headers in [&headers[..], &[]] {
        assert_reply(&call_with(&server, Method::GET, path, "", headers, "").await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn both_tables_have_their_columns() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "a.txt", b"123").await;
    let folder = make_folder(&server, &key, "self", "x").await;
    assert_outcome(&delete_file(&server, &key, &file).await, OK);
    assert_outcome(&call(&server, Method::DELETE, &format!("folders/{folder}"), &key).await, OK);
    let (files, folders) = browse(&server, &key).await;
    let (row, deleted) = (&files[0], text(&files[0]["fLastModifiedDate"]));
    assert!(deleted.len() == 20 && deleted.ends_with('Z'), "{deleted}");
    let entry = text(&row["fFileGUID"]);
    let expected = format!(
        r#"{{"dExtension":"txt","dFileSize":"3","dRevLabel":"1","fFileGUID":"{entry}","fFileName":"a.txt","fLastModifiedDate":"{deleted}","fLastModifierFullName":"usera","fRealItemGUID":"{file}"}}"#
    );
    assert_eq!(row.to_string(), expected);
    let (row, deleted) = (&folders[0], text(&folders[0]["fLastModifiedDate"]));
    let entry = text(&row["fFolderGUID"]);
    let expected = format!(
        r#"{{"fApplication":"framework","fFolderGUID":"{entry}","fFolderName":"x","fFolderType":"owner","fLastModifiedDate":"{deleted}","fLastModifierFullName":"usera","fRealItemGUID":"{folder}"}}"#
    );
    assert_eq!(row.to_string(), expected);
    assert_eq!((entry.len(), &entry[..1], entry == folder), (44, "F", false));
    // A client destroys what it is shown, so what asks for other products' things sees none.
    for (filter, shown) in [
        (
            "-1filesFilterParams=fApplication&foldersFilterParams=fApplication&fApplication-=framework.site,framework.caas",
            true,
        ),
        (
            "-1filesFilterParams=fApplication&fApplication-=framework&foldersFilterParams=fApplication&fApplication=framework.site",
            false,
        ),
        ("-1&fApplication=framework", true),
        ("-1&fApplication=framework.site,framework", true),
        ("-1&fApplication=framework.site", false),
        ("-1&fApplication-=framework", false),
        ("x", true),
        ("", true),
    ] {
        let reply = service(&server, Method::GET, &key, &format!("FLD_BROWSE_TRASH&fileCount={filter}"), "").await;
        let counts = (rows(&reply, "ChildFiles").len(), rows(&reply, "ChildFolders").len());
        assert_eq!(counts, if shown { (1, 1) } else { (0, 0) }, "{filter}");
    }
}

#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let top = make_folder(&server, &key, "self", "top").await;
    let below = make_folder(&server, &key, &top, "below").await;
    let file = versions(&server, &key, &below, "a.txt", 2).await;
    let link = super::public_link(&server, &key, &below, r#"{"assignedUsers":"@everybody"}"#).await;
    // By the second entry point: with the same checks.
    let item = format!("FLD_MOVE_TO_TRASH&item=fFolderGUID:{top}");
    server.cli(&["hold", "add", &uid(&file)]).await;
    assert_eq!(run(&server, &key, &item).await, "-22");
    server.cli(&["hold", "remove", &uid(&file)]).await;
    let stranger = server.account("userb").await.key;
    assert_eq!(run(&server, &stranger, &item).await, "-20");
    assert_eq!(run(&server, &key, &item).await, "0");
    assert_eq!(run(&server, &key, &item).await, "-16");
    let (files, folders) = browse(&server, &key).await;
    assert_eq!((files.len(), folders.len()), (0, 1));
    let entry = text(&folders[0]["fFolderGUID"]);
    // Its name is taken meanwhile.
    make_folder(&server, &key, "self", "TOP").await;
    let body = format!(r#"{{"LocalData":{{"IdcService":"FLD_RESTORE","items":"fFolderGUID:{entry}"}}}}"#);
    let path = "/documents/integration?IdcService=FLD_RESTORE&IsJson=1";
    let json = [("content-type", "application/json")];
    let restored = call_with(&server, Method::POST, path, &key, &json, body.clone()).await;
    assert_eq!(status_code(&restored), "0");
    assert_eq!(status_code(&call_with(&server, Method::POST, path, &key, &json, body).await), "-16");
    assert_eq!(text(&get(&server, &format!("folders/{top}"), &key).await.json()["name"]), "top(2)");
    assert_eq!(names(&server, &key, &top).await, ["below"]);
    assert_eq!(numbers(&server, &key, &file).await, ["2", "1"]);
    let by_link = call_with(&server, Method::GET, &format!("files/{file}"), "", &[("linkID", &link)], "").await;
    assert_outcome(&by_link, OK);
    assert_eq!(browse(&server, &key).await, (vec![], vec![]));
}

#[tokio::test]
async fn a_file_whose_folder_is_gone_comes_home() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let folder = make_folder(&server, &key, "self", "x").await;
    let file = upload(&server, &key, &folder, "a.txt", b"1").await;
    upload(&server, &key, "self", "A.TXT", b"2").await;
    assert_outcome(&delete_file(&server, &key, &file).await, OK);
    assert_outcome(&call(&server, Method::DELETE, &format!("folders/{folder}"), &key).await, OK);
    let entry = text(&browse(&server, &key).await.0[0]["fFileGUID"]);
    assert_eq!(run(&server, &key, &format!("FLD_RESTORE&item=fFileGUID:{entry}")).await, "0");
    let back = get(&server, &format!("files/{file}"), &key).await.json();
    assert_eq!((text(&back["name"]), text(&back["parentID"])), ("a(2).txt".to_owned(), "self".to_owned()));
}

#[tokio::test]
async fn a_single_version_comes_back_under_its_number() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 3).await;
    assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=2"), &key).await, OK);
    let version = text(&browse(&server, &key).await.0[0]["fFileGUID"]);
    let restore = format!("FLD_RESTORE&item=fFileGUID:{version}");
    // Not into a file that is in the trash itself; that one stands before its version.
    assert_outcome(&delete_file(&server, &key, &file).await, OK);
    assert_eq!(run(&server, &key, &restore).await, "-16");
    let (files, _) = browse(&server, &key).await;
    let labels: Vec<_> = files.iter().map(|row| text(&row["dRevLabel"])).collect();
    assert_eq!(labels, ["3", "2"]);
    let whole = text(&files[0]["fFileGUID"]);
    assert_eq!(run(&server, &key, &format!("FLD_RESTORE&item=fFileGUID:{whole}")).await, "0");
    assert_eq!(numbers(&server, &key, &file).await, ["3", "1"]);
    assert_eq!(run(&server, &key, &restore).await, "0");
    assert_eq!(numbers(&server, &key, &file).await, ["3", "2", "1"]);
    let bytes = get(&server, &format!("files/{file}/data?version=2"), &key).await;
    assert_reply(&bytes, 200, "2");
}

/// The flow by which the vendor's own client deletes for good.
#[tokio::test]
async fn a_permanent_delete_takes_older_versions_too() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 3).await;
    assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=1"), &key).await, OK);
    let token =
        text(&service(&server, Method::GET, &key, "SCS_GET_TENANT_CONFIG", "").await.json()["LocalData"]["idcToken"]);
    assert_eq!(run(&server, &key, &format!("FLD_MOVE_TO_TRASH&idcToken={token}&item=fFileGUID:{file}")).await, "0");
    let (files, _) = browse(&server, &key).await;
    let first = files.iter().find(|row| text(&row["fRealItemGUID"]) == file).unwrap();
    let entry = text(&first["fFileGUID"]);
    // The live id and ids of nothing name no entry; a file's entry is no folder's.
    for id in [
        format!("fFileGUID:{file}"),
        format!("fFileGUID:{}", super::NO_FILE),
        format!("fFolderGUID:{}", entry.replacen('D', "F", 1)),
    ] {
        for service_name in ["FLD_DELETE_FROM_TRASH", "FLD_RESTORE"] {
            assert_eq!(run(&server, &key, &format!("{service_name}&item={id}")).await, "-16");
        }
    }
    let body = format!(r#"{{"LocalData":{{"item":"fFileGUID:{entry}"}}}}"#);
    let reply = service(&server, Method::POST, &key, "FLD_DELETE_FROM_TRASH", &body).await;
    assert_eq!(status_code(&reply), "0");
    assert_eq!(trashed_files(&server, &key).await, []);
    for service_name in ["FLD_DELETE_FROM_TRASH", "FLD_RESTORE"] {
        assert_eq!(run(&server, &key, &format!("{service_name}&item=fFileGUID:{entry}")).await, "-16");
    }
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
    let used = server.sql("select used, purging from account where name = 'usera'").await;
    assert_eq!((used[0][0].as_i64(), used[0][1].as_i64()), (Some(0), Some(0)));
}

#[tokio::test]
async fn an_item_is_one_thing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    let one = format!("fFileGUID:{file}");
    for query in [
        String::new(),
        "item=".to_owned(),
        "item=fFileGUID:".to_owned(),
        format!("item={file}"),
        format!("item=fItemGUID:{file}"),
        format!("item={one},{one}"),
        format!("item={one};{one}"),
        format!("item={one}&items=fFileGUID:{}", super::NO_FILE),
        format!("item={one}&item=fFileGUID:{}", super::NO_FILE),
    ] {
        for service_name in ["FLD_MOVE_TO_TRASH", "FLD_RESTORE", "FLD_DELETE_FROM_TRASH"] {
            assert_eq!(run(&server, &key, &format!("{service_name}&{query}")).await, "-50", "{query}");
        }
    }
    let move_with = async |query: &str, body: &str| {
        let query = format!("FLD_MOVE_TO_TRASH{query}");
        status_code(&service(&server, Method::POST, &key, &query, body).await)
    };
    let local = |item: &str| format!(r#"{{"LocalData":{{"item":{item}}}}}"#);
    for body in [
        local(&format!(r#""{one}","item":"{one}""#)),
        local(&format!(r#"["{one}"]"#)),
        local("null"),
        format!(r#"{{"item":"{one}"}}"#),
        "[]".to_owned(),
        "x".to_owned(),
        r#"{"LocalData":[]}"#.to_owned(),
        r#"{"LocalData":{"IdcService":"FLD_EMPTY_TRASH"}}"#.to_owned(),
    ] {
        assert_eq!(move_with("", &body).await, "-50", "{body}");
    }
    let other = local(&format!(r#""fFileGUID:{}""#, super::NO_FILE));
    assert_eq!(move_with(&format!("&item={one}"), &other).await, "-50");
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
    assert_eq!(move_with(&format!("&item={one}"), &local(&format!(r#""{one}""#))).await, "0");
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, MISSING);
}

const IN_BACKGROUND: &str = r#"{"LocalData":{"IdcService":"FLD_EMPTY_TRASH","useBackgroundThread":1}}"#;

#[tokio::test]
async fn emptying_hides_all_at_once() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let empty = async |body: &str| service(&server, Method::POST, &key, "FLD_EMPTY_TRASH", body).await;
    let nothing = empty(IN_BACKGROUND).await;
    assert_eq!((status_code(&nothing), &nothing.json()["LocalData"]["JobID"]), ("0".to_owned(), &Value::Null));
    let fill = async |name: &str| {
        let folder = make_folder(&server, &key, "self", "x").await;
        upload(&server, &key, &folder, "a.txt", b"1").await;
        let file = versions(&server, &key, "self", name, 2).await;
        assert_outcome(&call(&server, Method::DELETE, &format!("folders/{folder}"), &key).await, OK);
        assert_outcome(&call(&server, Method::DELETE, &format!("files/{file}?version=1"), &key).await, OK);
        file
    };
    fill("b.txt").await;
    let started = empty(IN_BACKGROUND).await;
    assert_eq!(status_code(&started), "0");
    assert_eq!(browse(&server, &key).await, (vec![], vec![]));
    let job = text(&started.json()["LocalData"]["JobID"]);
    server.run_jobs().await;
    let ask = async |name: &str, key: &str| {
        let query = format!("SCS_GET_BACKGROUND_SERVICE_JOB_{name}&JobID={job}");
        service(&server, Method::GET, key, &query, "").await
    };
    let status = ask("STATUS", &key).await;
    assert_eq!(status_code(&status), "0");
    let row = rows(&status, "JobInfo").remove(0);
    assert_eq!((text(&row["JobStatus"]), text(&row["JobPercentage"])), ("COMPLETE".to_owned(), "100".to_owned()));
    assert_eq!(status_code(&ask("RESPONSE_DATA", &key).await), "0");
    let stranger = server.account("userb").await.key;
    for name in ["STATUS", "RESPONSE_DATA"] {
        assert_eq!(status_code(&ask(name, &stranger).await), "-16");
    }
    // The live file is all that is left.
    assert_eq!((names(&server, &key, "self").await, server.objects().await.len()), (vec!["b.txt".to_owned()], 1));

    let file = fill("c.txt").await;
    let done = empty("").await;
    assert_eq!((status_code(&done), &done.json()["LocalData"]["JobID"]), ("0".to_owned(), &Value::Null));
    // What is trashed later stays.
    assert_outcome(&delete_file(&server, &key, &file).await, OK);
    server.run_jobs().await;
    assert_eq!(trashed_files(&server, &key).await.len(), 1);
}

#[tokio::test]
async fn what_is_held_stays_and_is_named() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let held = upload(&server, &key, "self", "held.txt", b"1").await;
    let free = upload(&server, &key, "self", "free.txt", b"1").await;
    for file in [&held, &free] {
        assert_outcome(&delete_file(&server, &key, file).await, OK);
    }
    server.cli(&["hold", "add", &uid(&held)]).await;
    let entry = browse(&server, &key).await.0.into_iter().find(|row| text(&row["fRealItemGUID"]) == held).unwrap();
    let entry = text(&entry["fFileGUID"]);
    assert_eq!(run(&server, &key, &format!("FLD_DELETE_FROM_TRASH&item=fFileGUID:{entry}")).await, "-22");
    let reply = service(&server, Method::POST, &key, "FLD_EMPTY_TRASH", "").await;
    assert_eq!(status_code(&reply), "-32");
    assert!(text(&reply.json()["LocalData"]["StatusMessage"]).contains("held.txt"), "{}", reply.text());
    assert_eq!(trashed_files(&server, &key).await, [(held.clone(), "1".to_owned())]);
    let started = service(&server, Method::POST, &key, "FLD_EMPTY_TRASH", IN_BACKGROUND).await;
    let job = text(&started.json()["LocalData"]["JobID"]);
    server.run_jobs().await;
    let query = format!("SCS_GET_BACKGROUND_SERVICE_JOB_RESPONSE_DATA&JobID={job}");
    let data = rows(&service(&server, Method::GET, &key, &query, "").await, "ActionStatus");
    let row = data.iter().find(|row| text(&row["fDisplayName"]) == "held.txt").unwrap();
    assert_eq!(
        (text(&row["isSuccessful"]), text(&row["statusMessage"])),
        ("0".into(), "The item is under a legal hold.".into())
    );
    server.cli(&["hold", "remove", &uid(&held)]).await;
    assert_eq!(run(&server, &key, "FLD_EMPTY_TRASH").await, "0");
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 0);
}

#[tokio::test]
async fn revisions_and_activities() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 2).await;
    let item = format!("item=fFileGUID:{file}");
    let reply = service(&server, Method::GET, &key, &format!("FLD_FILE_REVISIONS&{item}"), "").await;
    assert_eq!(status_code(&reply), "0");
    let revisions = rows(&reply, "REVISIONS");
    let labels: Vec<_> = revisions.iter().map(|row| text(&row["dRevLabel"])).collect();
    assert_eq!(labels, ["2", "1"]);
    for (name, value) in [("fFileName", "a.txt"), ("dFileSize", "1"), ("fCreatorFullName", "usera")] {
        assert_eq!(revisions[0][name], value);
    }
    assert_ne!(revisions[0]["dRevisionID"], revisions[1]["dRevisionID"]);
    let query = format!("GET_ACTIVITY_HISTORY&{item}&activityTypes=download&activityCount=1000");
    let reply = service(&server, Method::GET, &key, &query, "").await;
    assert_eq!((status_code(&reply), rows(&reply, "ActivityHistory").len()), ("0".to_owned(), 0));
    let stranger = server.account("userb").await.key;
    for name in ["FLD_FILE_REVISIONS", "GET_ACTIVITY_HISTORY"] {
        assert_eq!(status_code(&service(&server, Method::GET, &stranger, &format!("{name}&{item}"), "").await), "-20");
        let gone = format!("{name}&item=fFileGUID:{}", super::NO_FILE);
        assert_eq!(status_code(&service(&server, Method::GET, &key, &gone, "").await), "-16");
    }
}

#[tokio::test]
async fn a_request_that_names_a_link_is_not_widened_by_its_key() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = upload(&server, &key, "self", "a.txt", b"1").await;
    let path = format!("/documents/integration?IdcService=FLD_MOVE_TO_TRASH&IsJson=1&item=fFileGUID:{file}");
    for link in [("linkID", "LD000"), ("appLinkID", "LD000")] {
        let reply = call_with(&server, Method::POST, &path, &key, &[link], "").await;
        assert_ne!(status_code(&reply), "0", "{link:?}");
    }
    assert_outcome(&get(&server, &format!("files/{file}"), &key).await, OK);
}

#[tokio::test]
async fn a_background_emptying_tells_of_every_entry_by_itself() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let folder = make_folder(&server, &key, "self", "x").await;
    let gone = upload(&server, &key, "self", "same.txt", b"1").await;
    let held = upload(&server, &key, &folder, "same.txt", b"2").await;
    for file in [&gone, &held] {
        assert_outcome(&delete_file(&server, &key, file).await, OK);
    }
    server.cli(&["hold", "add", &uid(&held)]).await;
    let reply = service(&server, Method::POST, &key, "FLD_EMPTY_TRASH&useBackgroundThread=x", "").await;
    assert_eq!(status_code(&reply), "-50");
    let reply = service(&server, Method::POST, &key, "FLD_EMPTY_TRASH&useBackgroundThread=1", "").await;
    let job = text(&reply.json()["LocalData"]["JobID"]);
    let query = format!("SCS_GET_BACKGROUND_SERVICE_JOB_RESPONSE_DATA&JobID={job}");
    let told = rows(&service(&server, Method::GET, &key, &query, "").await, "ActionStatus");
    let told: Vec<(String, String)> =
        told.iter().map(|row| (text(&row["fDisplayName"]), text(&row["isSuccessful"]))).collect();
    assert_eq!(told, [("same.txt".to_owned(), "0".to_owned()), ("same.txt".to_owned(), "1".to_owned())]);
}
