//! User bytes on their way out.
//!
//! What a user stored is never trusted: it is served from the same origin as the console, so an HTML or SVG file that a
//! browser ran would act as whoever opened it. Three fences stand around it. Only inert types may be shown in place,
//! and that is decided by an exact list, not by what looks dangerous. No browser may guess another type. And a policy
//! takes scripts, frames and requests away from whatever is opened all the same.
//!
//! Nothing is cached on the way, because a deleted file has to be gone from the answer of the delete on.

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
            CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::range::OutOfRange;
use crate::engine::{Content, Extent, model::FileInfo};

/// How a browser is asked to treat the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Saved as a file, whatever it is.
    Attachment,
    /// Shown in place if the type can do no harm, else saved as a file.
    InlineIfInert,
}

/// Streams a file's bytes with the headers that every dialect owes them (contracts/README.md, rules that hold across
/// the contracts).
pub(crate) fn user_bytes(content: Content, disposition: Disposition) -> Response {
    let headers = headers(&content.file, disposition);
    (headers, Body::from_stream(content.stream)).into_response()
}

/// The same for a call that honours `Range`: it read the part that [`super::range::asked`] found in its headers.
///
/// # Errors
/// There is no such part.
pub(crate) fn user_part(content: Content, disposition: Disposition) -> Result<Response, OutOfRange> {
    let (extent, size) = (content.extent.clone(), content.file.size);
    let part = match extent {
        Extent::Whole => None,
        Extent::Part(part) => Some(part),
        Extent::Nothing => return Err(OutOfRange { size }),
    };
    let mut answer = user_bytes(content, disposition);
    answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(part) = part {
        let (first, last) = part.into_inner();
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(last - first + 1));
        answer.headers_mut().insert(CONTENT_RANGE, ascii_value(&format!("bytes {first}-{last}/{size}")));
    }
    Ok(answer)
}

/// Types a browser may show in place. They hold no code that a browser would run. JPEG and BMP have a second name each,
/// which old clients declare.
const INERT: [&str; 9] = [
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/x-ms-bmp",
    "text/plain",
    PDF,
];

const PDF: &str = "application/pdf";

const SANDBOX: &str = "sandbox; default-src 'none'";

/// The policy without `sandbox`, which would stop the browsers' own PDF viewers.
const NO_SANDBOX: &str = "default-src 'none'";

fn headers(file: &FileInfo, disposition: Disposition) -> [(HeaderName, HeaderValue); 6] {
    let media_type = legal_media_type(&file.media_type);
    let inline = match disposition {
        Disposition::Attachment => false,
        Disposition::InlineIfInert => is_inert(media_type),
    };
    let policy = match inline && essence(media_type).eq_ignore_ascii_case(PDF) {
        true => NO_SANDBOX,
        false => SANDBOX,
    };
    [
        (CONTENT_TYPE, ascii_value(media_type)),
        (CONTENT_LENGTH, HeaderValue::from(file.size)),
        (CONTENT_DISPOSITION, ascii_value(&disposition_value(inline, &file.name))),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
}

/// The stored media type, or `application/octet-stream` where it cannot stand in a header. Clients choose it freely.
fn legal_media_type(stored: &str) -> &str {
    let legal = !stored.is_empty() && stored.bytes().all(|b| (0x20..0x7f).contains(&b));
    match legal {
        true => stored,
        false => "application/octet-stream",
    }
}

/// A list of types is not inert whatever stands first: browsers take the last one of it.
fn is_inert(media_type: &str) -> bool {
    !media_type.contains(',') && INERT.iter().any(|inert| essence(media_type).eq_ignore_ascii_case(inert))
}

/// The type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// RFC 6266: a plain name for old clients, the exact one in the form of RFC 8187 for all others.
fn disposition_value(inline: bool, name: &str) -> String {
    let kind = match inline {
        true => "inline",
        false => "attachment",
    };
    let plain: String = name.chars().map(plain_char).collect();
    let exact = utf8_percent_encode(name, NOT_ATTR_CHAR);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

/// `%` goes too, because some clients decode it even here.
fn plain_char(c: char) -> char {
    match c {
        '"' | '\\' | '%' => '_',
        ' '..='~' => c,
        _ => '_',
    }
}

/// Everything but RFC 8187's `attr-char`.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The texts that come here hold printable ASCII only; were one to hold more, an empty value still does no harm.
fn ascii_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::engine::model::{AccountId, NodeId, NodeIds, Person, Rights};

    fn file(name: &str, media_type: &str) -> FileInfo {
        FileInfo {
            id: NodeId(1),
            uid: Uuid::nil(),
            name: name.to_owned(),
            size: 3,
            media_type: media_type.to_owned(),
            version: 1,
            owner: ann(),
            creator: ann(),
            modifier: ann(),
            parent: NodeIds { id: NodeId(2), uid: Uuid::nil() },
            group: None,
            path: Vec::new(),
            private: false,
            created_at: OffsetDateTime::UNIX_EPOCH,
            modified_at: OffsetDateTime::UNIX_EPOCH,
            expires_at: None,
            lock: None,
            edited: false,
            held: false,
            shared: false,
            rights: Rights::ALL,
            trashed: false,
        }
    }

    fn ann() -> Person {
        Person { id: AccountId(1), uid: Uuid::nil(), name: "ann".to_owned(), display_name: "Ann".to_owned() }
    }

    fn answer(name: &str, media_type: &str, disposition: Disposition) -> Response {
        user_bytes(content(name, media_type, Extent::Whole), disposition)
    }

    fn content(name: &str, media_type: &str, extent: Extent) -> Content {
        let stream = futures_util::stream::once(async { Ok(bytes::Bytes::from_static(b"abc")) }).boxed();
        Content { file: file(name, media_type), extent, stream }
    }

    fn header(answer: &Response, name: HeaderName) -> &str {
        answer.headers()[name].to_str().unwrap()
    }

    fn is_inline(media_type: &str) -> bool {
        let answer = answer("a", media_type, Disposition::InlineIfInert);
        header(&answer, CONTENT_DISPOSITION).starts_with("inline;")
    }

    #[tokio::test]
    async fn bytes_carry_every_header() {
        let answer = answer("report.pdf", "application/pdf", Disposition::Attachment);
        assert_eq!(header(&answer, CONTENT_TYPE), "application/pdf");
        assert_eq!(header(&answer, CONTENT_LENGTH), "3");
        assert_eq!(
            header(&answer, CONTENT_DISPOSITION),
            "attachment; filename=\"report.pdf\"; filename*=UTF-8''report.pdf"
        );
        assert_eq!(header(&answer, X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(header(&answer, CONTENT_SECURITY_POLICY), "sandbox; default-src 'none'");
        assert_eq!(header(&answer, CACHE_CONTROL), "no-store");
        let body = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
        assert_eq!(&body[..], b"abc");
    }

    #[test]
    fn a_part_says_which_it_is() {
        let part = |extent| user_part(content("a", "text/plain", extent), Disposition::Attachment);
        let answer = part(Extent::Part(1..=2)).unwrap();
        assert_eq!(answer.status(), 206);
        assert_eq!(header(&answer, CONTENT_LENGTH), "2");
        assert_eq!(header(&answer, CONTENT_RANGE), "bytes 1-2/3");
        assert_eq!(header(&answer, ACCEPT_RANGES), "bytes");
        let answer = part(Extent::Whole).unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, ACCEPT_RANGES)), (200, "bytes"));
        assert!(!answer.headers().contains_key(CONTENT_RANGE));
        let answer = part(Extent::Nothing).unwrap_err().into_response();
        assert_eq!((answer.status().as_u16(), header(&answer, CONTENT_RANGE)), (416, "bytes */3"));
    }

    #[test]
    fn only_inert_types_are_shown_in_place() {
        for shown in [
            "image/png",
            "image/jpeg",
            "image/jpg",
            "image/gif",
            "image/webp",
            "image/bmp",
            "image/x-ms-bmp",
            "text/plain",
            "application/pdf",
        ] {
            assert!(is_inline(shown), "{shown}");
        }
        assert!(is_inline("Image/PNG"));
        assert!(is_inline("text/plain; charset=utf-8"));
        for saved in [
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/xml",
            "application/octet-stream",
            "",
            "image/png, text/html",
            "text/plain; charset=a, text/html",
            "image/png\r\nx: y",
        ] {
            assert!(!is_inline(saved), "{saved}");
        }
    }

    #[test]
    fn a_charset_is_passed_on_as_declared() {
        let answer = answer("a.txt", "text/plain; charset=latin1", Disposition::InlineIfInert);
        assert_eq!(header(&answer, CONTENT_TYPE), "text/plain; charset=latin1");
    }

    #[test]
    fn only_a_pdf_in_place_goes_without_sandbox() {
        let policy =
            |media_type, disposition| header(&answer("a", media_type, disposition), CONTENT_SECURITY_POLICY).to_owned();
        assert_eq!(policy(PDF, Disposition::InlineIfInert), NO_SANDBOX);
        assert_eq!(policy(PDF, Disposition::Attachment), SANDBOX);
        assert_eq!(policy("image/png", Disposition::InlineIfInert), SANDBOX);
    }

    #[test]
    fn a_media_type_that_is_no_header_value_is_replaced() {
        for stored in ["", "text/plain\r\nx-evil: 1", "text/plän", "a\u{7f}b"] {
            let answer = answer("a", stored, Disposition::Attachment);
            assert_eq!(header(&answer, CONTENT_TYPE), "application/octet-stream");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let answer = answer("Übe\"r\\s%41; x=.pdf", "text/plain", Disposition::Attachment);
        assert_eq!(
            header(&answer, CONTENT_DISPOSITION),
            "attachment; filename=\"_be_r_s_41; x=.pdf\"; \
             filename*=UTF-8''%C3%9Cbe%22r%5Cs%2541%3B%20x%3D.pdf"
        );
    }
}
