//! Shares: rights on a node that its owner, or whoever may share it, gives to accounts.

use super::{Engine, error::Result};
use crate::model::{Account, Caller, Item, NodeRef, Share, ShareChange};

impl Engine {
    /// The shares of a node itself, its owner first. Needs [`crate::model::Rights::READ`].
    ///
    /// # Errors
    /// As [`Self::item`].
    pub async fn shares(&self, caller: &Caller, node: NodeRef) -> Result<Vec<Share>> {
        let _ = (caller, node);
        Err(super::unbuilt())
    }

    /// Changes shares of a node; all or none. Needs [`crate::model::Rights::SHARE`]. The owner's rights are not
    /// changed by any share.
    ///
    /// # Errors
    /// As [`Self::item`]; `Invalid`: no such account; `Forbidden`: an account's root.
    pub async fn set_shares(&self, caller: &Caller, node: NodeRef, changes: Vec<ShareChange>) -> Result<Vec<Share>> {
        let _ = (caller, node, changes);
        Err(super::unbuilt())
    }

    /// What others share with the caller and is live, at most 1,000 by id.
    ///
    /// # Errors
    /// Only faults.
    pub async fn shared_with(&self, caller: &Caller) -> Result<Vec<Item>> {
        let _ = caller;
        Err(super::unbuilt())
    }

    /// Accounts that are not switched off and whose sign-in or display name contains a text, at most 100, by name.
    ///
    /// # Errors
    /// Only faults.
    pub async fn find_accounts(&self, text: &str) -> Result<Vec<Account>> {
        let _ = text;
        Err(super::unbuilt())
    }
}
