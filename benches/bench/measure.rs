//! Figures of processes and of many answers.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// What a process, or several together, has used since its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub cpu: Duration,
    /// Resident bytes now.
    pub resident: u64,
    /// The most that was ever resident, bytes.
    pub peak: u64,
}

impl Usage {
    /// Of one process.
    ///
    /// # Errors
    /// It is gone.
    pub fn of(pid: u32) -> Result<Usage> {
        /// The unit of times in `/proc`, on every Linux: a hundredth of a second.
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name stands in parentheses and may hold anything; user and system time are the 14th and 15th field.
        let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
        let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Ok(Usage { cpu: TICK * ticks, resident: bytes("VmRSS:"), peak: bytes("VmHWM:") })
    }
}

/// Sorted durations, microseconds.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    pub fn new(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }

    /// The value that this share of them does not exceed, milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let at = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len().max(1)) - 1;
        self.0.get(at).map_or(0.0, |&micros| f64::from(micros) / 1_000.0)
    }
}

/// The middle one of an odd number of figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Mebibytes.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
