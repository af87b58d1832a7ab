//! Group commit, as far as a caller sees it: what comes at the same moment shares commits, and each file is deleted by
//! one of those who ask for it.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use crate::{
    hexnode,
    support::{Server, promises},
    vault,
};

/// A transfer of so many small files; their integer ids.
async fn upload_many(server: &Server, key: &str, files: usize) -> Vec<i64> {
    let group = vault::open(server, key).await;
    for number in 0..files {
        vault::add(server, key, &group, "", &format!("{number}.txt"), b"small").await;
    }
    assert_eq!(vault::commit(server, key, &group).await.status, 200);
    server
        .sql("select id from node where kind = 'file' and state = 1 order by id")
        .await
        .iter()
        .map(|row| row[0].as_i64().unwrap())
        .collect()
}

/// A figure of `/metrics` that has no labels.
pub(crate) async fn figure(server: &Server, name: &str) -> u64 {
    let figures = server.send(reqwest::Method::GET, "/metrics", &[], "").await.text();
    let line = figures.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn independent_deletes_share_commits() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let ids = upload_many(&server, &ann.key, 128).await;
    let (commits, requests) =
        (figure(&server, "unfile_commits").await, figure(&server, "unfile_committed_requests").await);
    let statuses: Vec<u16> = stream::iter(ids)
        .map(|id| {
            let (server, key) = (&server, &ann.key);
            async move { hexnode::delete(server, key, &format!("[{id}]")).await.status }
        })
        .buffer_unordered(64)
        .collect()
        .await;
    assert!(statuses.iter().all(|&status| status == 200), "{statuses:?}");
    let commits = figure(&server, "unfile_commits").await - commits;
    let requests = figure(&server, "unfile_committed_requests").await - requests;
    assert!(requests >= 128, "{requests} requests");
    assert!(commits * 2 <= requests, "{commits} commits for {requests} requests");
    server.run_jobs().await;
    promises::assert_kept(server.installation()).await;
    promises::assert_nothing_left_behind(server.installation()).await;
}

#[tokio::test]
async fn of_many_who_delete_the_same_files_one_wins_each() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let ids = upload_many(&server, &ann.key, 8).await;
    // Every pair of neighbours, each asked for four times, all at once: all or nothing, so the winners are disjoint.
    let asked: Vec<[i64; 2]> = ids.windows(2).map(|pair| [pair[0], pair[1]]).cycle().take(28).collect();
    let won: Vec<[i64; 2]> = stream::iter(asked)
        .map(|pair| {
            let (server, key) = (&server, &ann.key);
            async move { (hexnode::delete(server, key, &format!("{pair:?}")).await.status, pair) }
        })
        .buffer_unordered(28)
        .filter_map(|(status, pair)| async move {
            assert!(status == 200 || status == 404, "{status}");
            (status == 200).then_some(pair)
        })
        .collect()
        .await;
    let deleted: Vec<i64> = won.into_iter().flatten().collect();
    let distinct: BTreeSet<i64> = deleted.iter().copied().collect();
    assert_eq!(deleted.len(), distinct.len(), "a file was deleted twice");
    let left: BTreeSet<i64> = hexnode::listed(&server, &ann.key).await.into_iter().collect();
    assert_eq!(&left | &distinct, ids.into_iter().collect(), "each file is deleted or there");
    assert!(left.is_disjoint(&distinct));
    promises::assert_kept(server.installation()).await;
}
