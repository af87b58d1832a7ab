//! What the tests have too: free ports, the binary's command line, PostgreSQL and SeaweedFS.

// They panic where something is not as it should be, and have more than is used here.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "../../tests/it/support/child.rs"]
pub mod child;
#[path = "../../tests/it/support/daemon.rs"]
pub mod daemon;
#[path = "../../tests/it/support/postgres.rs"]
pub mod postgres;
#[path = "../../tests/it/support/weed.rs"]
pub mod weed;
