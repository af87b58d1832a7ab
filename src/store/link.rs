//! Links.

use std::collections::HashSet;

use super::{Conn, Result, id_rows};

/// Which of these links have not ended and not run out.
pub(crate) async fn alive(conn: &mut Conn, ids: impl IntoIterator<Item = i64>, now: i64) -> Result<HashSet<i64>> {
    let found: Vec<i64> = sqlx::query_scalar(
        "select l.id from json_each($1) j cross join link l on l.id = cast(j.value ->> 0 as bigint) \
         where l.expires_at is null or l.expires_at > $2",
    )
    .bind(id_rows(ids))
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().collect())
}
