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
    account: i64,
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

impl Seeded {
    pub fn ids(self) -> Vec<i64> {
        (0..self.files as i64).map(|at| self.file + at).collect()
    }
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
    /// A number in a list of `json_each`.
    number: &'static str,
    before: &'static str,
    after: &'static [&'static str],
}

const SQLITE: Words = Words {
    series: |count| {
        format!("with recursive series (i) as (select 1 union all select i + 1 from series where i < {count})")
    },
    uid: "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-a' \
          || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
    hex: "lower(hex(randomblob(16)))",
    two: "printf('%02x', ?)",
    number: "value",
    // Nobody else looks, and a crash only means that the benchmark is run again.
    before: "pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000000; \
             pragma temp_store = memory",
    after: &["pragma journal_mode = wal"],
};

const POSTGRES: Words = Words {
    series: |count| format!("with series (i) as (select generate_series(1::bigint, {count}))"),
    uid: "gen_random_uuid()::text",
    hex: "replace(gen_random_uuid()::text, '-', '')",
    two: "lpad(to_hex(?), 2, '0')",
    number: "cast(value as bigint)",
    before: "set synchronous_commit = off; set work_mem = '256MB'",
    after: &[
        "select setval(pg_get_serial_sequence('node', 'id'), (select max(id) from node))",
        "select setval(pg_get_serial_sequence('version', 'id'), (select max(id) from version))",
        "vacuum analyze",
    ],
};

/// When everything was made, microseconds.
const THEN: i64 = 1_700_000_000_000_000;

/// Works on an installation that no server runs on.
pub struct Seeder<'a> {
    installation: &'a Installation,
    conn: AnyConnection,
    words: Words,
}

impl<'a> Seeder<'a> {
    /// # Errors
    /// The database cannot be reached.
    pub async fn open(installation: &'a Installation) -> Result<Self> {
        let mut conn = installation.connect().await?;
        let words = if conn.backend_name() == "SQLite" { SQLITE } else { POSTGRES };
        run(&mut conn, words.before).await?;
        Ok(Self { installation, conn, words })
    }

    /// Leaves the database as one that has grown in the usual way.
    ///
    /// # Errors
    /// The database failed.
    pub async fn close(mut self) -> Result<()> {
        for statement in self.words.after {
            run(&mut self.conn, statement).await?;
        }
        Ok(self.conn.close().await?)
    }

    /// Makes the rows of a tree. The names of its folders begin with `name`.
    ///
    /// # Errors
    /// The database failed.
    pub async fn rows(&mut self, account: &Account, name: &str, tree: Tree) -> Result<Seeded> {
        let conn = &mut self.conn;
        let nodes = scalar(conn, "select cast(max(id) as bigint) from node").await?;
        let versions = scalar(conn, "select cast(coalesce(max(id), 0) as bigint) from version").await?;
        let root = scalar(conn, &format!("select root_id from account where id = {}", account.id)).await?;
        let Tree { folders, files_in_each, size, below_one } = tree;
        let (files, bytes, account) = (tree.files(), tree.files() * size, account.id);
        let top = i64::from(below_one);
        let (folder, file) = (nodes + 1 + top, nodes + 1 + top + folders as i64);
        let (above, depth) = if below_one { (nodes + 1, 2) } else { (root, 1) };
        let (uid, hex) = (self.words.uid, self.words.hex);
        // Neighbours share a folder of storage, a thousand at a time, as the server mints them.
        let two = self.words.two.replace('?', "((i - 1) / 1000 * 167 + 31) % 256");
        let sha256: String = Sha256::digest(content(size)).iter().map(|byte| format!("{byte:02x}")).collect();
        let columns = "id, uid, account_id, parent_id, kind, state, depth, name, folded, files, folders, bytes, \
                       creator_id, private, created_at, modified_at, version_id";
        if below_one {
            let sql = format!(
                "insert into node ({columns}) values ({above}, {uid}, {account}, {root}, 'folder', 1, 1, '{name}', \
                 '{name}', {files}, {folders}, {bytes}, {account}, 1, {THEN}, {THEN}, null)"
            );
            run(conn, &sql).await?;
        }
        let series = (self.words.series)(folders);
        let sql = format!(
            "insert into node ({columns}) {series} select {folder} - 1 + i, {uid}, {account}, {above}, 'folder', 1, \
             {depth}, '{name}-' || i, '{name}-' || i, {files_in_each}, 0, {}, {account}, 1, {THEN} + i, {THEN} + i, \
             null from series",
            files_in_each * size
        );
        run(conn, &sql).await?;
        let series = (self.words.series)(files);
        let sql = format!(
            "insert into node ({columns}) {series} select {file} - 1 + i, {uid}, {account}, \
             {folder} + (i - 1) / {files_in_each}, 'file', 1, {depth} + 1, 'file-' || i || '.pdf', \
             'file-' || i || '.pdf', 0, 0, {size}, {account}, 1, {THEN} + i, {THEN} + i, {versions} + i from series"
        );
        run(conn, &sql).await?;
        let sql = format!(
            "insert into version (id, node_id, number, size, sha256, media_type, object_key, creator_id, created_at) \
             {series} select {versions} + i, {file} - 1 + i, 1, {size}, '{sha256}', 'application/pdf', \
             {two} || '/' || {hex}, {account}, {THEN} + i from series"
        );
        run(conn, &sql).await?;
        let sql = format!(
            "update node set files = files + {files}, folders = folders + {folders} + {top}, bytes = bytes + {bytes} \
             where id = {root}; update account set used = used + {bytes} where id = {account}"
        );
        run(conn, &sql).await?;
        Ok(Seeded { account, root, folder: nodes + 1, file, files, size })
    }

    /// Makes the files of a tree (of folders in the root) deleted ones whose bytes wait for their purge.
    ///
    /// # Errors
    /// The database failed.
    pub async fn queue(&mut self, seeded: Seeded) -> Result<()> {
        let Seeded { account, file, files, size, .. } = seeded;
        self.leave_totals(seeded, 3).await?;
        let sql = format!(
            "insert into purge (object_key, node_id, account_id, size, queued_at, not_before) select object_key, node_id, \
             {account}, {size}, {THEN}, {THEN} from version where node_id between {file} and {file} - 1 + {files}"
        );
        run(&mut self.conn, &sql).await?;
        let bytes = files * size;
        let sql = format!("update account set used = used - {bytes}, purging = purging + {bytes} where id = {account}");
        run(&mut self.conn, &sql).await
    }

    /// Makes the files of a tree (of folders in the root) entries of the trash.
    ///
    /// # Errors
    /// The database failed.
    pub async fn trash(&mut self, seeded: Seeded) -> Result<()> {
        let Seeded { account, file, files, .. } = seeded;
        self.leave_totals(seeded, 2).await?;
        let uid = self.words.uid;
        let sql = format!(
            "insert into trash (uid, node_id, account_id, holder_id, deleter_id, path, deleted_at, purge_after) \
             select {uid}, id, {account}, {account}, {account}, '[\"folder\"]', {THEN} + id, 9000000000000000 \
             from node where id between {file} and {file} - 1 + {files}"
        );
        run(&mut self.conn, &sql).await
    }

    async fn leave_totals(&mut self, seeded: Seeded, state: u8) -> Result<()> {
        let Seeded { root, folder, file, files, size, .. } = seeded;
        let bytes = files * size;
        let sql = format!(
            "update node set state = {state}, deleted_at = {THEN} where id between {file} and {file} - 1 + {files}; \
             update node set files = 0, bytes = 0 where id between {folder} and {file} - 1; \
             update node set files = files - {files}, bytes = bytes - {bytes} where id = {root}"
        );
        run(&mut self.conn, &sql).await
    }

    /// Object keys of these files.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keys(&mut self, files: &[i64]) -> Result<Vec<String>> {
        let number = self.words.number;
        let sql = format!("select v.object_key from json_each($1) j join version v on v.node_id = {number}");
        let mut keys = Vec::with_capacity(files.len());
        for some in files.chunks(10_000) {
            let ids = serde_json::to_string(some)?;
            let rows = sqlx::query(AssertSqlSafe(sql.as_str())).bind(ids).fetch_all(&mut self.conn).await?;
            keys.extend(rows.iter().map(|row| row.get::<String, _>(0)));
        }
        ensure!(keys.len() == files.len(), "{} of {} files have an object", keys.len(), files.len());
        Ok(keys)
    }

    /// Makes the objects of these files, in the installation's folder.
    ///
    /// # Errors
    /// The disk is full.
    pub async fn objects(&mut self, files: &[i64], size: u64) -> Result<()> {
        let (root, content) = (self.installation.objects(), content(size));
        for key in self.keys(files).await? {
            fs::write(root.join(key), &content)?;
        }
        Ok(())
    }
}

/// What every file holds.
pub fn content(size: u64) -> Vec<u8> {
    vec![b'x'; size as usize]
}

async fn run(conn: &mut AnyConnection, sql: &str) -> Result<()> {
    conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(())
}

async fn scalar(conn: &mut AnyConnection, sql: &str) -> Result<i64> {
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(conn).await?)
}
