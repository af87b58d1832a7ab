//! Who may do what with a node: one set of rights, from ownership, a share or a link.

use std::ops::BitOr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AccountId, NodeId, Person};

/// A set of rights on a node and all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rights(u8);

impl Rights {
    pub const NONE: Self = Self(0);
    /// Information and lists.
    pub const READ: Self = Self(1);
    /// Content.
    pub const DOWNLOAD: Self = Self(2);
    /// Creating, uploading, changing, moving to.
    pub const WRITE: Self = Self(4);
    pub const DELETE: Self = Self(8);
    /// Giving rights to others.
    pub const SHARE: Self = Self(16);

    pub const VIEWER: Self = Self::READ;
    pub const DOWNLOADER: Self = Self(3);
    pub const EDITOR: Self = Self(7);
    pub const CONTRIBUTOR: Self = Self(15);
    /// Also what an owner has.
    pub const ALL: Self = Self(31);

    pub fn has(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    pub fn bits(self) -> i64 {
        self.0.into()
    }

    pub(crate) fn kept(bits: i64) -> Self {
        Self(bits as u8 & Self::ALL.0)
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A share of a node, as its list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub with: Person,
    pub rights: Rights,
    /// The owner of the tree; always the first of the list.
    pub is_owner: bool,
}

/// A change of one account's share; no rights end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareChange {
    pub with: Uuid,
    pub rights: Rights,
}

/// What a link lets its bearer do, once its tokens, code, end and audience were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkPass {
    /// The link's row: it is looked at again when the work is done.
    pub link: i64,
    /// The linked item; the pass holds for it and all below.
    pub node: NodeId,
    pub rights: Rights,
}

/// Whom a public link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Anybody, without signing in.
    Everybody,
    /// Every account.
    Accounts,
    /// These accounts.
    Named(Vec<AccountId>),
}

/// A public link to be made, or the new state of one.
#[derive(Debug, Clone)]
pub struct NewLink {
    pub audience: Audience,
    pub rights: Rights,
    /// Empty: the one unnamed link of its item.
    pub name: String,
    /// 8 to 50 characters.
    pub code: Option<String>,
    pub expires_at: Option<OffsetDateTime>,
}

/// What an edit of a public link changes; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct LinkChange {
    pub audience: Option<Audience>,
    pub rights: Option<Rights>,
    /// `Some(None)` takes the code away.
    pub code: Option<Option<String>>,
    /// `Some(None)`: never.
    pub expires_at: Option<Option<OffsetDateTime>>,
}

/// A public link as lists show it: its code is never read back.
#[derive(Debug, Clone)]
pub struct Link {
    pub uid: Uuid,
    /// The linked item.
    pub node: Uuid,
    pub is_folder: bool,
    pub audience: Audience,
    /// Whom a link to named accounts is for, as people.
    pub people: Vec<Person>,
    pub rights: Rights,
    pub name: String,
    pub has_code: bool,
    pub creator: Person,
    pub owner: Person,
    pub created_at: OffsetDateTime,
    pub modified_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
}

/// An applink just made or refreshed: the only time its tokens are seen.
#[derive(Debug, Clone)]
pub struct Applink {
    pub uid: Uuid,
    pub node: Uuid,
    pub is_folder: bool,
    pub rights: Rights,
    /// 64 characters `[A-Za-z0-9_-]`.
    pub access_token: String,
    pub refresh_token: String,
}

/// Why a link does not let its bearer in. All of them are refusals, in this order of checking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRefusal {
    /// Unknown, ended, run out, not covering the item, not for this account, wrong or old token.
    NotValid,
    /// It is for accounts and none has signed in.
    SignInNeeded,
    /// It has a code, and none or a wrong one came.
    CodeNeeded,
}
