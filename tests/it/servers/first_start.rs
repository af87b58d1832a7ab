//! Servers that start at the same moment on an empty database and an empty bucket.

use std::path::PathBuf;

use reqwest::Method;

use super::number;
use crate::{
    objects::versions::versions,
    support::{
        Backend, Launch, Reply, Server, Started, binary, free_port,
        installation::Installation,
        postgres::Database,
        weed::{Bucket, VERSIONED},
    },
};

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123";

/// Starts so many at once; gives each with its data directory.
async fn race(installation: &Installation, number: usize, env: &[(&str, &str)]) -> Vec<(PathBuf, String, Started)> {
    let launches = (0..number).map(|server| {
        let own = env.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let launch = Launch {
            wrap: Vec::new(),
            binary: binary(),
            data: installation.data().with_file_name(format!("data-{server}")),
            port: free_port(),
            env: installation.env().into_iter().chain(own).collect(),
        };
        async move { (launch.data.clone(), format!("http://127.0.0.1:{}", launch.port), launch.start().await) }
    });
    futures_util::future::join_all(launches).await
}

async fn get(url: &str, key: &str) -> Reply {
    unfile::choose_cryptography();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(Method::GET, format!("{url}/api/v1/filemanagement/")).header("authorization", key);
    Reply::read(request.send().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn one_makes_the_administrator_and_all_come_up() {
    let bucket = Bucket::new(VERSIONED).await;
    let installation = Installation::on(Some(Database::new().await), Some(bucket.clone()));
    let started = race(&installation, 3, &[]).await;
    let mut files = Vec::new();
    for (data, _, started) in &started {
        assert!(matches!(started, Started::Ready(_)), "a server does not come up");
        for entry in std::fs::read_dir(data).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("admin-credentials") {
                files.push(path);
            }
        }
    }
    assert_eq!(files.len(), 1, "one knows the key: {files:?}");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let key = text.lines().find_map(|line| line.strip_prefix("UNFILE_ADMIN_KEY=")).unwrap();
    for (_, url, _) in &started {
        assert_eq!(get(url, key).await.status, 200);
    }
    let accounts = installation.sql("select count(*) from account").await;
    assert_eq!(accounts[0][0], 1);
    // The marker was written once: there is one version of it.
    let versions = versions(&bucket, &bucket.prefix).await;
    assert_eq!(versions.iter().filter(|(key, ..)| key.ends_with("unfile-installation")).count(), 1, "{versions:?}");
}

#[tokio::test]
async fn a_key_that_is_given_is_the_key_on_all() {
    let installation = Installation::new(Backend::Shared).await;
    let started = race(&installation, 3, &[("UNFILE_ADMIN_KEY", KEY)]).await;
    for (_, url, started) in &started {
        assert!(matches!(started, Started::Ready(_)), "a server does not come up");
        assert_eq!(get(url, KEY).await.status, 200);
    }
}

#[tokio::test]
async fn a_start_that_is_cut_off_leaves_the_truth_to_the_next() {
    let server = Server::start_embedded().await;
    let file = server.data().join("admin-credentials");
    let text = std::fs::read_to_string(&file).unwrap();
    let draft = server.sql("select value from setting where name = 'first_admin'").await;
    let draft = format!("admin-credentials.new-{}", draft[0][0].as_str().unwrap());
    server.stop().await;
    // As if the process had died between the account's commit and the file, beside one that had died before it.
    std::fs::rename(&file, server.data().join(&draft)).unwrap();
    std::fs::write(server.data().join("admin-credentials.new-other"), "UNFILE_ADMIN_KEY=wrong\n").unwrap();
    server.start_again().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let left = std::fs::read_dir(server.data()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_str().unwrap().contains(".new-")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(number(&server, "select count(*) from account").await, 1);
}
