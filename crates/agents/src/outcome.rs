//! How a run ended.

use std::{io, sync::Arc};

use openclaw_sessions::Appended;
use openclaw_types::{AgentId, RunId, SessionId, Timestamp, Usage};

use crate::turn::AbortCause;

/// The end of a run; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Which run.
    pub run: RunId,
    /// Whose.
    pub agent: AgentId,
    /// In which conversation.
    pub session: SessionId,
    /// How it ended.
    pub status: Status,
    /// Who stopped it, if that is how it ended.
    pub stopped: Option<AbortCause>,
    /// The answer, or what there was of it.
    pub text: Arc<str>,
    /// The model that answered, as `provider/model`.
    pub model: Option<Arc<str>>,
    /// Tokens of all its model calls.
    pub usage: Option<Usage>,
    /// Where its last entry ended up; `None` when that could not be written.
    pub entry: Option<Appended>,
    /// When its turn came; for a run that never began, when it ended.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}

impl Outcome {
    /// Why there is no answer, and what a person may do about it, where that is known.
    #[must_use]
    pub fn trouble(&self) -> Option<(&str, Option<&str>)> {
        match &self.status {
            Status::Done => None,
            Status::Aborted => {
                let cause = self.stopped.unwrap_or(AbortCause::Requested);
                Some((cause.as_str(), cause.hint()))
            }
            Status::Failed(failure) => Some((&failure.message, failure.hint.as_deref())),
        }
    }
}

/// How a run ended, in one word or with a reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// With an answer.
    Done,
    /// Somebody stopped it.
    Aborted,
    /// Without an answer.
    Failed(Failure),
}

impl Status {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Aborted => "aborted",
            Self::Failed(_) => "failed",
        }
    }
}

/// Why a run has no answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What a program may act on.
    pub kind: FailureKind,
    /// What a person reads.
    pub message: String,
    /// What a person may do about it, where that is known.
    pub hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// A model call that failed.
    pub(crate) fn of_model(error: &openclaw_models::Error) -> Self {
        Self {
            kind: FailureKind::Model(error.kind()),
            message: error.full_text(),
            hint: error.hint(),
        }
    }

    /// Adds where the model was chosen, where another model may be the cure.
    pub(crate) fn chosen(mut self, choice: Option<String>) -> Self {
        use openclaw_models::{Kind, Phase};

        let kind = match &self.kind {
            FailureKind::Model(kind) => *kind,
            _ => return self,
        };
        if let Kind::Auth
        | Kind::NotFound
        | Kind::Transport
        | Kind::NoModel
        | Kind::Timeout(Phase::Connect) = kind
        {
            let hints: Vec<String> = self.hint.take().into_iter().chain(choice).collect();
            self.hint = (!hints.is_empty()).then(|| hints.join("; "));
        }
        self
    }

    /// Says so where a message does not fit that stands alone: a new session would not help.
    pub(crate) fn alone(mut self, is_alone: bool) -> Self {
        use openclaw_models::Kind;

        if is_alone && self.kind == FailureKind::Model(Kind::ContextOverflow) {
            self.hint = Some(
                "the message itself is too long for this model: shorten it, or use a model with a larger window"
                    .to_owned(),
            );
        }
        self
    }

    /// The error and its causes, joined once.
    pub(crate) fn of(kind: FailureKind, error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            hint: full_disk_hint(error).map(str::to_owned),
            ..Self::new(kind, chain(error))
        }
    }

    /// A workspace that can't be used.
    pub(crate) fn of_workspace(reason: String) -> Self {
        Self {
            hint: Some(WORKSPACE_HINT.to_owned()),
            ..Self::new(FailureKind::Workspace, reason)
        }
    }
}

/// What may be done about a workspace that can't be used: it is read anew for every message.
pub const WORKSPACE_HINT: &str = "mend what is named, or remove it and let `openclaw init` make it anew; \
                                  it is read again with the next message";

/// What may be done where an error's cause is a disk without room.
#[must_use]
pub fn full_disk_hint(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        let io = io.or_else(|| error.downcast_ref::<Arc<io::Error>>().map(AsRef::as_ref));
        if let Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =
            io.map(io::Error::kind)
        {
            return Some("free some space; nothing was lost, and no restart is needed");
        }
        cause = error.source();
    }
    None
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What went wrong, by who can do something about it.
#[derive(Debug, Clone, PartialEq)]
pub enum FailureKind {
    /// The model call failed; the models' own kind of error.
    Model(openclaw_models::Kind),
    /// The model ended without a word.
    NoAnswer,
    /// The run took longer than it may.
    Deadline,
    /// The run asked for more model calls than it may.
    Steps,
    /// The run called the same tool in the same way again and again, and it failed each time.
    Loop,
    /// The run said more than it may.
    Output,
    /// The transcript could not be read or written.
    Storage,
    /// The agent's workspace cannot be used.
    Workspace,
    /// A bug in the gateway; contained at the run.
    Internal,
}

impl FailureKind {
    /// The word used on the wire and in logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Model(_) => "model",
            Self::NoAnswer => "no-answer",
            Self::Deadline => "deadline",
            Self::Steps => "steps",
            Self::Loop => "loop",
            Self::Output => "output",
            Self::Storage => "storage",
            Self::Workspace => "workspace",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_seen_behind_every_error_that_it_causes() {
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        let storage = |kind| openclaw_sessions::Error::DiskFull {
            path: "t".into(),
            source: Arc::new(io(kind)),
        };
        let agent = AgentId::parse("alpha").unwrap();
        let behind = crate::Error::Storage {
            agent: agent.clone(),
            source: storage(io::ErrorKind::StorageFull),
        };
        let source = crate::workspace::Error::Disk {
            action: "write",
            path: "f".into(),
            source: io(io::ErrorKind::QuotaExceeded),
        };
        let workspace = crate::Error::Workspace { agent, source };
        assert!(full_disk_hint(&behind).is_some());
        assert!(full_disk_hint(&workspace).is_some());
        assert_eq!(full_disk_hint(&io(io::ErrorKind::NotFound)), None);
        let failure = Failure::of(FailureKind::Storage, &storage(io::ErrorKind::StorageFull));
        assert_eq!(failure.hint.as_deref(), full_disk_hint(&behind));
    }
}
