//! A small model of the service against the real engine, with real SQLite and a real disk: random uploads, deletes,
//! retries, holds, storage that fails, and a process that dies between any two steps. After each step the promises of
//! ARCHITECTURE.md are the invariants.
//!
//! `UNFILE_MODEL_CASES` sets how many histories are tried; `./test` tries few, a soak run tries many.

mod check;
mod world;

use proptest::{prelude::*, test_runner::TestRunner};
use world::World;

/// One step of a history. Numbers pick among what there is at that moment.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A file in one call.
    Store {
        account: usize,
        name: u8,
        size: usize,
    },
    /// A slot: so many PUTs, then perhaps the verify.
    Slot {
        account: usize,
        puts: Vec<usize>,
        verify: bool,
    },
    /// A transfer of files in folders, in chunks; perhaps committed, perhaps dropped, perhaps left open.
    Transfer {
        account: usize,
        files: Vec<(Vec<u8>, usize)>,
        end: End,
    },
    /// A delete of several files, some of them perhaps unknown, foreign or named twice.
    Delete {
        account: usize,
        picks: Vec<usize>,
        all_or_nothing: bool,
        as_admin: bool,
    },
    /// A delete of folders.
    DeleteFolders {
        account: usize,
        picks: Vec<usize>,
    },
    /// A delete that waits until the bytes are gone.
    DeleteAndWait {
        account: usize,
        pick: usize,
    },
    /// Two deletes of the same files at the same moment.
    Race {
        account: usize,
        picks: Vec<usize>,
    },
    Hold {
        pick: usize,
    },
    Unhold {
        pick: usize,
    },
    /// Storage fails, or works again.
    Storage {
        down: bool,
    },
    /// The jobs do all they can.
    Jobs,
    /// Time passes.
    Hours {
        hours: u64,
    },
    /// The process dies at a point, when a later step comes there.
    CrashAt {
        point: usize,
    },
    /// The work fails at a point, throughout the next step.
    FailAt {
        point: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Commit,
    Drop,
    Leave,
}

fn step() -> impl Strategy<Value = Step> {
    let account = || 0..2usize;
    let picks = || prop::collection::vec(0..64usize, 1..6);
    let path = || prop::collection::vec(0..3u8, 0..3);
    let end = prop_oneof![6 => Just(End::Commit), 1 => Just(End::Drop), 1 => Just(End::Leave)];
    prop_oneof![
        4 => (account(), 0..8u8, 0..3_000usize).prop_map(|(account, name, size)| Step::Store { account, name, size }),
        2 => (account(), prop::collection::vec(0..3_000usize, 0..3), prop::bool::weighted(0.8))
            .prop_map(|(account, puts, verify)| Step::Slot { account, puts, verify }),
        4 => (account(), prop::collection::vec((path(), 0..3_000usize), 0..4), end)
            .prop_map(|(account, files, end)| Step::Transfer { account, files, end }),
        5 => (account(), picks(), any::<bool>(), prop::bool::weighted(0.2)).prop_map(
            |(account, picks, all_or_nothing, as_admin)| Step::Delete { account, picks, all_or_nothing, as_admin }),
        2 => (account(), picks()).prop_map(|(account, picks)| Step::DeleteFolders { account, picks }),
        2 => (account(), 0..64usize).prop_map(|(account, pick)| Step::DeleteAndWait { account, pick }),
        1 => (account(), picks()).prop_map(|(account, picks)| Step::Race { account, picks }),
        1 => (0..64usize).prop_map(|pick| Step::Hold { pick }),
        1 => (0..64usize).prop_map(|pick| Step::Unhold { pick }),
        1 => any::<bool>().prop_map(|down| Step::Storage { down }),
        3 => Just(Step::Jobs),
        1 => (1..30u64).prop_map(|hours| Step::Hours { hours }),
        2 => (0..world::POINTS.len()).prop_map(|point| Step::CrashAt { point }),
        2 => (0..world::FAILING.len()).prop_map(|point| Step::FailAt { point }),
    ]
}

#[test]
fn every_history_keeps_the_promises() {
    let cases = std::env::var("UNFILE_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    let config =
        ProptestConfig { cases, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let histories = prop::collection::vec(step(), 1..40);
    let result = TestRunner::new(config).run(&histories, |history| {
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in &history {
                world.take(step).await;
                check::promises(&world).await;
            }
            world.settle().await;
            check::promises(&world).await;
            check::nothing_left_behind(&world).await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
