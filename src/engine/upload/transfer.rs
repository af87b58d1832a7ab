//! Transfers: files sent in chunks and shown together (vault.md 4.5).
//!
//! Each chunk is an object of its own, so nothing of an upload is tied to one server, and a chunk that is sent
//! again simply takes the place of the one before. When a file is finished, its chunks are written as one object.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use futures_util::{StreamExt, TryStreamExt, stream as streams};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Engine, Finished, Place, discard, discard_all, end, place, reserve_quota, root_place};
use crate::{
    clock::to_micros,
    engine::{
        ByteStream,
        error::{Error, Result},
        name,
    },
    model::{AccountId, Caller, Chunk, FileInfo, NewTransferFile, Transfer},
    objects::{ObjectKey, Stored},
    store::{
        self, Tx, account, folder, node,
        staged::{self, Staged},
        transfer::{self, Open},
        upload::{self, Kind, NewUpload, Upload},
    },
};

/// Bytes of one chunk at the most.
const LARGEST_CHUNK: u64 = 100 * 1024 * 1024;
/// Bytes that a file may announce at the most: 1 PiB, far beyond any disk and far from the end of the numbers.
const LARGEST_FILE: u64 = 1 << 50;
/// Files of one transfer at the most: they become visible in one commit, and everybody waits for that.
const FILES: u64 = 10_000;
/// Chunks of one file that may be on their way at the most: what is not yet stored is in nobody's quota.
const CHUNKS_UNDER_WAY: u64 = 64;
/// Folders above a file at the most.
const DEEPEST: usize = 100;

const UNKNOWN_GROUP: Error = Error::Invalid("no such group");
const UNKNOWN_FILE: Error = Error::Invalid("no such file in the group");
const USED_ID: Error = Error::Invalid("the id was used before");

impl Engine {
    /// Opens a transfer, for the caller or, by an administrator, for another account. One that nobody touches for 24
    /// hours ends.
    ///
    /// # Errors
    /// `Forbidden`: another account, and the caller is no administrator. `Invalid`: no such account, or a group id that
    /// was used before.
    pub async fn open_transfer(
        &self,
        caller: &Caller,
        group: Option<Uuid>,
        for_account: Option<&str>,
    ) -> Result<Transfer> {
        if for_account.is_some() && !caller.is_admin() {
            return Err(Error::Forbidden);
        }
        let (creator, for_account) = (caller.account, for_account.map(str::to_owned));
        self.committer
            .write("transfer.open", async move |tx: &mut Tx| {
                let owner = match &for_account {
                    Some(name) => account::by_name(tx, name)
                        .await?
                        .filter(|account| !account.disabled)
                        .ok_or(Error::Invalid("no such account"))?,
                    None => super::account_of(tx, creator).await?,
                };
                let uid = match group {
                    Some(uid) if node::ever_used(tx, uid).await? => return Err(USED_ID),
                    Some(uid) => uid,
                    None => Uuid::new_v4(),
                };
                transfer::insert(tx, uid, owner.id, creator).await?;
                Ok(Transfer { uid, impersonated: for_account.is_some(), owner })
            })
            .await
    }

    /// Announces a file of a transfer; its size counts in the owner's quota from now on.
    ///
    /// # Errors
    /// `Forbidden`: not the opener. `Invalid`: no such transfer, or a file id that was used before. `TooDeep`,
    /// `TooLarge`, `QuotaExceeded`, `StorageFull`.
    pub async fn add_transfer_file(&self, caller: &Caller, group: Uuid, new: NewTransferFile) -> Result<Uuid> {
        self.room()?;
        if new.path.len() > DEEPEST {
            return Err(Error::TooDeep);
        }
        let creator = caller.account;
        self.committer
            .write("transfer.add", async move |tx: &mut Tx| {
                let open = opened_by(tx, creator, group).await?;
                let uid = match new.uid {
                    Some(uid) if node::ever_used(tx, uid).await? => return Err(USED_ID),
                    Some(uid) => uid,
                    None => Uuid::new_v4(),
                };
                if upload::count_of_transfer(tx, group).await? >= FILES {
                    return Err(Error::Invalid("a transfer has at most 10,000 files"));
                }
                reserve_quota(tx, open.owner, new.size).await?;
                if new.size > LARGEST_FILE {
                    return Err(Error::TooLarge);
                }
                let path: Vec<String> = new.path.iter().map(|name| name.as_str().to_owned()).collect();
                let upload = NewUpload {
                    uid,
                    owner: open.owner,
                    creator,
                    group: Some(group),
                    kind: Kind::Transfer,
                    chunked: new.chunked,
                    name: new.name.as_str(),
                    path: &path,
                    media_type: &new.media_type,
                    bytes: new.size,
                    expires_at: None,
                };
                upload::insert(tx, &upload).await?;
                Ok(uid)
            })
            .await
    }

    /// Stores a chunk of a file. The same place and length sent again replaces what came before.
    ///
    /// # Errors
    /// `Forbidden`: not the opener. `Invalid`: no such transfer or file, a file that is finished, no offset where one
    /// is needed, a wrong checksum, other bytes in the chunk's place. `TooLarge`: beyond the file's size or 100 MiB.
    /// `BodyBrokenOff`, `StorageFull`. Nothing of the chunk is kept.
    pub async fn put_chunk(
        &self,
        caller: &Caller,
        group: Uuid,
        file: Uuid,
        chunk: Chunk,
        bytes: ByteStream,
    ) -> Result<()> {
        let (engine, creator) = (self.clone(), caller.account);
        Self::to_its_end(async move { engine.write_chunk(creator, group, file, chunk, bytes).await }).await
    }

    async fn write_chunk(
        &self,
        creator: AccountId,
        group: Uuid,
        file: Uuid,
        chunk: Chunk,
        bytes: ByteStream,
    ) -> Result<()> {
        self.room()?;
        let key = self.keys.mint();
        let staged_key = key.clone();
        let (owner, start, limit) = self
            .committer
            .write("chunk.stage", async move |tx: &mut Tx| {
                let upload = unfinished(tx, creator, group, file).await?;
                if staged::count_unwritten(tx, upload.id).await? >= CHUNKS_UNDER_WAY {
                    return Err(Error::Invalid("too many chunks of this file are under way"));
                }
                let start = match chunk.offset {
                    Some(offset) => offset,
                    None if upload.chunked => return Err(Error::Invalid("a chunk needs its offset")),
                    None => next_start(tx, &upload).await?,
                };
                let limit = upload.bytes.checked_sub(start).ok_or(Error::TooLarge)?.min(LARGEST_CHUNK);
                staged::insert(tx, &staged_key, Some(upload.id), upload.owner, start).await?;
                Ok((upload.owner, start, limit))
            })
            .await?;
        let stored = self.write_object(owner, &key, bytes, limit).await?;
        if chunk.md5.is_some_and(|md5| md5 != stored.md5) {
            self.give_up(owner, &key).await;
            return Err(Error::Invalid("the checksum differs"));
        }
        let put = key.clone();
        let kept = self
            .committer
            .write("chunk.put", async move |tx: &mut Tx| keep(tx, owner, &put, start, &stored).await)
            .await;
        self.kept(owner, &key, kept).await?;
        // A chunk in its place before it has gone with that commit.
        self.wake_purge.notify_one();
        Ok(())
    }

    /// Finishes a file of a transfer: all its bytes are there. A repeat is fine, also one at another server at the same
    /// moment.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid` as for a chunk; `Incomplete`: bytes are missing; `StorageFull`.
    pub async fn finish_transfer_file(&self, caller: &Caller, group: Uuid, file: Uuid) -> Result<()> {
        let (engine, creator) = (self.clone(), caller.account);
        // Two at once would each join the chunks, for nothing.
        let turn = self.turns.take(file).await;
        Self::to_its_end(async move {
            let _turn = turn;
            engine.finish_file(creator, group, file).await
        })
        .await
    }

    async fn finish_file(&self, creator: AccountId, group: Uuid, file: Uuid) -> Result<()> {
        let key = self.keys.mint();
        let staged_key = key.clone();
        let pieces = self
            .committer
            .write("file.stage", async move |tx: &mut Tx| {
                let open = opened_by(tx, creator, group).await?;
                let upload = upload::of_transfer(tx, group, file).await?.ok_or(UNKNOWN_FILE)?;
                if upload.complete {
                    return Ok(None);
                }
                let pieces = staged::of_upload(tx, upload.id).await?;
                let end = pieces.iter().try_fold(0, |end, piece| (end == piece.start).then(|| piece.end()));
                if end != Some(upload.bytes) {
                    return Err(Error::Incomplete);
                }
                if pieces.len() == 1 {
                    upload::complete(tx, upload.id).await?;
                    return Ok(None);
                }
                staged::insert(tx, &staged_key, Some(upload.id), open.owner, 0).await?;
                Ok(Some((upload, pieces)))
            })
            .await?;
        let Some((upload, pieces)) = pieces else { return Ok(()) };
        self.room()?;
        let whole = self.joined(pieces.clone());
        let stored = match self.write_object(upload.owner, &key, whole, upload.bytes).await {
            Ok(stored) => stored,
            // Chunks that are gone by now may have been joined by another server.
            Err(error) => {
                let mut conn = self.store.read().await?;
                let there = upload::of_transfer(&mut conn, group, file).await?;
                return if there.is_some_and(|there| there.complete) { Ok(()) } else { Err(error) };
            }
        };
        let (owner, whole) = (upload.owner, key.clone());
        let joined = self
            .committer
            .write("file.finish", async move |tx: &mut Tx| join(tx, &upload, &pieces, &whole, &stored).await)
            .await;
        self.kept(owner, &key, joined).await?;
        self.wake_purge.notify_one();
        Ok(())
    }

    /// The bytes of chunks, one behind the other.
    fn joined(&self, pieces: Vec<Staged>) -> ByteStream {
        let objects = self.objects.clone();
        streams::iter(pieces)
            .then(move |piece| {
                let objects = objects.clone();
                async move { objects.read(&piece.key).await.map_err(std::io::Error::other) }
            })
            .try_flatten()
            .boxed()
    }

    /// Shows all files of a transfer together; gives them in the order of their announcement.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid` as for a chunk; `Incomplete`: a file is not finished.
    pub async fn commit_transfer(
        &self,
        caller: &Caller,
        group: Uuid,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<Vec<FileInfo>> {
        let (creator, expires_at) = (caller.account, expires_at.map(to_micros));
        self.committer
            .write("transfer.commit", async move |tx: &mut Tx| {
                let open = opened_by(tx, creator, group).await?;
                let uploads = upload::all_of_transfer(tx, group).await?;
                if uploads.iter().any(|upload| !upload.complete) {
                    return Err(Error::Incomplete);
                }
                let mut places = Places::of(tx, open.owner).await?;
                let mut uids = Vec::with_capacity(uploads.len());
                for upload in &uploads {
                    show(tx, &mut places, group, upload, expires_at).await?;
                    uids.push(upload.uid);
                }
                transfer::end(tx, group).await?;
                super::super::file::shown(tx, uids).await
            })
            .await
    }

    /// Gives up a transfer that is not committed, with all its files.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid` as for a chunk.
    pub async fn drop_transfer(&self, caller: &Caller, group: Uuid) -> Result<()> {
        let creator = caller.account;
        self.committer
            .write_freeing("transfer.drop", async move |tx: &mut Tx| {
                opened_by(tx, creator, group).await?;
                end_transfer(tx, group).await
            })
            .await?;
        self.wake_purge.notify_one();
        Ok(())
    }

    /// Gives up one file of a transfer that is not committed.
    ///
    /// # Errors
    /// `Forbidden`, `Invalid` as for a chunk.
    pub async fn drop_transfer_file(&self, caller: &Caller, group: Uuid, file: Uuid) -> Result<()> {
        let creator = caller.account;
        self.committer
            .write_freeing("transfer.drop_file", async move |tx: &mut Tx| {
                opened_by(tx, creator, group).await?;
                let upload = upload::of_transfer(tx, group, file).await?.ok_or(UNKNOWN_FILE)?;
                end(tx, &upload).await
            })
            .await?;
        self.wake_purge.notify_one();
        Ok(())
    }
}

/// Ends a transfer and all its uploads.
pub(in crate::engine) async fn end_transfer(tx: &mut Tx, group: Uuid) -> Result<()> {
    for upload in upload::all_of_transfer(tx, group).await? {
        end(tx, &upload).await?;
    }
    transfer::end(tx, group).await?;
    Ok(())
}

/// A transfer that the caller opened; using it keeps it alive.
async fn opened_by(tx: &mut Tx, creator: AccountId, group: Uuid) -> Result<Open> {
    let open = transfer::touch(tx, group).await?.ok_or(UNKNOWN_GROUP)?;
    // What was touched for another is taken back with the rest of the request.
    if open.creator != creator {
        return Err(Error::Forbidden);
    }
    Ok(open)
}

async fn unfinished(tx: &mut Tx, creator: AccountId, group: Uuid, file: Uuid) -> Result<Upload> {
    opened_by(tx, creator, group).await?;
    let upload = upload::of_transfer(tx, group, file).await?.ok_or(UNKNOWN_FILE)?;
    match upload.complete {
        true => Err(Error::Invalid("the file is finished")),
        false => Ok(upload),
    }
}

/// Where a stream goes on: behind what is there. Where one chunk is the whole file, that chunk is sent again.
async fn next_start(tx: &mut Tx, upload: &Upload) -> Result<u64> {
    Ok(match staged::of_upload(tx, upload.id).await?.as_slice() {
        [whole] if whole.size == upload.bytes => 0,
        pieces => pieces.iter().map(Staged::end).max().unwrap_or(0),
    })
}

/// Puts a stored chunk into its place, or discards it; the inner result is the client's.
async fn keep(tx: &mut Tx, owner: AccountId, key: &ObjectKey, start: u64, stored: &Stored) -> Result<Result<()>> {
    let upload = match staged::written(tx, key, start, stored).await? {
        Some(id) => upload::by_id(tx, id).await?,
        None => None,
    };
    let refusal = match upload {
        None => Some(UNKNOWN_FILE),
        Some(upload) if upload.complete => Some(Error::Invalid("the file is finished")),
        Some(upload) => {
            let others = staged::of_upload(tx, upload.id).await?.into_iter().filter(|piece| piece.key != *key);
            let end = start + stored.size;
            let (same, other): (Vec<Staged>, Vec<Staged>) =
                others.partition(|piece| piece.start == start && piece.size == stored.size);
            if other.iter().any(|piece| piece.start < end && start < piece.end()) {
                Some(Error::Invalid("other bytes are in the chunk's place"))
            } else if stored.size == 0 && upload.bytes > 0 {
                // No bytes: nothing to keep, and nothing wrong.
                discard(tx, owner, key, 0).await?;
                None
            } else {
                discard_all(tx, &same, 0).await?;
                None
            }
        }
    };
    if refusal.is_some() {
        discard(tx, owner, key, stored.size).await?;
    }
    Ok(refusal.map_or(Ok(()), Err))
}

/// Makes the joined object the file's only one, unless its chunks changed meanwhile.
async fn join(tx: &mut Tx, upload: &Upload, pieces: &[Staged], key: &ObjectKey, stored: &Stored) -> Result<Result<()>> {
    let there = match staged::written(tx, key, 0, stored).await? {
        Some(id) => upload::by_id(tx, id).await?,
        None => None,
    };
    if there.as_ref().is_some_and(|there| there.complete) {
        // Another server was faster.
        discard(tx, upload.owner, key, stored.size).await?;
        return Ok(Ok(()));
    }
    let now: Vec<Staged> = staged::of_upload(tx, upload.id).await?.into_iter().filter(|now| now.key != *key).collect();
    let unchanged = now.iter().map(|piece| &piece.key).eq(pieces.iter().map(|piece| &piece.key));
    if there.is_none() || !unchanged || stored.size != upload.bytes {
        discard(tx, upload.owner, key, stored.size).await?;
        return Ok(Err(Error::Incomplete));
    }
    discard_all(tx, &now, 0).await?;
    upload::complete(tx, upload.id).await?;
    Ok(Ok(()))
}

/// The folders that a transfer's files go into, made where they are missing, each looked up once.
struct Places {
    owner: AccountId,
    root: Place,
    known: HashMap<Vec<String>, Place>,
    /// By folder and stem: the names beginning with `stem(` that are taken, and the number to go on with.
    numbered: HashMap<(i64, String), Numbered>,
}

#[derive(Default)]
struct Numbered {
    taken: HashSet<String>,
    next: HashMap<String, u64>,
}

impl Places {
    async fn of(tx: &mut Tx, owner: AccountId) -> Result<Self> {
        Ok(Self { owner, root: root_place(tx, owner).await?, known: HashMap::new(), numbered: HashMap::new() })
    }

    async fn find(&mut self, tx: &mut Tx, path: &[String], creator: AccountId) -> Result<Place> {
        if let Some(place) = self.known.get(path) {
            return Ok(place.clone());
        }
        let mut place = self.root.clone();
        for name in path {
            let folder = match folder::named(tx, place.folder, name).await? {
                Some(folder) => folder,
                None => {
                    let depth = place.depth + 1;
                    let folder = folder::insert(tx, self.owner, Some(place.folder), depth, name, creator).await?;
                    let added: Vec<(i64, i64, i64, i64)> = place.way.ids.iter().map(|&id| (id, 0, 1, 0)).collect();
                    folder::change_totals(tx, &store::rows(&added)).await?;
                    folder
                }
            };
            place.folder = folder;
            place.depth += 1;
            place.way.ids.insert(0, folder);
        }
        self.known.insert(path.to_vec(), place.clone());
        Ok(place)
    }

    /// The name itself, or `report(1).pdf` with the lowest number that is free in the folder.
    async fn free_name(&mut self, tx: &mut Tx, folder: i64, name: &str) -> Result<String> {
        if !node::name_taken(tx, folder, name).await? {
            return Ok(name.to_owned());
        }
        let (stem, extension) = name::split_ending(name);
        let numbered = match self.numbered.entry((folder, stem.to_owned())) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let taken = node::names_beginning(tx, folder, &format!("{stem}(")).await?;
                entry.insert(Numbered { taken: taken.into_iter().collect(), ..Numbered::default() })
            }
        };
        let next = numbered.next.entry(extension.to_owned()).or_insert(1);
        loop {
            let candidate = name::number_name(stem, extension, *next);
            *next += 1;
            // The second look is for a long stem that had to be cut: its numbered names begin otherwise.
            if !numbered.taken.contains(&candidate) && !node::name_taken(tx, folder, &candidate).await? {
                return Ok(candidate);
            }
        }
    }
}

async fn show(tx: &mut Tx, places: &mut Places, group: Uuid, upload: &Upload, expires_at: Option<i64>) -> Result<()> {
    let objects = staged::of_upload(tx, upload.id).await?;
    let object = objects.first().ok_or(Error::Incomplete)?;
    let into = places.find(tx, &upload.path, upload.creator).await?;
    let name = places.free_name(tx, into.folder, &upload.name).await?;
    staged::orphan_unwritten(tx, upload.id).await?;
    let finished = Finished { upload, object, name: &name, group: Some(group), private: true, expires_at };
    place(tx, &into, finished).await.map(drop)
}
