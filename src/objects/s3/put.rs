//! Storing bytes: in one call if they are few, else in parts, of which two are in memory at a time.

use std::error::Error as _;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{
    ObjectStoreExt, PutResult,
    client::{HttpError, HttpErrorKind},
    multipart::{MultipartStore, PartId},
    path::Path,
};

use super::{S3, calls::PAUSES, leftovers::ABORT_WITHIN};
use crate::objects::{ByteStream, ObjectKey, PutError, Stored, Versioning, hashes::Hashes};

/// Bytes of a part. All but the last have the same size up to 16 GiB, which some stores ask for.
const PART: u64 = 8 * 1024 * 1024;
/// After so many parts they double, so that 10,000, the most there may be, hold about 500 GiB.
const PARTS_OF_ONE_SIZE: usize = 2_000;
const PARTS: usize = 10_000;

impl S3 {
    /// Stores at most `limit` bytes under a fresh key; they are durable when this returns.
    ///
    /// # Errors
    /// [`PutError`].
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: ByteStream, limit: u64) -> Result<Stored, PutError> {
        self.faults.hit("objects.put").map_err(PutError::Failed)?;
        let path = self.path(key.as_str())?;
        let mut intake = Intake { bytes, rest: Bytes::new(), ended: false, limit, hashes: Hashes::default() };
        let first = intake.part(PART).await?;
        let put = match intake.ended {
            true => self.put_whole(&path, first).await?,
            false => self.put_parts(&path, first, &mut intake).await?,
        };
        Ok(intake.hashes.finish(self.known(put.version)))
    }

    async fn put_whole(&self, path: &Path, bytes: Bytes) -> Result<PutResult, PutError> {
        for pause in PAUSES {
            match self.place.once.put(path, bytes.clone().into()).await {
                Err(error) if was_not_done(&error) => tokio::time::sleep(pause).await,
                result => return result.map_err(failed),
            }
        }
        self.place.once.put(path, bytes.into()).await.map_err(failed)
    }

    async fn put_parts(&self, path: &Path, first: Bytes, intake: &mut Intake) -> Result<PutResult, PutError> {
        let store = &self.place.repeating;
        let upload = store.create_multipart(path).await.map_err(failed)?;
        let result = async {
            let parts = self.send_parts(path, &upload, first, intake).await?;
            store.complete_multipart(path, &upload, parts).await.map_err(failed)
        };
        let result = result.await;
        if result.is_err() {
            // Best effort: what stays is found by the sweep.
            let _ = tokio::time::timeout(ABORT_WITHIN, store.abort_multipart(path, &upload)).await;
        }
        result
    }

    async fn send_parts(
        &self,
        path: &Path,
        upload: &String,
        first: Bytes,
        intake: &mut Intake,
    ) -> Result<Vec<PartId>, PutError> {
        let (mut parts, mut part) = (Vec::new(), first);
        loop {
            let number = parts.len();
            if number == PARTS {
                return Err(PutError::TooLarge);
            }
            let send = async { self.place.repeating.put_part(path, upload, number, part.into()).await.map_err(failed) };
            // While one part is sent, the next comes in.
            let (sent, next) = futures_util::try_join!(send, intake.part(part_size(number + 1)))?;
            parts.push(sent);
            if next.is_empty() {
                return Ok(parts);
            }
            part = next;
        }
    }

    /// A version's name as it is kept: only where the bucket is known to keep versions, because some stores name what
    /// they do not keep.
    pub(super) fn known(&self, version: Option<String>) -> Option<String> {
        version.filter(|_| self.versioning_known() == Some(Versioning::On))
    }
}

fn part_size(number: usize) -> u64 {
    PART << (number / PARTS_OF_ONE_SIZE)
}

/// Bytes that come in, cut into parts, counted and hashed on their way.
struct Intake {
    bytes: ByteStream,
    /// What came with the end of the part before.
    rest: Bytes,
    ended: bool,
    limit: u64,
    hashes: Hashes,
}

impl Intake {
    /// The next part: shorter than `size`, perhaps empty, at the end only.
    async fn part(&mut self, size: u64) -> Result<Bytes, PutError> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let mut part: Vec<u8> = Vec::new();
        // A stream that has ended must not be asked again.
        while part.len() < size && !self.ended {
            if self.rest.is_empty() {
                match self.bytes.try_next().await.map_err(PutError::BrokenOff)? {
                    Some(chunk) => self.take(chunk)?,
                    None => {
                        self.ended = true;
                        break;
                    }
                }
            }
            let fits = self.rest.split_to(self.rest.len().min(size - part.len()));
            part.extend_from_slice(&fits);
        }
        Ok(part.into())
    }

    fn take(&mut self, chunk: Bytes) -> Result<(), PutError> {
        self.hashes.update(&chunk);
        if self.hashes.size > self.limit {
            return Err(PutError::TooLarge);
        }
        self.rest = chunk;
        Ok(())
    }
}

/// What a call that stores bytes failed with.
pub(super) fn failed(error: object_store::Error) -> PutError {
    let text = error.to_string();
    let is_full = ["status code: 507", "QuotaExceeded<", "QuotaExceededException<", "StorageFull<"];
    match is_full.iter().any(|full| text.contains(full)) {
        true => PutError::Full,
        false if is_unclear(&error, &text) => PutError::Unclear(error.into()),
        false => PutError::Failed(error.into()),
    }
}

/// Whether the store may have done it, or may still do it: no answer, or one that only says that something went wrong.
fn is_unclear(error: &object_store::Error, text: &str) -> bool {
    http_error(error).is_some_and(|http| http.kind() != HttpErrorKind::Connect)
        || (text.contains("status code: 5") && !text.contains("status code: 503"))
}

/// Whether the store has surely not done what it was asked, and may do it when it is asked again.
fn was_not_done(error: &object_store::Error) -> bool {
    http_error(error).is_some_and(|http| http.kind() == HttpErrorKind::Connect)
        || error.to_string().contains("status code: 503")
}

/// What the connection failed with, if it did. The library shows the store's own answers in its texts only.
fn http_error(error: &object_store::Error) -> Option<&HttpError> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(http) = error.downcast_ref() {
            return Some(http);
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    fn intake(chunks: &[&'static [u8]], limit: u64) -> Intake {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
        let bytes = stream::iter(chunks).boxed();
        Intake { bytes, rest: Bytes::new(), ended: false, limit, hashes: Hashes::default() }
    }

    #[tokio::test]
    async fn parts_have_the_size_that_was_asked_for() {
        let mut bytes = intake(&[b"abcdefg", b"", b"h", b"ij"], 10);
        let mut parts = Vec::new();
        while !bytes.ended {
            parts.push(bytes.part(3).await.unwrap());
        }
        assert_eq!(parts, ["abc", "def", "ghi", "j"]);
        assert_eq!(bytes.hashes.finish(None).size, 10);
    }

    #[tokio::test]
    async fn more_than_allowed_is_found_at_once() {
        let mut bytes = intake(&[b"abcde", b"fghij"], 9);
        assert_eq!(bytes.part(4).await.unwrap(), "abcd");
        assert!(matches!(bytes.part(4).await, Err(PutError::TooLarge)));
    }

    #[test]
    fn parts_grow_late() {
        assert_eq!(part_size(0), 8 << 20);
        assert_eq!(part_size(1_999), 8 << 20);
        assert_eq!(part_size(9_999), 128 << 20);
    }
}
