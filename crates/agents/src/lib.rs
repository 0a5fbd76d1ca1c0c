//! Agents: workspaces, lanes and runs; the turn and the deliberation machines.
//!
//! It knows no sockets and no frames, and it reads no configuration: it is given explicit options, a
//! session store, a way to models and a sink for events.
//!
//! Start at [`turn`] for how an agent decides what to do next, at [`prompt`] for what a model is sent, and
//! at [`deliberation`] for the collective's decisions.
//!
//! Invariants: one run at a time per session; every accepted run ends exactly once; an entry is durable
//! before anyone hears of it; the pure modules (`turn`, `prompt`, `order`, `queue`, `deliberation`, `vote`,
//! `settings`) wait for nothing.

mod agent;
pub mod agents;
mod collective;
mod core;
mod deliberate;
pub mod deliberation;
mod error;
pub mod event;
mod kit;
mod lane;
pub mod limits;
pub mod offline;
mod options;
pub mod order;
pub mod outcome;
pub mod prompt;
mod queue;
mod roster;
mod run;
mod runs;
pub mod settings;
mod submit;
mod templates;
pub mod turn;
pub mod vote;
pub mod workspace;

pub use agents::{AgentState, AgentStatus, Agents, Drained, NewAgent, PromptView};
pub use deliberate::{Proposal, TRIAD};
pub use error::Error;
pub use event::{Event, EventKind, NoSink, Sink};
pub use kit::ToolPolicy;
pub use options::{AgentOptions, Options, RunDeadlines};
pub use outcome::{Failure, FailureKind, Outcome, Status, WORKSPACE_HINT, full_disk_hint};
pub use runs::OutcomeFuture;
pub use submit::{Accepted, Inbound, Submission};
pub use turn::AbortCause;
