//! SeaweedFS, a real S3 store: one server that the tests of a run share, each below a prefix of its own; or one for a
//! test alone, which it may stop and start.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{
    ObjectStore, ObjectStoreExt,
    aws::{AmazonS3, AmazonS3Builder},
};
use rand::RngExt;
use tempfile::TempDir;
use uuid::Uuid;

use super::daemon::{self, Daemon};

pub const ACCESS_KEY: &str = "unfile";
pub const SECRET_KEY: &str = "sesame";
/// Who may only read and list.
pub const READER: &str = "reader";

/// The buckets of every server: one that keeps no versions, one that does, one with Object Lock.
pub const PLAIN: &str = "plain";
pub const VERSIONED: &str = "versioned";
pub const LOCKED: &str = "locked";

/// A prefix of a bucket that nobody else uses.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub endpoint: String,
    pub name: String,
    pub prefix: String,
}

impl Bucket {
    /// A fresh prefix in a bucket of the server that all tests share.
    pub async fn new(name: &str) -> Self {
        Self::on(shared().await, name)
    }

    fn on(endpoint: String, name: &str) -> Self {
        Self { endpoint, name: name.to_owned(), prefix: format!("test-{}", Uuid::new_v4().simple()) }
    }

    /// For `--objects`.
    pub fn url(&self) -> String {
        format!("s3://{}/{}", self.name, self.prefix)
    }

    /// How a server reaches it.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Every object below the prefix with its size in bytes, by the key without the prefix.
    pub async fn list(&self) -> Vec<(String, u64)> {
        let prefix = object_store::path::Path::from(self.prefix.as_str());
        let found: Vec<_> = self.store().list(Some(&prefix)).try_collect().await.unwrap();
        let key = |location: &object_store::path::Path| location.as_ref()[self.prefix.len() + 1..].to_owned();
        let mut found: Vec<_> = found.into_iter().map(|object| (key(&object.location), object.size)).collect();
        found.sort();
        found
    }

    /// The bytes of an object by its key without the prefix.
    pub async fn read(&self, key: &str) -> Bytes {
        let at = object_store::path::Path::from(format!("{}/{key}", self.prefix));
        self.store().get(&at).await.unwrap().bytes().await.unwrap()
    }

    /// A client of the whole bucket.
    pub fn store(&self) -> AmazonS3 {
        unfile::choose_cryptography();
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(&self.name)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .build()
            .unwrap()
    }
}

/// A server for one test.
#[derive(Debug)]
pub struct Weed {
    folder: TempDir,
    port: u16,
    running: Option<Daemon>,
}

impl Weed {
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(|| {
            let folder = tempfile::tempdir_in(daemon::scratch()).unwrap();
            let (port, running) = start_on_free_ports(folder.path(), std::process::id());
            make_buckets(port);
            Self { folder, port, running: Some(running) }
        })
        .await
        .unwrap()
    }

    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket::on(endpoint(self.port), name)
    }

    /// Ends it: `TERM` by its own way, `KILL` as a crash.
    pub async fn stop(&mut self, signal: &'static str) {
        let running = self.running.take().expect("the store runs");
        tokio::task::spawn_blocking(move || running.end(signal)).await.unwrap();
    }

    /// Starts it again on the same data and the same ports.
    pub async fn start_again(&mut self) {
        assert!(self.running.is_none(), "the store still runs");
        let (folder, port) = (self.folder.path().to_owned(), self.port);
        let started = tokio::task::spawn_blocking(move || start_on(&folder, std::process::id(), port));
        self.running = Some(started.await.unwrap().unwrap());
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.end("KILL");
        }
    }
}

/// The endpoint of the server that all tests of this run share.
async fn shared() -> String {
    tokio::task::spawn_blocking(|| {
        daemon::shared("weed", |folder, runner| {
            let port = start_on_free_ports(folder, runner).0;
            make_buckets(port);
            endpoint(port)
        })
    })
    .await
    .unwrap()
}

/// The ports are the one given, for the master, and the three after it: volumes, files, S3. Each has another one for
/// gRPC, 10,000 further on.
fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{}", port + 3)
}

fn start_on_free_ports(folder: &Path, watched: u32) -> (u16, Daemon) {
    let mut refused = String::new();
    for _ in 0..10 {
        let port = free_ports();
        match start_on(folder, watched, port) {
            Ok(running) => return (port, running),
            // Another test was faster.
            Err(log) => refused = log,
        }
    }
    panic!("SeaweedFS does not start: {refused}");
}

/// Whether nobody listens on this port, and nobody who was killed has left a socket there: SeaweedFS makes one for each
/// port, always in the same place, and does not start where it may not remove another user's.
pub fn is_free(port: u16) -> bool {
    let left = fs::read_dir("/tmp").into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("seaweedfs-") && name.ends_with(&format!("-{port}.sock"))
    });
    !left && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn free_ports() -> u16 {
    loop {
        let first = rand::rng().random_range(10_000..21_990);
        let mut all = (first..first + 4).flat_map(|port| [port, port + 10_000]);
        if all.all(is_free) {
            return first;
        }
    }
}

fn start_on(folder: &Path, watched: u32, port: u16) -> Result<Daemon, String> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let who = format!(
        r#"{{"identities":[
            {{"name":"unfile","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],
              "actions":["Admin","Read","Write","List","Tagging"]}},
            {{"name":"{READER}","credentials":[{{"accessKey":"{READER}","secretKey":"{SECRET_KEY}"}}],
              "actions":["Read","List"]}}]}}"#
    );
    fs::write(folder.join("s3.json"), who).unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    let command = [
        weed(),
        "server".into(),
        "-ip=127.0.0.1".into(),
        "-ip.bind=127.0.0.1".into(),
        format!("-dir={}", folder.display()),
        format!("-master.port={port}"),
        format!("-volume.port={}", port + 1),
        "-filer".into(),
        format!("-filer.port={}", port + 2),
        "-s3".into(),
        format!("-s3.port={}", port + 3),
        format!("-s3.config={}", at("s3.json")),
        "-s3.iam=false".into(),
        "-s3.port.iceberg=0".into(),
        "-s3.port.lance=0".into(),
        format!("-filer.localSocket={}", at("filer.sock")),
        format!("-s3.localSocket={}", at("s3.sock")),
        "-master.telemetry=false".into(),
        "-master.volumeSizeLimitMB=64".into(),
        "-volume.max=200".into(),
    ];
    Daemon::start(folder, watched, "KILL", &command, || is_healthy(port + 3))
}

/// The S3 side is the last that answers.
fn is_healthy(port: u16) -> bool {
    use std::io::Read;
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = String::new();
    let asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(asked).is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

fn make_buckets(port: u16) {
    let mut shell = Command::new(weed())
        .args(["shell", &format!("-master=127.0.0.1:{port}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let commands = format!(
        "s3.bucket.create -name {PLAIN}\ns3.bucket.create -name {VERSIONED}\n\
         s3.bucket.versioning -name {VERSIONED} -enable\ns3.bucket.create -name {LOCKED} -withLock\n"
    );
    shell.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    let said = String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap();
    let made = said.matches("created bucket").count();
    assert!(made == 3 && said.contains("set to Enabled"), "the buckets are not made: {said}");
}

fn weed() -> String {
    daemon::program("weed", &[daemon::target().join("tools/bin")]).display().to_string()
}
