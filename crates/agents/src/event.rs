//! What happened to agents and runs, and who is told.

use std::sync::Arc;

use openclaw_sessions::Kind;
use openclaw_types::{AgentId, Role, RunId, SessionId, Timestamp, ToolCall, ToolResult};

use crate::{agents::AgentState, outcome::Outcome};

/// Receives every event, in the order in which things happened in one run.
///
/// An implementation must not wait and must not call back into the agents: it is called from the middle
/// of a run, and partly under a lock.
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// Something that happened; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// In which run, if in one.
    pub run: Option<RunId>,
    /// To which agent.
    pub agent: AgentId,
    /// In which session, if in one.
    pub session: Option<SessionId>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// The run's turn has come.
    RunStarted {
        /// When.
        started: Timestamp,
    },
    /// A piece of the answer. Pieces are not kept: the entry that follows holds the whole.
    Delta(Arc<str>),
    /// A piece of what the model thinks aloud.
    Reasoning(Arc<str>),
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// A tool answered.
    ToolResult(ToolResult),
    /// An entry is durable.
    EntryAppended {
        /// Its id.
        id: String,
        /// Its number in the session.
        seq: u64,
        /// Its time.
        timestamp: Timestamp,
        /// What it is.
        kind: Kind,
        /// Who speaks.
        role: Role,
    },
    /// The run is over and its last entry is durable.
    RunEnded(Outcome),
    /// The agent's state changed.
    AgentState {
        /// What it was.
        previous: AgentState,
        /// What it is.
        now: AgentState,
    },
}

/// Drops every event; for callers that only want outcomes.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoSink;

impl Sink for NoSink {
    fn emit(&self, event: Event) {
        drop(event);
    }
}

/// A sink whose panics end there: a listener that breaks must not take a run or a lane with it.
pub(crate) struct Walled(pub(crate) std::sync::Arc<dyn Sink>);

impl Sink for Walled {
    fn emit(&self, event: Event) {
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.0.emit(event)));
        if told.is_err() {
            tracing::error!("event sink panicked");
        }
    }
}
