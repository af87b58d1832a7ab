//! The commands, on the database of a server that runs.

use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Output, Server, binary, finish, without_own_variables};

/// Exit code 1, nothing on standard output, one line on standard error.
fn assert_refused(output: &Output, says: &str) {
    assert_eq!((output.status, output.stdout.as_str()), (1, ""), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains(says), "{output:?}");
}

fn lines(output: &Output) -> Vec<Value> {
    assert_eq!(output.status, 0, "{output:?}");
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The status that a key gets on a reading and on a writing call.
async fn statuses(server: &Server, key: &str) -> (u16, u16) {
    let read = server.send(Method::GET, "/api/v1/filemanagement/", &[("authorization", key)], "").await;
    let headers = [("authorization", key), ("content-type", "application/json")];
    let write = server
        .send(Method::POST, "/api/v1/filemanagement/generate-presigned-upload-url/", &headers, r#"{"file_name":"a"}"#)
        .await;
    (read.status, write.status)
}

#[tokio::test]
async fn account_add_prints_what_was_made() {
    let server = Server::start().await;
    let output = server.cli(&["account", "add", "ann", "--json"]).await;
    assert_eq!(output.stdout.lines().count(), 1);
    let ann: Value = output.json();
    let members: Vec<_> = output.stdout.split('"').skip(1).step_by(2).filter(|word| ann.get(*word).is_some()).collect();
    assert_eq!(members, ["id", "uid", "name", "role", "key"], "in this order");
    assert!(ann["id"].is_i64() && ann["uid"].as_str().unwrap().len() == 36, "{ann}");
    assert_eq!((&ann["name"], &ann["role"]), (&json!("ann"), &json!("user")));
    assert_eq!(statuses(&server, ann["key"].as_str().unwrap()).await, (200, 200));

    let plain = server.cli(&["account", "add", "ben", "--admin"]).await;
    assert_eq!(plain.status, 0);
    assert_eq!(statuses(&server, plain.stdout.trim()).await, (200, 200), "standard output is the key and nothing else");
    let listed = lines(&server.cli(&["account", "list", "--json"]).await);
    let named: Vec<_> = listed.iter().map(|account| (account["name"].clone(), account["role"].clone())).collect();
    let expected = [("admin", "admin"), ("ann", "user"), ("ben", "admin")];
    assert_eq!(named, expected.map(|(name, role)| (json!(name), json!(role))));
    assert_eq!(listed[1]["quota"], 5000 * 1024 * 1024_u64);
}

#[tokio::test]
async fn account_names_are_checked_and_taken_once() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    assert_eq!((ann.name.as_str(), ann.role.as_str()), ("ann", "user"));
    assert_refused(&server.cli(&["account", "add", "ann"]).await, "exists already");
    let long = "a".repeat(65);
    for name in ["", "Ann", "a b", "ä", "a/b", long.as_str()] {
        assert_eq!(server.cli(&["account", "add", name]).await.status, 1, "{name}");
    }
    assert_eq!(server.cli(&["account", "add", &"a".repeat(64)]).await.status, 0);
    assert_eq!(server.cli(&["account", "add", "a.b_c-9"]).await.status, 0);
}

#[tokio::test]
async fn account_set_changes_what_is_named_and_no_more() {
    let server = Server::start().await;
    server.account_with("ann", &["--quota", "1000"]).await;
    let set = ["account", "set", "ann", "--display-name", "Ann Lee", "--email", "ann@example.org", "--max-calls", "7"];
    assert_eq!(server.cli(&set).await.status, 0);
    let ann = lines(&server.cli(&["account", "list", "--json"]).await).pop().unwrap();
    assert_eq!(
        ann,
        json!({"id": ann["id"], "uid": ann["uid"], "name": "ann", "role": "user", "display_name": "Ann Lee",
               "email": "ann@example.org", "disabled": false, "quota": 1000, "used": 0, "purging": 0, "max_calls": 7})
    );
    assert_eq!(server.cli(&["account", "set", "ann", "--quota", "2GiB"]).await.status, 0);
    let ann = lines(&server.cli(&["account", "list", "--json"]).await).pop().unwrap();
    assert_eq!((&ann["quota"], &ann["max_calls"]), (&json!(2_u64 << 30), &json!(7)));
    assert_refused(&server.cli(&["account", "set", "nobody", "--quota", "1"]).await, "unfile: no account nobody\n");
    assert_eq!(server.cli(&["account", "set", "ann"]).await.status, 2, "nothing to change");
}

#[tokio::test]
async fn a_disabled_accounts_keys_stop_and_come_back() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    assert_eq!(server.cli(&["account", "disable", "ann"]).await.status, 0);
    assert_eq!(statuses(&server, &ann.key).await, (401, 401));
    assert_eq!(server.cli(&["account", "enable", "ann"]).await.status, 0);
    assert_eq!(statuses(&server, &ann.key).await, (200, 200));
    assert_refused(&server.cli(&["account", "disable", "nobody"]).await, "unfile: no account nobody\n");
}

#[tokio::test]
async fn a_password_comes_from_standard_input() {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let server = Server::start().await;
    let sign_in = async |password: &str| {
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("ann\r\n{password}")));
        server.send(Method::GET, "/vault_rest/authenticate", &[("authorization", &basic)], "").await.status
    };
    assert_eq!(server.cli_with(&["account", "add", "ann", "--password-stdin"], "one two\n").await.status, 0);
    assert_eq!(sign_in("one two").await, 200);
    assert_eq!(server.cli_with(&["account", "passwd", "ann"], "three\r\n").await.status, 0);
    assert_eq!(sign_in("one two").await, 403);
    assert_eq!(sign_in("three").await, 200);
    assert_refused(&server.cli_with(&["account", "passwd", "ann"], "\n").await, "empty");
    assert_refused(&server.cli_with(&["account", "passwd", "nobody"], "x\n").await, "unfile: no account nobody\n");
    assert_refused(&server.cli_with(&["account", "passwd", "ann"], &"x".repeat(2000)).await, "longer");
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() {
    let server = Server::start().await;
    server.account("ann").await;
    let added: Value = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json();
    let key = added["key"].as_str().unwrap();
    assert_eq!(statuses(&server, key).await, (200, 403));
    let listed = lines(&server.cli(&["key", "list", "ann", "--json"]).await);
    assert_eq!(listed.len(), 2, "the account's first key and this one");
    let found = listed.iter().find(|listed| listed["id"] == added["id"]).unwrap();
    assert_eq!(
        (&found["prefix"], &found["read_only"], &found["revoked"]),
        (&json!(&key[..4]), &json!(true), &json!(false))
    );
    assert!(!server.cli(&["key", "list", "ann"]).await.stdout.contains(key), "a list never shows a key");
    assert_eq!(server.cli(&["key", "revoke", &added["id"].to_string()]).await.status, 0);
    assert_eq!(statuses(&server, key).await, (401, 401));
    assert_refused(&server.cli(&["key", "revoke", "9999"]).await, "unfile: no key 9999, or it has ended\n");
    assert_refused(&server.cli(&["key", "add", "nobody"]).await, "unfile: no account nobody\n");
    assert_refused(&server.cli(&["key", "list", "nobody"]).await, "unfile: no account nobody\n");
}

#[tokio::test]
async fn a_key_ends_with_its_time() {
    let server = Server::start().await;
    server.account("ann").await;
    let added: Value = server.cli(&["key", "add", "ann", "--expires", "2h", "--json"]).await.json();
    let key = added["key"].as_str().unwrap();
    assert!(added["expires_at"].as_str().unwrap().ends_with('Z'), "{added}");
    assert_eq!(statuses(&server, key).await, (200, 200));
    server.advance(std::time::Duration::from_secs(2 * 3600)).await;
    assert_eq!(statuses(&server, key).await, (401, 401));
}

#[tokio::test]
async fn a_hold_is_set_listed_and_lifted() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bearer = format!("Bearer {}", ann.key);
    let upload = r#"{"Filename":"a.txt","MimeType":"text/plain","FileData":"YQ=="}"#;
    let reply = server.send(Method::POST, "/files/upload", &[("authorization", &bearer)], upload).await;
    let uid = reply.json()["Data"]["FileToken"].as_str().unwrap().to_owned();
    let delete = async || {
        let body = json!({"FileToken": uid}).to_string();
        server.send(Method::POST, "/files/delete", &[("authorization", &bearer)], body).await.status
    };
    let hold = ["hold", "add", &uid, "--reason", "case 17", "--until", "2999-01-01"];
    assert_eq!(server.cli(&hold).await.status, 0);
    let listed = lines(&server.cli(&["hold", "list", "--json"]).await);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["uid"], json!(uid));
    assert_eq!((&listed[0]["reason"], &listed[0]["until"]), (&json!("case 17"), &json!("2999-01-01T00:00:00Z")));
    assert_eq!(delete().await, 403);
    assert_eq!(server.cli(&["hold", "remove", &uid.replace('-', "")]).await.status, 0);
    assert_eq!(server.cli(&["hold", "list"]).await.stdout.lines().count(), 1, "the head alone");
    assert_eq!(delete().await, 200);
    assert_refused(
        &server.cli(&["hold", "add", "00000000-0000-4000-8000-000000000000"]).await,
        "unfile: no file with this uid\n",
    );
    assert_refused(&server.cli(&["hold", "remove", &uid]).await, "unfile: no hold on this file\n");
    assert_refused(&server.cli(&["hold", "add", &uid, "--until", "2001-01-01"]).await, "ended");
    assert_eq!(server.cli(&["hold", "add", "no-uid"]).await.status, 2);
}

#[tokio::test]
async fn a_command_without_an_installation_could_not_run() {
    let server = Server::start_embedded().await;
    let nowhere = server.data().join("nowhere");
    let output = server.cli(&["account", "list", "--data", nowhere.to_str().unwrap()]).await;
    assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
    assert!(!nowhere.exists(), "nothing is made by mistake");
    assert_eq!(server.cli(&["account", "nonsense"]).await.status, 2);
    assert_eq!(server.cli(&["--version"]).await.stdout, format!("unfile {}\n", env!("CARGO_PKG_VERSION")));
}

/// The system's user "nobody", for whom files can be out of reach even when root runs the tests.
const NOBODY: u32 = 65_534;

#[tokio::test]
async fn a_command_that_may_not_write_the_database_names_it() {
    let server = Server::start_embedded().await;
    server.stop().await;
    let data = server.data();
    let database = data.join("unfile.db");
    let set_mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    set_mode(data.parent().unwrap(), 0o755);
    // Where this program was built may be out of reach for others.
    let program = data.with_file_name("unfile");
    std::fs::copy(binary(), &program).unwrap();
    set_mode(&program, 0o755);
    // The file may be read alone; the file may be written and its directory not; neither may be seen.
    for (of_data, of_database) in [(0o555, 0o444), (0o555, 0o666), (0o000, 0o666)] {
        set_mode(&database, of_database);
        set_mode(data, of_data);
        let mut command = Command::new(&program);
        without_own_variables(&mut command).args(["account", "add", "ann", "--data"]).arg(data);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY);
        }
        let output = finish(command, String::new()).await;
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
        let start = format!("unfile: database: {}: ", database.display());
        assert!(output.stderr.starts_with(&start), "{output:?}");
        assert!(!output.stderr.contains("error returned from"), "{output:?}");
        set_mode(data, 0o700);
    }
}
