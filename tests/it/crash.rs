//! The process dies between any two steps of an upload, a mark, an expansion, a purge or a clean-up. What it leaves
//! keeps the promises before anybody has mended anything; the next start finishes what was begun; the client's repeat
//! ends where one call would have ended; and one more start finds nothing to do. Where a step only fails, the same
//! holds without a start.

mod points;
mod trash;

use std::{collections::BTreeSet, time::Duration};

pub(crate) use points::MIGRATE;
use points::*;
use reqwest::Method;

use crate::{
    dialects::{ALL, Dialect, File, Verdict, assert_reads_back, assert_shown, assert_trashed, file},
    hexnode,
    support::{Account, Reply, Server, promises},
    sweeppea, vault,
};

struct Scene {
    server: Server,
    ann: Account,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start_on_folder_with(&[("UNFILE_SWEEPPEA_RATE", "0")]).await;
        let ann = server.account("ann").await;
        server.be_patient();
        Self { server, ann }
    }

    /// Does something in which the server dies at the point, at the latest in the jobs behind it.
    async fn dying_at<T>(&self, point: &str, work: impl AsyncFnOnce() -> T) -> T {
        eprintln!("dying at {point}");
        let deaths = self.server.deaths();
        self.server.fault(point, "kill").await;
        let done = work().await;
        if self.server.deaths() == deaths {
            self.server.revive().await;
        }
        assert_eq!(self.server.deaths(), deaths + 1, "{point}");
        done
    }

    /// Everything is done that can be, now; a further start finds no work and leaves every row as it is.
    async fn assert_settled(&self, point: &str) {
        self.server.run_jobs().await;
        promises::assert_kept(self.server.installation()).await;
        let before = promises::all_rows(self.server.installation()).await;
        self.server.kill().await;
        self.server.start_again().await;
        self.server.run_jobs().await;
        let after = promises::all_rows(self.server.installation()).await;
        for (table, rows) in before {
            assert_eq!(after[&table], rows, "{point}: what another start did to {table}");
        }
        assert_eq!(self.server.log(), "", "{point}: a start with nothing to do has nothing to tell");
    }

    /// Time has passed beyond everything that waits for a client, and nothing is left.
    async fn assert_empty(&self) {
        self.server.advance(Duration::from_secs(3 * 24 * 3600)).await;
        promises::assert_kept(self.server.installation()).await;
        promises::assert_nothing_left_behind(self.server.installation()).await;
        assert_eq!(self.server.objects().await.len(), 0);
        let used = self.server.sql("select used from account where name = 'ann'").await;
        assert_eq!(used, [[0]]);
    }
}

/// Uploads as a client that repeats what it got no answer to.
async fn upload(scene: &Scene, through: Dialect, name: &str, bytes: &[u8]) -> File {
    let (server, key) = (&scene.server, scene.ann.key.as_str());
    match through {
        // A second slot, a second PUT, a second verify: each is a repeat by itself.
        Dialect::Hexnode => through.upload(server, key, name, bytes).await,
        Dialect::Vault => upload_by_own_ids(server, key, name, bytes).await,
        Dialect::Sweeppea => {
            let reply = sweeppea::try_upload(server, key, name, "text/plain", bytes).await;
            // The name was free: if it is taken now, the call that was not answered took it.
            let token = match reply.status {
                409 => sweeppea::text(&reply.json()["ExistingFileToken"]),
                _ => sweeppea::text(&reply.json()["Data"]["FileToken"]),
            };
            file(server, key, &token, name, bytes).await
        }
        // A repeat makes a further version: `content` looks at those.
        Dialect::Oracle | Dialect::OnlyOffice => through.upload(server, key, name, bytes).await,
    }
}

/// The ids are the client's, so that it can tell a repeat that comes too late from a call that failed: it is refused
/// with 401, because the id was used before.
async fn upload_by_own_ids(server: &Server, key: &str, name: &str, bytes: &[u8]) -> File {
    let [group, uid] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|id| id.to_string());
    let (size, half) = (bytes.len().to_string(), bytes.len() / 2);
    let (group, id) = (("group_id", group.as_str()), ("file_id", uid.as_str()));
    let call = async |method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]| -> Reply {
        let before = (server.deaths(), server.failures());
        let reply = vault::call_with(server, method, path, key, headers, body.to_vec()).await;
        let repeated = (server.deaths(), server.failures()) != before;
        assert!(reply.status == 200 || (repeated && reply.status == 401), "{path}: {}", reply.text());
        reply
    };
    call(Method::GET, "transfer", &[group], b"").await;
    let announced = [group, id, ("transfer_method", "Chunk"), ("file_size", &size), ("file_name", name)];
    call(Method::GET, "transfer_file", &announced, b"").await;
    for (offset, bytes) in [(half, &bytes[half..]), (0, &bytes[..half])] {
        let offset = offset.to_string();
        let sent = call(Method::PATCH, "transfer_file", &[group, id, ("chunk_offset", &offset)], bytes).await;
        assert_eq!(sent.status, 200, "the same chunk again is no other chunk");
    }
    assert_eq!(call(Method::POST, "transfer_file", &[group, id], b"").await.status, 200, "finished twice is finished");
    call(Method::POST, "transfer", &[group], b"").await;
    file(server, key, &uid, name, bytes).await
}

async fn uploads_cut_off(through: Dialect) {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    let points = UPLOADS.iter().find(|(dialect, _)| *dialect == through).unwrap().1;
    for point in points {
        let (name, bytes) = (format!("{point}.txt"), point.repeat(20).into_bytes());
        let file = scene.dying_at(point, async || upload(&scene, through, &name, &bytes).await).await;
        assert_shown(server, key, &file, true).await;
        assert_reads_back(server, key, &file).await;
        assert_eq!(hexnode::listed(server, key).await, [file.id], "{point}: it is there once");
        scene.assert_settled(point).await;
        assert_reads_back(server, key, &file).await;
        Dialect::Hexnode.assert_delete(server, key, &file, Verdict::Deleted).await;
    }
    scene.assert_empty().await;
}

/// Here the steps fail and the process lives on; the client repeats what was answered with 500.
#[tokio::test]
async fn an_upload_of_which_a_step_fails_is_whole_or_gone() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for (through, points) in UPLOADS {
        for (count, point) in points.iter().enumerate() {
            eprintln!("{through:?} failing at {point}");
            let (name, bytes) = (format!("{count}-{point}.txt"), point.repeat(20).into_bytes());
            let failures = server.failures();
            server.fault(point, "fail").await;
            let file = upload(&scene, through, &name, &bytes).await;
            assert_eq!(server.failures(), failures + 1, "{point}");
            assert_shown(server, key, &file, true).await;
            assert_reads_back(server, key, &file).await;
            assert_eq!(hexnode::listed(server, key).await, [file.id], "{point}: it is there once");
            server.run_jobs().await;
            promises::assert_kept(server.installation()).await;
            Dialect::Hexnode.assert_delete(server, key, &file, Verdict::Deleted).await;
        }
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn an_upload_through_hexnode_is_whole_or_gone() {
    uploads_cut_off(Dialect::Hexnode).await;
}

#[tokio::test]
async fn an_upload_through_vault_is_whole_or_gone() {
    uploads_cut_off(Dialect::Vault).await;
}

#[tokio::test]
async fn an_upload_through_sweeppea_is_whole_or_gone() {
    uploads_cut_off(Dialect::Sweeppea).await;
}

async fn deletes_cut_off(through: Dialect) {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    let waits = through == Dialect::Sweeppea;
    for point in MARK.into_iter().chain(if waits { ACKNOWLEDGE } else { TAKE }).chain(PURGE) {
        let file = through.upload(server, key, "report.txt", point.as_bytes()).await;
        let deaths = server.deaths();
        let died_before_answer = async |reply: Reply| (reply, server.deaths() > deaths);
        let (reply, unanswered) = scene
            .dying_at(point, async || {
                died_before_answer(through.delete(server, key, &through.ids(&file)[0]).await).await
            })
            .await;
        // A repeat finds nothing where the mark was committed, except where the contract owes it the answer.
        let done_before = unanswered && !["mark", "commit"].contains(&point);
        let verdict = match done_before && (!waits || point == "purge.acknowledge.committed") {
            true => Verdict::NotFound,
            false => Verdict::Deleted,
        };
        assert_eq!((reply.status, reply.text()), through.answer(verdict, &file, &reply), "{point}");
        assert_shown(server, key, &file, false).await;
        scene.assert_settled(point).await;
        if point == "purge.acknowledge" && !unanswered {
            // The answer was out and nobody had written that down: the contract would rather say it twice than never.
            through.assert_delete(server, key, &file, Verdict::Deleted).await;
        }
        for again in ALL {
            again.assert_delete(server, key, &file, Verdict::NotFound).await;
        }
        promises::assert_nothing_left_behind(server.installation()).await;
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn a_delete_through_hexnode_is_finished() {
    deletes_cut_off(Dialect::Hexnode).await;
}

#[tokio::test]
async fn a_delete_through_vault_is_finished() {
    deletes_cut_off(Dialect::Vault).await;
}

#[tokio::test]
async fn a_delete_through_sweeppea_is_finished() {
    deletes_cut_off(Dialect::Sweeppea).await;
}

/// Into a trash, out of it by another dialect, and there again; each whole or not at all.
async fn trashings_cut_off(through: Dialect) {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for point in MARK {
        let file = through.upload(server, key, "report.txt", point.as_bytes()).await;
        scene.dying_at(point, async || drop(through.delete(server, key, &through.ids(&file)[0]).await)).await;
        assert_shown(server, key, &file, false).await;
        assert_trashed(server, key, &file, true).await;
        scene.assert_settled(point).await;
        Dialect::Vault.restore(server, key, &file).await;
        assert_reads_back(server, key, &file).await;
        through.assert_delete(server, key, &file, Verdict::Deleted).await;
        let destroyed = scene.dying_at(point, async || vault::bin::purge(server, key, &[&file.n()]).await).await;
        assert_eq!(destroyed.status, 200, "{}", destroyed.text());
        scene.assert_settled(point).await;
        for again in ALL {
            again.assert_delete(server, key, &file, Verdict::NotFound).await;
        }
        promises::assert_nothing_left_behind(server.installation()).await;
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn a_delete_through_oracle_is_whole_or_not_at_all() {
    trashings_cut_off(Dialect::Oracle).await;
}

#[tokio::test]
async fn a_delete_through_onlyoffice_is_whole_or_not_at_all() {
    trashings_cut_off(Dialect::OnlyOffice).await;
}

#[tokio::test]
async fn a_restore_is_whole_or_not_at_all() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for (through, step) in
        [(Dialect::Vault, "trash.restore"), (Dialect::Oracle, "trash.restore"), (Dialect::OnlyOffice, "operation.move")]
    {
        // A restore that was cut off behind its commit is not there for the repeat; the file is.
        for point in [step, "commit"] {
            let file = Dialect::Hexnode.upload(server, key, "report.txt", point.as_bytes()).await;
            Dialect::Oracle.assert_delete(server, key, &file, Verdict::Deleted).await;
            // Read before: a fault is for the restore alone.
            scene.dying_at(point, async || through.restore(server, key, &file).await).await;
            assert_trashed(server, key, &file, false).await;
            assert_shown(server, key, &file, true).await;
            assert_reads_back(server, key, &file).await;
            scene.assert_settled(point).await;
            Dialect::Hexnode.assert_delete(server, key, &file, Verdict::Deleted).await;
        }
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn a_deleted_folder_is_expanded_to_its_end() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for point in MARK.into_iter().chain(EXPAND).chain(TAKE).chain(PURGE) {
        for (path, name) in [("a", "1.txt"), (r"a\b", "2.txt"), (r"a\b\c", "3.txt")] {
            vault::upload(server, key, path, name, b"below").await;
        }
        let kept = vault::upload(server, key, "", "kept.txt", b"kept").await;
        let folder = vault::find(server, key, &["a"]).await;
        scene.dying_at(point, async || vault::delete_folders(server, key, &[&folder]).await).await;
        scene.assert_settled(point).await;
        promises::assert_nothing_left_behind(server.installation()).await;
        assert!(vault::is_there(server, key, &kept).await);
        assert_eq!(hexnode::listed(server, key).await.len(), 1, "{point}");
        assert_eq!(vault::call(server, Method::DELETE, &format!("file/{kept}"), key).await.status, 200);
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn cleaning_up_is_finished() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for point in CLEAN_UP {
        let group = vault::open(server, key).await;
        let part = vault::announce(server, key, &group, "", "b.txt", 2).await;
        assert_eq!(vault::send_chunk(server, key, &group, &part, 0, b"a").await.status, 200);
        let headers = [("group_id", group.as_str()), ("file_id", part.as_str())];
        let call = async |path: &str| vault::call_with(server, Method::DELETE, path, key, &headers, "").await;
        let what = point.strip_suffix(".committed").unwrap_or(point);
        scene
            .dying_at(point, async || match what {
                "transfer.drop" => drop(call("transfer").await),
                "transfer.drop_file" => drop(call("transfer_file").await),
                // More bytes than were announced.
                "upload.give_up" => drop(vault::send_chunk(server, key, &group, &part, 1, b"bc").await),
                "direct.end" => {
                    server.fault("objects.put", "fail").await;
                    drop(sweeppea::try_upload(server, key, "own.txt", "text/plain", b"own").await);
                }
                _ => server.advance(Duration::from_secs(25 * 3600)).await,
            })
            .await;
        if what == "expire.uploads" {
            // The clock was moved in the process that died, and entries wait for the time that it showed.
            server.advance(Duration::from_secs(26 * 3600)).await;
        }
        scene.assert_settled(point).await;
        for file in hexnode::listed(server, key).await {
            hexnode::delete(server, key, &format!("[{file}]")).await;
        }
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn a_purge_that_storage_refuses_is_not_forgotten() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for point in PUT_OFF {
        let file = Dialect::Hexnode.upload(server, key, "report.txt", b"abc").await;
        server.fault("objects.delete", "fail").await;
        scene.dying_at(point, async || Dialect::Hexnode.delete(server, key, &file.id.to_string()).await).await;
        // Beyond the pause that the failure may have ordered.
        server.advance(Duration::from_secs(3600)).await;
        scene.assert_settled(point).await;
        promises::assert_nothing_left_behind(server.installation()).await;
    }
    scene.assert_empty().await;
}

#[test]
fn every_step_of_the_engine_is_cut_off_somewhere_here() {
    let mut steps = BTreeSet::new();
    for file in crate::tidy::sources("src") {
        let text = std::fs::read_to_string(&file).unwrap();
        for call in [".write(", ".write_freeing(", ".write_behind(", ".submit(", ".hit("] {
            for (at, _) in text.match_indices(call) {
                let rest = text[at + call.len()..].trim_start();
                if let Some(named) = rest.strip_prefix('"') {
                    steps.insert(named.split('"').next().unwrap().to_owned());
                }
            }
        }
    }
    let uploads = UPLOADS.iter().flat_map(|(_, points)| points.iter());
    let deletes = [
        &MARK[..],
        &PURGE,
        &TAKE,
        &ACKNOWLEDGE,
        &EXPAND,
        &CLEAN_UP,
        &PUT_OFF,
        &EMPTY,
        &OPERATIONS,
        &CONTENT,
        &COPY,
        &ADOPT,
        &MIGRATE,
        &START_OVER,
        &ONE_COMMIT,
    ]
    .into_iter()
    .flatten();
    let here: BTreeSet<String> = uploads.chain(deletes).map(|point| point.replace(".committed", "")).collect();
    let missing: Vec<_> = steps.difference(&here).collect();
    assert!(missing.is_empty(), "no crash is tried at {missing:?}");
    assert!(steps.len() > 40, "the steps are found: {steps:?}");
}
