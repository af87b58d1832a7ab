//! How many calls that remove objects run at the same time: as few as are about as fast as one more would be. That
//! differs from store to store, so it is tried out: from time to time one fewer or one more.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// At the most, and to begin with.
const MOST: usize = 4;
/// By how much faster one more has to be to be taken, and to be kept.
const PAYS: f64 = 1.1;
const KEEPS: f64 = 1.05;
/// Measurements between two tries.
const BETWEEN: u32 = 16;
/// As if so many of them had been made: the next try is near.
const SOON: u32 = BETWEEN - 2;
/// Measurements of a try, the first of them left out: it still shares the store with what came before.
const TRY: u32 = 4;
/// How much the last measurement counts against those before it.
const NEWEST: f64 = 0.3;

/// A number of calls that all clones of a store share.
#[derive(Debug)]
pub(super) struct Lanes(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Measured,
    /// What another number is tried against.
    usual: Option<Measured>,
    /// Which way the next try goes, where both are open.
    up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    lanes: usize,
    /// Keys a second with so many; the first measurement counts only until there is another.
    speed: Option<f64>,
    /// Measurements since the last try, or of this one.
    times: u32,
}

impl Default for Lanes {
    fn default() -> Self {
        Self(Mutex::new(State { now: Measured::nothing(MOST), usual: None, up: false }))
    }
}

impl Lanes {
    /// So many calls may run at the same time.
    pub(super) fn now(&self) -> usize {
        self.state().now.lanes
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
        if lanes != self.now.lanes {
            return;
        }
        self.now.note(speed);
        match self.usual {
            Some(_) if self.now.times < TRY => {}
            Some(usual) => self.decide(usual),
            None if self.now.times >= BETWEEN => self.try_another(),
            None => {}
        }
    }

    fn try_another(&mut self) {
        let lanes = match self.now.lanes {
            1 => 2,
            MOST => MOST - 1,
            lanes if self.up => lanes + 1,
            lanes => lanes - 1,
        };
        self.up = !self.up;
        self.usual = Some(self.now);
        self.now = Measured::nothing(lanes);
    }

    /// Goes on with more if they are faster by enough, else with fewer.
    fn decide(&mut self, usual: Measured) {
        let (fewer, more, factor) = match usual.lanes < self.now.lanes {
            true => (usual, self.now, PAYS),
            false => (self.now, usual, KEEPS),
        };
        let best = if more.speed >= fewer.speed.map(|speed| speed * factor) { more } else { fewer };
        let moved = best.lanes != usual.lanes;
        // Where one step paid, another may.
        if moved {
            self.up = best.lanes > usual.lanes;
        }
        self.now = Measured { times: if moved { SOON } else { 0 }, ..best };
        self.usual = None;
    }
}

impl Measured {
    fn nothing(lanes: usize) -> Self {
        Self { lanes, speed: None, times: 0 }
    }

    fn note(&mut self, speed: f64) {
        self.speed = Some(match self.speed {
            Some(before) if self.times > 1 => before + (speed - before) * NEWEST,
            _ => speed,
        });
        self.times += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often which number of calls ran at a store that has so many keys a second with 1, 2, 3 and 4.
    fn used(speeds: [f64; MOST]) -> [usize; MOST] {
        let lanes = Lanes::default();
        let mut used = [0; MOST];
        for _ in 0..400 {
            let now = lanes.now();
            used[now - 1] += 1;
            lanes.note(now, speeds[now - 1]);
        }
        used
    }

    #[test]
    fn as_many_as_pay() {
        let seen = used([1_000.0, 1_900.0, 2_700.0, 3_500.0]);
        assert!(seen[3] > 300, "{seen:?}");
        let seen = used([1_000.0, 1_900.0, 1_950.0, 1_960.0]);
        assert!(seen[1] > 280, "{seen:?}");
        let seen = used([1_000.0, 1_090.0, 1_180.0, 1_280.0]);
        assert!(seen[3] > 300, "small steps do not add up to a large one: {seen:?}");
        let seen = used([1_000.0, 600.0, 1.0, 1.0]);
        assert!(seen[0] > 280, "{seen:?}");
    }

    #[test]
    fn a_store_that_becomes_faster_is_found_out() {
        let lanes = Lanes::default();
        let note = |times: usize, speed: fn(f64) -> f64| {
            (0..times).for_each(|_| lanes.note(lanes.now(), speed(lanes.now() as f64)));
            lanes.now()
        };
        assert_eq!(note(190, |_| 1_000.0), 1);
        assert!(note(200, |lanes| 1_000.0 * lanes) >= 3);
    }
}
