//! Single deletes over HTTP, each durable before its answer: how many a second, and what they cost as data grows.

use std::time::Duration;

use anyhow::Result;
use rand::seq::SliceRandom;

use crate::{
    Bench, baseline, calls,
    fsync::Fsync,
    load::{self, Outcome},
    measure::{median, mib},
    plot::Point,
    report::{Goal, Row},
    seed::{Seeded, Seeder, Tree},
    server::{Account, Installation, Server},
};

/// So many of the files that were made, from all over the table, each once.
pub fn choose(seeded: Seeded, count: usize) -> Vec<i64> {
    let mut files = seeded.ids();
    let (chosen, _) = files.partial_shuffle(&mut rand::rng(), count);
    chosen.to_vec()
}

/// What a run of deletes came to.
pub struct Deletes {
    pub outcome: Outcome,
    /// From the last answer to the last object gone.
    pub gone_after: Duration,
    /// CPU seconds of the server until the last answer, and until the bytes are gone.
    pub cpu: [f64; 2],
    pub transactions: u64,
    pub resident: u64,
    pub peak: u64,
}

impl Deletes {
    /// What goes beside every rate.
    pub fn details(&self) -> Vec<(&'static str, f64, &'static str)> {
        let thousands = self.count() / 1_000.0;
        let mut details = self.outcome.latencies.details().to_vec();
        details.extend([
            ("bytes gone after", self.gone_after.as_secs_f64(), "s"),
            ("purged", self.count() / (self.outcome.took + self.gone_after).as_secs_f64(), "/s"),
            ("CPU per 1,000 until answered", self.cpu[0] / thousands, "s"),
            ("until gone", self.cpu[1] / thousands, "s"),
            ("transactions per 1,000", self.transactions as f64 / thousands, ""),
            ("resident", mib(self.resident), "MiB"),
            ("peak", mib(self.peak), "MiB"),
        ]);
        details
    }

    pub fn count(&self) -> f64 {
        self.outcome.statuses.values().sum::<usize>() as f64
    }

    pub fn rate(&self) -> f64 {
        self.outcome.rate()
    }
}

/// Deletes these files one by one over so many connections and waits until their bytes are gone.
///
/// # Errors
/// Some delete failed.
pub async fn run(server: &Server, calls: &[Vec<u8>], connections: usize) -> Result<Deletes> {
    let commits = server.figure("unfile_commits").await?;
    let before = server.usage()?;
    let outcome = load::run(server.address, connections, calls.len(), |at| calls[at].clone()).await?.all_good()?;
    let answered = server.usage()?;
    let transactions = server.figure("unfile_commits").await? - commits;
    let gone_after = server.purged().await?;
    let gone = server.usage()?;
    let cpu = [answered.cpu - before.cpu, gone.cpu - before.cpu].map(|cpu| cpu.as_secs_f64());
    Ok(Deletes { outcome, gone_after, cpu, transactions, resident: gone.resident, peak: gone.peak })
}

/// Makes rows for all files and objects for those that will be deleted.
async fn installation(bench: &Bench, fsync: Fsync, files: u64) -> Result<(Installation, Account, Seeded)> {
    let installation = Installation::embedded(bench, fsync).await?;
    let account = installation.account("bench").await?;
    let mut seeder = Seeder::open(&installation).await?;
    let seeded = seeder.rows(&account, "folder", Tree::of_files(files)).await?;
    seeder.close().await?;
    Ok((installation, account, seeded))
}

async fn made_ready(installation: &Installation, account: &Account, files: &[i64]) -> Result<Vec<Vec<u8>>> {
    let mut seeder = Seeder::open(installation).await?;
    seeder.objects(files, 1).await?;
    seeder.close().await?;
    Ok(files.iter().map(|&file| calls::delete_files(&account.key, &[file])).collect())
}

/// Statements that 1,000 deletes over so many connections take, purging left out: seen in the server's log, so that run
/// is not timed.
async fn statements(bench: &Bench, connections: usize) -> Result<f64> {
    let (installation, account, seeded) = installation(bench, Fsync::SLOW, 10_000).await?;
    let files = choose(seeded, 2_000);
    let calls: Vec<_> = files.iter().map(|&file| calls::delete_files(&account.key, &[file])).collect();
    let server = installation.start_counting().await?;
    let before = server.statements()?;
    load::run(server.address, connections, calls.len(), |at| calls[at].clone()).await?.all_good()?;
    let after = server.statements()?;
    Ok((after - before) as f64 / (calls.len() as f64 / 1_000.0))
}

/// The bare loop, before and after each run of ours.
fn reference(bench: &Bench, fsync: Fsync, installation: &Installation) -> Result<f64> {
    let count = match fsync {
        Fsync::Fixed(micros) if micros >= 1_000 => 250,
        _ => 2_000,
    };
    let folder = installation.folder().display().to_string();
    baseline::rate(&bench.shim, fsync, &["commits", &folder, &count.to_string()])
}

/// `delete`: SQLite and a folder, against a bare loop of transactions.
///
/// # Errors
/// Something could not be measured.
pub async fn delete(bench: &mut Bench) -> Result<()> {
    let rounds = if bench.quick { 1 } else { 3 };
    for fsync in [Fsync::SLOW, Fsync::FAST, Fsync::Disk] {
        for (connections, goal) in [(64, 15.0), (256, 25.0)] {
            let deletes = if bench.quick { 5_000 } else { 20_000 };
            let (installation, account, seeded) = installation(bench, fsync, 100_000).await?;
            let files = choose(seeded, deletes * rounds);
            let calls = made_ready(&installation, &account, &files).await?;
            let server = installation.start().await?;
            let mut references = vec![reference(bench, fsync, &installation)?];
            let mut runs = Vec::new();
            for calls in calls.chunks(deletes) {
                runs.push(run(&server, calls, connections).await?);
                references.push(reference(bench, fsync, &installation)?);
            }
            server.stop().await?;
            runs.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
            let middle = &runs[runs.len() / 2];
            let case = format!("SQLite, {}, {connections} connections", fsync.name());
            let mut row = Row::new("delete", case, middle.rate(), "/s")
                .against("one-update transactions/s", median(references))
                .details(middle.details());
            if fsync == Fsync::SLOW {
                let statements = statements(bench, connections).await?;
                row = row.goal(Goal::RatioAtLeast(goal)).detail("statements per 1,000", statements, "");
            }
            bench.report.add(row);
        }
    }
    Ok(())
}

/// `growth`: the same with more and more files in the table.
///
/// # Errors
/// Something could not be measured.
pub async fn growth(bench: &mut Bench) -> Result<()> {
    let mut sizes = vec![10_000, 100_000, 1_000_000];
    if bench.quick {
        sizes.pop();
    } else if bench.large {
        sizes.push(10_000_000);
    }
    let (rounds, deletes) = (3, if bench.quick { 1_000 } else { 2_500 });
    let mut sites = Vec::new();
    for &files in &sizes {
        let (installation, account, seeded) = installation(bench, Fsync::SLOW, files).await?;
        let calls = made_ready(&installation, &account, &choose(seeded, rounds * deletes)).await?;
        let server = installation.start().await?;
        // In this order: the server is stopped before its files go.
        sites.push((server, calls, installation, Vec::new()));
    }
    // In turns, so that what else the machine does meets all sizes.
    for round in 0..rounds {
        for (server, calls, _, runs) in &mut sites {
            runs.push(run(server, &calls[round * deletes..(round + 1) * deletes], 64).await?);
        }
    }
    let mut seen: Vec<(f64, f64)> = Vec::new();
    for (files, (server, _, _installation, runs)) in sizes.into_iter().zip(sites) {
        server.stop().await?;
        let micros = |figure: fn(&Deletes) -> f64| median(runs.iter().map(|run| 1_000_000.0 * figure(run)).collect());
        let time = micros(|run| 1.0 / run.rate());
        let cpu = micros(|run| run.cpu[1] / run.count());
        let case = |what: &str| format!("{what} of a delete at {files} files, {}", Fsync::SLOW.name());
        let details = runs[rounds / 2].details();
        let of_time = Row::new("growth", case("time"), time, "µs").details(details);
        let of_cpu = Row::new("growth", case("CPU until bytes are gone"), cpu, "µs");
        for (row, of) in [(of_time, (|cost| cost.0) as fn(&(f64, f64)) -> f64), (of_cpu, |cost| cost.1)] {
            let row = match seen.as_slice() {
                [] => row,
                [small] => row.against("µs at 10,000 files", of(small)),
                // The goal is for tables that are large already.
                [small, base, ..] => {
                    let of_small = of(&(time, cpu)) / of(small);
                    let row = row.against("µs at 100,000 files", of(base)).goal(Goal::RatioAtMost(1.4));
                    row.detail("times that at 10,000", of_small, "")
                }
            };
            bench.report.add(row);
        }
        seen.push((time, cpu));
        bench.report.plot(Point { files, time, cpu });
    }
    Ok(())
}
