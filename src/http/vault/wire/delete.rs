//! What became of a delete (vault.md 3).

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{ReasonBody, d, n};
use crate::http::vault::error::Reason;

/// The answer to a batch, for the description: one of two shapes.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
pub(in crate::http::vault) enum FilesOutcome {
    AllMarked(AllMarked),
    SomeRefused(SomeRefused),
}

/// Shape (a) of a batch: all was done.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct AllMarked {
    message: (),
    ui_message_key: (),
    final_result: u8,
    results: Vec<MarkedFile>,
    success_counter: usize,
}

#[derive(JsonSchema, Serialize)]
struct MarkedFile {
    message: (),
    result: &'static str,
    ui_message_key: (),
    #[serde(rename = "FolderName")]
    folder_name: String,
    #[serde(rename = "Guid")]
    guid: String,
    #[serde(rename = "Result")]
    result_number: u8,
}

impl AllMarked {
    /// What was done, by id and name.
    pub(in crate::http::vault) fn new(done: Vec<(Uuid, String)>) -> Self {
        let success_counter = done.len();
        let results = done.into_iter().map(|(uid, name)| MarkedFile {
            message: (),
            result: "Success",
            ui_message_key: (),
            folder_name: name,
            guid: n(uid),
            result_number: 4,
        });
        Self { message: (), ui_message_key: (), final_result: 0, results: results.collect(), success_counter }
    }
}

/// Shape (b) of a batch: at least one was refused.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct SomeRefused {
    results: Vec<FileOutcome>,
    success_counter: usize,
}

#[derive(JsonSchema, Serialize)]
struct FileOutcome {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value")]
    value: OutcomeValue,
}

#[derive(JsonSchema, Serialize)]
struct OutcomeValue {
    message: Option<&'static str>,
    ui_message_key: Option<&'static str>,
}

impl SomeRefused {
    /// Each id with the reason why it was refused, if it was.
    pub(in crate::http::vault) fn new(outcomes: Vec<(Uuid, Option<Reason>)>) -> Self {
        let success_counter = outcomes.iter().filter(|(_, refused)| refused.is_none()).count();
        let results = outcomes.into_iter().map(|(uid, refused)| FileOutcome {
            key: d(uid),
            value: OutcomeValue {
                message: refused.map(|reason| reason.message),
                ui_message_key: refused.map(|reason| reason.key),
            },
        });
        Self { results: results.collect(), success_counter }
    }
}

/// What became of a list of folders. Entities carry no id.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct FoldersOutcome {
    successful_results: MarkedFolders,
    failed_results: RefusedFolders,
    total_count: usize,
}

#[derive(JsonSchema, Serialize)]
struct MarkedFolders {
    entities: Vec<MarkedFolder>,
    success_counter: usize,
}

#[derive(JsonSchema, Serialize)]
struct MarkedFolder {
    message: (),
    ui_message_key: (),
    result: &'static str,
}

#[derive(JsonSchema, Serialize)]
struct RefusedFolders {
    entities: Vec<ReasonBody>,
    failed_counter: usize,
}

impl FoldersOutcome {
    /// How many folders were marked, and the reason for each that was not.
    pub(in crate::http::vault) fn new(marked: usize, refused: Vec<Reason>) -> Self {
        let success = || MarkedFolder { message: (), ui_message_key: (), result: "Success" };
        let failed_counter = refused.len();
        Self {
            successful_results: MarkedFolders {
                entities: std::iter::repeat_with(success).take(marked).collect(),
                success_counter: marked,
            },
            failed_results: RefusedFolders {
                entities: refused.into_iter().map(ReasonBody::from).collect(),
                failed_counter,
            },
            total_count: marked + failed_counter,
        }
    }
}
