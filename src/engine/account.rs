//! Accounts: making them, changing them, switching them off.

use super::{
    Engine,
    error::{Error, Result},
    key::{self, Secret},
};
use crate::{
    model::{Account, AccountId, Caller, IssuedKey, NewKey, Role},
    store::{self, Conn, Tx, account, folder, setting},
};

/// The setting that names the draft with the first account's key and password.
const FIRST_ADMIN: &str = "first_admin";

/// What `account set` changes; `None` leaves a figure as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Bytes, 0 for none.
    pub quota: Option<u64>,
    /// A month, 0 for no limit.
    pub max_calls: Option<u64>,
    pub display_name: Option<String>,
    pub email: Option<String>,
}

impl Engine {
    /// The caller's account with its figures of now.
    ///
    /// # Errors
    /// Only faults.
    pub async fn account(&self, caller: &Caller) -> Result<Account> {
        let mut conn = self.store.read().await?;
        account::by_id(&mut conn, caller.account).await?.ok_or(Error::NotFound)
    }

    /// The same, with the category made if there was none: somebody is about to see files in it. Where nothing can be
    /// written, on a full disk for one, the account comes without; a list is worth more than its label.
    ///
    /// # Errors
    /// Only faults.
    pub async fn account_with_category(&self, caller: &Caller) -> Result<Account> {
        let account = self.account(caller).await?;
        if account.category.is_some() {
            return Ok(account);
        }
        let id = caller.account;
        let made = self
            .committer
            .write("account.category", async move |tx: &mut Tx| Ok(account::make_category(tx, id).await?))
            .await;
        match made {
            Ok(()) => self.account(caller).await,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "an account's category could not be made");
                Ok(account)
            }
        }
    }

    /// Makes an account with its root folder and its first key. `quota` in bytes, `None` for the default.
    ///
    /// # Errors
    /// `Exists`; `Invalid`: the name is not `[a-z0-9._-]{1,64}`.
    pub async fn add_account(
        &self,
        name: &str,
        role: Role,
        quota: Option<u64>,
        password: Option<&str>,
    ) -> Result<(Account, IssuedKey)> {
        if !is_account_name(name) {
            return Err(Error::Invalid("an account name is 1 to 64 of a-z, 0-9, dot, underscore, hyphen"));
        }
        let hash = match password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let quota = quota.unwrap_or(self.rules.default_quota);
        let (name, secret) = (name.to_owned(), Secret::mint());
        self.committer
            .write("account.add", async move |tx: &mut Tx| {
                if account::by_name(tx, &name).await?.is_some() {
                    return Err(Error::Exists(format!("the account {name}")));
                }
                let issued = insert(tx, &name, role, quota, hash.as_deref(), &secret).await?;
                Ok((by_name(tx, &name).await?, issued))
            })
            .await
    }

    /// Whether there is any account.
    ///
    /// # Errors
    /// Only faults.
    pub async fn has_accounts(&self) -> Result<bool> {
        let mut conn = self.store.read().await?;
        Ok(account::any(&mut conn).await?)
    }

    /// Makes the first account, `admin`, with a key and a password that the caller has written down already, in a draft
    /// of that name. Says whether it did: of many servers that try one does, and where there is an account none.
    ///
    /// # Errors
    /// `Invalid`: the key is not 30 characters `[A-Za-z0-9]`.
    pub async fn add_first_admin(&self, key: &str, password: &str, draft: &str) -> Result<bool> {
        let secret = Secret::parse(key).ok_or(Error::Invalid("a key is 30 characters A-Z, a-z, 0-9"))?;
        let hash = self.passwords.hash(password).await?;
        let (quota, draft) = (self.rules.default_quota, draft.to_owned());
        self.committer
            .write("account.first", async move |tx: &mut Tx| {
                if account::any(tx).await? {
                    return Ok(false);
                }
                setting::keep(tx, FIRST_ADMIN, &draft).await?;
                insert(tx, "admin", Role::Admin, quota, Some(&hash), &secret).await?;
                Ok(true)
            })
            .await
    }

    /// The draft that the first account was made with.
    ///
    /// # Errors
    /// Only faults.
    pub async fn first_admin_draft(&self) -> Result<Option<String>> {
        Ok(setting::get(&mut *self.store.read().await?, FIRST_ADMIN).await?)
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// Only faults.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let mut conn = self.store.read().await?;
        Ok(account::all(&mut conn).await?)
    }

    /// Changes an account.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_account(&self, name: &str, change: AccountChange) -> Result<Account> {
        let name = name.to_owned();
        self.committer
            .write("account.set", async move |tx: &mut Tx| {
                let mut account = by_name(tx, &name).await?;
                account.quota = change.quota.unwrap_or(account.quota);
                account.max_calls = change.max_calls.unwrap_or(account.max_calls);
                account.display_name = change.display_name.clone().unwrap_or(account.display_name);
                account.email = change.email.clone().unwrap_or(account.email);
                account::update(tx, &account).await?;
                Ok(account)
            })
            .await
    }

    /// Sets an account's password and ends its sign-in keys.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let (name, hash) = (name.to_owned(), self.passwords.hash(password).await?);
        self.committer
            .write_freeing("account.passwd", async move |tx: &mut Tx| {
                let id = by_name(tx, &name).await?.id;
                account::set_password(tx, id, &hash).await?;
                store::key::revoke_sign_ins(tx, id).await?;
                Ok(())
            })
            .await
    }

    /// Switches an account off or on. Off, its keys stop, its sign-ins and the applinks assigned
    /// to it end at once; on, its keys work again.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<()> {
        let name = name.to_owned();
        self.committer
            .write_freeing("account.disable", async move |tx: &mut Tx| {
                let id = by_name(tx, &name).await?.id;
                account::set_disabled(tx, id, disabled).await?;
                if disabled {
                    store::key::revoke_sign_ins(tx, id).await?;
                    store::link::remove_assigned(tx, id).await?;
                }
                Ok(())
            })
            .await
    }

    /// Calls counted for an account in a month, written `2026-11`.
    ///
    /// # Errors
    /// Only faults.
    pub async fn calls(&self, account: AccountId, month: &str) -> Result<u64> {
        let mut conn = self.store.read().await?;
        Ok(account::calls(&mut conn, account, month).await?)
    }

    /// Adds calls to the counters of accounts and months, in one commit. Gives what each came to, through all servers.
    ///
    /// # Errors
    /// Only faults.
    pub async fn add_calls(&self, calls: Vec<(AccountId, String, u64)>) -> Result<Vec<(AccountId, String, u64)>> {
        let calls: Vec<(i64, String, u64)> = calls.into_iter().map(|(id, month, calls)| (id.0, month, calls)).collect();
        let calls = store::rows(&calls);
        let totals = self
            .committer
            .write("account.calls", async move |tx: &mut Tx| Ok(account::add_calls(tx, &calls).await?))
            .await?;
        Ok(totals.into_iter().map(|(id, month, calls)| (AccountId(id), month, calls as u64)).collect())
    }
}

/// Makes an account with its folders and its first key.
async fn insert(
    tx: &mut Tx,
    name: &str,
    role: Role,
    quota: u64,
    hash: Option<&str>,
    secret: &Secret,
) -> Result<IssuedKey> {
    let id = account::insert(tx, name, role, quota, hash).await?;
    folder::insert_roots(tx, id).await?;
    key::keep(tx, id, secret, &NewKey::default()).await
}

pub(super) async fn by_name(conn: &mut Conn, name: &str) -> Result<Account> {
    account::by_name(conn, name).await?.ok_or(Error::NotFound)
}

fn is_account_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}
