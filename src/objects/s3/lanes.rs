//! How many calls that remove objects run at the same time: as many as make it faster. That differs from store to
//! store, so it is tried out: from time to time one more, and one fewer again where that did not pay.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// At the most; a batch has no more calls than that.
const MOST: usize = 4;
/// By how much faster one more has to be.
const PAYS: f64 = 1.1;
/// Measurements between two tries.
const BETWEEN: u32 = 16;
/// As if so many of them had been made: the next try is near.
const SOON: u32 = BETWEEN - 2;
/// How much the last measurement counts against those before it.
const NEWEST: f64 = 0.3;

/// A number of calls that all clones of a store share.
#[derive(Debug)]
pub(super) struct Lanes(Mutex<State>);

#[derive(Debug)]
struct State {
    lanes: usize,
    /// Keys a second with so many.
    speed: Option<f64>,
    /// Measurements with so many.
    measured: u32,
    /// Keys a second with one fewer, while one more is tried.
    before: Option<f64>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self(Mutex::new(State { lanes: 1, speed: None, measured: SOON, before: None }))
    }
}

impl Lanes {
    /// So many calls may run at the same time.
    pub(super) fn now(&self) -> usize {
        self.state().lanes
    }

    /// With so many, a batch that kept all of them at work had so many keys a second.
    pub(super) fn note(&self, lanes: usize, speed: f64) {
        self.state().note(lanes, speed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, lanes: usize, speed: f64) {
        if lanes != self.lanes {
            return;
        }
        let speed = self.speed.map_or(speed, |before| before + (speed - before) * NEWEST);
        self.speed = Some(speed);
        self.measured += 1;
        match self.before {
            // The first ones still share the store with what came before.
            Some(_) if self.measured < 3 => {}
            Some(before) if speed < before * PAYS => self.go_on_with(lanes - 1, Some(before)),
            // Where one more paid, another may.
            Some(_) => (self.before, self.measured) = (None, SOON),
            None if self.measured >= BETWEEN && lanes < MOST => {
                self.go_on_with(lanes + 1, None);
                self.before = Some(speed);
            }
            None => {}
        }
    }

    fn go_on_with(&mut self, lanes: usize, speed: Option<f64>) {
        *self = State { lanes, speed, measured: 0, before: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a store ends that has so many keys a second with 1, 2, 3 and 4 calls.
    fn settled(speeds: [f64; MOST]) -> Vec<usize> {
        let lanes = Lanes::default();
        let mut seen = vec![0; MOST];
        for _ in 0..200 {
            let now = lanes.now();
            seen[now - 1] += 1;
            lanes.note(now, speeds[now - 1]);
        }
        seen
    }

    #[test]
    fn as_many_as_pay() {
        let seen = settled([1_000.0, 1_900.0, 2_700.0, 3_500.0]);
        assert!(seen[3] > 140, "{seen:?}");
        let seen = settled([1_000.0, 1_900.0, 1_950.0, 5_000.0]);
        assert!(seen[1] > 140 && seen[3] == 0, "{seen:?}");
        let seen = settled([1_000.0, 600.0, 1.0, 1.0]);
        assert!(seen[0] > 150 && seen[2] == 0, "{seen:?}");
    }
}
