//! The promises as invariants, looked at from outside: what a caller sees, what stands in the database and on disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use futures_util::TryStreamExt;
use sqlx::{AnyConnection, Connection, Row};
use unfile::engine::error::Error;

use super::world::{World, every_file};

/// Promises 1 to 3, 5 and 6, at any moment.
pub(super) async fn promises(world: &World) {
    files_are_as_the_model_says(world).await;
    let mut db = database(world).await;
    let objects = objects(world.folder.path());
    no_row_without_its_bytes(&mut db, &objects).await;
    no_bytes_without_a_row(&mut db, &objects).await;
    quota_and_totals_are_exact(&mut db).await;
    ids_are_kept(world, &mut db).await;
    db.close().await.unwrap();
}

/// With everything working and the jobs done: promises 3 and 4.
pub(super) async fn nothing_left_behind(world: &World) {
    let mut db = database(world).await;
    for table in ["purge", "staged", "expansion", "upload"] {
        assert_eq!(number(&mut db, &format!("select count(*) from {table}")).await, 0, "{table} is not empty");
    }
    assert_eq!(number(&mut db, "select count(*) from node where state = 3").await, 0);
    assert_eq!(number(&mut db, "select cast(sum(purging) as bigint) from account").await, 0);
    let keys: BTreeSet<String> = texts(&mut db, "select object_key from version").await.into_iter().collect();
    let there: BTreeSet<String> = objects(world.folder.path()).into_keys().collect();
    assert_eq!(keys, there, "the objects on disk are those of the versions");
    let _ = world.now();
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

/// Promise 2: no live file points at bytes that are gone.
async fn no_row_without_its_bytes(db: &mut AnyConnection, objects: &BTreeMap<String, u64>) {
    let rows = sqlx::query(
        "select v.object_key, v.size from version v join node n on n.id = v.node_id where n.state in (1, 2) \
         and not exists (select 1 from purge p where p.object_key = v.object_key) \
         union all select object_key, size from staged where sha256 is not null",
    )
    .fetch_all(db)
    .await
    .unwrap();
    for row in rows {
        let (key, size): (String, i64) = (row.get(0), row.get(1));
        assert_eq!(objects.get(&key), Some(&(size as u64)), "the bytes of {key}");
    }
}

/// Promise 3: every object is a version's, staged, or queued.
async fn no_bytes_without_a_row(db: &mut AnyConnection, objects: &BTreeMap<String, u64>) {
    let known: BTreeSet<String> = texts(
        db,
        "select object_key from version union select object_key from staged union select object_key from purge",
    )
    .await
    .into_iter()
    .collect();
    for key in objects.keys() {
        assert!(known.contains(key), "{key} belongs to nothing");
    }
}

/// Promise 6, and the totals of folders, computed again from the files.
async fn quota_and_totals_are_exact(db: &mut AnyConnection) {
    let visible = "with recursive visible (id, account_id, kind, bytes, parent_id) as (\
        select id, account_id, kind, bytes, parent_id from node where parent_id is null \
        union all select n.id, n.account_id, n.kind, n.bytes, n.parent_id from visible v join node n \
        on n.parent_id = v.id where n.state = 1)";
    let wrong = texts(
        db,
        &format!(
            "{visible} select a.name || ': used ' || a.used from account a where a.used <> \
             (select coalesce(sum(v.bytes), 0) from visible v where v.account_id = a.id and v.kind = 'file') + \
             (select coalesce(sum(u.bytes), 0) from upload u where u.account_id = a.id)"
        ),
    )
    .await;
    assert!(wrong.is_empty(), "{wrong:?}");
    let wrong = texts(
        db,
        &format!(
            "{visible} select a.name || ': purging ' || a.purging from account a where a.purging <> \
             (select coalesce(sum(p.size), 0) from purge p where p.account_id = a.id) + \
             (select coalesce(sum(n.bytes), 0) from node n where n.account_id = a.id and n.kind = 'file' \
             and n.state = 1 and n.id not in (select id from visible))"
        ),
    )
    .await;
    assert!(wrong.is_empty(), "{wrong:?}");
    let wrong = texts(
        db,
        &format!(
            "{visible}, below (top, id, kind, bytes) as (\
             select v.id, c.id, c.kind, c.bytes from visible v join visible c on c.parent_id = v.id \
             where v.kind = 'folder' \
             union all select b.top, c.id, c.kind, c.bytes from below b join visible c on c.parent_id = b.id) \
             select 'folder ' || f.id from visible v join node f on f.id = v.id where v.kind = 'folder' and (\
             f.files <> (select count(*) from below b where b.top = f.id and b.kind = 'file') or \
             f.folders <> (select count(*) from below b where b.top = f.id and b.kind = 'folder') or \
             f.bytes <> (select coalesce(sum(b.bytes), 0) from below b where b.top = f.id and b.kind = 'file'))"
        ),
    )
    .await;
    assert!(wrong.is_empty(), "totals: {wrong:?}");
}

/// Promise 5: every id ever seen stays on its node or in its deletion record.
async fn ids_are_kept(world: &World, db: &mut AnyConnection) {
    let kept: BTreeMap<i64, String> =
        sqlx::query("select id, uid from node union all select node_id, uid from deletion")
            .fetch_all(db)
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1)))
            .collect();
    for (id, uid) in &world.ids {
        assert_eq!(kept.get(id), Some(&uid.to_string()), "the ids of a file are not kept");
    }
}

async fn database(world: &World) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(&format!("sqlite:{}", world.folder.path().join("unfile.db").display())).await.unwrap()
}

async fn texts(db: &mut AnyConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(db).await.unwrap()
}

async fn number(db: &mut AnyConnection, sql: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(db).await.unwrap()
}

/// The objects on disk by key, with their sizes; the installation's own left out.
fn objects(data: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for folder in std::fs::read_dir(data.join("objects")).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for object in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let key = format!("{}/{}", folder.file_name().display(), object.file_name().display());
            found.insert(key, object.metadata().unwrap().len());
        }
    }
    found
}
