//! The one error of the engine. A variant exists only where a client must act differently on it.

use std::time::Duration;

use uuid::Uuid;

use crate::model::{NodeRef, Refused};

/// Why the engine did not do what was asked. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret belongs to no key, or to one that ended.
    #[error("the key is not known")]
    KeyUnknown,
    /// The key is good, its account is switched off.
    #[error("the account is disabled")]
    AccountDisabled,
    /// Wrong account name or password.
    #[error("wrong name or password")]
    WrongPassword,
    /// Failed sign-ins are limited; the caller may try again after the given time.
    #[error("too many attempts")]
    TooManyAttempts { retry_after: Duration },
    /// The caller is known and may not do this.
    #[error("access denied")]
    Forbidden,
    /// Not there for this caller: never was, is gone, or belongs to somebody it is hidden from.
    #[error("not found")]
    NotFound,
    /// It is there, and has no live version of the number asked for.
    #[error("no such version")]
    NoVersion,
    /// It, or something below it, is locked by another account or open for editing.
    #[error("locked or being edited")]
    Locked,
    /// It, or something below it, is under a hold.
    #[error("under a hold")]
    Held,
    /// The entry that stopped a call which does all or nothing, and why.
    #[error("stopped by one entry")]
    Stopped { node: NodeRef, why: Refused },
    /// A parameter that is well formed names something that is not usable here; the text says what.
    #[error("{0}")]
    Invalid(&'static str),
    /// A node name that breaks the rules of [`crate::model::NodeName`].
    #[error("not a valid name")]
    InvalidName,
    /// A folder would lie more than 100 deep.
    #[error("folders are at most 100 deep")]
    TooDeep,
    /// The name is taken by the file given.
    #[error("the name is taken")]
    NameTaken { by: Uuid },
    /// The account's quota does not allow so many bytes more. All in bytes.
    #[error("storage quota exceeded")]
    QuotaExceeded { used: u64, quota: u64, size: u64 },
    /// More bytes came than the upload may have.
    #[error("the upload is too large")]
    TooLarge,
    /// The disk or the object store takes no more bytes.
    #[error("storage is full")]
    StorageFull,
    /// The account has as many open uploads as it may have.
    #[error("too many open uploads")]
    TooManyUploads,
    /// An upload is to be finished whose bytes are not all there.
    #[error("the upload is incomplete")]
    Incomplete,
    /// The upload has ended: finished, deleted or past its time. The bytes sent were discarded.
    #[error("the upload has ended")]
    UploadEnded,
    /// The body broke off before its end. The bytes sent were discarded.
    #[error("the body broke off")]
    BodyBrokenOff,
    /// An administrator's command names what exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// More work than the server may hold: nothing was done, try again.
    #[error("busy")]
    Busy,
    /// The database took a transaction back that met another one, or the connection to it was lost. The committer does
    /// its work again; for a client it is as [`Error::Busy`].
    #[error("{0:#}")]
    Interrupted(anyhow::Error),
    /// A fault of the server, its database or its storage. It was not committed.
    #[error("{0:#}")]
    Internal(anyhow::Error),
}

impl Error {
    /// Whether the transaction itself failed, rather than what was asked of it.
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Error::Internal(_) | Error::Interrupted(_) | Error::StorageFull | Error::Busy)
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// Refuses a text with a zero character, which PostgreSQL does not keep.
pub(super) fn can_be_kept(text: &str) -> Result<()> {
    match text.contains('\0') {
        true => Err(Error::Invalid("a text holds a zero character")),
        false => Ok(()),
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Internal(error)
    }
}

impl From<crate::model::InvalidName> for Error {
    fn from(_: crate::model::InvalidName) -> Self {
        Error::InvalidName
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if crate::store::is_full(&error) {
            return Error::StorageFull;
        }
        if crate::store::is_busy(&error) {
            return Error::Busy;
        }
        if crate::store::is_unkept_text(&error) {
            return Error::Invalid("a text holds a zero character");
        }
        let interrupted = crate::store::is_conflict(&error) || crate::store::is_lost(&error);
        let error = anyhow::Error::new(error).context("database");
        if interrupted { Error::Interrupted(error) } else { Error::Internal(error) }
    }
}
