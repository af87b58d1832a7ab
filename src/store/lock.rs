//! Locks and edit sessions.

use sqlx::Row;
use uuid::Uuid;

use super::{Conn, Result, Tx};
use crate::model::AccountId;

/// Who has a file locked.
pub(crate) async fn holder(conn: &mut Conn, file: i64) -> Result<Option<AccountId>> {
    sqlx::query_scalar::<_, Option<i64>>("select locked_by from node where id = $1")
        .bind(file)
        .fetch_one(conn)
        .await
        .map(|by| by.map(AccountId))
}

/// Locks a file for an account from now on, or with `None` unlocks it.
pub(crate) async fn set(tx: &mut Tx, file: i64, by: Option<AccountId>) -> Result<()> {
    let now = tx.now;
    sqlx::query("update node set locked_by = $1, locked_at = $2 where id = $3")
        .bind(by.map(|by| by.0))
        .bind(by.map(|_| now))
        .bind(file)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// An edit session whose end has not come.
pub(crate) struct Session {
    pub(crate) account: AccountId,
    pub(crate) tab: Uuid,
    pub(crate) exclusive: bool,
}

/// The edit sessions that are open on a file.
pub(crate) async fn sessions(tx: &mut Tx, file: i64) -> Result<Vec<Session>> {
    let now = tx.now;
    let rows =
        sqlx::query("select account_id, tab, exclusive from edit_session where node_id = $1 and expires_at > $2")
            .bind(file)
            .bind(now)
            .fetch_all(&mut **tx)
            .await?;
    let session = |row: &sqlx::any::AnyRow| Session {
        account: AccountId(row.get("account_id")),
        tab: super::account::uid(row, "tab"),
        exclusive: row.get::<i64, _>("exclusive") != 0,
    };
    Ok(rows.iter().map(session).collect())
}

/// Opens an edit session, or moves the end of one that is open and leaves it else as it is.
pub(crate) async fn keep_session(
    tx: &mut Tx,
    file: i64,
    account: AccountId,
    tab: Uuid,
    exclusive: bool,
    expires_at: i64,
) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "insert into edit_session (node_id, account_id, tab, exclusive, expires_at) values ($1, $2, $3, $4, $5) \
         on conflict (node_id, account_id, tab) do update set exclusive = case when edit_session.expires_at > $6 \
         then edit_session.exclusive else excluded.exclusive end, expires_at = excluded.expires_at",
    )
    .bind(file)
    .bind(account.0)
    .bind(tab.to_string())
    .bind(i64::from(exclusive))
    .bind(expires_at)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends an edit session, if there is one.
pub(crate) async fn end_session(tx: &mut Tx, file: i64, account: AccountId, tab: Uuid) -> Result<()> {
    sqlx::query("delete from edit_session where node_id = $1 and account_id = $2 and tab = $3")
        .bind(file)
        .bind(account.0)
        .bind(tab.to_string())
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Whether [`forget_sessions`] has anything to do.
pub(crate) async fn has_ended_sessions(conn: &mut Conn, now: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from edit_session where expires_at <= $1 limit 1) found",
    )
    .bind(now)
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// Removes edit sessions whose end has come, at most `limit`.
pub(crate) async fn forget_sessions(tx: &mut Tx, limit: i64) -> Result<u64> {
    let now = tx.now;
    sqlx::query("delete from edit_session where id in (select id from edit_session where expires_at <= $1 limit $2)")
        .bind(now)
        .bind(limit)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected())
}

/// The object keys of a file's versions, the current one's first.
pub(crate) async fn object_keys(conn: &mut Conn, file: i64) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "select v.object_key from node n join version v on v.node_id = n.id where n.id = $1 \
         order by case when v.id = n.version_id then 0 else 1 end, v.number desc",
    )
    .bind(file)
    .fetch_all(conn)
    .await
}
