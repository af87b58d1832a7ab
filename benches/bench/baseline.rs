//! The references: bare loops that do the least that could be called the same work. Each runs as a process of its own,
//! started from this program, so that the fixed cost of a sync reaches it too.

mod pool;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use sqlx::{Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use tokio::{runtime::Handle, sync::Mutex};

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
        ["uploads", folder, count, threads] => uploads(Path::new(folder), count.parse()?, threads.parse()?).await?,
        ["unlinks", folder, count, kind] => unlinks(Path::new(folder), count.parse()?, kind == "durable")?,
        ["pool", url, count, accounts] => pool::deletes(url, count.parse()?, accounts.parse()?).await?,
        _ => bail!("no baseline {args:?}"),
    };
    println!("{rate}");
    Ok(())
}

/// A database that goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    async fn open(folder: &Path) -> Result<(Self, SqliteConnection)> {
        let file = folder.join("baseline.db");
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let mut conn = SqliteConnection::connect_with(&options).await.context("baseline.db")?;
        conn.execute("pragma journal_mode = wal; pragma synchronous = full").await?;
        Ok((Self(file), conn))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

/// Transactions of one update each on SQLite, one after the other, each durable before the next (write-ahead log,
/// `synchronous = full`).
async fn commits(folder: &Path, count: u64) -> Result<f64> {
    const ROWS: u64 = 100_000;
    let (_scratch, mut conn) = Scratch::open(folder).await?;
    conn.execute("pragma synchronous = off").await?;
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
    Ok(count as f64 / took.as_secs_f64())
}

/// Files of 4 KiB, so many threads at a time: each is written under another name, synced, renamed, its folder synced,
/// and its row committed to the one SQLite database.
async fn uploads(folder: &Path, count: usize, threads: usize) -> Result<f64> {
    let (_scratch, mut conn) = Scratch::open(folder).await?;
    conn.execute("create table file (id integer primary key, name text not null, size bigint not null)").await?;
    let folder = tempfile::tempdir_in(folder)?;
    let (conn, runtime) = (Mutex::new(conn), Handle::current());
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    // The runtime's own thread waits here; each of the others drives its own statements.
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let work = || -> Result<()> {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return Ok(());
                    }
                    let (draft, path) = (folder.path().join(format!("{at}.new")), folder.path().join(at.to_string()));
                    let mut file = File::create(&draft)?;
                    file.write_all(&[7; 4096])?;
                    file.sync_all()?;
                    fs::rename(&draft, &path)?;
                    File::open(folder.path())?.sync_all()?;
                    runtime.block_on(async {
                        let insert = "insert into file (name, size) values ($1, 4096)";
                        sqlx::query(insert).bind(at.to_string()).execute(&mut *conn.lock().await).await
                    })?;
                }
            };
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            running.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
        })
    })?;
    Ok(count as f64 / start.elapsed().as_secs_f64())
}

/// Unlinks of files of 4 KiB that lie as objects do, a thousand in a row in one of 256 folders. `durable`: the folders
/// of each thousand are synced after it.
fn unlinks(folder: &Path, count: usize, durable: bool) -> Result<f64> {
    let root = tempfile::tempdir_in(folder)?;
    for at in 0..256 {
        fs::create_dir(root.path().join(format!("{at:02x}")))?;
    }
    let paths: Vec<PathBuf> = (0..count)
        .map(|at| root.path().join(format!("{:02x}/{:032x}", (at / 1_000 * 167 + 31) % 256, rand::random::<u128>())))
        .collect();
    for path in &paths {
        fs::write(path, [b'x'; 4096])?;
    }
    ensure!(Command::new("sync").status()?.success(), "sync");
    let start = Instant::now();
    for some in paths.chunks(1_000) {
        for path in some {
            fs::remove_file(path)?;
        }
        if let (true, Some(folder)) = (durable, some[0].parent()) {
            File::open(folder)?.sync_all()?;
        }
    }
    Ok(count as f64 / start.elapsed().as_secs_f64())
}
