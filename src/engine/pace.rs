//! How much a job writes at a time, so that nobody has to wait for it.
//!
//! While people ask for something, a job's transactions are short and take a share of the writer's time; while nobody
//! does, they are as long as is worth while. How long one takes is measured, so a slow disk or a large table makes them
//! smaller.

use std::time::Duration;

/// A job's transaction while people wait, and while nobody does.
const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_millis(40);
/// While people wait, a job rests so many times as long as it worked.
const REST: u32 = 3;
/// Rows of one transaction at the least.
const FEWEST: usize = 25;
/// How much the last transaction counts against those before it.
const NEWEST: f64 = 0.3;

/// The pace of one job.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    /// What a row takes, seconds.
    row: f64,
}

impl Pace {
    /// For a job that writes so many rows in one transaction at the most.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, row: LONG.as_secs_f64() / most as f64 }
    }

    /// Rows of the next transaction.
    pub(crate) fn rows(&self, wanted: bool) -> usize {
        let time = if wanted { SHORT } else { LONG };
        ((time.as_secs_f64() / self.row) as usize).clamp(FEWEST, self.most)
    }

    /// After a transaction of so many rows: for how long to leave the writer to others.
    pub(crate) fn rest(&mut self, rows: usize, took: Duration, wanted: bool) -> Duration {
        if rows >= FEWEST {
            let row = (took.as_secs_f64() / rows as f64).max(1e-7);
            self.row += (row - self.row) * NEWEST;
        }
        if wanted { took * REST } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_short_while_people_wait() {
        let mut pace = Pace::new(1_000);
        assert_eq!(pace.rows(false), 1_000);
        assert!((100..=125).contains(&pace.rows(true)));
        for _ in 0..50 {
            let rows = pace.rows(true);
            let took = Duration::from_micros(500) * rows as u32;
            assert_eq!(pace.rest(rows, took, true), took * 3);
        }
        assert_eq!(pace.rows(true), FEWEST, "as short as is worth while");
        assert!((75..=85).contains(&pace.rows(false)));
        assert_eq!(pace.rest(80, Duration::from_millis(40), false), Duration::ZERO);
        for _ in 0..50 {
            pace.rest(100, Duration::from_micros(100), false);
        }
        assert_eq!((pace.rows(true), pace.rows(false)), (1_000, 1_000), "never more than the job allows");
    }
}
