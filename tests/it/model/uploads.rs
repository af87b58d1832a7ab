//! Bytes on their way in, and folders.

use bytes::Bytes;
use unfile::{engine::error::Error, model::*};
use uuid::Uuid;

use super::{
    End,
    belief::{Node, State, Version},
    check::every_file,
    world::World,
};
use crate::support::in_process::sent;

impl World {
    pub(super) async fn store(&mut self, account: usize, name: u8, size: usize) {
        let bytes = self.bytes(size);
        let name = NodeName::parse(&format!("stored-{name}")).unwrap();
        let new = NewFile { name, media_type: "text/plain".into(), private: true };
        match self.engine.store_file(&self.callers[account], new, bytes.clone()).await {
            Ok(info) => self.know(account, &info, bytes),
            Err(Error::NameTaken { by }) => assert!(self.belief.is_visible(by), "a name is taken by what is gone"),
            Err(Error::QuotaExceeded { .. }) => {}
            Err(error) => self.expect_fault(error, account, &[bytes]).await,
        }
    }

    pub(super) async fn slot(&mut self, account: usize, puts: &[usize], verify: bool) {
        let caller = self.callers[account].clone();
        let name = NodeName::parse("slot").unwrap();
        let slot = match self.engine.open_slot(&caller, name, "text/plain".into()).await {
            Ok(slot) => slot,
            Err(error) => return self.expect_fault(error, account, &[]).await,
        };
        let mut last = None;
        for &size in puts {
            let bytes = self.bytes(size);
            match self.engine.put_slot(slot.uid, Some(size as u64), sent(bytes.clone())).await {
                Ok(_) => last = Some(bytes),
                Err(Error::QuotaExceeded { .. }) => {}
                Err(error) => return self.expect_fault(error, account, &[]).await,
            }
        }
        if verify {
            let asked: Vec<Bytes> = last.iter().cloned().collect();
            match self.engine.verify_slot(&caller, slot.uid).await {
                Ok(info) => {
                    self.know(account, &info, last.unwrap());
                    let again = self.engine.verify_slot(&caller, slot.uid).await;
                    assert!(again.is_ok_and(|again| again.id == info.id) || self.disturbed());
                }
                Err(Error::Incomplete) => assert!(last.is_none()),
                Err(error) => self.expect_fault(error, account, &asked).await,
            }
        }
    }

    pub(super) async fn transfer(&mut self, account: usize, files: &[(Vec<u8>, usize)], end: End) {
        let caller = self.callers[account].clone();
        let mut asked = Vec::new();
        match self.send(&caller, files, end, &mut asked).await {
            Ok(shown) => {
                self.see_folders().await;
                for (info, bytes) in shown.iter().zip(&asked) {
                    self.know(account, info, bytes.clone());
                }
            }
            Err(Error::QuotaExceeded { .. }) => {}
            Err(error) => {
                let asked = if asked.len() == files.len() { asked } else { Vec::new() };
                self.expect_fault(error, account, &asked).await;
            }
        }
    }

    async fn send(
        &mut self,
        caller: &Caller,
        files: &[(Vec<u8>, usize)],
        end: End,
        asked: &mut Vec<Bytes>,
    ) -> Result<Vec<FileInfo>, Error> {
        let group = self.engine.open_transfer(caller, None, None).await?.uid;
        for (path, size) in files {
            let bytes = self.bytes(*size);
            let new = NewTransferFile {
                uid: None,
                name: NodeName::parse("sent.txt").unwrap(),
                path: path.iter().map(|part| NodeName::parse(&format!("folder-{part}")).unwrap()).collect(),
                media_type: "text/plain".into(),
                size: *size as u64,
                chunked: true,
            };
            let file = self.engine.add_transfer_file(caller, group, new).await?;
            let half = size / 2;
            // The second half first, and once more: order does not matter, and a chunk may be sent again.
            for (from, to) in [(half, *size), (0, half), (half, *size)] {
                let chunk = Chunk { offset: Some(from as u64), md5: None };
                self.engine.put_chunk(caller, group, file, chunk, sent(bytes.slice(from..to))).await?;
            }
            self.engine.finish_transfer_file(caller, group, file).await?;
            asked.push(bytes);
        }
        match end {
            End::Commit => self.engine.commit_transfer(caller, group, None).await,
            End::Drop => self.engine.drop_transfer(caller, group).await.map(|()| Vec::new()),
            End::Leave => Ok(Vec::new()),
        }
    }

    pub(super) async fn make_folder(&mut self, actor: usize, pick: usize) {
        let parent = self.pick(pick, |node| node.is_folder);
        let new = NewFolder {
            parent: NodeRef::FolderUid(parent),
            name: NodeName::parse("made").unwrap(),
            description: String::new(),
            clash: Clash::Keep,
        };
        let expected = self.may(actor, parent, Rights::WRITE);
        match self.engine.make_folder(&self.callers[actor], new).await {
            Ok(made) => {
                assert_eq!(expected, Ok(()));
                self.see_folder(made.uid, parent);
            }
            Err(Error::NotFound) => assert_eq!(expected, Err("not found")),
            Err(Error::Forbidden) => assert_eq!(expected, Err("forbidden")),
            Err(error) => {
                assert!(self.disturbed(), "no fault was set: {error:#}");
                self.recover().await;
                self.see_folders().await;
            }
        }
    }

    pub(super) async fn version(&mut self, actor: usize, pick: usize, size: usize) {
        let (file, bytes) = (self.pick_file(pick), self.bytes(size));
        let new = NewContent {
            into: Into::File { file: NodeRef::FileUid(file), name: None },
            media_type: "text/plain".into(),
        };
        let mut expected = self.may(actor, file, Rights::WRITE);
        if expected.is_ok() && self.belief.node(file).locked_by.is_some_and(|by| by != actor) {
            expected = Err("locked");
        }
        let mut after = self.belief.clone();
        if let (Ok(()), Some(node)) = (expected, after.nodes.get_mut(&file)) {
            let number = node.versions.keys().max().unwrap() + 1;
            node.versions.insert(number, Version { bytes: bytes.clone(), state: State::Live });
        }
        match self.engine.store_content(&self.callers[actor], new, sent(bytes)).await {
            Ok(info) => {
                assert_eq!(expected, Ok(()));
                self.belief = after;
                assert_eq!(self.belief.node(file).current().unwrap().0, info.version);
            }
            Err(Error::NotFound) => assert_eq!(expected, Err("not found")),
            Err(Error::Forbidden) => assert_eq!(expected, Err("forbidden")),
            Err(Error::Locked) => assert_eq!(expected, Err("locked")),
            Err(Error::QuotaExceeded { .. }) => assert_eq!(expected, Ok(())),
            Err(_) if self.storage_down && !self.disturbed() => assert_eq!(expected, Ok(())),
            Err(error) => self.in_doubt(after, &error).await,
        }
    }

    /// Whether an account may do this with a live node, and why not.
    pub(super) fn may(&self, actor: usize, uid: Uuid, wants: Rights) -> Result<(), &'static str> {
        match self.belief.nodes.contains_key(&uid) && self.belief.is_visible(uid) {
            false => Err("not found"),
            true if self.belief.rights(actor, uid).has(wants) => Ok(()),
            true => Err("forbidden"),
        }
    }

    async fn expect_fault(&mut self, error: Error, account: usize, asked: &[Bytes]) {
        match self.disturbed() {
            true => self.find_new(account, asked).await,
            false => assert!(self.storage_down, "no fault was set: {error:#}"),
        }
    }

    /// After a crash within an upload: whatever file has appeared is one that was asked for.
    async fn find_new(&mut self, account: usize, asked: &[Bytes]) {
        self.recover().await;
        self.see_folders().await;
        let caller = self.callers[account].clone();
        let page = self.engine.files(&caller, every_file()).await.unwrap();
        let known = |file: &FileInfo| self.belief.nodes.contains_key(&file.uid);
        let new: Vec<FileInfo> = page.items.into_iter().filter(|file| !known(file)).collect();
        assert!(new.is_empty() || new.len() == asked.len(), "part of an upload has become visible");
        for (info, bytes) in new.iter().zip(asked) {
            self.know(account, info, bytes.clone());
        }
    }

    /// Folders that were made along the way are found as a client finds them: by listing from the root.
    pub(super) async fn see_folders(&mut self) {
        for account in 0..self.callers.len() {
            let caller = self.callers[account].clone();
            let mut open = vec![self.root_of(account)];
            while let Some(folder) = open.pop() {
                for entry in self.engine.folder_content(&caller, folder, 0, 1_000).await.unwrap().items {
                    if entry.is_folder {
                        self.see_folder(entry.uid, folder);
                        open.push(entry.uid);
                    }
                }
            }
        }
    }

    fn see_folder(&mut self, uid: Uuid, parent: Uuid) {
        let owner = self.belief.node(parent).owner;
        self.belief.nodes.entry(uid).or_insert_with(|| Node::new(owner, Some(parent), true));
    }
}
