//! The one door to everything that unfile knows and does.
//!
//! Dialects, the command line and the jobs all come in here; behind it lie the database (`store`) and the
//! bytes (`objects`), which know nothing of each other and nothing of this room. What holds whatever happens:
//!
//! * All writing goes through the committer, in one order (`commit`). A commit is durable before its caller is told.
//! * A node is visible if it and everything above it is live; every read asks that, and there is no other way to a node.
//! * An object is named by a row before its first byte is stored, and until storage has confirmed that it is gone:
//!   as staged, as a version's, or in the purge queue. Each move between these is inside one transaction.
//! * An account's `used` is the sum over its live and trashed versions and its uploads; its `purging` is the sum over
//!   its queue entries and over what lies below marked folders. Both change with what they count, in one transaction.
//!
//! The same nouns name the files here and in the store.

mod access;
pub mod account;
mod commit;
mod delete;
pub mod error;
mod expand;
mod expire;
mod file;
mod gaps;
mod hold;
mod key;
mod lease;
mod link;
mod list;
mod lock;
pub mod migrate;
mod name;
mod operation;
mod pace;
mod password;
mod positions;
mod purge;
mod relocate;
mod reserve;
mod share;
mod show;
mod sweep;
mod trash;
mod tree;
mod turns;
mod upload;
mod version;
mod way;

use std::{ops::Deref, path::PathBuf, sync::Arc};

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore};

pub use crate::model;
pub use crate::objects::{ByteStream, ObjectsAt};
pub use account::AccountChange;
pub use file::{Content, Extent};
pub(crate) use pace::Pace;
pub(crate) use purge::{Purger, Turn};

use crate::{
    clock::Clock,
    fault::Faults,
    hex::hex,
    model::{Figures, Rules},
    objects::{KeyMint, Objects},
    store::{self, Store, Tx, seen},
};
use commit::Committer;
use error::{Error, Result};
use gaps::Gaps;
use key::look_up::LookUps;
use lease::Leases;
use password::{Attempts, Passwords};
use positions::Positions;
use reserve::Reserve;
use turns::Turns;

/// What an engine is opened with.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// `sqlite:<path>` or `postgres://…`.
    pub database: String,
    /// This process serves; else it is the command line, which may stand beside one that does.
    pub serves: bool,
    /// The file that is given up when the disk is full. It lies beside the database: that is what must be able to grow.
    /// `None`: the database has a machine of its own.
    pub reserve: Option<PathBuf>,
    pub objects: ObjectsAt,
    pub rules: Rules,
    pub clock: Clock,
    pub faults: Faults,
}

/// Ends the process if the thread or task that holds it panics: work that nobody does any more must not go unnoticed.
/// Whoever watches over the process starts it again.
pub(crate) struct Vital(pub(crate) &'static str);

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(part = self.0, "a part that the service cannot do without has panicked: the process ends");
            std::process::abort();
        }
    }
}

/// A hash that nobody can make without the key.
fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key of 32 bytes fits into one block of the hash.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Why nobody works on a database that is being filled.
const HALF_MIGRATED: &str = "`unfile migrate` has not come to its end here: run it again";

/// How long readiness waits for storage.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The engine. Clones are handles to the same one.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What the parts of the engine share.
pub struct Inner {
    store: Store,
    committer: Committer,
    look_ups: LookUps,
    objects: Objects,
    keys: KeyMint,
    clock: Clock,
    faults: Faults,
    rules: Rules,
    secret: Vec<u8>,
    passwords: Passwords,
    attempts: Attempts,
    turns: Turns,
    leases: Leases,
    /// Lists may take long: they never take all connections from the others.
    lists: Semaphore,
    positions: Positions,
    gaps: Gaps,
    reserve: Arc<Reserve>,
    pub(crate) wake_purge: Notify,
    pub(crate) wake_expand: Notify,
    /// An edit session has ended: what waited for it may be deleted.
    pub(crate) wake_waiting: Notify,
    pub(crate) reserve_wanted: Notify,
    /// Told to everybody who waits, each time entries were purged.
    purged: Notify,
    purge_rate: purge::Rate,
}

impl Deref for Engine {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Engine {
    /// Opens an installation's database, making it where there is none. Several processes may: the server and the
    /// command line, which asks nothing of the objects.
    ///
    /// # Errors
    /// The database cannot be reached; the text names the setting.
    pub async fn open(options: EngineOptions) -> anyhow::Result<Self> {
        let store = Store::open(&options.database).await.context("--database")?;
        let reserve = Arc::new(Reserve::new(options.reserve));
        let (clock, faults) = (options.clock.clone(), options.faults.clone());
        let committer = Committer::start(store.clone(), options.serves, clock, faults, Arc::clone(&reserve))?;
        let (installation, secret) = committer
            .write_freeing("setting", async move |tx: &mut Tx| {
                if store::setting::get(tx, migrate::MIGRATING).await?.is_some() {
                    return Err(Error::Invalid(HALF_MIGRATED));
                }
                for (name, bytes) in [("installation", 16), ("secret", 32)] {
                    let random: Vec<u8> = (0..bytes).map(|_| rand::rng().random()).collect();
                    store::setting::keep(tx, name, &hex(&random)).await?;
                }
                let installation = store::setting::get(tx, "installation").await?.unwrap_or_default();
                Ok((installation, store::setting::get(tx, "secret").await?.unwrap_or_default()))
            })
            .await
            .context("--database")?;
        let objects = Objects::new(options.objects, &installation, options.faults.clone()).context("--objects")?;
        let purge_rate = purge::Rate::new(options.rules.purge_rate, options.clock.micros());
        Ok(Self {
            inner: Arc::new(Inner {
                look_ups: LookUps::start(store.clone(), options.clock.clone()),
                store,
                committer,
                objects,
                keys: KeyMint::default(),
                clock: options.clock,
                faults: options.faults,
                rules: options.rules,
                secret: secret.into_bytes(),
                passwords: Passwords::new(),
                attempts: Attempts::default(),
                turns: Turns::default(),
                leases: Leases::default(),
                lists: Semaphore::new(3),
                positions: Positions::default(),
                gaps: Gaps::default(),
                reserve,
                wake_purge: Notify::new(),
                wake_expand: Notify::new(),
                wake_waiting: Notify::new(),
                reserve_wanted: Notify::new(),
                purged: Notify::new(),
                purge_rate,
            }),
        })
    }

    /// For a process that serves: makes the place for the objects where there is none. On an embedded installation,
    /// which one process serves, it also takes up what the last one left half-done.
    ///
    /// # Errors
    /// The database failed; the objects are missing or are another installation's.
    pub async fn start(&self) -> anyhow::Result<()> {
        self.objects.probe().await.context("--objects")?;
        match self.objects.keeps_versions() {
            false => tracing::info!("the object store keeps no versions"),
            true => tracing::info!("the object store keeps versions: every one of ours is purged by its name"),
        }
        self.make_objects().await?;
        self.objects.is_ours().await.context("--objects")?;
        self.restore_reserve().await;
        match self.store.is_shared() {
            // Others may be at work on what looks half-done.
            true => Ok(()),
            false => self.take_over().await.context("--database"),
        }
    }

    /// Makes the place for the objects, if nothing was ever stored. Servers that start together do it one by one, so
    /// that it is made once.
    async fn make_objects(&self) -> anyhow::Result<()> {
        const JOB: &str = "make objects";
        if !store::setting::nothing_stored(&mut *self.store.read().await?).await? {
            return Ok(());
        }
        while !self.has_lease(JOB).await.context("--database")? {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let made = self.objects.make().await.context("--objects");
        self.end_lease(JOB).await.context("--database")?;
        made
    }

    /// Makes the reserve for deletes on a full disk again, if it was given up and there is room.
    pub(crate) async fn restore_reserve(&self) {
        let reserve = Arc::clone(&self.reserve);
        let _ = tokio::task::spawn_blocking(move || reserve.restore()).await;
    }

    /// Finishes what is queued to be written and closes the database.
    pub async fn close(&self) {
        self.leave().await;
        self.committer.stop().await;
        self.store.close().await;
    }

    /// Does what answers somebody: what it has read is durable before the answer, as is what it has written.
    pub(crate) async fn answer<F: Future>(&self, work: F) -> F::Output {
        let (answer, has_read) = seen::watch(false, work).await;
        if has_read {
            self.committer.all_durable().await;
        }
        answer
    }

    /// Does a part of a call in a task of its own, so that a client that goes away leaves nothing half-done.
    async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let task = tokio::spawn(seen::watch(seen::forget(), work));
        let (done, has_read) = task.await.map_err(|error| Error::Internal(error.into()))?;
        if has_read {
            seen::note();
        }
        done
    }

    /// Figures for operators.
    ///
    /// # Errors
    /// The database failed.
    pub async fn figures(&self) -> Result<Figures> {
        // A pause that the operator has set is not a delay.
        let allowed = self.rules.overdue_after + self.rules.purge_delay;
        let overdue = self.clock.micros() - allowed.as_micros() as i64;
        let mut conn = self.store.read().await?;
        let (commits, committed_requests) = self.committer.counted();
        let servers = match self.store.is_shared() {
            true => store::writer::count_alive(&mut conn, self.clock.micros()).await?,
            false => 1,
        };
        let objects_versioned = self.objects.keeps_versions();
        let waiting_requests = self.committer.waiting();
        let figures = store::purge::figures(&mut conn, overdue).await?;
        Ok(Figures { commits, committed_requests, waiting_requests, servers, objects_versioned, ..figures })
    }

    /// Whether the object store keeps what is overwritten or deleted.
    pub fn keeps_versions(&self) -> bool {
        self.objects.keeps_versions()
    }

    /// Whether database and object storage answer.
    ///
    /// # Errors
    /// A text that names the one that does not.
    pub async fn ready(&self) -> std::result::Result<(), String> {
        let answers = async {
            let mut conn = self.store.read().await?;
            store::setting::get(&mut conn, "installation").await
        };
        answers.await.map_err(|error| format!("database: {error}"))?;
        if self.committer.is_stopped() {
            return Err("database: nothing can be written".into());
        }
        match tokio::time::timeout(ANSWER_WITHIN, self.objects.is_ours()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("objects: {error:#}")),
            Err(_) => Err("objects: no answer".into()),
        }
    }

    /// When the next purge entry may be taken, by its own time and by the rate, microseconds.
    pub(crate) async fn next_purge(&self) -> Result<Option<i64>> {
        let now = self.clock.micros();
        let due = store::purge::next_due(&mut *self.store.read().await?, now).await?;
        Ok(due.map(|due| due.max(now + self.purge_rate.wait(now))))
    }

    /// Whether somebody has asked for anything in the last moments, jobs left out.
    pub(crate) fn is_wanted(&self) -> bool {
        self.committer.is_wanted()
    }

    /// Whether somebody is removing objects now.
    ///
    /// # Errors
    /// The database failed.
    #[cfg(feature = "testing")]
    pub(crate) async fn purge_is_leased(&self) -> Result<bool> {
        Ok(store::purge::any_leased(&mut *self.store.read().await?, self.clock.micros()).await?)
    }

    /// A key of this installation for one purpose, the same on every server and after every start.
    pub fn signing_key(&self, purpose: &str) -> [u8; 32] {
        // An HMAC key may have any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap_or_else(|_| Hmac::new(&Default::default()));
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}
