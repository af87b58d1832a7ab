//! Links: public links with role, code and end, and applinks with tokens that are refreshed. A caller who comes by one
//! is judged by it alone.

use std::net::IpAddr;

use uuid::Uuid;

use super::{Engine, error::Result};
use crate::model::{Applink, Caller, Link, LinkChange, LinkPass, LinkRefusal, NewLink, NodeRef, Rights};

impl Engine {
    /// What a public link gives on a node, with the code that came, if one did. `caller` is who signed in beside it.
    /// Wrong codes are limited by link and address. The inner error is the contract's own refusal.
    ///
    /// # Errors
    /// `TooManyAttempts`.
    pub async fn open_link(
        &self,
        uid: Uuid,
        node: Uuid,
        code: Option<&str>,
        caller: Option<&Caller>,
        address: IpAddr,
    ) -> Result<std::result::Result<LinkPass, LinkRefusal>> {
        let _ = (uid, node, code, caller, address);
        Err(super::unbuilt())
    }

    /// The assigned user of an applink, as far as the link lets them on a node.
    ///
    /// # Errors
    /// Only faults; a wrong, old or switched-off user's token is the inner refusal.
    pub async fn open_applink(
        &self,
        uid: Uuid,
        access_token: &str,
        node: Uuid,
    ) -> Result<std::result::Result<Caller, LinkRefusal>> {
        let _ = (uid, access_token, node);
        Err(super::unbuilt())
    }

    /// Makes a public link. Needs [`Rights::SHARE`], and not through a link.
    ///
    /// # Errors
    /// As [`Self::item`]; `NameTaken`: the item has one of this name; `Invalid`: its end is past, its code is not 8 to
    /// 50 characters, an account is not there.
    pub async fn add_link(&self, caller: &Caller, node: NodeRef, new: NewLink) -> Result<Link> {
        let _ = (caller, node, new);
        Err(super::unbuilt())
    }

    /// The public links of an item, oldest first. Needs [`Rights::SHARE`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn links(&self, caller: &Caller, node: NodeRef) -> Result<Vec<Link>> {
        let _ = (caller, node);
        Err(super::unbuilt())
    }

    /// A public link. Needs [`Rights::SHARE`] on its item.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`.
    pub async fn link(&self, caller: &Caller, uid: Uuid) -> Result<Link> {
        let _ = (caller, uid);
        Err(super::unbuilt())
    }

    /// Changes a public link. Needs [`Rights::SHARE`] on its item.
    ///
    /// # Errors
    /// As [`Self::link`] and [`Self::add_link`].
    pub async fn change_link(&self, caller: &Caller, uid: Uuid, change: LinkChange) -> Result<Link> {
        let _ = (caller, uid, change);
        Err(super::unbuilt())
    }

    /// Ends a public link. Needs [`Rights::SHARE`] on its item.
    ///
    /// # Errors
    /// As [`Self::link`]. Gives what it was.
    pub async fn remove_link(&self, caller: &Caller, uid: Uuid) -> Result<Link> {
        let _ = (caller, uid);
        Err(super::unbuilt())
    }

    /// Makes an applink for an account, named by uid, sign-in name or e-mail address. Needs [`Rights::SHARE`], and not
    /// through a link.
    ///
    /// # Errors
    /// As [`Self::item`]; `Invalid`: no such account.
    pub async fn add_applink(&self, caller: &Caller, node: NodeRef, assigned: &str, rights: Rights) -> Result<Applink> {
        let _ = (caller, node, assigned, rights);
        Err(super::unbuilt())
    }

    /// A new access token for an applink; the old one stops working. The old one may have run out.
    ///
    /// # Errors
    /// `Forbidden`: wrong or old tokens, or the assigned account is switched off.
    pub async fn refresh_applink(&self, uid: Uuid, access_token: &str, refresh_token: &str) -> Result<Applink> {
        let _ = (uid, access_token, refresh_token);
        Err(super::unbuilt())
    }
}
