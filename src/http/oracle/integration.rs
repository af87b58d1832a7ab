//! The second entry point: one address, the service by name (oracle.md 4.6). It carries the trash's calls, and what the
//! vendor's own client asks before and around them.
//!
//! Its answers are always JSON in a form of their own and nearly always 200: whether it went well is a member. Links do
//! not open it.

mod params;
mod service;
mod trash;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use self::{params::Params, service::Service};
use super::{
    answer::PREFIX,
    auth::{self, NamedLink},
    call::Call,
    error::{Reason, Refusal},
    params::Query,
};
use crate::{
    engine::model::Caller,
    hex::hex,
    http::{App, body::json},
};

const PATH: &str = "/integration";

/// Whether a path is this entry point's.
pub(super) fn is_integration(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.trim_end_matches('/') == PATH)
}

/// The service that a URL names; empty if it names none.
pub(super) fn service_of(uri: &Uri) -> String {
    let query = Query::parse(uri.query()).ok();
    let name = query.as_ref().and_then(|query| query.text(params::SERVICE).ok().flatten());
    name.unwrap_or_default().to_owned()
}

pub(super) async fn call(State(app): State<App>, caller: Caller, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let named = service_of(&parts.uri);
    let read = Params::read(parts.uri.query(), body).await;
    let name = read.as_ref().ok().and_then(Params::service).unwrap_or(named);
    match run(&app, &caller, &parts.method, &parts.headers, read, &name).await {
        Ok(reply) => answer(StatusCode::OK, &app, &caller, &name, reply),
        Err(refusal) => refused_to(&app, &caller, &refusal, &name),
    }
}

async fn run(
    app: &App,
    caller: &Caller,
    method: &Method,
    headers: &HeaderMap,
    params: Result<Params, Refusal>,
    name: &str,
) -> Result<Reply, Refusal> {
    // A service of which there is none says so before anything else is looked at.
    let Some(service) = Service::named(name) else { return Ok(Reply::unknown_service()) };
    if NamedLink::parse(headers)?.is_some() {
        // Whoever names a link is judged by it alone, and no link opens this entry point.
        return Err(Refusal::forbidden(caller));
    }
    if service.writes() {
        if *method != Method::POST {
            return Err(Refusal::method_not_allowed("POST"));
        }
        auth::may_write(app, headers, caller)?;
    }
    service.run(app, caller, &params?).await
}

/// What a service answers with, beside what all answers have.
#[derive(Debug, Default)]
struct Reply {
    status: Option<(&'static str, String)>,
    local: Map<String, Value>,
    sets: Map<String, Value>,
}

impl Reply {
    fn unknown_service() -> Self {
        Self { status: Some(("-1", "The service is not known.".to_owned())), ..Self::default() }
    }

    /// The work was done but for what the message names.
    fn incomplete(message: String) -> Self {
        Self { status: Some(("-32", message)), ..Self::default() }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.local.insert(name.to_owned(), Value::String(value.into()));
        self
    }

    /// With a table.
    fn with_rows<const N: usize>(mut self, name: &str, fields: [&str; N], rows: Vec<[String; N]>) -> Self {
        let fields: Vec<Value> = fields.iter().map(|field| json!({ "name": field })).collect();
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        self.sets.insert(name.to_owned(), json!({ "fields": fields, "rows": rows }));
        self
    }
}

fn answer(status: StatusCode, app: &App, caller: &Caller, service: &str, reply: Reply) -> Response {
    let (code, message) = reply.status.unwrap_or(("0", "OK".to_owned()));
    let mut local = local_data(service, code, &message, "", &caller.name, &caller.display_name);
    local.insert("idcToken".into(), token(app, caller).into());
    local.extend(reply.local);
    json(status, &json!({ "LocalData": local, "ResultSets": reply.sets }))
}

fn local_data(service: &str, code: &str, message: &str, key: &str, user: &str, name: &str) -> Map<String, Value> {
    let members = [
        ("IdcService", service),
        ("StatusCode", code),
        ("StatusMessage", message),
        ("StatusMessageKey", key),
        ("dUser", user),
        ("dUserFullName", name),
        ("localizedForResponse", "1"),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// `<ms>:<hex>`. It is handed out because clients wait for one, and asks nothing of them: the check for other sites
/// stands in its place.
fn token(app: &App, caller: &Caller) -> String {
    let millis = app.engine.now().unix_timestamp_nanos() / 1_000_000;
    let mark = app.engine.signing_key(&format!("idc-token {millis} {}", caller.name));
    format!("{millis}:{}", hex(&mark[..16]))
}

/// A service's refusal for a caller who has signed in.
fn refused_to(app: &App, caller: &Caller, refusal: &Refusal, service: &str) -> Response {
    let (key, message) = refusal.texts(&call_of(service));
    let mut local = local_data(service, refusal.code(), &message, &key, &caller.name, &caller.display_name);
    local.insert("idcToken".into(), token(app, caller).into());
    refused_with(refusal, local)
}

/// A refusal that was made before anybody had signed in.
pub(super) fn refused(refusal: &Refusal, service: &str) -> Response {
    let (key, message) = refusal.texts(&call_of(service));
    refused_with(refusal, local_data(service, refusal.code(), &message, &key, "anonymous", "anonymous"))
}

fn refused_with(refusal: &Refusal, local: Map<String, Value>) -> Response {
    let head = refusal.head();
    // Success and failure alike are 200, but for what no client of a service causes.
    let status = match refusal.reason {
        Reason::SignIn
        | Reason::CrossSite(_)
        | Reason::TooManyAttempts
        | Reason::Method
        | Reason::UnknownPath
        | Reason::TooLarge
        | Reason::Busy => head.status(),
        Reason::Invalid(_)
        | Reason::OutOfRange
        | Reason::Forbidden(_)
        | Reason::CodeNeeded
        | Reason::Exists
        | Reason::Missing
        | Reason::Locked
        | Reason::Held
        | Reason::Quota
        | Reason::Full
        | Reason::Failed => StatusCode::OK,
    };
    let mut answer = json(status, &json!({ "LocalData": local, "ResultSets": {} })).into_response();
    for (name, value) in head.headers() {
        answer.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    answer
}

/// How a service's errors name it.
fn call_of(service: &str) -> Call {
    Call::of_service(Service::named(service).map_or("", |service| service.name()))
}
