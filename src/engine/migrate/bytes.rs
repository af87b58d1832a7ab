//! The objects: each under the key that it has, several at a time, hashed on the way.

use std::{
    collections::{HashMap, HashSet},
    io,
    time::Duration,
};

use anyhow::{Context, anyhow};
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::{ObjectSum, Plan, Progress, Result, Target, Tell, Units, at_target, refused};
use crate::{
    engine::ByteStream,
    fault::Faults,
    hex::hex,
    objects::{self, MARKER, NOT_ALL_THERE, ObjectKey, Objects, ObjectsAt, PutError, Removal},
    store::{
        self, Tx,
        copy::{self, Named, NamedBy, Source},
    },
};

/// Objects on their way at the same moment.
const AT_ONCE: usize = 16;
/// Objects whose names are read at once.
const PAGE: usize = 1_000;
/// How often an object is sent before the store counts as broken.
const TRIES: u32 = 4;
/// How long a removal may take.
const REMOVE_WITHIN: Duration = Duration::from_secs(60);

/// The way from one store of objects into another.
pub(super) struct Bytes {
    from: Objects,
    /// The bucket as it is now: with a marker that no server accepts, unless an earlier run came to its end.
    to: Objects,
    /// The bucket as this installation's.
    ours: Objects,
    /// A marker says that the objects are this installation's.
    marked: bool,
    /// Something of an earlier run may be there.
    resumed: bool,
    versioned: bool,
    faults: Faults,
}

/// What became of one object.
enum Outcome {
    /// It is there, by the store's own name if it keeps versions.
    There { version: Option<String>, found: bool },
    /// The source does not have the bytes that its row names.
    Damaged(String),
}

impl Bytes {
    /// Looks at both places and changes nothing.
    pub(super) async fn open(plan: &Plan, to: &ObjectsAt, installation: &str) -> Result<Self> {
        let from = Objects::new(plan.objects.clone(), installation, Faults::default()).context("--objects")?;
        from.is_ours().await.context("--objects")?;
        let place = |marker: &str| Objects::new(to.clone(), marker, plan.faults.clone()).context("--to-objects");
        let (ours, filled) = (place(installation)?, place(&format!("{installation}{NOT_ALL_THERE}"))?);
        ours.probe().await.context("--to-objects")?;
        let versioned = ours.keeps_versions();
        filled.probe().await.context("--to-objects")?;
        let is_ours = ours.is_ours().await.is_ok();
        let is_filled = !is_ours && filled.is_ours().await.is_ok();
        if !is_ours && !is_filled && ours.find(&marker()).await.context("--to-objects")?.is_some() {
            return refused("--to-objects: the bucket or prefix belongs to another installation");
        }
        let marked = is_ours || is_filled;
        // One that died over the change of markers left none.
        let resumed = marked || !ours.list(None, 1).await.context("--to-objects")?.is_empty();
        let to = if is_ours { ours.clone() } else { filled };
        Ok(Self { from, to, ours, marked, resumed, versioned, faults: plan.faults.clone() })
    }

    /// Makes the place this installation's, and not yet one to serve from.
    pub(super) async fn begin(&self, source: &mut Source) -> Result<()> {
        if self.resumed && !self.marked {
            self.look(source).await?;
        }
        Ok(self.to.make().await.context("--to-objects")?)
    }

    /// Copies what is not there yet.
    pub(super) async fn copy(&self, source: &mut Source, target: Option<&Target>, tell: Tell<'_>) -> Result<ObjectSum> {
        let (mut objects, mut bytes) = (0, 0);
        for by in NamedBy::BOTH {
            let (more, size) = copy::count_named(source.conn(), by).await?;
            (objects, bytes) = (objects + more, bytes + size);
        }
        tell(Progress::Begin { what: "copying objects", units: Units::Bytes, total: bytes });
        let (mut found, mut damaged) = (0, 0u64);
        for by in NamedBy::BOTH {
            let mut behind = String::new();
            loop {
                let page = copy::named_objects(source.conn(), by, &behind, PAGE).await?;
                let Some(last) = page.last() else { break };
                behind.clone_from(&last.key);
                let mut versions = Vec::new();
                let mut copied = stream::iter(page)
                    .map(async |named| {
                        let outcome = self.copy_one(&named).await;
                        (named, outcome)
                    })
                    .buffer_unordered(AT_ONCE);
                while let Some((named, outcome)) = copied.next().await {
                    match outcome? {
                        Outcome::There { version, found: before } => {
                            found += u64::from(before);
                            versions.extend(version.map(|version| (named.key, version)));
                            tell(Progress::Done(named.size));
                        }
                        Outcome::Damaged(what) => {
                            damaged += 1;
                            tell(Progress::Note(&format!("{} {}: {what}", word(by), named.uid)));
                        }
                    }
                }
                drop(copied);
                self.keep(target, versions).await?;
            }
        }
        if damaged > 0 {
            return refused(format!(
                "--objects: {damaged} of {objects} objects are missing or damaged and named above: \
                 mend or delete those files, then run this again"
            ));
        }
        let there = self.look(source).await?;
        if there != (objects, bytes) {
            return refused(format!(
                "--to-objects: {} objects with {} bytes are there, {objects} with {bytes} should be: run this again",
                there.0, there.1
            ));
        }
        Ok(ObjectSum { objects, bytes, found })
    }

    /// Looks at everything that is there: counts what has to be, and its bytes, and removes what no row names any more
    /// because the source was used since an earlier run.
    async fn look(&self, source: &mut Source) -> Result<(u64, u64)> {
        let (mut objects, mut bytes, mut behind) = (0, 0, None);
        loop {
            let page = self.to.list(behind.as_ref(), PAGE).await.context("--to-objects")?;
            let Some((last, _)) = page.last() else { return Ok((objects, bytes)) };
            behind = Some(last.clone());
            let keys = store::rows(&page.iter().map(|(key, _)| [key.as_str()]).collect::<Vec<_>>());
            let mut wanted = HashMap::new();
            for by in NamedBy::BOTH {
                wanted.extend(copy::sizes(source.conn(), by, &keys).await?);
            }
            let known: HashSet<String> = copy::known(source.conn(), &keys).await?.into_iter().collect();
            let mut strays = Vec::new();
            for (key, size) in page {
                if wanted.get(key.as_str()) == Some(&size) {
                    (objects, bytes) = (objects + 1, bytes + size);
                } else if !known.contains(key.as_str()) {
                    if !self.marked {
                        return refused("--to-objects: objects stand there that are not this installation's");
                    }
                    strays.push(objects::Target { key, version: None });
                }
            }
            if !strays.is_empty() {
                self.remove(&strays).await?;
            }
        }
    }

    async fn remove(&self, targets: &[objects::Target]) -> Result<()> {
        for removal in self.to.delete(targets, REMOVE_WITHIN).await {
            if let Removal::Failed(error) = removal {
                return Err(anyhow!("--to-objects: {error}").into());
            }
        }
        Ok(())
    }

    async fn copy_one(&self, named: &Named) -> Result<Outcome> {
        let key = ObjectKey::kept(named.key.clone());
        if self.resumed
            && let Some(found) = self.to.find(&key).await.context("--to-objects")?
            && found.size == named.size
        {
            // Nothing that differs from its row is ever stored there.
            return Ok(Outcome::There { version: found.version, found: true });
        }
        let mut tries = 1;
        loop {
            let bytes = match self.from.read(&key).await {
                Ok(bytes) => hashed(bytes, named),
                Err(error) => return Ok(Outcome::Damaged(format!("{error:#}"))),
            };
            match self.to.put(&key, bytes, named.size).await {
                Ok(stored) => {
                    self.faults.hit("migrate.object")?;
                    return Ok(Outcome::There { version: stored.version, found: false });
                }
                Err(PutError::BrokenOff(error)) => return Ok(Outcome::Damaged(error.to_string())),
                Err(PutError::TooLarge) => return Ok(Outcome::Damaged(TOO_MANY.into())),
                Err(PutError::Failed(error) | PutError::Unclear(error)) if tries < TRIES => {
                    tracing::warn!(key = key.as_str(), error = format!("{error:#}"), "an object is sent again");
                    tokio::time::sleep(Duration::from_secs(1 << tries)).await;
                    tries += 1;
                }
                Err(PutError::Failed(error) | PutError::Unclear(error)) => {
                    return Err(error.context("--to-objects").into());
                }
                Err(PutError::Full) => return refused("--to-objects: the store is full"),
            }
        }
    }

    /// Has the rows name the versions of their objects.
    async fn keep(&self, target: Option<&Target>, versions: Vec<(String, String)>) -> Result<()> {
        let (Some(target), true) = (target, self.versioned && !versions.is_empty()) else { return Ok(()) };
        let kept = target
            .committer
            .write("migrate.versions", async move |tx: &mut Tx| Ok(copy::set_store_versions(tx, &versions).await?));
        Ok(kept.await.map_err(at_target)?)
    }

    /// From here on a server may serve from the new place.
    pub(super) async fn finish(&self) -> Result<()> {
        if self.ours.is_ours().await.is_ok() {
            return Ok(());
        }
        self.remove(&[objects::Target { key: marker(), version: None }]).await?;
        self.faults.hit("migrate.unmarked")?;
        Ok(self.ours.make().await.context("--to-objects")?)
    }
}

/// What people call it.
fn word(by: NamedBy) -> &'static str {
    match by {
        NamedBy::Version => "file",
        NamedBy::Upload => "upload",
    }
}

fn marker() -> ObjectKey {
    ObjectKey::kept(MARKER.to_owned())
}

const TOO_MANY: &str = "its object holds more bytes than its row names";
const TOO_FEW: &str = "its object holds fewer bytes than its row names";
const OTHERS: &str = "its object does not hold the bytes that its row names (SHA-256)";

/// Bytes on their way, which end in an error if they are not the ones that the row names: then they are not stored.
fn hashed(bytes: ByteStream, named: &Named) -> ByteStream {
    struct State {
        bytes: ByteStream,
        hash: Sha256,
        left: u64,
        sha256: String,
    }
    let start = State { bytes, hash: Sha256::new(), left: named.size, sha256: named.sha256.clone() };
    let step = async |state: Option<State>| {
        let mut state = state?;
        let wrong = |what| Some((Err(io::Error::other(what)), None));
        match state.bytes.next().await {
            Some(Ok(chunk)) => {
                state.hash.update(&chunk);
                let Some(left) = state.left.checked_sub(chunk.len() as u64) else { return wrong(TOO_MANY) };
                state.left = left;
                Some((Ok(chunk), Some(state)))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if state.left > 0 => wrong(TOO_FEW),
            None if hex(&state.hash.finalize()) != state.sha256 => wrong(OTHERS),
            None => None,
        }
    };
    stream::unfold(Some(start), step).boxed()
}
