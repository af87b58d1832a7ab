//! The configuration file: TOML with the flags' names, in kebab or snake case, and a table for each dialect.

use std::{ffi::OsString, net::SocketAddr, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use toml::{Table, Value};

use super::parse_origin;

/// The tables `[hexnode]`, `[vault]` and `[sweeppea]`.
#[derive(Debug, Clone, Default)]
pub struct Dialects {
    pub hexnode: DialectTable,
    pub vault: DialectTable,
    pub sweeppea: DialectTable,
}

/// Whether and where a dialect answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialectTable {
    pub enabled: bool,
    /// A listener of its own; without one it answers on the server's.
    pub listen: Option<SocketAddr>,
    /// How clients reach that listener.
    #[serde(alias = "public-url")]
    pub public_url: Option<String>,
}

impl Default for DialectTable {
    fn default() -> Self {
        Self { enabled: true, listen: None, public_url: None }
    }
}

/// Reads the file that `--config` or `UNFILE_CONFIG` names and puts its entries, as arguments, behind the name of the
/// command and so before the user's own: a later argument wins over an earlier one, and an entry whose environment
/// variable is set is left out. Entries that the command does not have are for `serve` alone.
///
/// # Errors
/// One line that names the file and the setting.
pub fn merge(mut args: Vec<OsString>, cli: &clap::Command) -> Result<(Vec<OsString>, Dialects)> {
    let command = args.get(1).and_then(|name| cli.find_subcommand(name));
    let (Some(command), Some(path)) = (command, config_path(&args)) else {
        return Ok((args, Dialects::default()));
    };
    let path = Path::new(&path);
    let (entries, dialects) = read(path).map_err(|error| anyhow!("{}: {error:#}", path.display()))?;
    let mut merged = Vec::new();
    for (name, value) in entries {
        if let Some(value) = argument(&name, value, command, cli).with_context(|| path.display().to_string())? {
            let mut argument = OsString::from(format!("--{name}="));
            argument.push(value);
            merged.push(argument);
        }
    }
    args.splice(2..2, merged);
    Ok((args, dialects))
}

fn config_path(args: &[OsString]) -> Option<OsString> {
    let mut found = std::env::var_os("UNFILE_CONFIG");
    let mut args = args.iter().skip(2);
    while let Some(arg) = args.next() {
        if arg == "--" {
            break;
        }
        if arg == "--config" {
            found = args.next().cloned();
        } else if let Some(path) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            found = Some(path.into());
        }
    }
    found
}

/// The entries, in kebab case, and the tables.
fn read(path: &Path) -> Result<(Vec<(String, Value)>, Dialects)> {
    let text = std::fs::read_to_string(path)?;
    // TOML's own message draws the line over several lines; its first says where, its last says what.
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        anyhow!("line {line}: {}", error.message())
    })?;
    let mut dialects = Dialects::default();
    let mut entries = Vec::new();
    for (name, value) in table {
        match name.as_str() {
            "hexnode" => dialects.hexnode = dialect(&name, value)?,
            "vault" => dialects.vault = dialect(&name, value)?,
            "sweeppea" => dialects.sweeppea = dialect(&name, value)?,
            _ => entries.push((name.replace('_', "-"), value)),
        }
    }
    Ok((entries, dialects))
}

fn dialect(name: &str, value: Value) -> Result<DialectTable> {
    let mut table: DialectTable =
        value.try_into().map_err(|error: toml::de::Error| anyhow!("{name}: {}", error.message()))?;
    if let Some(url) = &table.public_url {
        table.public_url = Some(parse_origin(url).map_err(|error| anyhow!("{name}.public-url: {error}"))?);
    }
    Ok(table)
}

/// The text for the command line; `None` if this command does not have the setting or its variable is set.
fn argument(name: &str, value: Value, command: &clap::Command, cli: &clap::Command) -> Result<Option<String>> {
    let of = |command: &clap::Command| {
        command.get_arguments().find(|arg| arg.get_long() == Some(name) && name != "config").cloned()
    };
    if cli.find_subcommand("serve").and_then(of).is_none() {
        bail!("{name}: there is no such setting");
    }
    let Some(arg) = of(command) else {
        return Ok(None);
    };
    if arg.get_env().is_some_and(|variable| std::env::var_os(variable).is_some()) {
        return Ok(None);
    }
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Integer(number) => Ok(Some(number.to_string())),
        _ => bail!("{name}: must be text or a whole number"),
    }
}
