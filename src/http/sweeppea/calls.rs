//! The month's call counter: what `APICalls` shows and the monthly limit looks at (sweeppea.md 2.3).
//!
//! A commit for every call would make each read as dear as a write, so calls are counted here and written once a second.
//! What an account made this month is read from the database with its first call, and again with each flush; where other
//! servers count too, also with a call that finds the figure older than a second. So a figure lacks what other servers
//! counted in the last second or two, and the monthly limit may overshoot by as much. A crash loses what was not written yet.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::{Duration, OffsetDateTime};

use crate::engine::{Engine, error::Result, model::AccountId};

/// For so long a figure is good where other servers count too.
const FRESH: Duration = Duration::SECOND;

/// Counts the calls of every account, month by month.
#[derive(Debug, Default)]
pub(super) struct Calls {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    counts: HashMap<Slot, Count>,
    /// Begun and ended ones: odd while one is under way.
    flushes: u64,
}

/// An account in a month ("2026-11").
type Slot = (AccountId, String);

#[derive(Debug)]
struct Count {
    /// All of the month, those under way included.
    made: u64,
    /// Under way: not yet known whether they count.
    open: u64,
    /// Done and counted, not yet in the database.
    unwritten: u64,
    /// When the database was last asked.
    read_at: OffsetDateTime,
}

impl Count {
    fn new(made: u64, now: OffsetDateTime) -> Self {
        Self { made, open: 0, unwritten: 0, read_at: now }
    }

    /// Takes in what the database has, which is all but what is here alone.
    fn read(&mut self, written: u64, now: OffsetDateTime) {
        self.made = written + self.unwritten + self.open;
        self.read_at = now;
    }
}

/// A call under way. It counts, however it ends, unless it is told not to.
#[derive(Debug)]
pub(super) struct Ticket {
    calls: Arc<Calls>,
    slot: Slot,
    /// The number of this call in its month, from 1.
    pub(super) number: u64,
    counts: bool,
}

impl Calls {
    /// Begins a call. `None`: the account has made all its calls of the month; `max` is their number, 0 for no limit.
    ///
    /// # Errors
    /// The engine's, where the month's count has to be read first.
    pub(super) async fn begin(
        self: &Arc<Self>,
        engine: &Engine,
        account: AccountId,
        max: u64,
    ) -> Result<Option<Ticket>> {
        let (now, slot) = (engine.now(), (account, month(engine.now())));
        let (flushes, fresh) = {
            let book = self.lock();
            let fresh = |count: &Count| !engine.is_shared() || now - count.read_at < FRESH;
            (book.flushes, book.counts.get(&slot).is_some_and(fresh))
        };
        if !fresh {
            let written = engine.calls(account, &slot.1).await?;
            self.read(&slot, written, flushes, now);
        }
        Ok(self.begin_from(slot, max, now))
    }

    /// Takes in what was read from the database when there had been so many flushes. While one is under way nobody knows
    /// whether the figure holds what it writes.
    fn read(&self, slot: &Slot, written: u64, flushes: u64, now: OffsetDateTime) {
        let mut book = self.lock();
        let certain = flushes == book.flushes && flushes.is_multiple_of(2);
        match book.counts.get_mut(slot) {
            Some(count) if certain => count.read(written, now),
            Some(_) => {}
            None => drop(book.counts.insert(slot.clone(), Count::new(written, now))),
        }
    }

    fn begin_from(self: &Arc<Self>, slot: Slot, max: u64, now: OffsetDateTime) -> Option<Ticket> {
        let mut book = self.lock();
        let count = book.counts.entry(slot.clone()).or_insert(Count::new(0, now));
        if max != 0 && count.made >= max {
            return None;
        }
        count.made += 1;
        count.open += 1;
        Some(Ticket { calls: self.clone(), number: count.made, slot, counts: true })
    }

    /// Writes what is not yet in the database, and forgets the months that are over.
    pub(super) async fn flush(&self, engine: &Engine) -> Result<()> {
        let unwritten = self.take_unwritten(&month(engine.now()));
        if unwritten.is_empty() {
            return Ok(());
        }
        self.lock().flushes += 1;
        let written = engine.add_calls(unwritten.clone()).await;
        self.lock().flushes += 1;
        match written {
            Ok(totals) => self.take_in(totals, engine.now()),
            Err(error) => {
                self.put_back(unwritten, engine.now());
                return Err(error);
            }
        }
        Ok(())
    }

    fn take_unwritten(&self, this_month: &str) -> Vec<(AccountId, String, u64)> {
        let counts = &mut self.lock().counts;
        // Only what a flush before this one wrote is forgotten: a write that is yet to come may fail.
        counts.retain(|(_, month), count| month == this_month || count.open + count.unwritten > 0);
        counts
            .iter_mut()
            .filter(|(_, count)| count.unwritten > 0)
            .map(|((account, month), count)| (*account, month.clone(), std::mem::take(&mut count.unwritten)))
            .collect()
    }

    fn take_in(&self, totals: Vec<(AccountId, String, u64)>, now: OffsetDateTime) {
        let mut book = self.lock();
        for (account, month, written) in totals {
            if let Some(count) = book.counts.get_mut(&(account, month)) {
                count.read(written, now);
            }
        }
    }

    fn put_back(&self, unwritten: Vec<(AccountId, String, u64)>, now: OffsetDateTime) {
        let mut book = self.lock();
        for (account, month, calls) in unwritten {
            // Gone only if another flush ran meanwhile and the month was over; its figure is not shown any more.
            book.counts.entry((account, month)).or_insert(Count::new(calls, now)).unwritten += calls;
        }
    }

    fn end(&self, slot: &Slot, counts: bool) {
        if let Some(count) = self.lock().counts.get_mut(slot) {
            count.open -= 1;
            match counts {
                true => count.unwritten += 1,
                false => count.made -= 1,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // Nothing that holds the lock can panic between two changes that belong together.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Ends the call without counting it.
    pub(super) fn release(mut self) {
        self.counts = false;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.calls.end(&self.slot, self.counts);
    }
}

/// The calendar month, UTC.
fn month(now: OffsetDateTime) -> String {
    let now = now.to_offset(time::UtcOffset::UTC);
    format!("{:04}-{:02}", now.year(), u8::from(now.month()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(month: &str) -> Slot {
        (AccountId(1), month.to_owned())
    }

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn begin(calls: &Arc<Calls>, month: &str, max: u64) -> Option<Ticket> {
        calls.begin_from(slot(month), max, NOW)
    }

    #[test]
    fn a_call_is_the_next_of_its_month() {
        let calls = Arc::new(Calls::default());
        calls.read(&slot("2026-11"), 41, 0, NOW);
        let first = begin(&calls, "2026-11", 0).unwrap();
        let second = begin(&calls, "2026-11", 0).unwrap();
        assert_eq!((first.number, second.number), (42, 43));
        assert_eq!(begin(&calls, "2026-12", 0).unwrap().number, 1);
    }

    #[test]
    fn only_calls_that_count_and_are_done_are_written_and_only_once() {
        let calls = Arc::new(Calls::default());
        let counted = begin(&calls, "2026-11", 0).unwrap();
        let released = begin(&calls, "2026-11", 0).unwrap();
        let open = begin(&calls, "2026-11", 0).unwrap();
        drop(counted);
        released.release();
        let one = vec![(AccountId(1), "2026-11".to_owned(), 1)];
        assert_eq!(calls.take_unwritten("2026-11"), one);
        assert_eq!(calls.take_unwritten("2026-11"), vec![]);
        drop(open);
        assert_eq!(calls.take_unwritten("2026-11"), one);
        assert_eq!(begin(&calls, "2026-11", 0).unwrap().number, 3);
    }

    #[test]
    fn the_limit_holds_with_calls_under_way() {
        let calls = Arc::new(Calls::default());
        calls.read(&slot("2026-11"), 1, 0, NOW);
        let last = begin(&calls, "2026-11", 2).unwrap();
        assert!(begin(&calls, "2026-11", 2).is_none());
        last.release();
        assert!(begin(&calls, "2026-11", 2).is_some());
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let calls = Arc::new(Calls::default());
        drop(begin(&calls, "2026-11", 0).unwrap());
        let taken = calls.take_unwritten("2026-12");
        calls.put_back(taken.clone(), NOW);
        assert_eq!(calls.take_unwritten("2026-12"), taken);
    }

    #[test]
    fn a_month_that_is_over_and_written_is_forgotten() {
        let calls = Arc::new(Calls::default());
        let late = begin(&calls, "2026-11", 0).unwrap();
        calls.take_unwritten("2026-12");
        assert_eq!(calls.lock().counts.len(), 1, "a call is under way");
        drop(late);
        calls.take_unwritten("2026-12");
        calls.take_unwritten("2026-12");
        assert!(calls.lock().counts.is_empty());
    }

    #[test]
    fn what_other_servers_count_is_taken_in_beside_what_is_here_alone() {
        let calls = Arc::new(Calls::default());
        drop(begin(&calls, "2026-11", 0).unwrap());
        let _open = begin(&calls, "2026-11", 0).unwrap();
        calls.read(&slot("2026-11"), 40, 0, NOW);
        assert_eq!(begin(&calls, "2026-11", 0).unwrap().number, 43);
        let taken = calls.take_unwritten("2026-11");
        assert_eq!(taken[0].2, 2);
        calls.lock().flushes += 1;
        for flushes in [0, 1] {
            calls.read(&slot("2026-11"), 40, flushes, NOW);
            assert_eq!(calls.lock().counts[&slot("2026-11")].made, 43, "two are being written");
        }
        calls.take_in(vec![(AccountId(1), "2026-11".to_owned(), 50)], NOW);
        assert_eq!(begin(&calls, "2026-11", 0).unwrap().number, 52);
    }

    #[test]
    fn months_are_utc() {
        let new_year = time::macros::datetime!(2027-01-01 00:30 +01:00);
        assert_eq!(month(new_year), "2026-12");
    }
}
