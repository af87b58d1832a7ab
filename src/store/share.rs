//! Shares: rights on nodes for accounts.

use std::collections::HashMap;

use super::{Conn, Result, Tx, id_rows};
use crate::model::{AccountId, Rights};

/// The rights that accounts have by a share on these very nodes, by account and node.
pub(crate) async fn rights(
    conn: &mut Conn,
    accounts: impl IntoIterator<Item = i64>,
    nodes: impl IntoIterator<Item = i64>,
) -> Result<HashMap<(AccountId, i64), Rights>> {
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(
        "select s.account_id, s.node_id, s.rights from json_each($1) a cross join json_each($2) n \
         cross join share s where s.node_id = cast(n.value ->> 0 as bigint) and s.account_id = cast(a.value ->> 0 as \
         bigint)",
    )
    .bind(id_rows(accounts))
    .bind(id_rows(nodes))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(account, node, rights)| ((AccountId(account), node), Rights::kept(rights))).collect())
}

/// The shares of a node itself, oldest first.
pub(crate) async fn of_node(conn: &mut Conn, node: i64) -> Result<Vec<(AccountId, Rights)>> {
    let found: Vec<(i64, i64)> =
        sqlx::query_as("select account_id, rights from share where node_id = $1 order by created_at, account_id")
            .bind(node)
            .fetch_all(conn)
            .await?;
    Ok(found.into_iter().map(|(account, rights)| (AccountId(account), Rights::kept(rights))).collect())
}

/// Gives an account rights on a node, in place of those it had there.
pub(crate) async fn put(tx: &mut Tx, node: i64, account: AccountId, rights: Rights) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "insert into share (node_id, account_id, rights, created_at) values ($1, $2, $3, $4) \
         on conflict (node_id, account_id) do update set rights = excluded.rights",
    )
    .bind(node)
    .bind(account.0)
    .bind(rights.bits())
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends an account's share of a node, if there is one.
pub(crate) async fn remove(tx: &mut Tx, node: i64, account: AccountId) -> Result<()> {
    sqlx::query("delete from share where node_id = $1 and account_id = $2")
        .bind(node)
        .bind(account.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Nodes of others that are shared with an account, live by themselves, by id from behind one on, at most `limit`.
pub(crate) async fn with(conn: &mut Conn, account: AccountId, after: i64, limit: i64) -> Result<Vec<i64>> {
    sqlx::query_scalar(
        "select n.id from share s join node n on n.id = s.node_id where s.account_id = $1 and n.account_id <> $1 \
         and n.state = 1 and n.id > $2 order by n.id limit $3",
    )
    .bind(account.0)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}
