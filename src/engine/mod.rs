//! The one door to everything unfile knows and does.
//!
//! (essay to come)

pub mod error;
pub mod model;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use time::OffsetDateTime;
use uuid::Uuid;

use error::Result;
use model::*;

/// Bytes on their way in. An item that is an error means that the sender broke off.
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// Bytes on their way out, with what is known of them.
pub struct Content {
    pub file: FileInfo,
    pub stream: ByteStream,
}

#[derive(Clone)]
pub struct Engine {
    inner: Arc<()>,
}

impl Engine {
    // --- callers
    /// # Errors
    /// KeyUnknown, AccountDisabled, Internal
    pub async fn authenticate(&self, secret: &str, realm: Realm) -> Result<Caller> {
        todo!()
    }
    /// Name and password to a Vault sign-in key: 1 hour, moved on by use (by `authenticate`), at most 24 h.
    /// `address` is the peer, for limiting failures. WrongPassword, TooManyAttempts, Internal
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        address: std::net::IpAddr,
    ) -> Result<IssuedKey> {
        todo!()
    }
    /// Ends the caller's own key.
    pub async fn end_key(&self, caller: &Caller) -> Result<()> {
        todo!()
    }
    /// A key that works in all dialects. Forbidden if wider or longer-lived than the caller's (unless from_password).
    pub async fn issue_key(&self, caller: &Caller, new: NewKey) -> Result<IssuedKey> {
        todo!()
    }
    /// Own keys; an administrator sees all. Ended ones too.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<KeyInfo>> {
        todo!()
    }
    /// The caller's account with fresh figures.
    pub async fn account(&self, caller: &Caller) -> Result<Account> {
        todo!()
    }
    /// Adds calls to months' counters; one commit.
    pub async fn add_calls(&self, calls: Vec<(AccountId, String, u64)>) -> Result<()> {
        todo!()
    }
    /// Calls counted for an account in a month ("2026-11").
    pub async fn calls(&self, account: AccountId, month: &str) -> Result<u64> {
        todo!()
    }

    // --- reads (live, visible, own files)
    /// NotFound
    pub async fn file(&self, caller: &Caller, uid: Uuid) -> Result<FileInfo> {
        todo!()
    }
    /// NotFound. Bytes of the current version, whole.
    pub async fn read(&self, caller: &Caller, uid: Uuid) -> Result<Content> {
        todo!()
    }
    /// For URLs whose signature this server checked: no caller. NotFound once the file is hidden.
    pub async fn read_signed(&self, uid: Uuid) -> Result<Content> {
        todo!()
    }
    /// Forbidden for Whose::All by a user.
    pub async fn files(&self, caller: &Caller, query: FileQuery) -> Result<Page<FileInfo>> {
        todo!()
    }
    pub async fn root(&self, caller: &Caller) -> Result<FolderInfo> {
        todo!()
    }
    /// NotFound
    pub async fn folder(&self, caller: &Caller, uid: Uuid) -> Result<FolderInfo> {
        todo!()
    }
    /// NotFound. Folders first, then by name.
    pub async fn folder_content(
        &self,
        caller: &Caller,
        uid: Uuid,
        offset: u64,
        limit: u32,
    ) -> Result<Page<Entry>> {
        todo!()
    }

    // --- delete
    /// The outcome of each distinct target, in request order; all marks in one commit.
    pub async fn delete(&self, request: DeleteRequest) -> Result<Vec<Outcome>> {
        todo!()
    }
    /// Sweeppea's delete: one own file, answered when the bytes are gone (at most 10 s). Waits for an earlier call on the same file.
    pub async fn delete_and_wait(&self, caller: &Caller, uid: Uuid) -> Result<GoneVerdict> {
        todo!()
    }

    // --- uploads in one call
    /// Stores a small file in the caller's root. With `unique`, NameTaken (exact name against all live files of the account).
    /// NameTaken, QuotaExceeded, StorageFull, Internal
    pub async fn store_file(
        &self,
        caller: &Caller,
        new: NewFile,
        bytes: Bytes,
    ) -> Result<FileInfo> {
        todo!()
    }

    // --- slots (Hexnode)
    /// TooManyUploads
    pub async fn open_slot(
        &self,
        caller: &Caller,
        name: NodeName,
        media_type: String,
    ) -> Result<Slot> {
        todo!()
    }
    /// The open slot with its owner's remaining bytes (its own present bytes added back); UploadEnded after verify/delete/end.
    pub async fn put_slot(&self, uid: Uuid, declared: Option<u64>, body: Body) -> Result<[u8; 16]> {
        todo!()
    }
    /// NotFound, Incomplete (no bytes yet), QuotaExceeded. A repeat answers the same file.
    pub async fn verify_slot(&self, caller: &Caller, uid: Uuid) -> Result<FileInfo> {
        todo!()
    }

    // --- transfers (Vault)
    /// Forbidden (impersonate by a user), Invalid (unknown name, used group id)
    pub async fn open_transfer(
        &self,
        caller: &Caller,
        group: Option<Uuid>,
        for_account: Option<&str>,
    ) -> Result<Transfer> {
        todo!()
    }
    /// Forbidden (not the opener), Invalid (unknown group, used id), QuotaExceeded, TooDeep, StorageFull
    pub async fn add_transfer_file(
        &self,
        caller: &Caller,
        group: Uuid,
        new: NewTransferFile,
    ) -> Result<Uuid> {
        todo!()
    }
    /// Forbidden, Invalid (unknown group/file, overlap, beyond the size, wrong checksum, offset missing), TooLarge (over 100 MiB), BodyBrokenOff, StorageFull
    pub async fn put_chunk(
        &self,
        caller: &Caller,
        group: Uuid,
        file: Uuid,
        chunk: Chunk,
        body: Body,
    ) -> Result<()> {
        todo!()
    }
    /// Forbidden, Invalid, Incomplete. A repeat is fine.
    pub async fn finish_transfer_file(
        &self,
        caller: &Caller,
        group: Uuid,
        file: Uuid,
    ) -> Result<()> {
        todo!()
    }
    /// Forbidden, Invalid, Incomplete. All files of the group become visible together.
    pub async fn commit_transfer(
        &self,
        caller: &Caller,
        group: Uuid,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Vec<FileInfo>> {
        todo!()
    }
    pub async fn drop_transfer(&self, caller: &Caller, group: Uuid) -> Result<()> {
        todo!()
    }
    pub async fn drop_transfer_file(&self, caller: &Caller, group: Uuid, file: Uuid) -> Result<()> {
        todo!()
    }

    // --- administration (CLI)
    pub async fn add_account(
        &self,
        name: &str,
        role: Role,
        quota: Option<u64>,
        password: Option<&str>,
    ) -> Result<(Account, IssuedKey)> {
        todo!()
    }
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        todo!()
    }
    /// NotFound. `None` leaves a figure as it is.
    pub async fn set_account(&self, name: &str, change: AccountChange) -> Result<Account> {
        todo!()
    }
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        todo!()
    }
    /// Disabling ends sign-in keys at once; enabling revives the account keys alone.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<()> {
        todo!()
    }
    pub async fn add_key(&self, account: &str, new: NewKey) -> Result<IssuedKey> {
        todo!()
    }
    pub async fn keys_of(&self, account: &str) -> Result<Vec<KeyInfo>> {
        todo!()
    }
    pub async fn revoke_key(&self, key: KeyId) -> Result<()> {
        todo!()
    }
    /// NotFound: no file, live or waiting for its purge, has this uid.
    pub async fn add_hold(
        &self,
        uid: Uuid,
        until: Option<OffsetDateTime>,
        reason: &str,
    ) -> Result<Hold> {
        todo!()
    }
    pub async fn remove_hold(&self, uid: Uuid) -> Result<()> {
        todo!()
    }
    pub async fn holds(&self) -> Result<Vec<Hold>> {
        todo!()
    }

    // --- operators
    pub async fn figures(&self) -> Result<Figures> {
        todo!()
    }
    /// Whether database and object storage answer now; the text names the one that does not.
    pub async fn ready(&self) -> std::result::Result<(), String> {
        todo!()
    }
    /// A secret of this installation, for signing URLs; the same on every node, for every purpose another.
    pub fn signing_key(&self, purpose: &str) -> [u8; 32] {
        todo!()
    }
    pub fn now(&self) -> OffsetDateTime {
        todo!()
    }
}

/// What `account set` changes; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    pub quota: Option<u64>,
    pub max_calls: Option<u64>,
    pub display_name: Option<String>,
    pub email: Option<String>,
}

/// Stand-in.
pub struct EngineOptions {
    pub data: std::path::PathBuf,
    pub rules: Rules,
    pub clock: crate::clock::Clock,
}

impl Engine {
    pub async fn open(_options: EngineOptions) -> Result<Engine> {
        todo!()
    }
    pub fn start_jobs(&self) {}
    pub async fn stop(&self) {}
    pub async fn has_accounts(&self) -> Result<bool> {
        todo!()
    }
    pub async fn add_first_admin(&self, _key: &str, _password: &str) -> Result<()> {
        todo!()
    }
    #[cfg(feature = "testing")]
    pub fn clock(&self) -> &crate::clock::Clock {
        todo!()
    }
    #[cfg(feature = "testing")]
    pub fn faults(&self) -> &crate::fault::Faults {
        todo!()
    }
    #[cfg(feature = "testing")]
    pub async fn run_jobs_dry(&self) -> Result<()> {
        todo!()
    }
}
