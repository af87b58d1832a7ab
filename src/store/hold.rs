//! Holds on files.

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid};
use crate::{clock::from_micros, model::Hold};

/// Puts a hold on a file, live or deleted with bytes still there; a hold that is there is replaced. Says whether there
/// is such a file.
pub(crate) async fn put(tx: &mut Tx, file: Uuid, until: Option<i64>, reason: &str) -> Result<bool> {
    let now = tx.now;
    let done = sqlx::query(
        "insert into hold (node_id, account_id, reason, until, created_at) select id, account_id, $2, $3, $4 from node \
         where uid = $1 and kind = 'file' on conflict (node_id) do update set reason = excluded.reason, \
         until = excluded.until, created_at = excluded.created_at",
    )
    .bind(file.to_string())
    .bind(reason)
    .bind(until)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes the hold from a file; says whether there was one.
pub(crate) async fn remove(tx: &mut Tx, file: Uuid) -> Result<bool> {
    let done = sqlx::query("delete from hold where node_id in (select id from node where uid = $1)")
        .bind(file.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a hold covers a node now.
pub(crate) async fn covers(conn: &mut Conn, node: i64, now: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from hold where node_id = $1 and (until is null or until > $2)")
        .bind(node)
        .bind(now)
        .fetch_one(conn)
        .await
        .map(|count| count > 0)
}

/// The holds in force, oldest first.
pub(crate) async fn all(conn: &mut Conn, now: i64) -> Result<Vec<Hold>> {
    let rows = sqlx::query(
        "select n.uid, h.reason, h.until, h.created_at from hold h join node n on n.id = h.node_id \
         where h.until is null or h.until > $1 order by h.id",
    )
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(hold).collect())
}

fn hold(row: &AnyRow) -> Hold {
    Hold {
        uid: uid(row, "uid"),
        reason: row.get("reason"),
        until: row.get::<Option<i64>, _>("until").map(from_micros),
        created_at: from_micros(row.get("created_at")),
    }
}
