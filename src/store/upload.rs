//! Uploads: bytes announced that are not yet a version.

use std::collections::HashSet;

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid, id_rows};
use crate::{clock::from_micros, model::AccountId, objects::ObjectKey};

/// How an upload's bytes come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By PUT to a presigned URL.
    Slot,
    /// In chunks, within a transfer.
    Transfer,
    /// In the one call that also makes the file.
    Direct,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Slot => "slot",
            Kind::Transfer => "transfer",
            Kind::Direct => "direct",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) owner: AccountId,
    pub(crate) creator: AccountId,
    pub(crate) chunked: bool,
    pub(crate) name: String,
    /// Folder names below the root.
    pub(crate) path: Vec<String>,
    pub(crate) media_type: String,
    /// Bytes counted in the owner's used.
    pub(crate) bytes: u64,
    pub(crate) complete: bool,
    pub(crate) created_at: time::OffsetDateTime,
}

const COLUMNS: &str = "id, uid, account_id, creator_id, chunked, name, path, media_type, bytes, complete, created_at";

fn upload(row: AnyRow) -> Upload {
    Upload {
        id: row.get("id"),
        uid: uid(&row, "uid"),
        owner: AccountId(row.get("account_id")),
        creator: AccountId(row.get("creator_id")),
        chunked: row.get::<i64, _>("chunked") != 0,
        name: row.get("name"),
        path: serde_json::from_str(row.get("path")).unwrap_or_default(),
        media_type: row.get("media_type"),
        bytes: row.get::<i64, _>("bytes") as u64,
        complete: row.get::<i64, _>("complete") != 0,
        created_at: from_micros(row.get("created_at")),
    }
}

/// An upload to be announced.
pub(crate) struct NewUpload<'a> {
    pub(crate) uid: Uuid,
    pub(crate) owner: AccountId,
    pub(crate) creator: AccountId,
    pub(crate) group: Option<Uuid>,
    pub(crate) kind: Kind,
    pub(crate) chunked: bool,
    pub(crate) name: &'a str,
    pub(crate) path: &'a [String],
    pub(crate) media_type: &'a str,
    pub(crate) bytes: u64,
    pub(crate) expires_at: Option<i64>,
}

/// Announces an upload; quota is the caller's.
pub(crate) async fn insert(tx: &mut Tx, new: &NewUpload<'_>) -> Result<i64> {
    let now = tx.now;
    sqlx::query_scalar(
        "insert into upload (uid, account_id, creator_id, group_uid, kind, chunked, name, path, media_type, bytes, \
         complete, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12) returning id",
    )
    .bind(new.uid.to_string())
    .bind(new.owner.0)
    .bind(new.creator.0)
    .bind(new.group.map(|group| group.to_string()))
    .bind(new.kind.as_str())
    .bind(i64::from(new.chunked))
    .bind(new.name)
    .bind(serde_json::to_string(new.path).unwrap_or_default())
    .bind(new.media_type)
    .bind(new.bytes as i64)
    .bind(now)
    .bind(new.expires_at)
    .fetch_one(&mut **tx)
    .await
}

/// An open upload of a kind by PUT: one whose time is not over.
pub(crate) async fn open_slot(conn: &mut Conn, uid: Uuid, now: i64) -> Result<Option<Upload>> {
    let sql = format!("select {COLUMNS} from upload where uid = $1 and kind = 'slot' and expires_at > $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(uid.to_string()).bind(now).fetch_optional(conn).await?;
    Ok(row.map(upload))
}

/// Of these uploads, those by PUT whose time is not over.
pub(crate) async fn open_slots(conn: &mut Conn, uids: &[Uuid], now: i64) -> Result<HashSet<Uuid>> {
    let uids: Vec<[Uuid; 1]> = uids.iter().map(|&uid| [uid]).collect();
    let rows = sqlx::query(
        "select uid from upload where kind = 'slot' and expires_at > $2 and uid in \
         (select value ->> 0 from json_each($1))",
    )
    .bind(super::rows(&uids))
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(|row| uid(row, "uid")).collect())
}

/// An upload of a transfer.
pub(crate) async fn of_transfer(conn: &mut Conn, group: Uuid, uid: Uuid) -> Result<Option<Upload>> {
    let sql = format!("select {COLUMNS} from upload where uid = $1 and group_uid = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(uid.to_string())
        .bind(group.to_string())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(upload))
}

/// All uploads of a transfer, in the order of their announcement.
pub(crate) async fn all_of_transfer(conn: &mut Conn, group: Uuid) -> Result<Vec<Upload>> {
    let sql = format!("select {COLUMNS} from upload where group_uid = $1 order by id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(group.to_string()).fetch_all(conn).await?;
    Ok(rows.into_iter().map(upload).collect())
}

/// How many uploads a transfer has.
pub(crate) async fn count_of_transfer(conn: &mut Conn, group: Uuid) -> Result<u64> {
    sqlx::query_scalar::<_, i64>("select count(*) from upload where group_uid = $1")
        .bind(group.to_string())
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
}

/// An upload by its uid.
pub(crate) async fn by_uid(conn: &mut Conn, uid: Uuid) -> Result<Option<Upload>> {
    let sql = format!("select {COLUMNS} from upload where uid = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(uid.to_string()).fetch_optional(conn).await?;
    Ok(row.map(upload))
}

/// An upload by its row's id.
pub(crate) async fn by_id(conn: &mut Conn, id: i64) -> Result<Option<Upload>> {
    let sql = format!("select {COLUMNS} from upload where id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(conn).await?;
    Ok(row.map(upload))
}

/// The upload that an object is written for, unless it ended or the object was given up.
pub(crate) async fn of_object(conn: &mut Conn, key: &ObjectKey) -> Result<Option<Upload>> {
    let row = sqlx::query(
        "select u.id, u.uid, u.account_id, u.creator_id, u.chunked, u.name, u.path, u.media_type, u.bytes, u.complete, \
         u.created_at from staged s join upload u on u.id = s.upload_id where s.object_key = $1",
    )
    .bind(key.as_str())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(upload))
}

/// How many slots of an account are open.
pub(crate) async fn count_slots(conn: &mut Conn, account: AccountId) -> Result<u64> {
    sqlx::query_scalar::<_, i64>("select count(*) from upload where account_id = $1 and kind = 'slot'")
        .bind(account.0)
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
}

/// Sets how many bytes an upload counts for; the account's figure is the caller's.
pub(crate) async fn set_bytes(tx: &mut Tx, id: i64, bytes: u64) -> Result<()> {
    sqlx::query("update upload set bytes = $2 where id = $1")
        .bind(id)
        .bind(bytes as i64)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// All bytes of an upload are there.
pub(crate) async fn complete(tx: &mut Tx, id: i64) -> Result<()> {
    sqlx::query("update upload set complete = 1 where id = $1").bind(id).execute(&mut **tx).await.map(drop)
}

/// Uploads whose time is over.
pub(crate) async fn expired(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<i64>> {
    sqlx::query_scalar("select id from upload where expires_at <= $1 order by expires_at limit $2")
        .bind(now)
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Uploads made by one call that is not running any more: for the start of an installation of one process.
pub(crate) async fn direct(conn: &mut Conn) -> Result<Vec<i64>> {
    sqlx::query_scalar("select id from upload where kind = 'direct'").fetch_all(conn).await
}

/// Of these uploads, those that are made by one call.
pub(crate) async fn direct_of(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Upload>> {
    let sql = format!(
        "select {COLUMNS} from upload where kind = 'direct' and id in \
         (select cast(value ->> 0 as bigint) from json_each($1))"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id_rows(ids.iter().copied())).fetch_all(conn).await?;
    Ok(rows.into_iter().map(upload).collect())
}

/// Drops uploads; their bytes, uids and objects are the caller's.
pub(crate) async fn remove(tx: &mut Tx, ids: &[i64]) -> Result<()> {
    sqlx::query("delete from upload where id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(id_rows(ids.iter().copied()))
        .execute(&mut **tx)
        .await
        .map(drop)
}
