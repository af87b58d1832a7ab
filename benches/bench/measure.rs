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
    /// The CPU time of a process, its children and those of them that are gone.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu_of_family(pid: u32) -> Result<Duration> {
        let gone = Stat::of(pid)?.of_children;
        let mut cpu = Usage::of(pid)?.cpu + gone;
        for entry in fs::read_dir("/proc")?.flatten() {
            let Ok(child) = entry.file_name().to_string_lossy().parse() else { continue };
            // Whoever ends meanwhile is counted with the parent the next time.
            let Ok(stat) = Stat::of(child) else { continue };
            if stat.parent == pid {
                cpu += stat.cpu;
            }
        }
        Ok(cpu)
    }

    /// Of one process.
    ///
    /// # Errors
    /// It is gone.
    pub fn of(pid: u32) -> Result<Usage> {
        let stat = Stat::of(pid)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Ok(Usage { cpu: stat.cpu, resident: bytes("VmRSS:"), peak: bytes("VmHWM:") })
    }
}

/// What `/proc` says of a process in one line.
struct Stat {
    parent: u32,
    cpu: Duration,
    /// Of children that have ended.
    of_children: Duration,
}

impl Stat {
    fn of(pid: u32) -> Result<Stat> {
        /// The unit of times, on every Linux: a hundredth of a second.
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name stands in parentheses and may hold anything; the third field of all comes after it.
        let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
        let time = |user: usize| {
            Ok::<_, anyhow::Error>(TICK * (fields[user].parse::<u32>()? + fields[user + 1].parse::<u32>()?))
        };
        Ok(Stat { parent: fields[1].parse()?, cpu: time(11)?, of_children: time(13)? })
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

impl Latencies {
    /// What goes beside a rate.
    pub fn details(&self) -> [(&'static str, f64, &'static str); 3] {
        [
            ("p50", self.percentile(0.5), "ms"),
            ("p99", self.percentile(0.99), "ms"),
            ("p99.9", self.percentile(0.999), "ms"),
        ]
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
