//! A proxy in front of an object store that does what stores do on a bad day: says that it is overloaded, loses its
//! answer, hangs, and fails single keys of a bulk delete.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{net::TcpListener, task::JoinHandle};

/// How often what goes wrong, of 100 requests. The rest goes through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// 503 SlowDown; the store never sees the request.
    pub overloaded: u32,
    /// The store does what is asked, and nobody hears of it.
    pub lost: u32,
    /// Nothing happens for so long, and then nothing.
    pub hanging: u32,
    /// Of 100 keys in a bulk delete, so many come back as failed.
    pub failed_keys: u32,
}

pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    /// `http://host:port` of the store.
    store: String,
    http: reqwest::Client,
    weather: Mutex<Weather>,
    chance: Mutex<StdRng>,
    /// Requests that went wrong.
    spoilt: AtomicU32,
}

/// How long a request hangs.
const HANGS_FOR: Duration = Duration::from_secs(3);

impl Proxy {
    /// In front of the store at this origin, in good weather.
    pub async fn start(store: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            store: store.trim_end_matches('/').to_owned(),
            http: super::client(),
            weather: Mutex::default(),
            chance: Mutex::new(StdRng::seed_from_u64(7)),
            spoilt: AtomicU32::new(0),
        });
        let router = Router::new().fallback(pass).with_state(inner.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Proxy { address, inner, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, weather: Weather) {
        *self.inner.weather.lock().unwrap() = weather;
    }

    /// How many requests went wrong so far.
    pub fn spoilt(&self) -> u32 {
        self.inner.spoilt.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    fn one_in_a_hundred(&self, times: u32) -> bool {
        self.chance.lock().unwrap().random_range(0..100) < times
    }

    fn spoil(&self) {
        self.spoilt.fetch_add(1, Ordering::Relaxed);
    }
}

async fn pass(State(inner): State<Arc<Inner>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let weather = *inner.weather.lock().unwrap();
    if inner.one_in_a_hundred(weather.overloaded) {
        inner.spoil();
        let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
                     <Message>Please reduce your request rate.</Message></Error>";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "application/xml")], error).into_response();
    }
    if inner.one_in_a_hundred(weather.hanging) {
        inner.spoil();
        tokio::time::sleep(HANGS_FOR).await;
        break_off();
    }
    let is_bulk_delete = method == Method::POST && uri.query().is_some_and(|query| query.starts_with("delete"));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // The signature is over the host that the client named: it goes on as it came.
    let request = inner.http.request(method, format!("{}{path}", inner.store)).headers(headers).body(body);
    let Ok(answer) = request.send().await else { break_off() };
    if inner.one_in_a_hundred(weather.lost) {
        inner.spoil();
        break_off();
    }
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    if !is_bulk_delete || weather.failed_keys == 0 || !status.is_success() {
        return (status, headers, Body::from_stream(answer.bytes_stream())).into_response();
    }
    let Ok(text) = answer.text().await else { break_off() };
    headers.remove(header::CONTENT_LENGTH);
    (status, headers, fail_keys(&inner, &text, weather.failed_keys)).into_response()
}

/// Turns the success of some keys into a failure.
fn fail_keys(inner: &Inner, answer: &str, of_hundred: u32) -> String {
    let mut parts = answer.split("<Deleted>");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let key = part.split_once("<Key>").and_then(|(_, rest)| rest.split_once("</Key>")).map(|(key, _)| key);
        match (key, part.split_once("</Deleted>")) {
            (Some(key), Some((_, rest))) if inner.one_in_a_hundred(of_hundred) => {
                inner.spoil();
                text += &format!(
                    "<Error><Key>{key}</Key><Code>InternalError</Code><Message>We encountered an internal error.\
                     </Message></Error>{rest}"
                );
            }
            _ => text += &format!("<Deleted>{part}"),
        }
    }
    text
}

/// Ends the connection without a word: unwinding quietly takes its task along.
fn break_off() -> ! {
    std::panic::resume_unwind(Box::new("broken off"))
}
