//! One short function a call.

use std::collections::HashMap;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, Uri,
        header::{CONTENT_TYPE, ETAG, HOST},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use uuid::Uuid;

use super::{
    Hexnode, LIST, UPLOADS,
    error::{PutRefusal, Refusal},
    fields::FileId,
    paging::Paging,
    wire::{Answer, DeleteFiles, FileList, Message, NewUpload, PresignedUrl, Sent, VerifiedFile, VerifyUpload},
};
use crate::{
    engine::model::{Caller, DeleteRequest, FileOrder, FileQuery, Outcome, Slot, Target, Verdict, Whose},
    hex::hex,
    http::{
        App, Dialect,
        body::byte_stream,
        sigv4::{self, Signed},
    },
};

/// hexnode.md 3
pub(super) async fn delete_files(
    State(app): State<App>,
    caller: Caller,
    Sent(DeleteFiles { file_ids }): Sent<DeleteFiles>,
) -> Result<Answer<Message>, Refusal> {
    let request = DeleteRequest::permanent(caller, Hexnode::NAME, file_ids.iter().map(target).collect());
    let outcomes = app.engine.delete(request).await?;
    all_deleted(&file_ids, outcomes)?;
    Ok(Answer(Message { message: "Files are Deleted Successfully" }))
}

/// An integer beyond every id is not there, like 0, which was never given out: both are asked for as 0.
fn target(id: &FileId) -> Target {
    match id {
        FileId::Id(id) => Target::FileId(*id),
        FileId::Beyond(_) => Target::FileId(0),
    }
}

/// Names the ids that stopped a call, in request order: first those that are not there, then those under a hold, then
/// those that are locked (hexnode.md 3).
fn all_deleted(file_ids: &[FileId], outcomes: Vec<Outcome>) -> Result<(), Refusal> {
    let verdicts: HashMap<Target, Verdict> =
        outcomes.into_iter().map(|outcome| (outcome.target, outcome.verdict)).collect();
    let (mut missing, mut held, mut locked) = (Vec::new(), Vec::new(), Vec::new());
    for id in file_ids {
        match verdicts.get(&target(id)) {
            Some(Verdict::Deleted(_) | Verdict::Untouched) => {}
            // Forbidden, versions and waiting belong to other dialects' calls.
            Some(Verdict::NotFound | Verdict::Forbidden | Verdict::NoVersion | Verdict::Waiting) | None => {
                missing.push(id.clone())
            }
            Some(Verdict::Held) => held.push(id.clone()),
            Some(Verdict::Locked) => locked.push(id.clone()),
        }
    }
    match (missing.is_empty(), held.is_empty(), locked.is_empty()) {
        (false, ..) => Err(Refusal::NoFiles(missing)),
        (_, false, _) => Err(Refusal::Held(held)),
        (.., false) => Err(Refusal::Locked(locked)),
        (true, true, true) => Ok(()),
    }
}

/// hexnode.md 4.1
pub(super) async fn generate_presigned_upload_url(
    State(app): State<App>,
    caller: Caller,
    Sent(NewUpload { file_name, content_type }): Sent<NewUpload>,
) -> Result<Answer<PresignedUrl>, Refusal> {
    let slot = app.engine.open_slot(&caller, file_name.name, content_type).await?;
    let presigned_url = match app.engine.presign_slot(&slot, app.config.presign_ttl).await? {
        Some(of_the_store) => of_the_store,
        None => upload_url(&app, &slot),
    };
    Ok(Answer(PresignedUrl { presigned_url, file_name: file_name.echo, file_uuid: slot.uid }))
}

fn upload_url(app: &App, slot: &Slot) -> String {
    let base = &app.config.public_url;
    let path = format!("{UPLOADS}/{}", slot.uid);
    let signed = Signed { method: "PUT", host: &sigv4::host_of(base), path: &path, content_type: &slot.media_type };
    let query = sigv4::sign(&signing_key(app), signed, slot.created_at, app.config.presign_ttl);
    format!("{base}{path}?{query}")
}

fn signing_key(app: &App) -> [u8; 32] {
    app.engine.signing_key("hexnode-presign")
}

/// hexnode.md 4.2. Answers every method of the upload URL, which is signed for PUT alone.
pub(super) async fn put_upload(State(app): State<App>, request: Request) -> Result<Response, PutRefusal> {
    let (parts, body) = request.into_parts();
    let upload = signed_upload(&app, &parts)?;
    let length = axum::body::HttpBody::size_hint(&body).exact();
    let md5 = app.engine.put_slot(upload, length, byte_stream(body)).await?;
    Ok([(ETAG, format!("\"{}\"", hex(&md5)))].into_response())
}

/// The upload that a URL of ours stands for.
fn signed_upload(app: &App, parts: &Parts) -> Result<Uuid, sigv4::Refusal> {
    let https = app.config.public_url.starts_with("https://");
    let host = only(&parts.headers, HOST).or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let path = parts.uri.path();
    let signed = Signed {
        method: parts.method.as_str(),
        host: &sigv4::normal_host(host.unwrap_or_default(), https),
        path,
        content_type: only(&parts.headers, CONTENT_TYPE).unwrap_or_default(),
    };
    let query = parts.uri.query().unwrap_or_default();
    sigv4::check(&signing_key(app), signed, query, app.engine.now())?;
    let upload = path.strip_prefix(UPLOADS).and_then(|rest| rest.strip_prefix('/'));
    upload.and_then(|upload| Uuid::parse_str(upload).ok()).ok_or(sigv4::Refusal::Mismatch)
}

/// The value of a header that is there once.
fn only(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// hexnode.md 4.3
pub(super) async fn verify_file_upload(
    State(app): State<App>,
    caller: Caller,
    Sent(VerifyUpload { file_uuid }): Sent<VerifyUpload>,
) -> Result<Answer<VerifiedFile>, Refusal> {
    let file = app.engine.verify_slot(&caller, file_uuid).await?;
    Ok(Answer(file.into()))
}

/// hexnode.md 4.4
pub(super) async fn list(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Answer<FileList>, Refusal> {
    let paging = Paging::from_query(&uri).ok_or(Refusal::InvalidPage)?;
    let query = FileQuery {
        whose: Whose::Own,
        order: FileOrder::Id,
        descending: paging.descending,
        find: None,
        offset: paging.offset(),
        limit: paging.size,
    };
    let files = app.engine.files(&caller, query).await?;
    // A list becomes shorter while it is read: what counts is whether others follow.
    let reaches = paging.offset().saturating_add(files.items.len() as u64).saturating_add(files.more.into());
    if !paging.exists(reaches) {
        return Err(Refusal::InvalidPage);
    }
    let url = format!("{}{LIST}/", app.config.public_url);
    Ok(Answer(FileList {
        count: files.total,
        next: paging.next(&url, reaches),
        previous: paging.previous(&url),
        results: files.items.into_iter().map(Into::into).collect(),
    }))
}
