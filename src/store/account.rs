//! Accounts and the figures of their quota.

use std::collections::HashMap;

use sqlx::{Row, any::AnyRow};
use uuid::Uuid;

use super::{Conn, Result, Tx, id_rows, list::pattern, rows};
use crate::model::{Account, AccountId, Person, Role};

fn account(row: AnyRow) -> Account {
    Account {
        id: AccountId(row.get("id")),
        uid: uid(&row, "uid"),
        name: row.get("name"),
        display_name: row.get("display_name"),
        email: row.get("email"),
        role: Role::kept(row.get("role")),
        disabled: row.get::<Option<i64>, _>("disabled_at").is_some(),
        quota: row.get::<i64, _>("quota") as u64,
        used: row.get::<i64, _>("used") as u64,
        purging: row.get::<i64, _>("purging") as u64,
        max_calls: row.get::<i64, _>("max_calls") as u64,
        category: row.get::<Option<String>, _>("category_uid").and_then(|text| text.parse().ok()),
    }
}

/// A uid that the database kept.
pub(super) fn uid(row: &AnyRow, column: &str) -> Uuid {
    row.get::<&str, _>(column).parse().unwrap_or_default()
}

/// An account by id.
pub(crate) async fn by_id(conn: &mut Conn, id: AccountId) -> Result<Option<Account>> {
    let row = sqlx::query(
        "select id, uid, name, display_name, email, role, disabled_at, quota, used, purging, max_calls, category_uid \
         from account where id = $1",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(account))
}

/// An account by name. No name holds a zero character, and PostgreSQL takes none.
pub(crate) async fn by_name(conn: &mut Conn, name: &str) -> Result<Option<Account>> {
    if name.contains('\0') {
        return Ok(None);
    }
    let row = sqlx::query(
        "select id, uid, name, display_name, email, role, disabled_at, quota, used, purging, max_calls, category_uid \
         from account where name = $1",
    )
    .bind(name)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(account))
}

/// Those of these accounts that there are, by uid.
pub(crate) async fn by_uids(conn: &mut Conn, uids: impl IntoIterator<Item = Uuid>) -> Result<HashMap<Uuid, Account>> {
    let uids: Vec<[String; 1]> = uids.into_iter().map(|uid| [uid.to_string()]).collect();
    let rows = sqlx::query(
        "select a.id, a.uid, a.name, a.display_name, a.email, a.role, a.disabled_at, a.quota, a.used, a.purging, \
         a.max_calls, a.category_uid from json_each($1) j cross join account a where a.uid = j.value ->> 0",
    )
    .bind(rows(&uids))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(account).map(|account| (account.uid, account)).collect())
}

/// Accounts that are not switched off with this address, in any case of ASCII letters, at most two.
pub(crate) async fn by_email(conn: &mut Conn, email: &str) -> Result<Vec<Account>> {
    if email.contains('\0') {
        return Ok(Vec::new());
    }
    let rows = sqlx::query(
        "select id, uid, name, display_name, email, role, disabled_at, quota, used, purging, max_calls, category_uid \
         from account where email <> '' and lower(email) = $1 and disabled_at is null order by id limit 2",
    )
    .bind(email.to_ascii_lowercase())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(account).collect())
}

/// The account that a text names: by uid, sign-in name, or an e-mail address that no other has. Not one that is switched
/// off.
pub(crate) async fn named(conn: &mut Conn, text: &str) -> sqlx::Result<Option<Account>> {
    let mut found = match text.parse::<Uuid>() {
        Ok(uid) => by_uids(conn, [uid]).await?.remove(&uid),
        Err(_) => None,
    };
    if found.is_none() {
        found = by_name(conn, text).await?;
    }
    if found.is_none() {
        let mut all = by_email(conn, text).await?;
        found = if all.len() == 1 { all.pop() } else { None };
    }
    Ok(found.filter(|account| !account.disabled))
}

/// Accounts that are not switched off and whose sign-in or display name contains a text, at most 100, by name.
pub(crate) async fn find(conn: &mut Conn, text: &str) -> Result<Vec<Account>> {
    let rows = sqlx::query(
        "select id, uid, name, display_name, email, role, disabled_at, quota, used, purging, max_calls, category_uid \
         from account where disabled_at is null and ($1 = '' or lower(name) like $1 escape '\\' \
         or lower(display_name) like $1 escape '\\') order by name limit 100",
    )
    .bind(pattern(Some(text)))
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(account).collect())
}

/// All accounts, by name.
pub(crate) async fn all(conn: &mut Conn) -> Result<Vec<Account>> {
    let rows = sqlx::query(
        "select id, uid, name, display_name, email, role, disabled_at, quota, used, purging, max_calls, category_uid \
         from account order by name",
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(account).collect())
}

/// Accounts as others see them, by id.
pub(crate) async fn people(conn: &mut Conn, ids: impl IntoIterator<Item = i64>) -> Result<HashMap<AccountId, Person>> {
    let rows = sqlx::query(
        "select a.id, a.uid, a.name, a.display_name from json_each($1) j cross join account a where a.id = \
         cast(j.value ->> 0 as bigint)",
    )
    .bind(id_rows(ids))
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(person).map(|person| (person.id, person)).collect())
}

/// The columns `id`, `uid`, `name` and `display_name` of an account.
pub(super) fn person(row: &AnyRow) -> Person {
    Person {
        id: AccountId(row.get("id")),
        uid: uid(row, "uid"),
        name: row.get("name"),
        display_name: row.get("display_name"),
    }
}

/// Whether there is any account.
pub(crate) async fn any(conn: &mut Conn) -> Result<bool> {
    sqlx::query_scalar::<_, i64>("select count(*) from (select 1 from account limit 1) found")
        .fetch_one(conn)
        .await
        .map(|found| found > 0)
}

/// Makes an account, without its root folder.
pub(crate) async fn insert(
    tx: &mut Tx,
    name: &str,
    role: Role,
    quota: u64,
    password_hash: Option<&str>,
) -> Result<AccountId> {
    sqlx::query_scalar(
        "insert into account (uid, name, display_name, email, role, password_hash, quota, used, purging, max_calls, \
         created_at) values ($1, $2, $2, '', $3, $4, $5, 0, 0, 1500000, $6) returning id",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(name)
    .bind(role.as_str())
    .bind(password_hash)
    .bind(quota as i64)
    .bind(tx.now)
    .fetch_one(&mut **tx)
    .await
    .map(AccountId)
}

/// Writes back what an administrator may change.
pub(crate) async fn update(tx: &mut Tx, account: &Account) -> Result<()> {
    sqlx::query("update account set quota = $1, max_calls = $2, display_name = $3, email = $4 where id = $5")
        .bind(account.quota as i64)
        .bind(account.max_calls as i64)
        .bind(&account.display_name)
        .bind(&account.email)
        .bind(account.id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Switches an account off or on.
pub(crate) async fn set_disabled(tx: &mut Tx, id: AccountId, disabled: bool) -> Result<()> {
    sqlx::query("update account set disabled_at = $1 where id = $2")
        .bind(disabled.then_some(tx.now))
        .bind(id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Keeps a password's hash.
pub(crate) async fn set_password(tx: &mut Tx, id: AccountId, hash: &str) -> Result<()> {
    sqlx::query("update account set password_hash = $1 where id = $2")
        .bind(hash)
        .bind(id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// An account's password hash, if it has one.
pub(crate) async fn password_hash(conn: &mut Conn, id: AccountId) -> Result<Option<String>> {
    sqlx::query_scalar("select password_hash from account where id = $1").bind(id.0).fetch_one(conn).await
}

/// Adds to, or with a negative number takes from, the bytes that an account uses.
pub(crate) async fn add_used(tx: &mut Tx, id: AccountId, bytes: i64) -> Result<()> {
    sqlx::query("update account set used = used + $1 where id = $2")
        .bind(bytes)
        .bind(id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Counts that files of an account's tree which were there before are shown again, or are its own from now on.
pub(crate) async fn count_shown_again(tx: &mut Tx, id: AccountId) -> Result<()> {
    sqlx::query("update account set shown_again = shown_again + 1 where id = $1")
        .bind(id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Takes bytes into an account's use if they fit its quota; gives the account as others see it.
pub(crate) async fn reserve(tx: &mut Tx, id: AccountId, bytes: i64) -> Result<Option<Person>> {
    let row = sqlx::query(
        "update account set used = used + $1 where id = $2 and used + $1 <= case quota when 0 then $3 else quota end \
         returning id, uid, name, display_name",
    )
    .bind(bytes)
    .bind(id.0)
    .bind(Account::ENDLESS as i64)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.as_ref().map(person))
}

/// Moves bytes of several accounts out of use, into what waits for its purge: rows of account and bytes.
pub(crate) async fn move_to_purging(tx: &mut Tx, moved: &str) -> Result<()> {
    sqlx::query(
        "update account set used = used - moved.bytes, purging = purging + moved.bytes from (select \
         cast(value ->> 0 as bigint) as id, cast(value ->> 1 as bigint) as bytes from json_each($1)) moved \
         where account.id = moved.id",
    )
    .bind(moved)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Takes bytes that are gone from what waits for its purge: rows of account and bytes.
pub(crate) async fn take_from_purging(tx: &mut Tx, gone: &str) -> Result<()> {
    sqlx::query(
        "update account set purging = purging - gone.bytes from (select cast(value ->> 0 as bigint) as id, \
         cast(value ->> 1 as bigint) as bytes from json_each($1)) gone where account.id = gone.id",
    )
    .bind(gone)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Makes the account's category on first use.
pub(crate) async fn make_category(tx: &mut Tx, id: AccountId) -> Result<()> {
    sqlx::query("update account set category_uid = $1 where id = $2 and category_uid is null")
        .bind(Uuid::new_v4().to_string())
        .bind(id.0)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Calls counted for a month.
pub(crate) async fn calls(conn: &mut Conn, id: AccountId, month: &str) -> Result<u64> {
    let calls: Option<i64> = sqlx::query_scalar("select calls from call_count where account_id = $1 and month = $2")
        .bind(id.0)
        .bind(month)
        .fetch_optional(conn)
        .await?;
    Ok(calls.unwrap_or(0) as u64)
}

/// Adds calls: rows of account, month and number. Gives what each came to.
pub(crate) async fn add_calls(tx: &mut Tx, added: &str) -> Result<Vec<(i64, String, i64)>> {
    sqlx::query_as(
        "insert into call_count (account_id, month, calls) select cast(value ->> 0 as bigint), value ->> 1, \
         cast(value ->> 2 as bigint) from json_each($1) where true \
         on conflict (account_id, month) do update set calls = call_count.calls + excluded.calls \
         returning account_id, month, calls",
    )
    .bind(added)
    .fetch_all(&mut **tx)
    .await
}
