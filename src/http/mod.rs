//! HTTP: five vendors' dialects over one engine, and the server's own pages.
//!
//! A dialect is a folder: `mod` holds its table of routes, `wire` its words, `error` its answers to what went wrong,
//! `handlers` one short function a call. A handler takes things out of the request, makes one engine call and shapes
//! the answer; it decides nothing. Vendor words stop at `wire`.

pub(crate) mod body;
pub(crate) mod content;
pub(crate) mod cross_site;
pub(crate) mod hexnode;
pub(crate) mod openapi;
pub(crate) mod ops;
pub(crate) mod route;
pub(crate) mod sweeppea;
pub(crate) mod vault;

use std::sync::Arc;

pub use route::{Access, Dialect, Route};

use crate::{config::Config, engine::Engine};

/// What every handler can reach.
#[derive(Clone)]
pub struct App {
    pub engine: Engine,
    pub config: Arc<Config>,
    pub(crate) hexnode: Arc<hexnode::State>,
    pub(crate) sweeppea: Arc<sweeppea::State>,
    pub(crate) ops: Arc<ops::Metrics>,
}
