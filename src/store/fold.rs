//! What a migration cannot do: SQLite's lower case ends with ASCII.

use super::{Conn, Result, rows, run};

/// Names in one statement at the most.
const STEP: i64 = 1_000;

/// Folds the names that the migration left a note about, in one transaction with that note.
pub(super) async fn names(conn: &mut Conn) -> Result<()> {
    if !is_noted(conn).await? {
        return Ok(());
    }
    run(conn, "begin immediate").await?;
    let mut last = 0;
    loop {
        let found: Vec<(i64, String)> =
            sqlx::query_as("select id, name from node where id > $1 and name glob '*[^ -~]*' order by id limit $2")
                .bind(last)
                .bind(STEP)
                .fetch_all(&mut *conn)
                .await?;
        let Some((id, _)) = found.last() else { break };
        last = *id;
        let folded: Vec<(i64, String)> = found.into_iter().map(|(id, name)| (id, name.to_lowercase())).collect();
        sqlx::query(
            "update node set folded = name_folded.text from (select cast(value ->> 0 as bigint) as id, value ->> 1 as text \
             from json_each($1)) name_folded where node.id = name_folded.id",
        )
        .bind(rows(&folded))
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query("delete from setting where name = 'fold_names'").execute(&mut *conn).await?;
    run(conn, "commit").await
}

async fn is_noted(conn: &mut Conn) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from setting where name = 'fold_names'")
        .fetch_one(conn)
        .await
        .map(|notes| notes > 0)
}
