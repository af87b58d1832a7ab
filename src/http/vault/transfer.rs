//! Chunked upload: files that are announced, sent in pieces and appear together (vault.md 4.5).

use axum::{body::Body, extract::State, response::Response};

use super::{
    error::Refusal,
    params::{Params, Writer},
    wire::{self, AddedFile, CommittedTransfer, DONE, FinishedFile, OpenTransfer},
};
use crate::{
    engine::model::{Chunk, NewTransferFile},
    http::{App, body::byte_stream},
};

pub(super) async fn open(State(app): State<App>, caller: Writer, params: Params) -> Result<Response, Refusal> {
    let group = params.new_id("group_id")?;
    let owner = owner(&params)?;
    let transfer = app.engine.open_transfer(&caller.allow()?, group, owner).await?;
    Ok(wire::json(&OpenTransfer::from(transfer)))
}

pub(super) async fn add_file(State(app): State<App>, caller: Writer, params: Params) -> Result<Response, Refusal> {
    let group = params.id("group_id")?;
    let new = new_file(&params)?;
    let file = app.engine.add_transfer_file(&caller.allow()?, group, new).await?;
    Ok(wire::json(&AddedFile { file_id: wire::n(file) }))
}

pub(super) async fn put_chunk(
    State(app): State<App>,
    caller: Writer,
    params: Params,
    body: Body,
) -> Result<Response, Refusal> {
    let group = params.id("group_id")?;
    let file = params.id("file_id")?;
    let chunk = Chunk { offset: params.number("chunk_offset")?, md5: params.md5("chunk_checksum")? };
    app.engine.put_chunk(&caller.allow()?, group, file, chunk, byte_stream(body)).await?;
    Ok(wire::json(&DONE))
}

pub(super) async fn finish_file(State(app): State<App>, caller: Writer, params: Params) -> Result<Response, Refusal> {
    let group = params.id("group_id")?;
    let file = params.id("file_id")?;
    app.engine.finish_transfer_file(&caller.allow()?, group, file).await?;
    Ok(wire::json(&FinishedFile::new(file)))
}

pub(super) async fn commit(State(app): State<App>, caller: Writer, params: Params) -> Result<Response, Refusal> {
    let group = params.id("group_id")?;
    let expires_at = params.expires_at(app.engine.now())?;
    let files = app.engine.commit_transfer(&caller.allow()?, group, expires_at).await?;
    Ok(wire::json(&CommittedTransfer::from(files)))
}

pub(super) async fn drop(State(app): State<App>, caller: Writer, params: Params) -> Result<Response, Refusal> {
    let group = params.id("group_id")?;
    app.engine.drop_transfer(&caller.allow()?, group).await?;
    Ok(wire::json(&DONE))
}

pub(super) async fn drop_file(State(app): State<App>, caller: Writer, params: Params) -> Result<Response, Refusal> {
    let group = params.id("group_id")?;
    let file = params.id("file_id")?;
    app.engine.drop_transfer_file(&caller.allow()?, group, file).await?;
    Ok(wire::json(&DONE))
}

/// The account an administrator uploads for: `impersonate_as`, or `send_as`, its older name.
fn owner(params: &Params) -> Result<Option<&str>, Refusal> {
    match (params.text("impersonate_as")?, params.text("send_as")?) {
        (Some(one), Some(other)) if one != other => Err(Refusal::INVALID_PARAMETER),
        (one, other) => Ok(one.or(other)),
    }
}

const METHODS: [&str; 2] = ["Stream", "Chunk"];

/// This API names no media type, so the name's extension tells it.
fn new_file(params: &Params) -> Result<NewTransferFile, Refusal> {
    let method = params.one_of("transfer_method", &METHODS)?.ok_or(Refusal::INVALID_PARAMETER)?;
    let size = params.number("file_size")?.ok_or(Refusal::INVALID_PARAMETER)?;
    let name = params.file_name()?;
    let media_type = mime_guess::from_path(name.as_str()).first_or_octet_stream().to_string();
    Ok(NewTransferFile {
        uid: params.new_id("file_id")?,
        name,
        path: params.path()?,
        media_type,
        size,
        chunked: METHODS[method] == "Chunk",
    })
}
