//! The server from start to stop: data directory, engine, first account, listeners, workers, drain.
//!
//! The order of a start matters. The locks on data directory and database come first, so that a second server touches
//! nothing. The listeners are bound next, so that a taken port is found before work begins; who connects early waits.
//! The ready line comes last. A stop goes the other way: no new connections, running requests to their end, then the
//! workers, then the engine. Each step of it has a bound: what hangs is left behind, as by a crash, and the next start
//! takes it up.

mod bound;
mod first_start;
mod listener;
mod lock;

use std::{io::Write, sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(crate) use lock::Locks;

use crate::{
    clock::Clock,
    config::Config,
    engine::{Engine, EngineOptions},
    fault::Faults,
    http::App,
    jobs,
};

/// How long running requests may take to end after SIGTERM or SIGINT.
const DRAIN: Duration = Duration::from_secs(30);

/// How long each step after that may take: it ends in moments, or hangs for good.
const STEP: Duration = Duration::from_secs(10);

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
/// Anything that keeps it from starting, in one line, or that ends it before it was asked to.
pub async fn serve(config: Config) -> Result<()> {
    lock::create_data_dir(&config.data)?;
    let _locks = Locks::take(&config.data, config.database.file())?;
    let mut signals = Signals::listen()?;
    let (config, listeners) = listener::bind(config).await?;
    let config = Arc::new(config);
    let engine = open_engine(&config).await?;
    engine.start().await?;
    first_start::create_admin(&engine, &config).await?;
    let jobs = jobs::start(&engine);
    let app = App::new(engine.clone(), config.clone());
    let stop = CancellationToken::new();
    let counter = tokio::spawn(app.clone().write_calls(stop.clone()));
    let mut running = listener::run(&app, listeners)?;
    ready_line(&config);
    let ended = tokio::select! {
        () = signals.next() => None,
        ended = running.ended() => Some(ended),
    };
    tracing::info!("stopping");
    running.drain(DRAIN);
    tokio::select! {
        () = running.wait() => {}
        () = signals.next() => running.cut(),
    }
    stop.cancel();
    within_step("counter of calls", async { drop(counter.await) }).await;
    within_step("jobs", jobs.stop()).await;
    within_step("engine", engine.close()).await;
    ended.unwrap_or(Ok(()))
}

/// Waits for a step of the stop, but not for ever.
async fn within_step(name: &str, step: impl Future<Output = ()>) {
    if timeout(STEP, step).await.is_err() {
        tracing::error!(step = name, "does not stop and is left behind");
    }
}

async fn open_engine(config: &Config) -> Result<Engine> {
    Engine::open(EngineOptions {
        database: config.database.url(true)?,
        serves: true,
        reserve: config.database.reserve(),
        objects: config.objects.clone(),
        rules: config.rules(),
        clock: Clock::default(),
        faults: faults()?,
    })
    .await
}

/// No faults: this is the build that people use.
#[cfg(not(feature = "testing"))]
pub(crate) fn faults() -> Result<Faults> {
    Ok(Faults::default())
}

/// Test builds only: faults that must be there before the first request, `UNFILE_TEST_FAULT=point:action,..`.
#[cfg(feature = "testing")]
pub(crate) fn faults() -> Result<Faults> {
    let faults = Faults::default();
    let wanted = std::env::var("UNFILE_TEST_FAULT").unwrap_or_default();
    for fault in wanted.split(',').filter(|fault| !fault.is_empty()) {
        use anyhow::Context;
        let (point, action) = fault.rsplit_once(':').context("UNFILE_TEST_FAULT: point:action")?;
        let action = crate::http::control::parse_action(action).context("UNFILE_TEST_FAULT: fail, kill or off")?;
        faults.set(point, action);
    }
    Ok(faults)
}

/// Tells whoever started the server that it answers. Nobody may be reading.
fn ready_line(config: &Config) {
    let line = format!("listening on {}://{}\n", config.scheme(), config.listen);
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
}

/// SIGTERM and SIGINT.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_step_that_hangs_is_left_behind() {
        let start = Instant::now();
        within_step("test", std::future::pending()).await;
        assert_eq!(start.elapsed().as_secs(), STEP.as_secs());
        within_step("test", std::future::ready(())).await;
        assert_eq!(start.elapsed().as_secs(), STEP.as_secs());
    }
}
