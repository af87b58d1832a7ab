//! One integration binary: the real server as a child process, real SQLite, a real disk, reqwest as the client.
//!
//! Nothing here sleeps: a test moves the server's clock, runs its jobs dry, or waits for a condition with a bound.

#![allow(clippy::unwrap_used)]

mod model;
mod support;

mod cli;
mod config;
mod disk_full;
mod hexnode;
mod memory;
mod model;
mod quick_start;
mod release;
mod server;
mod sweeppea;
mod vault;
