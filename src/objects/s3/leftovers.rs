//! What stands in the bucket although no row may name it: bytes that clients put for uploads, uploads in parts that
//! nobody finished; and the versions of objects, where the bucket keeps them.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{ObjectStore, multipart::MultipartStore, path::Path, signer::Method};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    S3, UPLOADS,
    calls::{self, CallError},
    delete::Doomed,
    upload_key,
};
use crate::objects::{ObjectKey, Removal, Versioning};

/// How long breaking off an upload in parts may take.
pub(super) const ABORT_WITHIN: Duration = Duration::from_secs(10);
/// Entries of one list.
const PAGE: usize = 1_000;

/// An upload in parts that was begun by us and is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    pub key: ObjectKey,
    /// The store's name of it.
    pub id: String,
    /// By the store's clock.
    pub begun: OffsetDateTime,
}

/// A part of the list of versions and markers.
#[derive(Debug, Default)]
pub(super) struct Versions {
    pub(super) found: Vec<Doomed>,
    /// Key and version after which it goes on, if it does.
    pub(super) next: Option<(String, Option<String>)>,
    /// The store says that this is the end of it.
    pub(super) is_whole: bool,
}

impl S3 {
    /// The uploads for which there is anything, in order, after one of them; at most `limit`.
    ///
    /// # Errors
    /// The list cannot be had.
    pub(crate) async fn uploads(&self, after: Option<Uuid>, limit: usize) -> anyhow::Result<Vec<Uuid>> {
        let after = after.map(|upload| self.full(&upload_key(upload)));
        let keys = match self.versioning().await? {
            Versioning::Off => self.upload_keys(after, limit).await?,
            Versioning::On => self.upload_keys_of_versions(after, limit).await?,
        };
        let prefix = self.full(&format!("{UPLOADS}/"));
        Ok(keys.iter().filter_map(|key| key.strip_prefix(&prefix)?.parse().ok()).collect())
    }

    async fn upload_keys(&self, after: Option<String>, limit: usize) -> anyhow::Result<Vec<String>> {
        let store = &self.place.repeating;
        let (prefix, after) = (self.path(UPLOADS)?, after.map(Path::parse).transpose()?);
        let mut list = match &after {
            Some(after) => store.list_with_offset(Some(&prefix), after),
            None => store.list(Some(&prefix)),
        };
        let mut keys = Vec::new();
        while keys.len() < limit {
            match list.try_next().await.context("listing uploads")? {
                Some(object) => keys.push(object.location.into()),
                None => break,
            }
        }
        Ok(keys)
    }

    async fn upload_keys_of_versions(&self, after: Option<String>, limit: usize) -> anyhow::Result<Vec<String>> {
        let prefix = self.full(&format!("{UPLOADS}/"));
        let (mut keys, mut from): (Vec<String>, _) = (Vec::new(), after.map(|key| (key, None)));
        while keys.len() < limit {
            let listed = self.list_versions(&prefix, from, PAGE).await.context("listing uploads")?;
            keys.extend(listed.found.into_iter().map(|found| found.key));
            keys.sort_unstable();
            keys.dedup();
            from = listed.next;
            if from.is_none() {
                break;
            }
        }
        keys.truncate(limit);
        Ok(keys)
    }

    /// Removes all that clients have put for an upload.
    pub(crate) async fn remove_upload(&self, upload: Uuid, time: Duration) -> Removal {
        let doomed = Doomed { key: self.full(&upload_key(upload)), version: None };
        let removal = self.remove(&[doomed], Instant::now() + time).await.pop();
        removal.unwrap_or_else(|| Removal::Failed("no answer".into()))
    }

    /// Our uploads in parts that are not finished, also those that are under way.
    ///
    /// # Errors
    /// The list cannot be had.
    pub(crate) async fn multiparts(&self) -> anyhow::Result<Vec<Unfinished>> {
        let prefix = self.full("");
        let (mut found, mut from) = (Vec::new(), None::<(String, String)>);
        loop {
            let mut query = vec![("uploads", ""), ("prefix", prefix.as_str())];
            if let Some((key, id)) = &from {
                query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
            }
            let answer = match self.place.ask(None, &query).await {
                Err(error) if error.is_not_implemented() => return Ok(found),
                answer => answer.context("listing uploads in parts")?,
            };
            let page: ListOfMultiparts = calls::read(&answer)?;
            // Others may use the bucket too: ours are those whose keys we could have minted.
            found.extend(page.upload.into_iter().filter_map(|upload| {
                let key = ObjectKey::minted(upload.key.strip_prefix(&prefix)?)?;
                let begun = OffsetDateTime::parse(&upload.initiated, &Rfc3339).ok()?;
                Some(Unfinished { key, id: upload.upload_id, begun })
            }));
            let next = Some((page.next_key_marker, page.next_upload_id_marker));
            if !page.is_truncated || next == from {
                return Ok(found);
            }
            from = next;
        }
    }

    /// Breaks off an upload in parts; one that is not there any more is no error.
    ///
    /// # Errors
    /// It may still be there.
    pub(crate) async fn abort(&self, unfinished: &Unfinished) -> anyhow::Result<()> {
        let path = self.path(unfinished.key.as_str())?;
        match timeout(ABORT_WITHIN, self.place.repeating.abort_multipart(&path, &unfinished.id)).await? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).context("breaking off an upload in parts"),
        }
    }

    /// A part of the list of all versions and markers whose keys begin with `prefix`.
    pub(super) async fn list_versions(
        &self,
        prefix: &str,
        after: Option<(String, Option<String>)>,
        limit: usize,
    ) -> Result<Versions, CallError> {
        let limit = limit.to_string();
        let mut query = vec![("versions", ""), ("prefix", prefix), ("max-keys", limit.as_str())];
        if let Some((key, version)) = &after {
            query.push(("key-marker", key));
            query.extend(version.as_deref().map(|version| ("version-id-marker", version)));
        }
        let answer = self.place.call(Method::GET, None, &query, Bytes::new()).await?;
        let page: ListOfVersions = calls::read(&answer)?;
        let all = page.version.into_iter().chain(page.delete_marker);
        let found = all.map(|entry| Doomed { key: entry.key, version: Some(entry.version_id) }).collect();
        let version = Some(page.next_version_id_marker).filter(|version| !version.is_empty());
        let next = (page.next_key_marker, version);
        // A list that says it goes on, and not where, would never end.
        let goes_on = page.is_truncated && !next.0.is_empty() && Some(&next) != after.as_ref();
        Ok(Versions { found, next: goes_on.then_some(next), is_whole: !page.is_truncated })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListOfVersions {
    #[serde(default)]
    version: Vec<Entry>,
    #[serde(default)]
    delete_marker: Vec<Entry>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_version_id_marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    version_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListOfMultiparts {
    #[serde(default)]
    upload: Vec<Multipart>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Multipart {
    key: String,
    upload_id: String,
    initiated: String,
}
