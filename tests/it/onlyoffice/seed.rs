//! The example of the vendor's page on `fileops/delete`, in JSON and XML: its request, and its answer's layout to the
//! byte, with this server's own values in place of the sample's.

use reqwest::Method;
use serde_json::Value;

use super::{NO_FOLDER, assert_refused, make_folder, my, path, send, upload};
use crate::support::{Account, Server};

const PERSON: &str = r#"{"Id":"<uid>","DisplayName":"ann","Title":"","AvatarSmall":"/skins/default/images/default_user_photo_size_32-32.png","ProfileUrl":"/Products/People/Profile.aspx?user=ann"}"#;

const JSON: &str = r#"{"count":1,"links":[{"href":"<url>/api/2.0/files/fileops/delete","action":"PUT"}],"status":0,"statusCode":200,"response":[{"id":"<operation>","operation":2,"Operation":2,"progress":0,"error":"","processed":"0","finished":false,"url":null,"files":[{"RootFolderType":5,"UpdatedBy":<person>,"Created":"<file created>","CreatedBy":<person>,"Updated":"<file updated>","ProviderItem":false,"ProviderKey":null,"ProviderId":null,"FolderId":<root>,"Version":1,"VersionGroup":1,"ContentLength":"12.06 KB","PureContentLength":12345,"FileStatus":0,"ViewUrl":"<url>/api/2.0/files/file/<file>/download?version=1","WebUrl":"<url>/api/2.0/files/file/<file>/download?version=1","FileType":7,"FileExst":".txt","Comment":null,"Encrypted":false,"Id":<file>,"Title":"Some titile.txt","Access":0,"Shared":false}],"folders":[{"RootFolderType":5,"UpdatedBy":<person>,"Created":"<folder created>","CreatedBy":<person>,"Updated":"<folder updated>","ProviderItem":false,"ProviderKey":null,"ProviderId":null,"ParentId":<root>,"FilesCount":2,"FoldersCount":0,"IsShareable":true,"Id":<folder>,"Title":"Some titile","Access":0,"Shared":false}]}]}"#;

const XML_PERSON: &str = "<Id>{uid}</Id><DisplayName>ann</DisplayName><Title /><AvatarSmall>/skins/default/images/default_user_photo_size_32-32.png</AvatarSmall><ProfileUrl>/Products/People/Profile.aspx?user=ann</ProfileUrl>";

const XML: &str = "<result><status>0</status><response><id>{operation}</id><operation>2</operation><progress>0</progress><error /><processed>0</processed><finished>False</finished><url /><files><RootFolderType>5</RootFolderType><UpdatedBy>{person}</UpdatedBy><Created>{file created}</Created><CreatedBy>{person}</CreatedBy><Updated>{file updated}</Updated><ProviderItem>False</ProviderItem><ProviderKey /><ProviderId /><FolderId>{root}</FolderId><Version>1</Version><VersionGroup>1</VersionGroup><ContentLength>12.06 KB</ContentLength><PureContentLength>12345</PureContentLength><FileStatus>0</FileStatus><ViewUrl>{url}/api/2.0/files/file/{file}/download?version=1</ViewUrl><WebUrl>{url}/api/2.0/files/file/{file}/download?version=1</WebUrl><FileType>7</FileType><FileExst>.txt</FileExst><Comment /><Encrypted>False</Encrypted><Id>{file}</Id><Title>Some titile.txt</Title><Access>0</Access><Shared>False</Shared></files><folders><RootFolderType>5</RootFolderType><UpdatedBy>{person}</UpdatedBy><Created>{folder created}</Created><CreatedBy>{person}</CreatedBy><Updated>{folder updated}</Updated><ProviderItem>False</ProviderItem><ProviderKey /><ProviderId /><ParentId>{root}</ParentId><FilesCount>2</FilesCount><FoldersCount>0</FoldersCount><IsShareable>True</IsShareable><Id>{folder}</Id><Title>Some titile</Title><Access>0</Access><Shared>False</Shared></folders></response></result>";

struct Scene {
    server: Server,
    ann: Account,
    root: i64,
    file: i64,
    folder: i64,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let ann = server.account("ann").await;
        let root = my(&server, &ann.key).await;
        let file = upload(&server, &ann.key, "@my", "Some titile.txt", &[b'x'; 12_345]).await;
        let folder = make_folder(&server, &ann.key, root, "Some titile").await;
        for name in ["a.txt", "b.txt"] {
            upload(&server, &ann.key, folder, name, b"x").await;
        }
        Self { server, ann, root, file, folder }
    }

    /// The page's request, with ids in place of its `some text`.
    fn body(&self) -> String {
        format!(
            "{{\n  \"folderIds\": [\n    \"{}\"\n  ],\n  \"fileIds\": [\n    \"{}\"\n  ],\n  \"deleteAfter\": true,\n  \
             \"immediately\": true\n}}",
            self.folder, self.file
        )
    }

    fn headers(&self, accept: &'static str) -> [(&str, &str); 3] {
        [("authorization", self.ann.key.as_str()), ("content-type", "application/json"), ("accept", accept)]
    }

    async fn date(&self, node: i64, column: &str) -> String {
        let rows = self.server.sql(&format!("select {column} from node where id = {node}")).await;
        let micros = rows[0][0].as_i64().unwrap();
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap();
        let (date, clock) = (time.date(), time.time());
        let (hour, minute, second, micro) = clock.as_hms_micro();
        format!("{date}T{hour:02}:{minute:02}:{second:02}.{micro:06}0Z")
    }

    /// The layout with the values of this scene; the operation's id is chance.
    async fn filled(&self, layout: &str, operation: &str, (open, close): (char, char)) -> String {
        let values = [
            ("url", self.server.url("")),
            ("operation", operation.to_owned()),
            ("uid", self.ann.uid.clone()),
            ("root", self.root.to_string()),
            ("file", self.file.to_string()),
            ("folder", self.folder.to_string()),
            ("file created", self.date(self.file, "created_at").await),
            ("file updated", self.date(self.file, "modified_at").await),
            ("folder created", self.date(self.folder, "created_at").await),
            ("folder updated", self.date(self.folder, "modified_at").await),
        ];
        values
            .iter()
            .fold(layout.to_owned(), |text, (place, value)| text.replace(&format!("{open}{place}{close}"), value))
    }
}

#[tokio::test]
async fn the_page_s_request_is_read() {
    let scene = Scene::new().await;
    let body = "{\n  \"folderIds\": [\n    \"some text\"\n  ],\n  \"fileIds\": [\n    \"some text\"\n  ],\n  \
                \"deleteAfter\": true,\n  \"immediately\": true\n}";
    let headers = scene.headers("application/json");
    let reply = send(&scene.server, Method::PUT, "fileops/delete", &headers, body).await;
    assert_refused(&reply, 404, NO_FOLDER);
}

#[tokio::test]
async fn the_page_s_answer_is_given_in_json() {
    let scene = Scene::new().await;
    let layout = scene.filled(&JSON.replace("<person>", PERSON), "<operation>", ('<', '>')).await;
    let headers = scene.headers("application/json");
    let reply = send(&scene.server, Method::PUT, "fileops/delete", &headers, scene.body()).await;
    let id = reply.json()["response"][0]["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().to_string(), id, "lower case, with hyphens");
    assert_eq!((reply.status, reply.text()), (200, layout.replace("<operation>", &id)));
    assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
    let value: Value = reply.json();
    assert_eq!(value["response"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_page_s_answer_is_given_in_xml() {
    let scene = Scene::new().await;
    let layout = scene.filled(&XML.replace("{person}", XML_PERSON), "{operation}", ('{', '}')).await;
    let headers = scene.headers("text/xml");
    let reply = scene.server.send(Method::PUT, &path("fileops/delete"), &headers, scene.body()).await;
    let text = reply.text();
    let id = text.split("<id>").nth(1).and_then(|rest| rest.split("</id>").next()).unwrap_or_default().to_owned();
    assert_eq!((reply.status, text), (200, layout.replace("{operation}", &id)));
    assert_eq!(reply.header("content-type"), "text/xml; charset=utf-8");
}
