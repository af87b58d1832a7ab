//! The harness: a server that a test starts, kills, starts again and looks into.

mod child;
pub mod daemon;
pub mod in_process;
pub mod installation;
pub mod postgres;
pub mod promises;
pub mod proxy;
mod reply;
pub mod sql;
pub mod weed;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use child::Child;
pub use child::{
    Launch, Output, Started, binary, finish, free_port, release_binary, start_command, without_own_variables,
};
pub use installation::Backend;
use installation::Installation;
pub use reply::Reply;
use reqwest::Method;
use serde::Deserialize;
use tempfile::TempDir;

/// A running server. It is killed when the value goes.
pub struct Server {
    installation: Arc<Installation>,
    /// The data directory as this process sees it.
    data: PathBuf,
    /// Held for its drop: takes the data directory away of a server beside the first one.
    _own: Option<TempDir>,
    launch: Launch,
    child: Mutex<Option<Child>>,
    http: reqwest::Client,
    patient: AtomicBool,
    deaths: AtomicU32,
    /// It was killed, and nothing was waited for since.
    died: AtomicBool,
    /// By how much its clock was moved, microseconds.
    moved: AtomicU64,
    /// The fault that makes requests fail now.
    failing: Mutex<Option<String>>,
    failures: AtomicU32,
}

/// What `account add --json` printed.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub id: i64,
    pub uid: String,
    pub name: String,
    pub role: String,
    pub key: String,
}

/// A client over HTTP.
fn client() -> reqwest::Client {
    unfile::choose_cryptography();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

impl Server {
    /// A server of a fresh installation on the backend of this run, on a free port.
    pub async fn start() -> Server {
        Self::start_with(&[]).await
    }

    /// The same, with environment variables of its own.
    pub async fn start_with(env: &[(&str, &str)]) -> Server {
        Self::start_on(Installation::new(Backend::of_this_run()).await, env).await
    }

    /// A server whose objects lie in a folder, whatever backend the others of this run stand on: clients put the bytes
    /// of a slot to the server itself, not into a store.
    pub async fn start_on_folder() -> Server {
        Self::start_on_folder_with(&[]).await
    }

    /// The same, with environment variables of its own.
    pub async fn start_on_folder_with(env: &[(&str, &str)]) -> Server {
        Self::start_on(Installation::new(Backend::of_this_run().with_folder()).await, env).await
    }

    /// A server of a fresh installation on SQLite and a folder, whatever backend the others of this run stand on.
    pub async fn start_embedded() -> Server {
        Self::start_embedded_with(&[]).await
    }

    /// The same, with environment variables of its own.
    pub async fn start_embedded_with(env: &[(&str, &str)]) -> Server {
        Self::start_on(Installation::new(Backend::Embedded).await, env).await
    }

    /// A server of this installation.
    pub async fn start_on(installation: Installation, env: &[(&str, &str)]) -> Server {
        let launch = Launch {
            wrap: Vec::new(),
            binary: binary(),
            data: installation.data().to_owned(),
            port: 0,
            env: environment(&installation, env),
        };
        Self::launch(installation, None, launch).await
    }

    /// One more server of this one's installation, with a data directory of its own. The backend must be shared.
    pub async fn start_beside(&self, env: &[(&str, &str)]) -> Server {
        let own = tempfile::tempdir().unwrap();
        let env = environment(&self.installation, env);
        let launch = Launch { data: own.path().join("unfile-data"), env, ..self.launch.clone() };
        Self::launch(Arc::clone(&self.installation), Some(own), launch).await
    }

    /// The release build instead of the test build: no clock to move, no faults to set.
    pub async fn start_release() -> Server {
        let installation = Installation::new(Backend::Embedded).await;
        let data = installation.data().to_owned();
        let launch = Launch { wrap: Vec::new(), binary: release_binary(), data, port: 0, env: Vec::new() };
        Self::launch(installation, None, launch).await
    }

    /// A server whose data directory is a disk of so many bytes, in a mount namespace of its own.
    pub async fn start_on_small_disk(bytes: u64) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let mount = dir.path().join("disk");
        std::fs::create_dir(&mount).unwrap();
        let script = format!("mount -t tmpfs -o size={bytes},mode=700 tmpfs '{}' && exec \"$@\"", mount.display());
        let mut wrap = vec!["unshare", "--mount", "--propagation", "private"];
        // Without the right to mount, a user namespace gives it.
        if !rustix::process::geteuid().is_root() {
            wrap.push("--map-root-user");
        }
        wrap.extend(["sh", "-c", &script, "sh"]);
        let launch = Launch {
            wrap: wrap.into_iter().map(str::to_owned).collect(),
            binary: binary(),
            data: mount.join("unfile-data"),
            port: 0,
            env: Vec::new(),
        };
        let installation = Installation::embedded_at(dir, launch.data.clone());
        let mut server = Self::launch(installation, None, launch).await;
        // The disk is seen through the server's own eyes: unshare and sh have become the server.
        let below_root = server.data.strip_prefix("/").unwrap().to_owned();
        server.data = PathBuf::from(format!("/proc/{}/root", server.pid())).join(below_root);
        Arc::get_mut(&mut server.installation).unwrap().see_data_at(server.data.clone());
        server
    }

    /// Starts on a free port.
    async fn launch(installation: impl Into<Arc<Installation>>, own: Option<TempDir>, mut launch: Launch) -> Server {
        let installation = installation.into();
        for _ in 0..20 {
            launch.port = free_port();
            match launch.start().await {
                Started::Ready(child) => {
                    return Server {
                        installation,
                        data: launch.data.clone(),
                        _own: own,
                        launch,
                        child: Mutex::new(Some(child)),
                        http: client(),
                        patient: AtomicBool::new(false),
                        deaths: AtomicU32::new(0),
                        died: AtomicBool::new(false),
                        moved: AtomicU64::new(0),
                        failing: Mutex::new(None),
                        failures: AtomicU32::new(0),
                    };
                }
                // Another test was faster.
                Started::Ended(output) if output.stderr.contains("in use") => continue,
                Started::Ended(output) => panic!("the server did not start: {output:?}"),
            }
        }
        panic!("no free port");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.launch.port)
    }

    pub fn port(&self) -> u16 {
        self.launch.port
    }

    /// What it serves.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The process id of the running server.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().as_ref().unwrap().id()
    }

    /// What the running server has logged so far.
    pub fn log(&self) -> String {
        self.child.lock().unwrap().as_ref().unwrap().log()
    }

    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// One value of the file that the first start left: `KEY` or `PASSWORD`.
    fn admin_credential(&self, name: &str) -> String {
        let file = std::fs::read_to_string(self.installation.data().join("admin-credentials")).unwrap();
        let prefix = format!("UNFILE_ADMIN_{name}=");
        file.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
    }

    /// The key of the account `admin`, which the first start made.
    pub fn admin_key(&self) -> String {
        self.admin_credential("KEY")
    }

    pub fn admin_password(&self) -> String {
        self.admin_credential("PASSWORD")
    }

    /// A new account with the default quota.
    pub async fn account(&self, name: &str) -> Account {
        self.account_with(name, &[]).await
    }

    /// A new account, with more arguments for `account add`.
    pub async fn account_with(&self, name: &str, more: &[&str]) -> Account {
        let mut args = vec!["account", "add", name, "--json"];
        args.extend(more);
        self.cli(&args).await.json()
    }

    /// Runs one of the binary's commands on this server's data directory.
    pub async fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(args, "").await
    }

    /// The same, with something on standard input.
    pub async fn cli_with(&self, args: &[&str], stdin: &str) -> Output {
        let launch = Launch { data: self.data.clone(), wrap: Vec::new(), ..self.launch.clone() };
        finish(launch.command(args), stdin.to_owned()).await
    }

    /// Sends a request; any answer is a good answer. A client that is patient repeats the request, once, if the server
    /// died over it, and then starts it again; or if a fault made it fail, and then takes that back.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Reply {
        let request = self.request(method, path, headers, body);
        let again = request.try_clone();
        let reply = self.execute_surviving(request).await;
        match again {
            Some(again) if reply.status == 500 && self.take_fault_back().await => self.execute(again).await.unwrap(),
            _ => reply,
        }
    }

    async fn execute_surviving(&self, request: reqwest::Request) -> Reply {
        let again = request.try_clone().filter(|_| self.patient.load(Ordering::Relaxed));
        match (self.execute(request).await, again) {
            (Ok(reply), _) => reply,
            (Err(_), Some(again)) => {
                // A request that starts the server again asks it something too.
                Box::pin(self.revive()).await;
                self.execute(again).await.unwrap()
            }
            (Err(error), None) => panic!("{error}"),
        }
    }

    /// The same where no answer may come: the server may be killed meanwhile.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Reply> {
        self.execute(self.request(method, path, headers, body)).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Request {
        let url = match path.starts_with("http") {
            true => path.to_owned(),
            false => self.url(path),
        };
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.build().unwrap()
    }

    async fn execute(&self, request: reqwest::Request) -> reqwest::Result<Reply> {
        Reply::read(self.http.execute(request).await?).await
    }

    /// Whether there was a fault that makes requests fail.
    async fn take_fault_back(&self) -> bool {
        if !self.patient.load(Ordering::Relaxed) {
            return false;
        }
        let Some(point) = self.failing.lock().unwrap().take() else { return false };
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.fault(&point, "off").await;
        true
    }

    /// From now on a request over which the server dies or fails is repeated, once.
    pub fn be_patient(&self) {
        self.patient.store(true, Ordering::Relaxed);
    }

    /// How often a request failed by a fault and was repeated.
    pub fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How often the server was found dead.
    pub fn deaths(&self) -> u32 {
        self.deaths.load(Ordering::Relaxed)
    }

    /// Waits until a fault has killed the server, asserts that what it left keeps the promises, and starts it again.
    /// On a shared one, also until the leases end that the dead server held: until then a client that repeats its call
    /// is told to come back.
    pub async fn revive(&self) {
        self.wait_end().await;
        self.deaths.fetch_add(1, Ordering::Relaxed);
        promises::assert_kept(&self.installation).await;
        self.start_again().await;
        if self.installation.is_shared() {
            self.move_clock(31_000_000).await;
        }
    }

    async fn control(&self, path: &str) {
        let reply = self.execute_surviving(self.request(Method::POST, path, &[], "")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    }

    /// Moves the server's clock forward, then runs its jobs until nothing is left to do.
    pub async fn advance(&self, by: Duration) {
        self.move_clock(by.as_micros() as u64).await;
        self.run_jobs().await;
    }

    async fn move_clock(&self, micros: u64) {
        self.moved.fetch_add(micros, Ordering::Relaxed);
        self.control(&format!("/_testing/clock?micros={micros}")).await;
    }

    /// Runs purge, expand and expire until nothing is left to do. What a dead server was about is waited for.
    pub async fn run_jobs(&self) {
        if self.died.swap(false, Ordering::Relaxed) && self.installation.is_shared() {
            self.move_clock(self.installation.waits_for_the_dead().as_micros() as u64).await;
        }
        self.control("/_testing/jobs").await;
    }

    /// Sets what happens at a fault point: `fail`, `kill` or `off`.
    pub async fn fault(&self, point: &str, action: &str) {
        if action == "fail" {
            *self.failing.lock().unwrap() = Some(point.to_owned());
        }
        self.control(&format!("/_testing/fault?point={point}&action={action}")).await;
    }

    /// SIGKILL.
    pub async fn kill(&self) {
        let child = self.child.lock().unwrap().take().expect("the server runs");
        child.kill();
        self.died.store(true, Ordering::Relaxed);
    }

    /// SIGTERM; the server must end by itself, with 0.
    pub async fn stop(&self) {
        let child = self.child.lock().unwrap().take().expect("the server runs");
        assert_eq!(child.terminate().await, Some(0), "exit code after SIGTERM");
    }

    /// Waits until the server has ended by itself (a fault killed it) and reaps it.
    pub async fn wait_end(&self) {
        let child = self.child.lock().unwrap().take().expect("the server runs");
        child.wait().await;
        self.died.store(true, Ordering::Relaxed);
    }

    /// Starts the server again on the same data and the same port.
    pub async fn start_again(&self) {
        self.start_again_with(&[]).await;
    }

    /// The same, with more environment variables for this one start.
    pub async fn start_again_with(&self, more: &[(&str, &str)]) {
        assert!(self.child.lock().unwrap().is_none(), "the server still runs");
        let mut launch = self.launch.clone();
        launch.env.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        match launch.start().await {
            Started::Ready(child) => *self.child.lock().unwrap() = Some(child),
            Started::Ended(output) => panic!("the server did not start again: {output:?}"),
        }
        // For others, time has not gone back.
        let moved = self.moved.load(Ordering::Relaxed);
        if self.installation.is_shared() && moved > 0 {
            self.control(&format!("/_testing/clock?micros={moved}")).await;
        }
    }

    fn objects_dir(&self) -> PathBuf {
        self.installation.data().join("objects")
    }

    /// Takes the object storage away; a bucket only for what is put and deleted.
    pub async fn storage_down(&self) {
        match self.installation.bucket() {
            None => std::fs::rename(self.objects_dir(), self.data.join("objects-away")).unwrap(),
            Some(_) => self.bucket_fails("fail").await,
        }
    }

    /// Gives it back.
    pub async fn storage_up(&self) {
        if self.installation.bucket().is_some() {
            return self.bucket_fails("off").await;
        }
        // Whatever was made in its place meanwhile must not stop the rename.
        let _ = std::fs::remove_dir_all(self.objects_dir());
        std::fs::rename(self.data.join("objects-away"), self.objects_dir()).unwrap();
    }

    async fn bucket_fails(&self, action: &str) {
        // With a server its faults are gone.
        if self.child.lock().unwrap().is_none() {
            return;
        }
        for point in ["objects.put", "objects.delete"] {
            self.control(&format!("/_testing/fault?point={point}&action={action}")).await;
        }
    }

    /// The key of every object in storage, the installation's own left out.
    pub async fn objects(&self) -> Vec<String> {
        self.installation.objects().await.into_keys().collect()
    }

    /// The bytes of an object.
    pub async fn object(&self, key: &str) -> bytes::Bytes {
        self.installation.object(key).await
    }

    /// Rows straight from the database, each a list of column values. Writes too.
    pub async fn sql(&self, statement: &str) -> Vec<Vec<serde_json::Value>> {
        self.installation.sql(statement).await
    }
}

/// The installation's environment and, before it, a test's own.
fn environment(installation: &Installation, own: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = own.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    installation.env().into_iter().chain(own).collect()
}

/// Waits until a condition holds, asking every 20 ms for at most 20 s.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    for _ in 0..1000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain until {what}");
}
