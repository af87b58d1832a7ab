//! Work that one server at a time does for all of them: a row a job, on a database of many servers.

use super::{Conn, Result, Tx};

/// Takes a job until a time, microseconds, if it is nobody's, its time is over, or it is this server's already; says
/// whether it is this server's now.
pub(crate) async fn claim(tx: &mut Tx, job: &str, until: i64) -> Result<bool> {
    let (writer, now) = (tx.writer, tx.now);
    let claimed = sqlx::query(
        "insert into lease (job, writer_id, until) values ($1, $2, $3) on conflict (job) do update set \
         writer_id = excluded.writer_id, until = excluded.until \
         where lease.writer_id = excluded.writer_id or lease.until <= $4",
    )
    .bind(job)
    .bind(writer)
    .bind(until)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(claimed.rows_affected() > 0)
}

/// Whether a job is some other server's now.
pub(crate) async fn is_taken(conn: &mut Conn, job: &str, writer: i64, now: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from lease where job = $1 and writer_id <> $2 and until > $3")
        .bind(job)
        .bind(writer)
        .bind(now)
        .fetch_one(conn)
        .await
        .map(|taken| taken > 0)
}

/// Gives back all jobs of this server.
pub(crate) async fn release(tx: &mut Tx) -> Result<()> {
    let writer = tx.writer;
    sqlx::query("delete from lease where writer_id = $1").bind(writer).execute(&mut **tx).await.map(drop)
}

/// Gives back one job of this server.
pub(crate) async fn end(tx: &mut Tx, job: &str) -> Result<()> {
    let writer = tx.writer;
    sqlx::query("delete from lease where job = $1 and writer_id = $2")
        .bind(job)
        .bind(writer)
        .execute(&mut **tx)
        .await
        .map(drop)
}
