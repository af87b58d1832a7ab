//! Objects in a bucket of an S3 store, all keys below a prefix.
//!
//! The library `object_store` reads and writes; what it does not do, or whose answers it does not show whole, are the
//! calls in `calls`: removing many objects with each one's own answer, and whatever has to do with versions. In a
//! bucket that keeps versions nothing is ever removed but by its version's name, because anything else hides the
//! object behind a marker and removes nothing (`delete`, `versions`).
//!
//! Keys: `<prefix>/3f/0c41…` as minted; `<prefix>/uploads/<uuid>` where clients put the bytes of an upload themselves;
//! `<prefix>/unfile-installation` says whose they are.

mod calls;
mod delete;
mod lanes;
mod leftovers;
mod place;
mod probe;
mod put;
mod rate;
mod versions;

use std::{
    sync::{Arc, atomic::AtomicU8},
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt,
    path::Path,
    signer::{HeaderValue, Method, SignedUrlOptions, Signer},
};
use uuid::Uuid;

use super::{ByteStream, Found, MARKER, NOT_ALL_THERE, ObjectKey, PutError, Stored, hashes::Hashes};
use crate::fault::Faults;
use calls::CallError;
use lanes::Lanes;
pub use leftovers::Unfinished;
pub(super) use place::Place;
use rate::Rate;

#[derive(Debug, Clone)]
pub struct S3 {
    place: Place,
    prefix: Arc<str>,
    installation: Arc<str>,
    faults: Faults,
    /// What `versioning` has found out.
    versioning: Arc<AtomicU8>,
    rate: Arc<Rate>,
    lanes: Arc<Lanes>,
}

impl S3 {
    /// The objects of an installation in a bucket, below a prefix. Nothing is looked at yet.
    pub(super) fn new(place: Place, prefix: &str, installation: &str, faults: Faults) -> Self {
        Self {
            place,
            prefix: prefix.into(),
            installation: installation.into(),
            faults,
            versioning: Arc::default(),
            rate: Arc::default(),
            lanes: Arc::default(),
        }
    }

    /// Writes whose objects these are, unless that stands there: only for an installation that never stored anything.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) async fn make(&self) -> anyhow::Result<()> {
        if self.marker().await?.is_some() {
            return Ok(());
        }
        let body = Bytes::copy_from_slice(self.installation.as_bytes());
        let key = self.full(MARKER);
        self.place.call(Method::PUT, Some(&key), &[], body).await.map_err(|error| self.explain(error, "to write"))?;
        Ok(())
    }

    /// Whether storage is there and is this installation's.
    ///
    /// # Errors
    /// It is not, or does not answer.
    pub(crate) async fn is_ours(&self) -> anyhow::Result<()> {
        let place = format!("s3://{}/{}", self.place.bucket, self.full(MARKER));
        let found = self.marker().await?;
        let found = found.with_context(|| format!("the objects of this installation are not there: {place}"))?;
        if found == self.installation.as_bytes() {
            return Ok(());
        }
        let half = found.strip_prefix(self.installation.as_bytes()) == Some(NOT_ALL_THERE.as_bytes());
        anyhow::ensure!(!half, "`unfile migrate` has not come to its end there: run it again");
        anyhow::bail!("{place} belongs to another installation")
    }

    async fn marker(&self) -> anyhow::Result<Option<Bytes>> {
        match self.place.ask(Some(&self.full(MARKER)), &[]).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error) if error.is_not_found() && error.code() != "NoSuchBucket" => Ok(None),
            Err(error) => Err(self.explain(error, "to read")),
        }
    }

    /// What is known of an object that may be there.
    ///
    /// # Errors
    /// Storage does not say.
    pub(crate) async fn find(&self, key: &ObjectKey) -> anyhow::Result<Option<Found>> {
        match self.place.repeating.head(&self.path(key.as_str())?).await {
            Ok(found) => Ok(Some(Found { size: found.size, version: self.known(found.version) })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// At most so many objects in the order of their keys, behind one key, with their sizes in bytes.
    ///
    /// # Errors
    /// The list cannot be had.
    pub(crate) async fn list(&self, behind: Option<&ObjectKey>, limit: usize) -> anyhow::Result<Vec<(ObjectKey, u64)>> {
        let prefix = (!self.prefix.is_empty()).then(|| Path::parse(&*self.prefix)).transpose()?;
        let store = &self.place.repeating;
        let mut list = match behind {
            Some(key) => store.list_with_offset(prefix.as_ref(), &self.path(key.as_str())?),
            None => store.list(prefix.as_ref()),
        };
        let (mut found, start) = (Vec::new(), self.full("").len());
        while found.len() < limit {
            let Some(object) = list.try_next().await.context("listing objects")? else { break };
            match &object.location.as_ref()[start..] {
                // Behind the last key that can be minted.
                name if name > "g" => break,
                name => found.extend(ObjectKey::minted(name).map(|key| (key, object.size))),
            }
        }
        Ok(found)
    }

    /// The object's bytes. A read that breaks off is taken up again where it was.
    ///
    /// # Errors
    /// The object is not there: a broken promise, or storage that is away.
    pub(crate) async fn read(&self, key: &ObjectKey) -> anyhow::Result<ByteStream> {
        self.get(&self.path(key.as_str())?, GetOptions::default()).await
    }

    /// So many of the object's bytes, from an offset on; fewer where it ends before.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn read_part(&self, key: &ObjectKey, first: u64, length: u64) -> anyhow::Result<ByteStream> {
        let path = self.path(key.as_str())?;
        // No range says "nothing".
        if length == 0 {
            return Ok(stream::empty().boxed());
        }
        // Stores count in signed numbers.
        let range = Some(GetRange::Bounded(first..first.saturating_add(length).min(i64::MAX as u64)));
        match self.get(&path, GetOptions { range, ..GetOptions::default() }).await {
            Ok(bytes) => Ok(bytes),
            // Stores refuse a range that begins behind the end.
            Err(error) => match self.place.repeating.head(&path).await {
                Ok(object) if object.size <= first => Ok(stream::empty().boxed()),
                Ok(_) | Err(_) => Err(error),
            },
        }
    }

    async fn get(&self, path: &Path, options: GetOptions) -> anyhow::Result<ByteStream> {
        let got = self.place.repeating.get_opts(path, options).await.with_context(|| format!("reading {path}"))?;
        Ok(got.into_stream().map_err(std::io::Error::other).boxed())
    }

    /// Where a client puts the bytes of an upload itself, bound to the content type, from now on for `life`. Its dates
    /// are the machine's and not those of a clock that a test moves, because the store checks them by its own.
    ///
    /// # Errors
    /// The content type cannot stand in a header; there are no credentials.
    pub(crate) async fn presign(&self, upload: Uuid, content_type: &str, life: Duration) -> anyhow::Result<String> {
        let options = SignedUrlOptions::default()
            .with_signed_header(reqwest::header::CONTENT_TYPE, HeaderValue::from_str(content_type)?);
        let path = self.path(&upload_key(upload))?;
        Ok(self.place.repeating.signed_url_opts(Method::PUT, &path, life, &options).await?.into())
    }

    /// Copies what a client has put for an upload to a fresh key, and hashes the copy: what was put may be replaced
    /// until its URL's time is over, the copy cannot. `None`: there are no bytes.
    ///
    /// # Errors
    /// [`PutError`]; `TooLarge` is found before a byte is copied, or at the copy where more was put meanwhile.
    pub(crate) async fn adopt(&self, upload: Uuid, key: &ObjectKey, limit: u64) -> Result<Option<Stored>, PutError> {
        self.faults.hit("objects.put").map_err(PutError::Failed)?;
        let (from, to) = (self.path(&upload_key(upload))?, self.path(key.as_str())?);
        match self.place.repeating.head(&from).await {
            Ok(put) if put.size > limit => return Err(PutError::TooLarge),
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(PutError::Failed(error.into())),
        }
        self.place.copying.copy(&from, &to).await.map_err(put::failed)?;
        let copy = self.place.repeating.head(&to).await.map_err(|error| PutError::Failed(error.into()))?;
        if copy.size > limit {
            return Err(PutError::TooLarge);
        }
        let mut bytes = self.get(&to, GetOptions::default()).await.map_err(PutError::Failed)?;
        let mut hashes = Hashes::default();
        while let Some(chunk) = bytes.try_next().await.map_err(|error| PutError::Failed(error.into()))? {
            hashes.update(&chunk);
        }
        let stored = hashes.finish(self.known(copy.version));
        match stored.size == copy.size {
            true => Ok(Some(stored)),
            false => Err(PutError::Failed(anyhow::anyhow!("{to} has not the {} bytes that it should", copy.size))),
        }
    }

    /// An object's key in the bucket.
    fn full(&self, name: &str) -> String {
        match self.prefix.is_empty() {
            true => name.to_owned(),
            false => format!("{}/{name}", self.prefix),
        }
    }

    fn path(&self, name: &str) -> Result<Path, object_store::Error> {
        Ok(Path::parse(self.full(name))?)
    }

    /// One line for operators that names the setting to look at. `right`: what the call needs the right to do.
    fn explain(&self, error: CallError, right: &str) -> anyhow::Error {
        let bucket = &self.place.bucket;
        let text = match error.code() {
            "NoSuchBucket" => format!("no bucket {bucket}"),
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken" => {
                "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is wrong".to_owned()
            }
            "RequestTimeTooSkewed" => "the clocks of this machine and of the object store differ".to_owned(),
            "AccessDenied" | "AllAccessDisabled" | "Forbidden" => format!("no right {right} in bucket {bucket}"),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                format!("AWS_REGION: bucket {bucket} is not in {}", self.place.region)
            }
            _ => match &error {
                CallError::Unanswered(_) => format!("AWS_ENDPOINT_URL: no answer from {}", self.place.bucket_url),
                CallError::Credentials(_) => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned(),
                CallError::Refused { .. } | CallError::Unreadable(_) => format!("bucket {bucket} {right}"),
            },
        };
        anyhow::Error::new(error).context(text)
    }
}

impl From<object_store::Error> for PutError {
    fn from(error: object_store::Error) -> Self {
        PutError::Failed(error.into())
    }
}

/// Where a client puts the bytes of an upload.
fn upload_key(upload: Uuid) -> String {
    format!("{UPLOADS}/{upload}")
}

const UPLOADS: &str = "uploads";
