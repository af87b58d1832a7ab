//! ONLYOFFICE (contract: onlyoffice.md).

use axum::{
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};

use super::{Access, App, Dialect, Route};
use crate::engine::model::Caller;

pub(crate) struct OnlyOffice;

impl Dialect for OnlyOffice {
    const NAME: &'static str = "onlyoffice";

    const KEY_BEFORE_METHOD: bool = false;

    fn routes() -> Vec<Route> {
        Vec::new()
    }

    async fn authenticate(_: &App, _: &Parts, _: Access) -> Result<Caller, Response> {
        Err(StatusCode::UNAUTHORIZED.into_response())
    }

    fn method_not_allowed(_: &Method, _: &str) -> Response {
        StatusCode::METHOD_NOT_ALLOWED.into_response()
    }
}

/// The answer to a call that met a fault of the server, which is logged already.
pub(crate) fn fault() -> Response {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// The answer to a path below `/api/2.0` that this dialect does not have.
pub(crate) fn unknown_path() -> Response {
    StatusCode::NOT_FOUND.into_response()
}
