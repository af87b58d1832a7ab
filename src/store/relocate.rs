//! Nodes that get another place: what has to be known of them, and the place itself.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid, id_rows, rows, trash::STANDS};
use crate::model::AccountId;

/// What has to be known of a node that gets another place.
#[derive(Debug, Clone)]
pub(crate) struct Mover {
    pub(crate) id: i64,
    pub(crate) uid: Uuid,
    pub(crate) is_folder: bool,
    pub(crate) state: i64,
    pub(crate) owner: AccountId,
    /// `None`: an account's root.
    pub(crate) parent: Option<i64>,
    pub(crate) depth: i64,
    pub(crate) name: String,
    /// Below a folder.
    pub(crate) files: i64,
    pub(crate) folders: i64,
    /// Of all versions; of a folder all that lies below it.
    pub(crate) bytes: i64,
    /// A file's current version, and its bytes.
    pub(crate) version: Option<i64>,
    pub(crate) size: i64,
    pub(crate) last_version: i64,
    pub(crate) locked_by: Option<AccountId>,
    pub(crate) edited: bool,
    pub(crate) held: bool,
    /// The oldest node of its kind and name in the folder that it was compared with.
    pub(crate) taken_by: Option<i64>,
}

/// What [`mover`] reads, of a node `n` and its current version `v`, with the time as `$1` and as `$2` the folder that
/// names are compared with.
const COLUMNS: &str = "n.id, n.uid, n.kind, n.state, n.account_id, n.parent_id, n.depth, n.name, n.files, n.folders, n.bytes, \
     n.version_id, v.size, n.last_version, n.locked_by, \
     case when exists (select 1 from edit_session e where e.node_id = n.id and e.expires_at > $1) then 1 else 0 end \
     as edited, \
     case when exists (select 1 from hold h where h.node_id = n.id and (h.until is null or h.until > $1)) then 1 \
     else 0 end as held, \
     (select t.id from node t where t.parent_id = $2 and t.kind = n.kind and t.folded = n.folded and t.name = n.name \
     and t.state = 1 and t.id <> n.id order by t.id limit 1) as taken_by";

fn mover(row: AnyRow) -> Mover {
    Mover {
        id: row.get("id"),
        uid: uid(&row, "uid"),
        is_folder: row.get::<&str, _>("kind") == "folder",
        state: row.get("state"),
        owner: AccountId(row.get("account_id")),
        parent: row.get("parent_id"),
        depth: row.get("depth"),
        name: row.get("name"),
        files: row.get("files"),
        folders: row.get("folders"),
        bytes: row.get("bytes"),
        version: row.get("version_id"),
        size: row.get::<Option<i64>, _>("size").unwrap_or(0),
        last_version: row.get("last_version"),
        locked_by: row.get::<Option<i64>, _>("locked_by").map(AccountId),
        edited: row.get::<i64, _>("edited") != 0,
        held: row.get::<i64, _>("held") != 0,
        taken_by: row.get("taken_by"),
    }
}

/// A node by id, in whatever state, its name compared with those in a folder.
pub(crate) async fn by_id(conn: &mut Conn, id: i64, into: i64, now: i64) -> Result<Option<Mover>> {
    let sql = format!("select {COLUMNS} from node n left join version v on v.id = n.version_id where n.id = $3");
    let row = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(into).bind(id).fetch_optional(conn).await?;
    Ok(row.map(mover))
}

/// The nodes of a set of ids and a set of uids, those that exist, in whatever state; an account's trash is none. Their
/// names are compared with those in a folder.
pub(crate) async fn movers(conn: &mut Conn, ids: &[i64], uids: &[String], into: i64, now: i64) -> Result<Vec<Mover>> {
    let uids: Vec<[&str; 1]> = uids.iter().map(|uid| [uid.as_str()]).collect();
    let sql = format!(
        "select {COLUMNS} from (select cast(value ->> 0 as bigint) as id from json_each($3) \
         union select u.id from json_each($4) j cross join node u where u.uid = j.value ->> 0) want \
         cross join node n join account a on a.id = n.account_id \
         left join version v on v.id = n.version_id where n.id = want.id and a.trash_id <> n.id"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(now)
        .bind(into)
        .bind(id_rows(ids.iter().copied()))
        .bind(rows(&uids))
        .fetch_all(conn)
        .await?;
    Ok(found.into_iter().map(mover).collect())
}

/// Which of these names live files in a folder have, compared exactly.
pub(crate) async fn names_taken(conn: &mut Conn, folder: i64, names: &[[&str; 1]]) -> Result<HashSet<String>> {
    let found: Vec<String> = sqlx::query_scalar(
        "select n.name from json_each($2) j cross join node n where n.parent_id = $1 and n.folded = j.value ->> 1 and \
         n.name = j.value ->> 0 and n.state = 1 and n.kind = 'file'",
    )
    .bind(folder)
    .bind(rows(&names.iter().map(|[name]| (name, name.to_lowercase())).collect::<Vec<_>>()))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().collect())
}

/// A folder's live children, their names compared with those in another folder; folders first, oldest first.
pub(crate) async fn children(conn: &mut Conn, folder: i64, into: i64, now: i64) -> Result<Vec<Mover>> {
    let sql = format!(
        "select {COLUMNS} from node n left join version v on v.id = n.version_id where n.parent_id = $3 \
         and n.state = 1 and n.kind in ('file', 'folder') order by case n.kind when 'folder' then 0 else 1 end, n.id"
    );
    let found = sqlx::query(AssertSqlSafe(sql)).bind(now).bind(into).bind(folder).fetch_all(conn).await?;
    Ok(found.into_iter().map(mover).collect())
}

/// The ids of a folder's live children that have this name, compared exactly.
pub(crate) async fn of_name(conn: &mut Conn, folder: i64, name: &str) -> Result<Vec<i64>> {
    sqlx::query_scalar(
        "select id from node where parent_id = $1 and kind in ('file', 'folder') and folded = $3 and name = $2 \
         and state = 1",
    )
    .bind(folder)
    .bind(name)
    .bind(name.to_lowercase())
    .fetch_all(conn)
    .await
}

/// How many folders lie one in the other below any of these, at the most, those in a trash too; 0 where none has any.
pub(crate) async fn height(conn: &mut Conn, folders: impl IntoIterator<Item = i64>) -> Result<i64> {
    sqlx::query_scalar(
        "with recursive below (id, step) as (select cast(value ->> 0 as bigint), 0 from json_each($1) \
         union all select c.id, b.step + 1 from below b cross join node c where c.parent_id = b.id and c.kind = \
         'folder') select cast(coalesce(max(step), 0) as bigint) from below",
    )
    .bind(id_rows(folders))
    .fetch_one(conn)
    .await
}

/// Puts nodes into their new place, live: rows of id, folder, account, name, name in lower case and depth. What lies
/// below them is the caller's, and so are totals and quota.
pub(crate) async fn put(tx: &mut Tx, placed: &[(i64, i64, i64, String, String, i64)]) -> Result<()> {
    sqlx::query(
        "update node set parent_id = placed.parent, account_id = placed.account, name = placed.name, \
         folded = placed.folded, depth = placed.depth, state = 1, deleted_at = null from (select \
         cast(value ->> 0 as bigint) as id, cast(value ->> 1 as bigint) as parent, \
         cast(value ->> 2 as bigint) as account, value ->> 3 as name, value ->> 4 as folded, \
         cast(value ->> 5 as bigint) as depth from json_each($1)) placed where node.id = placed.id",
    )
    .bind(rows(placed))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Changes the depth of all folders below folders, those in a trash too: rows of folder and difference.
pub(crate) async fn deepen(tx: &mut Tx, folders: &[(i64, i64)]) -> Result<()> {
    sqlx::query(
        "with recursive below (id, change) as (select c.id, cast(j.value ->> 1 as bigint) from json_each($1) j \
         cross join node c where c.parent_id = cast(j.value ->> 0 as bigint) and c.kind = 'folder' \
         union all select c.id, b.change from below b cross join node c where c.parent_id = b.id and c.kind = \
         'folder') \
         update node set depth = node.depth + below.change from below where node.id = below.id",
    )
    .bind(rows(folders))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The nodes given as `$1` and all live ones below them.
const SUBTREES: &str = "with recursive moved (id) as (select cast(value ->> 0 as bigint) from json_each($1) \
     union all select c.id from moved m cross join node c where c.parent_id = m.id and c.state = 1 \
     and c.kind in ('file', 'folder'))";

/// What lies in a trash by itself, or is deleted, below nodes that leave its owner's tree: it stays the owner's, and
/// lies in no folder from then on but in the account's trash.
pub(crate) async fn leave_behind(tx: &mut Tx, nodes: impl IntoIterator<Item = i64>, owner: AccountId) -> Result<()> {
    let sql = format!(
        "{SUBTREES} select c.id, c.depth, case c.kind when 'folder' then 1 else 0 end as depth_there from moved m \
         cross join node c where c.parent_id = m.id and c.state <> 1"
    );
    let left: Vec<(i64, i64, i64)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(id_rows(nodes)).fetch_all(&mut **tx).await?;
    let folders = left.iter().filter(|(_, _, depth_there)| *depth_there == 1);
    deepen(tx, &folders.map(|(id, depth, depth_there)| (*id, depth_there - depth)).collect::<Vec<_>>()).await?;
    sqlx::query(
        "update node set parent_id = (select a.trash_id from account a where a.id = $2), \
         depth = case kind when 'folder' then 1 else 0 end \
         where id in (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(id_rows(left.into_iter().map(|(id, _, _)| id)))
    .bind(owner.0)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Gives nodes with all live ones below them to another account: with their holds and with the standing entries of
/// their single versions, which that account holds from then on. A share with that account is of no use any more.
/// Quota is the caller's.
pub(crate) async fn give(tx: &mut Tx, nodes: impl IntoIterator<Item = i64>, account: AccountId) -> Result<()> {
    let nodes = id_rows(nodes);
    // An entry that its holder has emptied keeps the holder, whose trash waits to mark it; another's emptied trash
    // must not swallow one that stands.
    let hold_versions = format!(
        "update trash as t set holder_id = $2, spared = (select a.emptied_to from account a where a.id = $2) \
         where t.version_id is not null and t.node_id in (select id from moved) and t.holder_id = t.account_id \
         and exists (select 1 from account h where h.id = t.holder_id and {STANDS})"
    );
    for sql in [
        hold_versions.as_str(),
        "update trash set account_id = $2 where version_id is not null and node_id in (select id from moved)",
        "update hold set account_id = $2 where node_id in (select id from moved)",
        "delete from share where account_id = $2 and node_id in (select id from moved)",
        "update node set account_id = $2 where id in (select id from moved)",
    ] {
        let sql = format!("{SUBTREES} {sql}");
        sqlx::query(AssertSqlSafe(sql)).bind(&nodes).bind(account.0).execute(&mut **tx).await?;
    }
    Ok(())
}

/// Makes the current version of a file the next one of another file, which shows it from then on; the file that it
/// came from is left deleted with its other versions. Totals and quota are the caller's.
pub(crate) async fn absorb(tx: &mut Tx, from: &Mover, into: &Mover, modifier: AccountId) -> Result<()> {
    let now = tx.now;
    sqlx::query("update version set node_id = $2, number = $3 where id = $1")
        .bind(from.version)
        .bind(into.id)
        .bind(into.last_version + 1)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "update node set version_id = $2, last_version = $3, bytes = bytes + $4, modified_at = $5, modifier_id = $6 \
         where id = $1",
    )
    .bind(into.id)
    .bind(from.version)
    .bind(into.last_version + 1)
    .bind(from.size)
    .bind(now)
    .bind(modifier.0)
    .execute(&mut **tx)
    .await?;
    sqlx::query("update node set state = 3, deleted_at = $2, version_id = null, bytes = bytes - $3 where id = $1")
        .bind(from.id)
        .bind(now)
        .bind(from.size)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Puts a single version of a file back out of the trash; it is shown if no live one has a higher number.
pub(crate) async fn restore_version(tx: &mut Tx, file: i64, version: i64) -> Result<()> {
    sqlx::query("update version set state = 1 where id = $1").bind(version).execute(&mut **tx).await?;
    sqlx::query(
        "update node set version_id = (select v.id from version v where v.node_id = node.id and v.state = 1 \
         order by v.number desc limit 1) where id = $1",
    )
    .bind(file)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// A node to be copied: its current version's content, if it is a file.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub(crate) id: i64,
    pub(crate) parent: i64,
    pub(crate) is_folder: bool,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) private: bool,
    /// How deep it lies below the first.
    pub(crate) step: i64,
    pub(crate) version: i64,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) media_type: String,
    pub(crate) object_key: String,
}

/// A live node and all live ones below it, at most `limit`: each after the folder that it lies in.
pub(crate) async fn originals(conn: &mut Conn, node: i64, limit: i64) -> Result<Vec<Original>> {
    let found = sqlx::query(
        "with recursive copied (id, step) as (select n.id, 0 from node n where n.id = $1 and n.state = 1 \
         union all select c.id, p.step + 1 from copied p cross join node c where c.parent_id = p.id and c.state = 1 \
         and c.kind in ('file', 'folder')) select n.id, n.parent_id, n.kind, n.name, n.description, n.private, copied.step, v.id as version, v.size, \
         v.sha256, v.media_type, v.object_key from copied join node n on n.id = copied.id \
         left join version v on v.id = n.version_id order by copied.step, n.id limit $2",
    )
    .bind(node)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(found.iter().map(original).collect())
}

fn original(row: &AnyRow) -> Original {
    let text = |column: &str| row.get::<Option<String>, _>(column).unwrap_or_default();
    Original {
        id: row.get("id"),
        parent: row.get("parent_id"),
        is_folder: row.get::<&str, _>("kind") == "folder",
        name: row.get("name"),
        description: row.get("description"),
        private: row.get::<i64, _>("private") != 0,
        step: row.get("step"),
        version: row.get::<Option<i64>, _>("version").unwrap_or(0),
        size: row.get::<Option<i64>, _>("size").unwrap_or(0) as u64,
        sha256: text("sha256"),
        media_type: text("media_type"),
        object_key: text("object_key"),
    }
}

/// The oldest live node of a kind and name in a folder, compared exactly.
pub(crate) async fn taken_by(conn: &mut Conn, folder: i64, name: &str, is_folder: bool) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from node where parent_id = $1 and folded = $4 and name = $2 and kind = $3 and state = 1 order by id \
         limit 1",
    )
    .bind(folder)
    .bind(name)
    .bind(if is_folder { "folder" } else { "file" })
    .bind(name.to_lowercase())
    .fetch_optional(conn)
    .await
}

/// Whether a file is not deleted and shows this version.
pub(crate) async fn shows(conn: &mut Conn, file: i64, version: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from node where id = $1 and version_id = $2 and state <> 3")
        .bind(file)
        .bind(version)
        .fetch_one(conn)
        .await
        .map(|found| found > 0)
}
