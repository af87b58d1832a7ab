//! Folders: their totals, what lies above and below them.

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{
    Conn, Result, Tx,
    account::{person, uid},
    id_rows,
    list::pattern,
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

/// The ways up of several folders, walked once each.
pub(crate) async fn ways_up(conn: &mut Conn, folders: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, WayUp>> {
    let rows = sqlx::query(
        "with recursive up (start, step, id, parent_id, name, state) as (\
         select p.id, 0, p.id, p.parent_id, p.name, p.state from json_each($1) j cross join node p where p.id = \
         cast(j.value ->> 0 as bigint) union all select up.start, up.step + 1, p.id, p.parent_id, p.name, p.state \
         from up join node p \
         on p.id = up.parent_id) \
         select start, id, parent_id, name, state from up order by start, step",
    )
    .bind(id_rows(folders))
    .fetch_all(conn)
    .await?;
    let mut ways: HashMap<i64, WayUp> = HashMap::new();
    for row in rows {
        let way = ways.entry(row.get("start")).or_insert_with(|| WayUp { visible: true, ..WayUp::default() });
        way.add(row.get("id"), row.get("state"));
        if row.get::<Option<i64>, _>("parent_id").is_some() {
            way.path.insert(0, row.get("name"));
        }
    }
    Ok(ways)
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

/// How many files lie in an account's tree, live ones.
pub(crate) async fn count_files(conn: &mut Conn, account: AccountId) -> Result<u64> {
    sqlx::query_scalar::<_, i64>("select n.files from account a join node n on n.id = a.root_id where a.id = $1")
        .bind(account.0)
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
        "select id from node where parent_id = $1 and name = $2 and kind = 'folder' and state = 1 order by id limit 1",
    )
    .bind(parent)
    .bind(name)
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

/// How many live children each of these folders has; those without any are left out.
pub(crate) async fn child_counts(conn: &mut Conn, folders: impl IntoIterator<Item = i64>) -> Result<HashMap<i64, u64>> {
    let found: Vec<(i64, i64)> = sqlx::query_as(
        "select n.parent_id, count(*) from json_each($1) j cross join node n where n.parent_id = cast(j.value ->> 0 \
         as bigint) and n.state = 1 group by n.parent_id",
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

/// The live children of a folder that a list asks for: `$1` is the folder, `$2` the name or an empty text, `$3` the
/// pattern or an empty text.
const ASKED_FOR: &str = "n.parent_id = $1 and n.state = 1 and ($2 = '' or n.name = $2) \
     and ($3 = '' or lower(n.name) like $3 escape '\\')";

/// One page of a folder's live children: ids, and whether each is a folder; folders first.
pub(crate) async fn children(conn: &mut Conn, folder: i64, query: &ContentQuery) -> Result<Vec<(i64, bool)>> {
    let direction = if query.descending { "desc" } else { "asc" };
    let order = match query.order {
        ContentOrder::Name => format!("n.folded {direction}"),
        ContentOrder::Created => format!("n.created_at {direction}"),
        ContentOrder::Modified => format!("n.modified_at {direction}"),
        ContentOrder::Size => format!("coalesce(v.size, n.bytes) {direction}"),
    };
    let sql = format!(
        "select n.id, case n.kind when 'folder' then 1 else 0 end as is_folder from node n \
         left join version v on v.id = n.version_id where {ASKED_FOR} \
         order by case n.kind when 'folder' then 0 else 1 end, {order}, n.id {direction} limit $4 offset $5"
    );
    let found: Vec<(i64, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(folder)
        .bind(query.name.as_deref().unwrap_or_default())
        .bind(pattern(query.find.as_deref()))
        .bind(i64::from(query.limit))
        .bind(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(found.into_iter().map(|(id, is_folder)| (id, is_folder != 0)).collect())
}

/// How many children [`children`] would list without its bounds.
pub(crate) async fn count_children(conn: &mut Conn, folder: i64, query: &ContentQuery) -> Result<u64> {
    let sql = format!("select count(*) from node n where {ASKED_FOR}");
    sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql))
        .bind(folder)
        .bind(query.name.as_deref().unwrap_or_default())
        .bind(pattern(query.find.as_deref()))
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
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
