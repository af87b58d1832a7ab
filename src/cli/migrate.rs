//! `unfile migrate`

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::anyhow;
use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};

use super::{Failure, print, tell};
use crate::{
    app,
    clock::Clock,
    config::{DatabaseAt, Place, parse_database, parse_objects},
    engine::{
        ObjectsAt,
        migrate::{self, Migrated, Plan, Progress, Stopped, Units},
    },
};

#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    place: Place,
    /// Database to fill, postgres://USER:PASSWORD@HOST/NAME; without it the database stays
    #[arg(long, env = "UNFILE_TO_DATABASE", value_name = "URL", value_parser = parse_database)]
    to_database: Option<DatabaseAt>,
    /// Object storage to fill, s3://BUCKET/PREFIX; without it the objects stay
    #[arg(long, env = "UNFILE_TO_OBJECTS", value_name = "URL", value_parser = parse_objects)]
    to_objects: Option<ObjectsAt>,
}

/// Takes the installation to where the arguments say.
///
/// # Errors
/// What stopped it; the same command goes on from there.
pub async fn run(args: MigrateArgs) -> Result<(), Failure> {
    let plan = plan(&args)?;
    let _locks = app::Locks::take(&args.place.data, Some(&plan.database))
        .map_err(|error| Failure::Refused(format!("{error:#}")))?;
    let shown = Shown::new();
    let migrated = migrate::migrate(plan, &|progress| shown.show(progress)).await;
    shown.end();
    let migrated = migrated.map_err(|stopped| match stopped {
        Stopped::Refused(line) => Failure::Refused(line),
        Stopped::Failed(error) => Failure::CouldNotRun(error),
    })?;
    print_sums(&migrated)?;
    tell_settings(&args);
    Ok(())
}

/// Checks what clap could not.
fn plan(args: &MigrateArgs) -> Result<Plan, Failure> {
    let wrong = |line: &str| Err(Failure::CouldNotRun(anyhow!("{line}")));
    let at = args.place.database();
    let Some(file) = at.file() else { return wrong("--database: only an SQLite database can be migrated") };
    let to_database = match &args.to_database {
        None => None,
        Some(DatabaseAt::Server(url)) => Some(url.reveal().to_owned()),
        Some(DatabaseAt::File(_)) => return wrong("--to-database: expected postgres://USER:PASSWORD@HOST/NAME"),
    };
    match &args.to_objects {
        Some(ObjectsAt::Folder(_)) => return wrong("--to-objects: expected s3://BUCKET/PREFIX"),
        Some(to) if *to == args.place.objects() => return wrong("--to-objects: the objects are there already"),
        None if to_database.is_none() => return wrong("--to-database or --to-objects: one of them must be given"),
        _ => {}
    }
    if let Err(error) = std::fs::metadata(file) {
        return wrong(&format!("--database: {}: {error}", file.display()));
    }
    let url = at.url(false)?;
    let (database_url, _) = url.split_once('?').unwrap_or((&url, ""));
    Ok(Plan {
        database: file.to_owned(),
        database_url: database_url.to_owned(),
        objects: args.place.objects(),
        to_database,
        to_objects: args.to_objects.clone(),
        clock: Clock::default(),
        faults: app::faults()?,
    })
}

/// What was copied and compared.
fn print_sums(migrated: &Migrated) -> Result<(), Failure> {
    for table in &migrated.tables {
        print(&format!("{}  {:>12}  {}", table.sha256, table.rows, table.name))?;
    }
    if let Some(sum) = migrated.objects {
        let found = if sum.found > 0 { format!(", {} of them from an earlier run", sum.found) } else { String::new() };
        print(&format!("{} objects, {} bytes{found}", sum.objects, sum.bytes))?;
    }
    Ok(())
}

/// What to do next.
fn tell_settings(args: &MigrateArgs) {
    let objects = args.to_objects.clone().unwrap_or_else(|| args.place.objects());
    let objects = match objects {
        ObjectsAt::Bucket { bucket, prefix } if prefix.is_empty() => format!("s3://{bucket}"),
        ObjectsAt::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
        ObjectsAt::Folder(folder) => format!("file:{}", folder.display()),
    };
    let database = match args.to_database {
        Some(_) => "as --to-database was given here",
        None => "as before: it stayed where it is",
    };
    tell("done: everything is there and was compared; nothing was removed from the old place");
    tell("start servers with these settings, and never again with the old ones:");
    tell(&format!("  --database  {database}"));
    tell(&format!("  --objects   {objects}"));
}

/// A bar on a terminal, else lines.
struct Shown {
    bar: ProgressBar,
    plain: Option<Mutex<Plain>>,
}

/// How far it is, where no bar is drawn.
struct Plain {
    what: &'static str,
    units: Units,
    done: u64,
    total: u64,
    told: Instant,
}

/// Between two lines about the same work.
const PAUSE: Duration = Duration::from_secs(10);

impl Shown {
    fn new() -> Self {
        let plain = Plain { what: "", units: Units::Rows, done: 0, total: 0, told: Instant::now() };
        match std::io::stderr().is_terminal() {
            true => Self { bar: ProgressBar::new(0), plain: None },
            false => Self { bar: ProgressBar::hidden(), plain: Some(Mutex::new(plain)) },
        }
    }

    fn show(&self, progress: Progress<'_>) {
        match (&self.plain, progress) {
            (None, Progress::Note(line)) => self.bar.suspend(|| tell(line)),
            (Some(_), Progress::Note(line)) => tell(line),
            (None, Progress::Begin { what, units, total }) => {
                let position = match units {
                    Units::Rows => "{human_pos}/{human_len}",
                    Units::Bytes => "{bytes}/{total_bytes} ({bytes_per_sec})",
                };
                let template = format!("{{msg}} [{{bar:30}}] {position} {{eta}}");
                if let Ok(style) = ProgressStyle::with_template(&template) {
                    self.bar.set_style(style.progress_chars("=> "));
                }
                self.bar.reset();
                self.bar.set_message(what);
                self.bar.set_length(total);
            }
            (None, Progress::Done(units)) => self.bar.inc(units),
            (Some(plain), progress) => {
                plain.lock().unwrap_or_else(PoisonError::into_inner).show(progress);
            }
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Plain {
    fn show(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Begin { what, units, total } => {
                *self = Plain { what, units, done: 0, total, told: Instant::now() };
                tell(&format!("{what}: {}", self.text(total)));
            }
            Progress::Done(units) => {
                self.done += units;
                if self.told.elapsed() > PAUSE {
                    self.told = Instant::now();
                    tell(&format!("{}: {} of {}", self.what, self.text(self.done), self.text(self.total)));
                }
            }
            Progress::Note(line) => tell(line),
        }
    }

    fn text(&self, units: u64) -> String {
        match self.units {
            Units::Rows => HumanCount(units).to_string(),
            Units::Bytes => HumanBytes(units).to_string(),
        }
    }
}
