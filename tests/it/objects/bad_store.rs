//! A store that answers badly, and what is believed of it: nothing that it did not say.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Router,
    body::Bytes as Body,
    extract::{RawQuery, State},
    http::{HeaderValue, Method, StatusCode, Uri, header::DATE},
    response::{IntoResponse, Response},
};

use super::*;

/// How a bulk delete is answered: by the keys that it names.
type Answer = dyn Fn(&[String]) -> Response + Send + Sync;

#[derive(Clone)]
struct Bad {
    versioning: &'static str,
    /// A kind of call, and the status and code with which it is refused; status 0: it is never answered.
    refuses: Option<(&'static str, u16, &'static str)>,
    /// What it takes the time for.
    date: Option<&'static str>,
    answer: Arc<Answer>,
    /// The keys of each bulk delete that came.
    asked: Arc<Mutex<Vec<Vec<String>>>>,
}

async fn answer(State(bad): State<Bad>, method: Method, uri: Uri, RawQuery(query): RawQuery, body: Body) -> Response {
    let query = query.unwrap_or_default();
    let key = uri.path().strip_prefix("/bucket/").or(uri.path().strip_prefix("/p/").map(|_| &uri.path()[1..]));
    let key = key.unwrap_or_default();
    let kind = query.split('=').next().unwrap_or_default();
    if let Some((_, status, code)) = bad.refuses.filter(|(refused, ..)| *refused == kind) {
        if status == 0 {
            std::future::pending::<()>().await;
        }
        return xml(StatusCode::from_u16(status).unwrap(), format!("<Error><Code>{code}</Code></Error>"));
    }
    match (method, key, kind) {
        (Method::GET, "", "list-type") => {
            let mut answer = xml(StatusCode::OK, "<ListBucketResult/>");
            answer.headers_mut().extend(bad.date.map(|date| (DATE, HeaderValue::from_static(date))));
            answer
        }
        (Method::GET, "", "versions") => xml(StatusCode::OK, "<ListVersionsResult/>"),
        (Method::PUT, "p/unfile-probe", "") => StatusCode::OK.into_response(),
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

fn slow_down(_: &[String]) -> Response {
    xml(StatusCode::SERVICE_UNAVAILABLE, "<Error><Code>SlowDown</Code></Error>")
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
    let bad = Bad {
        versioning: "<VersioningConfiguration/>",
        refuses: None,
        date: None,
        answer: Arc::new(answer_with),
        asked: Arc::default(),
    };
    (start(&bad, bucket, in_host).await, bad)
}

async fn start(bad: &Bad, bucket: &str, in_host: bool) -> Objects {
    unfile::choose_cryptography();
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
    Objects::with_environment(at, INSTALLATION, Faults::default(), variables).unwrap()
}

fn ten() -> Vec<Target> {
    some(10)
}

fn some(number: usize) -> Vec<Target> {
    let keys = KeyMint::default();
    (0..number).map(|_| Target { key: keys.mint(), version: None }).collect()
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
    let (_, mut bad) = bad(move |keys| result(keys.iter().map(marker).collect())).await;
    bad.refuses = Some(("versions", 501, "NotImplemented"));
    let (objects, targets) = (start(&bad, "bucket", false).await, ten());
    let removals = objects.delete(&targets, LONG).await;
    assert!(removals.iter().all(|removal| *removal != Removal::Gone), "{removals:?}");
    assert_eq!(bad.asked.lock().unwrap().len(), 1);
    // From now on nothing is deleted without a version's name; the list of versions is what this store does not have.
    let removals = objects.delete(&targets, LONG).await;
    assert!(removals.iter().all(|removal| *removal != Removal::Gone), "{removals:?}");
    assert_eq!(bad.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn calls_at_the_same_time_share_a_batch_evenly() {
    let (objects, bad) = bad(|keys| result(all_deleted(keys))).await;
    let shares =
        [(101, vec![101]), (399, vec![133; 3]), (1_000, vec![250; 4]), (4_004, [vec![501; 7], vec![497]].concat())];
    for (keys, calls) in shares {
        bad.asked.lock().unwrap().clear();
        assert_eq!(objects.delete(&some(keys), LONG).await, vec![Removal::Gone; keys]);
        let mut asked: Vec<usize> = bad.asked.lock().unwrap().iter().map(Vec::len).collect();
        asked.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(asked, calls);
    }
}

#[tokio::test]
async fn a_store_that_asks_for_fewer_gets_fewer() {
    let (objects, bad) = bad(slow_down).await;
    // Too few for a second call beside the first.
    let targets = some(100);
    assert!(objects.delete(&targets, Duration::from_millis(100)).await.iter().all(|removal| *removal != Removal::Gone));
    // Half of what went in the first second may go in the next: never all at once.
    objects.delete(&targets, Duration::from_millis(1_500)).await;
    let calls: Vec<usize> = bad.asked.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(calls[0], 100);
    assert!(calls.len() > 1 && calls[1..].iter().all(|&keys| keys <= 50), "{calls:?}");
}

#[tokio::test]
async fn calls_at_the_same_time_get_fewer_together() {
    let (objects, bad) = bad(slow_down).await;
    let keys = || bad.asked.lock().unwrap().iter().map(Vec::len).sum::<usize>();
    objects.delete(&some(400), Duration::from_millis(100)).await;
    assert_eq!(keys(), 400);
    bad.asked.lock().unwrap().clear();
    // 200 a second now.
    objects.delete(&some(400), Duration::from_millis(1_500)).await;
    assert!((1..=300).contains(&keys()), "{}", keys());
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_left_in_time() {
    let (_, mut bad) = bad(|keys| result(all_deleted(keys))).await;
    bad.refuses = Some(("delete", 0, ""));
    let objects = start(&bad, "bucket", false).await;
    let begun = Instant::now();
    let removals = objects.delete(&ten(), Duration::from_millis(300)).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
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

#[tokio::test]
async fn a_start_names_the_right_that_is_missing() {
    const DENIED: (u16, &str) = (403, "AccessDenied");
    let on = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    let off = "<VersioningConfiguration/>";
    let skewed = "the clocks of this machine and of the object store differ";
    for (versioning, kind, (status, code), date, said) in [
        (off, "list-type", DENIED, None, "no right to list in bucket bucket"),
        (off, "versioning", DENIED, None, "no right to ask for the versioning (GetBucketVersioning) in bucket bucket"),
        (on, "versions", DENIED, None, "no right to list the versions in bucket bucket"),
        (off, "", DENIED, None, "no right to write in bucket bucket"),
        (off, "delete", DENIED, None, "no right to delete in bucket bucket: AccessDenied"),
        (off, "list-type", (403, "RequestTimeTooSkewed"), None, skewed),
        (off, "list-type", (301, "PermanentRedirect"), None, "AWS_REGION: bucket bucket is not in us-east-1"),
        (off, "nothing", DENIED, Some("Fri, 24 May 2013 00:00:00 GMT"), skewed),
    ] {
        let (_, mut bad) = bad(|keys| result(all_deleted(keys))).await;
        (bad.versioning, bad.refuses, bad.date) = (versioning, Some((kind, status, code)), date);
        let error = format!("{:#}", start(&bad, "bucket", false).await.probe().await.unwrap_err());
        assert!(error.starts_with(said) && !error.contains('\n'), "{kind} {code}: {error}");
    }
}

#[tokio::test]
async fn what_a_bucket_says_of_its_versions_is_believed() {
    let status =
        |word| format!("<VersioningConfiguration xmlns=\"x\"><Status>{word}</Status></VersioningConfiguration>");
    let (_, mut bad) = bad(|keys| result(all_deleted(keys))).await;
    for word in ["Enabled", "Suspended"] {
        bad.versioning = status(word).leak();
        let objects = start(&bad, "bucket", false).await;
        objects.probe().await.unwrap();
        assert!(objects.keeps_versions(), "{word}");
    }
    assert!(bad.asked.lock().unwrap().is_empty(), "nothing is deleted without a version's name");
    bad.refuses = Some(("versioning", 501, "NotImplemented"));
    let objects = start(&bad, "bucket", false).await;
    objects.probe().await.unwrap();
    assert!(!objects.keeps_versions());
}
