//! The calls that are sent, as bytes.

use crate::load::request;

const JSON: &str = "application/json";

/// Hexnode: deletes files for good, all or none.
pub fn delete_files(key: &str, files: &[i64]) -> Vec<u8> {
    let ids: Vec<String> = files.iter().map(i64::to_string).collect();
    let body = format!("{{\"file_ids\":[{}]}}", ids.join(","));
    request("POST", "/api/v1/filemanagement/delete-files", key, JSON, body.as_bytes())
}

/// Hexnode: a page of the account's files, newest first.
pub fn list(key: &str, page: u64) -> Vec<u8> {
    get(key, &format!("/api/v1/filemanagement?per_page=100&page={page}"))
}

/// Whatever lies at a path.
pub fn get(key: &str, path: &str) -> Vec<u8> {
    request("GET", path, key, "", b"")
}

/// ONLYOFFICE: a page of the trash.
pub fn trash(key: &str, start: u64) -> Vec<u8> {
    get(key, &format!("/api/2.0/files/@trash?startIndex={start}&count=100"))
}

/// ONLYOFFICE: what is known of a file.
pub fn file_info(key: &str, file: i64) -> Vec<u8> {
    get(key, &format!("/api/2.0/files/file/{file}"))
}

/// ONLYOFFICE: a new file in the account's root, in one call.
pub fn upload(key: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("application/octet-stream\r\nContent-Disposition: attachment; filename=\"{name}\"");
    request("POST", "/api/2.0/files/@my/upload", key, &head, bytes)
}

/// ONLYOFFICE: a folder into the trash, or for good.
pub fn delete_folder(key: &str, folder: i64, immediately: bool) -> Vec<u8> {
    let body = format!("{{\"deleteAfter\":false,\"immediately\":{immediately}}}");
    request("DELETE", &format!("/api/2.0/files/folder/{folder}"), key, JSON, body.as_bytes())
}

/// ONLYOFFICE: a folder out of the trash.
pub fn restore_folder(key: &str, folder: i64, to: i64) -> Vec<u8> {
    let body = format!(
        "{{\"folderIds\":[{folder}],\"fileIds\":[],\"destFolderId\":{to},\"conflictResolveType\":2,\"deleteAfter\":false}}"
    );
    request("PUT", "/api/2.0/files/fileops/move", key, JSON, body.as_bytes())
}
