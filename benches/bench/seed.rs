//! Fills an installation without a server: rows by SQL, objects as files. Every total is what it would be had the files
//! come through the server, so that nothing it does later meets a wrong figure.

use std::fs;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

use crate::server::{Account, Installation};

/// Files to be made in an account: so many folders, in each so many files.
#[derive(Debug, Clone, Copy)]
pub struct Tree {
    pub folders: u64,
    pub files_in_each: u64,
    /// Bytes of a file.
    pub size: u64,
    /// The folders lie in one folder more; else in the root.
    pub below_one: bool,
}

impl Tree {
    /// So many files, a hundred in a folder.
    pub fn of_files(files: u64) -> Self {
        Tree { folders: files.div_ceil(100), files_in_each: 100.min(files), size: 1, below_one: false }
    }

    /// One folder with so many files below it, a thousand in a folder. They are empty: a million of them are to fit into
    /// memory.
    pub fn in_one_folder(files: u64) -> Self {
        Tree { folders: files.div_ceil(1_000), files_in_each: 1_000.min(files), size: 0, below_one: true }
    }

    pub fn files(self) -> u64 {
        self.folders * self.files_in_each
    }
}

/// The ids that the rows got.
#[derive(Debug, Clone, Copy)]
pub struct Seeded {
    /// Of the account's root folder.
    pub root: i64,
    /// Of the one folder above all, or of the first of many.
    pub folder: i64,
    /// Of the first file; the others follow, folder by folder.
    pub file: i64,
    pub files: u64,
    /// Bytes of a file.
    pub size: u64,
}

/// What the two databases say differently.
struct Words {
    /// One row for each number from 1 to the one given, as `series (i)`.
    series: fn(u64) -> String,
    uid: &'static str,
    /// 32 random digits.
    hex: &'static str,
    /// Two digits of a number below 256, which stands in place of `?`.
    two: &'static str,
    before: &'static str,
    after: &'static str,
}

const SQLITE: Words = Words {
    series: |count| {
        format!("with recursive series (i) as (select 1 union all select i + 1 from series where i < {count})")
    },
    uid: "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a' \
          || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    hex: "lower(hex(randomblob(16)))",
    two: "printf('%02x', ?)",
    // Nobody else looks, and a crash only means that the benchmark is run again.
    before: "pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000000; \
             pragma temp_store = memory",
    after: "pragma journal_mode = wal",
};

const POSTGRES: Words = Words {
    series: |count| format!("with series (i) as (select generate_series(1::bigint, {count}))"),
    uid: "gen_random_uuid()::text",
    hex: "replace(gen_random_uuid()::text, '-', '')",
    two: "lpad(to_hex(?), 2, '0')",
    before: "set synchronous_commit = off; set work_mem = '256MB'",
    after: "select setval(pg_get_serial_sequence('node', 'id'), (select max(id) from node)); \
            select setval(pg_get_serial_sequence('version', 'id'), (select max(id) from version)); \
            vacuum analyze; checkpoint",
};

/// Makes the rows of a tree. The names of its folders begin with `name`.
///
/// # Errors
/// The database failed.
pub async fn rows(installation: &Installation, account: &Account, name: &str, tree: Tree) -> Result<Seeded> {
    let mut conn = installation.connect().await?;
    let words = if conn.backend_name() == "SQLite" { SQLITE } else { POSTGRES };
    run(&mut conn, words.before).await?;
    let nodes: i64 = scalar(&mut conn, "select cast(max(id) as bigint) from node").await?;
    let versions: i64 = scalar(&mut conn, "select cast(coalesce(max(id), 0) as bigint) from version").await?;
    let root: i64 = scalar(&mut conn, &format!("select root_id from account where id = {}", account.id)).await?;
    let Tree { folders, files_in_each, size, below_one } = tree;
    let (files, bytes, account) = (tree.files(), tree.files() * size, account.id);
    let top = i64::from(below_one);
    let (folder, file) = (nodes + 1 + top, nodes + 1 + top + folders as i64);
    let (above, depth) = if below_one { (nodes + 1, 2) } else { (root, 1) };
    let (uid, hex, now) = (words.uid, words.hex, 1_700_000_000_000_000_i64);
    // Neighbours share a folder of storage, a thousand at a time, as the server mints them.
    let two = words.two.replace('?', "((i - 1) / 1000 * 167 + 31) % 256");
    let sha256: String = Sha256::digest(content(size)).iter().map(|byte| format!("{byte:02x}")).collect();
    if below_one {
        run(
            &mut conn,
            &format!(
                "insert into node (id, uid, account_id, parent_id, kind, state, depth, name, folded, files, folders, \
                 bytes, creator_id, private, created_at, modified_at) values ({above}, {uid}, {account}, {root}, \
                 'folder', 1, 1, '{name}', '{name}', {files}, {folders}, {bytes}, {account}, 1, {now}, {now})"
            ),
        )
        .await?;
    }
    let series = (words.series)(folders);
    run(
        &mut conn,
        &format!(
            "insert into node (id, uid, account_id, parent_id, kind, state, depth, name, folded, files, folders, bytes, \
             creator_id, private, created_at, modified_at) {series} select {folder} - 1 + i, {uid}, {account}, {above}, \
             'folder', 1, {depth}, '{name}-' || i, '{name}-' || i, {files_in_each}, 0, {}, {account}, 1, {now} + i, {now} + i \
             from series",
            files_in_each * size
        ),
    )
    .await?;
    let series = (words.series)(files);
    run(
        &mut conn,
        &format!(
            "insert into node (id, uid, account_id, parent_id, kind, state, depth, name, folded, files, folders, bytes, \
             version_id, creator_id, private, created_at, modified_at) {series} select {file} - 1 + i, {uid}, {account}, \
             {folder} + (i - 1) / {files_in_each}, 'file', 1, {depth} + 1, 'file-' || i || '.pdf', 'file-' || i || '.pdf', 0, 0, \
             {size}, {versions} + i, {account}, 1, {now} + i, {now} + i from series"
        ),
    )
    .await?;
    run(
        &mut conn,
        &format!(
            "insert into version (id, node_id, number, size, sha256, media_type, object_key, creator_id, created_at) \
             {series} select {versions} + i, {file} - 1 + i, 1, {size}, '{sha256}', 'application/pdf', \
             {two} || '/' || {hex}, {account}, {now} + i from series"
        ),
    )
    .await?;
    run(
        &mut conn,
        &format!(
            "update node set files = files + {files}, folders = folders + {folders} + {top}, bytes = bytes + {bytes} \
             where id = {root}; update account set used = used + {bytes} where id = {account}"
        ),
    )
    .await?;
    for statement in words.after.split("; ") {
        run(&mut conn, statement).await?;
    }
    conn.close().await?;
    Ok(Seeded { root, folder: nodes + 1, file, files, size })
}

/// Makes the objects of these files, in the installation's folder.
///
/// # Errors
/// The disk is full.
pub async fn objects(installation: &Installation, files: &[i64], size: u64) -> Result<()> {
    let (root, content) = (installation.objects(), content(size));
    let mut conn = installation.connect().await?;
    let id = if conn.backend_name() == "SQLite" { "value" } else { "cast(value as bigint)" };
    let sql = format!("select v.object_key from json_each($1) j join version v on v.node_id = {id}");
    for some in files.chunks(10_000) {
        let keys =
            sqlx::query(AssertSqlSafe(sql.as_str())).bind(serde_json::to_string(some)?).fetch_all(&mut conn).await?;
        ensure!(keys.len() == some.len(), "{} of {} files have an object", keys.len(), some.len());
        for key in keys {
            fs::write(root.join(key.get::<String, _>(0)), &content)?;
        }
    }
    conn.close().await?;
    Ok(())
}

/// The same for all that were made.
///
/// # Errors
/// As there.
pub async fn all_objects(installation: &Installation, seeded: Seeded) -> Result<()> {
    let files: Vec<i64> = (0..seeded.files as i64).map(|at| seeded.file + at).collect();
    objects(installation, &files, seeded.size).await
}

/// What every file holds.
fn content(size: u64) -> Vec<u8> {
    vec![b'x'; size as usize]
}

async fn run(conn: &mut AnyConnection, sql: &str) -> Result<()> {
    conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(())
}

async fn scalar(conn: &mut AnyConnection, sql: &str) -> Result<i64> {
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await?)
}
