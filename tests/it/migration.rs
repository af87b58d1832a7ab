//! A database of the first schema, with all that may stand in it, under the program of today.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use sqlx::{
    ConnectOptions, Connection, SqlStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::SqliteConnectOptions,
};
use unfile::{clock::Clock, engine::error::Error, fault::Faults, jobs, model::*};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::{Backend, Installation},
    promises,
};

const ANN: &str = "annsKeyannsKeyannsKeyannsKey01";
const SIGN_IN: &str = "annsSignInannsSignInannsSign02";
const FILE: Uuid = Uuid::from_u128(0x6f1c_0d7e_3f0a_4a53_9f52_0b1d_8f2c_7a11);

/// One account with a folder, a file of five bytes in it, and one of three that is deleted and not yet purged.
async fn first_schema(database: &Path, settings: &[Vec<serde_json::Value>]) {
    let mut conn: SqliteConnection =
        SqliteConnectOptions::new().filename(database).create_if_missing(true).connect().await.unwrap();
    let start = SqlStr::from_static(include_str!("../../migrations/sqlite/0001_start.sql"));
    let start = Migration::new(1, "start".into(), MigrationType::Simple, start, false);
    let mut migrator = Migrator::with_migrations(vec![start]);
    migrator.set_locking(false);
    migrator.run_direct(None, &mut conn, false).await.unwrap();
    let hash = |secret: &str| Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (key, sign_in, now) = (hash(ANN), hash(SIGN_IN), Clock::default().now().unix_timestamp() * 1_000_000);
    let later = now + 3_000_000_000;
    let mut statements = vec![
        format!(
            "insert into account (uid, name, display_name, email, role, quota, used, purging, max_calls, created_at) \
             values ('{}', 'ann', 'Ann', '', 'user', 0, 5, 3, 0, {now})",
            Uuid::new_v4()
        ),
        node(1, Uuid::new_v4(), None, ("folder", 1), "", (1, 1, 5), now),
        node(2, Uuid::new_v4(), Some(1), ("folder", 1), "Docs", (1, 0, 5), now),
        node(3, FILE, Some(2), ("file", 1), "ÄRGER.txt", (0, 0, 5), now),
        node(4, Uuid::new_v4(), Some(2), ("file", 3), "gone.txt", (0, 0, 3), now),
        "update account set root_id = 1".into(),
        version(1, 3, "00/live", 5, now),
        version(2, 4, "00/gone", 3, now),
        "update node set version_id = id - 2 where kind = 'file'".into(),
        "update node set deleted_at = created_at where state = 3".into(),
        format!(
            "insert into purge (object_key, node_id, account_id, size, queued_at, not_before) \
             values ('00/gone', 4, 1, 3, {now}, {now})"
        ),
        api_key("all", &key, "null", now),
        api_key("vault", &sign_in, &later.to_string(), now),
    ];
    for setting in settings {
        statements.push(format!(
            "insert into setting (name, value) values ('{}', '{}')",
            text(&setting[0]),
            text(&setting[1])
        ));
    }
    for statement in statements {
        sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .execute(&mut conn)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    conn.close().await.unwrap();
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}

fn node(
    id: i64,
    uid: Uuid,
    parent: Option<i64>,
    (kind, state): (&str, i64),
    name: &str,
    totals: (i64, i64, i64),
    now: i64,
) -> String {
    let parent = parent.map_or("null".into(), |parent| parent.to_string());
    let depth = if parent == "null" { 0 } else { 1 };
    let (files, folders, bytes) = totals;
    format!(
        "insert into node (id, uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, \
         private, created_at, modified_at) values ({id}, '{uid}', 1, {parent}, '{kind}', {state}, {depth}, '{name}', \
         {files}, {folders}, {bytes}, 1, 1, {now}, {now})"
    )
}

fn version(id: i64, node: i64, key: &str, size: i64, now: i64) -> String {
    format!(
        "insert into version (id, node_id, number, size, sha256, media_type, object_key, creator_id, created_at) \
         values ({id}, {node}, 1, {size}, '', 'text/plain', '{key}', 1, {now})"
    )
}

fn api_key(scope: &str, hash: &str, end: &str, now: i64) -> String {
    let from_password = i64::from(scope == "vault");
    format!(
        "insert into api_key (account_id, scope, hash, prefix, description, read_only, from_password, created_at, \
         expires_at, renewable_until) values (1, '{scope}', '{hash}', 'anns', '', 0, {from_password}, {now}, {end}, {end})"
    )
}

#[tokio::test]
async fn an_installation_of_the_first_schema_goes_on() {
    let installation = Installation::in_memory(Backend::Embedded).await;
    let (clock, faults) = (Clock::default(), Faults::default());
    let engine = in_process::open(&installation, &clock, &faults).await;
    engine.close().await;
    let database = installation.file();
    let settings = installation.sql("select name, value from setting").await;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(installation.data().join(format!("unfile.db{ending}")));
    }
    first_schema(&database, &settings).await;
    let objects = installation.data().join("objects/00");
    std::fs::create_dir_all(&objects).unwrap();
    std::fs::write(objects.join("live"), b"12345").unwrap();
    std::fs::write(objects.join("gone"), b"123").unwrap();

    let engine = in_process::open(&installation, &clock, &faults).await;
    promises::assert_kept(&installation).await;
    let ann = engine.authenticate(ANN, Realm::Keys).await.unwrap();
    assert_eq!(engine.authenticate(SIGN_IN, Realm::Vault).await.unwrap().account, ann.account);
    let file = engine.file_for(&ann, NodeRef::FileUid(FILE), Rights::DOWNLOAD).await.unwrap();
    assert_eq!((file.version, file.size, file.modifier.name.as_str()), (1, 5, "ann"));
    jobs::run_dry(&engine).await.unwrap();
    promises::assert_nothing_left_behind(&installation).await;

    // Its name clashes in any case, as one that is given now would.
    let clash = engine
        .rename(&ann, NodeRef::FolderId(2), Some(NodeName::parse("docs").unwrap()), None, Clash::RefuseAnyCase)
        .await;
    assert_eq!(clash.unwrap().name(), "docs");
    let into = Into::Folder {
        folder: NodeRef::FolderId(2),
        name: NodeName::parse("ärger.TXT").unwrap(),
        taken: Taken::VersionAnyCase,
    };
    let new = NewContent { into, media_type: "text/plain".into() };
    let next = engine.store_content(&ann, new, sent(Bytes::from_static(b"1234567"))).await.unwrap();
    assert_eq!((next.uid, next.version), (FILE, 2));

    let trash = engine.trash_id(&ann).await.unwrap();
    assert!(matches!(engine.item(&ann, NodeRef::FolderId(trash.0), Rights::NONE).await, Err(Error::NotFound)));
    let live = Live::Trash { holder: Holder::Owner, keep: Duration::from_secs(60) };
    let request = DeleteRequest { live, ..DeleteRequest::permanent(ann.clone(), "test", vec![Target::FolderId(2)]) };
    let outcome = engine.delete(request).await.unwrap().remove(0);
    assert!(matches!(outcome.verdict, Verdict::Deleted(_)), "{outcome:?}");
    promises::assert_kept(&installation).await;
    clock.advance(Duration::from_secs(61));
    jobs::run_dry(&engine).await.unwrap();
    promises::assert_nothing_left_behind(&installation).await;
    let account = engine.account(&ann).await.unwrap();
    assert_eq!((account.used, account.purging), (0, 0));

    // Off, its sign-ins end; on, its keys are good again.
    for disabled in [true, false] {
        engine.set_disabled("ann", disabled).await.unwrap();
    }
    assert!(engine.authenticate(ANN, Realm::Keys).await.is_ok());
    assert!(engine.authenticate(SIGN_IN, Realm::Vault).await.is_err());
}

#[tokio::test]
async fn postgresqls_fourth_schema_becomes_todays_with_its_rows() {
    let (installation, clock, faults) =
        (Installation::in_memory(Backend::Postgres).await, Clock::default(), Faults::default());
    let engine = in_process::open(&installation, &clock, &faults).await;
    engine.add_account("ann", Role::User, Some(0), None).await.unwrap();
    engine.close().await;
    for as_it_was in [
        "alter function json_quote(text) immutable",
        "drop index node_trashed",
        "create index node_trashed on node (account_id, kind, id, bytes) where state = 2",
        "delete from _sqlx_migrations where version = 5",
    ] {
        installation.sql(as_it_was).await;
    }
    let engine = in_process::open(&installation, &clock, &faults).await;
    assert_eq!(engine.accounts().await.unwrap().iter().filter(|account| account.name == "ann").count(), 1);
    engine.close().await;
    let index = "select indexdef from pg_indexes where indexname = 'node_trashed'";
    let index = text(&installation.sql(index).await[0][0]).to_owned();
    assert!(index.contains("(account_id, kind, id) WHERE"), "{index}");
    let quote = "select provolatile::text from pg_proc where proname = 'json_quote'";
    assert_eq!(text(&installation.sql(quote).await[0][0]), "s");
}
