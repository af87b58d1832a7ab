//! The benchmark: one command starts what it needs, measures, and prints every figure beside its reference from the
//! same run. `docs/performance.md` says what is compared with what.
//!
//! Nothing here fails because something is slow.

#![allow(unreachable_pub, reason = "`pub` in a binary reads better than `pub(crate)` on every line")]

mod baseline;
mod bulk;
mod calls;
mod crowd;
mod delete;
mod folder;
mod fsync;
mod lists;
mod load;
mod measure;
mod plot;
mod purge;
mod report;
mod s3;
mod seed;
mod server;
mod shared;
mod support;
mod upload;

use std::{path::PathBuf, time::Instant};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::runtime::Builder;

use crate::{fsync::Shim, report::Report, support::child};

/// Measures the project against bare loops
#[derive(Parser)]
#[command(name = "bench")]
struct Args {
    /// Smaller sizes, some ten minutes
    #[arg(long)]
    quick: bool,
    /// Tables of 10,000,000 files too
    #[arg(long)]
    large: bool,
    /// Measures this build of the server, to compare two [default: the one that is built with the benchmark]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Writes table and plot into docs/performance.*
    #[arg(long)]
    docs: bool,
    /// Only these scenarios
    #[arg(long, num_args = 1.., value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(SCENARIOS))]
    only: Vec<String>,
    /// Cargo says that this is a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// A run.
pub struct Bench {
    quick: bool,
    large: bool,
    /// The server's program.
    server: PathBuf,
    shim: Shim,
    report: Report,
}

const SCENARIOS: [&str; 10] =
    ["delete", "growth", "folder", "bulk", "upload", "purge", "postgres", "s3", "lists", "crowd"];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == baseline::ARGUMENT) {
        return Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?
            .block_on(baseline::run(&words[1..]));
    }
    // All connections live on one thread: the server has the other core.
    Builder::new_current_thread().enable_all().build()?.block_on(run(Args::parse()))
}

async fn run(args: Args) -> Result<()> {
    let mut bench = Bench {
        quick: args.quick,
        large: args.large,
        server: args.server.unwrap_or_else(child::binary),
        shim: Shim::build()?,
        report: Report::new(),
    };
    for name in SCENARIOS {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        let start = Instant::now();
        let bench = &mut bench;
        match name {
            "delete" => delete::delete(bench).await,
            "growth" => delete::growth(bench).await,
            "folder" => folder::run(bench).await,
            "bulk" => bulk::run(bench).await,
            "upload" => upload::run(bench).await,
            "purge" => purge::disk(bench).await,
            "postgres" => shared::run(bench).await,
            "s3" => purge::s3(bench).await,
            "lists" => lists::run(bench).await,
            _ => crowd::run(bench).await,
        }
        .with_context(|| name.to_owned())?;
        eprintln!("{name} took {:.0} s", start.elapsed().as_secs_f64());
    }
    bench.report.publish()?;
    if args.docs { bench.report.write_docs() } else { Ok(()) }
}
