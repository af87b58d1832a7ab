//! One function a call.

use axum::{
    body::Body,
    extract::State,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    Sweeppea,
    admission::Call,
    error::{Field, Help, ReadRefusal, Refusal},
    fields::Members,
    file_type,
    read_url::{Grant, PURPOSE, READ_URLS},
    wire::{DeletedData, FetchedData, Success, UploadedData, UrlData},
};
use crate::{
    engine::{
        error::Error,
        model::{Account, FileInfo, GoneVerdict, NewFile, NodeName},
    },
    http::{App, Dialect, body::json, content::user_bytes},
};

/// Bytes of an uploaded file (sweeppea.md 4.1).
const FILE_LIMIT: u64 = 10 << 20;

/// What a call that was done answers.
struct Done<T> {
    data: T,
    message: &'static str,
    /// Bytes that the call moved.
    consumed: u64,
}

impl<T> Done<T> {
    fn new(message: &'static str, data: T) -> Self {
        Self { data, message, consumed: 0 }
    }
}

type Outcome<T> = Result<Done<T>, Refusal>;

impl Call {
    /// The answer, with the call counted if an answer of its status counts (sweeppea.md 2.3).
    fn answer<T: Serialize>(self, outcome: Outcome<T>) -> Response {
        match outcome {
            Ok(done) => {
                let success = Success {
                    response: true,
                    telemetry: self.telemetry(done.consumed),
                    data: done.data,
                    message: done.message,
                };
                json(StatusCode::OK, &success)
            }
            Err(refusal) => {
                let counts = refusal.status() != StatusCode::FORBIDDEN;
                let answer = refusal.answer(Some(self.telemetry(0)));
                if !counts {
                    self.release();
                }
                answer
            }
        }
    }
}

pub(super) async fn delete(State(app): State<App>, call: Call, body: Body) -> Response {
    let outcome = delete_file(&app, &call, body).await;
    call.answer(outcome)
}

async fn delete_file(app: &App, call: &Call, body: Body) -> Outcome<DeletedData> {
    let (body, _place) = app.sweeppea.room.read(call.caller.account, body).await?;
    let token = Members::of(&body).file_token().map_err(|field| Help::Delete.about(field))?;
    // A client that goes away drops this future; the engine's work goes on without it.
    match app.engine.delete_and_wait(&call.caller, Sweeppea::NAME, token).await? {
        GoneVerdict::Gone(file) => Ok(Done::new("(OK) File deleted successfully.", file.into())),
        GoneVerdict::Going => Err(Refusal::Internal),
        GoneVerdict::NotFound => Err(Refusal::NotFound),
        GoneVerdict::Held => Err(Refusal::Held),
        GoneVerdict::Locked => Err(Refusal::Locked),
    }
}

pub(super) async fn upload(State(app): State<App>, call: Call, body: Body) -> Response {
    let outcome = upload_file(&app, &call, body).await;
    call.answer(outcome)
}

async fn upload_file(app: &App, call: &Call, body: Body) -> Outcome<UploadedData> {
    let (body, _place) = app.sweeppea.room.read(call.caller.account, body).await?;
    // Decoding keeps a thread busy for a while: not one that other calls wait for.
    let checked = tokio::task::spawn_blocking(move || check_upload(&body)).await;
    let (new, bytes) = checked.map_err(|error| Error::Internal(error.into()))??;
    let size = bytes.len() as u64;
    let name = new.name.as_str().to_owned();
    // Read before anything is stored: an answer that tells of a stored file must not fail for want of it.
    let account = app.engine.account(&call.caller).await?;
    let file = match app.engine.store_file(&call.caller, new, bytes).await {
        Err(Error::NameTaken { by }) => return Err(Refusal::NameTaken { name, by }),
        stored => stored?,
    };
    let account = match account.category {
        Some(_) => account,
        // The first upload has made it.
        None => or_as_before(app.engine.account(&call.caller).await, account),
    };
    Ok(Done { consumed: size, ..Done::new("(OK) File uploaded successfully.", UploadedData::new(file, &account)) })
}

/// The account as it is now, or, if that cannot be told, as it was: then its answer lacks the category's token.
fn or_as_before(now: Result<Account, Error>, before: Account) -> Account {
    now.unwrap_or_else(|error| {
        tracing::warn!(dialect = "sweeppea", %error, "an account could not be read again");
        before
    })
}

/// The members, the type, the size, in this order; quota and name are the engine's to check.
fn check_upload(body: &[u8]) -> Result<(NewFile, Bytes), Refusal> {
    let fields = Members::of(body).upload().map_err(|field| Help::Upload.about(field))?;
    let media_type = file_type::allowed(&fields.name, &fields.media_type)
        .ok_or_else(|| Refusal::TypeNotAllowed { media_type: fields.media_type.into_owned() })?;
    let size = fields.bytes.len() as u64;
    if size > FILE_LIMIT {
        return Err(Refusal::FileTooLarge { size });
    }
    let new = NewFile {
        name: NodeName::parse(&fields.name).map_err(Error::from)?,
        media_type: media_type.to_owned(),
        private: fields.private,
    };
    Ok((new, fields.bytes))
}

pub(super) async fn fetch(State(app): State<App>, call: Call, body: Body) -> Response {
    let outcome = fetch_files(&app, &call, body).await;
    call.answer(outcome)
}

async fn fetch_files(app: &App, call: &Call, body: Body) -> Outcome<FetchedData> {
    let (body, _place) = app.sweeppea.room.read(call.caller.account, body).await?;
    let query = Members::of(&body).page();
    let files = app.engine.files(&call.caller, query.clone()).await?;
    let account = match files.total {
        0 => app.engine.account(&call.caller).await?,
        // They may have come through other dialects, which know of no category.
        _ => app.engine.account_with_category(&call.caller).await?,
    };
    Ok(Done::new("(OK) Files fetched successfully.", FetchedData::new(files, &query, &account)))
}

pub(super) async fn get_file_url(State(app): State<App>, call: Call, body: Body) -> Response {
    let outcome = sign_url(&app, &call, body).await;
    call.answer(outcome)
}

async fn sign_url(app: &App, call: &Call, body: Body) -> Outcome<UrlData> {
    let (body, _place) = app.sweeppea.room.read(call.caller.account, body).await?;
    let wanted = Members::of(&body);
    let refuse = |field: Field| Help::GetFileUrl.about(field);
    let token = wanted.file_token().map_err(refuse)?;
    let mode = wanted.mode().map_err(refuse)?;
    let expires_in = wanted.expires_in().map_err(refuse)?;
    let file = app.engine.file(&call.caller, token).await?;
    let grant = Grant { file: file.uid, mode, expires: app.engine.now().unix_timestamp() + i64::from(expires_in) };
    Ok(Done::new("(OK) File URL generated successfully.", url_data(app, file, grant, expires_in)))
}

fn url_data(app: &App, file: FileInfo, grant: Grant, expires_in: u32) -> UrlData {
    let key = app.engine.signing_key(PURPOSE);
    let url = grant.url(&key, &app.config.public_url, &file.name);
    // In range: a clock within the calendar plus an hour.
    let expires_at = OffsetDateTime::from_unix_timestamp(grant.expires).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    UrlData::new(file, grant.mode.as_str(), url, expires_in, expires_at)
}

pub(super) async fn send(State(app): State<App>, call: Call, body: Body) -> Response {
    let outcome = mail_file(&app, &call, body).await;
    call.answer(outcome)
}

/// There is no mail server in this version, so nobody gets further than that (sweeppea.md 4.5).
async fn mail_file(app: &App, call: &Call, body: Body) -> Outcome<()> {
    let (body, _place) = app.sweeppea.room.read(call.caller.account, body).await?;
    let members = Members::of(&body);
    let refuse = |field: Field| Help::Send.about(field);
    let token = members.file_token().map_err(refuse)?;
    members.recipient().map_err(refuse)?;
    app.engine.file(&call.caller, token).await?;
    Err(Refusal::MailOff)
}

/// Answers every method of a read URL, in S3's words.
pub(super) async fn read(State(app): State<App>, method: Method, url: Uri) -> Response {
    read_file(&app, &method, &url).await.into_response()
}

async fn read_file(app: &App, method: &Method, url: &Uri) -> Result<Response, ReadRefusal> {
    if ![Method::GET, Method::HEAD].contains(method) {
        return Err(ReadRefusal::Method);
    }
    let key = app.engine.signing_key(PURPOSE);
    // As it stands in the URL: neither the name behind it nor any escape in it has to be a text.
    let file = url.path().strip_prefix(READ_URLS).and_then(|rest| rest.split('/').nth(1)).unwrap_or_default();
    let grant = Grant::check(&key, file, url.query().unwrap_or_default(), app.engine.now())?;
    let content = app.engine.read_signed(grant.file).await?;
    Ok(user_bytes(content, grant.mode.disposition()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::engine::model::{AccountId, Role};

    #[test]
    fn a_stored_file_is_told_of_even_if_its_account_cannot_be_read_again() {
        let account = |category| Account {
            id: AccountId(1),
            uid: Uuid::nil(),
            name: "ann".to_owned(),
            display_name: String::new(),
            email: String::new(),
            role: Role::User,
            disabled: false,
            quota: 0,
            used: 0,
            purging: 0,
            max_calls: 0,
            category,
        };
        let before = || account(None);
        let failed = Err(Error::Internal(anyhow::anyhow!("the database is locked")));
        assert_eq!(or_as_before(failed, before()).category, None);
        let category = Some(Uuid::new_v4());
        assert_eq!(or_as_before(Ok(account(category)), before()).category, category);
    }
}
