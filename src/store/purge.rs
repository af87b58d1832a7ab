//! The purge queue: every object that is to be removed, until storage has confirmed that it is gone.

use serde::Deserialize;
use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, id_list, rows};
use crate::{
    model::Figures,
    objects::{ObjectKey, Target},
};

/// One object to be removed, leased to whoever took it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) target: Target,
    /// 0: the bytes never became a file.
    pub(crate) node: i64,
    /// The end of the lease, microseconds.
    pub(crate) lease_until: i64,
    /// This one included.
    pub(crate) attempts: i64,
}

fn entry(row: AnyRow) -> Entry {
    Entry {
        id: row.get("id"),
        target: Target { key: ObjectKey::kept(row.get("object_key")), version: row.get("store_version") },
        node: row.get("node_id"),
        lease_until: row.get("lease_until"),
        attempts: row.get("attempts"),
    }
}

/// Queues the objects of all versions of marked nodes; those marked by themselves before are queued already.
pub(crate) async fn queue_versions(tx: &mut Tx, nodes: &str, not_before: i64, lease_until: i64) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "insert into purge (object_key, store_version, node_id, account_id, size, queued_at, not_before, lease_until, \
         attempts) select v.object_key, v.store_version, n.id, n.account_id, v.size, $2, $3, $4, case when $4 > 0 then 1 else 0 end \
         from json_each($1) j \
         cross join node n join version v on v.node_id = n.id \
         where n.id = cast(j.value ->> 0 as bigint) and v.state <> 3",
    )
    .bind(nodes)
    .bind(now)
    .bind(not_before)
    .bind(lease_until)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Queues the objects of single versions that were marked by themselves.
pub(crate) async fn queue_single(tx: &mut Tx, versions: &str, not_before: i64) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "insert into purge (object_key, store_version, node_id, version_id, account_id, size, queued_at, not_before) \
         select v.object_key, v.store_version, n.id, v.id, n.account_id, v.size, $2, $3 from json_each($1) j \
         cross join version v join node n on n.id = v.node_id where v.id = cast(j.value ->> 0 as bigint)",
    )
    .bind(versions)
    .bind(now)
    .bind(not_before)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Queues objects that never became a version: rows of key, account and size; what their staged rows know of them is
/// taken along. Their bytes count as waiting from now; an object that is queued already stays as it is.
pub(crate) async fn queue_objects(tx: &mut Tx, objects: &[(String, i64, i64)], not_before: i64) -> Result<()> {
    let now = tx.now;
    let queued: Vec<(i64, i64)> = sqlx::query_as(
        "insert into purge (object_key, store_version, node_id, account_id, size, queued_at, not_before) \
         select value ->> 0, (select s.store_version from staged s where s.object_key = value ->> 0), 0, \
         cast(value ->> 1 as bigint), cast(value ->> 2 as bigint), $2, $3 from json_each($1) where true \
         on conflict (object_key) where node_id = 0 do nothing returning account_id, size",
    )
    .bind(rows(objects))
    .bind(now)
    .bind(not_before)
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query(
        "update account set purging = purging + waiting.bytes from (select cast(value ->> 0 as bigint) as id, \
         cast(sum(cast(value ->> 1 as bigint)) as bigint) as bytes from json_each($1) group by 1) waiting \
         where account.id = waiting.id",
    )
    .bind(rows(&queued))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Entries whose time has come, that nobody has leased and no hold parks, the longest waiting first; from the not-before
/// time `behind` on. As JSON, an entry a list of [`DueRow`]'s columns: rows of their own would cost more than the rest.
pub(crate) async fn due(tx: &mut Tx, behind: i64, limit: i64) -> Result<String> {
    let now = tx.now;
    let due: Option<String> = sqlx::query_scalar(
        "select string_agg('[' || due.id || ',' || json_quote(due.object_key) || ',' || \
         coalesce(json_quote(due.store_version), 'null') || ',' || due.node_id || ',' || due.attempts || ',' || \
         due.not_before || ']', ',') from (\
         select p.id, p.object_key, p.store_version, p.node_id, p.attempts, p.not_before from purge p \
         where p.not_before >= $2 and p.not_before <= $1 and p.lease_until <= $1 and not exists \
         (select 1 from hold h where h.node_id = p.node_id and (h.until is null or h.until > $1)) \
         order by p.not_before limit $3) due",
    )
    .bind(now)
    .bind(behind)
    .bind(limit)
    .fetch_one(&mut **tx)
    .await?;
    Ok(format!("[{}]", due.unwrap_or_default()))
}

/// An entry that is due: id, object key, the store's version, node, attempts so far, not-before.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DueRow(i64, String, Option<String>, i64, i64, i64);

impl DueRow {
    pub(crate) fn not_before(&self) -> i64 {
        self.5
    }

    /// The same once it is leased.
    pub(crate) fn leased(self, lease_until: i64) -> Entry {
        let DueRow(id, key, version, node, attempts, _) = self;
        let target = Target { key: ObjectKey::kept(key), version };
        Entry { id, target, node, lease_until, attempts: attempts + 1 }
    }
}

/// Leases entries.
pub(crate) async fn lease(tx: &mut Tx, ids: &str, lease_until: i64) -> Result<()> {
    sqlx::query(
        "update purge set lease_until = $2, attempts = attempts + 1 where id in \
         (select cast(value ->> 0 as bigint) from json_each($1))",
    )
    .bind(ids)
    .bind(lease_until)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether somebody has taken objects of this node and did not say what became of them: they may be gone.
pub(crate) async fn is_in_doubt(tx: &mut Tx, node: Uuid) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from node n join purge p on p.node_id = n.id where n.uid = $1 and p.lease_until > 0",
    )
    .bind(node.to_string())
    .fetch_one(&mut **tx)
    .await
    .map(|taken| taken > 0)
}

/// Whether somebody is removing any objects now.
#[cfg(feature = "testing")]
pub(crate) async fn any_leased(conn: &mut Conn, now: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from (select 1 from purge where lease_until > $1 limit 1) found")
        .bind(now)
        .fetch_one(conn)
        .await
        .map(|found| found > 0)
}

/// Leases the entries of one node, whether their time has come or not, unless another has them or a hold parks them.
pub(crate) async fn take_of_node(tx: &mut Tx, node: i64, lease_until: i64) -> Result<Vec<Entry>> {
    let now = tx.now;
    let taken = sqlx::query(
        "update purge set lease_until = $2, attempts = attempts + 1 where node_id = $3 and lease_until <= $1 and not \
         exists (select 1 from hold h where h.node_id = $3 and (h.until is null or h.until > $1)) \
         returning id, object_key, store_version, node_id, lease_until, attempts",
    )
    .bind(now)
    .bind(lease_until)
    .bind(node)
    .fetch_all(&mut **tx)
    .await?;
    Ok(taken.into_iter().map(entry).collect())
}

/// The entries of some nodes, as they were queued with a lease for the caller.
pub(crate) async fn of_nodes(conn: &mut Conn, nodes: &str) -> Result<Vec<Entry>> {
    let found = sqlx::query(
        "select p.id, p.object_key, p.store_version, p.node_id, p.lease_until, p.attempts from json_each($1) j cross join purge p \
         where p.node_id = cast(j.value ->> 0 as bigint)",
    )
    .bind(nodes)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(entry).collect())
}

/// Drops the entry of an object that has come after it was queued: whoever took the entry may have looked before, so
/// that what they find counts for nothing. Gives account and size.
pub(crate) async fn drop_early(tx: &mut Tx, key: &ObjectKey) -> Result<Option<(i64, i64)>> {
    sqlx::query_as("delete from purge where object_key = $1 and node_id = 0 returning account_id, size")
        .bind(key.as_str())
        .fetch_optional(&mut **tx)
        .await
}

/// What some entries stand for, those that are still there, by account: bytes, and the single versions among them.
pub(crate) async fn sums(tx: &mut Tx, ids: &str) -> Result<Vec<(i64, i64, Vec<i64>)>> {
    let sums: Vec<(i64, i64, Option<String>)> = sqlx::query_as(
        "select p.account_id, cast(sum(p.size) as bigint), string_agg(cast(p.version_id as text), ',') \
         from json_each($1) j cross join purge p where p.id = cast(j.value ->> 0 as bigint) group by p.account_id",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?;
    Ok(sums.into_iter().map(|(account, bytes, versions)| (account, bytes, id_list(versions))).collect())
}

/// Drops entries whose objects are gone.
pub(crate) async fn finish(tx: &mut Tx, ids: &str) -> Result<()> {
    sqlx::query("delete from purge where id in (select cast(value ->> 0 as bigint) from json_each($1))")
        .bind(ids)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Gives entries back after a failure, those that are still leased to whoever gives them: rows of id, the end of the
/// lease, not-before and error.
pub(crate) async fn put_off(tx: &mut Tx, failed: &str) -> Result<()> {
    sqlx::query(
        "update purge set lease_until = 0, not_before = failed.not_before, last_error = failed.error from (select \
         cast(value ->> 0 as bigint) as id, cast(value ->> 1 as bigint) as lease, \
         cast(value ->> 2 as bigint) as not_before, value ->> 3 as error from json_each($1)) failed \
         where purge.id = failed.id and purge.lease_until = failed.lease",
    )
    .bind(failed)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends all leases and pauses: for the start of an installation that only one process works on. A lease that ends so
/// keeps its trace: nobody knows what became of the object.
pub(crate) async fn start_over(tx: &mut Tx) -> Result<()> {
    let now = tx.now;
    sqlx::query(
        "update purge set lease_until = case when lease_until > 0 then 1 else 0 end, \
         not_before = case when not_before > $1 then $1 else not_before end \
         where attempts > 0 or lease_until > 0",
    )
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// When the next entry may be taken; entries that are leased or that a hold parks left out.
pub(crate) async fn next_due(conn: &mut Conn, now: i64) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select p.not_before from purge p where p.lease_until <= $1 and not exists (select 1 from hold h where \
         h.node_id = p.node_id and (h.until is null or h.until > $1)) order by p.not_before limit 1",
    )
    .bind(now)
    .fetch_optional(conn)
    .await
}

/// Figures for operators; entries queued before `overdue` count as overdue, unless a hold parks them.
pub(crate) async fn figures(conn: &mut Conn, overdue: i64) -> Result<Figures> {
    let row = sqlx::query(
        "select (select count(*) from purge) as pending, \
         (select count(*) from account) as accounts, \
         (select cast(coalesce(sum(used), 0) as bigint) from account) as used, \
         (select cast(coalesce(sum(purging), 0) as bigint) from account) as bytes, \
         (select count(*) from purge p where p.queued_at < $1 and not exists (select 1 from hold h where \
         h.node_id = p.node_id)) as overdue, \
         (select count(*) from purge where last_error is not null) as failing, \
         (select count(*) from expansion) as expansions, \
         (select count(*) from upload) as uploads",
    )
    .bind(overdue)
    .fetch_one(conn)
    .await?;
    let figure = |name: &str| row.get::<i64, _>(name) as u64;
    Ok(Figures {
        purge_pending: figure("pending"),
        purge_pending_bytes: figure("bytes"),
        purge_overdue: figure("overdue"),
        purge_failing: figure("failing"),
        expansions: figure("expansions"),
        open_uploads: figure("uploads"),
        accounts: figure("accounts"),
        used_bytes: figure("used"),
        ..Figures::default()
    })
}
