//! Servers of other projects that tests stand on: PostgreSQL, an S3 store.
//!
//! Tests may run in processes of their own, so those that share a server have no common parent but the runner. Whoever
//! comes first starts it, under a file lock; a small shell script outlives that test, watches the runner, and when the
//! run is over ends the server and removes what it left. A server that belongs to one test ends with it.

use std::{
    fs::{self, File},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::child::binary;

/// Runs a server until it ends by itself or the watched process is gone; then the server's folder goes too.
const SUPERVISE: &str = r#"
watched=$1 signal=$2 folder=$3
shift 3
"$@" < /dev/null >> "$folder/log" 2>&1 &
server=$!
echo $server > "$folder/pid"
while kill -0 $watched && kill -0 $server; do sleep 0.2; done 2> /dev/null
kill -0 $watched 2> /dev/null || kill -$signal $server
wait $server
kill -0 $watched 2> /dev/null || rm -rf "$folder"
"#;

/// How long a server may take to answer after its start.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A server that runs.
#[derive(Debug)]
pub struct Daemon {
    folder: PathBuf,
    supervisor: Child,
}

impl Daemon {
    /// Starts a server that writes its log into the folder, and waits until it is ready. It ends with the process
    /// `watched` at the latest, by this signal (such as `QUIT`).
    ///
    /// # Errors
    /// It ended before it was ready (such as for a port that somebody else has taken), with its log.
    pub fn start(
        folder: &Path,
        watched: u32,
        signal: &str,
        command: &[String],
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<Daemon, String> {
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISE, "supervise", &watched.to_string(), signal, &folder.display().to_string()])
            .args(command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Neither the end of a test nor Ctrl-C reaches it.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut daemon = Daemon { folder: folder.to_owned(), supervisor };
        let start = Instant::now();
        loop {
            if daemon.supervisor.try_wait().unwrap().is_some() {
                return Err(format!("{command:?} ended: {}", daemon.log()));
            }
            if is_ready() {
                return Ok(daemon);
            }
            assert!(start.elapsed() < READY_WITHIN, "{command:?} does not answer: {}", daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        fs::read_to_string(self.folder.join("pid")).unwrap().trim().parse().unwrap()
    }

    /// Ends the server by a signal such as `INT`, and waits for its end, at most 60 s.
    pub fn end(mut self, signal: &str) {
        send(self.pid(), signal);
        let start = Instant::now();
        while self.supervisor.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Sends a signal to a process, if it is there.
pub fn send(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// The server of this name that all tests of this run share, by the line that `start` gave back for it: where it is.
/// `start` is called with an empty folder and the process that is to be watched, by one test only.
pub fn shared(name: &str, start: impl FnOnce(&Path, u32) -> String) -> String {
    let runner = std::os::unix::process::parent_id();
    let folder = scratch().join(format!("unfile-tests-{runner}-{}-{name}", began(runner)));
    let _ = fs::create_dir(&folder);
    // Others than the tester must be able to pass through it: not every server runs as root.
    let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o755));
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let ready = folder.join("ready");
    if let Ok(place) = fs::read_to_string(&ready) {
        return place;
    }
    // A start that failed once fails again, and takes its time for it.
    let tried = folder.join("tried");
    assert!(!tried.exists(), "{name} could not be started; the test that tried says why");
    fs::write(&tried, "").unwrap();
    let place = start(&folder, runner);
    fs::write(&ready, &place).unwrap();
    place
}

/// A place for data that need not outlive the tests.
pub fn scratch() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

/// When a process began, so that one which has its id later is not taken for it.
fn began(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name stands in parentheses and may hold anything; the 22nd field is the 20th after it.
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned()
}

/// A program in one of these folders, or in the search path.
pub fn program(name: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = folders.iter().cloned().chain(std::env::split_paths(&path)).map(|folder| folder.join(name));
    places.find(|program| program.is_file()).unwrap_or_else(|| panic!("{name} is not here: ./test installs it"))
}

/// The folder of what is built, where `./test` also puts the tools that it installs.
pub fn target() -> PathBuf {
    binary().parent().and_then(Path::parent).unwrap().to_owned()
}
