//! What a batch of deletes does, gathered while it is decided and written as sets.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    engine::error::Result,
    model::AccountId,
    store::{
        self, Tx,
        deletion::{self, Candidate, VersionRow},
        folder, purge,
        trash::{self, NewEntry},
    },
};

/// Files, folders and bytes that leave a folder's totals.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) files: i64,
    pub(super) folders: i64,
    pub(super) bytes: i64,
}

/// How the purge entries of a marked file are queued, and what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Purging {
    pub(super) delay: i64,
    pub(super) wait: bool,
}

/// The trash entry that a node or version gets.
#[derive(Debug, Clone)]
pub(super) struct TrashMark {
    pub(super) owner: AccountId,
    pub(super) holder: AccountId,
    pub(super) deleter: Option<AccountId>,
    /// Folder names above it.
    pub(super) path: Vec<String>,
    /// Microseconds.
    pub(super) purge_after: i64,
}

/// A file whose versions changed while it stays.
#[derive(Debug, Clone, Copy)]
struct Changed {
    current: i64,
    bytes: i64,
}

#[derive(Default)]
pub(super) struct Effects {
    /// Nodes marked so far, destroyed or put into the trash.
    pub(super) marked: HashSet<i64>,
    folders: HashSet<i64>,
    files: BTreeMap<Purging, Vec<i64>>,
    trashed: Vec<(i64, TrashMark)>,
    trashed_versions: Vec<(VersionRow, TrashMark)>,
    purged_versions: BTreeMap<Purging, Vec<i64>>,
    changed: BTreeMap<i64, Changed>,
    /// What has left each folder's totals so far.
    left: HashMap<i64, Totals>,
    freed: BTreeMap<i64, i64>,
    /// Account, dialect, asked, done.
    pub(super) audit: Vec<(i64, &'static str, i64, i64)>,
}

impl Effects {
    /// What has left a folder's totals so far.
    pub(super) fn left(&self, folder: i64) -> Totals {
        self.left.get(&folder).copied().unwrap_or_default()
    }

    /// Whether a node that was marked is a folder whose content waits for its own marks.
    pub(super) fn expands(&self, node: i64) -> bool {
        self.folders.contains(&node)
    }

    pub(super) fn trash(&mut self, candidate: &Candidate, above: &[i64], mark: TrashMark) {
        let gone = self.totals_of(candidate);
        self.marked.insert(candidate.id);
        self.trashed.push((candidate.id, mark));
        self.leave(above, None, gone);
    }

    pub(super) fn purge(&mut self, candidate: &Candidate, above: &[i64], within: Option<i64>, purging: Purging) {
        let gone = self.totals_of(candidate);
        self.marked.insert(candidate.id);
        match candidate.is_folder {
            true => drop(self.folders.insert(candidate.id)),
            false => self.files.entry(purging).or_default().push(candidate.id),
        }
        *self.freed.entry(candidate.account.0).or_default() += gone.bytes;
        // The root of a trash entry has left the totals above it already.
        if within != Some(candidate.id) {
            self.leave(above, within, gone);
        }
    }

    pub(super) fn trash_version(
        &mut self,
        candidate: &Candidate,
        version: VersionRow,
        rest: &[VersionRow],
        mark: TrashMark,
    ) {
        self.trashed_versions.push((version, mark));
        self.change(candidate.id, rest, 0);
    }

    pub(super) fn purge_version(
        &mut self,
        candidate: &Candidate,
        above: &[i64],
        version: VersionRow,
        rest: &[VersionRow],
        within: Option<i64>,
        purging: Purging,
    ) {
        self.purged_versions.entry(purging).or_default().push(version.id);
        self.change(candidate.id, rest, version.size);
        *self.freed.entry(candidate.account.0).or_default() += version.size;
        if within != Some(candidate.id) {
            self.leave(above, within, Totals { files: 0, folders: 0, bytes: version.size });
        }
    }

    fn change(&mut self, file: i64, rest: &[VersionRow], bytes: i64) {
        let newest = rest.iter().filter(|version| version.live).max_by_key(|version| version.number);
        let Some(newest) = newest else { return };
        let changed = self.changed.entry(file).or_insert(Changed { current: newest.id, bytes: 0 });
        changed.current = newest.id;
        changed.bytes -= bytes;
    }

    fn totals_of(&self, candidate: &Candidate) -> Totals {
        match candidate.is_folder {
            false => Totals { files: 1, folders: 0, bytes: candidate.bytes },
            true => {
                let left = self.left(candidate.id);
                Totals {
                    files: candidate.files - left.files,
                    folders: candidate.folders - left.folders + 1,
                    bytes: candidate.bytes - left.bytes,
                }
            }
        }
    }

    /// Takes totals from every folder above, as far as the root of the trash entry if it is in one.
    fn leave(&mut self, above: &[i64], within: Option<i64>, gone: Totals) {
        for &folder in above {
            let left = self.left.entry(folder).or_default();
            left.files += gone.files;
            left.folders += gone.folders;
            left.bytes += gone.bytes;
            if within == Some(folder) {
                break;
            }
        }
    }

    pub(super) async fn write(&self, tx: &mut Tx) -> Result<()> {
        self.write_versions(tx).await?;
        self.write_trashed(tx).await?;
        for (purging, files) in &self.files {
            let marked = store::id_rows(files.iter().copied());
            expect(deletion::mark(tx, &marked, purging.wait).await?, files.len())?;
            let lease_until = if purging.wait { tx.now + store::LEASE_MICROS } else { 0 };
            purge::queue_versions(tx, &marked, tx.now + purging.delay, lease_until).await?;
            trash::remove_of_nodes(tx, &marked).await?;
        }
        if !self.folders.is_empty() {
            let folders = store::id_rows(self.folders.iter().copied());
            expect(deletion::mark(tx, &folders, false).await?, self.folders.len())?;
            deletion::queue_expansion(tx, &folders).await?;
            trash::remove_of_nodes(tx, &folders).await?;
        }
        if !self.freed.is_empty() {
            let freed: Vec<(i64, i64)> = self.freed.iter().map(|(&account, &bytes)| (account, bytes)).collect();
            store::account::move_to_purging(tx, &store::rows(&freed)).await?;
        }
        if !self.left.is_empty() {
            let left: Vec<(i64, i64, i64, i64)> =
                self.left.iter().map(|(&id, left)| (id, -left.files, -left.folders, -left.bytes)).collect();
            folder::change_totals(tx, &store::rows(&left)).await?;
        }
        deletion::audit(tx, &store::rows(&self.audit)).await?;
        Ok(())
    }

    async fn write_versions(&self, tx: &mut Tx) -> Result<()> {
        if !self.trashed_versions.is_empty() {
            let ids = store::id_rows(self.trashed_versions.iter().map(|(version, _)| version.id));
            expect(deletion::mark_versions(tx, &ids, false).await?, self.trashed_versions.len())?;
            let entries: Vec<NewEntry<'_>> = self
                .trashed_versions
                .iter()
                .map(|(version, mark)| mark.entry(version.file, Some(version.id)))
                .collect();
            trash::insert(tx, &entries).await?;
        }
        for (purging, versions) in &self.purged_versions {
            let ids = store::id_rows(versions.iter().copied());
            expect(deletion::mark_versions(tx, &ids, true).await?, versions.len())?;
            purge::queue_single(tx, &ids, tx.now + purging.delay).await?;
            trash::remove_of_versions(tx, &ids).await?;
        }
        if !self.changed.is_empty() {
            let changed: Vec<(i64, i64, i64)> =
                self.changed.iter().map(|(&file, changed)| (file, changed.current, changed.bytes)).collect();
            deletion::change_files(tx, &store::rows(&changed)).await?;
        }
        Ok(())
    }

    async fn write_trashed(&self, tx: &mut Tx) -> Result<()> {
        if self.trashed.is_empty() {
            return Ok(());
        }
        let ids = store::id_rows(self.trashed.iter().map(|&(node, _)| node));
        expect(deletion::mark_trashed(tx, &ids).await?, self.trashed.len())?;
        let entries: Vec<NewEntry<'_>> = self.trashed.iter().map(|(node, mark)| mark.entry(*node, None)).collect();
        trash::insert(tx, &entries).await?;
        Ok(())
    }
}

impl TrashMark {
    fn entry(&self, node: i64, version: Option<i64>) -> NewEntry<'_> {
        NewEntry {
            node,
            version,
            owner: self.owner,
            holder: self.holder,
            deleter: self.deleter,
            path: &self.path,
            purge_after: self.purge_after,
        }
    }
}

/// What was read in this transaction is what is marked in it; anything else is a fault, and nothing is committed.
fn expect(marked: u64, decided: usize) -> Result<()> {
    if marked == decided as u64 {
        return Ok(());
    }
    Err(anyhow::anyhow!("{decided} were to be marked, {marked} were").into())
}
