//! The operation record (onlyoffice.md 3.5): its own members in lower case, those of its entries in upper camel case.

use schemars::JsonSchema;
use serde::Serialize;

use super::{File, Folder, Place, node::Person};
use crate::{
    engine::model::{Failure, Item, Operation, OperationKind},
    http::onlyoffice::{asked::Form, error::reason},
};

/// An operation.
#[derive(Serialize, JsonSchema)]
pub(in crate::http::onlyoffice) struct OperationRecord {
    id: String,
    operation: u8,
    /// The same: some clients require the one spelling, some the other. Not in XML.
    #[serde(rename = "Operation", skip_serializing_if = "Option::is_none")]
    operation_again: Option<u8>,
    progress: u64,
    error: String,
    processed: String,
    finished: bool,
    url: Option<String>,
    files: Vec<FileEntry>,
    folders: Vec<FolderEntry>,
}

impl OperationRecord {
    /// As it stands now.
    pub(in crate::http::onlyoffice) fn new(operation: &Operation, form: Form, place: Place<'_>) -> Self {
        let number = number_of(operation.kind);
        let mut record = Self {
            id: operation.uid.to_string(),
            operation: number,
            operation_again: (form == Form::Json).then_some(number),
            progress: progress(operation),
            error: error(&operation.failures),
            processed: operation.done.to_string(),
            finished: operation.finished,
            url: None,
            files: Vec::new(),
            folders: Vec::new(),
        };
        for entry in &operation.entries {
            match entry {
                Item::File(file) => record.files.push(File::new(file, place).into()),
                Item::Folder(folder) => record.folders.push(Folder::new(folder, place).into()),
            }
        }
        record
    }

    /// As it was accepted, whatever has become of it since (3.4).
    pub(in crate::http::onlyoffice) fn accepted(operation: &Operation, form: Form, place: Place<'_>) -> Self {
        Self {
            progress: 0,
            error: String::new(),
            processed: "0".to_owned(),
            finished: false,
            ..Self::new(operation, form, place)
        }
    }
}

/// Clients take 100 for success, so it comes with the end and not before.
fn progress(operation: &Operation) -> u64 {
    match operation.finished {
        true => 100,
        false => (operation.done * 100).checked_div(operation.items).unwrap_or_default().min(99),
    }
}

fn error(failures: &[Failure]) -> String {
    let each: Vec<String> =
        failures.iter().map(|failure| format!("{}: {}", failure.name, reason(failure.reason))).collect();
    each.join("; ")
}

fn number_of(kind: OperationKind) -> u8 {
    match kind {
        OperationKind::Move => 0,
        OperationKind::Copy => 1,
        OperationKind::Delete => 2,
        OperationKind::MarkAsRead => 4,
        OperationKind::Duplicate => 7,
    }
}

/// Of the vendor's numbers 0 to 7 some are of no operation here.
pub(in crate::http::onlyoffice) fn kind_of(number: u64) -> Option<OperationKind> {
    let all = [
        OperationKind::Move,
        OperationKind::Copy,
        OperationKind::Delete,
        OperationKind::MarkAsRead,
        OperationKind::Duplicate,
    ];
    all.into_iter().find(|kind| u64::from(number_of(*kind)) == number)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct PersonEntry {
    id: String,
    display_name: String,
    title: &'static str,
    avatar_small: &'static str,
    profile_url: String,
}

impl From<Person> for PersonEntry {
    fn from(person: Person) -> Self {
        let Person { id, display_name, title, avatar_small, profile_url } = person;
        Self { id, display_name, title, avatar_small, profile_url }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FileEntry {
    root_folder_type: u8,
    updated_by: PersonEntry,
    created: String,
    created_by: PersonEntry,
    updated: String,
    provider_item: bool,
    provider_key: Option<String>,
    provider_id: Option<i64>,
    folder_id: i64,
    version: u32,
    version_group: u32,
    content_length: String,
    pure_content_length: u64,
    file_status: u8,
    view_url: String,
    web_url: String,
    file_type: u8,
    file_exst: String,
    comment: Option<String>,
    encrypted: bool,
    id: i64,
    title: String,
    access: u8,
    shared: bool,
}

impl From<File> for FileEntry {
    fn from(file: File) -> Self {
        Self {
            root_folder_type: file.root_folder_type,
            updated_by: file.updated_by.into(),
            created: file.created,
            created_by: file.created_by.into(),
            updated: file.updated,
            provider_item: file.provider_item,
            provider_key: None,
            provider_id: None,
            folder_id: file.folder_id,
            version: file.version,
            version_group: file.version_group,
            content_length: file.content_length,
            pure_content_length: file.pure_content_length,
            file_status: file.file_status,
            view_url: file.view_url,
            web_url: file.web_url,
            file_type: file.file_type,
            file_exst: file.file_exst,
            comment: file.comment,
            encrypted: file.encrypted,
            id: file.id,
            title: file.title,
            access: file.access,
            shared: file.shared,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
struct FolderEntry {
    root_folder_type: u8,
    updated_by: PersonEntry,
    created: String,
    created_by: PersonEntry,
    updated: String,
    provider_item: bool,
    provider_key: Option<String>,
    provider_id: Option<i64>,
    parent_id: i64,
    files_count: u64,
    folders_count: u64,
    is_shareable: bool,
    id: i64,
    title: String,
    access: u8,
    shared: bool,
}

impl From<Folder> for FolderEntry {
    fn from(folder: Folder) -> Self {
        Self {
            root_folder_type: folder.root_folder_type,
            updated_by: folder.updated_by.into(),
            created: folder.created,
            created_by: folder.created_by.into(),
            updated: folder.updated,
            provider_item: folder.provider_item,
            provider_key: None,
            provider_id: None,
            parent_id: folder.parent_id,
            files_count: folder.files_count,
            folders_count: folder.folders_count,
            is_shareable: folder.is_shareable,
            id: folder.id,
            title: folder.title,
            access: folder.access,
            shared: folder.shared,
        }
    }
}
