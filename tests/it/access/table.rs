//! The table: a call that is good in itself, and the status that each caller gets for it.
//!
//! Places in angle brackets stand for things of the owner's, made afresh for every call: a file (`<id>`, `<N>`, `<D>`,
//! `<read url>`) in a folder (`<folder>`); an upload whose bytes are there (`<put url>`, `<put slot>`); a transfer
//! (`<group>`) with a file whose bytes are there (`<part>`); one with a finished file (`<whole group>`).

use reqwest::Method;

use super::Who;

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

    pub(super) fn is_vault(&self) -> bool {
        self.route.contains("/vault_rest/")
    }

    /// A dialect's, not the server's own.
    pub(super) fn is_dialects(&self) -> bool {
        !unfile::http::pages().any(|page| self.route == format!("GET {page}"))
    }

    const fn of(route: &'static str, path: &'static str, expected: [&'static str; 7]) -> Self {
        Self { route, path, headers: "", body: "", deletes: false, ends_key: false, expected }
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
/// Sweeppea: any good key, and one that may write.
const SWEEPPEA_READ: [&str; 7] = ["401", "403", "200", "200", "200", "403", "200"];
/// Sweeppea: a file that is the owner's alone.
const SWEEPPEA_OWN: [&str; 7] = ["401", "403", "404", "200", "200", "403", "404"];

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
