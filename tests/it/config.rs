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

#[tokio::test]
async fn a_wrong_value_is_told_in_one_line_that_names_the_setting() {
    for (setting, value, says) in [
        ("listen", "nowhere", "--listen"),
        ("database", "postgres://u@h/d", "PostgreSQL is not in this version"),
        ("database", "mysql://x", "--database"),
        ("objects", "s3://bucket/prefix", "S3 is not in this version"),
        ("public-url", "files.example", "--public-url"),
        ("presign-ttl", "3 hours", "--presign-ttl"),
        ("presign-ttl", "8d", "presign-ttl"),
        ("presign-ttl", "0s", "presign-ttl"),
        ("hexnode-rate", "-1", "--hexnode-rate"),
        ("default-quota", "5 GB", "--default-quota"),
        ("max-connections", "0", "max-connections"),
        ("tls-cert", "/dev/null", "tls-key"),
        ("tls-key", "/dev/null", "tls-cert"),
        ("data", "/dev/null/x", "data"),
    ] {
        let as_flag = refused(&[&format!("--{setting}={value}")], &[]).await;
        let variable = format!("UNFILE_{}", setting.to_uppercase().replace('-', "_"));
        let as_variable = match setting {
            "data" => continue,
            _ => refused(&[], &[(&variable, value)]).await,
        };
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("unfile.toml");
        std::fs::write(&file, format!("{} = {value:?}\n", setting.replace('-', "_"))).unwrap();
        let in_file = refused(&["--config", file.to_str().unwrap()], &[]).await;
        for output in [as_flag, as_variable, in_file] {
            assert_eq!(output.status, 2, "{setting}: {output:?}");
            assert_eq!(output.stderr.lines().count(), 1, "{setting}: {output:?}");
            assert!(output.stderr.starts_with("unfile: ") && output.stderr.contains(says), "{setting}: {output:?}");
            assert_eq!(output.stdout, "", "{setting}");
        }
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
        ("[vault]\nenabled = \"no\"\n", "vault"),
        ("[vault]\ncolour = 1\n", "vault: unknown field `colour`"),
        ("[hexnode]\nlisten = \"x\"\n", "hexnode"),
        ("[hexnode]\npublic-url = \"x\"\n", "hexnode.public-url"),
        ("[oracle]\nenabled = true\n", "oracle: there is no such setting"),
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
