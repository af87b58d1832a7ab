//! One file, several names: what one dialect stored, each other sees and deletes, and afterwards none shows it
//! (contracts' common rules: ids, owners, rights, holds, locks, names). Every scenario is one test, run for every
//! ordered pair of dialects: the one that stored the file and the one that deletes it.

use std::time::Duration;

use serde_json::json;

use crate::{
    dialects::{self, ALL, Dialect, File, Verdict, assert_reads_back, assert_shown},
    hexnode,
    support::{Account, Server, promises, wait_until},
    sweeppea, vault,
};

/// A server with the owner of the files and somebody else.
struct Scene {
    server: Server,
    ann: Account,
    bob: Account,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "0")]).await;
        let (ann, bob) = (server.account("ann").await, server.account("bob").await);
        Self { server, ann, bob }
    }

    async fn store(&self, through: Dialect) -> File {
        through.upload(&self.server, &self.ann.key, "report.txt", b"four score").await
    }

    async fn delete(&self, through: Dialect, key: &str, file: &File, verdict: Verdict) {
        through.assert_delete(&self.server, key, file, verdict).await;
    }

    async fn is_shown(&self, file: &File, shown: bool) {
        assert_shown(&self.server, &self.ann.key, file, shown).await;
    }

    async fn used(&self) -> i64 {
        self.server.sql("select used from account where name = 'ann'").await[0][0].as_i64().unwrap()
    }

    /// The jobs have done all they can, and nothing is left of what was deleted.
    async fn assert_gone_for_good(&self, file: &File) {
        self.server.run_jobs().await;
        promises::assert_kept(self.server.data()).await;
        promises::assert_nothing_left_behind(self.server.data()).await;
        let File { id, uid, .. } = file;
        assert_eq!(self.server.sql(&format!("select uid from node where id = {id}")).await.len(), 0);
        let kept = self.server.sql(&format!("select node_id, uid, name from deletion where uid = '{uid}'")).await;
        assert_eq!(kept, [[json!(id), json!(uid), json!(null)]], "the ids stay, the name does not");
    }
}

/// Runs a scenario for every ordered pair.
async fn for_each_pair(scenario: impl AsyncFn(&Scene, Dialect, Dialect)) {
    let scene = Scene::new().await;
    for stored in ALL {
        for deleted in ALL {
            eprintln!("stored through {stored:?}, deleted through {deleted:?}");
            scenario(&scene, stored, deleted).await;
        }
    }
}

#[tokio::test]
async fn deleted_by_its_owner_it_is_gone_everywhere() {
    for_each_pair(async |scene, stored, deleted| {
        let (server, key) = (&scene.server, &scene.ann.key);
        let file = scene.store(stored).await;
        scene.is_shown(&file, true).await;
        assert_reads_back(server, key, &file).await;
        let url = sweeppea::url_of(server, key, &file.uid).await;
        assert_eq!(sweeppea::get(server, &url).await.body, file.bytes);
        assert_eq!(scene.used().await, 10);

        scene.delete(deleted, key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
        hexnode::assert_s3(&sweeppea::get(server, &url).await, 404, "NoSuchKey");
        if let Some(url) = &file.put_url {
            hexnode::assert_s3(&hexnode::put(server, url, "application/pdf", b"late").await, 403, "AccessDenied");
        }
        for again in ALL {
            scene.delete(again, key, &file, Verdict::NotFound).await;
        }
        assert_eq!(scene.used().await, 0);
        scene.assert_gone_for_good(&file).await;
        assert_eq!(server.objects().len(), 0);
        for again in ALL {
            scene.delete(again, key, &file, Verdict::NotFound).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_form_of_its_id_names_it() {
    for_each_pair(async |scene, stored, deleted| {
        for form in 0.. {
            let file = scene.store(stored).await;
            let ids = deleted.ids(&file);
            let reply = deleted.delete(&scene.server, &scene.ann.key, &ids[form]).await;
            let expected = deleted.answer(Verdict::Deleted, &file, &reply);
            assert_eq!((reply.status, reply.text()), expected, "{}", ids[form]);
            if form + 1 == ids.len() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_stranger_finds_nothing_and_an_administrator_only_through_vault() {
    for_each_pair(async |scene, stored, deleted| {
        let (server, admin) = (&scene.server, scene.server.admin_key());
        let file = scene.store(stored).await;
        scene.delete(deleted, &scene.bob.key, &file, Verdict::NotFound).await;
        let for_admins = if deleted == Dialect::Vault { Verdict::Deleted } else { Verdict::NotFound };
        scene.is_shown(&file, true).await;
        scene.delete(deleted, &admin, &file, for_admins).await;
        if for_admins == Verdict::NotFound {
            assert_reads_back(server, &scene.ann.key, &file).await;
            scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        }
        scene.is_shown(&file, false).await;
        assert_eq!(scene.used().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_hold_stops_it() {
    for_each_pair(async |scene, stored, deleted| {
        let server = &scene.server;
        let file = scene.store(stored).await;
        assert_eq!(server.cli(&["hold", "add", &file.uid]).await.status, 0);
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Held).await;
        // What the stranger is told does not tell of the hold.
        scene.delete(deleted, &scene.bob.key, &file, Verdict::NotFound).await;
        scene.is_shown(&file, true).await;
        assert_eq!(server.cli(&["hold", "remove", &file.uid]).await.status, 0);
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
    })
    .await;
}

#[tokio::test]
async fn a_hold_that_comes_after_the_delete_parks_the_purge() {
    for_each_pair(async |scene, stored, deleted| {
        let server = &scene.server;
        // Longer than the longest pause before storage is tried again.
        let later = Duration::from_secs(3600);
        let file = scene.store(stored).await;
        server.storage_down();
        let waits = deleted == Dialect::Sweeppea;
        let reply = deleted.delete(server, &scene.ann.key, &deleted.ids(&file)[0]).await;
        assert_eq!(reply.status, if waits { 500 } else { 200 }, "{}", reply.text());
        // While the worker has the bytes in hand, a hold is refused.
        wait_until("the hold is taken", async || server.cli(&["hold", "add", &file.uid]).await.status == 0).await;
        server.storage_up();
        server.advance(later).await;
        assert_eq!(server.objects().len(), 1, "the bytes are kept");
        scene.is_shown(&file, false).await;
        let verdict = if waits { Verdict::Held } else { Verdict::NotFound };
        scene.delete(deleted, &scene.ann.key, &file, verdict).await;

        assert_eq!(server.cli(&["hold", "remove", &file.uid]).await.status, 0);
        server.advance(later).await;
        assert_eq!(server.objects().len(), 0);
        if waits {
            scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        }
        scene.assert_gone_for_good(&file).await;
    })
    .await;
}

#[tokio::test]
async fn another_users_lock_stops_it_and_the_callers_own_does_not() {
    for_each_pair(async |scene, stored, deleted| {
        let file = scene.store(stored).await;
        let lock = async |account: i64| {
            scene.server.sql(&format!("update node set locked_by = {account} where id = {}", file.id)).await;
        };
        lock(scene.bob.id).await;
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Locked).await;
        scene.is_shown(&file, true).await;
        lock(scene.ann.id).await;
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
    })
    .await;
}

#[tokio::test]
async fn an_open_edit_session_stops_it_until_its_time_is_over() {
    for_each_pair(async |scene, stored, deleted| {
        let file = scene.store(stored).await;
        let (server, id, ann) = (&scene.server, file.id, scene.ann.id);
        let hour = "cast((julianday('now') - 2440587.5) * 86400 + 3600 as integer) * 1000000";
        let columns = "node_id, account_id, tab, exclusive, expires_at";
        server.sql(&format!("insert into edit_session ({columns}) values ({id}, {ann}, 't', 0, {hour})")).await;
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Locked).await;
        scene.is_shown(&file, true).await;
        server.sql("update edit_session set expires_at = 1").await;
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
        scene.assert_gone_for_good(&file).await;
    })
    .await;
}

#[tokio::test]
async fn what_lies_in_a_folder_is_seen_and_deleted_by_all() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for deleted in ALL {
        let id = vault::upload(server, key, r"Year\May", "deep.txt", b"down here").await;
        let file = dialects::file(server, key, &vault::hyphened(&id), "deep.txt", b"down here").await;
        scene.is_shown(&file, true).await;
        assert_reads_back(server, key, &file).await;
        scene.delete(deleted, key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
        scene.assert_gone_for_good(&file).await;
    }
    // And with the folder, from under whoever stored it.
    let id = vault::upload(server, key, r"Year\May", "deep.txt", b"down here").await;
    let file = dialects::file(server, key, &vault::hyphened(&id), "deep.txt", b"down here").await;
    let folder = vault::find(server, key, &["Year"]).await;
    assert_eq!(vault::delete_folders(server, key, &[&folder]).await.json()["total_count"], 1);
    scene.is_shown(&file, false).await;
    for again in ALL {
        scene.delete(again, key, &file, Verdict::NotFound).await;
    }
    scene.assert_gone_for_good(&file).await;
}

/// Here the second of the pair stores too: names are checked by each contract's own rule.
#[tokio::test]
async fn a_taken_name_is_each_contracts_own_matter() {
    for_each_pair(async |scene, first, second| {
        let (server, key) = (&scene.server, &scene.ann.key);
        let one = scene.store(first).await;
        let mut stored = vec![one.clone()];
        match second {
            Dialect::Hexnode => stored.push(scene.store(second).await),
            Dialect::Vault => {
                let numbered = scene.store(second).await;
                stored.push(File { name: "report(1).txt".to_owned(), ..numbered });
            }
            Dialect::Sweeppea => {
                let refused = sweeppea::try_upload(server, key, "report.txt", "text/plain", b"x").await;
                assert_eq!((refused.status, &refused.json()["ExistingFileToken"]), (409, &json!(one.uid)));
            }
        }
        // A name is free again with the answer of the delete; the answers name the files.
        for file in &stored {
            scene.delete(Dialect::Vault, key, file, Verdict::Deleted).await;
        }
        let again = scene.store(second).await;
        scene.delete(Dialect::Vault, key, &again, Verdict::Deleted).await;
    })
    .await;
}

#[tokio::test]
async fn of_equal_names_the_newest_is_named() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    let older = scene.store(Dialect::Hexnode).await;
    let newer = scene.store(Dialect::Hexnode).await;
    for newest in [&newer, &older] {
        let refused = sweeppea::try_upload(server, key, "report.txt", "text/plain", b"x").await;
        assert_eq!((refused.status, &refused.json()["ExistingFileToken"]), (409, &json!(newest.uid)));
        scene.delete(Dialect::Hexnode, key, newest, Verdict::Deleted).await;
    }
    scene.store(Dialect::Sweeppea).await;
}
