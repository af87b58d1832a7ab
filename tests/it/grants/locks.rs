//! Locks and edit sessions (oracle.md 4.2; onlyoffice.md 3.6 and 4.2).

use super::*;

const TAB: Uuid = Uuid::nil();
const OTHER_TAB: Uuid = Uuid::from_u128(7);

impl Scene {
    /// A file of ann's that bob may write.
    async fn shared_file(&self) -> FileInfo {
        let stored = self.store(NodeRef::Home, "a.txt").await;
        self.share(file(&stored), &self.bob, Rights::EDITOR).await.unwrap();
        stored
    }

    async fn edit(&self, caller: &Caller, stored: &FileInfo, exclusive: bool) -> Result<String, Error> {
        self.engine.start_edit(caller, file(stored), exclusive).await
    }

    async fn is_edited(&self, stored: &FileInfo) -> bool {
        self.engine.file_for(&self.ann, file(stored), Rights::READ).await.unwrap().edited
    }
}

#[tokio::test]
async fn a_lock_is_its_holders_and_the_owner_may_lift_it() {
    let scene = Scene::new().await;
    let stored = scene.shared_file().await;
    let (engine, this) = (&scene.engine, file(&stored));
    let locked = engine.lock(&scene.bob, this).await.unwrap().lock.unwrap();
    assert_eq!(locked.by.name, "bob");
    scene.clock.advance(MINUTE);
    let again = engine.lock(&scene.bob, this).await.unwrap().lock.unwrap();
    assert_eq!(again, locked, "it keeps its time");
    assert!(matches!(engine.lock(&scene.ann, this).await, Err(Error::Locked)));
    let kept = scene.delete(Target::FileUid(stored.uid), Live::Purge, Trashed::NotFound).await;
    assert_eq!(kept, Verdict::Locked);

    let wrong = engine.unlock(&scene.ann, this, Some(scene.ann.uid)).await;
    assert!(matches!(wrong, Err(Error::Invalid(_))));
    assert_eq!(engine.unlock(&scene.ann, this, Some(scene.bob.uid)).await.unwrap().lock, None);
    assert_eq!(engine.unlock(&scene.ann, this, None).await.unwrap().lock, None, "what is not locked stays so");

    engine.lock(&scene.ann, this).await.unwrap();
    assert!(matches!(engine.unlock(&scene.bob, this, None).await, Err(Error::Locked)));
    assert!(matches!(engine.lock(&scene.bob, this).await, Err(Error::Locked)));
    assert!(matches!(engine.unlock(&scene.cleo, this, None).await, Err(Error::Forbidden)));
    assert!(engine.unlock(&scene.ann, this, None).await.is_ok());
}

#[tokio::test]
async fn only_who_may_write_and_has_a_name_locks_or_edits() {
    let scene = Scene::new().await;
    let stored = scene.shared_file().await;
    let (engine, this) = (&scene.engine, file(&stored));
    scene.share(this, &scene.cleo, Rights::DOWNLOADER).await.unwrap();
    assert!(matches!(engine.lock(&scene.cleo, this).await, Err(Error::Forbidden)));
    assert!(matches!(scene.edit(&scene.cleo, &stored, false).await, Err(Error::Forbidden)));

    let new = NewLink {
        audience: Audience::Everybody,
        rights: Rights::CONTRIBUTOR,
        name: String::new(),
        code: None,
        expires_at: None,
    };
    let link = engine.add_link(&scene.ann, this, new).await.unwrap();
    let pass = engine.open_link(link.uid, stored.uid, None, None, HERE).await.unwrap().unwrap();
    let nobody = Caller::anonymous(pass);
    assert!(matches!(engine.lock(&nobody, this).await, Err(Error::Forbidden)));
    assert!(matches!(scene.edit(&nobody, &stored, false).await, Err(Error::Forbidden)));
    // By a link the owner is nobody but its bearer.
    engine.lock(&scene.bob, this).await.unwrap();
    let ann = Caller { link: Some(pass), ..scene.ann.clone() };
    assert!(matches!(engine.unlock(&ann, this, None).await, Err(Error::Locked)));

    assert!(matches!(engine.lock(&scene.ann, NodeRef::Home).await, Err(Error::NotFound)), "a folder has no lock");
    scene.engine.unlock(&scene.ann, this, None).await.unwrap();
    scene.trash(&stored).await;
    assert!(matches!(engine.lock(&scene.ann, this).await, Err(Error::NotFound)));
    assert!(matches!(scene.edit(&scene.ann, &stored, false).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn an_edit_session_is_kept_open_by_calls_and_ends_by_word_or_silence() {
    let scene = Scene::new().await;
    let stored = scene.shared_file().await;
    let (engine, this) = (&scene.engine, file(&stored));
    let key = scene.edit(&scene.ann, &stored, false).await.unwrap();
    assert_eq!(scene.edit(&scene.bob, &stored, false).await.unwrap(), key, "one version, one key");
    assert!(scene.is_edited(&stored).await);
    let wrong = engine.track_edit(&scene.ann, this, TAB, "wrong", true).await;
    assert!(matches!(wrong, Err(Error::Forbidden)));

    // A second tab outlives the first.
    engine.track_edit(&scene.ann, this, OTHER_TAB, &key, false).await.unwrap();
    engine.track_edit(&scene.ann, this, TAB, &key, true).await.unwrap();
    engine.track_edit(&scene.bob, this, TAB, &key, true).await.unwrap();
    assert!(scene.is_edited(&stored).await);
    let kept = scene.delete(Target::FileUid(stored.uid), Live::Purge, Trashed::NotFound).await;
    assert_eq!(kept, Verdict::Locked);

    scene.clock.advance(9 * MINUTE);
    engine.track_edit(&scene.ann, this, OTHER_TAB, &key, false).await.unwrap();
    scene.clock.advance(9 * MINUTE);
    assert!(scene.is_edited(&stored).await, "10 minutes from the last call");
    scene.jobs().await;
    assert_eq!(scene.rows("select count(*) from edit_session").await, [[1]]);
    scene.clock.advance(MINUTE);
    assert!(!scene.is_edited(&stored).await);
    scene.jobs().await;
    assert_eq!(scene.rows("select count(*) from edit_session").await, [[0]]);
    let gone = scene.delete(Target::FileUid(stored.uid), Live::Purge, Trashed::NotFound).await;
    assert!(matches!(gone, Verdict::Deleted(_)), "{gone:?}");
}

#[tokio::test]
async fn an_exclusive_session_is_alone() {
    let scene = Scene::new().await;
    let stored = scene.shared_file().await;
    let (engine, this) = (&scene.engine, file(&stored));
    let key = scene.edit(&scene.bob, &stored, true).await.unwrap();
    assert!(matches!(scene.edit(&scene.ann, &stored, false).await, Err(Error::Locked)));
    assert!(matches!(engine.track_edit(&scene.ann, this, OTHER_TAB, &key, false).await, Err(Error::Locked)));
    assert!(matches!(scene.edit(&scene.bob, &stored, true).await, Err(Error::Locked)), "any is open, one's own too");
    assert_eq!(scene.edit(&scene.bob, &stored, false).await.unwrap(), key, "a repeat keeps the one there is");
    assert!(matches!(scene.edit(&scene.ann, &stored, false).await, Err(Error::Locked)), "exclusive as before");
    engine.track_edit(&scene.bob, this, OTHER_TAB, &key, false).await.unwrap();
    engine.track_edit(&scene.bob, this, TAB, &key, true).await.unwrap();

    assert!(matches!(scene.edit(&scene.ann, &stored, true).await, Err(Error::Locked)));
    assert!(scene.edit(&scene.ann, &stored, false).await.is_ok(), "the further tab is not exclusive");
    // What ended by silence counts for nothing, and is another session when it opens again.
    scene.clock.advance(11 * MINUTE);
    assert!(scene.edit(&scene.bob, &stored, true).await.is_ok());
    assert!(matches!(scene.edit(&scene.ann, &stored, false).await, Err(Error::Locked)));
}

#[tokio::test]
async fn another_version_has_another_key_and_the_old_one_still_ends_its_session() {
    let scene = Scene::new().await;
    let stored = scene.shared_file().await;
    let old = scene.edit(&scene.ann, &stored, false).await.unwrap();
    scene.store(NodeRef::Home, "a.txt").await;
    scene.engine.track_edit(&scene.ann, file(&stored), TAB, &old, true).await.unwrap();
    assert!(!scene.is_edited(&stored).await);
    let new = scene.edit(&scene.ann, &stored, false).await.unwrap();
    assert_ne!(new, old);
    let other = scene.store(NodeRef::Home, "b.txt").await;
    let wrong = scene.engine.track_edit(&scene.ann, file(&other), TAB, &new, false).await;
    assert!(matches!(wrong, Err(Error::Forbidden)), "another file's key");
}

#[tokio::test]
async fn what_is_locked_or_waits_to_be_deleted_takes_no_further_session() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let stored = scene.store(docs, "a.txt").await;
    scene.share(docs, &scene.bob, Rights::EDITOR).await.unwrap();
    let (engine, this) = (&scene.engine, file(&stored));
    engine.lock(&scene.ann, this).await.unwrap();
    assert!(matches!(scene.edit(&scene.bob, &stored, false).await, Err(Error::Locked)));
    assert!(scene.edit(&scene.ann, &stored, false).await.is_ok(), "a lock does not stop its holder");
    engine.unlock(&scene.ann, this, None).await.unwrap();

    let key = scene.edit(&scene.ann, &stored, false).await.unwrap();
    let folder = engine.folder_for(&scene.ann, docs, Rights::READ).await.unwrap().id;
    let request = DeleteRequest {
        edited: Edited::Wait,
        ..DeleteRequest::permanent(scene.ann.clone(), "test", vec![Target::FolderId(folder.0)])
    };
    let marked = engine.delete_as_operation(request).await.unwrap();
    assert_eq!(marked.outcomes[0].verdict, Verdict::Waiting);
    assert!(matches!(scene.edit(&scene.bob, &stored, false).await, Err(Error::Locked)));
    assert!(matches!(engine.track_edit(&scene.ann, this, OTHER_TAB, &key, false).await, Err(Error::Locked)));
    engine.track_edit(&scene.ann, this, TAB, &key, false).await.unwrap();
    assert_eq!(scene.edit(&scene.ann, &stored, false).await.unwrap(), key, "the one that is open goes on");
    scene.jobs().await;
    assert!(scene.is_edited(&stored).await, "nothing is deleted before its end");
    engine.track_edit(&scene.ann, this, TAB, &key, true).await.unwrap();
    scene.jobs().await;
    assert!(matches!(engine.item(&scene.ann, this, Rights::READ).await, Err(Error::NotFound)));
}
