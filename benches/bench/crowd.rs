//! `crowd`: 10,000 clients at the same moment. None may be lied to, and the server is as good as before afterwards.

use std::{cell::RefCell, collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{
    Bench, calls, delete,
    fsync::Fsync,
    load::Connection,
    measure::{Latencies, mib},
    report::Row,
    seed::{Seeder, Tree},
    server::Installation,
};

/// How long a client waits for everything it asks.
const PATIENCE: Duration = Duration::from_secs(60);

/// # Errors
/// The server does not do what it has said.
pub async fn run(bench: &mut Bench) -> Result<()> {
    let clients = if bench.quick { 2_000 } else { 10_000 };
    raise_limit()?;
    let installation = Installation::embedded(bench, Fsync::SLOW).await?;
    let account = installation.account("bench").await?;
    let mut seeder = Seeder::open(&installation).await?;
    let seeded = seeder.rows(&account, "folder", Tree::of_files(50_000)).await?;
    let files = delete::choose(seeded, clients);
    seeder.objects(&files, seeded.size).await?;
    seeder.close().await?;
    let server = installation.start().await?;
    let key = account.key.as_str();
    let (statuses, micros) = (RefCell::new(BTreeMap::new()), RefCell::new(Vec::new()));
    let deleted = RefCell::new(0);
    let start = Instant::now();
    // Connections first, so that all are there at the same moment.
    let all = join_all(files.iter().map(async |&file| {
        let count = |status: u16| *statuses.borrow_mut().entry(status).or_insert(0_u64) += 1;
        let visit = timeout(PATIENCE, async {
            let mut connection = Connection::open(server.address).await?;
            for (deletes, call) in [(false, calls::list(key, 1)), (true, calls::delete_files(key, &[file]))] {
                let asked = Instant::now();
                let answer = connection.ask(&call).await?;
                micros.borrow_mut().push(asked.elapsed().as_micros() as u32);
                count(answer.status);
                *deleted.borrow_mut() += u64::from(deletes && answer.status == 200);
            }
            Ok::<(), anyhow::Error>(())
        });
        // No answer, or none in time.
        if !visit.await.is_ok_and(|visit| visit.is_ok()) {
            count(0);
        }
    }));
    let seen = async {
        let mut most = 0;
        loop {
            most = open_files(server.pid()).map_or(most, |open| most.max(open));
            tokio::time::sleep(Duration::from_millis(50)).await;
            if micros.borrow().len() + statuses.borrow().get(&0).copied().unwrap_or(0) as usize >= 2 * clients
                || start.elapsed() > PATIENCE + Duration::from_secs(1)
            {
                return most;
            }
        }
    };
    let (_, most) = tokio::join!(all, seen);
    let took = start.elapsed();
    server.purged().await?;
    let usage = server.usage()?;
    let left = count_of(&mut Connection::open(server.address).await?, key).await?;
    let expected = seeded.files - *deleted.borrow();
    ensure!(left <= expected, "{left} files are left, and only {expected} should be");
    let after = open_files(server.pid())?;
    server.stop().await?;
    let latencies = Latencies::new(micros.into_inner());
    let mut row =
        Row::new("crowd", format!("{clients} clients at once, a list and a delete each"), mib(usage.peak), "MiB")
            .detail("answered in all", took.as_secs_f64(), "s")
            .details(latencies.details())
            .detail("descriptors at most", most as f64, "")
            .detail("afterwards", after as f64, "");
    for (status, count) in statuses.into_inner() {
        let name = match status {
            0 => "no answer",
            200 => "answers 200",
            429 => "answers 429",
            503 => "answers 503",
            _ => "other answers",
        };
        row = row.detail(name, count as f64, "");
    }
    bench.report.add(row);
    Ok(())
}

/// This process holds a connection for each client, and so does the server.
fn raise_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

fn open_files(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// How many files the account has.
async fn count_of(connection: &mut Connection, key: &str) -> Result<u64> {
    let answer = connection.ask(&calls::list(key, 1)).await?;
    let body: Value = serde_json::from_slice(answer.body)?;
    body["count"].as_u64().context("the list has no count")
}
