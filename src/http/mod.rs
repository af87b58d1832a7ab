//! HTTP: five vendors' dialects over one engine, and the server's own pages.
//!
//! A dialect is a folder: `mod` holds its table of routes, `wire` its words, `error` its answers to what went wrong,
//! `handlers` one short function a call. A handler takes things out of the request, makes one engine call and shapes
//! the answer; it decides nothing. Vendor words stop at `wire`.

pub(crate) mod body;
pub(crate) mod content;
#[cfg(feature = "testing")]
pub(crate) mod control;
pub(crate) mod cross_site;
pub(crate) mod hexnode;
pub(crate) mod json;
pub(crate) mod linger;
mod log;
pub(crate) mod multipart;
pub(crate) mod onlyoffice;
pub(crate) mod openapi;
pub(crate) mod ops;
pub(crate) mod oracle;
pub(crate) mod range;
pub(crate) mod rate;
pub(crate) mod route;
pub(crate) mod s3_error;
pub(crate) mod sigv4;
pub(crate) mod sweeppea;
pub(crate) mod vault;
pub(crate) mod xml;

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
pub use route::{Access, Dialect, Route};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, engine::Engine};

/// What every handler can reach. Clones are handles to the same.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the handlers of a listener share.
#[derive(Clone)]
pub struct Shared {
    pub engine: Engine,
    pub config: Arc<Config>,
    pub(crate) hexnode: Arc<hexnode::State>,
    pub(crate) sweeppea: Arc<sweeppea::State>,
    pub(crate) ops: Arc<ops::Metrics>,
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub fn new(engine: Engine, config: Arc<Config>) -> Self {
        Self(Arc::new(Shared {
            hexnode: Arc::new(hexnode::State::new(&config)),
            sweeppea: Arc::new(sweeppea::State::new(&config)),
            ops: Arc::new(ops::Metrics::new()),
            engine,
            config,
        }))
    }

    /// The same server as seen through a listener with a configuration of its own.
    #[must_use]
    pub fn with_config(&self, config: Config) -> Self {
        Self(Arc::new(Shared { config: Arc::new(config), ..Shared::clone(&self.0) }))
    }

    /// Writes the counted calls down once a second, and a last time when it is told to stop.
    pub async fn write_calls(self, stop: CancellationToken) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        while !stop.is_cancelled() {
            tokio::select! {
                _ = second.tick() => {}
                () = stop.cancelled() => {}
            }
            if let Err(error) = self.sweeppea.flush(&self.engine).await {
                // They stay counted in memory and are written with the next ones.
                tracing::warn!(error = %error, "the calls could not be written down");
            }
        }
    }
}

/// A dialect as the server sees it: where its paths lie and how they become a router.
struct Mounted {
    name: &'static str,
    /// Everything below belongs to the dialect: unknown paths are answered in its words.
    prefix: &'static str,
    /// Signed URLs of the dialect.
    signed_prefix: &'static str,
    mount: fn() -> Router<App>,
    routes: fn() -> Vec<Route>,
    scheme: openapi::Scheme,
    unknown_path: fn() -> Response,
    /// The answer to a call that met a fault of the server.
    fault: fn() -> Response,
    /// The answer to a call that the server has no room for.
    busy: fn() -> Response,
}

/// The dialects, once and for all: the router, the log, the description and the tests go over this list.
const DIALECTS: [Mounted; 5] = [
    Mounted {
        name: hexnode::Hexnode::NAME,
        prefix: "/api/v1/filemanagement",
        signed_prefix: "/s3/hexnode",
        mount: route::mount::<hexnode::Hexnode>,
        routes: hexnode::Hexnode::routes,
        scheme: openapi::Scheme::BareKey,
        unknown_path: hexnode::unknown_path,
        fault: hexnode::fault,
        busy: hexnode::busy,
    },
    Mounted {
        name: vault::Vault::NAME,
        prefix: "/vault_rest",
        signed_prefix: "/s3/vault",
        mount: route::mount::<vault::Vault>,
        routes: vault::Vault::routes,
        scheme: openapi::Scheme::Bearer,
        unknown_path: vault::unknown_path,
        fault: vault::fault,
        busy: vault::busy,
    },
    Mounted {
        name: sweeppea::Sweeppea::NAME,
        prefix: "/files",
        signed_prefix: "/s3/sweeppea",
        mount: route::mount::<sweeppea::Sweeppea>,
        routes: sweeppea::Sweeppea::routes,
        scheme: openapi::Scheme::Bearer,
        unknown_path: sweeppea::unknown_path,
        fault: sweeppea::fault,
        busy: sweeppea::busy,
    },
    Mounted {
        name: oracle::Oracle::NAME,
        prefix: "/documents",
        signed_prefix: "/s3/oracle",
        mount: route::mount::<oracle::Oracle>,
        routes: oracle::Oracle::routes,
        scheme: openapi::Scheme::Bearer,
        unknown_path: oracle::unknown_path,
        fault: oracle::fault,
        busy: oracle::busy,
    },
    Mounted {
        name: onlyoffice::OnlyOffice::NAME,
        prefix: "/api/2.0",
        signed_prefix: "/s3/onlyoffice",
        mount: route::mount::<onlyoffice::OnlyOffice>,
        routes: onlyoffice::OnlyOffice::routes,
        scheme: openapi::Scheme::BareKey,
        unknown_path: onlyoffice::unknown_path,
        fault: onlyoffice::fault,
        busy: onlyoffice::busy,
    },
];

/// The names and route tables of all dialects, for tests that walk every route.
pub fn dialects() -> impl Iterator<Item = (&'static str, Vec<Route>)> {
    DIALECTS.iter().map(|dialect| (dialect.name, (dialect.routes)()))
}

/// The paths of the server's own pages, all by GET, for the same tests.
pub fn pages() -> impl Iterator<Item = &'static str> {
    ops::PAGES.iter().map(|page| page.path)
}

/// What one listener answers to.
#[derive(Debug, Clone)]
pub struct Part {
    names: Vec<&'static str>,
    /// Only this machine reaches the listener.
    pub(crate) loopback: bool,
}

impl Part {
    /// The server's own pages, no dialect yet.
    pub fn new(loopback: bool) -> Self {
        Self { names: Vec::new(), loopback }
    }

    /// Adds a dialect by its name.
    pub fn add(&mut self, name: &'static str) {
        self.names.push(name);
    }

    fn dialects(&self) -> impl Iterator<Item = &'static Mounted> {
        DIALECTS.iter().filter(|dialect| self.names.contains(&dialect.name))
    }
}

/// Everything a listener answers to, with the request's id, its log line and the net below a panic around it.
pub fn router(app: &App, part: &Part) -> Router {
    let mut router = ops::routes(part);
    for dialect in part.dialects() {
        router = router.merge((dialect.mount)());
    }
    #[cfg(feature = "testing")]
    {
        router = router.merge(control::routes());
    }
    let unknown = {
        let part = part.clone();
        move |request: Request| std::future::ready(unknown_path(&part, request.uri().path()))
    };
    let router =
        router.fallback(unknown).layer(middleware::from_fn_with_state(app.clone(), around)).with_state(app.clone());
    onlyoffice::around(router)
}

/// What stands around every call, outermost first. One layer: each of axum's own copies all below it for each request.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let answered = async |request: Request| match owner(DIALECTS.iter(), request.uri().path()) {
        // Whoever watches over the server hears from it even if its disk hangs.
        Owner::Server => next.run(request).await,
        Owner::Dialect(_) | Owner::SignedUrls(_) => app.engine.answer(next.run(request)).await,
    };
    let caught = |request| log::catch_panic(request, answered);
    let let_in = |request| refuse_one_too_many(request, caught);
    let written = |request| oracle::write(request, let_in);
    let refused = request.extensions().get::<Refused>().is_some();
    let mut answer = log::around(&app, request, |request| linger::linger(request, written)).await;
    if refused {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Marks a request whose connection is one too many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused;

/// Tells a request whose connection is one too many that the server is busy, in the words of whose path it is. The
/// server's own pages are answered: who watches over it must not take it for dead.
async fn refuse_one_too_many<F: Future<Output = Response>>(
    request: Request,
    rest: impl FnOnce(Request) -> F,
) -> Response {
    if request.extensions().get::<Refused>().is_none() {
        return rest(request).await;
    }
    match owner(DIALECTS.iter(), request.uri().path()) {
        Owner::Dialect(dialect) => (dialect.busy)(),
        Owner::SignedUrls(_) => s3_error::slow_down(),
        Owner::Server => rest(request).await,
    }
}

fn unknown_path(part: &Part, path: &str) -> Response {
    match owner(part.dialects(), path) {
        Owner::Dialect(dialect) => (dialect.unknown_path)(),
        Owner::SignedUrls(_) => s3_error::no_such_key(),
        Owner::Server => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

/// The answer to a request that met a fault outside of any dialect's own handling of errors.
fn fault(path: &str) -> Response {
    match owner(DIALECTS.iter(), path) {
        Owner::Dialect(dialect) => (dialect.fault)(),
        Owner::SignedUrls(_) => s3_error::internal_error(),
        Owner::Server => (StatusCode::INTERNAL_SERVER_ERROR, "internal server error\n").into_response(),
    }
}

/// Which dialect a path belongs to, for the log and the figures.
fn dialect_of(path: &str) -> &'static str {
    match owner(DIALECTS.iter(), path) {
        Owner::Dialect(dialect) | Owner::SignedUrls(dialect) => dialect.name,
        Owner::Server => "server",
    }
}

/// Whose a path is, and so in whose words it is answered.
enum Owner {
    Dialect(&'static Mounted),
    /// A dialect's, but in S3's words.
    SignedUrls(&'static Mounted),
    Server,
}

fn owner(mut dialects: impl Iterator<Item = &'static Mounted>, path: &str) -> Owner {
    let owned = dialects.find_map(|dialect| match path {
        _ if lies_below(path, dialect.prefix) => Some(Owner::Dialect(dialect)),
        _ if lies_below(path, dialect.signed_prefix) => Some(Owner::SignedUrls(dialect)),
        _ => None,
    });
    owned.unwrap_or(Owner::Server)
}

fn lies_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_dialect_whose_prefix_it_has() {
        for (path, name) in [
            ("/files", "sweeppea"),
            ("/files/delete", "sweeppea"),
            ("/filesystem", "server"),
            ("/vault_rest/file/1", "vault"),
            ("/s3/hexnode/x", "hexnode"),
            ("/api/v1/filemanagement/", "hexnode"),
            ("/api/v1", "server"),
            ("/api/2.0/files/@my", "onlyoffice"),
            ("/s3/onlyoffice/x/y", "onlyoffice"),
            ("/api/2.01", "server"),
            ("/healthz", "server"),
        ] {
            assert_eq!(dialect_of(path), name, "{path}");
        }
    }
}
