//! Objects as files below one folder: 256 folders made at the start and kept, so that no object ever waits for a
//! folder to be made or races with one being removed.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{StreamExt, stream::Fuse};
use md5::Md5;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{ByteStream, Found, MARKER, ObjectKey, PutError, Removal, Stored};
use crate::{fault::Faults, hex::hex};

/// Bytes that a reader holds of an object at one time.
const READ_AT_ONCE: usize = 256 * 1024;
/// Bytes that are gathered before the first of an object is written: each upload under way may hold so many.
const GATHERED: u64 = 64 * 1024;

#[derive(Debug, Clone)]
pub struct Disk {
    root: Arc<Path>,
    installation: Arc<str>,
    faults: Faults,
}

impl Disk {
    /// The objects of an installation, below a folder. Nothing is looked at yet.
    pub(crate) fn new(root: PathBuf, installation: &str, faults: Faults) -> Self {
        Self { root: root.into(), installation: installation.into(), faults }
    }

    /// Makes the place, unless there is one: only for an installation that never stored anything.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn make(&self) -> anyhow::Result<()> {
        match self.root.join(MARKER).exists() {
            true => Ok(()),
            false => self.make_folders().with_context(|| format!("making {}", self.root.display())),
        }
    }

    fn make_folders(&self) -> io::Result<()> {
        create_folders_durably(&self.root)?;
        for folder in 0..=255u8 {
            match fs::create_dir(self.root.join(format!("{folder:02x}"))) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
        }
        write_durably(&self.root.join(MARKER), self.installation.as_bytes())
    }

    /// Whether storage is there and is this installation's.
    pub(crate) fn is_ours(&self) -> anyhow::Result<()> {
        let marker = self.root.join(MARKER);
        let found = fs::read_to_string(&marker)
            .with_context(|| format!("the objects of this installation are not there: {}", marker.display()))?;
        anyhow::ensure!(found == *self.installation, "{} belongs to another installation", marker.display());
        Ok(())
    }

    /// Stores at most `limit` bytes under a fresh key; they are durable when this returns. What is small is gathered
    /// first and written in one go.
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: ByteStream, limit: u64) -> Result<Stored, PutError> {
        self.faults.hit("objects.put").map_err(PutError::Failed)?;
        let (mut bytes, mut gathered, mut size) = (bytes.fuse(), Vec::new(), 0);
        while size <= GATHERED {
            let Some(chunk) = next_chunk(&mut bytes, &mut size, limit).await? else { break };
            gathered.push(chunk);
        }
        let path = self.path(key);
        let at = path.clone();
        let begun = blocking(move || Writing::begin(&at, gathered)).await.map_err(failed)?;
        let result = self.write(begun, &path, bytes, size, limit).await;
        if result.is_err() {
            // Best effort: what stays is named by the staged row.
            let _ = tokio::fs::remove_file(&path).await;
        }
        result
    }

    async fn write(
        &self,
        mut begun: Writing,
        path: &Path,
        mut rest: Fuse<ByteStream>,
        mut size: u64,
        limit: u64,
    ) -> Result<Stored, PutError> {
        while let Some(chunk) = next_chunk(&mut rest, &mut size, limit).await? {
            begun = blocking(move || begun.add(&chunk)).await.map_err(failed)?;
        }
        let Writing { file, sha256, md5 } = begun;
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        // The folder has named the file since it was made: neither has to wait for the other.
        tokio::try_join!(blocking(move || file.sync_all()), blocking(move || sync_folder(&folder))).map_err(failed)?;
        Ok(Stored { size, sha256: hex(&sha256.finalize()), md5: md5.finalize().into(), version: None })
    }

    pub(crate) async fn find(&self, key: &ObjectKey) -> anyhow::Result<Option<Found>> {
        let path = self.path(key);
        match tokio::fs::metadata(&path).await {
            Ok(metadata) => Ok(Some(Found { size: metadata.len(), version: None })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("looking for {}", path.display())),
        }
    }

    pub(crate) async fn list(&self, behind: Option<&ObjectKey>, limit: usize) -> anyhow::Result<Vec<(ObjectKey, u64)>> {
        let (root, behind) = (Arc::clone(&self.root), behind.cloned());
        let listed = blocking(move || {
            let mut found = Vec::new();
            for folder in (0..=255u8).map(|folder| format!("{folder:02x}")) {
                if found.len() >= limit || behind.as_ref().is_some_and(|behind| *folder < *behind.folder()) {
                    continue;
                }
                for entry in fs::read_dir(root.join(&folder))? {
                    let entry = entry?;
                    let name = format!("{folder}/{}", entry.file_name().display());
                    let key = ObjectKey::minted(&name).filter(|key| behind.as_ref().is_none_or(|behind| key > behind));
                    found.extend(key.map(|key| entry.metadata().map(|metadata| (key, metadata.len()))).transpose()?);
                }
            }
            found.sort();
            found.truncate(limit);
            Ok(found)
        });
        listed.await.with_context(|| format!("listing {}", self.root.display()))
    }

    /// The object's bytes. Reading goes on to the end even if the object is purged meanwhile.
    ///
    /// # Errors
    /// The object is not there: a broken promise, or storage that is away.
    pub(crate) async fn read(&self, key: &ObjectKey) -> anyhow::Result<ByteStream> {
        Ok(ReaderStream::with_capacity(self.open(key).await?, READ_AT_ONCE).boxed())
    }

    /// So many of the object's bytes, from an offset on; fewer where it ends before. Otherwise as [`Self::read`].
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn read_part(&self, key: &ObjectKey, first: u64, length: u64) -> anyhow::Result<ByteStream> {
        let mut file = self.open(key).await?;
        file.seek(io::SeekFrom::Start(first)).await.with_context(|| format!("reading {}", key.as_str()))?;
        Ok(ReaderStream::with_capacity(file.take(length), READ_AT_ONCE).boxed())
    }

    async fn open(&self, key: &ObjectKey) -> anyhow::Result<tokio::fs::File> {
        let path = self.path(key);
        tokio::fs::File::open(&path).await.with_context(|| format!("reading {}", path.display()))
    }

    /// Removes objects; the answers stand in the order of the keys. What is not done within `time` is left, and said to
    /// have failed.
    pub(crate) async fn delete(&self, keys: &[ObjectKey], time: Duration) -> Vec<Removal> {
        let (disk, owned, end) = (self.clone(), keys.to_vec(), Instant::now() + time);
        let removed = blocking(move || Ok(disk.delete_now(&owned, end))).await;
        removed.unwrap_or_else(|error| vec![Removal::Failed(error.to_string()); keys.len()])
    }

    fn delete_now(&self, keys: &[ObjectKey], end: Instant) -> Vec<Removal> {
        let mut removals = vec![Removal::Gone; keys.len()];
        if let Err(error) = self.faults.hit("objects.delete").and_then(|()| self.is_ours()) {
            removals.fill(Removal::Failed(format!("{error:#}")));
            return removals;
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|&at| &keys[at]);
        let mut missing = Vec::new();
        for folder in order.chunk_by(|&a, &b| keys[a].folder() == keys[b].folder()) {
            let late = Instant::now() > end;
            for &at in folder {
                match if late { Err(io::ErrorKind::TimedOut.into()) } else { fs::remove_file(self.path(&keys[at])) } {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(at),
                    Err(error) => removals[at] = Removal::Failed(error.to_string()),
                }
            }
            if let Err(error) = sync_folder(&self.root.join(keys[folder[0]].folder())) {
                for &at in folder {
                    removals[at] = Removal::Failed(format!("sync: {error}"));
                }
            }
        }
        // Missing is gone, if this is still the place where it should be.
        if let (false, Err(error)) = (missing.is_empty(), self.is_ours()) {
            for at in missing {
                removals[at] = Removal::Failed(format!("{error:#}"));
            }
        }
        removals
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }
}

/// The next bytes of an object, counted.
async fn next_chunk(bytes: &mut Fuse<ByteStream>, size: &mut u64, limit: u64) -> Result<Option<Bytes>, PutError> {
    let Some(chunk) = bytes.next().await else { return Ok(None) };
    let chunk = chunk.map_err(PutError::BrokenOff)?;
    *size += chunk.len() as u64;
    if *size > limit { Err(PutError::TooLarge) } else { Ok(Some(chunk)) }
}

/// A file that is being written, and hashed on the way.
struct Writing {
    file: fs::File,
    sha256: Sha256,
    md5: Md5,
}

impl Writing {
    fn begin(path: &Path, chunks: Vec<Bytes>) -> io::Result<Self> {
        let file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        let begun = Self { file, sha256: Sha256::new(), md5: Md5::new() };
        chunks.iter().try_fold(begun, |writing, chunk| writing.add(chunk)).inspect_err(|_| drop(fs::remove_file(path)))
    }

    fn add(mut self, chunk: &[u8]) -> io::Result<Self> {
        self.sha256.update(chunk);
        self.md5.update(chunk);
        self.file.write_all(chunk)?;
        Ok(self)
    }
}

/// Writes a small file that is there whole, or not at all, whenever the power goes.
fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = fs::File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Makes a folder and those above it, each durably in the one above.
fn create_folders_durably(path: &Path) -> io::Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return sync_folder(above);
    }
    if !above.is_dir() {
        create_folders_durably(above)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(above),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn failed(error: io::Error) -> PutError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PutError::Full,
        _ => PutError::Failed(error.into()),
    }
}
