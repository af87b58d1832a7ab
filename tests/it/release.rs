//! What test builds can do and release builds must not.

use reqwest::Method;

use crate::support::{Server, release_binary};

#[tokio::test]
async fn the_release_build_has_no_control_routes() {
    let test_build = Server::start().await;
    let release = Server::start_release().await;
    for path in ["/_testing/clock?seconds=1", "/_testing/jobs", "/_testing/fault?point=x&action=off"] {
        assert_eq!(test_build.send(Method::POST, path, &[], "").await.status, 200, "{path}");
        assert_eq!(release.send(Method::POST, path, &[], "").await.status, 404, "{path}");
    }
}

/// The words that name the control routes and the fault variable are in the test build's file and not in the release's.
#[tokio::test]
async fn the_release_build_has_no_clock_to_move_and_no_faults() {
    let test_build = std::fs::read(crate::support::binary()).unwrap();
    let release = std::fs::read(release_binary()).unwrap();
    for word in ["_testing", "UNFILE_TEST_FAULT", "a test lets"] {
        let within = |file: &[u8]| file.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(within(&test_build), "the test build has {word}");
        assert!(!within(&release), "the release build has {word}");
    }
}
