//! `postgres`: single deletes where the rows are in PostgreSQL.

use anyhow::Result;
use rand::seq::SliceRandom;

use crate::{
    Bench, baseline, calls, delete,
    fsync::Fsync,
    measure::{Usage, median},
    report::{Goal, Row},
    seed::{Seeder, Tree},
    server::Installation,
    support::{
        postgres::{Database, Postgres},
        weed::Bucket,
    },
};

/// A PostgreSQL server of our own, which feels the fixed cost of a sync too.
pub struct Shared {
    /// Before its server, which is dropped after it.
    database: Database,
    postgres: Postgres,
    fsync: Fsync,
}

impl Shared {
    /// # Errors
    /// There is no place for it.
    pub async fn start(bench: &Bench, fsync: Fsync) -> Result<Self> {
        let env = bench.shim.env(fsync).into_iter().map(|(name, value)| format!("{name}={value}"));
        let wrap = std::iter::once("env".to_owned()).chain(env).collect();
        let postgres = Postgres::durable_in(fsync.folder()?, wrap).await;
        Ok(Self { database: postgres.database().await, postgres, fsync })
    }

    /// An installation with its objects in a folder.
    async fn with_folder(&self, bench: &Bench) -> Result<Installation> {
        let folder = self.fsync.folder()?;
        let objects = format!("file:{}", folder.path().join("data/objects").display());
        let env = vec![("UNFILE_DATABASE".into(), self.database.url()), ("UNFILE_OBJECTS".into(), objects)];
        Installation::made(bench, self.fsync, folder, self.database.url(), env).await
    }

    /// An installation with its objects in a bucket.
    ///
    /// # Errors
    /// The server does not start.
    pub async fn installation(&self, bench: &Bench, bucket: &Bucket) -> Result<Installation> {
        let mut env = bucket.env();
        env.extend([("UNFILE_DATABASE".into(), self.database.url()), ("UNFILE_OBJECTS".into(), bucket.url())]);
        Installation::made(bench, self.fsync, self.fsync.folder()?, self.database.url(), env).await
    }

    /// CPU seconds of the database so far.
    fn cpu(&self) -> Result<f64> {
        Ok(Usage::cpu_of_family(self.postgres.pid())?.as_secs_f64())
    }
}

/// # Errors
/// Something could not be measured.
pub async fn run(bench: &mut Bench) -> Result<()> {
    const CONNECTIONS: [usize; 2] = [64, 256];
    let (rounds, deletes) = if bench.quick { (1, 4_000) } else { (3, 10_000) };
    for (accounts, goal) in [(100_u64, 3.0), (1, 15.0)] {
        let shared = Shared::start(bench, Fsync::SLOW).await?;
        let installation = shared.with_folder(bench).await?;
        let mut owners = Vec::new();
        for at in 0..accounts {
            owners.push(installation.account(&format!("bench-{at}")).await?);
        }
        let mut seeder = Seeder::open(&installation).await?;
        let mut all = Vec::new();
        for owner in &owners {
            let seeded = seeder.rows(owner, "folder", Tree::of_files(100_000 / accounts)).await?;
            all.extend(seeded.ids().into_iter().map(|file| (file, &owner.key)));
        }
        let (chosen, _) = all.partial_shuffle(&mut rand::rng(), CONNECTIONS.len() * deletes * rounds);
        seeder.objects(&chosen.iter().map(|(file, _)| *file).collect::<Vec<_>>(), 1).await?;
        seeder.close().await?;
        let server = installation.start().await?;
        // Without a database of its own it would fill the caches of ours.
        let other = shared.postgres.database().await;
        let reference = || {
            let (url, accounts) = (other.url(), accounts.to_string());
            let count = if accounts == "1" { 500 } else { 2_000 };
            // The shim is in the server, whose syncs count.
            baseline::rate(&bench.shim, Fsync::Disk, &["pool", &url, &count.to_string(), &accounts])
        };
        let whose = if accounts == 1 { "1 account".to_owned() } else { format!("{accounts} accounts") };
        for (connections, chosen) in CONNECTIONS.into_iter().zip(chosen.chunks(deletes * rounds)) {
            let mut references = vec![reference()?];
            let (mut runs, mut database) = (Vec::new(), Vec::new());
            for chosen in chosen.chunks(deletes) {
                let calls: Vec<_> = chosen.iter().map(|(file, key)| calls::delete_files(key, &[*file])).collect();
                let before = shared.cpu()?;
                runs.push(delete::run(&server, &calls, connections).await?);
                database.push((shared.cpu()? - before) / (deletes as f64 / 1_000.0));
                references.push(reference()?);
            }
            runs.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
            let middle = &runs[runs.len() / 2];
            let case = format!("{whose}, {}, {connections} connections", Fsync::SLOW.name());
            let row = Row::new("postgres", case, middle.rate(), "/s")
                .against("/s by a transaction each through a pool of 64", median(references))
                .goal(Goal::RatioAtLeast(goal))
                .details(middle.details())
                .detail("CPU of PostgreSQL per 1,000 until gone", median(database), "s");
            bench.report.add(row);
        }
        server.stop().await?;
    }
    Ok(())
}
