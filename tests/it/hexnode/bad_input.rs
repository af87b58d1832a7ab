//! Each row of hexnode.md 5. After each, nothing has changed.

use super::*;

const REQUIRED: &str = "This field is required.";
const NULL: &str = "This field may not be null.";

#[tokio::test]
async fn bodies_of_delete() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let before = figures(&server).await;
    let many = vec![id.to_string(); 10_001].join(",");
    for (body, answer) in [
        ("[]", r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}"#.to_owned()),
        (r#""a""#, r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got str."]}"#.to_owned()),
        ("5", r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]}"#.to_owned()),
        ("5.5", r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got float."]}"#.to_owned()),
        ("true", r#"{"non_field_errors":["Invalid data. Expected a dictionary, but got bool."]}"#.to_owned()),
        ("null", r#"{"non_field_errors":["No data provided"]}"#.to_owned()),
        ("{}", format!(r#"{{"file_ids":["{REQUIRED}"]}}"#)),
        (r#"{"File_Ids":[1]}"#, format!(r#"{{"file_ids":["{REQUIRED}"]}}"#)),
        (r#"{"file_ids":null}"#, format!(r#"{{"file_ids":["{NULL}"]}}"#)),
        (r#"{"file_ids":"@"}"#, r#"{"file_ids":["Expected a list of items but got type \"str\"."]}"#.to_owned()),
        (r#"{"file_ids":@}"#, r#"{"file_ids":["Expected a list of items but got type \"int\"."]}"#.to_owned()),
        (r#"{"file_ids":{"0":@}}"#, r#"{"file_ids":["Expected a list of items but got type \"dict\"."]}"#.to_owned()),
        (r#"{"file_ids":[]}"#, r#"{"file_ids":["This list may not be empty."]}"#.to_owned()),
        (
            r#"{"file_ids":[#]}"#,
            r#"{"file_ids":["Ensure this field has no more than 10000 elements."]}"#.to_owned(),
        ),
        (
            r#"{"file_ids":["x",@,1.5,true,null,"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11",[@],{}]}"#,
            r#"{"file_ids":{"0":["A valid integer is required."],"2":["A valid integer is required."],"3":["A valid integer is required."],"4":["This field may not be null."],"5":["A valid integer is required."],"6":["A valid integer is required."],"7":["A valid integer is required."]}}"#.to_owned(),
        ),
    ] {
        let body = body.replace("@", &id.to_string()).replace("#", &many);
        assert_answer(&post(&server, &ann.key, DELETE, &body).await, 400, &answer);
    }
    assert_eq!(figures(&server).await, before);
    assert_eq!(listed(&server, &ann.key).await, [id]);
}

#[tokio::test]
async fn ten_thousand_ids_are_read() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let unknown: Vec<_> = (1_000_000..1_009_999).map(|id: i64| id.to_string()).collect();
    let unknown = unknown.join(",");
    let reply = delete(&server, &ann.key, &format!("[{id},{unknown}]")).await;
    assert_not_found(&reply, &format!("[{unknown}]"));
    assert_eq!(listed(&server, &ann.key).await, [id]);
}

#[tokio::test]
async fn bodies_that_are_not_json() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let before = figures(&server).await;
    for call in [PRESIGN, VERIFY, DELETE] {
        for body in ["", "{", "file_ids=1", r#"{"file_ids":[1]"#, r#"{"file_ids":[1]}}"#, r#"{"file_ids":[NaN]}"#] {
            let reply = post(&server, &ann.key, call, body).await;
            assert_eq!(reply.status, 400, "{call} {body}");
            let start = r#"{"detail":"JSON parse error - "#;
            assert!(reply.text().starts_with(start), "{}", reply.text());
        }
    }
    assert_eq!(figures(&server).await, before);
    assert_eq!(listed(&server, &ann.key).await, [id]);
}

#[tokio::test]
async fn media_types_other_than_json() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let body = format!(r#"{{"file_ids":[{id}]}}"#);
    let key = ("Authorization", ann.key.as_str());
    for call in [PRESIGN, VERIFY, DELETE] {
        let path = format!("{BASE}/{call}");
        for sent in ["text/plain", "application/x-www-form-urlencoded", "application/json5", "json"] {
            let reply = server.send(Method::POST, &path, &[key, ("Content-Type", sent)], body.clone()).await;
            let answer = format!(r#"{{"detail":"Unsupported media type \"{sent}\" in request."}}"#);
            assert_answer(&reply, 415, &answer);
        }
        let reply = server.send(Method::POST, &path, &[key], body.clone()).await;
        assert_answer(&reply, 415, r#"{"detail":"Unsupported media type \"\" in request."}"#);
    }
    assert_eq!(listed(&server, &ann.key).await, [id]);
    let path = format!("{BASE}/{DELETE}");
    let headers = [key, ("Content-Type", "Application/JSON; charset=utf-8")];
    assert_answer(&server.send(Method::POST, &path, &headers, body).await, 200, DELETED);
}

#[tokio::test]
async fn other_methods_and_paths() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let key = ("Authorization", ann.key.as_str());
    for (path, allow, methods) in [
        (DELETE, "POST", [Method::GET, Method::PUT, Method::DELETE, Method::PATCH]),
        (PRESIGN, "POST", [Method::GET, Method::PUT, Method::DELETE, Method::PATCH]),
        (VERIFY, "POST", [Method::GET, Method::PUT, Method::DELETE, Method::PATCH]),
        ("", "GET", [Method::POST, Method::PUT, Method::DELETE, Method::PATCH]),
    ] {
        for method in methods {
            for path in [format!("{BASE}/{path}"), format!("{BASE}/{path}").trim_end_matches('/').to_owned()] {
                let reply = server.send(method.clone(), &path, &[key], "").await;
                assert_answer(&reply, 405, &format!(r#"{{"detail":"Method \"{method}\" not allowed."}}"#));
                assert_eq!(reply.header("allow"), allow);
            }
        }
    }
    for path in ["/x", "/delete-files/1", "/delete-files//", "//", "/deletefiles/"] {
        for method in [Method::GET, Method::POST] {
            let reply = server.send(method, &format!("{BASE}{path}"), &[key], "").await;
            assert_answer(&reply, 404, NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_body_over_a_mebibyte() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    let long = |length: usize| {
        let body = format!(r#"{{"file_ids":[{id}]}}"#);
        let rest = " ".repeat(length - body.len());
        body + &rest
    };
    for call in [PRESIGN, VERIFY, DELETE] {
        let reply = post(&server, &ann.key, call, &long(1_048_577)).await;
        assert_answer(&reply, 413, r#"{"detail":"Request body too large."}"#);
    }
    let reply = post(&server, &ann.key, DELETE, &long(8 * 1_048_576)).await;
    assert_answer(&reply, 413, r#"{"detail":"Request body too large."}"#);
    // Without a length, it is stopped where the bound is.
    let headers = [("Authorization", ann.key.as_str()), ("Content-Type", "application/json")];
    for call in [PRESIGN, VERIFY, DELETE] {
        let pieces = [long(1_048_576), " ".to_owned()].map(Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        let reply = server.send(Method::POST, &format!("{BASE}/{call}"), &headers, body).await;
        assert_answer(&reply, 413, r#"{"detail":"Request body too large."}"#);
    }
    assert_eq!(listed(&server, &ann.key).await, [id]);
    assert_answer(&post(&server, &ann.key, DELETE, &long(1_048_576)).await, 200, DELETED);
}

#[tokio::test]
async fn bodies_of_presign() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let before = figures(&server).await;
    let long = "a".repeat(256);
    let name = |text: &str| format!(r#"{{"file_name":["{text}"]}}"#);
    let invalid = name("Enter a valid value.");
    for (body, answer) in [
        ("{}", name(REQUIRED)),
        (r#"{"file_name":null}"#, name(NULL)),
        (r#"{"file_name":""}"#, name("This field may not be blank.")),
        (r#"{"file_name":5}"#, name("Not a valid string.")),
        (r#"{"file_name":["a"]}"#, name("Not a valid string.")),
        (r#"{"file_name":"LONG"}"#, name("Ensure this field has no more than 255 characters.")),
        (r#"{"file_name":"a/b"}"#, invalid.clone()),
        (r#"{"file_name":"a\\b"}"#, invalid.clone()),
        (r#"{"file_name":"a\u0000b"}"#, invalid.clone()),
        (r#"{"file_name":"a\nb"}"#, invalid.clone()),
        (r#"{"file_name":"."}"#, invalid.clone()),
        (r#"{"file_name":".."}"#, invalid.clone()),
        (r#"{"file_name":"a","content_type":"pdf"}"#, r#"{"content_type":["Enter a valid value."]}"#.to_owned()),
        (r#"{"file_name":"a","content_type":""}"#, r#"{"content_type":["Enter a valid value."]}"#.to_owned()),
        (r#"{"file_name":"a","content_type":null}"#, format!(r#"{{"content_type":["{NULL}"]}}"#)),
        (
            r#"{"file_name":"a","content_type":"a/LONG"}"#,
            r#"{"content_type":["Ensure this field has no more than 255 characters."]}"#.to_owned(),
        ),
        (r#"{"file_name":"a","content_type":5}"#, r#"{"content_type":["Not a valid string."]}"#.to_owned()),
        (
            r#"{"file_name":"","content_type":"a/b/c"}"#,
            r#"{"file_name":["This field may not be blank."],"content_type":["Enter a valid value."]}"#.to_owned(),
        ),
    ] {
        let body = body.replace("LONG", &long);
        assert_answer(&post(&server, &ann.key, PRESIGN, &body).await, 400, &answer);
    }
    assert_eq!(figures(&server).await, before);
}

#[tokio::test]
async fn bodies_of_verify() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let before = figures(&server).await;
    let invalid = r#"{"file_uuid":["Must be a valid UUID."]}"#;
    for (body, answer) in [
        ("{}", format!(r#"{{"file_uuid":["{REQUIRED}"]}}"#).as_str()),
        (r#"{"file_uuid":null}"#, format!(r#"{{"file_uuid":["{NULL}"]}}"#).as_str()),
        (r#"{"file_uuid":""}"#, invalid),
        (r#"{"file_uuid":"6f1c0d7e"}"#, invalid),
        (r#"{"file_uuid":101}"#, invalid),
        (r#"{"file_uuid":["6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11"]}"#, invalid),
    ] {
        assert_answer(&post(&server, &ann.key, VERIFY, body).await, 400, answer);
    }
    assert_eq!(figures(&server).await, before);
}

#[tokio::test]
async fn a_fault_of_the_server_changes_nothing() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let id = upload(&server, &ann.key, "a.pdf", b"x").await;
    // A table that is away stands for any fault of the database.
    server.sql("alter table purge rename to purge_away").await;
    let reply = delete(&server, &ann.key, &format!("[{id}]")).await;
    assert_answer(&reply, 500, r#"{"detail":"A server error occurred."}"#);
    server.sql("alter table purge_away rename to purge").await;
    assert_eq!(listed(&server, &ann.key).await, [id]);
    assert_answer(&delete(&server, &ann.key, &format!("[{id}]")).await, 200, DELETED);
}
