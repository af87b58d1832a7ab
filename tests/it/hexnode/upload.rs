//! The three steps of an upload (hexnode.md 4.1 to 4.3).

use std::time::Duration;

use reqwest::Method;

use super::*;

const NO_BYTES: &str = r#"{"detail":"File not found in Amazon S3"}"#;
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn presign_answers_as_the_vendor_does() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let body = r#"{"file_name":"report.pdf","content_type":"application/pdf"}"#;
    let reply = post(&server, &ann.key, PRESIGN, body).await;
    let (url, uuid) = {
        let json = reply.json();
        let text = |member: &str| json[member].as_str().unwrap().to_owned();
        (text("presigned_url"), text("file_uuid"))
    };
    assert_answer(
        &reply,
        200,
        &format!(r#"{{"presigned_url":"{url}","file_name":"report.pdf","file_uuid":"{uuid}"}}"#),
    );
    let (address, query) = url.split_once('?').unwrap();
    assert_eq!(address, server.url(&format!("/s3/hexnode/{uuid}")));
    let query: Vec<_> = query.split('&').map(|member| member.split_once('=').unwrap()).collect();
    let names: Vec<_> = query.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-SignedHeaders",
            "X-Amz-Signature"
        ]
    );
    assert_eq!(query[0].1, "AWS4-HMAC-SHA256");
    assert_eq!(query[3].1, "10800");
    assert_eq!(query[4].1, "content-type%3Bhost");
}

/// Two spellings of one name: the echo keeps the one that was sent, the file has the usual one.
#[tokio::test]
async fn the_name_is_echoed_as_sent() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let sent = " re\u{301}sume\u{301}.pdf ";
    let body = format!(r#"{{"file_name":"{sent}"}}"#);
    let reply = post(&server, &ann.key, PRESIGN, &body).await;
    assert_eq!(reply.json()["file_name"], sent);
    let url = reply.json()["presigned_url"].as_str().unwrap().to_owned();
    assert_eq!(put(&server, &url, "application/octet-stream", b"x").await.status, 200);
    verify(&server, &ann.key, reply.json()["file_uuid"].as_str().unwrap()).await;
    let list = get_list(&server, &ann.key, "").await.json();
    assert_eq!(list["results"][0]["file_name"], " r\u{e9}sum\u{e9}.pdf ");
}

#[tokio::test]
async fn put_answers_as_s3_does_and_can_be_repeated_until_verify() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    let reply = put(&server, &url, "text/plain", b"first, and longer").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, ""));
    assert_eq!(used(&server, ann.id).await, 17);
    let reply = put(&server, &url, "text/plain", b"hello").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    assert_eq!(used(&server, ann.id).await, 5);
    let id = verify(&server, &ann.key, &uuid).await;
    assert_eq!(used(&server, ann.id).await, 5);
    server.run_jobs().await;
    let objects = server.objects().await;
    assert_eq!(objects.len(), 1, "what was put first is gone");
    assert_eq!(server.object(&objects[0]).await, b"hello"[..]);
    assert_eq!(listed(&server, &ann.key).await, [id]);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let file = uploaded(&server, &ann.key, "empty.pdf", b"").await;
    assert_eq!(listed(&server, &ann.key).await, [file.id]);
    assert_answer(&delete(&server, &ann.key, &format!("[{}]", file.id)).await, 200, DELETED);
}

#[tokio::test]
async fn verify_gives_the_id_and_gives_it_again() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "Ü \"x\".pdf", "application/pdf").await;
    let body = format!(r#"{{"file_uuid":"{uuid}"}}"#);
    assert_answer(&post(&server, &ann.key, VERIFY, &body).await, 400, NO_BYTES);
    assert_eq!(put(&server, &url, "application/pdf", b"x").await.status, 200);
    let first = post(&server, &ann.key, VERIFY, &body).await;
    let id = first.json()["file_id"].as_i64().unwrap();
    let answer = format!(
        r#"{{"message":"File Upload Verified Successfully","file_id":{id},"file_name":"Ü \"x\".pdf","file_uuid":"{uuid}"}}"#
    );
    assert_answer(&first, 200, &answer);
    for again in [body.clone(), body.to_uppercase().replace("FILE_UUID", "file_uuid"), body.replace('-', "")] {
        assert_answer(&post(&server, &ann.key, VERIFY, &again).await, 200, &answer);
    }
    assert_eq!(listed(&server, &ann.key).await, [id]);
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);
    assert_answer(&post(&server, &ann.key, VERIFY, &body).await, 404, NOT_FOUND);
}

#[tokio::test]
async fn verify_finds_only_ones_own_uploads() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let (url, uuid) = presign(&server, &ann.key, "a.pdf", "application/pdf").await;
    put(&server, &url, "application/pdf", b"x").await;
    for (key, uuid) in [
        (bob.key.as_str(), uuid.as_str()),
        (&server.admin_key(), &uuid),
        (&ann.key, "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11"),
    ] {
        let reply = post(&server, key, VERIFY, &format!(r#"{{"file_uuid":"{uuid}"}}"#)).await;
        assert_answer(&reply, 404, NOT_FOUND);
    }
    verify(&server, &ann.key, &uuid).await;
    let reply = post(&server, &bob.key, VERIFY, &format!(r#"{{"file_uuid":"{uuid}"}}"#)).await;
    assert_answer(&reply, 404, NOT_FOUND);
}

#[tokio::test]
async fn equal_names_stand_side_by_side() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let first = upload(&server, &ann.key, "same.pdf", b"1").await;
    let second = upload(&server, &ann.key, "same.pdf", b"2").await;
    assert_eq!(listed(&server, &ann.key).await, [second, first]);
}

#[tokio::test]
async fn the_media_type_is_optional() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let reply = post(&server, &ann.key, PRESIGN, r#"{"file_name":"a"}"#).await;
    let url = reply.json()["presigned_url"].as_str().unwrap().to_owned();
    assert_s3(&put(&server, &url, "text/plain", b"x").await, 403, "SignatureDoesNotMatch");
    assert_eq!(put(&server, &url, "application/octet-stream", b"x").await.status, 200);
}

#[tokio::test]
async fn the_url_is_good_for_one_request_only() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, _) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    let (other, _) = presign(&server, &ann.key, "b.txt", "text/plain").await;
    let (address, query) = url.split_once('?').unwrap();
    let (other_address, _) = other.split_once('?').unwrap();
    let headers = [("Content-Type", "text/plain")];
    let before = figures(&server).await;

    for changed in [
        address.to_owned(),
        format!("{url}&a=b"),
        format!("{other_address}?{query}"),
        url.replace("X-Amz-Expires=10800", "X-Amz-Expires=108000"),
        url.replace("&X-Amz-Signature=", "&X-Amz-Signature=0"),
        url.replace("content-type%3Bhost", "host"),
    ] {
        let reply = put(&server, &changed, "text/plain", b"x").await;
        assert_s3(&reply, 403, "SignatureDoesNotMatch");
    }
    for content_type in ["text/html", "text/plain; charset=utf-8", "TEXT/PLAIN"] {
        let reply = put(&server, &url, content_type, b"x").await;
        assert_s3(&reply, 403, "SignatureDoesNotMatch");
    }
    let reply = server.send(Method::PUT, &url, &[], b"x".to_vec()).await;
    assert_s3(&reply, 403, "SignatureDoesNotMatch");
    let elsewhere = [("Content-Type", "text/plain"), ("Host", "elsewhere.example")];
    let reply = server.send(Method::PUT, &url, &elsewhere, b"x".to_vec()).await;
    assert_s3(&reply, 403, "SignatureDoesNotMatch");
    for method in ["GET", "POST", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "FOO"] {
        let reply = server.send(method.parse().unwrap(), &url, &headers, "").await;
        assert_s3(&reply, 403, "SignatureDoesNotMatch");
        assert!(!reply.headers.contains_key("allow"), "{method}");
    }

    assert_eq!(figures(&server).await, before);
    assert_eq!(put(&server, &url, "text/plain", b"x").await.status, 200);
}

/// A refusal must reach a client that sends without waiting for an answer.
#[tokio::test]
async fn a_refused_body_is_refused_in_words() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, _) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    for _ in 0..5 {
        let reply = put(&server, &url, "text/html", &vec![b'x'; 8 * 1024 * 1024]).await;
        assert_s3(&reply, 403, "SignatureDoesNotMatch");
    }
}

#[tokio::test]
async fn the_url_is_good_for_180_minutes() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    server.advance(179 * MINUTE).await;
    assert_eq!(put(&server, &url, "text/plain", b"x").await.status, 200);
    server.advance(MINUTE).await;
    let reply = put(&server, &url, "text/plain", b"y").await;
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (
            403,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        )
    );
    // What came in time can still be verified.
    verify(&server, &ann.key, &uuid).await;
}

#[tokio::test]
async fn the_operator_sets_the_life_of_the_url() {
    let server = Server::start_on_folder_with(&[("UNFILE_PRESIGN_TTL", "90s")]).await;
    let ann = server.account("ann").await;
    let (url, _) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    assert!(url.contains("&X-Amz-Expires=90&"), "{url}");
    assert_eq!(put(&server, &url, "text/plain", b"x").await.status, 200);
    server.advance(Duration::from_secs(90)).await;
    assert_s3(&put(&server, &url, "text/plain", b"x").await, 403, "AccessDenied");
}

#[tokio::test]
async fn a_public_url_is_what_is_signed() {
    let server = Server::start_on_folder_with(&[("UNFILE_PUBLIC_URL", "http://Files.example.com:80")]).await;
    let ann = server.account("ann").await;
    let (url, _) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    let (base, rest) = url.split_once("/s3/").unwrap();
    assert!(base.eq_ignore_ascii_case("http://files.example.com:80"), "{url}");
    let here = server.url(&format!("/s3/{rest}"));
    assert_s3(&put(&server, &here, "text/plain", b"x").await, 403, "SignatureDoesNotMatch");
    for host in ["files.example.com", "FILES.example.com:80"] {
        let headers = [("Content-Type", "text/plain"), ("Host", host)];
        let reply = server.send(Method::PUT, &here, &headers, b"x".to_vec()).await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.text());
    }
}

#[tokio::test]
async fn an_upload_not_verified_within_a_day_is_swept() {
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    put(&server, &url, "text/plain", b"x").await;
    server.advance(23 * 60 * MINUTE).await;
    assert_eq!(server.objects().await.len(), 1);
    server.advance(61 * MINUTE).await;
    assert_eq!(server.objects().await.len(), 0);
    assert_eq!(used(&server, ann.id).await, 0);
    let body = format!(r#"{{"file_uuid":"{uuid}"}}"#);
    assert_answer(&post(&server, &ann.key, VERIFY, &body).await, 404, NOT_FOUND);
}

#[tokio::test]
async fn a_put_beyond_the_quota_keeps_nothing() {
    let server = Server::start_on_folder().await;
    let ann = server.account_with("ann", &["--quota", "100"]).await;
    let kept = upload(&server, &ann.key, "kept.pdf", &[b'k'; 60]).await;
    let (url, uuid) = presign(&server, &ann.key, "a.txt", "text/plain").await;
    let before = figures(&server).await;
    let reply = put(&server, &url, "text/plain", &[b'x'; 41]).await;
    assert_s3(&reply, 400, "EntityTooLarge");
    // Sent without a length, it is stopped where the room ends.
    let chunks = futures_util::stream::iter((0..41).map(|_| Ok::<_, std::io::Error>(vec![b'x'])));
    let body = reqwest::Body::wrap_stream(chunks);
    let reply = server.send(Method::PUT, &url, &[("Content-Type", "text/plain")], body).await;
    assert_s3(&reply, 400, "EntityTooLarge");
    server.run_jobs().await;
    assert_eq!(figures(&server).await, before);
    let body = format!(r#"{{"file_uuid":"{uuid}"}}"#);
    assert_answer(&post(&server, &ann.key, VERIFY, &body).await, 400, NO_BYTES);

    assert_eq!(put(&server, &url, "text/plain", &[b'x'; 40]).await.status, 200);
    assert_eq!(used(&server, ann.id).await, 100);
    // A repeat may use the room of what it replaces.
    assert_eq!(put(&server, &url, "text/plain", &[b'y'; 40]).await.status, 200);
    let id = verify(&server, &ann.key, &uuid).await;
    assert_eq!(listed(&server, &ann.key).await, [id, kept]);
    assert_eq!(used(&server, ann.id).await, 100);
}

#[tokio::test]
async fn two_puts_racing_for_the_last_bytes_never_exceed_the_quota() {
    let server = Server::start_on_folder().await;
    let ann = server.account_with("ann", &["--quota", "1000"]).await;
    let (one, _) = presign(&server, &ann.key, "1", "text/plain").await;
    let (two, _) = presign(&server, &ann.key, "2", "text/plain").await;
    let bytes = [b'x'; 600];
    let (first, second) =
        tokio::join!(put(&server, &one, "text/plain", &bytes), put(&server, &two, "text/plain", &bytes));
    let mut statuses = [first.status, second.status];
    statuses.sort();
    assert_eq!(statuses, [200, 400]);
    assert_eq!(used(&server, ann.id).await, 600);
    server.run_jobs().await;
    assert_eq!(server.objects().await.len(), 1);
}

/// The length alone decides, before a byte is sent.
#[tokio::test]
async fn five_gibibytes_and_not_a_byte_more() {
    let server = Server::start_on_folder().await;
    let ann = server.account_with("ann", &["--quota", "0"]).await;
    let (url, _) = presign(&server, &ann.key, "a.bin", "application/octet-stream").await;
    let first = first_line_of_put(&server, &url, 5 * 1024 * 1024 * 1024).await;
    assert_eq!(first, "HTTP/1.1 100 Continue");
    let first = first_line_of_put(&server, &url, 5 * 1024 * 1024 * 1024 + 1).await;
    assert_eq!(first, "HTTP/1.1 400 Bad Request");
    server.run_jobs().await;
    assert!(server.objects().await.is_empty());
    assert_eq!(used(&server, ann.id).await, 0);
}

/// Announces a body, waits to be told to go on, and goes away.
async fn first_line_of_put(server: &Server, url: &str, length: u64) -> String {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let target = url.strip_prefix(&server.url("")).unwrap();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n",
        server.port()
    );
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line.trim().to_owned()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_kept() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start_on_folder().await;
    let ann = server.account("ann").await;
    let (url, uuid) = presign(&server, &ann.key, "a.bin", "application/octet-stream").await;
    let target = url.strip_prefix(&server.url("")).unwrap();
    let head = format!(
        "PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: 1000\r\n\r\nonly this",
        server.port()
    );
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let body = format!(r#"{{"file_uuid":"{uuid}"}}"#);
    assert_answer(&post(&server, &ann.key, VERIFY, &body).await, 400, NO_BYTES);
    wait_until("the broken upload left nothing", async || {
        server.objects().await.is_empty() && server.sql("select * from staged").await.is_empty()
    })
    .await;
    assert_eq!(used(&server, ann.id).await, 0);
}

#[tokio::test]
async fn a_thousand_open_uploads_and_not_one_more() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let bob = server.account("bob").await;
    let (url, uuid) = presign(&server, &ann.key, "first", "text/plain").await;
    put(&server, &url, "text/plain", b"x").await;
    for _ in 0..37 {
        let many = (0..27).map(|_| presign(&server, &ann.key, "more", "text/plain"));
        futures_util::future::join_all(many).await;
    }
    let refused = r#"{"detail":"Too many open uploads."}"#;
    let body = r#"{"file_name":"one too many"}"#;
    assert_answer(&post(&server, &ann.key, PRESIGN, body).await, 400, refused);
    presign(&server, &bob.key, "another account", "text/plain").await;
    verify(&server, &ann.key, &uuid).await;
    presign(&server, &ann.key, "fits", "text/plain").await;
    assert_answer(&post(&server, &ann.key, PRESIGN, body).await, 400, refused);
    server.advance(Duration::from_secs(25 * 3_600)).await;
    presign(&server, &ann.key, "swept", "text/plain").await;
}
