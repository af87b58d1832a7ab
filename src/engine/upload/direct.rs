//! A file stored by one call.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::{Engine, Finished, UPLOAD_LIFE, discard, end, place_in_root, reserve_quota};
use crate::{
    engine::error::{Error, Result},
    model::{AccountId, Caller, FileInfo, NewFile},
    objects::{ObjectKey, Stored},
    store::{
        Conn, Tx, account, folder, node,
        staged::{self, Staged},
        upload::{self, Kind, NewUpload},
    },
};

impl Engine {
    /// Stores a file in the caller's root folder. Its name must be free among all live files of the account, compared
    /// exactly (sweeppea.md 4.1).
    ///
    /// # Errors
    /// `NameTaken`, `QuotaExceeded`, `StorageFull`: nothing is kept.
    pub async fn store_file(&self, caller: &Caller, new: NewFile, bytes: Bytes) -> Result<FileInfo> {
        let (engine, caller) = (self.clone(), caller.clone());
        Self::to_its_end(async move { engine.store_now(&caller, new, bytes).await }).await
    }

    async fn store_now(&self, caller: &Caller, new: NewFile, bytes: Bytes) -> Result<FileInfo> {
        self.room()?;
        let (owner, uid, key) = (caller.account, Uuid::new_v4(), self.keys.mint());
        let (size, staged_key, name) = (bytes.len() as u64, key.clone(), new.name.as_str().to_owned());
        let media_type = new.media_type.clone();
        self.committer
            .write("direct.stage", async move |tx: &mut Tx| {
                // Quota before name (sweeppea.md 4.1).
                reserve_quota(tx, owner, size).await?;
                if let Some(by) = taken(tx, owner, &name).await? {
                    return Err(Error::NameTaken { by });
                }
                let upload = NewUpload {
                    uid,
                    owner,
                    creator: owner,
                    group: None,
                    kind: Kind::Direct,
                    chunked: false,
                    name: &name,
                    path: &[],
                    media_type: &media_type,
                    bytes: size,
                    expires_at: Some(tx.now + UPLOAD_LIFE.as_micros() as i64),
                };
                let id = upload::insert(tx, &upload).await?;
                staged::insert(tx, &staged_key, Some(id), owner, 0).await?;
                Ok(id)
            })
            .await
            .map(drop)?;
        let body = stream::once(async move { Ok(bytes) }).boxed();
        let stored = match self.write_object(owner, &key, body, size).await {
            Ok(stored) => stored,
            Err(error) => {
                self.end_direct(uid).await;
                return Err(error);
            }
        };
        let (private, put) = (new.private, key.clone());
        let shown = self
            .committer
            .write("direct.commit", async move |tx: &mut Tx| show(tx, owner, uid, &put, &stored, private).await)
            .await;
        let shown = self.kept(owner, &key, shown).await;
        if shown.is_err() {
            self.end_direct(uid).await;
        }
        shown
    }

    async fn end_direct(&self, uid: Uuid) {
        let ended = self
            .committer
            .write_freeing("direct.end", async move |tx: &mut Tx| match upload::by_uid(tx, uid).await? {
                Some(upload) => end(tx, &upload).await,
                None => Ok(()),
            })
            .await;
        if let Err(error) = ended {
            tracing::warn!(error = format!("{error:#}"), "an upload could not be ended; it ends with its time");
        }
    }
}

/// Shows the stored object as a file, unless its name was taken meanwhile; the inner result is the client's.
async fn show(
    tx: &mut Tx,
    owner: AccountId,
    uid: Uuid,
    key: &ObjectKey,
    stored: &Stored,
    private: bool,
) -> Result<Result<FileInfo>> {
    let Some(upload) = upload::of_object(tx, key).await?.filter(|upload| upload.uid == uid) else {
        discard(tx, owner, key, stored.size).await?;
        return Ok(Err(Error::UploadEnded));
    };
    if let Some(by) = taken(tx, owner, &upload.name).await? {
        discard(tx, owner, key, stored.size).await?;
        end(tx, &upload).await?;
        return Ok(Err(Error::NameTaken { by }));
    }
    let object = &Staged {
        key: key.clone(),
        upload: Some(upload.id),
        account: owner,
        start: 0,
        size: stored.size,
        sha256: Some(stored.sha256.clone()),
        store_version: stored.version.clone(),
    };
    let finished = Finished { upload: &upload, object, name: &upload.name, group: None, private, expires_at: None };
    let file = place_in_root(tx, finished).await?;
    account::make_category(tx, owner).await?;
    Ok(Ok(file))
}

/// The newest visible file of an account that has this name.
async fn taken(conn: &mut Conn, owner: AccountId, name: &str) -> Result<Option<Uuid>> {
    // Nearly always the newest is visible; the others matter only while it lies below a marked folder.
    for limit in [1, i64::MAX] {
        let named = node::named(conn, owner, name, limit).await?;
        if named.is_empty() {
            return Ok(None);
        }
        let ways = folder::ways_up(conn, named.iter().map(|&(_, parent)| parent)).await?;
        let visible = named.into_iter().find(|(_, parent)| ways.get(parent).is_some_and(|way| way.visible));
        if let Some((uid, _)) = visible {
            return Ok(Some(uid));
        }
    }
    Ok(None)
}
