//! The README's quick start, as it stands there, against the release build.

use std::process::Command;

use crate::support::{Output, Server, finish, free_port};

/// The lines of every block of a README's section that is marked as shell.
pub(crate) fn lines_to_paste(section: &str) -> String {
    let (mut lines, mut heading, mut inside) = (String::new(), "", false);
    for line in include_str!("../../README.md").lines() {
        match line {
            "```sh" => inside = heading == section,
            "```" => inside = false,
            _ if inside => lines.extend([line, "\n"]),
            _ => heading = line.strip_prefix("## ").unwrap_or(heading),
        }
    }
    assert!(!lines.is_empty(), "{section} is not there");
    lines
}

/// Pastes the quick start where `unfile-data` lies, as for somebody who started the server there.
pub(crate) async fn paste_beside(server: &Server, url: String) -> Output {
    let mut shell = Command::new("timeout");
    shell
        .args(["120", "sh", "-c", &lines_to_paste("Quick start")])
        .current_dir(server.data().parent().unwrap())
        .env("UNFILE_URL", url)
        .env_remove("http_proxy");
    finish(shell, String::new()).await
}

pub(crate) async fn assert_all_came_and_went(output: &Output, server: &Server) {
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{output:?}");
    let said = &output.stdout;
    for answer in [
        r#"{"message":"Files are Deleted Successfully"}  the bytes are gone"#,
        r#""success_counter":1}  the bytes are gone"#,
        r#""Message":"(OK) File deleted successfully."}  the bytes are gone"#,
        r#"","type":"file"}"#,
        r#""StatusCode":"0""#,
        r#""ResultSets":{}}  the bytes are gone"#,
        r#""progress":100,"#,
        r#""Title":"letter.txt","Access":0,"Shared":false}],"folders":[]}]}  the bytes are gone"#,
    ] {
        assert!(said.contains(answer), "{answer} in {said}");
    }
    let stored = said.lines().filter(|line| line.starts_with("unfile-data/objects/")).count();
    assert_eq!(said.matches("  the bytes are gone").count(), 5, "{said}");
    assert_eq!(stored, 5, "each upload was seen in storage: {said}");
    assert_eq!(server.objects().await, [""; 0]);
}

#[tokio::test]
async fn the_quick_start_does_what_it_says() {
    let server = Server::start_release().await;
    let output = paste_beside(&server, server.url("")).await;
    assert_all_came_and_went(&output, &server).await;
}

#[tokio::test]
async fn the_quick_start_claims_nothing_where_nothing_was_stored() {
    let server = Server::start_release().await;
    let output = paste_beside(&server, format!("http://127.0.0.1:{}", free_port())).await;
    assert_ne!(output.status, 0, "{output:?}");
    assert_eq!(output.stdout.matches("NOT STORED").count(), 5, "{output:?}");
    assert!(!output.stdout.contains("gone"), "{output:?}");
}
