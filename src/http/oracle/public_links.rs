//! Public links: access to one item for whoever has the link, is in its list of users and knows its code (oracle.md
//! 4.5).

use axum::extract::State;
use time::OffsetDateTime;

use super::{
    answer::Answer,
    auth::{Asker, Named},
    error::{Refusal, refusing},
    ids::Ids,
    params::{self, File, Folder, Members},
    wire::{EVERY_ACCOUNT, EVERYBODY, EndedLink, PublicLink, PublicLinks, rights_of},
};
use crate::{
    engine::model::{Audience, LinkChange, NewLink, Rights},
    http::App,
};

const USERS: &str = "assignedUsers";
const ROLE: &str = "role";
const CODE: &str = "password";
const END: &str = "expirationTime";

pub(super) async fn create_on_file(
    state: State<App>,
    asker: Asker,
    File(file): File,
    members: Members,
) -> Result<Answer, Refusal> {
    create(state, asker, file, members).await
}

pub(super) async fn create_on_folder(
    state: State<App>,
    asker: Asker,
    Folder(folder): Folder,
    members: Members,
) -> Result<Answer, Refusal> {
    create(state, asker, folder, members).await
}

async fn create(State(app): State<App>, asker: Asker, named: Named, members: Members) -> Result<Answer, Refusal> {
    let asked = Asked::parse(&app, &members).await?;
    let new = NewLink {
        audience: asked.audience.ok_or_else(|| Refusal::invalid(USERS))?,
        rights: asked.rights.unwrap_or(Rights::VIEWER),
        name: members.text("linkName")?.unwrap_or_default(),
        code: asked.code.flatten(),
        expires_at: asked.expires_at.flatten(),
    };
    let item = asker.reach(&named).await?;
    let made = app.engine.add_link(&item.caller, item.node(), new).await.map_err(refusing(&item.caller))?;
    Ok(Answer::ok(&PublicLink::new(made, &Ids::of(&app.engine))))
}

pub(super) async fn list_of_file(state: State<App>, asker: Asker, File(file): File) -> Result<Answer, Refusal> {
    list(state, asker, file).await
}

pub(super) async fn list_of_folder(state: State<App>, asker: Asker, Folder(folder): Folder) -> Result<Answer, Refusal> {
    list(state, asker, folder).await
}

async fn list(State(app): State<App>, asker: Asker, named: Named) -> Result<Answer, Refusal> {
    let item = asker.reach(&named).await?;
    let links = app.engine.links(&item.caller, item.node()).await.map_err(refusing(&item.caller))?;
    let ids = Ids::of(&app.engine);
    Ok(Answer::ok(&PublicLinks {
        count: links.len().to_string(),
        id: ids.node(item.uid, item.is_folder),
        items: links.into_iter().map(|link| PublicLink::new(link, &ids)).collect(),
        r#type: if item.is_folder { "folder" } else { "file" },
    }))
}

pub(super) async fn info(State(app): State<App>, asker: Asker, link: params::Link) -> Result<Answer, Refusal> {
    let (caller, ids) = (asker.account()?, Ids::of(&app.engine));
    let uid = ids.parse_link(&link.0).ok_or(Refusal::MISSING)?;
    let found = app.engine.link(caller, uid).await.map_err(refusing(caller))?;
    Ok(Answer::ok(&PublicLink::new(found, &ids)))
}

pub(super) async fn edit(
    State(app): State<App>,
    asker: Asker,
    link: params::Link,
    members: Members,
) -> Result<Answer, Refusal> {
    let (caller, ids) = (asker.account()?, Ids::of(&app.engine));
    let Asked { audience, rights, code, expires_at } = Asked::parse(&app, &members).await?;
    let uid = ids.parse_link(&link.0).ok_or(Refusal::MISSING)?;
    let change = LinkChange { audience, rights, code, expires_at };
    let changed = app.engine.change_link(caller, uid, change).await.map_err(refusing(caller))?;
    Ok(Answer::ok(&PublicLink::new(changed, &ids)))
}

pub(super) async fn end(State(app): State<App>, asker: Asker, link: params::Link) -> Result<Answer, Refusal> {
    let (caller, ids) = (asker.account()?, Ids::of(&app.engine));
    let uid = ids.parse_link(&link.0).ok_or(Refusal::MISSING)?;
    app.engine.remove_link(caller, uid).await.map_err(refusing(caller))?;
    Ok(Answer::ok(&EndedLink { link_id: link.0, r#type: "publiclink" }))
}

/// What a request says about a link; `None`: nothing. An empty code or end takes it away.
struct Asked {
    audience: Option<Audience>,
    rights: Option<Rights>,
    code: Option<Option<String>>,
    expires_at: Option<Option<OffsetDateTime>>,
}

impl Asked {
    async fn parse(app: &App, members: &Members) -> Result<Self, Refusal> {
        let audience = match members.text(USERS)? {
            None => None,
            Some(text) => Some(audience(app, &text).await?),
        };
        let code = members.text(CODE)?.map(|code| match code.chars().count() {
            0 => Ok(None),
            8..=50 => Ok(Some(code)),
            _ => Err(Refusal::invalid(CODE)),
        });
        let now = app.engine.now();
        let end = members.text(END)?.map(|text| match text.as_str() {
            "" => Ok(None),
            text => params::moment(text).filter(|end| *end > now).map(Some).ok_or(Refusal::invalid(END)),
        });
        Ok(Self {
            audience,
            rights: members.alias(ROLE, "roleName")?.map(|role| rights(&role)).transpose()?,
            code: code.transpose()?,
            expires_at: end.transpose()?,
        })
    }
}

/// A public link goes no further than contributor.
fn rights(role: &str) -> Result<Rights, Refusal> {
    rights_of(role).filter(|rights| !rights.has(Rights::SHARE)).ok_or_else(|| Refusal::invalid(ROLE))
}

/// One of the two words, or a list of users.
async fn audience(app: &App, text: &str) -> Result<Audience, Refusal> {
    match text.trim() {
        EVERYBODY => return Ok(Audience::Everybody),
        EVERY_ACCOUNT => return Ok(Audience::Accounts),
        _ => {}
    }
    let ids = Ids::of(&app.engine);
    let mut accounts = Vec::new();
    for user in text.split(',').map(str::trim) {
        let user = ids.parse_user(user).map_or_else(|| user.to_owned(), |uid| uid.to_string());
        let found = app.engine.account_named(&user).await.map_err(refusing(&super::auth::nobody()))?;
        let account = found.ok_or_else(|| Refusal::invalid(USERS))?.id;
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    Ok(Audience::Named(accounts))
}
