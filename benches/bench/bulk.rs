//! `bulk`: one call that names many files against as many calls that name one.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::{
    Bench, calls, delete,
    fsync::Fsync,
    load::Connection,
    measure::median,
    report::{Goal, Row},
    seed::{Seeded, Seeder, Tree},
    server::{Account, Installation, Server},
};

/// Which files a call names.
#[derive(Clone, Copy)]
enum Place {
    OneFolder,
    Scattered,
}

/// # Errors
/// Something could not be measured.
pub async fn run(bench: &mut Bench) -> Result<()> {
    let rounds = if bench.quick { 3 } else { 7 };
    let one = Tree { folders: 60, files_in_each: 1_000, size: 1, below_one: false };
    let many = Tree { folders: 1_000, files_in_each: 100, size: 1, below_one: false };
    let installation = Installation::embedded(bench, Fsync::SLOW).await?;
    let account = installation.account("bench").await?;
    let mut seeder = Seeder::open(&installation).await?;
    let together = seeder.rows(&account, "one", one).await?;
    let scattered = seeder.rows(&account, "many", many).await?;
    let others = seeder.rows(&account, "single", Tree::of_files(20_000)).await?;
    seeder.close().await?;
    let server = installation.start().await?;
    let mut single = delete::choose(others, 1_000 * rounds);
    let mut alone = Vec::new();
    for _ in 0..rounds {
        let files = single.split_off(single.len() - 1_000);
        let calls: Vec<_> = files.iter().map(|&file| calls::delete_files(&account.key, &[file])).collect();
        alone.push(delete::run(&server, &calls, 64).await?.rate());
    }
    let alone = median(alone);
    let mut used = [0, 0];
    for (place, count, what, goal) in [
        (Place::OneFolder, 1_000, "1,000 files of one folder", 25_000.0),
        (Place::Scattered, 1_000, "1,000 files of 1,000 folders", 10_000.0),
        (Place::OneFolder, 10_000, "10,000 files of ten folders", 25_000.0),
        (Place::Scattered, 10_000, "10,000 files of 1,000 folders", 10_000.0),
    ] {
        let mut rates = Vec::new();
        for _ in 0..if count == 1_000 { rounds } else { 3 } {
            let files = match place {
                Place::OneFolder => side_by_side(together, &mut used[0], count),
                Place::Scattered => scatter(scattered, &mut used[1], count),
            };
            rates.push(one_call(&server, &account, &files).await?);
        }
        let row = Row::new("bulk", format!("one call of {what}, {}", Fsync::SLOW.name()), median(rates), "files/s")
            .against("files/s by single calls over 64 connections", alone)
            .goal(Goal::RatioAtLeast(5.0))
            .goal(Goal::AtLeast(goal));
        bench.report.add(row);
    }
    server.stop().await
}

/// The next so many files, which lie side by side.
fn side_by_side(seeded: Seeded, used: &mut i64, count: i64) -> Vec<i64> {
    let first = seeded.file + *used;
    *used += count;
    (first..*used + seeded.file).collect()
}

/// The next files of every folder, one after the other, until there are so many.
fn scatter(seeded: Seeded, used: &mut i64, count: i64) -> Vec<i64> {
    let first = *used;
    *used += count / 1_000;
    (0..count).map(|at| seeded.file + at % 1_000 * 100 + first + at / 1_000).collect()
}

/// Files a second.
async fn one_call(server: &Server, account: &Account, files: &[i64]) -> Result<f64> {
    let mut connection = Connection::open(server.address).await?;
    let call = calls::delete_files(&account.key, files);
    let start = Instant::now();
    let answer = connection.ask(&call).await?;
    let took = start.elapsed();
    ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    server.purged().await?;
    Ok(files.len() as f64 / took.as_secs_f64())
}
