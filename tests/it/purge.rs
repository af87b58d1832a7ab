//! Purging and expanding: how much is done at a time, what holds it up, and whom that does not hold up.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use unfile::{
    clock::Clock,
    engine::Engine,
    fault::{Action, Faults},
    jobs,
    model::*,
};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::{Backend, Installation},
    promises, wait_until,
};

struct Scene {
    installation: Installation,
    engine: Engine,
    clock: Clock,
    faults: Faults,
    ann: Caller,
}

impl Scene {
    /// An engine whose purger removes so many objects a second, 0: as many as it can.
    async fn new(purge_rate: u32) -> Self {
        Self::on(in_process::installation().await, purge_rate).await
    }

    async fn on(installation: Installation, purge_rate: u32) -> Self {
        let (clock, faults) = (Clock::default(), Faults::default());
        let rules = Rules { purge_rate, ..in_process::rules() };
        let engine = in_process::open_with(&installation, rules, &clock, &faults).await;
        let (_, key) = engine.add_account("ann", Role::User, Some(0), None).await.unwrap();
        let ann = engine.authenticate(&key.secret, Realm::Keys).await.unwrap();
        Self { installation, engine, clock, faults, ann }
    }

    async fn make_folder(&self, parent: NodeRef, name: &str) -> FolderInfo {
        let new =
            NewFolder { parent, name: NodeName::parse(name).unwrap(), description: String::new(), clash: Clash::Keep };
        self.engine.make_folder(&self.ann, new).await.unwrap()
    }

    /// So many folders in one, each with a file; the one above them.
    async fn make_folders(&self, count: usize) -> FolderInfo {
        let above = self.make_folder(NodeRef::Home, "above").await;
        let made = stream::iter(0..count).map(async |number| {
            let folder = self.make_folder(NodeRef::FolderUid(above.uid), &format!("folder {number}")).await;
            self.store(NodeRef::FolderUid(folder.uid), "a.txt").await;
        });
        made.buffer_unordered(32).collect::<Vec<()>>().await;
        above
    }

    async fn store(&self, folder: NodeRef, name: &str) -> Uuid {
        let into = Into::Folder { folder, name: NodeName::parse(name).unwrap(), taken: Taken::Version };
        let new = NewContent { into, media_type: "text/plain".into() };
        self.engine.store_content(&self.ann, new, sent(Bytes::from_static(b"bytes"))).await.unwrap().uid
    }

    async fn store_many(&self, count: usize) -> Vec<Uuid> {
        let stored = stream::iter(0..count).map(|number| async move {
            let name = format!("{number}.txt");
            self.store(NodeRef::Home, &name).await
        });
        stored.buffer_unordered(32).collect().await
    }

    async fn destroy(&self, targets: Vec<Target>) {
        let request = DeleteRequest::permanent(self.ann.clone(), "test", targets);
        let outcomes = self.engine.delete(request).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome.verdict, Verdict::Deleted(_))), "{outcomes:?}");
    }

    async fn destroy_files(&self, files: &[Uuid]) {
        self.destroy(files.iter().map(|&uid| Target::FileUid(uid)).collect()).await;
    }

    async fn run_jobs(&self) {
        jobs::run_dry(&self.engine).await.unwrap();
    }

    async fn objects(&self) -> usize {
        self.installation.objects().await.len()
    }

    async fn number(&self, sql: &str) -> i64 {
        self.installation.sql(sql).await[0][0].as_i64().unwrap()
    }

    async fn settle(&self) {
        self.clock.advance(Duration::from_secs(3_600));
        self.run_jobs().await;
        promises::assert_kept(&self.installation).await;
        promises::assert_nothing_left_behind(&self.installation).await;
    }
}

#[tokio::test]
async fn a_rate_is_kept_and_calls_that_wait_for_their_bytes_pass_it() {
    let scene = Scene::new(10).await;
    let (files, start) = (scene.store_many(60).await, scene.clock.micros());
    let (waited, files) = files.split_first().unwrap();
    scene.destroy_files(files).await;
    let gone = async |at_least: usize| {
        scene.run_jobs().await;
        // Time goes on by itself too, and a second of the rate is kept from before.
        let seconds = (scene.clock.micros() - start) as f64 / 1e6;
        let gone = 60 - scene.objects().await;
        assert!(gone as f64 <= 10.0 * (seconds + 1.0), "{gone} after {seconds} s");
        assert!(gone >= at_least, "{gone} after {seconds} s");
    };
    gone(9).await;
    let verdict = scene.engine.delete_and_wait(&scene.ann, "test", *waited).await.unwrap();
    assert!(matches!(verdict, GoneVerdict::Gone(_)), "{verdict:?}");
    for seconds in 1..=3 {
        scene.clock.advance(Duration::from_secs(1));
        gone(9 * seconds).await;
    }
    for _ in 0..6 {
        scene.clock.advance(Duration::from_secs(1));
        scene.run_jobs().await;
    }
    assert_eq!(scene.objects().await, 0);
    scene.settle().await;
}

#[tokio::test]
async fn a_queue_of_any_length_takes_a_commit_or_two_for_each_thousand() {
    let scene = Scene::new(0).await;
    let files = scene.store_many(400).await;
    scene.destroy_files(&files).await;
    let before = scene.engine.figures().await.unwrap().commits;
    scene.run_jobs().await;
    assert_eq!(scene.objects().await, 0);
    let commits = scene.engine.figures().await.unwrap().commits - before;
    // What is over is looked for too.
    assert!(commits <= 10, "{commits} commits for 400 files");
    scene.settle().await;
}

#[tokio::test]
async fn many_small_folders_are_expanded_together() {
    let scene = Scene::new(0).await;
    let above = scene.make_folders(150).await;
    scene.destroy(vec![Target::FolderUid(above.uid)]).await;
    let before = scene.engine.figures().await.unwrap().commits;
    scene.run_jobs().await;
    let commits = scene.engine.figures().await.unwrap().commits - before;
    assert!(commits <= 15, "{commits} commits for 150 folders");
    assert_eq!(scene.number("select count(*) from deletion where kind = 'folder'").await, 151);
    scene.settle().await;
}

#[tokio::test]
async fn a_folder_with_more_than_a_step_takes_is_expanded_to_its_end() {
    let scene = Scene::new(0).await;
    let above = scene.make_folders(1).await;
    // More children than one step marks, as rows alone: the totals above never counted them.
    let more = Engine::EXPAND + 100;
    let numbers = serde_json::to_string(&(0..more).collect::<Vec<_>>()).unwrap();
    scene
        .installation
        .sql(&format!(
            "insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, \
             creator_id, private, created_at, modified_at, folded) select substr(n.uid, 1, 24) || \
             (100000000000 + j.key), n.account_id, n.id, 'folder', 1, n.depth + 1, 'more ' || j.key, 0, 0, 0, \
             n.creator_id, 0, 0, 0, 'more ' || j.key from node n cross join json_each('{numbers}') j \
             where n.name = 'above'"
        ))
        .await;
    scene.destroy(vec![Target::FolderUid(above.uid)]).await;
    scene.run_jobs().await;
    assert_eq!(scene.number("select count(*) from node where name like 'more %'").await, 0);
    assert_eq!(scene.number("select count(*) from deletion where kind = 'folder'").await, more as i64 + 2);
    scene.settle().await;
}

#[tokio::test]
async fn nothing_counts_as_gone_whose_removal_was_not_synced() {
    let scene = Scene::new(0).await;
    let files = scene.store_many(5).await;
    scene.faults.set("objects.confirm", Some(Action::Fail));
    scene.destroy_files(&files).await;
    scene.run_jobs().await;
    assert_eq!(scene.objects().await, 0, "they were unlinked");
    assert_eq!(scene.number("select count(*) from purge where last_error like 'sync: %'").await, 5);
    assert_eq!(scene.number("select count(*) from deletion").await, 0);
    scene.faults.set("objects.confirm", None);
    scene.settle().await;
    assert_eq!(scene.number("select count(*) from deletion").await, 5);
}

#[tokio::test]
async fn what_is_parked_or_fails_at_the_head_holds_nobody_up() {
    let scene = Scene::new(0).await;
    let files = scene.store_many(12).await;
    let (held, rest) = files.split_at(3);
    let (failing, rest) = rest.split_at(3);
    scene.destroy_files(held).await;
    for &uid in held {
        scene.engine.add_hold(uid, None, "case 7").await.unwrap();
    }
    scene.faults.set("objects.delete", Some(Action::Fail));
    scene.destroy_files(failing).await;
    scene.run_jobs().await;
    scene.faults.set("objects.delete", None);
    scene.destroy_files(rest).await;
    scene.run_jobs().await;
    assert_eq!(scene.objects().await, 6, "the held ones and those whose pause is not over");
    scene.clock.advance(Duration::from_secs(2));
    scene.run_jobs().await;
    assert_eq!(scene.objects().await, 3, "the held ones");
    for &uid in held {
        scene.engine.remove_hold(uid).await.unwrap();
    }
    scene.settle().await;
}

#[tokio::test]
async fn postgres_finds_what_was_purged_by_its_id_even_if_it_takes_deleted_rows_for_rare() {
    const FILES: i64 = 2_000;
    let scene = Scene::on(Installation::in_memory(Backend::Postgres).await, 0).await;
    let before = scene.number("select max(id) from node").await;
    let plant = format!(
        "insert into node (uid, account_id, parent_id, kind, state, depth, name, files, folders, bytes, creator_id, private, \
         created_at, modified_at, folded) select gen_random_uuid()::text, id, root_id, 'file', 1, 1, 'file ' || i, 0, 0, 10, \
         id, 1, 1, 1, 'file ' || i from account, generate_series(1, {FILES}) i where name = 'ann'; \
         insert into version (node_id, number, size, sha256, media_type, object_key, creator_id, created_at) \
         select id, 1, 10, '', 'text/plain', 'ab/' || uid, creator_id, 1 from node where id > {before}; \
         update node set version_id = (select v.id from version v where v.node_id = node.id) where id > {before}; \
         update node set files = {FILES}, bytes = {FILES} * 10 where id = (select root_id from account where name = 'ann'); \
         update account set used = {FILES} * 10 where name = 'ann'; analyze"
    );
    for statement in plant.split("; ") {
        scene.installation.sql(statement).await;
    }
    let planted = scene.number("select seq_scan from pg_stat_user_tables where relname = 'node'").await;
    scene.destroy((before + 1..=before + FILES).map(Target::FileId).collect()).await;
    scene.run_jobs().await;
    assert_eq!(scene.number("select count(*) from deletion").await, FILES);
    scene.engine.close().await;
    let sessions =
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    // Each tells what it has counted as it ends.
    wait_until("all sessions have ended", || async { scene.number(sessions).await == 0 }).await;
    let scans = "select idx_scan from pg_stat_user_indexes where indexrelname = 'node_pkey'";
    let scans = scene.number(scans).await;
    assert!(scans > FILES, "{scans} looks by an id");
    let read = "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'node_not_live'";
    let read = scene.number(read).await;
    assert!(read < FILES, "{read} rows of all that are deleted were looked at for {FILES}");
    let whole = "select seq_scan from pg_stat_user_tables where relname = 'node'";
    let whole = scene.number(whole).await - planted;
    assert!(whole < 10, "the table was read whole {whole} times");
}
