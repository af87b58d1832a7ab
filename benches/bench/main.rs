//! The benchmark: one command starts what it needs, measures, and prints every figure beside its reference from the
//! same run. `docs/performance.md` says what is compared with what.
//!
//! Nothing here fails because something is slow.

#![allow(unreachable_pub, reason = "`pub` in a binary reads better than `pub(crate)` on every line")]

mod baseline;
mod bulk;
mod calls;
mod delete;
mod folder;
mod fsync;
mod load;
mod measure;
mod report;
mod seed;
mod server;
mod support;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::{fsync::Shim, report::Report, support::child};

/// Measures the project against bare loops
#[derive(Parser)]
#[command(name = "bench")]
struct Args {
    /// Smaller sizes, under five minutes
    #[arg(long)]
    quick: bool,
    /// Tables of 10,000,000 files too
    #[arg(long)]
    large: bool,
    /// Measures this build of the server, to compare two [default: the one that is built with the benchmark]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Only these scenarios
    #[arg(long, num_args = 1.., value_name = "NAME")]
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
    /// Files in the table, and microseconds of time and of CPU for each delete.
    growth: Vec<(u64, f64, f64)>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == baseline::ARGUMENT) {
        return baseline::run(&words[1..]).await;
    }
    let args = Args::parse();
    let mut bench = Bench {
        quick: args.quick,
        large: args.large,
        server: args.server.unwrap_or_else(child::binary),
        shim: Shim::build()?,
        report: Report::new(),
        growth: Vec::new(),
    };
    for name in ["delete", "growth", "folder", "bulk"] {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        let start = std::time::Instant::now();
        match name {
            "delete" => delete::delete(&mut bench).await?,
            "growth" => delete::growth(&mut bench).await?,
            "folder" => folder::run(&mut bench).await?,
            _ => bulk::run(&mut bench).await?,
        }
        eprintln!("{name} took {:.0} s", start.elapsed().as_secs_f64());
    }
    bench.report.publish()
}
