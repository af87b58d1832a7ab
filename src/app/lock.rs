//! The data directory and the lock that keeps a second server out of it.

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

/// Held for as long as a server works on a data directory. The system lets go of it when the process ends, in
/// whatever way; the file itself stays.
pub(crate) struct DataLock {
    _file: File,
}

impl DataLock {
    pub(crate) fn take(data: &Path) -> Result<Self> {
        let path = data.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("data: {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => bail!("data: another server works on {}", data.display()),
            Err(error) => Err(error).with_context(|| format!("data: {}", path.display())),
        }
    }
}
