//! An engine in the test's own process, for what no request can bring about: a fault at one step, a moment between two.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt;
use tempfile::TempDir;
use unfile::{
    clock::Clock,
    engine::{ByteStream, Engine, EngineOptions, ObjectsAt},
    fault::Faults,
    model::Rules,
};

/// A folder for an installation, in memory where there is such a place: durability is not what these tests look at.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Opens and starts an engine; no jobs run beside it.
pub async fn open(folder: &TempDir, clock: &Clock, faults: &Faults) -> Engine {
    let hour = Duration::from_secs(3_600);
    let engine = Engine::open(EngineOptions {
        database: format!("sqlite:{}?mode=rwc", folder.path().join("unfile.db").display()),
        reserve: Some(folder.path().join("reserve")),
        objects: ObjectsAt::Folder(folder.path().join("objects")),
        rules: Rules {
            default_quota: 0,
            purge_delay: Duration::ZERO,
            overdue_after: 24 * hour,
            audit_keep: 400 * 24 * hour,
            trash_keep: 30 * 24 * hour,
            vault_bin: None,
            edit_life: hour / 6,
            applink_access_life: hour / 4,
            applink_refresh_life: 24 * hour,
        },
        clock: clock.clone(),
        faults: faults.clone(),
    })
    .await
    .unwrap();
    engine.start().await.unwrap();
    engine
}

/// Bytes on their way in, all at once.
pub fn sent(bytes: Bytes) -> ByteStream {
    futures_util::stream::iter([Ok(bytes)]).boxed()
}
