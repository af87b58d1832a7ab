//! What waits in the queue: a delete, or a closure over the transaction with its type forgotten.

use std::ops::AsyncFn;

use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;

use crate::{
    engine::{
        delete::{Marked, Marking},
        error::{Error, Result},
    },
    store::Tx,
};

pub(super) enum Work {
    Mark(Box<MarkWork>),
    Other(Box<dyn Unit>),
    /// Answered when everything before it is done, and the last thing that is.
    Stop(oneshot::Sender<()>),
}

pub(super) struct MarkWork {
    pub(super) marking: Marking,
    pub(super) outcome: Option<Result<Marked>>,
    answer: oneshot::Sender<Result<Marked>>,
}

/// A request other than a delete, with its type forgotten.
pub(super) trait Unit: Send {
    /// Does the work in the transaction and keeps the outcome. An error means that the transaction is of no use.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> LocalBoxFuture<'a, std::result::Result<(), Fault>>;
    fn frees_space(&self) -> bool;
    /// Answers: with the outcome if it was committed, else with the error.
    fn answer(self: Box<Self>, committed: std::result::Result<(), Error>);
    fn name(&self) -> &'static str;
}

/// The transaction failed, whatever the request was.
pub(super) struct Fault(pub(super) Error);

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

pub(super) fn fault(error: sqlx::Error) -> Fault {
    Fault(error.into())
}

fn lost() -> Error {
    Error::Internal(anyhow::anyhow!("the request was not reached"))
}

impl Work {
    /// A delete, and where its outcome comes.
    pub(super) fn mark(marking: Marking) -> (Self, oneshot::Receiver<Result<Marked>>) {
        let (answer, outcome) = oneshot::channel();
        (Work::Mark(Box::new(MarkWork { marking, outcome: None, answer })), outcome)
    }

    /// Anything else.
    pub(super) fn other<T, F>(name: &'static str, frees_space: bool, work: F) -> (Self, oneshot::Receiver<Result<T>>)
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        (Work::Other(Box::new(Typed { name, work, frees_space, outcome: None, answer })), outcome)
    }

    /// Names the point at which a test can make this work fail.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Work::Mark(_) => "mark",
            Work::Other(unit) => unit.name(),
            Work::Stop(_) => "stop",
        }
    }

    pub(super) fn frees_space(&self) -> bool {
        match self {
            Work::Mark(_) => true,
            Work::Other(unit) => unit.frees_space(),
            Work::Stop(_) => false,
        }
    }

    pub(super) fn refuse(self, error: Error) {
        match self {
            Work::Mark(work) => drop(work.answer.send(Err(error))),
            Work::Other(unit) => unit.answer(Err(error)),
            Work::Stop(answer) => drop(answer.send(())),
        }
    }

    pub(super) fn targets(&self) -> usize {
        match self {
            Work::Mark(work) => work.marking.request.targets.len(),
            Work::Other(_) | Work::Stop(_) => 0,
        }
    }
}

pub(super) fn answer(batch: Vec<Work>) {
    for work in batch {
        match work {
            Work::Mark(work) => drop(work.answer.send(work.outcome.unwrap_or_else(|| Err(lost())))),
            Work::Other(unit) => unit.answer(Ok(())),
            Work::Stop(answer) => drop(answer.send(())),
        }
    }
}
