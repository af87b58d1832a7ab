//! unfile: a self-hosted file service whose deletes can be trusted.
//!
//! The way in is [`engine`]; ARCHITECTURE.md has the map.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod fault;
mod hex;
pub mod http;
pub mod jobs;
pub mod model;
pub mod objects;
mod store;

/// Chooses the cryptography of TLS for this process, once, before anything speaks it.
pub fn choose_cryptography() {
    // An error means that it is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
