//! All SQL, once, in text that SQLite and PostgreSQL both understand.
//!
//! One query is one function is one sentence. What reads takes a [`Conn`]; what writes takes a [`Tx`], and only the
//! engine's committer can make one, so nothing is written but in its order. Sets of ids go in as one JSON bind, read by
//! `json_each`, so that a statement costs the same text for one file and for ten thousand. Times are microseconds.
//!
//! Where the two databases differ is in this file.

pub(crate) mod account;
pub(crate) mod deletion;
mod fold;
pub(crate) mod folder;
pub(crate) mod hold;
pub(crate) mod key;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod node;
pub(crate) mod operation;
pub(crate) mod purge;
pub(crate) mod relocate;
pub(crate) mod setting;
pub(crate) mod share;
pub(crate) mod staged;
pub(crate) mod transfer;
pub(crate) mod trash;
pub(crate) mod upload;
pub(crate) mod version;

use std::ops::{Deref, DerefMut};

use serde::Serialize;
use sqlx::{
    AnyConnection, AnyPool, Connection, Executor,
    any::AnyPoolOptions,
    migrate::{Migration, MigrationType, Migrator},
    pool::PoolConnection,
};

use crate::clock::Clock;

/// A connection that reads.
pub(crate) type Conn = AnyConnection;

/// What a query gives: the driver's error is kept until the engine decides what it means.
pub(crate) type Result<T> = std::result::Result<T, sqlx::Error>;

/// The one transaction that is open for writing.
pub(crate) struct Tx {
    conn: AnyConnection,
    /// The time of this transaction, microseconds.
    pub(crate) now: i64,
}

impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl Tx {
    /// Starts a transaction that no other writer can pass.
    pub(crate) async fn begin(&mut self, clock: &Clock) -> Result<()> {
        // Deferred transactions would fail half-way when two processes meet (the command line beside a server).
        run(&mut self.conn, "begin immediate").await?;
        // Only now: a lease must not have begun while this waited for its turn.
        self.now = clock.micros();
        Ok(())
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        run(&mut self.conn, "commit").await
    }

    pub(crate) async fn rollback(&mut self) -> Result<()> {
        run(&mut self.conn, "rollback").await
    }

    pub(crate) async fn savepoint(&mut self) -> Result<()> {
        run(&mut self.conn, "savepoint one").await
    }

    pub(crate) async fn release(&mut self) -> Result<()> {
        run(&mut self.conn, "release savepoint one").await
    }

    pub(crate) async fn rollback_to_savepoint(&mut self) -> Result<()> {
        run(&mut self.conn, "rollback to savepoint one").await?;
        self.release().await
    }
}

/// The database: connections for reading, and the way to the one that writes.
#[derive(Clone)]
pub(crate) struct Store {
    readers: AnyPool,
    url: String,
}

impl Store {
    /// Opens the database, making and migrating it where needed.
    ///
    /// # Errors
    /// It cannot be reached, or its schema is newer than this program.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let mut conn = connect(url).await?;
        migrate(&mut conn).await?;
        fold::names(&mut conn).await?;
        conn.close().await?;
        let readers = AnyPoolOptions::new()
            .max_connections(8)
            .after_connect(|conn, _| {
                Box::pin(async move {
                    prepare(conn).await?;
                    run(conn, "pragma query_only = on").await
                })
            })
            .connect(url)
            .await?;
        Ok(Self { readers, url: url.to_owned() })
    }

    pub(crate) async fn read(&self) -> Result<PoolConnection<sqlx::Any>> {
        self.readers.acquire().await
    }

    /// A connection for the committer.
    pub(crate) async fn writer(&self) -> Result<Tx> {
        Ok(Tx { conn: connect(&self.url).await?, now: 0 })
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
    }
}

async fn connect(url: &str) -> Result<AnyConnection> {
    let mut conn = AnyConnection::connect(url).await?;
    prepare(&mut conn).await?;
    Ok(conn)
}

/// SQLite: one log that readers do not wait for, a sync of it at every commit, freed pages overwritten.
async fn prepare(conn: &mut AnyConnection) -> Result<()> {
    run(
        conn,
        "pragma busy_timeout = 30000; pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on; \
         pragma foreign_keys = on; pragma wal_autocheckpoint = 4000; pragma temp_store = memory",
    )
    .await
}

async fn run(conn: &mut AnyConnection, sql: &'static str) -> Result<()> {
    conn.execute(sqlx::raw_sql(sql)).await.map(drop)
}

async fn migrate(conn: &mut AnyConnection) -> anyhow::Result<()> {
    let migration = |version, name: &'static str, sql| {
        Migration::new(version, name.into(), MigrationType::Simple, sqlx::SqlStr::from_static(sql), false)
    };
    let mut migrator = Migrator::with_migrations(vec![
        migration(1, "start", include_str!("../../migrations/sqlite/0001_start.sql")),
        migration(2, "trees", include_str!("../../migrations/sqlite/0002_trees.sql")),
    ]);
    migrator.set_locking(false);
    migrator.run_direct(None, conn, false).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::VersionMissing(version) => {
            anyhow::anyhow!("--database: its schema (version {version}) is newer than this program")
        }
        other => anyhow::anyhow!("--database: {other}"),
    })
}

/// A set as one bind: a JSON list of lists, one inner list a row.
pub(crate) fn rows<T: Serialize>(rows: &[T]) -> String {
    // Numbers and strings always become JSON.
    serde_json::to_string(rows).unwrap_or_default()
}

/// One id as the row of a set.
pub(crate) fn id_rows(ids: impl IntoIterator<Item = i64>) -> String {
    rows(&ids.into_iter().map(|id| [id]).collect::<Vec<_>>())
}

/// Whether the database says that its disk is full.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE: the index of the log could not grow.
    matches!(sqlite_code(error), Some(13 | 4874))
}

/// Whether the database was held by somebody else for too long.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut) || sqlite_code(error).is_some_and(|code| code & 0xff == 5)
}

/// SQLite's extended result code.
fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse().ok()
}
