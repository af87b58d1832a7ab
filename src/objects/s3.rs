//! Objects in a bucket of an S3 store.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{ByteStream, Found, ObjectKey, PutError, Removal, Stored, Target, Versioning};
use crate::fault::Faults;

#[derive(Debug, Clone)]
pub(crate) struct S3 {}

impl S3 {
    pub(crate) fn new(bucket: &str, prefix: &str, installation: &str, faults: Faults) -> anyhow::Result<Self> {
        let _ = (bucket, prefix, installation, faults);
        anyhow::bail!("--objects: S3 is not in this version, use file:PATH")
    }

    pub(crate) async fn make(&self) -> anyhow::Result<()> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn is_ours(&self) -> anyhow::Result<()> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn probe(&self) -> anyhow::Result<Versioning> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn put(&self, _: &ObjectKey, _: ByteStream, _: u64) -> Result<Stored, PutError> {
        Err(PutError::Failed(anyhow::anyhow!("not in this version")))
    }

    pub(crate) async fn find(&self, _: &ObjectKey) -> anyhow::Result<Option<Found>> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn read(&self, _: &ObjectKey) -> anyhow::Result<ByteStream> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn read_part(&self, _: &ObjectKey, _: u64, _: u64) -> anyhow::Result<ByteStream> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn presign(&self, _: Uuid, _: &str, _: OffsetDateTime, _: Duration) -> anyhow::Result<String> {
        anyhow::bail!("not in this version")
    }

    pub(crate) async fn adopt(&self, _: Uuid, _: &ObjectKey, _: u64) -> Result<Option<Stored>, PutError> {
        Err(PutError::Failed(anyhow::anyhow!("not in this version")))
    }

    pub(crate) async fn delete(&self, targets: &[Target], _: Duration) -> Vec<Removal> {
        vec![Removal::Failed("not in this version".into()); targets.len()]
    }
}
