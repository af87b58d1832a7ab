//! The README's "Run it for real", as it stands there: a PostgreSQL, a SeaweedFS and two servers of the release build.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use rand::RngExt;

use crate::{
    quick_start::lines_to_paste,
    support::{Output, daemon, finish, postgres, release_binary, weed},
};

/// What a paste that goes wrong half-way leaves behind is ended.
const AT_THE_END: &str = "
trap 'exit 1' TERM
trap '{ kill $servers $store; pg_ctl -D trial/pg -m immediate stop; } > /dev/null 2>&1' EXIT
";

/// The first of nine ports that nobody listens on. SeaweedFS takes five of them, and those 10,000 above.
fn nine_ports() -> u16 {
    loop {
        let first = rand::rng().random_range(10_000..21_000);
        if (first..first + 9).all(weed::is_free) && (first..first + 5).all(|port| weed::is_free(port + 10_000)) {
            return first;
        }
    }
}

/// A folder with what the lines expect: the release build, and `weed` in the search path, open to the user that
/// PostgreSQL runs as.
fn workshop(folder: &Path) {
    let release = folder.join("target/release");
    fs::create_dir_all(&release).unwrap();
    fs::copy(release_binary(), release.join("unfile")).unwrap();
    let tools = folder.join("tools");
    fs::create_dir(&tools).unwrap();
    let program = daemon::program("weed", &[daemon::target().join("tools/bin")]);
    fs::copy(fs::canonicalize(program).unwrap(), tools.join("weed")).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
}

async fn paste(folder: &Path) -> Output {
    let mut line: Vec<String> = match postgres::other_user() {
        Some(user) => ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"].map(str::to_owned).to_vec(),
        None => Vec::new(),
    };
    let script = format!("{AT_THE_END}{}", lines_to_paste("Run it for real"));
    line.extend(["timeout", "180", "sh", "-c", &script].map(str::to_owned));
    let path = std::env::var("PATH").unwrap();
    let first = nine_ports();
    let mut shell = Command::new(&line[0]);
    shell
        .args(&line[1..])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", folder.join("tools").display()))
        .env("HOME", folder)
        .env("S3_PORT", first.to_string())
        .env("DB_PORT", (first + 6).to_string())
        .env("ONE", format!("127.0.0.1:{}", first + 7))
        .env("TWO", format!("127.0.0.1:{}", first + 8))
        .env_remove("http_proxy");
    finish(shell, String::new()).await
}

#[tokio::test]
async fn run_it_for_real_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    workshop(folder.path());
    let output = paste(folder.path()).await;
    let log = |name: &str| fs::read_to_string(folder.path().join("trial").join(name)).unwrap_or_default();
    let logs = format!("{output:?}\n{}\n{}", log("one.log"), log("two.log"));
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{logs}");
    // In this order, and nothing of it twice.
    let mut rest = output.stdout.as_str();
    for (answer, times) in [
        ("ready", 2),
        ("Dear unfile, forget me. ", 1),
        ("files/", 1),
        (r#""Message":"(OK) File deleted successfully."}"#, 1),
        ("API_FILE_NOT_FOUND", 1),
        ("no file in the bucket", 1),
        ("server stopped", 1),
    ] {
        assert_eq!(output.stdout.matches(answer).count(), times, "{answer} in {logs}");
        for _ in 0..times {
            rest = rest.split_once(answer).unwrap_or_else(|| panic!("{answer} comes too early: {logs}")).1;
        }
    }
}
