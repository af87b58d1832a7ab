//! MetaDefender Vault (contract: vault.md).
//!
//! Most parameters travel in headers, most refusals are one of four statuses, and ids are the files' own uids. A batch
//! delete is best effort: each file has its own outcome, and the answer has one of two shapes.

mod bin;
mod delete;
mod error;
mod file;
mod folder;
mod params;
mod relocate;
mod token;
mod transfer;
mod wire;

use axum::{
    http::{
        HeaderMap, HeaderValue, Method,
        header::{ALLOW, AUTHORIZATION},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use error::Refusal;
use wire::{
    AddedFile, BinEntry, CommittedTransfer, Done, Emptied, EndedToken, FileStatus, FilesOutcome, FinishedFile,
    FolderContent, FoldersOutcome, List, NewToken, OpenTransfer, RootFolder, Token, Version,
};

use super::{Access, App, Dialect, Route, route::call};
use crate::engine::{
    error::Error,
    model::{Caller, Realm},
};

pub(crate) struct Vault;

impl Dialect for Vault {
    const NAME: &'static str = "vault";

    const KEY_BEFORE_METHOD: bool = false;

    #[rustfmt::skip]
    fn routes() -> Vec<Route> {
        use Access::{Read, SignIn, Write};
        vec![
            Route::new(Method::GET, "/vault_rest/version", Read, "The server's version", || call(token::version)).answers::<Version>(),
            Route::new(Method::GET, "/vault_rest/authenticate", SignIn, "Sign in with name and password", || call(token::sign_in)).answers::<NewToken>(),
            Route::new(Method::DELETE, "/vault_rest/authenticate", Write, "End the key of this call", || call(token::end)).answers::<EndedToken>(),
            Route::new(Method::POST, "/vault_rest/token", Write, "Make an API key", || call(token::issue)).takes(r#"{"expires":"2027-01-01T00:00:00Z","description":"backup"}"#).answers::<NewToken>(),
            Route::new(Method::GET, "/vault_rest/tokens/{start}/{count}", Read, "List API keys", || call(token::list)).answers::<List<Token>>(),
            Route::new(Method::GET, "/vault_rest/transfer", Write, "Open a transfer", || call(transfer::open)).answers::<OpenTransfer>(),
            Route::new(Method::POST, "/vault_rest/transfer", Write, "Commit a transfer: its files appear", || call(transfer::commit)).answers::<CommittedTransfer>(),
            Route::new(Method::DELETE, "/vault_rest/transfer", Write, "Give up a transfer", || call(transfer::drop)).answers::<Done>(),
            Route::new(Method::GET, "/vault_rest/transfer_file", Write, "Announce a file of a transfer", || call(transfer::add_file)).answers::<AddedFile>(),
            Route::new(Method::PATCH, "/vault_rest/transfer_file", Write, "Send a chunk of a file", || call(transfer::put_chunk)).answers::<Done>(),
            Route::new(Method::POST, "/vault_rest/transfer_file", Write, "Finish a file", || call(transfer::finish_file)).answers::<FinishedFile>(),
            Route::new(Method::DELETE, "/vault_rest/transfer_file", Write, "Give up a file of a transfer", || call(transfer::drop_file)).answers::<Done>(),
            Route::new(Method::GET, "/vault_rest/file/{file_id}", Read, "Download a file", || call(file::read)),
            Route::new(Method::DELETE, "/vault_rest/file/{file_id}", Write, "Delete a file", || call(delete::file)),
            Route::new(Method::GET, "/vault_rest/file/status/{file_id}", Read, "A file's status", || call(file::status)).answers::<FileStatus>(),
            Route::new(Method::GET, "/vault_rest/files/{type}/{start}/{count}", Read, "List files", || call(file::list)).answers::<List<FileStatus>>(),
            Route::new(Method::DELETE, "/vault_rest/files", Write, "Delete many files", || call(delete::files)).takes(r#"["6f1c0d7e3f0a4a539f520b1d8f2c7a11"]"#).answers::<FilesOutcome>(),
            Route::new(Method::DELETE, "/vault_rest/folders", Write, "Delete many folders with all below them", || call(delete::folders)).takes(r#"["6f1c0d7e3f0a4a539f520b1d8f2c7a11"]"#).answers::<FoldersOutcome>(),
            Route::new(Method::GET, "/vault_rest/root_folder", Read, "The account's root folder", || call(folder::root)).answers::<RootFolder>(),
            Route::new(Method::GET, "/vault_rest/folder_content/{folder_id}/{start}/{count}", Read, "What lies in a folder", || call(folder::content)).answers::<FolderContent>(),
            Route::new(Method::PUT, "/vault_rest/rename_file", Write, "Rename a file", || call(relocate::rename)).takes(r#"{"file_id":"6f1c0d7e3f0a4a539f520b1d8f2c7a11","new_file_name":"report.pdf"}"#),
            Route::new(Method::PUT, "/vault_rest/move_files", Write, "Move many files to a folder", || call(relocate::move_files)).takes(r#"{"files":[{"file_id":"6f1c0d7e3f0a4a539f520b1d8f2c7a11","name":"report.pdf"}],"new_path":"test"}"#),
            Route::new(Method::GET, "/vault_rest/recycle_bin/{start}/{count}", Read, "What lies in the bin", || call(bin::list)).answers::<List<BinEntry>>(),
            Route::new(Method::PUT, "/vault_rest/recycle_bin/restore", Write, "Restore from the bin", || call(bin::restore)).takes(r#"["6f1c0d7e3f0a4a539f520b1d8f2c7a11"]"#).answers::<FilesOutcome>(),
            Route::new(Method::DELETE, "/vault_rest/recycle_bin", Write, "Destroy what lies in the bin", || call(bin::purge)).takes(r#"["6f1c0d7e3f0a4a539f520b1d8f2c7a11"]"#).answers::<FilesOutcome>(),
            Route::new(Method::DELETE, "/vault_rest/recycle_bin/all", Write, "Empty the bin", || call(bin::empty)).answers::<Emptied>(),
        ]
    }

    /// A key that may only read passes here even on a writing call: this contract judges the parameters first, and
    /// [`params::Writer`] then refuses it (vault.md 2.3).
    async fn authenticate(app: &App, parts: &Parts, _: Access) -> Result<Caller, Response> {
        let Some(key) = bearer(&parts.headers) else {
            return Err(Refusal::KEY_INCORRECT.into_response());
        };
        let caller = app.engine.authenticate(key, Realm::Vault).await;
        caller.map_err(|error| Refusal::from(error).into_response())
    }

    fn method_not_allowed(_: &Method, allow: &str) -> Response {
        let mut answer = Refusal::METHOD_NOT_ALLOWED.into_response();
        if let Ok(allow) = HeaderValue::from_str(allow) {
            answer.headers_mut().insert(ALLOW, allow);
        }
        answer
    }
}

/// The answer to a call that met a fault of the server, which is logged already.
pub(crate) fn fault() -> Response {
    Refusal::UNAVAILABLE.into_response()
}

/// The answer to a call that the server has no room for.
pub(crate) fn busy() -> Response {
    Refusal::from(Error::Busy).into_response()
}

/// The answer to a path below `/vault_rest` that this dialect does not have.
pub(crate) fn unknown_path() -> Response {
    Refusal::UNKNOWN_PATH.into_response()
}

/// The secret of `Authorization: Bearer <key>`; the scheme in any letter case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer")
}

/// What follows the given scheme in the one `Authorization` header.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (given, rest) = value.to_str().ok()?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then_some(rest.trim())
}
