//! `POST /delete-files/` (hexnode.md 3 and its acceptance cases).

use reqwest::Method;

use super::*;

#[tokio::test]
async fn three_steps_then_delete_leaves_nothing() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "report.pdf", b"%PDF-1.7 report").await;
    assert_eq!(listed(&server, &ann.key).await, [id]);
    assert_eq!(server.objects().await.len(), 1);
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);
    let empty = r#"{"count":0,"next":null,"previous":null,"results":[]}"#;
    assert_answer(&get_list(&server, &ann.key, "").await, 200, empty);
    server.run_jobs().await;
    assert_eq!(server.objects().await, [""; 0]);
    assert_eq!(used(&server, ann.id).await, 0);
    assert_not_found(&delete(&server, &ann.key, &format!("[{id}]")).await, &format!("[{id}]"));
}

/// The lines of the vendor's page, with nothing changed but host, key and the ids 101 and 102 made to exist.
#[tokio::test]
async fn the_vendors_example() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let line = "{\"file_ids\":[101, 102]}";
    let sample = "{  \r\n\"file_ids\": [101, 102]  \r\n}";
    for body in [line, sample] {
        // The ids of the example, each time for new files.
        let first = upload(&server, &ann.key, "a.pdf", b"a").await;
        let second = upload(&server, &ann.key, "b.pdf", b"b").await;
        let body = body.replace("101", &first.to_string()).replace("102", &second.to_string());
        assert_answer(&post(&server, &ann.key, DELETE, &body).await, 200, DELETED);
        assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());
    }
}

#[tokio::test]
async fn both_forms_of_the_path_work() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for path in ["delete-files", "delete-files/"] {
        let id = upload(&server, &ann.key, "a.pdf", b"a").await;
        let reply = post(&server, &ann.key, path, &format!(r#"{{"file_ids":[{id}]}}"#)).await;
        assert_answer(&reply, 200, DELETED);
    }
}

#[tokio::test]
async fn spellings_and_repeats_of_an_id_are_one() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"a").await;
    let many = format!(r#"[{id},{id},"{id}",{id}.0," {id} "]"#);
    assert_answer(&delete(&server, &ann.key, &many).await, 200, DELETED);
    assert_not_found(&delete(&server, &ann.key, &many).await, &format!("[{id}]"));
}

#[tokio::test]
async fn unknown_members_of_the_body_are_ignored() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"a").await;
    let body = format!(r#"{{"force":[1,{{}}],"file_ids":[{id}],"reason":"x"}}"#);
    assert_answer(&post(&server, &ann.key, DELETE, &body).await, 200, DELETED);
}

#[tokio::test]
async fn one_id_that_is_not_there_stops_all() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let kept = upload(&server, &ann.key, "kept.pdf", b"kept").await;
    let foreign = upload(&server, &bob.key, "foreign.pdf", b"foreign").await;
    let gone = upload(&server, &ann.key, "gone.pdf", b"gone").await;
    assert_answer(&delete(&server, &ann.key, &format!("[{gone}]")).await, 200, DELETED);
    let trashed = upload(&server, &ann.key, "trashed.pdf", b"trashed").await;
    server.sql(&format!("update node set state = 2 where id = {trashed}")).await;
    // An upload that waits for its verify has no id yet; the next one is not there.
    let (url, _) = presign(&server, &ann.key, "waits.pdf", "application/pdf").await;
    put(&server, &url, "application/pdf", b"waits").await;
    let next = trashed + 1;
    server.run_jobs().await;
    let before = figures(&server).await;

    for missing in [foreign, gone, trashed, next, 999_999, 0, -1, i64::MAX, i64::MIN] {
        for ids in [format!("[{kept},{missing}]"), format!("[{missing},{kept},{missing}]")] {
            let reply = delete(&server, &ann.key, &ids).await;
            assert_not_found(&reply, &format!("[{missing}]"));
        }
    }
    let huge = "123456789012345678901234567890";
    let ids = format!("[{next},{kept},{huge},\"-{huge}\",{foreign},{huge}]");
    let reply = delete(&server, &ann.key, &ids).await;
    assert_not_found(&reply, &format!("[{next},{huge},-{huge},{foreign}]"));

    assert_eq!(figures(&server).await, before);
    assert_eq!(listed(&server, &ann.key).await, [kept]);
    assert_eq!(listed(&server, &bob.key).await, [foreign]);
}

#[tokio::test]
async fn an_administrator_deletes_only_what_is_its_own() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"a").await;
    let ids = format!("[{id}]");
    assert_not_found(&delete(&server, &server.admin_key(), &ids).await, &ids);
    let own = upload(&server, &server.admin_key(), "own.pdf", b"own").await;
    let reply = delete(&server, &server.admin_key(), &format!("[{own}]")).await;
    assert_answer(&reply, 200, DELETED);
    assert_eq!(listed(&server, &ann.key).await, [id]);
}

#[tokio::test]
async fn many_files_in_one_call() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(upload(&server, &ann.key, &format!("{number}.pdf"), b"x").await);
    }
    let all = serde_json::to_string(&ids).unwrap();
    assert_answer(&delete(&server, &ann.key, &all).await, 200, DELETED);
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
    assert_eq!(used(&server, ann.id).await, 0);
}

#[tokio::test]
async fn of_two_overlapping_batches_one_wins_whole() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for _ in 0..10 {
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.push(upload(&server, &ann.key, name, b"x").await);
        }
        let [a, b, c] = ids[..] else { unreachable!() };
        let (first, second) = (format!("[{a},{b}]"), format!("[{b},{c}]"));
        let (one, two) = tokio::join!(delete(&server, &ann.key, &first), delete(&server, &ann.key, &second));
        let left = match (one.status, two.status) {
            (200, 404) => {
                assert_not_found(&two, &format!("[{b}]"));
                c
            }
            (404, 200) => {
                assert_not_found(&one, &format!("[{b}]"));
                a
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(listed(&server, &ann.key).await, [left]);
        delete(&server, &ann.key, &format!("[{left}]")).await;
    }
}

#[tokio::test]
async fn a_hold_stops_the_whole_batch() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let free = upload(&server, &ann.key, "free.pdf", b"free").await;
    let held = uploaded(&server, &ann.key, "held.pdf", b"held").await;
    let output = server.cli(&["hold", "add", &held.uuid, "--reason", "case 7"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    let before = figures(&server).await;

    let ids = format!("[{free},{},{}]", held.id, held.id);
    let refusal = format!(r#"{{"detail":"File is under a legal hold.","file_ids":[{}]}}"#, held.id);
    assert_answer(&delete(&server, &ann.key, &ids).await, 403, &refusal);
    // What is not there is told before what is held.
    assert_not_found(&delete(&server, &ann.key, &format!("[{},999999]", held.id)).await, "[999999]");
    assert_eq!(figures(&server).await, before);

    let output = server.cli(&["hold", "remove", &held.uuid]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert_answer(&delete(&server, &ann.key, &ids).await, 200, DELETED);
}

#[tokio::test]
async fn a_hold_with_an_end_stops_until_then() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let held = uploaded(&server, &ann.key, "held.pdf", b"held").await;
    let until = "2126-01-01T00:00:00Z";
    let output = server.cli(&["hold", "add", &held.uuid, "--until", until]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert_eq!(delete(&server, &ann.key, &format!("[{}]", held.id)).await.status, 403);
    let century = std::time::Duration::from_secs(100 * 366 * 86_400);
    server.advance(century).await;
    assert_answer(&delete(&server, &ann.key, &format!("[{}]", held.id)).await, 200, DELETED);
}

#[tokio::test]
async fn a_file_locked_by_another_or_being_edited_stops_the_whole_batch() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let free = upload(&server, &ann.key, "free.pdf", b"free").await;
    let locked = upload(&server, &ann.key, "locked.pdf", b"locked").await;
    let edited = upload(&server, &ann.key, "edited.pdf", b"edited").await;
    server.sql(&format!("update node set locked_by = {} where id = {locked}", bob.id)).await;
    server
        .sql(&format!(
            "insert into edit_session (node_id, account_id, tab, exclusive, expires_at) \
             values ({edited}, {}, 't', 0, 9000000000000000)",
            ann.id
        ))
        .await;
    let refusal = |ids: &str| format!(r#"{{"detail":"File is locked or being edited.","file_ids":{ids}}}"#);
    let reply = delete(&server, &ann.key, &format!("[{edited},{free},{locked}]")).await;
    assert_answer(&reply, 403, &refusal(&format!("[{edited},{locked}]")));
    assert_eq!(listed(&server, &ann.key).await, [edited, locked, free]);

    // One's own lock does not stop oneself, and an editing that ran out stops nobody.
    server.sql(&format!("update node set locked_by = {} where id = {locked}", ann.id)).await;
    server.sql("update edit_session set expires_at = 1").await;
    let reply = delete(&server, &ann.key, &format!("[{edited},{free},{locked}]")).await;
    assert_answer(&reply, 200, DELETED);
}

#[tokio::test]
async fn bytes_go_once_storage_is_back() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"abc").await;
    server.storage_down().await;
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);
    assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());
    assert_eq!(server.sql("select object_key from purge").await.len(), 1);
    server.storage_up().await;
    // No further call: only time passes.
    server.advance(std::time::Duration::from_secs(3_600)).await;
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn a_kill_after_the_answer_loses_nothing() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"abc").await;
    server.storage_down().await;
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);
    server.kill().await;
    server.storage_up().await;
    server.start_again().await;
    assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());
    server.advance(std::time::Duration::from_secs(3_600)).await;
    assert!(server.objects().await.is_empty());
    assert_not_found(&delete(&server, &ann.key, &format!("[{id}]")).await, &format!("[{id}]"));
}

#[tokio::test]
async fn a_hold_set_after_the_answer_keeps_the_bytes() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let file = uploaded(&server, &ann.key, "a.pdf", b"abc").await;
    server.storage_down().await;
    assert_answer(&delete(&server, &ann.key, &format!("[{}]", file.id)).await, 200, DELETED);
    // Refused for the moment in which the server itself tries to remove the bytes.
    wait_until("the hold is set", async || {
        server.cli(&["hold", "add", &file.uuid, "--reason", "late"]).await.status == 0
    })
    .await;
    server.storage_up().await;
    server.advance(std::time::Duration::from_secs(86_400)).await;
    assert_eq!(server.objects().await.len(), 1, "the hold parks the purge");
    assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());

    let output = server.cli(&["hold", "remove", &file.uuid]).await;
    assert_eq!(output.status, 0, "{output:?}");
    server.advance(std::time::Duration::from_secs(3_600)).await;
    assert!(server.objects().await.is_empty());
}

#[tokio::test]
async fn a_delete_frees_the_quota_at_once() {
    let server = Server::start().await;
    let ann = server.account_with("ann", &["--quota", "10"]).await;
    let id = upload(&server, &ann.key, "a.pdf", b"1234567890").await;
    assert_eq!(used(&server, ann.id).await, 10);
    server.storage_down().await;
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);
    assert_eq!(used(&server, ann.id).await, 0);
    server.storage_up().await;
    upload(&server, &ann.key, "b.pdf", b"1234567890").await;
}

/// The three steps and the delete with curl, as the contract's section 6 asks for.
#[tokio::test]
async fn the_curl_lines_work() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.pdf");
    std::fs::write(&file, vec![b'x'; 3 * 1024 * 1024]).unwrap();
    let key = format!("Authorization: {}", ann.key);
    let call = |path: &str, body: String| {
        let url = server.url(&format!("{BASE}/{path}"));
        curl(vec![
            "-H".into(),
            key.clone(),
            "-H".into(),
            "Content-Type: application/json".into(),
            "-d".into(),
            body,
            url,
        ])
    };
    let presigned = call(PRESIGN, r#"{"file_name":"report.pdf","content_type":"application/pdf"}"#.into()).await;
    let presigned: serde_json::Value = serde_json::from_str(&presigned).unwrap();
    let sent = curl(vec![
        "-X".into(),
        "PUT".into(),
        "-H".into(),
        "Content-Type: application/pdf".into(),
        "-T".into(),
        file.to_str().unwrap().into(),
        presigned["presigned_url"].as_str().unwrap().into(),
    ])
    .await;
    assert_eq!(sent, "");
    let verified = call(VERIFY, format!(r#"{{"file_uuid":{}}}"#, presigned["file_uuid"])).await;
    let verified: serde_json::Value = serde_json::from_str(&verified).unwrap();
    let id = verified["file_id"].as_i64().unwrap();
    assert_eq!(call(DELETE, format!(r#"{{"file_ids":[{id}, {id}]}}"#)).await, DELETED);
    let listed = server.send(Method::GET, BASE, &[("Authorization", &ann.key)], "").await;
    assert_eq!(listed.json()["count"], 0);
}

async fn curl(args: Vec<String>) -> String {
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new("curl").args(["-sS", "--fail-with-body", "--noproxy", "*"]).args(args).output()
    })
    .await
    .unwrap()
    .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
