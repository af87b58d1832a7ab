//! A dialect's routes are data: one row a call, folded into a router here, walked by the access test and by the
//! OpenAPI document.

use axum::{
    Router,
    extract::{FromRequestParts, Request},
    handler::Handler,
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
}

impl Route {
    pub(crate) const fn new(
        method: Method,
        path: &'static str,
        access: Access,
        summary: &'static str,
        handler: fn() -> MethodRouter<App>,
    ) -> Self {
        Self { method, path, access, summary, example: None, answer: None, handler }
    }

    /// With an example of the JSON that it takes.
    pub(crate) fn takes(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
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

fn mount_path<D: Dialect>(app: &App, routes: Vec<Route>) -> MethodRouter<App> {
    let allow = routes.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", ");
    let get_writes = routes
        .iter()
        .any(|route| route.method == Method::GET && matches!(route.access, Access::Write | Access::SignIn));
    let mut methods = MethodRouter::new();
    for route in routes {
        let access = route.access;
        methods = methods.merge(match access {
            Access::Open | Access::SignIn => (route.handler)(),
            Access::Read | Access::Write => guard::<D>(app, (route.handler)(), access),
        });
    }
    let refuse = move |method: Method| {
        let answer = D::method_not_allowed(&method, &allow);
        async move { answer }
    };
    let refused = |refuse: MethodRouter<App>| match D::KEY_BEFORE_METHOD {
        true => guard::<D>(app, refuse, Access::Read),
        false => refuse,
    };
    if get_writes {
        // What axum would otherwise do with HEAD is call the handler of GET.
        methods = methods.merge(refused(routing::head(refuse.clone())));
    }
    let refuse = refused(any_method(refuse));
    let app = app.clone();
    methods.fallback(move |request: Request| {
        let refuse = refuse.clone().with_state(app.clone());
        async move {
            use tower::ServiceExt;
            refuse.oneshot(request).await.into_response()
        }
    })
}

fn any_method<H: Handler<T, App>, T: 'static>(handler: H) -> MethodRouter<App> {
    routing::any(handler)
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
