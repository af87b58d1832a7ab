//! Links: public links with role, code and end, and applinks with tokens that are refreshed. A caller who comes by one
//! is judged by it alone.
//!
//! A link is its row: whoever ends it removes it, and every change looks for the row again when it is made. It lives on
//! while its item lies in a trash, where nobody reaches the item by it, and goes with the item.

mod app;

use std::net::IpAddr;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Engine,
    access::{self, Reached},
    error::{Error, Result, can_be_kept},
    password::Who,
};
use crate::{
    clock::{from_micros, to_micros},
    model::{Account, Audience, Caller, Link, LinkChange, LinkPass, LinkRefusal, NewLink, NodeId, NodeRef, Rights},
    store::{
        Conn, Tx, account, folder,
        link::{self, LinkRow, NewRow},
        node,
    },
};

/// Characters of a code, at least and at the most.
const CODE: std::ops::RangeInclusive<usize> = 8..=50;

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
        let found = {
            let mut conn = self.store.read().await?;
            covering(&mut conn, uid, node).await?
        };
        let in_time = |link: &LinkRow| link.expires_at.is_none_or(|end| end > self.clock.micros());
        let Some(link) = found.filter(|link| link.tokens.is_none() && in_time(link)) else {
            return Ok(Err(LinkRefusal::NotValid));
        };
        match (&link.audience, caller) {
            (Audience::Everybody, _) | (Audience::Accounts, Some(_)) => {}
            (Audience::Accounts | Audience::Named(_), None) => return Ok(Err(LinkRefusal::SignInNeeded)),
            (Audience::Named(accounts), Some(caller)) if accounts.contains(&caller.account) => {}
            (Audience::Named(_), Some(_)) => return Ok(Err(LinkRefusal::NotValid)),
        }
        if let Some(hash) = &link.code_hash {
            let right = match code {
                Some(code) => self.guess(Who::Link(uid), address, code, Some(hash.clone())).await?,
                None => false,
            };
            if !right {
                return Ok(Err(LinkRefusal::CodeNeeded));
            }
        }
        Ok(Ok(pass(&link)))
    }

    /// Makes a public link. Needs [`Rights::SHARE`], and not through a link.
    ///
    /// # Errors
    /// As [`Self::item`]; `NameTaken`: the item has one of this name; `Invalid`: its end is past, its code is not 8 to
    /// 50 characters, an account is not there, it gives the right to share; `Forbidden`: it gives a right that the
    /// caller lacks.
    pub async fn add_link(&self, caller: &Caller, node: NodeRef, new: NewLink) -> Result<Link> {
        can_be_kept(&new.name)?;
        let code_hash = self.code_hash(caller, node, new.code.as_deref()).await?;
        let (caller, uid) = (caller.clone(), Uuid::new_v4());
        self.committer
            .write("link.add", async move |tx: &mut Tx| {
                let reached = may_link(tx, &caller, node, new.rights).await?;
                check(tx, Some(new.rights), Some(&new.audience), new.expires_at).await?;
                if let Some(by) = link::named(tx, reached.id, &new.name).await? {
                    return Err(Error::NameTaken { by });
                }
                let row = NewRow {
                    uid,
                    node: reached.id,
                    creator: caller.account,
                    rights: new.rights,
                    name: &new.name,
                    audience: &new.audience,
                    code_hash: code_hash.as_deref(),
                    expires_at: new.expires_at.map(to_micros),
                    tokens: None,
                };
                link::insert(tx, row).await?;
                let made = link::by_uid(tx, uid).await?.ok_or(Error::NotFound)?;
                shown(tx, made).await
            })
            .await
    }

    /// The public links of an item, oldest first. Needs [`Rights::SHARE`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn links(&self, caller: &Caller, node: NodeRef) -> Result<Vec<Link>> {
        let mut conn = self.store.read().await?;
        let reached = access::open(&mut conn, caller, node, Rights::SHARE, self.clock.micros()).await?;
        let mut all = Vec::new();
        for row in link::of_node(&mut conn, reached.id).await? {
            all.push(shown(&mut conn, row).await?);
        }
        Ok(all)
    }

    /// A public link. Needs [`Rights::SHARE`] on its item.
    ///
    /// # Errors
    /// `NotFound`, also while its item lies in a trash; `Forbidden`.
    pub async fn link(&self, caller: &Caller, uid: Uuid) -> Result<Link> {
        let mut conn = self.store.read().await?;
        let (row, _) = public(&mut conn, caller, uid, self.clock.micros()).await?;
        shown(&mut conn, row).await
    }

    /// Changes a public link. Needs [`Rights::SHARE`] on its item, and not through a link.
    ///
    /// # Errors
    /// As [`Self::link`] and [`Self::add_link`].
    pub async fn change_link(&self, caller: &Caller, uid: Uuid, change: LinkChange) -> Result<Link> {
        let item = {
            let mut conn = self.store.read().await?;
            public(&mut conn, caller, uid, self.clock.micros()).await?.1
        };
        let code_hash = match &change.code {
            None => None,
            Some(code) => Some(self.code_hash(caller, item, code.as_deref()).await?),
        };
        let caller = caller.clone();
        self.committer
            .write("link.change", async move |tx: &mut Tx| {
                let now = tx.now;
                let (mut row, item) = public(tx, &caller, uid, now).await?;
                may_link(tx, &caller, item, change.rights.unwrap_or(row.rights)).await?;
                check(tx, change.rights, change.audience.as_ref(), change.expires_at.flatten()).await?;
                row.rights = change.rights.unwrap_or(row.rights);
                row.audience = change.audience.clone().unwrap_or(row.audience);
                row.code_hash = code_hash.clone().unwrap_or(row.code_hash);
                row.expires_at = change.expires_at.map_or(row.expires_at, |end| end.map(to_micros));
                row.modified_at = now;
                link::update(tx, &row).await?;
                shown(tx, row).await
            })
            .await
    }

    /// Ends a public link. Needs [`Rights::SHARE`] on its item.
    ///
    /// # Errors
    /// As [`Self::link`]. Gives what it was.
    pub async fn remove_link(&self, caller: &Caller, uid: Uuid) -> Result<Link> {
        let caller = caller.clone();
        self.committer
            .write_freeing("link.remove", async move |tx: &mut Tx| {
                let now = tx.now;
                let (row, _) = public(tx, &caller, uid, now).await?;
                link::remove(tx, row.id).await?;
                shown(tx, row).await
            })
            .await
    }

    /// The hash of a code, made only for who may make the link.
    async fn code_hash(&self, caller: &Caller, node: NodeRef, code: Option<&str>) -> Result<Option<String>> {
        let Some(code) = code else { return Ok(None) };
        {
            let mut conn = self.store.read().await?;
            access::open(&mut conn, caller, node, Rights::SHARE, self.clock.micros()).await?;
        }
        if !CODE.contains(&code.chars().count()) {
            return Err(Error::Invalid("a link's code has 8 to 50 characters"));
        }
        Ok(Some(self.passwords.hash(code).await?))
    }
}

/// What a link lets its bearer do.
fn pass(link: &LinkRow) -> LinkPass {
    LinkPass { link: link.id, node: NodeId(link.node), rights: link.rights }
}

/// A link by uid, if a node is its item or lies below it. One whose item is destroyed has ended, before its row goes.
async fn covering(conn: &mut Conn, uid: Uuid, node: Uuid) -> Result<Option<LinkRow>> {
    let Some(link) = link::by_uid(conn, uid).await? else { return Ok(None) };
    let Some(found) = node::by_uid(conn, node).await?.filter(|found| found.state != 3) else { return Ok(None) };
    let Some(start) = (if found.is_folder { Some(found.id) } else { found.parent }) else { return Ok(None) };
    let Some(way) = folder::ways_up(conn, [start]).await?.remove(&start) else { return Ok(None) };
    let covers = !way.deleted && (found.id == link.node || way.ids.contains(&link.node));
    Ok(covers.then_some(link))
}

/// A public link whose item the caller may share, with that item.
async fn public(conn: &mut Conn, caller: &Caller, uid: Uuid, now: i64) -> Result<(LinkRow, NodeRef)> {
    let row = link::by_uid(conn, uid).await?.filter(|link| link.tokens.is_none()).ok_or(Error::NotFound)?;
    let item = if row.is_folder { NodeRef::FolderId(row.node) } else { NodeRef::FileId(row.node) };
    access::open(conn, caller, item, Rights::SHARE, now).await?;
    Ok((row, item))
}

/// An item that the caller may make a link on with such rights.
async fn may_link(tx: &mut Tx, caller: &Caller, node: NodeRef, rights: Rights) -> Result<Reached> {
    let now = tx.now;
    let reached = access::open(tx, caller, node, Rights::SHARE, now).await?;
    match caller.link.is_none() && reached.rights.has(rights) {
        true => Ok(reached),
        false => Err(Error::Forbidden),
    }
}

/// What is to be set of a public link.
async fn check(
    tx: &mut Tx,
    rights: Option<Rights>,
    audience: Option<&Audience>,
    expires_at: Option<OffsetDateTime>,
) -> Result<()> {
    if rights.is_some_and(|rights| rights.has(Rights::SHARE)) {
        return Err(Error::Invalid("a public link never gives the right to share"));
    }
    if expires_at.is_some_and(|end| to_micros(end) <= tx.now) {
        return Err(Error::Invalid("a link's end lies in the future"));
    }
    if let Some(Audience::Named(accounts)) = audience {
        let known = account::people(tx, accounts.iter().map(|account| account.0)).await?;
        if accounts.is_empty() || accounts.iter().any(|account| !known.contains_key(account)) {
            return Err(Error::Invalid("no such account"));
        }
    }
    Ok(())
}

async fn shown(conn: &mut Conn, link: LinkRow) -> Result<Link> {
    let named = match &link.audience {
        Audience::Named(accounts) => accounts.as_slice(),
        Audience::Everybody | Audience::Accounts => &[],
    };
    let ids = named.iter().chain([&link.creator, &link.owner]).map(|account| account.0);
    let people = account::people(conn, ids).await?;
    let person = |account| people.get(account).cloned().ok_or(Error::NotFound);
    Ok(Link {
        uid: link.uid,
        node: link.node_uid,
        is_folder: link.is_folder,
        people: named.iter().filter_map(|account| people.get(account).cloned()).collect(),
        rights: link.rights,
        has_code: link.code_hash.is_some(),
        creator: person(&link.creator)?,
        owner: person(&link.owner)?,
        created_at: from_micros(link.created_at),
        modified_at: from_micros(link.modified_at),
        expires_at: link.expires_at.map(from_micros),
        name: link.name,
        audience: link.audience,
    })
}

/// An account that is not switched off, by uid, sign-in name or an e-mail address that no other has.
async fn assignee(tx: &mut Tx, text: &str) -> Result<Account> {
    let mut found = None;
    if let Ok(uid) = text.parse::<Uuid>() {
        found = account::by_uids(tx, [uid]).await?.remove(&uid);
    }
    if found.is_none() {
        found = account::by_name(tx, text).await?;
    }
    if found.is_none() {
        let mut all = account::by_email(tx, text).await?;
        found = if all.len() == 1 { all.pop() } else { None };
    }
    found.filter(|account| !account.disabled).ok_or(Error::Invalid("no such account"))
}
