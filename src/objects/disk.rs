//! Objects as files below one folder: 256 folders made at the start and kept, so that no object ever waits for a
//! folder to be made or races with one being removed.

use std::{
    fs,
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{StreamExt, stream::Fuse};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{ByteStream, Found, MARKER, ObjectKey, PutError, Removal, Stored, hashes::Hashes};
use crate::fault::Faults;

/// Bytes that a reader holds of an object at one time.
const READ_AT_ONCE: usize = 256 * 1024;
/// So many folders are synced one by one after a removal. More cost more than a sync of the whole file system, which
/// also writes what others have in hand.
const SYNCED_ONE_BY_ONE: usize = 8;
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
        let Writing { file, hashes } = begun;
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        // The folder has named the file since it was made: neither has to wait for the other.
        tokio::try_join!(blocking(move || file.sync_all()), blocking(move || sync_folder(&folder))).map_err(failed)?;
        Ok(hashes.finish(None))
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
        let (disk, end) = (self.clone(), Instant::now() + time);
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by_key(|&at| &keys[at]);
        let sorted: Vec<ObjectKey> = order.iter().map(|&at| keys[at].clone()).collect();
        let removed = match blocking(move || disk.open_place()).await {
            Ok(place) => self.delete_sorted(sorted, place, end).await,
            Err(error) => vec![Removal::Failed(error.to_string()); keys.len()],
        };
        let mut removals = vec![Removal::Gone; keys.len()];
        for (at, removal) in order.into_iter().zip(removed) {
            removals[at] = removal;
        }
        removals
    }

    /// The root, open since before anything is removed: so a sync through it tells of every error since.
    fn open_place(&self) -> io::Result<fs::File> {
        let text = |error: anyhow::Error| io::Error::other(format!("{error:#}"));
        self.faults.hit("objects.delete").and_then(|()| self.is_ours()).map_err(text)?;
        fs::File::open(&self.root)
    }

    /// Removes objects that stand in the order of their keys, so that each worker goes through folders of its own.
    async fn delete_sorted(&self, keys: Vec<ObjectKey>, place: fs::File, end: Instant) -> Vec<Removal> {
        let keys: Arc<[ObjectKey]> = keys.into();
        // A few are not worth a second thread.
        let half = if keys.len() < 64 { keys.len() } else { keys.len() / 2 };
        let worker = |range: Range<usize>| {
            let (disk, keys) = (self.clone(), Arc::clone(&keys));
            blocking(move || Ok(keys[range].iter().map(|key| disk.unlink(key, end)).collect::<Vec<_>>()))
        };
        let (one, other) = tokio::join!(worker(0..half), worker(half..keys.len()));
        let (disk, all) = (self.clone(), Arc::clone(&keys));
        let settled = async {
            let (mut unlinked, other) = (one?, other?);
            unlinked.extend(other);
            blocking(move || Ok(disk.settle(&all, unlinked, &place))).await
        };
        settled.await.unwrap_or_else(|error| vec![Removal::Failed(error.to_string()); keys.len()])
    }

    fn unlink(&self, key: &ObjectKey, end: Instant) -> io::Result<()> {
        match Instant::now() > end {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => fs::remove_file(self.path(key)),
        }
    }

    /// Makes durable what was unlinked, and says what became of each. Nothing counts as gone that a power cut could
    /// bring back.
    fn settle(&self, keys: &[ObjectKey], unlinked: Vec<io::Result<()>>, place: &fs::File) -> Vec<Removal> {
        let mut folders: Vec<&str> = keys.iter().map(ObjectKey::folder).collect();
        folders.dedup();
        let synced = self.faults.hit("objects.confirm").map_err(io::Error::other).and_then(|()| match folders.len() {
            ..=SYNCED_ONE_BY_ONE => folders.iter().try_for_each(|folder| sync_folder(&self.root.join(folder))),
            _ => Ok(rustix::fs::syncfs(place)?),
        });
        if let Err(error) = synced {
            return vec![Removal::Failed(format!("sync: {error}")); keys.len()];
        }
        let is_missing =
            |outcome: &io::Result<()>| outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        // Missing is gone, if this is still the place where it should be.
        let lost = match unlinked.iter().any(is_missing) {
            true => self.is_ours().err().map(|error| format!("{error:#}")),
            false => None,
        };
        let removal = |outcome: io::Result<()>| match (&outcome, &lost) {
            (Err(_), Some(lost)) if is_missing(&outcome) => Removal::Failed(lost.clone()),
            (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Removal::Failed(error.to_string()),
            (Ok(()) | Err(_), _) => Removal::Gone,
        };
        unlinked.into_iter().map(removal).collect()
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
    hashes: Hashes,
}

impl Writing {
    fn begin(path: &Path, chunks: Vec<Bytes>) -> io::Result<Self> {
        let file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        let begun = Self { file, hashes: Hashes::default() };
        chunks.iter().try_fold(begun, |writing, chunk| writing.add(chunk)).inspect_err(|_| drop(fs::remove_file(path)))
    }

    fn add(mut self, chunk: &[u8]) -> io::Result<Self> {
        self.hashes.update(chunk);
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
