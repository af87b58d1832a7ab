//! The recycle bin's words (vault.md 4.13).

use schemars::JsonSchema;
use serde::Serialize;

use super::{n, utc};
use crate::engine::model::{Item, Operation, TrashEntry};

/// A file or folder that lies in the bin.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct BinEntry {
    file_id: String,
    displayed_name: String,
    /// Where it lay.
    path: String,
    size: u64,
    date_deleted: String,
    purge_after: String,
}

impl From<TrashEntry> for BinEntry {
    fn from(entry: TrashEntry) -> Self {
        let size = match &entry.item {
            Item::File(file) => file.size,
            Item::Folder(folder) => folder.bytes,
        };
        Self {
            file_id: n(entry.item.ids().uid),
            displayed_name: entry.item.name().to_owned(),
            path: entry.path.join("\\"),
            size,
            date_deleted: utc(entry.deleted_at),
            purge_after: utc(entry.purge_after),
        }
    }
}

/// How emptying the bin went: entries that are gone, and those that a hold keeps.
#[derive(JsonSchema, Serialize, Default)]
pub(in crate::http::vault) struct Emptied {
    success_counter: u64,
    failed_counter: u64,
}

impl From<Operation> for Emptied {
    fn from(operation: Operation) -> Self {
        Self { success_counter: operation.entries.len() as u64, failed_counter: operation.failures.len() as u64 }
    }
}
