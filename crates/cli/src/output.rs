//! The one place that writes to the terminal: lines, tables, JSON, errors, and text as it streams in.

use std::{
    io::{self, IsTerminal as _, Write as _},
    os::fd::{AsFd as _, BorrowedFd},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use openclaw_config::Problem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::error::Failure;

/// How often a line of progress is written anew on a terminal; faster is a flicker.
const REDRAW_EVERY: Duration = Duration::from_millis(100);
/// Columns a line of progress has at most; a longer one would wrap and could not be replaced.
const PROGRESS_COLUMNS: usize = 78;

/// How often it is looked whether the reader of standard output has left; nobody waits for that.
const READER_PAUSE: Duration = Duration::from_millis(200);

/// Set once the reader of standard output has left.
static READER_LEFT: AtomicBool = AtomicBool::new(false);
/// Set while a line of progress stands on the terminal.
static PROGRESS_SHOWN: AtomicBool = AtomicBool::new(false);

/// The options that a command named in a hint needs to mean the same place.
static PLACE_WORDS: OnceLock<String> = OnceLock::new();

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
        line(text().trim_end_matches('\n'));
        Ok(())
    }
}

/// Prints a line. A reader that went away, as `head` does, is no error.
pub(crate) fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Prints a piece of a line at once.
pub(crate) fn piece(text: &str) {
    print(text);
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    let text = if out.is_terminal() {
        harmless(text)
    } else {
        text.to_owned()
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if written.is_err() {
        READER_LEFT.store(true, Ordering::Relaxed);
    }
}

/// Whether nobody reads standard output any more, so that what prints without end may end.
pub(crate) fn reader_left() -> bool {
    READER_LEFT.load(Ordering::Relaxed) || is_hung_up(io::stdout().as_fd())
}

/// Resolves once nobody reads standard output any more. Safe to drop and call again.
pub(crate) async fn reader_leaves() {
    while !reader_left() {
        tokio::time::sleep(READER_PAUSE).await;
    }
}

/// Whether the other end is gone: a pipe reports an error then, a terminal a hang-up; a file never does.
fn is_hung_up(out: BorrowedFd<'_>) -> bool {
    let mut looked_at = [PollFd::from_borrowed_fd(out, PollFlags::empty())];
    let now = Timespec::default();
    let gone = PollFlags::ERR | PollFlags::HUP;
    poll(&mut looked_at, Some(&now)).is_ok() && looked_at[0].revents().intersects(gone)
}

/// The text without what a terminal would obey: models and transcripts may say anything.
fn harmless(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// Prints a remark that is not the command's result.
pub(crate) fn note(text: &str) {
    complain(&format!("{}\n", harmless(text)));
}

/// Asks on the terminal, beside what may be redirected.
pub(crate) fn ask(question: &str) {
    complain(&harmless(question));
}

/// Writes to standard error, which may be closed.
fn complain(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Shows how far something is: over the same line on a terminal, else a line of its own.
pub(crate) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let text: String = harmless(text).chars().take(PROGRESS_COLUMNS).collect();
        complain(&format!("\r\x1b[2K{text}"));
        PROGRESS_SHOWN.store(true, Ordering::Relaxed);
    } else {
        note(text);
    }
}

/// Takes a progress line away, if one stands there; what else stands there is left alone.
pub(crate) fn progress_done() {
    if PROGRESS_SHOWN.swap(false, Ordering::Relaxed) {
        complain("\r\x1b[2K");
    }
}

/// When progress is worth showing: often on a terminal, where it replaces itself, else now and then.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    shown: Option<Instant>,
}

impl Pace {
    /// Where there is no terminal: at once, and then this often.
    pub(crate) const fn new(every: Duration) -> Self {
        Self { every, shown: None }
    }

    /// Whether to show it now.
    pub(crate) fn is_due(&mut self) -> bool {
        let every = if io::stderr().is_terminal() {
            REDRAW_EVERY
        } else {
            self.every
        };
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= every);
        if is_due {
            self.shown = Some(Instant::now());
        }
        is_due
    }
}

/// Makes every command named in a hint carry these options.
pub(crate) fn give_with_hints(words: String) {
    // It is given once, before anything is printed.
    drop(PLACE_WORDS.set(words));
}

/// The text with its commands as they must be typed to mean the place that this command meant.
pub(crate) fn placed(text: &str) -> String {
    let words = PLACE_WORDS.get().map_or("", String::as_str);
    text.replace("`openclaw ", &format!("`openclaw {words}"))
}

/// A word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,~".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure, json: bool) {
    if json {
        if !failure.told {
            line(&failure_value(failure).to_string());
        }
        return;
    }
    for problem in &failure.problems {
        note(&problem_text(problem));
    }
    note(&format!("error: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(&format!("hint: {}", placed(hint)));
    }
}

/// A failure as JSON.
pub(crate) fn failure_value(failure: &Failure) -> serde_json::Value {
    let mut error = json!({
        "message": failure.message,
        "hint": failure.hint.as_deref().map(placed),
        "exitCode": failure.code,
    });
    if !failure.problems.is_empty() {
        error["problems"] = failure.problems.iter().map(problem_value).collect();
    }
    json!({"error": error})
}

/// A problem of the configuration as it is printed: how bad, where, what, and the way out.
pub(crate) fn problem_text(problem: &Problem) -> String {
    let mut text = format!("{}: {problem}", problem.severity.as_str());
    if let Some(hint) = &problem.hint {
        text.push_str("\n  hint: ");
        text.push_str(hint);
    }
    text
}

/// The same as JSON.
pub(crate) fn problem_value(problem: &Problem) -> serde_json::Value {
    json!({
        "severity": problem.severity.as_str(),
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.path,
        "message": problem.message,
        "hint": problem.hint,
    })
}

/// Columns padded to the widest cell; the last one is left ragged.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rows = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let padding = width - cell.chars().count() + 2;
            line.extend(std::iter::repeat_n(' ', padding));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How many of what, in words.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The cell without what would break the row.
fn one_line(cell: &str) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    cell.chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_end_without_blanks() {
        let rows = vec![
            vec!["steward".to_owned(), "idle".to_owned(), String::new()],
            vec!["x".to_owned(), "busy".to_owned(), "a\nb".to_owned()],
        ];
        assert_eq!(
            table(&["Agent", "State", "Last"], &rows),
            "Agent    State  Last\nsteward  idle\nx        busy   a b\n"
        );
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        for (word, said) in [
            ("~/a.json", "~/a.json"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), said);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_printed() {
        assert_eq!(
            harmless("a\x1b[2Jb\tc\nd\u{9b}e\r"),
            "a\u{fffd}[2Jb\tc\nd\u{fffd}e\u{fffd}"
        );
    }
}
