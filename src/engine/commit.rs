//! Group commit: one thread writes, and what waits at the same moment shares one transaction.
//!
//! Requests are decided in the order of their arrival, each seeing the ones before. Deletes that stand next to each
//! other in the queue are marked together by a handful of statements; everything else runs one by one, behind a
//! savepoint, so that a request which fails leaves nothing behind. Nobody is answered before the commit that holds the
//! work is durable. If the batch as a whole fails, its requests are tried again one at a time, so that the one at fault
//! hurts nobody else.
//!
//! When the disk is full, work that frees space may use the reserve (see [`super::reserve`]); other work is refused.

use std::{
    ops::AsyncFn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as thread_mpsc,
    },
    time::{Duration, Instant},
};

use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::{
    Vital,
    delete::{self, Marked, Marking},
    error::{Error, Result},
    reserve::Reserve,
};
use crate::{
    clock::Clock,
    fault::Faults,
    store::{self, Store, Tx},
};

/// Requests in one transaction at the most.
const BATCH: usize = 512;
/// Targets of deletes in one transaction at the most, beyond the first request.
const BATCH_TARGETS: usize = 4_096;
/// Targets of deletes that are few to the database.
const SMALL: usize = 256;
/// How long a batch is tried again that the database takes back.
const TRY_FOR: Duration = Duration::from_secs(20);
/// How long one try to reach a database takes that does not answer.
const RECONNECT_WITHIN: Duration = Duration::from_secs(5);
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
    since: Instant,
    writer: i64,
}

/// What the thread has done since the start.
#[derive(Default)]
struct Counted {
    commits: AtomicU64,
    requests: AtomicU64,
    /// When somebody asked for something that people wait for: milliseconds since `Committer::since`.
    wanted: AtomicU64,
}

enum Work {
    Mark(Box<MarkWork>),
    Other(Box<dyn Unit>),
    /// Answered when everything before it is done, and the last thing that is.
    Stop(oneshot::Sender<()>),
}

struct MarkWork {
    marking: Marking,
    outcome: Option<Result<Marked>>,
    answer: oneshot::Sender<Result<Marked>>,
}

/// A request other than a delete, with its type forgotten.
trait Unit: Send {
    /// Does the work in the transaction and keeps the outcome. An error means that the transaction is of no use.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> LocalBoxFuture<'a, std::result::Result<(), Fault>>;
    fn frees_space(&self) -> bool;
    /// Answers: with the outcome if it was committed, else with the error.
    fn answer(self: Box<Self>, committed: std::result::Result<(), Error>);
    fn name(&self) -> &'static str;
}

/// The transaction failed, whatever the request was.
struct Fault(Error);

struct Typed<T, F> {
    name: &'static str,
    work: F,
    frees_space: bool,
    outcome: Option<Result<T>>,
    answer: oneshot::Sender<Result<T>>,
}

impl<T, F> Unit for Typed<T, F>
where
    T: Send + 'static,
    F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> LocalBoxFuture<'a, std::result::Result<(), Fault>> {
        Box::pin(async move {
            tx.begin_request().await.map_err(fault)?;
            let outcome = (self.work)(tx).await;
            match outcome {
                Ok(done) => self.outcome = Some(Ok(done)),
                Err(error) if error.is_fault() => return Err(Fault(error)),
                Err(refusal) => {
                    tx.take_back_request().await.map_err(fault)?;
                    self.outcome = Some(Err(refusal));
                }
            }
            Ok(())
        })
    }

    fn frees_space(&self) -> bool {
        self.frees_space
    }

    fn answer(self: Box<Self>, committed: std::result::Result<(), Error>) {
        let Typed { outcome, answer, .. } = *self;
        // Perhaps nobody waits any longer: the work is done all the same.
        let _ = answer.send(committed.and_then(|()| outcome.unwrap_or_else(|| Err(lost()))));
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

fn fault(error: sqlx::Error) -> Fault {
    Fault(error.into())
}

fn lost() -> Error {
    Error::Internal(anyhow::anyhow!("the request was not reached"))
}

impl Committer {
    /// Starts the thread that writes.
    pub(super) fn start(store: Store, clock: Clock, faults: Faults, reserve: Arc<Reserve>) -> anyhow::Result<Self> {
        let (queue, waiting) = mpsc::channel(queue_length());
        let (started, outcome) = thread_mpsc::channel();
        let counted = Arc::new(Counted::default());
        let counter = Arc::clone(&counted);
        std::thread::Builder::new().name("committer".into()).spawn(move || {
            let _vital = Vital("the committer");
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(anyhow::Error::new(error)))),
            };
            runtime.block_on(async move {
                match store.writer().await {
                    Ok(tx) => {
                        let _ = started.send(Ok(tx.writer));
                        Thread { tx, clock, faults, reserve, counted: counter, lost: false, last: Duration::ZERO }
                            .run(waiting)
                            .await;
                    }
                    Err(error) => drop(started.send(Err(error.into()))),
                }
            });
        })?;
        let writer = outcome.recv()??;
        Ok(Self { queue, counted, since: Instant::now(), writer })
    }

    /// Does one request other than a delete. The work may run more than once; only its last run counts.
    pub(super) async fn write<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.submit(name, false, work)?.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// As [`Self::write`], for work that deletes: it goes on when the disk is full.
    pub(super) async fn write_freeing<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.submit(name, true, work)?.await.unwrap_or_else(|_| Err(stopped()))
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
        let (answer, outcome) = oneshot::channel();
        let unit = Typed { name, work, frees_space, outcome: None, answer };
        self.enqueue(Work::Other(Box::new(unit)))?;
        Ok(outcome)
    }

    /// As [`Self::write_freeing`], for a job's step.
    pub(super) async fn write_behind<T, F>(&self, name: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.submit_behind(name, true, work)?.await.unwrap_or_else(|_| Err(stopped()))
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
        let wanted = Duration::from_millis(self.counted.wanted.load(Ordering::Relaxed));
        !wanted.is_zero() && self.since.elapsed() < wanted + WANTED_FOR
    }

    fn note_wanted(&self) {
        let now = (self.since.elapsed().as_millis() as u64).max(1);
        self.counted.wanted.store(now, Ordering::Relaxed);
    }

    /// Marks what a delete names.
    pub(super) async fn mark(&self, marking: Marking) -> Result<Marked> {
        self.note_wanted();
        let (answer, outcome) = oneshot::channel();
        self.enqueue(Work::Mark(Box::new(MarkWork { marking, outcome: None, answer })))?;
        outcome.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn enqueue(&self, work: Work) -> Result<()> {
        self.queue.try_send(work).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
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

fn stopped() -> Error {
    Error::Internal(anyhow::anyhow!("the server is stopping"))
}

struct Thread {
    tx: Tx,
    clock: Clock,
    faults: Faults,
    reserve: Arc<Reserve>,
    counted: Arc<Counted>,
    /// The connection is of no use any more.
    lost: bool,
    /// How long the last batch took: a small part of it is waited for the callers it answered.
    last: Duration,
}

impl Thread {
    async fn run(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut answered = 0;
        while let Some(first) = waiting.recv().await {
            let mut batch = vec![first];
            fill(&mut batch, &mut waiting);
            if answered > 1 && batch.len() < answered {
                // Callers come back in step with their answers. Without this pause they settle into two groups that
                // take turns, each paying for a commit of its own. The thread has nothing else to do meanwhile.
                std::thread::sleep(self.last / 12);
                fill(&mut batch, &mut waiting);
            }
            answered = batch.len();
            let started = Instant::now();
            let stop = take_stop(&mut batch);
            if self.reserve.is_given_up() {
                batch = refuse_what_takes_space(batch);
            }
            self.commit(batch).await;
            self.last = started.elapsed().min(Duration::from_millis(50));
            if let Some(stop) = stop {
                let _ = stop.send(());
                return;
            }
        }
    }

    async fn commit(&mut self, mut batch: Vec<Work>) {
        if batch.is_empty() {
            return;
        }
        let Err(Fault(error)) = self.attempt(&mut batch).await else {
            return answer(batch);
        };
        if matches!(error, Error::Busy) {
            // Somebody else holds the database. To wait for that again, request by request, would take for ever.
            for work in batch {
                work.refuse(Error::Busy);
            }
            return;
        }
        if batch.len() == 1 {
            return self.commit_alone(batch, error).await;
        }
        tracing::warn!(
            error = format!("{error:#}"),
            requests = batch.len(),
            "a batch failed, trying its requests alone"
        );
        for work in batch {
            let mut alone = vec![work];
            match self.attempt(&mut alone).await {
                Ok(()) => answer(alone),
                Err(Fault(error)) => self.commit_alone(alone, error).await,
            }
        }
    }

    /// One request whose transaction failed: once more if it frees space and the reserve could be given up for it.
    async fn commit_alone(&mut self, mut alone: Vec<Work>, error: Error) {
        let frees_space = alone.iter().all(Work::frees_space);
        let error = match error {
            Error::StorageFull if frees_space && self.reserve.give_up() => match self.attempt(&mut alone).await {
                Ok(()) => return answer(alone),
                Err(Fault(error)) => error,
            },
            other => other,
        };
        if let Some(work) = alone.pop() {
            work.refuse(error);
        }
    }

    /// One transaction over the whole batch; again where the database took it back or the connection was lost.
    async fn attempt(&mut self, batch: &mut [Work]) -> std::result::Result<(), Fault> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(5);
        loop {
            let Err(fault) = self.attempt_once(batch).await else { return Ok(()) };
            let Fault(Error::Interrupted(error)) = fault else { return Err(fault) };
            match self.settle(start + TRY_FOR, &error).await {
                Some(true) => return Ok(()),
                Some(false) if start.elapsed() < TRY_FOR => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(200));
                }
                Some(false) => return Err(Fault(Error::Busy)),
                None => return Err(Fault(Error::Interrupted(error.context("nobody knows whether it was committed")))),
            }
        }
    }

    async fn attempt_once(&mut self, batch: &mut [Work]) -> std::result::Result<(), Fault> {
        let outcome = self.attempt_inner(batch).await;
        if outcome.is_err() {
            // Without a transaction to end this fails, and that is fine.
            self.lost = self.tx.rollback().await.is_err_and(|error| store::is_lost(&error)) || self.lost;
        }
        outcome
    }

    /// After an interruption: whether the batch was committed after all, on a connection that works. `None`: nobody
    /// could be asked until `end`.
    async fn settle(&mut self, end: Instant, error: &anyhow::Error) -> Option<bool> {
        if !self.lost {
            return Some(false);
        }
        tracing::warn!(error = format!("{error:#}"), "the connection to the database is lost");
        loop {
            match tokio::time::timeout(RECONNECT_WITHIN, self.tx.reconnect()).await {
                Ok(Ok(committed)) => {
                    self.lost = false;
                    tracing::info!(committed, "the database answers again");
                    return Some(committed);
                }
                Ok(Err(_)) | Err(_) if Instant::now() >= end => return None,
                Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    async fn attempt_inner(&mut self, batch: &mut [Work]) -> std::result::Result<(), Fault> {
        let names: Vec<&'static str> = batch.iter().map(Work::name).collect();
        let marks = batch.iter().take_while(|work| matches!(work, Work::Mark(_)));
        let small = (1..=SMALL).contains(&marks.map(Work::targets).sum());
        self.tx.begin(&self.clock, small).await.map_err(fault)?;
        let mut rest = batch;
        while !rest.is_empty() {
            let marks = rest.iter().take_while(|work| matches!(work, Work::Mark(_))).count();
            if marks > 0 {
                let (run, after) = rest.split_at_mut(marks);
                self.mark(run).await?;
                rest = after;
            } else {
                let (one, after) = rest.split_at_mut(1);
                if let Work::Other(unit) = &mut one[0] {
                    self.faults.hit(unit.name()).map_err(|error| Fault(Error::Internal(error)))?;
                    unit.run(&mut self.tx).await?;
                }
                rest = after;
            }
        }
        self.faults.hit("commit").map_err(|error| Fault(Error::Internal(error)))?;
        self.tx.commit().await.map_err(fault)?;
        self.counted.commits.fetch_add(1, Ordering::Relaxed);
        self.counted.requests.fetch_add(names.len() as u64, Ordering::Relaxed);
        self.faults.hit_committed(names).map_err(|error| Fault(Error::Internal(error)))
    }

    async fn mark(&mut self, run: &mut [Work]) -> std::result::Result<(), Fault> {
        self.faults.hit("mark").map_err(|error| Fault(Error::Internal(error)))?;
        let mut works: Vec<&mut Box<MarkWork>> = run
            .iter_mut()
            .filter_map(|work| match work {
                Work::Mark(work) => Some(work),
                Work::Other(_) | Work::Stop(_) => None,
            })
            .collect();
        let markings: Vec<&Marking> = works.iter().map(|work| &work.marking).collect();
        let marked = delete::mark(&mut self.tx, &markings).await.map_err(Fault)?;
        for (work, marked) in works.iter_mut().zip(marked) {
            work.outcome = Some(Ok(marked));
        }
        Ok(())
    }
}

impl Work {
    /// Names the point at which a test can make this work fail.
    fn name(&self) -> &'static str {
        match self {
            Work::Mark(_) => "mark",
            Work::Other(unit) => unit.name(),
            Work::Stop(_) => "stop",
        }
    }

    fn frees_space(&self) -> bool {
        match self {
            Work::Mark(_) => true,
            Work::Other(unit) => unit.frees_space(),
            Work::Stop(_) => false,
        }
    }

    fn refuse(self, error: Error) {
        match self {
            Work::Mark(work) => drop(work.answer.send(Err(error))),
            Work::Other(unit) => unit.answer(Err(error)),
            Work::Stop(answer) => drop(answer.send(())),
        }
    }
}

fn answer(batch: Vec<Work>) {
    for work in batch {
        match work {
            Work::Mark(work) => drop(work.answer.send(work.outcome.unwrap_or_else(|| Err(lost())))),
            Work::Other(unit) => unit.answer(Ok(())),
            Work::Stop(answer) => drop(answer.send(())),
        }
    }
}

/// Takes what waits, up to the bounds of one batch.
fn fill(batch: &mut Vec<Work>, waiting: &mut mpsc::Receiver<Work>) {
    let mut targets: usize = batch.iter().map(Work::targets).sum();
    while batch.len() < BATCH && targets < BATCH_TARGETS {
        match waiting.try_recv() {
            Ok(work) => {
                targets += work.targets();
                batch.push(work);
            }
            Err(_) => return,
        }
    }
}

impl Work {
    fn targets(&self) -> usize {
        match self {
            Work::Mark(work) => work.marking.request.targets.len(),
            Work::Other(_) | Work::Stop(_) => 0,
        }
    }
}

/// While the disk is full, what little there is belongs to work that frees some.
fn refuse_what_takes_space(batch: Vec<Work>) -> Vec<Work> {
    let (freeing, taking): (Vec<Work>, Vec<Work>) = batch.into_iter().partition(Work::frees_space);
    for work in taking {
        work.refuse(Error::StorageFull);
    }
    freeing
}

fn take_stop(batch: &mut Vec<Work>) -> Option<oneshot::Sender<()>> {
    let at = batch.iter().position(|work| matches!(work, Work::Stop(_)))?;
    match batch.remove(at) {
        Work::Stop(answer) => Some(answer),
        Work::Mark(_) | Work::Other(_) => None,
    }
}
