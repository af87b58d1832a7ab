//! The files for running many servers: compose.yaml and what it names, the image, the load balancer.

use std::{
    collections::BTreeSet,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{
    quick_start::{assert_all_came_and_went, paste_beside},
    support::{
        Server,
        daemon::{self, Daemon},
        free_port,
    },
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// compose.yaml as a reader of YAML sees it, with its anchors followed.
fn compose() -> Value {
    const AS_JSON: &str = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let interpreters = [daemon::target().join("tools/bin/python"), PathBuf::from("python3")];
    let mut refused = String::new();
    for python in interpreters {
        let file = std::fs::File::open(root().join("compose.yaml")).unwrap();
        match Command::new(python).args(["-c", AS_JSON]).stdin(file).output() {
            Ok(output) if output.status.success() => return serde_json::from_slice(&output.stdout).unwrap(),
            other => refused = format!("{other:?}"),
        }
    }
    panic!("compose.yaml cannot be read; ./test installs the Python package pyyaml: {refused}");
}

/// Names between these two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> BTreeSet<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

/// The words of a list, or the names of an object's members.
fn words(value: &Value) -> BTreeSet<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::Object(members) => members.keys().map(String::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn compose_names_nothing_that_is_not_there() {
    let compose = compose();
    let services = words(&compose["services"]);
    for name in &services {
        let service = &compose["services"][name];
        assert!(service["image"].is_string(), "{name}");
        for other in words(&service["depends_on"]) {
            assert!(services.contains(other), "{name} waits for {other}");
            let waits_for_health = service["depends_on"][other]["condition"] == "service_healthy";
            assert!(!waits_for_health || compose["services"][other]["healthcheck"].is_object(), "{other}");
        }
        for mount in words(&service["volumes"]) {
            let source = mount.split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(file) => assert!(root().join(file).is_file(), "{name} mounts {file}"),
                None => assert!(words(&compose["volumes"]).contains(source), "{name} mounts {source}"),
            }
        }
    }
}

#[test]
fn compose_and_its_example_of_values_name_the_same() {
    let compose = text("compose.yaml");
    let asked = between(&compose, "${", "}").into_iter().map(|name| name.strip_suffix(":?").unwrap_or("none"));
    let example = text("deploy/compose.env.example");
    let given = example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let (mut names, mut empty) = (BTreeSet::new(), BTreeSet::new());
    for (name, value) in given {
        names.insert(name);
        if value.is_empty() {
            empty.insert(name);
        }
    }
    assert_eq!(asked.collect::<BTreeSet<_>>(), names);
    let secrets = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "POSTGRES_PASSWORD",
        "UNFILE_ADMIN_KEY",
        "UNFILE_ADMIN_PASSWORD",
    ];
    assert_eq!(empty, BTreeSet::from(secrets), "no secret has a value that everybody knows");
}

#[test]
fn servers_of_compose_are_set_up_alike_and_known_to_the_balancers() {
    let compose = compose();
    let members = compose["services"].as_object().unwrap();
    let servers: Vec<_> = members.iter().filter(|(_, service)| service["build"].is_string()).collect();
    assert_eq!(servers.len(), 3);
    let settings = text("docs/operations.md");
    for (name, server) in &servers {
        assert_eq!(server["environment"], servers[0].1["environment"]);
        for setting in words(&server["environment"]) {
            let known = settings.contains(&format!("`{setting}`")) || setting.starts_with("AWS_");
            assert!(known, "{setting} is no setting of docs/operations.md");
        }
        // The image answers there.
        assert!(text("Dockerfile").contains("\nEXPOSE 8080\n"));
        for balancer in ["deploy/nginx.conf", "deploy/haproxy.cfg"] {
            assert!(text(balancer).contains(&format!("{name}:8080")), "{balancer} does not know {name}");
        }
    }
}

#[test]
fn the_image_holds_what_it_starts_and_does_not_run_as_root() {
    let image = text("Dockerfile");
    let lines: Vec<Vec<&str>> = image.lines().map(|line| line.split_whitespace().collect()).collect();
    let last = lines.iter().rfind(|words| words.first() == Some(&"FROM")).unwrap();
    assert!(last[1].ends_with(":nonroot"), "{last:?}");
    assert!(image.contains("COPY --from=build /unfile /usr/local/bin/unfile\n"));
    assert!(image.contains("ENTRYPOINT [\"/usr/local/bin/unfile\"]\n"));
    let passed: Vec<String> =
        text(".dockerignore").lines().filter_map(|line| Some(line.strip_prefix('!')?.to_owned())).collect();
    for words in lines.iter().filter(|words| words.first() == Some(&"COPY") && !words[1].starts_with("--from")) {
        for source in &words[1..words.len() - 1] {
            assert!(root().join(source).exists(), "{source}");
            assert!(passed.iter().any(|name| name == source), ".dockerignore keeps {source} away");
        }
    }
    let rust = text("Cargo.toml").lines().find_map(|line| Some(line.strip_prefix("rust-version = ")?.to_owned()));
    assert!(image.contains(&format!("FROM rust:{}-", rust.unwrap().trim_matches('"'))));
}

/// nginx with the repository's configuration, but for addresses and paths.
fn start_nginx(folder: &Path, port: u16, server: &Server) -> Daemon {
    let mut config = text("deploy/nginx.conf")
        .replace("listen 80 ", &format!("listen 127.0.0.1:{port} "))
        .replace("access_log /dev/stdout", &format!("access_log {}/access", folder.display()));
    for name in ["unfile1", "unfile2", "unfile3"] {
        config = config.replace(&format!("{name}:8080"), &format!("127.0.0.1:{}", server.port()));
    }
    // Where the package would have made folders.
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|name| format!("{name}_temp_path {}/{name};", folder.display())).concat();
    config = config.replace("\nhttp {\n", &format!("\nhttp {{\n{temporary}\n"));
    std::fs::write(folder.join("nginx.conf"), config).unwrap();
    let nginx = daemon::program("nginx", &[daemon::target().join("tools/usr/sbin"), "/usr/sbin".into()]);
    let at = |name: &str| folder.join(name).display().to_string();
    // As root it would work as another user, who may not enter the folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let globals = format!("daemon off; pid {}; {user}", at("nginx.pid"));
    let mut command = vec![nginx.display().to_string()];
    for (option, value) in [("-p", at("")), ("-e", at("error")), ("-c", at("nginx.conf")), ("-g", globals)] {
        command.extend([option.to_owned(), value]);
    }
    let is_ready = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    Daemon::start(folder, std::process::id(), "QUIT", &command, is_ready).unwrap()
}

#[tokio::test]
async fn every_api_works_behind_the_balancer() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let server = Server::start_with(&[("UNFILE_PUBLIC_URL", &url)]).await;
    let nginx = start_nginx(folder.path(), port, &server);
    let output = paste_beside(&server, url.clone()).await;
    assert_all_came_and_went(&output, &server).await;
    for hidden in ["/metrics", "/metrics/", "/readyz"] {
        let answer = server.http().get(format!("{url}{hidden}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{hidden}");
    }
    let log = std::fs::read_to_string(folder.path().join("access")).unwrap();
    assert!(log.contains("\"PUT /s3/hexnode/") && !log.contains("X-Amz-Signature"), "{log}");
    nginx.end("QUIT");
}
