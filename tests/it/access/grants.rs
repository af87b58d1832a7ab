//! Who was given rights walks too: by a share of each kind, by public links, by an applink. Every call that others than
//! the owner may make says what it takes; each grant gives just what is below it, in every dialect that knows grants,
//! and nothing in the others.

use serde_json::json;

use super::{
    Filled, Walk, Who, assert_as_expected,
    table::{Need, Row, TABLE},
};
use crate::{onlyoffice, oracle};

/// The rights that a share gives, in the database's form, and the most that they suffice for.
const SHARES: [(i64, Need); 5] =
    [(1, Need::Read), (3, Need::Download), (7, Need::Write), (15, Need::Delete), (31, Need::Share)];
/// The same for public links, by their roles: they never share.
const LINKS: [(&str, Need); 3] =
    [("viewer", Need::Read), ("downloader", Need::Download), ("contributor", Need::Delete)];
/// ONLYOFFICE's numbers of those rights that it has numbers for.
const ACCESS: [(u8, Need); 4] = [(2, Need::Download), (10, Need::Write), (1, Need::Delete), (9, Need::Share)];

/// What the owner gets for a call that the grant suffices for, and else a refusal.
fn expected(row: &Row, most: Need) -> &'static str {
    let allowed = row.needs.is_some_and(|needs| needs <= most);
    if allowed { row.expects(Who::Owner) } else { row.expects(Who::Stranger) }
}

/// Calls that name something of the owner's.
fn rows() -> impl Iterator<Item = &'static Row> {
    let of_a_file = |part: &str| super::OF_A_FILE.iter().any(|place| part.contains(place));
    TABLE.iter().filter(move |row| [row.path, row.headers, row.body].into_iter().any(of_a_file))
}

impl Walk {
    async fn filled(&self, row: &Row) -> (Filled, i64, String) {
        let filled = self.fill([row.path, row.headers, row.body]).await;
        let (id, guid) = filled.folder.clone().unwrap();
        (filled, id, guid)
    }

    /// The call by an account that something was shared with.
    async fn by_bob(&self, row: &Row, filled: &Filled) -> String {
        let key = &self.bob.key;
        let authorization = if row.is_hexnode() { key.clone() } else { format!("Bearer {key}") };
        self.send(row, row.method(), filled, &[("authorization", &authorization)]).await
    }
}

#[tokio::test]
async fn a_share_suffices_for_what_it_gives() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in rows().filter(|row| row.needs.is_some()) {
        for (rights, most) in SHARES {
            let (filled, folder, _) = walk.filled(row).await;
            let (bob, columns) = (walk.bob.id, "node_id, account_id, rights, created_at");
            walk.server.sql(&format!("insert into share ({columns}) values ({folder}, {bob}, {rights}, 0)")).await;
            let answer = walk.by_bob(row, &filled).await;
            seen.push((format!("{} by a share of {rights}", row.route), answer, vec![expected(row, most)]));
        }
    }
    assert_as_expected(seen);
}

#[tokio::test]
async fn what_onlyoffice_grants_holds_in_oracle_and_nowhere_else() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in rows().filter(|row| !row.path.contains("url>") && !row.is_onlyoffice()) {
        for (access, most) in ACCESS {
            let (filled, folder, _) = walk.filled(row).await;
            let share = json!({"share": [{"shareTo": walk.bob.uid, "access": access}], "notify": false});
            let path = format!("folder/{folder}/share");
            let shared = onlyoffice::put(&walk.server, &walk.ann.key, &path, share).await;
            assert_eq!(shared.status, 200, "{}", shared.text());
            let answer = walk.by_bob(row, &filled).await;
            seen.push((format!("{} by access {access}", row.route), answer, vec![expected(row, most)]));
        }
    }
    assert_as_expected(seen);
}

/// A link opens its folder and what lies below, and nothing of whoever comes by it: no home, no lock, no other link.
fn goes_by_link(row: &Row, has_a_name: bool) -> bool {
    let is_api = row.route.contains("/documents/api/");
    is_api
        && !row.path.ends_with("<link>")
        && !row.body.contains(r#""self""#)
        && (has_a_name || !row.path.contains("reserve"))
}

#[tokio::test]
async fn a_public_link_suffices_for_its_role() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in rows().filter(|row| row.needs.is_some() && goes_by_link(row, false)) {
        for (role, most) in LINKS {
            let (filled, _, folder) = walk.filled(row).await;
            let body = format!(r#"{{"assignedUsers":"@everybody","role":"{role}","linkName":"by"}}"#);
            let path = format!("publiclinks/folder/{folder}");
            let made = oracle::post(&walk.server, &path, &walk.ann.key, &body).await;
            let link = oracle::text(&made.json()["linkID"]);
            // It alone decides, also where the owner comes by it.
            let authorization = format!("Bearer {}", walk.ann.key);
            let credentials = [("linkID", link.as_str()), ("authorization", &authorization)];
            for signed_in in [false, true] {
                if signed_in && row.method() != reqwest::Method::GET {
                    continue;
                }
                let credentials = &credentials[..1 + usize::from(signed_in)];
                let answer = walk.send(row, row.method(), &filled, credentials).await;
                let call = format!("{} by a {role} link, signed in: {signed_in}", row.route);
                seen.push((call, answer, vec![expected(row, most)]));
            }
        }
    }
    assert_as_expected(seen);
}

#[tokio::test]
async fn an_applink_suffices_for_its_role() {
    let walk = Walk::new().await;
    let mut seen = Vec::new();
    for row in rows().filter(|row| row.needs.is_some() && goes_by_link(row, true)) {
        for (role, most) in LINKS {
            let (filled, _, folder) = walk.filled(row).await;
            let path = format!("applinks/folder/{folder}");
            let body = format!(r#"{{"assignedUser":"bob","role":"{role}"}}"#);
            let made = oracle::post(&walk.server, &path, &walk.ann.key, &body).await.json();
            let (link, token) = (oracle::text(&made["appLinkID"]), oracle::text(&made["accessToken"]));
            let credentials = [("appLinkID", link.as_str()), ("accessToken", token.as_str())];
            let answer = walk.send(row, row.method(), &filled, &credentials).await;
            seen.push((format!("{} by a {role} applink", row.route), answer, vec![expected(row, most)]));
        }
    }
    assert_as_expected(seen);
}
