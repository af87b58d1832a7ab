//! Passwords and link codes, and the limit on guessing them.

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
use rand::RngExt;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    Engine,
    error::{Error, Result},
    keyed_hash,
};

impl Engine {
    /// Whether a password or code fits its hash. Wrong ones are limited by whom they are for and by address; a right
    /// one is remembered for a minute, so that a client which sends it with every call costs one comparison.
    ///
    /// # Errors
    /// `TooManyAttempts`, also for a right one; `Busy`.
    pub(super) async fn guess(&self, who: Who, address: IpAddr, text: &str, hash: Option<String>) -> Result<bool> {
        self.attempts.check(&who, address, self.clock.now())?;
        let place = self.passwords.verified.place(text, hash.as_deref());
        // The same text again, while it is compared, waits for what comes of it.
        let _turn = self.passwords.verified.turn(&place).await;
        if self.passwords.verified.holds(&place, self.clock.now()) {
            return Ok(true);
        }
        self.attempts.begin(&who, address, self.clock.now())?;
        let right = self.passwords.verify(text, hash).await?;
        if right {
            self.attempts.succeeded(&who, address);
            self.passwords.verified.keep(place, self.clock.now());
        }
        Ok(right)
    }
}

/// Hashes and checks passwords, at most two at once: each takes 19 MiB and a core for a while.
#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// Those who work and those who wait: more are told to come again.
    places: Arc<Semaphore>,
    verified: Arc<Verified>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(2)),
            places: Arc::new(Semaphore::new(64)),
            verified: Arc::new(Verified::new()),
        }
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

/// How long a right password or code is remembered.
const REMEMBER: Duration = Duration::from_secs(60);
/// Right ones remembered at the most.
const VERIFIED: usize = 10_000;
const TURNS: usize = 64;

/// Passwords and codes that were right a moment ago, under a keyed hash of theirs and of what they were compared with:
/// a changed password is another entry. The key is chance and dies with the process.
struct Verified {
    key: [u8; 32],
    until: Mutex<HashMap<Place, OffsetDateTime>>,
    turns: [tokio::sync::Mutex<()>; TURNS],
}

type Place = [u8; 32];

impl Verified {
    fn new() -> Self {
        Self {
            key: rand::rng().random(),
            until: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
        }
    }

    fn place(&self, text: &str, hash: Option<&str>) -> Place {
        keyed_hash(&self.key, &[hash.unwrap_or_default().as_bytes(), &[0], text.as_bytes()])
    }

    async fn turn(&self, place: &Place) -> tokio::sync::MutexGuard<'_, ()> {
        self.turns[usize::from(place[0]) % TURNS].lock().await
    }

    fn holds(&self, place: &Place, now: OffsetDateTime) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(place).is_some_and(|until| now < *until)
    }

    fn keep(&self, place: Place, now: OffsetDateTime) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= VERIFIED {
            until.retain(|_, until| now < *until);
        }
        if until.len() < VERIFIED {
            until.insert(place, now + REMEMBER);
        }
    }
}

/// Failed sign-ins of an account, or wrong codes of a link, in one window.
const OF_ACCOUNT: u32 = 10;
/// Failed sign-ins from an address in one window: more, because many people may share one.
const OF_ADDRESS: u32 = 100;
const WINDOW: Duration = Duration::from_secs(300);
/// Accounts, links and addresses remembered at the most. Windows that are over are forgotten; if that is not enough, nobody
/// may sign in until some are.
const REMEMBERED: usize = 100_000;

/// Whom an attempt counts against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Account(String),
    Link(Uuid),
    Address(IpAddr),
}

/// Counts sign-ins and link codes that were not right. Each server counts for itself.
#[derive(Default)]
pub(super) struct Attempts {
    made: Mutex<Made>,
}

impl Attempts {
    /// Whether an attempt may be made.
    pub(super) fn check(&self, who: &Who, address: IpAddr, now: OffsetDateTime) -> Result<()> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        allowed(&made, [who, &Who::address(address)], now)
    }

    /// Counts an attempt before anything is compared, so that attempts at the same moment count as well.
    fn begin(&self, who: &Who, address: IpAddr, now: OffsetDateTime) -> Result<()> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= REMEMBERED {
            made.retain(|_, (since, _)| now < *since + WINDOW);
        }
        let address = Who::address(address);
        allowed(&made, [who, &address], now)?;
        if made.len() >= REMEMBERED {
            return Err(Error::TooManyAttempts { retry_after: WINDOW });
        }
        for who in [who.clone(), address] {
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
        allowed(&made, [&Who::address(address)], now)
    }

    /// The attempt was right: it and the failures before it do not count.
    fn succeeded(&self, who: &Who, address: IpAddr) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.remove(who);
        if let Some((_, count)) = made.get_mut(&Who::address(address)) {
            *count = count.saturating_sub(1);
        }
    }
}

type Made = HashMap<Who, (OffsetDateTime, u32)>;

fn allowed<'a>(made: &Made, everybody: impl IntoIterator<Item = &'a Who>, now: OffsetDateTime) -> Result<()> {
    for who in everybody {
        let Some(&(since, count)) = made.get(who) else { continue };
        let over = since + WINDOW;
        if count >= who.limit() && now < over {
            let retry_after = Duration::from_secs((over - now).whole_seconds().unsigned_abs() + 1);
            return Err(Error::TooManyAttempts { retry_after });
        }
    }
    Ok(())
}

impl Who {
    pub(super) fn account(name: &str) -> Self {
        Self::Account(name.chars().take(64).collect())
    }

    fn limit(&self) -> u32 {
        match self {
            Self::Account(_) | Self::Link(_) => OF_ACCOUNT,
            Self::Address(_) => OF_ADDRESS,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_is_remembered_for_a_minute_and_for_its_own_hash() {
        let (verified, now) = (Verified::new(), OffsetDateTime::UNIX_EPOCH);
        let place = verified.place("secret", Some("hash"));
        assert!(!verified.holds(&place, now));
        verified.keep(place, now);
        assert!(verified.holds(&place, now + REMEMBER - Duration::from_secs(1)));
        assert!(!verified.holds(&place, now + REMEMBER));
        for (text, hash) in [("secret", Some("other hash")), ("secret", None), ("Secret", Some("hash"))] {
            assert!(!verified.holds(&verified.place(text, hash), now), "{text} {hash:?}");
        }
        assert_ne!(Verified::new().place("secret", Some("hash")), place, "another process, another key");
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let (verified, now) = (Verified::new(), OffsetDateTime::UNIX_EPOCH);
        for text in 0..=VERIFIED {
            verified.keep(verified.place(&text.to_string(), None), now);
        }
        let last = verified.place(&VERIFIED.to_string(), None);
        assert!(!verified.holds(&last, now));
        verified.keep(last, now + REMEMBER);
        assert!(verified.holds(&last, now + REMEMBER), "what is over makes room");
    }

    #[test]
    fn an_account_a_link_and_an_address_are_counted_apart() {
        let (attempts, now) = (Attempts::default(), OffsetDateTime::UNIX_EPOCH);
        let address: IpAddr = Ipv6Addr::LOCALHOST.into();
        let (account, link) = (Who::account("ann"), Who::Link(Uuid::nil()));
        for _ in 0..OF_ACCOUNT {
            assert!(attempts.begin(&account, address, now).is_ok());
        }
        assert!(attempts.check(&account, address, now).is_err());
        assert!(attempts.check(&link, address, now).is_ok());
        attempts.succeeded(&account, address);
        assert!(attempts.check(&account, address, now).is_ok());
        for guess in 0..OF_ADDRESS {
            let _ = attempts.begin(&Who::account(&format!("nobody{guess}")), address, now);
        }
        assert!(attempts.check(&link, address, now).is_err());
        assert!(attempts.check(&link, address, now + WINDOW).is_ok());
    }
}
