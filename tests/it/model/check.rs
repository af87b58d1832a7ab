//! The promises as invariants, looked at from outside: what a caller sees, what stands in the database and on disk.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use unfile::engine::error::Error;

use super::world::{World, every_file};
use crate::support::promises::{self, Evidence};

/// Promises 1 to 3, 5 and 6, at any moment.
pub(super) async fn promises(world: &World) {
    files_are_as_the_model_says(world).await;
    let mut evidence = Evidence::of(world.folder.path()).await;
    evidence.assert_kept().await;
    ids_are_kept(world, &mut evidence).await;
    evidence.close().await;
}

/// With everything working and the jobs done: promises 3 and 4.
pub(super) async fn nothing_left_behind(world: &World) {
    promises::assert_nothing_left_behind(world.folder.path()).await;
}

async fn files_are_as_the_model_says(world: &World) {
    for (account, caller) in world.callers.iter().enumerate() {
        let listed: BTreeSet<_> =
            world.engine.files(caller, every_file()).await.unwrap().items.iter().map(|file| file.uid).collect();
        let believed: BTreeSet<_> =
            world.files.iter().filter(|(_, file)| file.live && file.account == account).map(|(uid, _)| *uid).collect();
        assert_eq!(listed, believed, "the list of account {account}");
        let page = world.engine.files(caller, every_file()).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
    }
    for (uid, file) in &world.files {
        let read = world.engine.read(&world.callers[file.account], *uid).await;
        let by_other = world.engine.file(&world.callers[1 - file.account], *uid).await;
        assert!(matches!(by_other, Err(Error::NotFound)), "a foreign file is seen");
        let signed = world.engine.read_signed(*uid).await;
        match file.live {
            true => {
                let chunks: Vec<_> = read.unwrap().stream.try_collect().await.unwrap();
                assert_eq!(chunks.concat(), file.bytes, "the bytes read back");
                assert!(signed.is_ok());
            }
            false => {
                assert!(matches!(read, Err(Error::NotFound)), "a deleted file is read");
                assert!(matches!(signed, Err(Error::NotFound)), "a deleted file is read by an old URL");
            }
        }
    }
}

/// Promise 5: every id ever seen stays on its node or in its deletion record.
async fn ids_are_kept(world: &World, evidence: &mut Evidence) {
    let rows = evidence.rows("select id, uid from node union all select node_id, uid from deletion").await;
    let kept: BTreeMap<i64, &str> =
        rows.iter().map(|row| (row[0].as_i64().unwrap(), row[1].as_str().unwrap())).collect();
    for (id, uid) in &world.ids {
        assert_eq!(kept.get(id), Some(&uid.to_string().as_str()), "the ids of a file are not kept");
    }
}
