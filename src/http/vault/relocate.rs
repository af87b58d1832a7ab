//! Renaming and moving files (vault.md 4.11, 4.12): of the caller's own tree alone, whatever was shared elsewhere.

use std::collections::HashMap;

use axum::{
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    delete::IDS_LIMIT,
    error::{Reason, Refusal},
    params::{self, Members, Writer},
    wire::ReasonBody,
};
use crate::{
    engine::{
        error::Error,
        model::{Caller, Clash, NodeName, NodeRef},
    },
    http::{App, body::json},
};

pub(super) async fn rename(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let asked = params::json_object(body).await?;
    let (file, name) = (Members(&asked).id("file_id")?, Members(&asked).name("new_file_name")?);
    rename_own(&app, &caller.allow()?, file, name).await.map_err(Refusal::of_rename)?;
    Ok(StatusCode::OK.into_response())
}

async fn rename_own(app: &App, caller: &Caller, file: Uuid, name: NodeName) -> Result<(), Error> {
    // Grants of other contracts have no effect here (2.4), so the file must be the caller's own first.
    app.engine.file(caller, file).await?;
    app.engine.rename(caller, NodeRef::FileUid(file), Some(name), None, Clash::Refuse).await.map(drop)
}

pub(super) async fn move_files(State(app): State<App>, caller: Writer, body: Body) -> Result<Response, Refusal> {
    let asked = params::json_object(body).await?;
    let files = files(Members(&asked).array("files")?)?;
    let path = Members(&asked).folders("new_path")?;
    let named: Vec<Uuid> = files.iter().map(|(file, _)| *file).collect();
    let bad = match app.engine.move_own_files(&caller.allow()?, files, path).await {
        Ok(Ok(())) => return Ok(StatusCode::OK.into_response()),
        Ok(Err(bad)) => bad,
        // Where the folder is missing, there is no place for any of them.
        Err(Error::NotFound) => named,
        Err(error) => return Err(error.into()),
    };
    let reasons: Vec<ReasonBody> = bad.iter().map(|_| Reason::FILE_TO_MOVE_NOT_FOUND.into()).collect();
    Ok(json(StatusCode::BAD_REQUEST, &reasons))
}

/// The files of a move with their new names. A repeated id counts once; with two names it makes no sense.
fn files(elements: &[Value]) -> Result<Vec<(Uuid, NodeName)>, Refusal> {
    if elements.len() > IDS_LIMIT {
        return Err(Refusal::INVALID_REQUEST);
    }
    let (mut files, mut seen) = (Vec::new(), HashMap::new());
    for element in elements {
        let element: &Map<String, Value> = element.as_object().ok_or(Refusal::INVALID_PARAMETER)?;
        let (file, name) = (Members(element).id("file_id")?, Members(element).name("name")?);
        match seen.insert(file, name.clone()) {
            None => files.push((file, name)),
            Some(before) if before == name => {}
            Some(_) => return Err(Refusal::INVALID_PARAMETER),
        }
    }
    Ok(files)
}
