//! Removing objects, many with one call.
//!
//! Only what the store itself says of a key counts: what it does not mention stays, and so does everything if the whole
//! answer is an error. In a bucket that keeps versions an object is removed by the name of its version, never without
//! one (`versions`).

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use object_store::signer::Method;
use quick_xml::{Writer, events::BytesText};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    S3,
    calls::{self, CallError},
};
use crate::objects::{Removal, Target, Versioning};

/// Keys of one call at the most.
const AT_ONCE: usize = 1_000;
/// Keys that are worth a call of their own beside others.
const WORTH_A_CALL: usize = 100;
pub(super) const LATE: &str = "the object store had no time for it yet";

/// Something under a key of the bucket, or, without a version's name, whatever stands there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Doomed {
    pub(super) key: String,
    pub(super) version: Option<String>,
}

impl S3 {
    /// Removes objects; the answers stand in the order of the targets. What is not done within `time` is left, and said
    /// to have failed.
    pub(crate) async fn delete(&self, targets: &[Target], time: Duration) -> Vec<Removal> {
        let end = Instant::now() + time;
        let ours = async {
            self.faults.hit("objects.delete")?;
            // What is missing is gone, but only where our objects are.
            timeout_at(end, self.is_ours()).await.unwrap_or_else(|_| anyhow::bail!(LATE))
        };
        if let Err(error) = ours.await {
            return vec![Removal::Failed(format!("{error:#}")); targets.len()];
        }
        let doomed: Vec<Doomed> = targets
            .iter()
            .map(|target| Doomed { key: self.full(target.key.as_str()), version: target.version.clone() })
            .collect();
        let removals = self.remove(&doomed, end).await;
        match self.faults.hit("objects.confirm") {
            Ok(()) => removals,
            Err(error) => vec![Removal::Failed(format!("{error:#}")); targets.len()],
        }
    }

    /// Removes all that stands under keys; each has its own answer, in their order.
    pub(super) async fn remove(&self, doomed: &[Doomed], end: Instant) -> Vec<Removal> {
        match timeout_at(end, self.versioning()).await.unwrap_or_else(|_| anyhow::bail!(LATE)) {
            Ok(Versioning::Off) => {
                let keys: Vec<Doomed> =
                    doomed.iter().map(|doomed| Doomed { key: doomed.key.clone(), version: None }).collect();
                self.delete_objects(&keys, end).await
            }
            Ok(Versioning::On) => self.remove_versions(doomed, end).await,
            Err(error) => vec![Removal::Failed(format!("{error:#}")); doomed.len()],
        }
    }

    /// Removes as many as there is time for, as fast as the store allows: exactly what is named; the answers stand in
    /// its order.
    pub(super) async fn delete_objects(&self, doomed: &[Doomed], end: Instant) -> Vec<Removal> {
        let (lanes, started) = (self.lanes.now(), Instant::now());
        // So many that all lanes end with their last one at about the same time.
        let calls = lanes * doomed.len().div_ceil(lanes * AT_ONCE);
        let keys = doomed.len().div_ceil(calls.min(doomed.len() / WORTH_A_CALL).max(1)).max(1);
        let calls: Vec<_> = doomed.chunks(keys).map(|asked| self.delete_some(asked, end)).collect();
        let removals: Vec<Vec<Removal>> = stream::iter(calls).buffered(lanes).collect().await;
        let removals = removals.concat();
        // Small batches would be slower with any number of lanes, and what was refused took no time.
        if doomed.len() >= AT_ONCE && removals.iter().all(|removal| *removal == Removal::Gone) {
            self.lanes.note(lanes, doomed.len() as f64 / started.elapsed().as_secs_f64().max(1e-6));
        }
        removals
    }

    /// What one call can name, in as many calls as the rate makes of it.
    async fn delete_some(&self, doomed: &[Doomed], end: Instant) -> Vec<Removal> {
        let mut removals = Vec::with_capacity(doomed.len());
        while removals.len() < doomed.len() {
            let rest = &doomed[removals.len()..];
            let keys = self.rate.pass(rest.len(), end).await;
            if keys == 0 {
                removals.resize(doomed.len(), Removal::Failed(LATE.into()));
                break;
            }
            let asked = &rest[..keys];
            match timeout_at(end, self.delete_now(asked)).await {
                Ok(answered) => removals.extend(answered),
                Err(_) => removals.extend(asked.iter().map(|_| Removal::Failed(LATE.into()))),
            }
        }
        removals
    }

    async fn delete_now(&self, asked: &[Doomed]) -> Vec<Removal> {
        let answer = match request(asked) {
            Ok(body) => self.place.call(Method::POST, None, &[("delete", "")], body).await,
            Err(error) => Err(CallError::Unreadable(error.into())),
        };
        match answer.and_then(|answer| calls::read::<DeleteResult>(&answer)) {
            Ok(result) => {
                if result.errors.iter().any(|error| calls::is_too_fast(&error.code)) {
                    self.rate.slow_down();
                } else {
                    self.rate.went_well(asked.len());
                }
                if asked.iter().any(|asked| asked.version.is_none()) && result.deleted.iter().any(Deleted::made_marker)
                {
                    self.keeps_versions_now();
                }
                judge(asked, &result)
            }
            Err(error) => vec![Removal::Failed(self.told(&error)); asked.len()],
        }
    }

    /// An error's text for an entry; one that asks for fewer calls is heeded.
    pub(super) fn told(&self, error: &CallError) -> String {
        if error.is_too_fast() {
            self.rate.slow_down();
        }
        match error {
            CallError::Unanswered(cause) | CallError::Unreadable(cause) => format!("{error}: {cause:#}"),
            CallError::Refused { .. } | CallError::Credentials(_) => error.to_string(),
        }
    }
}

/// Not "quiet": the answer is the proof.
fn request(asked: &[Doomed]) -> std::io::Result<Bytes> {
    let mut writer = Writer::new(Vec::new());
    writer
        .create_element("Delete")
        .with_attribute(("xmlns", "http://s3.amazonaws.com/doc/2006-03-01/"))
        .write_inner_content(|writer| {
            for doomed in asked {
                writer.create_element("Object").write_inner_content(|writer| {
                    text(writer, "Key", &doomed.key)?;
                    doomed.version.iter().try_for_each(|version| text(writer, "VersionId", version))
                })?;
            }
            Ok(())
        })?;
    Ok(writer.into_inner().into())
}

fn text(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> std::io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(text)).map(drop)
}

#[derive(Debug, Deserialize)]
struct DeleteResult {
    #[serde(rename = "Deleted", default)]
    deleted: Vec<Deleted>,
    #[serde(rename = "Error", default)]
    errors: Vec<NotDeleted>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Deleted {
    key: String,
    version_id: Option<String>,
    #[serde(default)]
    delete_marker: bool,
    delete_marker_version_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotDeleted {
    #[serde(default)]
    key: String,
    version_id: Option<String>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Deleted {
    /// Where no version was named, this hid the object and removed nothing.
    fn made_marker(&self) -> bool {
        self.delete_marker
    }

    fn is_of(&self, asked: &Doomed) -> bool {
        self.key == asked.key
            && match &asked.version {
                None => !self.made_marker(),
                // A marker that was removed is named as version by some stores, as marker by others.
                version => *version == self.version_id || *version == self.delete_marker_version_id,
            }
    }
}

impl NotDeleted {
    fn is_of(&self, asked: &Doomed) -> bool {
        let version = self.version_id.as_deref().filter(|version| !version.is_empty());
        self.key == asked.key && (version.is_none() || asked.version.as_deref() == version)
    }

    fn removal(&self) -> Removal {
        match self.code.as_str() {
            "NoSuchKey" | "NoSuchVersion" => Removal::Gone,
            code => Removal::Failed(format!("{code}: {}", self.message)),
        }
    }
}

/// What became of each that was asked for. An error counts more than a success; what is not mentioned is not done.
fn judge(asked: &[Doomed], result: &DeleteResult) -> Vec<Removal> {
    let mut deleted: HashMap<&str, Vec<&Deleted>> = HashMap::new();
    let mut errors: HashMap<&str, Vec<&NotDeleted>> = HashMap::new();
    for one in &result.deleted {
        deleted.entry(&one.key).or_default().push(one);
    }
    for one in &result.errors {
        errors.entry(&one.key).or_default().push(one);
    }
    let verdict = |asked: &Doomed| {
        let key = asked.key.as_str();
        let error = errors.get(key).and_then(|errors| errors.iter().find(|error| error.is_of(asked)));
        let done = deleted.get(key).is_some_and(|deleted| deleted.iter().any(|deleted| deleted.is_of(asked)));
        match (error, done) {
            (Some(error), _) => error.removal(),
            (None, true) => Removal::Gone,
            (None, false) => Removal::Failed("the object store did not say what became of it".into()),
        }
    };
    asked.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doomed(key: &str, version: Option<&str>) -> Doomed {
        Doomed { key: key.into(), version: version.map(str::to_owned) }
    }

    fn judged(asked: &[Doomed], answer: &str) -> Vec<bool> {
        let result = quick_xml::de::from_str(&format!("<DeleteResult xmlns=\"x\">{answer}</DeleteResult>")).unwrap();
        judge(asked, &result).into_iter().map(|removal| removal == Removal::Gone).collect()
    }

    #[test]
    fn the_request_names_versions() {
        let body = request(&[doomed("a/<&>", None), doomed("b", Some("v\"1"))]).unwrap();
        assert_eq!(
            body,
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a/&lt;&amp;&gt;</Key></Object>\
             <Object><Key>b</Key><VersionId>v&quot;1</VersionId></Object></Delete>"
        );
    }

    #[test]
    fn each_key_has_its_own_answer() {
        let asked = [doomed("a", None), doomed("b", None), doomed("c", None), doomed("d", None)];
        let answer = "<Error><Key>b</Key><Code>AccessDenied</Code></Error><Deleted><Key>a</Key></Deleted>\
                      <Error><Key>d</Key><Code>NoSuchKey</Code><Message>m</Message></Error>\
                      <Error><Key>zz</Key><Code>InternalError</Code></Error>";
        assert_eq!(judged(&asked, answer), [true, false, false, true]);
        assert_eq!(judged(&asked, ""), [false; 4]);
        let both = "<Deleted><Key>a</Key></Deleted><Error><Key>a</Key><Code>InternalError</Code></Error>";
        assert_eq!(judged(&asked[..1], both), [false]);
    }

    #[test]
    fn versions_are_told_apart() {
        let asked = [doomed("a", Some("1")), doomed("a", Some("2")), doomed("a", Some("3")), doomed("a", Some("4"))];
        let answer = "<Deleted><Key>a</Key><VersionId>1</VersionId></Deleted>\
                      <Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker>\
                      <DeleteMarkerVersionId>2</DeleteMarkerVersionId></Deleted>\
                      <Error><Key>a</Key><VersionId>3</VersionId><Code>AccessDenied</Code></Error>";
        assert_eq!(judged(&asked, answer), [true, true, false, false]);
        // A success that names no version says nothing of one.
        assert_eq!(judged(&asked[..1], "<Deleted><Key>a</Key></Deleted>"), [false]);
    }

    #[test]
    fn a_marker_that_was_made_removed_nothing() {
        let made = "<Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker>\
                    <DeleteMarkerVersionId>9</DeleteMarkerVersionId></Deleted>";
        assert_eq!(judged(&[doomed("a", None)], made), [false]);
    }
}
