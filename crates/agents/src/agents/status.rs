//! What there is to say of an agent.

use std::path::PathBuf;

use openclaw_types::{AgentId, SessionId, Timestamp};

use crate::{agent::Agent, core::Core};

/// What an agent is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentState {
    /// Nothing; it is free.
    Idle,
    /// It has runs.
    Busy,
    /// It takes no messages.
    Offline,
    /// It cannot run.
    Error {
        /// Why, with its causes.
        reason: String,
    },
}

impl AgentState {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Offline => "offline",
            Self::Error { .. } => "error",
        }
    }
}

/// What there is to say of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentStatus {
    /// Its id.
    pub id: AgentId,
    /// What it is called.
    pub name: String,
    /// What it is for, in a word.
    pub role: String,
    /// How it is shown in lists.
    pub emoji: Option<String>,
    /// A label; nothing listens there.
    pub port: Option<u16>,
    /// Whether it answers messages that name no agent.
    pub primary: bool,
    /// What it is doing.
    pub state: AgentState,
    /// Its model reference, where one was chosen for it.
    pub model: Option<String>,
    /// The session of messages that name none.
    pub session: SessionId,
    /// Its directory.
    pub workspace: PathBuf,
    /// What it can do, in words.
    pub capabilities: Vec<String>,
    /// Skills it has.
    pub skills: Vec<String>,
    /// Conversations it has had.
    pub sessions: usize,
    /// Runs at work.
    pub running: usize,
    /// Messages that wait for their run.
    pub waiting: usize,
    /// When something was last asked of it or answered by it, since the start.
    pub last_activity: Option<Timestamp>,
}

pub(crate) fn status_of(core: &Core, agent: &Agent) -> AgentStatus {
    let traits = agent.traits();
    let snapshot = agent.snapshot();
    let configured = agent.configured.as_ref();
    AgentStatus {
        id: agent.id.clone(),
        name: traits.name,
        role: traits.role,
        emoji: traits.emoji,
        port: configured.and_then(|agent| agent.port),
        primary: configured.is_some_and(|agent| agent.primary),
        state: snapshot.state,
        model: traits.model,
        session: traits.session,
        workspace: agent.path().clone(),
        capabilities: traits.capabilities,
        skills: traits.skills,
        sessions: core.store.count(&agent.id).unwrap_or(0),
        running: snapshot.running,
        waiting: snapshot.waiting,
        last_activity: snapshot.last_activity,
    }
}
