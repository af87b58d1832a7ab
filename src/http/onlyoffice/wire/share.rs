//! Shares (onlyoffice.md 4.9).

use schemars::JsonSchema;
use serde::Serialize;

use super::{access, node::Person};
use crate::engine::model::{self, Rights};

/// What one account may do with an entry.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct Share {
    access: u8,
    shared_to: Person,
    is_locked: bool,
    is_owner: bool,
    can_edit_access: bool,
    can_edit_internal: bool,
    can_edit_deny_download: bool,
    can_edit_expiration_date: bool,
    can_revoke: bool,
    subject_type: u8,
}

impl Share {
    /// `may_change`: the caller may share the entry.
    pub(in crate::http::onlyoffice) fn new(share: &model::Share, may_change: bool) -> Self {
        let changeable = may_change && !share.is_owner;
        Self {
            access: if share.is_owner { 0 } else { access(share.rights) },
            shared_to: (&share.with).into(),
            is_locked: false,
            is_owner: share.is_owner,
            can_edit_access: changeable,
            can_edit_internal: false,
            can_edit_deny_download: false,
            can_edit_expiration_date: false,
            can_revoke: changeable,
            subject_type: 0,
        }
    }
}

/// The rights behind a number; none end a share. `None`: a number that gives nothing here.
pub(in crate::http::onlyoffice) fn rights(access: u64) -> Option<Rights> {
    match access {
        0 => Some(Rights::NONE),
        1 => Some(Rights::CONTRIBUTOR),
        2 => Some(Rights::DOWNLOADER),
        9 => Some(Rights::ALL),
        10 => Some(Rights::EDITOR),
        _ => None,
    }
}
