//! The forms of requests and answers: suffixes and `Accept`, JSON, XML, form fields and query (onlyoffice.md 1.2, 3.1;
//! case 13).

use reqwest::Method;
use serde_json::{Value, json};

use super::{content, get, operations, put, response, send, upload};
use crate::support::Server;

const XML: &str = "text/xml; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

#[tokio::test]
async fn the_suffix_wins_over_accept() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    for (suffix, accept, form) in [
        ("", "", JSON),
        ("", "*/*", JSON),
        ("", "application/json", JSON),
        ("", "text/xml", XML),
        ("", "application/xml;q=0.5, text/xml", XML),
        ("", "text/xml, application/json", JSON),
        ("", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        (".json", "text/xml", JSON),
        (".xml", "application/json", XML),
        (".xml", "", XML),
    ] {
        for (method, to, status) in [
            (Method::GET, "fileops", 200),
            (Method::GET, "@my", 200),
            (Method::GET, "file/999999", 404),
            (Method::GET, "no/such/path", 404),
            (Method::POST, "fileops", 405),
            (Method::PUT, "fileops/delete", 200),
        ] {
            let headers = [("authorization", key.as_str()), ("accept", accept)];
            let headers = if accept.is_empty() { &headers[..1] } else { &headers[..] };
            let reply = send(&server, method.clone(), &format!("{to}{suffix}"), headers, "").await;
            let seen = (reply.status, reply.header("content-type"));
            assert_eq!(seen, (status, form), "{method} {to}{suffix} for {accept:?}");
            assert_eq!(reply.text().starts_with("<result><status>"), form == XML);
        }
    }
}

#[tokio::test]
async fn xml_has_the_page_s_layout() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let headers = [("authorization", key.as_str())];
    let text = async |method: Method, to: &str| send(&server, method, to, &headers, "").await.text();
    assert_eq!(text(Method::GET, "fileops.xml").await, "<result><status>0</status></result>");
    assert_eq!(
        text(Method::GET, "file/35.xml").await,
        "<result><status>1</status><statusCode>404</statusCode><error><message>The required file was not found\
         </message></error></result>"
    );
    let reply = send(&server, Method::GET, "@my.xml", &[], "").await;
    assert_eq!(
        (reply.status, reply.text().as_str(), reply.header("www-authenticate")),
        (
            401,
            "<result><status>1</status><statusCode>401</statusCode><error><message>Unauthorized</message></error>\
             </result>",
            "Basic realm=\"unfile\""
        )
    );
    let reply = send(&server, Method::PATCH, "@my.xml", &headers, "").await;
    assert_eq!((reply.status, reply.header("allow")), (405, "GET"));
    assert!(!reply.header("x-request-id").is_empty());

    let file = upload(&server, &key, "@my", "a&b.txt", b"x").await;
    let listed = text(Method::GET, "@my.xml").await;
    assert!(
        listed.contains(&format!("<id>{file}</id><title>a&amp;b.txt</title><access>0</access><shared>False</shared>"))
    );
    assert!(listed.contains("<pathParts><id>") && listed.ends_with("<total>1</total><new>0</new></response></result>"));
    let url = text(Method::GET, &format!("file/{file}/presigneduri.xml")).await;
    assert!(url.starts_with("<result><status>0</status><response>http://") && url.contains("&amp;"));
}

#[tokio::test]
async fn the_envelope_repeats_the_request() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let reply = get(&server, &key, "@common.json?startIndex=0").await;
    let url = server.url("/api/2.0/files/@common.json?startIndex=0");
    assert_eq!(reply.json()["links"], json!([{"href": url, "action": "GET"}]));
    assert_eq!((&reply.json()["count"], &reply.json()["status"]), (&json!(1), &json!(0)));
    assert_eq!(get(&server, &key, "fileops/").await.json()["count"], 0, "with a final slash");
    assert_eq!(get(&server, &key, "%40my.json").await.status, 200, "with its @ escaped");
}

/// One delete a form; each names two files and a flag.
#[tokio::test]
async fn a_body_comes_in_four_forms() {
    let server = Server::start().await;
    let key = server.account("ann").await.key;
    let forms: [(&str, &str, &str); 17] = [
        ("application/json", "", r#"{"fileIds":[<a>,"<b>"],"immediately":true}"#),
        ("application/json; charset=utf-8", "", r#"{"FILEIDS":["<a>",<b>],"Immediately":"TRUE","other":{"x":[1]}}"#),
        ("text/json", "?immediately=True", r#" {"fileIds":[<a>,<b>],"folderIds":null} "#),
        ("text/plain", "", r#"{"fileIds":[<a>,<b>],"immediately":true}"#),
        ("", "", r#"{"fileIds":[<a>,<b>],"immediately":true}"#),
        ("application/x-www-form-urlencoded", "", r#"{"fileIds":[<a>,<b>],"immediately":true}"#),
        ("text/xml", "", "<r><fileIds>1</fileIds></r>"),
        (
            "text/xml",
            "",
            "<r><fileIds><a></fileIds><fileIds><b></fileIds><immediately>True</immediately><folderIds /></r>",
        ),
        (
            "application/xml; charset=utf-8",
            "",
            "<?xml version=\"1.0\"?><x><FileIds><b></FileIds><fileIDs2/><IMMEDIATELY>true</IMMEDIATELY></x>",
        ),
        ("application/x-www-form-urlencoded", "", "fileIds=<a>&fileIds=<b>&immediately=true"),
        ("application/x-www-form-urlencoded", "", "fileIds[]=<a>&fileIds[]=<b>&immediately=true"),
        ("application/x-www-form-urlencoded", "", "fileIds%5B0%5D=<a>&fileIds%5B1%5D=<b>&Immediately=True"),
        ("", "", "fileIds=<a>&fileIds=<b>&immediately=true"),
        ("", "?fileIds=<a>&fileIds=<b>&immediately=true", ""),
        ("application/json", "?fileIds=<a>&immediately=true", r#"{"fileIds":"<b>","immediately":true}"#),
        ("application/json", "?fileIds[0]=<a>", r#"{"fileIds":<b>,"immediately":true}"#),
        ("application/json", "", "\u{feff}{\"fileIds\":[<a>,<b>],\"immediately\":true}"),
    ];
    for (media_type, query, body) in forms {
        let a = upload(&server, &key, "@my", "a.txt", b"x").await;
        let b = upload(&server, &key, "@my", "b.txt", b"x").await;
        let fill = |text: &str| text.replace("<a>", &a.to_string()).replace("<b>", &b.to_string());
        let mut headers = vec![("authorization", key.as_str())];
        headers.extend((!media_type.is_empty()).then_some(("content-type", media_type)));
        let reply = send(&server, Method::PUT, &format!("fileops/delete{}", fill(query)), &headers, fill(body)).await;
        if body.contains(">1<") {
            assert_eq!(reply.status, 404, "{}", reply.text());
            super::delete(&server, &key, json!({"fileIds": [a, b], "immediately": true}), "2").await;
            continue;
        }
        let ids: Vec<Value> =
            response(&reply)[0]["files"].as_array().unwrap().iter().map(|f| f["Id"].clone()).collect();
        let expected = if body.contains("fileIDs2") { vec![json!(b)] } else { vec![json!(a), json!(b)] };
        assert!(expected.iter().all(|id| ids.contains(id)) && ids.len() == expected.len(), "{body}: {ids:?}");
        assert_eq!(operations(&server, &key).await.len(), 1);
        if body.contains("fileIDs2") {
            super::delete(&server, &key, json!({"fileIds": [a], "immediately": true}), "1").await;
        }
        assert_eq!(content(&server, &key, "@my").await.0, super::NOTHING, "{body}");
        assert_eq!(content(&server, &key, "@trash").await.0, super::NOTHING, "{body}");
    }
    assert_eq!(put(&server, &key, "fileops/delete", json!({"fileIds": []})).await.status, 200);
}
