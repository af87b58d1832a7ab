//! Flat lists of files.

use sqlx::AssertSqlSafe;

use super::{
    Conn, Result,
    node::{FILE_COLUMNS, FileRow, file_row},
};
use crate::model::{AccountId, FileOrder, FileQuery};

/// One page of live files of an account, or with `None` of all. Files below a folder that is marked or in the trash are
/// left out; looking for those walks down such folders, and only folders.
pub(crate) async fn files(
    conn: &mut Conn,
    account: Option<AccountId>,
    query: &FileQuery,
    now: i64,
) -> Result<Vec<FileRow>> {
    let direction = if query.descending { "desc" } else { "asc" };
    let order = match query.order {
        FileOrder::Id => format!("n.id {direction}"),
        FileOrder::Name => format!("n.name {direction}, n.id {direction}"),
        FileOrder::Size => format!("v.size {direction}, n.id {direction}"),
        FileOrder::Expires => format!("n.expires_at is null, n.expires_at {direction}, n.id {direction}"),
    };
    let condition = condition(conn, account).await?;
    let sql = format!(
        "select {FILE_COLUMNS} from node n join version v on v.id = n.version_id \
         where {condition} order by {order} limit $4 offset $5"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(now)
        .bind(account.map_or(0, |account| account.0))
        .bind(pattern(query.find.as_deref()))
        .bind(i64::from(query.limit))
        .bind(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(file_row).collect())
}

/// How many files [`files`] would list without its bounds.
pub(crate) async fn count(conn: &mut Conn, account: Option<AccountId>, query: &FileQuery) -> Result<u64> {
    let condition = condition(conn, account).await?;
    let sql = format!("select count(*) from node n where {condition} and $1 = $1");
    sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql))
        .bind(0)
        .bind(account.map_or(0, |account| account.0))
        .bind(pattern(query.find.as_deref()))
        .fetch_one(conn)
        .await
        .map(|count| count as u64)
}

/// The condition of both: `$2` is the account, `$3` the pattern or an empty text.
async fn condition(conn: &mut Conn, account: Option<AccountId>) -> Result<String> {
    let whose = if account.is_some() { "n.account_id = $2" } else { "$2 = 0" };
    let hidden = match hides_folders(conn, account).await? {
        false => "",
        true => {
            " and n.parent_id not in (with recursive hidden (id) as (select folder_id from expansion \
             where account_id = $2 or $2 = 0 union all select t.id from node t where t.state = 2 \
             and t.kind = 'folder' and (t.account_id = $2 or $2 = 0) union all select c.id from hidden h \
             cross join node c where c.parent_id = h.id and c.kind = 'folder') select id from hidden)"
        }
    };
    Ok(format!(
        "n.kind = 'file' and n.state = 1 and {whose} and ($3 = '' or lower(n.name) like $3 escape '\\'){hidden}"
    ))
}

/// Whether some folder in the trash, or a deleted one whose content still waits for its own mark, hides live rows.
async fn hides_folders(conn: &mut Conn, account: Option<AccountId>) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from expansion where account_id = $1 or $1 = 0 union all select 1 from node \
         where state = 2 and kind = 'folder' and (account_id = $1 or $1 = 0) limit 1) found",
    )
    .bind(account.map_or(0, |account| account.0))
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// What a name is compared with that is to contain a text, ASCII case aside; empty where any name will do.
pub(super) fn pattern(find: Option<&str>) -> String {
    let Some(text) = find.filter(|text| !text.is_empty()) else {
        return String::new();
    };
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{}%", escaped.to_ascii_lowercase())
}
