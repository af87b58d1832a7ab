//! How many objects a second may be removed, where the operator has set a bound.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What calls that wait for their bytes may use in advance, seconds of the rate.
const LARGEST_DEBT: f64 = 10.0;

/// What is removed at a time where there is a bound, seconds of the rate: each batch costs a sync and two commits.
const BATCH: f64 = 0.25;

/// A bound in keys a second, for this process. What was not used is kept for one second.
#[derive(Debug)]
pub(in crate::engine) struct Rate {
    /// Keys a second; 0: no bound.
    rate: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Keys that may be removed now; below 0 after calls that did not wait.
    keys: f64,
    /// When they were counted, microseconds.
    at: i64,
}

impl Rate {
    /// `keys` a second; 0: no bound.
    pub(in crate::engine) fn new(keys: u32, now: i64) -> Self {
        let rate = f64::from(keys);
        Self { rate, state: Mutex::new(State { keys: rate, at: now }) }
    }

    /// How many of the keys that are wanted may be removed at a time, microseconds.
    pub(super) fn allowed(&self, wanted: usize, now: i64) -> usize {
        if self.rate == 0.0 {
            return wanted;
        }
        wanted.min(self.counted(now).keys.max(0.0) as usize)
    }

    /// These are removed.
    pub(super) fn spend(&self, keys: usize) {
        if self.rate > 0.0 {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.keys = (state.keys - keys as f64).max(-LARGEST_DEBT * self.rate);
        }
    }

    /// For how long to wait until a batch is worth while, microseconds.
    pub(in crate::engine) fn wait(&self, now: i64) -> i64 {
        if self.rate == 0.0 {
            return 0;
        }
        let missing = (self.rate * BATCH).max(1.0) - self.counted(now).keys;
        (missing.max(0.0) / self.rate * 1e6).ceil() as i64
    }

    fn counted(&self, now: i64) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock may go back a little.
        let passed = (now - state.at).max(0);
        state.keys = (state.keys + passed as f64 / 1e6 * self.rate).min(self.rate);
        state.at += passed;
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_second_is_kept_and_no_more() {
        let rate = Rate::new(10, 0);
        assert_eq!(rate.allowed(100, 0), 10);
        rate.spend(10);
        assert_eq!((rate.allowed(100, 0), rate.wait(0)), (0, SECOND / 4));
        assert_eq!(rate.allowed(100, SECOND / 2), 5);
        rate.spend(2);
        assert_eq!(rate.allowed(2, SECOND / 2), 2);
        assert_eq!(rate.allowed(100, 60 * SECOND), 10);
        assert_eq!(rate.wait(60 * SECOND), 0);
    }

    #[test]
    fn what_did_not_wait_is_waited_for_later_within_bounds() {
        let rate = Rate::new(10, 0);
        rate.spend(30);
        assert_eq!((rate.allowed(1, SECOND), rate.wait(SECOND)), (0, 125 * SECOND / 100));
        rate.spend(1_000_000);
        assert_eq!(rate.wait(SECOND), 1_025 * SECOND / 100);
    }

    #[test]
    fn without_a_bound_nothing_waits() {
        let rate = Rate::new(0, 0);
        rate.spend(1_000_000);
        assert_eq!((rate.allowed(1_000, 0), rate.wait(0)), (1_000, 0));
    }
}
