//! What goes wrong, as a person reads it: a cause, a way out, and an exit code.

use std::{error::Error as StdError, fmt};

use openclaw_config::Problem;

/// Everything went well.
pub(crate) const OK: u8 = 0;
/// Something failed; the message says what.
pub(crate) const FAILED: u8 = 1;
/// The command line was wrong.
pub(crate) const USAGE: u8 = 2;
/// No gateway runs for this state directory.
pub(crate) const NOT_RUNNING: u8 = 3;
/// The agent, session or model does not exist.
pub(crate) const NOT_FOUND: u8 = 4;
/// The configuration refuses a start (`EX_CONFIG` of sysexits.h).
pub(crate) const CONFIG: u8 = openclaw_config::EX_CONFIG;
/// Ctrl-C (128 and the signal's number, as shells count).
pub(crate) const INTERRUPTED: u8 = 130;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is wrong.
    pub(crate) message: String,
    /// What to do, where there is something to do.
    pub(crate) hint: Option<String>,
    /// The exit code.
    pub(crate) code: u8,
    /// Whether the JSON that was asked for is printed already and says it all.
    pub(crate) told: bool,
    /// The problems of the configuration that are the cause; printed before the message.
    pub(crate) problems: Vec<Problem>,
}

impl Failure {
    /// A failure without a way out.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: FAILED,
            told: false,
            problems: Vec::new(),
        }
    }

    /// A failure with its chain of causes.
    pub(crate) fn from_error(error: &(dyn StdError + 'static)) -> Self {
        let hint = openclaw_agents::full_disk_hint(error);
        Self::new(chain(error)).maybe_hint(hint.map(str::to_owned))
    }

    /// Adds the way out.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the way out where one is known.
    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Sets the exit code.
    #[must_use]
    pub(crate) const fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// Adds the problems of the configuration that are the cause.
    #[must_use]
    pub(crate) fn problems(mut self, problems: Vec<Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// Says that the command's own JSON holds what went wrong.
    #[must_use]
    pub(crate) const fn told(mut self) -> Self {
        self.told = true;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("open the file")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_are_joined_once_at_the_edge() {
        let error = Outer(std::io::Error::from(std::io::ErrorKind::NotFound));
        assert_eq!(chain(&error), "open the file: entity not found");
    }
}
