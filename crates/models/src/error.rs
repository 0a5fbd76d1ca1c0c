//! Why a model call failed: by kind, which decides what happens next, and with a hint, for a person.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use openclaw_accounts::Denied;

use crate::http;

/// What a failure is, as far as anyone can act on it. Failover decides on this and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The server can't take it now.
    Overloaded,
    /// Too many requests, or nothing left to spend.
    RateLimited {
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The key is missing, wrong, or may not do this.
    Auth,
    /// The server has no such model or no such address.
    NotFound,
    /// The server says the request is wrong.
    BadRequest,
    /// The request does not fit into the model's window.
    ContextOverflow,
    /// A content filter refused the request.
    Refused,
    /// A deadline passed.
    Timeout(Phase),
    /// The connection could not be made, or broke.
    Transport,
    /// The answer is not what the protocol says.
    Malformed,
    /// There is no model to ask.
    NoModel,
    /// The gateway stops.
    Cancelled,
}

impl Kind {
    /// The word used on the wire and in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::RateLimited { .. } => "rate-limited",
            Self::Auth => "auth",
            Self::NotFound => "not-found",
            Self::BadRequest => "bad-request",
            Self::ContextOverflow => "context-overflow",
            Self::Refused => "refused",
            Self::Timeout(_) => "timeout",
            Self::Transport => "transport",
            Self::Malformed => "malformed",
            Self::NoModel => "no-model",
            Self::Cancelled => "cancelled",
        }
    }

    /// The kind that a recording names; what no version knows is an answer that nobody understands.
    pub(crate) fn parse(word: &str) -> Self {
        let phases = [Phase::Connect, Phase::FirstByte, Phase::Idle, Phase::Total];
        let plain = [
            Self::Overloaded,
            Self::RateLimited { retry_after: None },
            Self::Auth,
            Self::NotFound,
            Self::BadRequest,
            Self::ContextOverflow,
            Self::Refused,
            Self::Transport,
            Self::NoModel,
            Self::Cancelled,
        ];
        let mut kinds = plain.into_iter().chain(phases.map(Self::Timeout));
        kinds
            .find(|kind| kind.as_str() == word)
            .unwrap_or(Self::Malformed)
    }
}

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Until the connection stands.
    Connect,
    /// Until the first byte of the answer.
    FirstByte,
    /// Between two bytes.
    Idle,
    /// The whole call.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "a connection",
            Self::FirstByte => "the first byte",
            Self::Idle => "the next byte",
            Self::Total => "the end of the answer",
        })
    }
}

/// Why a model call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server answered with an error, by status, in the body, or in the middle of the stream.
    #[error("`{provider}` refused the call to `{model}`{}: {message}", status_words(*status))]
    Answer {
        /// Which provider.
        provider: Arc<str>,
        /// Which of its models.
        model: Arc<str>,
        /// The HTTP status, or the one the error names; 0 when there is none.
        status: u16,
        /// What it amounts to.
        kind: Kind,
        /// The server's own words, cut to a readable length.
        message: String,
        /// What a person may do about it.
        hint: Option<String>,
    },
    /// A deadline passed.
    #[error("`{provider}` took longer than {after_ms} ms for {phase}")]
    Deadline {
        /// Which provider.
        provider: Arc<str>,
        /// Where the time went.
        phase: Phase,
        /// The deadline.
        after_ms: u64,
    },
    /// The connection could not be made, or broke.
    #[error("talk to `{provider}` at {address}")]
    Transport {
        /// Which provider.
        provider: Arc<str>,
        /// Its base URL or socket.
        address: Arc<str>,
        /// The cause.
        source: http::Error,
    },
    /// The answer ended before the model said why it stopped.
    #[error("the answer of `{provider}` was cut off")]
    CutOff {
        /// Which provider.
        provider: Arc<str>,
    },
    /// The answer is not what the protocol says.
    #[error("the answer of `{provider}` is {what}")]
    Malformed {
        /// Which provider.
        provider: Arc<str>,
        /// What is wrong with it, after "is".
        what: &'static str,
        /// The cause, where a parser named one.
        source: Option<serde_json::Error>,
    },
    /// The request could not be written as JSON or as HTTP.
    #[error("encode the request for `{provider}`")]
    Encode {
        /// Which provider.
        provider: Arc<str>,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A reference that leads to no model.
    #[error("no model serves `{reference}`: {why}")]
    NoModel {
        /// The reference.
        reference: String,
        /// Why not.
        why: crate::routing::Unserved,
    },
    /// The model on this machine can't be had.
    #[error("the local model is not ready: {message}")]
    Local {
        /// Why.
        message: String,
        /// What a person may do about it.
        hint: Option<String>,
    },
    /// Every candidate is resting because it asked to be left alone.
    #[error("every model for `{reference}` asked to be left alone for another {}", seconds(*retry_after))]
    Resting {
        /// The reference.
        reference: String,
        /// Until the first of them may be asked again.
        retry_after: Duration,
    },
    /// The agent may not ask this, or not now: a limit or a budget is in the way.
    #[error("the call is not allowed")]
    Denied {
        /// Why not.
        #[from]
        source: Denied,
    },
    /// Every candidate was tried once, and none answered.
    #[error("none of {} models answered: {}", attempts.len(), listed(attempts))]
    Exhausted {
        /// What was tried, in order, and how it went; never empty.
        attempts: Vec<Attempt>,
    },
    /// What was asked was never recorded.
    #[error("`{provider}` has no recording of this request ({}…){}", key.get(..12).unwrap_or(key), nearest_words(nearest.as_ref()))]
    Unrecorded {
        /// Which provider.
        provider: Arc<str>,
        /// The SHA-256 of the request's normal form.
        key: String,
        /// The file of the most similar one, and where they differ first.
        nearest: Option<(String, String)>,
    },
    /// A recording can't be read.
    #[error("read {} for `{provider}`", path.display())]
    Recording {
        /// Which provider.
        provider: Arc<str>,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The failure that a script asked for.
    #[error("scripted failure: {}", kind.as_str())]
    Scripted {
        /// Its kind.
        kind: Kind,
    },
    /// Nothing can be found out outside an async runtime.
    #[error("start without an async runtime")]
    NoRuntime {
        /// The cause.
        source: tokio::runtime::TryCurrentError,
    },
    /// The gateway stops.
    #[error("the gateway is stopping")]
    Cancelled,
}

/// One candidate that was tried.
#[derive(Debug)]
pub struct Attempt {
    /// `provider/model`.
    pub reference: String,
    /// How it went.
    pub error: Error,
}

impl Error {
    /// The error of a plan that was tried to its end: the only attempt's own, or all of them.
    #[must_use]
    pub fn of_attempts(mut attempts: Vec<Attempt>) -> Self {
        match attempts.len() {
            1 => attempts.remove(0).error,
            _ => Self::Exhausted { attempts },
        }
    }

    /// What it amounts to.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Answer { kind, .. } | Self::Scripted { kind } => *kind,
            Self::Deadline { phase, .. } => Kind::Timeout(*phase),
            Self::Transport { source, .. } => match source {
                http::Error::Roots { .. } | http::Error::Client { .. } => Kind::NoModel,
                _ => Kind::Transport,
            },
            Self::CutOff { .. } => Kind::Transport,
            Self::Malformed { .. } => Kind::Malformed,
            // Nobody else is to stand in for what was recorded.
            Self::Encode { .. } | Self::Unrecorded { .. } | Self::Recording { .. } => {
                Kind::BadRequest
            }
            Self::NoModel { .. } | Self::Local { .. } | Self::NoRuntime { .. } => Kind::NoModel,
            Self::Resting { retry_after, .. } => Kind::RateLimited {
                retry_after: Some(*retry_after),
            },
            Self::Denied { source } => match source {
                Denied::RateLimited(limited) => Kind::RateLimited {
                    retry_after: Some(Duration::from_millis(limited.retry_after_ms)),
                },
                // Nothing that anybody does in a moment gives it more to spend.
                Denied::BudgetExceeded(_) => Kind::RateLimited { retry_after: None },
                Denied::Unpriced { .. } | Denied::LedgerUnavailable { .. } => Kind::NoModel,
                _ => Kind::Auth,
            },
            // The first is what was wanted; the others were only to stand in for it.
            Self::Exhausted { attempts } => attempts
                .first()
                .map_or(Kind::NoModel, |attempt| attempt.error.kind()),
            Self::Cancelled => Kind::Cancelled,
        }
    }

    /// What a person may do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Answer { hint, .. } | Self::Local { hint, .. } => hint.clone(),
            Self::Transport {
                address, source, ..
            } => source.hint(address),
            Self::Deadline {
                phase: Phase::Connect,
                provider,
                ..
            } => Some(format!(
                "check that the server of `{provider}` is up and its address right"
            )),
            Self::Deadline { provider, .. } => Some(format!(
                "a slow model needs longer deadlines: `timeouts` of provider `{provider}`"
            )),
            Self::NoModel { why, .. } => Some(why.hint()),
            Self::Exhausted { attempts } => {
                attempts.iter().find_map(|attempt| attempt.error.hint())
            }
            Self::Malformed { provider, .. } => Some(format!(
                "check that the address of `{provider}` is an OpenAI-compatible API, such as http://host:port/v1"
            )),
            Self::Denied { .. } => {
                Some("`openclaw router spend` shows budgets and what was spent".to_owned())
            }
            Self::Unrecorded { .. } => Some(
                "record the run again with `models.record`, or ask what was asked then".to_owned(),
            ),
            Self::Recording { .. } => {
                Some("`recordings` of the provider is a directory of recordings".to_owned())
            }
            Self::CutOff { .. }
            | Self::Encode { .. }
            | Self::Resting { .. }
            | Self::Scripted { .. }
            | Self::NoRuntime { .. }
            | Self::Cancelled => None,
        }
    }

    /// The error and its causes in one line.
    #[must_use]
    pub fn full_text(&self) -> String {
        if let Self::Transport {
            provider,
            address,
            source,
        } = self
            && let Some(brief) = source.brief()
        {
            return format!("`{provider}` at {address} {brief}");
        }
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

fn listed(attempts: &[Attempt]) -> String {
    let line = |attempt: &Attempt| format!("{}: {}", attempt.reference, attempt.error.full_text());
    let lines: Vec<String> = attempts.iter().map(line).collect();
    lines.join("; ")
}

fn nearest_words(nearest: Option<&(String, String)>) -> String {
    nearest.map_or_else(String::new, |(file, at)| {
        let key = file.get(..12).unwrap_or(file);
        format!("; the nearest is {key}…, which differs first at `{at}`")
    })
}

fn status_words(status: u16) -> String {
    if status == 0 {
        String::new()
    } else {
        format!(" with status {status}")
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs().max(1))
}
