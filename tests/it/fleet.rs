//! Three servers on one PostgreSQL and one object store, mixed traffic through all dialects, and everything that can go
//! wrong at once: servers are killed, the database is restarted and crashes, the store is overloaded, hangs, loses its
//! answers and fails single keys of a bulk delete. Whatever was answered is true on every server, and when the weather
//! clears nothing is left behind.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;

use crate::{
    dialects::{ALL, Dialect, File, assert_reads_back},
    hexnode,
    objects::versions::versions,
    support::{
        Account, Server,
        installation::Installation,
        postgres::Postgres,
        promises,
        proxy::{Proxy, Weather},
        weed::{Bucket, PLAIN, VERSIONED, Weed},
    },
    sweeppea, vault,
};

/// Clients at work at the same moment.
const CLIENTS: usize = 6;
/// Calls that are answered between two misfortunes.
const CALLS: u32 = 25;
/// More files than that a client does not keep.
const MOST_FILES: usize = 5;
/// What every server is started with.
const ENV: [(&str, &str); 2] = [("UNFILE_SWEEPPEA_RATE", "0"), ("UNFILE_TRASH_KEEP", "1d")];

const STORM: Weather = Weather { overloaded: 10, lost: 4, hanging: 1, failed_keys: 20 };

struct Fleet {
    servers: Vec<Server>,
    answered: AtomicU32,
    stop: AtomicBool,
    /// What was answered and not so.
    lies: Mutex<Vec<String>>,
}

/// What a client knows at the end.
struct Known {
    key: String,
    kept: Vec<File>,
    deleted: Vec<File>,
    /// Asked to be deleted, and nobody knows.
    doubtful: Vec<File>,
}

#[tokio::test]
async fn whatever_was_answered_is_true_in_every_weather() {
    storm(PLAIN).await;
}

#[tokio::test]
async fn a_bucket_that_keeps_versions_is_left_empty_after_a_storm() {
    storm(VERSIONED).await;
}

async fn storm(bucket: &str) {
    let mut postgres = Postgres::durable().await;
    let weed = Weed::start().await;
    let bucket = weed.bucket(bucket);
    let proxy = Proxy::start(&bucket.endpoint).await;
    let behind_proxy = Bucket { endpoint: proxy.url(), ..bucket.clone() };
    let installation = Installation::on(Some(postgres.database().await), Some(behind_proxy));
    let first = Server::start_on(installation, &ENV).await;
    let servers = vec![first.start_beside(&ENV).await, first.start_beside(&ENV).await, first];
    let mut accounts = Vec::new();
    for name in ["ann", "bob", "cid"] {
        accounts.push(servers[2].account(name).await);
    }
    let fleet =
        Arc::new(Fleet { servers, answered: AtomicU32::new(0), stop: AtomicBool::new(false), lies: Mutex::default() });
    let clients: Vec<JoinHandle<Known>> = (0..CLIENTS)
        .map(|client| tokio::spawn(work(fleet.clone(), accounts[client % accounts.len()].key.clone(), client)))
        .collect();

    fleet.calls().await;
    proxy.set(STORM);
    fleet.calls().await;
    for server in &fleet.servers {
        server.kill().await;
        fleet.calls().await;
        server.start_again().await;
        fleet.calls().await;
    }
    for signal in ["INT", "QUIT"] {
        postgres.stop(signal).await;
        postgres.start_again().await;
        fleet.calls().await;
    }
    fleet.servers[0].kill().await;
    postgres.stop("QUIT").await;
    postgres.start_again().await;
    fleet.calls().await;
    fleet.servers[0].start_again().await;
    fleet.stop.store(true, Ordering::Relaxed);
    let mut known = Vec::new();
    for client in clients {
        known.push(client.await.unwrap());
    }
    assert!(proxy.spoilt() > 20, "the weather was {} requests bad", proxy.spoilt());
    proxy.set(Weather::default());

    assert_eq!(*fleet.lies.lock().unwrap(), Vec::<String>::new());
    for (number, client) in known.iter().enumerate() {
        find(&fleet.servers[number % 3], client).await;
    }
    settle(&fleet).await;
    for (number, client) in known.iter().enumerate() {
        find(&fleet.servers[(number + 1) % 3], client).await;
    }
    promises::assert_kept(fleet.servers[0].installation()).await;
    empty(&fleet, &accounts).await;
    promises::assert_kept(fleet.servers[0].installation()).await;
    promises::assert_nothing_left_behind(fleet.servers[0].installation()).await;
    assert_eq!(fleet.servers[0].objects().await, Vec::<String>::new());
    let left = versions(&bucket, &bucket.prefix).await;
    assert!(left.iter().all(|(key, _, _)| key.ends_with("unfile-installation")), "{left:?}");
}

/// Deletes what is left, and waits until it is gone.
async fn empty(fleet: &Fleet, accounts: &[Account]) {
    for account in accounts {
        loop {
            let files = hexnode::listed(&fleet.servers[0], &account.key).await;
            if files.is_empty() {
                break;
            }
            let gone = hexnode::delete(&fleet.servers[1], &account.key, &serde_json::to_string(&files).unwrap()).await;
            assert_eq!(gone.status, 200, "{}", gone.text());
        }
    }
    settle(fleet).await;
}

/// Longer than anything that was cut off may wait for its client; all clocks go on together.
async fn settle(fleet: &Fleet) {
    for _ in 0..2 {
        for server in &fleet.servers {
            server.advance(Duration::from_secs(2 * 24 * 3600)).await;
        }
    }
}

/// Stores files and deletes some of them, each time through another dialect and another server, until told to stop.
async fn work(fleet: Arc<Fleet>, key: String, client: usize) -> Known {
    let mut known = Known { key, kept: Vec::new(), deleted: Vec::new(), doubtful: Vec::new() };
    for turn in 0.. {
        if fleet.stop.load(Ordering::Relaxed) {
            break;
        }
        let through = ALL[(client + turn) % ALL.len()];
        let done = match turn % 3 {
            2 if !known.kept.is_empty() => delete(&fleet, &mut known, through, client + turn).await,
            _ if known.kept.len() >= MOST_FILES => delete(&fleet, &mut known, through, client + turn).await,
            _ => store(&fleet, &mut known, through, client + turn).await,
        };
        if done.is_some() {
            fleet.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    known
}

async fn store(fleet: &Arc<Fleet>, known: &mut Known, through: Dialect, at: usize) -> Option<()> {
    let name = format!("{}.txt", uuid::Uuid::new_v4());
    let bytes = name.repeat(at % 50 + 1).into_bytes();
    let key = known.key.clone();
    let file = fleet.call(at, async move |server| through.upload(server, &key, &name, &bytes).await).await?;
    known.kept.push(file);
    Some(())
}

async fn delete(fleet: &Arc<Fleet>, known: &mut Known, through: Dialect, at: usize) -> Option<()> {
    let file = known.kept.swap_remove(at % known.kept.len());
    known.doubtful.push(file.clone());
    let (key, asked) = (known.key.clone(), file.clone());
    let reply = fleet.call(at, async move |server| through.delete(server, &key, &through.ids(&asked)[0]).await).await?;
    if reply.status != 200 {
        return None;
    }
    known.doubtful.pop();
    known.deleted.push(file.clone());
    // Another server knows it at once, whatever it is asked through.
    let (key, asked) = (known.key.clone(), file.clone());
    let there = fleet.call(at + 1, async move |server| is_there(server, &key, &asked).await).await?;
    if there {
        let lie = format!("{} is deleted through {through:?} and still there", file.name);
        fleet.lies.lock().unwrap().push(lie);
    }
    Some(())
}

/// Whether any dialect that knows no trash still has the file.
async fn is_there(server: &Server, key: &str, file: &File) -> bool {
    vault::is_there(server, key, &file.n()).await
        || hexnode::listed(server, key).await.contains(&file.id)
        || sweeppea::listed(server, key).await.contains(&file.uid)
}

impl Fleet {
    /// Waits for so many answers more.
    async fn calls(&self) {
        let enough = self.answered.load(Ordering::Relaxed) + CALLS;
        // A request that hangs takes seconds, and so does a database that starts.
        for _ in 0..6 {
            if self.answered.load(Ordering::Relaxed) >= enough {
                return;
            }
            self.some_calls(enough).await;
        }
        panic!("{} calls are answered, not {enough}", self.answered.load(Ordering::Relaxed));
    }

    async fn some_calls(&self, enough: u32) {
        for _ in 0..1_000 {
            if self.answered.load(Ordering::Relaxed) >= enough {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Makes one or more requests to one of the servers; anything may fail, and then there is no answer.
    async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        at: usize,
        requests: impl AsyncFnOnce(&Server) -> T + Send + 'static,
    ) -> Option<T> {
        let fleet = self.clone();
        let runtime = tokio::runtime::Handle::current();
        // The helpers of the dialects panic where no good answer comes.
        let called =
            tokio::task::spawn_blocking(move || runtime.block_on(requests(&fleet.servers[at % fleet.servers.len()])));
        called.await.ok()
    }
}

/// Finds what a client knows to be so.
async fn find(server: &Server, known: &Known) {
    for file in &known.kept {
        assert_reads_back(server, &known.key, file).await;
    }
    for file in &known.deleted {
        assert!(!is_there(server, &known.key, file).await, "{} was deleted", file.name);
    }
    for file in &known.doubtful {
        if vault::is_there(server, &known.key, &file.n()).await {
            assert_reads_back(server, &known.key, file).await;
        }
    }
}
