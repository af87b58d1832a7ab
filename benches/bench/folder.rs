//! `folder`: a folder of any size is trashed, restored and deleted in the same time, and nobody else notices what
//! follows.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    Bench, calls, delete,
    fsync::Fsync,
    load::{self, Connection, Outcome, Plan},
    measure::{median, mib},
    report::{Goal, Row},
    seed::{Seeded, Seeder, Tree},
    server::{Account, Installation, Server},
};

/// Times that a folder goes to the trash and comes back.
const TIMES: usize = 5;
/// Clients of the mix, and how long each waits between two requests: 320 requests a second, far from what the machine
/// can do, so that the time of an answer is that of the work and of what stands in its way.
const CLIENTS: usize = 16;
const PAUSE: Duration = Duration::from_millis(50);

/// Milliseconds until each kind of call was answered.
struct Answered {
    trash: f64,
    restore: f64,
    delete: f64,
}

/// # Errors
/// Something could not be measured.
pub async fn run(bench: &mut Bench) -> Result<()> {
    let sizes: &[u64] = if bench.quick { &[1, 10_000, 100_000] } else { &[1, 10_000, 100_000, 1_000_000] };
    let mut first: Option<Answered> = None;
    for &files in sizes {
        let installation = Installation::embedded(bench, Fsync::SLOW).await?;
        let account = installation.account("bench").await?;
        let mut seeder = Seeder::open(&installation).await?;
        let folder = seeder.rows(&account, "large", Tree::in_one_folder(files)).await?;
        let others = seeder.rows(&account, "folder", Tree::of_files(20_000)).await?;
        for seeded in [folder, others] {
            seeder.objects(&seeded.ids(), seeded.size).await?;
        }
        seeder.close().await?;
        let server = installation.start().await?;
        let mix = Mix::new(&account, others);
        let alone = mix.run(&server, Some(Duration::from_secs(if bench.quick { 5 } else { 10 })), || false).await?;
        let mut connection = Connection::open(server.address).await?;
        let (mut trash, mut restore) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            trash.push(timed(&mut connection, &calls::delete_folder(&account.key, folder.folder, false)).await?);
            let back = calls::restore_folder(&account.key, folder.folder, folder.root);
            restore.push(timed(&mut connection, &back).await?);
        }
        let before = server.usage()?;
        let delete = timed(&mut connection, &calls::delete_folder(&account.key, folder.folder, true)).await?;
        let done = Cell::new(false);
        let (beside, gone_after) = tokio::try_join!(mix.run(&server, None, || done.get()), async {
            let gone = server.purged().await;
            done.set(true);
            gone
        })?;
        let usage = server.usage()?;
        server.stop().await?;
        let answered = Answered { trash: median(trash), restore: median(restore), delete };
        let gone = gone_after.as_secs_f64();
        let case = |what: &str| format!("{what}, {files} files, {}", Fsync::SLOW.name());
        let mut rows = [
            Row::new("folder", case("into the trash"), answered.trash, "ms"),
            Row::new("folder", case("out of the trash"), answered.restore, "ms"),
            Row::new("folder", case("for good"), answered.delete, "ms").details([
                ("all bytes gone after", gone, "s"),
                ("expanded and purged", files as f64 / gone, "/s"),
                ("CPU per 1,000", (usage.cpu - before.cpu).as_secs_f64() / (files as f64 / 1_000.0), "s"),
                ("resident", mib(usage.resident), "MiB"),
            ]),
        ];
        if let Some(first) = &first {
            let references = [first.trash, first.restore, first.delete];
            let mut at = 0;
            rows = rows.map(|row| {
                at += 1;
                row.against("ms for 1 file", references[at - 1]).goal(Goal::AtMost(references[at - 1] + 10.0))
            });
        } else {
            first = Some(answered);
        }
        rows.into_iter().for_each(|row| bench.report.add(row));
        if files > 1 {
            let peak = Row::new("folder", case("memory, at most"), mib(usage.peak), "MiB").goal(Goal::AtMost(150.0));
            bench.report.add(peak);
            let p99 = |outcome: &Outcome| outcome.latencies.percentile(0.99);
            let row = Row::new("folder", case("p99 of others meanwhile"), p99(&beside), "ms")
                .against("ms for them alone", p99(&alone))
                .goal(Goal::RatioAtMost(2.0))
                .detail("p50", beside.latencies.percentile(0.5), "ms")
                .detail("p99.9", beside.latencies.percentile(0.999), "ms")
                .detail("alone p50", alone.latencies.percentile(0.5), "ms")
                .detail("alone p99.9", alone.latencies.percentile(0.999), "ms");
            bench.report.add(row);
        }
    }
    Ok(())
}

/// Sends one request; gives the milliseconds until its answer.
async fn timed(connection: &mut Connection, request: &[u8]) -> Result<f64> {
    let start = Instant::now();
    let answer = connection.ask(request).await?;
    let took = start.elapsed();
    ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(took.as_secs_f64() * 1_000.0)
}

/// What other clients do: they list, look at files, upload small ones and delete some, each as often.
struct Mix {
    key: String,
    looked_at: Vec<i64>,
    deleted: Vec<i64>,
    /// Requests so far: no file is deleted twice, no name given twice.
    sent: Cell<usize>,
}

impl Mix {
    fn new(account: &Account, seeded: Seeded) -> Self {
        let mut looked_at = delete::choose(seeded, seeded.files as usize);
        let deleted = looked_at.split_off(looked_at.len() / 2);
        Self { key: account.key.clone(), looked_at, deleted, sent: Cell::new(0) }
    }

    async fn run(&self, server: &Server, time: Option<Duration>, is_over: impl Fn() -> bool) -> Result<Outcome> {
        let end = time.map(|time| Instant::now() + time);
        let make = |_| {
            let over = is_over() || end.is_some_and(|end| Instant::now() > end);
            (!over).then(|| self.request(self.sent.replace(self.sent.get() + 1)))
        };
        load::run_plan(server.address, Plan { connections: CLIENTS, requests: usize::MAX, pause: PAUSE, make })
            .await?
            .all_good()
    }

    fn request(&self, at: usize) -> Vec<u8> {
        let round = at / 4;
        match at % 4 {
            0 => calls::list(&self.key, 1),
            1 => calls::file_info(&self.key, self.looked_at[round % self.looked_at.len()]),
            2 => calls::upload(&self.key, &format!("new-{at}.bin"), &[7; 4096]),
            // Enough for minutes; then others are looked at instead.
            _ => match self.deleted.get(round) {
                Some(&file) => calls::delete_files(&self.key, &[file]),
                None => calls::file_info(&self.key, self.looked_at[round % self.looked_at.len()]),
            },
        }
    }
}
