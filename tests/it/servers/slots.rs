//! Hexnode's uploads where clients put the bytes into the store by themselves (hexnode.md 4.1 to 4.3, 3.1).

use std::time::Duration;

use super::{LANDED, LEASE, assert_nothing_left, beside, number, run_jobs, servers};
use crate::{
    hexnode::{self, presign, put, verify},
    objects::versions::versions,
    support::{
        Account, Backend, Reply, Server,
        installation::Installation,
        promises, wait_until,
        weed::{Bucket, VERSIONED},
    },
};

const TYPE: &str = "application/pdf";

async fn try_verify(server: &Server, key: &str, uuid: &str) -> Reply {
    hexnode::post(server, key, "verify-file-upload/", &format!(r#"{{"file_uuid":"{uuid}"}}"#)).await
}

/// What lies in the bucket for uploads.
async fn put_there(server: &Server) -> Vec<String> {
    let mut objects = server.objects().await;
    objects.retain(|key| key.starts_with("uploads/"));
    objects
}

/// A server on SQLite and a bucket, or two on PostgreSQL and a bucket that keeps versions.
async fn each() -> Vec<Vec<Server>> {
    let alone = Server::start_on(Installation::new(Backend::S3).await, &[]).await;
    let versioned =
        Installation::on(Some(crate::support::postgres::Database::new().await), Some(Bucket::new(VERSIONED).await));
    vec![vec![alone], beside(Server::start_on(versioned, &[]).await, 2).await]
}

#[tokio::test]
async fn the_url_is_the_stores_and_bound_to_its_content_type() {
    for servers in each().await {
        let (server, other) = (&servers[0], servers.last().unwrap());
        let ann = server.account("ann").await;
        let (url, uuid) = presign(server, &ann.key, "report.pdf", TYPE).await;
        let endpoint = &server.installation().bucket().unwrap().endpoint;
        assert!(url.starts_with(endpoint.as_str()), "{url}");
        assert!(url.contains("X-Amz-Expires=10800"), "{url}");
        let early = try_verify(other, &ann.key, &uuid).await;
        assert_eq!((early.status, early.text().as_str()), (400, r#"{"detail":"File not found in Amazon S3"}"#));
        assert_eq!(put(server, &url, "text/plain", b"other type").await.status, 403);
        for bytes in [&b"a first try"[..], b"%PDF-1.7 of a kind"] {
            assert_eq!(put(server, &url, TYPE, bytes).await.status, 200);
        }
        let used = format!("select used from account where id = {}", ann.id);
        assert_eq!(number(server, &used).await, 0, "bytes count from verify on");
        let id = verify(other, &ann.key, &uuid).await;
        assert_eq!(number(server, &used).await, 18);
        assert_eq!(verify(server, &ann.key, &uuid).await, id, "a repeat is the same file");
        let shown = hexnode::get_list(server, &ann.key, "").await.json()["results"][0].clone();
        assert_eq!((&shown["content_type"], &shown["size"]), (&TYPE.into(), &18.into()));
        let hash = server.sql(&format!("select sha256, store_version from version where node_id = {id}")).await;
        assert_eq!(hash[0][0].as_str().unwrap().len(), 64);

        // What is put again changes nothing that was verified, and goes.
        assert_eq!(put(server, &url, TYPE, b"something else").await.status, 200);
        run_jobs(&servers.iter().collect::<Vec<_>>()).await;
        assert_eq!(put_there(server).await, [""; 0]);
        let key = server.sql("select object_key from version").await;
        assert_eq!(&server.object(key[0][0].as_str().unwrap()).await[..], b"%PDF-1.7 of a kind");

        assert_eq!(hexnode::delete(other, &ann.key, &format!("[{id}]")).await.status, 200);
        run_jobs(&servers.iter().collect::<Vec<_>>()).await;
        // The URL outlives the file; so does the sweep, each time.
        for late in [&b"late"[..], b"later"] {
            assert_eq!(put(server, &url, TYPE, late).await.status, 200);
            assert_eq!(put_there(server).await.len(), 1);
            run_jobs(&servers.iter().collect::<Vec<_>>()).await;
            assert_eq!(put_there(server).await, [""; 0]);
        }
        assert_nothing_left(server).await;
        assert_eq!(try_verify(server, &ann.key, &uuid).await.status, 404);
        let bucket = server.installation().bucket().unwrap();
        let versions = versions(bucket, &bucket.prefix).await;
        assert!(versions.iter().all(|(key, ..)| key.ends_with("unfile-installation")), "{versions:?}");
    }
}

#[tokio::test]
async fn verified_at_two_servers_at_once_it_is_one_file() {
    let all = servers(2).await;
    let ann = all[0].account("ann").await;
    for round in 0..5 {
        let (url, uuid) = presign(&all[round % 2], &ann.key, "a.pdf", TYPE).await;
        assert_eq!(put(&all[0], &url, TYPE, b"bytes").await.status, 200);
        let (one, other) = tokio::join!(verify(&all[0], &ann.key, &uuid), verify(&all[1], &ann.key, &uuid));
        assert_eq!(one, other);
    }
    run_jobs(&[&all[0], &all[1]]).await;
    assert_nothing_left(&all[0]).await;
    assert_eq!(all[0].objects().await.len(), 5);
}

#[tokio::test]
async fn beyond_the_quota_nothing_is_kept() {
    let all = servers(1).await;
    let server = &all[0];
    let ann = server.account_with("ann", &["--quota", "10"]).await;
    let (url, uuid) = presign(server, &ann.key, "a.pdf", TYPE).await;
    assert_eq!(put(server, &url, TYPE, b"more than that").await.status, 200);
    let refused = try_verify(server, &ann.key, &uuid).await;
    assert_eq!((refused.status, refused.text().as_str()), (400, r#"{"detail":"Storage quota exceeded."}"#));
    wait_until("the bytes are gone", || async { put_there(server).await.is_empty() }).await;
    // Less fits, through the same URL.
    assert_eq!(put(server, &url, TYPE, b"ten  bytes").await.status, 200);
    verify(server, &ann.key, &uuid).await;
    server.run_jobs().await;
    assert_nothing_left(server).await;
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn a_slot_that_nobody_verifies_is_swept_with_its_bytes() {
    let all = servers(1).await;
    let server = &all[0];
    let ann = server.account("ann").await;
    let (url, uuid) = presign(server, &ann.key, "a.pdf", TYPE).await;
    assert_eq!(put(server, &url, TYPE, b"bytes").await.status, 200);
    server.run_jobs().await;
    assert_eq!(put_there(server).await.len(), 1, "its time is not over");
    server.advance(Duration::from_secs(24 * 3_600 + 60)).await;
    assert_eq!(try_verify(server, &ann.key, &uuid).await.status, 404);
    assert_nothing_left(server).await;
    assert_eq!(server.objects().await, [""; 0]);
}

#[tokio::test]
async fn cut_off_at_any_step_another_server_verifies() {
    let steps =
        ["slot.adopt", "slot.adopt.committed", "objects.put", "upload.written", "slot.verify", "slot.verify.committed"];
    let all = servers(2).await;
    let (dying, other) = (&all[0], &all[1]);
    let ann = dying.account("ann").await;
    for step in steps {
        let (url, uuid) = presign(dying, &ann.key, "a.pdf", TYPE).await;
        assert_eq!(put(dying, &url, TYPE, b"bytes").await.status, 200);
        dying.fault(step, "kill").await;
        assert!(cut_off(dying, &ann, &uuid).await, "{step}");
        let id = verify(other, &ann.key, &uuid).await;
        promises::assert_kept(other.installation()).await;
        dying.start_again().await;
        assert_eq!(verify(dying, &ann.key, &uuid).await, id, "{step}");
        for by in [LEASE, LANDED] {
            other.advance(by).await;
        }
        run_jobs(&[dying, other]).await;
        assert_nothing_left(other).await;
        assert_eq!(other.objects().await.len(), 1, "{step}");
        assert_eq!(hexnode::delete(other, &ann.key, &format!("[{id}]")).await.status, 200);
    }
}

/// Whether the server dies over a verify.
async fn cut_off(server: &Server, account: &Account, uuid: &str) -> bool {
    let headers = [("Authorization", account.key.as_str()), ("Content-Type", "application/json")];
    let body = format!(r#"{{"file_uuid":"{uuid}"}}"#);
    let path = "/api/v1/filemanagement/verify-file-upload/";
    let died = server.try_send(reqwest::Method::POST, path, &headers, body).await.is_err();
    server.wait_end().await;
    died
}
