//! Marking, and what is left of a node once its bytes are gone.

use serde::Deserialize;
use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, id_list, id_rows, read_rows, rows};
use crate::model::AccountId;

/// What a delete has to know of a node that it names.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) account: AccountId,
    /// `None`: an account's root.
    pub(crate) parent: Option<i64>,
    pub(crate) is_folder: bool,
    pub(crate) live: bool,
    /// In a trash, itself.
    pub(crate) trashed: bool,
    pub(crate) name: String,
    /// Bytes of the current version; a folder's whole subtree.
    pub(crate) size: i64,
    /// Bytes of all versions; a folder's whole subtree.
    pub(crate) bytes: i64,
    pub(crate) files: i64,
    pub(crate) folders: i64,
    pub(crate) locked_by: Option<AccountId>,
    pub(crate) edited: bool,
    pub(crate) held: bool,
}

/// The columns of a [`Candidate`], as they are read.
#[derive(Deserialize)]
struct CandidateRow {
    id: i64,
    uid: Uuid,
    account: i64,
    parent: Option<i64>,
    kind: String,
    state: i64,
    name: String,
    size: i64,
    bytes: i64,
    files: i64,
    folders: i64,
    locked_by: Option<i64>,
    edited: bool,
    held: bool,
}

impl From<CandidateRow> for Candidate {
    fn from(row: CandidateRow) -> Self {
        Self {
            id: row.id,
            uid: row.uid,
            account: AccountId(row.account),
            parent: row.parent,
            is_folder: row.kind == "folder",
            live: row.state == 1,
            trashed: row.state == 2,
            name: row.name,
            size: row.size,
            bytes: row.bytes,
            files: row.files,
            folders: row.folders,
            locked_by: row.locked_by.map(AccountId),
            edited: row.edited,
            held: row.held,
        }
    }
}

/// The nodes of a set of ids and a set of uids, those that exist.
pub(crate) async fn candidates(tx: &mut Tx, ids: &[i64], uids: &[String]) -> Result<Vec<Candidate>> {
    let now = tx.now;
    let uids: Vec<[&str; 1]> = uids.iter().map(|uid| [uid.as_str()]).collect();
    let found = sqlx::query_scalar(
        "select string_agg('[' || n.id || ',\"' || n.uid || '\",' || n.account_id || ',' || \
         coalesce(cast(n.parent_id as text), 'null') || ',\"' || n.kind || '\",' || n.state || ',' || \
         json_quote(n.name) || ',' || coalesce(v.size, n.bytes) || ',' || n.bytes || ',' || n.files || ',' || \
         n.folders || ',' || coalesce(cast(n.locked_by as text), 'null') || ',' || \
         case when exists (select 1 from edit_session e where e.node_id = n.id and e.expires_at > $3) then 'true' \
         else 'false' end || ',' || \
         case when exists (select 1 from hold h where h.node_id = n.id and (h.until is null or h.until > $3)) \
         then 'true' else 'false' end || ']', ',') from (\
         select cast(value ->> 0 as bigint) as id from json_each($1) \
         union select u.id from json_each($2) j cross join node u where u.uid = j.value ->> 0) want \
         cross join node n left join version v on v.id = n.version_id where n.id = want.id",
    )
    .bind(id_rows(ids.iter().copied()))
    .bind(rows(&uids))
    .bind(now)
    .fetch_one(&mut **tx)
    .await?;
    let found: Vec<CandidateRow> = read_rows(found)?;
    Ok(found.into_iter().map(Candidate::from).collect())
}

/// A live file that may stop the delete of a folder above it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Obstacle {
    pub(crate) node: i64,
    /// The folder it lies in.
    pub(crate) folder: i64,
    pub(crate) held: bool,
    pub(crate) edited: bool,
    pub(crate) locked_by: Option<AccountId>,
}

/// The held, locked and edited live files of these accounts, each with the folder it lies in: there are few.
pub(crate) async fn obstacles(tx: &mut Tx, accounts: impl IntoIterator<Item = i64>) -> Result<Vec<Obstacle>> {
    let now = tx.now;
    let rows = sqlx::query(
        "with want (id) as (select cast(value ->> 0 as bigint) from json_each($1)) \
         select n.id, n.parent_id, 1 as held, 0 as edited, cast(null as bigint) as locked_by from want \
         join hold h on h.account_id = want.id join node n on n.id = h.node_id where n.kind = 'file' and n.state = 1 \
         and (h.until is null or h.until > $2) \
         union all select n.id, n.parent_id, 0, 0, n.locked_by from want join node n on n.account_id = want.id \
         where n.locked_by is not null and n.kind = 'file' and n.state = 1 \
         union all select n.id, n.parent_id, 0, 1, cast(null as bigint) from edit_session e join node n \
         on n.id = e.node_id join want on want.id = n.account_id where e.expires_at > $2 and n.kind = 'file' \
         and n.state = 1",
    )
    .bind(id_rows(accounts))
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .iter()
        .map(|row| Obstacle {
            node: row.get("id"),
            folder: row.get("parent_id"),
            held: row.get::<i64, _>("held") != 0,
            edited: row.get::<i64, _>("edited") != 0,
            locked_by: row.get::<Option<i64>, _>("locked_by").map(AccountId),
        })
        .collect())
}

/// A version of a file, destroyed ones left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VersionRow {
    pub(crate) id: i64,
    pub(crate) file: i64,
    pub(crate) number: u32,
    pub(crate) size: i64,
    /// Not in a trash by itself.
    pub(crate) live: bool,
}

/// The versions of some files, oldest first.
pub(crate) async fn versions(tx: &mut Tx, files: impl IntoIterator<Item = i64>) -> Result<Vec<VersionRow>> {
    let found = sqlx::query(
        "select v.id, v.node_id, v.number, v.size, v.state from json_each($1) j cross join version v where v.node_id \
         = cast(j.value ->> 0 as bigint) and v.state <> 3 order by v.node_id, v.number",
    )
    .bind(id_rows(files))
    .fetch_all(&mut **tx)
    .await?;
    let version = |row: &AnyRow| VersionRow {
        id: row.get("id"),
        file: row.get("node_id"),
        number: row.get::<i64, _>("number") as u32,
        size: row.get("size"),
        live: row.get::<i64, _>("state") == 1,
    };
    Ok(found.iter().map(version).collect())
}

/// Puts single versions into the trash, or with `purge` marks them deleted; says how many it were.
pub(crate) async fn mark_versions(tx: &mut Tx, ids: &str, purge: bool) -> Result<u64> {
    sqlx::query(
        "update version set state = $2 where state < $2 and id in \
         (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(ids)
    .bind(if purge { 3 } else { 2 })
    .execute(&mut **tx)
    .await
    .map(|done| done.rows_affected())
}

/// Gives files another current version and another number of bytes: rows of file, version and change in bytes.
pub(crate) async fn change_files(tx: &mut Tx, changed: &str) -> Result<()> {
    sqlx::query(
        "update node set version_id = change.version, bytes = node.bytes + change.bytes from (select \
         cast(value ->> 0 as bigint) as id, cast(value ->> 1 as bigint) as version, \
         cast(value ->> 2 as bigint) as bytes from json_each($1)) change where node.id = change.id",
    )
    .bind(changed)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Changes the bytes of files: rows of file and change.
pub(crate) async fn change_bytes(tx: &mut Tx, changed: &str) -> Result<()> {
    sqlx::query(
        "update node set bytes = node.bytes + change.bytes from (select cast(value ->> 0 as bigint) as id, \
         cast(value ->> 1 as bigint) as bytes from json_each($1)) change where node.id = change.id",
    )
    .bind(changed)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// A file under a hold, live or in a trash.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeldFile {
    pub(crate) node: i64,
    /// The folder it lies in.
    pub(crate) folder: i64,
    /// In a trash, itself.
    pub(crate) trashed: bool,
}

/// The held files of these accounts: there are few.
pub(crate) async fn held_files(tx: &mut Tx, accounts: impl IntoIterator<Item = i64>) -> Result<Vec<HeldFile>> {
    let now = tx.now;
    let rows = sqlx::query(
        "select n.id, n.parent_id, n.state from json_each($1) j cross join hold h join node n on n.id = h.node_id \
         where h.account_id = cast(j.value ->> 0 as bigint) and n.kind = 'file' \
         and n.state <> 3 and (h.until is null or h.until > $2)",
    )
    .bind(id_rows(accounts))
    .bind(now)
    .fetch_all(&mut **tx)
    .await?;
    let held = |row: &AnyRow| HeldFile {
        node: row.get("id"),
        folder: row.get("parent_id"),
        trashed: row.get::<i64, _>("state") == 2,
    };
    Ok(rows.iter().map(held).collect())
}

/// Drops single versions whose objects are gone. The plus is for what [`purged_files`] says of planners.
pub(crate) async fn drop_versions(tx: &mut Tx, ids: &str) -> Result<()> {
    sqlx::query(
        "delete from version where +state > 2 and id in (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(ids)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Puts live nodes into the trash; says how many it were.
pub(crate) async fn mark_trashed(tx: &mut Tx, ids: &str) -> Result<u64> {
    let now = tx.now;
    sqlx::query(
        "update node set state = 2, deleted_at = $2 where state = 1 and id in \
         (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(ids)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(|done| done.rows_affected())
}

/// Marks nodes deleted, live ones and such as lie in a trash; says how many it were. With `owes_answer` the deletion is remembered until a success was
/// answered.
pub(crate) async fn mark(tx: &mut Tx, ids: &str, owes_answer: bool) -> Result<u64> {
    let now = tx.now;
    sqlx::query(
        "update node set state = 3, deleted_at = $2, owes_answer = $3 where state < 3 and id in \
         (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(ids)
    .bind(now)
    .bind(i64::from(owes_answer))
    .execute(&mut **tx)
    .await
    .map(|done| done.rows_affected())
}

/// Notes that the content of marked folders waits for its own mark.
pub(crate) async fn queue_expansion(tx: &mut Tx, folders: &str) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "insert into expansion (folder_id, account_id, queued_at) select n.id, n.account_id, $2 from json_each($1) j \
         cross join node n where n.id = cast(j.value ->> 0 as bigint)",
    )
    .bind(folders)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Folders whose content waits for its own mark, at most `limit`.
pub(crate) async fn next_expansions(conn: &mut Conn, limit: i64) -> Result<Vec<i64>> {
    let folders = sqlx::query_scalar(
        "select string_agg(cast(e.folder_id as text), ',') from \
         (select folder_id from expansion order by folder_id limit $1) e",
    )
    .bind(limit)
    .fetch_one(conn)
    .await?;
    Ok(id_list(folders))
}

/// Live children of marked folders, at most `limit`: the files, and the folders.
pub(crate) async fn live_children(tx: &mut Tx, folders: &str, limit: i64) -> Result<(Vec<i64>, Vec<i64>)> {
    let (files, folders) = sqlx::query_as(
        "select string_agg(case kind when 'file' then cast(id as text) end, ','), \
         string_agg(case kind when 'folder' then cast(id as text) end, ',') from (\
         select c.id, c.kind from json_each($1) j cross join node c where c.parent_id = cast(j.value ->> 0 as bigint) \
         and c.state = 1 and c.kind in ('file', 'folder') limit $2) children",
    )
    .bind(folders)
    .bind(limit)
    .fetch_one(&mut **tx)
    .await?;
    Ok((id_list(files), id_list(folders)))
}

/// Of these folders, those whose whole content carries its own marks.
pub(crate) async fn expanded(tx: &mut Tx, folders: &str) -> Result<Vec<i64>> {
    let expanded = sqlx::query_scalar(
        "select string_agg(cast(j.value ->> 0 as text), ',') from json_each($1) j where not exists \
         (select 1 from node c where c.parent_id = cast(j.value ->> 0 as bigint) and c.state = 1)",
    )
    .bind(folders)
    .fetch_one(&mut **tx)
    .await?;
    Ok(id_list(expanded))
}

/// These folders wait for nothing any more.
pub(crate) async fn end_expansions(tx: &mut Tx, folders: &str) -> Result<()> {
    sqlx::query("delete from expansion where folder_id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(folders)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Nodes of which nothing is left to be removed, and the folders they lie in.
#[derive(Debug, Default)]
pub(crate) struct Purged {
    pub(crate) nodes: Vec<i64>,
    pub(crate) parents: Vec<i64>,
}

/// Rows of a parent and a list of its nodes.
fn purged(rows: Vec<(Option<i64>, Option<String>)>) -> Purged {
    let mut purged = Purged::default();
    for (parent, nodes) in rows {
        purged.parents.extend(parent);
        purged.nodes.extend(id_list(nodes));
    }
    purged
}

/// Of these nodes, the deleted files that nothing in the queue stands for any more. PostgreSQL's planner may think that
/// next to nothing is deleted: by the plain columns, or by an equality, it would look through all that is, for each id.
pub(crate) async fn purged_files(tx: &mut Tx, ids: &str) -> Result<Purged> {
    sqlx::query_as(
        "select n.parent_id, string_agg(cast(n.id as text), ',') from json_each($1) j cross join node n \
         where n.id = cast(j.value ->> 0 as bigint) and case n.kind when 'file' then n.state end > 2 \
         and not exists (select 1 from purge p where p.node_id = n.id) group by n.parent_id",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await
    .map(purged)
}

/// Of these nodes, the deleted folders that have no children and no expansion before them. Kind and state as in
/// [`purged_files`].
pub(crate) async fn emptied_folders(tx: &mut Tx, ids: &str) -> Result<Purged> {
    sqlx::query_as(
        "select n.parent_id, string_agg(cast(n.id as text), ',') from json_each($1) j cross join node n \
         where n.id = cast(j.value ->> 0 as bigint) and case n.kind when 'folder' then n.state end > 2 \
         and not exists (select 1 from node c where c.parent_id = n.id and c.state <> 1) \
         and not exists (select 1 from node c where c.parent_id = n.id and c.state = 1) \
         and not exists (select 1 from expansion e where e.folder_id = n.id) group by n.parent_id",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await
    .map(purged)
}

/// Turns deleted nodes into deletion records, each with whatever belongs to it.
pub(crate) async fn record(tx: &mut Tx, nodes: &[i64]) -> Result<()> {
    let (now, ids) = (tx.now, id_rows(nodes.iter().copied()));
    sqlx::query(
        "insert into deletion (node_id, uid, account_id, kind, deleted_at, purged_at, name, size) \
         select n.id, n.uid, n.account_id, n.kind, n.deleted_at, $2, \
         case n.owes_answer when 1 then n.name end, case n.owes_answer when 1 then v.size end \
         from json_each($1) j cross join node n left join version v on v.id = n.version_id where n.id = cast(j.value \
         ->> 0 as bigint)",
    )
    .bind(&ids)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    for (name, has_some) in RARE.iter().zip(rare(tx, nodes).await?) {
        if has_some {
            let sql =
                format!("delete from {name} where node_id in (select cast(value ->> 0 as bigint) from json_each($1))");
            sqlx::query(AssertSqlSafe(sql)).bind(&ids).execute(&mut **tx).await?;
        }
    }
    for sql in [
        "delete from version where node_id in (select cast(value ->> 0 as bigint) from json_each($1))",
        "delete from node where id in (select cast(value ->> 0 as bigint) from json_each($1))",
    ] {
        sqlx::query(sql).bind(&ids).execute(&mut **tx).await?;
    }
    Ok(())
}

/// What few nodes have any rows of.
const RARE: [&str; 5] = ["trash", "share", "link", "edit_session", "hold"];

/// Of which tables of [`RARE`] there are rows between the first and the last of these nodes. One look at each spares a
/// look for each node: what is purged together was mostly made together.
async fn rare(tx: &mut Tx, nodes: &[i64]) -> Result<[bool; RARE.len()]> {
    let (first, last) = (nodes.iter().min().copied(), nodes.iter().max().copied());
    let looks = RARE.map(|name| {
        format!("case when exists (select 1 from {name} where node_id between $1 and $2) then 1 else 0 end as {name}")
    });
    let sql = format!("select {}", looks.join(", "));
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(first.unwrap_or_default())
        .bind(last.unwrap_or_default())
        .fetch_one(&mut **tx)
        .await?;
    Ok(RARE.map(|name| found.get::<i64, _>(name) != 0))
}

/// A file of this account that is deleted and not yet purged, by a call whose success was not yet answered: its id.
pub(crate) async fn going(conn: &mut Conn, account: AccountId, uid: Uuid) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from node where uid = $1 and account_id = $2 and kind = 'file' and state = 3 and owes_answer = 1",
    )
    .bind(uid.to_string())
    .bind(account.0)
    .fetch_optional(conn)
    .await
}

/// A deletion whose success was not yet answered: name and size of the file, for its owner.
pub(crate) async fn owed_answer(conn: &mut Conn, account: AccountId, uid: Uuid) -> Result<Option<(String, i64)>> {
    sqlx::query_as("select name, size from deletion where uid = $1 and account_id = $2 and name is not null")
        .bind(uid.to_string())
        .bind(account.0)
        .fetch_optional(conn)
        .await
}

/// The success was answered: name and size are not kept any longer. Says whether they were until now.
pub(crate) async fn acknowledge(tx: &mut Tx, uid: Uuid) -> Result<bool> {
    let done = sqlx::query("update deletion set name = null, size = null where uid = $1 and name is not null")
        .bind(uid.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Keeps who asked for how many deletes, and how many it became: rows of account, dialect, asked, done.
pub(crate) async fn audit(tx: &mut Tx, calls: &str) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "insert into audit (at, account_id, action, dialect, asked, done) select $2, cast(value ->> 0 as bigint), \
         'delete', value ->> 1, cast(value ->> 2 as bigint), cast(value ->> 3 as bigint) from json_each($1)",
    )
    .bind(calls)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether [`forget_audit`] has anything to do.
pub(crate) async fn has_audit_before(conn: &mut Conn, before: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from (select 1 from audit where at < $1 limit 1) found")
        .bind(before)
        .fetch_one(conn)
        .await
        .map(|found| found > 0)
}

/// Forgets audit rows from before a time, at most `limit`; says how many it were.
pub(crate) async fn forget_audit(tx: &mut Tx, before: i64, limit: i64) -> Result<u64> {
    sqlx::query("delete from audit where id in (select id from audit where at < $1 order by at limit $2)")
        .bind(before)
        .bind(limit)
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected())
}
