//! Keys: what opens the door, and for which calls.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{AccountId, KeyId, Role};

/// Which calls are made, and for which a key was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// Account keys only.
    Keys,
    /// Account keys and the keys of Vault's sign-in (vault.md 2.1).
    Vault,
    /// Account keys, and the tokens and keys that ONLYOFFICE's own calls make (onlyoffice.md 2).
    OnlyOffice,
}

impl Realm {
    /// Whether a key that was made for `made_for` opens these calls: an account's opens all.
    pub(crate) fn takes(self, made_for: Realm) -> bool {
        made_for == Realm::Keys || made_for == self
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Realm::Keys => "all",
            Realm::Vault => "vault",
            Realm::OnlyOffice => "onlyoffice",
        }
    }

    pub(crate) fn kept(text: &str) -> Self {
        match text {
            "vault" => Realm::Vault,
            "onlyoffice" => Realm::OnlyOffice,
            _ => Realm::Keys,
        }
    }
}

/// A key as lists show it: the secret itself is never kept.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    pub id: KeyId,
    pub account: AccountId,
    pub account_name: String,
    pub role: Role,
    /// The first 4 characters of the secret.
    pub prefix: String,
    pub description: String,
    pub read_only: bool,
    /// Of a sign-in: it ends when its account is switched off or its password changes.
    pub sign_in: bool,
    pub created_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    pub revoked: bool,
}

/// What a new key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    pub description: String,
    pub read_only: bool,
    pub expires_at: Option<OffsetDateTime>,
}

/// A key just made: the only time its secret is seen.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    pub id: KeyId,
    /// 30 characters `[A-Za-z0-9]`.
    pub secret: String,
    pub account: AccountId,
    pub expires_at: Option<OffsetDateTime>,
}

/// What a key of one realm is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permissions {
    All,
    ReadOnly,
    WriteOnly,
}

/// A key to be made for the calls of one realm alone.
#[derive(Debug, Clone)]
pub struct NewOwnKey {
    /// At most 30 characters.
    pub name: String,
    pub permissions: Permissions,
    pub expires_at: Option<OffsetDateTime>,
}

/// A key of one realm, as its account sees it.
#[derive(Debug, Clone)]
pub struct OwnKey {
    pub uid: Uuid,
    pub name: String,
    /// The last 4 characters of the secret.
    pub postfix: String,
    pub permissions: Permissions,
    pub created_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    /// Its end has not come.
    pub active: bool,
}

/// A key of one realm, just made.
#[derive(Debug, Clone)]
pub struct IssuedOwnKey {
    pub key: OwnKey,
    /// `sk-` and 40 characters `[A-Za-z0-9]`; the only time it is seen.
    pub secret: String,
}
