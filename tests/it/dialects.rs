//! The dialects behind one face, for tests that go across them: each says and understands the same few things, in its
//! own words.

use reqwest::Method;

use serde_json::{Value, json};

use crate::{
    hexnode, onlyoffice, oracle,
    support::{Reply, Server},
    sweeppea,
    vault::{self, bin, delete as vault_delete},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Hexnode,
    Vault,
    Sweeppea,
    Oracle,
    OnlyOffice,
}
use Dialect::{Hexnode, OnlyOffice, Oracle, Sweeppea, Vault};

pub(crate) const ALL: [Dialect; 5] = [Hexnode, Vault, Sweeppea, Oracle, OnlyOffice];

/// A file by all its names.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: i64,
    /// With hyphens.
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// In the form of Oracle.
    pub(crate) guid: String,
    /// Where its bytes were PUT to, if that is how they came.
    pub(crate) put_url: Option<String>,
}

impl File {
    /// The uid as Vault prints it.
    pub(crate) fn n(&self) -> String {
        self.uid.replace('-', "")
    }
}

/// What a delete comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Deleted,
    NotFound,
    /// It is there, and the caller, by this display name, may not.
    Forbidden(&'static str),
    Held,
    Locked,
}

/// The names that other dialects than the uploading one know: the integer id is found in Hexnode's list.
pub(crate) async fn file(server: &Server, key: &str, uid: &str, name: &str, bytes: &[u8]) -> File {
    let list = hexnode::get_list(server, key, "?per_page=100&order_by=desc").await.json();
    let results = list["results"].as_array().unwrap();
    let entry = results.iter().find(|file| file["file_uuid"] == uid).unwrap_or_else(|| panic!("{uid} is not listed"));
    let id = entry["id"].as_i64().unwrap();
    let guid = guid(server, key, uid).await;
    File { id, uid: uid.to_owned(), name: name.to_owned(), bytes: bytes.to_owned(), guid, put_url: None }
}

/// Oracle's ids end alike in an installation.
async fn guid(server: &Server, key: &str, uid: &str) -> String {
    let home = oracle::get(server, "folders/self", key).await.json();
    let tail = home["id"].as_str().unwrap()[33..].to_owned();
    format!("D{}{tail}", uid.replace('-', "").to_uppercase())
}

impl Dialect {
    /// Uploads a text file into the root folder.
    pub(crate) async fn upload(self, server: &Server, key: &str, name: &str, bytes: &[u8]) -> File {
        match self {
            Hexnode => {
                let sent = hexnode::uploaded(server, key, name, bytes).await;
                let file = file(server, key, &sent.uuid, name, bytes).await;
                assert_eq!(file.id, sent.id);
                File { put_url: Some(sent.url), ..file }
            }
            Vault => {
                let id = vault::upload(server, key, "", name, bytes).await;
                file(server, key, &vault::hyphened(&id), name, bytes).await
            }
            Sweeppea => {
                let token = sweeppea::upload(server, key, name, "text/plain", bytes).await;
                file(server, key, &token, name, bytes).await
            }
            Oracle => {
                let guid = oracle::upload(server, key, "self", name, bytes).await;
                let file = file(server, key, &oracle::uid(&guid), name, bytes).await;
                assert_eq!(file.guid, guid);
                file
            }
            OnlyOffice => {
                let id = onlyoffice::upload(server, key, "@my", name, bytes).await;
                let uid = server.sql(&format!("select uid from node where id = {id}")).await;
                let file = file(server, key, uid[0][0].as_str().unwrap(), name, bytes).await;
                assert_eq!(file.id, id);
                file
            }
        }
    }

    /// Whether a delete puts the file into a trash first.
    pub(crate) fn has_trash(self) -> bool {
        matches!(self, Oracle | OnlyOffice)
    }

    /// What it says of a file that is there and of which the caller, by this display name, has no right.
    pub(crate) fn to_stranger(self, name: &'static str) -> Verdict {
        match self {
            Hexnode | Vault | Sweeppea => Verdict::NotFound,
            Oracle | OnlyOffice => Verdict::Forbidden(name),
        }
    }

    /// The id in every form that this dialect takes, the one it prints first.
    pub(crate) fn ids(self, file: &File) -> Vec<String> {
        let (n, d) = (file.n(), file.uid.clone());
        match self {
            Hexnode => vec![file.id.to_string(), format!("\"{}\"", file.id), format!("{}.0", file.id)],
            Vault => vec![n.clone(), d.clone(), n.to_uppercase(), d.to_uppercase()],
            Sweeppea => vec![d.clone(), d.to_uppercase()],
            Oracle => vec![file.guid.clone()],
            OnlyOffice => vec![file.id.to_string(), format!("\"{}\"", file.id)],
        }
    }

    pub(crate) async fn delete(self, server: &Server, key: &str, id: &str) -> Reply {
        match self {
            Hexnode => hexnode::delete(server, key, &format!("[{id}]")).await,
            Vault => vault::delete_files(server, key, &[id]).await,
            Sweeppea => sweeppea::delete(server, key, id).await,
            Oracle => oracle::delete_file(server, key, id).await,
            OnlyOffice => {
                let body: Value = serde_json::from_str(&format!(r#"{{"fileIds":[{id}]}}"#)).unwrap();
                onlyoffice::put(server, key, "fileops/delete", body).await
            }
        }
    }

    /// Deletes so that only the purge is left: out of the trash, where the first delete has put it there.
    pub(crate) async fn delete_for_good(self, server: &Server, key: &str, file: &File) -> Reply {
        let reply = self.delete(server, key, &self.ids(file)[0]).await;
        match self {
            Hexnode | Vault | Sweeppea => reply,
            Oracle => {
                let item = format!("FLD_DELETE_FROM_TRASH&item=fFileGUID:{}", trash_id(server, key, file).await);
                assert_eq!(oracle::run(server, key, &item).await, "0");
                reply
            }
            OnlyOffice => {
                let body = json!({"fileIds": [file.id], "immediately": true});
                onlyoffice::put(server, key, "fileops/delete", body).await
            }
        }
    }

    /// Takes a file out of the trash.
    pub(crate) async fn restore(self, server: &Server, key: &str, file: &File) {
        match self {
            Hexnode | Sweeppea => panic!("it has no trash"),
            Vault => {
                let reply = bin::restore(server, key, &[&file.n()]).await;
                assert_eq!(reply.json()["success_counter"], 1, "{}", reply.text());
            }
            Oracle => {
                let item = format!("FLD_RESTORE&item=fFileGUID:{}", trash_id(server, key, file).await);
                assert_eq!(oracle::run(server, key, &item).await, "0");
            }
            OnlyOffice => {
                let home = onlyoffice::my(server, key).await;
                let body = json!({"fileIds": [file.id], "destFolderId": home});
                let reply = onlyoffice::put(server, key, "fileops/move", body).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
        }
    }

    /// Destroys all that the caller holds in the trash.
    pub(crate) async fn empty_trash(self, server: &Server, key: &str) {
        match self {
            Hexnode | Sweeppea => panic!("it has no trash"),
            Vault => {
                let reply = vault::call(server, Method::DELETE, "recycle_bin/all", key).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
            Oracle => {
                let body = r#"{"LocalData":{"IdcService":"FLD_EMPTY_TRASH","useBackgroundThread":1}}"#;
                let reply = oracle::service(server, Method::POST, key, "FLD_EMPTY_TRASH", body).await;
                assert_eq!(oracle::status_code(&reply), "0", "{}", reply.text());
            }
            OnlyOffice => {
                let reply = onlyoffice::put(server, key, "fileops/emptytrash", Value::Null).await;
                assert_eq!(reply.status, 200, "{}", reply.text());
            }
        }
    }

    /// The answer that the contract has for a delete of one file. Sweeppea counts its calls in it, and that number is
    /// taken from the reply.
    pub(crate) fn answer(self, verdict: Verdict, file: &File, reply: &Reply) -> (u16, String) {
        use Verdict::{Deleted, Forbidden, Held, Locked, NotFound};
        let (id, n) = (file.id, file.n());
        let entry = |value: &str| (200, vault_delete::some_refused(&[(&n, value)], 0));
        match (self, verdict) {
            (Hexnode, Deleted) => (200, hexnode::DELETED.to_owned()),
            (Hexnode, NotFound) => (404, format!(r#"{{"detail":"Not found.","file_ids":[{id}]}}"#)),
            (Hexnode, Held) => (403, format!(r#"{{"detail":"File is under a legal hold.","file_ids":[{id}]}}"#)),
            (Hexnode, Locked) => (403, format!(r#"{{"detail":"File is locked or being edited.","file_ids":[{id}]}}"#)),
            (Vault, Deleted) => (200, vault_delete::all_marked(&[(&file.name, &n)])),
            (Vault, NotFound) => entry(vault_delete::MISSING),
            (Vault, Held) => entry(vault_delete::HELD),
            (Vault, Locked) => entry(vault_delete::LOCKED),
            (Sweeppea, Deleted) => (200, sweeppea_deleted(file, reply)),
            (Sweeppea, NotFound) => (404, sweeppea::not_found_body(calls_of(reply))),
            (Sweeppea, Held) => (403, sweeppea_refused("File is under a legal hold.")),
            (Sweeppea, Locked) => (403, sweeppea_refused("File is locked or being edited.")),
            (Hexnode | Vault | Sweeppea, Forbidden(_)) => unreachable!("they hide what is foreign"),
            (Oracle, Deleted) => (200, format!(r#"{{"errorCode":"0","idList":"{}","type":"file"}}"#, file.guid)),
            (Oracle, NotFound) => oracle_refused(404, "-16", "csFldDoesNotExist", "does not exist.", file),
            (Oracle, Held) => oracle_refused(403, "-22", "csItemHeld", "is under a legal hold.", file),
            (Oracle, Locked) => oracle_refused(403, "-22", "csItemLocked", "is locked or being edited.", file),
            (Oracle, Forbidden(name)) => oracle_forbidden(name, file),
            (OnlyOffice, Deleted) => (200, onlyoffice_accepted(file, reply)),
            (OnlyOffice, NotFound) => onlyoffice_refused(404, "The required file was not found"),
            (OnlyOffice, Held) => onlyoffice_refused(403, "The item is under a legal hold"),
            (OnlyOffice, Locked | Forbidden(_)) => onlyoffice_refused(403, "Access denied"),
        }
    }

    /// Deletes by the id that the dialect prints, and asserts the answer.
    pub(crate) async fn assert_delete(self, server: &Server, key: &str, file: &File, verdict: Verdict) {
        let reply = self.delete(server, key, &self.ids(file)[0]).await;
        assert_eq!((reply.status, reply.text()), self.answer(verdict, file, &reply), "{self:?}, {verdict:?}");
    }
}

/// The call's number where the reply tells it; a reply without one is wrong, and shown whole by the assertion.
fn calls_of(reply: &Reply) -> u64 {
    reply.json()["Telemetry"]["APICalls"].as_u64().unwrap_or(0)
}

fn sweeppea_deleted(file: &File, reply: &Reply) -> String {
    let (uid, name, calls) = (&file.uid, &file.name, calls_of(reply));
    assert!(file.bytes.len() < 5_000, "a small file is 0 MB");
    format!(
        r#"{{"Response":true,"Telemetry":{{"DataConsumed":0,"APICalls":{calls},"MaxAPICalls":1500000}},"Data":{{"FileToken":"{uid}","Filename":"{name}","SizeMB":0}},"Message":"(OK) File deleted successfully."}}"#
    )
}

fn sweeppea_refused(message: &str) -> String {
    format!(r#"{{"Response":false,"Message":"{message}","Code":403}}"#)
}

/// The id that Oracle gives the entry of a file in its trash.
async fn trash_id(server: &Server, key: &str, file: &File) -> String {
    let (files, _) = oracle::browse(server, key).await;
    let entry = files.iter().find(|entry| entry["fRealItemGUID"] == file.guid.as_str());
    entry.unwrap_or_else(|| panic!("{file:?} is not in the trash"))["fFileGUID"].as_str().unwrap().to_owned()
}

fn oracle_refused(status: u16, code: &str, key: &str, what: &str, file: &File) -> (u16, String) {
    let id = &file.guid;
    oracle_error(
        status,
        code,
        &format!("{key},fFileGUID:{id}"),
        &format!("Unable to delete items. The item fFileGUID:{id} {what}"),
        id,
    )
}

fn oracle_forbidden(name: &str, file: &File) -> (u16, String) {
    let id = &file.guid;
    let key = format!("csCloudItemInsufficientPrivileges,{name},fFileGUID:{id},FLD_MOVE_TO_TRASH");
    let message = format!(
        "Unable to delete items. User '{name}' has insufficient privilege to access fFileGUID:{id} with service FLD_MOVE_TO_TRASH."
    );
    oracle_error(403, "-20", &key, &message, id)
}

fn oracle_error(status: u16, code: &str, key: &str, message: &str, id: &str) -> (u16, String) {
    let body = format!(
        r#"{{"errorCode":"{code}","errorKey":"!csFldUnableToDeleteItems!{key}","errorMessage":"{message}","errorType":"file","idList":"{id}","title":"{message}","type":""}}"#
    );
    (status, body)
}

/// The record of an operation has an id and times of its own: what it must say is looked at, the rest is the reply's.
fn onlyoffice_accepted(file: &File, reply: &Reply) -> String {
    let body = reply.json();
    let record = &body["response"][0];
    let seen = json!([body["status"], record["operation"], record["finished"], record["progress"], record["error"]]);
    assert_eq!(seen, json!([0, 2, false, 0, ""]), "{body}");
    let entry = &record["files"][0];
    assert_eq!(json!([entry["Id"], entry["Title"]]), json!([file.id, file.name]), "{body}");
    reply.text()
}

fn onlyoffice_refused(status: u16, message: &str) -> (u16, String) {
    let body = format!(
        r#"{{"status":1,"statusCode":{status},"error":{{"message":"{message}","type":null,"stack":null,"hresult":0}}}}"#
    );
    (status, body)
}

/// Every place in which an account could see a file, and whether it does.
pub(crate) async fn views(server: &Server, key: &str, file: &File) -> Vec<(&'static str, bool)> {
    let admin = server.admin_key();
    let vault_lists = |key: String, list: &'static str| async move {
        let reply = vault::call(server, Method::GET, &format!("files/{list}/0/1000"), &key).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text().contains(&file.n())
    };
    let url = sweeppea::file_url(server, key, &file.uid).await;
    let oracles = async |what: &str| {
        let reply = oracle::get(server, &format!("files/{}{what}", file.guid), key).await;
        assert!(reply.status == 200 || reply.status == 404, "{}", reply.text());
        reply.status == 200
    };
    let status = oracle::get(server, &format!("files/lists?checkStatus=1&idList={}", file.guid), key).await.json();
    let info = onlyoffice::get(server, key, &format!("file/{}", file.id)).await;
    let presigned = onlyoffice::get(server, key, &format!("file/{}/presigneduri", file.id)).await;
    vec![
        ("Oracle's information", oracles("").await),
        ("Oracle's download", oracles("/data").await),
        ("Oracle's versions", oracles("/versions").await),
        ("Oracle's list by ids", status["items"][0]["status"] == "exists"),
        // The holder of a trash entry is still told of it, in the trash.
        ("ONLYOFFICE's information", info.status == 200 && info.json()["response"]["rootFolderType"] == 5),
        ("ONLYOFFICE's temporary URL", presigned.status == 200),
        ("ONLYOFFICE's folders", onlyoffice_folders_show(server, key, file.id).await),
        ("Hexnode's list", hexnode::listed(server, key).await.contains(&file.id)),
        ("Vault's list", vault_lists(key.to_owned(), "my").await),
        ("Vault's list for administrators", vault_lists(admin, "all").await),
        ("Vault's download and status", vault::is_there(server, key, &file.n()).await),
        ("Vault's folders", lies_somewhere(server, key, &file.n()).await),
        ("Sweeppea's list", sweeppea::listed(server, key).await.contains(&file.uid)),
        ("Sweeppea's URL", url.status == 200),
    ]
}

/// Whether a file lies in a folder, seen by walking down from the root.
async fn lies_somewhere(server: &Server, key: &str, file: &str) -> bool {
    let mut open = vec![vault::root(server, key).await];
    while let Some(folder) = open.pop() {
        for (_, kind, id) in vault::content(server, key, &folder).await {
            match kind.as_str() {
                "file" if id == file => return true,
                "file" => {}
                _ => open.push(id),
            }
        }
    }
    false
}

/// Whether a file lies in a folder of the account's own, seen by walking down.
async fn onlyoffice_folders_show(server: &Server, key: &str, file: i64) -> bool {
    let mut open = vec![onlyoffice::my(server, key).await];
    while let Some(folder) = open.pop() {
        let (files, folders) = onlyoffice::content(server, key, folder).await;
        if files.contains(&file) {
            return true;
        }
        open.extend(folders);
    }
    false
}

/// Every trash in which an account could see a file, and whether it does: they are one.
async fn trashes(server: &Server, key: &str, file: &File) -> Vec<(&'static str, bool)> {
    let (files, _) = oracle::browse(server, key).await;
    vec![
        ("Oracle's trash", files.iter().any(|entry| entry["fRealItemGUID"] == file.guid.as_str())),
        ("ONLYOFFICE's trash", onlyoffice::content(server, key, "@trash").await.0.contains(&file.id)),
        ("Vault's bin", bin::binned(server, key).await.contains(&file.n())),
    ]
}

/// Asserts that all trashes agree.
pub(crate) async fn assert_trashed(server: &Server, key: &str, file: &File, trashed: bool) {
    for (trash, shows) in trashes(server, key, file).await {
        assert_eq!(shows, trashed, "{trash}, of {}", file.name);
    }
}

/// Asserts that all places agree.
pub(crate) async fn assert_shown(server: &Server, key: &str, file: &File, shown: bool) {
    for (view, shows) in views(server, key, file).await {
        assert_eq!(shows, shown, "{view}, of {}", file.name);
    }
}

/// Asserts that the bytes that come back are those that were sent.
pub(crate) async fn assert_reads_back(server: &Server, key: &str, file: &File) {
    let reply = vault::call(server, Method::GET, &format!("file/{}", file.n()), key).await;
    assert_eq!((reply.status, &reply.body[..]), (200, &file.bytes[..]), "{}", file.name);
    let reply = oracle::get(server, &format!("files/{}/data", file.guid), key).await;
    assert_eq!((reply.status, &reply.body[..]), (200, &file.bytes[..]), "{}", file.name);
    let reply = onlyoffice::get(server, key, &format!("file/{}/download", file.id)).await;
    assert_eq!((reply.status, &reply.body[..]), (200, &file.bytes[..]), "{}", file.name);
}
