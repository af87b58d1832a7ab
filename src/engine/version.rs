//! The versions of a file. How they come to be is in `upload/content.rs`.

use super::{
    Engine, access,
    error::{Error, Result},
    file::Content,
    show::{self, Hidden, Viewer},
};
use crate::{
    model::{Caller, FileInfo, NodeRef, Part, Rights},
    objects::ObjectKey,
    store::{Conn, node, trash, version},
};

impl Engine {
    /// A file's live versions, newest first. Needs [`Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn versions(&self, caller: &Caller, file: NodeRef) -> Result<Vec<FileInfo>> {
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let file = live_file(&mut conn, caller, file, Rights::READ, now).await?;
        let rows = version::live(&mut conn, file, now).await?;
        show::files(&mut conn, rows, Viewer::By(caller), Hidden::LeftOut, now).await
    }

    /// A file as one of its live versions shows it. Needs [`Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`]; `NoVersion`.
    pub async fn file_version(&self, caller: &Caller, file: NodeRef, number: u32) -> Result<FileInfo> {
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let file = live_file(&mut conn, caller, file, Rights::READ, now).await?;
        let row = version::live_one(&mut conn, file, number, now).await?.ok_or(Error::NoVersion)?;
        let shown = show::files(&mut conn, vec![row], Viewer::By(caller), Hidden::LeftOut, now).await?.pop();
        shown.ok_or(Error::NotFound)
    }

    /// The bytes of a file, of its current version or another live one; all, or the part asked for. Needs
    /// [`Rights::DOWNLOAD`]. With `trash` also a file that lies in the trash, itself, for the entry's holder.
    ///
    /// # Errors
    /// As [`Self::item`]; `NoVersion`.
    pub async fn read_for(
        &self,
        caller: &Caller,
        file: NodeRef,
        number: Option<u32>,
        part: Option<Part>,
        trash: bool,
    ) -> Result<Content> {
        let look = || async {
            let mut conn = self.store.read().await?;
            readable(&mut conn, caller, file, number, trash, self.clock.micros()).await
        };
        let (shown, key) = look().await?;
        match self.content(shown, &key, part).await {
            Ok(content) => Ok(content),
            // Between the two looks the file or the version may have been deleted and purged.
            Err(error) => Err(look().await.err().unwrap_or(Error::Internal(error))),
        }
    }
}

/// The id of a live file on which the caller has these rights.
async fn live_file(conn: &mut Conn, caller: &Caller, file: NodeRef, wants: Rights, now: i64) -> Result<i64> {
    let reached = access::open(conn, caller, file, wants, now).await?;
    if reached.is_folder { Err(Error::NotFound) } else { Ok(reached.id) }
}

async fn readable(
    conn: &mut Conn,
    caller: &Caller,
    file: NodeRef,
    number: Option<u32>,
    trash: bool,
    now: i64,
) -> Result<(FileInfo, ObjectKey)> {
    let (id, viewer, hidden) = match live_file(conn, caller, file, Rights::DOWNLOAD, now).await {
        Ok(id) => (id, Viewer::By(caller), Hidden::LeftOut),
        Err(Error::NotFound) if trash => (held_in_trash(conn, caller, file).await?, Viewer::Entitled, Hidden::Shown),
        Err(error) => return Err(error),
    };
    let row = match number {
        Some(number) => version::live_one(conn, id, number, now).await?.ok_or(Error::NoVersion)?,
        None => node::files(conn, &[id], now).await?.pop().ok_or(Error::NotFound)?,
    };
    let key = ObjectKey::kept(row.object_key.clone());
    let shown = show::files(conn, vec![row], viewer, hidden, now).await?.pop();
    Ok((shown.ok_or(Error::NotFound)?, key))
}

/// The id of a file that lies in the trash, itself, by an entry that the caller holds.
async fn held_in_trash(conn: &mut Conn, caller: &Caller, file: NodeRef) -> Result<i64> {
    let (found, _) = access::find(conn, caller, file).await?.ok_or(Error::NotFound)?;
    let entries = trash::of_nodes(conn, [found.id]).await?;
    let holds = caller.link.is_none() && entries.iter().any(|entry| entry.holder == caller.account);
    match holds && found.state == 2 && !found.is_folder {
        true => Ok(found.id),
        false => Err(Error::NotFound),
    }
}
