//! Passwords, and the limit on guessing them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use super::error::{Error, Result};

/// Hashes and checks passwords, at most two at once: each takes 19 MiB and a core for a while.
#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(2)) }
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.work(move || {
            let hash =
                Argon2::default().hash_password(password.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password fits its hash. Without a hash it takes as long and fits nothing, so that nobody learns which
    /// accounts there are.
    pub(super) async fn verify(&self, password: &str, hash: Option<String>) -> Result<bool> {
        let password = password.to_owned();
        self.work(move || {
            let Some(hash) = hash else {
                let _ = Argon2::default().hash_password(password.as_bytes());
                return Ok(false);
            };
            let hash = PasswordHash::new(&hash).map_err(|error| anyhow::anyhow!("a kept hash: {error}"))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> Result<T> {
        let _turn = self.turns.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))?;
        Ok(done?)
    }
}

/// Failed sign-ins of an account in one window.
const OF_ACCOUNT: u32 = 10;
/// Failed sign-ins from an address in one window: more, because many people may share one.
const OF_ADDRESS: u32 = 100;
const WINDOW: Duration = Duration::from_secs(300);
/// Accounts and addresses remembered at the most; beyond it, windows that are over are forgotten first, then all.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Address(IpAddr),
}

/// Counts failed sign-ins. Each node of a service counts for itself.
#[derive(Default)]
pub(super) struct Attempts {
    failed: Mutex<HashMap<Who, (OffsetDateTime, u32)>>,
}

impl Attempts {
    pub(super) fn check(&self, name: &str, address: IpAddr, now: OffsetDateTime) -> Result<()> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for (who, allowed) in [(Who::Account(name.to_owned()), OF_ACCOUNT), (Who::Address(address), OF_ADDRESS)] {
            if let Some((since, count)) = failed.get(&who).copied()
                && count >= allowed
                && now < since + WINDOW
            {
                let left = (since + WINDOW - now).whole_seconds().max(0).unsigned_abs() + 1;
                return Err(Error::TooManyAttempts { retry_after: Duration::from_secs(left) });
            }
        }
        Ok(())
    }

    pub(super) fn failed(&self, name: &str, address: IpAddr, now: OffsetDateTime) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= REMEMBERED {
            failed.retain(|_, (since, _)| now < *since + WINDOW);
        }
        if failed.len() >= REMEMBERED {
            failed.clear();
        }
        for who in [Who::Account(name.chars().take(64).collect()), Who::Address(address)] {
            let (since, count) = failed.entry(who).or_insert((now, 0));
            if now >= *since + WINDOW {
                (*since, *count) = (now, 0);
            }
            *count += 1;
        }
    }

    pub(super) fn succeeded(&self, name: &str) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(&Who::Account(name.to_owned()));
    }
}
