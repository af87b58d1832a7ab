//! Rows on their way from one database into another: every table, whatever its columns.
//!
//! Tables, columns, keys and references are read from the source's own schema, so that a table which comes later is
//! taken along without a word here.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row as _, any::AnyRow, query::Query};

use super::{Conn, Result, Tx, rows, run};

/// Tables whose rows mean something to running servers alone.
const OF_RUNNING_SERVERS: [&str; 2] = ["writer", "lease"];
/// The column that names what the store of objects keeps of one.
const STORE_VERSION: &str = "store_version";

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Null,
    Number(i64),
    Text(String),
}

pub(crate) type Row = Vec<Value>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    is_text: bool,
}

/// A table as the source has it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    columns: Vec<Column>,
    /// The columns of its primary key, by their places.
    key: Vec<usize>,
    references: Vec<String>,
}

impl Table {
    /// The place of the column that names versions of objects, if there is one.
    pub(crate) fn store_version(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.name == STORE_VERSION)
    }

    /// The key of one of its rows.
    pub(crate) fn key_of(&self, row: &Row) -> Row {
        self.key.iter().map(|&at| row[at].clone()).collect()
    }

    fn columns_text(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// The columns of the key, each with something behind it.
    fn key_text(&self, behind: &str) -> String {
        self.key.iter().map(|&at| quoted(&self.columns[at].name) + behind).collect::<Vec<_>>().join(", ")
    }

    fn row(&self, row: &AnyRow) -> Result<Row> {
        let value = |(at, column): (usize, &Column)| {
            Ok(match column.is_text {
                true => row.try_get::<Option<String>, _>(at)?.map_or(Value::Null, Value::Text),
                false => row.try_get::<Option<i64>, _>(at)?.map_or(Value::Null, Value::Number),
            })
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An SQLite database that nobody may change while it is read.
pub(crate) struct Source {
    reader: AnyConnection,
    /// Holds the right to write and never does.
    guard: AnyConnection,
    /// A server that died left its last commits beside the file. They stay there.
    has_log: bool,
}

impl Source {
    /// Opens a database file, given by its path and its URL without a mode.
    ///
    /// # Errors
    /// It cannot be read, or another process changes it.
    pub(crate) async fn open(file: &Path, url: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        let has_log = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
        let mut guard = AnyConnection::connect(&format!("{url}?mode=rw")).await?;
        run(&mut guard, "begin immediate").await?;
        let mut reader = AnyConnection::connect(&format!("{url}?mode=ro")).await?;
        // From here on it counts as open, whatever becomes of the other connection.
        run(&mut reader, "pragma query_only = on; select 1 from sqlite_master").await?;
        Ok(Self { reader, guard, has_log })
    }

    /// Leaves all files as they were found: whoever closes last, and may write, puts the log into the database.
    pub(crate) async fn close(self) -> Result<()> {
        let Self { reader, guard, has_log } = self;
        let (first, last) = if has_log { (guard, reader) } else { (reader, guard) };
        first.close().await?;
        last.close().await
    }

    pub(crate) fn conn(&mut self) -> &mut Conn {
        &mut self.reader
    }

    /// All tables, each behind those that it refers to; without those of running servers, and the settings last.
    ///
    /// # Errors
    /// The schema is not one that this program knows.
    pub(crate) async fn tables(&mut self) -> anyhow::Result<Vec<Table>> {
        let names: Vec<String> = sqlx::query_scalar(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite%' \
             and name not like '\\_%' escape '\\' order by name",
        )
        .fetch_all(&mut self.reader)
        .await?;
        let mut found = Vec::new();
        for name in names.into_iter().filter(|name| !OF_RUNNING_SERVERS.contains(&name.as_str())) {
            found.push(self.table(name).await?);
        }
        in_order(found)
    }

    async fn table(&mut self, name: String) -> anyhow::Result<Table> {
        let described: Vec<(String, String, i64)> =
            sqlx::query_as("select name, lower(type), cast(pk as bigint) from pragma_table_info($1) order by cid")
                .bind(&name)
                .fetch_all(&mut self.reader)
                .await?;
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for (at, (column, kind, place)) in described.into_iter().enumerate() {
            let is_text = match kind.as_str() {
                "text" => true,
                "bigint" | "integer" => false,
                other => bail!("column {column} of {name} is of type {other}"),
            };
            columns.push(Column { name: column, is_text });
            if place > 0 {
                key.push((place, at));
            }
        }
        key.sort_unstable();
        ensure!(!key.is_empty(), "table {name} has no primary key");
        let references = sqlx::query_scalar("select \"table\" from pragma_foreign_key_list($1)")
            .bind(&name)
            .fetch_all(&mut self.reader)
            .await?;
        Ok(Table { name, columns, key: key.into_iter().map(|(_, at)| at).collect(), references })
    }

    /// The version of its schema.
    pub(crate) async fn schema(&mut self) -> Result<i64> {
        schema(&mut self.reader).await
    }

    /// The highest id that each table ever gave out, for those that gave out one.
    pub(crate) async fn highest_ids(&mut self) -> Result<Vec<(String, i64)>> {
        sqlx::query_as("select name, cast(seq as bigint) from sqlite_sequence where seq > 0")
            .fetch_all(&mut self.reader)
            .await
    }
}

fn in_order(mut waiting: Vec<Table>) -> anyhow::Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::new();
    // What makes a database an installation comes once all else is there.
    let settings = waiting.iter().position(|table| table.name == "setting").context("there is no table setting")?;
    let settings = waiting.remove(settings);
    while !waiting.is_empty() {
        let free = |table: &Table| {
            let is_there = |name: &String| ordered.iter().any(|done| done.name == *name) || *name == table.name;
            table.references.iter().all(is_there)
        };
        let (next, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(free);
        ensure!(!next.is_empty(), "tables refer to each other in a circle");
        ordered.extend(next);
        waiting = rest;
    }
    ordered.push(settings);
    Ok(ordered)
}

/// The version of a database's schema.
pub(crate) async fn schema(conn: &mut Conn) -> Result<i64> {
    sqlx::query_scalar("select cast(max(version) as bigint) from _sqlx_migrations").fetch_one(conn).await
}

/// Whether a database keeps the same columns in a table.
pub(crate) async fn is_alike(conn: &mut Conn, table: &Table) -> Result<bool> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "select cast(column_name as text), cast(data_type as text) from information_schema.columns \
         where table_schema = current_schema() and table_name = $1",
    )
    .bind(&table.name)
    .fetch_all(conn)
    .await?;
    let mut found: Vec<Column> =
        found.into_iter().map(|(name, kind)| Column { name, is_text: kind == "text" }).collect();
    let mut wanted = table.columns.clone();
    for columns in [&mut found, &mut wanted] {
        columns.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(found == wanted)
}

/// How many rows a table has.
pub(crate) async fn count(conn: &mut Conn, table: &Table) -> Result<u64> {
    let sql = format!("select count(*) from {}", quoted(&table.name));
    sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(conn).await.map(|count| count as u64)
}

/// The key of a table's last row.
pub(crate) async fn last_key(conn: &mut Conn, table: &Table) -> Result<Option<Row>> {
    let (columns, name, order) = (table.columns_text(), quoted(&table.name), table.key_text(" desc"));
    let sql = format!("select {columns} from {name} order by {order} limit 1");
    let last = sqlx::query(AssertSqlSafe(sql)).fetch_optional(conn).await?;
    last.map(|row| Ok(table.key_of(&table.row(&row)?))).transpose()
}

/// So many of a table's rows in the order of their keys, behind one key and up to another.
pub(crate) async fn page(
    conn: &mut Conn,
    table: &Table,
    behind: Option<&Row>,
    up_to: Option<&Row>,
    limit: usize,
) -> Result<Vec<Row>> {
    let (key, mut bounds, mut binds) = (table.key_text(""), Vec::new(), Vec::new());
    for (relation, bound) in [(">", behind), ("<=", up_to)] {
        if let Some(bound) = bound {
            let first = binds.len() + 1;
            binds.extend(bound);
            let marks: Vec<String> = (first..=binds.len()).map(|at| format!("${at}")).collect();
            bounds.push(format!("({key}) {relation} ({})", marks.join(", ")));
        }
    }
    let bounds = if bounds.is_empty() { String::new() } else { format!("where {}", bounds.join(" and ")) };
    let sql =
        format!("select {} from {} {bounds} order by {key} limit {limit}", table.columns_text(), quoted(&table.name));
    let bind = |query: Query<'static, sqlx::Any, _>, value: &Value| match value {
        Value::Null => query.bind(None::<String>),
        Value::Number(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
    };
    let query = binds.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
    query.fetch_all(conn).await?.iter().map(|row| table.row(row)).collect()
}

/// Puts rows into a table as they are.
pub(crate) async fn insert(tx: &mut Tx, table: &Table, added: &[Row]) -> Result<()> {
    let value = |(at, column): (usize, &Column)| match column.is_text {
        true => format!("value ->> {at}"),
        false => format!("cast(value ->> {at} as bigint)"),
    };
    let values: Vec<String> = table.columns.iter().enumerate().map(value).collect();
    let sql = format!(
        "insert into {} ({}) select {} from json_each($1)",
        quoted(&table.name),
        table.columns_text(),
        values.join(", ")
    );
    sqlx::query(AssertSqlSafe(sql)).bind(rows(added)).execute(&mut **tx).await.map(drop)
}

/// Takes all rows out of tables that are given in the order of their references.
pub(crate) async fn clear(tx: &mut Tx, tables: &[Table]) -> Result<()> {
    for table in tables.iter().rev() {
        let sql = format!("delete from {}", quoted(&table.name));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut **tx).await?;
    }
    Ok(())
}

/// From now on the ids that a table gives out lie above one.
pub(crate) async fn give_ids_above(tx: &mut Tx, table: &str, highest: i64) -> Result<()> {
    sqlx::query("select setval(pg_get_serial_sequence($1, 'id'), $2, true)")
        .bind(quoted(table))
        .bind(highest)
        .fetch_one(&mut **tx)
        .await
        .map(drop)
}

/// Has the database look at what the tables hold now. It would do that by itself a minute later; until then statements
/// are planned as for empty tables, and take many times as long.
pub(crate) async fn analyze(tx: &mut Tx, tables: &[Table]) -> Result<()> {
    for table in tables {
        let sql = format!("analyze {}", quoted(&table.name));
        sqlx::query(AssertSqlSafe(sql)).execute(&mut **tx).await?;
    }
    Ok(())
}

/// An object that has to be where the rows are.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) key: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Lower-case hex.
    pub(crate) sha256: String,
    /// Of the file or upload that it belongs to.
    pub(crate) uid: String,
}

/// Objects of versions that are not to be removed, or whose removal a hold parks.
const OF_VERSIONS: &str = "select v.object_key as key, v.size as size, v.sha256 as sha256, n.uid as uid from version v \
                           join node n on n.id = v.node_id where (not exists (select 1 from purge p where \
                           p.node_id = v.node_id and p.object_key = v.object_key) or exists (select 1 from hold h where h.node_id = v.node_id))";
/// Objects of uploads that go on.
const OF_UPLOADS: &str = "select s.object_key as key, s.size as size, s.sha256 as sha256, u.uid as uid from staged s \
                          join upload u on u.id = s.upload_id where s.sha256 is not null and u.kind <> 'direct'";

/// What names an object that has to be where the rows are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NamedBy {
    Version,
    Upload,
}

impl NamedBy {
    pub(crate) const BOTH: [NamedBy; 2] = [NamedBy::Version, NamedBy::Upload];

    fn sql(self) -> &'static str {
        match self {
            NamedBy::Version => OF_VERSIONS,
            NamedBy::Upload => OF_UPLOADS,
        }
    }
}

/// So many of the objects, in the order of their keys, behind one key.
pub(crate) async fn named_objects(conn: &mut Conn, by: NamedBy, behind: &str, limit: usize) -> Result<Vec<Named>> {
    let sql = format!("{} and object_key > $1 order by object_key limit $2", by.sql());
    let found = sqlx::query(AssertSqlSafe(sql)).bind(behind).bind(limit as i64).fetch_all(conn).await?;
    let named = |row: &AnyRow| Named {
        key: row.get("key"),
        size: row.get::<i64, _>("size") as u64,
        sha256: row.get("sha256"),
        uid: row.get("uid"),
    };
    Ok(found.iter().map(named).collect())
}

/// How many objects there are, and their bytes.
pub(crate) async fn count_named(conn: &mut Conn, by: NamedBy) -> Result<(u64, u64)> {
    let sql = format!("select count(*), cast(coalesce(sum(size), 0) as bigint) from ({}) counted", by.sql());
    let (objects, bytes): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(conn).await?;
    Ok((objects as u64, bytes as u64))
}

/// Those of some keys that are objects, with their sizes.
pub(crate) async fn sizes(conn: &mut Conn, by: NamedBy, keys: &str) -> Result<Vec<(String, u64)>> {
    let sql =
        format!("select key, size from ({} and object_key in (select value ->> 0 from json_each($1))) asked", by.sql());
    let found: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql)).bind(keys).fetch_all(conn).await?;
    Ok(found.into_iter().map(|(key, size)| (key, size as u64)).collect())
}

/// Those of some keys that any row names.
pub(crate) async fn known(conn: &mut Conn, keys: &str) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "with asked (key) as (select value ->> 0 from json_each($1)) \
         select object_key from version where object_key in (select key from asked) \
         union select object_key from staged where object_key in (select key from asked) \
         union select object_key from purge where node_id = 0 and object_key in (select key from asked)",
    )
    .bind(keys)
    .fetch_all(conn)
    .await
}

/// Keeps the store's own names of objects' versions: rows of key and version.
pub(crate) async fn set_store_versions(tx: &mut Tx, named: &[(String, String)]) -> Result<()> {
    for table in ["version", "staged"] {
        let sql = format!(
            "update {table} set store_version = named.store_version from (select value ->> 0 as object_key, \
             value ->> 1 as store_version from json_each($1)) named where {table}.object_key = named.object_key"
        );
        sqlx::query(AssertSqlSafe(sql)).bind(rows(named)).execute(&mut **tx).await?;
    }
    Ok(())
}
