//! The table: a call that is good in itself, and the status that each caller gets for it.
//!
//! Places in angle brackets stand for things of the owner's, made afresh for every call: a file (`<id>`, `<N>`, `<D>`,
//! `<guid>`, `<read url>`, `<office url>`) in a folder (`<folder>`, `<folder id>`, `<folder guid>`), with a public link
//! (`<link>`) or open for editing (`<edit key>`); a file in the trash (`<binned>`, `<entry>`); an upload whose bytes are there (`<put url>`, `<put slot>`); a transfer
//! (`<group>`) with a file whose bytes are there (`<part>`); one with a finished file (`<whole group>`).

use reqwest::Method;

use super::Who;

/// What a call takes, each with what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Read,
    Download,
    Write,
    Delete,
    Share,
    /// More than anybody but the owner ever has here.
    Own,
}
use Need::{Delete, Download, Own, Read, Share, Write};

pub(super) struct Row {
    /// As in the dialect's own table.
    pub(super) route: &'static str,
    pub(super) path: &'static str,
    /// `name: value; name: value`
    pub(super) headers: &'static str,
    pub(super) body: &'static str,
    /// Whether a 200 means that the file is gone.
    pub(super) deletes: bool,
    /// Whether a 200 means that the caller's key is gone.
    pub(super) ends_key: bool,
    /// Which rights on the folder it takes, if others than the owner may be given any that suffice.
    pub(super) needs: Option<Need>,
    /// In the order of [`Who`]: nobody, unknown key, stranger, owner, owner's read-only key, disabled account,
    /// administrator.
    expected: [&'static str; 7],
}

impl Row {
    pub(super) fn method(&self) -> Method {
        self.route.split(' ').next().unwrap().parse().unwrap()
    }

    pub(super) fn expects(&self, who: Who) -> &'static str {
        self.expected[who as usize]
    }

    pub(super) fn is_hexnode(&self) -> bool {
        self.route.contains("/filemanagement")
    }

    /// Takes a key by itself and after `Bearer`.
    pub(super) fn is_onlyoffice(&self) -> bool {
        self.route.contains("/api/2.0/")
    }

    pub(super) fn is_sweeppea(&self) -> bool {
        self.route.contains(" /files/")
    }

    pub(super) fn is_vault(&self) -> bool {
        self.route.contains("/vault_rest/")
    }

    /// A dialect's, not the server's own.
    pub(super) fn is_dialects(&self) -> bool {
        !unfile::http::pages().any(|page| self.route == format!("GET {page}"))
    }

    const fn of(route: &'static str, path: &'static str, expected: [&'static str; 7]) -> Self {
        Self { route, path, headers: "", body: "", deletes: false, ends_key: false, needs: None, expected }
    }

    const fn headers(self, headers: &'static str) -> Self {
        Self { headers, ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    const fn json(self, body: &'static str) -> Self {
        self.headers("content-type: application/json").body(body)
    }

    const fn deletes(self) -> Self {
        Self { deletes: true, ..self }
    }

    const fn needs(self, needs: Need) -> Self {
        Self { needs: Some(needs), ..self }
    }

    const fn ends_key(self) -> Self {
        Self { ends_key: true, ..self }
    }
}

/// The URL or the page is for everybody.
const OPEN: [&str; 7] = ["200"; 7];
/// Hexnode: any good key, and one that may write.
const HEXNODE_READ: [&str; 7] = ["401", "401", "200", "200", "200", "401", "200"];
const HEXNODE_WRITE: [&str; 7] = ["401", "401", "200", "200", "403", "401", "200"];
/// Hexnode: a thing that is the owner's alone.
const HEXNODE_OWN: [&str; 7] = ["401", "401", "404", "200", "403", "401", "404"];
/// Vault: any good key, and one that may write.
const VAULT_READ: [&str; 7] = ["403", "403", "200", "200", "200", "403", "200"];
const VAULT_WRITE: [&str; 7] = ["403", "403", "200", "200", "403", "403", "200"];
/// Vault: a file or folder, read by its owner alone.
const VAULT_OWN: [&str; 7] = ["403", "403", "404", "200", "200", "403", "404"];
/// Vault: a batch of deletes, in which an administrator reaches everybody's files.
const VAULT_DELETE: [&str; 7] = ["403", "403", "200 refused", "200", "403", "403", "200"];
/// Vault: a transfer, which its opener alone goes on with.
const VAULT_TRANSFER: [&str; 7] = ["403", "403", "403", "200", "403", "403", "403"];
/// Vault: a change of a file, by its owner alone.
const VAULT_CHANGE: [&str; 7] = ["403", "403", "400", "200", "403", "403", "400"];
/// Oracle and ONLYOFFICE: any good key, and one that may write; the second with the status of what is made.
const READ: [&str; 7] = ["401", "401", "200", "200", "200", "401", "200"];
const WRITE: [&str; 7] = ["401", "401", "200", "200", "403", "401", "200"];
const MAKE: [&str; 7] = ["401", "401", "201", "201", "403", "401", "201"];
/// The same of a thing that is there and to which strangers have no right.
const OWN_READ: [&str; 7] = ["401", "401", "403", "200", "200", "401", "403"];
const OWN_WRITE: [&str; 7] = ["401", "401", "403", "200", "403", "401", "403"];
const OWN_MAKE: [&str; 7] = ["401", "401", "403", "201", "403", "401", "403"];
/// Oracle's services, which answer 200 and say what is wrong within.
const OWN_SERVICE: [&str; 7] = ["401", "401", "200 refused", "200", "200 refused", "401", "200 refused"];
/// ONLYOFFICE: without a key they show nothing and change nothing.
const OPERATIONS: [&str; 7] = ["200", "401", "200", "200", "200", "401", "200"];
/// Sweeppea: any good key, and one that may write.
const SWEEPPEA_READ: [&str; 7] = ["401", "403", "200", "200", "200", "403", "200"];
/// Sweeppea: a file that is the owner's alone.
const SWEEPPEA_OWN: [&str; 7] = ["401", "403", "404", "200", "200", "403", "404"];

/// A multipart body whose parts are parted by `x`.
const FORM: &str = "content-type: multipart/form-data;boundary=x";
/// A body that is the file.
const RAW: &str = "content-type: text/plain; content-disposition: attachment;filename=made.txt";
const SHARE: &str = r#"{"share":[{"shareTo":"<bob>","access":2}]}"#;

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    Row::of("GET /healthz", "/healthz", OPEN),
    Row::of("GET /readyz", "/readyz", OPEN),
    // On a listener that only this machine reaches; another listener asks for an administrator's key.
    Row::of("GET /metrics", "/metrics", OPEN),
    Row::of("GET /openapi.json", "/openapi.json", OPEN),

    Row::of("GET /api/v1/filemanagement", "/api/v1/filemanagement/", HEXNODE_READ),
    Row::of("POST /api/v1/filemanagement/generate-presigned-upload-url", "/api/v1/filemanagement/generate-presigned-upload-url/", HEXNODE_WRITE)
        .json(r#"{"file_name":"a.txt"}"#),
    Row::of("PUT /s3/hexnode/{key}", "<put url>", OPEN).headers("content-type: text/plain").body("ab"),
    Row::of("POST /api/v1/filemanagement/verify-file-upload", "/api/v1/filemanagement/verify-file-upload/", HEXNODE_OWN)
        .json(r#"{"file_uuid":"<put slot>"}"#),
    Row::of("POST /api/v1/filemanagement/delete-files", "/api/v1/filemanagement/delete-files/", HEXNODE_OWN)
        .json(r#"{"file_ids":[<id>]}"#).deletes(),

    Row::of("GET /vault_rest/version", "/vault_rest/version", VAULT_READ),
    // A key is no password: it never signs in.
    Row::of("GET /vault_rest/authenticate", "/vault_rest/authenticate", ["401"; 7]),
    Row::of("DELETE /vault_rest/authenticate", "/vault_rest/authenticate", VAULT_WRITE).ends_key(),
    Row::of("POST /vault_rest/token", "/vault_rest/token", VAULT_WRITE).body(r#"{"expires":"2100-01-01T00:00:00Z"}"#),
    Row::of("GET /vault_rest/tokens/{start}/{count}", "/vault_rest/tokens/0/10", VAULT_READ),
    Row::of("GET /vault_rest/transfer", "/vault_rest/transfer", VAULT_WRITE),
    Row::of("GET /vault_rest/transfer", "/vault_rest/transfer", ["403", "403", "403", "403", "403", "403", "200"])
        .headers("impersonate_as: ann"),
    Row::of("POST /vault_rest/transfer", "/vault_rest/transfer", VAULT_TRANSFER).headers("group_id: <whole group>"),
    Row::of("DELETE /vault_rest/transfer", "/vault_rest/transfer", VAULT_TRANSFER).headers("group_id: <group>"),
    Row::of("GET /vault_rest/transfer_file", "/vault_rest/transfer_file", VAULT_TRANSFER)
        .headers("group_id: <group>; transfer_method: Chunk; file_size: 2; file_name: c.txt"),
    Row::of("PATCH /vault_rest/transfer_file", "/vault_rest/transfer_file", VAULT_TRANSFER)
        .headers("group_id: <group>; file_id: <part>; chunk_offset: 0").body("ab"),
    Row::of("POST /vault_rest/transfer_file", "/vault_rest/transfer_file", VAULT_TRANSFER)
        .headers("group_id: <group>; file_id: <part>"),
    Row::of("DELETE /vault_rest/transfer_file", "/vault_rest/transfer_file", VAULT_TRANSFER)
        .headers("group_id: <group>; file_id: <part>"),
    Row::of("GET /vault_rest/file/{file_id}", "/vault_rest/file/<N>", VAULT_OWN),
    Row::of("GET /vault_rest/file/status/{file_id}", "/vault_rest/file/status/<N>", VAULT_OWN),
    Row::of("GET /vault_rest/files/{type}/{start}/{count}", "/vault_rest/files/my/0/10", VAULT_READ),
    Row::of("GET /vault_rest/files/{type}/{start}/{count}", "/vault_rest/files/all/0/10", ["403", "403", "403", "403", "403", "403", "200"]),
    Row::of("DELETE /vault_rest/file/{file_id}", "/vault_rest/file/<N>", ["403", "403", "404", "200", "403", "403", "200"]).deletes(),
    Row::of("DELETE /vault_rest/files", "/vault_rest/files", VAULT_DELETE).body(r#"["<N>"]"#).deletes(),
    Row::of("DELETE /vault_rest/folders", "/vault_rest/folders", VAULT_DELETE).body(r#"["<folder>"]"#).deletes(),
    Row::of("GET /vault_rest/root_folder", "/vault_rest/root_folder", VAULT_READ),
    Row::of("GET /vault_rest/folder_content/{folder_id}/{start}/{count}", "/vault_rest/folder_content/<folder>/0/10", VAULT_OWN),

    Row::of("PUT /vault_rest/rename_file", "/vault_rest/rename_file", VAULT_CHANGE).body(r#"{"file_id":"<N>","new_file_name":"<N>"}"#),
    Row::of("PUT /vault_rest/move_files", "/vault_rest/move_files", VAULT_CHANGE)
        .body(r#"{"files":[{"file_id":"<N>","name":"<N>"}],"new_path":""}"#),
    Row::of("GET /vault_rest/recycle_bin/{start}/{count}", "/vault_rest/recycle_bin/0/10", VAULT_READ),
    Row::of("PUT /vault_rest/recycle_bin/restore", "/vault_rest/recycle_bin/restore", VAULT_DELETE).body(r#"["<binned>"]"#),
    Row::of("DELETE /vault_rest/recycle_bin", "/vault_rest/recycle_bin", VAULT_DELETE).body(r#"["<binned>"]"#),
    // A file that is not in the bin stays where it is.
    Row::of("DELETE /vault_rest/recycle_bin", "/vault_rest/recycle_bin", ["403", "403", "200 refused", "200 refused", "403", "403", "200 refused"])
        .body(r#"["<N>"]"#),
    Row::of("DELETE /vault_rest/recycle_bin/all", "/vault_rest/recycle_bin/all", VAULT_WRITE),

    Row::of("POST /documents/api/{version}/files/data", "/documents/api/1.2/files/data", MAKE)
        .headers(FORM).body("--x\r\nContent-Disposition: form-data; name=\"jsonInputParameters\"\r\n\r\n{\"parentID\":\"self\"}\r\n--x\r\nContent-Disposition: form-data; name=\"primaryFile\"; filename=\"made.txt\"\r\n\r\nab\r\n--x--\r\n"),
    Row::of("POST /documents/api/{version}/files/data", "/documents/api/1.1/files/data", OWN_MAKE)
        .headers(FORM).body("--x\r\nContent-Disposition: form-data; name=\"jsonInputParameters\"\r\n\r\n{\"parentID\":\"<folder guid>\"}\r\n--x\r\nContent-Disposition: form-data; name=\"primaryFile\"; filename=\"made.txt\"\r\n\r\nab\r\n--x--\r\n").needs(Write),
    Row::of("GET /documents/api/{version}/files/lists", "/documents/api/1.2/files/lists?idList=<guid>", OWN_READ).needs(Read),
    Row::of("GET /documents/api/{version}/files/{file_id}", "/documents/api/1.2/files/<guid>", OWN_READ).needs(Read),
    Row::of("PUT /documents/api/{version}/files/{file_id}", "/documents/api/1.2/files/<guid>", OWN_WRITE).body(r#"{"name":"<N>.txt"}"#).needs(Write),
    Row::of("DELETE /documents/api/{version}/files/{file_id}", "/documents/api/1.2/files/<guid>", OWN_WRITE).deletes().needs(Delete),
    Row::of("DELETE /documents/api/{version}/files/{file_id}", "/documents/api/1.1/files/<guid>", OWN_WRITE).deletes().needs(Delete),
    Row::of("GET /documents/api/{version}/files/{file_id}/data", "/documents/api/1.2/files/<guid>/data", OWN_READ).needs(Download),
    Row::of("POST /documents/api/{version}/files/{file_id}/data", "/documents/api/1.2/files/<guid>/data", OWN_MAKE)
        .headers(FORM).body("--x\r\nContent-Disposition: form-data; name=\"primaryFile\"; filename=\"a.txt\"\r\n\r\nab\r\n--x--\r\n").needs(Write),
    Row::of("GET /documents/api/{version}/files/{file_id}/versions", "/documents/api/1.2/files/<guid>/versions", OWN_READ).needs(Read),
    Row::of("POST /documents/api/{version}/files/{file_id}/move", "/documents/api/1.2/files/<guid>/move", OWN_WRITE).body(r#"{"destinationID":"self"}"#).needs(Delete),
    Row::of("POST /documents/api/{version}/files/{file_id}/copy", "/documents/api/1.2/files/<guid>/copy", OWN_WRITE).body(r#"{"destinationID":"self"}"#).needs(Download),
    Row::of("POST /documents/api/{version}/files/{file_id}/reserve", "/documents/api/1.2/files/<guid>/reserve", OWN_WRITE).needs(Write),
    Row::of("POST /documents/api/{version}/files/{file_id}/unreserve", "/documents/api/1.2/files/<guid>/unreserve", OWN_WRITE)
        .body(r#"{"reservedByUserID":"<user guid>"}"#).needs(Read),
    Row::of("GET /documents/api/{version}/folders/items", "/documents/api/1.2/folders/items", READ),
    Row::of("GET /documents/api/{version}/folders/lists", "/documents/api/1.2/folders/lists?idList=<folder guid>", OWN_READ).needs(Read),
    Row::of("GET /documents/api/{version}/folders/{folder_id}", "/documents/api/1.2/folders/<folder guid>", OWN_READ).needs(Read),
    Row::of("GET /documents/api/{version}/folders/{folder_id}", "/documents/api/1.2/folders/self", READ),
    Row::of("POST /documents/api/{version}/folders/{folder_id}", "/documents/api/1.2/folders/<folder guid>", OWN_MAKE).body(r#"{"name":"made"}"#).needs(Write),
    Row::of("PUT /documents/api/{version}/folders/{folder_id}", "/documents/api/1.2/folders/<folder guid>", OWN_WRITE).body(r#"{"name":"<N>"}"#).needs(Write),
    Row::of("DELETE /documents/api/{version}/folders/{folder_id}", "/documents/api/1.2/folders/<folder guid>", OWN_WRITE).deletes().needs(Delete),
    Row::of("GET /documents/api/{version}/folders/{folder_id}/items", "/documents/api/1.2/folders/<folder guid>/items", OWN_READ).needs(Read),
    Row::of("POST /documents/api/{version}/folders/{folder_id}/move", "/documents/api/1.2/folders/<folder guid>/move", OWN_WRITE).body(r#"{"destinationID":"self"}"#).needs(Delete),
    Row::of("POST /documents/api/{version}/folders/{folder_id}/copy", "/documents/api/1.2/folders/<folder guid>/copy", OWN_WRITE).body(r#"{"destinationID":"self"}"#).needs(Download),
    Row::of("GET /documents/api/{version}/users/items", "/documents/api/1.2/users/items?info=ann", READ),
    Row::of("POST /documents/api/{version}/applinks/file/{file_id}", "/documents/api/1.2/applinks/file/<guid>", OWN_WRITE).body(r#"{"assignedUser":"bob"}"#).needs(Share),
    Row::of("POST /documents/api/{version}/applinks/folder/{folder_id}", "/documents/api/1.2/applinks/folder/<folder guid>", OWN_WRITE)
        .body(r#"{"assignedUser":"bob"}"#).needs(Share),
    // Its credentials are the link's own, which all of them lack; others must be good all the same.
    Row::of("PUT /documents/api/{version}/applinks/token", "/documents/api/1.2/applinks/token", ["400", "401", "400", "400", "403", "401", "400"]),
    Row::of("POST /documents/api/{version}/publiclinks/file/{file_id}", "/documents/api/1.2/publiclinks/file/<guid>", OWN_WRITE)
        .body(r#"{"assignedUsers":"@everybody"}"#).needs(Share),
    Row::of("GET /documents/api/{version}/publiclinks/file/{file_id}", "/documents/api/1.2/publiclinks/file/<guid>", OWN_READ).needs(Share),
    Row::of("POST /documents/api/{version}/publiclinks/folder/{folder_id}", "/documents/api/1.2/publiclinks/folder/<folder guid>", OWN_WRITE)
        .body(r#"{"assignedUsers":"@everybody"}"#).needs(Share),
    Row::of("GET /documents/api/{version}/publiclinks/folder/{folder_id}", "/documents/api/1.2/publiclinks/folder/<folder guid>", OWN_READ).needs(Share),
    Row::of("GET /documents/api/{version}/publiclinks/{link_id}", "/documents/api/1.2/publiclinks/<link>", OWN_READ).needs(Share),
    Row::of("PUT /documents/api/{version}/publiclinks/{link_id}", "/documents/api/1.2/publiclinks/<link>", OWN_WRITE).body(r#"{"role":"downloader"}"#).needs(Share),
    Row::of("DELETE /documents/api/{version}/publiclinks/{link_id}", "/documents/api/1.2/publiclinks/<link>", OWN_WRITE).needs(Share),
    Row::of("GET /documents/integration", "/documents/integration?IdcService=SCS_GET_TENANT_CONFIG&IsJson=1", READ),
    Row::of("GET /documents/integration", "/documents/integration?IdcService=FLD_BROWSE_TRASH&IsJson=1&fileCount=-1", READ),
    Row::of("POST /documents/integration", "/documents/integration?IdcService=FLD_MOVE_TO_TRASH&IsJson=1&item=fFileGUID:<guid>", OWN_SERVICE).deletes().needs(Delete),
    Row::of("POST /documents/integration", "/documents/integration?IdcService=FLD_RESTORE&IsJson=1&item=fFileGUID:<entry>", OWN_SERVICE),
    Row::of("POST /documents/integration", "/documents/integration?IdcService=FLD_DELETE_FROM_TRASH&IsJson=1&item=fFileGUID:<entry>", OWN_SERVICE),

    Row::of("PUT /api/2.0/files/fileops/delete", "/api/2.0/files/fileops/delete", OWN_WRITE).json(r#"{"fileIds":[<id>]}"#).deletes().needs(Delete),
    Row::of("PUT /api/2.0/files/fileops/delete", "/api/2.0/files/fileops/delete", OWN_WRITE)
        .json(r#"{"folderIds":["<folder id>"],"immediately":true}"#).deletes().needs(Delete),
    Row::of("DELETE /api/2.0/files/file/{id}", "/api/2.0/files/file/<id>", OWN_WRITE).deletes().needs(Delete),
    Row::of("DELETE /api/2.0/files/folder/{id}", "/api/2.0/files/folder/<folder id>", OWN_WRITE).deletes().needs(Delete),
    Row::of("PUT /api/2.0/files/fileops/deleteversion", "/api/2.0/files/fileops/deleteversion", OWN_WRITE).json(r#"{"fileId":<id>,"versions":[7]}"#).needs(Delete),
    Row::of("PUT /api/2.0/files/fileops/emptytrash", "/api/2.0/files/fileops/emptytrash", WRITE),
    Row::of("GET /api/2.0/files/fileops", "/api/2.0/files/fileops", OPERATIONS),
    Row::of("GET /api/2.0/files/fileops/{type}", "/api/2.0/files/fileops/2", OPERATIONS),
    Row::of("PUT /api/2.0/files/fileops/terminate", "/api/2.0/files/fileops/terminate", ["200", "401", "200", "200", "403", "401", "200"]),
    Row::of("PUT /api/2.0/files/fileops/terminate/{id}", "/api/2.0/files/fileops/terminate/6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11", ["200", "401", "200", "200", "403", "401", "200"]),
    Row::of("PUT /api/2.0/files/fileops/move", "/api/2.0/files/fileops/move", OWN_WRITE).json(r#"{"fileIds":[<id>],"destFolderId":<home id>}"#).needs(Own),
    Row::of("GET /api/2.0/files/fileops/move", "/api/2.0/files/fileops/move?fileIds=<id>&destFolderId=<home id>", OWN_READ).needs(Own),
    Row::of("PUT /api/2.0/files/fileops/copy", "/api/2.0/files/fileops/copy", OWN_WRITE).json(r#"{"fileIds":[<id>],"destFolderId":<home id>}"#).needs(Own),
    Row::of("PUT /api/2.0/files/fileops/duplicate", "/api/2.0/files/fileops/duplicate", OWN_WRITE).json(r#"{"fileIds":[<id>]}"#).needs(Write),
    Row::of("PUT /api/2.0/files/fileops/markasread", "/api/2.0/files/fileops/markasread", OWN_WRITE).json(r#"{"fileIds":[<id>]}"#).needs(Read),
    Row::of("GET /api/2.0/files/@my", "/api/2.0/files/@my", READ),
    Row::of("GET /api/2.0/files/@trash", "/api/2.0/files/@trash", READ),
    Row::of("GET /api/2.0/files/@share", "/api/2.0/files/@share", READ),
    Row::of("GET /api/2.0/files/@common", "/api/2.0/files/@common", READ),
    Row::of("GET /api/2.0/files/@recent", "/api/2.0/files/@recent", READ),
    Row::of("GET /api/2.0/files/@favorites", "/api/2.0/files/@favorites", READ),
    Row::of("GET /api/2.0/files/{id}", "/api/2.0/files/<folder id>", OWN_READ).needs(Read),
    Row::of("GET /api/2.0/files/folder/{id}", "/api/2.0/files/folder/<folder id>", OWN_READ).needs(Read),
    Row::of("POST /api/2.0/files/folder/{id}", "/api/2.0/files/folder/<folder id>", OWN_WRITE).json(r#"{"title":"made"}"#).needs(Write),
    Row::of("PUT /api/2.0/files/folder/{id}", "/api/2.0/files/folder/<folder id>", OWN_WRITE).json(r#"{"title":"renamed"}"#).needs(Write),
    Row::of("GET /api/2.0/files/file/{id}", "/api/2.0/files/file/<id>", OWN_READ).needs(Read),
    Row::of("PUT /api/2.0/files/file/{id}", "/api/2.0/files/file/<id>", OWN_WRITE).json(r#"{"title":"renamed.txt"}"#).needs(Write),
    Row::of("GET /api/2.0/files/file/{id}/history", "/api/2.0/files/file/<id>/history", OWN_READ).needs(Read),
    Row::of("PUT /api/2.0/files/file/{id}/lock", "/api/2.0/files/file/<id>/lock", OWN_WRITE).json(r#"{"lockFile":true}"#).needs(Write),
    Row::of("GET /api/2.0/files/file/{id}/download", "/api/2.0/files/file/<id>/download", OWN_READ).needs(Download),
    Row::of("GET /api/2.0/files/file/{id}/presigneduri", "/api/2.0/files/file/<id>/presigneduri", OWN_READ).needs(Download),
    Row::of("GET /s3/onlyoffice/{uid}/{name}", "<office url>", OPEN),
    Row::of("HEAD /s3/onlyoffice/{uid}/{name}", "<office url>", OPEN),
    Row::of("POST /api/2.0/files/@my/file", "/api/2.0/files/@my/file", WRITE).json(r#"{"title":"made.txt"}"#),
    Row::of("POST /api/2.0/files/{id}/file", "/api/2.0/files/<folder id>/file", OWN_WRITE).json(r#"{"title":"made.txt"}"#).needs(Write),
    Row::of("POST /api/2.0/files/{id}/text", "/api/2.0/files/<folder id>/text", OWN_WRITE).json(r#"{"title":"made.txt","content":"ab"}"#).needs(Write),
    Row::of("POST /api/2.0/files/@my/upload", "/api/2.0/files/@my/upload", WRITE).headers(RAW).body("ab"),
    Row::of("POST /api/2.0/files/{id}/upload", "/api/2.0/files/<folder id>/upload", OWN_WRITE).headers(RAW).body("ab").needs(Write),
    Row::of("POST /api/2.0/files/file/{id}/startedit", "/api/2.0/files/file/<id>/startedit", OWN_WRITE).json(r#"{"editingAlone":false}"#).needs(Write),
    Row::of("GET /api/2.0/files/file/{id}/trackeditfile", "/api/2.0/files/file/<id>/trackeditfile?docKeyForTrack=<edit key>&isFinish=true", OWN_WRITE).needs(Read),
    Row::of("GET /api/2.0/files/file/{id}/share", "/api/2.0/files/file/<id>/share", OWN_READ).needs(Read),
    Row::of("PUT /api/2.0/files/file/{id}/share", "/api/2.0/files/file/<id>/share", OWN_WRITE).json(SHARE).needs(Share),
    Row::of("GET /api/2.0/files/folder/{id}/share", "/api/2.0/files/folder/<folder id>/share", OWN_READ).needs(Read),
    Row::of("PUT /api/2.0/files/folder/{id}/share", "/api/2.0/files/folder/<folder id>/share", OWN_WRITE).json(SHARE).needs(Share),
    // A key is no password: without a name and one, it signs nobody in.
    Row::of("POST /api/2.0/authentication", "/api/2.0/authentication", ["401"; 7]).json(r#"{"userName":"","password":""}"#),
    Row::of("POST /api/2.0/keys", "/api/2.0/keys", WRITE).json(r#"{"name":"made"}"#),
    Row::of("GET /api/2.0/keys", "/api/2.0/keys", READ),
    // Nobody has this one.
    Row::of("DELETE /api/2.0/keys/{id}", "/api/2.0/keys/6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11", ["401", "401", "404", "404", "403", "401", "404"]),
    Row::of("GET /api/2.0/people/@self", "/api/2.0/people/@self", READ),

    Row::of("POST /files/delete", "/files/delete", ["401", "403", "404", "200", "403", "403", "404"])
        .body(r#"{"FileToken":"<D>"}"#).deletes(),
    // The stranger, the owner and the administrator each have a place of that name.
    Row::of("POST /files/upload", "/files/upload", ["401", "403", "200", "200", "403", "403", "200"])
        .body(r#"{"Filename":"own.txt","MimeType":"text/plain","FileData":"YWI="}"#),
    Row::of("POST /files/fetch", "/files/fetch", SWEEPPEA_READ),
    Row::of("POST /files/getFileUrl", "/files/getFileUrl", SWEEPPEA_OWN).body(r#"{"FileToken":"<D>"}"#),
    // Switched off: without a mail server the owner gets no further than this.
    Row::of("POST /files/send", "/files/send", ["401", "403", "404", "400", "403", "403", "404"])
        .body(r#"{"FileToken":"<D>","RecipientEmail":"bob@example.com"}"#),
    Row::of("GET /s3/sweeppea/{uid}/{name}", "<read url>", OPEN),
    Row::of("HEAD /s3/sweeppea/{uid}/{name}", "<read url>", OPEN),
];
