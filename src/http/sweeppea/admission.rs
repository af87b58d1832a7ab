//! Who calls, and whether they may now: 401, then 403, then 429 (sweeppea.md 2.1).

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
    response::{IntoResponse, Response},
};

use super::{calls::Ticket, error::Refusal, wire::Telemetry};
use crate::{
    engine::model::{Caller, Realm},
    http::{Access, App},
};

/// Finds the account behind the key.
pub(super) async fn authenticate(app: &App, parts: &Parts, access: Access) -> Result<Caller, Refusal> {
    let key = bearer(&parts.headers).ok_or(Refusal::NoBearer)?;
    let caller = app.engine.authenticate(key, Realm::Keys).await?;
    match access {
        Access::Write if caller.read_only => Err(Refusal::ReadOnlyKey),
        _ => Ok(caller),
    }
}

/// The key of the one header `Bearer <key>`, the scheme word in any case. A key is never decoded or guessed at: whatever
/// stands behind the word is looked up as it is.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, key) = value.to_str().ok()?.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// A call that is let in: its caller, and its place in the month's count.
pub(super) struct Call {
    pub(super) caller: Caller,
    ticket: Ticket,
}

impl Call {
    /// `consumed`: the bytes that this call moved.
    pub(super) fn telemetry(&self, consumed: u64) -> Telemetry {
        Telemetry::new(consumed, self.ticket.number, self.caller.max_calls)
    }

    /// Ends a call that was answered with what does not count.
    pub(super) fn release(self) {
        self.ticket.release();
    }
}

/// Taken by every handler that stands behind a key; the last checks before the body is looked at.
impl FromRequestParts<App> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, app).await?;
        admit(app, caller).await.map_err(IntoResponse::into_response)
    }
}

async fn admit(app: &App, caller: Caller) -> Result<Call, Refusal> {
    let state = &app.sweeppea;
    let calls = Arc::clone(&state.calls);
    let ticket = calls.begin(&app.engine, caller.account, caller.max_calls).await?.ok_or(Refusal::MonthUsedUp)?;
    match state.rate.count(caller.account, app.engine.now()) {
        Ok(()) => Ok(Call { caller, ticket }),
        Err(_) => {
            ticket.release();
            Err(Refusal::RateLimited { calls_a_minute: app.config.sweeppea_rate })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_word_is_needed_in_any_case() {
        for good in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(key_of(good).as_deref(), Some("abc"), "{good}");
        }
        for bad in ["", "abc", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "Token abc"] {
            assert_eq!(key_of(bad), None, "{bad}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
