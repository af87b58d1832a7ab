//! The command line. Each arm is one call.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use unfile::{
    app,
    cli::{self, Failure, account::AccountArgs, hold::HoldArgs, key::KeyArgs, migrate::MigrateArgs},
    config::{Config, ServeArgs},
};

/// A self-hosted file service whose deletes can be trusted
#[derive(Parser)]
#[command(name = "unfile", version, args_override_self = true, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArgs),
    /// Add, list and change accounts
    Account(AccountArgs),
    /// Add, list and revoke API keys
    Key(KeyArgs),
    /// Keep a file from being deleted, whoever asks
    Hold(HoldArgs),
    /// Take a stopped installation to PostgreSQL, to an S3 store, or to both
    Migrate(MigrateArgs),
}

fn main() -> ExitCode {
    cli::report(run())
}

fn run() -> Result<(), Failure> {
    // What this program writes is for its own user alone, wherever it was told to put it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let (cli, dialects) = cli::parse::<Cli>()?;
    match cli.command {
        Command::Serve(args) => cli::run_server(app::serve(Config::new(args, dialects)?)),
        Command::Account(args) => cli::run_command(cli::account::run(args)),
        Command::Key(args) => cli::run_command(cli::key::run(args)),
        Command::Hold(args) => cli::run_command(cli::hold::run(args)),
        Command::Migrate(args) => cli::run_command(cli::migrate::run(args)),
    }
}
