//! Trash entries: what was deleted and can be taken back.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Conn, Result, Tx,
    account::uid,
    id_rows,
    list::{self, From, Position, SortedBy, contains},
    rows,
    statement::Statement,
};
use crate::model::{AccountId, FileQuery};

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
const COLUMNS: &str = "t.id, t.uid, t.node_id, t.version_id, t.account_id, t.holder_id, t.deleter_id, t.path, \
     t.deleted_at, t.purge_after";

/// Of an entry `t` and its holder's account `h`: the holder has not emptied the trash since, or that spared it.
pub(super) const STANDS: &str = "(t.id > h.emptied_to or t.spared >= h.emptied_to)";

fn entry(row: AnyRow) -> EntryRow {
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

/// Whose entries of one kind a list shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose {
    /// What the account holds, and what of its own tree another holds.
    Seen(AccountId),
    /// What the account holds.
    Held(AccountId),
    /// All accounts'.
    All,
}

/// A page of standing entries, newest first: of whole nodes, or with `versions` of single versions; from behind an entry
/// on or so far from the first.
pub(crate) async fn page(
    conn: &mut Conn,
    whose: Whose,
    versions: bool,
    from: &From,
    limit: u64,
) -> Result<Vec<EntryRow>> {
    let skipped = match from {
        From::Place(place) => *place,
        From::Behind(_) => 0,
    };
    let mut sql = Statement::new(format!("select {COLUMNS} from trash t where t.id in ("));
    let parts = parts(whose);
    // Each part has an index in the order of the list: none of them is read further than the page goes.
    for (at, part) in parts.iter().enumerate() {
        sql.push(if at == 0 { "select id from (" } else { " union all select id from (" });
        part.select(&mut sql, "t.id", versions);
        if let From::Behind(row) = from {
            sql.push(" and t.id < ").number(row.id);
        }
        sql.push(" order by t.id desc limit ").count(limit.saturating_add(skipped)).push(&format!(") part_{at}"));
    }
    sql.push(") order by t.id desc limit ").count(limit).push(" offset ").count(skipped);
    Ok(sql.fetch_all(conn).await?.into_iter().map(entry).collect())
}

/// How many entries [`page`] would list in all.
pub(crate) async fn count(conn: &mut Conn, whose: Whose, versions: bool) -> Result<u64> {
    let mut sum = 0;
    for part in parts(whose) {
        let mut sql = Statement::new(String::new());
        part.select(&mut sql, "count(*)", versions);
        sum += sql.fetch_number(conn).await?;
    }
    Ok(sum as u64)
}

/// Standing entries that one index knows.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// Of what an account holds, those that came after it last emptied its trash.
    New(i64),
    /// Of what an account holds, those that were spared then.
    Spared(i64),
    /// What another holds of an account's tree.
    WithOthers(i64),
    All,
}

fn parts(whose: Whose) -> Vec<Part> {
    match whose {
        Whose::Seen(AccountId(id)) => vec![Part::New(id), Part::Spared(id), Part::WithOthers(id)],
        Whose::Held(AccountId(id)) => vec![Part::New(id), Part::Spared(id)],
        Whose::All => vec![Part::All],
    }
}

impl Part {
    fn select(self, sql: &mut Statement, columns: &str, versions: bool) {
        let emptied_to = |sql: &mut Statement, holder| {
            sql.push("(select a.emptied_to from account a where a.id = ").number(holder).push(")");
        };
        let kind = if versions { "t.version_id is not null" } else { "t.version_id is null" };
        match self {
            Part::New(holder) => {
                sql.push(&format!("select {columns} from trash t where {kind} and t.holder_id = ")).number(holder);
                sql.push(" and t.id > ");
                emptied_to(sql, holder);
            }
            Part::Spared(holder) => {
                sql.push(&format!("select {columns} from trash t where {kind} and t.spared <> 0 and t.holder_id = "));
                sql.number(holder).push(" and t.spared >= ");
                emptied_to(sql, holder);
                sql.push(" and t.id <= ");
                emptied_to(sql, holder);
            }
            Part::WithOthers(owner) => {
                sql.push(&format!(
                    "select {columns} from trash t cross join account h where {kind} and h.id = t.holder_id \
                     and {STANDS} and t.holder_id <> t.account_id and t.account_id = "
                ));
                sql.number(owner);
            }
            Part::All => {
                sql.push(&format!(
                    "select {columns} from trash t cross join account h where {kind} and h.id = t.holder_id and {STANDS}"
                ));
            }
        }
    }
}

/// A page of files that lie in a trash as a whole, for who holds or owns them, or with `None` of all accounts: in the
/// order of a list of files. The query's own bounds do not count.
pub(crate) async fn files(
    conn: &mut Conn,
    account: Option<AccountId>,
    query: &FileQuery,
    from: &From,
    limit: u64,
) -> Result<Vec<Position>> {
    let sort = list::sort(query);
    let skipped = match from {
        From::Place(place) => *place,
        From::Behind(_) => 0,
    };
    let version = sort.joined();
    let mut sql = Statement::new(format!("select n.id{} from node n{version} where n.id in (", sort.column()));
    for (at, of_others) in places(account).iter().enumerate() {
        sql.push(if at == 0 { "select id from (" } else { " union all select id from (" });
        whole_files(&mut sql, "n.id", account, query, *of_others);
        if let From::Behind(row) = from {
            sort.behind(&mut sql, Some(row));
        }
        sql.push(&sort.order()).push(" limit ").count(limit.saturating_add(skipped)).push(&format!(") part_{at}"));
    }
    sql.push(")").push(&sort.order()).push(" limit ").count(limit).push(" offset ").count(skipped);
    Ok(sql.fetch_all(conn).await?.iter().map(|row| sort.position(row, false)).collect())
}

/// How many files [`files`] would list in all.
pub(crate) async fn count_files(conn: &mut Conn, account: Option<AccountId>, query: &FileQuery) -> Result<u64> {
    let mut sum = 0;
    for &of_others in places(account) {
        let mut sql = Statement::new(String::new());
        whole_files(&mut sql, "count(*)", account, query, of_others);
        sum += sql.fetch_number(conn).await?;
    }
    Ok(sum as u64)
}

/// Where files of a trash lie: in the account's own tree, and in those of others.
fn places(account: Option<AccountId>) -> &'static [bool] {
    if account.is_some() { &[false, true] } else { &[false] }
}

fn whole_files(sql: &mut Statement, columns: &str, account: Option<AccountId>, query: &FileQuery, of_others: bool) {
    let version = list::sort(query).joined();
    sql.push(&format!("select {columns} from node n{version} where n.state = 2 and n.kind = 'file'"));
    match account {
        None => {}
        Some(account) if of_others => {
            sql.push(
                " and n.id in (select f.node_id from trash f where f.holder_id <> f.account_id and f.holder_id = ",
            );
            sql.number(account.0).push(")");
        }
        Some(account) => drop(sql.push(" and n.account_id = ").number(account.0)),
    }
    sql.push(&format!(
        " and exists (select 1 from trash t join account h on h.id = t.holder_id where t.node_id = n.id \
         and t.version_id is null and {STANDS}"
    ));
    if let (Some(account), true) = (account, of_others) {
        sql.push(" and t.holder_id = ").number(account.0);
    }
    sql.push(")");
    contains(sql, query.find.as_deref());
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
    // There is nothing below a file: the index has all that is summed up.
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
