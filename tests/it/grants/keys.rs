//! Basic, tokens and the keys of one realm (onlyoffice.md 2; contracts/README.md on keys).

use futures_util::future::join_all;
use time::OffsetDateTime;

use super::*;

const REALM: Realm = Realm::OnlyOffice;

impl Scene {
    async fn basic(&self, name: &str, password: &str) -> Result<Caller, Error> {
        self.engine.sign_in_basic(name, password, HERE, REALM).await
    }

    async fn token(&self, name: &str, password: &str) -> Result<IssuedKey, Error> {
        self.engine.sign_in_token(name, password, HERE, REALM).await
    }

    async fn key(&self, read_only: bool, expires_at: Option<OffsetDateTime>) -> IssuedKey {
        let new = NewKey { description: String::new(), read_only, expires_at };
        self.engine.add_key("ann", new).await.unwrap()
    }

    async fn own(
        &self,
        caller: &Caller,
        permissions: Permissions,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<IssuedOwnKey, Error> {
        let new = NewOwnKey { name: "robot".into(), permissions, expires_at };
        self.engine.issue_own_key(caller, REALM, new).await
    }

    async fn caller(&self, secret: &str) -> Caller {
        self.engine.authenticate(secret, REALM).await.unwrap()
    }

    async fn is_unknown(&self, secret: &str) -> bool {
        matches!(self.engine.authenticate(secret, REALM).await, Err(Error::KeyUnknown))
    }
}

#[tokio::test]
async fn a_password_or_a_key_signs_in_by_basic() {
    let scene = Scene::new().await;
    let by_password = scene.basic("ann", "ann pass").await.unwrap();
    assert_eq!((by_password.account, by_password.key), (scene.ann.account, KeyId::NONE));
    assert!(by_password.from_password && !by_password.read_only);

    let end = scene.engine.now() + HOUR;
    let key = scene.key(true, Some(end)).await;
    let by_key = scene.basic("ann", &key.secret).await.unwrap();
    assert_eq!((by_key.account, by_key.key), (scene.ann.account, key.id));
    assert!(by_key.read_only && !by_key.from_password, "as narrow as the key");
    assert!(by_key.key_expires_at.is_some());

    let token = scene.token("ann", "ann pass").await.unwrap();
    for (name, password) in [
        ("ann", "wrong"),
        ("ann", ""),
        ("bob", "ann pass"),
        ("nobody", "ann pass"),
        ("bob", key.secret.as_str()),
        ("ann", token.secret.as_str()),
    ] {
        assert!(matches!(scene.basic(name, password).await, Err(Error::WrongPassword)), "{name}:{password}");
    }
    scene.clock.advance(2 * HOUR);
    assert!(matches!(scene.basic("ann", &key.secret).await, Err(Error::WrongPassword)), "the key has ended");
}

#[tokio::test]
async fn a_right_password_costs_no_attempt_and_is_forgotten_when_it_changes() {
    let scene = Scene::new().await;
    // All at once and unknown before: each but the first waits for what comes of it.
    let calls = join_all((0..30).map(|_| scene.basic("ann", "ann pass"))).await;
    assert!(calls.iter().all(Result::is_ok), "{:?}", calls.iter().find(|call| call.is_err()));
    scene.engine.set_password("ann", "new pass").await.unwrap();
    assert!(matches!(scene.basic("ann", "ann pass").await, Err(Error::WrongPassword)));
    assert!(scene.basic("ann", "new pass").await.is_ok());
    scene.engine.set_disabled("ann", true).await.unwrap();
    assert!(matches!(scene.basic("ann", "new pass").await, Err(Error::WrongPassword)));
    assert!(matches!(scene.token("ann", "new pass").await, Err(Error::WrongPassword)));
    scene.engine.set_disabled("ann", false).await.unwrap();
    assert!(scene.basic("ann", "new pass").await.is_ok());
}

#[tokio::test]
async fn guesses_by_basic_are_limited_and_the_right_one_does_not_pass_either() {
    let scene = Scene::new().await;
    let key = scene.key(false, None).await;
    assert!(scene.basic("ann", "ann pass").await.is_ok(), "remembered from now on");
    for guess in 0..10 {
        let tried = scene.token("ann", &format!("guess {guess}")).await;
        assert!(matches!(tried, Err(Error::WrongPassword)), "guess {guess}");
    }
    for password in ["guess 10", "ann pass", &key.secret] {
        assert!(matches!(scene.basic("ann", password).await, Err(Error::TooManyAttempts { .. })), "{password}");
    }
    assert!(scene.engine.authenticate(&key.secret, REALM).await.is_ok(), "a key by itself is no guess");
    assert!(scene.basic("bob", "bob pass").await.is_ok());
    scene.clock.advance(Duration::from_secs(301));
    assert!(scene.basic("ann", "ann pass").await.is_ok());
}

#[tokio::test]
async fn a_token_opens_its_own_realm_for_a_day() {
    let scene = Scene::new().await;
    let token = scene.token("ann", "ann pass").await.unwrap();
    assert!(token.secret.len() == 30 && token.secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let caller = scene.caller(&token.secret).await;
    assert!(caller.from_password && !caller.read_only);
    for realm in [Realm::Keys, Realm::Vault] {
        assert!(matches!(scene.engine.authenticate(&token.secret, realm).await, Err(Error::KeyUnknown)));
    }
    let vault = scene.engine.sign_in("ann", "ann pass", HERE).await.unwrap();
    assert!(scene.is_unknown(&vault.secret).await, "nor does another realm's key open this one");
    scene.clock.advance(24 * HOUR - MINUTE);
    assert!(!scene.is_unknown(&token.secret).await, "use does not move it on, and it lasts a day");
    scene.clock.advance(2 * MINUTE);
    assert!(scene.is_unknown(&token.secret).await);

    scene.clock.advance(49 * HOUR);
    scene.jobs().await;
    assert_eq!(scene.rows("select count(*) from api_key where session = 1").await, [[0]], "forgotten two days later");
}

#[tokio::test]
async fn a_token_made_with_a_key_is_as_narrow_and_ends_with_it() {
    let scene = Scene::new().await;
    let key = scene.key(true, None).await;
    let token = scene.token("ann", &key.secret).await.unwrap();
    let caller = scene.caller(&token.secret).await;
    assert!(caller.read_only && !caller.from_password);
    scene.engine.revoke_key(key.id).await.unwrap();
    assert!(scene.is_unknown(&token.secret).await);
    assert!(matches!(scene.token("ann", &key.secret).await, Err(Error::WrongPassword)));

    let short = scene.key(false, Some(scene.engine.now() + HOUR)).await;
    let token = scene.token("ann", &short.secret).await.unwrap();
    assert_eq!(token.expires_at.map(|end| end - scene.engine.now() <= HOUR), Some(true));
    scene.clock.advance(HOUR);
    assert!(scene.is_unknown(&token.secret).await);
}

#[tokio::test]
async fn sign_ins_end_with_the_password_and_the_account_and_keys_come_back_alone() {
    let scene = Scene::new().await;
    let key = scene.key(false, None).await;
    let own = scene.own(&scene.caller(&key.secret).await, Permissions::All, None).await.unwrap();
    let before = scene.token("ann", "ann pass").await.unwrap();
    scene.engine.set_password("ann", "new pass").await.unwrap();
    assert!(scene.is_unknown(&before.secret).await);
    let after = scene.token("ann", "new pass").await.unwrap();
    scene.engine.set_disabled("ann", true).await.unwrap();
    assert!(matches!(scene.engine.authenticate(&key.secret, REALM).await, Err(Error::AccountDisabled)));
    assert!(matches!(scene.engine.authenticate(&own.secret, REALM).await, Err(Error::AccountDisabled)));
    assert!(scene.is_unknown(&after.secret).await);
    scene.engine.set_disabled("ann", false).await.unwrap();
    assert!(!scene.is_unknown(&key.secret).await);
    assert!(!scene.is_unknown(&own.secret).await);
    assert!(scene.is_unknown(&after.secret).await);
}

#[tokio::test]
async fn own_keys_are_made_listed_and_ended() {
    let scene = Scene::new().await;
    let end = scene.engine.now() + 48 * HOUR;
    let write = scene.own(&scene.ann, Permissions::WriteOnly, Some(end)).await.unwrap();
    let all = scene.own(&scene.ann, Permissions::All, None).await.unwrap();
    let chance = all.secret.strip_prefix("sk-").unwrap();
    assert!(chance.len() == 40 && chance.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", all.secret);
    let caller = scene.caller(&write.secret).await;
    assert!(caller.write_only && !caller.read_only && !caller.from_password);
    assert!(matches!(scene.engine.authenticate(&all.secret, Realm::Keys).await, Err(Error::KeyUnknown)));

    let listed = scene.engine.own_keys(&scene.ann, REALM).await.unwrap();
    let told: Vec<_> = listed.iter().map(|key| (key.uid, key.permissions, key.active)).collect();
    assert_eq!(told, [(write.key.uid, Permissions::WriteOnly, true), (all.key.uid, Permissions::All, true)]);
    assert_eq!(listed[1].postfix, chance[36..]);
    assert_eq!(listed[1].name, "robot");
    assert_eq!(scene.engine.own_keys(&scene.bob, REALM).await.unwrap().len(), 0);

    scene.clock.advance(48 * HOUR);
    assert!(scene.is_unknown(&write.secret).await);
    assert!(!scene.engine.own_keys(&scene.ann, REALM).await.unwrap()[0].active);
    let by_bob = scene.engine.end_own_key(&scene.bob, REALM, all.key.uid).await;
    assert!(matches!(by_bob, Err(Error::NotFound)));
    scene.engine.end_own_key(&scene.ann, REALM, all.key.uid).await.unwrap();
    assert!(scene.is_unknown(&all.secret).await);
    assert!(matches!(scene.engine.end_own_key(&scene.ann, REALM, all.key.uid).await, Err(Error::NotFound)));
    assert_eq!(scene.engine.own_keys(&scene.ann, REALM).await.unwrap().len(), 1);

    let long = NewOwnKey { name: "x".repeat(31), permissions: Permissions::All, expires_at: None };
    assert!(matches!(scene.engine.issue_own_key(&scene.ann, REALM, long).await, Err(Error::Invalid(_))));
    let past = scene.own(&scene.ann, Permissions::All, Some(scene.engine.now())).await;
    assert!(matches!(past, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn no_key_makes_a_wider_or_longer_lived_one() {
    let scene = Scene::new().await;
    let end = scene.engine.now() + HOUR;
    let reader = scene.caller(&scene.key(true, None).await.secret).await;
    for permissions in [Permissions::All, Permissions::WriteOnly] {
        assert!(matches!(scene.own(&reader, permissions, None).await, Err(Error::Forbidden)), "{permissions:?}");
    }
    assert!(scene.own(&reader, Permissions::ReadOnly, None).await.is_ok());
    let writer = scene.own(&scene.ann, Permissions::WriteOnly, None).await.unwrap();
    let writer = scene.caller(&writer.secret).await;
    assert!(matches!(scene.own(&writer, Permissions::ReadOnly, None).await, Err(Error::Forbidden)));

    let short = scene.key(false, Some(end)).await;
    let caller = scene.caller(&short.secret).await;
    for asked in [None, Some(end + MINUTE)] {
        assert!(matches!(scene.own(&caller, Permissions::All, asked).await, Err(Error::Forbidden)));
    }
    // A key, its token, a key of that: the last goes with the first.
    let token = scene.token("ann", &short.secret).await.unwrap();
    let caller = scene.caller(&token.secret).await;
    let child = scene.own(&caller, Permissions::All, Some(end - MINUTE)).await.unwrap();
    assert!(!scene.is_unknown(&child.secret).await);
    scene.engine.revoke_key(short.id).await.unwrap();
    assert!(scene.is_unknown(&child.secret).await);
    assert!(matches!(scene.own(&caller, Permissions::All, Some(end - MINUTE)).await, Err(Error::KeyUnknown)));

    // A password stands for the person.
    let token = scene.token("ann", "ann pass").await.unwrap();
    let child = scene.own(&scene.caller(&token.secret).await, Permissions::All, None).await.unwrap();
    let basic = scene.basic("ann", "ann pass").await.unwrap();
    assert!(scene.own(&basic, Permissions::All, None).await.is_ok());
    scene.clock.advance(48 * HOUR);
    assert!(scene.is_unknown(&token.secret).await);
    assert!(!scene.is_unknown(&child.secret).await);
}
