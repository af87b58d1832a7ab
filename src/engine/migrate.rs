//! Taking a stopped embedded installation to PostgreSQL, to an object store, or to both.
//!
//! The source is only read. What is copied into becomes an installation by its very last commit: until then the database
//! holds a note whose it will be, and the bucket a marker that no server accepts, so that nothing can be served half.
//! Broken off at any moment, the same command goes on: rows behind the last key that is there, objects where they are
//! missing. If the source was used in between, the rows start over.
//!
//! Every object is hashed on its way, against the row that names it, and one that differs never appears in the new
//! place; every table is compared, row by row, once all are there.

mod bytes;
mod rows;

use std::{fmt, path::PathBuf, sync::Arc};

use anyhow::{Context, anyhow};

use super::{commit::Committer, error::Error, reserve::Reserve};
use crate::{
    clock::Clock,
    fault::Faults,
    objects::ObjectsAt,
    store::{Store, copy::Source, is_busy, setting},
};
use bytes::Bytes;
use rows::Rows;

/// In the settings of a database that is being filled: the installation that it will be.
pub(super) const MIGRATING: &str = "migrating";

/// The setting that names an installation.
const INSTALLATION: &str = "installation";

/// What is to be taken where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The SQLite file of the source. Nobody works on it.
    pub database: PathBuf,
    /// The same as a URL, without a mode.
    pub database_url: String,
    pub objects: ObjectsAt,
    /// `postgres://…`; `None`: the rows stay.
    pub to_database: Option<String>,
    /// A bucket; `None`: the objects stay.
    pub to_objects: Option<ObjectsAt>,
    pub clock: Clock,
    pub faults: Faults,
}

/// How far it is.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Work of so many units begins.
    Begin { what: &'static str, units: Units, total: u64 },
    /// So many more are done.
    Done(u64),
    /// A line for people.
    Note(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    Rows,
    Bytes,
}

/// Who is told.
pub type Tell<'a> = &'a (dyn Fn(Progress<'_>) + Sync);

/// What stands in the new place, and was compared with the old one.
#[derive(Debug, Default)]
pub struct Migrated {
    /// Empty if the rows stayed.
    pub tables: Vec<TableSum>,
    /// `None` if the objects stayed.
    pub objects: Option<ObjectSum>,
}

/// A table, the same on both sides.
#[derive(Debug)]
pub struct TableSum {
    pub name: String,
    pub rows: u64,
    /// Over all rows in the order of their keys, lower-case hex.
    pub sha256: String,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct ObjectSum {
    pub objects: u64,
    pub bytes: u64,
    /// Of the objects, those that were there from an earlier run.
    pub found: u64,
}

/// Why it was not done. What is there already stays for the next run.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// It must not be done as asked, or something is wrong with the source; one line.
    #[error("{0}")]
    Refused(String),
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

type Result<T> = std::result::Result<T, Stopped>;

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Self {
        Stopped::Failed(error.into())
    }
}

fn refused<T>(line: impl fmt::Display) -> Result<T> {
    Err(Stopped::Refused(line.to_string()))
}

/// Copies what the plan says, compares it, and makes it an installation.
///
/// # Errors
/// [`Stopped`].
pub async fn migrate(plan: Plan, tell: Tell<'_>) -> Result<Migrated> {
    let source = Source::open(&plan.database, &plan.database_url).await;
    let mut source = source.map_err(|error| match error.downcast_ref::<sqlx::Error>().is_some_and(is_busy) {
        true => Stopped::Refused(format!("--database: {}: another process works on it", plan.database.display())),
        false => Stopped::Failed(error.context("--database")),
    })?;
    let migrated = from_source(&mut source, &plan, tell).await;
    source.close().await.context("--database")?;
    migrated
}

async fn from_source(source: &mut Source, plan: &Plan, tell: Tell<'_>) -> Result<Migrated> {
    let Some(installation) = setting::get(source.conn(), INSTALLATION).await.context("--database")? else {
        return refused("--database: there is nothing to migrate, no server was ever started on it");
    };
    let bytes = match &plan.to_objects {
        Some(to) => Some(Bytes::open(plan, to, &installation).await?),
        None => None,
    };
    let target = match &plan.to_database {
        Some(to) => Some(Target::open(plan, to).await?),
        None => None,
    };
    let migrated = fill(source, plan, &installation, bytes, target.as_ref(), tell).await;
    if let Some(target) = target {
        target.close().await;
    }
    migrated
}

async fn fill(
    source: &mut Source,
    plan: &Plan,
    installation: &str,
    mut bytes: Option<Bytes>,
    target: Option<&Target>,
    tell: Tell<'_>,
) -> Result<Migrated> {
    let mut migrated = Migrated::default();
    let mut rows = match target {
        Some(target) => Some(Rows::begin(source, target, installation, plan).await?),
        None => None,
    };
    if let Some(bytes) = &mut bytes {
        bytes.begin(source).await?;
    }
    if let Some(rows) = &mut rows {
        rows.copy(source, tell).await?;
    }
    if let Some(bytes) = &mut bytes {
        migrated.objects = Some(bytes.copy(source, target, tell).await?);
    }
    if let Some(rows) = &mut rows {
        migrated.tables = rows.compare(source, tell).await?;
    }
    plan.faults.hit("migrate.compared")?;
    if let Some(bytes) = &bytes {
        bytes.finish().await?;
    }
    if let Some(rows) = rows {
        rows.finish(source).await?;
    }
    Ok(migrated)
}

/// The database that is filled.
struct Target {
    store: Store,
    committer: Committer,
}

impl Target {
    async fn open(plan: &Plan, url: &str) -> Result<Self> {
        let opened = async {
            let store = Store::open(url).await?;
            let reserve = Arc::new(Reserve::new(None));
            let committer = Committer::start(store.clone(), false, plan.clock.clone(), plan.faults.clone(), reserve)?;
            anyhow::Ok(Self { store, committer })
        };
        Ok(opened.await.map_err(at_target)?)
    }

    async fn close(self) {
        self.committer.stop().await;
        self.store.close().await;
    }
}

fn at_target(error: impl Into<anyhow::Error>) -> anyhow::Error {
    // The layers above the innermost say the same once more.
    match error.into().downcast::<Error>() {
        Ok(Error::Internal(inner) | Error::Interrupted(inner)) => anyhow!("--to-database: {}", inner.root_cause()),
        Ok(other) => anyhow!("--to-database: {other}"),
        Err(error) => anyhow!("--to-database: {}", error.root_cause()),
    }
}
