//! Applinks: an item opened to one account, without its password, for as long as somebody refreshes the token.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::RngExt;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{assignee, covering, may_link, pass};
use crate::{
    clock::from_micros,
    engine::{
        Engine,
        error::{Error, Result},
    },
    hex::hex,
    model::{AccountId, Applink, Audience, Caller, LinkRefusal, NodeRef, Rights},
    store::{
        Conn, Tx, account,
        link::{self, LinkRow, NewRow, Tokens},
    },
};

/// Ended applinks removed in one step at the most.
const STEP: i64 = 500;

impl Engine {
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
        let (mut conn, now) = (self.store.read().await?, self.clock.micros());
        let Some(found) = covering(&mut conn, uid, node).await? else { return Ok(Err(LinkRefusal::NotValid)) };
        let right = |tokens: &Tokens| tokens.access_hash == hash(access_token) && now < tokens.access_until;
        let Some(tokens) = found.tokens.as_ref().filter(|tokens| right(tokens)) else {
            return Ok(Err(LinkRefusal::NotValid));
        };
        let assigned = account::by_id(&mut conn, assigned(&found)).await?.filter(|account| !account.disabled);
        let Some(account) = assigned else { return Ok(Err(LinkRefusal::NotValid)) };
        Ok(Ok(Caller {
            from_password: false,
            key_expires_at: Some(from_micros(tokens.access_until)),
            link: Some(pass(&found)),
            ..Caller::by_password(account)
        }))
    }

    /// Makes an applink for an account, named by uid, sign-in name or e-mail address. Needs [`Rights::SHARE`], and not
    /// through a link.
    ///
    /// # Errors
    /// As [`Self::item`]; `Invalid`: no such account, or it is switched off; `Forbidden`: it gives a right that the
    /// caller lacks.
    pub async fn add_applink(&self, caller: &Caller, node: NodeRef, assigned: &str, rights: Rights) -> Result<Applink> {
        let (caller, assigned) = (caller.clone(), assigned.to_owned());
        let (uid, access, refresh) = (Uuid::new_v4(), mint(), mint());
        let access_life = self.rules.applink_access_life.as_micros() as i64;
        let refresh_life = self.rules.applink_refresh_life.as_micros() as i64;
        self.committer
            .write("link.add_app", async move |tx: &mut Tx| {
                let now = tx.now;
                let reached = may_link(tx, &caller, node, rights).await?;
                let account = assignee(tx, &assigned).await?;
                let row = NewRow {
                    uid,
                    node: reached.id,
                    creator: caller.account,
                    rights,
                    name: "",
                    audience: &Audience::Named(vec![account.id]),
                    code_hash: None,
                    expires_at: None,
                    tokens: Some(&Tokens {
                        access_hash: hash(&access),
                        access_until: now + access_life,
                        refresh_hash: hash(&refresh),
                        refresh_until: now + refresh_life,
                    }),
                };
                link::insert(tx, row).await?;
                let made = link::by_uid(tx, uid).await?.ok_or(Error::NotFound)?;
                Ok(applink(&made, access.clone(), refresh.clone()))
            })
            .await
    }

    /// A new access token for an applink; the old one stops working. The old one may have run out.
    ///
    /// # Errors
    /// `Forbidden`: wrong or old tokens, the assigned account is switched off, or the item is destroyed.
    pub async fn refresh_applink(&self, uid: Uuid, access_token: &str, refresh_token: &str) -> Result<Applink> {
        let (access_hash, refresh) = (hash(access_token), refresh_token.to_owned());
        let (new, access_life) = (mint(), self.rules.applink_access_life.as_micros() as i64);
        self.committer
            // Whoever comes by an applink must be able to delete on a full disk.
            .write_freeing("link.refresh", async move |tx: &mut Tx| {
                let now = tx.now;
                let right = |tokens: &Tokens| {
                    tokens.access_hash == access_hash
                        && tokens.refresh_hash == hash(&refresh)
                        && now < tokens.refresh_until
                };
                let found = living(tx, uid).await?.filter(|link| link.tokens.as_ref().is_some_and(right));
                let found = found.ok_or(Error::Forbidden)?;
                let account = account::by_id(tx, assigned(&found)).await?;
                account.filter(|account| !account.disabled).ok_or(Error::Forbidden)?;
                link::set_access(tx, found.id, &hash(&new), now + access_life).await?;
                Ok(applink(&found, new.clone(), refresh.clone()))
            })
            .await
    }

    /// Removes applinks whose tokens have both run out, a bounded part; says how many.
    ///
    /// # Errors
    /// The database failed.
    pub(in crate::engine) async fn end_applinks(&self) -> Result<usize> {
        if !link::has_ended_applinks(&mut *self.store.read().await?, self.clock.micros()).await? {
            return Ok(0);
        }
        let ended = self
            .committer
            .write_freeing("expire.applinks", async move |tx: &mut Tx| Ok(link::forget_applinks(tx, STEP).await?))
            .await?;
        Ok(ended as usize)
    }
}

/// A link whose item is not destroyed.
async fn living(conn: &mut Conn, uid: Uuid) -> Result<Option<LinkRow>> {
    match link::by_uid(conn, uid).await? {
        Some(link) => covering(conn, uid, link.node_uid).await,
        None => Ok(None),
    }
}

/// Whom an applink is for.
fn assigned(link: &LinkRow) -> AccountId {
    match &link.audience {
        Audience::Named(accounts) => accounts.first().copied().unwrap_or(AccountId::NOBODY),
        Audience::Everybody | Audience::Accounts => AccountId::NOBODY,
    }
}

fn applink(link: &LinkRow, access_token: String, refresh_token: String) -> Applink {
    Applink {
        uid: link.uid,
        node: link.node_uid,
        is_folder: link.is_folder,
        rights: link.rights,
        access_token,
        refresh_token,
    }
}

/// A token: 64 characters `[A-Za-z0-9_-]`.
fn mint() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 48]>())
}

/// A token has 384 bits of chance: one fast hash hides it.
fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
