//! Lists: an account's files wherever they lie, and what lies in one folder.
//!
//! A page is read by key from behind the last row of the one before it (see [`super::positions`]), so that it costs
//! what it shows and not what stands before it. How many rows there are in all comes from the totals of folders. What
//! is hidden by a folder above it is left out by walking up from the files of the page: nobody walks down.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    Engine,
    error::{Error, Result},
    file::is_in_no_name,
    positions::Begin,
    show::{self, Hidden, Viewer},
    tree::show_one,
};
use crate::{
    model::{
        AccountId, Caller, ContentOrder, ContentQuery, Entry, FileInfo, FileOrder, FileQuery, FolderInfo, Item,
        NodeName, NodeRef, Page, Rights, Whose,
    },
    store::{
        Conn, folder,
        list::{self, FileKey, From, LeftOut, Position},
        node,
    },
};

impl Engine {
    /// A page of live files.
    ///
    /// # Errors
    /// `Forbidden`: all accounts' files for a caller who is no administrator.
    pub async fn files(&self, caller: &Caller, query: FileQuery) -> Result<Page<FileInfo>> {
        let account = whose(caller, query.whose)?;
        if query.find.as_deref().is_some_and(is_in_no_name) {
            return Ok(Page::empty(0));
        }
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let (mut total, as_of) = match account {
            Some(account) => folder::count_files(&mut conn, account).await?,
            None => (folder::count_all_files(&mut conn).await?, 0),
        };
        if query.find.is_some() {
            total = list::count(&mut conn, account, &query).await?;
        }
        let begin = Begin::files(caller.account, &query);
        let behind = match (query.offset.checked_sub(1), self.positions.before(&begin, now)) {
            (None, _) => None,
            (Some(_), Some(row)) => Some(row),
            (Some(place), None) => match list::file_at(&mut conn, account, &query, place).await? {
                Some(row) => Some(row),
                None => return Ok(Page::empty(total)),
            },
        };
        let wanted = u64::from(query.limit) + 1;
        let mut keys = self.visible_files(&mut conn, (account, as_of), &query, behind, wanted).await?;
        let more = self.cut(&mut keys, query.limit, begin, |key| &key.position, now);
        let ids: Vec<i64> = keys.iter().map(|key| key.id).collect();
        let rows = node::files(&mut conn, &ids, now).await?;
        let files = show::files(&mut conn, rows, Viewer::Entitled, Hidden::LeftOut, now).await?;
        Ok(Page { total, items: in_order(&ids, files, |file| file.id.0), more })
    }

    /// A page of a folder's live children, folders first, then by name. For the owner alone.
    ///
    /// # Errors
    /// As [`Self::folder`].
    pub async fn folder_content(&self, caller: &Caller, uid: Uuid, offset: u64, limit: u32) -> Result<Page<Entry>> {
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let mut conn = self.store.read().await?;
        let folder = self.own_folder(&mut conn, caller, NodeRef::FolderUid(uid)).await?.id.0;
        let query =
            ContentQuery { order: ContentOrder::Name, descending: false, name: None, find: None, offset, limit };
        let (total, rows, more) = self.children(&mut conn, caller, folder, &query).await?;
        let mut entries = folder::entries(&mut conn, rows.iter().map(|row| row.id)).await?;
        Ok(Page { total, items: rows.iter().filter_map(|row| entries.remove(&row.id)).collect(), more })
    }

    /// A folder and a page of its live content: folders before files. Needs [`Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn content_of(
        &self,
        caller: &Caller,
        folder: NodeRef,
        query: ContentQuery,
    ) -> Result<(FolderInfo, Page<Item>)> {
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let Item::Folder(folder) = show_one(&mut conn, caller, folder, Rights::READ, now).await? else {
            return Err(Error::NotFound);
        };
        let nothing = query.find.as_deref().is_some_and(is_in_no_name)
            || query.name.as_deref().is_some_and(|name| NodeName::parse(name).is_err());
        if nothing {
            return Ok((folder, Page::empty(0)));
        }
        let (total, rows, more) = self.children(&mut conn, caller, folder.id.0, &query).await?;
        let nodes: Vec<(i64, bool)> = rows.iter().map(|row| (row.id, !row.second)).collect();
        let items = show::items(&mut conn, &nodes, Viewer::By(caller), Hidden::LeftOut, now).await?;
        Ok((folder, Page { total, items, more }))
    }

    /// How many children of a folder a list asks for in all, those of its page, and whether others follow.
    async fn children(
        &self,
        conn: &mut Conn,
        caller: &Caller,
        folder: i64,
        query: &ContentQuery,
    ) -> Result<(u64, Vec<Position>, bool)> {
        let now = self.clock.micros();
        let is_filtered = query.name.is_some() || query.find.as_deref().is_some_and(|text| !text.is_empty());
        let total = match is_filtered {
            true => {
                folder::count_children(conn, folder, query, true).await?
                    + folder::count_children(conn, folder, query, false).await?
            }
            false => folder::child_counts(conn, [folder]).await?.remove(&folder).unwrap_or(0),
        };
        let begin = Begin::content(caller.account, folder, query);
        let (of_folders, of_files) = match (query.offset, self.positions.before(&begin, now)) {
            (0, _) => (Some(From::Place(0)), From::Place(0)),
            (_, Some(row)) if row.second => (None, From::Behind(row)),
            (_, Some(row)) => (Some(From::Behind(row)), From::Place(0)),
            (offset, None) => {
                let folders = folder::count_children(conn, folder, query, true).await?;
                let within = (offset < folders).then_some(From::Place(offset));
                (within, From::Place(offset.saturating_sub(folders)))
            }
        };
        let wanted = u64::from(query.limit) + 1;
        let mut rows = match of_folders {
            Some(from) => folder::children(conn, folder, query, true, &from, wanted).await?,
            None => Vec::new(),
        };
        let room = wanted.saturating_sub(rows.len() as u64);
        if room > 0 {
            rows.extend(folder::children(conn, folder, query, false, &of_files, room).await?);
        }
        let more = self.cut(&mut rows, query.limit, begin, |row| row, now);
        Ok((total, rows, more))
    }

    /// Cuts what was read of a list, one row more than its page holds, to the page, and keeps where that ends. Says
    /// whether others follow.
    pub(super) fn cut<T>(
        &self,
        rows: &mut Vec<T>,
        limit: u32,
        begin: Begin,
        position: impl Fn(&T) -> &Position,
        now: i64,
    ) -> bool {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        if let (true, Some(last)) = (more, rows.last()) {
            self.positions.keep(begin, rows.len(), position(last).clone(), now);
        }
        more
    }
}

/// Whose files a caller may list; `None`: all accounts'.
pub(super) fn whose(caller: &Caller, asked: Whose) -> Result<Option<AccountId>> {
    match asked {
        Whose::Own => Ok(Some(caller.account)),
        Whose::All if caller.is_admin() => Ok(None),
        Whose::All => Err(Error::Forbidden),
    }
}

/// Things by id, in the order of the ids.
pub(super) fn in_order<T>(ids: &[i64], things: Vec<T>, id: impl Fn(&T) -> i64) -> Vec<T> {
    let mut by_id: HashMap<i64, T> = things.into_iter().map(|thing| (id(&thing), thing)).collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}

impl Engine {
    /// So many files of a list behind a row that no folder above hides; fewer only at its end. `as_of` was read of the
    /// account before (see [`super::gaps`]).
    async fn visible_files(
        &self,
        conn: &mut Conn,
        (account, as_of): (Option<AccountId>, i64),
        query: &FileQuery,
        mut behind: Option<Position>,
        wanted: u64,
    ) -> Result<Vec<FileKey>> {
        let with_gaps = account.filter(|_| query.order == FileOrder::Id && query.find.is_none());
        let (mut found, mut shown, mut hidden): (Vec<FileKey>, HashSet<i64>, HashSet<i64>) = Default::default();
        // Since the last file that was found, the first one that is hidden.
        let mut gap: Option<i64> = None;
        for round in 0.. {
            let left_out = match round {
                // Most accounts hide nothing, or one folder with many files in it: then its id is enough.
                0 | 1 => LeftOut::In(&hidden),
                _ => LeftOut::Hidden,
            };
            let room = wanted - found.len() as u64;
            let keys = list::files(conn, account, query, behind.as_ref(), left_out, room).await?;
            let ends = (keys.len() as u64) < room;
            let unknown = keys.iter().map(|key| key.parent).filter(|parent| !shown.contains(parent));
            for (folder, way) in folder::ways_up(conn, unknown.collect::<HashSet<_>>()).await? {
                if way.visible { &mut shown } else { &mut hidden }.insert(folder);
            }
            behind = keys.last().map(|key| key.position.clone()).or(behind);
            for key in keys {
                if !shown.contains(&key.parent) {
                    gap.get_or_insert(key.id);
                    continue;
                }
                if let (Some(account), Some(first)) = (with_gaps, gap.take()) {
                    self.gaps.add(account, as_of, first, key.id + if query.descending { 1 } else { -1 });
                }
                found.push(key);
            }
            if ends || found.len() as u64 >= wanted {
                if let (Some(account), Some(first), true) = (with_gaps, gap, ends && query.descending) {
                    self.gaps.add(account, as_of, first, 0);
                }
                break;
            }
            if let (Some(account), Some(row)) = (with_gaps, &mut behind) {
                row.id = self.gaps.end(account, as_of, row.id, query.descending).unwrap_or(row.id);
            }
        }
        Ok(found)
    }
}
