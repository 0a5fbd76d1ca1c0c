//! The only place that prints.

use std::{
    error::Error as _,
    io::{self, Write},
    time::Duration,
};

use crate::error::Error;

/// A line for people. Whoever closed our output doesn't want it, so that is not an error.
pub(crate) fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .ok();
}

/// What a child said, as it said it.
pub(crate) fn forward(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).ok();
}

/// The start of a step.
pub(crate) fn heading(title: &str) {
    line(&format!("\n== {title}"));
}

/// A sign of life of a step that is silent.
pub(crate) fn heartbeat(elapsed: Duration, last: &str) {
    let seconds = elapsed.as_secs();
    if last.is_empty() {
        line(&format!("   ... {seconds} s"));
    } else {
        line(&format!("   ... {seconds} s, last: {last}"));
    }
}

/// An error with its causes and the way out.
pub(crate) fn error(error: &Error) {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\nhint: {hint}"));
    }
    writeln!(io::stderr(), "\n{text}").ok();
}

/// Seconds with one digit after the point.
pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
