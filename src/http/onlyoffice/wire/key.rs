//! Tokens and keys (onlyoffice.md 2).

use schemars::JsonSchema;
use serde::Serialize;

use super::{date, node::Person};
use crate::engine::model::{Caller, IssuedKey, OwnKey, Permissions};

/// A token just made.
#[derive(Serialize, JsonSchema)]
pub(in crate::http::onlyoffice) struct Token {
    token: String,
    expires: Option<String>,
}

impl From<IssuedKey> for Token {
    fn from(key: IssuedKey) -> Self {
        Self { token: key.secret, expires: key.expires_at.map(date) }
    }
}

/// A key of this API.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http::onlyoffice) struct Key {
    id: String,
    name: String,
    /// Only of a key just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    key_postfix: String,
    permissions: &'static [&'static str],
    create_on: String,
    create_by: Person,
    expires_at: Option<String>,
    is_active: bool,
}

impl Key {
    pub(in crate::http::onlyoffice) fn new(key: OwnKey, secret: Option<String>, caller: &Caller) -> Self {
        Self {
            id: key.uid.to_string(),
            name: key.name,
            key: secret,
            key_postfix: key.postfix,
            permissions: match key.permissions {
                Permissions::All => &["*"],
                Permissions::ReadOnly => &["files:read"],
                Permissions::WriteOnly => &["files:write"],
            },
            create_on: date(key.created_at),
            create_by: Person::of_caller(caller),
            expires_at: key.expires_at.map(date),
            is_active: key.active,
        }
    }
}
