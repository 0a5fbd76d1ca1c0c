//! What can go wrong with installing and keeping skills, so that whoever is told can act.

use std::{io, path::PathBuf};

use crate::problem::Problem;

/// Why something was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The skill itself is not in order.
    #[error("the skill is not in order: {}", first(problems))]
    Problems {
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// What was given is neither a directory, nor an archive, nor a `SKILL.md`.
    #[error("{path} is neither a directory, nor a .tar.gz, nor a SKILL.md")]
    Source {
        /// What was given.
        path: PathBuf,
    },
    /// An entry of an archive or a directory is one that a skill may not have.
    #[error("`{entry}` {what}; nothing was installed")]
    Entry {
        /// The entry, with what can't be printed replaced.
        entry: String,
        /// What is wrong with it, as the rest of a sentence.
        what: &'static str,
    },
    /// It is larger than a skill may be.
    #[error("it has more {what} than a skill may have ({max}); nothing was installed")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// An archive is damaged.
    #[error("{path} is not a whole .tar.gz")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// The digest is not the one that was asked for.
    #[error("its digest is {found}, not {expected}; nothing was installed")]
    Digest {
        /// What was asked for.
        expected: String,
        /// What it is.
        found: String,
    },
    /// No skill of this name is installed, or known.
    #[error("there is no skill `{name}`{}", hint(nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// Something is there that was not installed.
    #[error("{path} was not installed by this program; move it away first")]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// A state file was written by a newer version, or isn't ours.
    #[error("{path} can't be used; it is left as it is")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// The disk refused.
    #[error("cannot {verb} {path}")]
    Disk {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn disk(verb: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Disk {
            verb,
            path: path.into(),
            source,
        }
    }
}

fn first(problems: &[Problem]) -> String {
    let first = problems.first().map(Problem::to_string).unwrap_or_default();
    match problems.len() {
        0 | 1 => first,
        count => format!("{first} (and {} more)", count - 1),
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}
