//! Signed URLs of this server, in the query form of AWS Signature Version 4.
//!
//! Whoever uploads through a signed URL has code for S3's; so ours is one, signed with a secret of the installation and
//! checked by it. The signature binds method, host, path, every member of the query and the content type. It leaves the
//! body free (`UNSIGNED-PAYLOAD`), as S3's own presigned URLs do.
//!
//! Signing and checking build the same canonical request; the check compares in constant time.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::hex::hex;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const ACCESS_KEY: &str = "unfile";
const SCOPE: Scope = Scope { region: "local", service: "s3" };
const SIGNED_HEADERS: &str = "content-type;host";
const SIGNATURE: &str = "X-Amz-Signature";
const DATE_FORMAT: &[BorrowedFormatItem<'static>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// The length of the day in [`DATE_FORMAT`].
const DAY: usize = 8;
/// What a signature's texts leave as it is: letters, digits, `-`, `_`, `.` and `~`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a URL's signature stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    /// As in the `Host` header, in the form of [`host_of`].
    pub(crate) host: &'a str,
    /// As it stands in the request line, without the query.
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
}

/// Why a URL is not good, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not signed by us for this request.
    Mismatch,
    /// It was good, and its time is over.
    Expired,
}

struct Scope {
    region: &'static str,
    service: &'static str,
}

/// The query, without `?`, that lets its holder make this one request from `from` on for `life` (whole seconds).
pub(crate) fn sign(secret: &[u8; 32], signed: Signed<'_>, from: OffsetDateTime, life: Duration) -> String {
    let date = amz_date(from);
    let day = date.get(..DAY).unwrap_or_default();
    let query = canonical_query(vec![
        ("X-Amz-Algorithm".into(), ALGORITHM.into()),
        ("X-Amz-Credential".into(), format!("{ACCESS_KEY}/{}", SCOPE.text(day))),
        ("X-Amz-Date".into(), date.clone()),
        ("X-Amz-Expires".into(), life.as_secs().to_string()),
        ("X-Amz-SignedHeaders".into(), SIGNED_HEADERS.into()),
    ]);
    let text = string_to_sign(&SCOPE, &date, &canonical_request(signed, &query));
    let signature = hex(&mac(&SCOPE.key(secret, day), text.as_bytes()).finalize().into_bytes());
    format!("{query}&{SIGNATURE}={signature}")
}

/// Whether `query` (as it stands in the request line) was made by [`sign`] for this request and is still good.
///
/// # Errors
/// [`Refusal`]. A URL that is both wrong and old is wrong: its dates are not ours.
pub(crate) fn check(secret: &[u8; 32], signed: Signed<'_>, query: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    let (signatures, members): (Vec<_>, Vec<_>) =
        decode_query(query).ok_or(Refusal::Mismatch)?.into_iter().partition(|(name, _)| name == SIGNATURE);
    let [(_, signature)] = signatures.as_slice() else {
        return Err(Refusal::Mismatch);
    };
    let date = only(&members, "X-Amz-Date").ok_or(Refusal::Mismatch)?;
    let from = PrimitiveDateTime::parse(&date, DATE_FORMAT).map_err(|_| Refusal::Mismatch)?.assume_utc();
    let life = only(&members, "X-Amz-Expires").and_then(|life| life.parse::<i64>().ok()).ok_or(Refusal::Mismatch)?;
    let day = date.get(..DAY).unwrap_or_default();
    let text = string_to_sign(&SCOPE, &date, &canonical_request(signed, &canonical_query(members)));
    mac(&SCOPE.key(secret, day), text.as_bytes())
        .verify_slice(&from_hex(signature).ok_or(Refusal::Mismatch)?)
        .map_err(|_| Refusal::Mismatch)?;
    match now - from < time::Duration::seconds(life) {
        true => Ok(()),
        false => Err(Refusal::Expired),
    }
}

/// The host that a client of `base` (an absolute URL) names in its `Host` header: clients leave out the scheme's own port.
pub(crate) fn host_of(base: &str) -> String {
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    normal_host(host, scheme.eq_ignore_ascii_case("https"))
}

/// A host as [`host_of`] writes it: lower case, without the port that the scheme implies.
pub(crate) fn normal_host(host: &str, https: bool) -> String {
    let host = host.to_ascii_lowercase();
    let port = if https { ":443" } else { ":80" };
    host.strip_suffix(port).unwrap_or(&host).to_owned()
}

impl Scope {
    fn text(&self, day: &str) -> String {
        format!("{day}/{}/{}/aws4_request", self.region, self.service)
    }

    fn key(&self, secret: &[u8], day: &str) -> Vec<u8> {
        let mut key = [b"AWS4", secret].concat();
        for part in [day, self.region, self.service, "aws4_request"] {
            key = mac(&key, part.as_bytes()).finalize().into_bytes().to_vec();
        }
        key
    }
}

fn canonical_request(signed: Signed<'_>, query: &str) -> String {
    let Signed { method, host, path, content_type } = signed;
    let headers = format!("content-type:{}\nhost:{host}\n", content_type.trim());
    canonical(method, path, query, &headers, SIGNED_HEADERS)
}

fn canonical(method: &str, path: &str, query: &str, headers: &str, signed_headers: &str) -> String {
    format!("{method}\n{path}\n{query}\n{headers}\n{signed_headers}\nUNSIGNED-PAYLOAD")
}

fn string_to_sign(scope: &Scope, date: &str, canonical: &str) -> String {
    let scope = scope.text(date.get(..DAY).unwrap_or_default());
    format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)))
}

fn canonical_query(members: Vec<(String, String)>) -> String {
    let mut members: Vec<_> =
        members.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    members.sort_unstable();
    members.join("&")
}

fn decode_query(query: &str) -> Option<Vec<(String, String)>> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().ok().map(String::from);
    query
        .split('&')
        .map(|member| {
            let (name, value) = member.split_once('=').unwrap_or((member, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The value of a member that stands there once.
fn only(members: &[(String, String)], name: &str) -> Option<String> {
    let mut values = members.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.clone()),
        _ => None,
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn amz_date(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    // Formatting can fail for a year beyond 9999 only, which no clock of ours shows; an empty date checks as a mismatch.
    time.format(DATE_FORMAT).unwrap_or_default()
}

fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac
}

/// Lower-case digits only, so that a signature has one spelling.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const SECRET: &[u8; 32] = &[7; 32];
    const FROM: OffsetDateTime = datetime!(2026-04-04 07:09:25.9 UTC);
    const LIFE: Duration = Duration::from_secs(10_800);
    const PUT: Signed<'static> = Signed {
        method: "PUT",
        host: "files.example.com",
        path: "/s3/hexnode/6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a11",
        content_type: "application/pdf",
    };

    fn url() -> String {
        sign(SECRET, PUT, FROM, LIFE)
    }

    /// The example of Amazon's own page "Authenticating Requests: Using Query Parameters".
    #[test]
    fn signs_as_amazon_does() {
        let amazon = Scope { region: "us-east-1", service: "s3" };
        let date = "20130524T000000Z";
        let query = canonical_query(vec![
            ("X-Amz-SignedHeaders".into(), "host".into()),
            ("X-Amz-Algorithm".into(), ALGORITHM.into()),
            ("X-Amz-Credential".into(), "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request".into()),
            ("X-Amz-Date".into(), date.into()),
            ("X-Amz-Expires".into(), "86400".into()),
        ]);
        let request = canonical("GET", "/test.txt", &query, "host:examplebucket.s3.amazonaws.com\n", "host");
        let key = amazon.key(b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524");
        let text = string_to_sign(&amazon, date, &request);
        assert_eq!(
            hex(&mac(&key, text.as_bytes()).finalize().into_bytes()),
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn the_query_reads_like_s3() {
        let (before, signature) = url().rsplit_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(
            before,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=unfile%2F20260404%2Flocal%2Fs3%2Faws4_request\
             &X-Amz-Date=20260404T070925Z&X-Amz-Expires=10800&X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature"
        );
        assert_eq!(signature.len(), 64);
    }

    #[test]
    fn is_good_until_its_end() {
        let query = url();
        assert_eq!(check(SECRET, PUT, &query, FROM), Ok(()));
        assert_eq!(check(SECRET, PUT, &query, datetime!(2026-04-04 10:09:24.999 UTC)), Ok(()));
        assert_eq!(check(SECRET, PUT, &query, datetime!(2026-04-04 10:09:25 UTC)), Err(Refusal::Expired));
        assert_eq!(check(SECRET, PUT, &query, FROM + LIFE), Err(Refusal::Expired));
    }

    #[test]
    fn is_good_for_one_request_only() {
        let query = url();
        for other in [
            Signed { method: "GET", ..PUT },
            Signed { host: "other.example.com", ..PUT },
            Signed { path: "/s3/hexnode/6f1c0d7e-3f0a-4a53-9f52-0b1d8f2c7a12", ..PUT },
            Signed { content_type: "text/html", ..PUT },
            Signed { content_type: "", ..PUT },
        ] {
            assert_eq!(check(SECRET, other, &query, FROM), Err(Refusal::Mismatch), "{other:?}");
        }
        assert_eq!(check(&[8; 32], PUT, &query, FROM), Err(Refusal::Mismatch));
    }

    #[test]
    fn a_changed_query_is_refused() {
        let query = url();
        let signature = query.rsplit('=').next().unwrap().to_owned();
        for changed in [
            String::new(),
            query.replace("10800", "99999"),
            query.replace("10800", "x"),
            query.replace("20260404T", "20260405T"),
            query.replace("20260404T070925Z", "now"),
            query.replace("unfile", "other"),
            query.replace("content-type%3Bhost", "host"),
            query.replace(&signature, ""),
            query.replace(&signature, &signature[..62]),
            query.replace(&signature, &signature.to_uppercase().replace(|c: char| c.is_ascii_digit(), "F")),
            query.replace("&X-Amz-Signature=", "&X-Amz-Other="),
            format!("{query}&more=1"),
            format!("{query}&X-Amz-Signature={signature}"),
            format!("{query}&X-Amz-Expires=99999"),
            format!("{query}%ff"),
        ] {
            assert_eq!(check(SECRET, PUT, &changed, FROM), Err(Refusal::Mismatch), "{changed}");
        }
    }

    #[test]
    fn order_and_spelling_of_the_query_do_not_matter() {
        let query = url();
        let mut members: Vec<_> = query.split('&').collect();
        members.reverse();
        assert_eq!(check(SECRET, PUT, &members.join("&").replace("%3B", ";"), FROM), Ok(()));
    }

    #[test]
    fn the_host_is_what_clients_send() {
        assert_eq!(host_of("https://Files.example.com:443/base"), "files.example.com");
        assert_eq!(host_of("https://files.example.com:80"), "files.example.com:80");
        assert_eq!(host_of("http://127.0.0.1:8080"), "127.0.0.1:8080");
        assert_eq!(host_of("http://[::1]:80"), "[::1]");
    }
}
