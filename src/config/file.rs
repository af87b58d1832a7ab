//! The configuration file: TOML with the flags' names, in kebab or snake case, and a table for each dialect.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::error::{ContextKind, ContextValue};
use toml::{Table, Value};

use super::{parse_listen, parse_origin};

/// The tables `[hexnode]`, `[vault]`, `[sweeppea]`, `[oracle]` and `[onlyoffice]`.
#[derive(Debug, Clone, Default)]
pub struct Dialects {
    pub hexnode: DialectTable,
    pub vault: DialectTable,
    pub sweeppea: DialectTable,
    pub oracle: DialectTable,
    pub onlyoffice: DialectTable,
}

/// Whether and where a dialect answers.
#[derive(Debug, Clone)]
pub struct DialectTable {
    pub enabled: bool,
    /// A listener of its own; without one it answers on the server's.
    pub listen: Option<SocketAddr>,
    /// How clients reach that listener.
    pub public_url: Option<String>,
}

impl Default for DialectTable {
    fn default() -> Self {
        Self { enabled: true, listen: None, public_url: None }
    }
}

/// The command line with the file's entries in it.
pub struct Merged {
    pub args: Vec<OsString>,
    pub dialects: Dialects,
    /// What the user typed behind the name of the command.
    typed: Vec<OsString>,
    file: PathBuf,
    /// Those of the file's entries that stand in `args`, in kebab case.
    entries: Vec<(String, String)>,
}

/// Reads the file that `--config` or `UNFILE_CONFIG` names and puts its entries, as arguments, behind the name of the
/// command and so before the user's own: a later argument wins over an earlier one, and an entry whose environment
/// variable is set is left out. Entries that the command does not have are for `serve` alone.
///
/// # Errors
/// One line that names the file and the setting.
pub fn merge(mut args: Vec<OsString>, cli: &clap::Command) -> Result<Merged> {
    let typed: Vec<_> = args.iter().skip(2).take_while(|arg| *arg != "--").cloned().collect();
    let mut merged =
        Merged { args: Vec::new(), dialects: Dialects::default(), typed, file: PathBuf::new(), entries: Vec::new() };
    let command = args.get(1).and_then(|name| cli.find_subcommand(name));
    if let (Some(command), Some(file)) = (command, config_path(&merged.typed)?) {
        let (entries, dialects) = read(&file).map_err(|error| anyhow!("{}: {error:#}", file.display()))?;
        merged.dialects = dialects;
        for (name, value) in entries {
            if let Some(value) = argument(&name, value, command, cli).with_context(|| file.display().to_string())? {
                merged.entries.push((name, value));
            }
        }
        merged.file = file;
        args.splice(2..2, merged.entries.iter().map(|(name, value)| format!("--{name}={value}").into()));
    }
    merged.args = args;
    Ok(merged)
}

impl Merged {
    /// One line about a wrong value. clap knows the flag alone and blames that; here it is the file's entry or the
    /// variable, if the value came from there.
    pub fn blame(&self, error: &clap::Error, cli: &clap::Command) -> String {
        let text = error.to_string();
        // clap adds lines about `--help`; a wrong value is told in one.
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
            return line.to_owned();
        };
        let name = flag.split(' ').next().unwrap_or_default().trim_start_matches("--");
        match self.source(name, error, cli) {
            Some(source) => format!("{source}: {}", line.replace(&format!(" for '{flag}'"), "")),
            None => line.to_owned(),
        }
    }

    /// Where a setting's wrong value came from, if not from the command line.
    fn source(&self, name: &str, error: &clap::Error, cli: &clap::Command) -> Option<String> {
        let wrong = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(value)) => value.as_str(),
            _ => "",
        };
        if self.entries.iter().any(|(entry, value)| entry == name && value == wrong) {
            return Some(format!("{}: {name}", self.file.display()));
        }
        let flag = format!("--{name}");
        let with_value = format!("{flag}=");
        let is_typed = |arg: &OsString| *arg == *flag || arg.to_string_lossy().starts_with(&with_value);
        if self.typed.iter().any(is_typed) {
            return None;
        }
        let command = self.args.get(1).and_then(|command| cli.find_subcommand(command))?;
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(name))?;
        Some(arg.get_env()?.to_string_lossy().into_owned())
    }
}

/// The file that the flag names, or else the variable; an empty variable counts as unset.
fn config_path(typed: &[OsString]) -> Result<Option<PathBuf>> {
    let mut found = None;
    let mut args = typed.iter();
    while let Some(arg) = args.next() {
        if arg == "--config" {
            found = args.next().cloned();
        } else if let Some(path) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            found = Some(path.into());
        }
    }
    ensure!(found.as_ref().is_none_or(|path| !path.is_empty()), "--config: expected the name of a file");
    let variable = std::env::var_os("UNFILE_CONFIG").filter(|path| !path.is_empty());
    Ok(found.or(variable).map(PathBuf::from))
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
            "oracle" => dialects.oracle = dialect(&name, value)?,
            "onlyoffice" => dialects.onlyoffice = dialect(&name, value)?,
            _ => entries.push((name.replace('_', "-"), value)),
        }
    }
    Ok((entries, dialects))
}

fn dialect(name: &str, value: Value) -> Result<DialectTable> {
    let Value::Table(entries) = value else { bail!("{name}: must be a table") };
    let mut table = DialectTable::default();
    for (key, value) in entries {
        let wrong = |error: String| anyhow!("{name}.{key}: invalid value {value}: {error}");
        let text = || value.as_str().ok_or_else(|| wrong("must be text".to_owned()));
        match key.as_str() {
            "enabled" => table.enabled = value.as_bool().ok_or_else(|| wrong("must be true or false".to_owned()))?,
            "listen" => table.listen = Some(parse_listen(text()?).map_err(wrong)?),
            "public-url" | "public_url" => table.public_url = Some(parse_origin(text()?).map_err(wrong)?),
            _ => bail!("{name}.{key}: there is no such setting"),
        }
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
