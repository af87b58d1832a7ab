//! Who may come in and what they may then do: keys, shares, links, locks and edit sessions, as the engine decides them
//! whatever dialect asks.

mod keys;
mod links;
mod locks;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use serde_json::Value;
use unfile::{
    clock::Clock,
    engine::{Engine, error::Error},
    fault::Faults,
    jobs,
    model::*,
};
use uuid::Uuid;

use crate::support::{
    in_process::{self, sent},
    installation::Installation,
};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Three accounts; the password of each is its name and ` pass`.
struct Scene {
    installation: Installation,
    engine: Engine,
    clock: Clock,
    ann: Caller,
    bob: Caller,
    cleo: Caller,
}

impl Scene {
    async fn new() -> Self {
        let (installation, clock) = (in_process::installation().await, Clock::default());
        let engine = in_process::open(&installation, &clock, &Faults::default()).await;
        let mut callers = Vec::new();
        for name in ["ann", "bob", "cleo"] {
            let password = format!("{name} pass");
            let (_, key) = engine.add_account(name, Role::User, Some(0), Some(&password)).await.unwrap();
            callers.push(engine.authenticate(&key.secret, Realm::Keys).await.unwrap());
        }
        let [ann, bob, cleo] = callers.try_into().unwrap();
        Self { installation, engine, clock, ann, bob, cleo }
    }

    async fn make_folder(&self, parent: NodeRef, name: &str) -> NodeRef {
        let name = NodeName::parse(name).unwrap();
        let new = NewFolder { parent, name, description: String::new(), clash: Clash::Refuse };
        NodeRef::FolderUid(self.engine.make_folder(&self.ann, new).await.unwrap().uid)
    }

    async fn store(&self, folder: NodeRef, name: &str) -> FileInfo {
        let into = Into::Folder { folder, name: NodeName::parse(name).unwrap(), taken: Taken::Version };
        let new = NewContent { into, media_type: "text/plain".into() };
        self.engine.store_content(&self.ann, new, sent(Bytes::from_static(b"abc"))).await.unwrap()
    }

    async fn delete(&self, target: Target, live: Live, trashed: Trashed) -> Verdict {
        let request =
            DeleteRequest { live, trashed, ..DeleteRequest::permanent(self.ann.clone(), "test", vec![target]) };
        self.engine.delete(request).await.unwrap().remove(0).verdict
    }

    async fn trash(&self, file: &FileInfo) {
        let keep = Duration::from_secs(30 * 86_400);
        let live = Live::Trash { holder: Holder::Owner, keep };
        let verdict = self.delete(Target::FileUid(file.uid), live, Trashed::NotFound).await;
        assert!(matches!(verdict, Verdict::Deleted(_)), "{verdict:?}");
    }

    async fn share(&self, node: NodeRef, with: &Caller, rights: Rights) -> Result<Vec<Share>, Error> {
        self.engine.set_shares(&self.ann, node, vec![ShareChange { with: with.uid, rights }]).await
    }

    async fn rows(&self, statement: &str) -> Vec<Vec<Value>> {
        self.installation.sql(statement).await
    }

    async fn jobs(&self) {
        jobs::run_dry(&self.engine).await.unwrap();
    }
}

fn file(info: &FileInfo) -> NodeRef {
    NodeRef::FileUid(info.uid)
}

/// Who may do what, the owner first.
fn told(shares: &[Share]) -> Vec<(&str, i64, bool)> {
    shares.iter().map(|share| (share.with.name.as_str(), share.rights.bits(), share.is_owner)).collect()
}

#[tokio::test]
async fn shares_are_listed_changed_and_ended() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let inside = scene.store(docs, "a.txt").await;
    let wants = async |caller: &Caller, rights| scene.engine.item(caller, file(&inside), rights).await.map(drop);
    assert!(matches!(wants(&scene.bob, Rights::READ).await, Err(Error::Forbidden)));

    let shares = scene.share(docs, &scene.bob, Rights::EDITOR).await.unwrap();
    assert_eq!(told(&shares), [("ann", 31, true), ("bob", 7, false)]);
    assert!(wants(&scene.bob, Rights::WRITE).await.is_ok(), "a share holds for all below");
    assert!(matches!(wants(&scene.bob, Rights::DELETE).await, Err(Error::Forbidden)));

    scene.clock.advance(MINUTE);
    scene.share(docs, &scene.cleo, Rights::ALL).await.unwrap();
    let shares = scene.share(docs, &scene.bob, Rights::DOWNLOADER).await.unwrap();
    assert_eq!(told(&shares), [("ann", 31, true), ("bob", 3, false), ("cleo", 31, false)]);
    assert!(matches!(wants(&scene.bob, Rights::WRITE).await, Err(Error::Forbidden)), "narrowed is narrower");
    assert_eq!(told(&scene.engine.shares(&scene.bob, docs).await.unwrap()), told(&shares));
    assert_eq!(told(&scene.engine.shares(&scene.bob, file(&inside)).await.unwrap()), [("ann", 31, true)]);

    let shares = scene.share(docs, &scene.bob, Rights::NONE).await.unwrap();
    assert_eq!(told(&shares), [("ann", 31, true), ("cleo", 31, false)]);
    assert!(matches!(wants(&scene.bob, Rights::READ).await, Err(Error::Forbidden)));
    assert!(matches!(scene.engine.shares(&scene.bob, docs).await, Err(Error::Forbidden)));
    // Ended twice is ended.
    assert!(scene.share(docs, &scene.bob, Rights::NONE).await.is_ok());
}

#[tokio::test]
async fn only_who_may_share_gives_rights_and_all_or_none() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let change = |with: &Caller, rights| ShareChange { with: with.uid, rights };
    scene.share(docs, &scene.bob, Rights::CONTRIBUTOR).await.unwrap();
    let by_bob = scene.engine.set_shares(&scene.bob, docs, vec![change(&scene.cleo, Rights::VIEWER)]).await;
    assert!(matches!(by_bob, Err(Error::Forbidden)));

    // A manager gives, the owner included, whose rights nothing changes.
    scene.share(docs, &scene.bob, Rights::ALL).await.unwrap();
    let changes = vec![change(&scene.cleo, Rights::VIEWER), change(&scene.ann, Rights::NONE)];
    let shares = scene.engine.set_shares(&scene.bob, docs, changes).await.unwrap();
    assert_eq!(told(&shares), [("ann", 31, true), ("bob", 31, false), ("cleo", 1, false)]);
    assert!(scene.engine.item(&scene.ann, docs, Rights::ALL).await.is_ok());

    // Nobody gives more than they have.
    let odd = Rights::READ | Rights::SHARE;
    scene.share(docs, &scene.bob, odd).await.unwrap();
    let wider = scene.engine.set_shares(&scene.bob, docs, vec![change(&scene.cleo, Rights::EDITOR)]).await;
    assert!(matches!(wider, Err(Error::Forbidden)));

    let unknown = ShareChange { with: Uuid::new_v4(), rights: Rights::VIEWER };
    let half = scene.engine.set_shares(&scene.ann, docs, vec![change(&scene.bob, Rights::NONE), unknown]).await;
    assert!(matches!(half, Err(Error::Invalid(_))));
    scene.engine.set_disabled("cleo", true).await.unwrap();
    let off = scene.share(docs, &scene.cleo, Rights::EDITOR).await;
    assert!(matches!(off, Err(Error::Invalid(_))), "an account that is switched off is given nothing");
    assert_eq!(
        told(&scene.engine.shares(&scene.ann, docs).await.unwrap()),
        [("ann", 31, true), ("bob", odd.bits(), false), ("cleo", 1, false)],
        "nothing of a refused call is done"
    );
    assert!(scene.share(docs, &scene.cleo, Rights::NONE).await.is_ok(), "but what it has can be taken");
    assert!(matches!(scene.share(NodeRef::Home, &scene.bob, Rights::VIEWER).await, Err(Error::Forbidden)));
    let own = scene.engine.set_shares(&scene.bob, docs, vec![change(&scene.bob, Rights::NONE)]).await;
    assert_eq!(told(&own.unwrap()), [], "who gives up their own share sees nothing any more");
}

#[tokio::test]
async fn what_others_share_is_listed_while_it_is_live() {
    let scene = Scene::new().await;
    let docs = scene.make_folder(NodeRef::Home, "docs").await;
    let [inside, outside] = [scene.store(docs, "a.txt").await, scene.store(NodeRef::Home, "b.txt").await];
    let listed = async || {
        let items = scene.engine.shared_with(&scene.bob).await.unwrap();
        items.iter().map(|item| item.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [""; 0]);
    for node in [file(&outside), file(&inside), docs] {
        scene.share(node, &scene.bob, Rights::VIEWER).await.unwrap();
    }
    assert_eq!(listed().await, ["docs", "a.txt", "b.txt"], "by id");
    scene.trash(&outside).await;
    assert_eq!(listed().await, ["docs", "a.txt"]);
    let NodeRef::FolderUid(uid) = docs else { unreachable!() };
    scene.delete(Target::FolderUid(uid), Live::Purge, Trashed::NotFound).await;
    assert_eq!(listed().await, [""; 0], "and nothing below what is gone");
    assert_eq!(scene.engine.shared_with(&scene.ann).await.unwrap().len(), 0);
}

#[tokio::test]
async fn accounts_are_found_by_a_part_of_their_names() {
    let scene = Scene::new().await;
    let change = unfile::engine::AccountChange { display_name: Some("Bob 100%_Baker".into()), ..Default::default() };
    scene.engine.set_account("bob", change).await.unwrap();
    let found = async |text: &str| {
        let accounts = scene.engine.find_accounts(text).await.unwrap();
        accounts.into_iter().map(|account| account.name).collect::<Vec<_>>()
    };
    assert_eq!(found("baKER").await, ["bob"]);
    assert_eq!(found("0%_b").await, ["bob"]);
    assert_eq!(found("n%").await, [""; 0], "a sign of a pattern is a letter");
    assert_eq!(found("").await, ["ann", "bob", "cleo"]);
    assert_eq!(found("a\0").await, [""; 0]);
    scene.engine.set_disabled("ann", true).await.unwrap();
    assert_eq!(found("").await, ["bob", "cleo"]);
}
