//! Deletes that do not end at once: sweeppea.md 3 (the repeat after a 500), acceptance cases 4, 5, 6, 12.

use super::*;

#[tokio::test]
async fn while_storage_is_down_the_file_is_gone_from_view_and_the_repeat_finishes() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let url = url_of(&server, &ann.key, &token).await;

    server.storage_down().await;
    assert_reply(&delete(&server, &ann.key, &token).await, 500, INTERNAL);
    let data = fetch(&server, &ann.key).await;
    assert_eq!((&data["Files"], &data["Storage"]["UsedMB"]), (&json!([]), &json!(0)));
    assert_eq!(file_url(&server, &ann.key, &token).await.status, 404);
    let old = get(&server, &url).await;
    assert_eq!(old.status, 404);
    assert!(old.text().contains("<Code>NoSuchKey</Code>"), "{}", old.text());
    assert_reply(&delete(&server, &ann.key, &token).await, 500, INTERNAL);

    server.storage_up().await;
    assert_eq!(server.objects().await.len(), 1, "the bytes were still there");
    let done = delete(&server, &ann.key, &token).await;
    let calls = calls_of(&done);
    assert_reply(&done, 200, &deleted_body(&token, calls));
    assert!(server.objects().await.is_empty());
    assert_reply(&delete(&server, &ann.key, &token).await, 404, &not_found_body(calls + 1));
}

#[tokio::test]
async fn two_calls_at_once_while_storage_is_down_are_both_500() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    server.storage_down().await;
    let (one, other) = tokio::join!(delete(&server, &ann.key, &token), delete(&server, &ann.key, &token));
    for reply in [&one, &other] {
        assert_reply(reply, 500, INTERNAL);
        assert!(!reply.headers.contains_key("retry-after"), "it was not for want of room");
    }
    server.storage_up().await;
    let (one, other) = tokio::join!(delete(&server, &ann.key, &token), delete(&server, &ann.key, &token));
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [200, 404]);
}

#[tokio::test]
async fn what_the_queue_did_meanwhile_is_acknowledged_once() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let token = upload_report(&server, &ann.key).await;
    server.storage_down().await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 500);
    server.storage_up().await;
    // Beyond the longest pause between two tries.
    server.advance(std::time::Duration::from_secs(2 * 3600)).await;
    assert!(server.objects().await.is_empty(), "without a further call");
    assert_eq!(nodes(&server, &token).await, 0);
    assert_eq!(delete(&server, &bob.key, &token).await.status, 404);
    let done = delete(&server, &ann.key, &token).await;
    assert_reply(&done, 200, &deleted_body(&token, calls_of(&done)));
    assert_eq!(delete(&server, &ann.key, &token).await.status, 404);
}

#[tokio::test]
async fn a_name_on_its_way_out_is_free() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let old = upload_report(&server, &ann.key).await;
    server.storage_down().await;
    assert_eq!(delete(&server, &ann.key, &old).await.status, 500);
    server.storage_up().await;
    let new = upload_report(&server, &ann.key).await;
    assert_eq!(delete(&server, &ann.key, &old).await.status, 200);
    assert_eq!(listed(&server, &ann.key).await, [new]);
}

#[tokio::test]
async fn a_hold_parks_a_deletion_that_is_under_way() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    server.storage_down().await;
    assert_eq!(delete(&server, &ann.key, &token).await.status, 500);
    // Straight into the table: the next try of the queue must not come first.
    let hold = "insert into hold (node_id, account_id, reason, created_at) select id, account_id, '', 0 from node";
    server.sql(&format!("{hold} where uid = '{token}'")).await;
    server.storage_up().await;
    server.advance(std::time::Duration::from_secs(2 * 3600)).await;
    assert_reply(
        &delete(&server, &ann.key, &token).await,
        403,
        r#"{"Response":false,"Message":"File is under a legal hold.","Code":403}"#,
    );
    assert_eq!(server.objects().await.len(), 1, "its object stays");
    assert!(listed(&server, &ann.key).await.is_empty(), "it stays invisible");
    lift_hold(&server, &token).await;
    let done = delete(&server, &ann.key, &token).await;
    assert_reply(&done, 200, &deleted_body(&token, calls_of(&done)));
    assert!(server.objects().await.is_empty());
}
