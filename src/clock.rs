//! The one clock. It is passed down; nothing else asks the system for the time.

#[cfg(feature = "testing")]
use std::sync::{Arc, atomic::AtomicI64, atomic::Ordering};

use time::OffsetDateTime;

/// Gives the time. In test builds, and only there, it can be moved forward.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    #[cfg(feature = "testing")]
    moved_by_micros: Arc<AtomicI64>,
}

impl Clock {
    pub fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        #[cfg(feature = "testing")]
        let now = now + time::Duration::microseconds(self.moved_by_micros.load(Ordering::SeqCst));
        now
    }

    /// Microseconds since 1970 UTC: the form in which the database keeps times.
    pub fn micros(&self) -> i64 {
        to_micros(self.now())
    }

    #[cfg(feature = "testing")]
    pub fn advance(&self, by: std::time::Duration) {
        self.moved_by_micros.fetch_add(by.as_micros() as i64, Ordering::SeqCst);
    }
}

/// The machine's own time, which no test moves: for nothing but a look at how far another machine's differs.
pub(crate) fn of_machine() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Microseconds since 1970 UTC.
pub(crate) fn to_micros(time: OffsetDateTime) -> i64 {
    (time.unix_timestamp_nanos() / 1_000) as i64
}

/// The time of a number that [`to_micros`] made; what lies outside the calendar becomes its start.
pub(crate) fn from_micros(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
