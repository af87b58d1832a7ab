//! The server as a process: its ready line, health, readiness, figures, description, start, stop and limits.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs::File,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    process::Command,
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Method};
use rustix::{
    fs::OFlags,
    process::{Pid, Signal, kill_process},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use crate::{
    support::{Server, Started, finish, free_port, start_command, wait_until, without_own_variables},
    vault,
};

async fn get(server: &Server, path: &str) -> (u16, String) {
    let reply = server.send(Method::GET, path, &[], "").await;
    (reply.status, reply.text())
}

#[tokio::test]
async fn health_and_readiness() {
    let server = Server::start().await;
    assert_eq!(get(&server, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&server, "/readyz").await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn not_ready_while_storage_is_away_and_healthy_all_the_same() {
    let server = Server::start().await;
    server.storage_down().await;
    let (status, reason) = get(&server, "/readyz").await;
    assert_eq!(status, 503);
    assert!(reason.contains("objects"), "{reason}");
    assert_eq!(get(&server, "/healthz").await.0, 200);
    server.storage_up().await;
    assert_eq!(get(&server, "/readyz").await.0, 200);
}

#[tokio::test]
async fn every_answer_carries_a_request_id_of_its_own() {
    let server = Server::start().await;
    let mut seen = BTreeSet::new();
    for (method, path) in [
        (Method::GET, "/healthz"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/vault_rest/nowhere"),
        (Method::GET, "/vault_rest/version"),
        (Method::POST, "/files/delete"),
        (Method::PATCH, "/files/delete"),
        (Method::PUT, "/s3/hexnode/x"),
        (Method::POST, "/api/v1/filemanagement/delete-files/"),
        (Method::POST, "/_testing/panic"),
    ] {
        let reply = server.send(method, path, &[], "").await;
        assert_eq!(reply.header("x-request-id").len(), 36, "{path}");
        assert!(seen.insert(reply.header("x-request-id").to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_the_server_lives_on() {
    let server = Server::start().await;
    let reply = server.send(Method::POST, "/_testing/panic", &[], "").await;
    assert_eq!((reply.status, reply.text().as_str()), (500, "internal server error\n"));
    assert_eq!(get(&server, "/healthz").await.0, 200);
}

#[tokio::test]
async fn unknown_paths_are_not_found_in_the_words_of_whose_they_are() {
    let server = Server::start().await;
    assert_eq!(get(&server, "/nowhere").await, (404, "not found\n".to_owned()));
    let hexnode = (404, r#"{"detail":"Not found."}"#.to_owned());
    assert_eq!(get(&server, "/api/v1/filemanagement/nowhere").await, hexnode);
    let sweeppea = (404, r#"{"Response":false,"Message":"Not Found","Code":404}"#.to_owned());
    assert_eq!(get(&server, "/files/nowhere").await, sweeppea);
    let (status, vault) = get(&server, "/vault_rest/nowhere").await;
    assert_eq!(status, 404);
    assert!(vault.contains(r#""status_code":"NotFound""#), "{vault}");
}

#[tokio::test]
async fn figures_count_requests_and_what_waits() {
    let server = Server::start().await;
    get(&server, "/healthz").await;
    server.send(Method::from_bytes(b"BREW").unwrap(), "/files/delete", &[], "").await;
    let (status, figures) = get(&server, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"unfile_requests_total{dialect="server",method="GET",route="/healthz",status="200"} 1"#,
        r#"unfile_requests_total{dialect="sweeppea",method="other",route="/files/delete",status="405"} 1"#,
        "unfile_purge_pending 0",
        "unfile_purge_overdue 0",
        "unfile_accounts 1",
        "unfile_used_bytes 0",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line} in {figures}");
    }
}

#[tokio::test]
async fn where_others_can_listen_figures_need_an_administrators_key() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = dir.path().join("unfile.toml");
    std::fs::write(&file, format!("[vault]\nlisten = \"0.0.0.0:{port}\"\n")).unwrap();
    let server = Server::start_with(&[("UNFILE_CONFIG", file.to_str().unwrap())]).await;
    let url = format!("http://127.0.0.1:{port}/metrics");
    let ann = server.account("ann").await;
    for (key, status) in
        [(None, 401), (Some("nonsense".to_owned()), 401), (Some(ann.key), 403), (Some(server.admin_key()), 200)]
    {
        let bearer = format!("Bearer {}", key.clone().unwrap_or_default());
        let headers: &[(&str, &str)] = match key {
            Some(_) => &[("authorization", &bearer)],
            None => &[],
        };
        assert_eq!(server.send(Method::GET, &url, headers, "").await.status, status, "{key:?}");
    }
    assert_eq!(get(&server, "/metrics").await.0, 200, "the loopback listener");
}

#[tokio::test]
async fn a_dialect_can_have_its_own_listener_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = dir.path().join("unfile.toml");
    std::fs::write(&file, format!("[hexnode]\nlisten = \"127.0.0.1:{port}\"\n[sweeppea]\nenabled = false\n")).unwrap();
    let server = Server::start_with(&[("UNFILE_CONFIG", file.to_str().unwrap())]).await;
    let list = "/api/v1/filemanagement/";
    let own = format!("http://127.0.0.1:{port}");
    assert_eq!(get(&server, list).await, (404, "not found\n".to_owned()));
    assert_eq!(get(&server, &format!("{own}{list}")).await.0, 401);
    assert_eq!(get(&server, &format!("{own}/vault_rest/version")).await.0, 404);
    assert_eq!(get(&server, "/vault_rest/version").await.0, 403);
    assert_eq!(get(&server, "/files/delete").await, (404, "not found\n".to_owned()));
    // The URLs handed out there lead back there.
    let reply = server
        .send(
            Method::POST,
            &format!("{own}{list}generate-presigned-upload-url/"),
            &[("authorization", &server.admin_key()), ("content-type", "application/json")],
            r#"{"file_name":"a.txt","content_type":"text/plain"}"#,
        )
        .await;
    let url = reply.json()["presigned_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&own), "{url}");
    let put = server.send(Method::PUT, &url, &[("content-type", "text/plain")], "a").await;
    assert_eq!(put.status, 200, "{}", put.text());
}

#[tokio::test]
async fn the_description_names_every_route_and_no_other() {
    let server = Server::start().await;
    let reply = server.send(Method::GET, "/openapi.json", &[], "").await;
    assert_eq!(reply.header("content-type"), "application/json");
    let document = reply.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
            let placeholders = path.matches('{').count();
            let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
            assert_eq!(placeholders, parameters, "{path}");
            if operation["tags"][0] != "server" {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
                described.insert((path.clone(), method.to_uppercase()));
            }
        }
    }
    let mut mounted = BTreeSet::new();
    for (_, routes) in unfile::http::dialects() {
        mounted.extend(routes.iter().map(|route| (route.path.replace("{*", "{"), route.method.to_string())));
    }
    assert_eq!(described, mounted);

    // Every schema that is pointed at is there, and a known one says what is on the wire.
    let text = document.to_string();
    for pointer in text.split(r##""$ref":"#"##).skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let delete = &document["paths"]["/api/v1/filemanagement/delete-files"]["post"];
    assert_eq!(delete["requestBody"]["content"]["application/json"]["example"], json!({"file_ids": [101, 102]}));
    let answer = delete["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
    let schema = document.pointer(answer.trim_start_matches('#')).unwrap();
    assert_eq!((&schema["type"], &schema["required"]), (&json!("object"), &json!(["message"])), "{schema}");
}

#[tokio::test]
async fn the_first_start_leaves_the_administrators_key_in_a_file_and_nowhere_else() {
    let server = Server::start_with(&[("RUST_LOG", "trace")]).await;
    let file = server.data().join("admin-credentials");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let before = std::fs::read_to_string(&file).unwrap();
    let names: Vec<_> = before.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(names, ["UNFILE_ADMIN_NAME", "UNFILE_ADMIN_KEY", "UNFILE_ADMIN_PASSWORD"]);
    let key = server.admin_key();
    assert!(key.len() == 30 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{key}");
    let reply = server.send(Method::GET, "/api/v1/filemanagement/", &[("authorization", &key)], "").await;
    assert_eq!(reply.status, 200);
    for secret in [&key, &server.admin_password()] {
        assert!(!server.log().contains(secret.as_str()), "the log shows {secret}");
    }
    server.stop().await;
    server.start_again().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "the second start changes nothing");
}

#[tokio::test]
async fn the_administrators_key_and_password_can_be_given() {
    let key = "abcdefghijklmnopqrstuvwxyz0123";
    let server = Server::start_with(&[("UNFILE_ADMIN_KEY", key), ("UNFILE_ADMIN_PASSWORD", "it's a secret")]).await;
    let sourced = Command::new("sh")
        .args(["-c", r#". "$1" && printf '%s|%s' "$UNFILE_ADMIN_KEY" "$UNFILE_ADMIN_PASSWORD""#, "sh"])
        .arg(server.data().join("admin-credentials"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&sourced.stdout), format!("{key}|it's a secret"));
    let reply = server.send(Method::GET, "/api/v1/filemanagement/", &[("authorization", key)], "").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn one_server_for_one_data_directory() {
    let server = Server::start().await;
    let Started::Ended(second) = start_command(serve(server.data(), &["--listen", "127.0.0.1:0"])).await else {
        panic!("a second server runs")
    };
    assert_eq!(second.status, 2);
    assert!(second.stderr.contains("data: ") && second.stderr.contains("another server works on it"), "{second:?}");
    assert_eq!(second.stdout, "");
    server.kill().await;
    server.start_again().await;
    assert_eq!(get(&server, "/readyz").await.0, 200);
}

#[tokio::test]
async fn one_server_for_one_database() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(server.data().join("unfile.db"), &link).unwrap();
    for database in [server.data().join("unfile.db"), link] {
        let database = format!("sqlite:{}", database.display());
        let second = serve(&dir.path().join("other"), &["--database", &database, "--listen", "127.0.0.1:0"]);
        let Started::Ended(second) = start_command(second).await else { panic!("two servers on {database}") };
        assert_eq!((second.status, second.stdout.as_str()), (2, ""), "{second:?}");
        assert!(second.stderr.contains("database: ") && second.stderr.contains("another server works on it"));
    }
    assert_eq!(get(&server, "/readyz").await.0, 200);
}

#[tokio::test]
async fn a_taken_port_is_told_and_nothing_is_begun() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("other");
    let listen = format!("127.0.0.1:{}", server.port());
    let Started::Ended(second) = start_command(serve(&data, &["--listen", &listen])).await else {
        panic!("two servers on one port")
    };
    assert_eq!(second.status, 2);
    assert_eq!(second.stderr.lines().count(), 1, "{second:?}");
    assert!(second.stderr.contains("listen") && second.stderr.contains("in use"), "{second:?}");
    assert!(!data.join("unfile.db").exists());
}

/// A body that the test feeds by hand.
pub(crate) fn fed_body() -> (mpsc::UnboundedSender<Bytes>, Body) {
    let (feed, fed) = mpsc::unbounded_channel::<Bytes>();
    let chunks = stream::unfold(fed, |mut fed| async move { Some((Ok::<_, std::io::Error>(fed.recv().await?), fed)) });
    (feed, Body::wrap_stream(chunks))
}

#[tokio::test]
async fn a_stop_lets_a_running_upload_end() {
    let server = Server::start().await;
    let (feed, body) = fed_body();
    let upload = r#"{"Filename":"a.txt","MimeType":"text/plain","FileData":"YQ=="}"#;
    let bearer = format!("Bearer {}", server.admin_key());
    let running = server.http().post(server.url("/files/upload")).header("authorization", bearer).body(body).send();
    let running = tokio::spawn(running);
    feed.send(Bytes::from_static(&upload.as_bytes()[..10])).unwrap();
    let port = server.port();
    // Once a second connection is answered the first one has long been accepted.
    get(&server, "/healthz").await;
    wait_until("the upload has begun", || async { connections(port) >= 1 }).await;
    let (stopped, answer) = tokio::join!(server.stop(), async {
        // The listener is closed first.
        wait_until("no new connections", || async { TcpStream::connect(("127.0.0.1", port)).await.is_err() }).await;
        feed.send(Bytes::from_static(&upload.as_bytes()[10..])).unwrap();
        drop(feed);
        running.await.unwrap().unwrap()
    });
    let () = stopped;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_disk_that_hangs() {
    let server = Server::start().await;
    let key = server.admin_key();
    let file = vault::upload(&server, &key, "", "a.txt", b"abc").await;
    // A pipe that nobody writes to is read for ever, as a file on a disk that has gone away is.
    let object = server.data().join("objects").join(&server.objects().await[0]);
    std::fs::remove_file(&object).unwrap();
    assert!(Command::new("mkfifo").arg(&object).status().unwrap().success());
    let (url, bearer) = (server.url(&format!("/vault_rest/file/{file}")), format!("Bearer {key}"));
    let reading = tokio::spawn(server.http().get(url).header("authorization", bearer).send());
    // Opened like this it is an error for as long as nobody reads.
    let mut pipe = File::options();
    pipe.write(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
    let silent = RefCell::new(None);
    wait_until("the pipe is read", || async {
        silent.replace(pipe.open(&object).ok());
        silent.borrow().is_some()
    })
    .await;
    let pid = Pid::from_raw(server.pid() as i32).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let port = server.port();
    wait_until("no new connections", || async { TcpStream::connect(("127.0.0.1", port)).await.is_err() }).await;
    // The second signal cuts what runs.
    server.stop().await;
    drop(reading);
}

/// Established connections to a local port.
fn connections(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!("0100007F:{port:04X}");
    table.lines().filter(|line| line.split_whitespace().nth(2) == Some(&remote)).count()
}

#[tokio::test]
async fn https_with_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = certificate(dir.path()).await;
    let data = dir.path().join("data");
    let started =
        start_command(serve(&data, &["--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key])).await;
    let Started::Ready(child) = started else { panic!("did not start") };
    assert!(child.url.starts_with("https://127.0.0.1:"), "{}", child.url);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--cacert", &cert, &format!("{}/healthz", child.url.replace("127.0.0.1", "localhost"))]);
    let output = finish(curl, String::new()).await;
    assert_eq!((output.status, output.stdout.as_str()), (0, "ok\n"), "{output:?}");
    assert_eq!(child.terminate().await, Some(0));
}

#[tokio::test]
async fn a_certificate_that_is_none_is_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cert.pem");
    std::fs::write(&file, "nonsense").unwrap();
    let file = file.to_str().unwrap();
    let started = start_command(serve(&dir.path().join("data"), &["--tls-cert", file, "--tls-key", file])).await;
    let Started::Ended(output) = started else { panic!("started") };
    assert_eq!(output.status, 2);
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains("tls-cert"), "{output:?}");
}

fn serve(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(crate::support::binary());
    without_own_variables(&mut command);
    command.arg("serve").arg("--data").arg(data).args(args).env("RUST_LOG", "warn");
    command
}

/// A certificate for `localhost`, good for a day.
async fn certificate(dir: &Path) -> (String, String) {
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert);
    let output = finish(openssl, String::new()).await;
    assert_eq!(output.status, 0, "{output:?}");
    (cert.display().to_string(), key.display().to_string())
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let server = Server::start().await;
    let mut connection = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    connection.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let mut rest = Vec::new();
    // The server's bound is 30 s; this one is only so that a broken bound does not hang the run.
    tokio::time::timeout(Duration::from_secs(60), connection.read_to_end(&mut rest)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_data_directory_may_have_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("my data %20 ?é#");
    let Started::Ready(child) = start_command(serve(&data, &["--listen", "127.0.0.1:0"])).await else {
        panic!("did not start")
    };
    for name in ["unfile.db", "reserve", "objects/unfile-installation", "admin-credentials"] {
        assert!(data.join(name).exists(), "{name}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing beside it");
    assert_eq!(child.terminate().await, Some(0));
}

#[tokio::test]
async fn what_the_server_writes_is_for_its_own_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    // A data directory that somebody else has made, open to all.
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let Started::Ready(child) = start_command(serve(&data, &["--listen", "127.0.0.1:0"])).await else {
        panic!("did not start")
    };
    for entry in std::fs::read_dir(&data).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} {mode:o}", entry.path().display());
    }
    assert_eq!(child.terminate().await, Some(0));
}

#[tokio::test]
async fn a_pause_before_purges_is_no_delay_to_alarm_of() {
    let server = Server::start_with(&[
        ("UNFILE_PURGE_DELAY", "2d"),
        ("UNFILE_OVERDUE_AFTER", "1d"),
        ("UNFILE_SWEEPPEA_RATE", "0"),
    ])
    .await;
    let ann = server.account("ann").await;
    let file = crate::vault::upload(&server, &ann.key, "", "a.txt", b"abc").await;
    crate::vault::delete_files(&server, &ann.key, &[&file]).await;
    server.storage_down().await;
    for (hours, overdue) in [(47, 0), (24, 0), (2, 1)] {
        server.advance(std::time::Duration::from_secs(hours * 3_600)).await;
        let (_, figures) = get(&server, "/metrics").await;
        let line = format!("unfile_purge_overdue {overdue}");
        assert!(figures.lines().any(|found| found == line), "{line} after {hours} more hours in {figures}");
    }
    server.storage_up().await;
}
