//! `POST /files/upload`: sweeppea.md 4.1, acceptance cases 1 and 10.

use super::*;

const HELP: &str = r#""Help":{"ExpectedBody":{"Filename":"string (required) — Original filename with extension (e.g. \"report.pdf\")","MimeType":"string (required) — MIME type of the file (e.g. \"application/pdf\")","FileData":"string (required) — Base64-encoded file content","Private":"boolean (optional) — Whether the file is private (default: true)"}}"#;

const ALLOWED: &str =
    "Allowed types: PDF, DOC, DOCX, XLS, XLSX, PPT, PPTX, TXT, CSV, JPG, JPEG, PNG, GIF, WEBP, SVG, BMP.";

fn refused(message: &str) -> String {
    let message = message.replace('"', "\\\"");
    format!(r#"{{"Response":false,"Message":"{message}"}}"#)
}

#[tokio::test]
async fn an_upload_answers_as_the_vendors_page() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let reply = try_upload(&server, &ann.key, "report.pdf", "application/pdf", &[7; REPORT]).await;
    let data = reply.json()["Data"].clone();
    let [token, category, date] = ["FileToken", "CategoryToken", "CreationDate"].map(|member| text(&data[member]));
    assert_date(&data["CreationDate"]);
    assert_ne!(token, category);
    let account = &ann.uid;
    assert_reply(
        &reply,
        200,
        &format!(
            r#"{{"Response":true,"Telemetry":{{"DataConsumed":0.000033,"APICalls":1,"MaxAPICalls":1500000}},"Data":{{"FileToken":"{token}","Filename":"report.pdf","MimeType":"application/pdf","Size":34980,"SizeMB":0.03,"Path":"{account}/documents/report.pdf","CategoryToken":"{category}","Category":"General","Private":true,"CreationDate":"{date}"}},"Message":"(OK) File uploaded successfully."}}"#
        ),
    );
    let second = try_upload(&server, &ann.key, "b.txt", "text/plain", b"b").await.json();
    assert_eq!(second["Data"]["CategoryToken"], json!(category), "made once");
    assert_eq!(second["Data"]["SizeMB"], json!(0));
}

#[tokio::test]
async fn a_missing_or_wrong_member_is_named_in_the_vendors_order() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let good = json!({"Filename": "a.pdf", "MimeType": "application/pdf", "FileData": "YQ==", "Private": true});
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body.to_string()
    };
    let mut wrong = vec![
        (String::new(), "Filename"),
        ("[]".into(), "Filename"),
        ("{}".into(), "Filename"),
        (json!({"Filename": "a.pdf"}).to_string(), "MimeType"),
        (json!({"Filename": "a.pdf", "MimeType": "application/zip"}).to_string(), "FileData"),
        (with("Filename", json!("a".repeat(252) + ".pdf")), "Filename"),
        (with("Private", json!("yes")), "Private"),
        (with("Private", json!(1)), "Private"),
    ];
    for name in [json!(""), json!("dir/"), json!(".."), json!(7), Value::Null] {
        wrong.push((with("Filename", name), "Filename"));
    }
    for media_type in [json!(""), json!(7), Value::Null] {
        wrong.push((with("MimeType", media_type), "MimeType"));
    }
    for data in ["", "YQ", "YQ==\n", "Y Q==", "!!!!", "__8="] {
        wrong.push((with("FileData", json!(data)), "FileData"));
    }
    wrong.push((with("FileData", json!(["YQ=="])), "FileData"));
    for (body, member) in wrong {
        let reply = post(&server, &ann.key, "/files/upload", body.clone()).await;
        let expected = format!(r#"{{"Response":false,"Message":"Missing or invalid {member}.",{HELP}}}"#);
        assert_eq!((reply.status, reply.text()), (400, expected), "{body}");
    }
    assert!(server.objects().await.is_empty());
    assert!(listed(&server, &ann.key).await.is_empty());
}

#[tokio::test]
async fn a_file_is_private_unless_told_otherwise() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let body = json!({"Filename": "a.txt", "MimeType": "text/plain", "FileData": "YQ==", "Private": false});
    let reply = post(&server, &ann.key, "/files/upload", body.to_string()).await;
    assert_eq!(reply.json()["Data"]["Private"], json!(false));
    assert_eq!(fetch(&server, &ann.key).await["Files"][0]["FileInfo"]["Private"], json!(false));
}

#[tokio::test]
async fn a_type_that_is_not_listed_is_refused() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for (name, media_type) in [
        ("a.zip", "application/zip"),
        ("a.pdf", "application/zip"),
        ("a.zip", "application/pdf"),
        ("pdf", "application/pdf"),
        ("a.html", "text/html"),
    ] {
        assert_reply(
            &try_upload(&server, &ann.key, name, media_type, b"x").await,
            400,
            &refused(&format!("File type \"{media_type}\" is not allowed. {ALLOWED}")),
        );
    }
    assert!(server.objects().await.is_empty());
    upload(&server, &ann.key, "A.PDF", "application/pdf", b"x").await;
}

#[tokio::test]
async fn ten_mebibytes_fit_and_one_byte_more_does_not() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let mut bytes = vec![7; 10 << 20];
    upload(&server, &ann.key, "a.pdf", "application/pdf", &bytes).await;
    bytes.push(7);
    assert_reply(
        &try_upload(&server, &ann.key, "b.pdf", "application/pdf", &bytes).await,
        400,
        &refused("File size (10.00 MB) exceeds the maximum allowed size of 10 MB."),
    );
    bytes.resize((12 << 20) + (1 << 19), 7);
    assert_reply(
        &try_upload(&server, &ann.key, "b.pdf", "application/pdf", &bytes).await,
        400,
        &refused("File size (12.50 MB) exceeds the maximum allowed size of 10 MB."),
    );
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn the_quota_is_exact() {
    let server = Server::start().await;
    let quota = (3 << 20).to_string();
    let ann = server.account_with("ann", &["--quota", &quota]).await;
    upload(&server, &ann.key, "a.pdf", "application/pdf", &vec![7; 2 << 20]).await;
    let over = vec![7; (1 << 20) + 1];
    let message =
        refused("Storage quota exceeded. Current usage: 2.00 MB, file size: 1.00 MB, quota: 3 MB, remaining: 1.00 MB.");
    assert_reply(&try_upload(&server, &ann.key, "b.pdf", "application/pdf", &over).await, 400, &message);
    assert_eq!(server.objects().await.len(), 1, "nothing is kept");
    upload(&server, &ann.key, "b.pdf", "application/pdf", &over[1..]).await;
    let storage = fetch(&server, &ann.key).await["Storage"].clone();
    assert_eq!(storage.to_string(), r#"{"MaxMB":3,"RemainingMB":0,"UsedMB":3}"#);
}

#[tokio::test]
async fn the_quota_is_checked_before_the_name() {
    let server = Server::start().await;
    let ann = server.account_with("ann", &["--quota", "2"]).await;
    upload(&server, &ann.key, "a.txt", "text/plain", b"x").await;
    let reply = try_upload(&server, &ann.key, "a.txt", "text/plain", b"xy").await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert!(reply.text().contains("Storage quota exceeded."), "{}", reply.text());
    assert_eq!(try_upload(&server, &ann.key, "a.txt", "text/plain", b"x").await.status, 409);
}

#[tokio::test]
async fn a_taken_name_is_409_with_the_token_that_has_it() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let token = upload_report(&server, &ann.key).await;
    let reply = try_upload(&server, &ann.key, "dir/report.pdf", "application/pdf", b"x").await;
    assert_reply(
        &reply,
        409,
        &format!(
            r#"{{"Response":false,"Message":"A file named \"report.pdf\" already exists in this account's Drive. Rename the file or delete the existing one and try again.","ExistingFileToken":"{token}"}}"#
        ),
    );
    upload(&server, &ann.key, "Report.pdf", "application/pdf", b"x").await;
    upload_report(&server, &bob.key).await;
}

#[tokio::test]
async fn a_name_is_cleaned() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    for (sent, kept) in [
        ("Ñandú.pdf", "Nandu.pdf"),
        ("Ñandú 1.pdf", "Nandu_1.pdf"),
        ("../../etc/Q1 (final).PDF", "Q1__final_.PDF"),
        ("C:\\temp\\x.pdf", "x.pdf"),
    ] {
        let reply = try_upload(&server, &ann.key, sent, "application/pdf", b"x").await.json();
        assert_eq!(reply["Data"]["Filename"], json!(kept));
        assert_eq!(reply["Data"]["Path"], json!(format!("{}/documents/{kept}", ann.uid)));
    }
    let clash = try_upload(&server, &ann.key, "Nandu.pdf", "application/pdf", b"x").await;
    assert_eq!(clash.status, 409);
}

#[tokio::test]
async fn of_two_uploads_of_one_name_one_is_kept() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let (one, other) = tokio::join!(
        try_upload(&server, &ann.key, "a.txt", "text/plain", b"one"),
        try_upload(&server, &ann.key, "a.txt", "text/plain", b"other")
    );
    let (kept, refused) = match one.status {
        200 => (one, other),
        _ => (other, one),
    };
    assert_eq!((kept.status, refused.status), (200, 409));
    assert_eq!(refused.json()["ExistingFileToken"], kept.json()["Data"]["FileToken"]);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 1);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let body = "{\"FileData\":\"".to_owned() + &"A".repeat(32 << 20);
    assert_reply(
        &post(&server, &ann.key, "/files/upload", body).await,
        413,
        r#"{"Response":false,"Message":"Request body too large","Code":413}"#,
    );
}

#[tokio::test]
async fn while_storage_is_down_an_upload_is_500_and_keeps_nothing() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    server.storage_down().await;
    let reply = try_upload(&server, &ann.key, "a.txt", "text/plain", b"a").await;
    assert_reply(&reply, 500, INTERNAL);
    server.storage_up().await;
    let data = fetch(&server, &ann.key).await;
    assert_eq!((&data["Files"], &data["Storage"]["UsedMB"]), (&json!([]), &json!(0)));
    upload(&server, &ann.key, "a.txt", "text/plain", b"a").await;
}

/// Declares the longest body there may be, waits to be told to go on, and sends no more than its first bytes.
async fn stalled_upload(server: &Server, key: &str, first: usize) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    let head = format!(
        "POST /files/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        32 << 20
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = [0; 21];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"HTTP/1.1 100 Continue");
    stream.write_all(&vec![b' '; first]).await.unwrap();
    stream
}

#[tokio::test]
async fn uploads_that_do_not_go_on_are_in_nobodys_way() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    let mut stalled = Vec::new();
    for _ in 0..4 {
        stalled.push(stalled_upload(&server, &ann.key, 1).await);
    }
    upload(&server, &ann.key, "a.pdf", "application/pdf", &[7; 1 << 20]).await;
    // A body that has begun in earnest stands in the way of its own account's.
    stalled.push(stalled_upload(&server, &ann.key, 3 << 20).await);
    upload(&server, &bob.key, "a.pdf", "application/pdf", &[7; 1 << 20]).await;
    upload(&server, &ann.key, "b.txt", "text/plain", b"small").await;
}

#[tokio::test]
async fn many_large_uploads_at_once_take_bounded_memory() {
    // A store that is slower than they come would have some of them told to come back.
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let data = bytes::Bytes::from(BASE64.encode(vec![7; 10 << 20]));
    let uploads = (0..30).map(|number| {
        let head = format!(r#"{{"Filename":"{number}.pdf","MimeType":"application/pdf","FileData":""#);
        let length = (head.len() + data.len() + 2).to_string();
        let pieces = [head.into(), data.clone(), bytes::Bytes::from_static(b"\"}")];
        let body = futures_util::stream::iter(pieces.map(Ok::<_, std::io::Error>));
        let bearer = format!("Bearer {}", ann.key);
        let server = &server;
        async move {
            let headers = [("authorization", bearer.as_str()), ("content-length", length.as_str())];
            let body = reqwest::Body::wrap_stream(body);
            server.send(reqwest::Method::POST, "/files/upload", &headers, body).await
        }
    });
    for reply in futures_util::future::join_all(uploads).await {
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches("kB").trim().parse().unwrap();
    assert!(peak >> 10 < 400, "{} MiB at most", peak >> 10);
}
