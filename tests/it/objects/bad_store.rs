//! A store that answers badly, and what is believed of it: nothing that it did not say.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Router,
    body::Bytes as Body,
    extract::{RawQuery, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};

use super::*;

/// How a bulk delete is answered: by the keys that it names.
type Answer = dyn Fn(&[String]) -> Response + Send + Sync;

#[derive(Clone)]
struct Bad {
    versioning: &'static str,
    answer: Arc<Answer>,
    /// The keys of each bulk delete that came.
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

async fn answer(State(bad): State<Bad>, method: Method, uri: Uri, RawQuery(query): RawQuery, body: Body) -> Response {
    let query = query.unwrap_or_default();
    let key = uri.path().strip_prefix("/bucket/").or(uri.path().strip_prefix("/p/").map(|_| &uri.path()[1..]));
    let key = key.unwrap_or_default();
    match (method, key, query.split('=').next().unwrap_or_default()) {
        (Method::GET, "p/unfile-installation", _) => INSTALLATION.into_response(),
        (Method::GET, "", "versioning") => xml(StatusCode::OK, bad.versioning),
        (Method::POST, "", "delete") => {
            let text = String::from_utf8(body.to_vec()).unwrap();
            let keys: Vec<String> =
                text.split("<Key>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect();
            bad.asked.lock().unwrap().push(keys.clone());
            (bad.answer)(&keys)
        }
        (method, ..) => panic!("nobody should ask for this: {method} {uri}"),
    }
}

fn xml(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [("content-type", "application/xml")], text.into()).into_response()
}

fn result(inside: String) -> Response {
    xml(StatusCode::OK, format!("<?xml version=\"1.0\"?><DeleteResult xmlns=\"x\">{inside}</DeleteResult>"))
}

fn deleted(key: &String) -> String {
    format!("<Deleted><Key>{key}</Key></Deleted>")
}

fn error(key: &str, code: &str) -> String {
    format!("<Error><Key>{key}</Key><Code>{code}</Code><Message>because</Message></Error>")
}

/// Starts a bad store and opens objects in it.
async fn bad(answer_with: impl Fn(&[String]) -> Response + Send + Sync + 'static) -> (Objects, Bad) {
    bad_bucket("bucket", false, answer_with).await
}

async fn bad_bucket(
    bucket: &str,
    in_host: bool,
    answer_with: impl Fn(&[String]) -> Response + Send + Sync + 'static,
) -> (Objects, Bad) {
    unfile::choose_cryptography();
    let bad = Bad { versioning: "<VersioningConfiguration/>", answer: Arc::new(answer_with), asked: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(bad.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", if in_host { "true" } else { "false" }),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let at = ObjectsAt::Bucket { bucket: bucket.into(), prefix: "p".into() };
    (Objects::with_environment(at, INSTALLATION, Faults::default(), variables).unwrap(), bad)
}

fn ten() -> Vec<Target> {
    let keys = KeyMint::default();
    (0..10).map(|_| Target { key: keys.mint(), version: None }).collect()
}

/// Which of ten are gone, when the store answers like this.
async fn gone(answer_with: impl Fn(&[String]) -> Response + Send + Sync + 'static) -> Vec<usize> {
    let removals = bad(answer_with).await.0.delete(&ten(), LONG).await;
    (0..10).filter(|&at| removals[at] == Removal::Gone).collect()
}

fn all_deleted(keys: &[String]) -> String {
    keys.iter().map(deleted).collect()
}

const NONE: [usize; 0] = [];

#[tokio::test]
async fn only_what_it_says_of_a_key_counts() {
    let two_denied = |keys: &[String]| {
        result(all_deleted(&keys[2..]) + &error(&keys[0], "AccessDenied") + &error(&keys[1], "AccessDenied"))
    };
    assert_eq!(gone(two_denied).await, [2, 3, 4, 5, 6, 7, 8, 9]);
    let two_slow =
        |keys: &[String]| result(all_deleted(&keys[2..]) + &error(&keys[0], "SlowDown") + &error(&keys[1], "SlowDown"));
    assert_eq!(gone(two_slow).await, [2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(gone(|keys| result(all_deleted(&keys[..5]))).await, [0, 1, 2, 3, 4], "half is not mentioned");
    assert_eq!(gone(|_| result(String::new())).await, NONE);
    assert_eq!(gone(|_| xml(StatusCode::OK, "<DeleteResult/>")).await, NONE);
    assert_eq!(gone(|_| xml(StatusCode::OK, "<Error><Code>InternalError</Code></Error>")).await, NONE);
    let unknown = |keys: &[String]| result(all_deleted(&keys[1..]) + &error("nobody/asked", "InternalError"));
    assert_eq!(gone(unknown).await, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let twice = |keys: &[String]| result(all_deleted(keys) + &error(&keys[9], "InternalError"));
    assert_eq!(gone(twice).await, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let missing = |keys: &[String]| result(all_deleted(&keys[1..]) + &error(&keys[0], "NoSuchKey"));
    assert_eq!(gone(missing).await.len(), 10, "what is missing is gone");
    assert_eq!(gone(|_| xml(StatusCode::OK, "")).await, NONE);
    assert_eq!(gone(|_| xml(StatusCode::OK, "<html>hello</html>")).await, NONE);
    assert_eq!(gone(|_| xml(StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>")).await, NONE);
    assert_eq!(gone(|_| xml(StatusCode::BAD_GATEWAY, "no")).await, NONE);
}

#[tokio::test]
async fn an_entry_says_why() {
    let (objects, _) = bad(|keys| result(error(&keys[0], "AccessDenied"))).await;
    let removals = objects.delete(&ten(), LONG).await;
    assert_eq!(failure(&removals[0]), "AccessDenied: because");
    assert_eq!(failure(&removals[1]), "the object store did not say what became of it");
}

#[tokio::test]
async fn a_marker_that_a_delete_made_is_no_success_and_is_not_made_again() {
    let marker = |key: &String| {
        format!(
            "<Deleted><Key>{key}</Key><DeleteMarker>true</DeleteMarker>\
             <DeleteMarkerVersionId>1</DeleteMarkerVersionId></Deleted>"
        )
    };
    // It says that it keeps no versions, and it does.
    let (objects, bad) = bad(move |keys| result(keys.iter().map(marker).collect())).await;
    let targets = ten();
    let removals = objects.delete(&targets, LONG).await;
    assert!(removals.iter().all(|removal| *removal != Removal::Gone), "{removals:?}");
    assert_eq!(bad.asked.lock().unwrap().len(), 1);
    // From now on nothing is deleted without a version's name; the list of versions is what this store does not have.
    let removals = objects.delete(&targets, LONG).await;
    assert!(removals.iter().all(|removal| *removal != Removal::Gone), "{removals:?}");
    assert_eq!(bad.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_asks_for_fewer_gets_fewer() {
    let slow = |_: &[String]| xml(StatusCode::SERVICE_UNAVAILABLE, "<Error><Code>SlowDown</Code></Error>");
    let (objects, bad) = bad(slow).await;
    let targets = ten();
    assert!(objects.delete(&targets, LONG).await.iter().all(|removal| *removal != Removal::Gone));
    // Half of the ten of the first second is what may go in the next, and again half of that: never all at once.
    let start = Instant::now();
    objects.delete(&targets, Duration::from_millis(2_500)).await;
    assert!(start.elapsed() < Duration::from_secs(4));
    let calls: Vec<usize> = bad.asked.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(calls[0], 10);
    assert!(calls.len() > 1 && calls[1..].iter().all(|&keys| keys <= 5), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_left_in_time() {
    let (objects, _) = bad(|_| {
        std::thread::sleep(Duration::from_secs(2));
        result(String::new())
    })
    .await;
    let start = Instant::now();
    let removals = objects.delete(&ten(), Duration::from_millis(300)).await;
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    assert!(removals.iter().all(|removal| failure(removal).contains("no time")), "{removals:?}");
}

#[tokio::test]
async fn a_bucket_may_be_a_name_in_front_of_the_host() {
    // So that its name is there without a name service.
    let (objects, bad) = bad_bucket("127", true, |keys| result(all_deleted(keys))).await;
    assert_eq!(objects.delete(&ten(), LONG).await, vec![Removal::Gone; 10]);
    assert_eq!(bad.asked.lock().unwrap().len(), 1);
    let url = objects.presign(uuid::Uuid::nil(), "text/plain", LONG).await.unwrap().unwrap();
    let path = url.split_once("127.0.0.1:").unwrap().1.split_once('/').unwrap().1;
    assert!(path.starts_with("p/uploads/00000000-0000-0000-0000-000000000000?X-Amz-"), "{url}");
}
