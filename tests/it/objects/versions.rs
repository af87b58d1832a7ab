//! A bucket that keeps versions: what of it is ours goes for good, with all its versions and markers, and what is
//! others' is not touched.

use object_store::{
    ObjectStoreExt,
    path::Path,
    signer::{Method, SignedUrlOptions, Signer},
};

use super::*;
use crate::{
    dialects::ALL,
    oracle,
    support::{Server, installation::Installation},
    vault,
};

/// One call of the bucket, or of a key in it, as it is.
async fn call(bucket: &Bucket, method: Method, key: &str, query: &[(&str, &str)], body: String) -> String {
    let options = SignedUrlOptions::default().with_query(query.iter().copied());
    let url = bucket.store().signed_url_opts(method.clone(), &Path::from(key), LONG, &options).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.request(method, url).body(body).send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{status} {text}");
    text
}

/// Everything that stands in the bucket under a prefix: key, version, and whether it is a marker.
pub(crate) async fn versions(bucket: &Bucket, prefix: &str) -> Vec<(String, String, bool)> {
    let text = call(bucket, Method::GET, "", &[("versions", ""), ("prefix", prefix)], String::new()).await;
    let mut found = Vec::new();
    for (tag, is_marker) in [("Version", false), ("DeleteMarker", true)] {
        for entry in text.split(&format!("<{tag}>")).skip(1) {
            let inside = |name: &str| {
                let (_, rest) = entry.split_once(&format!("<{name}>")).unwrap();
                rest.split_once('<').unwrap().0.to_owned()
            };
            found.push((inside("Key"), inside("VersionId"), is_marker));
        }
    }
    found
}

#[tokio::test]
async fn all_versions_and_markers_under_our_keys_go_and_no_others() {
    let place = Place::new(Kind::Versioned).await;
    let At::Bucket(bucket) = &place.at else { unreachable!() };
    let (store, before) = (bucket.store(), versions(bucket, &bucket.prefix).await);
    assert_eq!(before.len(), 1, "the start left its mark, and nothing of its probe: {before:?}");

    let mut stored = Vec::new();
    for number in 0..6u8 {
        stored.push(place.put(&[number]).await);
    }
    let kept = place.put(b"kept").await;
    let at = |key: &ObjectKey| Path::from(format!("{}/{}", bucket.prefix, key.as_str()));
    // Written a second time; hidden by a marker; both; a key that goes on where ours ends.
    store.put(&at(&stored[1].0), "again".into()).await.unwrap();
    store.delete(&at(&stored[2].0)).await.unwrap();
    store.put(&at(&stored[3].0), "again".into()).await.unwrap();
    store.delete(&at(&stored[3].0)).await.unwrap();
    let longer = format!("{}/{}0", bucket.prefix, stored[4].0.as_str());
    store.put(&Path::from(longer.clone()), "others'".into()).await.unwrap();
    store.delete(&Path::from(longer.clone())).await.unwrap();
    assert_eq!(versions(bucket, &bucket.prefix).await.len(), 1 + 6 + 1 + 1 + 2 + 2 + 1);

    let mut targets = targets(&stored);
    // Its version was never written down.
    targets[5].version = None;
    assert_eq!(place.objects.delete(&targets, LONG).await, vec![Removal::Gone; 6]);
    let mut left: Vec<_> = versions(bucket, &bucket.prefix).await;
    left.retain(|one| !before.contains(one));
    left.sort();
    let keys: Vec<_> = left.iter().map(|(key, _, is_marker)| (key.clone(), *is_marker)).collect();
    let kept_key = format!("{}/{}", bucket.prefix, kept.0.as_str());
    let mut expected = vec![(longer.clone(), false), (longer, true), (kept_key, false)];
    expected.sort();
    let mut keys_sorted = keys.clone();
    keys_sorted.sort();
    assert_eq!(keys_sorted, expected);
    assert_eq!(read(&place.objects, &kept.0).await, b"kept");
}

#[tokio::test]
async fn more_versions_than_a_list_holds_go_too() {
    let place = Place::new(Kind::Versioned).await;
    let At::Bucket(bucket) = &place.at else { unreachable!() };
    let (key, stored) = place.put(b"first").await;
    let at = Path::from(format!("{}/{}", bucket.prefix, key.as_str()));
    let store = bucket.store();
    let again = stream::iter(0..1_050).map(|_| store.put(&at, "again".into())).buffer_unordered(8);
    again.try_for_each(async |_| Ok(())).await.unwrap();
    assert_eq!(place.objects.delete(&targets(&[(key, stored)]), LONG).await, [Removal::Gone]);
    assert_eq!(versions(bucket, &bucket.prefix).await.len(), 1);
}

#[tokio::test]
async fn what_the_store_locks_is_reported_and_stays() {
    let bucket = Bucket::new(weed::LOCKED).await;
    let at = At::Bucket(bucket.clone());
    let objects = open(&at, INSTALLATION);
    objects.probe().await.unwrap();
    assert!(objects.keeps_versions());
    objects.make().await.unwrap();
    let keys = KeyMint::default();
    let mut stored = Vec::new();
    for _ in 0..3 {
        let key = keys.mint();
        let put = objects.put(&key, sent(b"locked"), 10).await.unwrap();
        stored.push((key, put));
    }
    let locked = format!("{}/{}", bucket.prefix, stored[1].0.as_str());
    let hold = async |status: &str| {
        let body = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        call(&bucket, Method::PUT, &locked, &[("legal-hold", "")], body).await;
    };
    hold("ON").await;
    let removals = objects.delete(&targets(&stored), LONG).await;
    assert_eq!([&removals[0], &removals[2]], [&Removal::Gone; 2]);
    assert!(failure(&removals[1]).starts_with("AccessDenied"), "{removals:?}");
    assert_eq!(read(&objects, &stored[1].0).await, b"locked");
    hold("OFF").await;
    assert_eq!(objects.delete(&targets(&stored), LONG).await, vec![Removal::Gone; 3]);
    assert_eq!(versions(&bucket, &bucket.prefix).await.len(), 1);
}

#[tokio::test]
async fn every_row_names_the_version_that_its_write_returned() {
    let bucket = Bucket::new(weed::VERSIONED).await;
    let server = Server::start_on(Installation::on(None, Some(bucket.clone())), &[]).await;
    let key = server.account("ann").await.key;
    let mut files = Vec::new();
    for dialect in ALL {
        files.push((dialect, dialect.upload(&server, &key, &format!("{dialect:?}.txt"), b"some text").await));
    }
    let copy = format!("files/{}/copy", files[0].1.guid);
    let copied = oracle::post(&server, &copy, &key, r#"{"destinationID":"self"}"#).await;
    assert_eq!(copied.status, 200, "{}", copied.text());
    oracle::upload(&server, &key, "self", "Oracle.txt", b"a second version").await;
    let group = vault::open(&server, &key).await;
    let joined = vault::announce(&server, &key, &group, "", "joined.txt", 6).await;
    for (offset, chunk) in [(0, b"abc"), (3, b"def")] {
        assert_eq!(vault::send_chunk(&server, &key, &group, &joined, offset, chunk).await.status, 200);
    }
    assert_eq!(vault::finish(&server, &key, &group, &joined).await.status, 200);
    assert_eq!(vault::commit(&server, &key, &group).await.status, 200);
    let queued = server.sql("select count(*), count(store_version) from purge where size > 0").await;
    assert_eq!(queued[0][0], queued[0][1], "the chunks' too");

    let rows = server.sql("select object_key, store_version from version order by 1").await;
    let text = |row: &[serde_json::Value], at: usize| row[at].as_str().unwrap_or_default().to_owned();
    let named: Vec<_> = rows.iter().map(|row| (format!("{}/{}", bucket.prefix, text(row, 0)), text(row, 1))).collect();
    assert_eq!(named.len(), 8);
    server.run_jobs().await;
    assert_eq!(of_files(&bucket).await, named);
    for (dialect, file) in &files {
        dialect.delete(&server, &key, &dialect.ids(file)[0]).await;
    }
    server.run_jobs().await;
    let rows = server.sql("select object_key from version").await;
    assert_eq!(of_files(&bucket).await.len(), rows.len(), "what lies in a trash, the copy, and what was joined");
}

/// Keys and versions of what belongs to files, in order.
async fn of_files(bucket: &Bucket) -> Vec<(String, String)> {
    let mut found: Vec<_> = versions(bucket, &bucket.prefix).await;
    found.retain(|(key, ..)| !key.contains("/uploads/") && !key.ends_with("unfile-installation"));
    found.sort();
    found
        .into_iter()
        .map(|(key, version, is_marker)| {
            assert!(!is_marker, "{key} has a marker");
            (key, version)
        })
        .collect()
}
