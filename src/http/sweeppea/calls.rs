//! The month's call counter: what `APICalls` shows and the monthly limit looks at (sweeppea.md 2.3).
//!
//! A commit for every call would make each read as dear as a write, so calls are counted here and written once a second.
//! What an account made this month is read from the database once, with the first call of the process, and only added to
//! from then on: this process is the only one that serves these accounts. A crash loses what was not written yet.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use crate::engine::{Engine, error::Result, model::AccountId};

/// Counts the calls of every account, month by month.
#[derive(Debug, Default)]
pub(super) struct Calls {
    counts: Mutex<HashMap<Slot, Count>>,
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
        let slot = (account, month(engine.now()));
        let known = self.lock().contains_key(&slot);
        let before = match known {
            true => 0,
            false => engine.calls(account, &slot.1).await?,
        };
        Ok(self.begin_from(slot, before, max))
    }

    /// `before` counts only if nobody else has begun a call in this slot meanwhile.
    fn begin_from(self: &Arc<Self>, slot: Slot, before: u64, max: u64) -> Option<Ticket> {
        let mut counts = self.lock();
        let count = counts.entry(slot.clone()).or_insert(Count { made: before, open: 0, unwritten: 0 });
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
        let written = engine.add_calls(unwritten.clone()).await;
        if written.is_err() {
            self.put_back(unwritten);
        }
        written
    }

    fn take_unwritten(&self, this_month: &str) -> Vec<(AccountId, String, u64)> {
        let mut counts = self.lock();
        // Only what a flush before this one wrote is forgotten: a write that is yet to come may fail.
        counts.retain(|(_, month), count| month == this_month || count.open + count.unwritten > 0);
        counts
            .iter_mut()
            .filter(|(_, count)| count.unwritten > 0)
            .map(|((account, month), count)| (*account, month.clone(), std::mem::take(&mut count.unwritten)))
            .collect()
    }

    fn put_back(&self, unwritten: Vec<(AccountId, String, u64)>) {
        let mut counts = self.lock();
        for (account, month, calls) in unwritten {
            // Gone only if another flush ran meanwhile and the month was over; its figure is not shown any more.
            let count = counts.entry((account, month)).or_insert(Count { made: calls, open: 0, unwritten: 0 });
            count.unwritten += calls;
        }
    }

    fn end(&self, slot: &Slot, counts: bool) {
        if let Some(count) = self.lock().get_mut(slot) {
            count.open -= 1;
            match counts {
                true => count.unwritten += 1,
                false => count.made -= 1,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Count>> {
        // Nothing that holds the lock can panic between two changes that belong together.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn begin(calls: &Arc<Calls>, month: &str, before: u64, max: u64) -> Option<Ticket> {
        calls.begin_from(slot(month), before, max)
    }

    #[test]
    fn a_call_is_the_next_of_its_month() {
        let calls = Arc::new(Calls::default());
        let first = begin(&calls, "2026-11", 41, 0).unwrap();
        let second = begin(&calls, "2026-11", 0, 0).unwrap();
        assert_eq!((first.number, second.number), (42, 43));
        assert_eq!(begin(&calls, "2026-12", 0, 0).unwrap().number, 1);
    }

    #[test]
    fn only_calls_that_count_and_are_done_are_written_and_only_once() {
        let calls = Arc::new(Calls::default());
        let counted = begin(&calls, "2026-11", 0, 0).unwrap();
        let released = begin(&calls, "2026-11", 0, 0).unwrap();
        let open = begin(&calls, "2026-11", 0, 0).unwrap();
        drop(counted);
        released.release();
        let one = vec![(AccountId(1), "2026-11".to_owned(), 1)];
        assert_eq!(calls.take_unwritten("2026-11"), one);
        assert_eq!(calls.take_unwritten("2026-11"), vec![]);
        drop(open);
        assert_eq!(calls.take_unwritten("2026-11"), one);
        assert_eq!(begin(&calls, "2026-11", 0, 0).unwrap().number, 3);
    }

    #[test]
    fn the_limit_holds_with_calls_under_way() {
        let calls = Arc::new(Calls::default());
        let last = begin(&calls, "2026-11", 1, 2).unwrap();
        assert!(begin(&calls, "2026-11", 1, 2).is_none());
        last.release();
        assert!(begin(&calls, "2026-11", 1, 2).is_some());
    }

    #[test]
    fn what_could_not_be_written_is_written_later() {
        let calls = Arc::new(Calls::default());
        drop(begin(&calls, "2026-11", 0, 0).unwrap());
        let taken = calls.take_unwritten("2026-12");
        calls.put_back(taken.clone());
        assert_eq!(calls.take_unwritten("2026-12"), taken);
    }

    #[test]
    fn a_month_that_is_over_and_written_is_forgotten() {
        let calls = Arc::new(Calls::default());
        let late = begin(&calls, "2026-11", 0, 0).unwrap();
        calls.take_unwritten("2026-12");
        assert_eq!(calls.lock().len(), 1, "a call is under way");
        drop(late);
        calls.take_unwritten("2026-12");
        calls.take_unwritten("2026-12");
        assert!(calls.lock().is_empty());
    }

    #[test]
    fn months_are_utc() {
        let new_year = time::macros::datetime!(2027-01-01 00:30 +01:00);
        assert_eq!(month(new_year), "2026-12");
    }
}
