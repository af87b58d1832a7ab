//! Where pages of lists ended, kept for a while: whoever turns to the next page of a list goes on behind the row that
//! the last one ended with, however deep that stands and whatever was deleted meanwhile.
//!
//! Lists are asked for by the number of rows before the page. Counting them out again for each page would make reading
//! a list to its end cost its length squared, and rows that a delete has taken from the pages before would shift
//! others out of sight. What is not kept here is counted out.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    model::{AccountId, ContentQuery, FileQuery, TrashScope},
    store::list::Position,
};

/// How long a page's end is kept, microseconds.
const KEPT: i64 = 600_000_000;

/// Ends that are kept in all: at least half as many of the newest, below 8 MiB with the longest names.
const AT_MOST: usize = 8192;

/// A list as it was asked for, but for its page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum List {
    Files(FileQuery),
    Content(i64, ContentQuery),
    Trash(TrashScope, bool),
    TrashedFiles(FileQuery),
}

/// A list of a caller's from a number of rows on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Begin {
    caller: AccountId,
    list: List,
    rows_before: u64,
}

impl Begin {
    pub(super) fn files(caller: AccountId, query: &FileQuery) -> Self {
        let list = List::Files(FileQuery { offset: 0, limit: 0, ..query.clone() });
        Self { caller, list, rows_before: query.offset }
    }

    pub(super) fn trashed_files(caller: AccountId, query: &FileQuery) -> Self {
        let list = List::TrashedFiles(FileQuery { offset: 0, limit: 0, ..query.clone() });
        Self { caller, list, rows_before: query.offset }
    }

    pub(super) fn content(caller: AccountId, folder: i64, query: &ContentQuery) -> Self {
        let list = List::Content(folder, ContentQuery { offset: 0, limit: 0, ..query.clone() });
        Self { caller, list, rows_before: query.offset }
    }

    pub(super) fn trash(caller: AccountId, scope: TrashScope, versions: bool, offset: u64) -> Self {
        Self { caller, list: List::Trash(scope, versions), rows_before: offset }
    }

    /// Of the page behind one of so many rows.
    fn next(self, rows: u64) -> Self {
        Self { rows_before: self.rows_before.saturating_add(rows), ..self }
    }
}

#[derive(Debug, Default)]
pub(super) struct Positions {
    ends: Mutex<Ends>,
}

/// Once half of the room is full, the older half is forgotten.
#[derive(Debug, Default)]
struct Ends {
    newer: HashMap<Begin, (Position, i64)>,
    older: HashMap<Begin, (Position, i64)>,
}

impl Positions {
    /// The row before a page, if the page that ended with it was asked for not long ago.
    pub(super) fn before(&self, page: &Begin, now: i64) -> Option<Position> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = ends.newer.get(page).or_else(|| ends.older.get(page));
        kept.filter(|(_, at)| (0..KEPT).contains(&(now - at))).map(|(row, _)| row.clone())
    }

    /// Keeps the last row of a page that others follow.
    pub(super) fn keep(&self, page: Begin, rows: usize, last: Position, now: i64) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.newer.len() >= AT_MOST / 2 {
            ends.older = std::mem::take(&mut ends.newer);
        }
        ends.newer.insert(page.next(rows as u64), (last, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::list::SortedBy;

    fn page(offset: u64) -> Begin {
        Begin::trash(AccountId(1), TrashScope::Own, false, offset)
    }

    fn row(id: i64) -> Position {
        Position { second: false, by: SortedBy::Nothing, id }
    }

    #[test]
    fn the_end_of_a_page_is_the_beginning_of_the_next_for_a_while() {
        let positions = Positions::default();
        positions.keep(page(100), 50, row(7), 1_000);
        let id = |offset, now| positions.before(&page(offset), now).map(|row| row.id);
        assert_eq!((id(150, 1_000), id(150, 1_000 + KEPT - 1)), (Some(7), Some(7)));
        assert_eq!((id(150, 1_000 + KEPT), id(150, 999)), (None, None));
        assert_eq!((id(100, 1_000), id(151, 1_000)), (None, None));
    }

    #[test]
    fn no_more_than_the_newest_are_kept() {
        let positions = Positions::default();
        for offset in 0..20_000 {
            positions.keep(page(offset), 0, row(1), 0);
        }
        let kept = (0..20_000).filter(|&offset| positions.before(&page(offset), 0).is_some()).count();
        assert!((AT_MOST / 2..=AT_MOST).contains(&kept), "{kept}");
        assert!(positions.before(&page(19_999), 0).is_some());
    }
}
