//! The signed URLs that `getFileUrl` hands out: whoever holds one may read one file until its end (sweeppea.md 4.3).
//!
//! They are this server's own, so they die with the file. The signature covers the file, the mode and the end; the name
//! in the path is there for whoever saves the file and is not looked at.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::ReadRefusal;
use crate::http::content::Disposition;

/// What the signing key is for; other purposes have other keys.
pub(super) const PURPOSE: &str = "sweeppea-read";

/// Where they lie, each with its file's uid and name behind it.
pub(super) const READ_URLS: &str = "/s3/sweeppea";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Shown in place, if that does no harm.
    Preview,
    Download,
}

impl Mode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "preview" => Some(Self::Preview),
            "download" => Some(Self::Download),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Download => "download",
        }
    }

    pub(super) fn disposition(self) -> Disposition {
        match self {
            Self::Preview => Disposition::InlineIfInert,
            Self::Download => Disposition::Attachment,
        }
    }
}

/// What a URL grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) file: Uuid,
    pub(super) mode: Mode,
    /// Seconds since 1970: the first at which it is over.
    pub(super) expires: i64,
}

impl Grant {
    /// The URL. `public_url` has no final `/`.
    pub(super) fn url(self, key: &[u8; 32], public_url: &str, name: &str) -> String {
        let Self { file, mode, expires } = self;
        let name = utf8_percent_encode(name, NOT_UNRESERVED);
        let signature: String = mac(key, &file.to_string(), mode.as_str(), &expires.to_string())
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mode = mode.as_str();
        format!("{public_url}{READ_URLS}/{file}/{name}?mode={mode}&expires={expires}&signature={signature}")
    }

    /// Checks the parts of a URL. The signature comes first, so that a forged URL learns nothing.
    pub(super) fn check(key: &[u8; 32], file: &str, query: &str, now: OffsetDateTime) -> Result<Self, ReadRefusal> {
        let (mut mode, mut expires, mut signature) = ("", "", "");
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("mode", value)) => mode = value,
                Some(("expires", value)) => expires = value,
                Some(("signature", value)) => signature = value,
                // Whatever a mail program or a tracker appended.
                _ => {}
            }
        }
        let signature = unhex(signature).ok_or(ReadRefusal::Signature)?;
        // In constant time.
        mac(key, file, mode, expires).verify_slice(&signature).map_err(|_| ReadRefusal::Signature)?;
        let grant = Self::parse(file, mode, expires).ok_or(ReadRefusal::Signature)?;
        match now.unix_timestamp() < grant.expires {
            true => Ok(grant),
            false => Err(ReadRefusal::Expired),
        }
    }

    fn parse(file: &str, mode: &str, expires: &str) -> Option<Self> {
        Some(Self { file: file.parse().ok()?, mode: Mode::parse(mode)?, expires: expires.parse().ok()? })
    }
}

/// Over the texts as they stand in the URL, so that no two spellings of one grant are good.
fn mac(key: &[u8; 32], file: &str, mode: &str, expires: &str) -> Hmac<Sha256> {
    // The hash's block; a shorter key is one that ends in zeros.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(format!("{file}\n{mode}\n{expires}").as_bytes());
    mac
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| Some(c.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Everything but the characters that stand in a path for themselves.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const FILE: &str = "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11";

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn grant() -> Grant {
        Grant { file: FILE.parse().unwrap(), mode: Mode::Preview, expires: 1_000 }
    }

    fn query() -> String {
        let url = grant().url(&KEY, "https://files.example.com", "a b.png");
        let rest =
            url.strip_prefix("https://files.example.com/s3/sweeppea/6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11/a%20b.png?");
        rest.unwrap().to_owned()
    }

    #[test]
    fn a_url_is_good_until_its_end() {
        assert_eq!(Grant::check(&KEY, FILE, &query(), at(999)), Ok(grant()));
        assert_eq!(Grant::check(&KEY, FILE, &query(), at(1_000)), Err(ReadRefusal::Expired));
    }

    #[test]
    fn no_part_of_a_url_can_be_changed() {
        let good = query();
        let other_file = "6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a12";
        let upper = FILE.to_uppercase();
        for (key, file, query) in [
            (KEY, other_file, good.clone()),
            (KEY, upper.as_str(), good.clone()),
            (KEY, FILE, good.replace("preview", "download")),
            (KEY, FILE, good.replace("expires=1000", "expires=2000")),
            (KEY, FILE, good.replace("expires=1000", "expires=01000")),
            (KEY, FILE, good.replace("signature=", "signature=0")),
            (KEY, FILE, good.replace("signature", "sign")),
            (KEY, FILE, format!("{good}&mode=download")),
            (KEY, FILE, String::new()),
            ([8; 32], FILE, good.clone()),
        ] {
            assert_eq!(Grant::check(&key, file, &query, at(0)), Err(ReadRefusal::Signature), "{file} {query}");
        }
        assert!(Grant::check(&KEY, FILE, &format!("{good}&utm=1"), at(0)).is_ok());
    }
}
