//! Emptying a trash, and what waits for the end of editing, cut off at every step.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{
    Scene,
    points::{EMPTY, OPERATIONS},
};
use crate::{onlyoffice, oracle, support::promises};

/// A folder with a file, in the trash of the account.
async fn trash_a_folder(scene: &Scene, name: &str) {
    let (server, key) = (&scene.server, &scene.ann.key);
    let folder = oracle::make_folder(server, key, "self", name).await;
    oracle::upload(server, key, &folder, "a.txt", name.as_bytes()).await;
    let path = format!("folders/{folder}");
    oracle::assert_outcome(&oracle::call(server, Method::DELETE, &path, key).await, oracle::OK);
}

#[tokio::test]
async fn an_emptied_trash_is_empty_whatever_dies() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for point in EMPTY {
        for name in ["one", "two"] {
            trash_a_folder(&scene, name).await;
        }
        scene.dying_at(point, async || drop(oracle::run(server, key, "FLD_EMPTY_TRASH").await)).await;
        let (files, folders) = oracle::browse(server, key).await;
        assert!(files.is_empty() && folders.is_empty(), "{point}");
        let used = server.sql("select used from account where name = 'ann'").await;
        assert_eq!(used, [[0]], "{point}");
        scene.assert_settled(point).await;
        promises::assert_nothing_left_behind(server.installation()).await;
    }
    scene.assert_empty().await;
}

#[tokio::test]
async fn what_waits_for_the_end_of_editing_is_deleted_or_dropped_as_a_whole() {
    let scene = Scene::new().await;
    let (server, key) = (&scene.server, &scene.ann.key);
    for point in OPERATIONS {
        let file = onlyoffice::upload(server, key, "@my", "a.txt", point.as_bytes()).await;
        let edit =
            onlyoffice::post(server, key, &format!("file/{file}/startedit"), json!({"editingAlone": false})).await;
        let edit_key = onlyoffice::response(&edit).as_str().unwrap().to_owned();
        let body = json!({"fileIds": [file], "deleteAfter": true, "immediately": true});
        assert_eq!(onlyoffice::put(server, key, "fileops/delete", body).await.status, 200);
        let finish = format!("file/{file}/trackeditfile?docKeyForTrack={edit_key}&isFinish=true");
        let what = point.strip_suffix(".committed").unwrap_or(point);
        if what == "operation.take" || what == "operation.forget" {
            assert_eq!(onlyoffice::get(server, key, &finish).await.status, 200);
            server.run_jobs().await;
        }
        scene
            .dying_at(point, async || match what {
                "operation.terminate" => drop(onlyoffice::put(server, key, "fileops/terminate", json!({})).await),
                "operation.waiting" => drop(onlyoffice::get(server, key, &finish).await),
                "operation.take" => drop(onlyoffice::get(server, key, "fileops").await),
                _ => server.advance(Duration::from_secs(2 * 3600)).await,
            })
            .await;
        server.run_jobs().await;
        let is_there = onlyoffice::get(server, key, &format!("file/{file}")).await.status;
        match what {
            "operation.terminate" => {
                assert_eq!(is_there, 200, "{point}: what waited stays");
                assert_eq!(onlyoffice::get(server, key, &finish).await.status, 200);
                let body = json!({"fileIds": [file], "immediately": true});
                assert_eq!(onlyoffice::put(server, key, "fileops/delete", body).await.status, 200);
            }
            _ => assert_eq!(is_there, 404, "{point}"),
        }
        onlyoffice::get(server, key, "fileops").await;
        // The clock was moved in the process that died.
        server.advance(Duration::from_secs(2 * 3600)).await;
        let left = server.sql("select count(*) from operation").await;
        assert_eq!(left, [[0]], "{point}");
        scene.assert_settled(point).await;
        promises::assert_nothing_left_behind(server.installation()).await;
    }
    scene.assert_empty().await;
}
