//! Operations: bulk requests as records, and the entries of them that wait.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid, id_rows};
use crate::{
    clock::from_micros,
    model::{AccountId, Failure, Item, Operation, OperationKind, OperationQuery},
};

/// An operation that was just accepted.
pub(crate) struct NewRow<'a> {
    pub(crate) uid: Uuid,
    pub(crate) account: AccountId,
    pub(crate) dialect: &'a str,
    pub(crate) kind: OperationKind,
    pub(crate) entries: &'a [Item],
    pub(crate) items: u64,
    pub(crate) done: u64,
    pub(crate) failures: &'a [Failure],
    pub(crate) finished: bool,
}

/// Keeps an operation; gives its id.
pub(crate) async fn insert(tx: &mut Tx, new: &NewRow<'_>) -> Result<i64> {
    let now = tx.now;
    sqlx::query_scalar(
        "insert into operation (uid, account_id, dialect, kind, entries, items, done, failures, created_at, finished_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id",
    )
    .bind(new.uid.to_string())
    .bind(new.account.0)
    .bind(new.dialect)
    .bind(new.kind.as_str())
    .bind(to_json(new.entries))
    .bind(new.items as i64)
    .bind(new.done as i64)
    .bind(to_json(new.failures))
    .bind(now)
    .bind(new.finished.then_some(now))
    .fetch_one(&mut **tx)
    .await
}

/// Bytes of entries that one list holds at the most, beyond its first operation.
const LIST_BYTES: i64 = 16 << 20;

/// An account's operations of a dialect with their ids, newest first, at most `limit`, and fewer where they name very
/// many entries: the others are listed another time.
pub(crate) async fn list(
    conn: &mut Conn,
    account: AccountId,
    dialect: &str,
    query: OperationQuery,
    limit: i64,
) -> Result<Vec<(i64, Operation)>> {
    let rows = sqlx::query(
        "with wanted (id, bytes, up_to_here) as (select id, octet_length(entries), \
         sum(octet_length(entries)) over (order by id desc) from operation \
         where account_id = $1 and dialect = $2 and ($3 is null or uid = $3) and ($4 is null or kind = $4) \
         and ($5 = 0 or finished_at is null)) \
         select o.id, o.uid, o.kind, o.entries, o.items, o.done, o.failures, o.created_at, o.finished_at \
         from wanted w join operation o on o.id = w.id where w.up_to_here <= $7 or w.up_to_here = w.bytes \
         order by o.id desc limit $6",
    )
    .bind(account.0)
    .bind(dialect)
    .bind(query.uid.map(|uid| uid.to_string()))
    .bind(query.kind.map(OperationKind::as_str))
    .bind(i64::from(query.unfinished))
    .bind(limit)
    .bind(LIST_BYTES)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok((row.get("id"), operation(row)?))).collect()
}

fn operation(row: &AnyRow) -> Result<Operation> {
    Ok(Operation {
        uid: uid(row, "uid"),
        kind: OperationKind::kept(row.get("kind")),
        entries: from_json(row.get("entries"))?,
        items: row.get::<i64, _>("items") as u64,
        done: row.get::<i64, _>("done") as u64,
        failures: from_json(row.get("failures"))?,
        created_at: from_micros(row.get("created_at")),
        finished: row.get::<Option<i64>, _>("finished_at").is_some(),
    })
}

/// Ids of an account's unfinished operations of a dialect, of the one with this uid or of all.
pub(crate) async fn unfinished(
    conn: &mut Conn,
    account: AccountId,
    dialect: &str,
    uid: Option<Uuid>,
) -> Result<Vec<i64>> {
    sqlx::query_scalar(
        "select id from operation where account_id = $1 and dialect = $2 and ($3 is null or uid = $3) \
         and finished_at is null",
    )
    .bind(account.0)
    .bind(dialect)
    .bind(uid.map(|uid| uid.to_string()))
    .fetch_all(conn)
    .await
}

/// Ids of operations that ended before a time, at most `limit`.
pub(crate) async fn finished_before(conn: &mut Conn, before: i64, limit: i64) -> Result<Vec<i64>> {
    sqlx::query_scalar("select id from operation where finished_at < $1 limit $2")
        .bind(before)
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Drops operations.
pub(crate) async fn remove(tx: &mut Tx, ids: &[i64]) -> Result<()> {
    sqlx::query("delete from operation where id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(id_rows(ids.iter().copied()))
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// How far an operation has come: items, items done and failures. `None`: it was dropped.
pub(crate) async fn progress(tx: &mut Tx, id: i64) -> Result<Option<(u64, u64, Vec<Failure>)>> {
    let row = sqlx::query("select items, done, failures from operation where id = $1")
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(|row| {
        let (items, done): (i64, i64) = (row.get("items"), row.get("done"));
        Ok((items as u64, done as u64, from_json(row.get("failures"))?))
    })
    .transpose()
}

/// Notes how far an operation has come; it has ended if none of its entries waits any more.
pub(crate) async fn set_progress(tx: &mut Tx, id: i64, items: u64, done: u64, failures: &[Failure]) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "update operation set items = $2, done = $3, failures = $4, finished_at = case when exists \
         (select 1 from waiting w where w.operation_id = operation.id) then null else $5 end where id = $1",
    )
    .bind(id)
    .bind(items as i64)
    .bind(done as i64)
    .bind(to_json(failures))
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Lets entries of an operation wait: rows of node and request.
pub(crate) async fn insert_waiting(tx: &mut Tx, operation: i64, waiting: &str) -> Result<()> {
    sqlx::query(
        "insert into waiting (operation_id, node_id, request) \
         select $1, cast(value ->> 0 as bigint), value ->> 1 from json_each($2)",
    )
    .bind(operation)
    .bind(waiting)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Waiting entries, as operation and node, that nobody edits any more, neither themselves nor, of a folder, anything
/// below; oldest operation first, at most `limit`.
pub(crate) async fn ready(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<(i64, i64)>> {
    sqlx::query_as(
        "with recursive edited (id, parent_id, state) as (\
         select n.id, n.parent_id, n.state from edit_session e join node n on n.id = e.node_id where e.expires_at > $1 \
         union select p.id, p.parent_id, p.state from edited join node p on p.id = edited.parent_id \
         where edited.state = 1) \
         select w.operation_id, w.node_id from waiting w \
         where not exists (select 1 from edited where edited.id = w.node_id) order by w.operation_id, w.node_id limit $2",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Whether anything waits at all.
pub(crate) async fn any_waiting(conn: &mut Conn) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from (select 1 from waiting limit 1) found")
        .fetch_one(conn)
        .await
        .map(|found| found > 0)
}

/// Whether one of these nodes waits to be deleted.
pub(crate) async fn waits(conn: &mut Conn, nodes: &[i64]) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from json_each($1) j cross join waiting w where w.node_id = cast(j.value ->> 0 as bigint)",
    )
    .bind(id_rows(nodes.iter().copied()))
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// Of an operation's waiting entries, those for these nodes with their requests.
pub(crate) async fn waiting_of(tx: &mut Tx, operation: i64, nodes: &[i64]) -> Result<Vec<(i64, String)>> {
    sqlx::query_as(
        "select w.node_id, w.request from json_each($2) j cross join waiting w where w.operation_id = $1 and \
         w.node_id = cast(j.value ->> 0 as bigint)",
    )
    .bind(operation)
    .bind(id_rows(nodes.iter().copied()))
    .fetch_all(&mut **tx)
    .await
}

/// These entries of an operation wait no longer.
pub(crate) async fn end_waiting(tx: &mut Tx, operation: i64, nodes: &[i64]) -> Result<()> {
    sqlx::query(
        "delete from waiting where operation_id = $1 and node_id in \
         (select cast(value ->> 0 as bigint) from json_each($2))",
    )
    .bind(operation)
    .bind(id_rows(nodes.iter().copied()))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// No entry of these operations waits any longer.
pub(crate) async fn drop_waiting(tx: &mut Tx, operations: &[i64]) -> Result<()> {
    sqlx::query("delete from waiting where operation_id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(id_rows(operations.iter().copied()))
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// What is kept as JSON is made of numbers and strings only: it always becomes JSON.
fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
