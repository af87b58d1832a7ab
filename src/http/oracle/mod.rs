//! Oracle Content Management (contract: oracle.md).
//!
//! A delete moves a file, one of its versions or a folder to the trash of whoever owns the tree; the trash has calls of
//! its own behind a second entry point. Requests are judged in one order (oracle.md 3.4): credentials, other sites and
//! keys that only read, the form of the request, whether the thing is there, the link that it was asked for by, and only
//! then what the caller may do with it. Answers and refusals are values until they are written, in JSON or XML.

mod answer;
mod applinks;
mod auth;
mod call;
mod delete;
mod error;
mod files;
mod folders;
mod ids;
mod integration;
mod items;
mod params;
mod public_links;
mod upload;
mod users;
mod wire;

pub(crate) use answer::write;
use axum::{
    http::{Method, request::Parts},
    response::{IntoResponse, Response},
};
use error::Refusal;

use super::{Access, App, Dialect, Route, route::call};
use crate::engine::model::Caller;

pub(crate) struct Oracle;

impl Dialect for Oracle {
    const NAME: &'static str = "oracle";

    const KEY_BEFORE_METHOD: bool = false;

    #[rustfmt::skip]
    fn routes() -> Vec<Route> {
        use Access::{Open, Read, Write};
        vec![
            Route::new(Method::POST, "/documents/api/{version}/files/data", Write, "Upload a file", || call(upload::create)).answers::<wire::File>(),
            Route::new(Method::GET, "/documents/api/{version}/files/lists", Read, "Files by their ids", || call(items::list_files)).answers::<wire::List<wire::Listed>>(),
            Route::new(Method::GET, "/documents/api/{version}/files/{file_id}", Read, "A file, or one of its versions", || call(files::info)).answers::<wire::File>(),
            Route::new(Method::PUT, "/documents/api/{version}/files/{file_id}", Write, "Rename a file", || call(items::rename_file)).takes(r#"{"name":"report.pdf"}"#).answers::<wire::File>(),
            Route::new(Method::DELETE, "/documents/api/{version}/files/{file_id}", Write, "Move a file, or one version of it, to the trash", || call(delete::file)).answers::<wire::Deleted>(),
            Route::new(Method::GET, "/documents/api/{version}/files/{file_id}/data", Read, "Download a file", || call(files::data)),
            Route::new(Method::POST, "/documents/api/{version}/files/{file_id}/data", Write, "Upload a new version of a file", || call(upload::add_version)).answers::<wire::File>(),
            Route::new(Method::GET, "/documents/api/{version}/files/{file_id}/versions", Read, "A file's versions, newest first", || call(files::versions)).answers::<wire::Versions>(),
            Route::new(Method::POST, "/documents/api/{version}/files/{file_id}/move", Write, "Move a file", || call(items::move_file)).takes(r#"{"destinationID":"self"}"#).answers::<wire::File>(),
            Route::new(Method::POST, "/documents/api/{version}/files/{file_id}/copy", Write, "Copy a file's newest version", || call(items::copy_file)).takes(r#"{"destinationID":"self"}"#).answers::<wire::File>(),
            Route::new(Method::POST, "/documents/api/{version}/files/{file_id}/reserve", Write, "Reserve a file for the caller", || call(files::reserve)).answers::<wire::Reservation>(),
            Route::new(Method::POST, "/documents/api/{version}/files/{file_id}/unreserve", Write, "End a reservation", || call(files::unreserve)).takes(r#"{"reservedByUserID":"U6F1C0D7E3F0A4A539F520B1D8F2C7A115D1"}"#).answers::<wire::Released>(),
            Route::new(Method::GET, "/documents/api/{version}/folders/items", Read, "What lies in the caller's home folder", || call(folders::home_items)).answers::<wire::Items>(),
            Route::new(Method::GET, "/documents/api/{version}/folders/lists", Read, "Folders by their ids", || call(items::list_folders)).answers::<wire::List<wire::Listed>>(),
            Route::new(Method::GET, "/documents/api/{version}/folders/{folder_id}", Read, "A folder", || call(folders::info)).answers::<wire::Folder>(),
            Route::new(Method::POST, "/documents/api/{version}/folders/{folder_id}", Write, "Make a folder in it", || call(folders::create)).takes(r#"{"name":"reports","description":"of 2026"}"#).answers::<wire::Folder>(),
            Route::new(Method::PUT, "/documents/api/{version}/folders/{folder_id}", Write, "Rename or describe a folder", || call(items::edit_folder)).takes(r#"{"name":"reports"}"#).answers::<wire::Folder>(),
            Route::new(Method::DELETE, "/documents/api/{version}/folders/{folder_id}", Write, "Move a folder with all below it to the trash", || call(delete::folder)).answers::<wire::Deleted>(),
            Route::new(Method::GET, "/documents/api/{version}/folders/{folder_id}/items", Read, "What lies in a folder", || call(folders::items)).answers::<wire::Items>(),
            Route::new(Method::POST, "/documents/api/{version}/folders/{folder_id}/move", Write, "Move a folder", || call(items::move_folder)).takes(r#"{"destinationID":"self"}"#).answers::<wire::Folder>(),
            Route::new(Method::POST, "/documents/api/{version}/folders/{folder_id}/copy", Write, "Copy a folder", || call(items::copy_folder)).takes(r#"{"destinationID":"self"}"#).answers::<wire::Folder>(),
            Route::new(Method::GET, "/documents/api/{version}/users/items", Read, "Accounts by part of their names", || call(users::list)).answers::<wire::List<wire::User>>(),
            Route::new(Method::POST, "/documents/api/{version}/applinks/file/{file_id}", Write, "Make an applink to a file", || call(applinks::create_on_file)).takes(r#"{"assignedUser":"bob","role":"contributor"}"#).answers::<wire::NewApplink>(),
            Route::new(Method::POST, "/documents/api/{version}/applinks/folder/{folder_id}", Write, "Make an applink to a folder", || call(applinks::create_on_folder)).takes(r#"{"assignedUser":"bob","role":"contributor"}"#).answers::<wire::NewApplink>(),
            // Its tokens are its credentials.
            Route::new(Method::PUT, "/documents/api/{version}/applinks/token", Open, "A new access token for an applink", || call(applinks::refresh)).answers::<wire::AccessToken>(),
            Route::new(Method::POST, "/documents/api/{version}/publiclinks/file/{file_id}", Write, "Make a public link to a file", || call(public_links::create_on_file)).takes(r#"{"assignedUsers":"@everybody","role":"downloader"}"#).answers::<wire::PublicLink>(),
            Route::new(Method::GET, "/documents/api/{version}/publiclinks/file/{file_id}", Read, "A file's public links", || call(public_links::list_of_file)).answers::<wire::PublicLinks>(),
            Route::new(Method::POST, "/documents/api/{version}/publiclinks/folder/{folder_id}", Write, "Make a public link to a folder", || call(public_links::create_on_folder)).takes(r#"{"assignedUsers":"@everybody","role":"downloader"}"#).answers::<wire::PublicLink>(),
            Route::new(Method::GET, "/documents/api/{version}/publiclinks/folder/{folder_id}", Read, "A folder's public links", || call(public_links::list_of_folder)).answers::<wire::PublicLinks>(),
            Route::new(Method::GET, "/documents/api/{version}/publiclinks/{link_id}", Read, "A public link", || call(public_links::info)).answers::<wire::PublicLink>(),
            Route::new(Method::PUT, "/documents/api/{version}/publiclinks/{link_id}", Write, "Change a public link", || call(public_links::edit)).takes(r#"{"role":"viewer"}"#).answers::<wire::PublicLink>(),
            Route::new(Method::DELETE, "/documents/api/{version}/publiclinks/{link_id}", Write, "End a public link", || call(public_links::end)).answers::<wire::EndedLink>(),
            Route::new(Method::GET, "/documents/integration", Read, "A service that reads, by its name", || call(integration::call)),
            Route::new(Method::POST, "/documents/integration", Write, "A service that changes something, by its name", || call(integration::call)).takes(r#"{"LocalData":{"IdcService":"FLD_EMPTY_TRASH","useBackgroundThread":1}}"#),
        ]
    }

    async fn authenticate(app: &App, parts: &Parts, access: Access) -> Result<Caller, Response> {
        auth::authenticate(app, parts, access).await.map_err(IntoResponse::into_response)
    }

    fn method_not_allowed(_: &Method, allow: &str) -> Response {
        Refusal::method_not_allowed(allow).into_response()
    }
}

/// The answer to a call that met a fault of the server, which is logged already.
pub(crate) fn fault() -> Response {
    Refusal::FAILED.into_response()
}

/// The answer to a call that the server has no room for.
pub(crate) fn busy() -> Response {
    Refusal::busy().into_response()
}

/// The answer to a path below `/documents` that this dialect does not have.
pub(crate) fn unknown_path() -> Response {
    Refusal::UNKNOWN_PATH.into_response()
}
