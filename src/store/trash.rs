//! Trash entries: what was deleted and can be taken back.

use std::collections::{BTreeMap, HashMap};

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Conn, Result, Tx,
    account::uid,
    id_rows,
    list::{
        From, Position, SortedBy,
        trash::{Whose, page},
    },
    rows,
};
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
    /// In a list.
    position: Position,
}

impl EntryRow {
    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    /// Its holder and the owner of its tree see, restore and destroy it.
    pub(crate) fn belongs_to(&self, account: AccountId) -> bool {
        self.holder == account || self.owner == account
    }
}

/// What [`entry`] reads, of an entry `t`.
pub(super) const COLUMNS: &str = "t.id, t.uid, t.node_id, t.version_id, t.account_id, t.holder_id, t.deleter_id, t.path, \
     t.deleted_at, t.purge_after";

/// Of an entry `t` and its holder's account `h`: the holder has not emptied the trash since, or that spared it.
pub(super) const STANDS: &str = "(t.id > h.emptied_to or t.spared >= h.emptied_to)";

pub(super) fn entry(row: AnyRow) -> EntryRow {
    let (id, version): (i64, Option<i64>) = (row.get("id"), row.get("version_id"));
    EntryRow {
        id,
        uid: uid(&row, "uid"),
        node: row.get("node_id"),
        version,
        owner: AccountId(row.get("account_id")),
        holder: AccountId(row.get("holder_id")),
        deleter: row.get::<Option<i64>, _>("deleter_id").map(AccountId),
        path: serde_json::from_str(row.get("path")).unwrap_or_default(),
        deleted_at: row.get("deleted_at"),
        purge_after: row.get("purge_after"),
        position: Position { second: version.is_some(), by: SortedBy::Nothing, id },
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
    .await?;
    let mut held = BTreeMap::<i64, i64>::new();
    for entry in entries.iter().filter(|entry| entry.version.is_none()) {
        *held.entry(entry.holder.0).or_default() += 1;
    }
    if held.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update account set entries = account.entries + held.entries from (select cast(value ->> 0 as bigint) as id, \
         cast(value ->> 1 as bigint) as entries from json_each($1)) held where account.id = held.id",
    )
    .bind(rows(&Vec::from_iter(held)))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Counts entries that were dropped off their holders' accounts, those of whole nodes that stood.
async fn count_dropped(tx: &mut Tx, dropped: Vec<AnyRow>) -> Result<()> {
    let whole = dropped.iter().filter(|row| row.get::<Option<i64>, _>("version_id").is_none());
    let whole: Vec<(i64, i64, i64)> =
        whole.map(|row| (row.get("holder_id"), row.get("id"), row.get("spared"))).collect();
    if whole.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "update account set entries = account.entries - dropped.entries from (select h.id, count(*) as entries from (\
         select cast(value ->> 0 as bigint) as holder_id, cast(value ->> 1 as bigint) as id, \
         cast(value ->> 2 as bigint) as spared from json_each($1)) t cross join account h where h.id = t.holder_id \
         and {STANDS} group by h.id) dropped where account.id = dropped.id"
    );
    sqlx::query(AssertSqlSafe(sql)).bind(rows(&whole)).execute(&mut **tx).await.map(drop)
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
    let dropped = sqlx::query(
        "delete from trash where id in (select cast(value ->> 0 as bigint) from json_each($1)) \
         returning id, holder_id, version_id, spared",
    )
    .bind(id_rows(ids))
    .fetch_all(&mut **tx)
    .await?;
    count_dropped(tx, dropped).await
}

/// Drops the entries of these nodes as a whole, those of single versions stay.
pub(crate) async fn remove_of_whole(tx: &mut Tx, nodes: impl IntoIterator<Item = i64>) -> Result<()> {
    let dropped = sqlx::query(
        "delete from trash where version_id is null and node_id in \
         (select cast(value ->> 0 as bigint) from json_each($1)) returning id, holder_id, version_id, spared",
    )
    .bind(id_rows(nodes))
    .fetch_all(&mut **tx)
    .await?;
    count_dropped(tx, dropped).await
}

/// Drops all entries of these nodes, of single versions too.
pub(crate) async fn remove_of_nodes(tx: &mut Tx, nodes: &str) -> Result<()> {
    let dropped = sqlx::query(
        "delete from trash where node_id in (select cast(value ->> 0 as bigint) from json_each($1)) \
         returning id, holder_id, version_id, spared",
    )
    .bind(nodes)
    .fetch_all(&mut **tx)
    .await?;
    count_dropped(tx, dropped).await
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
    let mut newest = None;
    for versions in [false, true] {
        let page = page(conn, Whose::Held(holder), versions, &From::Place(0), 1).await?;
        newest = newest.max(page.first().map(|entry| entry.id));
    }
    Ok(newest)
}

/// The owners of what an account may hold: itself and others.
pub(crate) async fn owners_held(conn: &mut Conn, holder: AccountId) -> Result<Vec<i64>> {
    let others: Vec<i64> =
        sqlx::query_scalar("select distinct account_id from trash where holder_id = $1 and holder_id <> account_id")
            .bind(holder.0)
            .fetch_all(conn)
            .await?;
    Ok(std::iter::once(holder.0).chain(others).collect())
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

impl Held {
    fn read(row: &AnyRow) -> Self {
        Self { owner: row.get("owner"), entries: row.get("entries"), nodes: row.get("nodes"), bytes: row.get("bytes") }
    }
}

/// What [`Held::read`] reads, but the owner, of nodes `n`.
const SUMS: &str = "count(n.id) as entries, cast(coalesce(sum(1 + n.files + n.folders), 0) as bigint) as nodes, \
     cast(coalesce(sum(n.bytes), 0) as bigint) as bytes";

/// What an account holds of whole nodes, by owner; `spared` entries are left out. Of its own tree all that lies in a
/// trash is summed up along one index, and what the account does not hold is taken off: that is little.
pub(crate) async fn sums_held(conn: &mut Conn, holder: AccountId, spared: &str) -> Result<Vec<Held>> {
    let sql = format!(
        "select t.account_id as owner, {SUMS} from trash t cross join account h cross join node n where \
         t.holder_id = $1 and t.holder_id <> t.account_id and h.id = t.holder_id and n.id = t.node_id \
         and t.version_id is null and {STANDS} \
         and t.id not in (select cast(value ->> 0 as bigint) from json_each($2)) group by t.account_id"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(holder.0).bind(spared).fetch_all(&mut *conn).await?;
    let mut sums: Vec<Held> = found.iter().map(Held::read).collect();
    let (files, folders) = (own_trash(conn, holder, "file").await?, own_trash(conn, holder, "folder").await?);
    let sql = format!(
        "select cast($1 as bigint) as owner, {SUMS} from (\
         select t.node_id from trash t where t.holder_id = $1 and t.account_id = $1 and t.version_id is null \
         and t.id <= (select a.emptied_to from account a where a.id = $1) \
         and t.spared < (select a.emptied_to from account a where a.id = $1) \
         union all select t.node_id from trash t where t.account_id = $1 and t.holder_id <> t.account_id \
         and t.version_id is null \
         union all select t.node_id from json_each($2) j cross join trash t where t.id = cast(j.value ->> 0 as bigint) \
         and t.account_id = $1 and t.version_id is null) other cross join node n where n.id = other.node_id"
    );
    let others = sqlx::query(AssertSqlSafe(sql)).bind(holder.0).bind(spared).fetch_one(conn).await?;
    let others = Held::read(&others);
    let own = Held {
        owner: holder.0,
        entries: files.entries + folders.entries - others.entries,
        nodes: files.nodes + folders.nodes - others.nodes,
        bytes: files.bytes + folders.bytes - others.bytes,
    };
    if own.entries > 0 {
        sums.push(own);
    }
    Ok(sums)
}

/// What lies in a trash of an account's own tree, by itself: its files or its folders.
async fn own_trash(conn: &mut Conn, account: AccountId, kind: &'static str) -> Result<Held> {
    // There is nothing below a file: SQLite's index has all that is summed up.
    let nodes = if kind == "file" { "count(*)" } else { "cast(coalesce(sum(1 + n.files + n.folders), 0) as bigint)" };
    let sql = format!(
        "select cast($1 as bigint) as owner, count(*) as entries, {nodes} as nodes, \
         cast(coalesce(sum(n.bytes), 0) as bigint) as bytes from node n \
         where n.account_id = $1 and n.state = 2 and n.kind = '{kind}'"
    );
    let row = sqlx::query(AssertSqlSafe(sql)).bind(account.0).fetch_one(conn).await?;
    Ok(Held::read(&row))
}

/// Empties a trash up to an entry but for the spared ones: they are hidden from now on, and wait for their own marks.
/// The mark never goes back, and what an earlier one spared is spared no more: the last hold on it may be gone.
pub(crate) async fn empty(tx: &mut Tx, holder: AccountId, up_to: i64, spared: &str) -> Result<()> {
    sqlx::query(
        "update account set emptied_to = case when emptied_to < $1 then $1 else emptied_to end, \
         entries = (select count(*) from json_each($3) j cross join trash t where t.id = cast(j.value ->> 0 as bigint) \
         and t.version_id is null and t.holder_id = $2) where id = $2",
    )
    .bind(up_to)
    .bind(holder.0)
    .bind(spared)
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
