//! A delete whose steps fail (acceptance case 7), and a client that goes away. The process dying between the steps (case 6)
//! is tested for all dialects together.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::support::wait_until;

/// The steps of a delete before its acknowledgement, in their order.
const STEPS: [&str; 8] = [
    "mark",
    "commit",
    "mark.committed",
    "purge.taken",
    "objects.delete",
    "purge.removed",
    "purge.finish",
    "purge.finish.committed",
];

/// Repeats the call until it is not a 500; a lease that somebody holds runs out meanwhile.
async fn delete_at_last(server: &Server, key: &str, token: &str) -> Reply {
    for _ in 0..3 {
        let reply = delete(server, key, token).await;
        if reply.status != 500 {
            return reply;
        }
        server.advance(Duration::from_secs(60)).await;
    }
    panic!("the delete never ends");
}

async fn assert_nothing_left(server: &Server, key: &str, token: &str) {
    assert!(server.objects().await.is_empty());
    assert_eq!(nodes(server, token).await, 0);
    let data = fetch(server, key).await;
    assert_eq!((&data["Files"], &data["Storage"]["UsedMB"]), (&json!([]), &json!(0)));
    assert_eq!(server.sql("select id from purge").await.len(), 0);
}

#[tokio::test]
async fn failing_at_any_step_the_file_is_live_or_going_and_the_repeat_finishes() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for step in STEPS {
        let token = upload_report(&server, &ann.key).await;
        server.fault(step, "fail").await;
        let failed = delete(&server, &ann.key, &token).await;
        server.fault(step, "off").await;
        if step == "purge.finish.committed" {
            assert_eq!(failed.status, 200, "the bytes and the row are gone: that is a success");
            continue;
        }
        assert_reply(&failed, 500, INTERNAL);
        let shown = listed(&server, &ann.key).await;
        match step {
            "mark" | "commit" => assert_eq!(shown, [token.as_str()], "{step}: nothing changed"),
            _ => assert!(shown.is_empty(), "{step}: hidden"),
        }
        let done = delete_at_last(&server, &ann.key, &token).await;
        assert_reply(&done, 200, &deleted_body(&token, calls_of(&done)));
        assert_nothing_left(&server, &ann.key, &token).await;
    }
}

#[tokio::test]
async fn calls_that_could_not_be_written_are_not_lost() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    server.fault("commit", "fail").await;
    for _ in 0..3 {
        fetch(&server, &ann.key).await;
    }
    server.fault("commit", "off").await;
    wait_until("the calls are written", || async { server.sql("select sum(calls) from call_count").await[0][0] == 3 })
        .await;
}

#[tokio::test]
async fn a_client_that_goes_away_stops_nothing() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for round in 0..10 {
        let token = upload_report(&server, &ann.key).await;
        let body = token_body(&token);
        let request = format!(
            "POST /files/delete HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
            ann.key,
            body.len(),
        );
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        // Gone at another moment each time.
        tokio::time::timeout(Duration::from_millis(round), std::future::pending::<()>()).await.unwrap_err();
        drop(socket);
        // Whatever had begun ends by itself; what had not is untouched.
        wait_until("the file is whole or gone", || async {
            listed(&server, &ann.key).await == [token.as_str()] || server.objects().await.is_empty()
        })
        .await;
        let status = delete_at_last(&server, &ann.key, &token).await.status;
        assert!([200, 404].contains(&status), "{status}");
        assert_nothing_left(&server, &ann.key, &token).await;
    }
}

#[tokio::test]
async fn a_success_that_nobody_heard_is_told_to_the_repeat() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    // The database lets nobody write until the client is gone.
    let mut writer = server.installation().connect(false).await;
    writer.take_turn().await;
    let body = token_body(&token);
    let request = format!(
        "POST /files/delete HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        ann.key,
        body.len(),
    );
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let asked = std::sync::atomic::AtomicU64::new(1);
    wait_until("the call is under way", || async {
        let without_it = 1 + asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        calls_of(&post(&server, &ann.key, "/files/fetch", "").await) > without_it
    })
    .await;
    drop(socket);
    for _ in 0..20 {
        fetch(&server, &ann.key).await;
    }
    writer.rows("rollback").await;
    wait_until("the deletion goes on", || async { nodes(&server, &token).await == 0 }).await;
    let done = delete(&server, &ann.key, &token).await;
    assert_reply(&done, 200, &deleted_body(&token, calls_of(&done)));
    assert_eq!(delete(&server, &ann.key, &token).await.status, 404);
}
