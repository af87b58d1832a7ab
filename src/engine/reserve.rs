//! A small file that is given up when the disk is full, so that deletes can still be written down.
//!
//! While it is gone, only work that frees space is written: the space it left is for that. It is made again once there
//! is room.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rand::RngExt;

/// Bytes of the reserve. The marks of some thousand deletes need less.
const SIZE: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Reserve {
    /// `None`: there is none to look after.
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// This process does not look after it: the command line beside a server.
    Unwatched,
    Kept,
    GivenUp,
}

impl Reserve {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, state: Mutex::new(State::Unwatched) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether only work that frees space may be written.
    pub(super) fn is_given_up(&self) -> bool {
        *self.state() == State::GivenUp
    }

    /// Frees the reserve's space; says whether there was any.
    pub(super) fn give_up(&self) -> bool {
        let Some(path) = &self.path else { return false };
        let mut state = self.state();
        let freed = fs::remove_file(path).is_ok();
        if *state == State::Kept {
            *state = State::GivenUp;
            tracing::warn!("the disk is full: the reserve is given up so that deletes go on; uploads are refused");
        }
        freed
    }

    /// Makes the reserve, if it is not there and there is room for it and as much again.
    pub(super) fn restore(&self) {
        let Some(path) = &self.path else { return };
        let mut state = self.state();
        if *state == State::Kept {
            return;
        }
        let there = fs::metadata(path).is_ok_and(|file| file.len() == SIZE as u64);
        match if there { Ok(()) } else { make(path) } {
            Ok(()) => *state = State::Kept,
            Err(error) => {
                let _ = fs::remove_file(path);
                *state = State::GivenUp;
                tracing::warn!(%error, "no room for the reserve: uploads are refused");
            }
        }
    }
}

fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let space = rustix::fs::statvfs(folder)?;
    if space.f_bavail.saturating_mul(space.f_frsize) < 2 * SIZE as u64 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    // Real bytes that nothing can shrink: a hole, or a file that packs well, would hold nothing back.
    let mut bytes = vec![0u8; SIZE];
    rand::rng().fill(&mut bytes[..]);
    fs::write(path, bytes)?;
    fs::File::open(path)?.sync_all()
}
