//! Hexnode file management.

pub(crate) struct State;

use axum::{http::{Method, request::Parts}, response::{IntoResponse, Response}};
use super::{Access, App, Dialect, Route};
use crate::engine::model::Caller;

pub(crate) struct Hexnode;

impl Dialect for Hexnode {
    const NAME: &'static str = "hexnode";
    const KEY_BEFORE_METHOD: bool = false;

    fn routes() -> Vec<Route> {
        Vec::new()
    }

    async fn authenticate(_: &App, _: &Parts, _: Access) -> Result<Caller, Response> {
        Err(unknown_path())
    }

    fn method_not_allowed(_: &Method, _: &str) -> Response {
        unknown_path()
    }
}

pub(crate) fn unknown_path() -> Response {
    axum::http::StatusCode::NOT_FOUND.into_response()
}

impl State {
    pub(crate) fn new(_: &crate::config::Config) -> Self {
        State
    }

    pub(crate) async fn flush(&self, _: &crate::engine::Engine) {}
}
