//! `unfile migrate`: a stopped embedded installation goes to PostgreSQL, to a bucket, or to both, and everybody finds
//! everything there as it was.

mod scene;

use std::{collections::BTreeMap, time::Duration};

use object_store::ObjectStoreExt;
use serde_json::Value;

use crate::{
    crash::MIGRATE,
    dialects::{self, Dialect, Verdict},
    hexnode,
    objects::versions::versions,
    support::{
        Output, Server,
        installation::Installation,
        promises,
        weed::{PLAIN, VERSIONED},
    },
    vault,
};
use scene::{OPEN, Old, Target, assert_same, migrate};

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
async fn migrated_and_served(database: bool, bucket: Option<&str>) -> Server {
    let old = Old::new().await;
    let (files, rows) = (old.files(), promises::all_rows(old.server.installation()).await);
    let to = Target::new(database, bucket).await;
    assert_done(&old.migrate(&to, &[]).await);
    assert!(files == old.files(), "the source is as it was");
    if database {
        assert_same_rows(rows, promises::all_rows(to.installation()).await);
    }
    if bucket == Some(VERSIONED) {
        assert_versions_are_named(to.installation()).await;
    }
    let server = to.serve(&old.server).await;
    assert_same(&old.seen, &old.people.see(&server).await);
    promises::assert_kept(server.installation()).await;
    goes_on(&server, &old).await;
    server
}

/// Everything under the prefix is the marker, or the one version of an object that its row names.
async fn assert_versions_are_named(installation: &Installation) {
    let bucket = installation.bucket().unwrap();
    let named = "select object_key, store_version from version where store_version is not null union all \
                 select object_key, store_version from staged where store_version is not null";
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut named: Vec<_> = installation.sql(named).await.iter().map(|row| (text(&row[0]), text(&row[1]))).collect();
    let mut there: Vec<_> = versions(bucket, &bucket.prefix)
        .await
        .into_iter()
        .map(|(key, version, is_marker)| {
            assert!(!is_marker, "{key} {version}");
            (key[bucket.prefix.len() + 1..].to_owned(), version)
        })
        .filter(|(key, _)| key != "unfile-installation")
        .collect();
    named.sort();
    there.sort();
    assert!(there.len() > 10, "{there:?}");
    assert_eq!(there, named);
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
    hexnode::verify(server, key, &people.slot).await;

    Dialect::Hexnode.assert_delete(server, key, &people.held, Verdict::Held).await;
    let parked = server.sql("select p.object_key from purge p join hold h on h.node_id = p.node_id").await;
    let there = server.objects().await;
    assert!(parked.len() == 1 && there.iter().any(|key| parked[0][0] == key.as_str()), "{parked:?} {there:?}");
    let highest = server.sql("select max(id) from (select id from node union select node_id from deletion) ids").await;
    let new = Dialect::Hexnode.upload(server, key, "new.txt", b"new").await;
    assert!(new.id > highest[0][0].as_i64().unwrap(), "{new:?} {highest:?}");
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
async fn statements_are_planned_for_the_rows_that_came() {
    let old = Old::new().await;
    let to = Target::new(true, None).await;
    assert_eq!(old.migrate(&to, &[]).await.status, 0);
    let server = to.serve(&old.server).await;
    // -1: the database has never looked.
    let never = "select relname from pg_class where relname in ('node', 'version', 'purge', 'share') and reltuples < 0";
    assert_eq!(server.sql(never).await, Vec::<Vec<serde_json::Value>>::new());
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
    let server = migrated_and_served(true, Some(VERSIONED)).await;
    let bucket = server.installation().bucket().unwrap();
    let left = versions(bucket, &bucket.prefix).await;
    assert_eq!(left.len(), server.objects().await.len() + 1, "one version of each, and the marker: {left:?}");
}

#[tokio::test]
async fn broken_off_anywhere_it_goes_on() {
    let old = Old::new().await;
    let (files, to) = (old.files(), Target::new(true, Some(VERSIONED)).await);
    for point in MIGRATE {
        let died = old.migrate(&to, &[("UNFILE_TEST_FAULT", &format!("{point}:kill"))]).await;
        assert_eq!(died.status, -1, "{point}: {died:?}");
        if !["migrate.begin", "migrate.finish.committed"].contains(&point) {
            assert_refused(&to.refused_start(&old.server).await, 2, HALF);
        }
    }
    assert!(files == old.files(), "the source is as it was");
    // The last one died once all was done.
    assert_refused(&old.migrate(&to, &[]).await, 1, "unfile: --to-database: this installation is there already");
    let server = to.serve(&old.server).await;
    assert_same(&old.seen, &old.people.see(&server).await);
    promises::assert_kept(server.installation()).await;
    goes_on(&server, &old).await;
}

const HALF: &str = "unfile: --database: `unfile migrate` has not come to its end here: run it again";

/// An account's key and an installation with some files of it, on a server that was stopped.
async fn with_files(names: &[&str]) -> (Server, String, Vec<dialects::File>) {
    let server = Server::start_embedded().await;
    let key = server.account("ann").await.key;
    let mut files = Vec::new();
    for name in names {
        files.push(Dialect::Hexnode.upload(&server, &key, name, name.as_bytes()).await);
    }
    server.stop().await;
    (server, key, files)
}

#[tokio::test]
async fn what_belongs_to_others_is_refused() {
    let (server, ..) = with_files(&["a.txt"]).await;
    let (other, ..) = with_files(&["b.txt"]).await;
    let (database, bucket) = (Target::new(true, None).await, Target::new(false, Some(PLAIN)).await);
    server.start_again().await;
    let data = server.data().display().to_string();
    let running = format!("unfile: data: {data}: another server works on it");
    assert_refused(&migrate(&server, &database, &[]).await, 1, &running);
    server.stop().await;

    let half = [("UNFILE_TEST_FAULT", "migrate.compared:kill")];
    for to in [&database, &bucket] {
        assert_eq!(migrate(&server, to, &half).await.status, -1);
    }
    let taken = "unfile: --to-objects: the bucket or prefix belongs to another installation";
    assert_refused(&database.refused_start(&server).await, 2, HALF);
    let half = "unfile: --objects: `unfile migrate` has not come to its end there: run it again";
    assert_refused(&bucket.refused_start(&server).await, 2, half);
    let being_filled = "unfile: --to-database: another installation is being migrated into it";
    assert_refused(&migrate(&other, &database, &[]).await, 1, being_filled);
    assert_refused(&migrate(&other, &bucket, &[]).await, 1, taken);

    for to in [&database, &bucket] {
        assert_done(&migrate(&server, to, &[]).await);
    }
    assert_refused(&migrate(&other, &database, &[]).await, 1, "unfile: --to-database: it is not empty");
    assert_refused(&migrate(&other, &bucket, &[]).await, 1, taken);
    assert_eq!(bucket.bucket().list().await.len(), 2, "the object and the marker");

    // Whose they are nobody knows any more.
    let at = |name: &str| object_store::path::Path::from(format!("{}/{name}", bucket.bucket().prefix));
    bucket.bucket().store().delete(&at("unfile-installation")).await.unwrap();
    let not_ours = "unfile: --to-objects: objects stand there that are not this installation's";
    assert_refused(&migrate(&other, &bucket, &[]).await, 1, not_ours);
    assert_eq!(bucket.bucket().list().await.len(), 1);
}

#[tokio::test]
async fn objects_and_rows_go_one_after_the_other() {
    let (server, key, files) = with_files(&["a.txt", "b.txt"]).await;
    let bucket = Target::new(false, Some(VERSIONED)).await;
    assert_done(&migrate(&server, &bucket, &[]).await);
    let both = Target::beside(bucket.bucket()).await;
    assert_done(&migrate(&server, &both, &[]).await);
    let server = both.serve(&server).await;
    for file in &files {
        dialects::assert_reads_back(&server, &key, file).await;
        Dialect::Hexnode.delete_for_good(&server, &key, file).await;
    }
    server.run_jobs().await;
    let left = versions(bucket.bucket(), &bucket.bucket().prefix).await;
    assert_eq!(left.len(), 1, "the marker alone: {left:?}");
}

#[tokio::test]
async fn a_damaged_object_is_found_and_the_others_are_copied() {
    let (server, _, files) = with_files(&["flipped.txt", "short.txt", "long.txt", "missing.txt", "good.txt"]).await;
    let mut places = Vec::new();
    for file in &files {
        let sql =
            format!("select object_key from version v join node n on n.id = v.node_id where uid = '{}'", file.uid);
        let key = server.sql(&sql).await[0][0].as_str().unwrap().to_owned();
        places.push((server.data().join("objects").join(key), file.bytes.clone()));
    }
    std::fs::write(&places[0].0, b"flipped.tXt").unwrap();
    std::fs::write(&places[1].0, b"short").unwrap();
    std::fs::write(&places[2].0, b"long.txt and more").unwrap();
    std::fs::remove_file(&places[3].0).unwrap();
    let to = Target::new(true, Some(PLAIN)).await;
    let found = migrate(&server, &to, &[]).await;
    let line = "unfile: --objects: 4 of 5 objects are missing or damaged and named above: mend or delete those files, \
                then run this again";
    assert_refused(&found, 1, line);
    for (at, file) in files.iter().enumerate() {
        assert_eq!(found.stderr.contains(&format!("file {}: ", file.uid)), at < 4, "{}", found.stderr);
    }
    assert_eq!(to.bucket().list().await.len(), 2, "the good one and the marker");
    assert_refused(&to.refused_start(&server).await, 2, HALF);

    for (path, bytes) in &places {
        std::fs::write(path, bytes).unwrap();
    }
    let mended = migrate(&server, &to, &[]).await;
    assert_done(&mended);
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let line = format!("5 objects, {bytes} bytes, 1 of them from an earlier run");
    assert!(mended.stdout.lines().any(|said| said == line), "{mended:?}");
}

#[tokio::test]
async fn a_source_that_was_used_in_between_is_copied_as_it_is_now() {
    let (server, key, files) = with_files(&["a.txt", "b.txt"]).await;
    let to = Target::new(true, Some(PLAIN)).await;
    let kill_at = async |point: &str| {
        let died = migrate(&server, &to, &[("UNFILE_TEST_FAULT", &format!("{point}:kill"))]).await;
        assert_eq!(died.status, -1, "{died:?}");
    };
    kill_at("migrate.compared").await;
    server.start_again().await;
    hexnode::delete(&server, &key, &format!("[{}]", files[1].id)).await;
    server.run_jobs().await;
    let new = Dialect::Vault.upload(&server, &key, "c.txt", b"c").await;
    server.stop().await;

    for point in ["migrate.clear", "migrate.clear.committed"] {
        kill_at(point).await;
    }
    assert_done(&migrate(&server, &to, &[]).await);
    let server = to.serve(&server).await;
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
    for file in [&files[0], &new] {
        dialects::assert_reads_back(&server, &key, file).await;
    }
    Dialect::Hexnode.assert_delete(&server, &key, &files[1], Verdict::NotFound).await;
}

#[tokio::test]
async fn a_place_that_cannot_be_is_refused_in_one_line() {
    let (server, ..) = with_files(&[]).await;
    let run = async |args: &[&str]| {
        let mut all = vec!["migrate"];
        all.extend(args);
        server.cli(&all).await
    };
    for (args, line) in [
        (&[][..], "--to-database or --to-objects: one of them must be given"),
        (&["--to-database", "sqlite:x.db"], "--to-database: expected postgres://USER:PASSWORD@HOST/NAME"),
        (&["--to-objects", "file:x"], "--to-objects: expected s3://BUCKET/PREFIX"),
        (
            &["--to-database", "postgres://u@h/d", "--database", "postgres://u@h/d"],
            "--database: only an SQLite database can be migrated",
        ),
        (
            &["--to-objects", "s3://bucket/a", "--objects", "s3://bucket/a"],
            "--to-objects: the objects are there already",
        ),
        (&["--to-database", "postgres://u@127.0.0.1:1/d"], "--to-database: Connection refused (os error 111)"),
    ] {
        assert_refused(&run(args).await, 2, &format!("unfile: {line}"));
    }
    let missing = run(&["--to-database", "postgres://u@h/d", "--data", "not there"]).await;
    let line = "unfile: --database: not there/unfile.db: No such file or directory (os error 2)";
    assert_refused(&missing, 2, line);
}
