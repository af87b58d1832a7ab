//! An engine in the test's own process, for what no request can bring about: a fault at one step, a moment between two.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use unfile::{
    clock::Clock,
    engine::{ByteStream, Engine, EngineOptions},
    fault::Faults,
    model::Rules,
};

use super::installation::{Backend, Installation};

/// An installation on the database of this run. Its objects are on disk: how a bucket is reached stands in a process's
/// environment, which a test cannot change for itself alone.
pub async fn installation() -> Installation {
    Installation::in_memory(Backend::of_this_run().with_folder()).await
}

/// Opens and starts an engine; no jobs run beside it.
pub async fn open(installation: &Installation, clock: &Clock, faults: &Faults) -> Engine {
    open_with(installation, rules(), clock, faults).await
}

/// As [`open`], with other rules than [`rules`].
pub async fn open_with(installation: &Installation, rules: Rules, clock: &Clock, faults: &Faults) -> Engine {
    std::fs::create_dir_all(installation.data()).unwrap();
    let engine = Engine::open(EngineOptions {
        database: installation.database_url(),
        serves: true,
        reserve: (!installation.is_shared()).then(|| installation.data().join("reserve")),
        objects: installation.objects_at(),
        rules,
        clock: clock.clone(),
        faults: faults.clone(),
    })
    .await
    .unwrap();
    engine.start().await.unwrap();
    engine
}

/// As an operator has them who sets nothing, but for the quota: there is none.
pub fn rules() -> Rules {
    let hour = Duration::from_secs(3_600);
    Rules {
        default_quota: 0,
        purge_delay: Duration::ZERO,
        purge_rate: 0,
        overdue_after: 24 * hour,
        audit_keep: 400 * 24 * hour,
        trash_keep: 30 * 24 * hour,
        vault_bin: None,
        edit_life: hour / 6,
        applink_access_life: hour / 4,
        applink_refresh_life: 24 * hour,
    }
}

/// The same after an engine has died, once the time is over for which others wait for it.
pub async fn open_again(installation: &Installation, clock: &Clock, faults: &Faults) -> Engine {
    clock.advance(installation.waits_for_the_dead());
    open(installation, clock, faults).await
}

/// Bytes on their way in, all at once.
pub fn sent(bytes: Bytes) -> ByteStream {
    futures_util::stream::iter([Ok(bytes)]).boxed()
}
