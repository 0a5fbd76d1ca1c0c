//! What can go wrong with the ledger, so that whoever is told can act.

use std::{io, path::PathBuf};

use crate::verify::Fault;

/// Why something was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The chain is broken, so nothing is appended to it.
    #[error(
        "{path} is not whole: {fault}; move it aside to begin another, nothing is appended to it"
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        fault: Fault,
    },
    /// Another process writes the file.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A proposal's id breaks the rules.
    #[error(
        "`{text}` is no proposal's id: up to 128 of A-Z, a-z, 0-9, `-`, `_`, `.` and `:`, with a letter or digit first"
    )]
    ProposalId {
        /// What was written.
        text: String,
    },
    /// A field of an entry is wrong.
    #[error("the entry's {field} {what}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it, as the rest of a sentence.
        what: &'static str,
    },
    /// An earlier write failed, and what is on disk is not known.
    #[error("an earlier write to {path} failed; open it again")]
    Poisoned {
        /// The file.
        path: PathBuf,
    },
    /// A line can't be read.
    #[error("line {line} of {path} can't be read; verify says what is wrong with it")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
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
