//! The one place that writes to the terminal: lines, tables, JSON, errors, and text as it streams in.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "every word a command prints goes through here"
)]

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use crate::error::Failure;

/// How a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// JSON instead of text.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a value as JSON.
    pub(crate) fn value<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let text =
            serde_json::to_string_pretty(value).map_err(|error| Failure::from_error(&error))?;
        line(&text);
        Ok(())
    }

    /// Prints a value as JSON, or as text where text is wanted.
    pub(crate) fn either<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.value(value);
        }
        line(text().trim_end());
        Ok(())
    }
}

/// Prints a line. A reader that went away, as `head` does, is no error.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    drop(written);
}

/// Prints a piece of a line at once.
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    drop(written);
}

/// Prints a remark that is not the command's result.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Shows how far something is: over the same line on a terminal, else a line of its own.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{text}");
    } else {
        eprintln!("{text}");
    }
}

/// How often progress is worth showing: always on a terminal, where it replaces itself, else now and then.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    shown: Instant,
}

impl Pace {
    /// Says something this often.
    pub(crate) fn new(every: Duration) -> Self {
        let shown = Instant::now();
        Self { every, shown }
    }

    /// Whether to show it now.
    pub(crate) fn is_due(&mut self) -> bool {
        let is_due = std::io::stderr().is_terminal() || self.shown.elapsed() >= self.every;
        if is_due {
            self.shown = Instant::now();
        }
        is_due
    }
}

/// Ends a progress line.
pub(crate) fn progress_done() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure, json: bool) {
    if json {
        let body = serde_json::json!({"error": {"message": failure.message, "hint": failure.hint, "exitCode": failure.code}});
        line(&body.to_string());
    }
    eprintln!("error: {}", failure.message);
    if let Some(hint) = &failure.hint {
        eprintln!("hint: {hint}");
    }
}

/// Columns padded to the widest cell; the last one is left ragged.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(rows) {
        let last = row.len().saturating_sub(1);
        for (index, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if index < last {
                let width = widths.get(index).copied().unwrap_or_default();
                let padding = width.saturating_sub(cell.chars().count()) + 2;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_do_not_pad_the_last_column() {
        let rows = vec![
            vec!["steward".to_owned(), "idle".to_owned()],
            vec!["x".to_owned(), "busy".to_owned()],
        ];
        assert_eq!(
            table(&["Agent", "State"], &rows),
            "Agent    State\nsteward  idle\nx        busy\n"
        );
    }
}
