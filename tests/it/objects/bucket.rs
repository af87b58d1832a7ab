//! What only a bucket has: bytes that clients put themselves, objects in parts, rights, and where it is.

use object_store::{ObjectStoreExt, multipart::MultipartStore, path::Path};
use reqwest::StatusCode;
use uuid::Uuid;

use super::*;

const PDF: &str = "application/pdf";

async fn put_by_client(url: &str, content_type: &str, body: &'static [u8]) -> StatusCode {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.put(url).header("content-type", content_type).body(body).send().await.unwrap().status()
}

macro_rules! on_both_buckets {
    ($($case:ident)*) => { mod plain { $(#[tokio::test] async fn $case() { super::$case(super::Kind::Plain).await })* }
    mod versioned { $(#[tokio::test] async fn $case() { super::$case(super::Kind::Versioned).await })* } };
}

on_both_buckets! {
    a_client_puts_bytes_itself_and_they_are_adopted
    what_clients_put_is_listed_and_removed
    parts_that_nobody_finished_are_found
    a_clean_start_leaves_one_object
}

async fn a_client_puts_bytes_itself_and_they_are_adopted(kind: Kind) {
    let place = Place::new(kind).await;
    let (upload, key) = (Uuid::new_v4(), place.keys.mint());
    let url = place.objects.presign(upload, PDF, LONG).await.unwrap().unwrap();
    assert_eq!(place.objects.adopt(upload, &key, 10).await.unwrap(), None, "nothing was put yet");
    assert_eq!(put_by_client(&url, "text/html", b"a page").await, StatusCode::FORBIDDEN);
    assert_eq!(
        put_by_client(&url.replace(&upload.to_string(), &Uuid::new_v4().to_string()), PDF, b"x").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(place.keys().await, Vec::<String>::new());
    assert_eq!(put_by_client(&url, PDF, b"first").await, StatusCode::OK);
    assert_eq!(put_by_client(&url, PDF, b"second").await, StatusCode::OK, "it may come again until its time is over");
    let refused = place.objects.adopt(upload, &key, 5).await;
    assert!(matches!(refused, Err(PutError::TooLarge)), "{refused:?}");
    assert_eq!(place.keys().await, [format!("uploads/{upload}")]);

    let stored = place.objects.adopt(upload, &key, 6).await.unwrap().unwrap();
    assert_eq!(stored.size, 6);
    assert_eq!(stored.md5, <[u8; 16]>::from(md5::Md5::digest(b"second")));
    assert_eq!(stored.version.is_some(), kind == Kind::Versioned);
    // Late bytes change nothing any more.
    assert_eq!(put_by_client(&url, PDF, b"third").await, StatusCode::OK);
    assert_eq!(read(&place.objects, &key).await, b"second");
    assert_eq!(place.objects.delete(&targets(&[(key, stored)]), LONG).await, [Removal::Gone]);
    assert_eq!(place.keys().await, [format!("uploads/{upload}")]);
}

async fn what_clients_put_is_listed_and_removed(kind: Kind) {
    let place = Place::new(kind).await;
    let At::Bucket(bucket) = &place.at else { unreachable!() };
    let (objects, store) = (&place.objects, bucket.store());
    let at = |upload: Uuid| Path::from(format!("{}/uploads/{upload}", bucket.prefix));
    let mut uploads: Vec<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
    uploads.sort();
    for upload in &uploads {
        store.put(&at(*upload), "a".into()).await.unwrap();
        store.put(&at(*upload), "b".into()).await.unwrap();
    }
    if kind == Kind::Versioned {
        store.delete(&at(uploads[2])).await.unwrap();
    }
    assert_eq!(objects.uploads(None, 100).await.unwrap(), uploads);
    assert_eq!(objects.uploads(None, 2).await.unwrap(), uploads[..2]);
    assert_eq!(objects.uploads(Some(uploads[1]), 2).await.unwrap(), uploads[2..4]);
    assert!(objects.uploads(Some(uploads[4]), 2).await.unwrap().is_empty());
    for upload in &uploads[1..] {
        assert_eq!(objects.remove_upload(*upload, LONG).await, Removal::Gone);
    }
    assert_eq!(objects.remove_upload(uploads[3], LONG).await, Removal::Gone, "a second time");
    assert_eq!(objects.uploads(None, 100).await.unwrap(), uploads[..1]);
    assert_eq!(place.keys().await, [format!("uploads/{}", uploads[0])]);
}

async fn parts_that_nobody_finished_are_found(kind: Kind) {
    let place = Place::new(kind).await;
    let At::Bucket(bucket) = &place.at else { unreachable!() };
    let (store, ours) = (bucket.store(), place.keys.mint());
    let at = Path::from(format!("{}/{}", bucket.prefix, ours.as_str()));
    let id = store.create_multipart(&at).await.unwrap();
    store.put_part(&at, &id, 0, many(5 * MIB).into()).await.unwrap();
    let others = Path::from(format!("{}/somebody/elses", bucket.prefix));
    let theirs = store.create_multipart(&others).await.unwrap();

    let found = place.objects.multiparts().await.unwrap();
    assert_eq!(found.iter().map(|one| (&one.key, &one.id)).collect::<Vec<_>>(), [(&ours, &id)]);
    let age = time::OffsetDateTime::now_utc() - found[0].begun;
    assert!(age.abs() < time::Duration::minutes(1), "{age}");
    place.objects.abort(&found[0]).await.unwrap();
    assert_eq!(place.objects.multiparts().await.unwrap(), []);
    place.objects.abort(&found[0]).await.unwrap();
    store.put_part(&others, &theirs, 0, "theirs".into()).await.expect("others' is not touched");
    store.abort_multipart(&others, &theirs).await.unwrap();
}

async fn a_clean_start_leaves_one_object(kind: Kind) {
    let place = Place::new(kind).await;
    let At::Bucket(bucket) = &place.at else { unreachable!() };
    place.objects.probe().await.unwrap();
    place.objects.make().await.unwrap();
    assert_eq!(bucket.list().await, [("unfile-installation".to_owned(), INSTALLATION.len() as u64)]);
}

/// What a start says of a bucket, with some variables changed.
async fn said(bucket: &Bucket, name: &str, changed: &[(&str, &str)]) -> String {
    unfile::choose_cryptography();
    let mut variables = bucket.env();
    variables.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
    variables.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let at = ObjectsAt::Bucket { bucket: name.to_owned(), prefix: bucket.prefix.clone() };
    match Objects::with_environment(at, INSTALLATION, Faults::default(), variables) {
        Ok(objects) => format!("{:#}", objects.probe().await.unwrap_err()),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn a_start_says_in_one_line_what_is_wrong() {
    let bucket = Bucket::new(weed::PLAIN).await;
    let keys = "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is wrong";
    let reader = [("AWS_ACCESS_KEY_ID", weed::READER)];
    for (name, changed, expected) in [
        ("nowhere", &[][..], "no bucket nowhere"),
        (weed::PLAIN, &[("AWS_SECRET_ACCESS_KEY", "wrong")][..], keys),
        (weed::PLAIN, &[("AWS_ACCESS_KEY_ID", "nobody")][..], keys),
        (weed::PLAIN, &reader[..], "no right to write in bucket plain"),
        (
            weed::PLAIN,
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")][..],
            "AWS_ENDPOINT_URL: no answer from http://127.0.0.1:1/plain",
        ),
        (weed::PLAIN, &[("AWS_ENDPOINT_URL", "127.0.0.1")][..], "AWS_ENDPOINT_URL: expected http"),
        (
            weed::PLAIN,
            &[("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "perhaps")][..],
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST: expected true or false",
        ),
    ] {
        let said = said(&bucket, name, changed).await;
        assert!(said.starts_with(expected) && !said.contains('\n'), "{changed:?}: {said}");
    }
}
