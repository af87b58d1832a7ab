//! Who may make which call: every route of every dialect and every page of the server, walked by everybody. A route
//! without a row in [`TABLE`] fails the test, and so does a row without a route.

mod grants;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use reqwest::Method;
use serde_json::Value;
use table::{Row, TABLE};

use crate::{
    hexnode, onlyoffice, oracle,
    support::{Account, Server},
    sweeppea, vault,
};

/// Who walks, in the order of a row's expectations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    UnknownKey,
    /// Another good account.
    Stranger,
    Owner,
    /// The owner, by a key that may only read.
    Reader,
    /// A good key of an account that is switched off.
    Disabled,
    Admin,
}

/// Places that stand for something of a file's.
const OF_A_FILE: [&str; 13] = [
    "<id>",
    "<N>",
    "<D>",
    "<guid>",
    "<read url>",
    "<office url>",
    "<folder>",
    "<folder id>",
    "<folder guid>",
    "<home id>",
    "<user guid>",
    "<link>",
    "<edit key>",
];

const EVERYBODY: [Who; 7] =
    [Who::Nobody, Who::UnknownKey, Who::Stranger, Who::Owner, Who::Reader, Who::Disabled, Who::Admin];

struct Walk {
    server: Server,
    ann: Account,
    bob: Account,
    eve: Account,
    reader: String,
    /// The owner's, from a sign-in by password.
    signed_in: String,
    /// One of the owner's that was revoked.
    revoked: String,
    /// What Oracle's ids of files and folders end with here.
    tail: String,
    /// The owner, in Oracle's form.
    user: String,
    /// Files that were made for calls.
    made: AtomicU32,
}

/// A call whose places are filled.
struct Filled {
    /// Path, headers, body.
    parts: Vec<String>,
    /// The file at stake, in Vault's form.
    file: Option<String>,
    /// Its folder, in ONLYOFFICE's form and in Oracle's.
    folder: Option<(i64, String)>,
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let dialects = unfile::http::dialects()
        .flat_map(|(_, routes)| routes.into_iter().map(|route| format!("{} {}", route.method, route.path)));
    let pages = unfile::http::pages().map(|path| format!("GET {path}"));
    let routes: BTreeSet<String> = dialects.chain(pages).collect();
    let rows: BTreeSet<String> = TABLE.iter().map(|row| row.route.to_owned()).collect();
    assert_eq!(rows, routes, "left the table, right the server");
}

/// What is wrong with the answers that were seen, in words.
fn assert_as_expected(seen: Vec<(String, String, Vec<&str>)>) {
    let wrong = seen.into_iter().filter(|(_, seen, expected)| !expected.contains(&seen.as_str()));
    let wrong: Vec<_> = wrong.map(|(call, seen, expected)| format!("{call}: {seen}, expected {expected:?}")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn everybody_walks_every_route() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in TABLE {
        for who in EVERYBODY {
            let answer = walk.answer(row, who).await;
            seen.push((format!("{} by {who:?}", row.route), answer, vec![row.expects(who)]));
        }
    }
    assert_as_expected(seen);
}

#[tokio::test]
async fn head_is_no_way_around() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in TABLE.iter().filter(|row| row.method() == Method::GET) {
        for who in EVERYBODY {
            let authorization = walk.authorization(row, who).await;
            let answer = walk.call(row, Method::HEAD, row.path, authorization).await;
            // A GET that writes has no HEAD, and this dialect tells that to everybody.
            let writes = row.expects(Who::Reader) != row.expects(Who::Owner);
            let expected = if writes { vec!["405"] } else { vec![row.expects(who), "405"] };
            seen.push((format!("HEAD for {} by {who:?}", row.route), answer, expected));
        }
    }
    assert_as_expected(seen);
}

#[tokio::test]
async fn other_methods_are_told_what_there_is() {
    let walk = Walk::new().await;
    let mut paths: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in TABLE.iter().filter(|row| row.is_dialects() && !row.path.ends_with("url>")) {
        paths.entry(row.route.split_once(' ').unwrap().1).or_default().push(row);
    }
    for (path, rows) in paths {
        let has: BTreeSet<&str> = rows.iter().map(|row| row.route.split_once(' ').unwrap().0).collect();
        let others = ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|method| !has.contains(method));
        for method in others {
            let authorization = walk.authorization(rows[0], Who::Owner).await.unwrap();
            let headers = [("authorization", authorization.as_str())];
            let reply =
                walk.server.send(method.parse().unwrap(), &path.replace("{version}", "1.2"), &headers, "").await;
            let allowed: BTreeSet<&str> = reply.header("allow").split(", ").collect();
            assert_eq!((reply.status, &allowed), (405, &has), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_final_slash_changes_nothing() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in TABLE.iter().filter(|row| row.is_dialects() && !row.path.ends_with("url>")) {
        let (path, query) = row.path.split_at(row.path.find('?').unwrap_or(row.path.len()));
        let path = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned) + query;
        for who in [Who::Nobody, Who::Owner] {
            let authorization = walk.authorization(row, who).await;
            let answer = walk.call(row, row.method(), &path, authorization).await;
            seen.push((format!("{path} by {who:?}"), answer, vec![row.expects(who)]));
        }
    }
    assert_as_expected(seen);
}

/// A key that was revoked, one that serves another dialect, and a good one in another vendor's header form.
#[tokio::test]
async fn other_keys_and_other_forms_open_nothing() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in TABLE.iter().filter(|row| row.is_dialects() && !row.ends_key) {
        let (unknown, nobody) = (row.expects(Who::UnknownKey), row.expects(Who::Nobody));
        let bearer = |key: &str| format!("Bearer {key}");
        let key = walk.ann.key.as_str();
        let cases = match row.is_hexnode() {
            true => [
                (walk.revoked.clone(), unknown),
                (walk.signed_in.clone(), unknown),
                (bearer(key), unknown),
                (format!("Token {key}"), unknown),
            ],
            false if row.is_onlyoffice() => [
                (bearer(&walk.revoked), unknown),
                (bearer(&walk.signed_in), unknown),
                (key.to_owned(), row.expects(Who::Owner)),
                (format!("Token {key}"), unknown),
            ],
            // Of a key in the wrong form this one says that there is none.
            false if !row.is_sweeppea() => [
                (bearer(&walk.revoked), unknown),
                (bearer(&walk.signed_in), row.expects(if row.is_vault() { Who::Owner } else { Who::UnknownKey })),
                (key.to_owned(), unknown),
                (format!("Token {key}"), unknown),
            ],
            false => [
                (bearer(&walk.revoked), unknown),
                (bearer(&walk.signed_in), unknown),
                (key.to_owned(), nobody),
                (format!("Token {key}"), nobody),
            ],
        };
        for (authorization, expected) in cases {
            let scheme = authorization.split(' ').next().unwrap().to_owned();
            let answer = walk.call(row, row.method(), row.path, Some(authorization)).await;
            seen.push((format!("{} with {scheme}", row.route), answer, vec![expected]));
        }
    }
    assert_as_expected(seen);
}

impl Walk {
    async fn new() -> Self {
        let server = Server::start_on_folder_with(&[("UNFILE_SWEEPPEA_RATE", "0")]).await;
        let (ann, signed_in) = vault::sign_in::ann_signed_in(&server).await;
        let (bob, eve) = (server.account("bob").await, server.account("eve").await);
        assert_eq!(server.cli(&["account", "disable", "eve"]).await.status, 0);
        let reader = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json::<Value>();
        let revoked = server.cli(&["key", "add", "ann", "--json"]).await.json::<Value>();
        assert_eq!(server.cli(&["key", "revoke", &revoked["id"].to_string()]).await.status, 0);
        let key = |made: Value| made["key"].as_str().unwrap().to_owned();
        let home = oracle::get(&server, "folders/self", &ann.key).await.json();
        let tail = home["id"].as_str().unwrap()[33..].to_owned();
        let user = oracle::text(&home["ownedBy"]["id"]);
        let (reader, revoked, made) = (key(reader), key(revoked), AtomicU32::new(0));
        Self { server, ann, bob, eve, reader, signed_in, revoked, tail, user, made }
    }

    async fn answer(&self, row: &Row, who: Who) -> String {
        let authorization = self.authorization(row, who).await;
        self.call(row, row.method(), row.path, authorization).await
    }

    /// The status of the answer; with ` refused` behind it if the answer says that nothing was done. Asserts that the
    /// file at stake is gone if, and only if, the answer says so.
    async fn call(&self, row: &Row, method: Method, path: &str, authorization: Option<String>) -> String {
        let filled = self.fill([path, row.headers, row.body]).await;
        let credentials: Vec<(&str, &str)> =
            authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        self.send(row, method, &filled, &credentials).await
    }

    async fn send(&self, row: &Row, method: Method, filled: &Filled, credentials: &[(&str, &str)]) -> String {
        let [path, headers, body] = &filled.parts[..] else { unreachable!() };
        let mut all: Vec<(&str, &str)> = headers.split("; ").filter_map(|header| header.split_once(": ")).collect();
        all.extend(credentials);
        let reply = self.server.send(method, path, &all, body.clone()).await;
        let refused = reply.status == 200
            && [
                "API_CANNOTDELETEFILENOTFOUND",
                "API_FOLDER_CAN_NOT_DELETE_FOLDER_NOT_FOUND",
                "API_FILE_NOT_FOUND",
                r#""StatusCode":"-"#,
            ]
            .iter()
            .any(|reason| reply.text().contains(reason));
        let done = reply.status == 200 && !refused;
        // Moved by another it is theirs.
        let moves = row.route.ends_with("/move");
        if let Some(file) = filled.file.as_ref().filter(|_| !moves) {
            let gone = !vault::is_there(&self.server, &self.ann.key, file).await;
            assert_eq!(gone, done && row.deletes, "{}: whether the file is gone", row.route);
        }
        format!("{}{}", reply.status, if refused { " refused" } else { "" })
    }

    /// The caller's header, in the dialect's own form.
    async fn authorization(&self, row: &Row, who: Who) -> Option<String> {
        let mut key = match who {
            Who::Nobody => return None,
            Who::UnknownKey => "A".repeat(30),
            Who::Stranger => self.bob.key.clone(),
            Who::Owner => self.ann.key.clone(),
            Who::Reader => self.reader.clone(),
            Who::Disabled => self.eve.key.clone(),
            Who::Admin => self.server.admin_key(),
        };
        if row.ends_key && matches!(who, Who::Stranger | Who::Owner | Who::Admin) {
            let body = r#"{"expires":"2100-01-01T00:00:00Z"}"#;
            let made = vault::call_with(&self.server, Method::POST, "token", &key, &[], body).await;
            key = made.json()["token"].as_str().unwrap().to_owned();
        }
        Some(if row.is_hexnode() { key } else { format!("Bearer {key}") })
    }

    /// Fills the places of a call with things of the owner's that were made for this one call. Each file has a folder of its own, so that no lock is in another's
    /// way.
    async fn fill(&self, call: [&str; 3]) -> Filled {
        let (server, key) = (&self.server, self.ann.key.as_str());
        let mut parts = call.map(str::to_owned).to_vec();
        let mut put = |place: &str, value: &str| parts.iter_mut().for_each(|part| *part = part.replace(place, value));
        let wants = |place: &str| call.iter().any(|part| part.contains(place));
        let (mut at_stake, mut folder_ids) = (None, None);
        if OF_A_FILE.into_iter().any(wants) {
            let folder = format!("folder-{}", self.made.fetch_add(1, Ordering::Relaxed));
            let n = vault::upload(server, key, &folder, "a.txt", b"ab").await;
            let d = vault::hyphened(&n);
            let ids = format!(
                "select n.id, p.id, p.uid, p.parent_id from node n join node p on p.id = n.parent_id where n.uid = '{d}'"
            );
            let ids = server.sql(&ids).await.remove(0);
            let folder = ids[2].as_str().unwrap().replace('-', "");
            let guid = |kind: &str, n: &str| format!("{kind}{}{}", n.to_uppercase(), self.tail);
            put("<id>", &ids[0].to_string());
            put("<folder id>", &ids[1].to_string());
            put("<home id>", &ids[3].to_string());
            put("<N>", &n);
            put("<folder>", &folder);
            put("<guid>", &guid("D", &n));
            put("<folder guid>", &guid("F", &folder));
            put("<user guid>", &self.user);
            put("<bob>", &self.bob.uid);
            if wants("<read url>") {
                put("<read url>", &sweeppea::url_of(server, key, &d).await);
            }
            if wants("<office url>") {
                let reply = onlyoffice::get(server, key, &format!("file/{}/presigneduri", ids[0])).await;
                put("<office url>", onlyoffice::response(&reply).as_str().unwrap());
            }
            if wants("<edit key>") {
                let started = format!("file/{}/startedit", ids[0]);
                let reply = onlyoffice::post(server, key, &started, Value::Null).await;
                put("<edit key>", onlyoffice::response(&reply).as_str().unwrap());
            }
            if wants("<link>") {
                let made = format!("publiclinks/file/{}", guid("D", &n));
                let reply = oracle::post(server, &made, key, r#"{"assignedUsers":"@everybody"}"#).await;
                put("<link>", &oracle::text(&reply.json()["linkID"]));
            }
            put("<D>", &d);
            at_stake = Some(n);
            folder_ids = Some((ids[1].as_i64().unwrap(), guid("F", &folder)));
        }
        if ["<binned>", "<entry>"].into_iter().any(wants) {
            let n =
                vault::upload(server, key, "", &format!("{}", self.made.fetch_add(1, Ordering::Relaxed)), b"ab").await;
            let guid = format!("D{}{}", n.to_uppercase(), self.tail);
            oracle::assert_outcome(&oracle::delete_file(server, key, &guid).await, oracle::OK);
            let (files, _) = oracle::browse(server, key).await;
            let entry = files.iter().find(|entry| entry["fRealItemGUID"] == guid.as_str()).unwrap();
            put("<binned>", &n);
            put("<entry>", &oracle::text(&entry["fFileGUID"]));
        }
        if ["<put url>", "<put slot>"].into_iter().any(wants) {
            let (url, uuid) = hexnode::presign(server, key, "a.txt", "text/plain").await;
            assert_eq!(hexnode::put(server, &url, "text/plain", b"ab").await.status, 200);
            put("<put url>", &url);
            put("<put slot>", &uuid);
        }
        if wants("<group>") {
            let group = vault::open(server, key).await;
            let file = vault::announce(server, key, &group, "", "b.txt", 2).await;
            assert_eq!(vault::send_chunk(server, key, &group, &file, 0, b"ab").await.status, 200);
            put("<group>", &group);
            put("<part>", &file);
        }
        if wants("<whole group>") {
            let group = vault::open(server, key).await;
            vault::add(server, key, &group, "", "b.txt", b"ab").await;
            put("<whole group>", &group);
        }
        Filled { parts, file: at_stake, folder: folder_ids }
    }
}
