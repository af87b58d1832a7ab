//! unfile: a self-hosted file service whose deletes can be trusted.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod fault;
pub mod http;
