//! The trash: listing it, taking back, destroying (oracle.md 4.6).

use uuid::Uuid;

use super::{Reply, params::Params};
use crate::{
    engine::model::{
        Caller, FailureReason, Item, Operation, OperationQuery, Refused, RestoreRules, Restored, Target, TrashEntry,
        TrashQuery, TrashRef, TrashScope,
    },
    http::{
        App, Dialect,
        oracle::{
            Oracle,
            auth::Named,
            delete::from_trash,
            error::{Refusal, refusing},
            ids::Ids,
            wire::time,
        },
    },
};

const FILES: [&str; 8] = [
    "fFileGUID",
    "fRealItemGUID",
    "fFileName",
    "dRevLabel",
    "dFileSize",
    "dExtension",
    "fLastModifiedDate",
    "fLastModifierFullName",
];
const FOLDERS: [&str; 7] = [
    "fFolderGUID",
    "fRealItemGUID",
    "fFolderName",
    "fApplication",
    "fFolderType",
    "fLastModifiedDate",
    "fLastModifierFullName",
];
/// What the vendor calls things that are of no product of its own.
const APPLICATION: &str = "framework";
/// Entries that are read at a time.
const STEP: u32 = 1000;

pub(super) async fn browse(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let entries = match shows_anything(params)? {
        true => entries(app, caller).await?,
        false => Vec::new(),
    };
    let ids = Ids::of(&app.engine);
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.item.is_folder() {
            true => folders.push(folder_row(entry, &ids)),
            false => files.push(file_row(entry, &ids)),
        }
    }
    files.truncate(at_most(params)?);
    Ok(Reply::default().with_rows("ChildFiles", FILES, files).with_rows("ChildFolders", FOLDERS, folders))
}

async fn entries(app: &App, caller: &Caller) -> Result<Vec<TrashEntry>, Refusal> {
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let query = TrashQuery { scope: TrashScope::Own, versions: true, counted: false, offset, limit: STEP };
        let page = app.engine.trash(caller, query).await.map_err(refusing(caller))?;
        all.extend(page.items);
        offset += u64::from(STEP);
        if !page.more {
            return Ok(all);
        }
    }
}

/// A client that asks for the things of other products alone is shown none: it destroys what it is shown.
fn shows_anything(params: &Params) -> Result<bool, Refusal> {
    let names = |list: &str| list.split(',').any(|name| name.trim() == APPLICATION);
    let wanted = params.text("fApplication")?.is_none_or(|list| names(&list));
    let unwanted = params.text("fApplication-")?.is_some_and(|list| names(&list));
    Ok(wanted && !unwanted)
}

/// Filters come glued to the number; what is none means all.
fn at_most(params: &Params) -> Result<usize, Refusal> {
    let count = params.text("fileCount")?.and_then(|text| text.parse::<i64>().ok());
    Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX))
}

fn file_row(entry: TrashEntry, ids: &Ids) -> [String; 8] {
    let (deleted, by) = (time(entry.deleted_at), deleter(&entry));
    let (uid, version, size, name) = match entry.item {
        Item::File(file) => (file.uid, file.version, file.size, file.name),
        Item::Folder(folder) => (folder.uid, 0, 0, folder.name),
    };
    let label = entry.version.unwrap_or(version).to_string();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default();
    [ids.file(entry.uid), ids.file(uid), name, label, size.to_string(), extension, deleted, by]
}

fn folder_row(entry: TrashEntry, ids: &Ids) -> [String; 7] {
    let (deleted, by) = (time(entry.deleted_at), deleter(&entry));
    let name = entry.item.name().to_owned();
    let (uid, real) = (ids.folder(entry.uid), ids.folder(entry.item.ids().uid));
    [uid, real, name, APPLICATION.to_owned(), "owner".to_owned(), deleted, by]
}

fn deleter(entry: &TrashEntry) -> String {
    entry.deleter.as_ref().map_or("anonymous", |person| person.display_name.as_str()).to_owned()
}

/// The trash entry that a request names.
fn entry(app: &App, item: &Named) -> Result<Uuid, Refusal> {
    Ids::of(&app.engine).parse_node(&item.id, item.is_folder).ok_or_else(|| Refusal::MISSING.about(&item.id))
}

pub(super) async fn restore(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let item = params.item()?;
    let entries = vec![TrashRef::Entry { uid: entry(app, &item)?, is_folder: item.is_folder }];
    let restored = app.engine.restore(caller, entries, RestoreRules::HomeAndNumber, false).await;
    let refusal = match restored.map_err(refusing(caller))?.into_iter().next() {
        Some(Restored::Back(_)) => return Ok(Reply::default()),
        Some(Restored::NotFound) | None => Refusal::MISSING,
        Some(Restored::NameTaken) => Refusal::FAILED,
        Some(Restored::Refused(why)) => refused(why, caller),
    };
    Err(refusal.about(&item.id))
}

fn refused(why: Refused, caller: &Caller) -> Refusal {
    match why {
        Refused::NotFound => Refusal::MISSING,
        Refused::Forbidden => Refusal::forbidden(caller),
        Refused::Held => Refusal::HELD,
        Refused::Locked => Refusal::LOCKED,
        Refused::QuotaExceeded => Refusal::QUOTA,
        Refused::TooDeep | Refused::IntoItself => Refusal::invalid("item"),
    }
}

pub(super) async fn delete(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let item = params.item()?;
    let target = Target::Entry { uid: entry(app, &item)?, is_folder: item.is_folder };
    from_trash(app, caller.clone(), target).await.map_err(|refusal| refusal.about(&item.id))?;
    Ok(Reply::default())
}

pub(super) async fn empty(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let background = params.flag("useBackgroundThread")?;
    let operation = app.engine.empty_trash(caller, Oracle::NAME).await.map_err(refusing(caller))?;
    match operation {
        None => Ok(Reply::default()),
        Some(operation) if background => Ok(Reply::default().with("JobID", job_id(&operation))),
        Some(operation) if operation.failures.is_empty() => Ok(Reply::default()),
        Some(operation) => {
            let names: Vec<&str> = operation.failures.iter().map(|failure| failure.name.as_str()).collect();
            Ok(Reply::incomplete(format!("These items stay in the trash: {}.", names.join(", "))))
        }
    }
}

fn job_id(operation: &Operation) -> String {
    operation.uid.simple().to_string()
}

async fn job(app: &App, caller: &Caller, params: &Params) -> Result<Operation, Refusal> {
    const JOB: &str = "JobID";
    let uid = Uuid::try_parse(&params.required(JOB)?).map_err(|_| Refusal::invalid(JOB))?;
    let query = OperationQuery { uid: Some(uid), ..OperationQuery::default() };
    let found = app.engine.operations(caller, Oracle::NAME, query).await.map_err(refusing(caller))?;
    found.into_iter().next().ok_or(Refusal::MISSING)
}

pub(super) async fn job_status(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let job = job(app, caller, params).await?;
    let (status, percentage) = match job.finished {
        true => ("COMPLETE", 100),
        // Not the whole before it is over.
        false => ("PROCESSING", (job.done.saturating_mul(100) / job.items.max(1)).min(99)),
    };
    let row = [job_id(&job), status.to_owned(), percentage.to_string()];
    Ok(Reply::default().with_rows("JobInfo", ["JobID", "JobStatus", "JobPercentage"], vec![row]))
}

/// What stayed, and why; then what went.
pub(super) async fn job_data(app: &App, caller: &Caller, params: &Params) -> Result<Reply, Refusal> {
    let job = job(app, caller, params).await?;
    let stayed =
        job.failures.iter().map(|failure| [failure.name.clone(), "0".to_owned(), reason(failure.reason).to_owned()]);
    let went = job.entries.iter().map(|item| [item.name().to_owned(), "1".to_owned(), String::new()]);
    let rows = stayed.chain(went).collect();
    Ok(Reply::default().with_rows("ActionStatus", ["fDisplayName", "isSuccessful", "statusMessage"], rows))
}

fn reason(why: FailureReason) -> &'static str {
    match why {
        FailureReason::Refused(Refused::Held) => "The item is under a legal hold.",
        FailureReason::Refused(Refused::Locked) => "The item is locked or being edited.",
        FailureReason::Refused(Refused::Forbidden) => "The item may not be deleted.",
        FailureReason::Refused(Refused::NotFound) | FailureReason::NoVersion(_) => "The item does not exist.",
        FailureReason::Refused(Refused::TooDeep | Refused::QuotaExceeded | Refused::IntoItself) => {
            "The request could not be completed."
        }
    }
}
