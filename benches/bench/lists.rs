//! `lists`: pages of a long list and of a long trash.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    Bench, calls,
    fsync::Fsync,
    load::{self, Connection},
    report::Row,
    seed::{Seeder, Tree},
    server::Installation,
};

/// # Errors
/// Something could not be measured.
pub async fn run(bench: &mut Bench) -> Result<()> {
    let mut sizes = vec![100_000, 1_000_000];
    if bench.quick {
        sizes.pop();
    } else if bench.large {
        sizes.push(10_000_000);
    }
    let mut first: Vec<f64> = Vec::new();
    for files in sizes {
        let installation = Installation::embedded(bench, Fsync::SLOW).await?;
        let account = installation.account("bench").await?;
        let mut seeder = Seeder::open(&installation).await?;
        seeder.rows(&account, "folder", Tree::of_files(files)).await?;
        let trashed = seeder.rows(&account, "trashed", Tree::of_files(files / 10)).await?;
        seeder.trash(trashed).await?;
        seeder.close().await?;
        let server = installation.start().await?;
        let key = account.key.as_str();
        let middle = files / 200;
        let next = next_of(&mut Connection::open(server.address).await?, key, middle).await?;
        let lists = [
            ("first page", 400, calls::list(key, 1)),
            ("page in the middle, by its number", 20, calls::list(key, middle)),
            ("the page after that, by our link", 20, calls::get(key, &next)),
            ("trash, first page", 100, calls::trash(key, 0)),
            ("trash, page in the middle", 20, calls::trash(key, files / 20)),
        ];
        for (at, (what, times, call)) in lists.into_iter().enumerate() {
            let times = if bench.quick { times / 4 } else { times };
            let before = server.usage()?;
            let outcome = load::run(server.address, 2, times, |_| call.clone()).await?.all_good()?;
            let cpu = (server.usage()?.cpu - before.cpu).as_secs_f64() * 1_000.0 / times as f64;
            let median = outcome.latencies.percentile(0.5);
            let mut row = Row::new("lists", format!("{what}, {files} files"), median, "ms")
                .detail("p99", outcome.latencies.percentile(0.99), "ms")
                .detail("CPU", cpu, "ms");
            match first.get(at) {
                Some(&reference) => row = row.against("ms at 100,000 files", reference),
                None => first.push(median),
            }
            bench.report.add(row);
        }
        server.stop().await?;
    }
    Ok(())
}

/// Where a page says that the next one is.
async fn next_of(connection: &mut Connection, key: &str, page: u64) -> Result<String> {
    let answer = connection.ask(&calls::list(key, page)).await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
    let body: Value = serde_json::from_slice(answer.body)?;
    let next = body["next"].as_str().context("the list has no next page")?;
    let url: axum::http::Uri = next.parse()?;
    Ok(url.path_and_query().context("next")?.to_string())
}
