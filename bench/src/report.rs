//! Figures as people read them, and whether they hold.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what the program is for"
)]

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, path::Path, process::ExitCode};

/// One measured value.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// The value, in `unit`.
    pub(crate) value: f64,
    /// `ms`, `MB`, `turns/s`.
    pub(crate) unit: &'static str,
    /// What it must keep.
    pub(crate) limit: Limit,
    /// How it came about: counts, spread.
    pub(crate) detail: String,
}

/// What a figure must keep.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Figure {
    fn holds(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value <= limit,
            Limit::AtLeast(limit) => self.value >= limit,
        }
    }

    fn row(&self) -> String {
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("<= {limit}"),
            Limit::AtLeast(limit) => format!(">= {limit}"),
        };
        let verdict = if self.holds() { "holds" } else { "MISSED" };
        format!(
            "| {} | {:.2} {} | {limit} | {verdict} | {} |",
            self.name, self.value, self.unit, self.detail
        )
    }
}

/// Prints the figures as a table; the exit code says whether all hold.
pub(crate) fn print(figures: &[Figure], file: Option<&Path>) -> ExitCode {
    let mut table =
        String::from("| figure | measured | limit | | detail |\n|---|---|---|---|---|\n");
    for figure in figures {
        // Writing to a string cannot fail.
        writeln!(table, "{}", figure.row()).unwrap_or_default();
    }
    println!("{table}");
    if let Some(path) = file {
        let appended = OpenOptions::new().append(true).create(true).open(path);
        if let Err(error) = appended.and_then(|mut file| file.write_all(table.as_bytes())) {
            return failed(&format!("{}: {error}", path.display()));
        }
    }
    if figures.iter().all(Figure::holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Says why a scenario did not finish.
pub(crate) fn failed(error: &str) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
