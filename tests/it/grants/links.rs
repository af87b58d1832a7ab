//! Public links and applinks (oracle.md 2, 4.4 and 4.5).

use super::*;

type Opened = Result<LinkPass, LinkRefusal>;

fn to(audience: Audience) -> NewLink {
    NewLink { audience, rights: Rights::VIEWER, name: String::new(), code: None, expires_at: None }
}

impl Scene {
    async fn open(&self, link: &Link, node: Uuid, code: Option<&str>, caller: Option<&Caller>) -> Opened {
        self.engine.open_link(link.uid, node, code, caller, HERE).await.unwrap()
    }

    async fn restore(&self, file: &FileInfo) {
        let restored = self
            .engine
            .restore(&self.ann, vec![TrashRef::Node(file.uid)], RestoreRules::HomeAndNumber, false)
            .await
            .unwrap();
        assert!(matches!(restored[..], [Restored::Back(_)]), "{restored:?}");
    }
}

#[tokio::test]
async fn a_link_opens_its_item_and_what_lies_below_it_to_its_audience() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let NodeRef::FolderUid(folder) = docs else { unreachable!() };
    let [inside, outside] = [scene.store(docs, "a.txt").await, scene.store(NodeRef::Home, "b.txt").await];
    let add = async |name: &str, audience| {
        let new = NewLink { name: name.into(), ..to(audience) };
        scene.engine.add_link(&scene.ann, docs, new).await.unwrap()
    };
    let everybody = add("", Audience::Everybody).await;
    let pass = scene.open(&everybody, inside.uid, None, None).await.unwrap();
    assert_eq!(pass.rights, Rights::VIEWER);
    assert!(scene.open(&everybody, folder, None, None).await.is_ok());
    assert_eq!(scene.open(&everybody, outside.uid, None, None).await, Err(LinkRefusal::NotValid));
    assert_eq!(scene.open(&everybody, Uuid::new_v4(), None, None).await, Err(LinkRefusal::NotValid));
    let nobody = Caller::anonymous(pass);
    let item = async |caller: &Caller, node, wants| scene.engine.item(caller, node, wants).await.map(drop);
    assert!(item(&nobody, file(&inside), Rights::READ).await.is_ok());
    assert!(matches!(item(&nobody, file(&inside), Rights::DOWNLOAD).await, Err(Error::Forbidden)));
    assert!(matches!(item(&nobody, file(&outside), Rights::READ).await, Err(Error::Forbidden)));
    let owner = Caller { link: Some(pass), ..scene.ann.clone() };
    assert!(matches!(item(&owner, file(&inside), Rights::WRITE).await, Err(Error::Forbidden)), "by that link alone");

    let accounts = add("accounts", Audience::Accounts).await;
    assert_eq!(scene.open(&accounts, inside.uid, None, None).await, Err(LinkRefusal::SignInNeeded));
    assert!(scene.open(&accounts, inside.uid, None, Some(&scene.cleo)).await.is_ok());
    let named = add("named", Audience::Named(vec![scene.bob.account])).await;
    assert_eq!(named.people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["bob"]);
    assert_eq!(scene.open(&named, inside.uid, None, None).await, Err(LinkRefusal::SignInNeeded));
    assert_eq!(scene.open(&named, inside.uid, None, Some(&scene.cleo)).await, Err(LinkRefusal::NotValid));
    assert!(scene.open(&named, inside.uid, None, Some(&scene.bob)).await.is_ok());

    let listed = scene.engine.links(&scene.ann, docs).await.unwrap();
    assert_eq!(listed.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["", "accounts", "named"]);
    assert_eq!((listed[0].node, listed[0].is_folder, listed[0].has_code), (folder, true, false));
    assert!(matches!(scene.engine.links(&scene.bob, docs).await, Err(Error::Forbidden)));
}

#[tokio::test]
async fn a_link_ends_by_time_by_word_and_with_its_item() {
    let scene = Scene::new().await;
    let stored = scene.store(NodeRef::Home, "a.txt").await;
    let refused = Err(LinkRefusal::NotValid);
    let new = NewLink { expires_at: Some(scene.engine.now() + HOUR), ..to(Audience::Everybody) };
    let link = scene.engine.add_link(&scene.ann, file(&stored), new).await.unwrap();
    let pass = scene.open(&link, stored.uid, None, None).await.unwrap();
    let nobody = Caller::anonymous(pass);
    let looks = async || scene.engine.item(&nobody, file(&stored), Rights::READ).await.map(drop);
    assert!(looks().await.is_ok());
    scene.clock.advance(HOUR);
    assert_eq!(scene.open(&link, stored.uid, None, None).await, refused);
    assert!(matches!(looks().await, Err(Error::Forbidden)), "also for whoever was let in before");

    let change = LinkChange { expires_at: Some(None), ..LinkChange::default() };
    let changed = scene.engine.change_link(&scene.ann, link.uid, change).await.unwrap();
    assert_eq!(changed.expires_at, None);
    assert!(changed.modified_at > changed.created_at);
    assert!(scene.open(&link, stored.uid, None, None).await.is_ok());

    // In the trash the item is what nobody finds; the link waits for it.
    scene.trash(&stored).await;
    assert!(scene.open(&link, stored.uid, None, None).await.is_ok());
    assert!(matches!(looks().await, Err(Error::NotFound)));
    assert!(matches!(scene.engine.link(&scene.ann, link.uid).await, Err(Error::NotFound)));
    scene.restore(&stored).await;
    assert!(looks().await.is_ok());

    let removed = scene.engine.remove_link(&scene.ann, link.uid).await.unwrap();
    assert_eq!(removed.uid, link.uid);
    assert_eq!(scene.open(&link, stored.uid, None, None).await, refused);
    assert!(matches!(looks().await, Err(Error::Forbidden)));
    assert!(matches!(scene.engine.remove_link(&scene.ann, link.uid).await, Err(Error::NotFound)));

    let link = scene.engine.add_link(&scene.ann, file(&stored), to(Audience::Everybody)).await.unwrap();
    scene.delete(Target::FileUid(stored.uid), Live::Purge, Trashed::NotFound).await;
    assert_eq!(scene.open(&link, stored.uid, None, None).await, refused, "before its row is gone");
    scene.jobs().await;
    assert_eq!(scene.open(&link, stored.uid, None, None).await, refused);
    assert_eq!(scene.rows("select count(*) from link").await, [[0]]);
}

#[tokio::test]
async fn a_code_is_asked_for_and_guesses_are_limited() {
    let scene = Scene::new().await;
    let stored = scene.store(NodeRef::Home, "a.txt").await;
    let [code, other] = ["Open Sesame", "Close Sesame"];
    let new = NewLink { code: Some(code.into()), ..to(Audience::Everybody) };
    let link = scene.engine.add_link(&scene.ann, file(&stored), new).await.unwrap();
    assert!(link.has_code);
    let kept = scene.rows("select code_hash from link").await;
    assert!(kept[0][0].as_str().unwrap().starts_with("$argon2"));
    for wrong in [None, Some(""), Some("open sesame"), Some(other)] {
        assert_eq!(scene.open(&link, stored.uid, wrong, None).await, Err(LinkRefusal::CodeNeeded), "{wrong:?}");
    }
    assert!(scene.open(&link, stored.uid, Some(code), None).await.is_ok());

    let change = LinkChange { code: Some(Some(other.into())), ..LinkChange::default() };
    scene.engine.change_link(&scene.ann, link.uid, change).await.unwrap();
    assert_eq!(scene.open(&link, stored.uid, Some(code), None).await, Err(LinkRefusal::CodeNeeded), "changed at once");
    assert!(scene.open(&link, stored.uid, Some(other), None).await.is_ok());

    for guess in 0..10 {
        let guess = format!("guess {guess}");
        assert_eq!(scene.open(&link, stored.uid, Some(&guess), None).await, Err(LinkRefusal::CodeNeeded), "{guess}");
    }
    for code in ["guess 10", other] {
        let tried = scene.engine.open_link(link.uid, stored.uid, Some(code), None, HERE).await;
        assert!(matches!(tried, Err(Error::TooManyAttempts { .. })), "{code}");
    }
    scene.clock.advance(Duration::from_secs(301));
    assert!(scene.open(&link, stored.uid, Some(other), None).await.is_ok());

    let change = LinkChange { code: Some(None), ..LinkChange::default() };
    assert!(!scene.engine.change_link(&scene.ann, link.uid, change).await.unwrap().has_code);
    assert!(scene.open(&link, stored.uid, None, None).await.is_ok());
}

#[tokio::test]
async fn only_who_may_share_makes_links_and_none_is_wider_than_its_maker() {
    let scene = Scene::new().await;
    let stored = scene.store(NodeRef::Home, "a.txt").await;
    let (engine, this) = (&scene.engine, file(&stored));
    let add = async |caller: &Caller, new: NewLink| engine.add_link(caller, this, new).await;
    let first = add(&scene.ann, to(Audience::Everybody)).await.unwrap();
    let taken = add(&scene.ann, to(Audience::Accounts)).await;
    assert!(matches!(taken, Err(Error::NameTaken { by }) if by == first.uid), "one unnamed link an item");

    scene.share(this, &scene.bob, Rights::CONTRIBUTOR).await.unwrap();
    let named = |rights| NewLink { rights, name: "bob's".into(), ..to(Audience::Everybody) };
    assert!(matches!(add(&scene.bob, named(Rights::VIEWER)).await, Err(Error::Forbidden)));
    scene.share(this, &scene.bob, Rights::DOWNLOADER | Rights::SHARE).await.unwrap();
    assert!(matches!(add(&scene.bob, named(Rights::CONTRIBUTOR)).await, Err(Error::Forbidden)));
    assert!(add(&scene.bob, named(Rights::DOWNLOADER)).await.is_ok());
    let wider = LinkChange { rights: Some(Rights::CONTRIBUTOR), ..LinkChange::default() };
    assert!(matches!(engine.change_link(&scene.bob, first.uid, wider).await, Err(Error::Forbidden)));

    let past = Some(engine.now());
    for (what, wrong) in [
        ("code", NewLink { code: Some("1234567".into()), ..named(Rights::VIEWER) }),
        ("code", NewLink { code: Some("x".repeat(51)), ..named(Rights::VIEWER) }),
        ("end", NewLink { expires_at: past, ..named(Rights::VIEWER) }),
        ("share", NewLink { name: "all".into(), ..named(Rights::ALL) }),
        ("account", NewLink { audience: Audience::Named(vec![AccountId(99)]), ..named(Rights::VIEWER) }),
        ("account", NewLink { audience: Audience::Named(Vec::new()), ..named(Rights::VIEWER) }),
    ] {
        assert!(matches!(add(&scene.ann, wrong).await, Err(Error::Invalid(_))), "{what}");
    }
    let applink = engine.add_applink(&scene.ann, this, "cleo", Rights::ALL).await.unwrap();
    let cleo = engine.open_applink(applink.uid, &applink.access_token, stored.uid).await.unwrap().unwrap();
    let new = NewLink { name: "cleo's".into(), ..to(Audience::Everybody) };
    assert!(matches!(add(&cleo, new).await, Err(Error::Forbidden)), "a link makes no link");
    let again = engine.add_applink(&cleo, this, "cleo", Rights::VIEWER).await;
    assert!(matches!(again, Err(Error::Forbidden)));
    let shares = engine.set_shares(&cleo, this, vec![ShareChange { with: scene.cleo.uid, rights: Rights::ALL }]).await;
    assert!(matches!(shares, Err(Error::Forbidden)), "nor a share");
    assert!(matches!(engine.link(&scene.ann, applink.uid).await, Err(Error::NotFound)), "an applink is no public link");
}

#[tokio::test]
async fn an_applink_stands_for_its_account_and_its_token_is_refreshed() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let [inside, outside] = [scene.store(docs, "a.txt").await, scene.store(NodeRef::Home, "b.txt").await];
    let engine = &scene.engine;
    let made = engine.add_applink(&scene.ann, docs, "bob", Rights::CONTRIBUTOR).await.unwrap();
    for token in [&made.access_token, &made.refresh_token] {
        let fits = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        assert!(token.len() == 64 && fits, "{token}");
    }
    let open = async |token: &str| engine.open_applink(made.uid, token, inside.uid).await.unwrap();
    let bob = open(&made.access_token).await.unwrap();
    assert_eq!((bob.account, bob.name.as_str(), bob.from_password), (scene.bob.account, "bob", false));
    assert!(engine.item(&bob, file(&inside), Rights::DELETE).await.is_ok());
    assert!(matches!(engine.item(&bob, file(&outside), Rights::READ).await, Err(Error::Forbidden)));
    let beside = engine.open_applink(made.uid, &made.access_token, outside.uid).await.unwrap();
    assert_eq!(beside.err(), Some(LinkRefusal::NotValid));
    for wrong in ["", made.refresh_token.as_str()] {
        assert_eq!(open(wrong).await.err(), Some(LinkRefusal::NotValid));
    }

    let refresh = async |access: &str, refresh: &str| engine.refresh_applink(made.uid, access, refresh).await;
    scene.clock.advance(15 * MINUTE);
    assert_eq!(open(&made.access_token).await.err(), Some(LinkRefusal::NotValid), "15 minutes");
    let new = refresh(&made.access_token, &made.refresh_token).await.unwrap();
    assert_eq!((new.refresh_token.as_str(), new.is_folder), (made.refresh_token.as_str(), true));
    assert!(open(&new.access_token).await.is_ok());
    assert_eq!(open(&made.access_token).await.err(), Some(LinkRefusal::NotValid));
    for (access, second) in [
        (&made.access_token, &made.refresh_token),
        (&new.access_token, &new.access_token),
        (&new.access_token, &made.uid.to_string()),
    ] {
        assert!(matches!(refresh(access, second).await, Err(Error::Forbidden)));
    }
    assert!(open(&new.access_token).await.is_ok(), "a refused refresh changes nothing");

    scene.clock.advance(24 * HOUR - 15 * MINUTE - Duration::from_secs(30));
    let last = refresh(&new.access_token, &made.refresh_token).await.unwrap();
    scene.clock.advance(MINUTE);
    assert!(open(&last.access_token).await.is_ok());
    assert!(matches!(refresh(&last.access_token, &made.refresh_token).await, Err(Error::Forbidden)), "24 hours");
    scene.jobs().await;
    assert_eq!(scene.rows("select count(*) from link").await, [[1]], "an access token is still good");
    scene.clock.advance(15 * MINUTE);
    scene.jobs().await;
    assert_eq!(scene.rows("select count(*) from link").await, [[0]]);
}

#[tokio::test]
async fn an_applink_ends_when_its_account_is_switched_off() {
    let scene = Scene::new().await;
    let stored = scene.store(NodeRef::Home, "a.txt").await;
    let (engine, this) = (&scene.engine, file(&stored));
    let change = unfile::engine::AccountChange { email: Some("Bob@example.org".into()), ..Default::default() };
    engine.set_account("bob", change).await.unwrap();
    for assigned in [scene.bob.uid.to_string(), "bob".into(), "bob@Example.org".into()] {
        let made = engine.add_applink(&scene.ann, this, &assigned, Rights::VIEWER).await.unwrap();
        let caller = engine.open_applink(made.uid, &made.access_token, stored.uid).await.unwrap().unwrap();
        assert_eq!(caller.account, scene.bob.account, "{assigned}");
    }
    for nobody in ["", "nobody", "someone@example.org"] {
        let made = engine.add_applink(&scene.ann, this, nobody, Rights::VIEWER).await;
        assert!(matches!(made, Err(Error::Invalid(_))), "{nobody:?}");
    }
    let theirs = engine.add_applink(&scene.ann, this, "cleo", Rights::VIEWER).await.unwrap();
    let made = engine.add_applink(&scene.ann, this, "bob", Rights::VIEWER).await.unwrap();
    let caller = engine.open_applink(made.uid, &made.access_token, stored.uid).await.unwrap().unwrap();
    engine.set_disabled("bob", true).await.unwrap();
    for disabled in [true, false] {
        engine.set_disabled("bob", disabled).await.unwrap();
        let opened = engine.open_applink(made.uid, &made.access_token, stored.uid).await.unwrap();
        assert_eq!(opened.err(), Some(LinkRefusal::NotValid), "switched off: {disabled}");
        let refreshed = engine.refresh_applink(made.uid, &made.access_token, &made.refresh_token).await;
        assert!(matches!(refreshed, Err(Error::Forbidden)), "switched off: {disabled}");
        assert!(matches!(engine.item(&caller, this, Rights::READ).await, Err(Error::Forbidden)));
    }
    assert!(engine.open_applink(theirs.uid, &theirs.access_token, stored.uid).await.unwrap().is_ok());
    engine.set_disabled("bob", true).await.unwrap();
    let off = engine.add_applink(&scene.ann, this, "bob", Rights::VIEWER).await;
    assert!(matches!(off, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_link_that_was_narrowed_gives_no_more_than_it_does_now() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let inside = scene.store(docs, "a.txt").await;
    let new = NewLink { rights: Rights::CONTRIBUTOR, ..to(Audience::Everybody) };
    let link = scene.engine.add_link(&scene.ann, docs, new).await.unwrap();
    // Let in before, decided after.
    let nobody = Caller::anonymous(scene.open(&link, inside.uid, None, None).await.unwrap());
    let change = LinkChange { rights: Some(Rights::VIEWER), ..LinkChange::default() };
    scene.engine.change_link(&scene.ann, link.uid, change).await.unwrap();
    let request = DeleteRequest {
        reach: Reach::Rights,
        ..DeleteRequest::permanent(nobody.clone(), "test", vec![Target::FileUid(inside.uid)])
    };
    assert_eq!(scene.engine.delete(request).await.unwrap()[0].verdict, Verdict::Forbidden);
    assert!(scene.engine.item(&nobody, file(&inside), Rights::READ).await.is_ok());
    assert!(matches!(scene.engine.item(&nobody, file(&inside), Rights::DOWNLOAD).await, Err(Error::Forbidden)));
}
