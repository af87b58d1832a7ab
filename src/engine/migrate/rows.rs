//! The rows: table by table, in pages by key.

use anyhow::anyhow;
use sha2::{Digest, Sha256};

use super::{INSTALLATION, MIGRATING, Plan, Progress, Result, TableSum, Target, Tell, Units, at_target, refused};
use crate::{
    engine::{expire, upload::LANDS_FOR},
    hex::hex,
    objects::ObjectsAt,
    store::{
        self, Conn, Tx,
        copy::{self, Row, Source, Table, Value},
        setting,
    },
};

/// Rows of one statement and one commit.
const PAGE: usize = 1_000;

pub(super) struct Rows<'a> {
    target: &'a Target,
    /// All but the settings, each behind those that it refers to.
    tables: Vec<Table>,
    settings: Table,
    /// The names that the old store gave to versions of objects mean nothing in the new one.
    new_store: bool,
    /// How long bytes whose sender is gone may still land where the objects will be, microseconds.
    lands_for: i64,
    /// An earlier run has filled a part.
    resumed: bool,
}

/// What a database was before this run.
enum Found {
    Empty,
    OursHalf,
    OursWhole,
    InUse,
    AnothersHalf,
}

impl<'a> Rows<'a> {
    /// Makes the target this installation's.
    pub(super) async fn begin(
        source: &mut Source,
        target: &'a Target,
        installation: &str,
        plan: &Plan,
    ) -> Result<Self> {
        let new_store = plan.to_objects.is_some();
        let may_land = !new_store && matches!(plan.objects, ObjectsAt::Bucket { .. });
        let lands_for = if may_land { LANDS_FOR.as_micros() as i64 } else { 0 };
        let mut tables = source.tables().await.map_err(|error| error.context("--database"))?;
        let mut conn = target.store.read().await.map_err(at_target)?;
        if source.schema().await? != copy::schema(&mut conn).await.map_err(at_target)? {
            return refused(
                "--database: another version of unfile made it: start this one's server on it once, stop it",
            );
        }
        for table in &tables {
            if !copy::is_alike(&mut conn, table).await.map_err(at_target)? {
                return refused(format!("--to-database: its table {} is not this program's", table.name));
            }
        }
        drop(conn);
        let (checked, of) = (tables.clone(), installation.to_owned());
        let found = target
            .committer
            .write("migrate.begin", async move |tx: &mut Tx| {
                if let Some(other) = setting::get(tx, MIGRATING).await? {
                    return Ok(if other == of { Found::OursHalf } else { Found::AnothersHalf });
                }
                if setting::get(tx, INSTALLATION).await?.as_ref() == Some(&of) {
                    return Ok(Found::OursWhole);
                }
                for table in &checked {
                    if copy::last_key(tx, table).await?.is_some() {
                        return Ok(Found::InUse);
                    }
                }
                setting::keep(tx, MIGRATING, &of).await?;
                Ok(Found::Empty)
            })
            .await
            .map_err(at_target)?;
        let resumed = match found {
            Found::Empty => false,
            Found::OursHalf => true,
            Found::OursWhole => return refused("--to-database: this installation is there already"),
            Found::InUse => return refused("--to-database: it is not empty"),
            Found::AnothersHalf => return refused("--to-database: another installation is being migrated into it"),
        };
        let Some(settings) = tables.pop() else { return refused("--database: it has no tables") };
        Ok(Self { target, tables, settings, new_store, lands_for, resumed })
    }

    /// Copies what is not there yet.
    pub(super) async fn copy(&mut self, source: &mut Source, tell: Tell<'_>) -> Result<()> {
        if self.resumed && !self.is_a_beginning(source, tell).await? {
            tell(Progress::Note("the source was used since the last run: its rows are copied anew"));
            let tables = self.tables.clone();
            let cleared = self
                .target
                .committer
                .write("migrate.clear", async move |tx: &mut Tx| Ok(copy::clear(tx, &tables).await?))
                .await;
            cleared.map_err(at_target)?;
        }
        let mut total = 0;
        for table in &self.tables {
            total += copy::count(source.conn(), table).await?;
            total -= copy::count(&mut *self.target.store.read().await?, table).await.map_err(at_target)?;
        }
        tell(Progress::Begin { what: "copying rows", units: Units::Rows, total });
        for table in &self.tables {
            self.copy_table(source, table, tell).await?;
        }
        Ok(())
    }

    async fn copy_table(&self, source: &mut Source, table: &Table, tell: Tell<'_>) -> Result<()> {
        let mut behind = copy::last_key(&mut *self.target.store.read().await?, table).await.map_err(at_target)?;
        loop {
            let mut page = copy::page(source.conn(), table, behind.as_ref(), None, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            behind = Some(table.key_of(last));
            let count = page.len() as u64;
            self.leave_out(table, &mut page);
            let into = table.clone();
            self.target
                .committer
                .write("migrate.copy", async move |tx: &mut Tx| Ok(copy::insert(tx, &into, &page).await?))
                .await
                .map_err(|error| anyhow!("{}: table {}", at_target(error), table.name))?;
            tell(Progress::Done(count));
        }
    }

    /// Whether the rows that are there are the first ones of the source, table by table.
    async fn is_a_beginning(&self, source: &mut Source, tell: Tell<'_>) -> Result<bool> {
        let mut total = 0;
        for table in &self.tables {
            total += 2 * copy::count(&mut *self.target.store.read().await?, table).await.map_err(at_target)?;
        }
        tell(Progress::Begin { what: "comparing rows of the last run", units: Units::Rows, total });
        for table in &self.tables {
            let mut conn = self.target.store.read().await.map_err(at_target)?;
            let Some(last) = copy::last_key(&mut conn, table).await.map_err(at_target)? else { continue };
            let there = self.sum(&mut conn, table, Some(&last), tell).await.map_err(at_target)?;
            if there != self.sum(source.conn(), table, Some(&last), tell).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Compares every table, whole.
    pub(super) async fn compare(&self, source: &mut Source, tell: Tell<'_>) -> Result<Vec<TableSum>> {
        let mut total = 0;
        for table in &self.tables {
            total += 2 * copy::count(source.conn(), table).await?;
        }
        tell(Progress::Begin { what: "comparing rows", units: Units::Rows, total });
        let mut sums = Vec::new();
        for table in &self.tables {
            let (rows, sha256) = self.sum(source.conn(), table, None, tell).await?;
            let mut conn = self.target.store.read().await.map_err(at_target)?;
            let there = self.sum(&mut conn, table, None, tell).await.map_err(at_target)?;
            if there != (rows, sha256.clone()) {
                let name = &table.name;
                return refused(format!(
                    "--to-database: table {name} has {} rows and is not the source's, which has {rows}: \
                     empty the database and run this again",
                    there.0
                ));
            }
            sums.push(TableSum { name: table.name.clone(), rows, sha256 });
        }
        Ok(sums)
    }

    /// Makes the target an installation: the numbers it gives out go on, statements are planned for what it holds, what was
    /// half-done is taken up as by a server that starts, and the settings replace the note.
    pub(super) async fn finish(self, source: &mut Source) -> Result<()> {
        let settings = copy::page(source.conn(), &self.settings, None, None, usize::MAX >> 1).await?;
        let lands_for = self.lands_for;
        let (table, tables, highest) = (self.settings, self.tables, source.highest_ids().await?);
        let finished = self.target.committer.write("migrate.finish", async move |tx: &mut Tx| {
            for (table, highest) in &highest {
                copy::give_ids_above(tx, table, *highest).await?;
            }
            copy::analyze(tx, &tables).await?;
            expire::take_up(tx, lands_for).await?;
            setting::forget(tx, MIGRATING).await?;
            copy::insert(tx, &table, &settings).await?;
            Ok(())
        });
        Ok(finished.await.map_err(at_target)?)
    }

    /// The number of rows up to a key, and the hash over them.
    async fn sum(
        &self,
        conn: &mut Conn,
        table: &Table,
        up_to: Option<&Row>,
        tell: Tell<'_>,
    ) -> store::Result<(u64, String)> {
        let (mut rows, mut hash, mut behind) = (0, Sha256::new(), None);
        loop {
            let mut page = copy::page(conn, table, behind.as_ref(), up_to, PAGE).await?;
            let Some(last) = page.last() else { return Ok((rows, hex(&hash.finalize()))) };
            behind = Some(table.key_of(last));
            self.leave_out(table, &mut page);
            page.iter().flatten().for_each(|value| add(&mut hash, value));
            rows += page.len() as u64;
            tell(Progress::Done(page.len() as u64));
        }
    }

    /// Takes out what is not the same in the new place.
    fn leave_out(&self, table: &Table, page: &mut [Row]) {
        if let (true, Some(at)) = (self.new_store, table.store_version()) {
            page.iter_mut().for_each(|row| row[at] = Value::Null);
        }
    }
}

/// Every value in a form that no other value, or two of them, can have.
fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update([0]),
        Value::Number(number) => {
            hash.update([1]);
            hash.update(number.to_be_bytes());
        }
        Value::Text(text) => {
            hash.update([2]);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
}
