//! PostgreSQL: one server that the tests of a run share, each with a database of its own; or one for a test alone, which
//! it may stop and start.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    child::free_port,
    daemon::{self, Daemon},
};

/// The one who owns the tests' databases: no superuser, as in real life.
const USER: &str = "unfile";
pub const PASSWORD: &str = "sesame";

/// What the tests do not need is switched off: nothing here outlives them.
const FORGETFUL: &[&str] = &["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// A database that goes with the value.
#[derive(Debug)]
pub struct Database {
    port: u16,
    name: String,
}

impl Database {
    /// A fresh one on the server that all tests share. `UNFILE_TEST_ISOLATION` names the isolation level of
    /// transactions that do not say it themselves, for engines that know `serializable` alone.
    pub async fn new() -> Self {
        let database = Self::on(shared().await).await;
        if let Ok(level) = std::env::var("UNFILE_TEST_ISOLATION") {
            database.isolate(&level).await;
        }
        database
    }

    /// A fresh one on the server at this port of the loopback address.
    async fn on(port: u16) -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        execute(port, &format!("create database {name}")).await;
        Self { port, name }
    }

    /// Sets the isolation level of transactions that do not say it themselves.
    pub async fn isolate(&self, level: &str) {
        let set = format!("alter database {} set default_transaction_isolation = '{level}'", self.name);
        execute(self.port, &set).await;
    }

    pub fn url(&self) -> String {
        url(self.port, &self.name)
    }

    /// Runs one statement.
    pub async fn execute(&self, statement: &str) {
        let mut conn = PgConnection::connect(&self.url()).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (port, statement) = (self.port, format!("drop database if exists {} with (force)", self.name));
        // A drop cannot wait, and a runtime cannot start another one on its own thread.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                // A server that is down takes its databases with it.
                if let Ok(mut conn) = PgConnection::connect(&url(port, "postgres")).await {
                    let _ = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await;
                }
            });
        });
        let _ = dropped.join();
    }
}

/// A server for one test.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    /// A command that the server's command line is given to, such as `env ..`; usually empty.
    wrap: Vec<String>,
    port: u16,
    running: Option<Daemon>,
}

impl Postgres {
    /// One whose commits are as durable as PostgreSQL's own defaults make them.
    pub async fn durable() -> Self {
        Self::durable_in(tempfile::tempdir_in(daemon::scratch()).unwrap(), Vec::new()).await
    }

    /// The same in this folder, its command line given to another command.
    pub async fn durable_in(folder: TempDir, wrap: Vec<String>) -> Self {
        tokio::task::spawn_blocking(|| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            make(folder.path());
            let (port, running) = start_on_a_free_port(folder.path(), std::process::id(), &wrap, &[]);
            Self { folder, wrap, port, running: Some(running) }
        })
        .await
        .unwrap()
    }

    /// The process id of the running server, the parent of one for each session.
    #[allow(dead_code, reason = "only the benchmark asks")]
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("PostgreSQL runs").pid()
    }

    pub async fn database(&self) -> Database {
        Database::on(self.port).await
    }

    /// Stops it: `INT` breaks sessions off, `QUIT` is as a crash.
    pub async fn stop(&mut self, signal: &'static str) {
        let running = self.running.take().expect("PostgreSQL runs");
        tokio::task::spawn_blocking(move || running.end(signal)).await.unwrap();
    }

    /// Starts it again on the same data and the same port.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "PostgreSQL still runs");
        let (folder, wrap, port) = (self.folder.path().to_owned(), self.wrap.clone(), self.port);
        let started = tokio::task::spawn_blocking(move || start(&folder, std::process::id(), port, &wrap, &[]));
        self.running = Some(started.await.unwrap().unwrap());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end("QUIT");
        }
    }
}

/// The port of the server that all tests of this run share.
async fn shared() -> u16 {
    let port = tokio::task::spawn_blocking(|| {
        daemon::shared("postgres", |folder, runner| {
            make(folder);
            start_on_a_free_port(folder, runner, &[], FORGETFUL).0.to_string()
        })
    });
    port.await.unwrap().parse().unwrap()
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
}

async fn execute(port: u16, statement: &str) {
    let mut conn = PgConnection::connect(&url(port, "postgres")).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// A fresh cluster in `folder/data`.
fn make(folder: &Path) {
    let data = folder.join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    if let Some(user) = other_user() {
        run(&["chown", user, &data.display().to_string()], "");
    }
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    let (data, password) = (data.display().to_string(), format!("--pwfile={}", password.display()));
    let mut initdb = as_its_user("initdb");
    initdb.extend(["-D", &data, "-U", "postgres", "-A", "password", &password].map(str::to_owned));
    initdb.extend(["--locale=C.UTF-8", "--no-sync"].map(str::to_owned));
    run(&initdb.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let mut single = as_its_user("postgres");
    single.extend(["--single", "-D", &data, "postgres"].map(str::to_owned));
    let role = format!("create role {USER} login createdb password '{PASSWORD}'\n");
    run(&single.iter().map(String::as_str).collect::<Vec<_>>(), &role);
}

/// Gives the port that it listens on too.
fn start_on_a_free_port(folder: &Path, watched: u32, wrap: &[String], settings: &[&str]) -> (u16, Daemon) {
    let mut refused = String::new();
    for _ in 0..10 {
        let port = free_port();
        match start(folder, watched, port, wrap, settings) {
            Ok(running) => return (port, running),
            // Another test was faster.
            Err(log) => refused = log,
        }
    }
    panic!("PostgreSQL does not start: {refused}");
}

fn start(folder: &Path, watched: u32, port: u16, wrap: &[String], settings: &[&str]) -> Result<Daemon, String> {
    let mut command = wrap.to_vec();
    command.extend(as_its_user("postgres"));
    command.extend(["-D".into(), folder.join("data").display().to_string(), "-p".into(), port.to_string()]);
    let place = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400"];
    for setting in place.iter().chain(settings) {
        command.extend(["-c".into(), setting.to_string()]);
    }
    // It listens before it takes anybody, so only a session shows that it is ready.
    let ready = as_its_user("pg_isready").last().unwrap().clone();
    Daemon::start(folder, watched, "QUIT", &command, || {
        TcpStream::connect(("127.0.0.1", port)).is_ok() && {
            let mut asked = Command::new(&ready);
            asked.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status().is_ok_and(|status| status.success())
        }
    })
}

/// The program's command line so that it does not run as root, which PostgreSQL refuses.
fn as_its_user(program: &str) -> Vec<String> {
    let mut command: Vec<String> = match other_user() {
        Some(user) => ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"].map(str::to_owned).to_vec(),
        None => Vec::new(),
    };
    command.push(daemon::program(program, &programs()).display().to_string());
    command
}

/// Who runs it instead of root.
pub fn other_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("postgres")
}

/// Where Debian keeps the programs, the newest version first.
fn programs() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

fn run(command: &[&str], stdin: &str) {
    use std::io::Write;
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A folder that its user may not look into would be a warning.
        .current_dir("/")
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
