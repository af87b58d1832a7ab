//! Hexnode file management: upload in three steps, list, delete for good (contract: hexnode.md).
//!
//! Its vendor's server is written with Django REST framework, so order of checks and wording are that framework's.

mod error;
mod fields;
mod handlers;
mod paging;
mod wire;

use axum::{
    http::{HeaderMap, HeaderValue, Method, header::AUTHORIZATION, request::Parts},
    response::{IntoResponse, Response},
};

use self::{
    error::Refusal,
    wire::{FileList, Message, PresignedUrl, VerifiedFile},
};
use super::{Access, App, Dialect, Route, rate::RateLimit, route::call};
use crate::{
    config::Config,
    engine::{
        error::Error,
        model::{Caller, KeyId, Realm},
    },
};

const LIST: &str = "/api/v1/filemanagement";
/// Where the signed upload URLs lie, each with its upload's uid behind it.
const UPLOADS: &str = "/s3/hexnode";

/// What this dialect remembers between calls.
pub(crate) struct State {
    rate: RateLimit<KeyId>,
}

impl State {
    pub(crate) fn new(config: &Config) -> Self {
        Self { rate: RateLimit::new(config.hexnode_rate) }
    }
}

pub(crate) struct Hexnode;

impl Dialect for Hexnode {
    const NAME: &'static str = "hexnode";
    const KEY_BEFORE_METHOD: bool = true;

    fn routes() -> Vec<Route> {
        use Access::{Open, Read, Write};
        vec![
            Route::new(Method::GET, "/api/v1/filemanagement", Read, "List the account's files", || {
                call(handlers::list)
            })
            .answers::<FileList>(),
            Route::new(
                Method::POST,
                "/api/v1/filemanagement/generate-presigned-upload-url",
                Write,
                "Announce a file and get the URL to which its bytes are PUT",
                || call(handlers::generate_presigned_upload_url),
            )
            .takes(r#"{"file_name":"report.pdf","content_type":"application/pdf"}"#)
            .answers::<PresignedUrl>(),
            // A URL signed for PUT is wrong for every other method, and S3 says so in its own words.
            Route::new(Method::PUT, "/s3/hexnode/{key}", Open, "Send the bytes of an announced file", || {
                call(handlers::put_upload)
            })
            .for_every_method(),
            Route::new(
                Method::POST,
                "/api/v1/filemanagement/verify-file-upload",
                Write,
                "Finish an upload and get the file's id",
                || call(handlers::verify_file_upload),
            )
            .takes(r#"{"file_uuid":"6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11"}"#)
            .answers::<VerifiedFile>(),
            Route::new(
                Method::POST,
                "/api/v1/filemanagement/delete-files",
                Write,
                "Delete files for good, all or none",
                || call(handlers::delete_files),
            )
            .takes(r#"{"file_ids":[101,102]}"#)
            .answers::<Message>(),
        ]
    }

    /// In the order of hexnode.md 2.2. The limit is counted last: only calls that may be made cost something.
    async fn authenticate(app: &App, parts: &Parts, access: Access) -> Result<Caller, Response> {
        admit(app, parts, access).await.map_err(IntoResponse::into_response)
    }

    fn method_not_allowed(method: &Method, allow: &str) -> Response {
        let allow = HeaderValue::from_str(allow).unwrap_or(HeaderValue::from_static(""));
        Refusal::Method(method.clone(), allow).into_response()
    }
}

async fn admit(app: &App, parts: &Parts, access: Access) -> Result<Caller, Refusal> {
    let caller = app.engine.authenticate(bare_key(&parts.headers)?, Realm::Keys).await?;
    // A POST that no path takes is refused like one that some path does: 403 comes before 405.
    if caller.read_only && (access == Access::Write || parts.method == Method::POST) {
        return Err(Refusal::ReadOnlyKey);
    }
    app.hexnode.rate.count(caller.key, app.engine.now())?;
    Ok(caller)
}

/// The header is the key and nothing else; with a scheme word before it, it is a key that nobody has (hexnode.md 2.1).
fn bare_key(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let key = match (values.next(), values.next()) {
        (None, _) => return Err(Refusal::NoCredentials),
        (Some(key), None) => key.to_str().map_err(|_| Refusal::MalformedKey)?,
        (Some(_), Some(_)) => return Err(Refusal::MalformedKey),
    };
    match key.trim() {
        "" => Err(Refusal::NoCredentials),
        key => Ok(key),
    }
}

/// The answer to a call that met a fault of the server, which is logged already.
pub(crate) fn fault() -> Response {
    error::server_error()
}

/// The answer to a call that the server has no room for.
pub(crate) fn busy() -> Response {
    Refusal::Engine(Error::Busy).into_response()
}

/// The answer to a path under the base that is no call.
pub(crate) fn unknown_path() -> Response {
    Refusal::UnknownPath.into_response()
}
