//! The servers that work on the database, by the rows that each of their transactions prolongs. Without many servers
//! there are none.

use super::{Conn, Result, Tx};

/// How many are alive.
pub(crate) async fn count_alive(conn: &mut Conn, now: i64) -> Result<u64> {
    sqlx::query_scalar::<_, i64>("select count(*) from writer where alive_until > $1")
        .bind(now)
        .fetch_one(conn)
        .await
        .map(|alive| alive as u64)
}

/// Says that this one writes nothing any more: what it has staged is nobody's from this commit on.
pub(crate) async fn leave(tx: &mut Tx) -> Result<()> {
    let writer = tx.writer;
    sqlx::query("delete from writer where id = $1").bind(writer).execute(&mut **tx).await.map(drop)
}

/// Whether there are any that were silent since a time and have nothing staged.
pub(crate) async fn any_silent(conn: &mut Conn, since: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from writer w where w.alive_until < $1 and not exists \
         (select 1 from staged s where s.writer_id = w.id)",
    )
    .bind(since)
    .fetch_one(conn)
    .await
    .map(|silent| silent > 0)
}

/// Forgets them.
pub(crate) async fn forget_silent(tx: &mut Tx, since: i64) -> Result<u64> {
    let forgotten = sqlx::query(
        "delete from writer where alive_until < $1 and not exists \
         (select 1 from staged s where s.writer_id = writer.id)",
    )
    .bind(since)
    .execute(&mut **tx)
    .await?;
    Ok(forgotten.rows_affected())
}
