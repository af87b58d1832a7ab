//! Files, and what any node's row says.

use std::collections::HashSet;

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Conn, Result, Tx,
    account::uid,
    id_rows, rows,
    version::{self, NewVersion},
};
use crate::model::{AccountId, NodeId, NodeIds};

/// A file as its row has it: its folder was not looked at yet, so it may be hidden by one above.
pub(crate) struct FileRow {
    pub(crate) ids: NodeIds,
    pub(crate) parent: i64,
    pub(crate) name: String,
    /// The version's number.
    pub(crate) version: u32,
    pub(crate) size: u64,
    pub(crate) media_type: String,
    pub(crate) object_key: String,
    pub(crate) owner: AccountId,
    pub(crate) creator: AccountId,
    pub(crate) modifier: AccountId,
    pub(crate) group: Option<Uuid>,
    pub(crate) private: bool,
    pub(crate) created_at: i64,
    pub(crate) modified_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) locked_by: Option<AccountId>,
    pub(crate) locked_at: Option<i64>,
    pub(crate) edited: bool,
    pub(crate) held: bool,
    pub(crate) shared: bool,
    pub(crate) trashed: bool,
}

/// What [`file_row`] reads, of a node `n` with one of its versions `v` and the time as `$1`.
pub(super) const FILE_COLUMNS: &str = "n.id, n.uid, n.account_id, n.parent_id, n.name, n.state, n.group_uid, \
     n.private, n.creator_id, n.modifier_id, n.created_at, n.modified_at, n.expires_at, n.locked_by, n.locked_at, \
     n.version_id, v.id as shown_version, v.number, v.size, v.media_type, v.object_key, \
     v.creator_id as version_creator_id, v.created_at as version_created_at, \
     case when exists (select 1 from edit_session e where e.node_id = n.id and e.expires_at > $1) then 1 else 0 end \
     as edited, \
     case when exists (select 1 from hold h where h.node_id = n.id and (h.until is null or h.until > $1)) then 1 \
     else 0 end as held, \
     case when exists (select 1 from share s where s.node_id = n.id) then 1 else 0 end as shared";

pub(super) fn file_row(row: AnyRow) -> FileRow {
    let creator: i64 = row.get("creator_id");
    let is_current = row.get::<Option<i64>, _>("version_id") == Some(row.get("shown_version"));
    let (modifier, modified_at) = match is_current {
        true => (row.get::<Option<i64>, _>("modifier_id").unwrap_or(creator), row.get("modified_at")),
        false => (row.get("version_creator_id"), row.get("version_created_at")),
    };
    FileRow {
        ids: NodeIds { id: NodeId(row.get("id")), uid: uid(&row, "uid") },
        parent: row.get("parent_id"),
        name: row.get("name"),
        version: row.get::<i64, _>("number") as u32,
        size: row.get::<i64, _>("size") as u64,
        media_type: row.get("media_type"),
        object_key: row.get("object_key"),
        owner: AccountId(row.get("account_id")),
        creator: AccountId(creator),
        modifier: AccountId(modifier),
        group: row.get::<Option<String>, _>("group_uid").and_then(|text| text.parse().ok()),
        private: row.get::<i64, _>("private") != 0,
        created_at: row.get("created_at"),
        modified_at,
        expires_at: row.get("expires_at"),
        locked_by: row.get::<Option<i64>, _>("locked_by").map(AccountId),
        locked_at: row.get("locked_at"),
        edited: row.get::<i64, _>("edited") != 0,
        held: row.get::<i64, _>("held") != 0,
        shared: row.get::<i64, _>("shared") != 0,
        trashed: row.get::<i64, _>("state") == 2,
    }
}

/// A live file by uid.
pub(crate) async fn live_file(conn: &mut Conn, uid: Uuid, now: i64) -> Result<Option<FileRow>> {
    let sql = format!(
        "select {FILE_COLUMNS} from node n join version v on v.id = n.version_id \
         where n.uid = $2 and n.kind = 'file' and n.state = 1"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now).bind(uid.to_string()).fetch_optional(conn).await?;
    Ok(row.map(file_row))
}

/// Live files by uid, in no order.
pub(crate) async fn live_files(conn: &mut Conn, uids: &[Uuid], now: i64) -> Result<Vec<FileRow>> {
    let uids: Vec<[Uuid; 1]> = uids.iter().map(|&uid| [uid]).collect();
    let sql = format!(
        "select {FILE_COLUMNS} from json_each($2) j cross join node n join version v on v.id = n.version_id where \
         n.uid = j.value ->> 0 and n.kind = 'file' and n.state = 1"
    );
    let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now).bind(rows(&uids)).fetch_all(conn).await?;
    Ok(found.into_iter().map(file_row).collect())
}

/// Live or trashed files by id, with their current versions.
pub(crate) async fn files(conn: &mut Conn, ids: &[i64], now: i64) -> Result<Vec<FileRow>> {
    let sql = format!(
        "select {FILE_COLUMNS} from json_each($2) j cross join node n join version v on v.id = n.version_id where \
         n.id = cast(j.value ->> 0 as bigint) and n.kind = 'file' and n.state <> 3"
    );
    let found =
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now).bind(id_rows(ids.iter().copied())).fetch_all(conn).await?;
    Ok(found.into_iter().map(file_row).collect())
}

/// Where a file lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) parent: i64,
    /// In a trash, itself.
    pub(crate) trashed: bool,
}

/// Where these files lie, by id.
pub(crate) async fn places(conn: &mut Conn, ids: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Place>> {
    let found: Vec<(i64, i64, i64)> = sqlx::query_as(
        "select n.id, n.parent_id, n.state from json_each($1) j cross join node n where n.id = cast(j.value ->> 0 as \
         bigint) and n.kind = 'file'",
    )
    .bind(id_rows(ids))
    .fetch_all(conn)
    .await?;
    let place = |(id, parent, state)| (id, Place { parent, trashed: state == 2 });
    Ok(found.into_iter().map(place).collect())
}

/// What a reference to a node comes to: its row's ids, kind and state, whatever lies above it.
pub(crate) struct Found {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) is_folder: bool,
    /// `None`: an account's root, or its trash.
    pub(crate) parent: Option<i64>,
    pub(crate) owner: AccountId,
    pub(crate) state: i64,
}

fn found(row: AnyRow) -> Found {
    Found {
        id: row.get("id"),
        uid: uid(&row, "uid"),
        is_folder: row.get::<&str, _>("kind") == "folder",
        parent: row.get("parent_id"),
        owner: AccountId(row.get("account_id")),
        state: row.get("state"),
    }
}

/// A node by id, in whatever state. An account's trash is none.
pub(crate) async fn by_id(conn: &mut Conn, id: i64) -> Result<Option<Found>> {
    let row = sqlx::query(
        "select n.id, n.uid, n.kind, n.parent_id, n.account_id, n.state from node n join account a \
         on a.id = n.account_id where n.id = $1 and a.trash_id <> n.id",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(found))
}

/// A node by uid, in whatever state. An account's trash is none.
pub(crate) async fn by_uid(conn: &mut Conn, uid: Uuid) -> Result<Option<Found>> {
    let row = sqlx::query(
        "select n.id, n.uid, n.kind, n.parent_id, n.account_id, n.state from node n join account a \
         on a.id = n.account_id where n.uid = $1 and a.trash_id <> n.id",
    )
    .bind(uid.to_string())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(found))
}

/// An account's root folder.
pub(crate) async fn home(conn: &mut Conn, account: AccountId) -> Result<Option<Found>> {
    let row = sqlx::query(
        "select n.id, n.uid, n.kind, n.parent_id, n.account_id, n.state from account a join node n on n.id = a.root_id \
         where a.id = $1",
    )
    .bind(account.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(found))
}

/// The uids and folders of an account's live files of a name, newest first, at most `limit`.
pub(crate) async fn named(conn: &mut Conn, account: AccountId, name: &str, limit: i64) -> Result<Vec<(Uuid, i64)>> {
    let rows = sqlx::query(
        "select uid, parent_id from node where account_id = $1 and name = $2 and kind = 'file' and state = 1 \
         order by id desc limit $3",
    )
    .bind(account.0)
    .bind(name)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(|row| (uid(row, "uid"), row.get("parent_id"))).collect())
}

/// Whether a live child of a folder has this name.
pub(crate) async fn name_taken(conn: &mut Conn, folder: i64, name: &str) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from node where parent_id = $1 and kind in ('file', 'folder') and folded = $3 \
         and name = $2 and state = 1 limit 1) found",
    )
    .bind(folder)
    .bind(name)
    .bind(name.to_lowercase())
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// The oldest live child of a folder that has this name, compared exactly, leaving one node out of account: its uid.
pub(crate) async fn taken(conn: &mut Conn, folder: i64, name: &str, except: Option<i64>) -> Result<Option<Uuid>> {
    let row = sqlx::query(
        "select uid from node where parent_id = $1 and kind in ('file', 'folder') and folded = $4 and name = $2 \
         and state = 1 and id <> $3 order by id limit 1",
    )
    .bind(folder)
    .bind(name)
    .bind(except.unwrap_or(0))
    .bind(name.to_lowercase())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| uid(&row, "uid")))
}

/// The oldest live child of a folder that has this name in any case, leaving one node out of account: its uid.
pub(crate) async fn taken_any_case(
    conn: &mut Conn,
    folder: i64,
    name: &str,
    except: Option<i64>,
) -> Result<Option<Uuid>> {
    let row = sqlx::query(
        "select uid from node where parent_id = $1 and kind in ('file', 'folder') and folded = $2 and state = 1 \
         and id <> $3 order by id limit 1",
    )
    .bind(folder)
    .bind(name.to_lowercase())
    .bind(except.unwrap_or(0))
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| uid(&row, "uid")))
}

/// The names in lower case of a folder's live children that begin so in lower case.
pub(crate) async fn folded_beginning(conn: &mut Conn, folder: i64, beginning: &str) -> Result<HashSet<String>> {
    let found: Vec<String> = sqlx::query_scalar(
        "select folded from node where parent_id = $1 and kind in ('file', 'folder') and folded >= $2 and folded < $3 \
         and state = 1",
    )
    .bind(folder)
    .bind(beginning)
    .bind(format!("{beginning}\u{10ffff}"))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().collect())
}

/// Gives a node another name; the modifier and the time are those of the change.
pub(crate) async fn rename(tx: &mut Tx, id: i64, name: &str, modifier: AccountId) -> Result<()> {
    let now = tx.now;
    sqlx::query("update node set name = $2, folded = $3, modifier_id = $4, modified_at = $5 where id = $1")
        .bind(id)
        .bind(name)
        .bind(name.to_lowercase())
        .bind(modifier.0)
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// The names of a folder's live children that begin with a text.
pub(crate) async fn names_beginning(conn: &mut Conn, folder: i64, beginning: &str) -> Result<Vec<String>> {
    sqlx::query_scalar(
        "select name from node where parent_id = $1 and kind in ('file', 'folder') and folded >= $4 and folded < $5 \
         and name >= $2 and name < $3 and state = 1 order by name",
    )
    .bind(folder)
    .bind(beginning)
    .bind(format!("{beginning}\u{10ffff}"))
    .bind(beginning.to_lowercase())
    .bind(format!("{}\u{10ffff}", beginning.to_lowercase()))
    .fetch_all(conn)
    .await
}

/// A file with its first version, about to become visible.
pub(crate) struct NewNode<'a> {
    pub(crate) uid: Uuid,
    pub(crate) account: AccountId,
    pub(crate) parent: i64,
    pub(crate) depth: i64,
    pub(crate) name: &'a str,
    pub(crate) creator: AccountId,
    pub(crate) group: Option<Uuid>,
    pub(crate) private: bool,
    pub(crate) expires_at: Option<i64>,
    pub(crate) size: u64,
    pub(crate) sha256: &'a str,
    pub(crate) media_type: &'a str,
    pub(crate) object_key: &'a str,
    /// As `Stored::version`.
    pub(crate) store_version: Option<&'a str>,
}

/// Makes a live file with its first version. Totals and quota are the caller's.
pub(crate) async fn insert_file(tx: &mut Tx, new: &NewNode<'_>) -> Result<NodeId> {
    let now = tx.now;
    let id: i64 = sqlx::query_scalar(
        "insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, \
         group_uid, private, created_at, modified_at, expires_at, folded) values ($1, $2, $3, 'file', 1, $4, $5, 0, 0, \
         $6, $7, $8, $9, $10, $10, $11, $12) returning id",
    )
    .bind(new.uid.to_string())
    .bind(new.account.0)
    .bind(new.parent)
    .bind(new.depth)
    .bind(new.name)
    .bind(new.size as i64)
    .bind(new.creator.0)
    .bind(new.group.map(|group| group.to_string()))
    .bind(i64::from(new.private))
    .bind(now)
    .bind(new.expires_at)
    .bind(new.name.to_lowercase())
    .fetch_one(&mut **tx)
    .await?;
    let first = NewVersion {
        node: id,
        number: 1,
        size: new.size,
        sha256: new.sha256,
        media_type: new.media_type,
        object_key: new.object_key,
        store_version: new.store_version,
        creator: new.creator,
    };
    let version = version::insert(tx, &first).await?;
    sqlx::query("update node set version_id = $1 where id = $2").bind(version).bind(id).execute(&mut **tx).await?;
    Ok(NodeId(id))
}

/// Files whose end time has come, live ones and such as were in a trash before that, and that no hold, edit session or other's lock keeps: ids and owners, oldest end first.
pub(crate) async fn expired(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<(i64, AccountId)>> {
    let found: Vec<(i64, i64)> = sqlx::query_as(
        "select id, account_id from node where expires_at <= $1 and kind = 'file' and (state = 1 or (state = 2 \
         and deleted_at < expires_at)) and not exists \
         (select 1 from hold h where h.node_id = node.id and (h.until is null or h.until > $1)) \
         and not exists (select 1 from edit_session e where e.node_id = node.id and e.expires_at > $1) \
         and (locked_by is null or locked_by = account_id) order by expires_at limit $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(id, account)| (id, AccountId(account))).collect())
}

/// Which of these uids were ever given out: to a node, living or deleted, an upload or a transfer.
pub(crate) async fn ever_used(conn: &mut Conn, uid: Uuid) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select uid from node where uid = $1 union all select uid from deletion where uid = $1 \
         union all select uid from upload where uid = $1 union all select uid from transfer where uid = $1 \
         union all select uid from spent_uid where uid = $1) used",
    )
    .bind(uid.to_string())
    .fetch_one(conn)
    .await
    .map(|count| count > 0)
}

/// Keeps uids that were given out and will never be a node's.
pub(crate) async fn spend_uids(tx: &mut Tx, uids: &[String]) -> Result<()> {
    let uids: Vec<[&str; 1]> = uids.iter().map(|uid| [uid.as_str()]).collect();
    sqlx::query("insert into spent_uid (uid) select value ->> 0 from json_each($1) where true on conflict do nothing")
        .bind(rows(&uids))
        .execute(&mut **tx)
        .await
        .map(drop)
}
