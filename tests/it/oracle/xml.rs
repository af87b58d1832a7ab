//! XML in place of JSON (oracle.md 1 and 8.10).

use reqwest::Method;

use super::{INVALID, assert_outcome, assert_reply, call, call_with, get, numbers, versions};
use crate::support::Server;

const XML: (&str, &str) = ("accept", "application/xml");
const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

#[tokio::test]
async fn answers_and_refusals_have_both_forms() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let other = server.account("userb").await.key;
    server.cli(&["account", "set", "userb", "--display-name", "B & <B>"]).await;
    let file = versions(&server, &key, "self", "a.txt", 2).await;
    let path = format!("files/{file}");
    let ask = async |method: Method, path: &str, key: &str, body: &str| {
        let reply = call_with(&server, method, path, key, &[XML], body.to_owned()).await;
        let media_type = reply.header("content-type").to_owned();
        (reply, media_type)
    };
    let item = format!("fFileGUID:{file}");
    let refused = |code: &str, key: &str, message: &str, rest: &str| {
        format!(
            "{DECLARATION}<response><errorCode>{code}</errorCode><errorKey>!csFldUnableToDeleteItems!{key}</errorKey>\
             <errorMessage>Unable to delete items. {message}</errorMessage><errorType>file</errorType><idList>{file}</idList>\
             <title>Unable to delete items. {message}</title><type/>{rest}</response>"
        )
    };
    let (reply, media_type) = ask(Method::DELETE, &path, &other, r#"{"version":"2"}"#).await;
    let body = refused(
        "-20",
        &format!("csCloudItemInsufficientPrivileges,B &amp; &lt;B&gt;,{item},FLD_MOVE_TO_TRASH"),
        &format!(
            "User 'B &amp; &lt;B&gt;' has insufficient privilege to access {item} with service FLD_MOVE_TO_TRASH."
        ),
        "<version>2</version>",
    );
    assert_reply(&reply, 403, &body);
    assert_eq!(media_type, "application/xml");
    let (reply, _) = ask(Method::DELETE, &format!("{path}?version=x"), &key, "").await;
    let message = "The parameter 'version' is not formatted correctly.";
    assert_reply(&reply, 400, &refused("-50", "csInvalidParameter,version", message, ""));
    let (reply, media_type) = ask(Method::DELETE, &path, "", "").await;
    assert_reply(&reply, 401, "Unauthorized");
    assert_eq!(media_type, "text/plain");

    let (reply, media_type) = ask(Method::DELETE, &path, &key, "").await;
    let body =
        format!("{DECLARATION}<response><errorCode>0</errorCode><idList>{file}</idList><type>file</type></response>");
    assert_reply(&reply, 200, &body);
    assert_eq!(media_type, "application/xml");
    let (reply, _) = ask(Method::DELETE, &path, &key, "").await;
    let body = refused("-16", &format!("csFldDoesNotExist,{item}"), &format!("The item {item} does not exist."), "");
    assert_reply(&reply, 404, &body);
    // What no call of the dialect answers.
    for (method, path, status) in [(Method::PATCH, path.as_str(), 405), (Method::GET, "nothing", 404)] {
        let (reply, media_type) = ask(method, path, &key, "").await;
        assert_eq!((reply.status, media_type.as_str()), (status, "application/xml"));
    }
    let folder = get(&server, "folders/items", &key).await;
    assert!(folder.text().contains(r#""items":[],"#), "{}", folder.text());
}

#[tokio::test]
async fn lists_are_repeated_elements() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    versions(&server, &key, "self", "a<b>.txt", 1).await;
    versions(&server, &key, "self", "b.txt", 1).await;
    let reply = call_with(&server, Method::GET, "folders/items?orderby=name:asc", &key, &[XML], "").await;
    let text = reply.text();
    assert_eq!(text.matches("<items>").count(), 2, "{text}");
    assert!(text.contains("<name>a&lt;b&gt;.txt</name>"), "{text}");
    assert!(text.contains("<description/>"), "{text}");
    assert!(text.starts_with(&format!("{DECLARATION}<response><childItemsCount>2</childItemsCount><count>2</count>")));
}

#[tokio::test]
async fn json_unless_xml_is_preferred() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    for (accept, xml) in [
        ("*/*", false),
        ("application/json", false),
        ("application/xml, application/json", false),
        ("application/xml;q=0.5, application/json;q=0.4", true),
        ("application/xml, */*;q=0.1", true),
        ("image/png", false),
    ] {
        let reply = call_with(&server, Method::GET, "folders/self", &key, &[("accept", accept)], "").await;
        assert_eq!(reply.status, 200);
        let form = if xml { "application/xml" } else { "application/json" };
        assert_eq!(reply.header("content-type"), form, "{accept}");
    }
    // The second entry point is JSON whatever is asked for.
    let path = "/documents/integration?IdcService=SCS_GET_TENANT_CONFIG&IsJson=1";
    let reply = call_with(&server, Method::GET, path, &key, &[XML], "").await;
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(call(&server, Method::HEAD, "folders/self", &key).await.status, 200);
}

#[tokio::test]
async fn a_version_that_stands_where_none_is_read_deletes_nothing() {
    let server = Server::start().await;
    let key = server.account("usera").await.key;
    let file = versions(&server, &key, "self", "a.txt", 2).await;
    let path = format!("files/{file}");
    let headers = [("content-type", "application/xml")];
    for body in [
        r#"<request version="1"/>"#,
        r#"<r><a version="1"/></r>"#,
        "<version/>",
        "<version>1</version>",
        "<r><version/></r>",
        "<r>1</r>",
    ] {
        let reply = call_with(&server, Method::DELETE, &path, &key, &headers, body).await;
        assert_outcome(&reply, INVALID);
    }
    assert_eq!(numbers(&server, &key, &file).await, ["2", "1"]);
}
