//! Sweeppea Drive: a flat drive of small files (sweeppea.md).
//!
//! Every call is a POST with a JSON body, reads too, and its answer tells the caller how many calls it made this month.
//! So each request becomes a [`Call`](admission::Call) first: somebody with a good key and calls left, counted. A handler
//! has nothing to add to that; it reads the body's fields, makes one engine call and names what came of it.
//!
//! | file | holds |
//! |---|---|
//! | `admission` | who calls, and whether they may now |
//! | `calls` | the month's counter behind `APICalls` |
//! | `wire` | the bodies' members, their order and their numbers |
//! | `fields` | reading what clients send, one member at a time |
//! | `error` | every answer that is not a 200 |
//! | `file_type`, `file_name` | which files the Drive takes, and under what name |
//! | `room` | memory for bodies |
//! | `read_url` | the signed URLs that `getFileUrl` hands out |

mod admission;
mod calls;
mod error;
mod fields;
mod file_name;
mod file_type;
mod handlers;
mod read_url;
mod room;
mod wire;

use std::sync::Arc;

use axum::{
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
};

use self::{
    calls::Calls,
    error::Refusal,
    room::Room,
    wire::{DeletedData, FetchedData, Success, UploadedData, UrlData},
};
use super::{Access, App, Dialect, Route, rate::RateLimit, route::call};
use crate::{
    config::Config,
    engine::{
        self, Engine,
        model::{AccountId, Caller},
    },
};

/// What this dialect remembers between calls.
pub(crate) struct State {
    calls: Arc<Calls>,
    rate: RateLimit<AccountId>,
    room: Room,
}

impl State {
    pub(crate) fn new(config: &Config) -> Self {
        Self { calls: Arc::default(), rate: RateLimit::new(config.sweeppea_rate), room: Room::new() }
    }

    /// Writes the calls counted since the last time. Due once a second while serving, and once more after the last
    /// answer of a graceful stop: what is lost is what a crash finds unwritten (sweeppea.md 2.3).
    ///
    /// # Errors
    /// The engine's; the calls are then kept for the next time.
    pub(crate) async fn flush(&self, engine: &Engine) -> engine::error::Result<()> {
        self.calls.flush(engine).await
    }
}

/// The dialect.
pub(crate) struct Sweeppea;

impl Dialect for Sweeppea {
    const NAME: &'static str = "sweeppea";

    /// A wrong method is told to everybody (sweeppea.md 2.1: 405 before 401).
    const KEY_BEFORE_METHOD: bool = false;

    fn routes() -> Vec<Route> {
        use Access::{Open, Read, Write};
        let signed = "/s3/sweeppea/{uid}/{name}";
        vec![
            Route::new(Method::POST, "/files/delete", Write, "Delete a file for good", || call(handlers::delete))
                .takes(r#"{"FileToken":"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11"}"#)
                .answers::<Success<DeletedData>>(),
            Route::new(Method::POST, "/files/upload", Write, "Upload a file", || call(handlers::upload))
                .takes(r#"{"Filename":"a.txt","MimeType":"text/plain","FileData":"SGVsbG8=","Private":true}"#)
                .answers::<Success<UploadedData>>(),
            Route::new(Method::POST, "/files/fetch", Read, "List files, with storage figures", || {
                call(handlers::fetch)
            })
            .takes(r#"{"Page":1,"Limit":50}"#)
            .answers::<Success<FetchedData>>(),
            Route::new(Method::POST, "/files/getFileUrl", Read, "Make a temporary URL for reading a file", || {
                call(handlers::get_file_url)
            })
            .takes(r#"{"FileToken":"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11","Mode":"preview","ExpiresIn":900}"#)
            .answers::<Success<UrlData>>(),
            Route::new(Method::POST, "/files/send", Write, "Mail a file; no mail server can be set yet", || {
                call(handlers::send)
            })
            .takes(r#"{"FileToken":"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11","RecipientEmail":"recipient@example.com"}"#),
            Route::new(Method::GET, signed, Open, "Read a file by its temporary URL", || call(handlers::read))
                .for_every_method(),
            Route::new(Method::HEAD, signed, Open, "The headers of a file, by its temporary URL", || {
                call(handlers::read)
            })
            .for_every_method(),
        ]
    }

    async fn authenticate(app: &App, parts: &Parts, access: Access) -> Result<Caller, Response> {
        admission::authenticate(app, parts, access).await.map_err(IntoResponse::into_response)
    }

    fn method_not_allowed(_: &Method, allow: &str) -> Response {
        Refusal::Method { allow: allow.to_owned() }.into_response()
    }
}

/// The answer to a call that met a fault of the server, which is logged already.
pub(crate) fn fault() -> Response {
    Refusal::Internal.into_response()
}

/// The answer to a call that the server has no room for.
pub(crate) fn busy() -> Response {
    Refusal::Busy.into_response()
}

/// The answer to a path under `/files/` that has no call.
pub(crate) fn unknown_path() -> Response {
    Refusal::Path.into_response()
}
