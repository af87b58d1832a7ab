//! Bytes on their way in: forms, raw bodies, empty files and texts (onlyoffice.md 4.2).

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::Response,
};
use bytes::Bytes;
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;

use super::{file, folder::of_folder, place};
use crate::{
    engine::{
        ByteStream,
        model::{Caller, FileInfo, Into, NewContent, NodeName, NodeRef, Taken},
    },
    http::{
        App,
        body::byte_stream,
        multipart::Parts,
        onlyoffice::{
            asked::Asked,
            error::Refusal,
            params::{Id, Params, Query},
            wire::File,
        },
    },
};

pub(in super::super) async fn to_mine(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Query(params): Query,
    request: Request,
) -> Result<Response, Refusal> {
    upload(&app, &asked, &caller, NodeRef::Home, &params, request).await
}

pub(in super::super) async fn to_folder(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(folder): Id,
    Query(params): Query,
    request: Request,
) -> Result<Response, Refusal> {
    upload(&app, &asked, &caller, NodeRef::FolderId(folder), &params, request).await
}

/// A form answers with a list, a raw body with one object.
async fn upload(
    app: &App,
    asked: &Asked,
    caller: &Caller,
    folder: NodeRef,
    params: &Params,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let new = params.is_on("createNewIfExist")?;
    match essence(&parts.headers).starts_with("multipart/") {
        true => {
            let files = form(app, caller, folder, new, &parts.headers, body).await?;
            let place = place(app, caller).await?;
            Ok(asked.list(&files.iter().map(|file| File::new(file, place)).collect::<Vec<_>>()))
        }
        false => {
            let (name, media_type) = raw_name(&parts.headers)?;
            let stored = store(app, caller, folder, name, media_type, taken(new), byte_stream(body)).await?;
            file::one(app, asked, caller, &stored).await
        }
    }
}

/// All files of a form, or none.
async fn form(
    app: &App,
    caller: &Caller,
    folder: NodeRef,
    new: bool,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<FileInfo>, Refusal> {
    let mut files = Vec::new();
    match read_form(app, caller, folder, new, headers, body, &mut files).await {
        Ok(()) if files.is_empty() => Err(Refusal::bad("No file was sent")),
        Ok(()) => Ok(files),
        Err(refusal) => {
            app.engine.take_back(files).await?;
            Err(refusal)
        }
    }
}

async fn read_form(
    app: &App,
    caller: &Caller,
    folder: NodeRef,
    mut new: bool,
    headers: &HeaderMap,
    body: Body,
    files: &mut Vec<FileInfo>,
) -> Result<(), Refusal> {
    /// A field that is no file holds a word.
    const FIELD_LIMIT: usize = 4_096;
    const BAD_FORM: Refusal = Refusal::bad("The request body is no form");
    let mut parts = Parts::new(headers, body).map_err(|_| BAD_FORM)?;
    while let Some(part) = parts.next().await.map_err(|_| BAD_FORM)? {
        match part.file_name().map(last_name) {
            Some(name) => {
                let name = title(name)?;
                let media_type = media_type(part.media_type().unwrap_or_default(), &name);
                files.push(store(app, caller, folder, name, media_type, taken(new), part.bytes()).await?);
            }
            None if part.name().eq_ignore_ascii_case("createNewIfExist") => {
                let text = part.text(FIELD_LIMIT).await.map_err(|_| BAD_FORM)?;
                new = match text.trim().to_lowercase().as_str() {
                    "true" => true,
                    "false" | "" => false,
                    _ => return Err(Refusal::bad_value("createNewIfExist")),
                };
            }
            None => drop(part),
        }
    }
    Ok(())
}

pub(in super::super) async fn empty_in_mine(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    params: Params,
) -> Result<Response, Refusal> {
    make(&app, &asked, &caller, NodeRef::Home, &params, ".docx").await
}

pub(in super::super) async fn empty_in_folder(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(folder): Id,
    params: Params,
) -> Result<Response, Refusal> {
    make(&app, &asked, &caller, NodeRef::FolderId(folder), &params, ".docx").await
}

pub(in super::super) async fn text(
    State(app): State<App>,
    asked: Asked,
    caller: Caller,
    Id(folder): Id,
    params: Params,
) -> Result<Response, Refusal> {
    make(&app, &asked, &caller, NodeRef::FolderId(folder), &params, ".txt").await
}

/// A file with the text of the call as its content. A title without an extension gets one.
async fn make(
    app: &App,
    asked: &Asked,
    caller: &Caller,
    folder: NodeRef,
    params: &Params,
    extension: &str,
) -> Result<Response, Refusal> {
    let given = params.title()?.ok_or_else(|| Refusal::bad_value("title"))?;
    let name = match given.as_str().rsplit_once('.') {
        Some((_, after)) if !after.is_empty() => given,
        _ => title(&format!("{}{extension}", given.as_str().trim_end_matches('.')))?,
    };
    let content = match extension {
        ".txt" => params.text("content")?.unwrap_or_default(),
        _ => String::new(),
    };
    let media_type = media_type("", &name);
    let bytes = futures_util::stream::iter([Ok(Bytes::from(content))]).boxed();
    let stored = store(app, caller, folder, name, media_type, Taken::Keep, bytes).await?;
    file::one(app, asked, caller, &stored).await
}

async fn store(
    app: &App,
    caller: &Caller,
    folder: NodeRef,
    name: NodeName,
    media_type: String,
    taken: Taken,
    bytes: ByteStream,
) -> Result<FileInfo, Refusal> {
    let new = NewContent { into: Into::Folder { folder, name, taken }, media_type };
    match app.engine.store_content(caller, new, bytes).await {
        Ok(file) => Ok(file),
        Err(error) => Err(of_folder(app, folder, error).await?),
    }
}

fn taken(new: bool) -> Taken {
    if new { Taken::Number } else { Taken::Version }
}

fn title(name: &str) -> Result<NodeName, Refusal> {
    NodeName::parse(name).map_err(|_| Refusal::bad_value("title"))
}

/// Some browsers send the whole path on their disk.
fn last_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn essence(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The name of a raw body, or `file` with an extension for its type.
fn raw_name(headers: &HeaderMap) -> Result<(NodeName, String), Refusal> {
    let sent = essence(headers);
    let given = headers.get(CONTENT_DISPOSITION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let name = match given.and_then(file_name) {
        Some(name) => title(last_name(&name))?,
        None => match mime_guess::get_mime_extensions_str(&sent).and_then(|known| preferred(&sent, known)) {
            Some(extension) => title(&format!("file.{extension}"))?,
            None => title("file")?,
        },
    };
    let media_type = media_type(&sent, &name);
    Ok((name, media_type))
}

/// Of the extensions of a type, the one that people expect.
fn preferred(media_type: &str, known: &'static [&'static str]) -> Option<&'static str> {
    match media_type {
        "text/plain" => Some("txt"),
        "image/jpeg" => Some("jpg"),
        "text/html" => Some("html"),
        "application/octet-stream" => None,
        _ => known.first().copied(),
    }
}

/// `filename*=` or `filename=` of a `Content-Disposition`, URL-decoded.
fn file_name(disposition: &str) -> Option<String> {
    let parameters = disposition.split(';').filter_map(|part| part.trim().split_once('='));
    let mut plain = None;
    for (name, value) in parameters {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "filename*" => {
                let encoded = value.rsplit('\'').next().unwrap_or(value);
                return percent_decode_str(encoded).decode_utf8().ok().map(String::from);
            }
            "filename" => plain = percent_decode_str(value).decode_utf8().ok().map(String::from),
            _ => {}
        }
    }
    plain.filter(|name| !name.is_empty())
}

/// What was sent, unless that says nothing; then what the name says.
fn media_type(sent: &str, name: &NodeName) -> String {
    match sent {
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" => {
            mime_guess::from_path(name.as_str()).first_or_octet_stream().to_string()
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_body_has_its_name_in_a_header() {
        for (header, name) in [
            ("attachment; filename=\"a.txt\"", Some("a.txt")),
            ("attachment; filename=a%20b.txt", Some("a b.txt")),
            ("inline; filename=\"x\"; filename*=UTF-8''%C3%BC.txt", Some("\u{fc}.txt")),
            ("attachment", None),
            ("attachment; filename=\"\"", None),
        ] {
            assert_eq!(file_name(header).as_deref(), name, "{header}");
        }
    }
}
