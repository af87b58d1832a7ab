//! Uploads: a form of two parts, first what the file is to be, then its bytes (oracle.md 4.2). The form and the right
//! to write are looked at before the first byte of the file is read.

use axum::{body::Body, extract::State, http::HeaderMap};
use time::macros::format_description;

use super::{
    answer::Answer,
    auth::{Asker, Named, Reached},
    error::{Refusal, refusing},
    files::shown,
    params::{File, Members},
};
use crate::{
    engine::model::{ContentOrder, ContentQuery, Into, NewContent, NodeName, Taken},
    http::{
        App,
        multipart::{Part, Parts},
    },
};

const PARAMETERS: &str = "jsonInputParameters";
const FILE: &str = "primaryFile";
/// The parameters have at most so many bytes.
const PARAMETERS_LIMIT: usize = 64 << 10;

/// A new file of a folder, or a new version of the file that has its name there.
pub(super) async fn create(
    State(app): State<App>,
    asker: Asker,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Refusal> {
    let mut form = Form::new(&headers, body)?;
    let parameters = form.parameters().await?;
    let parent = Named::folder(parameters.required("parentID")?);
    let suffix = parameters.wants_suffix()?;
    let file = form.file().await?;
    let parent = asker.reach(&parent).await.map_err(|refusal| refusal.about(&parent.id))?;
    let (name, taken) = match suffix {
        false => (file.name.clone(), Taken::VersionAnyCase),
        true => (free_name(&app, &parent, &file.name).await?, Taken::Number),
    };
    let folder = parent.node();
    store(&app, &parent, Into::Folder { folder, name, taken }, file).await
}

/// A new version of a file, under the name that it comes with.
pub(super) async fn add_version(
    State(app): State<App>,
    asker: Asker,
    File(named): File,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Refusal> {
    let file = Form::new(&headers, body)?.file().await?;
    let reached = asker.reach(&named).await?;
    let into = Into::File { file: reached.node(), name: Some(file.name.clone()) };
    store(&app, &reached, into, file).await
}

async fn store(app: &App, reached: &Reached, into: Into, file: FilePart) -> Result<Answer, Refusal> {
    let caller = &reached.caller;
    let new = NewContent { into, media_type: file.media_type };
    let stored = app.engine.store_content(caller, new, file.part.bytes()).await.map_err(refusing(caller))?;
    Ok(Answer::created(&shown(app, caller, stored)))
}

/// The form of an upload, as far as it was read.
struct Form(Parts);

/// The part that holds the bytes, not read yet.
struct FilePart {
    name: NodeName,
    media_type: String,
    part: Part,
}

impl Form {
    fn new(headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        Parts::new(headers, body).map(Self).map_err(|_| Refusal::invalid(FILE))
    }

    /// The parameters, which stand first.
    async fn parameters(&mut self) -> Result<Members, Refusal> {
        let refused = |_| Refusal::invalid(PARAMETERS);
        loop {
            let part = self.0.next().await.map_err(refused)?.ok_or(Refusal::invalid(PARAMETERS))?;
            match part.name() {
                PARAMETERS => {
                    let text = part.text(PARAMETERS_LIMIT).await.map_err(refused)?;
                    return Members::parse(false, text.as_bytes()).map_err(|_| Refusal::invalid(PARAMETERS));
                }
                FILE => return Err(Refusal::invalid(PARAMETERS)),
                _ => {}
            }
        }
    }

    /// The file, behind whatever else there is.
    async fn file(&mut self) -> Result<FilePart, Refusal> {
        let refused = || Refusal::invalid(FILE);
        loop {
            let part = self.0.next().await.map_err(|_| refused())?.ok_or_else(refused)?;
            if part.name() == FILE {
                let name = NodeName::parse(part.file_name().ok_or_else(refused)?).map_err(|_| refused())?;
                let media_type = media_type(&part, &name);
                return Ok(FilePart { name, media_type, part });
            }
        }
    }
}

/// What the client says that it is; clients that do not know say what its name says.
fn media_type(part: &Part, name: &NodeName) -> String {
    match part.media_type() {
        Some(said) if said != "application/octet-stream" => said.to_owned(),
        Some(_) | None => mime_guess::from_path(name.as_str()).first_or_octet_stream().essence_str().to_owned(),
    }
}

impl Members {
    /// Whether a taken name makes a new file with the time in its name instead of a new version.
    fn wants_suffix(&self) -> Result<bool, Refusal> {
        const CHOICE: &str = "duplicateResolution";
        match self.text(CHOICE)?.as_deref() {
            None => Ok(false),
            Some("TimeStampSuffix") => Ok(true),
            Some(_) => Err(Refusal::invalid(CHOICE)),
        }
    }
}

/// The name, or if it is taken in the folder, in any case, the name with the time behind its stem.
async fn free_name(app: &App, folder: &Reached, name: &NodeName) -> Result<NodeName, Refusal> {
    let folded = name.as_str().to_lowercase();
    let find = ContentQuery {
        order: ContentOrder::Name,
        descending: false,
        name: None,
        find: Some(name.as_str().to_owned()),
        offset: 0,
        limit: 1000,
    };
    let (_, page) =
        app.engine.content_of(&folder.caller, folder.node(), find).await.map_err(refusing(&folder.caller))?;
    if !page.items.iter().any(|item| item.name().to_lowercase() == folded) {
        return Ok(name.clone());
    }
    let form = format_description!("_[year][month][day][hour][minute][second]");
    let time = app.engine.now().format(form).unwrap_or_default();
    let (stem, extension) = match name.as_str().rfind('.') {
        Some(dot) if dot > 0 => name.as_str().split_at(dot),
        _ => (name.as_str(), ""),
    };
    let room = 255usize.saturating_sub(time.len() + extension.chars().count());
    let stem: String = stem.chars().take(room).collect();
    NodeName::parse(&format!("{stem}{time}{extension}")).map_err(|_| Refusal::invalid(FILE))
}
