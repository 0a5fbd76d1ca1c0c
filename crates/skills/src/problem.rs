//! What is wrong with a skill, with its file and line; all of it at once.

use std::fmt;

/// Whether a skill is used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is not used.
    Error,
    /// It is used.
    Warning,
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was found.
    pub file: String,
    /// The line, from 1; 0 for the whole file.
    pub line: usize,
    /// Whether the skill is used in spite of it.
    pub severity: Severity,
    /// What is wrong.
    pub what: What,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// There is no `SKILL.md`.
    #[error("there is no SKILL.md")]
    NoFile,
    /// A file can't be read.
    #[error("it can't be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// A file is larger than it may be.
    #[error("it has more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// A file is not text.
    #[error("it is not UTF-8")]
    NotText,
    /// The file does not begin with a front matter.
    #[error("it does not begin with a front matter between two lines `---`")]
    NoFrontMatter,
    /// The front matter is not YAML.
    #[error("the front matter is not YAML: {reason}")]
    Yaml {
        /// What the parser said.
        reason: String,
    },
    /// A key is missing.
    #[error("`{key}` is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A key is given twice.
    #[error("`{key}` is given twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// A key that nothing reads.
    #[error("`{key}` is not known, and is ignored")]
    Unknown {
        /// The key.
        key: String,
    },
    /// A value has the wrong kind or form.
    #[error("`{key}` {rule}")]
    Value {
        /// The key.
        key: String,
        /// The rule, as the rest of a sentence.
        rule: &'static str,
    },
    /// The name is not that of the directory.
    #[error("the skill is named `{name}`, and its directory `{directory}`")]
    Directory {
        /// The name.
        name: String,
        /// The directory.
        directory: String,
    },
    /// There is nothing for the model.
    #[error("there are no instructions behind the front matter")]
    NoBody,
    /// The files are not those that were installed.
    #[error(
        "its files are not those that were installed; install it again to accept them, or remove it"
    )]
    Changed,
    /// There are more skills than are looked at.
    #[error("there are more than {skills_max} skills; the rest is ignored")]
    TooMany {
        /// The limit.
        skills_max: usize,
    },
}

impl Problem {
    pub(crate) fn error(file: &str, line: usize, what: What) -> Self {
        Self {
            file: file.to_owned(),
            line,
            severity: Severity::Error,
            what,
        }
    }

    pub(crate) fn warning(file: &str, line: usize, what: What) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(file, line, what)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}
