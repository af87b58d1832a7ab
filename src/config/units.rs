//! How values are written: durations, sizes, times.

use std::{net::SocketAddr, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// The life of a presigned upload URL, in seconds.
const PRESIGN_TTL: std::ops::RangeInclusive<u64> = 1..=604_800;

/// A hundred years: longer is a slip of the finger, and sums of times stay within the calendar.
const LONGEST: u64 = 36_500 * 86_400;

/// `90s`, `15m`, `24h`, `30d`; at most 100 years.
pub(crate) fn parse_duration(raw: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 90s, 15m, 24h or 30d".to_owned();
    let unit = raw.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = whole_number(&raw[..raw.len() - 1]).ok_or_else(wrong)?;
    match number.checked_mul(factor) {
        Some(seconds) if seconds <= LONGEST => Ok(Duration::from_secs(seconds)),
        _ => Err("must be at most 36500d".to_owned()),
    }
}

/// As [`parse_duration`], for the life of a presigned upload URL.
pub(crate) fn parse_presign_ttl(raw: &str) -> Result<Duration, String> {
    let ttl = parse_duration(raw)?;
    match PRESIGN_TTL.contains(&ttl.as_secs()) {
        true => Ok(ttl),
        false => Err("must be 1s to 7d".to_owned()),
    }
}

/// `127.0.0.1:8080`, `[::]:8080`. Names of hosts are not looked up: what one leads to may change.
pub(crate) fn parse_listen(raw: &str) -> Result<SocketAddr, String> {
    raw.parse().map_err(|_| "expected an IP address and port such as 127.0.0.1:8080".to_owned())
}

/// Bytes, plain or with `KiB`, `MiB`, `GiB`, `TiB`; what a 64-bit signed number holds.
pub(crate) fn parse_bytes(raw: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let (digits, shift) =
        units.into_iter().find_map(|(unit, shift)| Some((raw.strip_suffix(unit)?, shift))).unwrap_or((raw, 0));
    let number = whole_number(digits).ok_or("expected a size such as 1000, 64KiB, 5000MiB or 2GiB")?;
    match number.checked_mul(1 << shift) {
        Some(bytes) if i64::try_from(bytes).is_ok() => Ok(bytes),
        _ => Err("is too large".to_owned()),
    }
}

/// Digits alone: `u64`'s own parser would take a `+`.
fn whole_number(raw: &str) -> Option<u64> {
    let digits = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
    match digits {
        // More digits than fit are a number too, and too large for every limit that follows.
        true => Some(raw.parse().unwrap_or(u64::MAX)),
        false => None,
    }
}

/// A moment: `2027-01-31T12:00:00Z`, or `2027-01-31` for the start of that day in UTC.
///
/// # Errors
/// A text for people.
pub(crate) fn parse_time(raw: &str) -> Result<OffsetDateTime, String> {
    let day = time::Date::parse(raw, format_description!("[year]-[month]-[day]"));
    match day {
        Ok(day) => Ok(day.midnight().assume_utc()),
        Err(_) => OffsetDateTime::parse(raw, &Rfc3339)
            .map_err(|_| "expected a time such as 2027-01-31 or 2027-01-31T12:00:00Z".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (raw, seconds) in [("0s", 0), ("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(parse_duration(raw), Ok(Duration::from_secs(seconds)), "{raw}");
        }
        for wrong in ["", "s", "90", "-1s", "+1s", "1.5h", "1w", "1 h", "99999999999999999999d", "36501d", "9é"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        for (raw, bytes) in [("0", 0), ("1000", 1000), ("64KiB", 65_536), ("5000MiB", 5_242_880_000), ("1TiB", 1 << 40)]
        {
            assert_eq!(parse_bytes(raw), Ok(bytes), "{raw}");
        }
        for wrong in ["", "MiB", "1MB", "-1", "1.5GiB", "9223372036854775808", "9999999999TiB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("1970-01-02").map(|time| time.unix_timestamp()), Ok(86_400));
        assert_eq!(parse_time("1970-01-01T01:00:00+01:00").map(|time| time.unix_timestamp()), Ok(0));
        assert!(parse_time("tomorrow").is_err());
    }
}
