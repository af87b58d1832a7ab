//! Objects, on every kind of store: one set of cases, which a folder, a bucket and a bucket that keeps versions all pass.

mod bad_store;
mod bucket;
pub(crate) mod versions;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use unfile::{
    fault::Faults,
    objects::{ByteStream, KeyMint, ObjectKey, Objects, ObjectsAt, PutError, Removal, Stored, Target},
};

use crate::support::{
    daemon,
    weed::{self, Bucket},
};

const INSTALLATION: &str = "0b7d2c1e-5d53-4d57-a3c5-3b6f5f1a9f10";
const LONG: Duration = Duration::from_secs(60);
const MIB: usize = 1024 * 1024;

/// A place for objects, and what else looks at it.
struct Place {
    objects: Objects,
    keys: KeyMint,
    /// Where the objects are, to look at them by another way.
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Disk,
    Plain,
    Versioned,
}

enum At {
    Folder(TempDir),
    Bucket(Bucket),
}

impl Place {
    /// A place that is made and was looked at, as by a start.
    async fn new(kind: Kind) -> Self {
        let place = Self::unmade(kind).await;
        place.objects.probe().await.unwrap();
        assert_eq!(place.objects.keeps_versions(), kind == Kind::Versioned);
        place.objects.make().await.unwrap();
        place
    }

    async fn unmade(kind: Kind) -> Self {
        let at = match kind {
            Kind::Disk => At::Folder(tempfile::tempdir_in(daemon::scratch()).unwrap()),
            Kind::Plain => At::Bucket(Bucket::new(weed::PLAIN).await),
            Kind::Versioned => At::Bucket(Bucket::new(weed::VERSIONED).await),
        };
        Self { objects: open(&at, INSTALLATION), keys: KeyMint::default(), at }
    }

    async fn put(&self, bytes: &[u8]) -> (ObjectKey, Stored) {
        let key = self.keys.mint();
        let stored = self.objects.put(&key, sent(bytes), bytes.len() as u64).await.unwrap();
        (key, stored)
    }

    /// The keys of all objects but the one that says whose they are.
    async fn keys(&self) -> Vec<String> {
        let mut keys = match &self.at {
            At::Folder(folder) => files(folder),
            At::Bucket(bucket) => bucket.list().await.into_iter().map(|(key, _)| key).collect(),
        };
        keys.retain(|key| key != "unfile-installation");
        keys.sort();
        keys
    }
}

fn open(at: &At, installation: &str) -> Objects {
    unfile::choose_cryptography();
    let (at, variables) = match at {
        At::Folder(folder) => (ObjectsAt::Folder(folder.path().join("objects")), vec![]),
        At::Bucket(bucket) => {
            (ObjectsAt::Bucket { bucket: bucket.name.clone(), prefix: bucket.prefix.clone() }, bucket.env())
        }
    };
    Objects::with_environment(at, installation, Faults::default(), variables).unwrap()
}

fn files(folder: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.path().join("objects")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => {
                let inside = std::fs::read_dir(entry.path()).unwrap();
                found.extend(inside.map(|file| format!("{name}/{}", file.unwrap().file_name().into_string().unwrap())));
            }
            false => found.push(name),
        }
    }
    found
}

fn sent(bytes: &[u8]) -> ByteStream {
    let chunks: Vec<_> = bytes.chunks(100_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    stream::iter(chunks).boxed()
}

/// The same bytes each time, and no two parts alike.
fn many(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * at) >> 7) as u8 ^ at as u8).collect()
}

async fn read(objects: &Objects, key: &ObjectKey) -> Vec<u8> {
    all(objects.read(key).await.unwrap()).await
}

async fn all(bytes: ByteStream) -> Vec<u8> {
    bytes
        .try_fold(Vec::new(), async |mut all, chunk| Ok([std::mem::take(&mut all), chunk.to_vec()].concat()))
        .await
        .unwrap()
}

fn targets(of: &[(ObjectKey, Stored)]) -> Vec<Target> {
    of.iter().map(|(key, stored)| Target { key: key.clone(), version: stored.version.clone() }).collect()
}

fn failure(removal: &Removal) -> &str {
    match removal {
        Removal::Failed(why) => why,
        Removal::Gone => panic!("it is gone"),
    }
}

macro_rules! on_every_store {
    ($($case:ident)*) => {
        on_every_store!(@ disk Kind::Disk; $($case)*);
        on_every_store!(@ plain_bucket Kind::Plain; $($case)*);
        on_every_store!(@ versioned_bucket Kind::Versioned; $($case)*);
    };
    (@ $store:ident $kind:expr; $($case:ident)*) => {
        mod $store {
            use super::Kind;
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case($kind).await;
                }
            )*
        }
    };
}

on_every_store! {
    what_is_put_is_read
    parts_are_read
    nothing_is_kept_of_what_was_not_taken
    what_is_removed_is_gone
    what_is_missing_is_gone_where_it_is_ours
    a_place_belongs_to_one_installation
}

async fn what_is_put_is_read(kind: Kind) {
    let place = Place::new(kind).await;
    for length in [0, 1, 100_000, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 17 * MIB + 5] {
        let bytes = many(length);
        let (key, stored) = place.put(&bytes).await;
        assert_eq!(stored.size, length as u64);
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(stored.sha256, hex, "{length}");
        assert_eq!(stored.md5, <[u8; 16]>::from(md5::Md5::digest(&bytes)));
        assert_eq!(stored.version.is_some(), kind == Kind::Versioned);
        assert!(read(&place.objects, &key).await == bytes, "{length}");
    }
    assert!(place.objects.read(&place.keys.mint()).await.is_err(), "what is not there cannot be read");
}

async fn parts_are_read(kind: Kind) {
    let place = Place::new(kind).await;
    let (key, _) = place.put(b"0123456789").await;
    for (first, length, part) in
        [(0, 10, "0123456789"), (3, 4, "3456"), (8, 5, "89"), (9, u64::MAX, "9"), (4, 0, ""), (10, 1, ""), (11, 1, "")]
    {
        let bytes = place.objects.read_part(&key, first, length).await.unwrap();
        assert_eq!(String::from_utf8(all(bytes).await).unwrap(), part, "{length} from {first}");
    }
}

async fn nothing_is_kept_of_what_was_not_taken(kind: Kind) {
    let place = Place::new(kind).await;
    for length in [10, 9 * MIB] {
        let (key, bytes) = (place.keys.mint(), many(length));
        let put = place.objects.put(&key, sent(&bytes), length as u64 - 1).await;
        assert!(matches!(put, Err(PutError::TooLarge)), "{put:?}");
        let broken = sent(&bytes).chain(stream::once(async { Err(std::io::Error::other("gone")) })).boxed();
        let put = place.objects.put(&key, broken, u64::MAX).await;
        assert!(matches!(put, Err(PutError::BrokenOff(_))), "{put:?}");
    }
    assert_eq!(place.keys().await, Vec::<String>::new());
    assert_eq!(place.objects.multiparts().await.unwrap(), []);
}

async fn what_is_removed_is_gone(kind: Kind) {
    let place = Place::new(kind).await;
    let mut stored = Vec::new();
    for number in 0..30u8 {
        stored.push(place.put(&[number]).await);
    }
    let kept = stored.split_off(20);
    let removals = place.objects.delete(&targets(&stored), LONG).await;
    assert_eq!(removals, vec![Removal::Gone; 20]);
    let mut left: Vec<_> = kept.iter().map(|(key, _)| key.as_str().to_owned()).collect();
    left.sort();
    assert_eq!(place.keys().await, left);
    assert_eq!(read(&place.objects, &kept[9].0).await, [29]);
    assert_eq!(place.objects.delete(&targets(&stored), LONG).await, vec![Removal::Gone; 20], "a second time");
    let none = place.objects.delete(&targets(&kept), Duration::ZERO).await;
    assert!(none.iter().all(|removal| *removal != Removal::Gone), "there was no time: {none:?}");
    assert_eq!(place.keys().await, left);
}

async fn what_is_missing_is_gone_where_it_is_ours(kind: Kind) {
    let place = Place::unmade(kind).await;
    let missing = [Target { key: place.keys.mint(), version: None }];
    let removals = place.objects.delete(&missing, LONG).await;
    assert!(failure(&removals[0]).contains("are not there"), "{removals:?}");
    assert!(place.objects.is_ours().await.is_err());
    place.objects.make().await.unwrap();
    assert_eq!(place.objects.delete(&missing, LONG).await, [Removal::Gone]);
}

async fn a_place_belongs_to_one_installation(kind: Kind) {
    let place = Place::new(kind).await;
    let (key, stored) = place.put(b"mine").await;
    let other = open(&place.at, "another");
    other.make().await.unwrap();
    place.objects.is_ours().await.unwrap();
    let error = other.is_ours().await.unwrap_err().to_string();
    assert!(error.ends_with("belongs to another installation"), "{error}");
    let removals = other.delete(&targets(&[(key.clone(), stored)]), LONG).await;
    assert!(failure(&removals[0]).ends_with("belongs to another installation"), "{removals:?}");
    assert_eq!(read(&place.objects, &key).await, b"mine");
}
