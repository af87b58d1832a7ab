//! `GET /` (hexnode.md 4.4).

use super::*;

#[tokio::test]
async fn shows_a_file_member_by_member() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let file = uploaded(&server, &ann.key, "report.pdf", b"12345").await;
    for path in ["", "?page=1", "?unknown=1"] {
        let reply = get_list(&server, &ann.key, path).await;
        let time = reply.json()["results"][0]["created_time"].as_str().unwrap().to_owned();
        let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
        assert_answer(
            &reply,
            200,
            &format!(
                r#"{{"count":1,"next":null,"previous":null,"results":[{{"id":{},"file_name":"report.pdf","file_uuid":"{}","content_type":"application/pdf","size":5,"created_time":"{time}"}}]}}"#,
                file.id, file.uuid
            ),
        );
    }
}

#[tokio::test]
async fn shows_neither_foreign_nor_unfinished_files() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let own = upload(&server, &ann.key, "own.pdf", b"x").await;
    upload(&server, &bob.key, "foreign.pdf", b"x").await;
    let (url, _) = presign(&server, &ann.key, "waits.pdf", "application/pdf").await;
    put(&server, &url, "application/pdf", b"x").await;
    assert_eq!(listed(&server, &ann.key).await, [own]);
    assert_eq!(listed(&server, &server.admin_key()).await, Vec::<i64>::new());
}

/// As the client of section 6 pages: `next` until it is null.
#[tokio::test]
async fn pages_are_linked() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(upload(&server, &ann.key, &format!("{number}.pdf"), b"x").await);
    }
    let link = |query: &str| serde_json::json!(server.url(&format!("{BASE}/{query}")));
    let none = serde_json::Value::Null;
    for (query, next, previous, results) in [
        ("?per_page=2", link("?page=2&per_page=2"), none.clone(), vec![ids[4], ids[3]]),
        ("?page=2&per_page=2", link("?page=3&per_page=2"), link("?per_page=2"), vec![ids[2], ids[1]]),
        ("?page=3&per_page=2", none.clone(), link("?page=2&per_page=2"), vec![ids[0]]),
        ("?per_page=3&order_by=asc", link("?order_by=asc&page=2&per_page=3"), none.clone(), ids[..3].to_vec()),
        ("?order_by=desc&per_page=5", none.clone(), none.clone(), ids.iter().rev().copied().collect()),
        ("?per_page=101&order_by=asc", none.clone(), none.clone(), ids.clone()),
    ] {
        let page = get_list(&server, &ann.key, query).await.json();
        let found: Vec<_> = page["results"].as_array().unwrap().iter().map(|file| &file["id"]).collect();
        assert_eq!(found, results.iter().collect::<Vec<_>>(), "{query}");
        assert_eq!((&page["count"], &page["next"], &page["previous"]), (&5.into(), &next, &previous), "{query}");
    }

    let mut found = Vec::new();
    let mut url = server.url(&format!("{BASE}/?per_page=2"));
    loop {
        let headers = [("Authorization", ann.key.as_str())];
        let page = server.send(Method::GET, &url, &headers, "").await.json();
        found.extend(page["results"].as_array().unwrap().iter().map(|file| file["id"].as_i64().unwrap()));
        match page["next"].as_str() {
            Some(next) => url = next.to_owned(),
            None => break,
        }
    }
    ids.reverse();
    assert_eq!(found, ids);
}

#[tokio::test]
async fn a_page_past_the_end_is_invalid() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let invalid = r#"{"detail":"Invalid page."}"#;
    assert_answer(&get_list(&server, &ann.key, "?page=2").await, 404, invalid);
    upload(&server, &ann.key, "a.pdf", b"x").await;
    for page in ["2", "0", "-1", "x", "", "18446744073709551615", "99999999999999999999999"] {
        let reply = get_list(&server, &ann.key, &format!("?page={page}")).await;
        assert_answer(&reply, 404, invalid);
    }
    assert_eq!(get_list(&server, &ann.key, "?per_page=0&order_by=x").await.status, 200);
}

/// A client that deletes what it is shown, and follows the links.
#[tokio::test]
async fn the_links_show_each_file_once_while_files_are_deleted() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let mut ids = Vec::new();
    for number in 0..9 {
        ids.push(upload(&server, &ann.key, &format!("{number}.pdf"), b"x").await);
    }
    let (mut found, mut url) = (Vec::new(), server.url(&format!("{BASE}/?per_page=2&order_by=asc")));
    loop {
        let page = server.send(Method::GET, &url, &[("Authorization", ann.key.as_str())], "").await.json();
        let shown: Vec<i64> =
            page["results"].as_array().unwrap().iter().map(|file| file["id"].as_i64().unwrap()).collect();
        assert_eq!(page["count"], ids.len() - found.len(), "what is left");
        assert_eq!(delete(&server, &ann.key, &serde_json::json!(shown).to_string()).await.status, 200);
        found.extend(shown);
        match page["next"].as_str() {
            Some(next) => url = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, ids);
}
