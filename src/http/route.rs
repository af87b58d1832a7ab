//! A dialect's routes are data: one row a call, folded into a router here, walked by the access test and by the
//! OpenAPI document.

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    handler::Handler,
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
    routing,
};
use futures_util::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::App;
use crate::engine::model::Caller;

/// Who may make a call, before anything about its target is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No key: the URL itself is signed, or the call tells nothing.
    Open,
    /// A sign-in: the handler itself checks name and password.
    SignIn,
    /// Any good key.
    Read,
    /// A good key that is not restricted to reading.
    Write,
}

/// One call of a dialect.
pub struct Route {
    pub method: Method,
    /// The full path in axum's form, without a final `/`; the form with it is mounted too.
    pub path: &'static str,
    pub access: Access,
    pub summary: &'static str,
    /// A body that is taken, as an example: calls read theirs by rules that no schema could tell.
    pub example: Option<&'static str>,
    /// The schema of the body of a good answer.
    pub(crate) answer: Option<fn(&mut SchemaGenerator) -> Schema>,
    call: fn() -> Call,
    every_method: bool,
}

/// What answers a call: a handler with its type forgotten.
pub(crate) type Call = Arc<dyn Fn(Request, App) -> BoxFuture<'static, Response> + Send + Sync>;

/// A handler as a row of a table has it.
pub(crate) fn call<H, T>(handler: H) -> Call
where
    H: Handler<T, App> + Sync,
{
    Arc::new(move |request, app| Box::pin(handler.clone().call(request, app)))
}

impl Route {
    pub(crate) const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        call: fn() -> Call,
    ) -> Self {
        Self { method, path, access, summary, example: None, answer: None, call, every_method: false }
    }

    /// With an example of the JSON that it takes.
    pub(crate) fn takes(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// Its handler answers every method of the path, and says itself what is wrong with the others.
    pub(crate) fn for_every_method(self) -> Self {
        Self { every_method: true, ..self }
    }

    /// With the JSON that it answers with.
    pub(crate) fn answers<T: JsonSchema>(self) -> Self {
        Self { answer: Some(|generator| generator.subschema_for::<T>()), ..self }
    }
}

/// What folding a dialect's table needs to know of it.
pub trait Dialect: 'static {
    const NAME: &'static str;

    /// Every call of this dialect.
    fn routes() -> Vec<Route>;

    /// Turns the request's credentials into a caller, or into this dialect's refusal: unknown key, key restricted
    /// to reading on a [`Access::Write`] call, too many calls. [`Access::Open`] and [`Access::SignIn`] calls do not
    /// come here.
    fn authenticate(app: &App, parts: &Parts, access: Access) -> impl Future<Output = Result<Caller, Response>> + Send;

    /// The answer to a method that the path does not have; `allow` is the value of the `Allow` header.
    fn method_not_allowed(method: &Method, allow: &str) -> Response;

    /// Whether a wrong method is only told to callers with a good key (hexnode.md 2.2: 401 before 405).
    const KEY_BEFORE_METHOD: bool;
}

/// Folds a dialect's table into a router.
pub(crate) fn mount<D: Dialect>() -> Router<App> {
    let mut paths: Vec<(&'static str, Vec<Route>)> = Vec::new();
    for route in D::routes() {
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, routes)) => routes.push(route),
            None => paths.push((route.path, vec![route])),
        }
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let calls = Arc::new(Calls::of(routes));
        // One handler for all methods: a path that told axum its methods would get an `Allow` on whatever answers
        // another one, the 401 of a caller without a key too.
        let any = routing::any(move |State(app): State<App>, request: Request| {
            let calls = Arc::clone(&calls);
            async move { calls.answer::<D>(app, request).await.unwrap_or_else(|refusal| refusal) }
        });
        router = router.route(path, any.clone()).route(&format!("{path}/"), any);
    }
    router
}

/// The calls of one path.
struct Calls {
    /// By method; HEAD is answered by GET, unless that writes.
    by_method: Vec<(Method, Access, Call)>,
    /// Answers every method.
    for_all: Option<Call>,
    /// The value of the `Allow` header.
    allow: String,
}

impl Calls {
    fn of(routes: Vec<Route>) -> Self {
        let for_all = routes.iter().find(|route| route.every_method).map(|route| (route.call)());
        let allow = routes.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
        let mut by_method: Vec<(Method, Access, Call)> =
            routes.into_iter().map(|route| (route.method, route.access, (route.call)())).collect();
        let reads = |(method, access, _): &&(Method, Access, Call)| {
            *method == Method::GET && !matches!(access, Access::Write | Access::SignIn)
        };
        if let Some((_, access, call)) = by_method.iter().find(reads) {
            by_method.push((Method::HEAD, *access, Arc::clone(call)));
        }
        Self { by_method, for_all, allow }
    }

    /// Answers a request; an error is the dialect's refusal.
    async fn answer<D: Dialect>(&self, app: App, request: Request) -> Result<Response, Response> {
        if let Some(call) = &self.for_all {
            return Ok(call(request, app).await);
        }
        let Some((_, access, call)) = self.by_method.iter().find(|(method, ..)| method == request.method()) else {
            let request = if D::KEY_BEFORE_METHOD { admit::<D>(&app, request, Access::Read).await? } else { request };
            return Err(D::method_not_allowed(request.method(), &self.allow));
        };
        Ok(match access {
            Access::Open | Access::SignIn => call(request, app).await,
            Access::Read | Access::Write => call(admit::<D>(&app, request, *access).await?, app).await,
        })
    }
}

/// Lets a request in, with its caller, or gives the dialect's refusal.
async fn admit<D: Dialect>(app: &App, request: Request, access: Access) -> Result<Request, Response> {
    let (mut parts, body) = request.into_parts();
    let caller = D::authenticate(app, &parts, access).await?;
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, body))
}

/// The caller that [`Dialect::authenticate`] found. Only on [`Access::Read`] and [`Access::Write`] routes.
impl FromRequestParts<App> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            tracing::error!(path = %parts.uri.path(), "a handler asks for a caller on an open route");
            axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }
}
