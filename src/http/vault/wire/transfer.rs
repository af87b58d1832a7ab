//! The steps of a chunked upload (vault.md 4.5).

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::n;
use crate::engine::model::{FileInfo, Transfer};

/// A transfer just opened (4.5, step 1).
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct OpenTransfer {
    group_id: String,
    owner: TransferOwner,
    shared_with: [(); 0],
}

#[derive(JsonSchema, Serialize)]
struct TransferOwner {
    email: String,
    first_name: &'static str,
    is_impersonated: bool,
    last_name: &'static str,
    username: String,
}

impl From<Transfer> for OpenTransfer {
    fn from(transfer: Transfer) -> Self {
        Self {
            group_id: n(transfer.uid),
            owner: TransferOwner {
                email: transfer.owner.email,
                first_name: "",
                is_impersonated: transfer.impersonated,
                last_name: "",
                username: transfer.owner.name,
            },
            shared_with: [],
        }
    }
}

/// Step 2.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct AddedFile {
    pub(in crate::http::vault) file_id: String,
}

/// Step 3, and both ways of undoing.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct Done {
    result: &'static str,
}

pub(in crate::http::vault) const DONE: Done = Done { result: "success" };

/// Step 4.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct FinishedFile {
    result: &'static str,
    file_id: String,
}

impl FinishedFile {
    pub(in crate::http::vault) fn new(file: Uuid) -> Self {
        Self { result: "success", file_id: n(file) }
    }
}

/// Step 5.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct CommittedTransfer {
    files: Vec<CommittedFile>,
}

#[derive(JsonSchema, Serialize)]
struct CommittedFile {
    file_id: String,
    displayed_name: String,
}

impl From<Vec<FileInfo>> for CommittedTransfer {
    fn from(files: Vec<FileInfo>) -> Self {
        let files =
            files.into_iter().map(|file| CommittedFile { file_id: n(file.uid), displayed_name: file.name }).collect();
        Self { files }
    }
}
