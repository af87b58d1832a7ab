//! `unfile key`

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Failure, found, no_account, open, print, print_json, print_table, tell};
use crate::{
    config::{Place, parse_duration},
    engine::{
        Engine,
        model::{KeyId, KeyInfo, NewKey},
    },
};

#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a key to an account; it is printed, and only now
    Add(Add),
    /// List an account's keys, ended ones too
    List {
        /// The account
        name: String,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// End a key, at once
    Revoke {
        /// The number that `list` shows
        id: i64,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// The account
    name: String,
    /// For reading calls alone
    #[arg(long)]
    read_only: bool,
    /// How long it works, as 24h or 30d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    expires: Option<Duration>,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Print {"id","key","account","read_only","expires_at"}
    #[arg(long)]
    json: bool,
}

pub async fn run(args: KeyArgs) -> Result<(), Failure> {
    let engine = open(&args.place).await?;
    match args.command {
        Command::Add(args) => add(&engine, args).await,
        Command::List { name, json } => list(&engine, &name, json).await,
        Command::Revoke { id } => found(engine.revoke_key(KeyId(id)).await, || format!("no key {id}, or it has ended")),
    }
}

#[derive(Serialize)]
struct Added<'a> {
    id: i64,
    key: &'a str,
    account: &'a str,
    read_only: bool,
    expires_at: Option<String>,
}

async fn add(engine: &Engine, args: Add) -> Result<(), Failure> {
    let new = NewKey {
        description: args.description,
        read_only: args.read_only,
        expires_at: args.expires.map(|life| engine.now() + life),
    };
    let key = found(engine.add_key(&args.name, new).await, no_account(&args.name))?;
    if args.json {
        return print_json(&Added {
            id: key.id.0,
            key: &key.secret,
            account: &args.name,
            read_only: args.read_only,
            expires_at: key.expires_at.map(written),
        });
    }
    tell(&format!("key {} made; it is shown only now", key.id.0));
    print(&key.secret)
}

#[derive(Serialize)]
struct Listed<'a> {
    id: i64,
    prefix: &'a str,
    description: &'a str,
    read_only: bool,
    created_at: String,
    expires_at: Option<String>,
    revoked: bool,
}

async fn list(engine: &Engine, name: &str, json: bool) -> Result<(), Failure> {
    let keys = found(engine.answer(engine.keys_of(name)).await, no_account(name))?;
    if json {
        return keys.iter().try_for_each(print_key);
    }
    let now = engine.now();
    let rows = keys.into_iter().map(|key| {
        [
            key.id.0.to_string(),
            format!("{}...", key.prefix),
            if key.read_only { "read" } else { "all" }.to_owned(),
            state(&key, now).to_owned(),
            written(key.created_at),
            key.expires_at.map(written).unwrap_or_default(),
            key.description,
        ]
    });
    let head = ["ID", "KEY", "FOR", "STATE", "CREATED", "EXPIRES", "DESCRIPTION"];
    print_table(head, rows.collect())
}

fn state(key: &KeyInfo, now: OffsetDateTime) -> &'static str {
    match (key.revoked, key.expires_at) {
        (true, _) => "revoked",
        (false, Some(end)) if end <= now => "expired",
        (false, _) => "good",
    }
}

fn print_key(key: &KeyInfo) -> Result<(), Failure> {
    print_json(&Listed {
        id: key.id.0,
        prefix: &key.prefix,
        description: &key.description,
        read_only: key.read_only,
        created_at: written(key.created_at),
        expires_at: key.expires_at.map(written),
        revoked: key.revoked,
    })
}

/// `2027-01-31T12:00:00Z`; parts of a second are of no use to a reader.
pub(crate) fn written(time: OffsetDateTime) -> String {
    let whole = time.replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string())
}
