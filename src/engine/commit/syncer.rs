//! Makes commits durable and answers whom they hold, while the next batch is written.
//!
//! One commit is synced and one is written at any moment, no more: what comes meanwhile gathers for the next. A commit
//! can be read before it is durable, so whoever has read waits for that too before it answers ([`Progress::reached`]).
//! Commits of other processes, which are the command line's, are durable before they can be read.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, SyncSender},
    },
    thread,
};

use tokio::sync::watch;

use super::work::{Work, answer};
use crate::{engine::Vital, store::log::Log};

/// How far commits have come, by their numbers.
#[derive(Default)]
pub(super) struct Progress {
    /// The last one that can be read, or is about to be.
    readable: AtomicU64,
    durable: watch::Sender<u64>,
}

impl Progress {
    /// Waits until all that could be read at this moment is durable.
    pub(super) async fn reached(&self) {
        let seen = self.readable.load(Ordering::SeqCst);
        // The other end is this.
        let _ = self.durable.subscribe().wait_for(|durable| *durable >= seen).await;
    }
}

pub(super) struct Syncer {
    commits: SyncSender<(u64, Vec<Work>)>,
    progress: Arc<Progress>,
    /// A commit was begun that nobody has taken yet.
    begun: Cell<bool>,
}

impl Syncer {
    /// Starts the thread that syncs.
    pub(super) fn start(log: Log, progress: Arc<Progress>) -> std::io::Result<Self> {
        let (commits, waiting) = mpsc::sync_channel::<(u64, Vec<Work>)>(0);
        let reached = Arc::clone(&progress);
        thread::Builder::new().name("syncer".into()).spawn(move || {
            let _vital = Vital("the syncer");
            for (number, batch) in waiting {
                log.sync();
                reached.durable.send_replace(number);
                answer(batch);
            }
        })?;
        Ok(Self { commits, progress, begun: Cell::new(false) })
    }

    /// To be told before each commit: from then on it may be read.
    pub(super) fn begin(&self) {
        self.progress.readable.fetch_add(1, Ordering::SeqCst);
        self.begun.set(true);
    }

    /// Takes a batch that is committed, as soon as the one before it is durable.
    pub(super) fn take(&self, batch: Vec<Work>) {
        self.begun.set(false);
        let number = self.progress.readable.load(Ordering::SeqCst);
        // The thread ends after this does, or with the process.
        let _ = self.commits.send((number, batch));
    }

    /// What was begun last is not answered as committed, if anything was: nobody is to wait for it for ever.
    pub(super) fn give_up(&self) {
        if self.begun.get() {
            self.take(Vec::new());
        }
    }
}
