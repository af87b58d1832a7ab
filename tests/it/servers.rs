//! Several servers on one database and one bucket: what one answers is true on all, what one leaves undone another does.

mod first_start;
mod slots;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    dialects::{ALL, assert_reads_back, assert_shown},
    onlyoffice, oracle,
    server::fed_body,
    support::{Backend, Reply, Server, installation::Installation, promises, wait_until},
    sweeppea, vault,
};

/// As long as a server that says nothing counts as alive, and a little more.
const LEASE: Duration = Duration::from_secs(31);
/// As long as a store may take to store what a dead server has sent, and a little more.
const LANDED: Duration = Duration::from_secs(121);

/// Servers of one fresh installation on PostgreSQL and a bucket.
async fn servers(number: usize) -> Vec<Server> {
    beside(Server::start_on(Installation::new(Backend::Shared).await, &[]).await, number).await
}

/// A server, and others beside it.
async fn beside(first: Server, number: usize) -> Vec<Server> {
    let mut all = vec![first];
    while all.len() < number {
        let next = all[0].start_beside(&[]).await;
        all.push(next);
    }
    all
}

/// Runs the jobs of all servers, each of which does what is its own.
async fn run_jobs(servers: &[&Server]) {
    for server in servers.iter().chain(servers) {
        server.run_jobs().await;
    }
}

async fn number(server: &Server, statement: &str) -> i64 {
    server.sql(statement).await[0][0].as_i64().unwrap()
}

async fn assert_nothing_left(server: &Server) {
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn what_one_deletes_no_other_shows() {
    let all = servers(2).await;
    let (one, other) = (&all[0], &all[1]);
    let ann = one.account("ann").await;
    for through in ALL {
        let file = through.upload(one, &ann.key, "report.txt", b"some bytes").await;
        assert_shown(other, &ann.key, &file, true).await;
        assert_reads_back(other, &ann.key, &file).await;
        let reply = through.delete_for_good(one, &ann.key, &file).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_shown(other, &ann.key, &file, false).await;
    }
    run_jobs(&[one, other]).await;
    assert_nothing_left(one).await;
    assert_eq!(one.objects().await, [""; 0]);
}

/// Which server holds a job now: its place among them, by the ids that they took in the order of their starts.
async fn holder(server: &Server, ids: &[i64], job: &str) -> Option<usize> {
    let rows = server.sql(&format!("select writer_id from lease where job = '{job}'")).await;
    rows.first().map(|row| ids.iter().position(|id| row[0] == *id).unwrap())
}

/// Two servers, with the ids of their rows.
async fn two_with_ids() -> (Vec<Server>, [i64; 2]) {
    const NEWEST: &str = "select max(id) from writer";
    let first = Server::start_on(Installation::new(Backend::Shared).await, &[]).await;
    let one = number(&first, NEWEST).await;
    let all = beside(first, 2).await;
    let other = number(&all[0], NEWEST).await;
    assert!(one < other);
    (all, [one, other])
}

#[tokio::test]
async fn the_jobs_of_a_dead_server_are_anothers_once_their_lease_is_over() {
    let (all, ids) = two_with_ids().await;
    let ann = all[0].account("ann").await;
    vault::upload(&all[0], &ann.key, "docs", "a.txt", b"bytes").await;
    let folder = vault::find(&all[0], &ann.key, &["docs"]).await;
    // Whoever begins to expand the folder gets no further.
    for server in &all {
        server.fault("expand", "fail").await;
    }
    assert_eq!(vault::delete_folders(&all[0], &ann.key, &[&folder]).await.status, 200);
    wait_until("somebody expands", || async { holder(&all[0], &ids, "expand").await.is_some() }).await;
    let at = holder(&all[0], &ids, "expand").await.unwrap();
    let survivor = &all[1 - at];
    all[at].kill().await;
    survivor.fault("expand", "off").await;
    survivor.run_jobs().await;
    assert_eq!(number(survivor, "select count(*) from expansion").await, 1, "it is the dead one's");
    survivor.advance(LEASE).await;
    assert_eq!(holder(survivor, &ids, "expand").await, Some(1 - at));
    assert_nothing_left(survivor).await;
    assert_eq!(survivor.objects().await, [""; 0]);
}

#[tokio::test]
async fn a_server_that_stops_leaves_its_jobs_at_once() {
    let (all, ids) = two_with_ids().await;
    // It ends what is over, and so has that job.
    let at = holder(&all[0], &ids, "expire").await.unwrap();
    all[at].stop().await;
    let survivor = &all[1 - at];
    let left = survivor.sql(&format!("select job from lease where writer_id = {}", ids[at])).await;
    assert_eq!(left, Vec::<Vec<Value>>::new());
    assert_eq!(number(survivor, &format!("select count(*) from writer where id = {}", ids[at])).await, 0);
    survivor.run_jobs().await;
    assert_eq!(holder(survivor, &ids, "expire").await, Some(1 - at));
}

#[tokio::test]
async fn what_a_dead_server_was_writing_is_given_up_and_what_it_wrote_stays() {
    let all = servers(2).await;
    let (one, other) = (&all[0], &all[1]);
    let ann = one.account("ann").await;
    let group = vault::open(one, &ann.key).await;
    let file = vault::announce(one, &ann.key, &group, "", "a.txt", 6).await;
    assert_eq!(vault::send_chunk(one, &ann.key, &group, &file, 0, b"abc").await.status, 200);
    // The bytes are stored; that they are is never written down.
    one.fault("upload.written", "kill").await;
    let body = sweeppea_body();
    let headers = [("authorization", format!("Bearer {}", ann.key))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert!(one.try_send(Method::POST, "/files/upload", &headers, body).await.is_err());
    one.wait_end().await;

    other.run_jobs().await;
    assert_eq!(number(other, "select count(*) from staged where sha256 is null").await, 1, "it may be alive");
    assert_eq!(number(other, "select count(*) from upload where kind = 'direct'").await, 1);
    other.advance(LEASE).await;
    assert_eq!(number(other, "select count(*) from staged where sha256 is null").await, 0);
    assert_eq!(number(other, "select count(*) from upload where kind = 'direct'").await, 0);
    assert_eq!(number(other, &format!("select used from account where id = {}", ann.id)).await, 6, "the chunk's file");
    promises::assert_kept(other.installation()).await;
    assert_eq!(number(other, "select count(*) from purge").await, 1, "what is still on its way may land");
    other.advance(LANDED).await;
    assert_eq!(number(other, "select count(*) from purge").await, 0);
    assert_eq!(other.objects().await.len(), 1, "the chunk");

    // The client goes on where it was, at another server.
    assert_eq!(vault::send_chunk(other, &ann.key, &group, &file, 3, b"def").await.status, 200);
    assert_eq!(vault::finish(other, &ann.key, &group, &file).await.status, 200);
    assert_eq!(vault::commit(other, &ann.key, &group).await.status, 200);
    other.run_jobs().await;
    assert_nothing_left(other).await;
    // Long after, nobody remembers the dead one.
    other.advance(Duration::from_secs(2 * 86_400)).await;
    assert_eq!(number(other, "select count(*) from writer").await, 1);
}

fn sweeppea_body() -> String {
    serde_json::json!({"Filename": "b.txt", "MimeType": "text/plain", "FileData": BASE64_STANDARD.encode(b"bytes")})
        .to_string()
}

#[tokio::test]
async fn a_chunk_of_a_server_that_was_taken_for_dead_leaves_nothing_behind() {
    let all = servers(2).await;
    let (slow, other) = (&all[0], &all[1]);
    let ann = slow.account("ann").await;
    let key = ann.key.as_str();
    let group = vault::open(slow, key).await;
    let file = vault::announce(slow, key, &group, "", "a.txt", 6).await;
    let (feed, body) = fed_body();
    let headers = [("group_id", group.as_str()), ("file_id", file.as_str()), ("chunk_offset", "0")];
    let chunk = vault::call_with(slow, Method::PATCH, "transfer_file", key, &headers, body);
    assert_ne!(taken_for_dead(other, feed, b"abcdef", chunk).await.status, 200);
    assert_eq!(vault::send_chunk(slow, key, &group, &file, 0, b"abcdef").await.status, 200, "it can be sent again");
    assert_eq!(vault::call_with(slow, Method::DELETE, "transfer", key, &headers[..1], "").await.status, 200);
    run_jobs(&[slow, other]).await;
    assert_nothing_left(other).await;
    assert_eq!(other.objects().await, [""; 0]);
}

#[tokio::test]
async fn a_file_of_a_server_that_was_taken_for_dead_leaves_nothing_behind() {
    let all = servers(2).await;
    let (slow, other) = (&all[0], &all[1]);
    let ann = slow.account("ann").await;
    let form =
        oracle::form(&[("jsonInputParameters", "", br#"{"parentID":"self"}"#), ("primaryFile", "b.txt", b"abc")]);
    let (feed, body) = fed_body();
    let media_type = format!("multipart/form-data; boundary={}", oracle::BOUNDARY);
    let headers = [("content-type", media_type.as_str())];
    let upload = oracle::call_with(slow, Method::POST, "files/data", &ann.key, &headers, body);
    assert_ne!(taken_for_dead(other, feed, &form, upload).await.status, 201);
    assert_eq!(oracle::try_upload(slow, &ann.key, "self", "b.txt", b"abc").await.status, 201, "it can be sent again");
    run_jobs(&[slow, other]).await;
    assert_nothing_left(other).await;
    assert_eq!(other.objects().await.len(), 1);
}

/// Feeds an upload of one server, and while its last bytes are missing, another server gives the object up and purges
/// it. Gives the answer.
async fn taken_for_dead(
    other: &Server,
    feed: UnboundedSender<Bytes>,
    bytes: &[u8],
    upload: impl Future<Output = Reply>,
) -> Reply {
    const STAGED: &str = "select count(*) from staged where sha256 is null";
    let (first, last) = bytes.split_at(bytes.len() - 1);
    feed.send(Bytes::copy_from_slice(first)).unwrap();
    let (reply, ()) = tokio::join!(upload, async {
        wait_until("the object is named", || async { number(other, STAGED).await == 1 }).await;
        wait_until("it is given up", || async {
            other.advance(LEASE).await;
            number(other, STAGED).await == 0
        })
        .await;
        other.advance(LANDED).await;
        assert_eq!(number(other, "select count(*) from purge").await, 0, "its purge is done");
        feed.send(Bytes::copy_from_slice(last)).unwrap();
        drop(feed);
    });
    reply
}

#[tokio::test]
async fn chunks_of_a_file_may_reach_any_server() {
    let all = servers(3).await;
    let ann = all[0].account("ann").await;
    let group = vault::open(&all[0], &ann.key).await;
    let bytes: Vec<u8> = (0..30u8).collect();
    let file = vault::announce(&all[1], &ann.key, &group, "", "a.bin", bytes.len()).await;
    for (at, chunk) in bytes.chunks(3).enumerate() {
        let sent = vault::send_chunk(&all[at % 3], &ann.key, &group, &file, at * 3, chunk).await;
        assert_eq!(sent.status, 200, "{}", sent.text());
    }
    // All three join the chunks at the same moment.
    let (one, two, three) = tokio::join!(
        vault::finish(&all[0], &ann.key, &group, &file),
        vault::finish(&all[1], &ann.key, &group, &file),
        vault::finish(&all[2], &ann.key, &group, &file),
    );
    for finished in [one, two, three] {
        assert_eq!(finished.status, 200, "{}", finished.text());
    }
    assert_eq!(vault::commit(&all[2], &ann.key, &group).await.status, 200);
    let read = vault::call(&all[0], Method::GET, &format!("file/{file}"), &ann.key).await;
    assert_eq!((read.status, &read.body[..]), (200, &bytes[..]));
    run_jobs(&[&all[0], &all[1], &all[2]]).await;
    assert_nothing_left(&all[0]).await;
    assert_eq!(all[0].objects().await.len(), 1);
}

#[tokio::test]
async fn a_changed_password_and_an_ended_key_end_everywhere_at_once() {
    let all = servers(2).await;
    all[0].account("ann").await;
    let status = async |server: &Server, authorization: &str| {
        let headers = [("authorization", authorization)];
        server.send(Method::GET, "/documents/api/1.2/folders/self", &headers, "").await.status
    };
    let basic = |password: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("ann:{password}")));
    let (old, new) = (basic("a first password"), basic("another password"));
    all[0].cli_with(&["account", "passwd", "ann"], "a first password").await;
    for server in &all {
        // Twice: the second time it is remembered.
        assert_eq!((status(server, &old).await, status(server, &old).await), (200, 200));
    }
    assert_eq!(all[0].cli_with(&["account", "passwd", "ann"], "another password").await.status, 0);
    for server in &all {
        assert_eq!((status(server, &old).await, status(server, &new).await), (401, 200));
    }
    let added: Value = all[0].cli(&["key", "add", "ann", "--json"]).await.json();
    let bearer = format!("Bearer {}", added["key"].as_str().unwrap());
    for server in &all {
        assert_eq!(status(server, &bearer).await, 200);
    }
    assert_eq!(all[0].cli(&["key", "revoke", &added["id"].to_string()]).await.status, 0);
    for server in &all {
        assert_eq!(status(server, &bearer).await, 401);
    }
    assert_eq!(all[1].cli(&["account", "disable", "ann"]).await.status, 0);
    for server in &all {
        assert_eq!(status(server, &new).await, 401);
    }
}

#[tokio::test]
async fn of_two_servers_that_are_asked_at_once_one_answers_success() {
    let all = servers(2).await;
    let ann = all[0].account("ann").await;
    for round in 0..20 {
        let token = sweeppea::upload(&all[round % 2], &ann.key, "a.txt", "text/plain", b"bytes").await;
        let (one, other) =
            tokio::join!(sweeppea::delete(&all[0], &ann.key, &token), sweeppea::delete(&all[1], &ann.key, &token));
        let mut both = [one.status, other.status];
        both.sort_unstable();
        assert_eq!(both, [200, 404], "{} {}", one.text(), other.text());
    }
    assert_eq!(all[0].objects().await, [""; 0]);
    run_jobs(&[&all[0], &all[1]]).await;
    assert_nothing_left(&all[0]).await;
}

#[tokio::test]
async fn the_months_calls_are_those_of_all_servers() {
    const COUNTED: &str = "select cast(coalesce(sum(calls), 0) as bigint) from call_count";
    let all = servers(2).await;
    let ann = all[0].account("ann").await;
    let call = async |server: &Server| sweeppea::calls_of(&sweeppea::post(server, &ann.key, "/files/fetch", "").await);
    for expected in 1..=3 {
        assert_eq!(call(&all[0]).await, expected);
    }
    wait_until("they are written", || async { number(&all[0], COUNTED).await == 3 }).await;
    assert_eq!(call(&all[1]).await, 4);
    wait_until("that one is written too", || async { number(&all[0], COUNTED).await == 4 }).await;
    all[0].advance(Duration::from_secs(2)).await;
    assert_eq!(call(&all[0]).await, 5);
}

#[tokio::test]
async fn each_server_says_what_it_stands_on() {
    let all = servers(3).await;
    let figures = all[1].send(Method::GET, "/metrics", &[], "").await.text();
    for line in ["unfile_servers 3", "unfile_objects_versioned 0", "unfile_purge_failing 0"] {
        assert!(figures.lines().any(|figure| figure == line), "{line} in {figures}");
    }
    assert_eq!(all[1].send(Method::GET, "/readyz", &[], "").await.text(), "ready\n");
    all[2].kill().await;
    all[0].advance(LEASE).await;
    all[1].advance(LEASE).await;
    wait_until("two are left", || async {
        all[1].send(Method::GET, "/metrics", &[], "").await.text().contains("unfile_servers 2\n")
    })
    .await;
    // Whoever trashes through one, restores through another.
    let ann = all[0].account("ann").await;
    let file = onlyoffice::upload(&all[0], &ann.key, "@my", "a.txt", b"bytes").await;
    let body = serde_json::json!({"fileIds": [file]});
    assert_eq!(onlyoffice::put(&all[0], &ann.key, "fileops/delete", body).await.status, 200);
    let (files, _) = oracle::browse(&all[1], &ann.key).await;
    assert_eq!(files.len(), 1);
}
