//! Settings: flag before environment before file, and one clear line for what is wrong.

use std::{path::Path, process::Command};

use crate::support::{Output, Started, binary, finish, free_port, start_command, without_own_variables};

fn serve(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary());
    without_own_variables(&mut command)
        .arg("serve")
        .args(args)
        .env("UNFILE_DATA", data)
        .env("RUST_LOG", "warn")
        .envs(env.iter().copied());
    command
}

/// The exit of a server that must not start.
async fn refused(args: &[&str], env: &[(&str, &str)]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    match start_command(serve(&dir.path().join("data"), args, env)).await {
        Started::Ended(output) => output,
        Started::Ready(_) => panic!("started with {args:?} {env:?}"),
    }
}

#[tokio::test]
async fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let addresses: Vec<_> = (0..3).map(|_| format!("127.0.0.1:{}", free_port())).collect();
    let file = dir.path().join("unfile.toml");
    std::fs::write(&file, format!("listen = \"{}\"\ndefault_quota = 1000\n", addresses[0])).unwrap();
    let config = ("UNFILE_CONFIG", file.to_str().unwrap());
    let variable = ("UNFILE_LISTEN", addresses[1].as_str());
    let flag = ["--listen", addresses[2].as_str()];
    for (address, flags, variables) in [(&addresses[0], 0, 1), (&addresses[1], 0, 2), (&addresses[2], flag.len(), 2)] {
        let (args, env) = (&flag[..flags], &[config, variable][..variables]);
        let started = start_command(serve(&dir.path().join("data"), args, env)).await;
        let Started::Ready(child) = started else { panic!("did not start with {args:?} {env:?}") };
        assert_eq!(child.url, format!("http://{address}"));
        assert_eq!(child.terminate().await, Some(0));
    }
}

#[tokio::test]
async fn commands_read_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("unfile.toml");
    let text = format!("data = {:?}\ndefault-quota = \"3MiB\"\nlisten = \"127.0.0.1:0\"\n", data.display().to_string());
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let mut command = Command::new(binary());
    without_own_variables(&mut command).args(["serve", "--config", file]).env("RUST_LOG", "warn");
    let Started::Ready(_child) = start_command(command).await else { panic!("did not start") };
    for (args, quota) in
        [(&["account", "add", "ann"][..], 3 << 20), (&["account", "add", "ben", "--default-quota", "7"], 7)]
    {
        let mut command = Command::new(binary());
        without_own_variables(&mut command).args(args).args(["--config", file]);
        assert_eq!(finish(command, String::new()).await.status, 0);
        let mut command = Command::new(binary());
        without_own_variables(&mut command).args(["account", "--config", file, "list", "--json"]);
        let listed = finish(command, String::new()).await.stdout;
        let last: serde_json::Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
        assert_eq!((&last["name"], &last["quota"]), (&args[2].into(), &quota.into()), "{listed}");
    }
}

/// The exits of a server with a wrong setting: as a flag, as a variable and in a file. Each is one line.
async fn refused_thrice(setting: &str, value: &str, file: &Path) -> [String; 3] {
    std::fs::write(file, format!("{} = {value:?}\n", setting.replace('-', "_"))).unwrap();
    let outputs = [
        refused(&[&format!("--{setting}={value}")], &[]).await,
        refused(&[], &[(&variable(setting), value)]).await,
        refused(&["--config", file.to_str().unwrap()], &[]).await,
    ];
    outputs.map(|output| one_line(&output))
}

fn variable(setting: &str) -> String {
    format!("UNFILE_{}", setting.to_uppercase().replace('-', "_"))
}

fn one_line(output: &Output) -> String {
    assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.starts_with("unfile: "), "{output:?}");
    output.stderr.clone()
}

#[tokio::test]
async fn a_wrong_value_is_told_in_one_line_that_says_where_it_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("unfile.toml");
    for (setting, value, says) in [
        ("listen", "localhost:8080", "expected an IP address and port such as 127.0.0.1:8080"),
        ("listen", ":8080", "expected an IP address and port such as 127.0.0.1:8080"),
        ("listen", "8080", "expected an IP address and port such as 127.0.0.1:8080"),
        ("database", "mysql://x", "expected sqlite:PATH"),
        ("objects", "s3://bucket/a b", "expected s3://BUCKET"),
        ("public-url", "files.example", "expected http://HOST"),
        ("presign-ttl", "3 hours", "expected a time"),
        ("presign-ttl", "8d", "must be 1s to 7d"),
        ("presign-ttl", "0s", "must be 1s to 7d"),
        ("hexnode-rate", "-1", "-1 is not in 0.."),
        ("purge-rate", "-1", "-1 is not in 0.."),
        ("purge-rate", "fast", "invalid digit"),
        ("default-quota", "5 GB", "expected a size"),
        ("max-connections", "0", "0 is not in 1.."),
    ] {
        let [as_flag, as_variable, in_file] = refused_thrice(setting, value, &file).await;
        for line in [&as_flag, &as_variable, &in_file] {
            assert!(line.contains(says) && line.contains(&format!("'{value}'")), "{line}");
        }
        assert!(as_flag.contains(&format!("for '--{setting} <")), "{as_flag}");
        assert!(as_variable.starts_with(&format!("unfile: {}: invalid value", variable(setting))), "{as_variable}");
        let place = format!("unfile: {}: {setting}: invalid value", file.display());
        assert!(in_file.starts_with(&place), "{in_file}");
    }
}

#[tokio::test]
async fn a_wrong_value_is_blamed_on_the_one_who_gave_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("unfile.toml");
    let config = ["--config", file.to_str().unwrap()];
    std::fs::write(&file, "listen = \"wrong\"\n").unwrap();
    let line = one_line(&refused(&[&config[..], &["--listen", "127.0.0.1:0"]].concat(), &[]).await);
    assert!(line.contains("unfile.toml: listen: "), "{line}");
    std::fs::write(&file, "listen = \"127.0.0.1:0\"\n").unwrap();
    let line = one_line(&refused(&[&config[..], &["--listen", "wrong"]].concat(), &[]).await);
    assert!(line.contains("'--listen <ADDR>'") && !line.contains("unfile.toml"), "{line}");
    let line = one_line(&refused(&config, &[("UNFILE_LISTEN", "wrong")]).await);
    assert!(line.starts_with("unfile: UNFILE_LISTEN: ") && !line.contains("--listen"), "{line}");
}

#[tokio::test]
async fn settings_that_do_not_fit_together_are_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("unfile.toml");
    for (setting, other) in [("tls-cert", "tls-key"), ("tls-key", "tls-cert")] {
        for line in refused_thrice(setting, "/dev/null", &file).await {
            assert!(line.contains(&format!("{setting} is set and {other} is not")), "{line}");
        }
    }
    assert!(one_line(&refused(&["--data=/dev/null/x"], &[]).await).starts_with("unfile: data: /dev/null/x"));
}

#[tokio::test]
async fn an_empty_variable_names_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let env = [("UNFILE_CONFIG", ""), ("UNFILE_LISTEN", "127.0.0.1:0")];
    let Started::Ready(child) = start_command(serve(dir.path(), &[], &env)).await else { panic!("did not start") };
    assert_eq!(child.terminate().await, Some(0));
    assert_eq!(one_line(&refused(&["--config="], &[]).await), "unfile: --config: expected the name of a file\n");
}

/// A certificate and its key, in two files of this name.
async fn certificate(dir: &Path, name: &str) -> [String; 2] {
    let files = ["cert", "key"].map(|kind| dir.join(format!("{name}-{kind}.pem")).display().to_string());
    let mut openssl = Command::new("openssl");
    openssl.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost".split(' '));
    openssl.args(["-out", &files[0], "-keyout", &files[1]]);
    let output = finish(openssl, String::new()).await;
    assert_eq!(output.status, 0, "{output:?}");
    files
}

#[tokio::test]
async fn a_wrong_certificate_or_key_is_told_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let [cert, key] = certificate(dir.path(), "one").await;
    let [_, other_key] = certificate(dir.path(), "two").await;
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name).display().to_string();
        std::fs::write(&path, text).unwrap();
        path
    };
    let junk = file("junk", "nonsense");
    let broken = file("broken", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    let hollow = file("hollow", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n");
    let no_key = file("no-key", "-----BEGIN PRIVATE KEY-----\nYQ==\n-----END PRIVATE KEY-----\n");
    for (cert, key, says) in [
        (&junk, &key, format!("tls-cert: {junk}: holds no certificate in PEM form")),
        (&cert, &junk, format!("tls-key: {junk}: holds no private key in PEM form")),
        (&broken, &key, format!("tls-cert: {broken}: is not PEM: ")),
        (&hollow, &key, format!("tls-cert: {hollow}: ")),
        (&cert, &no_key, format!("tls-key: {no_key}: holds a private key that is damaged or of an unknown kind")),
        (&key, &cert, format!("tls-cert: {key}: holds a private key and no certificate")),
        (&cert, &cert, format!("tls-key: {cert}: holds a certificate and no private key")),
        (&cert, &other_key, format!("tls-key: {other_key}: is not the key of the certificate {cert}")),
    ] {
        let line = one_line(&refused(&["--listen=127.0.0.1:0", "--tls-cert", cert, "--tls-key", key], &[]).await);
        assert!(line.starts_with(&format!("unfile: {says}")), "{line}");
    }
}

#[tokio::test]
async fn a_wrong_file_is_told_in_one_line_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("unfile.toml");
    for (text, says) in [
        ("listen = ", "line 1"),
        ("data = \"x\"\ncolour = \"red\"\n", "colour: there is no such setting"),
        ("config = \"other\"\n", "config: there is no such setting"),
        ("listen = true\n", "listen: must be text or a whole number"),
        ("[vault]\nenabled = \"no\"\n", "vault.enabled: invalid value \"no\": must be true or false"),
        ("[vault]\ncolour = 1\n", "vault.colour: there is no such setting"),
        (
            "[vault]\nlisten = \"localhost:8080\"\n",
            "vault.listen: invalid value \"localhost:8080\": expected an IP address and port such as 127.0.0.1:8080",
        ),
        ("[hexnode]\nlisten = 8080\n", "hexnode.listen: invalid value 8080: must be text"),
        ("vault = true\n", "vault: must be a table"),
        ("[hexnode]\npublic-url = \"x\"\n", "hexnode.public-url"),
        ("[dropbox]\nenabled = true\n", "dropbox: there is no such setting"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = refused(&["--config", file.to_str().unwrap()], &[]).await;
        assert_eq!(output.status, 2, "{text}: {output:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{text}: {output:?}");
        let line = &output.stderr;
        assert!(line.contains("unfile.toml") && line.contains(says), "{text}: {line}");
    }
    let output = refused(&["--config", "/nowhere/unfile.toml"], &[]).await;
    assert!(output.stderr.contains("/nowhere/unfile.toml"), "{output:?}");
}

#[tokio::test]
async fn a_wrong_secret_is_told_without_showing_it() {
    for (variable, value) in [
        ("UNFILE_ADMIN_KEY", "tooshort"),
        ("UNFILE_ADMIN_KEY", "abcdefghijklmnopqrstuvwxyz012!"),
        ("UNFILE_ADMIN_PASSWORD", ""),
        ("UNFILE_ADMIN_PASSWORD", "two\nlines"),
    ] {
        let output = refused(&[], &[(variable, value)]).await;
        assert_eq!((output.status, output.stderr.lines().count()), (2, 1), "{output:?}");
        assert!(output.stderr.contains(variable), "{output:?}");
        assert!(value.is_empty() || !output.stderr.contains(value), "{output:?}");
    }
}

/// Every flag and every variable of `serve` stands in the table of docs/operations.md, and the table has no other.
#[tokio::test]
async fn every_setting_is_described() {
    let mut command = Command::new(binary());
    without_own_variables(&mut command).args(["serve", "--help"]);
    let help = finish(command, String::new()).await.stdout;
    let page = include_str!("../../docs/operations.md");
    let mut in_help = Vec::new();
    for line in help.lines().filter(|line| line.contains("[env: ")) {
        let flag = line.split_whitespace().find(|word| word.starts_with("--")).unwrap();
        let variable = line.split("[env: ").nth(1).unwrap().split('=').next().unwrap();
        in_help.push(flag.to_owned());
        for word in [flag, variable] {
            assert!(page.contains(&format!("`{word}`")), "{word} is not described");
        }
    }
    assert!(in_help.len() > 10, "{help}");
    for row in page.lines().filter(|line| line.starts_with("| `--")) {
        let flags = row.split('|').nth(1).unwrap();
        for flag in flags.split(',').map(|flag| flag.trim().trim_matches('`')) {
            assert!(in_help.iter().any(|known| known == flag), "{flag} is described and does not exist");
        }
    }
}
