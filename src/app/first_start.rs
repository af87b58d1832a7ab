//! The first start on an empty database: an account for the administrator.
//!
//! Its key and password are kept nowhere in clear but in one file. That file is durable before the account exists, so
//! no crash leaves an administrator whose secrets nobody knows; one that comes in between leaves a file that the next
//! start writes anew.

use std::{
    fs::{self, File},
    io::{IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result};
use rand::{RngExt, distr::Alphanumeric};

use crate::{
    config::{Config, Secret},
    engine::Engine,
};

const FILE: &str = "admin-credentials";

/// Makes the account `admin` if there is no account at all.
pub(crate) async fn create_admin(engine: &Engine, config: &Config) -> Result<()> {
    if engine.has_accounts().await? {
        return Ok(());
    }
    let key = given_or_random(config.admin_key.as_ref(), 30);
    let password = given_or_random(config.admin_password.as_ref(), 24);
    let lines =
        format!("UNFILE_ADMIN_NAME=admin\nUNFILE_ADMIN_KEY={key}\nUNFILE_ADMIN_PASSWORD={}\n", shell_word(&password));
    write_durably(&config.data, &lines).with_context(|| format!("data: {}", config.data.join(FILE).display()))?;
    engine.add_first_admin(&key, &password).await?;
    tracing::info!(file = %config.data.join(FILE).display(), "first start: the account admin is made");
    // A terminal has a person before it; anything else may be a log.
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        let _ = stdout.write_all(lines.as_bytes());
    }
    Ok(())
}

fn given_or_random(given: Option<&Secret>, length: usize) -> String {
    match given {
        Some(secret) => secret.reveal().to_owned(),
        None => rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect(),
    }
}

/// A value as a shell reads it back.
fn shell_word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

fn write_durably(data: &Path, text: &str) -> std::io::Result<()> {
    let draft = data.join(format!("{FILE}.new"));
    // A draft of an earlier try may have other rights.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, data.join(FILE))?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_shell_reads_the_same_word_back() {
        assert_eq!(shell_word("abc-1.2_3"), "abc-1.2_3");
        assert_eq!(shell_word("a b$c"), "'a b$c'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
