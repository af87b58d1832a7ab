//! Passwords, and the limit on guessing them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
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
    /// Those who work and those who wait: more are told to come again.
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(2)), places: Arc::new(Semaphore::new(64)) }
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
        let _place = self.places.try_acquire().map_err(|_| Error::Busy)?;
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
/// Accounts and addresses remembered at the most. Windows that are over are forgotten; if that is not enough, nobody
/// may sign in until some are.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Address(IpAddr),
}

/// Counts sign-ins that did not succeed. Each node of a service counts for itself.
#[derive(Default)]
pub(super) struct Attempts {
    made: Mutex<HashMap<Who, (OffsetDateTime, u32)>>,
}

impl Attempts {
    /// Counts an attempt before anything is compared, so that attempts at the same moment count as well.
    pub(super) fn begin(&self, name: &str, address: IpAddr, now: OffsetDateTime) -> Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= REMEMBERED {
            made.retain(|_, (since, _)| now < *since + WINDOW);
        }
        let everybody = [(Who::account(name), OF_ACCOUNT), (Who::address(address), OF_ADDRESS)];
        for (who, allowed) in &everybody {
            if let Some(retry_after) = left(made.get(who), *allowed, now) {
                return Err(Error::TooManyAttempts { retry_after });
            }
        }
        if made.len() >= REMEMBERED {
            return Err(Error::TooManyAttempts { retry_after: WINDOW });
        }
        for (who, _) in everybody {
            let (since, count) = made.entry(who).or_insert((now, 0));
            if now >= *since + WINDOW {
                (*since, *count) = (now, 0);
            }
            *count += 1;
        }
        Ok(())
    }

    /// Whether an address may try at all.
    pub(super) fn check_address(&self, address: IpAddr, now: OffsetDateTime) -> Result<()> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match left(made.get(&Who::address(address)), OF_ADDRESS, now) {
            Some(retry_after) => Err(Error::TooManyAttempts { retry_after }),
            None => Ok(()),
        }
    }

    /// The attempt was right: it and the account's failures before it do not count.
    pub(super) fn succeeded(&self, name: &str, address: IpAddr) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.remove(&Who::account(name));
        if let Some((_, count)) = made.get_mut(&Who::address(address)) {
            *count = count.saturating_sub(1);
        }
    }
}

/// How long until the window is over in which all allowed attempts were made.
fn left(made: Option<&(OffsetDateTime, u32)>, allowed: u32, now: OffsetDateTime) -> Option<Duration> {
    let &(since, count) = made?;
    let over = since + WINDOW;
    (count >= allowed && now < over).then(|| Duration::from_secs((over - now).whole_seconds().unsigned_abs() + 1))
}

impl Who {
    fn account(name: &str) -> Self {
        Self::Account(name.chars().take(64).collect())
    }

    /// An IPv6 client has a whole /64 to itself.
    fn address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
                Some(v4) => v4.into(),
                None => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            },
        })
    }
}
