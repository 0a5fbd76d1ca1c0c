//! What a caller of the store can be told.

use std::{io, path::PathBuf, sync::Arc};

use openclaw_types::{AgentId, IdError, SessionId};

use crate::{search::QueryFault, verify::Flaw};

/// Why a call on the store was refused or failed.
///
/// It can be cloned, because one failed sync answers every append that shared it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The agent was never opened here, or was closed.
    #[error("agent `{agent}` has no open transcript")]
    UnknownAgent {
        /// Which one.
        agent: AgentId,
    },
    /// The session has no live entry.
    #[error("agent `{agent}` has no session `{session}`")]
    UnknownSession {
        /// Whose session.
        agent: AgentId,
        /// Which one.
        session: SessionId,
    },
    /// Too many entries wait for the disk. Nothing was written; try again shortly.
    #[error("the commit queue is full")]
    Busy,
    /// The store is shut down or shutting down.
    #[error("the session store is closed")]
    Closed,
    /// The entry is larger than the limit. Nothing was written.
    #[error("the entry has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// Its size on disk.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A tool call's arguments are nested too deeply to be read back. Nothing was written.
    #[error("the entry is nested deeper than {depth_max} levels")]
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// There is no space left. Nothing was kept; the next append tries again.
    #[error("no space left for the transcript {}", path.display())]
    DiskFull {
        /// The transcript.
        path: PathBuf,
        /// What the disk said.
        source: Arc<io::Error>,
    },
    /// Another process holds the transcript.
    #[error("{} is held by another writer", path.display())]
    Locked {
        /// The transcript.
        path: PathBuf,
    },
    /// Somebody replaced, removed or wrote to the transcript while it was open. What was being appended
    /// is not acknowledged; the file is read again before the next append.
    #[error("{} was changed by another program", path.display())]
    Changed {
        /// The transcript.
        path: PathBuf,
    },
    /// The session has entries already, and was to be made.
    #[error("agent `{agent}` has a session `{session}` already")]
    Taken {
        /// Whose session.
        agent: AgentId,
        /// Which one.
        session: SessionId,
    },
    /// The session has a run that has not ended, so that it is not to be archived.
    #[error("session `{session}` of agent `{agent}` has a run that has not ended")]
    Running {
        /// Whose session.
        agent: AgentId,
        /// Which one.
        session: SessionId,
    },
    /// An entry of the session can't be read, so that it is not to be archived.
    #[error("session `{session}` of agent `{agent}` has an entry that can't be read")]
    Unreadable {
        /// Whose session.
        agent: AgentId,
        /// Which one.
        session: SessionId,
    },
    /// An entry that was read at the start can no longer be read, so that nothing is built on it.
    #[error("{} is damaged at {offset}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the entry begins.
        offset: u64,
        /// What is wrong with it.
        source: Flaw,
    },
    /// The text can't be searched for.
    #[error("search the transcripts")]
    Query {
        /// Why.
        #[from]
        source: QueryFault,
    },
    /// The environment made an id that is none.
    #[error("make a session id")]
    FreshId {
        /// Which rule it breaks.
        #[from]
        source: IdError,
    },
    /// The disk refused an operation. What was being appended is not acknowledged.
    #[error("{action} {}", path.display())]
    Disk {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the disk said.
        source: Arc<io::Error>,
    },
}

impl Error {
    /// Whether the same call may succeed a little later without anyone acting.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy | Self::Changed { .. } | Self::DiskFull { .. } | Self::Disk { .. }
        )
    }

    /// Whether a file that was to be read is not there.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Disk { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Names the operation and sorts out the disk-full errors.
    pub(crate) fn disk(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let (path, source) = (path.into(), Arc::new(source));
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            _ => Self::Disk {
                action,
                path,
                source,
            },
        }
    }
}
