//! Bytes that come when their file is already there, or already gone (hexnode.md 3.1 and 4.2).

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::Method;
use tokio::sync::mpsc;

use super::*;

#[tokio::test]
async fn a_put_after_the_delete_is_refused() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let file = uploaded(&server, &ann.key, "a.pdf", b"abc").await;
    assert_answer(&delete(&server, &ann.key, &format!("[{}]", file.id)).await, 200, DELETED);
    let reply = put(&server, &file.url, "application/pdf", b"late").await;
    assert_s3(&reply, 403, "AccessDenied");
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
    assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());
    let reply = post(&server, &ann.key, VERIFY, &format!(r#"{{"file_uuid":"{}"}}"#, file.uuid)).await;
    assert_answer(&reply, 404, NOT_FOUND);

    server.advance(Duration::from_secs(195 * 60 + 1)).await;
    assert!(server.objects().await.is_empty());
    assert_eq!(used(&server, ann.id).await, 0);
}

#[tokio::test]
async fn a_put_after_the_verify_changes_nothing() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let file = uploaded(&server, &ann.key, "a.pdf", b"verified").await;
    let reply = put(&server, &file.url, "application/pdf", b"other").await;
    assert_s3(&reply, 403, "AccessDenied");
    server.run_jobs().await;
    let objects = server.objects().await;
    assert_eq!(objects.len(), 1);
    assert_eq!(server.object(&objects[0]).await, b"verified"[..]);
    assert_eq!(used(&server, ann.id).await, 8);
}

#[tokio::test]
async fn the_fifth_put_to_a_url_at_once_is_told_to_slow_down() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.pdf", "application/pdf").await;
    let (other, _) = presign(&server, &ann.key, "b.pdf", "application/pdf").await;
    let mut slow: Vec<_> = (0..4).map(|_| slow_put(&server, &url)).collect();
    wait_until("four are under way", async || {
        server.sql("select count(*) from staged").await[0][0].as_i64() == Some(4)
    })
    .await;
    let reply = put(&server, &url, "application/pdf", b"fifth").await;
    assert_s3(&reply, 503, "SlowDown");
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(put(&server, &other, "application/pdf", b"x").await.status, 200);
    let (sender, first) = slow.swap_remove(0);
    sender.send("first").await.unwrap();
    drop(sender);
    assert_eq!(first.await.unwrap().unwrap().status, 200);
    assert_eq!(put(&server, &url, "application/pdf", b"again").await.status, 200);
    verify(&server, &ann.key, &uuid).await;
}

/// More than the server gathers before it writes the first byte.
fn begun() -> &'static str {
    "begun, ".repeat(20_000).leak()
}

/// A PUT that is under way while another finishes, is verified and deleted.
#[tokio::test]
async fn a_slow_put_outlives_nothing() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.pdf", "application/pdf").await;
    let (sender, slow) = slow_put(&server, &url);
    sender.send(begun()).await.unwrap();
    wait_until("the slow upload has begun", async || !server.objects().await.is_empty()).await;

    assert_eq!(put(&server, &url, "application/pdf", b"quick").await.status, 200);
    let id = verify(&server, &ann.key, &uuid).await;
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);

    // The server may have cut it off already.
    let _ = sender.send("and ended").await;
    drop(sender);
    if let Ok(reply) = slow.await.unwrap() {
        assert_s3(&reply, 403, "AccessDenied");
    }
    // A client that was cut off does not see when the server is done.
    wait_until("nothing is left", async || server.objects().await.is_empty()).await;
    assert_eq!(listed(&server, &ann.key).await, Vec::<i64>::new());
    assert_eq!(used(&server, ann.id).await, 0);
}

/// A PUT under way while the upload's time ends.
#[tokio::test]
async fn a_put_does_not_outlive_the_sweep() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.pdf", "application/pdf").await;
    let (sender, slow) = slow_put(&server, &url);
    sender.send(begun()).await.unwrap();
    wait_until("the slow upload has begun", async || !server.objects().await.is_empty()).await;
    server.advance(Duration::from_secs(25 * 3_600)).await;
    let _ = sender.send("and ended").await;
    drop(sender);
    if let Ok(reply) = slow.await.unwrap() {
        assert_s3(&reply, 403, "AccessDenied");
    }
    // A client that was cut off does not see when the server is done.
    wait_until("nothing is left", async || server.objects().await.is_empty()).await;
    assert_eq!(used(&server, ann.id).await, 0);
    let reply = post(&server, &ann.key, VERIFY, &format!(r#"{{"file_uuid":"{uuid}"}}"#)).await;
    assert_answer(&reply, 404, NOT_FOUND);
}

type Slow = tokio::task::JoinHandle<reqwest::Result<Reply>>;

/// A PUT whose bytes are sent when the test sends them; it ends when the sender is dropped.
fn slow_put(server: &Server, url: &str) -> (mpsc::Sender<&'static str>, Slow) {
    let (sender, receiver) = mpsc::channel::<&'static str>(1);
    let chunks = futures_util::stream::unfold(receiver, async |mut receiver| {
        let chunk = receiver.recv().await?;
        Some((Bytes::from_static(chunk.as_bytes()), receiver))
    });
    let body = reqwest::Body::wrap_stream(chunks.map(Ok::<_, std::io::Error>));
    let request = server.http().request(Method::PUT, url).header("Content-Type", "application/pdf").body(body);
    (sender, tokio::spawn(async move { Reply::read(request.send().await?).await }))
}
