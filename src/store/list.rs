//! Lists by key: a page begins behind a row, wherever in the list that stands.

pub(crate) mod trash;

use std::collections::HashSet;

use sqlx::{Row, any::AnyRow};

use super::{Conn, Result, id_rows, statement::Statement};
use crate::model::{AccountId, FileOrder, FileQuery};

/// A row's place in a list.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    /// Lists come in two parts, one behind the other: folders and files, whole nodes and single versions.
    pub(crate) second: bool,
    pub(crate) by: SortedBy,
    pub(crate) id: i64,
}

/// Where in a list, or in one part of it, a page begins.
#[derive(Debug, Clone)]
pub(crate) enum From {
    /// So many rows from the first.
    Place(u64),
    Behind(Position),
}

/// What a list is sorted by, before the id, in one of its rows.
#[derive(Debug, Clone)]
pub(crate) enum SortedBy {
    Nothing,
    Number(i64),
    Text(String),
}

/// How a list of nodes `n`, with their current versions `v`, is sorted: by an expression, then by id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sort {
    pub(super) by: By,
    pub(super) descending: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Id,
    Number(&'static str),
    Text(&'static str),
}

impl Sort {
    /// The current version joined to the node, if the expression reads it.
    pub(super) fn joined(self) -> &'static str {
        match self.by {
            By::Number(expression) | By::Text(expression) if expression.starts_with("v.") => {
                " join version v on v.id = n.version_id"
            }
            By::Id | By::Number(_) | By::Text(_) => "",
        }
    }

    /// What [`Self::position`] reads, behind a comma.
    pub(super) fn column(self) -> String {
        match self.by {
            By::Id => String::new(),
            By::Number(expression) | By::Text(expression) => format!(", {expression} as sorted_by"),
        }
    }

    pub(super) fn position(self, row: &AnyRow, second: bool) -> Position {
        let by = match self.by {
            By::Id => SortedBy::Nothing,
            By::Number(_) => SortedBy::Number(row.get("sorted_by")),
            By::Text(_) => SortedBy::Text(row.get("sorted_by")),
        };
        Position { second, by, id: row.get("id") }
    }

    /// Only what stands behind a row.
    pub(super) fn behind(self, sql: &mut Statement, row: Option<&Position>) {
        let Some(row) = row else { return };
        let beyond = if self.descending { "<" } else { ">" };
        match (self.by, &row.by) {
            (By::Number(expression), SortedBy::Number(number)) => {
                sql.push(&format!(" and ({expression}, n.id) {beyond} (")).number(*number);
                sql.push(", ").number(row.id).push(")");
            }
            (By::Text(expression), SortedBy::Text(text)) => {
                sql.push(&format!(" and ({expression}, n.id) {beyond} (")).text(text);
                sql.push(", ").number(row.id).push(")");
            }
            (By::Id | By::Number(_) | By::Text(_), _) => {
                sql.push(&format!(" and n.id {beyond} ")).number(row.id);
            }
        }
    }

    pub(super) fn order(self) -> String {
        let direction = if self.descending { "desc" } else { "asc" };
        match self.by {
            By::Id => format!(" order by n.id {direction}"),
            By::Number(expression) | By::Text(expression) => {
                format!(" order by {expression} {direction}, n.id {direction}")
            }
        }
    }
}

/// A row of a list of files: whether the folder that it lies in hides it was not looked at yet.
#[derive(Debug, Clone)]
pub(crate) struct FileKey {
    pub(crate) id: i64,
    pub(crate) parent: i64,
    pub(crate) position: Position,
}

/// How a list of files is sorted.
pub(super) fn sort(query: &FileQuery) -> Sort {
    let by = match (query.order, query.descending) {
        (FileOrder::Id, _) => By::Id,
        (FileOrder::Name, _) => By::Text("n.name"),
        (FileOrder::Size, _) => By::Number("v.size"),
        // Files without an end stand last in either direction.
        (FileOrder::Expires, false) => By::Number("coalesce(n.expires_at, 9223372036854775807)"),
        (FileOrder::Expires, true) => By::Number("coalesce(n.expires_at, 0)"),
    };
    Sort { by, descending: query.descending }
}

/// What a list of files leaves out of what lies in folders that something hides.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LeftOut<'a> {
    /// What lies in these, themselves.
    In(&'a HashSet<i64>),
    /// All: walks down every folder that hides files.
    Hidden,
}

/// A page of live files of an account, or with `None` of all, from behind a row on. The query's own bounds do not count.
pub(crate) async fn files(
    conn: &mut Conn,
    account: Option<AccountId>,
    query: &FileQuery,
    behind: Option<&Position>,
    left_out: LeftOut<'_>,
    limit: u64,
) -> Result<Vec<FileKey>> {
    let sort = sort(query);
    let mut sql = wanted(&format!("n.id, n.parent_id{}", sort.column()), account, query);
    match left_out {
        LeftOut::In(folders) if folders.is_empty() => {}
        LeftOut::In(folders) => {
            sql.push(" and n.parent_id not in (select cast(value ->> 0 as bigint) from json_each(");
            sql.text(id_rows(folders.iter().copied())).push("))");
        }
        LeftOut::Hidden => leave_out_hidden(conn, &mut sql, account).await?,
    }
    sort.behind(&mut sql, behind);
    sql.push(&sort.order()).push(" limit ").count(limit);
    let key =
        |row: AnyRow| FileKey { id: row.get("id"), parent: row.get("parent_id"), position: sort.position(&row, false) };
    Ok(sql.fetch_all(conn).await?.into_iter().map(key).collect())
}

/// The row that stands so far from the beginning of the list of [`files`], the first being 0, where hidden ones are
/// left out. Walks down all folders that hide files, and along the list.
pub(crate) async fn file_at(
    conn: &mut Conn,
    account: Option<AccountId>,
    query: &FileQuery,
    place: u64,
) -> Result<Option<Position>> {
    let sort = sort(query);
    let mut sql = wanted(&format!("n.id{}", sort.column()), account, query);
    leave_out_hidden(conn, &mut sql, account).await?;
    sql.push(&sort.order()).push(" limit 1 offset ").count(place);
    Ok(sql.fetch_all(conn).await?.first().map(|row| sort.position(row, false)))
}

/// How many files [`files`] would list in all, hidden ones left out. Walks as [`file_at`] does.
pub(crate) async fn count(conn: &mut Conn, account: Option<AccountId>, query: &FileQuery) -> Result<u64> {
    let mut sql = wanted("count(*)", account, query);
    leave_out_hidden(conn, &mut sql, account).await?;
    sql.fetch_number(conn).await.map(|count| count as u64)
}

/// Live files that a list asks for, whatever lies above them.
fn wanted(columns: &str, account: Option<AccountId>, query: &FileQuery) -> Statement {
    let version = sort(query).joined();
    let mut sql =
        Statement::new(format!("select {columns} from node n{version} where n.kind = 'file' and n.state = 1"));
    if let Some(account) = account {
        sql.push(" and n.account_id = ").number(account.0);
    }
    contains(&mut sql, query.find.as_deref());
    sql
}

/// Only nodes `n` whose names contain a text, ASCII case aside.
pub(super) fn contains(sql: &mut Statement, find: Option<&str>) {
    let pattern = pattern(find);
    if !pattern.is_empty() {
        sql.push(" and lower(n.name) like ").text(pattern).push(" escape '\\'");
    }
}

/// Leaves out what lies below a folder in the trash, or below a deleted one whose content waits for its own marks.
async fn leave_out_hidden(conn: &mut Conn, sql: &mut Statement, account: Option<AccountId>) -> Result<()> {
    if !hides_folders(conn, account).await? {
        return Ok(());
    }
    sql.push(" and n.parent_id not in (with recursive hidden (id) as (");
    hiding(sql, account);
    sql.push(
        " union all select c.id from hidden h cross join node c where c.parent_id = h.id and c.kind = 'folder') \
         select id from hidden)",
    );
    Ok(())
}

/// Whether some folder hides live rows.
async fn hides_folders(conn: &mut Conn, account: Option<AccountId>) -> Result<bool> {
    let mut sql = Statement::new("select count(*) from (select 1 from (");
    hiding(&mut sql, account);
    sql.push(") hidden limit 1) found");
    sql.fetch_number(conn).await.map(|found| found > 0)
}

/// The folders that hide live rows by themselves.
fn hiding(sql: &mut Statement, account: Option<AccountId>) {
    let of_account = |sql: &mut Statement, column: &str| {
        if let Some(account) = account {
            sql.push(&format!(" and {column} = ")).number(account.0);
        }
    };
    sql.push("select e.folder_id from expansion e where e.folder_id > 0");
    of_account(sql, "e.account_id");
    sql.push(" union all select t.id from node t where t.state = 2 and t.kind = 'folder'");
    of_account(sql, "t.account_id");
}

/// What a name is compared with that is to contain a text, ASCII case aside; empty where any name will do.
pub(super) fn pattern(find: Option<&str>) -> String {
    let Some(text) = find.filter(|text| !text.is_empty()) else {
        return String::new();
    };
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{}%", escaped.to_ascii_lowercase())
}
