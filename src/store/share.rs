//! Shares: rights on nodes for accounts.

use std::collections::HashMap;

use super::{Conn, Result, id_rows};
use crate::model::{AccountId, Rights};

/// The rights that accounts have by a share on these very nodes, by account and node.
pub(crate) async fn rights(
    conn: &mut Conn,
    accounts: impl IntoIterator<Item = i64>,
    nodes: impl IntoIterator<Item = i64>,
) -> Result<HashMap<(AccountId, i64), Rights>> {
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(
        "select s.account_id, s.node_id, s.rights from json_each($1) a cross join json_each($2) n \
         cross join share s on s.node_id = cast(n.value ->> 0 as bigint) \
         and s.account_id = cast(a.value ->> 0 as bigint)",
    )
    .bind(id_rows(accounts))
    .bind(id_rows(nodes))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(account, node, rights)| ((AccountId(account), node), Rights::kept(rights))).collect())
}
