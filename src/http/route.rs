//! A dialect's routes are data: one row a call, folded into a router here, walked by the access test and by the
//! OpenAPI document.

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    http::{Method, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{self, MethodRouter},
};

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
    handler: fn() -> MethodRouter<App>,
    every_method: bool,
}

impl Route {
    pub(crate) const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        handler: fn() -> MethodRouter<App>,
    ) -> Self {
        Self { method, path, access, summary, example: None, answer: None, handler, every_method: false }
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
pub(crate) fn mount<D: Dialect>(app: &App) -> Router<App> {
    let mut by_path: Vec<(&'static str, Vec<Route>)> = Vec::new();
    for route in D::routes() {
        match by_path.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, routes)) => routes.push(route),
            None => by_path.push((route.path, vec![route])),
        }
    }
    let mut router = Router::new();
    for (path, routes) in by_path {
        let methods = mount_path::<D>(app, routes);
        let with_slash = format!("{path}/");
        router = router.route(path, methods.clone()).route(&with_slash, methods);
    }
    router
}

/// A path's calls, with the dialect's own refusal for every other method.
fn mount_path<D: Dialect>(app: &App, routes: Vec<Route>) -> MethodRouter<App> {
    if let Some(all) = routes.iter().find(|route| route.every_method) {
        return (all.handler)();
    }
    let served = methods_served(&routes);
    let refuse = refusal::<D>(app, &routes).with_state(app.clone());
    let mut calls = MethodRouter::new();
    for Route { handler, access, .. } in routes {
        calls = calls.merge(match access {
            Access::Open | Access::SignIn => handler(),
            Access::Read | Access::Write => guard::<D>(app, handler(), access),
        });
    }
    let calls = calls.with_state(app.clone());
    // One handler for all methods: a path that told axum its methods would get an `Allow` on whatever answers another
    // one, the 401 of a caller without a key too.
    routing::any(move |request: Request| {
        let service = match served.contains(request.method()) {
            true => calls.clone(),
            false => refuse.clone(),
        };
        async move {
            use tower::ServiceExt;
            service.oneshot(request).await.into_response()
        }
    })
}

/// The methods that have a call. HEAD is answered by GET, unless that writes.
fn methods_served(routes: &[Route]) -> Vec<Method> {
    let mut methods: Vec<Method> = routes.iter().map(|route| route.method.clone()).collect();
    let get = routes.iter().find(|route| route.method == Method::GET);
    if get.is_some_and(|get| !matches!(get.access, Access::Write | Access::SignIn)) {
        methods.push(Method::HEAD);
    }
    methods
}

/// What answers a method that has no call.
fn refusal<D: Dialect>(app: &App, routes: &[Route]) -> MethodRouter<App> {
    let allow = routes.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
    let refuse = routing::any(move |method: Method| {
        let answer = D::method_not_allowed(&method, &allow);
        async move { answer }
    });
    match D::KEY_BEFORE_METHOD {
        true => guard::<D>(app, refuse, Access::Read),
        false => refuse,
    }
}

fn guard<D: Dialect>(app: &App, methods: MethodRouter<App>, access: Access) -> MethodRouter<App> {
    let app = app.clone();
    methods.layer(middleware::from_fn(move |request: Request, next: Next| {
        let app = app.clone();
        async move {
            let (mut parts, body) = request.into_parts();
            match D::authenticate(&app, &parts, access).await {
                Ok(caller) => {
                    parts.extensions.insert(caller);
                    next.run(Request::from_parts(parts, body)).await
                }
                Err(refusal) => refusal,
            }
        }
    }))
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
