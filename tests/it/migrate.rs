//! `unfile migrate`: a stopped embedded installation goes to PostgreSQL, to a bucket, or to both, and everybody finds
//! everything there as it was.

mod scene;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use crate::{
    dialects::{Dialect, Verdict},
    support::{
        Launch, Output, Server, Started, binary, free_port, promises,
        weed::{PLAIN, VERSIONED},
    },
    vault,
};
use scene::{OPEN, Old, Target};

/// Tables whose rows change when what was half-done is taken up, or that belong to running servers.
const TAKEN_UP: [&str; 10] =
    ["account", "deletion", "purge", "setting", "spent_uid", "staged", "upload", "version", "writer", "lease"];

#[track_caller]
fn assert_done(output: &Output) {
    assert_eq!(output.status, 0, "{output:?}");
}

/// Asserts a refusal in one line, which is the last one.
#[track_caller]
fn assert_refused(output: &Output, status: i32, line: &str) {
    let last = output.stderr.lines().last().unwrap_or_default();
    assert_eq!((output.status, last), (status, line), "{output:?}");
}

/// Migrates, and serves from the new place alone: everybody finds what was there, and all of it goes on.
async fn migrated_and_served(database: bool, bucket: Option<&str>) {
    let old = Old::new().await;
    let (files, rows) = (old.files(), promises::all_rows(old.server.installation()).await);
    let to = Target::new(database, bucket).await;
    assert_done(&old.migrate(&to, &[]).await);
    assert!(files == old.files(), "the source is as it was");
    if database {
        assert_same_rows(rows, promises::all_rows(to.installation()).await);
    }
    let server = to.serve(&old).await;
    assert_eq!(old.people.see(&server).await, old.seen);
    promises::assert_kept(server.installation()).await;
    goes_on(&server, &old).await;
}

/// Every row of every table, but for what was taken up.
fn assert_same_rows(mut before: BTreeMap<String, Vec<Vec<Value>>>, mut after: BTreeMap<String, Vec<Vec<Value>>>) {
    after.remove("turn");
    assert!(before.keys().eq(after.keys()), "{:?} {:?}", before.keys(), after.keys());
    for rows in before.values_mut().chain(after.values_mut()) {
        rows.sort_by_key(|row| format!("{row:?}"));
    }
    for (table, rows) in before {
        if !TAKEN_UP.contains(&table.as_str()) {
            assert_eq!(rows, after[&table], "{table}");
        }
    }
}

/// Work that was begun comes to its end: an upload, purges, holds, ids.
async fn goes_on(server: &Server, old: &Old) {
    let people = &old.people;
    let key = &people.ann.key;
    assert_eq!(vault::send_chunk(server, key, &people.group, &people.open, 10, &OPEN[10..]).await.status, 200);
    assert_eq!(vault::finish(server, key, &people.group, &people.open).await.status, 200);
    assert_eq!(vault::commit(server, key, &people.group).await.status, 200);
    let reply = vault::call(server, reqwest::Method::GET, &format!("file/{}", people.open), key).await;
    assert_eq!(&reply.body[..], OPEN);

    Dialect::Hexnode.assert_delete(server, key, &people.held, Verdict::Held).await;
    let highest = server.sql("select max(id) from (select id from node union select node_id from deletion) ids").await;
    let new = Dialect::Hexnode.upload(server, key, "new.txt", b"new").await;
    assert!(new.id > highest[0][0].as_i64().unwrap(), "{new:?} {highest:?}");
    assert_eq!(people.see(server).await.len(), old.seen.len());

    for file in server.sql("select uid from node join hold on hold.node_id = node.id").await {
        assert_done(&server.cli(&["hold", "remove", file[0].as_str().unwrap()]).await);
    }
    let file = &people.live[0];
    Dialect::OnlyOffice.delete_for_good(server, key, file).await;
    // Beyond every pause, and beyond the end of the uploads and of the trash.
    server.advance(Duration::from_secs(40 * 86_400)).await;
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn the_rows_go_to_postgresql() {
    migrated_and_served(true, None).await;
}

#[tokio::test]
async fn the_objects_go_to_a_bucket() {
    migrated_and_served(false, Some(PLAIN)).await;
}

#[tokio::test]
async fn both_go_where_many_servers_reach_them() {
    migrated_and_served(true, Some(PLAIN)).await;
}

#[tokio::test]
async fn a_bucket_that_keeps_versions_is_purged_by_their_names() {
    migrated_and_served(true, Some(VERSIONED)).await;
}
