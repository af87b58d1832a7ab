//! One integration binary: the real server as a child process, real SQLite or PostgreSQL, a real disk or a
//! real S3 store, reqwest as the client.
//!
//! Nothing here sleeps: a test moves the server's clock, runs its jobs dry, or waits for a condition with a bound.

// A test may panic, and `pub` in a binary reads better than `pub(crate)` on every line of the harness.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

mod access;
mod cli;
mod config;
mod content;
mod counts;
mod crash;
mod cross;
mod daemons;
mod deploy;
mod dialects;
mod disk_full;
mod durable;
mod engine;
mod fleet;
mod for_real;
mod grants;
mod group_commit;
mod hexnode;
mod kill;
mod list;
mod memory;
mod migrate;
mod migration;
mod model;
mod objects;
mod onlyoffice;
mod oracle;
mod overload;
mod purge;
mod quick_start;
mod refused;
mod release;
mod schema;
mod server;
mod servers;
mod sweeppea;
mod tidy;
mod trash;
mod tree;
mod vault;
