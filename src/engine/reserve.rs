//! A small file that is given up when the disk is full, so that deletes can still be written down.
//!
//! While it is gone, uploads are refused: the space it left is for deletes. It is made again once there is room.

use std::{
    fs, io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

/// Bytes of the reserve. The marks of some thousand deletes need less.
const SIZE: u64 = 8 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    kept: AtomicBool,
}

impl Reserve {
    pub(super) fn new(path: PathBuf) -> Self {
        let kept = fs::metadata(&path).is_ok_and(|file| file.len() == SIZE);
        Self { path, kept: AtomicBool::new(kept) }
    }

    /// Whether the reserve is there; without it, uploads must wait.
    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::SeqCst)
    }

    /// Frees the reserve's space; says whether there was any.
    pub(super) fn give_up(&self) -> bool {
        let freed = fs::remove_file(&self.path).is_ok();
        self.kept.store(false, Ordering::SeqCst);
        if freed {
            tracing::warn!("the disk is full: the reserve was given up so that deletes go on, uploads are refused");
        }
        freed
    }

    /// Makes the reserve again, if there is room for it and as much again.
    pub(super) fn restore(&self) {
        if self.is_kept() {
            return;
        }
        match self.make() {
            Ok(()) => {
                self.kept.store(true, Ordering::SeqCst);
                tracing::info!("the reserve for deletes on a full disk is in place");
            }
            Err(error) => {
                let _ = fs::remove_file(&self.path);
                tracing::warn!(%error, "no room for the reserve: uploads are refused");
            }
        }
    }

    fn make(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        let space = rustix::fs::statvfs(folder)?;
        if space.f_bavail.saturating_mul(space.f_frsize) < 2 * SIZE {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Real bytes, not a hole: a hole would hold nothing back.
        fs::write(&self.path, vec![0x55; SIZE as usize])?;
        fs::File::open(&self.path)?.sync_all()
    }
}
