//! The dialects behind one face, for tests that go across them: each says and understands the same few things, in its
//! own words.

use reqwest::Method;

use crate::{
    hexnode,
    support::{Reply, Server},
    sweeppea,
    vault::{self, delete as vault_delete},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Hexnode,
    Vault,
    Sweeppea,
}
use Dialect::{Hexnode, Sweeppea, Vault};

pub(crate) const ALL: [Dialect; 3] = [Hexnode, Vault, Sweeppea];

/// A file by all its names.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: i64,
    /// With hyphens.
    pub(crate) uid: String,
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
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
    Held,
    Locked,
}

/// The names that other dialects than the uploading one know: the integer id is found in Hexnode's list.
pub(crate) async fn file(server: &Server, key: &str, uid: &str, name: &str, bytes: &[u8]) -> File {
    let list = hexnode::get_list(server, key, "?per_page=100&order_by=desc").await.json();
    let results = list["results"].as_array().unwrap();
    let entry = results.iter().find(|file| file["file_uuid"] == uid).unwrap_or_else(|| panic!("{uid} is not listed"));
    let id = entry["id"].as_i64().unwrap();
    File { id, uid: uid.to_owned(), name: name.to_owned(), bytes: bytes.to_owned(), put_url: None }
}

impl Dialect {
    /// Uploads a text file into the root folder.
    pub(crate) async fn upload(self, server: &Server, key: &str, name: &str, bytes: &[u8]) -> File {
        match self {
            Hexnode => {
                let sent = hexnode::uploaded(server, key, name, bytes).await;
                let (name, bytes) = (name.to_owned(), bytes.to_owned());
                File { id: sent.id, uid: sent.uuid, name, bytes, put_url: Some(sent.url) }
            }
            Vault => {
                let id = vault::upload(server, key, "", name, bytes).await;
                file(server, key, &vault::hyphened(&id), name, bytes).await
            }
            Sweeppea => {
                let token = sweeppea::upload(server, key, name, "text/plain", bytes).await;
                file(server, key, &token, name, bytes).await
            }
        }
    }

    /// The id in every form that this dialect takes, the one it prints first.
    pub(crate) fn ids(self, file: &File) -> Vec<String> {
        let (n, d) = (file.n(), file.uid.clone());
        match self {
            Hexnode => vec![file.id.to_string(), format!("\"{}\"", file.id), format!("{}.0", file.id)],
            Vault => vec![n.clone(), d.clone(), n.to_uppercase(), d.to_uppercase()],
            Sweeppea => vec![d.clone(), d.to_uppercase()],
        }
    }

    pub(crate) async fn delete(self, server: &Server, key: &str, id: &str) -> Reply {
        match self {
            Hexnode => hexnode::delete(server, key, &format!("[{id}]")).await,
            Vault => vault::delete_files(server, key, &[id]).await,
            Sweeppea => sweeppea::delete(server, key, id).await,
        }
    }

    /// The answer that the contract has for a delete of one file. Sweeppea counts its calls in it, and that number is
    /// taken from the reply.
    pub(crate) fn answer(self, verdict: Verdict, file: &File, reply: &Reply) -> (u16, String) {
        use Verdict::{Deleted, Held, Locked, NotFound};
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

/// Every place in which an account could see a file, and whether it does.
pub(crate) async fn views(server: &Server, key: &str, file: &File) -> Vec<(&'static str, bool)> {
    let admin = server.admin_key();
    let vault_lists = |key: String, list: &'static str| async move {
        let reply = vault::call(server, Method::GET, &format!("files/{list}/0/1000"), &key).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text().contains(&file.n())
    };
    let url = sweeppea::file_url(server, key, &file.uid).await;
    vec![
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
}
