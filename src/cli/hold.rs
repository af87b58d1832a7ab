//! `unfile hold`

use clap::{Args, Subcommand};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Failure, found, key::written, open, print_json, print_table};
use crate::{
    config::{Place, parse_time},
    engine::{Engine, model::Hold},
};

#[derive(Debug, Args)]
pub struct HoldArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put a hold on a file; on one already deleted it parks the purge of its bytes
    Add {
        /// The file's uid, with or without hyphens
        uid: Uuid,
        /// When it ends by itself, as 2027-01-31 or 2027-01-31T12:00:00Z
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        until: Option<OffsetDateTime>,
        /// Why, for those who read the list
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take a hold away
    Remove {
        /// The file's uid, with or without hyphens
        uid: Uuid,
    },
    /// List all holds
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(args: HoldArgs) -> Result<(), Failure> {
    let engine = open(&args.place).await?;
    match args.command {
        Command::Add { uid, until, reason } => add(&engine, uid, until, &reason).await,
        Command::Remove { uid } => found(engine.remove_hold(uid).await, || "no hold on this file".to_owned()),
        Command::List { json } => list(&engine, json).await,
    }
}

async fn add(engine: &Engine, uid: Uuid, until: Option<OffsetDateTime>, reason: &str) -> Result<(), Failure> {
    if until.is_some_and(|until| until <= engine.now()) {
        return Err(Failure::Refused("the hold would have ended already".to_owned()));
    }
    found(engine.add_hold(uid, until, reason).await, || "no file with this uid".to_owned())?;
    Ok(())
}

#[derive(Serialize)]
struct Listed<'a> {
    uid: String,
    reason: &'a str,
    until: Option<String>,
    created_at: String,
}

async fn list(engine: &Engine, json: bool) -> Result<(), Failure> {
    let holds = engine.answer(engine.holds()).await?;
    if json {
        return holds.iter().try_for_each(print_hold);
    }
    let rows = holds.into_iter().map(|hold| {
        [hold.uid.to_string(), written(hold.created_at), hold.until.map(written).unwrap_or_default(), hold.reason]
    });
    print_table(["UID", "CREATED", "UNTIL", "REASON"], rows.collect())
}

fn print_hold(hold: &Hold) -> Result<(), Failure> {
    print_json(&Listed {
        uid: hold.uid.to_string(),
        reason: &hold.reason,
        until: hold.until.map(written),
        created_at: written(hold.created_at),
    })
}
