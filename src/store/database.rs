//! Where SQLite and PostgreSQL differ.
//!
//! On both, one writer at a time changes anything. SQLite has no other way; on PostgreSQL, where many servers write, a
//! transaction begins by changing the one row of the table `turn`, and so waits for the one before it. Nothing that
//! only PostgreSQL itself has is used (no notifications, no advisory locks), and every isolation level will do.

use sqlx::{
    AnyConnection, Connection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{Result, fold, run};
use crate::clock;

/// By how much clocks may differ. A lease lasts 30 s, of which whoever has it uses 20 at the most.
const LARGEST_SKEW: time::Duration = time::Duration::seconds(5);

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file, for one server.
    Sqlite,
    /// PostgreSQL, or what speaks its protocol, for any number of servers.
    Postgres,
}

impl Database {
    pub(crate) fn of(url: &str) -> Self {
        match url.starts_with("sqlite:") {
            true => Database::Sqlite,
            false => Database::Postgres,
        }
    }

    /// Sets up a fresh connection.
    pub(super) async fn prepare(self, conn: &mut AnyConnection) -> Result<()> {
        let settings = match self {
            // One log that readers do not wait for, synced before a commit can be read, freed pages overwritten.
            Database::Sqlite => {
                "pragma busy_timeout = 30000; pragma journal_mode = wal; pragma synchronous = full; \
                 pragma secure_delete = on; pragma foreign_keys = on; pragma wal_autocheckpoint = 4000; \
                 pragma temp_store = memory"
            }
            // A server that hangs in its turn loses it, and nobody waits for ever. Compiling statements of ours costs
            // more than it gives, and each goes from few rows to others by their keys: a join that reads a table whole
            // to make a hash of it looks cheap where a recursion's length is only guessed. Not every engine knows these.
            Database::Postgres => {
                "set idle_in_transaction_session_timeout = '20s'; set lock_timeout = '30s'; \
                 select set_config(name, 'off', false) from pg_settings \
                 where name in ('jit', 'enable_hashjoin', 'enable_mergejoin')"
            }
        };
        run(conn, settings).await
    }

    /// Compares the clocks: leases that one server takes are read by the others.
    ///
    /// # Errors
    /// They differ by more than [`LARGEST_SKEW`].
    pub(super) async fn compare_clocks(self, conn: &mut AnyConnection) -> anyhow::Result<()> {
        if self == Database::Sqlite {
            return Ok(());
        }
        let before = clock::of_machine();
        let there: i64 = sqlx::query_scalar("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)")
            .fetch_one(conn)
            .await?;
        let (there, after) = (clock::from_micros(there), clock::of_machine());
        // Somewhere between the two moments both clocks should have shown the same.
        let skew = (before - there).max(there - after);
        anyhow::ensure!(
            skew <= LARGEST_SKEW,
            "its clock and the one of this machine differ by {} s: at most {} s will do",
            skew.whole_seconds(),
            LARGEST_SKEW.whole_seconds()
        );
        Ok(())
    }

    /// Whether it can be told to go by the plans it has, and to forget them: PostgreSQL itself, and what is built from it.
    pub(super) async fn can_keep_plans(self, conn: &mut AnyConnection) -> Result<bool> {
        if self == Database::Sqlite {
            return Ok(false);
        }
        sqlx::query_scalar::<_, i64>(
            "select count(*) from pg_settings where name = 'plan_cache_mode' and version() like 'PostgreSQL %'",
        )
        .fetch_one(conn)
        .await
        .map(|found| found > 0)
    }

    /// Makes a connection the one of the server that writes.
    pub(super) async fn serve(self, conn: &mut AnyConnection) -> Result<()> {
        match self {
            // Its log is synced by ours (see `log`). Pages that one large delete changes stay in memory until its
            // commit: without room for them they are written to the log again and again.
            Database::Sqlite => run(conn, "pragma synchronous = normal; pragma cache_size = -16384").await,
            Database::Postgres => Ok(()),
        }
    }

    /// Makes a connection one that only reads.
    pub(super) async fn only_read(self, conn: &mut AnyConnection) -> Result<()> {
        let setting = match self {
            Database::Sqlite => "pragma query_only = on",
            Database::Postgres => "set default_transaction_read_only = on",
        };
        run(conn, setting).await
    }

    /// Brings the schema to this program's version.
    ///
    /// # Errors
    /// One line that names the setting, for a schema that is newer too.
    pub(super) async fn migrate(self, conn: &mut AnyConnection, url: &str) -> anyhow::Result<()> {
        let migrator = |migrations: Vec<Migration>| {
            let mut migrator = Migrator::with_migrations(migrations);
            // Its lock is PostgreSQL's own.
            migrator.set_locking(false);
            migrator
        };
        let migrated = match self {
            Database::Sqlite => {
                let migrated = migrator(vec![
                    migration(1, "start", include_str!("../../migrations/sqlite/0001_start.sql")),
                    migration(2, "trees", include_str!("../../migrations/sqlite/0002_trees.sql")),
                    migration(3, "servers", include_str!("../../migrations/sqlite/0003_servers.sql")),
                    migration(4, "speed", include_str!("../../migrations/sqlite/0004_speed.sql")),
                    migration(5, "totals", include_str!("../../migrations/sqlite/0005_totals.sql")),
                ])
                .run_direct(None, conn, false)
                .await;
                if migrated.is_ok() {
                    fold::names(conn).await?;
                }
                migrated
            }
            Database::Postgres => {
                // Another connection holds the turn meanwhile: servers that start together migrate one by one.
                let mut turn = AnyConnection::connect(url).await?;
                make_turn(&mut turn).await?;
                // An index over all files takes its time.
                run(&mut turn, "set idle_in_transaction_session_timeout = 0; begin; update turn set taken = taken + 1")
                    .await?;
                let migrated = migrator(vec![
                    migration(3, "servers", include_str!("../../migrations/postgres/0003_servers.sql")),
                    migration(4, "speed", include_str!("../../migrations/postgres/0004_speed.sql")),
                    migration(5, "totals", include_str!("../../migrations/postgres/0005_totals.sql")),
                ])
                .run_direct(None, conn, false)
                .await;
                run(&mut turn, "commit").await?;
                turn.close().await?;
                migrated
            }
        };
        migrated.map_err(|error| match error {
            MigrateError::VersionMissing(version) => {
                anyhow::anyhow!("its schema (version {version}) is newer than this program")
            }
            other => other.into(),
        })
    }
}

fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sqlx::SqlStr::from_static(sql), false)
}

/// The row that PostgreSQL's writers change in turn. Two that make the table at the same moment collide in the
/// catalogue, so one of them looks again.
async fn make_turn(conn: &mut AnyConnection) -> Result<()> {
    const MAKE: &str = "create table if not exists turn (id bigint primary key, taken bigint not null); \
                        insert into turn (id, taken) values (1, 0) on conflict (id) do nothing";
    match run(conn, MAKE).await {
        Err(error) if error.as_database_error().is_some() => run(conn, MAKE).await,
        made => made,
    }
}

/// Whether the database says that its disk is full.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE: the index of the log could not grow.
    matches!(sqlite_code(error), Some(13 | 4874)) || matches!(sql_state(error).as_deref(), Some("53100"))
}

/// Whether the database was held by somebody else for too long.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::PoolTimedOut)
        || sqlite_code(error).is_some_and(|code| code & 0xff == 5)
        || matches!(sql_state(error).as_deref(), Some("55P03" | "53300"))
}

/// Whether PostgreSQL was given a text that it keeps in no column, by itself or in a set of rows.
pub(crate) fn is_unkept_text(error: &sqlx::Error) -> bool {
    matches!(sql_state(error).as_deref(), Some("22021" | "22P05"))
}

/// Whether PostgreSQL took a transaction back that met another one: it may be done again.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(sql_state(error).as_deref(), Some("40001" | "40P01"))
}

/// Whether the connection to PostgreSQL is of no use any more. What was asked last may have been done or not.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // The server ends, or ended the session; it does not answer yet; no connection.
        _ => sql_state(error).is_some_and(|state| {
            matches!(state.as_str(), "57P01" | "57P02" | "57P03" | "57P05" | "25P03") || state.starts_with("08")
        }),
    }
}

/// PostgreSQL's five characters; SQLite's codes are numbers of at most four digits.
fn sql_state(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    (code.len() == 5).then(|| code.into_owned())
}

/// SQLite's extended result code.
fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    (code.len() < 5).then(|| code.parse().ok()).flatten()
}
