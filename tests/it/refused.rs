//! A server that is configured wrongly does not start, and says in one line which setting is at fault.

use std::collections::BTreeMap;

use crate::support::{
    Launch, Output, Started, binary, free_port,
    postgres::Database,
    weed::{Bucket, PLAIN, READER},
};

/// Starts a server that must not start; gives what it said.
async fn refused(env: &BTreeMap<&str, String>) -> Output {
    refused_by(&[], env).await
}

async fn refused_by(wrap: &[&str], env: &BTreeMap<&str, String>) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let launch = Launch {
        wrap: wrap.iter().map(|word| (*word).to_owned()).collect(),
        binary: binary(),
        data: dir.path().join("unfile-data"),
        port: free_port(),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    match launch.start().await {
        Started::Ended(output) => output,
        Started::Ready(_) => panic!("it started with {env:?}"),
    }
}

fn assert_says(output: &Output, beginning: &str, what: &str) {
    assert_eq!(output.status, 2, "{output:?}");
    let line = output.stderr.trim_end();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with(&format!("unfile: {beginning}")) && line.contains(what), "{line}");
}

fn with_database(url: String) -> BTreeMap<&'static str, String> {
    BTreeMap::from([("UNFILE_DATABASE", url)])
}

#[tokio::test]
async fn a_wrong_password() {
    let database = Database::new().await;
    let output = refused(&with_database(database.url().replace("sesame", "open"))).await;
    assert_says(&output, "--database: ", "password authentication failed");
    assert!(!output.stderr.contains("open@"), "no secret is told: {}", output.stderr);
}

#[tokio::test]
async fn a_database_that_is_not_there() {
    let url = Database::new().await.url();
    // The value is gone, and the database with it.
    let output = refused(&with_database(url)).await;
    assert_says(&output, "--database: ", "does not exist");
    let nobody = format!("postgres://u:p@127.0.0.1:{}/x", free_port());
    let output = refused(&with_database(nobody)).await;
    assert_says(&output, "--database: ", "refused");
    assert!(!output.stderr.contains("u:p"), "no secret is told: {}", output.stderr);
}

#[tokio::test]
async fn a_schema_that_is_newer() {
    let database = Database::new().await;
    let server = crate::support::Server::start_with(&[("UNFILE_DATABASE", &database.url())]).await;
    drop(server);
    database
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
             values (99, 'later', true, '', 0)",
        )
        .await;
    let output = refused(&with_database(database.url())).await;
    assert_says(&output, "--database: ", "its schema (version 99) is newer than this program");
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let database = Database::new().await;
    let output = refused_by(&["faketime", "-f", "+30s"], &with_database(database.url())).await;
    assert_says(&output, "--database: ", "the one of this machine differ by");
}

/// The settings of a bucket, some of them changed.
fn with_bucket(bucket: &Bucket, changed: &[(&'static str, String)]) -> BTreeMap<&'static str, String> {
    let names = ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let env = bucket.env();
    let value = |name: &str| env.iter().find(|(other, _)| other == name).unwrap().1.clone();
    let mut all = BTreeMap::from(names.map(|name| (name, value(name))));
    all.insert("UNFILE_OBJECTS", bucket.url());
    all.extend(changed.iter().cloned());
    all
}

#[tokio::test]
async fn a_bucket_that_is_not_there() {
    let bucket = Bucket { name: "nowhere".into(), ..Bucket::new(PLAIN).await };
    assert_says(&refused(&with_bucket(&bucket, &[])).await, "--objects: ", "no bucket nowhere");
}

#[tokio::test]
async fn keys_of_an_object_store_that_are_wrong() {
    let bucket = Bucket::new(PLAIN).await;
    for (name, value) in [("AWS_ACCESS_KEY_ID", "nobody"), ("AWS_SECRET_ACCESS_KEY", "open")] {
        let output = refused(&with_bucket(&bucket, &[(name, value.into())])).await;
        assert_says(&output, "--objects: ", "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is wrong");
    }
}

#[tokio::test]
async fn a_key_that_may_only_read() {
    let bucket = Bucket::new(PLAIN).await;
    let output = refused(&with_bucket(&bucket, &[("AWS_ACCESS_KEY_ID", READER.into())])).await;
    assert_says(&output, "--objects: ", "no right to write");
}

#[tokio::test]
async fn an_object_store_that_does_not_answer() {
    let bucket = Bucket::new(PLAIN).await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let output = refused(&with_bucket(&bucket, &[("AWS_ENDPOINT_URL", nobody)])).await;
    assert_says(&output, "--objects: ", "AWS_ENDPOINT_URL: no answer from http://127.0.0.1:");
}

#[tokio::test]
async fn a_clock_that_is_not_the_object_stores() {
    let bucket = Bucket::new(PLAIN).await;
    for by in ["+120s", "+2h"] {
        let output = refused_by(&["faketime", "-f", by], &with_bucket(&bucket, &[])).await;
        assert_says(&output, "--objects: ", "the clocks of this machine and of the object store differ");
    }
}
