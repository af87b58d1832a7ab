//! Pages of the list, asked for and linked as Django REST framework does (hexnode.md 4.4): a page that makes no sense
//! is not found, a size or order that makes none is the default.

use axum::{extract::Query, http::Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const DEFAULT_SIZE: u32 = 25;
const MAX_SIZE: u32 = 100;
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Paging {
    /// From 1.
    pub(super) page: u64,
    /// Files on a page, 1 to 100.
    pub(super) size: u32,
    pub(super) descending: bool,
    /// What was asked for besides the page; it stays in the links.
    others: Vec<(String, String)>,
}

impl Paging {
    /// `None`: there is no such page in any list.
    pub(super) fn from_query(uri: &Uri) -> Option<Self> {
        let query: Vec<(String, String)> = Query::try_from_uri(uri).map(|Query(query)| query).unwrap_or_default();
        // Of a name that stands there twice the last counts, as in Django.
        let last = |name| query.iter().rfind(|(other, _)| other == name).map(|(_, value)| value.trim());
        let page = last("page").map_or(Some(1), |page| page.parse().ok().filter(|page| *page > 0))?;
        let size = last("per_page").and_then(positive).map_or(DEFAULT_SIZE, |size| size.min(MAX_SIZE));
        let descending = last("order_by") != Some("asc");
        let mut others: Vec<_> = query.into_iter().filter(|(name, _)| name != "page").collect();
        others.sort();
        Some(Self { page, size, descending, others })
    }

    /// Files before this page; stays within what a database can count.
    pub(super) fn offset(&self) -> u64 {
        (self.page - 1).saturating_mul(self.size.into()).min(i64::MAX as u64)
    }

    /// Whether a list of `total` files has this page. The first is always there.
    pub(super) fn exists(&self, total: u64) -> bool {
        self.page == 1 || self.offset() < total
    }

    /// The absolute URL of the page after this one.
    pub(super) fn next(&self, list: &str, total: u64) -> Option<String> {
        let more = self.offset().saturating_add(self.size.into()) < total;
        more.then(|| self.link(list, self.page + 1))
    }

    /// The absolute URL of the page before this one.
    pub(super) fn previous(&self, list: &str) -> Option<String> {
        (self.page > 1).then(|| self.link(list, self.page - 1))
    }

    /// The first page is the list itself, without a `page`.
    fn link(&self, list: &str, page: u64) -> String {
        let mut query = self.others.clone();
        if page > 1 {
            query.push(("page".to_owned(), page.to_string()));
            query.sort();
        }
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        match query.is_empty() {
            true => list.to_owned(),
            false => format!("{list}?{}", query.join("&")),
        }
    }
}

/// `None` for 0 and for what is no number; a number beyond any list counts as the largest.
fn positive(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX)).filter(|number| *number > 0)
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, UNESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "http://unfile.example/api/v1/filemanagement/";

    fn paging(query: &str) -> Option<Paging> {
        Paging::from_query(&format!("/api/v1/filemanagement/{query}").parse().unwrap())
    }

    #[test]
    fn defaults() {
        let first = paging("").unwrap();
        assert_eq!((first.page, first.size, first.descending, first.offset()), (1, 25, true, 0));
        assert!(first.exists(0));
        assert_eq!((first.next(LIST, 25), first.previous(LIST)), (None, None));
        assert_eq!(first.next(LIST, 26), Some(format!("{LIST}?page=2")));
    }

    #[test]
    fn sizes_and_orders_that_make_no_sense_are_the_default() {
        for (query, size) in [("0", 25), ("-1", 25), ("x", 25), ("", 25), ("1", 1), ("100", 100), ("101", 100)] {
            assert_eq!(paging(&format!("?per_page={query}")).unwrap().size, size, "{query}");
        }
        assert_eq!(paging("?per_page=99999999999999999999").unwrap().size, 100);
        assert!(paging("?order_by=name").unwrap().descending);
        assert!(!paging("?order_by=asc").unwrap().descending);
    }

    #[test]
    fn pages_that_make_no_sense_are_not_there() {
        for page in ["0", "-1", "x", "1.5", "", "99999999999999999999"] {
            assert_eq!(paging(&format!("?page={page}")), None, "{page}");
        }
        let far = paging("?page=18446744073709551615&per_page=100").unwrap();
        assert_eq!(far.offset(), i64::MAX as u64);
        assert!(!far.exists(1_000_000));
    }

    #[test]
    fn links_keep_what_was_asked_for() {
        let second = paging("?per_page=2&page=2&order_by=asc&note=a%20b%26").unwrap();
        assert_eq!(second.next(LIST, 5), Some(format!("{LIST}?note=a%20b%26&order_by=asc&page=3&per_page=2")));
        assert_eq!(second.previous(LIST), Some(format!("{LIST}?note=a%20b%26&order_by=asc&per_page=2")));
        assert_eq!(second.next(LIST, 4), None);
        assert!(second.exists(3));
        assert!(!second.exists(2));
    }
}
