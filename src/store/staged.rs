//! Objects that are being written, or wait to become a version. Each is named here before its first byte is stored.

use std::collections::HashSet;

use sqlx::{Row, any::AnyRow};

use super::{Conn, Result, Tx};
use crate::{
    hex::hex,
    model::AccountId,
    objects::{ObjectKey, Stored},
};

#[derive(Debug, Clone)]
pub(crate) struct Staged {
    pub(crate) key: ObjectKey,
    /// `None`: it stands for itself, or its upload ended.
    pub(crate) upload: Option<i64>,
    pub(crate) account: AccountId,
    /// First byte of the upload that these are.
    pub(crate) start: u64,
    pub(crate) size: u64,
    /// `None`: still being written.
    pub(crate) sha256: Option<String>,
    /// As [`Stored::version`].
    pub(crate) store_version: Option<String>,
}

impl Staged {
    pub(crate) fn end(&self) -> u64 {
        self.start + self.size
    }
}

const COLUMNS: &str = "object_key, upload_id, account_id, start, size, sha256, store_version";

fn staged(row: AnyRow) -> Staged {
    Staged {
        key: ObjectKey::kept(row.get("object_key")),
        upload: row.get("upload_id"),
        account: AccountId(row.get("account_id")),
        start: row.get::<i64, _>("start") as u64,
        size: row.get::<i64, _>("size") as u64,
        sha256: row.get("sha256"),
        store_version: row.get("store_version"),
    }
}

/// Names an object that will be written. Without an upload it stands for itself until [`take`].
pub(crate) async fn insert(
    tx: &mut Tx,
    key: &ObjectKey,
    upload: Option<i64>,
    account: AccountId,
    start: u64,
) -> Result<()> {
    let (now, writer) = (tx.now, tx.store.is_shared().then_some(tx.writer));
    sqlx::query(
        "insert into staged (object_key, upload_id, account_id, start, size, created_at, writer_id) \
         values ($1, $2, $3, $4, 0, $5, $6)",
    )
    .bind(key.as_str())
    .bind(upload)
    .bind(account.0)
    .bind(start as i64)
    .bind(now)
    .bind(writer)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Notes that an object is durably stored. Says the upload it is for: `None` if that ended meanwhile, or if the object
/// itself was given up.
pub(crate) async fn written(tx: &mut Tx, key: &ObjectKey, start: u64, stored: &Stored) -> Result<Option<i64>> {
    let upload: Option<Option<i64>> = sqlx::query_scalar(
        "update staged set start = $2, size = $3, sha256 = $4, md5 = $5, store_version = $6 where object_key = $1 \
         returning upload_id",
    )
    .bind(key.as_str())
    .bind(start as i64)
    .bind(stored.size as i64)
    .bind(&stored.sha256)
    .bind(hex(&stored.md5))
    .bind(stored.version.as_deref())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(upload.flatten())
}

/// The objects of an upload that are durably stored, by their place in it.
pub(crate) async fn of_upload(conn: &mut Conn, upload: i64) -> Result<Vec<Staged>> {
    let sql = format!("select {COLUMNS} from staged where upload_id = $1 and sha256 is not null order by start");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(upload).fetch_all(conn).await?;
    Ok(rows.into_iter().map(staged).collect())
}

/// Forgets objects: they became versions, or stand in the purge queue.
pub(crate) async fn remove(tx: &mut Tx, keys: &[ObjectKey]) -> Result<()> {
    let keys: Vec<[&str; 1]> = keys.iter().map(|key| [key.as_str()]).collect();
    sqlx::query("delete from staged where object_key in (select value ->> 0 from json_each($1))")
        .bind(super::rows(&keys))
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Forgets an object that becomes a version now; says whether it was there, and not given up.
pub(crate) async fn take(tx: &mut Tx, key: &ObjectKey) -> Result<bool> {
    let done = sqlx::query("delete from staged where object_key = $1").bind(key.as_str()).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets an object that was not noted as written; says whether it was there.
pub(crate) async fn remove_unwritten(tx: &mut Tx, key: &ObjectKey) -> Result<bool> {
    let done = sqlx::query("delete from staged where object_key = $1 and sha256 is null")
        .bind(key.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// How many objects of an upload are being written.
pub(crate) async fn count_unwritten(conn: &mut Conn, upload: i64) -> Result<u64> {
    sqlx::query_scalar::<_, i64>("select count(*) from staged where upload_id = $1 and sha256 is null")
        .bind(upload)
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
}

/// Of these objects, those that are being written.
pub(crate) async fn unwritten_of(
    conn: &mut Conn,
    keys: impl IntoIterator<Item = &ObjectKey>,
) -> Result<HashSet<ObjectKey>> {
    let keys: Vec<[&str; 1]> = keys.into_iter().map(|key| [key.as_str()]).collect();
    let unwritten: Vec<String> = sqlx::query_scalar(
        "select object_key from staged where sha256 is null and object_key in \
         (select value ->> 0 from json_each($1))",
    )
    .bind(super::rows(&keys))
    .fetch_all(conn)
    .await?;
    Ok(unwritten.into_iter().map(ObjectKey::kept).collect())
}

/// Cuts objects that are still being written off from an upload that ends: their writers will find out.
pub(crate) async fn orphan_unwritten(tx: &mut Tx, upload: i64) -> Result<()> {
    sqlx::query("update staged set upload_id = null where upload_id = $1 and sha256 is null")
        .bind(upload)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Whether an object is named here, or is a version's.
pub(crate) async fn is_named(tx: &mut Tx, key: &ObjectKey) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from staged where object_key = $1 union all \
         select 1 from version where object_key = $1) named",
    )
    .bind(key.as_str())
    .fetch_one(&mut **tx)
    .await
    .map(|named| named > 0)
}

/// Objects that are still being written, or whose upload ended, and that nobody comes for: they were begun before a
/// time, or by a server that is not alive `now`.
pub(crate) async fn abandoned(conn: &mut Conn, begun_before: i64, now: i64, limit: i64) -> Result<Vec<Staged>> {
    let sql = format!(
        "select {COLUMNS} from staged where (sha256 is null or upload_id is null) and (created_at < $1 \
         or writer_id is not null and not exists (select 1 from writer w where w.id = staged.writer_id \
         and w.alive_until > $2)) limit $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(begun_before).bind(now).bind(limit).fetch_all(conn).await?;
    Ok(rows.into_iter().map(staged).collect())
}
