//! Vault's transfers: groups of uploads that become visible together.

use sqlx::Row;
use uuid::Uuid;

use super::{Conn, Result, Tx};
use crate::model::AccountId;

/// A transfer that is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    pub(crate) owner: AccountId,
    pub(crate) creator: AccountId,
}

/// Opens a transfer.
pub(crate) async fn insert(tx: &mut Tx, uid: Uuid, owner: AccountId, creator: AccountId) -> Result<()> {
    let now = tx.now;
    sqlx::query("insert into transfer (uid, account_id, creator_id, touched_at) values ($1, $2, $3, $4)")
        .bind(uid.to_string())
        .bind(owner.0)
        .bind(creator.0)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Notes that a transfer is in use, if it is open.
pub(crate) async fn touch(tx: &mut Tx, uid: Uuid) -> Result<Option<Open>> {
    let now = tx.now;
    let row = sqlx::query(
        "update transfer set touched_at = $2 where uid = $1 and ended_at is null returning account_id, creator_id",
    )
    .bind(uid.to_string())
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Open { owner: AccountId(row.get("account_id")), creator: AccountId(row.get("creator_id")) }))
}

/// Ends a transfer; its id stays, never to be used again.
pub(crate) async fn end(tx: &mut Tx, uid: Uuid) -> Result<()> {
    let now = tx.now;
    sqlx::query("update transfer set ended_at = $2 where uid = $1")
        .bind(uid.to_string())
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Open transfers that nobody touched since a time.
pub(crate) async fn idle(conn: &mut Conn, since: i64, limit: i64) -> Result<Vec<Uuid>> {
    let uids: Vec<String> = sqlx::query_scalar(
        "select uid from transfer where ended_at is null and touched_at < $1 order by touched_at limit $2",
    )
    .bind(since)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(uids.iter().filter_map(|uid| uid.parse().ok()).collect())
}
