//! `POST /files/delete`: sweeppea.md 3 and 5, the examples of its seed page, acceptance cases 2, 3, 8, 12.

use reqwest::Method;

use super::*;
use crate::support::{sql, wait_until};

const BAD_TOKEN: &str = r#"{"Response":false,"Message":"Invalid or Missing FileToken.","Help":{"ExpectedBody":{"FileToken":"string (required) — UUID v4 of the file to delete"}}}"#;

#[tokio::test]
async fn the_seed_examples() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    // The request as the page's curl line sends it.
    let pretty = format!("{{\n\"FileToken\": \"{token}\"\n}}");
    let reply = post(&server, &ann.key, "/files/delete", pretty).await;
    assert_reply(&reply, 200, &deleted_body(&token, 2));
    assert_reply(&delete(&server, &ann.key, &token).await, 404, &not_found_body(3));
    assert_reply(&post(&server, &ann.key, "/files/delete", "{}").await, 400, BAD_TOKEN);
    let nobody = server.send(Method::POST, "/files/delete", &[], token_body(&token)).await;
    assert_reply(&nobody, 401, r#"{"Response":false,"Message":"Invalid or Missing Bearer Token","Code":401}"#);
    assert_reply(
        &delete(&server, "YOUR_API_KEY", &token).await,
        403,
        r#"{"Response":false,"Message":"Invalid API Token","Code":403}"#,
    );
}

#[tokio::test]
async fn a_deleted_file_is_gone_when_the_answer_comes() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let url = url_of(&server, &ann.key, &token).await;
    assert_eq!(server.objects().await.len(), 1);
    assert_eq!(fetch(&server, &ann.key).await["Storage"]["UsedMB"], json!(0.03));

    assert_eq!(delete(&server, &ann.key, &token).await.status, 200);
    assert!(server.objects().await.is_empty(), "the object is gone from storage");
    assert_eq!(nodes(&server, &token).await, 0, "the row is gone from the database");
    wait_until("the acknowledged record keeps ids alone", || async {
        let left = server.sql(&format!("select name, size from deletion where uid = '{token}'")).await;
        left == [[Value::Null, Value::Null]]
    })
    .await;
    let data = fetch(&server, &ann.key).await;
    assert_eq!((&data["Storage"]["UsedMB"], &data["Files"]), (&json!(0), &json!([])));
    let old = get(&server, &url).await;
    assert_eq!(old.status, 404);
    assert!(old.text().contains("<Code>NoSuchKey</Code>"), "{}", old.text());
    assert_eq!(file_url(&server, &ann.key, &token).await.status, 404);
    let again = upload_report(&server, &ann.key).await;
    assert_ne!(again, token, "a token is never given out twice");
}

#[tokio::test]
async fn bad_input_is_400_with_help_and_deletes_nothing() {
    let server = Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "0")]).await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let plain = token.replace('-', "");
    for body in [
        String::new(),
        "{".into(),
        format!(r#"{{"FileToken":"{token}""#),
        format!(r#"["{token}"]"#),
        format!(r#""{token}""#),
        "{}".into(),
        "null".into(),
        r#"{"FileToken":7}"#.into(),
        r#"{"FileToken":null}"#.into(),
        token_body(""),
        format!(r#"{{"FileToken":["{token}"]}}"#),
        format!(r#"{{"FileTokens":["{token}"]}}"#),
        token_body("0b4f3c4e-8c6f-11ee-b9d1-0242ac120002"),
        token_body("018c2e65-4b6a-7c3a-9b1e-3f2a1c0d9e8f"),
        token_body(&plain),
        token_body(&format!("{{{token}}}")),
        token_body(&format!(" {token}")),
        token_body(&format!("{token} ")),
    ] {
        let reply = post(&server, &ann.key, "/files/delete", body.clone()).await;
        assert_eq!((reply.status, reply.text().as_str()), (400, BAD_TOKEN), "{body}");
    }
    assert_eq!(listed(&server, &ann.key).await, [token]);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let large = vec![b' '; (32 << 20) + 1];
    assert_reply(
        &post(&server, &ann.key, "/files/delete", large).await,
        413,
        r#"{"Response":false,"Message":"Request body too large","Code":413}"#,
    );
}

#[tokio::test]
async fn an_upper_case_token_and_further_members_are_accepted() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let upper = token.to_uppercase();
    let body = format!(r#"{{"CalledFromMCP":true,"FileToken":"{upper}","CalledFromCLI":{{"a":[1]}}}}"#);
    let reply = post(&server, &ann.key, "/files/delete", body).await;
    assert_reply(&reply, 200, &deleted_body(&token, 2));
}

#[tokio::test]
async fn another_accounts_file_is_not_found_for_admins_too() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let admin = server.admin_key();
    let token = upload_report(&server, &ann.key).await;
    assert_reply(&delete(&server, &bob.key, &token).await, 404, &not_found_body(1));
    assert_reply(&delete(&server, &bob.key, NOT_THERE).await, 404, &not_found_body(2));
    assert_reply(&delete(&server, &admin, &token).await, 404, &not_found_body(1));
    assert_eq!(file_url(&server, &bob.key, &token).await.status, 404);
    let bytes = get(&server, &url_of(&server, &ann.key, &token).await).await;
    assert_eq!(bytes.body.len(), REPORT, "the file is unharmed");
}

#[tokio::test]
async fn a_held_file_stays_until_the_hold_is_lifted() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    hold(&server, &token).await;
    assert_reply(
        &delete(&server, &ann.key, &token).await,
        403,
        r#"{"Response":false,"Message":"File is under a legal hold.","Code":403}"#,
    );
    assert_eq!(listed(&server, &ann.key).await, [token.as_str()]);
    assert_eq!(server.objects().await.len(), 1);
    lift_hold(&server, &token).await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 200);
}

#[tokio::test]
async fn a_file_locked_or_open_for_editing_stays() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let token = upload_report(&server, &ann.key).await;
    let node = node_id(&server, &token).await;
    let refused = r#"{"Response":false,"Message":"File is locked or being edited.","Code":403}"#;

    let lock = |by: String| format!("update node set locked_by = {by} where id = {node}");
    server.sql(&lock(bob.id.to_string())).await;
    assert_reply(&delete(&server, &ann.key, &token).await, 403, refused);
    server.sql(&lock("null".into())).await;

    let later = sql::in_an_hour();
    server
        .sql(&format!(
            "insert into edit_session (node_id, account_id, tab, exclusive, expires_at) \
             values ({node}, {}, 'tab', 0, {later})",
            ann.id
        ))
        .await;
    assert_reply(&delete(&server, &ann.key, &token).await, 403, refused);
    assert_eq!(listed(&server, &ann.key).await, [token.as_str()]);
    server.sql("delete from edit_session").await;

    server.sql(&lock(ann.id.to_string())).await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 200, "one's own lock does not stop one");
}

#[tokio::test]
async fn of_two_calls_at_once_one_deletes() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for _ in 0..5 {
        let token = upload_report(&server, &ann.key).await;
        let (one, other) = tokio::join!(delete(&server, &ann.key, &token), delete(&server, &ann.key, &token));
        let mut both = [one.status, other.status];
        both.sort_unstable();
        assert_eq!(both, [200, 404]);
    }
}

#[tokio::test]
async fn an_operators_pause_before_purging_does_not_apply() {
    let server = Server::start_with(&[("UNFILE_PURGE_DELAY", "1h")]).await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 200);
    assert!(server.objects().await.is_empty());
}
