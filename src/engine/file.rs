//! Reading files and folders: only what is visible, only to whom it belongs.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    ByteStream, Engine,
    error::{Error, Result},
};
use crate::{
    model::{Caller, Entry, FileInfo, FileQuery, FolderInfo, Page, Whose},
    objects::ObjectKey,
    store::{
        Conn, Tx,
        folder::{self, WayUp},
        list,
        node::{self, FileRow},
    },
};

/// A file's bytes on their way out, with what is known of it.
pub struct Content {
    pub file: FileInfo,
    pub stream: ByteStream,
}

impl Engine {
    /// A file of the caller's own.
    ///
    /// # Errors
    /// `NotFound`: not there, deleted, hidden by a folder above it, or somebody else's.
    pub async fn file(&self, caller: &Caller, uid: Uuid) -> Result<FileInfo> {
        let mut conn = self.store.read().await?;
        Ok(self.visible(&mut conn, uid, Some(caller)).await?.0)
    }

    /// The bytes of the current version of a file of the caller's own.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub async fn read(&self, caller: &Caller, uid: Uuid) -> Result<Content> {
        self.content(uid, Some(caller)).await
    }

    /// The bytes of a file for whoever holds a URL that this server signed; the caller has checked the signature.
    ///
    /// # Errors
    /// `NotFound` once the file is hidden or gone.
    pub async fn read_signed(&self, uid: Uuid) -> Result<Content> {
        self.content(uid, None).await
    }

    async fn content(&self, uid: Uuid, caller: Option<&Caller>) -> Result<Content> {
        let (file, key) = {
            let mut conn = self.store.read().await?;
            self.visible(&mut conn, uid, caller).await?
        };
        match self.objects.read(&key).await {
            Ok(stream) => Ok(Content { file, stream }),
            // Between the two looks the file may have been deleted and purged.
            Err(error) => match self.visible(&mut *self.store.read().await?, uid, caller).await {
                Err(Error::NotFound) => Err(Error::NotFound),
                _ => Err(Error::Internal(error)),
            },
        }
    }

    async fn visible(&self, conn: &mut Conn, uid: Uuid, caller: Option<&Caller>) -> Result<(FileInfo, ObjectKey)> {
        let row = node::live_file(conn, uid, self.clock.micros()).await?.ok_or(Error::NotFound)?;
        if caller.is_some_and(|caller| caller.account != row.info.owner) {
            return Err(Error::NotFound);
        }
        let ways = folder::ways_up(conn, [row.parent]).await?;
        let key = ObjectKey::kept(row.object_key.clone());
        Ok((placed(row, &ways).ok_or(Error::NotFound)?, key))
    }

    /// A page of live files.
    ///
    /// # Errors
    /// `Forbidden`: all accounts' files for a caller who is no administrator.
    pub async fn files(&self, caller: &Caller, query: FileQuery) -> Result<Page<FileInfo>> {
        let account = match query.whose {
            Whose::Own => Some(caller.account),
            Whose::All if caller.is_admin() => None,
            Whose::All => return Err(Error::Forbidden),
        };
        if query.find.as_deref().is_some_and(is_in_no_name) {
            return Ok(Page { total: 0, items: Vec::new() });
        }
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let mut conn = self.store.read().await?;
        let total = match (account, &query.find) {
            (Some(account), None) => folder::root(&mut conn, account).await?.files,
            _ => list::count(&mut conn, account, &query).await?,
        };
        let rows = list::files(&mut conn, account, &query, self.clock.micros()).await?;
        let ways = folder::ways_up(&mut conn, distinct_parents(&rows)).await?;
        let items = rows.into_iter().filter_map(|row| placed(row, &ways)).collect();
        Ok(Page { total, items })
    }

    /// The caller's root folder.
    ///
    /// # Errors
    /// Only faults.
    pub async fn root(&self, caller: &Caller) -> Result<FolderInfo> {
        let mut conn = self.store.read().await?;
        Ok(folder::root(&mut conn, caller.account).await?)
    }

    /// A folder of the caller's own.
    ///
    /// # Errors
    /// `NotFound`: not there, deleted, hidden by a folder above it, or somebody else's.
    pub async fn folder(&self, caller: &Caller, uid: Uuid) -> Result<FolderInfo> {
        let mut conn = self.store.read().await?;
        visible_folder(&mut conn, caller, uid).await
    }

    /// A page of a folder's live children, folders first, then by name.
    ///
    /// # Errors
    /// As [`Self::folder`].
    pub async fn folder_content(&self, caller: &Caller, uid: Uuid, offset: u64, limit: u32) -> Result<Page<Entry>> {
        let _turn = self.lists.acquire().await.map_err(|error| Error::Internal(error.into()))?;
        let mut conn = self.store.read().await?;
        let id = visible_folder(&mut conn, caller, uid).await?.id;
        let total = folder::count_content(&mut conn, id.0).await?;
        let items = folder::content(&mut conn, id.0, offset, limit).await?;
        Ok(Page { total, items })
    }
}

/// Files that the transaction has just shown, in the order of their uids.
pub(super) async fn shown(tx: &mut Tx, uids: Vec<Uuid>) -> Result<Vec<FileInfo>> {
    let mut rows = Vec::with_capacity(uids.len());
    for uid in uids {
        let now = tx.now;
        rows.push(node::live_file(tx, uid, now).await?.ok_or(Error::NotFound)?);
    }
    let ways = folder::ways_up(tx, distinct_parents(&rows)).await?;
    Ok(rows.into_iter().filter_map(|row| placed(row, &ways)).collect())
}

async fn visible_folder(conn: &mut Conn, caller: &Caller, uid: Uuid) -> Result<FolderInfo> {
    let mut info =
        folder::live(conn, uid).await?.filter(|folder| folder.owner == caller.account).ok_or(Error::NotFound)?;
    let mut ways = folder::ways_up(conn, [info.id.0]).await?;
    let way = ways.remove(&info.id.0).filter(|way| way.visible).ok_or(Error::NotFound)?;
    info.path = way.path;
    Ok(info)
}

/// A text that no name can contain (see [`crate::model::NodeName`]); databases choke on some of these.
fn is_in_no_name(text: &str) -> bool {
    text.chars().count() > 255 || text.contains(char::is_control)
}

fn distinct_parents(rows: &[FileRow]) -> HashSet<i64> {
    rows.iter().map(|row| row.parent).collect()
}

/// A file with its place, unless something above hides it.
fn placed(row: FileRow, ways: &HashMap<i64, WayUp>) -> Option<FileInfo> {
    let way = ways.get(&row.parent).filter(|way| way.visible)?;
    Some(FileInfo { path: way.path.clone(), ..row.info })
}
