//! Folders: their totals, what lies above and below them.

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Conn, Result, Tx,
    account::{person, uid},
    id_rows,
    list::{By, From, Position, Sort, contains},
    read_rows,
    statement::Statement,
};
use crate::{
    clock::from_micros,
    model::{AccountId, ContentOrder, ContentQuery, Entry, NodeId, NodeIds, Person},
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
    /// The lowest of them that is not live, if it lies in a trash.
    pub(crate) trashed: Option<i64>,
    /// The lowest of them that is not live is deleted.
    pub(crate) deleted: bool,
    /// How many of the ids are live, from the folder itself on up to the first that is not.
    pub(crate) live: usize,
}

impl WayUp {
    /// The way up from an account's root, in this state: there is nothing above it.
    pub(crate) fn of_root(id: i64, state: i64) -> Self {
        let mut way = Self { visible: true, ..Self::default() };
        way.add(id, state);
        way
    }

    /// Goes one folder further up.
    fn add(&mut self, id: i64, state: i64) {
        if self.visible && state != 1 {
            self.visible = false;
            self.deleted = state == 3;
            self.trashed = (state == 2).then_some(id);
        }
        self.live += usize::from(self.visible);
        self.ids.push(id);
    }

    /// How deep the folder lies; an account's root is 0 deep.
    pub(crate) fn depth(&self) -> i64 {
        self.ids.len() as i64 - 1
    }
}

/// A folder of a way up: parent, name, state.
struct Step(Option<i64>, String, i64);

/// The ways up of several folders; what lies above many of them is read once.
pub(crate) async fn ways_up(conn: &mut Conn, folders: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, WayUp>> {
    let folders: Vec<i64> = folders.into_iter().collect();
    let found = sqlx::query_scalar(
        "with recursive up (id, parent_id, name, state) as (\
         select p.id, p.parent_id, p.name, p.state from json_each($1) j cross join node p where p.id = \
         cast(j.value ->> 0 as bigint) union select p.id, p.parent_id, p.name, p.state from up join node p \
         on p.id = up.parent_id) \
         select string_agg('[' || id || ',' || coalesce(cast(parent_id as text), 'null') || ',' || json_quote(name) || \
         ',' || state || ']', ',') from up",
    )
    .bind(id_rows(folders.iter().copied()))
    .fetch_one(conn)
    .await?;
    let found: Vec<(i64, Option<i64>, String, i64)> = read_rows(found)?;
    let steps: HashMap<i64, Step> =
        found.into_iter().map(|(id, parent, name, state)| (id, Step(parent, name, state))).collect();
    let folders = folders.into_iter().filter(|folder| steps.contains_key(folder));
    Ok(folders.map(|folder| (folder, way_up(folder, &steps))).collect())
}

fn way_up(folder: i64, steps: &HashMap<i64, Step>) -> WayUp {
    let mut way = WayUp { visible: true, ..WayUp::default() };
    let mut next = Some(folder);
    while let Some((id, Step(parent, name, state))) = next.and_then(|id| Some((id, steps.get(&id)?)))
        && way.ids.len() < steps.len()
    {
        way.add(id, *state);
        if parent.is_some() {
            way.path.push(name.clone());
        }
        next = *parent;
    }
    way.path.reverse();
    way
}

/// A folder as its row has it: what lies above was not looked at yet.
pub(crate) struct FolderRow {
    pub(crate) ids: NodeIds,
    pub(crate) parent: Option<i64>,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) owner: AccountId,
    pub(crate) creator: AccountId,
    pub(crate) modifier: AccountId,
    pub(crate) files: u64,
    pub(crate) folders: u64,
    pub(crate) bytes: u64,
    pub(crate) created_at: i64,
    pub(crate) modified_at: i64,
    pub(crate) shared: bool,
    pub(crate) trashed: bool,
}

/// What [`folder_row`] reads of a node `n`.
pub(super) const FOLDER_COLUMNS: &str = "n.id, n.uid, n.account_id, n.parent_id, n.name, n.description, \
     n.state, n.creator_id, n.modifier_id, n.files, n.folders, n.bytes, n.created_at, n.modified_at, \
     case when exists (select 1 from share s where s.node_id = n.id) then 1 else 0 end as shared";

pub(super) fn folder_row(row: AnyRow) -> FolderRow {
    let creator: i64 = row.get("creator_id");
    FolderRow {
        ids: NodeIds { id: NodeId(row.get("id")), uid: uid(&row, "uid") },
        parent: row.get("parent_id"),
        name: row.get("name"),
        description: row.get("description"),
        owner: AccountId(row.get("account_id")),
        creator: AccountId(creator),
        modifier: AccountId(row.get::<Option<i64>, _>("modifier_id").unwrap_or(creator)),
        files: row.get::<i64, _>("files") as u64,
        folders: row.get::<i64, _>("folders") as u64,
        bytes: row.get::<i64, _>("bytes") as u64,
        created_at: row.get("created_at"),
        modified_at: row.get("modified_at"),
        shared: row.get::<i64, _>("shared") != 0,
        trashed: row.get::<i64, _>("state") == 2,
    }
}

/// The id of an account's root folder.
pub(crate) async fn root(conn: &mut Conn, account: AccountId) -> Result<i64> {
    sqlx::query_scalar("select root_id from account where id = $1").bind(account.0).fetch_one(conn).await
}

/// An account's root folder, and the account as others see it.
pub(crate) struct Home {
    pub(crate) root: NodeIds,
    pub(crate) owner: Person,
}

/// An account's root folder and the account itself.
pub(crate) async fn home(conn: &mut Conn, account: AccountId) -> Result<Home> {
    let row = sqlx::query(
        "select a.id, a.uid, a.name, a.display_name, n.id as root_id, n.uid as root_uid from account a \
         join node n on n.id = a.root_id where a.id = $1",
    )
    .bind(account.0)
    .fetch_one(conn)
    .await?;
    Ok(Home { root: NodeIds { id: NodeId(row.get("root_id")), uid: uid(&row, "root_uid") }, owner: person(&row) })
}

/// The id of an account's trash: a folder that nobody reaches. Nothing lies in it but what was left behind in a trash
/// when its folder went to another account.
pub(crate) async fn trash(conn: &mut Conn, account: AccountId) -> Result<i64> {
    sqlx::query_scalar("select trash_id from account where id = $1").bind(account.0).fetch_one(conn).await
}

/// How many files lie in an account's tree, live ones, and how often some of them were shown again.
pub(crate) async fn count_files(conn: &mut Conn, account: AccountId) -> Result<(u64, i64)> {
    sqlx::query_as::<_, (i64, i64)>(
        "select n.files, a.shown_again from account a join node n on n.id = a.root_id where a.id = $1",
    )
    .bind(account.0)
    .fetch_one(conn)
    .await
    .map(|(files, shown_again)| (files as u64, shown_again))
}

/// How many files lie in all accounts' trees, live ones.
pub(crate) async fn count_all_files(conn: &mut Conn) -> Result<u64> {
    sqlx::query_scalar::<_, i64>(
        "select cast(coalesce(sum(n.files), 0) as bigint) from account a join node n on n.id = a.root_id",
    )
    .fetch_one(conn)
    .await
    .map(|files| files as u64)
}

/// The uids of folders, by id.
pub(crate) async fn ids(conn: &mut Conn, ids: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, NodeIds>> {
    let rows = sqlx::query(
        "select n.id, n.uid from json_each($1) j cross join node n where n.id = cast(j.value ->> 0 as bigint)",
    )
    .bind(id_rows(ids))
    .fetch_all(conn)
    .await?;
    let both = |row: &AnyRow| NodeIds { id: NodeId(row.get("id")), uid: uid(row, "uid") };
    Ok(rows.iter().map(|row| (row.get("id"), both(row))).collect())
}

/// Live or trashed folders by id.
pub(crate) async fn folders(conn: &mut Conn, ids: &[i64]) -> Result<Vec<FolderRow>> {
    let sql = format!(
        "select {FOLDER_COLUMNS} from json_each($1) j cross join node n where n.id = cast(j.value ->> 0 as bigint) \
         and n.kind = 'folder' and n.state <> 3"
    );
    let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id_rows(ids.iter().copied())).fetch_all(conn).await?;
    Ok(found.into_iter().map(folder_row).collect())
}

/// The live folder of a name in a folder, the oldest where several have it: its id.
pub(crate) async fn named(conn: &mut Conn, parent: i64, name: &str) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select id from node where parent_id = $1 and kind = 'folder' and folded = $3 and name = $2 and state = 1 \
         order by id limit 1",
    )
    .bind(parent)
    .bind(name)
    .bind(name.to_lowercase())
    .fetch_optional(conn)
    .await
}

/// Makes a live folder; totals above it are the caller's. `parent` is `None` for an account's root or trash.
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
         private, created_at, modified_at, folded) values ($1, $2, $3, 'folder', 1, $4, $5, 0, 0, 0, $6, 1, $7, $7, $8) \
         returning id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(account.0)
    .bind(parent)
    .bind(depth)
    .bind(name)
    .bind(creator.0)
    .bind(now)
    .bind(name.to_lowercase())
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}

/// Makes an account's root folder and its trash.
pub(crate) async fn insert_roots(tx: &mut Tx, account: AccountId) -> Result<()> {
    let root = insert(tx, account, None, 0, "", account).await?;
    let trash = insert(tx, account, None, 0, "Trash", account).await?;
    sqlx::query("update account set root_id = $1, trash_id = $2 where id = $3")
        .bind(root)
        .bind(trash)
        .bind(account.0)
        .execute(&mut **tx)
        .await
        .map(drop)
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

/// How many live children each of these folders has. Its totals count all files below it, those of the folders in it
/// count all that do not lie in itself: no file is looked at.
pub(crate) async fn child_counts(conn: &mut Conn, folders: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, u64>> {
    let found: Vec<(i64, i64)> = sqlx::query_as(
        "select n.id, cast(n.files + coalesce((select sum(1 - c.files) from node c where c.parent_id = n.id \
         and c.kind = 'folder' and c.state = 1), 0) as bigint) from json_each($1) j cross join node n where n.id = \
         cast(j.value ->> 0 as bigint)",
    )
    .bind(id_rows(folders))
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|(folder, count)| (folder, count as u64)).collect())
}

/// Describes a folder anew.
pub(crate) async fn describe(tx: &mut Tx, id: i64, description: &str) -> Result<()> {
    sqlx::query("update node set description = $2 where id = $1")
        .bind(id)
        .bind(description)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// A page of a folder's live children of one kind, from behind a row on or so far from the first. The query's own bounds
/// do not count.
pub(crate) async fn children(
    conn: &mut Conn,
    folder: i64,
    query: &ContentQuery,
    folders: bool,
    from: &From,
    limit: u64,
) -> Result<Vec<Position>> {
    let sort = sort(query, folders);
    let mut sql = wanted(&format!("n.id{}", sort.column()), folder, query, folders);
    if let From::Behind(row) = from {
        sort.behind(&mut sql, Some(row));
    }
    sql.push(&sort.order()).push(" limit ").count(limit);
    if let From::Place(place) = from {
        sql.push(" offset ").count(*place);
    }
    Ok(sql.fetch_all(conn).await?.iter().map(|row| sort.position(row, !folders)).collect())
}

/// How many children of one kind [`children`] would list in all.
pub(crate) async fn count_children(conn: &mut Conn, folder: i64, query: &ContentQuery, folders: bool) -> Result<u64> {
    wanted("count(*)", folder, query, folders).fetch_number(conn).await.map(|count| count as u64)
}

fn sort(query: &ContentQuery, folders: bool) -> Sort {
    let by = match query.order {
        ContentOrder::Name => By::Text("n.folded"),
        ContentOrder::Created => By::Number("n.created_at"),
        ContentOrder::Modified => By::Number("n.modified_at"),
        ContentOrder::Size if folders => By::Number("n.bytes"),
        ContentOrder::Size => By::Number("v.size"),
    };
    Sort { by, descending: query.descending }
}

/// The live children of one kind that a list asks for.
fn wanted(columns: &str, folder: i64, query: &ContentQuery, folders: bool) -> Statement {
    let version = sort(query, folders).joined();
    let kind = if folders { "folder" } else { "file" };
    let mut sql =
        Statement::new(format!("select {columns} from node n{version} where n.state = 1 and n.kind = '{kind}'"));
    sql.push(" and n.parent_id = ").number(folder);
    if let Some(name) = &query.name {
        sql.push(" and n.folded = ").text(name.to_lowercase()).push(" and n.name = ").text(name);
    }
    contains(&mut sql, query.find.as_deref());
    sql
}

/// Whether a folder has live children.
pub(crate) async fn has_content(conn: &mut Conn, folder: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from node where parent_id = $1 and kind in ('file', 'folder') and state = 1 \
         limit 1) found",
    )
    .bind(folder)
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// Live children by their ids, those that are still there.
pub(crate) async fn entries(conn: &mut Conn, ids: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, Entry>> {
    let found = sqlx::query(
        "select n.id, n.uid, n.name, n.kind, n.created_at, n.modified_at from json_each($1) j cross join node n \
         where n.id = cast(j.value ->> 0 as bigint) and n.state = 1",
    )
    .bind(id_rows(ids))
    .fetch_all(conn)
    .await?;
    let entry = |row: &AnyRow| Entry {
        uid: uid(row, "uid"),
        name: row.get("name"),
        is_folder: row.get::<&str, _>("kind") == "folder",
        created_at: from_micros(row.get("created_at")),
        modified_at: from_micros(row.get("modified_at")),
    };
    Ok(found.iter().map(|row| (row.get("id"), entry(row))).collect())
}
