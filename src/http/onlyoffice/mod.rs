//! ONLYOFFICE (contract: onlyoffice.md): files, folders, a trash, and operations that are polled.
//!
//! Every answer has one envelope, in JSON or XML; which of them may stand at the end of the path. Parameters come in
//! the query and in a body of four forms. A delete is checked as a whole, then done and recorded in one commit.
//!
//! | file | holds |
//! |---|---|
//! | `asked` | the form of the answer, its envelope |
//! | `auth` | who calls |
//! | `params`, `strict` | what a request says |
//! | `wire` | the bodies' members, their order and their numbers |
//! | `error` | every answer that is not a 200 |

mod asked;
mod auth;
mod error;
mod handlers;
mod params;
mod strict;
mod wire;

use axum::{
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
};

pub(crate) use asked::around;
use error::Refusal;
use handlers::{delete as deleting, edit, file, folder, operation, read, relocate, share, sign_in, upload};
use wire::{Content, Envelope, File, Folder, Key, OperationRecord, SelfPerson, Share, Token, Tracked};

use super::{Access, App, Dialect, Route, route::call};
use crate::engine::{error::Error, model::Caller};

/// Everything below is this dialect's.
const PREFIX: &str = "/api/2.0";

/// Answers with one object, and with a list.
type One<T> = Envelope<'static, T>;
type Many<T> = Envelope<'static, Vec<T>>;

pub(crate) struct OnlyOffice;

impl Dialect for OnlyOffice {
    const NAME: &'static str = "onlyoffice";

    const KEY_BEFORE_METHOD: bool = false;

    #[rustfmt::skip]
    fn routes() -> Vec<Route> {
        use Access::{Open, Read, SignIn, Write};
        const ENTRIES: &str = r#"{"folderIds":[12],"fileIds":["34",35],"deleteAfter":false,"immediately":false,"returnSingleOperation":true}"#;
        const MOVE: &str = r#"{"folderIds":[],"fileIds":[35],"destFolderId":4,"conflictResolveType":0}"#;
        const SHARE: &str = r#"{"share":[{"shareTo":"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11","access":2}],"notify":false}"#;
        const TITLE: &str = r#"{"title":"a.txt"}"#;
        vec![
            Route::new(Method::PUT, "/api/2.0/files/fileops/delete", Write, "Delete files and folders", || call(deleting::entries)).takes(ENTRIES).answers::<Many<OperationRecord>>(),
            Route::new(Method::DELETE, "/api/2.0/files/file/{id}", Write, "Delete a file", || call(deleting::file)).answers::<Many<OperationRecord>>(),
            Route::new(Method::DELETE, "/api/2.0/files/folder/{id}", Write, "Delete a folder with all below it", || call(deleting::folder)).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/deleteversion", Write, "Destroy past versions of a file", || call(deleting::versions)).takes(r#"{"fileId":35,"versions":[1,2]}"#).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/emptytrash", Write, "Destroy what the caller holds in the trash", || call(deleting::empty_trash)).answers::<Many<OperationRecord>>(),
            Route::new(Method::GET, "/api/2.0/files/fileops", Open, "The caller's operations; the end of each is shown once", || call(operation::list)).answers::<Many<OperationRecord>>(),
            Route::new(Method::GET, "/api/2.0/files/fileops/{type}", Open, "Those of one kind, 0 to 7", || call(operation::list_kind)).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/terminate", Open, "End the caller's unfinished operations", || call(operation::terminate_all)).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/terminate/{id}", Open, "End one unfinished operation", || call(operation::terminate)).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/move", Write, "Move entries, also out of the trash", || call(relocate::move_entries)).takes(MOVE).answers::<Many<OperationRecord>>(),
            Route::new(Method::GET, "/api/2.0/files/fileops/move", Read, "The files of a move whose titles are taken", || call(relocate::conflicts)).answers::<Many<File>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/copy", Write, "Copy entries", || call(relocate::copy)).takes(MOVE).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/duplicate", Write, "Copy entries, each beside itself", || call(relocate::duplicate)).takes(r#"{"folderIds":[],"fileIds":[35]}"#).answers::<Many<OperationRecord>>(),
            Route::new(Method::PUT, "/api/2.0/files/fileops/markasread", Write, "Nothing but an operation", || call(relocate::mark_as_read)).takes(r#"{"folderIds":[],"fileIds":[35]}"#).answers::<Many<OperationRecord>>(),
            Route::new(Method::GET, "/api/2.0/files/@my", Read, "What lies in the caller's root folder", || call(folder::mine)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/@trash", Read, "What lies in the trash", || call(folder::trash)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/@share", Read, "What others share with the caller", || call(folder::shared)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/@common", Read, "Nothing", || call(folder::common)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/@recent", Read, "Nothing", || call(folder::recent)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/@favorites", Read, "Nothing", || call(folder::favorites)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/{id}", Read, "What lies in a folder", || call(folder::content)).answers::<One<Content>>(),
            Route::new(Method::GET, "/api/2.0/files/folder/{id}", Read, "A folder", || call(folder::info)).answers::<One<Folder>>(),
            Route::new(Method::POST, "/api/2.0/files/folder/{id}", Write, "Make a folder in a folder", || call(folder::make)).takes(r#"{"title":"Docs"}"#).answers::<One<Folder>>(),
            Route::new(Method::PUT, "/api/2.0/files/folder/{id}", Write, "Rename a folder", || call(folder::rename)).takes(r#"{"title":"Docs"}"#).answers::<One<Folder>>(),
            Route::new(Method::GET, "/api/2.0/files/file/{id}", Read, "A file", || call(file::info)).answers::<One<File>>(),
            Route::new(Method::PUT, "/api/2.0/files/file/{id}", Write, "Rename a file, or bring an older version back", || call(file::change)).takes(r#"{"title":"a.txt","lastVersion":1}"#).answers::<One<File>>(),
            Route::new(Method::GET, "/api/2.0/files/file/{id}/history", Read, "A file's versions", || call(file::history)).answers::<Many<File>>(),
            Route::new(Method::PUT, "/api/2.0/files/file/{id}/lock", Write, "Lock or unlock a file", || call(file::lock)).takes(r#"{"lockFile":true}"#).answers::<One<File>>(),
            Route::new(Method::GET, "/api/2.0/files/file/{id}/download", Read, "Download a file", || call(read::download)),
            Route::new(Method::GET, "/api/2.0/files/file/{id}/presigneduri", Read, "Make a temporary URL for reading a file", || call(read::presign)).answers::<One<String>>(),
            Route::new(Method::GET, "/s3/onlyoffice/{uid}/{name}", Open, "Read a file by its temporary URL", || call(read::read_signed)).for_every_method(),
            Route::new(Method::HEAD, "/s3/onlyoffice/{uid}/{name}", Open, "The headers of a file, by its temporary URL", || call(read::read_signed)).for_every_method(),
            Route::new(Method::POST, "/api/2.0/files/@my/file", Write, "Make an empty file in the caller's root folder", || call(upload::empty_in_mine)).takes(TITLE).answers::<One<File>>(),
            Route::new(Method::POST, "/api/2.0/files/{id}/file", Write, "Make an empty file in a folder", || call(upload::empty_in_folder)).takes(TITLE).answers::<One<File>>(),
            Route::new(Method::POST, "/api/2.0/files/{id}/text", Write, "Make a text file in a folder", || call(upload::text)).takes(r#"{"title":"a.txt","content":"Hello"}"#).answers::<One<File>>(),
            Route::new(Method::POST, "/api/2.0/files/@my/upload", Write, "Upload files into the caller's root folder", || call(upload::to_mine)),
            Route::new(Method::POST, "/api/2.0/files/{id}/upload", Write, "Upload files into a folder", || call(upload::to_folder)),
            Route::new(Method::POST, "/api/2.0/files/file/{id}/startedit", Write, "Open an edit session", || call(edit::start)).takes(r#"{"editingAlone":false}"#).answers::<One<String>>(),
            Route::new(Method::GET, "/api/2.0/files/file/{id}/trackeditfile", Write, "Keep an edit session open, or end it", || call(edit::track)).answers::<One<Tracked>>(),
            Route::new(Method::GET, "/api/2.0/files/file/{id}/share", Read, "Who may do what with a file", || call(share::of_file)).answers::<Many<Share>>(),
            Route::new(Method::PUT, "/api/2.0/files/file/{id}/share", Write, "Share a file", || call(share::set_of_file)).takes(SHARE).answers::<Many<Share>>(),
            Route::new(Method::GET, "/api/2.0/files/folder/{id}/share", Read, "Who may do what with a folder", || call(share::of_folder)).answers::<Many<Share>>(),
            Route::new(Method::PUT, "/api/2.0/files/folder/{id}/share", Write, "Share a folder", || call(share::set_of_folder)).takes(SHARE).answers::<Many<Share>>(),
            Route::new(Method::POST, "/api/2.0/authentication", SignIn, "Sign in with name and password", || call(sign_in::authenticate)).takes(r#"{"userName":"ann","password":"..."}"#).answers::<One<Token>>(),
            Route::new(Method::POST, "/api/2.0/keys", Write, "Make a key for this API", || call(sign_in::add_key)).takes(r#"{"name":"backup","permissions":["files:read"],"expiresInDays":30}"#).answers::<One<Key>>(),
            Route::new(Method::GET, "/api/2.0/keys", Read, "The caller's keys for this API", || call(sign_in::keys)).answers::<Many<Key>>(),
            Route::new(Method::DELETE, "/api/2.0/keys/{id}", Write, "End a key", || call(sign_in::end_key)).answers::<One<bool>>(),
            Route::new(Method::GET, "/api/2.0/people/@self", Read, "The caller", || call(sign_in::myself)).answers::<One<SelfPerson>>(),
        ]
    }

    async fn authenticate(app: &App, parts: &Parts, access: Access) -> Result<Caller, Response> {
        let found = auth::caller(app, parts, access, access == Access::Write).await;
        found.and_then(|caller| caller.ok_or(Refusal::UNAUTHORIZED)).map_err(IntoResponse::into_response)
    }

    fn method_not_allowed(_: &Method, allow: &str) -> Response {
        Refusal::method_not_allowed(allow).into_response()
    }
}

/// The answer to a call that met a fault of the server, which is logged already.
pub(crate) fn fault() -> Response {
    Refusal::INTERNAL.into_response()
}

/// The answer to a call that the server has no room for.
pub(crate) fn busy() -> Response {
    Refusal::from(Error::Busy).into_response()
}

/// The answer to a path below `/api/2.0` that this dialect does not have.
pub(crate) fn unknown_path() -> Response {
    Refusal::UNKNOWN_PATH.into_response()
}
