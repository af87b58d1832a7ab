//! What a sync costs. A real one takes 0.05 to 8 ms, depending on what else the disk does, so a ratio of two runs means
//! little unless it is fixed: files are in memory, and a library that is preloaded into every process adds a constant.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::support::daemon::{scratch, target};

/// Where a run's files lie, and what a sync costs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// In memory, each sync so many microseconds.
    Fixed(u64),
    /// On the disk that the project is built on.
    Disk,
}

impl Fsync {
    /// As a modern disk under some load.
    pub const SLOW: Fsync = Fsync::Fixed(3_000);
    /// As a disk with a cache that survives a power cut.
    pub const FAST: Fsync = Fsync::Fixed(100);

    pub fn name(self) -> String {
        match self {
            Fsync::Fixed(micros) => format!("{} ms", micros as f64 / 1_000.0),
            Fsync::Disk => "real disk".into(),
        }
    }

    /// An empty folder of that kind, which everybody may pass through: not every server runs as root.
    pub fn folder(self) -> Result<TempDir> {
        let root = match self {
            Fsync::Fixed(_) => scratch(),
            Fsync::Disk => target().join("bench"),
        };
        fs::create_dir_all(&root)?;
        let folder = tempfile::Builder::new().prefix("unfile-bench-").tempdir_in(root)?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        Ok(folder)
    }
}

/// The library that adds the constant.
#[derive(Debug)]
pub struct Shim {
    /// Held for its drop: takes the library away.
    _folder: TempDir,
    library: PathBuf,
}

impl Shim {
    /// Compiles it.
    ///
    /// # Errors
    /// There is no C compiler.
    pub fn build() -> Result<Shim> {
        let folder = Fsync::SLOW.folder()?;
        let (source, library) = (folder.path().join("fsync.c"), folder.path().join("fsync.so"));
        fs::write(&source, include_str!("fsync.c"))?;
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]);
        ensure!(cc.status().context("cc")?.success(), "cc does not compile {}", source.display());
        Ok(Shim { _folder: folder, library })
    }

    /// What makes a process feel it.
    pub fn env(&self, fsync: Fsync) -> Vec<(String, String)> {
        match fsync {
            Fsync::Fixed(micros) => vec![
                ("LD_PRELOAD".into(), self.library.display().to_string()),
                ("BENCH_FSYNC_MICROS".into(), micros.to_string()),
            ],
            Fsync::Disk => Vec::new(),
        }
    }
}
