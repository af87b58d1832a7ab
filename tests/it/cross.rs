//! One file, several names: what one dialect stored, each other sees and deletes, and afterwards none shows it
//! (contracts' common rules: ids, owners, rights, holds, locks, names). Every scenario is one test, run for every
//! ordered pair of dialects: the one that stored the file and the one that deletes it.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::{
    dialects::{self, ALL, Dialect, File, Verdict, assert_reads_back, assert_shown, assert_trashed},
    hexnode, onlyoffice, oracle,
    support::{Account, Server, promises, sql, wait_until},
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

    async fn is_trashed(&self, file: &File, trashed: bool) {
        assert_trashed(&self.server, &self.ann.key, file, trashed).await;
    }

    /// In a trash it counts in the quota, is not found by whoever deletes live files, and may be named again by whoever
    /// has put it there.
    async fn assert_found_in_trash_alone(&self, file: &File) {
        assert_eq!(self.used().await, file.bytes.len() as i64);
        for again in [Dialect::Hexnode, Dialect::Vault, Dialect::Sweeppea, Dialect::Oracle] {
            self.delete(again, &self.ann.key, file, Verdict::NotFound).await;
        }
        self.delete(Dialect::OnlyOffice, &self.ann.key, file, Verdict::Deleted).await;
        self.is_trashed(file, true).await;
    }

    /// Out of the trash, for good.
    async fn destroy(&self, file: &File) {
        let reply = vault::bin::purge(&self.server, &self.ann.key, &[&file.n()]).await;
        assert_eq!(reply.json()["success_counter"], 1, "{}", reply.text());
        self.is_trashed(file, false).await;
    }

    async fn used(&self) -> i64 {
        self.server.sql("select used from account where name = 'ann'").await[0][0].as_i64().unwrap()
    }

    /// The jobs have done all they can, and nothing is left of what was deleted.
    async fn assert_gone_for_good(&self, file: &File) {
        self.server.run_jobs().await;
        promises::assert_kept(self.server.installation()).await;
        promises::assert_nothing_left_behind(self.server.installation()).await;
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
        let presigned = onlyoffice::get(server, key, &format!("file/{}/presigneduri", file.id)).await;
        let presigned = onlyoffice::response(&presigned).as_str().unwrap().to_owned();
        assert_eq!(server.send(Method::GET, &presigned, &[], "").await.body, file.bytes);
        assert_eq!(scene.used().await, 10);

        scene.delete(deleted, key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
        hexnode::assert_s3(&sweeppea::get(server, &url).await, 404, "NoSuchKey");
        assert_eq!(server.send(Method::GET, &presigned, &[], "").await.status, 404);
        scene.is_trashed(&file, deleted.has_trash()).await;
        if deleted.has_trash() {
            scene.assert_found_in_trash_alone(&file).await;
            scene.destroy(&file).await;
        }
        if let Some(url) = &file.put_url {
            let late = hexnode::put(server, url, "application/pdf", b"late").await;
            match server.installation().bucket() {
                // The store takes it, as the URL says, and nobody finds it until it is swept.
                Some(_) => assert_eq!(late.status, 200),
                None => hexnode::assert_s3(&late, 403, "AccessDenied"),
            }
        }
        for again in ALL {
            scene.delete(again, key, &file, Verdict::NotFound).await;
        }
        assert_eq!(scene.used().await, 0);
        scene.assert_gone_for_good(&file).await;
        assert_eq!(server.objects().await.len(), 0);
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
        scene.delete(deleted, &scene.bob.key, &file, deleted.to_stranger("bob")).await;
        let for_admins = if deleted == Dialect::Vault { Verdict::Deleted } else { deleted.to_stranger("admin") };
        scene.is_shown(&file, true).await;
        scene.delete(deleted, &admin, &file, for_admins).await;
        if for_admins != Verdict::Deleted {
            assert_reads_back(server, &scene.ann.key, &file).await;
            scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        }
        scene.is_shown(&file, false).await;
        if deleted.has_trash() {
            scene.destroy(&file).await;
        }
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
        scene.delete(deleted, &scene.bob.key, &file, deleted.to_stranger("bob")).await;
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
        server.storage_down().await;
        let waits = deleted == Dialect::Sweeppea;
        let reply = deleted.delete_for_good(server, &scene.ann.key, &file).await;
        assert_eq!(reply.status, if waits { 500 } else { 200 }, "{}", reply.text());
        // While the worker has the bytes in hand, a hold is refused.
        wait_until("the hold is taken", async || server.cli(&["hold", "add", &file.uid]).await.status == 0).await;
        server.storage_up().await;
        server.advance(later).await;
        assert_eq!(server.objects().await.len(), 1, "the bytes are kept");
        scene.is_shown(&file, false).await;
        let verdict = if waits { Verdict::Held } else { Verdict::NotFound };
        scene.delete(deleted, &scene.ann.key, &file, verdict).await;

        assert_eq!(server.cli(&["hold", "remove", &file.uid]).await.status, 0);
        server.advance(later).await;
        assert_eq!(server.objects().await.len(), 0);
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
        let hour = sql::in_an_hour();
        let columns = "node_id, account_id, tab, exclusive, expires_at";
        server.sql(&format!("insert into edit_session ({columns}) values ({id}, {ann}, 't', 0, {hour})")).await;
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Locked).await;
        scene.is_shown(&file, true).await;
        server.sql("update edit_session set expires_at = 1").await;
        scene.delete(deleted, &scene.ann.key, &file, Verdict::Deleted).await;
        scene.is_shown(&file, false).await;
        if deleted.has_trash() {
            scene.destroy(&file).await;
        }
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
        if deleted.has_trash() {
            scene.assert_found_in_trash_alone(&file).await;
            scene.destroy(&file).await;
        }
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
            // A further version of the same file.
            Dialect::Oracle | Dialect::OnlyOffice => {
                let versioned = scene.store(second).await;
                assert_eq!((versioned.id, &versioned.uid), (one.id, &one.uid));
                assert_eq!(scene.used().await, 20);
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

#[tokio::test]
async fn what_one_trashed_every_other_restores() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for deleted in ALL.into_iter().filter(|dialect| dialect.has_trash()) {
        for stored in ALL {
            for restored in [Dialect::Vault, Dialect::Oracle, Dialect::OnlyOffice] {
                let file = scene.store(stored).await;
                scene.delete(deleted, key, &file, Verdict::Deleted).await;
                scene.is_trashed(&file, true).await;
                restored.restore(server, key, &file).await;
                scene.is_trashed(&file, false).await;
                scene.is_shown(&file, true).await;
                assert_reads_back(server, key, &file).await;
                promises::assert_kept(server.installation()).await;
                assert_eq!(vault::delete_files(server, key, &[&file.n()]).await.json()["success_counter"], 1);
            }
        }
    }
    assert_eq!(scene.used().await, 0);
}

#[tokio::test]
async fn a_trash_is_emptied_by_each_and_holds_are_kept() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for emptied in [Dialect::Vault, Dialect::Oracle, Dialect::OnlyOffice] {
        let (one, two) = (scene.store(Dialect::Oracle).await, Dialect::Hexnode.upload(server, key, "held", b"x").await);
        scene.delete(Dialect::Oracle, key, &one, Verdict::Deleted).await;
        scene.delete(Dialect::OnlyOffice, key, &two, Verdict::Deleted).await;
        assert_eq!(server.cli(&["hold", "add", &two.uid]).await.status, 0);
        emptied.empty_trash(server, key).await;
        scene.is_trashed(&one, false).await;
        scene.is_trashed(&two, true).await;
        assert_eq!(scene.used().await, 1);
        promises::assert_kept(server.installation()).await;
        assert_eq!(server.cli(&["hold", "remove", &two.uid]).await.status, 0);
        emptied.empty_trash(server, key).await;
        scene.is_trashed(&two, false).await;
        server.run_jobs().await;
        assert_eq!((scene.used().await, server.objects().await.len()), (0, 0));
        promises::assert_nothing_left_behind(server.installation()).await;
    }
}

/// Acceptance cases oracle.md 8.14, onlyoffice.md 8.12, vault.md 8.15.
#[tokio::test]
async fn who_deletes_by_a_share_holds_the_entry_and_the_owner_sees_it() {
    let scene = Scene::new().await;
    let (server, ann, bob) = (&scene.server, &scene.ann, &scene.bob);
    for restored in [Dialect::Vault, Dialect::Oracle, Dialect::OnlyOffice] {
        for by in [ann, bob] {
            // There a restore is a move to where one may write: into bob's tree, which makes the file his.
            if by.id == bob.id && restored == Dialect::OnlyOffice {
                continue;
            }
            let file = scene.store(Dialect::Vault).await;
            onlyoffice_share(server, &ann.key, &file, bob, 1).await;
            scene.delete(Dialect::OnlyOffice, &bob.key, &file, Verdict::Deleted).await;
            for key in [&ann.key, &bob.key] {
                assert_trashed(server, key, &file, true).await;
            }
            assert_trashed(server, &server.account(&format!("eve{}", file.id)).await.key, &file, false).await;
            assert_eq!(scene.used().await, 10, "the bytes stay the owner's");
            // The owner empties only what the owner holds.
            restored.empty_trash(server, &ann.key).await;
            assert_trashed(server, &bob.key, &file, true).await;
            restored.restore(server, &by.key, &file).await;
            scene.is_shown(&file, true).await;
            // Deleted through Oracle, it is the owner's.
            scene.delete(Dialect::Oracle, &bob.key, &file, Verdict::Deleted).await;
            assert_trashed(server, &ann.key, &file, true).await;
            assert_trashed(server, &bob.key, &file, false).await;
            restored.empty_trash(server, &ann.key).await;
            scene.is_trashed(&file, false).await;
        }
    }
    server.run_jobs().await;
    assert_eq!((scene.used().await, server.objects().await.len()), (0, 0));
}

/// The rights of a share, as each dialect lets its holder use them.
#[tokio::test]
async fn a_share_means_the_same_everywhere() {
    let scene = Scene::new().await;
    let (server, ann, bob) = (&scene.server, &scene.ann, &scene.bob);
    // Access, and whether it reads content, writes, deletes, shares.
    for (access, reads, writes, deletes, shares) in [
        (0, false, false, false, false),
        (2, true, false, false, false),
        (10, true, true, false, false),
        (1, true, true, true, false),
        (9, true, true, true, true),
    ] {
        for through in [Dialect::Oracle, Dialect::OnlyOffice] {
            let file = scene.store(Dialect::Sweeppea).await;
            onlyoffice_share(server, &ann.key, &file, bob, access).await;
            let status = |allowed: bool, good: u16| if allowed { good } else { 403 };
            let (guid, id, key) = (&file.guid, file.id, &bob.key);
            let seen = match through {
                Dialect::Oracle => [
                    oracle::get(server, &format!("files/{guid}/data"), key).await.status,
                    oracle::call_with(server, Method::PUT, &format!("files/{guid}"), key, &[], r#"{"name":"new.txt"}"#)
                        .await
                        .status,
                    oracle::post(
                        server,
                        &format!("publiclinks/file/{guid}"),
                        key,
                        r#"{"assignedUsers":"@everybody","role":"viewer"}"#,
                    )
                    .await
                    .status,
                ],
                _ => [
                    onlyoffice::get(server, key, &format!("file/{id}/download")).await.status,
                    onlyoffice::put(server, key, &format!("file/{id}"), json!({"title": "new.txt"})).await.status,
                    onlyoffice::put(server, key, &format!("file/{id}/share"), json!({"share": []})).await.status,
                ],
            };
            let expected = [status(reads, 200), status(writes, 200), status(shares, 200)];
            assert_eq!(seen, expected, "access {access} through {through:?}");
            let file = File { name: if writes { "new.txt" } else { "report.txt" }.to_owned(), ..file };
            // A grant has no effect where there is no such thing.
            for none in [Dialect::Hexnode, Dialect::Vault, Dialect::Sweeppea] {
                scene.delete(none, key, &file, Verdict::NotFound).await;
            }
            let verdict = if deletes { Verdict::Deleted } else { Verdict::Forbidden("bob") };
            scene.delete(through, key, &file, verdict).await;
            scene.is_shown(&file, !deletes).await;
            if !deletes {
                scene.delete(Dialect::Vault, &ann.key, &file, Verdict::Deleted).await;
            }
        }
    }
}

/// Shares a file by ONLYOFFICE's number for the rights; 0 ends it.
async fn onlyoffice_share(server: &Server, key: &str, file: &File, with: &Account, access: u8) {
    let body = json!({"share": [{"shareTo": with.uid, "access": access}], "notify": false});
    let reply = onlyoffice::put(server, key, &format!("file/{}/share", file.id), body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}
