//! Who calls (onlyoffice.md 2): a token or key in the header or the cookie, or name and password by Basic.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{
        HeaderMap,
        header::{AUTHORIZATION, COOKIE},
        request::Parts,
    },
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::error::Refusal;
use crate::{
    engine::model::{Caller, Realm},
    http::{Access, App, cross_site::is_cross_site},
};

/// What a request proves its caller with.
#[derive(Debug, PartialEq, Eq)]
enum Credentials {
    None,
    Token(String),
    Cookie(String),
    Basic {
        name: String,
        password: String,
    },
    /// Something that leads to nobody.
    Wrong,
}

/// The caller of a call. `None`: no credentials came, and nothing was looked up. `changes`: the call changes something,
/// though it may only ask for the right to read.
///
/// # Errors
/// They are wrong, or not good for the call; a foreign site made a browser send what it remembered.
pub(super) async fn caller(app: &App, parts: &Parts, access: Access, changes: bool) -> Result<Option<Caller>, Refusal> {
    let credentials = Credentials::of(&parts.headers);
    let by_browser = matches!(credentials, Credentials::Cookie(_) | Credentials::Basic { .. });
    if by_browser && changes && is_cross_site(&parts.headers, &app.config.public_url) {
        return Err(Refusal::ACCESS_DENIED);
    }
    let caller = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Wrong => return Err(Refusal::UNAUTHORIZED),
        Credentials::Token(secret) | Credentials::Cookie(secret) => {
            app.engine.authenticate(&secret, Realm::OnlyOffice).await?
        }
        Credentials::Basic { name, password } => {
            app.engine.sign_in_basic(&name, &password, address(parts), Realm::OnlyOffice).await?
        }
    };
    let forbidden = match access {
        Access::Write => caller.read_only,
        Access::Open | Access::SignIn | Access::Read => caller.write_only,
    };
    match forbidden {
        true => Err(Refusal::ACCESS_DENIED),
        false => Ok(Some(caller)),
    }
}

/// The peer's.
pub(super) fn address(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip())
}

const COOKIE_NAME: &str = "asc_auth_key";

impl Credentials {
    /// With both, the header decides.
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::of_cookies(headers),
            (Some(value), None) => Self::of_header(value.to_str().unwrap_or("?").trim()),
            (Some(_), Some(_)) => Self::Wrong,
        }
    }

    fn of_header(value: &str) -> Self {
        match value.split_once(' ') {
            None if value.is_empty() => Self::None,
            None => Self::Token(value.to_owned()),
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Self::Token(token.trim().to_owned()),
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => Self::of_basic(encoded.trim()),
            Some(_) => Self::Wrong,
        }
    }

    fn of_basic(encoded: &str) -> Self {
        let text = BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref().and_then(|text| text.split_once(':')) {
            Some((name, password)) => Self::Basic { name: name.to_owned(), password: password.to_owned() },
            None => Self::Wrong,
        }
    }

    fn of_cookies(headers: &HeaderMap) -> Self {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(';'));
        let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == COOKIE_NAME);
        match (values.next(), values.next()) {
            (None, _) | (Some((_, "")), None) => Self::None,
            (Some((_, value)), None) => Self::Cookie(value.to_owned()),
            (Some(_), Some(_)) => Self::Wrong,
        }
    }
}

/// Padding may be left out, as clients do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(axum::http::HeaderName, &str)]) -> Credentials {
        let values = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        for (name, value) in values {
            map.append(name, value);
        }
        Credentials::of(&map)
    }

    #[test]
    fn credentials_come_in_four_forms() {
        let token = |text: &str| Credentials::Token(text.to_owned());
        assert_eq!(of(&[(AUTHORIZATION, "abc")]), token("abc"));
        assert_eq!(of(&[(AUTHORIZATION, "bearer abc")]), token("abc"));
        assert_eq!(of(&[(COOKIE, "x=1; asc_auth_key=abc")]), Credentials::Cookie("abc".to_owned()));
        assert_eq!(of(&[(AUTHORIZATION, "abc"), (COOKIE, "asc_auth_key=def")]), token("abc"));
        let basic = Credentials::Basic { name: "ann".to_owned(), password: "a:b".to_owned() };
        assert_eq!(of(&[(AUTHORIZATION, "Basic YW5uOmE6Yg==")]), basic);
    }

    #[test]
    fn none_is_not_wrong() {
        assert_eq!(of(&[]), Credentials::None);
        assert_eq!(of(&[(AUTHORIZATION, "")]), Credentials::None);
        assert_eq!(of(&[(COOKIE, "asc_auth_key=")]), Credentials::None);
        for wrong in ["Digest abc", "Basic ???", "Basic YW5u"] {
            assert_eq!(of(&[(AUTHORIZATION, wrong)]), Credentials::Wrong, "{wrong}");
        }
        assert_eq!(of(&[(AUTHORIZATION, "abc"), (AUTHORIZATION, "abc")]), Credentials::Wrong);
    }
}
