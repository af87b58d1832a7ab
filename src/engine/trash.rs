//! The trash: what was deleted and can be taken back, and emptying it by one mark.
//!
//! A trash entry names a node in state trashed, or a single version in that state; what lies below a trashed folder
//! keeps its own state and is hidden by the walk up. Entries have a holder; emptying a trash writes on its holder's
//! account up to which entry it was emptied. All entries up to there are hidden from that commit on and their bytes
//! have left the quota; they get marks of their own later (see [`super::expand`]). What is under a hold is spared.

use std::collections::{BTreeMap, HashSet};

use super::{
    Engine,
    error::{Error, Result},
    file::is_in_no_name,
    list,
    operation::{self, NewOperation},
    positions::Begin,
    show::{self, Hidden, Viewer},
};
use crate::{
    clock::from_micros,
    model::{
        AccountId, Caller, Failure, FailureReason, FileQuery, Item, NodeId, Operation, OperationKind, Page, Person,
        Refused, TrashEntry, TrashQuery, TrashRef, TrashScope,
    },
    store::{
        self, Conn, Tx, account, deletion, folder,
        list::{
            From,
            trash::{self as rows, Whose},
        },
        node::{self, Place},
        purge,
        trash::{self, EntryRow, Held},
    },
};

/// Entries that the record of an emptied trash names at the most.
const NAMED: u64 = 10_000;

impl Engine {
    /// The id that stands for the caller's trash; no node ever has it.
    ///
    /// # Errors
    /// Only faults.
    pub async fn trash_id(&self, caller: &Caller) -> Result<NodeId> {
        Ok(NodeId(folder::trash(&mut *self.store.read().await?, caller.account).await?))
    }

    /// A page of trash entries: whole nodes before single versions, each newest deletion first.
    ///
    /// # Errors
    /// `Forbidden`: all accounts' for a caller who is no administrator, and any for who comes by a link.
    pub async fn trash(&self, caller: &Caller, query: TrashQuery) -> Result<Page<TrashEntry>> {
        let whose = match query.scope {
            _ if caller.link.is_some() => return Err(Error::Forbidden),
            TrashScope::Own => Whose::Seen(caller.account),
            TrashScope::All if caller.is_admin() => Whose::All,
            TrashScope::All => return Err(Error::Forbidden),
        };
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let begin = Begin::trash(caller.account, query.scope, query.versions, query.offset);
        let before = self.positions.before(&begin, now);
        let nodes = match query.counted || (query.offset > 0 && before.is_none()) {
            true => rows::count(&mut conn, whose, false).await?,
            false => 0,
        };
        let versions = match query.counted && query.versions {
            true => rows::count(&mut conn, whose, true).await?,
            false => 0,
        };
        let (of_nodes, of_versions) = match (query.offset, before) {
            (0, _) => (Some(From::Place(0)), From::Place(0)),
            (_, Some(row)) if row.second => (None, From::Behind(row)),
            (_, Some(row)) => (Some(From::Behind(row)), From::Place(0)),
            (offset, None) => {
                ((offset < nodes).then_some(From::Place(offset)), From::Place(offset.saturating_sub(nodes)))
            }
        };
        let wanted = u64::from(query.limit) + 1;
        let mut rows = match of_nodes {
            Some(from) => rows::page(&mut conn, whose, false, &from, wanted).await?,
            None => Vec::new(),
        };
        let room = wanted.saturating_sub(rows.len() as u64);
        if query.versions && room > 0 {
            rows.extend(rows::page(&mut conn, whose, true, &of_versions, room).await?);
        }
        let more = self.cut(&mut rows, query.limit, begin, EntryRow::position, now);
        let items = entries(&mut conn, rows, now).await?;
        let total = if query.counted { nodes + versions } else { 0 };
        Ok(Page { total, items, more })
    }

    /// A page of whole files that lie in a trash, in the order of a list of files.
    ///
    /// # Errors
    /// As [`Self::trash`].
    pub async fn trashed_files(&self, caller: &Caller, query: FileQuery) -> Result<Page<TrashEntry>> {
        let account = list::whose(caller, query.whose)?;
        if caller.link.is_some() {
            return Err(Error::Forbidden);
        }
        if query.find.as_deref().is_some_and(is_in_no_name) {
            return Ok(Page::empty(0));
        }
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let total = rows::count_files(&mut conn, account, &query).await?;
        let begin = Begin::trashed_files(caller.account, &query);
        let from = match (query.offset, self.positions.before(&begin, now)) {
            (0, _) => From::Place(0),
            (_, Some(row)) => From::Behind(row),
            (offset, None) => From::Place(offset),
        };
        let wanted = u64::from(query.limit) + 1;
        let mut rows = rows::files(&mut conn, account, &query, &from, wanted).await?;
        let more = self.cut(&mut rows, query.limit, begin, |row| row, now);
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let rows = trash::of_nodes(&mut conn, ids.iter().copied()).await?;
        let found = entries(&mut conn, rows, now).await?;
        Ok(Page { total, items: list::in_order(&ids, found, |entry| entry.item.ids().id.0), more })
    }

    /// One entry that the caller holds or owns.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn trash_entry(&self, caller: &Caller, entry: TrashRef) -> Result<TrashEntry> {
        let mut conn = self.store.read().await?;
        let rows = match entry {
            TrashRef::Entry { uid, .. } => trash::by_uids(&mut conn, &[uid.to_string()]).await?,
            TrashRef::Node(uid) => {
                let found = node::by_uid(&mut conn, uid).await?.ok_or(Error::NotFound)?;
                trash::of_nodes(&mut conn, [found.id]).await?
            }
        };
        let own = rows.into_iter().filter(|row| caller.link.is_none() && row.belongs_to(caller.account)).collect();
        let found = entries(&mut conn, own, self.clock.micros()).await?.pop().ok_or(Error::NotFound)?;
        match entry {
            TrashRef::Entry { is_folder, .. } if is_folder != found.item.is_folder() => Err(Error::NotFound),
            TrashRef::Entry { .. } | TrashRef::Node(_) => Ok(found),
        }
    }

    /// Destroys all that the caller holds in the trash now, by one mark; what is under a hold stays and is named in the
    /// failures of the operation that is kept of it. `None`: there was nothing.
    ///
    /// # Errors
    /// `Forbidden`: for who comes by a link.
    pub async fn empty_trash(&self, caller: &Caller, dialect: &'static str) -> Result<Option<Operation>> {
        if caller.link.is_some() {
            return Err(Error::Forbidden);
        }
        let (holder, delay) = (caller.account, self.rules.purge_delay.as_micros() as i64);
        let emptied = self
            .committer
            .write_freeing("trash.empty", async move |tx: &mut Tx| empty(tx, holder, dialect, delay).await)
            .await?;
        self.wake_expand.notify_one();
        self.wake_purge.notify_one();
        Ok(emptied)
    }
}

/// Entries as they are shown, in the order of their rows.
async fn entries(conn: &mut Conn, rows: Vec<EntryRow>, now: i64) -> Result<Vec<TrashEntry>> {
    let nodes: Vec<i64> = rows.iter().map(|row| row.node).collect::<HashSet<_>>().into_iter().collect();
    let items = show::by_id(conn, &nodes, Viewer::Entitled, Hidden::Shown, now).await?;
    let versions = trash::versions(conn, rows.iter().filter_map(|row| row.version)).await?;
    let single = rows.iter().filter(|row| row.version.is_some()).map(|row| row.node);
    let gone = gone(conn, single.collect()).await?;
    let ids = rows.iter().flat_map(|row| [Some(row.holder.0), row.deleter.map(|deleter| deleter.0)]).flatten();
    let people = account::people(conn, ids.collect::<HashSet<i64>>()).await?;
    let person = |id: AccountId| -> Option<Person> { people.get(&id).cloned() };
    let shown = rows.into_iter().filter(|row| row.version.is_none() || !gone.contains(&row.node)).filter_map(|row| {
        let mut item = items.get(&row.node)?.clone();
        let version = row.version.and_then(|id| versions.get(&id)).copied();
        if let (Item::File(file), Some((number, size))) = (&mut item, version) {
            (file.version, file.size) = (number, size);
        }
        Some(TrashEntry {
            uid: row.uid,
            item,
            version: version.map(|(number, _)| number),
            holder: person(row.holder)?,
            deleter: row.deleter.and_then(person),
            deleted_at: from_micros(row.deleted_at),
            purge_after: from_micros(row.purge_after),
            path: row.path,
        })
    });
    Ok(shown.collect())
}

/// Those of these files that went with a destroyed folder or an emptied trash and carry no mark of their own yet: their
/// single versions went with them.
async fn gone(conn: &mut Conn, files: HashSet<i64>) -> Result<HashSet<i64>> {
    let places = node::places(conn, files).await?;
    let ways = folder::ways_up(conn, places.values().map(|place| place.parent).collect::<HashSet<_>>()).await?;
    let way = |place: &Place| ways.get(&place.parent);
    let root = |file: i64, place: &Place| match place.trashed {
        true => Some(file),
        false => way(place).and_then(|way| way.trashed),
    };
    let roots: HashSet<i64> = places.iter().filter_map(|(&file, place)| root(file, place)).collect();
    let standing: HashSet<i64> = trash::of_nodes(conn, roots).await?.iter().map(|entry| entry.node).collect();
    let is_gone = |file: i64, place: &Place| match root(file, place) {
        Some(root) => !standing.contains(&root),
        None => way(place).is_none_or(|way| way.deleted),
    };
    Ok(places.iter().filter(|&(&file, place)| is_gone(file, place)).map(|(&file, _)| file).collect())
}

async fn empty(tx: &mut Tx, holder: AccountId, dialect: &'static str, delay: i64) -> Result<Option<Operation>> {
    let Some(up_to) = trash::newest_held(tx, holder).await? else { return Ok(None) };
    let single = versions_held(tx, holder).await?;
    let spared = spared(tx, holder, &single).await?;
    let now = tx.now;
    let kept = trash::by_ids(tx, spared.iter().copied()).await?;
    let failures: Vec<Failure> = entries(tx, kept, now)
        .await?
        .iter()
        .map(|entry| Failure { name: entry.item.name().to_owned(), reason: FailureReason::Refused(Refused::Held) })
        .collect();
    let mut gone = rows::page(tx, Whose::Held(holder), false, &From::Place(0), NAMED).await?;
    gone.extend(rows::page(tx, Whose::Held(holder), true, &From::Place(0), NAMED - gone.len() as u64).await?);
    gone.retain(|row| !spared.contains(&row.id));
    let shown = entries(tx, gone, now).await?.into_iter().map(|entry| entry.item).collect();

    let versions = destroy_versions(tx, single, &spared, delay).await?;
    let spared_rows = store::id_rows(spared.iter().copied());
    let sums = trash::sums_held(tx, holder, &spared_rows).await?;
    if sums.is_empty() && versions == 0 && spared.is_empty() {
        return Ok(None);
    }
    let freed: Vec<(i64, i64)> = sums.iter().map(|held| (held.owner, held.bytes)).collect();
    account::move_to_purging(tx, &store::rows(&freed)).await?;
    trash::empty(tx, holder, up_to, &spared_rows).await?;
    let of = |figure: fn(&Held) -> i64| sums.iter().map(figure).sum::<i64>();
    let asked = of(|held| held.entries) + versions + spared.len() as i64;
    let done = asked - spared.len() as i64;
    deletion::audit(tx, &store::rows(&[(holder.0, dialect, asked, done)])).await?;
    let nodes = (of(|held| held.nodes) + versions) as u64;
    let new = NewOperation {
        account: holder,
        dialect,
        kind: OperationKind::Delete,
        entries: shown,
        items: nodes + failures.len() as u64,
        done: nodes,
        failures,
        finished: true,
        waiting: &[],
    };
    operation::insert(tx, new).await.map(Some)
}

/// The single versions that an account holds, but those whose file is gone.
async fn versions_held(tx: &mut Tx, holder: AccountId) -> Result<Vec<EntryRow>> {
    let mut entries = trash::versions_held(tx, holder).await?;
    let gone = gone(tx, entries.iter().map(|entry| entry.node).collect()).await?;
    entries.retain(|entry| !gone.contains(&entry.node));
    Ok(entries)
}

/// The entries that a hold keeps: on the entry's own node, or on something below it. Holds are few: each is looked up
/// from.
async fn spared(tx: &mut Tx, holder: AccountId, single: &[EntryRow]) -> Result<HashSet<i64>> {
    let owners = trash::owners_held(tx, holder).await?;
    let held = deletion::held_files(tx, owners).await?;
    let ways = folder::ways_up(tx, held.iter().map(|file| file.folder).collect::<HashSet<_>>()).await?;
    let mut roots = HashSet::new();
    for file in &held {
        let way = ways.get(&file.folder);
        roots.extend(match file.trashed {
            true => Some(file.node),
            false => way.and_then(|way| way.trashed),
        });
    }
    let mut spared: HashSet<i64> = trash::of_nodes(tx, roots)
        .await?
        .into_iter()
        .filter(|entry| entry.holder == holder)
        .map(|entry| entry.id)
        .collect();
    let held: HashSet<i64> = held.iter().map(|file| file.node).collect();
    spared.extend(single.iter().filter(|entry| held.contains(&entry.node)).map(|entry| entry.id));
    Ok(spared)
}

/// Single versions get their marks at once: they are few, and their bytes belong to files that may stay. Gives how many.
async fn destroy_versions(tx: &mut Tx, mut entries: Vec<EntryRow>, spared: &HashSet<i64>, delay: i64) -> Result<i64> {
    entries.retain(|entry| !spared.contains(&entry.id));
    if entries.is_empty() {
        return Ok(0);
    }
    let ids: Vec<i64> = entries.iter().filter_map(|entry| entry.version).collect();
    let sizes = trash::versions(tx, ids.iter().copied()).await?;
    let places = node::places(tx, entries.iter().map(|entry| entry.node)).await?;
    let ways = folder::ways_up(tx, places.values().map(|place| place.parent).collect::<HashSet<_>>()).await?;
    let (mut freed, mut left, mut files) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for entry in &entries {
        let size = entry.version.and_then(|id| sizes.get(&id)).map_or(0, |&(_, size)| size as i64);
        *freed.entry(entry.owner.0).or_insert(0) += size;
        *files.entry(entry.node).or_insert(0) -= size;
        let Some(place) = places.get(&entry.node).filter(|place| !place.trashed) else { continue };
        let Some(way) = ways.get(&place.parent) else { continue };
        for &folder in &way.ids {
            *left.entry(folder).or_insert(0) -= size;
            if way.trashed == Some(folder) {
                break;
            }
        }
    }
    let marked = store::id_rows(ids);
    deletion::mark_versions(tx, &marked, true).await?;
    purge::queue_single(tx, &marked, tx.now + delay).await?;
    trash::remove(tx, entries.iter().map(|entry| entry.id)).await?;
    deletion::change_bytes(tx, &store::rows(&files.into_iter().collect::<Vec<(i64, i64)>>())).await?;
    account::move_to_purging(tx, &store::rows(&freed.into_iter().collect::<Vec<(i64, i64)>>())).await?;
    let left: Vec<(i64, i64, i64, i64)> = left.into_iter().map(|(folder, bytes)| (folder, 0, 0, bytes)).collect();
    folder::change_totals(tx, &store::rows(&left)).await?;
    Ok(entries.len() as i64)
}
