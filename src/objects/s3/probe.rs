//! What is found out at the start: that the bucket is there and that this program may do what it will have to, whether
//! the bucket keeps versions, and whether the clocks agree.

use std::sync::atomic::Ordering;

use anyhow::Context;
use bytes::Bytes;
use object_store::signer::{HeaderMap, Method};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::time::{Duration, Instant};

use super::{
    S3,
    calls::{self, CallError},
    delete::Doomed,
};
use crate::{
    clock,
    objects::{Removal, Versioning},
};

/// An object that is written and removed at each start, and nothing else.
const PROBE: &str = "unfile-probe";
/// How long that may take.
const REMOVE_WITHIN: Duration = Duration::from_secs(20);
/// How often that is tried: no right is told from a bad moment only by time.
const REMOVALS: u32 = 6;
/// The pause before a store that failed is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often a start asks a store that is overloaded, or that does not answer.
const OVERLOADED_AT_MOST: u32 = 60;
const SILENT_AT_MOST: u32 = 4;
/// How far the clocks may differ. Stores refuse beyond 15 minutes; the end of an upload's URL should be nearer than that.
const SKEW: time::Duration = time::Duration::seconds(60);

const OFF: u8 = 1;
const ON: u8 = 2;

impl S3 {
    /// Finds out what the store can do, and whether this program may do what it has to. A store that is overloaded is
    /// asked again for half a minute.
    ///
    /// # Errors
    /// One line that names the setting to look at.
    pub(crate) async fn probe(&self) -> anyhow::Result<()> {
        // In a row, both: a store that refuses is there, and one that answers nothing may yet be another program.
        let (mut overloaded, mut silent) = (0, 0);
        loop {
            let probed = self.probe_once().await;
            match probed.as_ref().err().and_then(|error| error.downcast_ref::<CallError>()) {
                Some(CallError::Unanswered(_)) => silent += 1,
                Some(why) if why.is_passing() => (overloaded, silent) = (overloaded + 1, 0),
                Some(_) | None => return probed,
            }
            if overloaded == OVERLOADED_AT_MOST || silent == SILENT_AT_MOST {
                return probed;
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    }

    async fn probe_once(&self) -> anyhow::Result<()> {
        let prefix = self.full("");
        let query = [("list-type", "2"), ("prefix", prefix.as_str()), ("max-keys", "1")];
        let listed = self.place.call(Method::GET, None, &query, Bytes::new()).await;
        let listed = listed.map_err(|error| self.explain(error, "to list"))?;
        check_clock(&listed.headers, clock::of_machine())?;
        if self.versioning().await? == Versioning::On {
            let listed = self.list_versions(&prefix, None, 1).await;
            listed.map_err(|error| self.explain(error, "to list the versions"))?;
        }
        let doomed = Doomed { key: self.full(PROBE), version: None };
        let written = self.place.call(Method::PUT, Some(&doomed.key), &[], Bytes::from_static(b"unfile")).await;
        written.map_err(|error| self.explain(error, "to write"))?;
        let mut why = String::new();
        for _ in 0..REMOVALS {
            match self.remove(std::slice::from_ref(&doomed), Instant::now() + REMOVE_WITHIN).await.pop() {
                Some(Removal::Gone) => return Ok(()),
                Some(Removal::Failed(said)) => why = said,
                None => {}
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
        anyhow::bail!("no right to delete in bucket {}: {why}", self.place.bucket)
    }

    /// Whether the bucket keeps versions: only what the bucket itself says counts.
    ///
    /// # Errors
    /// It does not say.
    pub(super) async fn versioning(&self) -> anyhow::Result<Versioning> {
        if let Some(known) = self.versioning_known() {
            return Ok(known);
        }
        let found = match self.place.ask(None, &[("versioning", "")]).await {
            Ok(answer) => calls::read::<Configuration>(&answer).context("asking whether the bucket keeps versions")?,
            Err(error) if error.is_not_implemented() => Configuration::default(),
            Err(error) => return Err(self.explain(error, "to ask for the versioning (GetBucketVersioning)")),
        };
        // While it is suspended, what was kept before is still there.
        let found = if found.status.is_empty() { OFF } else { ON };
        self.versioning.fetch_max(found, Ordering::Relaxed);
        Ok(self.versioning_known().unwrap_or(Versioning::On))
    }

    pub(in crate::objects) fn versioning_known(&self) -> Option<Versioning> {
        match self.versioning.load(Ordering::Relaxed) {
            OFF => Some(Versioning::Off),
            ON => Some(Versioning::On),
            _ => None,
        }
    }

    /// Somebody has switched versions on since the start; they cannot be switched off again.
    pub(super) fn keeps_versions_now(&self) {
        if self.versioning.swap(ON, Ordering::Relaxed) != ON {
            tracing::warn!("the bucket has begun to keep versions: from now on they are purged too");
        }
    }
}

#[derive(Debug, Default, Deserialize)]
struct Configuration {
    #[serde(rename = "Status", default)]
    status: String,
}

fn check_clock(headers: &HeaderMap, now: OffsetDateTime) -> anyhow::Result<()> {
    let date = headers.get("date").and_then(|date| date.to_str().ok());
    // HTTP writes the zone as GMT, which the mail format knows as a word of old.
    let date = date.and_then(|date| OffsetDateTime::parse(&date.replace("GMT", "+0000"), &Rfc2822).ok());
    let skew = date.map_or(time::Duration::ZERO, |date| (now - date).abs());
    let seconds = skew.whole_seconds();
    anyhow::ensure!(skew <= SKEW, "the clocks of this machine and of the object store differ by {seconds} s");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn clocks_that_differ_are_found() {
        let check = |date: &str, now| {
            let mut headers = HeaderMap::new();
            headers.insert("date", date.parse().unwrap());
            check_clock(&headers, now).map_err(|error| error.to_string())
        };
        let date = "Fri, 24 May 2013 00:00:00 GMT";
        assert_eq!(check(date, datetime!(2013-05-24 00:01:00 UTC)), Ok(()));
        let text = "the clocks of this machine and of the object store differ by 61 s";
        assert_eq!(check(date, datetime!(2013-05-24 00:01:01 UTC)), Err(text.into()));
        assert_eq!(check(date, datetime!(2013-05-23 23:58:59 UTC)), Err(text.into()));
        assert_eq!(check("yesterday", datetime!(2013-05-24 00:00 UTC)), Ok(()));
    }

    #[test]
    fn only_a_status_says_that_versions_are_kept() {
        let status = |text: &str| quick_xml::de::from_str::<Configuration>(text).unwrap().status;
        assert_eq!(status("<VersioningConfiguration xmlns=\"x\"/>"), "");
        assert_eq!(
            status("<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"),
            "Suspended"
        );
    }
}
