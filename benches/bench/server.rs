//! An installation of the project, and the server that runs on it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use sqlx::{AnyConnection, Connection as _};
use tempfile::TempDir;

use crate::{
    Bench,
    fsync::Fsync,
    load::{Connection, request},
    measure::Usage,
    support::child::{Launch, finish, free_port},
};

/// Rows and objects, with nobody at work on them until a server is started.
pub struct Installation {
    folder: TempDir,
    /// The server's program.
    binary: PathBuf,
    env: Vec<(String, String)>,
    /// How the server feels a sync.
    shim: Vec<(String, String)>,
    database: String,
}

/// What `account add --json` prints.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub id: i64,
    pub key: String,
}

impl Installation {
    /// A fresh one on SQLite and a folder.
    ///
    /// # Errors
    /// The server does not start.
    pub async fn embedded(bench: &Bench, fsync: Fsync) -> Result<Self> {
        let folder = fsync.folder()?;
        let database = format!("sqlite:{}", folder.path().join("data/unfile.db").display());
        Self::made(bench, fsync, folder, database, Vec::new()).await
    }

    /// A fresh one on these stores, which `env` tells the server of.
    ///
    /// # Errors
    /// The server does not start.
    pub async fn made(
        bench: &Bench,
        fsync: Fsync,
        folder: TempDir,
        database: String,
        env: Vec<(String, String)>,
    ) -> Result<Self> {
        let (binary, shim) = (bench.server.clone(), bench.shim.env(fsync));
        let made = Self { folder, binary, env, shim, database };
        // The first start makes schema and folders, at no extra cost.
        made.start_with(&[], "warn").await?.stop().await?;
        Ok(made)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the objects lie that are in no bucket.
    pub fn objects(&self) -> PathBuf {
        self.folder().join("data/objects")
    }

    /// A connection to the rows, while no server runs.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn connect(&self) -> Result<AnyConnection> {
        sqlx::any::install_default_drivers();
        Ok(AnyConnection::connect(&self.database).await?)
    }

    /// Makes an account without a quota.
    ///
    /// # Errors
    /// The command failed.
    pub async fn account(&self, name: &str) -> Result<Account> {
        let command = self.launch().command(&["account", "add", name, "--quota", "0", "--json"]);
        let output = finish(command, String::new()).await;
        ensure!(output.status == 0, "account add: {}", output.stderr);
        Ok(serde_json::from_str(&output.stdout)?)
    }

    /// Starts the server under the fixed cost of a sync.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(&self) -> Result<Server> {
        self.start_logging("info").await
    }

    /// The same with another level of its log; `info` is what operators have.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_logging(&self, level: &str) -> Result<Server> {
        self.start_with(&self.shim, level).await
    }

    /// Starts it so that its log shows each statement and that nothing is purged.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_counting(&self) -> Result<Server> {
        let mut env = self.shim.clone();
        env.push(("UNFILE_PURGE_DELAY".into(), "1h".into()));
        self.start_with(&env, "warn,sqlx::query=debug").await
    }

    async fn start_with(&self, shim: &[(String, String)], level: &str) -> Result<Server> {
        let launch = self.launch();
        let log = self.folder().join("log");
        let mut command = launch.command(&["serve"]);
        command.env("RUST_LOG", level).envs(shim.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            // It prints nothing after it.
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let server = Server { process, address: SocketAddr::from(([127, 0, 0, 1], launch.port)), log };
        ensure!(line.starts_with("listening on "), "the server did not start: {}", server.log()?);
        Ok(server)
    }

    fn launch(&self) -> Launch {
        Launch {
            wrap: Vec::new(),
            binary: self.binary.clone(),
            data: self.folder().join("data"),
            port: free_port(),
            env: self.env.clone(),
        }
    }
}

/// A running server. It is killed when the value goes.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Server {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    ///
    /// # Errors
    /// The file is gone.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// SQL statements so far; it must have been started so that it counts them.
    ///
    /// # Errors
    /// The log is gone.
    pub fn statements(&self) -> Result<usize> {
        Ok(self.log()?.matches(" sqlx::query: ").count())
    }

    /// # Errors
    /// It is gone.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid()).context("the server is gone")
    }

    /// One of its own figures, such as `unfile_purge_pending`.
    ///
    /// # Errors
    /// It does not answer, or has no such figure.
    pub async fn figure(&self, name: &str) -> Result<u64> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.ask(&request("GET", "/metrics", "", "", b"")).await?;
        let text = std::str::from_utf8(answer.body)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.with_context(|| format!("no figure {name}"))?.parse()?)
    }

    /// Waits until nothing is left to expand or purge, at most 20 minutes; gives how long that took.
    ///
    /// # Errors
    /// It takes longer.
    pub async fn purged(&self) -> Result<Duration> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1_200) {
            let asked = Instant::now();
            let left = self.figure("unfile_purge_pending").await? + self.figure("unfile_expansions").await?;
            let (took, answered) = (start.elapsed(), asked.elapsed());
            if left == 0 {
                return Ok(took);
            }
            // The question counts the queue: asked all the time, it would be what is measured.
            tokio::time::sleep(answered * 20 + Duration::from_millis(5)).await;
        }
        bail!("what was deleted is not purged");
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Errors
    /// It does not end well.
    pub async fn stop(mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if let Some(status) = self.process.try_wait()? {
                ensure!(status.success(), "the server ended with {status}: {}", self.log()?);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
