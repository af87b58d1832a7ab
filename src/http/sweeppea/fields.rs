//! Reading the members of a request's body.
//!
//! Clients send anything, so no member is trusted to have its type: a body is taken apart into raw members first, and
//! each is read on its own, so that the answer can name the one that is wrong. A body that is no JSON object has no
//! members at all. Members stay slices of the body: an upload's base64 is not copied until it is decoded.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::{Uuid, Variant};

use super::{error::Field, file_name, read_url::Mode};
use crate::engine::model::{FileOrder, FileQuery, Whose};

/// A member as it was sent; `null` counts as not sent.
type Member<'a> = Option<&'a RawValue>;

/// Every member that any call reads.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Members<'a> {
    #[serde(borrow)]
    file_token: Member<'a>,
    #[serde(borrow)]
    filename: Member<'a>,
    #[serde(borrow)]
    mime_type: Member<'a>,
    #[serde(borrow)]
    file_data: Member<'a>,
    #[serde(borrow)]
    private: Member<'a>,
    #[serde(borrow)]
    page: Member<'a>,
    #[serde(borrow)]
    limit: Member<'a>,
    #[serde(borrow)]
    mode: Member<'a>,
    #[serde(borrow)]
    expires_in: Member<'a>,
    #[serde(borrow)]
    recipient_email: Member<'a>,
}

/// What an upload's body says.
pub(super) struct UploadFields<'a> {
    /// Cleaned.
    pub(super) name: String,
    pub(super) media_type: Cow<'a, str>,
    pub(super) bytes: Bytes,
    pub(super) private: bool,
}

impl<'a> Members<'a> {
    /// No members, unless the body is one JSON object. A member that stands there twice makes it none: which of the two
    /// was meant is not for us to guess.
    pub(super) fn of(body: &'a [u8]) -> Self {
        // A list would pass for an object, its items for the members in their order.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        match is_object {
            true => serde_json::from_slice(body).unwrap_or_default(),
            false => Self::default(),
        }
    }

    /// A uuid of version 4 with its hyphens, in any case.
    pub(super) fn file_token(&self) -> Result<Uuid, Field> {
        text(self.file_token).and_then(|token| uuid_v4(&token)).ok_or(Field::FileToken)
    }

    /// In the order in which the vendor checks them.
    pub(super) fn upload(&self) -> Result<UploadFields<'a>, Field> {
        let name = text(self.filename).and_then(|raw| file_name::clean(&raw));
        let media_type = text(self.mime_type).filter(|raw| (1..=255).contains(&raw.len()));
        Ok(UploadFields {
            name: name.ok_or(Field::Filename)?,
            media_type: media_type.ok_or(Field::MimeType)?,
            bytes: self.file_data().ok_or(Field::FileData)?,
            private: or_default(self.private, true).ok_or(Field::Private)?,
        })
    }

    /// The standard alphabet with its padding and without white space; not empty.
    fn file_data(&self) -> Option<Bytes> {
        let encoded = text(self.file_data)?;
        let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
        (!bytes.is_empty()).then(|| bytes.into())
    }

    /// The page asked for, newest files first. Whatever is no usable number becomes the nearest that is, so this call has
    /// no bad input. A page behind the last one is empty, and not the last one again: clients turn pages until one is.
    pub(super) fn page(&self) -> FileQuery {
        /// The largest number that JavaScript counts to by ones.
        const LAST: f64 = 9_007_199_254_740_991.0;
        let page = nearest(self.page, 1.0, LAST, 1.0) as u64;
        let limit = nearest(self.limit, 1.0, 200.0, 50.0) as u32;
        FileQuery {
            whose: Whose::Own,
            order: FileOrder::Id,
            descending: true,
            find: None,
            offset: (page - 1) * u64::from(limit),
            limit,
        }
    }

    pub(super) fn mode(&self) -> Result<Mode, Field> {
        match self.mode {
            None => Ok(Mode::Preview),
            mode => text(mode).and_then(|mode| Mode::parse(&mode)).ok_or(Field::Mode),
        }
    }

    /// Whole seconds, 60 to 3600.
    pub(super) fn expires_in(&self) -> Result<u32, Field> {
        let seconds: f64 = or_default(self.expires_in, 900.0).ok_or(Field::ExpiresIn)?;
        let valid = (60.0..=3600.0).contains(&seconds) && seconds.fract() == 0.0;
        valid.then_some(seconds as u32).ok_or(Field::ExpiresIn)
    }

    /// An address that a mail server could take; whether anybody reads there, only sending tells.
    pub(super) fn recipient(&self) -> Result<Cow<'a, str>, Field> {
        text(self.recipient_email).filter(|address| is_address(address)).ok_or(Field::RecipientEmail)
    }
}

fn text(member: Member<'_>) -> Option<Cow<'_, str>> {
    /// Borrowed where the text holds no escapes; a plain `Cow` would always be copied.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let text: Text<'_> = serde_json::from_str(member?.get()).ok()?;
    Some(text.0)
}

/// `None` if the member is there and of another type.
fn or_default<T: for<'a> Deserialize<'a>>(member: Member<'_>, default: T) -> Option<T> {
    match member {
        None => Some(default),
        Some(raw) => serde_json::from_str(raw.get()).ok(),
    }
}

/// The nearest number within bounds to a number, or to a text that is one.
fn nearest(member: Member<'_>, least: f64, most: f64, default: f64) -> f64 {
    // Not by way of JSON, which has no place for a number beyond the largest float: here it is one.
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let sent = member.and_then(|raw| number(raw.get()).or_else(|| number(&text(member)?)));
    match sent {
        Some(number) if !number.is_nan() => number.round().clamp(least, most),
        _ => default,
    }
}

fn uuid_v4(text: &str) -> Option<Uuid> {
    // Of the forms that parse, only the one with hyphens alone has this length.
    let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
    (uuid.get_version_num() == 4 && uuid.get_variant() == Variant::RFC4122).then_some(uuid)
}

fn is_address(text: &str) -> bool {
    let clean = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c));
    let parts = text.split_once('@');
    clean
        && text.len() <= 254
        && parts.is_some_and(|(user, host)| !user.is_empty() && !host.contains('@') && is_host(host))
}

fn is_host(host: &str) -> bool {
    host.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11";

    #[test]
    fn a_token_is_a_uuid_v4_with_hyphens() {
        assert_eq!(uuid_v4(TOKEN).unwrap().to_string(), TOKEN);
        assert_eq!(uuid_v4(&TOKEN.to_uppercase()).unwrap().to_string(), TOKEN);
        for bad in [
            "",
            "6f1c0d7e3f0a4a539f520b1d8f2c7a11",
            "{6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11}",
            "urn:uuid:6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11",
            " 6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11",
            "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11\n",
            "6f1c0d7e-3f0a-1a53-9f52-0b1d8f2c7a11",
            "6f1c0d7e-3f0a-7a53-9f52-0b1d8f2c7a11",
            "6f1c0d7e-3f0a-4a53-cf52-0b1d8f2c7a11",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(uuid_v4(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_an_object_has_members() {
        let has_token = |body: &str| Members::of(body.as_bytes()).file_token().is_ok();
        assert!(has_token(&format!(" {{\"FileToken\":\"{TOKEN}\",\"Other\":[{{}}]}}")));
        for bad in [
            format!("[\"{TOKEN}\"]"),
            format!("\"{TOKEN}\""),
            format!("{{\"FileToken\":[\"{TOKEN}\"]}}"),
            format!("{{\"FileToken\":\"{TOKEN}\""),
            format!("{{\"FileToken\":\"{TOKEN}\"}}}}"),
            format!("{{\"FileToken\":\"{TOKEN}\",\"FileToken\":\"{TOKEN}\"}}"),
            format!("{{\"filetoken\":\"{TOKEN}\"}}"),
            "{\"FileToken\":null}".into(),
            "{\"FileToken\":7}".into(),
            String::new(),
        ] {
            assert!(!has_token(&bad), "{bad}");
        }
    }

    #[test]
    fn a_text_is_copied_only_if_it_holds_escapes() {
        let body = r#"{"Filename":"a.pdf","MimeType":"text\/plain"}"#;
        let members = Members::of(body.as_bytes());
        assert!(matches!(text(members.filename), Some(Cow::Borrowed("a.pdf"))));
        assert_eq!(text(members.mime_type).as_deref(), Some("text/plain"));
    }

    #[test]
    fn base64_is_strict() {
        let decoded = |data: &str| {
            let body = format!("{{\"FileData\":{data}}}");
            Members::of(body.as_bytes()).file_data()
        };
        assert_eq!(decoded("\"YQ==\"").as_deref(), Some(&b"a"[..]));
        assert_eq!(decoded(r#""\/\/8=""#).as_deref(), Some(&[255, 255][..]));
        for bad in ["\"\"", "\"YQ\"", "\"YQ=\"", "\"YQ==\\n\"", "\" YQ==\"", "\"YR==\"", "\"__8=\"", "7", "null"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_page_is_the_nearest_there_is() {
        let page = |body: &str| {
            let query = Members::of(body.as_bytes()).page();
            (query.offset / u64::from(query.limit) + 1, query.limit)
        };
        for (body, expected) in [
            ("", (1, 50)),
            ("[]", (1, 50)),
            (r#"{"Page":2,"Limit":7}"#, (2, 7)),
            (r#"{"Page":0,"Limit":0}"#, (1, 1)),
            (r#"{"Page":-3,"Limit":201}"#, (1, 200)),
            (r#"{"Page":"2","Limit":"x"}"#, (2, 50)),
            (r#"{"Page":null,"Limit":[]}"#, (1, 50)),
            (r#"{"Page":1e300,"Limit":1e300}"#, (9_007_199_254_740_991, 200)),
            (r#"{"Page":1e400,"Limit":1e400}"#, (9_007_199_254_740_991, 200)),
            (r#"{"Page":-1e400,"Limit":"-1e400"}"#, (1, 1)),
            (r#"{"Page":true,"Limit":{"a":7}}"#, (1, 50)),
            (r#"{"Page":"NaN","Limit":9.6}"#, (1, 10)),
        ] {
            assert_eq!(page(body), expected, "{body}");
        }
    }

    #[test]
    fn a_life_is_whole_seconds_within_bounds() {
        let life = |value: &str| Members::of(format!("{{\"ExpiresIn\":{value}}}").as_bytes()).expires_in();
        for (value, expected) in [("60", 60), ("3600", 3600), ("900.0", 900), ("null", 900)] {
            assert_eq!(life(value).ok(), Some(expected), "{value}");
        }
        for bad in ["59", "3601", "900.5", "\"900\"", "-1", "true", "[]", "1e400"] {
            assert!(life(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_user_and_a_host() {
        for good in ["ann@example.com", "a.b+c@mail.example.org", "ann@localhost"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "ann", "@example.com", "ann@", "a@b@c.de", "a b@c.de", "a@c.de\r\nBcc: x@y.z", "a@.de"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
