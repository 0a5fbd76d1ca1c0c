//! One tool: what it is called, what it takes, and what it answers.

use std::{fmt, path::PathBuf, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_types::{AgentId, RunId, SessionId, ToolSpec};
use serde_json::Value;

use crate::{error::Error, limits::CALL, root::Grants};

/// On whose behalf a call is made. The gateway fills it in; a model has no say in it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The agent.
    pub agent: AgentId,
    /// Its session.
    pub session: SessionId,
    /// The run in it.
    pub run: RunId,
    /// The directory its paths are relative to and can't leave.
    pub workspace: PathBuf,
    /// What began the run.
    pub origin: Origin,
    /// Protected names its policy lets it write.
    pub grants: Grants,
}

/// What began a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A person or a client.
    Client,
    /// Another agent.
    Agent,
    /// The clock: a heartbeat or a job. Nobody is there to be asked.
    Clock,
}

/// What a tool answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// What the model is shown.
    pub content: String,
    /// Whether there was more.
    pub is_truncated: bool,
    /// For programs: events and clients.
    pub details: Value,
}

impl Output {
    /// An answer that is only text.
    pub fn text(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ..Self::default()
        }
    }

    /// The same with details.
    #[must_use]
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// A tool. Dropping the future of a call stops the work.
pub trait Tool: Send + Sync + fmt::Debug {
    /// What the model is told.
    fn spec(&self) -> &ToolSpec;

    /// How long a call with these arguments may take.
    fn deadline(&self, _arguments: &Value) -> Duration {
        CALL
    }

    /// Does it. The arguments have passed the schema of [`Tool::spec`].
    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        arguments: Value,
    ) -> BoxFuture<'a, Result<Output, Error>>;
}
