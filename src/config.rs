//! One struct for everything an operator can set.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// The whole configuration, validated (design: interface).
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    /// Without a final `/`.
    pub public_url: String,
    pub presign_ttl: Duration,
    /// Calls a minute, 0 = no limit.
    pub hexnode_rate: u32,
    pub sweeppea_rate: u32,
}
