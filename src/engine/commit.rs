//! Group commit: one thread writes, and what waits at the same moment shares one transaction.
//!
//! Requests are decided in the order of their arrival, each seeing the ones before. Deletes that stand next to each
//! other in the queue are marked together by a handful of statements; everything else runs one by one, behind a
//! savepoint, so that a request which fails leaves nothing behind. Nobody is answered before the commit that holds the
//! work is durable; on SQLite the next batch is written while the last one is synced (see [`syncer`]). If the batch as a
//! whole fails, its requests are tried again one at a time, so that the one at fault hurts nobody else.
//!
//! When the disk is full, work that frees space may use the reserve (see [`super::reserve`]); other work is refused.

mod syncer;
mod thread;
mod work;

use std::{
    ops::AsyncFn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as thread_mpsc,
    },
    time::{Duration, Instant},
};

use syncer::{Progress, Syncer};
use thread::{Counted, Thread};
use tokio::sync::{mpsc, oneshot};
use work::Work;

use super::{
    Vital,
    delete::{Marked, Marking},
    error::{Error, Result},
    reserve::Reserve,
};
use crate::{
    clock::Clock,
    fault::Faults,
    store::{Store, Tx, log::Log, seen},
};

/// How long a request of people's makes another one likely.
const WANTED_FOR: Duration = Duration::from_millis(500);
/// Requests that may wait; more are refused as busy.
const QUEUE: usize = 16_384;

#[cfg(not(feature = "testing"))]
fn queue_length() -> usize {
    QUEUE
}

/// Test builds only: a queue that can be filled.
#[cfg(feature = "testing")]
fn queue_length() -> usize {
    std::env::var("UNFILE_TEST_QUEUE").ok().and_then(|length| length.parse().ok()).unwrap_or(QUEUE)
}

/// The way to the thread that writes.
#[derive(Clone)]
pub(super) struct Committer {
    queue: mpsc::Sender<Work>,
    counted: Arc<Counted>,
    progress: Arc<Progress>,
    /// Where another process serves, and its commits are read too.
    log: Option<Arc<Log>>,
    since: Instant,
    /// When somebody asked for something that people wait for: milliseconds since `since`.
    wanted: Arc<AtomicU64>,
    writer: i64,
}

impl Committer {
    /// Starts the thread that writes, in the process that `serves` or in one beside it.
    pub(super) fn start(
        store: Store,
        serves: bool,
        clock: Clock,
        faults: Faults,
        reserve: Arc<Reserve>,
    ) -> anyhow::Result<Self> {
        let (queue, waiting) = mpsc::channel(queue_length());
        let (started, outcome) = thread_mpsc::channel();
        let counted = Arc::new(Counted::default());
        let counter = Arc::clone(&counted);
        let progress = Arc::new(Progress::default());
        let reached = Arc::clone(&progress);
        std::thread::Builder::new().name("committer".into()).spawn(move || {
            let _vital = Vital("the committer");
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(anyhow::Error::new(error)))),
            };
            runtime.block_on(async move {
                let opened = async {
                    let (tx, log) = store.writer(serves).await?;
                    let (ours, others) = if serves { (log, None) } else { (None, log) };
                    let syncer = ours.map(|log| Syncer::start(log, reached)).transpose()?;
                    anyhow::Ok((tx, syncer, others))
                };
                match opened.await {
                    Ok((tx, syncer, log)) => {
                        let _ = started.send(Ok((tx.writer, log)));
                        let (counted, lost, last) = (counter, false, Duration::ZERO);
                        Thread { tx, clock, faults, reserve, counted, syncer, lost, last }.run(waiting).await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
        })?;
        let (writer, log) = outcome.recv()??;
        let (log, wanted) = (log.map(Arc::new), Arc::default());
        Ok(Self { queue, counted, progress, log, since: Instant::now(), wanted, writer })
    }

    /// Does one request other than a delete. The work may run more than once; only its last run counts.
    pub(super) async fn write<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        outcome(|| self.submit(name, false, work)).await
    }

    /// As [`Self::write`], for work that deletes: it goes on when the disk is full.
    pub(super) async fn write_freeing<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        outcome(|| self.submit(name, true, work)).await
    }

    /// Puts work into the queue at once; whoever comes later is decided after it.
    pub(super) fn submit<T, F>(
        &self,
        name: &'static str,
        frees_space: bool,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T>>>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.note_wanted();
        self.submit_behind(name, frees_space, work)
    }

    /// As [`Self::submit`], for a job's step: it is nothing that makes [`Self::is_wanted`] true.
    pub(super) fn submit_behind<T, F>(
        &self,
        name: &'static str,
        frees_space: bool,
        work: F,
    ) -> Result<oneshot::Receiver<Result<T>>>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (work, outcome) = Work::other(name, frees_space, work);
        self.enqueue(work)?;
        Ok(outcome)
    }

    /// As [`Self::write_freeing`], for a job's step.
    pub(super) async fn write_behind<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        outcome(|| self.submit_behind(name, true, work)).await
    }

    /// As [`Self::write_behind`]; says too how long the work kept the writer.
    pub(super) async fn write_timed<T, F>(&self, name: &'static str, work: F) -> Result<(T, Duration)>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let timed = async move |tx: &mut Tx| {
            let started = Instant::now();
            let done = work(tx).await?;
            Ok((done, started.elapsed()))
        };
        self.write_behind(name, timed).await
    }

    /// Whether somebody has asked for anything in the last moments, jobs left out: what comes next should not have to
    /// wait for a job either.
    pub(super) fn is_wanted(&self) -> bool {
        let wanted = Duration::from_millis(self.wanted.load(Ordering::Relaxed));
        !wanted.is_zero() && self.since.elapsed() < wanted + WANTED_FOR
    }

    fn note_wanted(&self) {
        let now = (self.since.elapsed().as_millis() as u64).max(1);
        self.wanted.store(now, Ordering::Relaxed);
    }

    /// Marks what a delete names.
    pub(super) async fn mark(&self, marking: Marking) -> Result<Marked> {
        self.note_wanted();
        outcome(|| {
            let (work, outcome) = Work::mark(marking);
            self.enqueue(work)?;
            Ok(outcome)
        })
        .await
    }

    fn enqueue(&self, work: Work) -> Result<()> {
        self.queue.try_send(work).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }

    /// Waits until all that could be read at this moment is durable.
    pub(super) async fn all_durable(&self) {
        match &self.log {
            Some(log) => log.sync(),
            None => self.progress.reached().await,
        }
    }

    /// The row that stands for this process where many servers write; 0 where one does.
    pub(super) fn writer_id(&self) -> i64 {
        self.writer
    }

    /// Requests that wait for their commit to begin.
    pub(super) fn waiting(&self) -> u64 {
        (self.queue.max_capacity() - self.queue.capacity()) as u64
    }

    /// Commits since the start, and the requests that they held.
    pub(super) fn counted(&self) -> (u64, u64) {
        (self.counted.commits.load(Ordering::Relaxed), self.counted.requests.load(Ordering::Relaxed))
    }

    /// Whether the thread has ended.
    pub(super) fn is_stopped(&self) -> bool {
        self.queue.is_closed()
    }

    /// Finishes what waits, then ends the thread.
    pub(super) async fn stop(&self) {
        let (answer, done) = oneshot::channel();
        if self.queue.send(Work::Stop(answer)).await.is_ok() {
            let _ = done.await;
        }
    }
}

/// Puts work into the queue and waits for what becomes of it. With its commit all is durable that the call had read.
async fn outcome<T>(submit: impl FnOnce() -> Result<oneshot::Receiver<Result<T>>>) -> Result<T> {
    let had_read = seen::forget();
    let done = async { submit()?.await.unwrap_or_else(|_| Err(stopped())) }.await;
    if done.is_err() && had_read {
        seen::note();
    }
    done
}

fn stopped() -> Error {
    Error::Internal(anyhow::anyhow!("the server is stopping"))
}
