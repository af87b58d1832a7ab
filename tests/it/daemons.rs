//! The servers of others that tests stand on start, stop and start again.

use sqlx::{Connection, PgConnection, Row};

use crate::support::{
    postgres::{Database, Postgres},
    wait_until,
    weed::{self, Bucket, Weed},
};

#[tokio::test]
async fn databases_are_each_tests_own() {
    let (one, other) = tokio::join!(Database::new(), Database::new());
    for (database, isolation) in [(&one, "repeatable read"), (&other, "serializable")] {
        database.isolate(isolation).await;
        let mut conn = PgConnection::connect(&database.url()).await.unwrap();
        let shown = sqlx::query("show transaction_isolation").fetch_one(&mut conn).await.unwrap();
        assert_eq!(shown.get::<String, _>(0), isolation);
        sqlx::raw_sql("create table mine (id bigint)").execute(&mut conn).await.unwrap();
    }
    let url = one.url();
    drop(one);
    assert!(PgConnection::connect(&url).await.is_err(), "it is dropped with its value");
    assert!(PgConnection::connect(&other.url().replace(crate::support::postgres::PASSWORD, "wrong")).await.is_err());
}

#[tokio::test]
async fn a_postgresql_of_its_own_keeps_what_was_committed() {
    let mut postgres = Postgres::durable().await;
    let database = postgres.database().await;
    let mut conn = PgConnection::connect(&database.url()).await.unwrap();
    sqlx::raw_sql("create table mine (id bigint); insert into mine values (7)").execute(&mut conn).await.unwrap();
    for signal in ["QUIT", "INT"] {
        postgres.stop(signal).await;
        assert!(PgConnection::connect(&database.url()).await.is_err());
        postgres.start_again().await;
        let mut conn = PgConnection::connect(&database.url()).await.unwrap();
        let row = sqlx::query("select id from mine").fetch_one(&mut conn).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 7);
    }
}

#[tokio::test]
async fn a_store_has_its_buckets() {
    use object_store::{ObjectStoreExt, path::Path};
    for name in [weed::PLAIN, weed::VERSIONED, weed::LOCKED] {
        let (one, other) = tokio::join!(Bucket::new(name), Bucket::new(name));
        let put = one.store().put(&Path::from(format!("{}/a/b", one.prefix)), "abc".into()).await.unwrap();
        assert_eq!(put.version.is_some(), name != weed::PLAIN, "{name}");
        assert_eq!((one.list().await, other.list().await), (vec![("a/b".to_owned(), 3)], vec![]));
    }
}

#[tokio::test]
async fn a_store_of_its_own_keeps_what_was_put() {
    use object_store::{ObjectStoreExt, path::Path};
    let mut weed = Weed::start().await;
    let bucket = weed.bucket(weed::PLAIN);
    let at = Path::from(format!("{}/a", bucket.prefix));
    bucket.store().put(&at, "abc".into()).await.unwrap();
    weed.stop("TERM").await;
    weed.start_again().await;
    // It answers before it has found all of its volumes again.
    wait_until("the store has found what it holds", async || bucket.store().get(&at).await.is_ok()).await;
    assert_eq!(bucket.list().await, [("a".to_owned(), 3)]);
    assert_eq!(bucket.store().get(&at).await.unwrap().bytes().await.unwrap(), "abc");
}
