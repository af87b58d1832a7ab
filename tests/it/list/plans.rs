//! How SQLite finds the rows of lists: along an index, or by id. What it would have to read whole is found here before
//! somebody has ten million of it.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::{onlyoffice, oracle, support::Server, vault};

/// The statements that a server has run so far, by its log.
fn statements(log: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in log.lines().filter(|line| line.contains("sqlx::query")) {
        let quoted = |field: &str| {
            let text = line.split_once(field)?.1.split_once('"')?.1;
            Some(text.split("\" ").next().unwrap_or(text).trim_end_matches('"').to_owned())
        };
        let whole = quoted("db.statement=").filter(|text| !text.is_empty()).or_else(|| quoted("summary="));
        found.extend(whole.map(|text| text.replace("\\n", " ").replace("\\\\", "\\").replace("\\\"", "\"")));
    }
    found.into_iter().map(|text| text.trim().to_owned()).collect()
}

#[tokio::test]
async fn the_first_page_and_the_next_are_read_along_an_index() {
    let server = Server::start_embedded_with(&[("RUST_LOG", "sqlx::query=debug")]).await;
    let ann = server.account("ann").await;
    let folder = oracle::make_folder(&server, &ann.key, "self", "docs").await;
    for name in ["a.txt", "b.txt", "c.txt"] {
        oracle::upload(&server, &ann.key, &folder, name, b"x").await;
        let gone = oracle::upload(&server, &ann.key, &folder, &format!("gone {name}"), b"x").await;
        oracle::delete_file(&server, &ann.key, &gone).await;
    }
    let before = statements(&server.log());
    for start in 0..3 {
        for path in [format!("files/my/{start}/1"), format!("recycle_bin/{start}/1")] {
            assert_eq!(vault::call(&server, Method::GET, &path, &ann.key).await.status, 200, "{path}");
        }
        for headers in [("sort_column", "name"), ("AvailabilityState", "Deleted")] {
            let path = format!("files/my/{start}/1");
            let reply = vault::call_with(&server, Method::GET, &path, &ann.key, &[headers], "").await;
            assert_eq!(reply.status, 200, "{headers:?}");
        }
        let path = format!("/documents/api/1.2/folders/{folder}/items?limit=1&offset={start}");
        assert_eq!(oracle::get(&server, &path, &ann.key).await.status, 200);
        let reply = onlyoffice::get(&server, &ann.key, &format!("@trash?count=1&startIndex={start}")).await;
        assert_eq!(reply.status, 200);
    }
    let after = statements(&server.log());
    let lists: Vec<&String> = after.difference(&before).filter(|text| text.starts_with("select")).collect();
    assert!(lists.len() > 8, "{lists:#?}");
    let mut indexes = BTreeSet::new();
    for statement in lists {
        for row in server.sql(&format!("explain query plan {statement}")).await {
            let step = row[3].as_str().unwrap();
            let scans = ["node", "version", "trash", "n", "v", "t", "c", "p", "f"].map(|name| format!("SCAN {name}"));
            let whole = scans.iter().any(|scan| step == scan || step.starts_with(&format!("{scan} ")));
            assert!(!whole, "{step}: {statement}");
            indexes.extend(step.split(' ').filter(|word| word.contains('_')).map(str::to_owned));
        }
    }
    for index in ["node_account", "node_name", "node_child", "node_trashed", "trash_holder", "trash_owner"] {
        assert!(indexes.contains(index), "{index} is not used: {indexes:?}");
    }
}
