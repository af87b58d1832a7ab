//! The binary as a child process: the server and the one-shot commands.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rand::RngExt;
use serde::de::DeserializeOwned;

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Output {
    /// The exit code; -1 after a signal.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Standard output as JSON; the command must have ended well.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// The test build of the binary.
pub fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_unfile").into()
}

/// A port that nobody listens on now. It lies below the range from which the system hands out the local ports of
/// outgoing connections, so that a server that is started again finds it free.
pub fn free_port() -> u16 {
    loop {
        let port = rand::rng().random_range(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The release build of the same sources, which `./test` makes before the tests.
pub fn release_binary() -> PathBuf {
    let target = binary().parent().and_then(Path::parent).unwrap().to_owned();
    let release = target.join("release/unfile");
    assert!(release.exists(), "{} is not there: cargo build --release", release.display());
    release
}

/// How a server is started, and started again.
#[derive(Debug, Clone)]
pub struct Launch {
    /// A command that the server's command line is given to, such as `unshare ..`; usually empty.
    pub wrap: Vec<String>,
    pub binary: PathBuf,
    pub data: PathBuf,
    pub port: u16,
    pub env: Vec<(String, String)>,
}

impl Launch {
    /// The binary with these arguments, and with no variable of unfile's but the test's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut line = self.wrap.clone();
        line.push(self.binary.display().to_string());
        line.extend(args.iter().map(|arg| arg.to_string()));
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        without_own_variables(&mut command)
            .env("UNFILE_DATA", &self.data)
            .env("UNFILE_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("RUST_LOG", "warn")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the server and waits for its ready line.
    pub async fn start(&self) -> Started {
        start_command(self.command(&["serve"])).await
    }
}

/// Whatever unfile settings the tester's shell has must not reach a test.
pub fn without_own_variables(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("UNFILE_")) {
        command.env_remove(name);
    }
    command
}

/// Runs any command to its end, away from the async threads.
pub async fn finish(mut command: Command, stdin: String) -> Output {
    tokio::task::spawn_blocking(move || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        Output {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    })
    .await
    .unwrap()
}

/// What became of a start.
pub enum Started {
    Ready(Child),
    Ended(Output),
}

/// Starts a command that becomes a server and waits for its ready line.
pub async fn start_command(mut command: Command) -> Started {
    tokio::task::spawn_blocking(move || {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let passing_on = std::thread::spawn({
            let (stderr, log) = (child.stderr.take().unwrap(), log.clone());
            move || pass_on(stderr, &log)
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        if let Some(url) = line.trim().strip_prefix("listening on ") {
            let url = url.to_owned();
            // Whatever else it prints must not block it.
            std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
            return Started::Ready(Child { process: child, url, log });
        }
        let status = child.wait().unwrap().code().unwrap_or(-1);
        passing_on.join().unwrap();
        let stderr = log.lock().unwrap().clone();
        Started::Ended(Output { status, stdout: line, stderr })
    })
    .await
    .unwrap()
}

/// What the server logs goes on to the test's own output, and is kept for those who ask.
fn pass_on(stderr: impl Read, log: &Mutex<String>) {
    for line in BufReader::new(stderr).lines() {
        let Ok(line) = line else { break };
        eprintln!("{line}");
        let mut log = log.lock().unwrap();
        // Bounded: a test that floods the log does not read it.
        if log.len() < 10_000_000 {
            log.push_str(&line);
            log.push('\n');
        }
    }
}

/// A running server.
pub struct Child {
    process: std::process::Child,
    /// From the ready line.
    pub url: String,
    log: Arc<Mutex<String>>,
}

impl Child {
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// SIGTERM; gives the exit code, within 60 s.
    pub async fn terminate(self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.wait().await
    }

    /// Waits for the end, at most 60 s.
    pub async fn wait(mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server does not end");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}
