//! Where a test's installation keeps its rows and its objects: in a folder of its own, or on servers that others use too.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;
use unfile::engine::ObjectsAt;

use super::{
    daemon::scratch,
    postgres::Database,
    sql::{self, Connection},
    weed::{self, Bucket},
};

/// The stores that an installation stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// SQLite and a folder.
    Embedded,
    /// PostgreSQL and a folder.
    Postgres,
    /// SQLite and a bucket.
    S3,
    /// PostgreSQL and a bucket.
    Shared,
}

impl Backend {
    /// The one that `UNFILE_TEST_BACKEND` names for this run, `embedded` without it.
    pub fn of_this_run() -> Self {
        match std::env::var("UNFILE_TEST_BACKEND").as_deref() {
            Err(_) | Ok("") => Backend::Embedded,
            Ok("postgres") => Backend::Postgres,
            Ok("s3") => Backend::S3,
            Ok("shared") => Backend::Shared,
            Ok(other) => panic!("UNFILE_TEST_BACKEND={other}: expected postgres, s3 or shared"),
        }
    }

    /// The same for the rows, and a folder for the objects.
    pub fn with_folder(self) -> Self {
        match self {
            Backend::Embedded | Backend::S3 => Backend::Embedded,
            Backend::Postgres | Backend::Shared => Backend::Postgres,
        }
    }
}

/// One installation; what it keeps goes with the value.
#[derive(Debug)]
pub struct Installation {
    /// Held for its drop: takes the folder away.
    _folder: TempDir,
    /// What its first server keeps for itself; on the embedded backend that is everything.
    data: PathBuf,
    /// `None`: an SQLite file in `data`.
    database: Option<Database>,
    /// `None`: a folder in `data`.
    bucket: Option<Bucket>,
}

impl Installation {
    pub async fn new(backend: Backend) -> Self {
        Self::within(tempfile::tempdir().unwrap(), backend).await
    }

    /// In memory where there is such a place: for tests that do not look at durability.
    pub async fn in_memory(backend: Backend) -> Self {
        Self::within(tempfile::tempdir_in(scratch()).unwrap(), backend).await
    }

    async fn within(folder: TempDir, backend: Backend) -> Self {
        let database = match backend {
            Backend::Embedded | Backend::S3 => None,
            Backend::Postgres | Backend::Shared => Some(Database::new().await),
        };
        let bucket = match backend {
            Backend::Embedded | Backend::Postgres => None,
            Backend::S3 | Backend::Shared => Some(Bucket::new(weed::PLAIN).await),
        };
        Self { data: folder.path().join("unfile-data"), _folder: folder, database, bucket }
    }

    /// An embedded one whose data directory lies elsewhere in the folder.
    pub fn embedded_at(folder: TempDir, data: PathBuf) -> Self {
        Self { _folder: folder, data, database: None, bucket: None }
    }

    /// One on this database and in this bucket; `None`: in a file, in a folder.
    pub fn on(database: Option<Database>, bucket: Option<Bucket>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { data: folder.path().join("unfile-data"), _folder: folder, database, bucket }
    }

    /// The data directory of the first server.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// From now on the data directory is seen there.
    pub fn see_data_at(&mut self, data: PathBuf) {
        self.data = data;
    }

    /// How a server finds the rows and the objects, whatever data directory of its own it has.
    pub fn env(&self) -> Vec<(String, String)> {
        let objects = match &self.bucket {
            Some(bucket) => bucket.url(),
            None => format!("file:{}", self.data.join("objects").display()),
        };
        let mut env = Vec::new();
        // An embedded one has its places by the data directory alone.
        if let Some(database) = &self.database {
            env.push(("UNFILE_DATABASE".into(), database.url()));
            env.push(("UNFILE_OBJECTS".into(), objects));
        } else if self.bucket.is_some() {
            env.push(("UNFILE_OBJECTS".into(), objects));
        }
        env.extend(self.bucket.iter().flat_map(Bucket::env));
        env
    }

    /// For an engine in this process. One that finds objects in a bucket needs [`Self::env`] too.
    pub fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite:{}?mode=rwc", self.file().display()),
        }
    }

    pub fn objects_at(&self) -> ObjectsAt {
        match &self.bucket {
            Some(Bucket { name, prefix, .. }) => ObjectsAt::Bucket { bucket: name.clone(), prefix: prefix.clone() },
            None => ObjectsAt::Folder(self.data.join("objects")),
        }
    }

    pub fn is_shared(&self) -> bool {
        self.database.is_some()
    }

    /// How long it takes after a server's death until all that it was about is given up: its leases end after 30 s, and
    /// what it had sent to an object store may land for two minutes more. An embedded one has nobody who waits.
    pub fn waits_for_the_dead(&self) -> Duration {
        if self.is_shared() { Duration::from_secs(151) } else { Duration::ZERO }
    }

    pub fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    /// The SQLite file.
    pub fn file(&self) -> PathBuf {
        assert!(self.database.is_none(), "the rows are in PostgreSQL");
        self.data.join("unfile.db")
    }

    /// A connection to the rows. One that may only read leaves a dead server's log of writes as it found it.
    pub async fn connect(&self, read_only: bool) -> Connection {
        match &self.database {
            Some(database) => sql::connect(&database.url()).await,
            None => sql::open(&self.file(), read_only).await,
        }
    }

    /// Runs one statement and gives its rows, each a list of column values. Writes too.
    pub async fn sql(&self, statement: &str) -> Vec<Vec<Value>> {
        let mut connection = self.connect(false).await;
        let rows = connection.rows(statement).await;
        connection.close().await;
        rows
    }

    /// Every object in storage by key, with its size in bytes; the installation's own left out.
    pub async fn objects(&self) -> BTreeMap<String, u64> {
        let mut objects = match &self.bucket {
            Some(bucket) => bucket.list().await.into_iter().collect(),
            None => files_below(&self.data.join("objects")),
        };
        objects.remove("unfile-installation");
        objects
    }

    /// The bytes of an object.
    pub async fn object(&self, key: &str) -> Bytes {
        match &self.bucket {
            Some(bucket) => bucket.read(key).await,
            None => std::fs::read(self.data.join("objects").join(key)).unwrap().into(),
        }
    }
}

/// The files of a folder and of the folders in it, by their path from there.
fn files_below(root: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            // An idle server's last purge may be ahead of this walk.
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            if metadata.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(key, metadata.len());
            }
        }
    }
    found
}
