//! What the commands share: reading the command line, opening the installation, ending with the right code.
//!
//! Exit codes: 0 done, 1 refused or not found, 2 could not run.

pub mod account;
pub mod hold;
pub mod key;
pub mod migrate;
mod password;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::anyhow;
use clap::{CommandFactory, FromArgMatches, error::ErrorKind};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::{
    clock::Clock,
    config::{
        Place,
        file::{self, Dialects},
    },
    engine::{Engine, EngineOptions, error::Error},
    fault::Faults,
};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// It was understood and refused: exit code 1.
    Refused(String),
    /// It could not run: exit code 2.
    CouldNotRun(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::CouldNotRun(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Busy | Error::StorageFull | Error::Interrupted(_) | Error::Internal(_) => {
                Failure::CouldNotRun(error.into())
            }
            refused => Failure::Refused(refused.to_string()),
        }
    }
}

/// Reads command line, environment and file. Help, version and wrong usage end the process here, in clap's own way.
///
/// # Errors
/// One line that names the setting.
pub fn parse<C: CommandFactory + FromArgMatches>() -> Result<(C, Dialects), Failure> {
    let args: Vec<OsString> = std::env::args_os().collect();
    let merged = file::merge(args, &C::command())?;
    let parsed =
        C::command().try_get_matches_from(&merged.args).and_then(|mut matches| C::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(cli) => Ok((cli, merged.dialects)),
        Err(error) => match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
                Err(Failure::CouldNotRun(anyhow!(merged.blame(&error, &C::command()))))
            }
            _ => error.exit(),
        },
    }
}

/// How long threads that still work on files may take to end once the server has stopped.
const LAST_THREADS: Duration = Duration::from_secs(5);

/// Runs the server, with one log line a request.
///
/// # Errors
/// What keeps it from running.
pub fn run_server(server: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failure> {
    log_to_stderr("info");
    let runtime = runtime()?;
    let served = runtime.block_on(server);
    // A disk that does not answer holds its thread for ever; the process ends all the same.
    runtime.shutdown_timeout(LAST_THREADS);
    Ok(served?)
}

/// Runs a command; only warnings are logged.
///
/// # Errors
/// Those of the command.
pub fn run_command(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    log_to_stderr("warn");
    runtime()?.block_on(command)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    crate::choose_cryptography();
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn log_to_stderr(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// The exit code; a failure is told in one line on standard error.
pub fn report(result: Result<(), Failure>) -> ExitCode {
    let (code, line) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Refused(line)) => (1, line),
        Err(Failure::CouldNotRun(error)) => (2, format!("{error:#}")),
    };
    tell(&format!("unfile: {line}"));
    ExitCode::from(code)
}

/// Opens the installation that a server made; it may be running.
pub(crate) async fn open(place: &Place) -> Result<Engine, Failure> {
    let database = place.database();
    // SQLite's own words for a file that may not be read or written are about anything but that.
    let file = database.file().map(|file| file.display().to_string());
    if let Some(file) = &file
        && let Err(error) = File::options().read(true).write(true).open(file)
    {
        return Err(match error.kind() {
            io::ErrorKind::NotFound => anyhow!("data: there is no database {file}; `unfile serve` makes one"),
            _ => anyhow!("database: {file}: {error}"),
        }
        .into());
    }
    let engine = Engine::open(EngineOptions {
        database: database.url(false)?,
        serves: false,
        reserve: database.reserve(),
        objects: place.objects(),
        rules: place.rules(),
        clock: Clock::default(),
        faults: Faults::default(),
    })
    .await
    .map_err(|error| match file {
        Some(file) => anyhow!("database: {file}: {}", innermost(error)),
        None => anyhow!("database: {}", innermost(error)),
    })?;
    Ok(engine)
}

/// What lies at the bottom of a database's error: the layers above it say the same once more.
fn innermost(error: anyhow::Error) -> String {
    match error.downcast::<Error>() {
        Ok(Error::Internal(inner) | Error::Interrupted(inner)) => inner.root_cause().to_string(),
        Ok(other) => other.to_string(),
        Err(error) => error.root_cause().to_string(),
    }
}

/// The engine's answer, where "not found" says what is not there.
pub(crate) fn found<T>(answer: Result<T, Error>, missing: impl FnOnce() -> String) -> Result<T, Failure> {
    answer.map_err(|error| match error {
        Error::NotFound => Failure::Refused(missing()),
        other => other.into(),
    })
}

/// For [`found`]: an account by its name.
pub(crate) fn no_account(name: &str) -> impl FnOnce() -> String {
    move || format!("no account {name}")
}

/// Prints a line for people, on standard error so that standard output holds data alone.
pub(crate) fn tell(line: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line of data.
pub(crate) fn print(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::CouldNotRun(error.into()))
}

/// Prints a value as one line of JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string(value).map_err(anyhow::Error::from)?)
}

/// Prints rows under a head, columns aligned.
pub(crate) fn print_table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> Result<(), Failure> {
    let mut widths = head.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in std::iter::once(head.map(str::to_owned)).chain(rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        print(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
