//! What can go wrong with keys and files.

use std::{io, path::PathBuf};

/// Why something about keys or the ledger failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has these accounts open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The disk refused.
    #[error("cannot {verb} {}", path.display())]
    Disk {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The file of keys holds something else.
    #[error("{} is damaged: {what}; restore it from a backup, or move it away to start without virtual keys", path.display())]
    KeysDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// No key has this id, alias, digest or value.
    #[error("there is no such key")]
    NoSuchKey,
    /// No team has this name.
    #[error("there is no team {team:?}")]
    NoSuchTeam {
        /// The name.
        team: String,
    },
    /// Another key has this alias.
    #[error("another key has the alias {alias:?}")]
    AliasTaken {
        /// The alias.
        alias: String,
    },
    /// Another key has this value.
    #[error("this key exists already")]
    KeyTaken,
    /// A key of the caller's own choice is too easy to guess, or not of the form `sk-...`.
    #[error(
        "a key must begin with `sk-` and have {bytes_min} to {bytes_max} characters without spaces"
    )]
    WeakKey {
        /// The least length.
        bytes_min: usize,
        /// The greatest length.
        bytes_max: usize,
    },
    /// Only the owner of the master key makes and changes keys.
    #[error("only the master key may make or change keys")]
    NotAllowed,
    /// There are as many keys as are kept.
    #[error("there are {max} keys already; delete some")]
    TooManyKeys {
        /// The limit.
        max: usize,
    },
    /// A record is larger than is kept.
    #[error("the key's record has {bytes} bytes, more than {max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The book is being closed.
    #[error("the accounts are shut down")]
    ShutDown,
}
impl Error {
    /// Wraps what the disk said.
    pub(crate) fn disk(verb: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Disk {
            verb,
            path: path.into(),
            source,
        }
    }
}
