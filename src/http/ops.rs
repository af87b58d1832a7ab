//! Health, readiness, metrics, and the description of everything else.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{App, Part, openapi};
use crate::engine::{
    error::{Error, Result},
    model::Realm,
};

/// A page of the server's own.
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    get: fn(&Part) -> MethodRouter<App>,
}

/// All of them. None asks for a key but `/metrics`, where others than this machine could read it.
pub(crate) const PAGES: [Page; 4] = [
    Page { path: "/healthz", summary: "Whether the process answers", get: |_| get(|| async { "ok\n" }) },
    Page { path: "/readyz", summary: "Whether database and object storage answer", get: |_| get(ready) },
    Page { path: "/metrics", summary: "Figures for Prometheus", get: guarded_metrics },
    Page { path: "/openapi.json", summary: "This document", get: description },
];

pub(crate) fn routes(part: &Part) -> Router<App> {
    PAGES.iter().fold(Router::new(), |router, page| router.route(page.path, (page.get)(part)))
}

fn guarded_metrics(part: &Part) -> MethodRouter<App> {
    match part.loopback {
        true => get(metrics),
        false => get(metrics_for_admins),
    }
}

fn description(part: &Part) -> MethodRouter<App> {
    let document = openapi::document(part).to_string();
    get(move || std::future::ready(json(document.clone())))
}

fn json(document: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

async fn ready(State(app): State<App>) -> Response {
    match app.engine.ready().await {
        // For people; whoever watches looks at the status.
        Ok(()) if app.engine.keeps_versions() => "ready\nthe object store keeps versions\n".into_response(),
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn metrics_for_admins(State(app): State<App>, headers: HeaderMap) -> Response {
    let key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let refuse = |status, text: &'static str| (status, [(header::WWW_AUTHENTICATE, "Bearer")], text).into_response();
    let Some(key) = key else {
        return refuse(StatusCode::UNAUTHORIZED, "an administrator's key is needed\n");
    };
    match app.engine.authenticate(key, Realm::Keys).await {
        Ok(caller) if caller.is_admin() => metrics(State(app)).await,
        Ok(_) => refuse(StatusCode::FORBIDDEN, "an administrator's key is needed\n"),
        Err(Error::KeyUnknown | Error::AccountDisabled) => refuse(StatusCode::UNAUTHORIZED, "the key is not known\n"),
        Err(error) => unavailable(&error),
    }
}

async fn metrics(State(app): State<App>) -> Response {
    let text = match app.ops.text(&app).await {
        Ok(text) => text,
        Err(error) => return unavailable(&error),
    };
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

fn unavailable(error: &Error) -> Response {
    tracing::error!(error = %error, "the figures could not be read");
    (StatusCode::SERVICE_UNAVAILABLE, "the figures could not be read\n").into_response()
}

/// Requests are counted here, for this process; everything else is read from the engine when it is asked for.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<DialectLabel, Histogram>,
    purge_pending: Gauge,
    purge_pending_bytes: Gauge,
    purge_overdue: Gauge,
    purge_failing: Gauge,
    expansions: Gauge,
    open_uploads: Gauge,
    accounts: Gauge,
    used_bytes: Gauge,
    commits: Gauge,
    committed_requests: Gauge,
    waiting_requests: Gauge,
    servers: Gauge,
    objects_versioned: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    dialect: &'static str,
    method: &'static str,
    /// As in the table of routes: there are so many and no more.
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabel {
    dialect: &'static str,
}

/// Seconds: from an answer out of memory to a large file.
fn duration_buckets() -> Histogram {
    Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("unfile");
        let requests = Family::default();
        registry.register("requests", "Answered requests", requests.clone());
        let durations = Family::new_with_constructor(duration_buckets as fn() -> Histogram);
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to the head of its answer",
            Unit::Seconds,
            durations.clone(),
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            purge_pending: gauge("purge_pending", "Objects that wait for their purge"),
            purge_pending_bytes: gauge("purge_pending_bytes", "Bytes that wait for their purge"),
            purge_overdue: gauge("purge_overdue", "Objects that wait longer than the overdue time"),
            purge_failing: gauge("purge_failing", "Objects whose removal was tried and failed, so far"),
            expansions: gauge("expansions", "Deleted folders whose content is not yet queued"),
            open_uploads: gauge("open_uploads", "Uploads that are not yet files"),
            accounts: gauge("accounts", "Accounts, disabled ones too"),
            commits: gauge("commits", "Transactions that this process has written"),
            waiting_requests: gauge("waiting_requests", "Requests that wait for their transaction to begin"),
            committed_requests: gauge("committed_requests", "Requests that shared those transactions"),
            servers: gauge("servers", "Processes that serve this installation and are alive"),
            objects_versioned: gauge("objects_versioned", "1 where the object store keeps versions, else 0"),
            used_bytes: gauge("used_bytes", "Bytes of live, trashed and pending versions"),
            requests,
            durations,
            registry,
        }
    }

    pub(crate) fn count(
        &self,
        dialect: &'static str,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        let (method, route, status) = (known_method(method), route.to_owned(), status.as_u16());
        let labels = RequestLabels { dialect, method, route, status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&DialectLabel { dialect }).observe(took.as_secs_f64());
    }

    async fn text(&self, app: &App) -> Result<String> {
        let figures = app.engine.figures().await?;
        set(&self.commits, figures.commits);
        set(&self.committed_requests, figures.committed_requests);
        set(&self.waiting_requests, figures.waiting_requests);
        set(&self.purge_pending, figures.purge_pending);
        set(&self.purge_pending_bytes, figures.purge_pending_bytes);
        set(&self.purge_overdue, figures.purge_overdue);
        set(&self.purge_failing, figures.purge_failing);
        set(&self.servers, figures.servers);
        set(&self.objects_versioned, figures.objects_versioned.into());
        set(&self.expansions, figures.expansions);
        set(&self.open_uploads, figures.open_uploads);
        set(&self.accounts, figures.accounts);
        set(&self.used_bytes, figures.used_bytes);
        let mut text = String::new();
        encode(&mut text, &self.registry).map_err(anyhow::Error::from)?;
        Ok(text)
    }
}

fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

/// A method is the client's to choose; only known ones become labels, so that nobody can fill the memory with others.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}
