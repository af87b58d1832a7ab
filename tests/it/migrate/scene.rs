//! An installation with everything in it that can be taken along, and what its accounts see of it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use reqwest::Method;
use serde_json::json;

use crate::{
    dialects::{self, Dialect, File},
    hexnode, onlyoffice, oracle,
    support::{
        Account, Output, Server, Started, binary, finish, installation::Installation, postgres::Database,
        start_command, weed::Bucket, without_own_variables,
    },
    sweeppea,
    vault::{self, bin},
};

/// Bytes of the upload that is open, of which half have come.
pub(super) const OPEN: &[u8] = b"0123456789abcdefghij";

/// A server that was killed in the middle of its work, so that the last commits stand beside the database.
pub(super) struct Old {
    pub(super) server: Server,
    pub(super) people: People,
    /// What its accounts saw.
    pub(super) seen: Vec<(String, String)>,
}

/// Who and what is in it, by the ids that stay.
pub(super) struct People {
    pub(super) ann: Account,
    bob: Account,
    /// A key of ann's that only reads.
    reader: String,
    pub(super) live: Vec<File>,
    pub(super) held: File,
    versions: String,
    folder: String,
    link: String,
    pub(super) group: String,
    pub(super) open: String,
    /// An upload whose bytes have all come.
    pub(super) slot: String,
}

impl Old {
    pub(super) async fn new() -> Self {
        let server = Server::start_embedded().await;
        let people = People::new(&server).await;
        let seen = people.see(&server).await;
        assert_same(&seen, &people.see(&server).await);
        // It dies with the bytes of an upload in storage that no file has yet.
        server.fault("upload.written", "kill").await;
        let body = json!({"Filename": "late.txt", "MimeType": "text/plain", "FileData": BASE64.encode(b"late")});
        let bearer = format!("Bearer {}", people.ann.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        assert!(server.try_send(Method::POST, "/files/upload", &headers, body.to_string()).await.is_err());
        server.wait_end().await;
        Self { server, people, seen }
    }

    /// Runs `unfile migrate` on it.
    pub(super) async fn migrate(&self, to: &Target, env: &[(&str, &str)]) -> Output {
        migrate(&self.server, to, env).await
    }

    /// Everything below its data directory, but for the index of the log that every reader of the database writes anew.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        read_below(self.server.data(), &mut found);
        found.retain(|path, _| !path.ends_with("unfile.db-shm"));
        found
    }
}

/// Runs `unfile migrate` on the installation of a server that was stopped.
pub(super) async fn migrate(server: &Server, to: &Target, env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    without_own_variables(&mut command)
        .arg("migrate")
        .args(&to.args)
        .env("UNFILE_DATA", server.data())
        .env("RUST_LOG", "warn")
        .envs(to.env.iter().map(|(name, value)| (name, value)))
        .envs(env.iter().copied());
    finish(command, String::new()).await
}

fn read_below(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read_below(&path, found),
            false => drop(found.insert(path.clone(), std::fs::read(path).unwrap())),
        }
    }
}

/// Where an installation is taken.
pub(super) struct Target {
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    installation: Installation,
}

impl Target {
    /// A fresh database, a fresh prefix in a bucket of this name, or both.
    pub(super) async fn new(database: bool, bucket: Option<&str>) -> Self {
        let database = if database { Some(Database::new().await) } else { None };
        let bucket = match bucket {
            Some(name) => Some(Bucket::new(name).await),
            None => None,
        };
        let mut args = Vec::new();
        if let Some(database) = &database {
            args.extend(["--to-database".to_owned(), database.url()]);
        }
        if let Some(bucket) = &bucket {
            args.extend(["--to-objects".to_owned(), bucket.url()]);
        }
        let env = bucket.as_ref().map(Bucket::env).unwrap_or_default();
        Self { args, env, installation: Installation::on(database, bucket) }
    }

    /// A fresh database, for rows whose objects are in a bucket already.
    pub(super) async fn beside(bucket: &Bucket) -> Self {
        let database = Database::new().await;
        let args = vec!["--to-database".to_owned(), database.url(), "--objects".to_owned(), bucket.url()];
        Self { args, env: bucket.env(), installation: Installation::on(Some(database), Some(bucket.clone())) }
    }

    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    pub(super) fn bucket(&self) -> &Bucket {
        self.installation.bucket().unwrap()
    }

    /// Starts a server there that must not come up; what stayed is read where it is.
    pub(super) async fn refused_start(&self, old: &Server) -> Output {
        let own = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary());
        without_own_variables(&mut command)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("UNFILE_DATA", if self.installation.is_shared() { own.path() } else { old.data() })
            .env("RUST_LOG", "warn")
            .envs(self.installation.env());
        match start_command(command).await {
            Started::Ended(output) => output,
            Started::Ready(_) => panic!("a server serves what is not all there"),
        }
    }

    /// Starts a server there, once the migration is done. What stayed is moved to where it looks: the source is of no
    /// use any more.
    pub(super) async fn serve(self, old: &Server) -> Server {
        let (from, to) = (old.data(), self.installation.data());
        std::fs::create_dir_all(to).unwrap();
        let mut stayed = vec!["admin-credentials"];
        if self.installation.bucket().is_none() {
            stayed.push("objects");
        }
        if !self.installation.is_shared() {
            stayed.extend(["unfile.db", "unfile.db-wal"]);
        }
        for name in stayed.into_iter().filter(|name| from.join(name).exists()) {
            std::fs::rename(from.join(name), to.join(name)).unwrap();
        }
        Server::start_on(self.installation, &[]).await
    }
}

impl People {
    async fn new(server: &Server) -> Self {
        let ann = server.account_with("ann", &["--quota", "100000000"]).await;
        let bob = server.account("bob").await;
        let key = &ann.key;
        let added: serde_json::Value = server.cli(&["key", "add", "ann", "--read-only", "--json"]).await.json();
        let reader = added["key"].as_str().unwrap().to_owned();

        let folder = oracle::make_folder(server, key, "self", "Ärger").await;
        let mut versions = String::new();
        for content in ["one", "two", "three"] {
            versions = oracle::upload(server, key, &folder, "versions.txt", content.as_bytes()).await;
        }
        let path = format!("files/{versions}");
        let single = oracle::call_with(server, Method::DELETE, &path, key, &[], r#"{"version":"2"}"#).await;
        oracle::assert_outcome(&single, oracle::OK);
        let below = oracle::make_folder(server, key, &folder, "trashed").await;
        oracle::upload(server, key, &below, "below.txt", b"below").await;
        let trashed = oracle::call(server, Method::DELETE, &format!("folders/{below}"), key).await;
        oracle::assert_outcome(&trashed, oracle::OK);
        let link = r#"{"assignedUsers":"@everybody","role":"downloader","linkName":"l"}"#;
        let link = oracle::public_link(server, key, &folder, link).await;

        let mut live = Vec::new();
        for dialect in dialects::ALL {
            let bytes = vec![b'x'; 1_000 + live.len()];
            let file = dialect.upload(server, key, &format!("{dialect:?}.txt"), &bytes).await;
            let gone = dialect.upload(server, key, &format!("{dialect:?} gone.txt"), b"gone").await;
            dialect.delete_for_good(server, key, &gone).await;
            if dialect.has_trash() {
                let trashed = dialect.upload(server, key, &format!("{dialect:?} trashed.txt"), b"trashed").await;
                dialect.delete(server, key, &dialect.ids(&trashed)[0]).await;
            }
            onlyoffice::share(server, key, &format!("file/{}", file.id), &bob.uid, 1).await;
            live.push(file);
        }
        let held = Dialect::Vault.upload(server, key, "held.txt", b"held").await;
        hold(server, &held).await;
        server.run_jobs().await;

        let group = vault::open(server, key).await;
        let open = vault::announce(server, key, &group, "", "open.txt", OPEN.len()).await;
        assert_eq!(vault::send_chunk(server, key, &group, &open, 0, &OPEN[..10]).await.status, 200);
        hexnode::presign(server, key, "never.pdf", "application/pdf").await;
        let (url, slot) = hexnode::presign(server, key, "slot.pdf", "application/pdf").await;
        assert_eq!(hexnode::put(server, &url, "application/pdf", b"slot").await.status, 200);

        // A purge that storage refuses, one that a hold parks, and a folder whose content has no marks of its own.
        let refused = Dialect::Sweeppea.upload(server, key, "refused.txt", b"refused").await;
        let parked = Dialect::Hexnode.upload(server, key, "parked.txt", b"parked").await;
        server.fault("objects.delete", "fail").await;
        server.fault("expand", "fail").await;
        for file in [&refused, &parked] {
            Dialect::Hexnode.delete(server, key, &file.id.to_string()).await;
        }
        hold(server, &parked).await;
        let big = onlyoffice::make_folder(server, key, onlyoffice::my(server, key).await, "big").await;
        onlyoffice::upload(server, key, big, "in it.txt", b"in it").await;
        let body = json!({"folderIds": [big], "immediately": true});
        assert_eq!(onlyoffice::put(server, key, "fileops/delete", body).await.status, 200);
        Self { ann, bob, reader, live, held, versions, folder, link, group, open, slot }
    }

    /// What everybody sees, each by a name.
    pub(super) async fn see(&self, server: &Server) -> Vec<(String, String)> {
        let (ann, bob, reader) = (&self.ann.key, &self.bob.key, &self.reader);
        let mut seen = Vec::new();
        let mut note = |name: String, text: String| seen.push((name, text.replace(&server.url(""), "<url>")));
        for key in [ann, bob, reader] {
            note(format!("hexnode {key}"), hexnode::get_list(server, key, "?per_page=100").await.text());
            for list in ["files/my/0/1000", "recycle_bin/0/1000"] {
                note(format!("vault {list} {key}"), vault::call(server, Method::GET, list, key).await.text());
            }
            for list in ["folders/self/items", &format!("folders/{}/items", self.folder)] {
                note(format!("oracle {list} {key}"), oracle::get(server, list, key).await.text());
            }
            for list in ["@my", "@share", "@trash"] {
                note(format!("onlyoffice {list} {key}"), onlyoffice::get(server, key, list).await.text());
            }
        }
        note("sweeppea".into(), sweeppea::listed(server, ann).await.join(" "));
        note("trash".into(), format!("{:?} {:?}", oracle::browse(server, ann).await, bin::binned(server, ann).await));
        for version in ["", "/versions", "/data", "/data?version=1", "/data?version=2"] {
            let path = format!("files/{}{version}", self.versions);
            note(path.clone(), oracle::get(server, &path, ann).await.text());
        }
        let by_link = [("linkID", self.link.as_str())];
        let path = format!("folders/{}/items", self.folder);
        note("link".into(), oracle::call_with(server, Method::GET, &path, "", &by_link, "").await.text());
        for command in [["hold", "list"].as_slice(), &["key", "list", "ann"]] {
            note(command.join(" "), server.cli(command).await.stdout);
        }
        let accounts = server.sql("select uid, name, role, quota, used from account order by id").await;
        note("accounts".into(), format!("{accounts:?}"));
        for file in &self.live {
            dialects::assert_reads_back(server, ann, file).await;
        }
        seen
    }
}

/// That everybody sees the same; what differs is shown, and nothing else.
#[track_caller]
pub(super) fn assert_same(before: &[(String, String)], after: &[(String, String)]) {
    let differing: Vec<_> = before.iter().zip(after).filter(|(before, after)| before != after).collect();
    assert!(differing.is_empty() && before.len() == after.len(), "{differing:#?}");
}

async fn hold(server: &Server, file: &File) {
    let held = server.cli(&["hold", "add", &file.uid, "--reason", "case"]).await;
    assert_eq!(held.status, 0, "{held:?}");
}
