//! Requests that another site made a browser send.
//!
//! A browser adds remembered Basic credentials and cookies by itself, also to a request that a foreign page started. A
//! call that trusts one of those therefore asks here first. Calls with a key in a header need not: no browser adds one.

use axum::http::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

/// Whether a browser says that a foreign site started this request. Programs that are no browsers send neither header
/// and pass.
///
/// The server's own origin is that of `public_url`, or the address the request was sent to: an installation is often
/// reached by more than one name, and a foreign page can choose neither its `Origin` nor our `Host`.
pub(crate) fn is_cross_site(headers: &HeaderMap, public_url: &str) -> bool {
    let told = headers.get_all("sec-fetch-site").iter().any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"));
    let foreign = headers
        .get_all(ORIGIN)
        .iter()
        .any(|origin| !origin.to_str().is_ok_and(|origin| is_own(origin, headers, public_url)));
    told || foreign
}

fn is_own(origin: &str, headers: &HeaderMap, public_url: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else {
        return false; // `null`: a sandboxed or local page
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    origin.eq_ignore_ascii_case(origin_of(public_url)) || host.is_some_and(|host| authority.eq_ignore_ascii_case(host))
}

/// Scheme, host and port of a URL: all before its path.
fn origin_of(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let end = url[host_at..].find('/').map_or(url.len(), |at| host_at + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&'static str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect();
        is_cross_site(&headers, "https://files.example/unfile")
    }

    #[test]
    fn a_program_passes() {
        assert!(!asked(&[("host", "10.0.0.1:8080")]));
    }

    #[test]
    fn own_pages_pass() {
        assert!(!asked(&[("origin", "https://files.example")]));
        assert!(!asked(&[("origin", "HTTPS://Files.Example"), ("sec-fetch-site", "same-origin")]));
        assert!(!asked(&[("origin", "http://localhost:8080"), ("host", "localhost:8080")]));
        assert!(!asked(&[("sec-fetch-site", "none")]));
    }

    #[test]
    fn foreign_pages_do_not() {
        assert!(asked(&[("origin", "https://evil.example")]));
        assert!(asked(&[("origin", "https://files.example.evil.example")]));
        assert!(asked(&[("origin", "http://files.example")]));
        assert!(asked(&[("origin", "null"), ("host", "null")]));
        assert!(asked(&[("origin", "https://files.example"), ("origin", "https://evil.example")]));
        assert!(asked(&[("sec-fetch-site", "cross-site")]));
        assert!(asked(&[("origin", "https://files.example"), ("sec-fetch-site", "cross-site")]));
    }
}
