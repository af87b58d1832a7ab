//! Who asks, and by which link (oracle.md 2).
//!
//! A request may carry credentials, a link, or both. Credentials come first: wrong ones are refused whatever else is
//! there. A request that names a link is then judged by that link alone, but a link is judged for one item, so it is
//! exchanged only when a handler knows the item: by [`Asker::reach`], which keeps the order of oracle.md 3.4. Until
//! then whoever has not signed in is a caller whose link opens nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{
        HeaderMap,
        header::{AUTHORIZATION, COOKIE},
        request::Parts,
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use uuid::Uuid;

use super::{
    error::{Refusal, refusing},
    ids::{HOME, Ids},
    integration::is_integration,
};
use crate::{
    engine::{
        error::Error,
        model::{AccountId, Caller, LinkPass, LinkRefusal, NodeId, NodeRef, Presence, Realm, Rights},
    },
    http::{Access, App, cross_site::is_cross_site},
};

/// Credentials to caller, for calls of [`Access::Read`] and [`Access::Write`].
pub(super) async fn authenticate(app: &App, parts: &Parts, access: Access) -> Result<Caller, Refusal> {
    let integration = is_integration(parts.uri.path());
    let caller = match sign_in(app, parts).await? {
        Some(caller) => caller,
        None if names_a_link(&parts.headers) && !integration => nobody(),
        None => return Err(Refusal::SIGN_IN),
    };
    // One address stands for many calls there, and each says for itself whether it writes.
    if access == Access::Write && !integration {
        may_write(app, &parts.headers, &caller)?;
    }
    Ok(caller)
}

/// A link that opens nothing: there is none with this id.
const NOTHING: LinkPass = LinkPass { link: 0, node: NodeId(0), rights: Rights::NONE };

/// The account that the request's credentials stand for; `None` without any.
pub(super) async fn sign_in(app: &App, parts: &Parts) -> Result<Option<Caller>, Refusal> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| Refusal::SIGN_IN)?,
        (Some(_), Some(_)) => return Err(Refusal::SIGN_IN),
    };
    let (scheme, secret) = value.split_once(' ').ok_or(Refusal::SIGN_IN)?;
    let caller = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => app.engine.authenticate(secret.trim(), Realm::Keys).await,
        "basic" => {
            let decoded = BASE64_STANDARD.decode(secret.trim()).map_err(|_| Refusal::SIGN_IN)?;
            let text = String::from_utf8(decoded).map_err(|_| Refusal::SIGN_IN)?;
            let (name, secret) = text.split_once(':').ok_or(Refusal::SIGN_IN)?;
            app.engine.sign_in_basic(name, secret, address(parts), Realm::Keys).await
        }
        _ => return Err(Refusal::SIGN_IN),
    };
    caller.map(Some).map_err(refusing(&nobody()))
}

/// Somebody who has not signed in, by a link that opens nothing.
pub(super) fn nobody() -> Caller {
    Caller::anonymous(NOTHING)
}

/// Refuses a change that another site made the caller's browser ask for, and one with a key that only reads.
pub(super) fn may_write(app: &App, headers: &HeaderMap, caller: &Caller) -> Result<(), Refusal> {
    if sent_by_browsers(headers) && is_cross_site(headers, &app.config.public_url) {
        return Err(Refusal::cross_site(caller));
    }
    match caller.read_only {
        true => Err(Refusal::forbidden(caller)),
        false => Ok(()),
    }
}

/// Whether what lets the request in is something that browsers add by themselves: Basic, or a link's code in a cookie.
fn sent_by_browsers(headers: &HeaderMap) -> bool {
    match headers.get(AUTHORIZATION) {
        Some(value) => value.as_bytes().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic")),
        None => headers.contains_key(COOKIE),
    }
}

fn address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())
}

const LINK_ID: &str = "linkID";
pub(super) const APPLINK_ID: &str = "appLinkID";
pub(super) const ACCESS_TOKEN: &str = "accessToken";

fn names_a_link(headers: &HeaderMap) -> bool {
    [LINK_ID, APPLINK_ID, ACCESS_TOKEN].into_iter().any(|name| headers.contains_key(name))
}

/// A header that may be repeated, but only to say the same.
pub(super) fn header(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    match first.to_str() {
        Ok(text) if !text.is_empty() && values.all(|other| other == first) => Ok(Some(text.to_owned())),
        _ => Err(Refusal::invalid(name)),
    }
}

/// The link that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NamedLink {
    Public { id: String, code: Option<String> },
    App { id: String, access_token: String },
}

impl NamedLink {
    pub(super) fn parse(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let applink = (header(headers, APPLINK_ID)?, header(headers, ACCESS_TOKEN)?);
        match (header(headers, LINK_ID)?, applink) {
            (None, (None, None)) => Ok(None),
            (Some(id), (None, None)) => Ok(Some(Self::Public { code: code_for(headers, &id), id })),
            (None, (Some(id), Some(access_token))) => Ok(Some(Self::App { id, access_token })),
            (Some(_), _) => Err(Refusal::invalid(LINK_ID)),
            (None, (Some(_), None)) => Err(Refusal::invalid(ACCESS_TOKEN)),
            (None, (None, Some(_))) => Err(Refusal::invalid(APPLINK_ID)),
        }
    }
}

/// The access code of the cookie `dAccessCode-<linkID>`; those of other links say nothing.
fn code_for(headers: &HeaderMap, link: &str) -> Option<String> {
    let name = format!("dAccessCode-{link}");
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(known, _)| *known == name).map(|(_, code)| code.to_owned())
}

/// A file or folder as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) is_folder: bool,
}

impl Named {
    pub(super) fn file(id: impl Into<String>) -> Self {
        Self { id: id.into(), is_folder: false }
    }

    pub(super) fn folder(id: impl Into<String>) -> Self {
        Self { id: id.into(), is_folder: true }
    }
}

/// A file or folder that is there, and who asks for it, as far as the link lets them that they came by.
pub(super) struct Reached {
    pub(super) caller: Caller,
    pub(super) uid: Uuid,
    pub(super) is_folder: bool,
}

impl Reached {
    pub(super) fn node(&self) -> NodeRef {
        match self.is_folder {
            true => NodeRef::FolderUid(self.uid),
            false => NodeRef::FileUid(self.uid),
        }
    }
}

/// Who asks, before it is known for what.
pub(super) struct Asker {
    app: App,
    caller: Caller,
    link: Option<NamedLink>,
    address: IpAddr,
}

impl FromRequestParts<App> for Asker {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let caller = Caller::from_request_parts(parts, app).await?;
        let link = NamedLink::parse(&parts.headers).map_err(IntoResponse::into_response)?;
        Ok(Self { app: app.clone(), caller, link, address: address(parts) })
    }
}

impl Asker {
    /// An account that came by no link.
    pub(super) fn signed_in(app: &App, caller: &Caller) -> Self {
        let address = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { app: app.clone(), caller: caller.clone(), link: None, address }
    }

    /// The account that asks, for calls that no link opens.
    pub(super) fn account(&self) -> Result<&Caller, Refusal> {
        match (self.caller.account, &self.link) {
            (AccountId::NOBODY, _) => Err(Refusal::SIGN_IN),
            (_, Some(_)) => Err(Refusal::forbidden(&self.caller)),
            (_, None) => Ok(&self.caller),
        }
    }

    /// A thing that is there, with the caller as far as the request's link lets them: first whether it exists, then
    /// whether the link is good, then its code (oracle.md 3.4). What the caller may do with it is the engine's to say.
    pub(super) async fn reach(&self, named: &Named) -> Result<Reached, Refusal> {
        match self.find(named).await? {
            Some((uid, Presence::Live)) => {
                Ok(Reached { caller: self.by_link(uid).await?, uid, is_folder: named.is_folder })
            }
            Some((_, Presence::InTrash | Presence::Missing)) | None => Err(Refusal::MISSING),
        }
    }

    /// Whether a thing is there, whoever asks.
    pub(super) async fn presence(&self, named: &Named) -> Result<Presence, Refusal> {
        Ok(self.find(named).await?.map_or(Presence::Missing, |(_, presence)| presence))
    }

    async fn find(&self, named: &Named) -> Result<Option<(Uuid, Presence)>, Refusal> {
        let engine = &self.app.engine;
        let refuse = refusing(&self.caller);
        let uid = match named.id.as_str() {
            HOME if named.is_folder && self.caller.account != AccountId::NOBODY => {
                Some(engine.root(&self.caller).await.map_err(&refuse)?.uid)
            }
            id => Ids::of(engine).parse_node(id, named.is_folder),
        };
        let Some(uid) = uid else { return Ok(None) };
        let presence = engine.presence(uid, named.is_folder).await.map_err(&refuse)?;
        Ok(Some((uid, presence)))
    }

    /// The caller, as the request's link has it for a node.
    async fn by_link(&self, node: Uuid) -> Result<Caller, Refusal> {
        let engine = &self.app.engine;
        let opened = match &self.link {
            None => return Ok(self.caller.clone()),
            Some(NamedLink::Public { id, code }) => {
                let link = Ids::of(engine).parse_link(id).ok_or_else(|| Refusal::forbidden(&self.caller))?;
                let signed_in = (self.caller.account != AccountId::NOBODY).then_some(&self.caller);
                let pass = engine.open_link(link, node, code.as_deref(), signed_in, self.address).await;
                pass.map(|pass| pass.map(|pass| Caller { link: Some(pass), ..self.caller.clone() }))
            }
            Some(NamedLink::App { id, access_token }) => {
                let link = Ids::of(engine).parse_link(id).ok_or_else(|| Refusal::forbidden(&self.caller))?;
                engine.open_applink(link, access_token, node).await
            }
        };
        match opened.map_err(|error: Error| Refusal::of(error, &self.caller))? {
            Ok(caller) => Ok(caller),
            Err(LinkRefusal::NotValid) => Err(Refusal::forbidden(&self.caller)),
            Err(LinkRefusal::SignInNeeded) => Err(Refusal::SIGN_IN),
            Err(LinkRefusal::CodeNeeded) => Err(Refusal::CODE_NEEDED),
        }
    }
}
