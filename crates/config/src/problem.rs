//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;

use crate::json5::Position;

/// The exit code of a start that the configuration forbids: `EX_CONFIG` of sysexits.h.
///
/// A service unit lists it under `RestartPreventExitStatus`, so that a bad file is never a restart loop.
pub const EX_CONFIG: u8 = 78;

/// Most problems reported at once; a file of another program would otherwise fill the screen.
pub const PROBLEMS_MAX: usize = 200;

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Everything you asked for is in effect, but something looks like a mistake.
    Warning,
    /// Something you wrote is not in effect: it was left out or its default is used.
    Degraded,
    /// The gateway does not start.
    Fatal,
}

impl Severity {
    /// The word for people and for JSON output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Degraded => "degraded",
            Self::Fatal => "fatal",
        }
    }
}

/// One problem. Its texts never hold a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// The file, or `environment` or `command line`.
    pub file: String,
    /// From 1; 0 where there is no line.
    pub line: u32,
    /// From 1, in characters; 0 where there is no line.
    pub column: u32,
    /// The key, like `agents[2].model`; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to write or do instead.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Collects problems of one source.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    found: Vec<Problem>,
    dropped: usize,
}

impl Problems {
    /// A collector for problems of `file`.
    pub(crate) fn new(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            found: Vec::new(),
            dropped: 0,
        }
    }

    /// Changes the file that later problems belong to.
    pub(crate) fn set_file(&mut self, file: impl Into<String>) {
        self.file = file.into();
    }

    /// A problem at a place of the file.
    pub(crate) fn at(
        &mut self,
        severity: Severity,
        at: Position,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Added<'_> {
        let file = self.file.clone();
        self.add(Problem {
            severity,
            file,
            line: at.line,
            column: at.column,
            path: path.into(),
            message: message.into(),
            hint: None,
        })
    }

    /// Says what really follows from a problem of a key that is known already, in place of that the key is ignored.
    pub(crate) fn follows(&mut self, at: Position, path: &str, consequence: &str) {
        let file = &self.file;
        let known = self
            .found
            .iter_mut()
            .rfind(|problem| problem.path == path && problem.file == *file);
        match known {
            Some(problem) => {
                let cause = problem.message.split("; ").next().unwrap_or_default();
                problem.message = format!("{cause}; {consequence}");
            }
            // Its problem was one too many to be kept, so this one is as well.
            None => {
                let _more = self.at(Severity::Degraded, at, path, consequence);
            }
        }
    }

    /// A problem of a source without lines: the environment, the command line, a directory.
    pub(crate) fn outside(
        &mut self,
        severity: Severity,
        source: &str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Added<'_> {
        self.add(Problem {
            severity,
            file: source.to_owned(),
            line: 0,
            column: 0,
            path: path.into(),
            message: message.into(),
            hint: None,
        })
    }

    /// A fatal problem is never dropped.
    fn add(&mut self, problem: Problem) -> Added<'_> {
        if self.found.len() >= PROBLEMS_MAX && problem.severity != Severity::Fatal {
            self.dropped += 1;
            return Added(None);
        }
        self.found.push(problem);
        Added(self.found.last_mut())
    }

    /// Whether the gateway may not start.
    pub(crate) fn is_fatal(&self) -> bool {
        self.found
            .iter()
            .any(|problem| problem.severity == Severity::Fatal)
    }

    /// All problems in file order: what has no line first.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found
            .sort_by_key(|problem| (problem.line, problem.column));
        if self.dropped > 0 {
            self.found.push(Problem {
                severity: Severity::Warning,
                file: self.file,
                line: 0,
                column: 0,
                path: String::new(),
                message: format!("{} more problems are not shown", self.dropped),
                hint: None,
            });
        }
        self.found
    }
}

/// A problem just added, to which a hint can be given.
pub(crate) struct Added<'a>(Option<&'a mut Problem>);

impl Added<'_> {
    /// Says what to write or do instead.
    pub(crate) fn hint(self, hint: impl Into<String>) {
        if let Some(problem) = self.0 {
            problem.hint = Some(hint.into());
        }
    }

    /// As `hint`, for hints that are work to find: nothing is done for a problem that is not kept.
    pub(crate) fn hint_with(self, hint: impl FnOnce() -> Option<String>) {
        if let Some(problem) = self.0 {
            problem.hint = hint();
        }
    }
}
