//! Why a call has no result, in words that the model reads and can act on.

use std::time::Duration;

/// Why a call has no result.
///
/// Unlike elsewhere the text is for the model: it says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such tool.
    #[error("there is no tool `{name}`{}", nearest_text(nearest.as_deref()))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The most similar name there is.
        nearest: Option<String>,
    },
    /// The arguments are not what the tool's schema says.
    #[error("the arguments are wrong at `{path}`: {what}")]
    Arguments {
        /// Where, as a JSON pointer; `/` is the whole.
        path: String,
        /// What is expected.
        what: String,
    },
    /// The fence or the policy says no; asking again the same way is pointless.
    #[error("denied: {what}; {hint}")]
    Denied {
        /// What was refused.
        what: String,
        /// What may be done instead.
        hint: String,
    },
    /// What is to be read or changed isn't there.
    #[error("{what} does not exist{}", hint_text(hint.as_deref()))]
    NotFound {
        /// What.
        what: String,
        /// What is there instead.
        hint: Option<String>,
    },
    /// More bytes than the tool takes.
    #[error("{what} has {bytes} bytes, more than {bytes_max}; {hint}")]
    TooLarge {
        /// What.
        what: String,
        /// How many it has.
        bytes: u64,
        /// How many are taken.
        bytes_max: u64,
        /// What may be done instead.
        hint: String,
    },
    /// The content isn't what the change expects; nothing was changed.
    #[error("nothing was changed: {what}")]
    Mismatch {
        /// What doesn't fit, with the nearest that is there.
        what: String,
    },
    /// It took too long and was stopped.
    #[error("stopped after {} seconds; ask for less, or in smaller steps", after.as_secs())]
    Deadline {
        /// The time it had.
        after: Duration,
    },
    /// The run was stopped.
    #[error("stopped, because the run was stopped")]
    Cancelled,
    /// A person has to agree first.
    #[error(
        "a person must approve this first (request {id}, {summary}); go on with something else or ask again later"
    )]
    NeedsApproval {
        /// The request's id, for `openclaw approvals approve`.
        id: String,
        /// What is to be approved.
        summary: String,
    },
    /// The system or the other side said no.
    #[error("{what} failed: {source}")]
    Failed {
        /// What was tried.
        what: String,
        /// The cause; its text is part of the message, because the model sees nothing else.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A defect of the tool itself.
    #[error("the tool `{name}` broke; this is a defect of the gateway, so use another tool")]
    Broken {
        /// Its name.
        name: String,
    },
}

impl Error {
    /// A step that the system refused.
    pub fn failed(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed {
            what: what.into(),
            source: source.into(),
        }
    }

    /// Something the fence or the policy forbids.
    pub fn denied(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Denied {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// An argument that the schema alone can't refuse.
    pub fn argument(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Arguments {
            path: path.into(),
            what: what.into(),
        }
    }

    /// A stable word for logs, events, and the loop breaker.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown",
            Self::Arguments { .. } => "arguments",
            Self::Denied { .. } => "denied",
            Self::NotFound { .. } => "not_found",
            Self::TooLarge { .. } => "too_large",
            Self::Mismatch { .. } => "mismatch",
            Self::Deadline { .. } => "deadline",
            Self::Cancelled => "cancelled",
            Self::NeedsApproval { .. } => "needs_approval",
            Self::Failed { .. } => "failed",
            Self::Broken { .. } => "broken",
        }
    }
}

fn nearest_text(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn hint_text(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!("; {hint}"))
}
