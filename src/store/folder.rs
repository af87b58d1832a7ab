//! Folders: their totals, what lies above and below them.

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid, id_rows};
use crate::{
    clock::from_micros,
    model::{AccountId, Entry, FolderInfo, NodeId},
};

/// A folder's way up, from itself to its account's root.
#[derive(Debug, Clone, Default)]
pub(crate) struct WayUp {
    /// Whether it and everything above it is live.
    pub(crate) visible: bool,
    /// Names from below the root down to the folder itself.
    pub(crate) path: Vec<String>,
    /// Ids from the folder itself up to the root.
    pub(crate) ids: Vec<i64>,
}

/// The ways up of several folders, walked once each.
pub(crate) async fn ways_up(conn: &mut Conn, folders: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, WayUp>> {
    let rows = sqlx::query(
        "with recursive up (start, step, id, parent_id, name, state) as (\
         select p.id, 0, p.id, p.parent_id, p.name, p.state from json_each($1) j cross join node p \
         on p.id = cast(j.value ->> 0 as bigint) \
         union all select up.start, up.step + 1, p.id, p.parent_id, p.name, p.state from up join node p \
         on p.id = up.parent_id) \
         select start, id, parent_id, name, state from up order by start, step",
    )
    .bind(id_rows(folders))
    .fetch_all(conn)
    .await?;
    let mut ways: HashMap<i64, WayUp> = HashMap::new();
    for row in rows {
        let way = ways.entry(row.get("start")).or_insert_with(|| WayUp { visible: true, ..WayUp::default() });
        way.visible &= row.get::<i64, _>("state") == 1;
        way.ids.push(row.get("id"));
        if row.get::<Option<i64>, _>("parent_id").is_some() {
            way.path.insert(0, row.get("name"));
        }
    }
    Ok(ways)
}

fn folder(row: AnyRow) -> FolderInfo {
    FolderInfo {
        id: NodeId(row.get("id")),
        uid: uid(&row, "uid"),
        name: row.get("name"),
        owner: AccountId(row.get("account_id")),
        owner_name: row.get("owner_name"),
        path: Vec::new(),
        files: row.get::<i64, _>("files") as u64,
        folders: row.get::<i64, _>("folders") as u64,
        bytes: row.get::<i64, _>("bytes") as u64,
    }
}

/// An account's root folder.
pub(crate) async fn root(conn: &mut Conn, account: AccountId) -> Result<FolderInfo> {
    let row = sqlx::query(
        "select n.id, n.uid, n.name, n.account_id, n.files, n.folders, n.bytes, a.name as owner_name \
         from account a join node n on n.id = a.root_id where a.id = $1",
    )
    .bind(account.0)
    .fetch_one(conn)
    .await?;
    Ok(folder(row))
}

/// A live folder by uid; it was not looked at yet whether one above hides it. Its path is empty.
pub(crate) async fn live(conn: &mut Conn, uid: Uuid) -> Result<Option<FolderInfo>> {
    let row = sqlx::query(
        "select n.id, n.uid, n.name, n.account_id, n.files, n.folders, n.bytes, a.name as owner_name \
         from node n join account a on a.id = n.account_id where n.uid = $1 and n.kind = 'folder' and n.state = 1",
    )
    .bind(uid.to_string())
    .fetch_optional(conn)
    .await?;
    Ok(row.map(folder))
}

/// The live folder of a name in a folder, the oldest where several have it: its id.
pub(crate) async fn named(conn: &mut Conn, parent: i64, name: &str) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from node where parent_id = $1 and name = $2 and kind = 'folder' and state = 1 order by id limit 1",
    )
    .bind(parent)
    .bind(name)
    .fetch_optional(conn)
    .await
}

/// Makes a live folder; totals above it are the caller's. `parent` is `None` for an account's root.
pub(crate) async fn insert(
    tx: &mut Tx,
    account: AccountId,
    parent: Option<i64>,
    depth: i64,
    name: &str,
    creator: AccountId,
) -> Result<i64> {
    let now = tx.now;
    let id: i64 = sqlx::query_scalar(
        "insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, \
         private, created_at, modified_at) values ($1, $2, $3, 'folder', 1, $4, $5, 0, 0, 0, $6, 1, $7, $7) returning id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(account.0)
    .bind(parent)
    .bind(depth)
    .bind(name)
    .bind(creator.0)
    .bind(now)
    .fetch_one(&mut **tx)
    .await?;
    if parent.is_none() {
        sqlx::query("update account set root_id = $1 where id = $2")
            .bind(id)
            .bind(account.0)
            .execute(&mut **tx)
            .await?;
    }
    Ok(id)
}

/// Changes the totals of just these folders: rows of folder, files, folders, bytes.
pub(crate) async fn change_totals(tx: &mut Tx, changed: &str) -> Result<()> {
    sqlx::query(
        "update node set files = node.files + change.files, folders = node.folders + change.folders, \
         bytes = node.bytes + change.bytes from (select cast(value ->> 0 as bigint) as id, \
         cast(value ->> 1 as bigint) as files, cast(value ->> 2 as bigint) as folders, \
         cast(value ->> 3 as bigint) as bytes from json_each($1)) change where node.id = change.id",
    )
    .bind(changed)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// How many live children a folder has.
pub(crate) async fn count_content(conn: &mut Conn, folder: i64) -> Result<u64> {
    sqlx::query_scalar::<_, i64>("select count(*) from node where parent_id = $1 and state = 1")
        .bind(folder)
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
}

/// A folder's live children, folders first, then by name.
pub(crate) async fn content(conn: &mut Conn, folder: i64, offset: u64, limit: u32) -> Result<Vec<Entry>> {
    let rows = sqlx::query(
        "select uid, name, kind, created_at, modified_at from node where parent_id = $1 and state = 1 \
         order by case kind when 'folder' then 0 else 1 end, name, id limit $2 offset $3",
    )
    .bind(folder)
    .bind(i64::from(limit))
    .bind(i64::try_from(offset).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    Ok(rows
        .iter()
        .map(|row| Entry {
            uid: uid(row, "uid"),
            name: row.get("name"),
            is_folder: row.get::<&str, _>("kind") == "folder",
            created_at: from_micros(row.get("created_at")),
            modified_at: from_micros(row.get("modified_at")),
        })
        .collect())
}
