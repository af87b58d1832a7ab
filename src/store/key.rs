//! API keys, sign-ins and the keys of one realm. Only hashes are kept.

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, account::uid};
use crate::{
    clock::from_micros,
    model::{AccountId, Caller, KeyId, KeyInfo, OwnKey, Permissions, Realm, Role},
};

/// What a secret's hash leads to.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) caller: Caller,
    /// For which calls it was made.
    pub(crate) realm: Realm,
    /// Of a sign-in.
    pub(crate) session: bool,
    pub(crate) disabled: bool,
    pub(crate) renewable_until: Option<i64>,
    pub(crate) expires_at: Option<i64>,
}

/// The keys with these hashes, each with its hash; those that were revoked or whose time is over left out.
pub(crate) async fn by_hashes(conn: &mut Conn, hashes: &[&str], now: i64) -> Result<Vec<(String, Found)>> {
    let hashes: Vec<[&str; 1]> = hashes.iter().map(|hash| [*hash]).collect();
    let rows = sqlx::query(
        "select k.hash, k.id, k.scope, k.session, k.read_only, k.write_only, k.from_password, k.expires_at, k.renewable_until, \
         a.id as account_id, a.uid, a.name, a.display_name, a.email, a.role, a.max_calls, a.disabled_at \
         from json_each($1) j cross join api_key k join account a on a.id = k.account_id \
         where k.hash = j.value ->> 0 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)",
    )
    .bind(super::rows(&hashes))
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.get("hash"), found(row))).collect())
}

fn found(row: AnyRow) -> Found {
    let expires_at: Option<i64> = row.get("expires_at");
    Found {
        caller: Caller {
            account: AccountId(row.get("account_id")),
            uid: uid(&row, "uid"),
            name: row.get("name"),
            display_name: row.get("display_name"),
            email: row.get("email"),
            role: Role::kept(row.get("role")),
            max_calls: row.get::<i64, _>("max_calls") as u64,
            key: KeyId(row.get("id")),
            read_only: row.get::<i64, _>("read_only") != 0,
            write_only: row.get::<i64, _>("write_only") != 0,
            from_password: row.get::<i64, _>("from_password") != 0,
            key_expires_at: expires_at.map(from_micros),
            link: None,
        },
        realm: Realm::kept(row.get("scope")),
        session: row.get::<i64, _>("session") != 0,
        disabled: row.get::<Option<i64>, _>("disabled_at").is_some(),
        renewable_until: row.get("renewable_until"),
        expires_at,
    }
}

/// A key to be kept.
pub(crate) struct NewRow<'a> {
    pub(crate) account: AccountId,
    /// For which calls.
    pub(crate) realm: Realm,
    /// Of a sign-in.
    pub(crate) session: bool,
    /// It ends with this key.
    pub(crate) parent: Option<KeyId>,
    pub(crate) hash: String,
    pub(crate) prefix: &'a str,
    /// Uid and last characters of a key that its realm lists.
    pub(crate) listed: Option<(Uuid, &'a str)>,
    pub(crate) description: &'a str,
    pub(crate) read_only: bool,
    pub(crate) write_only: bool,
    pub(crate) from_password: bool,
    pub(crate) expires_at: Option<i64>,
    pub(crate) renewable_until: Option<i64>,
}

/// Keeps a key.
pub(crate) async fn insert(tx: &mut Tx, key: NewRow<'_>) -> Result<KeyId> {
    let now = tx.now;
    sqlx::query_scalar(
        "insert into api_key (uid, account_id, scope, session, parent_id, hash, prefix, postfix, description, read_only, \
         write_only, from_password, created_at, expires_at, renewable_until) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning id",
    )
    .bind(key.listed.map(|(uid, _)| uid.to_string()))
    .bind(key.account.0)
    .bind(key.realm.as_str())
    .bind(i64::from(key.session))
    .bind(key.parent.map(|parent| parent.0))
    .bind(key.hash)
    .bind(key.prefix)
    .bind(key.listed.map(|(_, postfix)| postfix))
    .bind(key.description)
    .bind(i64::from(key.read_only))
    .bind(i64::from(key.write_only))
    .bind(i64::from(key.from_password))
    .bind(now)
    .bind(key.expires_at)
    .bind(key.renewable_until)
    .fetch_one(&mut **tx)
    .await
    .map(KeyId)
}

/// Whether a key was not revoked, its time is not over, and its account is not switched off.
pub(crate) async fn is_good(tx: &mut Tx, key: KeyId) -> Result<bool> {
    let now = tx.now;
    sqlx::query_scalar::<_, i64>(
        "select count(*) from api_key k join account a on a.id = k.account_id where k.id = $1 and k.revoked_at is null \
         and (k.expires_at is null or k.expires_at > $2) and a.disabled_at is null",
    )
    .bind(key.0)
    .bind(now)
    .fetch_one(&mut **tx)
    .await
    .map(|good| good > 0)
}

/// Moves a key's end.
pub(crate) async fn renew(tx: &mut Tx, key: KeyId, expires_at: i64) -> Result<()> {
    sqlx::query("update api_key set expires_at = $1 where id = $2 and revoked_at is null")
        .bind(expires_at)
        .bind(key.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Ends a key, and all that were made with it and end with it; says whether there was one to end.
pub(crate) async fn revoke(tx: &mut Tx, key: KeyId) -> Result<bool> {
    let done = sqlx::query(
        "update api_key set revoked_at = $1 where revoked_at is null and id in (with recursive ended (id) as (\
         select $2 union select k.id from ended e join api_key k on k.parent_id = e.id) select id from ended)",
    )
    .bind(tx.now)
    .bind(key.0)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends the sign-ins of an account, and all keys that end with them.
pub(crate) async fn revoke_sign_ins(tx: &mut Tx, account: AccountId) -> Result<()> {
    sqlx::query(
        "update api_key set revoked_at = $1 where revoked_at is null and id in (with recursive ended (id) as (\
         select id from api_key where account_id = $2 and session = 1 \
         union select k.id from ended e join api_key k on k.parent_id = e.id) select id from ended)",
    )
    .bind(tx.now)
    .bind(account.0)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The keys of one account, or with `None` of all, by id; with a realm only those that open it.
pub(crate) async fn list(conn: &mut Conn, account: Option<AccountId>, realm: Option<Realm>) -> Result<Vec<KeyInfo>> {
    let rows = sqlx::query(
        "select k.id, k.account_id, a.name, a.role, k.session, k.prefix, k.description, k.read_only, k.created_at, \
         k.expires_at, k.revoked_at from api_key k join account a on a.id = k.account_id \
         where (k.account_id = $1 or $1 = 0) and (k.scope = 'all' or k.scope = $2 or $2 = '') order by k.id",
    )
    .bind(account.map_or(0, |account| account.0))
    .bind(realm.map_or("", Realm::as_str))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(info).collect())
}

fn info(row: AnyRow) -> KeyInfo {
    KeyInfo {
        id: KeyId(row.get("id")),
        account: AccountId(row.get("account_id")),
        account_name: row.get("name"),
        role: Role::kept(row.get("role")),
        prefix: row.get("prefix"),
        description: row.get("description"),
        read_only: row.get::<i64, _>("read_only") != 0,
        sign_in: row.get::<i64, _>("session") != 0,
        created_at: from_micros(row.get("created_at")),
        expires_at: row.get::<Option<i64>, _>("expires_at").map(from_micros),
        revoked: row.get::<Option<i64>, _>("revoked_at").is_some(),
    }
}

/// The keys of one realm alone that an account made and nobody has ended, oldest first.
pub(crate) async fn own(conn: &mut Conn, account: AccountId, realm: Realm, now: i64) -> Result<Vec<OwnKey>> {
    let rows = sqlx::query(
        "select uid, description, postfix, read_only, write_only, created_at, expires_at from api_key \
         where account_id = $1 and scope = $2 and uid is not null and revoked_at is null order by id",
    )
    .bind(account.0)
    .bind(realm.as_str())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| own_key(row, now)).collect())
}

fn own_key(row: AnyRow, now: i64) -> OwnKey {
    let expires_at: Option<i64> = row.get("expires_at");
    OwnKey {
        uid: uid(&row, "uid"),
        name: row.get("description"),
        postfix: row.get::<Option<String>, _>("postfix").unwrap_or_default(),
        permissions: match (row.get::<i64, _>("read_only") != 0, row.get::<i64, _>("write_only") != 0) {
            (true, _) => Permissions::ReadOnly,
            (false, true) => Permissions::WriteOnly,
            (false, false) => Permissions::All,
        },
        created_at: from_micros(row.get("created_at")),
        expires_at: expires_at.map(from_micros),
        active: expires_at.is_none_or(|end| end > now),
    }
}

/// A key of one realm alone by its uid, if it is this account's and nobody has ended it.
pub(crate) async fn own_by_uid(tx: &mut Tx, account: AccountId, realm: Realm, key: Uuid) -> Result<Option<KeyId>> {
    let id: Option<i64> = sqlx::query_scalar(
        "select id from api_key where uid = $1 and account_id = $2 and scope = $3 and revoked_at is null",
    )
    .bind(key.to_string())
    .bind(account.0)
    .bind(realm.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(id.map(KeyId))
}

/// Whether [`forget_sign_ins`] has anything to do.
pub(crate) async fn has_old_sign_ins(conn: &mut Conn, before: i64) -> Result<bool> {
    sqlx::query_scalar::<_, i64>(
        "select count(*) from (select 1 from api_key where session = 1 and (expires_at < $1 or revoked_at < $1) \
         limit 1) found",
    )
    .bind(before)
    .fetch_one(conn)
    .await
    .map(|found| found > 0)
}

/// Removes the keys of sign-ins that ended before a time, at most 500.
pub(crate) async fn forget_sign_ins(tx: &mut Tx, before: i64) -> Result<u64> {
    sqlx::query(
        "delete from api_key where id in (select id from api_key where session = 1 and (expires_at < $1 or \
         revoked_at < $1) limit 500)",
    )
    .bind(before)
    .execute(&mut **tx)
    .await
    .map(|done| done.rows_affected())
}
