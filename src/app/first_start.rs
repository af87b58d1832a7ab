//! The first start on an empty database: an account for the administrator.
//!
//! Its key and password are kept nowhere in clear but in one file. They are durable in a draft before the account exists,
//! so no crash leaves an administrator whose secrets nobody knows. The account is made together with a row that names
//! the draft: only the one that is named becomes the file, now or at the next start, so that of many servers that start
//! at the same moment one has the file, and what it says is true.

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
/// What a draft's name begins with; its own part follows.
const DRAFT: &str = "admin-credentials.new-";

/// Makes the account `admin` if there is no account at all.
pub(crate) async fn create_admin(engine: &Engine, config: &Config) -> Result<()> {
    settle_drafts(engine, &config.data).await?;
    if engine.has_accounts().await? {
        return Ok(());
    }
    let key = given_or_random(config.admin_key.as_ref(), 30);
    let password = given_or_random(config.admin_password.as_ref(), 24);
    let lines =
        format!("UNFILE_ADMIN_NAME=admin\nUNFILE_ADMIN_KEY={key}\nUNFILE_ADMIN_PASSWORD={}\n", shell_word(&password));
    let draft: String = given_or_random(None, 10);
    write_durably(&config.data, &draft, &lines).with_context(|| in_data(&config.data))?;
    let made = engine.add_first_admin(&key, &password, &draft).await?;
    settle_drafts(engine, &config.data).await?;
    if !made {
        tracing::info!("another server has made the account admin, and has its key");
        return Ok(());
    }
    tracing::info!(file = %config.data.join(FILE).display(), "first start: the account admin is made");
    // A terminal has a person before it; anything else may be a log.
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        let _ = stdout.write_all(lines.as_bytes());
    }
    Ok(())
}

/// Makes the draft that the account was made with the file, and takes any other away.
async fn settle_drafts(engine: &Engine, data: &Path) -> Result<()> {
    let true_one = engine.first_admin_draft().await?;
    let settle = || -> std::io::Result<()> {
        let mut settled = false;
        for entry in fs::read_dir(data)? {
            let name = entry?.file_name();
            let Some(draft) = name.to_str().and_then(|name| name.strip_prefix(DRAFT)) else { continue };
            match true_one.as_deref() == Some(draft) {
                true => fs::rename(data.join(&name), data.join(FILE))?,
                false => fs::remove_file(data.join(&name))?,
            }
            settled = true;
        }
        if settled { File::open(data)?.sync_all() } else { Ok(()) }
    };
    settle().with_context(|| in_data(data))
}

fn in_data(data: &Path) -> String {
    format!("data: {}", data.join(FILE).display())
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

fn write_durably(data: &Path, draft: &str, text: &str) -> std::io::Result<()> {
    let draft = data.join(format!("{DRAFT}{draft}"));
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
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
