//! The server's version, and keys (vault.md 4.1 to 4.4).

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use super::utc;
use crate::engine::model::{IssuedKey, KeyInfo};

#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct Version {
    pub(in crate::http::vault) version: &'static str,
}

/// A key just made (4.1, 4.3): the only time it is shown.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct NewToken {
    expires: Option<String>,
    token: String,
    user_id: i64,
}

impl From<IssuedKey> for NewToken {
    fn from(key: IssuedKey) -> Self {
        Self { expires: key.expires_at.map(utc), token: key.secret, user_id: key.account.0 }
    }
}

#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct EndedToken {
    pub(in crate::http::vault) token: String,
}

/// A key as lists show it.
#[derive(JsonSchema, Serialize)]
pub(in crate::http::vault) struct Token {
    token_id: i64,
    token: String,
    description: String,
    status: &'static str,
    created: String,
    expires: Option<String>,
    role: &'static str,
}

impl Token {
    pub(in crate::http::vault) fn new(key: &KeyInfo, now: OffsetDateTime) -> Self {
        Self {
            token_id: key.id.0,
            token: format!("{}{}", key.prefix, "*".repeat(26)),
            description: key.description.clone(),
            status: token_status(key, now),
            created: utc(key.created_at),
            expires: key.expires_at.map(utc),
            role: key.role.as_str(),
        }
    }
}

/// Whether a key still opens anything, and if not, why.
pub(in crate::http::vault) fn token_status(key: &KeyInfo, now: OffsetDateTime) -> &'static str {
    match key.expires_at {
        _ if key.revoked => "revoked",
        Some(end) if end <= now => "expired",
        _ => "valid",
    }
}
