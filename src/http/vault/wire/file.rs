//! Files and folders as reads show them (vault.md 4.7 to 4.10).

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{local, n, utc};
use crate::engine::model::{Caller, Entry, FileInfo, FolderInfo, Page};

/// All there is to say of a file.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct FileStatus {
    group_id: String,
    availability: u8,
    shared_with_active_users: [(); 0],
    shared_with_guests: [(); 0],
    sender: String,
    subject: &'static str,
    expiration_date: String,
    can_be_rescanned: bool,
    can_be_deleted: bool,
    displayed_name: String,
    first_upload_time: String,
    shared_with_groups: [(); 0],
    path: String,
    access_mode: u8,
    file_id: String,
    scan_result: ScanResult,
    availability_state: &'static str,
    processing_state: &'static str,
    unlock_eta: (),
    is_locked: bool,
    expires: Option<String>,
    can_be_downloaded: bool,
    supervisor_approval_state: &'static str,
    administrator_approval_state: &'static str,
    is_false_positive: bool,
    can_be_approved: bool,
    can_be_overridden: bool,
    can_be_denied_access: bool,
    is_file_owned: bool,
    can_update_sharing: bool,
    is_sanitized: bool,
    date_created: String,
    message: &'static str,
    ui_message_key: (),
    size: u64,
}

#[derive(JsonSchema, Serialize)]
struct ScanResult {
    workflow_result: &'static str,
    blocked_reason: &'static str,
    actions_failed: &'static str,
}

/// The states of a file that occur here, with the vendor's numbers: the live ones', and that of what lies in a bin.
pub(in crate::http::vault) const AVAILABLE: &str = "Available";
pub(in crate::http::vault) const DELETED: &str = "Deleted";

impl FileStatus {
    /// `caller` is who asks: whether a file is one's own depends on it.
    pub(in crate::http::vault) fn new(file: FileInfo, caller: &Caller) -> Self {
        let is_locked = file.is_locked();
        let (availability_state, availability) = match file.trashed {
            false => (AVAILABLE, 3),
            true => (DELETED, 5),
        };
        Self {
            group_id: n(file.group.unwrap_or(file.uid)),
            availability,
            shared_with_active_users: [],
            shared_with_guests: [],
            sender: file.creator.name,
            subject: "",
            expiration_date: file.expires_at.map(local).unwrap_or_default(),
            can_be_rescanned: false,
            can_be_deleted: !is_locked && !file.held && !file.trashed,
            displayed_name: file.name,
            first_upload_time: local(file.created_at),
            shared_with_groups: [],
            path: file.path.join("\\"),
            access_mode: 1,
            file_id: n(file.uid),
            scan_result: ScanResult { workflow_result: "Allowed", blocked_reason: "", actions_failed: "" },
            availability_state,
            processing_state: AVAILABLE,
            unlock_eta: (),
            is_locked,
            expires: file.expires_at.map(utc),
            can_be_downloaded: !file.trashed,
            supervisor_approval_state: "ApprovalDisabled",
            administrator_approval_state: "ApprovalDisabled",
            is_false_positive: false,
            can_be_approved: false,
            can_be_overridden: false,
            can_be_denied_access: false,
            is_file_owned: file.owner.id == caller.account,
            can_update_sharing: false,
            is_sanitized: false,
            date_created: utc(file.created_at),
            message: "",
            ui_message_key: (),
            size: file.size,
        }
    }
}

/// An account's root, which is all of its own path.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct RootFolder {
    #[serde(flatten)]
    folder: Folder,
    folder_path_list: [Folder; 1],
}

#[derive(JsonSchema, Serialize, Clone)]
struct Folder {
    availability_state: &'static str,
    can_update_sharing: bool,
    folder_id: String,
    name: String,
    owner: String,
    owner_id: i64,
    path: String,
}

impl From<FolderInfo> for RootFolder {
    fn from(root: FolderInfo) -> Self {
        let folder = Folder {
            availability_state: AVAILABLE,
            can_update_sharing: false,
            folder_id: n(root.uid),
            name: root.name,
            owner: root.owner.name,
            owner_id: root.owner.id.0,
            path: root.path.join("\\"),
        };
        Self { folder: folder.clone(), folder_path_list: [folder] }
    }
}

/// What lies in one folder.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct FolderContent {
    #[serde(rename = "totalCount")]
    total_count: u64,
    items: Vec<FolderItem>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct FolderItem {
    id: String,
    name: String,
    r#type: &'static str,
    parent_folder_id: String,
    creation_date: String,
    last_modified_date: String,
}

impl FolderContent {
    pub(in crate::http::vault) fn new(folder: Uuid, page: Page<Entry>) -> Self {
        let items = page.items.into_iter().map(|entry| FolderItem {
            id: n(entry.uid),
            name: entry.name,
            r#type: if entry.is_folder { "folder" } else { "file" },
            parent_folder_id: n(folder),
            creation_date: utc(entry.created_at),
            last_modified_date: utc(entry.modified_at),
        });
        Self { total_count: page.total, items: items.collect() }
    }
}
