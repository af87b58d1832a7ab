//! `Range`: the part of a file that a request asks for. One part is honoured; several, and what cannot be read, are
//! left aside, and the whole file is sent, as HTTP allows (RFC 9110, 14.2).

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_RANGE, IF_RANGE, RANGE},
    },
    response::{IntoResponse, Response},
};

use crate::engine::model::Part;

/// What a request asks for; `None`: everything.
pub(crate) fn asked(headers: &HeaderMap) -> Option<Part> {
    // No answer of ours carries what `If-Range` compares, so it never holds.
    if headers.contains_key(IF_RANGE) {
        return None;
    }
    let mut ranges = headers.get_all(RANGE).iter();
    let range = ranges.next()?.to_str().ok()?;
    let (unit, part) = range.split_once('=')?;
    if ranges.next().is_some() || !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match part.trim().split_once('-')? {
        ("", length) => Some(Part::Last(number(length)?)),
        (first, "") => Some(Part::From { first: number(first)?, last: None }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Part::From { first, last: Some(last) })
        }
    }
}

/// Digits alone; beyond all sizes they are the largest of them.
fn number(digits: &str) -> Option<u64> {
    let legal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    legal.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The part asked for lies behind the file's end. A dialect that owes its own body gives it this status and header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfRange {
    /// Bytes of the file.
    pub(crate) size: u64,
}

impl OutOfRange {
    pub(crate) const STATUS: StatusCode = StatusCode::RANGE_NOT_SATISFIABLE;

    /// `Content-Range` of the refusal.
    pub(crate) fn content_range(self) -> HeaderValue {
        HeaderValue::from_str(&format!("bytes */{}", self.size)).unwrap_or(HeaderValue::from_static("bytes */*"))
    }
}

impl IntoResponse for OutOfRange {
    fn into_response(self) -> Response {
        (Self::STATUS, [(CONTENT_RANGE, self.content_range())]).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &'static str) -> Option<Part> {
        asked(&HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]))
    }

    #[test]
    fn one_part_is_read_in_each_of_its_forms() {
        assert_eq!(of("bytes=0-4"), Some(Part::From { first: 0, last: Some(4) }));
        assert_eq!(of("Bytes = 7-"), Some(Part::From { first: 7, last: None }));
        assert_eq!(of("bytes=-3"), Some(Part::Last(3)));
        assert_eq!(of("bytes=99999999999999999999-"), Some(Part::From { first: u64::MAX, last: None }));
    }

    #[test]
    fn several_parts_and_nonsense_mean_the_whole() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=4-2",
            "bytes=0-1,3-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1--2",
            "items=0-1",
            "bytes=0x1-2",
        ] {
            assert_eq!(of(range), None, "{range}");
        }
        let mut twice = HeaderMap::new();
        twice.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        twice.append(RANGE, HeaderValue::from_static("bytes=2-3"));
        assert_eq!(asked(&twice), None);
        twice.remove(RANGE);
        assert_eq!(asked(&twice), None);
        let conditional = [(RANGE, "bytes=0-1"), (IF_RANGE, "\"etag\"")];
        assert_eq!(
            asked(&HeaderMap::from_iter(conditional.map(|(name, value)| (name, HeaderValue::from_static(value))))),
            None
        );
    }

    #[test]
    fn a_part_ends_where_the_file_ends() {
        for (part, size, within) in [
            (Part::From { first: 0, last: Some(4) }, 3, Some(0..=2)),
            (Part::From { first: 2, last: None }, 3, Some(2..=2)),
            (Part::From { first: 3, last: None }, 3, None),
            (Part::Last(2), 3, Some(1..=2)),
            (Part::Last(9), 3, Some(0..=2)),
            (Part::Last(0), 3, None),
            (Part::Last(1), 0, None),
            (Part::From { first: 0, last: None }, 0, None),
        ] {
            assert_eq!(part.within(size), within, "{part:?} of {size}");
        }
    }
}
