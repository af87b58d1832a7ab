//! The references: bare loops that do the least that could be called the same work. Each runs as a process of its own,
//! started from this program, so that the fixed cost of a sync reaches it too.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::fsync::{Fsync, Shim};

/// The first argument that makes this program a baseline.
pub const ARGUMENT: &str = "baseline";

/// Runs one in a child process; gives what it did a second.
///
/// # Errors
/// It failed.
pub fn rate(shim: &Shim, fsync: Fsync, args: &[&str]) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .arg(ARGUMENT)
        .args(args)
        .envs(shim.env(fsync))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "baseline {args:?} failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// What the child process does: prints a rate.
///
/// # Errors
/// Those of the work.
pub async fn run(args: &[String]) -> Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let rate = match args[..] {
        ["commits", folder, count] => commits(Path::new(folder), count.parse()?).await?,
        _ => bail!("no baseline {args:?}"),
    };
    println!("{rate}");
    Ok(())
}

/// Transactions of one update each on SQLite, one after the other, each durable before the next (write-ahead log,
/// `synchronous = full`).
async fn commits(folder: &Path, count: u64) -> Result<f64> {
    const ROWS: u64 = 100_000;
    let file = folder.join("baseline.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut conn = SqliteConnection::connect_with(&options).await.context("baseline.db")?;
    conn.execute("pragma journal_mode = wal; pragma synchronous = off").await?;
    conn.execute("create table file (id integer primary key, state bigint not null, name text not null)").await?;
    let fill = "insert into file (state, name) with recursive series (i) as (select 1 union all select i + 1 \
                from series where i < $1) select 1, 'file-' || i || '.pdf' from series";
    sqlx::query(fill).bind(ROWS as i64).execute(&mut conn).await?;
    conn.execute("pragma synchronous = full").await?;
    let start = Instant::now();
    for at in 0..count {
        // All over the table.
        let id = (at * 7_919) % ROWS + 1;
        sqlx::query("update file set state = 3 where id = $1").bind(id as i64).execute(&mut conn).await?;
    }
    let took = start.elapsed();
    conn.close().await?;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("baseline.db{end}")));
    }
    Ok(count as f64 / took.as_secs_f64())
}
