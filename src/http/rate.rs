//! How many calls a caller may make in a minute.
//!
//! The window slides: what counts is the 60 seconds before the call, not the minute of the clock, so that nobody gets
//! twice the rate around its turn. Each server counts for itself (hexnode.md 2.3, sweeppea.md 2.2).

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use time::{Duration, OffsetDateTime};

const WINDOW: Duration = Duration::MINUTE;

/// Lets every `K` make a number of calls in any 60 seconds.
#[derive(Debug)]
pub(crate) struct RateLimit<K> {
    calls: usize,
    counted: Mutex<Counted<K>>,
}

#[derive(Debug)]
struct Counted<K> {
    /// When each caller's counted calls were made, oldest first; never more than `calls` of them.
    times: HashMap<K, VecDeque<OffsetDateTime>>,
    /// When the callers that went quiet were last forgotten.
    tidied: OffsetDateTime,
}

/// The refusal of a call that is over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverRate {
    /// Whole seconds after which a call can succeed, 1 to 60: the value of `Retry-After`.
    pub(crate) retry_after: u64,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// `calls` in any 60 seconds; 0 means no limit.
    pub(crate) fn new(calls: u32) -> Self {
        Self {
            calls: calls as usize,
            counted: Mutex::new(Counted { times: HashMap::new(), tidied: OffsetDateTime::UNIX_EPOCH }),
        }
    }

    /// Counts a call made `now`. A refused call is not counted, so a client that keeps asking still gets through.
    ///
    /// # Errors
    /// [`OverRate`] when the caller has made all its calls of the last 60 seconds.
    pub(crate) fn count(&self, caller: K, now: OffsetDateTime) -> Result<(), OverRate> {
        if self.calls == 0 {
            return Ok(());
        }
        // A panic elsewhere cannot leave the figures half changed: nothing below can panic between two changes.
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.tidy(now);
        let times = counted.times.entry(caller).or_default();
        drop_older(times, now);
        match times.front() {
            Some(oldest) if times.len() >= self.calls => {
                Err(OverRate { retry_after: whole_seconds(*oldest + WINDOW - now) })
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

impl<K> Counted<K> {
    /// Forgets callers without a call in the window, once a window, so that the map cannot grow for ever.
    fn tidy(&mut self, now: OffsetDateTime) {
        if now - self.tidied < WINDOW {
            return;
        }
        self.tidied = now;
        self.times.retain(|_, times| {
            drop_older(times, now);
            !times.is_empty()
        });
    }
}

fn drop_older(times: &mut VecDeque<OffsetDateTime>, now: OffsetDateTime) {
    while times.front().is_some_and(|time| now - *time >= WINDOW) {
        times.pop_front();
    }
}

/// Rounded up, so that a client which waits that long is not refused again.
fn whole_seconds(wait: Duration) -> u64 {
    let seconds = wait.whole_seconds() + i64::from(wait.subsec_nanoseconds() > 0);
    seconds.clamp(1, WINDOW.whole_seconds()).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds_f64(seconds)
    }

    fn over(retry_after: u64) -> Result<(), OverRate> {
        Err(OverRate { retry_after })
    }

    #[test]
    fn the_call_beyond_the_rate_waits_for_the_oldest() {
        let limit = RateLimit::new(3);
        for second in [0.0, 10.0, 20.0] {
            assert_eq!(limit.count("ann", at(second)), Ok(()));
        }
        assert_eq!(limit.count("ann", at(20.0)), over(40));
        assert_eq!(limit.count("ann", at(59.5)), over(1));
        assert_eq!(limit.count("ann", at(60.0)), Ok(()));
        assert_eq!(limit.count("ann", at(60.0)), over(10));
    }

    #[test]
    fn seconds_are_rounded_up() {
        let limit = RateLimit::new(1);
        assert_eq!(limit.count((), at(0.0)), Ok(()));
        assert_eq!(limit.count((), at(2.25)), over(58));
    }

    #[test]
    fn a_refused_call_does_not_count() {
        let limit = RateLimit::new(1);
        assert_eq!(limit.count((), at(0.0)), Ok(()));
        for second in 1..60 {
            assert!(limit.count((), at(f64::from(second))).is_err());
        }
        assert_eq!(limit.count((), at(60.0)), Ok(()));
    }

    #[test]
    fn callers_count_apart() {
        let limit = RateLimit::new(1);
        assert_eq!(limit.count(1, at(0.0)), Ok(()));
        assert_eq!(limit.count(2, at(0.0)), Ok(()));
        assert!(limit.count(1, at(1.0)).is_err());
    }

    #[test]
    fn zero_means_no_limit_and_keeps_nothing() {
        let limit = RateLimit::new(0);
        for _ in 0..1_000 {
            assert_eq!(limit.count((), at(0.0)), Ok(()));
        }
        assert!(limit.counted.lock().unwrap().times.is_empty());
    }

    #[test]
    fn quiet_callers_are_forgotten() {
        let limit = RateLimit::new(5);
        for caller in 0..100 {
            assert_eq!(limit.count(caller, at(0.0)), Ok(()));
        }
        assert_eq!(limit.count(7, at(61.0)), Ok(()));
        assert_eq!(limit.counted.lock().unwrap().times.len(), 1);
    }

    #[test]
    fn a_clock_that_went_back_asks_for_no_more_than_a_minute() {
        let limit = RateLimit::new(1);
        assert_eq!(limit.count((), at(1_000.0)), Ok(()));
        assert_eq!(limit.count((), at(0.0)), over(60));
    }
}
