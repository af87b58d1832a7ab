//! The words that all rooms share: what the engine is asked with and what it answers. Plain data, no behaviour beyond
//! what a word means.

use std::time::Duration;

use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Bytes that still fit. Without a quota 4 EiB do, so that no sum ever leaves its numbers.
    pub fn remaining(&self) -> u64 {
        const ENDLESS: u64 = 1 << 62;
        let quota = if self.quota == 0 { ENDLESS } else { self.quota };
        quota.saturating_sub(self.used)
    }
}

/// Which keys a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// Account keys only.
    Keys,
    /// Account keys and the keys of Vault's sign-in (vault.md 2.1).
    Vault,
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
    /// A password stood behind the key.
    pub from_password: bool,
    pub key_expires_at: Option<OffsetDateTime>,
}

impl Caller {
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
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
    /// From Vault's sign-in: serves that dialect alone.
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

/// What a delete names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A file by its integer id.
    FileId(i64),
    /// A file by its uid.
    FileUid(Uuid),
    /// A folder, with everything below it, by its uid.
    FolderUid(Uuid),
}

/// Which files a caller may reach for deleting; a dialect narrows, never widens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What lies in the caller's own tree.
    Own,
    /// The same, and anything for an administrator (vault.md 2.4).
    OwnOrAdmin,
}

/// What one refused target means for the others of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// Nothing is deleted unless everything can be.
    AllOrNothing,
    /// Each target stands for itself.
    BestEffort,
}

/// The one request that every dialect's delete becomes.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    pub caller: Caller,
    /// Which API asked, for the audit: `hexnode`, `vault`, `sweeppea`.
    pub dialect: &'static str,
    /// In request order. Repeated targets count once.
    pub targets: Vec<Target>,
    pub reach: Reach,
    pub atomicity: Atomicity,
}

/// What became of one distinct target, in request order.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub target: Target,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Marked by this call: hidden everywhere, its purge durably queued.
    Deleted(Deleted),
    /// Could have been deleted, but an all-or-nothing call was stopped by another target.
    Untouched,
    /// Not there for this caller.
    NotFound,
    /// It, or something below it, is under a hold.
    Held,
    /// It, or something below it, is locked by another user or open for editing.
    Locked,
}

/// A node at the moment it was marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    pub uid: Uuid,
    pub name: String,
    /// Bytes of the current version; a folder's whole subtree.
    pub size: u64,
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

/// A live file as its owner sees it.
#[derive(Debug, Clone)]
pub struct FileInfo {
    pub id: NodeId,
    pub uid: Uuid,
    pub name: String,
    /// Bytes of the current version.
    pub size: u64,
    pub media_type: String,
    pub owner: AccountId,
    pub creator_name: String,
    /// The Vault transfer it came with.
    pub group: Option<Uuid>,
    /// Folder names from below the root down to the file's folder.
    pub path: Vec<String>,
    pub private: bool,
    pub created_at: OffsetDateTime,
    pub modified_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    /// Locked or open for editing, by anyone.
    pub locked: bool,
    pub held: bool,
}

/// A live folder.
#[derive(Debug, Clone)]
pub struct FolderInfo {
    pub id: NodeId,
    pub uid: Uuid,
    /// Empty for an account's root.
    pub name: String,
    pub owner: AccountId,
    pub owner_name: String,
    /// Names from below the root down to this folder; empty for the root.
    pub path: Vec<String>,
    /// Live files, folders and bytes anywhere below it.
    pub files: u64,
    pub folders: u64,
    pub bytes: u64,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own tree.
    Own,
    /// Every account's; for administrators.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOrder {
    /// By integer id, so by age.
    Id,
    Name,
    Size,
    /// By end time; files without one last.
    Expires,
}

/// A list of live files.
#[derive(Debug, Clone)]
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
    pub expansions: u64,
    pub open_uploads: u64,
    /// Disabled ones too.
    pub accounts: u64,
    /// Bytes of live, trashed and pending versions.
    pub used_bytes: u64,
    /// Transactions that this process has written, and the requests that shared them.
    pub commits: u64,
    pub committed_requests: u64,
}

/// The rules of the engine that an operator can set.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Bytes of a new account, 0 for none.
    pub default_quota: u64,
    /// Between a mark and the removal of its bytes.
    pub purge_delay: Duration,
    /// Beyond that pause: from then on an entry of the purge queue counts as overdue.
    pub overdue_after: Duration,
    pub audit_keep: Duration,
}
