//! The versions of files.

use sqlx::AssertSqlSafe;

use super::{
    Conn, Result, Tx,
    node::{FILE_COLUMNS, FileRow, file_row},
};
use crate::model::AccountId;

/// The live versions of a file, newest first.
pub(crate) async fn live(conn: &mut Conn, file: i64, now: i64) -> Result<Vec<FileRow>> {
    let sql = format!(
        "select {FILE_COLUMNS} from node n join version v on v.node_id = n.id where n.id = $2 and v.state = 1 \
         order by v.number desc"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(file).fetch_all(conn).await?;
    Ok(found.into_iter().map(file_row).collect())
}

/// One live version of a file, by its number.
pub(crate) async fn live_one(conn: &mut Conn, file: i64, number: u32, now: i64) -> Result<Option<FileRow>> {
    let sql = format!(
        "select {FILE_COLUMNS} from node n join version v on v.node_id = n.id where n.id = $2 and v.number = $3 \
         and v.state = 1"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(file).bind(i64::from(number)).fetch_optional(conn).await?;
    Ok(row.map(file_row))
}

/// The highest number that a version of a file ever had.
pub(crate) async fn last_number(conn: &mut Conn, file: i64) -> Result<i64> {
    sqlx::query_scalar("select last_version from node where id = $1").bind(file).fetch_one(conn).await
}

/// The live file of a name in a folder, the oldest where several have it.
pub(crate) async fn file_named(conn: &mut Conn, folder: i64, name: &str) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from node where parent_id = $1 and kind = 'file' and folded = $3 and name = $2 and state = 1 \
         order by id limit 1",
    )
    .bind(folder)
    .bind(name)
    .bind(name.to_lowercase())
    .fetch_optional(conn)
    .await
}

/// The live file that has a name in any case in a folder: one that has it exactly before others, then the oldest.
pub(crate) async fn file_named_any_case(conn: &mut Conn, folder: i64, name: &str) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from node where parent_id = $1 and folded = $2 and kind = 'file' and state = 1 \
         order by case when name = $3 then 0 else 1 end, id limit 1",
    )
    .bind(folder)
    .bind(name.to_lowercase())
    .bind(name)
    .fetch_optional(conn)
    .await
}

/// A version whose object is durably stored.
pub(crate) struct NewVersion<'a> {
    pub(crate) node: i64,
    pub(crate) number: i64,
    pub(crate) size: u64,
    pub(crate) sha256: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) object_key: &'a str,
    /// As `Stored::version`.
    pub(crate) store_version: Option<&'a str>,
    pub(crate) creator: AccountId,
}

/// Makes a live version. That it is the current one, totals and quota are the caller's.
pub(crate) async fn insert(tx: &mut Tx, new: &NewVersion<'_>) -> Result<i64> {
    let now = tx.now;
    sqlx::query_scalar(
        "insert into version (node_id, number, size, sha256, media_type, object_key, creator_id, created_at, \
         store_version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id",
    )
    .bind(new.node)
    .bind(new.number)
    .bind(new.size as i64)
    .bind(new.sha256)
    .bind(new.media_type)
    .bind(new.object_key)
    .bind(new.creator.0)
    .bind(now)
    .bind(new.store_version)
    .fetch_one(&mut **tx)
    .await
}

/// Makes the next version of a file its current one, under the name given. Quota and the totals above are the caller's.
pub(crate) async fn append(tx: &mut Tx, next: &NewVersion<'_>, name: &str) -> Result<()> {
    let (version, now) = (insert(tx, next).await?, tx.now);
    sqlx::query(
        "update node set version_id = $2, last_version = $3, bytes = bytes + $4, modified_at = $5, modifier_id = $6, \
         name = $7, folded = $8 where id = $1",
    )
    .bind(next.node)
    .bind(version)
    .bind(next.number)
    .bind(next.size as i64)
    .bind(now)
    .bind(next.creator.0)
    .bind(name)
    .bind(name.to_lowercase())
    .execute(&mut **tx)
    .await
    .map(drop)
}
