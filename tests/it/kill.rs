//! Traffic through all dialects, SIGKILL in the middle of it, and a start on what that left: whatever was answered is
//! true, whatever was not is true or never was, and the promises hold on disk before the next start and after it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use tokio::task::JoinHandle;

use crate::{
    dialects::{self, ALL, Dialect, File, assert_reads_back},
    hexnode,
    support::{Account, Server, promises, wait_until},
    vault,
};

/// Clients at work at the same moment.
const CLIENTS: usize = 8;
/// Calls that are answered before the server is killed.
const CALLS: u32 = 160;
/// Nobody has more files than one page of a list shows.
const MOST_FILES: usize = 6;

struct Round {
    server: Arc<Server>,
    answered: AtomicU32,
    /// From here on a call may fail.
    killed: AtomicBool,
}

/// What a client knows when its last call is cut off.
struct Known {
    key: String,
    kept: Vec<File>,
    deleted: Vec<File>,
    /// Asked to be deleted, and not answered.
    doubtful: Option<File>,
}

#[tokio::test]
async fn whatever_was_answered_is_true_after_sigkill() {
    let server = Arc::new(Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "0"), ("UNFILE_TRASH_KEEP", "1d")]).await);
    let mut accounts = Vec::new();
    for name in ["ann", "bob", "cid"] {
        accounts.push(server.account(name).await);
    }
    let mut known = Vec::new();
    for _ in 0..3 {
        round(&server, &accounts, &mut known).await;
    }
    for account in &accounts {
        let files = serde_json::to_string(&hexnode::listed(&server, &account.key).await).unwrap();
        let gone = hexnode::delete(&server, &account.key, &files).await;
        assert_eq!(gone.status, 200, "{}", gone.text());
    }
    // Longer than anything that was cut off may wait for its client.
    server.advance(Duration::from_secs(3 * 24 * 3600)).await;
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
    assert_eq!(server.objects().await.len(), 0);
}

/// One kill; `known` is what the clients of the rounds before know, and then those of this one.
async fn round(server: &Arc<Server>, accounts: &[Account], known: &mut Vec<Known>) {
    let round = Arc::new(Round { server: server.clone(), answered: AtomicU32::new(0), killed: AtomicBool::new(false) });
    let clients: Vec<JoinHandle<Known>> = (0..CLIENTS)
        .map(|client| tokio::spawn(work(round.clone(), accounts[client % accounts.len()].key.clone(), client)))
        .collect();
    wait_until("enough calls are answered", async || {
        round.answered.load(Ordering::Relaxed) >= CALLS || clients.iter().any(JoinHandle::is_finished)
    })
    .await;
    round.killed.store(true, Ordering::Relaxed);
    server.kill().await;
    for client in clients {
        known.push(client.await.unwrap());
    }
    promises::assert_kept(server.installation()).await;

    server.start_again().await;
    for client in &*known {
        find(server, client).await;
    }
    server.run_jobs().await;
    promises::assert_kept(server.installation()).await;
    for client in &*known {
        find(server, client).await;
    }
}

/// Stores files and deletes some of them, each time through another dialect, and folders, until the server is gone.
async fn work(round: Arc<Round>, key: String, client: usize) -> Known {
    let mut known = Known { key, kept: Vec::new(), deleted: Vec::new(), doubtful: None };
    for turn in 0.. {
        let through = ALL[(client + turn) % ALL.len()];
        let done = match turn % 7 {
            6 => store_and_delete_folder(&round, &mut known).await,
            2 | 5 => delete(&round, &mut known, through, turn).await,
            _ if known.kept.len() == MOST_FILES => delete(&round, &mut known, through, turn).await,
            _ => store(&round, &mut known, through, client).await,
        };
        if done.is_none() {
            break;
        }
        round.answered.fetch_add(1, Ordering::Relaxed);
    }
    known
}

async fn store(round: &Arc<Round>, known: &mut Known, through: Dialect, client: usize) -> Option<()> {
    let name = format!("{client}-{}.txt", uuid::Uuid::new_v4());
    let bytes = name.repeat(client * 5 + 1).into_bytes();
    let key = known.key.clone();
    let file = round.call(async move |server| through.upload(server, &key, &name, &bytes).await).await?;
    known.kept.push(file);
    Some(())
}

async fn delete(round: &Arc<Round>, known: &mut Known, through: Dialect, turn: usize) -> Option<()> {
    let file = known.kept.swap_remove(turn % known.kept.len());
    known.doubtful = Some(file.clone());
    let (key, asked) = (known.key.clone(), file.clone());
    let reply = round.call(async move |server| through.delete(server, &key, &through.ids(&asked)[0]).await).await?;
    assert_eq!(reply.status, 200, "{}", reply.text());
    known.deleted.push(file);
    known.doubtful = None;
    Some(())
}

/// What is cut off before its end is nowhere noted: those files may be there.
async fn store_and_delete_folder(round: &Arc<Round>, known: &mut Known) -> Option<()> {
    let (key, folder) = (known.key.clone(), uuid::Uuid::new_v4().to_string());
    let files = round
        .call(async move |server| {
            let mut files = Vec::new();
            for name in ["1.txt", "2.txt"] {
                let id = vault::upload(server, &key, &format!("{folder}/below"), name, b"text").await;
                files.push(dialects::file(server, &key, &vault::hyphened(&id), name, b"text").await);
            }
            let id = vault::find(server, &key, &[&folder]).await;
            let reply = vault::delete_folders(server, &key, &[&id]).await;
            assert_eq!(reply.json()["successful_results"]["success_counter"], 1, "{}", reply.text());
            files
        })
        .await?;
    known.deleted.extend(files);
    Some(())
}

impl Round {
    /// Makes one or more requests. Before the kill nothing may fail; after it, anything, and then there is no answer.
    async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        requests: impl AsyncFnOnce(&Server) -> T + Send + 'static,
    ) -> Option<T> {
        let server = self.server.clone();
        let runtime = tokio::runtime::Handle::current();
        // The helpers of the dialects panic where no answer comes.
        let called = tokio::task::spawn_blocking(move || runtime.block_on(requests(&server))).await;
        match called {
            Ok(answer) => Some(answer),
            Err(_) if self.killed.load(Ordering::Relaxed) => None,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

/// Finds what a client knows to be so.
async fn find(server: &Server, known: &Known) {
    for file in &known.kept {
        assert_reads_back(server, &known.key, file).await;
    }
    let listed = hexnode::listed(server, &known.key).await;
    for file in &known.deleted {
        assert!(!vault::is_there(server, &known.key, &file.n()).await, "{} was deleted", file.name);
        assert!(!listed.contains(&file.id), "{} was deleted", file.name);
    }
    if let Some(file) = &known.doubtful {
        let reply = vault::call(server, Method::GET, &format!("file/{}", file.n()), &known.key).await;
        assert!(reply.status == 404 || reply.body == file.bytes, "{} is whole or gone", file.name);
        assert_eq!(reply.status == 200, listed.contains(&file.id));
    }
}
