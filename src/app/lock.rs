//! The data directory, and the locks that keep a second server out of an installation.

use std::{
    fs::{DirBuilder, File},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use anyhow::{Context, Result, bail};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Makes the data directory, for this user alone, if it is not there.
pub(crate) fn create_data_dir(data: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data).with_context(|| format!("data: {}", data.display()))
}

/// Held for as long as a server works on an installation: on its data directory and on its database file, either of
/// which two servers could share without the other. The system lets go of it when the process ends, in whatever way; the
/// files themselves stay.
pub(crate) struct Locks {
    _held: Vec<File>,
}

impl Locks {
    /// # Errors
    /// Another server holds one of them; the text names the setting.
    pub(crate) fn take(data: &Path, database: Option<&Path>) -> Result<Self> {
        let of_data = lock(&data.join("lock")).with_context(|| format!("data: {}", data.display()))?;
        let Some(database) = database else { return Ok(Self { _held: vec![of_data] }) };
        // The database opens what a link leads to, so that is what must not be shared. One that is not there yet has
        // no links.
        let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
        let mut beside = database.clone().into_os_string();
        beside.push(".lock");
        let of_database = lock(beside.as_ref()).with_context(|| format!("database: {}", database.display()))?;
        Ok(Self { _held: vec![of_data, of_database] })
    }
}

fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => bail!("another server works on it"),
        Err(error) => Err(error.into()),
    }
}
