//! Who may make which call: every route of every dialect and every page of the server, walked by everybody. A route
//! without a row in [`TABLE`] fails the test, and so does a row without a route.

mod table;

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use table::{Row, TABLE};

use crate::{
    hexnode,
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

const EVERYBODY: [Who; 7] =
    [Who::Nobody, Who::UnknownKey, Who::Stranger, Who::Owner, Who::Reader, Who::Disabled, Who::Admin];

struct Walk {
    server: Server,
    ann: Account,
    bob: Account,
    eve: Account,
    reader: String,
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

#[tokio::test]
async fn everybody_walks_every_route() {
    let walk = Walk::new().await;
    let mut wrong = Vec::new();
    for row in TABLE {
        for (who, expected) in EVERYBODY.into_iter().zip(row.expected) {
            let seen = walk.answer(row, who).await;
            if seen != expected {
                wrong.push(format!("{} by {who:?}: {seen}, expected {expected}", row.route));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

impl Walk {
    async fn new() -> Self {
        let server = Server::start_with(&[("UNFILE_SWEEPPEA_RATE", "0")]).await;
        let (ann, bob, eve) = (server.account("ann").await, server.account("bob").await, server.account("eve").await);
        assert_eq!(server.cli(&["account", "disable", "eve"]).await.status, 0);
        let reader = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json::<Value>();
        let reader = reader["key"].as_str().unwrap().to_owned();
        Self { server, ann, bob, eve, reader }
    }

    /// The status of the answer; with ` refused` behind it if the answer says that nothing was done.
    async fn answer(&self, row: &Row, who: Who) -> String {
        let (filled, file) = self.fill(row).await;
        let [path, headers, body] = &filled[..] else { unreachable!() };
        let authorization = self.authorization(row, who).await;
        let mut all: Vec<(&str, &str)> = headers.split("; ").filter_map(|header| header.split_once(": ")).collect();
        all.extend(authorization.as_deref().map(|value| ("authorization", value)));
        let reply = self.server.send(row.method(), path, &all, body.clone()).await;
        let refused = reply.status == 200
            && ["API_CANNOTDELETEFILENOTFOUND", "API_FOLDER_CAN_NOT_DELETE_FOLDER_NOT_FOUND"]
                .iter()
                .any(|reason| reply.text().contains(reason));
        let done = reply.status == 200 && !refused;
        if let Some(id) = file {
            let gone = !hexnode::listed(&self.server, &self.ann.key).await.contains(&id);
            assert_eq!(gone, done && row.deletes, "{} by {who:?}: whether the file is gone", row.route);
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
        Some(if row.route.contains("/filemanagement") { key } else { format!("Bearer {key}") })
    }

    /// Fills the places of a row with things of the owner's that were made for this one call; gives path, headers and
    /// body, and the id of the file that is at stake.
    async fn fill(&self, row: &Row) -> (Vec<String>, Option<i64>) {
        let (server, key) = (&self.server, self.ann.key.as_str());
        let mut parts = [row.path, row.headers, row.body].map(str::to_owned).to_vec();
        let mut put = |place: &str, value: &str| parts.iter_mut().for_each(|part| *part = part.replace(place, value));
        let wants = |place: &str| [row.path, row.headers, row.body].iter().any(|part| part.contains(place));
        let mut at_stake = None;
        if ["<id>", "<N>", "<D>", "<read url>", "<folder>"].into_iter().any(wants) {
            let n = vault::upload(server, key, "folder", "a.txt", b"ab").await;
            let d = vault::hyphened(&n);
            let id = server.sql(&format!("select id from node where uid = '{d}'")).await[0][0].as_i64().unwrap();
            at_stake = Some(id);
            put("<id>", &id.to_string());
            put("<N>", &n);
            put("<folder>", &vault::find(server, key, &["folder"]).await);
            put("<read url>", &sweeppea::url_of(server, key, &d).await);
            put("<D>", &d);
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
        (parts, at_stake)
    }
}
