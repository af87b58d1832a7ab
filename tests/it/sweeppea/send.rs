//! `POST /files/send` on a server without mail: sweeppea.md 4.5, acceptance case 11.

use super::*;

const HELP: &str = r#""Help":{"ExpectedBody":{"FileToken":"string (required) — UUID v4 of the file to send","RecipientEmail":"string (required) — Email address of the recipient","EmailSubject":"string (optional) — Custom email subject (default: \"File shared from Sweeppea\")","EmailMessage":"string (optional) — Custom message body to include in the email"}}"#;

#[tokio::test]
async fn without_a_mail_server_nothing_is_sent() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let token = upload_report(&server, &ann.key).await;
    let send = |token: &str, to: &str| {
        let body = json!({"FileToken": token, "RecipientEmail": to, "EmailSubject": "Monthly Report"}).to_string();
        post(&server, &ann.key, "/files/send", body)
    };
    let refused = |message: &str| format!(r#"{{"Response":false,"Message":"{message}",{HELP}}}"#);

    let reply = send("x", "recipient@example.com").await;
    assert_reply(&reply, 400, &refused("Invalid or Missing FileToken."));
    for bad in ["", "recipient", "@example.com", "a b@example.com", "a@b@example.com"] {
        let reply = send(&token, bad).await;
        assert_reply(&reply, 400, &refused("Invalid or Missing RecipientEmail."));
    }
    let reply = send(NOT_THERE, "recipient@example.com").await;
    assert_reply(&reply, 404, &not_found_body(calls_of(&reply)));
    let reply = send(&token, "recipient@example.com").await;
    assert_reply(&reply, 400, r#"{"Response":false,"Message":"Email sending is not configured on this server."}"#);
    assert_eq!(fetch(&server, &ann.key).await["Files"][0]["SharedTo"], json!([]));
}
