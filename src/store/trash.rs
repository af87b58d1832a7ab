//! Trash entries: what was deleted and can be taken back.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid, id_rows, rows};
use crate::model::AccountId;

/// An entry as its row has it.
#[derive(Debug, Clone)]
pub(crate) struct EntryRow {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) node: i64,
    /// A single version; `None`: the whole node.
    pub(crate) version: Option<i64>,
    pub(crate) owner: AccountId,
    pub(crate) holder: AccountId,
    /// `None`: nobody with a name.
    pub(crate) deleter: Option<AccountId>,
    /// Folder names above it.
    pub(crate) path: Vec<String>,
    pub(crate) deleted_at: i64,
    pub(crate) purge_after: i64,
}

impl EntryRow {
    /// Its holder and the owner of its tree see, restore and destroy it.
    pub(crate) fn belongs_to(&self, account: AccountId) -> bool {
        self.holder == account || self.owner == account
    }
}

/// What [`entry`] reads, of an entry `t`.
const COLUMNS: &str = "t.id, t.uid, t.node_id, t.version_id, t.account_id, t.holder_id, t.deleter_id, t.path, \
     t.deleted_at, t.purge_after";

/// Of an entry `t` and its holder's account `h`: the holder has not emptied the trash since, or that spared it.
pub(super) const STANDS: &str = "(t.id > h.emptied_to or t.spared >= h.emptied_to)";

fn entry(row: AnyRow) -> EntryRow {
    EntryRow {
        id: row.get("id"),
        uid: uid(&row, "uid"),
        node: row.get("node_id"),
        version: row.get("version_id"),
        owner: AccountId(row.get("account_id")),
        holder: AccountId(row.get("holder_id")),
        deleter: row.get::<Option<i64>, _>("deleter_id").map(AccountId),
        path: serde_json::from_str(row.get("path")).unwrap_or_default(),
        deleted_at: row.get("deleted_at"),
        purge_after: row.get("purge_after"),
    }
}

/// The standing entries of whole nodes, by the nodes' ids.
pub(crate) async fn of_nodes(conn: &mut Conn, nodes: impl IntoIterator<Item = i64>) -> Result<Vec<EntryRow>> {
    let sql = format!(
        "select {COLUMNS} from json_each($1) j cross join trash t join account h on h.id = t.holder_id where \
         t.node_id = cast(j.value ->> 0 as bigint) and t.version_id is null and {STANDS}"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(id_rows(nodes)).fetch_all(conn).await?;
    Ok(found.into_iter().map(entry).collect())
}

/// The standing entries of these uids.
pub(crate) async fn by_uids(conn: &mut Conn, uids: &[String]) -> Result<Vec<EntryRow>> {
    let uids: Vec<[&str; 1]> = uids.iter().map(|uid| [uid.as_str()]).collect();
    let sql = format!(
        "select {COLUMNS} from json_each($1) j cross join trash t join account h on h.id = t.holder_id where t.uid = \
         j.value ->> 0 and {STANDS}"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(rows(&uids)).fetch_all(conn).await?;
    Ok(found.into_iter().map(entry).collect())
}

/// Entries by their ids.
pub(crate) async fn by_ids(conn: &mut Conn, ids: impl IntoIterator<Item = i64>) -> Result<Vec<EntryRow>> {
    let sql = format!(
        "select {COLUMNS} from json_each($1) j cross join trash t where t.id = cast(j.value ->> 0 as bigint) order \
         by t.id"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(id_rows(ids)).fetch_all(conn).await?;
    Ok(found.into_iter().map(entry).collect())
}

/// Which of the entries of a trash are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    /// Of whom: what the account holds, and what of its own tree another holds; `None`: all accounts'.
    pub(crate) account: Option<AccountId>,
    pub(crate) versions: bool,
    pub(crate) folders: bool,
}

impl Listed {
    fn condition(self) -> String {
        let whose = if self.account.is_some() { "(t.holder_id = $1 or t.account_id = $1)" } else { "$1 = 0" };
        let versions = if self.versions { "" } else { " and t.version_id is null" };
        let folders = if self.folders {
            ""
        } else {
            " and exists (select 1 from node n where n.id = t.node_id and n.kind = 'file')"
        };
        format!("{STANDS} and {whose}{versions}{folders}")
    }

    fn account_id(self) -> i64 {
        self.account.map_or(0, |account| account.0)
    }
}

/// A page of standing entries: whole nodes before single versions, each newest first.
pub(crate) async fn page(conn: &mut Conn, listed: Listed, offset: u64, limit: u32) -> Result<Vec<EntryRow>> {
    let sql = format!(
        "select {COLUMNS} from trash t join account h on h.id = t.holder_id where {} \
         order by case when t.version_id is null then 0 else 1 end, t.id desc limit $2 offset $3",
        listed.condition()
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(listed.account_id())
        .bind(i64::from(limit))
        .bind(i64::try_from(offset).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(found.into_iter().map(entry).collect())
}

/// How many entries [`page`] would list without its bounds.
pub(crate) async fn count(conn: &mut Conn, listed: Listed) -> Result<u64> {
    let sql = format!("select count(*) from trash t join account h on h.id = t.holder_id where {}", listed.condition());
    sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql))
        .bind(listed.account_id())
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
}

/// An entry to be made.
pub(crate) struct NewEntry<'a> {
    pub(crate) node: i64,
    pub(crate) version: Option<i64>,
    pub(crate) owner: AccountId,
    pub(crate) holder: AccountId,
    pub(crate) deleter: Option<AccountId>,
    pub(crate) path: &'a [String],
    pub(crate) purge_after: i64,
}

/// Makes entries.
pub(crate) async fn insert(tx: &mut Tx, entries: &[NewEntry<'_>]) -> Result<()> {
    let now = tx.now;
    let row = |entry: &NewEntry<'_>| {
        let path = serde_json::to_string(entry.path).unwrap_or_default();
        let deleter = entry.deleter.map(|deleter| deleter.0);
        let uid = Uuid::new_v4().to_string();
        (uid, entry.node, entry.version, entry.owner.0, entry.holder.0, deleter, path, entry.purge_after)
    };
    let new: Vec<_> = entries.iter().map(row).collect();
    sqlx::query(
        "insert into trash (uid, node_id, version_id, account_id, holder_id, deleter_id, path, deleted_at, \
         purge_after) select value ->> 0, cast(value ->> 1 as bigint), cast(value ->> 2 as bigint), \
         cast(value ->> 3 as bigint), cast(value ->> 4 as bigint), cast(value ->> 5 as bigint), value ->> 6, $2, \
         cast(value ->> 7 as bigint) from json_each($1)",
    )
    .bind(rows(&new))
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The numbers and sizes of versions, by id.
pub(crate) async fn versions(conn: &mut Conn, ids: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, (u32, u64)>> {
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(
        "select v.id, v.number, v.size from json_each($1) j cross join version v where v.id = cast(j.value ->> 0 as \
         bigint)",
    )
    .bind(id_rows(ids))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(id, number, size)| (id, (number as u32, size as u64))).collect())
}

/// Drops these entries.
pub(crate) async fn remove(tx: &mut Tx, ids: impl IntoIterator<Item = i64>) -> Result<()> {
    sqlx::query("delete from trash where id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(id_rows(ids))
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Drops the entries of these nodes as a whole, those of single versions stay.
pub(crate) async fn remove_of_whole(tx: &mut Tx, nodes: impl IntoIterator<Item = i64>) -> Result<()> {
    sqlx::query(
        "delete from trash where version_id is null and node_id in \
         (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(id_rows(nodes))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Drops all entries of these nodes, of single versions too.
pub(crate) async fn remove_of_nodes(tx: &mut Tx, nodes: &str) -> Result<()> {
    sqlx::query("delete from trash where node_id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(nodes)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Drops the entries of these single versions.
pub(crate) async fn remove_of_versions(tx: &mut Tx, versions: &str) -> Result<()> {
    sqlx::query(
        "delete from trash where version_id in (select cast(value ->> 0 as bigint) from json_each($1)) \
         and node_id in (select node_id from version v join json_each($1) j on v.id = cast(j.value ->> 0 as bigint))",
    )
    .bind(versions)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// An entry whose keep time is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) owner: AccountId,
    pub(crate) purge_after: i64,
    pub(crate) is_folder: bool,
}

/// Standing entries whose keep time is over, those with a hold on the node itself left out: from behind a time and id
/// on, the longest over first.
pub(crate) async fn due(conn: &mut Conn, now: i64, behind: (i64, i64), limit: i64) -> Result<Vec<Due>> {
    let sql = format!(
        "select t.id, t.uid, t.account_id, t.purge_after, n.kind from trash t join account h on h.id = t.holder_id \
         join node n on n.id = t.node_id where t.purge_after <= $1 and {STANDS} \
         and (t.purge_after > $2 or (t.purge_after = $2 and t.id > $3)) and not exists (select 1 from hold o \
         where o.node_id = t.node_id and (o.until is null or o.until > $1)) order by t.purge_after, t.id limit $4"
    );
    let found =
        sqlx::query(AssertSqlSafe(sql)).bind(now).bind(behind.0).bind(behind.1).bind(limit).fetch_all(conn).await?;
    let due = |row: &AnyRow| Due {
        id: row.get("id"),
        uid: uid(row, "uid"),
        owner: AccountId(row.get("account_id")),
        purge_after: row.get("purge_after"),
        is_folder: row.get::<&str, _>("kind") == "folder",
    };
    Ok(found.iter().map(due).collect())
}

/// The newest standing entry that an account holds.
pub(crate) async fn newest_held(conn: &mut Conn, holder: AccountId) -> Result<Option<i64>> {
    let sql = format!(
        "select t.id from trash t join account h on h.id = t.holder_id where t.holder_id = $1 and {STANDS} \
         order by t.id desc limit 1"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).bind(holder.0).fetch_optional(conn).await
}

/// The owners of what an account holds.
pub(crate) async fn owners_held(conn: &mut Conn, holder: AccountId) -> Result<Vec<i64>> {
    sqlx::query_scalar("select distinct account_id from trash where holder_id = $1")
        .bind(holder.0)
        .fetch_all(conn)
        .await
}

/// The standing entries of single versions that an account holds.
pub(crate) async fn versions_held(conn: &mut Conn, holder: AccountId) -> Result<Vec<EntryRow>> {
    let sql = format!(
        "select {COLUMNS} from trash t join account h on h.id = t.holder_id where t.holder_id = $1 \
         and t.version_id is not null and {STANDS} order by t.id"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(holder.0).fetch_all(conn).await?;
    Ok(found.into_iter().map(entry).collect())
}

/// What one owner's whole nodes in a trash come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) owner: i64,
    pub(crate) entries: i64,
    /// All nodes: the entries' own and what lies below them.
    pub(crate) nodes: i64,
    pub(crate) bytes: i64,
}

/// What an account holds of whole nodes, by owner; `spared` are left out.
pub(crate) async fn sums_held(conn: &mut Conn, holder: AccountId, spared: &str) -> Result<Vec<Held>> {
    let sql = format!(
        "select t.account_id, count(*) as entries, cast(sum(1 + n.files + n.folders) as bigint) as nodes, \
         cast(sum(n.bytes) as bigint) as bytes from trash t join account h on h.id = t.holder_id \
         join node n on n.id = t.node_id where t.holder_id = $1 and t.version_id is null and {STANDS} \
         and t.id not in (select cast(value ->> 0 as bigint) from json_each($2)) group by t.account_id"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(holder.0).bind(spared).fetch_all(conn).await?;
    let held = |row: &AnyRow| Held {
        owner: row.get("account_id"),
        entries: row.get("entries"),
        nodes: row.get("nodes"),
        bytes: row.get("bytes"),
    };
    Ok(found.iter().map(held).collect())
}

/// Empties a trash up to an entry but for the spared ones: they are hidden from now on, and wait for their own marks.
/// The mark never goes back, and what an earlier one spared is spared no more: the last hold on it may be gone.
pub(crate) async fn empty(tx: &mut Tx, holder: AccountId, up_to: i64, spared: &str) -> Result<()> {
    sqlx::query("update account set emptied_to = case when emptied_to < $1 then $1 else emptied_to end where id = $2")
        .bind(up_to)
        .bind(holder.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query("update trash set spared = 0 where holder_id = $1 and spared <> 0")
        .bind(holder.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "update trash set spared = (select a.emptied_to from account a where a.id = $1) \
         where id in (select cast(value ->> 0 as bigint) from json_each($2)) and holder_id = $1",
    )
    .bind(holder.0)
    .bind(spared)
    .execute(&mut **tx)
    .await?;
    sqlx::query("insert into emptying (holder_id) values ($1) on conflict do nothing")
        .bind(holder.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// A holder whose emptied entries wait for their own marks.
pub(crate) async fn next_emptying(conn: &mut Conn) -> Result<Option<AccountId>> {
    sqlx::query_scalar("select holder_id from emptying order by holder_id limit 1")
        .fetch_optional(conn)
        .await
        .map(|holder| holder.map(AccountId))
}

/// Emptied entries of a holder, at most `limit`: entry, node, and whether that is a folder.
pub(crate) async fn emptied(conn: &mut Conn, holder: AccountId, limit: i64) -> Result<Vec<(i64, i64, bool)>> {
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(
        "select t.id, t.node_id, case n.kind when 'folder' then 1 else 0 end as is_folder from trash t \
         join account h on h.id = t.holder_id join node n on n.id = t.node_id where t.holder_id = $1 \
         and t.version_id is null and t.id <= h.emptied_to and t.spared < h.emptied_to order by t.id limit $2",
    )
    .bind(holder.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(entry, node, is_folder)| (entry, node, is_folder != 0)).collect())
}

/// All emptied entries of a holder carry their own marks.
pub(crate) async fn end_emptying(tx: &mut Tx, holder: AccountId) -> Result<()> {
    sqlx::query("delete from emptying where holder_id = $1").bind(holder.0).execute(&mut **tx).await.map(drop)
}
