//! The promises that database and disk alone can prove, looked at from outside: of a dead server, an idle one, or an
//! engine between two calls. Only reads, so that the next start finds everything as it was left.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{installation::Installation, sql::Connection};

/// An installation at one moment.
pub struct Evidence<'a> {
    installation: &'a Installation,
    db: Connection,
    /// The objects in storage by key, with their sizes in bytes; the installation's own left out.
    objects: BTreeMap<String, u64>,
}

/// That no file lacks its bytes, no object its row, and that every account's figures and folder's totals are exact.
pub async fn assert_kept(installation: &Installation) {
    let mut evidence = Evidence::of(installation).await;
    evidence.assert_kept().await;
    evidence.close().await;
}

/// That nothing is left to do or to remove, of uploads, deletes and purges alike.
pub async fn assert_nothing_left_behind(installation: &Installation) {
    let mut evidence = Evidence::of(installation).await;
    evidence.assert_nothing_left_behind().await;
    evidence.close().await;
}

/// Every row of every table, by table. The months' calls are left out: they are written once a second; and so is what
/// servers write of themselves.
pub async fn all_rows(installation: &Installation) -> BTreeMap<String, Vec<Vec<Value>>> {
    let mut evidence = Evidence::of(installation).await;
    let tables = match evidence.db {
        Connection::Sqlite(_) => "select name from sqlite_master where type = 'table' and name not like 'sqlite%'",
        Connection::Postgres(_) => "select table_name from information_schema.tables where table_schema = 'public'",
    };
    let mut all = BTreeMap::new();
    for table in evidence.texts(tables).await {
        if table.starts_with('_') || ["call_count", "turn", "writer", "lease"].contains(&table.as_str()) {
            continue;
        }
        let rows = evidence.rows(&format!("select * from \"{table}\" order by 1")).await;
        all.insert(table, rows);
    }
    evidence.close().await;
    all
}

/// Every node with the place that it has by the lowest node on its way up that is not live: `live` if there is none,
/// `trash` or, once the entry's holder has emptied the trash, `emptied`, or `deleted`.
const PLACED: &str = "with recursive placed (id, account_id, kind, state, bytes, parent_id, place) as (\
    select id, account_id, kind, state, bytes, parent_id, 'live' from node where parent_id is null \
    union all select n.id, n.account_id, n.kind, n.state, n.bytes, n.parent_id, \
    case n.state when 1 then p.place when 3 then 'deleted' else case when exists (select 1 from trash t \
    join account h on h.id = t.holder_id where t.node_id = n.id and t.version_id is null \
    and t.id <= h.emptied_to and t.spared < h.emptied_to) then 'emptied' else 'trash' end end \
    from placed p join node n on n.parent_id = p.id)";

impl<'a> Evidence<'a> {
    pub async fn of(installation: &'a Installation) -> Self {
        // The objects first: what is queued by the time the rows are read does no harm to the checks.
        Self { installation, objects: installation.objects().await, db: installation.connect(true).await }
    }

    pub async fn close(self) {
        self.db.close().await;
    }

    pub async fn assert_kept(&mut self) {
        self.no_row_without_its_bytes().await;
        self.no_bytes_without_a_row().await;
        self.quota_and_totals_are_exact().await;
        self.trees_and_trashes_hold_together().await;
    }

    /// No live or trashed file points at bytes that are gone.
    async fn no_row_without_its_bytes(&mut self) {
        let rows = self
            .rows(
                "select v.object_key, v.size from version v join node n on n.id = v.node_id where n.state in (1, 2) \
                 and v.state <> 3 \
                 union all select object_key, size from staged where sha256 is not null",
            )
            .await;
        for row in rows {
            let (key, size) = (row[0].as_str().unwrap(), row[1].as_u64().unwrap());
            assert_eq!(self.objects.get(key), Some(&size), "the bytes of {key}");
        }
    }

    /// Every object is a version's, staged, or queued, or lies where the sweep looks.
    async fn no_bytes_without_a_row(&mut self) {
        let known = self
            .texts(
                "select object_key from version union select object_key from staged \
                 union select object_key from purge",
            )
            .await;
        let known: BTreeSet<String> = known.into_iter().collect();
        let objects = self.objects.keys().filter(|key| !key.starts_with("uploads/"));
        let mut unknown: Vec<&String> = objects.filter(|key| !known.contains(*key)).collect();
        if !unknown.is_empty() {
            // A purge that came to its end between the two looks has taken the object before the row.
            let still = self.installation.objects().await;
            unknown.retain(|key| still.contains_key(*key));
        }
        assert!(unknown.is_empty(), "{unknown:?} belong to nothing");
    }

    /// What accounts use and folders hold, computed again from the files.
    async fn quota_and_totals_are_exact(&mut self) {
        self.none(&format!(
            "{PLACED} select a.name || ': used ' || a.used from account a where a.used <> \
             (select coalesce(sum(p.bytes), 0) from placed p where p.account_id = a.id and p.kind = 'file' \
             and p.place in ('live', 'trash')) + \
             (select coalesce(sum(u.bytes), 0) from upload u where u.account_id = a.id)"
        ))
        .await;
        self.none(&format!(
            "{PLACED} select a.name || ': purging ' || a.purging from account a where a.purging <> \
             (select coalesce(sum(q.size), 0) from purge q where q.account_id = a.id) + \
             (select coalesce(sum(p.bytes), 0) from placed p where p.account_id = a.id and p.kind = 'file' \
             and p.state <> 3 and p.place in ('deleted', 'emptied'))"
        ))
        .await;
        self.none(&format!(
            "{PLACED}, below (top, id, kind, bytes) as (\
             select f.id, c.id, c.kind, c.bytes from placed f join node c on c.parent_id = f.id and c.state = 1 \
             where f.kind = 'folder' and f.place in ('live', 'trash') \
             union all select b.top, c.id, c.kind, c.bytes from below b join node c on c.parent_id = b.id \
             and c.state = 1) \
             select 'totals of folder ' || f.id from placed p join node f on f.id = p.id \
             where p.kind = 'folder' and p.place in ('live', 'trash') and (\
             f.files <> (select count(*) from below b where b.top = f.id and b.kind = 'file') or \
             f.folders <> (select count(*) from below b where b.top = f.id and b.kind = 'folder') or \
             f.bytes <> (select coalesce(sum(b.bytes), 0) from below b where b.top = f.id and b.kind = 'file'))"
        ))
        .await;
        self.none(
            "select a.name || ': entries ' || a.entries from account a where a.entries <> (select count(*) from trash t \
             where t.holder_id = a.id and t.version_id is null and (t.id > a.emptied_to or t.spared >= a.emptied_to))",
        )
        .await;
        self.none(
            "select 'bytes of file ' || n.id from node n where n.kind = 'file' and n.bytes <> \
             (select coalesce(sum(v.size), 0) from version v where v.node_id = n.id and v.state <> 3)",
        )
        .await;
        self.none(
            "select 'current version of file ' || n.id from node n where n.kind = 'file' and n.state <> 3 \
             and n.version_id is distinct from (select v.id from version v where v.node_id = n.id and v.state = 1 \
             order by v.number desc limit 1)",
        )
        .await;
    }

    /// What lies in a trash has one entry there, and an entry has what it is of. Depths and owners agree too.
    async fn trees_and_trashes_hold_together(&mut self) {
        for wrong in [
            "select 'entries of node ' || n.id from node n where (case n.state when 2 then 1 else 0 end) <> \
             (select count(*) from trash t where t.node_id = n.id and t.version_id is null)",
            "select 'entries of version ' || v.id from version v join node n on n.id = v.node_id \
             where n.state <> 3 and (case v.state when 2 then 1 else 0 end) <> \
             (select count(*) from trash t where t.version_id = v.id)",
            "select 'version ' || v.id || ' is deleted and not queued' from version v join node n on n.id = v.node_id \
             where v.state = 3 and n.state <> 3 and not exists (select 1 from purge p where p.version_id = v.id \
             and p.object_key = v.object_key)",
            "select 'entry ' || t.id || ' of nothing' from trash t where t.node_id not in (select id from node) \
             or t.version_id is not null and t.version_id not in (select id from version)",
            "select 'entry ' || t.id || ' of another owner' from trash t join node n on n.id = t.node_id \
             where n.account_id <> t.account_id",
            "select 'node ' || c.id || ' below node ' || p.id from node c join node p on p.id = c.parent_id \
             where p.kind <> 'folder' or c.state = 1 and (c.account_id <> p.account_id \
             or c.kind = 'folder' and c.depth <> p.depth + 1)",
            "select 'node ' || c.id || ' below nothing' from node c where c.parent_id not in (select id from node)",
            "select 'a root of account ' || a.id from account a where (select count(*) from node n \
             where n.account_id = a.id and n.parent_id is null) <> 2",
        ] {
            self.none(wrong).await;
        }
    }

    /// With everything working and the jobs done.
    pub async fn assert_nothing_left_behind(&mut self) {
        for table in ["purge", "staged", "expansion", "emptying", "upload", "waiting"] {
            let rows = self.rows(&format!("select * from {table}")).await;
            assert!(rows.is_empty(), "{table} is not empty: {rows:?}");
        }
        // A deleted folder's row stays for as long as something of it lies in a trash by itself.
        self.none(
            "with recursive kept (id) as (select parent_id from node where state = 2 union select n.parent_id \
             from kept k join node n on n.id = k.id) \
             select 'node ' || id || ' is deleted and still there' from node where state = 3 \
             and id not in (select id from kept where id is not null)",
        )
        .await;
        self.none("select 'version ' || id || ' is deleted and still there' from version where state = 3").await;
        self.none("select name || ': purging ' || purging from account where purging <> 0").await;
        for table in ["version", "trash", "share", "link", "edit_session", "hold"] {
            self.none(&format!(
                "select '{table} of node ' || node_id || ', which is gone' from {table} \
                 where node_id not in (select id from node)"
            ))
            .await;
        }
        let keys: BTreeSet<String> = self.texts("select object_key from version").await.into_iter().collect();
        let there: BTreeSet<String> = self.objects.keys().cloned().collect();
        assert_eq!(keys, there, "the objects on disk are those of the versions");
    }

    pub async fn rows(&mut self, statement: &str) -> Vec<Vec<Value>> {
        self.db.rows(statement).await
    }

    async fn texts(&mut self, statement: &str) -> Vec<String> {
        self.rows(statement).await.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
    }

    /// The statement finds what is wrong, in words.
    async fn none(&mut self, statement: &str) {
        let wrong = self.texts(statement).await;
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
