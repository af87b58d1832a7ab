//! How fast objects are removed: as the store allows. There is no bound until the store asks for fewer calls; then half
//! of what there was, and slowly more again.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// The slowest, keys a second.
const SLOWEST: f64 = 50.0;
/// From here on there is no bound any more, keys a second.
const FASTEST: f64 = 100_000.0;
/// What a second of work without complaint adds.
const RAISE: f64 = 0.1;
/// One complaint of many that come at the same moment counts.
const ONE_COMPLAINT: Duration = Duration::from_secs(1);

/// A bound in keys a second that all clones of a store share.
#[derive(Debug)]
pub(super) struct Rate(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Keys a second; infinite at first.
    bound: f64,
    /// When the next keys may go.
    free_at: Instant,
    complained: Option<Instant>,
    /// Keys that went since the beginning of the second that is running: what is halved where there was no bound.
    second: (Instant, f64),
}

impl Default for Rate {
    fn default() -> Self {
        let now = Instant::now();
        Self(Mutex::new(State { bound: f64::INFINITY, free_at: now, complained: None, second: (now, 0.0) }))
    }
}

impl Rate {
    /// Waits until keys may go: gives how many of those that are wanted, none if not before `end`.
    pub(super) async fn pass(&self, wanted: usize, end: Instant) -> usize {
        let (keys, at) = self.state().take(wanted, end, Instant::now());
        if keys > 0 {
            sleep_until(at).await;
        }
        keys
    }

    /// The store asks for fewer.
    pub(super) fn slow_down(&self) {
        self.state().slow_down(Instant::now());
    }

    /// So many keys went without complaint.
    pub(super) fn went_well(&self, keys: usize) {
        self.state().went_well(keys);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, wanted: usize, end: Instant, now: Instant) -> (usize, Instant) {
        if self.bound.is_infinite() {
            self.count(wanted, now);
            return (wanted, now);
        }
        let at = self.free_at.max(now);
        if at >= end {
            return (0, at);
        }
        // At most what a second allows, so that a change of the bound is felt soon.
        let keys = wanted.min(self.bound.ceil() as usize);
        self.free_at = at + Duration::from_secs_f64(keys as f64 / self.bound);
        (keys, at)
    }

    fn count(&mut self, keys: usize, now: Instant) {
        if now.duration_since(self.second.0) > Duration::from_secs(1) {
            self.second = (now, 0.0);
        }
        self.second.1 += keys as f64;
    }

    fn slow_down(&mut self, now: Instant) {
        if self.complained.is_some_and(|before| now.duration_since(before) < ONE_COMPLAINT) {
            return;
        }
        self.complained = Some(now);
        let before = if self.bound.is_infinite() { self.second.1 } else { self.bound };
        self.bound = (before / 2.0).max(SLOWEST);
        self.free_at = self.free_at.max(now);
        tracing::warn!(keys_a_second = self.bound, "the object store asks for fewer removals");
    }

    fn went_well(&mut self, keys: usize) {
        if self.bound.is_finite() {
            self.bound += (keys as f64 * RAISE).min(self.bound * RAISE);
            if self.bound > FASTEST {
                self.bound = f64::INFINITY;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_once_a_second_and_rises_slowly() {
        let (rate, start) = (Rate::default(), Instant::now());
        let (mut state, later) = (rate.state(), |millis| start + Duration::from_millis(millis));
        let end = later(20_000);
        assert_eq!(state.take(1_000, end, start), (1_000, start));
        state.slow_down(later(100));
        state.slow_down(later(200));
        assert_eq!(state.bound, 500.0);
        let (keys, at) = state.take(1_000, end, later(200));
        assert_eq!((keys, at), (500, later(200)));
        let (keys, at) = state.take(1_000, end, later(300));
        assert_eq!((keys, at), (500, later(1_200)));
        assert_eq!(state.take(1_000, later(1_500), later(400)).0, 0);
        state.slow_down(later(1_200));
        assert_eq!(state.bound, 250.0);
        state.went_well(250);
        assert_eq!(state.bound, 275.0);
        for _ in 0..200 {
            state.went_well(1_000_000);
        }
        assert!(state.bound.is_infinite());
    }

    #[test]
    fn never_stops() {
        let (rate, now) = (Rate::default(), Instant::now());
        let mut state = rate.state();
        for second in 1..20 {
            state.slow_down(now + Duration::from_secs(2 * second));
        }
        assert_eq!(state.bound, SLOWEST);
        assert_eq!(state.take(1_000, now + Duration::from_secs(60), now + Duration::from_secs(50)).0, 50);
    }
}
