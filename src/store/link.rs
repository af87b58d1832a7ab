//! Public links and applinks. Codes and tokens are kept as hashes only.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid, id_rows, rows};
use crate::model::{AccountId, Audience, Rights};

/// What those of these links give that have not ended and not run out.
pub(crate) async fn alive(
    conn: &mut Conn,
    ids: impl IntoIterator<Item = i64>,
    now: i64,
) -> Result<HashMap<i64, Rights>> {
    let found: Vec<(i64, i64)> = sqlx::query_as(
        "select l.id, l.rights from json_each($1) j cross join link l where l.id = cast(j.value ->> 0 as bigint) and \
         (l.expires_at is null or l.expires_at > $2)",
    )
    .bind(id_rows(ids))
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(id, rights)| (id, Rights::kept(rights))).collect())
}

/// A link as its row has it, with what it is on.
pub(crate) struct LinkRow {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) node: i64,
    pub(crate) node_uid: Uuid,
    pub(crate) is_folder: bool,
    /// Of the tree that the item lies in.
    pub(crate) owner: AccountId,
    pub(crate) creator: AccountId,
    pub(crate) rights: Rights,
    pub(crate) name: String,
    pub(crate) audience: Audience,
    pub(crate) code_hash: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) modified_at: i64,
    pub(crate) expires_at: Option<i64>,
    /// An applink has these; a public link has none.
    pub(crate) tokens: Option<Tokens>,
}

/// The hashes and ends of an applink's tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) access_hash: String,
    pub(crate) access_until: i64,
    pub(crate) refresh_hash: String,
    pub(crate) refresh_until: i64,
}

/// What [`link_row`] reads, of a link `l` on a node `n`.
const COLUMNS: &str = "l.id, l.uid, l.node_id, n.uid as node_uid, n.kind as node_kind, n.account_id as owner_id, \
     l.creator_id, l.rights, l.name, l.audience, l.accounts, l.code_hash, l.created_at, l.modified_at, l.expires_at, \
     l.access_hash, l.access_until, l.refresh_hash, l.refresh_until";

fn link_row(row: AnyRow) -> LinkRow {
    LinkRow {
        id: row.get("id"),
        uid: uid(&row, "uid"),
        node: row.get("node_id"),
        node_uid: uid(&row, "node_uid"),
        is_folder: row.get::<&str, _>("node_kind") == "folder",
        owner: AccountId(row.get("owner_id")),
        creator: AccountId(row.get("creator_id")),
        rights: Rights::kept(row.get("rights")),
        name: row.get("name"),
        audience: match row.get::<&str, _>("audience") {
            "everybody" => Audience::Everybody,
            "accounts" => Audience::Accounts,
            _ => Audience::Named(serde_json::from_str(row.get("accounts")).unwrap_or_default()),
        },
        code_hash: row.get("code_hash"),
        created_at: row.get("created_at"),
        modified_at: row.get("modified_at"),
        expires_at: row.get("expires_at"),
        tokens: tokens(&row),
    }
}

fn tokens(row: &AnyRow) -> Option<Tokens> {
    Some(Tokens {
        access_hash: row.get::<Option<String>, _>("access_hash")?,
        access_until: row.get::<Option<i64>, _>("access_until")?,
        refresh_hash: row.get::<Option<String>, _>("refresh_hash")?,
        refresh_until: row.get::<Option<i64>, _>("refresh_until")?,
    })
}

/// How an audience is kept: its kind, and the named accounts as a JSON list.
fn kept(audience: &Audience) -> (&'static str, String) {
    match audience {
        Audience::Everybody => ("everybody", rows::<i64>(&[])),
        Audience::Accounts => ("accounts", rows::<i64>(&[])),
        Audience::Named(accounts) => ("named", rows(accounts)),
    }
}

/// A link by uid, of either kind.
pub(crate) async fn by_uid(conn: &mut Conn, link: Uuid) -> Result<Option<LinkRow>> {
    let sql = format!("select {COLUMNS} from link l join node n on n.id = l.node_id where l.uid = $1");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(link.to_string()).fetch_optional(conn).await?;
    Ok(row.map(link_row))
}

/// The public links of a node itself, oldest first.
pub(crate) async fn of_node(conn: &mut Conn, node: i64) -> Result<Vec<LinkRow>> {
    let sql = format!(
        "select {COLUMNS} from link l join node n on n.id = l.node_id where l.node_id = $1 and l.kind = 'public' \
         order by l.id"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(node).fetch_all(conn).await?;
    Ok(found.into_iter().map(link_row).collect())
}

/// The public link of this name on a node.
pub(crate) async fn named(conn: &mut Conn, node: i64, name: &str) -> Result<Option<Uuid>> {
    let found: Option<String> =
        sqlx::query_scalar("select uid from link where node_id = $1 and name = $2 and kind = 'public'")
            .bind(node)
            .bind(name)
            .fetch_optional(conn)
            .await?;
    Ok(found.and_then(|uid| uid.parse().ok()))
}

/// A link to be kept: an applink if it has tokens.
pub(crate) struct NewRow<'a> {
    pub(crate) uid: Uuid,
    pub(crate) node: i64,
    pub(crate) creator: AccountId,
    pub(crate) rights: Rights,
    pub(crate) name: &'a str,
    pub(crate) audience: &'a Audience,
    pub(crate) code_hash: Option<&'a str>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) tokens: Option<&'a Tokens>,
}

/// Keeps a link.
pub(crate) async fn insert(tx: &mut Tx, new: NewRow<'_>) -> Result<()> {
    let now = tx.now;
    let (audience, accounts) = kept(new.audience);
    sqlx::query(
        "insert into link (uid, node_id, kind, creator_id, rights, name, audience, accounts, code_hash, created_at, \
         modified_at, expires_at, access_hash, access_until, refresh_hash, refresh_until) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15)",
    )
    .bind(new.uid.to_string())
    .bind(new.node)
    .bind(if new.tokens.is_some() { "app" } else { "public" })
    .bind(new.creator.0)
    .bind(new.rights.bits())
    .bind(new.name)
    .bind(audience)
    .bind(accounts)
    .bind(new.code_hash)
    .bind(now)
    .bind(new.expires_at)
    .bind(new.tokens.map(|tokens| tokens.access_hash.as_str()))
    .bind(new.tokens.map(|tokens| tokens.access_until))
    .bind(new.tokens.map(|tokens| tokens.refresh_hash.as_str()))
    .bind(new.tokens.map(|tokens| tokens.refresh_until))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Writes back what can be changed of a public link.
pub(crate) async fn update(tx: &mut Tx, link: &LinkRow) -> Result<()> {
    let now = tx.now;
    let (audience, accounts) = kept(&link.audience);
    sqlx::query(
        "update link set rights = $1, audience = $2, accounts = $3, code_hash = $4, expires_at = $5, modified_at = $6 \
         where id = $7",
    )
    .bind(link.rights.bits())
    .bind(audience)
    .bind(accounts)
    .bind(&link.code_hash)
    .bind(link.expires_at)
    .bind(now)
    .bind(link.id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Gives an applink another access token.
pub(crate) async fn set_access(tx: &mut Tx, link: i64, hash: &str, until: i64) -> Result<()> {
    sqlx::query("update link set access_hash = $1, access_until = $2 where id = $3")
        .bind(hash)
        .bind(until)
        .bind(link)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Ends a link.
pub(crate) async fn remove(tx: &mut Tx, link: i64) -> Result<()> {
    sqlx::query("delete from link where id = $1").bind(link).execute(&mut **tx).await.map(drop)
}

/// Ends the applinks of an account.
pub(crate) async fn remove_assigned(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query("delete from link where kind = 'app' and accounts = $1")
        .bind(rows(&[account]))
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Whether [`forget_applinks`] has anything to do.
pub(crate) async fn has_ended_applinks(conn: &mut Conn, now: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from link where refresh_until <= $1 and access_until <= $1 limit 1) found",
    )
    .bind(now)
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// Removes applinks whose tokens have both run out, at most `limit`.
pub(crate) async fn forget_applinks(tx: &mut Tx, limit: i64) -> Result<u64> {
    let now = tx.now;
    sqlx::query(
        "delete from link where id in (select id from link where refresh_until <= $1 and access_until <= $1 limit $2)",
    )
    .bind(now)
    .bind(limit)
    .execute(&mut **tx)
    .await
    .map(|done| done.rows_affected())
}
