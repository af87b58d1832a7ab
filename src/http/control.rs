//! Test builds only: routes that move the clock, run the jobs and set faults.

use std::time::Duration;

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;

use super::App;
use crate::{fault::Action, jobs};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/_testing/clock", post(clock))
        .route("/_testing/jobs", post(jobs))
        .route("/_testing/fault", post(fault))
        .route("/_testing/panic", post(panic))
}

#[derive(Deserialize)]
struct Advance {
    #[serde(default)]
    seconds: u64,
    #[serde(default)]
    micros: u64,
}

async fn clock(State(app): State<App>, Query(by): Query<Advance>) {
    let by = Duration::from_secs(by.seconds) + Duration::from_micros(by.micros);
    app.engine.clock().advance(by);
}

async fn jobs(State(app): State<App>) -> Response {
    match jobs::run_dry(&app.engine).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
    }
}

#[derive(Deserialize)]
struct Fault {
    point: String,
    action: String,
}

async fn fault(State(app): State<App>, Query(fault): Query<Fault>) -> StatusCode {
    match parse_action(&fault.action) {
        Some(action) => {
            app.engine.faults().set(&fault.point, action);
            StatusCode::OK
        }
        None => StatusCode::BAD_REQUEST,
    }
}

/// `fail`, `kill`, `off`; anything else is `None`.
pub(crate) fn parse_action(word: &str) -> Option<Option<Action>> {
    match word {
        "fail" => Some(Some(Action::Fail)),
        "kill" => Some(Some(Action::Kill)),
        "off" => Some(None),
        _ => None,
    }
}

/// For the test that a panic is caught and answered.
async fn panic() {
    panic!("a test asks for it");
}
