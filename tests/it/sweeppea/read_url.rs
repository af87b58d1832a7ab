//! `POST /files/getFileUrl` and the URLs it hands out: sweeppea.md 4.3, acceptance case 14.

use std::time::Duration;

use reqwest::Method;

use super::*;

const HELP: &str = r#""Help":{"ExpectedBody":{"FileToken":"string (required) — UUID v4 of the file to generate URL for","Mode":"string (optional) — \"download\" (forces attachment) or \"preview\" (inline). Default: \"preview\"","ExpiresIn":"number (optional) — URL lifetime in seconds. Range: 60–3600. Default: 900 (15 minutes)"}}"#;

async fn url_with(server: &Server, key: &str, token: &str, more: Value) -> Reply {
    let mut body = more;
    body["FileToken"] = json!(token);
    post(server, key, "/files/getFileUrl", body.to_string()).await
}

#[tokio::test]
async fn a_url_answers_as_the_vendors_page_and_reads_the_file() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bytes: Vec<u8> = (0..REPORT).map(|n| n as u8).collect();
    let token = upload(&server, &ann.key, "report.pdf", "application/pdf", &bytes).await;
    let reply = file_url(&server, &ann.key, &token).await;
    let data = reply.json()["Data"].clone();
    let [url, end] = ["Url", "ExpiresAt"].map(|member| text(&data[member]));
    assert_date(&data["ExpiresAt"]);
    assert!(end.ends_with(".000Z"), "{end}");
    assert!(url.starts_with(&server.url(&format!("/s3/sweeppea/{token}/report.pdf?mode=preview&expires="))), "{url}");
    assert_reply(
        &reply,
        200,
        &format!(
            r#"{{"Response":true,"Telemetry":{{"DataConsumed":0,"APICalls":2,"MaxAPICalls":1500000}},"Data":{{"FileToken":"{token}","Filename":"report.pdf","MimeType":"application/pdf","Size":34980,"SizeMB":0.03,"Mode":"preview","Url":"{url}","ExpiresIn":900,"ExpiresAt":"{end}"}},"Message":"(OK) File URL generated successfully."}}"#
        ),
    );
    let read = get(&server, &url).await;
    assert_eq!((read.status, &read.body[..]), (200, &bytes[..]));
    let head = server.send(Method::HEAD, &url, &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-type", "content-length", "content-disposition"] {
        assert_eq!(head.header(name), read.header(name), "{name}");
    }
    assert_eq!(calls_of(&post(&server, &ann.key, "/files/fetch", "").await), 3, "reading is no call");
}

#[tokio::test]
async fn bytes_come_with_their_fences() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    for (name, media_type, preview) in [
        ("a.png", "image/png", "inline"),
        ("a.jpg", "image/jpeg", "inline"),
        ("b.jpg", "image/jpg", "inline"),
        ("a.gif", "image/gif", "inline"),
        ("a.webp", "image/webp", "inline"),
        ("a.bmp", "image/bmp", "inline"),
        ("b.bmp", "image/x-ms-bmp", "inline"),
        ("a.txt", "text/plain", "inline"),
        ("a.pdf", "application/pdf", "inline"),
        ("a.svg", "image/svg+xml", "attachment"),
        ("a.csv", "text/csv", "attachment"),
        ("b.csv", "application/csv", "attachment"),
        ("a.docx", docx, "attachment"),
    ] {
        let token = upload(&server, &ann.key, name, media_type, b"x").await;
        for (mode, kind) in [("preview", preview), ("download", "attachment")] {
            let reply = url_with(&server, &ann.key, &token, json!({"Mode": mode})).await;
            assert_eq!(reply.json()["Data"]["Mode"], json!(mode));
            let read = get(&server, &text(&reply.json()["Data"]["Url"])).await;
            assert_eq!(read.header("content-type"), media_type);
            let disposition = read.header("content-disposition");
            assert!(disposition.starts_with(&format!("{kind}; filename=\"{name}\"")), "{disposition}");
            assert_eq!(read.header("x-content-type-options"), "nosniff");
            let policy = match (name, kind) {
                ("a.pdf", "inline") => "default-src 'none'",
                _ => "sandbox; default-src 'none'",
            };
            assert_eq!(read.header("content-security-policy"), policy, "{name} {mode}");
        }
    }
}

#[tokio::test]
async fn a_wrong_member_is_named() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let refused = |message: &str| format!(r#"{{"Response":false,"Message":"{message}",{HELP}}}"#);
    for body in ["", "{}", r#"{"FileToken":7}"#] {
        let reply = post(&server, &ann.key, "/files/getFileUrl", body).await;
        assert_reply(&reply, 400, &refused("Invalid or Missing FileToken."));
    }
    for mode in [json!("Preview"), json!(""), json!(1)] {
        let reply = url_with(&server, &ann.key, &token, json!({"Mode": mode})).await;
        assert_reply(&reply, 400, &refused("Invalid Mode."));
    }
    for life in [json!(59), json!(3601), json!(60.5), json!("900"), json!(-900)] {
        let reply = url_with(&server, &ann.key, &token, json!({"ExpiresIn": life})).await;
        assert_reply(&reply, 400, &refused("Invalid ExpiresIn."));
    }
    for life in [60, 3600] {
        let reply = url_with(&server, &ann.key, &token, json!({"ExpiresIn": life})).await;
        assert_eq!(reply.json()["Data"]["ExpiresIn"], json!(life));
    }
    let calls = calls_of(&post(&server, &ann.key, "/files/fetch", "").await);
    let nobodys = file_url(&server, &ann.key, NOT_THERE).await;
    assert_reply(&nobodys, 404, &not_found_body(calls + 1));
}

#[tokio::test]
async fn a_url_ends_and_cannot_be_forged() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let url = text(&url_with(&server, &ann.key, &token, json!({"ExpiresIn": 60})).await.json()["Data"]["Url"]);
    let other = upload(&server, &ann.key, "b.txt", "text/plain", b"b").await;
    let unsigned = url.split_once("&signature").unwrap().0.to_owned();
    for forged in [
        url.replace("preview", "download"),
        url.replace("expires=", "expires=9"),
        url.replace(&token, &other),
        url.replace("signature=", "signature=00"),
        unsigned,
        url.split_once('?').unwrap().0.to_owned(),
    ] {
        let reply = get(&server, &forged).await;
        assert_eq!(reply.status, 403, "{forged}");
        assert!(reply.text().contains("<Code>SignatureDoesNotMatch</Code>"), "{}", reply.text());
    }
    server.advance(Duration::from_secs(50)).await;
    assert_eq!(get(&server, &url).await.status, 200);
    server.advance(Duration::from_secs(10)).await;
    let ended = get(&server, &url).await;
    assert_eq!(ended.status, 403);
    assert_eq!(
        ended.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    );
}

#[tokio::test]
async fn whatever_is_wrong_with_a_url_is_told_as_s3_does() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let url = url_of(&server, &ann.key, &token).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"] {
        let reply = server.send(method.parse().unwrap(), &url, &[], "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{method}");
        assert_eq!(reply.header("content-type"), "application/xml");
        assert_eq!(
            reply.text(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>MethodNotAllowed</Code><Message>The specified method is not allowed against this resource.</Message></Error>"
        );
    }
    // The name in it is not looked at, whatever it is.
    for name in ["%ff", "%C3%28", "%00"] {
        assert_eq!(get(&server, &url.replace("report.pdf", name)).await.status, 200, "{name}");
    }
    let nameless = url.replace("/report.pdf", "");
    for (wrong, status, code) in [
        (url.replace("report.pdf", "%ff").replace("signature=", "signature=0"), 403, "SignatureDoesNotMatch"),
        (url.replace(&token, "%ff"), 403, "SignatureDoesNotMatch"),
        (nameless, 404, "NoSuchKey"),
        (server.url("/s3/sweeppea"), 404, "NoSuchKey"),
        (url.replace("/report.pdf", "/a/b"), 404, "NoSuchKey"),
    ] {
        let reply = get(&server, &wrong).await;
        assert_eq!((reply.status, reply.header("content-type")), (status, "application/xml"), "{wrong}");
        assert!(reply.text().contains(&format!("<Code>{code}</Code>")), "{}", reply.text());
    }
    assert_eq!(get(&server, &url).await.status, 200);
}

#[tokio::test]
async fn a_url_outlives_a_restart() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let url = url_of(&server, &ann.key, &token).await;
    server.stop().await;
    server.start_again().await;
    assert_eq!(get(&server, &url).await.status, 200);
}
