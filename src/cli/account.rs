//! `unfile account`

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Failure, found, no_account, open, password, print, print_json, print_table, tell};
use crate::{
    config::{Place, parse_bytes},
    engine::{
        AccountChange, Engine,
        model::{Account, Role},
    },
};

#[derive(Debug, Args)]
pub struct AccountArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add an account; its first key is printed, and only now
    Add(Add),
    /// List all accounts
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Change an account
    Set(Set),
    /// Set an account's password, read from standard input
    Passwd {
        name: String,
        /// Taken for granted; for symmetry with `add`
        #[arg(long)]
        password_stdin: bool,
    },
    /// Stop an account's keys and end its sessions, at once
    Disable { name: String },
    /// Let a disabled account's keys work again
    Enable { name: String },
}

#[derive(Debug, Args)]
struct Add {
    /// 1 to 64 of a-z, 0-9, `.`, `_`, `-`
    name: String,
    /// Role admin instead of user
    #[arg(long)]
    admin: bool,
    /// As 5000MiB or in bytes; 0 = none
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    quota: Option<u64>,
    /// Read a password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Print {"id","uid","name","role","key"}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Set {
    name: String,
    /// As 5000MiB or in bytes; 0 = none
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    quota: Option<u64>,
    /// Calls a month; 0 = no limit
    #[arg(long, value_name = "COUNT")]
    max_calls: Option<u64>,
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

pub async fn run(args: AccountArgs) -> Result<(), Failure> {
    let engine = open(&args.place).await?;
    match args.command {
        Command::Add(args) => add(&engine, args).await,
        Command::List { json } => list(&engine, json).await,
        Command::Set(args) => set(&engine, args).await,
        Command::Passwd { name, .. } => found(engine.set_password(&name, &password::read()?).await, no_account(&name)),
        Command::Disable { name } => found(engine.set_disabled(&name, true).await, no_account(&name)),
        Command::Enable { name } => found(engine.set_disabled(&name, false).await, no_account(&name)),
    }
}

#[derive(Serialize)]
struct Added<'a> {
    id: i64,
    uid: String,
    name: &'a str,
    role: &'static str,
    key: &'a str,
}

async fn add(engine: &Engine, args: Add) -> Result<(), Failure> {
    let password = match args.password_stdin {
        true => Some(password::read()?),
        false => None,
    };
    let role = match args.admin {
        true => Role::Admin,
        false => Role::User,
    };
    let (account, key) = engine.add_account(&args.name, role, args.quota, password.as_deref()).await?;
    if args.json {
        return print_json(&Added {
            id: account.id.0,
            uid: account.uid.to_string(),
            name: &account.name,
            role: account.role.as_str(),
            key: &key.secret,
        });
    }
    tell(&format!("account {} made; its key is shown only now", account.name));
    print(&key.secret)
}

#[derive(Serialize)]
struct Listed<'a> {
    id: i64,
    uid: String,
    name: &'a str,
    role: &'static str,
    display_name: &'a str,
    email: &'a str,
    disabled: bool,
    quota: u64,
    used: u64,
    purging: u64,
    max_calls: u64,
}

async fn list(engine: &Engine, json: bool) -> Result<(), Failure> {
    let accounts = engine.answer(engine.accounts()).await?;
    if json {
        return accounts.iter().try_for_each(print_account);
    }
    let rows = accounts.into_iter().map(|account| {
        [
            account.id.0.to_string(),
            account.name,
            account.role.as_str().to_owned(),
            if account.disabled { "disabled" } else { "" }.to_owned(),
            account.used.to_string(),
            account.quota.to_string(),
            account.purging.to_string(),
            account.uid.to_string(),
        ]
    });
    let head = ["ID", "NAME", "ROLE", "STATE", "USED", "QUOTA", "PURGING", "UID"];
    print_table(head, rows.collect())
}

fn print_account(account: &Account) -> Result<(), Failure> {
    print_json(&Listed {
        id: account.id.0,
        uid: account.uid.to_string(),
        name: &account.name,
        role: account.role.as_str(),
        display_name: &account.display_name,
        email: &account.email,
        disabled: account.disabled,
        quota: account.quota,
        used: account.used,
        purging: account.purging,
        max_calls: account.max_calls,
    })
}

async fn set(engine: &Engine, args: Set) -> Result<(), Failure> {
    if args.quota.is_none() && args.max_calls.is_none() && args.display_name.is_none() && args.email.is_none() {
        return Err(anyhow!("nothing to change: give --quota, --max-calls, --display-name or --email").into());
    }
    let change = AccountChange {
        quota: args.quota,
        max_calls: args.max_calls,
        display_name: args.display_name,
        email: args.email,
    };
    found(engine.set_account(&args.name, change).await, no_account(&args.name))?;
    Ok(())
}
