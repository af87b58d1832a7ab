//! All SQL, once, in text that SQLite and PostgreSQL both understand.
//!
//! One query is one function is one sentence. What reads takes a [`Conn`]; what writes takes a [`Tx`], and only the
//! engine's committer can make one, so nothing is written but in its order. Sets of ids go in as one JSON bind, read by
//! `json_each`, so that a statement costs the same text for one file and for ten thousand. Times are microseconds.
//!
//! Where the two databases differ is in `database`.

pub(crate) mod account;
pub(crate) mod copy;
mod database;
pub(crate) mod deletion;
mod fold;
pub(crate) mod folder;
pub(crate) mod hold;
pub(crate) mod key;
pub(crate) mod lease;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod node;
pub(crate) mod operation;
pub(crate) mod purge;
pub(crate) mod relocate;
pub(crate) mod seen;
pub(crate) mod setting;
pub(crate) mod share;
pub(crate) mod staged;
mod statement;
pub(crate) mod transfer;
pub(crate) mod trash;
pub(crate) mod upload;
pub(crate) mod version;
pub(crate) mod writer;

use std::{
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor, any::AnyPoolOptions, pool::PoolConnection};

pub(crate) use database::{Database, is_busy, is_conflict, is_full, is_lost, is_unkept_text};

use crate::clock::Clock;
use log::Log;

/// A connection that reads.
pub(crate) type Conn = AnyConnection;

/// What a query gives: the driver's error is kept until the engine decides what it means.
pub(crate) type Result<T> = std::result::Result<T, sqlx::Error>;

/// How long a writer counts as alive after its last commit, and a job or an entry of the purge queue as somebody's,
/// microseconds.
pub(crate) const LEASE_MICROS: i64 = 30_000_000;

/// How long PostgreSQL goes by a plan that it made: it fits the tables as they were, and they grow.
const PLANS_FOR: Duration = Duration::from_secs(1);

/// The one transaction that is open for writing.
pub(crate) struct Tx {
    conn: AnyConnection,
    store: Store,
    /// When PostgreSQL last began to plan anew.
    planned: Instant,
    /// Statements go by the plans that they had before, on a database that has to be told.
    keeps_plans: bool,
    /// Which row of `writer` stands for this process; 0 on SQLite, which has one writer.
    pub(crate) writer: i64,
    /// Batches that were begun, this one included.
    batches: i64,
    in_request: bool,
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
    /// Starts a transaction that no other writer can pass. What it does before its first request is `small`: it handles
    /// so few rows that to plan its statements costs more than to run them, by whatever plan of the last moments.
    pub(crate) async fn begin(&mut self, clock: &Clock, small: bool) -> Result<()> {
        self.in_request = false;
        match self.store.database {
            // Deferred transactions would fail half-way when two processes meet (the command line beside a server).
            Database::Sqlite => run(&mut self.conn, "begin immediate").await?,
            Database::Postgres => {
                self.batches += 1;
                let (writer, batches, alive_until) = (self.writer, self.batches, clock.micros() + LEASE_MICROS);
                let planning = self.planning(small);
                let sql = format!(
                    "begin; {planning}update turn set taken = taken + 1; \
                     insert into writer (id, batches, alive_until) values ({writer}, {batches}, {alive_until}) on conflict (id) do update set batches = excluded.batches, \
                     alive_until = excluded.alive_until"
                );
                self.conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
            }
        }
        // Only now: a lease must not have begun while this waited for its turn.
        self.now = clock.micros();
        Ok(())
    }

    /// What PostgreSQL is told of its plans as a transaction begins.
    fn planning(&mut self, small: bool) -> String {
        let mut told = String::new();
        self.keeps_plans = small && self.store.can_keep_plans;
        if self.store.can_keep_plans && self.planned.elapsed() > PLANS_FOR {
            self.planned = Instant::now();
            told.push_str("discard plans; ");
        }
        if self.keeps_plans {
            told.push_str("set local plan_cache_mode = force_generic_plan; ");
        }
        told
    }

    pub(crate) async fn commit(&mut self) -> Result<()> {
        run(&mut self.conn, "commit").await
    }

    pub(crate) async fn rollback(&mut self) -> Result<()> {
        run(&mut self.conn, "rollback").await
    }

    /// What the next request of the transaction does can be taken back by itself, until the one after it begins.
    pub(crate) async fn begin_request(&mut self) -> Result<()> {
        // The one before ends in the same round trip.
        let sql = match (self.in_request, self.keeps_plans) {
            (true, _) => "release savepoint request; savepoint request",
            (false, false) => "savepoint request",
            (false, true) => "set local plan_cache_mode to default; savepoint request",
        };
        (self.in_request, self.keeps_plans) = (true, false);
        run(&mut self.conn, sql).await
    }

    pub(crate) async fn take_back_request(&mut self) -> Result<()> {
        run(&mut self.conn, "rollback to savepoint request").await
    }

    /// What is done from here on can be taken back by itself.
    pub(crate) async fn savepoint(&mut self) -> Result<()> {
        run(&mut self.conn, "savepoint part").await
    }

    pub(crate) async fn release(&mut self) -> Result<()> {
        run(&mut self.conn, "release savepoint part").await
    }

    pub(crate) async fn rollback_to_savepoint(&mut self) -> Result<()> {
        run(&mut self.conn, "rollback to savepoint part").await?;
        self.release().await
    }

    /// After a connection was lost: opens another one, and says whether the batch that was begun last is committed.
    /// What the lost connection still does is waited for.
    pub(crate) async fn reconnect(&mut self) -> Result<bool> {
        self.conn = self.store.connect().await?;
        run(&mut self.conn, "begin; update turn set taken = taken + 1").await?;
        let committed: Option<i64> = sqlx::query_scalar("select batches from writer where id = $1")
            .bind(self.writer)
            .fetch_optional(&mut self.conn)
            .await?;
        run(&mut self.conn, "rollback").await?;
        Ok(committed == Some(self.batches))
    }
}

/// The database: connections for reading, and the way to the one that writes.
#[derive(Clone)]
pub(crate) struct Store {
    readers: AnyPool,
    url: String,
    database: Database,
    /// It can be told to go by the plans it has, and to forget them.
    can_keep_plans: bool,
}

impl Store {
    /// Opens the database, making and migrating it where needed.
    ///
    /// # Errors
    /// It cannot be reached, or its schema is newer than this program.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        let database = Database::of(url);
        Self::opened(url, database).await
    }

    async fn opened(url: &str, database: Database) -> anyhow::Result<Self> {
        let mut conn = AnyConnection::connect(url).await?;
        database.prepare(&mut conn).await?;
        database.compare_clocks(&mut conn).await?;
        database.migrate(&mut conn, url).await?;
        let can_keep_plans = database.can_keep_plans(&mut conn).await?;
        conn.close().await?;
        let readers = AnyPoolOptions::new()
            .max_connections(8)
            // To ask a file whether it is still there costs as much as a read.
            .test_before_acquire(database == Database::Postgres)
            .after_connect(move |conn, _| {
                Box::pin(async move {
                    database.prepare(conn).await?;
                    database.only_read(conn).await
                })
            })
            .connect(url)
            .await?;
        Ok(Self { readers, url: url.to_owned(), database, can_keep_plans })
    }

    /// Whether other servers may work on it too.
    pub(crate) fn is_shared(&self) -> bool {
        self.database == Database::Postgres
    }

    pub(crate) async fn read(&self) -> Result<PoolConnection<sqlx::Any>> {
        seen::note();
        self.readers.acquire().await
    }

    async fn connect(&self) -> Result<AnyConnection> {
        let mut conn = AnyConnection::connect(&self.url).await?;
        self.database.prepare(&mut conn).await?;
        Ok(conn)
    }

    /// A connection for the committer, and SQLite's log. With `serves` whoever has the log syncs it after each commit;
    /// else a commit does so itself, before anybody can read it.
    pub(crate) async fn writer(&self, serves: bool) -> Result<(Tx, Option<Log>)> {
        let mut conn = self.connect().await?;
        if serves {
            self.database.serve(&mut conn).await?;
        }
        let (writer, log) = match self.database {
            Database::Sqlite => (0, Some(Log::open(&mut conn).await?)),
            Database::Postgres => {
                let writer = sqlx::query_scalar("insert into writer (batches, alive_until) values (0, 0) returning id")
                    .fetch_one(&mut conn)
                    .await?;
                (writer, None)
            }
        };
        let (store, planned) = (self.clone(), Instant::now());
        let tx = Tx { conn, store, planned, keeps_plans: false, writer, batches: 0, in_request: false, now: 0 };
        Ok((tx, log))
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
    }
}

async fn run(conn: &mut AnyConnection, sql: &'static str) -> Result<()> {
    conn.execute(sqlx::raw_sql(sql)).await.map(drop)
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

/// Rows that `string_agg` has put into one text, each a JSON list of its columns: a set as one row, because each row of
/// an answer costs more than finding it did.
fn read_rows<T: DeserializeOwned>(text: Option<String>) -> Result<Vec<T>> {
    let text = format!("[{}]", text.unwrap_or_default());
    serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Ids as `string_agg` gives them: a set as one row, as in [`read_rows`].
fn id_list(list: Option<String>) -> Vec<i64> {
    list.iter().flat_map(|list| list.split(',')).filter_map(|id| id.parse().ok()).collect()
}
