//! The one thread that writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    syncer::Syncer,
    work::{Fault, MarkWork, Work, answer, fault},
};
use crate::{
    clock::Clock,
    engine::{
        delete::{self, Marking},
        error::Error,
        reserve::Reserve,
    },
    fault::Faults,
    store::{self, Tx},
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

/// What the thread has done since the start.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) commits: AtomicU64,
    pub(super) requests: AtomicU64,
}

pub(super) struct Thread {
    pub(super) tx: Tx,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) reserve: Arc<Reserve>,
    pub(super) counted: Arc<Counted>,
    /// Where commits do not sync themselves.
    pub(super) syncer: Option<Syncer>,
    /// The connection is of no use any more.
    pub(super) lost: bool,
    /// How long the last batch took: a small part of it is waited for the callers it answered.
    pub(super) last: Duration,
}

impl Thread {
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Work>) {
        let mut answered = 0;
        while let Some(first) = waiting.recv().await {
            let mut batch = vec![first];
            fill(&mut batch, &mut waiting);
            if self.syncer.is_none() && answered > 1 && batch.len() < answered {
                // Callers come back in step with their answers. Without this pause they settle into two groups that
                // take turns, each paying for a commit of its own; where commits are synced by themselves that is as
                // it should be.
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
                return self.answer(vec![Work::Stop(stop)]);
            }
        }
    }

    async fn commit(&mut self, mut batch: Vec<Work>) {
        if batch.is_empty() {
            return;
        }
        let Err(Fault(error)) = self.attempt(&mut batch).await else {
            return self.answer(batch);
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
                Ok(()) => self.answer(alone),
                Err(Fault(error)) => self.commit_alone(alone, error).await,
            }
        }
    }

    /// Answers a batch that is committed, once that is durable.
    fn answer(&self, batch: Vec<Work>) {
        match &self.syncer {
            Some(syncer) => syncer.take(batch),
            None => answer(batch),
        }
    }

    /// One request whose transaction failed: once more if it frees space and the reserve could be given up for it.
    async fn commit_alone(&mut self, mut alone: Vec<Work>, error: Error) {
        let frees_space = alone.iter().all(Work::frees_space);
        let error = match error {
            Error::StorageFull if frees_space && self.reserve.give_up() => match self.attempt(&mut alone).await {
                Ok(()) => return self.answer(alone),
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
            if let Some(syncer) = &self.syncer {
                syncer.give_up();
            }
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
        if let Some(syncer) = &self.syncer {
            syncer.begin();
        }
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
