//! `purge`: how fast what waits in the queue goes, on local disk and in a bucket.

use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStoreExt, path::Path};

use crate::{
    Bench, baseline,
    fsync::Fsync,
    measure::mib,
    report::{Goal, Row},
    s3,
    seed::{self, Seeder, Tree},
    server::{Installation, Server},
    shared::Shared,
    support::weed::{self, Bucket, Weed},
};

/// `purge`: local disk.
///
/// # Errors
/// Something could not be measured.
pub async fn disk(bench: &mut Bench) -> Result<()> {
    let count = if bench.quick { 20_000 } else { 100_000 };
    for fsync in [Fsync::SLOW, Fsync::FAST, Fsync::Disk] {
        let installation = Installation::embedded(bench, fsync).await?;
        let account = installation.account("bench").await?;
        let mut seeder = Seeder::open(&installation).await?;
        let seeded = seeder.rows(&account, "folder", Tree { size: 4_096, ..Tree::of_files(count) }).await?;
        seeder.objects(&seeded.ids(), seeded.size).await?;
        seeder.queue(seeded).await?;
        seeder.close().await?;
        settle(fsync);
        let purge = drained(installation.start().await?, count).await?;
        ensure!(left_in(&installation)? == 0, "objects are left");
        let reference = |kind: &str| {
            let folder = installation.folder().display().to_string();
            baseline::rate(&bench.shim, fsync, &["unlinks", &folder, &count.to_string(), kind])
        };
        let (bare, durable) = (reference("bare")?, reference("durable")?);
        let mut row = Row::new("purge", format!("{count} objects, {}", fsync.name()), purge.rate, "/s")
            .against("/s of bare unlinks, not durable", bare)
            .detail("unlinks with a sync of each folder, by 1,000", durable, "/s")
            .details(purge.details());
        if fsync != Fsync::FAST {
            row = row.goal(Goal::RatioAtLeast(1.2));
        }
        bench.report.add(row);
    }
    Ok(())
}

/// `s3`: a bucket, with the rows in PostgreSQL.
///
/// # Errors
/// Something could not be measured.
pub async fn s3(bench: &mut Bench) -> Result<()> {
    let count = if bench.quick { 3_000 } else { 20_000 };
    let store = Weed::start().await;
    let bucket = store.bucket(weed::PLAIN);
    let shared = Shared::start(bench, Fsync::SLOW).await?;
    let installation = shared.installation(bench, &bucket).await?;
    let account = installation.account("bench").await?;
    let mut seeder = Seeder::open(&installation).await?;
    let seeded = seeder.rows(&account, "folder", Tree::of_files(count)).await?;
    put_all(&bucket, &seeder.keys(&seeded.ids()).await?).await?;
    seeder.queue(seeded).await?;
    seeder.close().await?;
    let purge = drained(installation.start().await?, count).await?;
    // The installation's own object stays.
    ensure!(bucket.list().await.len() == 1, "objects are left");
    let mut references = Vec::new();
    for at_once in [1, 2, 4] {
        let bucket = store.bucket(weed::PLAIN);
        let keys: Vec<String> =
            (0..count).map(|at| format!("{:02x}/{:032x}", at / 1_000, rand::random::<u128>())).collect();
        put_all(&bucket, &keys).await?;
        references.push((at_once, s3::delete_all(&bucket, &keys, at_once).await?));
    }
    let best = references.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let mut row = Row::new("s3", format!("{count} objects on SeaweedFS, rows in PostgreSQL"), purge.rate, "/s")
        .against("/s of raw DeleteObjects, 1,000 keys each, not Quiet, the best of 1, 2 and 4 at once", best)
        .goal(Goal::RatioAtLeast(0.9));
    for (at_once, rate) in references {
        let name = match at_once {
            1 => "raw, one at a time",
            2 => "two",
            _ => "four",
        };
        row = row.detail(name, rate, "/s");
    }
    bench.report.add(row.details(purge.details()));
    Ok(())
}

/// What a queue that was full came to.
struct Purge {
    rate: f64,
    cpu_per_1000: f64,
    peak: u64,
    transactions_per_1000: f64,
}

impl Purge {
    fn details(&self) -> Vec<(&'static str, f64, &'static str)> {
        vec![
            ("CPU per 1,000", self.cpu_per_1000, "s"),
            ("transactions per 1,000", self.transactions_per_1000, ""),
            ("peak", mib(self.peak), "MiB"),
        ]
    }
}

/// Waits until a server that has just been started has purged all of its queue.
async fn drained(server: Server, count: u64) -> Result<Purge> {
    let start = Instant::now();
    // It has begun already; CPU time since its start counts it all, and its start is nothing beside it.
    let waiting = server.figure("unfile_purge_pending").await?;
    server.purged().await?;
    let took = start.elapsed().as_secs_f64();
    let (usage, commits) = (server.usage()?, server.figure("unfile_commits").await?);
    server.stop().await?;
    let thousands = count as f64 / 1_000.0;
    Ok(Purge {
        rate: waiting as f64 / took,
        cpu_per_1000: usage.cpu.as_secs_f64() / thousands,
        peak: usage.peak,
        transactions_per_1000: commits as f64 / thousands,
    })
}

/// Objects that are left below an installation's folder.
fn left_in(installation: &Installation) -> Result<usize> {
    let mut left = 0;
    for folder in std::fs::read_dir(installation.objects())? {
        let path = folder?.path();
        if path.is_dir() {
            left += std::fs::read_dir(path)?.count();
        }
    }
    Ok(left)
}

/// What was made lies on the disk, as what is deleted some other day does.
fn settle(fsync: Fsync) {
    if fsync == Fsync::Disk {
        let _ = std::process::Command::new("sync").status();
    }
}

async fn put_all(bucket: &Bucket, keys: &[String]) -> Result<()> {
    let store = bucket.store();
    stream::iter(keys)
        .map(Ok::<_, anyhow::Error>)
        .try_for_each_concurrent(16, async |key| {
            let at = Path::from(format!("{}/{key}", bucket.prefix));
            store.put(&at, Bytes::from(seed::content(1)).into()).await?;
            Ok(())
        })
        .await
}
