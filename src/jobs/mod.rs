//! Work that nobody waits for: purging, expanding, ending what is over, sweeping.
//!
//! Each job is a loop around one step of the engine. It is woken when there is something to do, and looks by itself
//! from time to time, because a wake-up can be lost with a process and its work cannot, and because no server wakes
//! another.

use std::{future::Future, time::Duration};

use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::engine::{Engine, Pace, Purger, Turn, Vital, error::Result};

/// A job that failed looks again after this time.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Jobs look by themselves this often.
const LOOK: Duration = Duration::from_secs(30);
/// Edit sessions and servers end by time, and that wakes nobody.
const LOOK_FOR_ENDED: Duration = Duration::from_secs(5);
/// What a delete has promised more often: other processes promise it too, and a caller that goes away wakes nobody.
const LOOK_FOR_DELETES: Duration = Duration::from_secs(2);

/// The running jobs.
pub struct Jobs {
    stop: watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

/// Starts all jobs.
pub fn start(engine: &Engine) -> Jobs {
    let (stop, stopped) = watch::channel(false);
    let mut running = vec![
        tokio::spawn(until(stopped.clone(), purge(engine.clone()))),
        tokio::spawn(until(stopped.clone(), expand(engine.clone()))),
        tokio::spawn(until(stopped.clone(), expire(engine.clone()))),
        tokio::spawn(until(stopped.clone(), delete_waiting(engine.clone()))),
        tokio::spawn(until(stopped.clone(), sweep(engine.clone()))),
        tokio::spawn(until(stopped.clone(), reserve(engine.clone()))),
    ];
    if engine.is_shared() {
        running.push(tokio::spawn(until(stopped, stay_alive(engine.clone()))));
    }
    Jobs { stop, running }
}

impl Jobs {
    /// Stops all jobs. Steps that were under way are taken up by the next start.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for job in self.running {
            let _ = job.await;
        }
    }
}

async fn until(mut stopped: watch::Receiver<bool>, job: impl Future<Output = ()>) {
    let _vital = Vital("a job");
    tokio::select! {
        () = job => {}
        _ = stopped.changed() => {}
    }
}

async fn purge(engine: Engine) {
    /// While storage takes nothing away, no use in asking for more and more.
    const LONGEST_PAUSE: Duration = Duration::from_secs(4);
    let (mut purger, mut pause) = (Purger::default(), Duration::ZERO);
    loop {
        match purge_or_wait(&engine, &mut purger).await {
            Ok(turn) if turn.settled > 0 && turn.failed == turn.settled => {
                pause = (pause * 2).clamp(Duration::from_millis(250), LONGEST_PAUSE);
                sleep(pause).await;
            }
            Ok(turn) if turn.settled > 0 => pause = Duration::ZERO,
            Ok(_) => {}
            Err(error) => failed("purge", &error).await,
        }
    }
}

/// One turn, or a wait for something to do.
async fn purge_or_wait(engine: &Engine, purger: &mut Purger) -> Result<Turn> {
    /// While people ask for something, few entries wait for company: fewer transactions stand in the way.
    const COMPANY: Duration = Duration::from_millis(50);
    if purger.is_idle() {
        if let Some(wait) = until_due(engine).await? {
            let _ = timeout(wait.min(LOOK_FOR_DELETES), engine.wake_purge.notified()).await;
            return Ok(Turn::default());
        }
        if engine.is_wanted() {
            sleep(COMPANY).await;
        }
    }
    engine.purge_turn(purger).await
}

/// How long there is nothing to be taken; `None` if there is something.
async fn until_due(engine: &Engine) -> Result<Option<Duration>> {
    let Some(due) = engine.next_purge().await? else { return Ok(Some(LOOK_FOR_DELETES)) };
    let wait = (due - engine.clock().micros()).max(0).unsigned_abs();
    Ok((wait > 0).then(|| Duration::from_micros(wait)))
}

async fn expand(engine: Engine) {
    let mut pace = Pace::new(Engine::EXPAND);
    loop {
        let wanted = engine.is_wanted();
        match engine.expand_step(pace.rows(wanted)).await {
            Ok(Some(done)) => sleep(pace.rest(done.rows, done.took, wanted)).await,
            Ok(None) => drop(timeout(LOOK_FOR_DELETES, engine.wake_expand.notified()).await),
            Err(error) => failed("expand", &error).await,
        }
    }
}

async fn expire(engine: Engine) {
    // What a dead server had in hand is another's soon after its lease.
    let look = if engine.is_shared() { LOOK_FOR_ENDED } else { LOOK };
    loop {
        match engine.expire_step().await {
            Ok(true) => {}
            Ok(false) => sleep(look).await,
            Err(error) => failed("expire", &error).await,
        }
    }
}

async fn delete_waiting(engine: Engine) {
    loop {
        match engine.waiting_step().await {
            Ok(true) => {}
            Ok(false) => drop(timeout(LOOK_FOR_ENDED, engine.wake_waiting.notified()).await),
            Err(error) => failed("waiting", &error).await,
        }
    }
}

async fn sweep(engine: Engine) {
    /// What comes late comes at any time, and nothing tells of it.
    const SWEEP_EVERY: Duration = Duration::from_secs(60);
    loop {
        if let Err(error) = engine.sweep_step().await {
            failed("sweep", &error).await;
        }
        sleep(SWEEP_EVERY).await;
    }
}

async fn stay_alive(engine: Engine) {
    loop {
        match engine.stay_alive().await {
            Ok(()) => sleep(Engine::ALIVE_EVERY).await,
            Err(error) => failed("alive", &error).await,
        }
    }
}

async fn reserve(engine: Engine) {
    loop {
        engine.restore_reserve().await;
        let _ = timeout(LOOK, engine.reserve_wanted.notified()).await;
        sleep(AFTER_FAILURE).await;
    }
}

async fn failed(job: &str, error: &crate::engine::error::Error) {
    tracing::warn!(job, error = format!("{error:#}"), "a job failed and is tried again");
    sleep(AFTER_FAILURE).await;
}

/// Does all that is due now, until nothing is left.
///
/// # Errors
/// The database failed.
#[cfg(feature = "testing")]
pub async fn run_dry(engine: &Engine) -> Result<()> {
    let mut purger = Purger::default();
    loop {
        let deleted = engine.waiting_step().await?;
        let expired = engine.expire_step().await?;
        let expanded = engine.expand_step(Engine::EXPAND).await?.is_some();
        let turn = engine.purge_turn(&mut purger).await?;
        let purged = turn.in_hand + turn.settled > 0;
        let swept = engine.sweep_step().await?;
        if deleted || expired || expanded || purged || swept {
            continue;
        }
        if engine.purge_is_leased().await? {
            // The running job has taken what is left.
            sleep(Duration::from_millis(10)).await;
            continue;
        }
        engine.restore_reserve().await;
        return Ok(());
    }
}
