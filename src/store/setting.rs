//! Constants of the installation.

use super::{Conn, Result, Tx};

/// A setting's value.
pub(crate) async fn get(conn: &mut Conn, name: &str) -> Result<Option<String>> {
    sqlx::query_scalar("select value from setting where name = $1").bind(name).fetch_optional(conn).await
}

/// Keeps a value unless there is one.
pub(crate) async fn keep(tx: &mut Tx, name: &str, value: &str) -> Result<()> {
    sqlx::query("insert into setting (name, value) values ($1, $2) on conflict (name) do nothing")
        .bind(name)
        .bind(value)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Forgets a value.
pub(crate) async fn forget(tx: &mut Tx, name: &str) -> Result<()> {
    sqlx::query("delete from setting where name = $1").bind(name).execute(&mut **tx).await.map(drop)
}

/// Whether no byte was ever announced: then the place for objects may be made.
pub(crate) async fn nothing_stored(conn: &mut Conn) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from version union all select 1 from staged union all select 1 from purge \
         union all select 1 from deletion limit 1) found",
    )
    .fetch_one(conn)
    .await
    .map(|found| found == 0)
}
