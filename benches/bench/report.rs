//! What was measured, beside what it is compared with: a table, and the same as JSON.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::{
    plot::{self, Point},
    support::daemon::target,
};

/// Between these lines of `docs/performance.md` stands what was measured last.
const BEGIN: &str = "<!-- tables: cargo bench -- --docs -->";
const END: &str = "<!-- end of tables -->";

/// What a figure, or its ratio to the reference, should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// A figure without a reference has no ratio, and misses a goal for it.
    fn is_met_by(self, row: &Row) -> bool {
        let ratio = row.reference.as_ref().map_or(f64::NAN, |reference| reference.ratio);
        match self {
            Goal::RatioAtLeast(bound) => ratio >= bound,
            Goal::RatioAtMost(bound) => ratio <= bound,
            Goal::AtLeast(bound) => row.value >= bound,
            Goal::AtMost(bound) => row.value <= bound,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Goal::RatioAtLeast(bound) => format!("≥ {} ×", figure(bound)),
            Goal::RatioAtMost(bound) => format!("≤ {} ×", figure(bound)),
            Goal::AtLeast(bound) => format!("≥ {} {unit}", figure(bound)),
            Goal::AtMost(bound) => format!("≤ {} {unit}", figure(bound)),
        }
    }
}

/// One figure.
#[derive(Debug, Serialize)]
pub struct Row {
    scenario: &'static str,
    /// What varies within the scenario.
    case: String,
    value: f64,
    unit: &'static str,
    reference: Option<Reference>,
    /// Each with whether it is met.
    goals: Vec<(Goal, bool)>,
    /// What else was seen: name, figure, unit.
    details: Vec<(&'static str, f64, &'static str)>,
}

#[derive(Debug, Serialize)]
struct Reference {
    what: String,
    value: f64,
    ratio: f64,
}

impl Row {
    pub fn new(scenario: &'static str, case: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Row { scenario, case: case.into(), value, unit, reference: None, goals: Vec::new(), details: Vec::new() }
    }

    /// The same figure of something else.
    #[must_use]
    pub fn against(mut self, what: impl Into<String>, value: f64) -> Self {
        self.reference = Some(Reference { what: what.into(), value, ratio: self.value / value });
        self
    }

    /// What it should be; its reference is known by then.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goals.push((goal, goal.is_met_by(&self)));
        self
    }

    #[must_use]
    pub fn detail(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        self.details.push((name, value, unit));
        self
    }

    #[must_use]
    pub fn details(mut self, details: impl IntoIterator<Item = (&'static str, f64, &'static str)>) -> Self {
        self.details.extend(details);
        self
    }

    /// Whether its case begins so.
    pub fn is_of(&self, case: &str) -> bool {
        self.case.starts_with(case)
    }

    fn cells(&self) -> [String; 7] {
        let details: Vec<String> =
            self.details.iter().map(|(name, value, unit)| format!("{name} {} {unit}", figure(*value))).collect();
        let (reference, ratio) = match &self.reference {
            Some(reference) => {
                (format!("{} {}", figure(reference.value), reference.what), format!("{:.2}", reference.ratio))
            }
            None => (String::new(), String::new()),
        };
        let goals: Vec<String> = self
            .goals
            .iter()
            .map(|(goal, met)| format!("{} {}", goal.text(self.unit), if *met { "met" } else { "**missed**" }))
            .collect();
        [
            self.scenario.to_owned(),
            self.case.clone(),
            format!("{} {}", figure(self.value), self.unit),
            reference,
            ratio,
            goals.join(", "),
            details.join(", "),
        ]
    }
}

/// Three digits, or all of a whole number.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
        whole if whole.fract() == 0.0 => format!("{value:.0}"),
        small if small >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

const HEADINGS: [&str; 7] = ["work", "case", "measured", "reference", "ratio", "goal", "also"];

/// Everything that a run has measured.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: String,
    commit: String,
    rows: Vec<Row>,
    #[serde(skip)]
    growth: Vec<Point>,
}

impl Report {
    pub fn new() -> Self {
        Report { machine: machine(), commit: commit(), rows: Vec::new(), growth: Vec::new() }
    }

    /// Keeps a figure, and shows it at once: a run takes a while.
    pub fn add(&mut self, row: Row) {
        let [scenario, case, measured, reference, ratio, goal, details] = row.cells();
        eprintln!("{scenario} {case}: {measured} [{reference}] {ratio} {goal} {details}");
        self.rows.push(row);
    }

    /// Keeps a point of the plot.
    pub fn plot(&mut self, point: Point) {
        self.growth.push(point);
    }

    /// Prints the table, and writes `report.json` and `cost.svg` to `target/bench`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn publish(&self) -> Result<()> {
        let rows: Vec<&Row> = self.rows.iter().collect();
        println!("{}\n\n{}", self.subject(), table(&rows));
        let folder = target().join("bench");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(self)?)?;
        if !self.growth.is_empty() {
            fs::write(folder.join("cost.svg"), plot::svg(&self.growth))?;
        }
        eprintln!("written to {}", folder.display());
        Ok(())
    }

    /// Writes the tables and the plot into `docs/performance.md` and beside it.
    ///
    /// # Errors
    /// The page has no place for them, or cannot be written.
    pub fn write_docs(&self) -> Result<()> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        let page = docs.join("performance.md");
        let text = fs::read_to_string(&page)?;
        let (before, rest) = text.split_once(BEGIN).context("docs/performance.md has no place for tables")?;
        let (_, after) = rest.split_once(END).context("the place for tables has no end")?;
        let mut tables = format!("{}\n", self.subject());
        for rows in self.rows.chunk_by(|a, b| a.scenario == b.scenario) {
            let rows: Vec<&Row> = rows.iter().collect();
            let _ = write!(tables, "\n### {}\n\n{}", rows[0].scenario, table(&rows));
        }
        fs::write(&page, format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))?;
        if !self.growth.is_empty() {
            fs::write(docs.join("performance.svg"), plot::svg(&self.growth))?;
        }
        Ok(())
    }

    fn subject(&self) -> String {
        format!("Commit {}, {}.", self.commit, self.machine)
    }
}

/// As Markdown, which is a table for eyes too.
fn table(rows: &[&Row]) -> String {
    let rows: Vec<[String; 7]> = rows.iter().map(|row| row.cells()).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut table = String::new();
    let mut line = |cells: [&str; 7]| {
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(table, "| {cell:<width$} ");
        }
        table.push_str("|\n");
    };
    line(HEADINGS);
    line(widths.map(|width| "-".repeat(width)).each_ref().map(String::as_str));
    for row in &rows {
        line(row.each_ref().map(String::as_str));
    }
    table
}

fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    format!("{cpus} × {}", model.unwrap_or("a CPU without a name"))
}

fn commit() -> String {
    let output = std::process::Command::new("git").args(["describe", "--always", "--dirty"]).output();
    output.map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
