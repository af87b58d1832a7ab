//! `POST /files/fetch`: sweeppea.md 4.2.

use super::*;

#[tokio::test]
async fn a_list_answers_as_the_vendors_page() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let uploaded = try_upload(&server, &ann.key, "report.pdf", "application/pdf", &[7; REPORT]).await;
    let data = uploaded.json()["Data"].clone();
    let [token, category, date] = ["FileToken", "CategoryToken", "CreationDate"].map(|member| text(&data[member]));
    let account = &ann.uid;
    assert_reply(
        &post(&server, &ann.key, "/files/fetch", r#"{"Page":1,"Limit":50}"#).await,
        200,
        &format!(
            r##"{{"Response":true,"Telemetry":{{"DataConsumed":0,"APICalls":2,"MaxAPICalls":1500000}},"Data":{{"Files":[{{"FileToken":"{token}","CategoryToken":"{category}","CreationDate":"{date}","FileInfo":{{"Filename":"report.pdf","Path":"{account}/documents","Size":34980,"MimeType":"application/pdf","Encoding":"7bit","UploadByAdmin":false,"Opened":false,"Private":true}},"SharedTo":[],"VisibleToAdmins":false}}],"Categories":[{{"CategoryToken":"{category}","Category":"General","Color":"#A51400","Primary":true}}],"Storage":{{"UsedMB":0.03,"MaxMB":5000,"RemainingMB":4999.97}},"Pagination":{{"Page":1,"Limit":50,"TotalFiles":1,"TotalPages":1}}}},"Message":"(OK) Files fetched successfully."}}"##
        ),
    );
}

#[tokio::test]
async fn an_empty_drive_without_a_quota() {
    let server = Server::start().await;
    let ann = server.account_with("ann", &["--quota", "0"]).await;
    assert_reply(
        &post(&server, &ann.key, "/files/fetch", "").await,
        200,
        r#"{"Response":true,"Telemetry":{"DataConsumed":0,"APICalls":1,"MaxAPICalls":1500000},"Data":{"Files":[],"Categories":[],"Storage":{"UsedMB":0,"MaxMB":0,"RemainingMB":0},"Pagination":{"Page":1,"Limit":50,"TotalFiles":0,"TotalPages":0}},"Message":"(OK) Files fetched successfully."}"#,
    );
}

#[tokio::test]
async fn pages_are_newest_first_and_show_the_nearest_valid_numbers() {
    let server = Server::start().await;
    let ann = server.account("ann").await;
    let mut tokens = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        tokens.push(upload(&server, &ann.key, name, "text/plain", b"x").await);
    }
    tokens.reverse();
    assert_eq!(listed(&server, &ann.key).await, tokens);
    for (body, page, limit, pages, shown) in [
        (r#"{"Page":1,"Limit":2}"#, 1, 2, 2, &tokens[..2]),
        (r#"{"Page":2,"Limit":2}"#, 2, 2, 2, &tokens[2..]),
        (r#"{"Page":3,"Limit":2}"#, 3, 2, 2, &[]),
        (r#"{"Page":0,"Limit":0}"#, 1, 1, 3, &tokens[..1]),
        (r#"{"Page":-1,"Limit":1000}"#, 1, 200, 1, &tokens[..]),
        (r#"{"Page":1,"Limit":1e400}"#, 1, 200, 1, &tokens[..]),
        (r#"{"Page":1e400,"Limit":50}"#, 9_007_199_254_740_991_u64, 50, 1, &[]),
        (r#"{"Page":"x","Limit":{}}"#, 1, 50, 1, &tokens[..]),
        ("[2,2]", 1, 50, 1, &tokens[..]),
    ] {
        let data = post(&server, &ann.key, "/files/fetch", body).await.json()["Data"].clone();
        assert_eq!(
            data["Pagination"],
            json!({"Page": page, "Limit": limit, "TotalFiles": 3, "TotalPages": pages}),
            "{body}"
        );
        let files: Vec<_> = data["Files"].as_array().unwrap().iter().collect();
        let files: Vec<_> = files.iter().map(|file| text(&file["FileToken"])).collect();
        assert_eq!(files, shown, "{body}");
    }
}

#[tokio::test]
async fn nobody_sees_another_accounts_files() {
    let server = Server::start().await;
    let (ann, bob) = (server.account("ann").await, server.account("bob").await);
    upload_report(&server, &ann.key).await;
    assert!(listed(&server, &bob.key).await.is_empty());
    assert!(listed(&server, &server.admin_key()).await.is_empty());
}
