//! The words that all rooms share: what the engine is asked with and what it answers. Plain data, no behaviour beyond
//! what a word means.

mod delete;
mod key;
mod operation;
mod rights;
mod tree;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

pub use delete::*;
pub use key::*;
pub use operation::*;
pub use rights::*;
pub use tree::*;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub i64);
    };
}

id!(
    /// An account's integer id.
    AccountId
);
id!(
    /// A node's integer id: the one that Hexnode and ONLYOFFICE print. Never given out twice.
    NodeId
);
id!(
    /// An API key's id, for lists and for revoking it.
    KeyId
);

impl KeyId {
    /// Of no key: somebody who came with a password, or by a link.
    pub const NONE: Self = Self(0);
}

impl AccountId {
    /// Of no account: somebody who came by a public link without signing in.
    pub const NOBODY: Self = Self(0);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Admin,
    User,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::User => "user",
        }
    }

    pub(crate) fn kept(text: &str) -> Self {
        match text {
            "admin" => Role::Admin,
            _ => Role::User,
        }
    }
}

/// A user of the service, with the figures of its quota.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: AccountId,
    pub uid: Uuid,
    /// `[a-z0-9._-]{1,64}`
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub role: Role,
    pub disabled: bool,
    /// Bytes; 0 means none.
    pub quota: u64,
    /// Bytes of live, trashed and pending versions.
    pub used: u64,
    /// Bytes that are marked and not yet confirmed gone; not part of `used`.
    pub purging: u64,
    /// Calls a month; 0 means no limit.
    pub max_calls: u64,
    /// The account's label for files in Sweeppea's Drive, once it was used.
    pub category: Option<Uuid>,
}

impl Account {
    /// Without a quota 4 EiB fit, so that no sum ever leaves its numbers.
    pub(crate) const ENDLESS: u64 = 1 << 62;

    /// Bytes that still fit.
    pub fn remaining(&self) -> u64 {
        let quota = if self.quota == 0 { Self::ENDLESS } else { self.quota };
        quota.saturating_sub(self.used)
    }
}

/// An account that proved who it is, with the key it did it with.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: AccountId,
    pub uid: Uuid,
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub role: Role,
    pub max_calls: u64,
    pub key: KeyId,
    pub read_only: bool,
    /// The key may not read: it was made for writing alone.
    pub write_only: bool,
    /// A password stood behind the key.
    pub from_password: bool,
    pub key_expires_at: Option<OffsetDateTime>,
    /// The link that the request names: it is judged by that alone, whatever the account itself may.
    pub link: Option<LinkPass>,
}

impl Caller {
    /// Somebody without a name, as far as a link lets them.
    pub fn anonymous(link: LinkPass) -> Self {
        Self {
            account: AccountId::NOBODY,
            uid: Uuid::nil(),
            name: "anonymous".to_owned(),
            display_name: "anonymous".to_owned(),
            email: String::new(),
            role: Role::User,
            max_calls: 0,
            key: KeyId::NONE,
            read_only: false,
            write_only: false,
            from_password: false,
            key_expires_at: None,
            link: Some(link),
        }
    }

    /// Somebody who came with their password itself.
    pub(crate) fn by_password(account: Account) -> Self {
        Self {
            account: account.id,
            uid: account.uid,
            name: account.name,
            display_name: account.display_name,
            email: account.email,
            role: account.role,
            max_calls: account.max_calls,
            key: KeyId::NONE,
            read_only: false,
            write_only: false,
            from_password: true,
            key_expires_at: None,
            link: None,
        }
    }

    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// As others see them.
    pub(crate) fn person(&self) -> Person {
        Person { id: self.account, uid: self.uid, name: self.name.clone(), display_name: self.display_name.clone() }
    }
}

/// A text that is no [`NodeName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidName;

/// A node's name: 1 to 255 characters after NFC, no `/`, `\` or control characters, not `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(String);

impl NodeName {
    /// # Errors
    /// The name breaks these rules.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        let name: String = raw.nfc().collect();
        let length = name.chars().count();
        let forbidden = |c: char| c == '/' || c == '\\' || c.is_control();
        if length == 0 || length > 255 || name == "." || name == ".." || name.contains(forbidden) {
            return Err(InvalidName);
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a delete that answers only once the bytes are gone ended (sweeppea.md 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GoneVerdict {
    /// Storage has confirmed and the row has left the database.
    Gone(Deleted),
    /// Marked and invisible; storage has not confirmed in time. The purge stays queued.
    Going,
    NotFound,
    Held,
    Locked,
}

/// One line of a folder's content.
#[derive(Debug, Clone)]
pub struct Entry {
    pub uid: Uuid,
    pub name: String,
    pub is_folder: bool,
    pub created_at: OffsetDateTime,
    pub modified_at: OffsetDateTime,
}

/// A slice of a list and how many there are in all.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub total: u64,
    pub items: Vec<T>,
    /// Others follow. Of a list that becomes shorter while it is read, the total does not tell.
    pub more: bool,
}

impl<T> Page<T> {
    /// Of a list of so many.
    pub fn empty(total: u64) -> Self {
        Self { total, items: Vec::new(), more: false }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The caller's own tree.
    Own,
    /// Every account's; for administrators.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileOrder {
    /// By integer id, so by age.
    Id,
    Name,
    Size,
    /// By end time; files without one last.
    Expires,
}

/// A list of live files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileQuery {
    pub whose: Whose,
    pub order: FileOrder,
    pub descending: bool,
    /// Only names that contain this, without regard to ASCII case.
    pub find: Option<String>,
    pub offset: u64,
    pub limit: u32,
}

/// Where an announced upload's bytes may be PUT, once or more often, until it is verified.
#[derive(Debug, Clone)]
pub struct Slot {
    pub uid: Uuid,
    pub media_type: String,
    pub created_at: OffsetDateTime,
}

/// A file to be stored in one call.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub name: NodeName,
    pub media_type: String,
    pub private: bool,
}

/// A Vault transfer: files that become visible together.
#[derive(Debug, Clone)]
pub struct Transfer {
    pub uid: Uuid,
    /// The account that will own the files.
    pub owner: Account,
    /// An administrator acts for the owner.
    pub impersonated: bool,
}

/// A file announced within a transfer.
#[derive(Debug, Clone)]
pub struct NewTransferFile {
    /// Chosen by the client, or minted.
    pub uid: Option<Uuid>,
    pub name: NodeName,
    /// Folder names below the owner's root; missing ones are made when the transfer is committed.
    pub path: Vec<NodeName>,
    pub media_type: String,
    /// Bytes; reserved in the owner's quota from now on.
    pub size: u64,
    /// Chunks name their offset; otherwise each goes behind the one before.
    pub chunked: bool,
}

/// Part of a file's bytes: the first and the number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// `None`: behind what is there.
    pub offset: Option<u64>,
    pub md5: Option<[u8; 16]>,
}

/// A hold on a file.
#[derive(Debug, Clone)]
pub struct Hold {
    pub uid: Uuid,
    pub reason: String,
    pub until: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
}

/// Figures for operators.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    pub purge_pending: u64,
    pub purge_pending_bytes: u64,
    /// Entries older than the overdue time.
    pub purge_overdue: u64,
    /// Entries whose removal was tried and failed, so far.
    pub purge_failing: u64,
    pub expansions: u64,
    pub open_uploads: u64,
    /// Disabled ones too.
    pub accounts: u64,
    /// Bytes of live, trashed and pending versions.
    pub used_bytes: u64,
    /// Transactions that this process has written, and the requests that shared them.
    pub commits: u64,
    pub committed_requests: u64,
    /// Requests of this process that wait for their transaction to begin.
    pub waiting_requests: u64,
    /// Processes that serve this installation and are alive; command lines at work among them.
    pub servers: u64,
    pub objects_versioned: bool,
}

/// The rules of the engine that an operator can set.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Bytes of a new account, 0 for none.
    pub default_quota: u64,
    /// Between a mark and the removal of its bytes.
    pub purge_delay: Duration,
    /// Objects a second that this process removes; 0: as the store allows.
    pub purge_rate: u32,
    /// Beyond that pause: from then on an entry of the purge queue counts as overdue.
    pub overdue_after: Duration,
    pub audit_keep: Duration,
    /// How long an entry stays in a trash before it is destroyed by itself.
    pub trash_keep: Duration,
    /// The same for what is deleted through Vault; `None`: that is destroyed at once (vault.md 3.5).
    pub vault_bin: Option<Duration>,
    /// An edit session without a call for so long has ended.
    pub edit_life: Duration,
    pub applink_access_life: Duration,
    pub applink_refresh_life: Duration,
}
