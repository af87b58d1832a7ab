//! Lists of what lies in a trash, and how many entries there are.

use super::{From, Position, contains, sort};
use crate::{
    model::{AccountId, FileQuery},
    store::{
        Conn, Result,
        statement::Statement,
        trash::{COLUMNS, EntryRow, STANDS, entry},
    },
};

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

/// How many entries [`page`] would list in all. Those of whole nodes are counted on their holders' accounts.
pub(crate) async fn count(conn: &mut Conn, whose: Whose, versions: bool) -> Result<u64> {
    let counted_in =
        if versions { parts(whose) } else { Vec::from_iter(parts(whose).into_iter().filter(Part::is_others)) };
    let mut sum = match (versions, whose) {
        (true, _) => 0,
        (false, Whose::Seen(AccountId(id)) | Whose::Held(AccountId(id))) => {
            sqlx::query_scalar("select entries from account where id = $1").bind(id).fetch_one(&mut *conn).await?
        }
        (false, Whose::All) => {
            sqlx::query_scalar::<_, i64>("select cast(coalesce(sum(entries), 0) as bigint) from account")
                .fetch_one(&mut *conn)
                .await?
        }
    };
    for part in counted_in {
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
    fn is_others(&self) -> bool {
        matches!(self, Part::WithOthers(_))
    }

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
    let sort = sort(query);
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
        match account.filter(|_| !of_others && query.find.as_deref().is_none_or(str::is_empty)) {
            Some(account) => all_but_emptied(&mut sql, account),
            None => whole_files(&mut sql, "count(*)", account, query, of_others),
        }
        sum += sql.fetch_number(conn).await?;
    }
    Ok(sum as u64)
}

/// Counts the files of an account's tree that lie in a trash, along one index: emptied ones, which wait for their marks
/// for a while, are taken off.
fn all_but_emptied(sql: &mut Statement, AccountId(account): AccountId) {
    sql.push("select (select count(*) from node n where n.state = 2 and n.kind = 'file' and n.account_id = ");
    sql.number(account).push(") - (select count(*) from (select t.node_id from trash t where t.version_id is null ");
    sql.push("and t.spared < (select a.emptied_to from account a where a.id = ").number(account);
    sql.push(") and t.id <= (select a.emptied_to from account a where a.id = ").number(account);
    sql.push(") and t.account_id = t.holder_id and t.holder_id = ").number(account);
    sql.push(" union all select t.node_id from trash t cross join account h where h.id = t.holder_id ");
    sql.push(&format!("and not {STANDS} and t.version_id is null and t.holder_id <> t.account_id and t.account_id = "));
    sql.number(account).push(") emptied cross join node n where n.id = emptied.node_id and n.kind = 'file')");
}

/// Where files of a trash lie: in the account's own tree, and in those of others.
fn places(account: Option<AccountId>) -> &'static [bool] {
    if account.is_some() { &[false, true] } else { &[false] }
}

fn whole_files(sql: &mut Statement, columns: &str, account: Option<AccountId>, query: &FileQuery, of_others: bool) {
    let version = sort(query).joined();
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
