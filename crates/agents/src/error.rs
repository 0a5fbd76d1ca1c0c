//! What a caller of the agents can be told.

use std::path::PathBuf;

use openclaw_types::{AgentId, RunId, SessionId};

use crate::{outcome::Failure, settings, workspace};

/// Why a call was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such agent.
    #[error("no agent `{agent}`")]
    UnknownAgent {
        /// Who was asked for.
        agent: AgentId,
    },
    /// There is one already.
    #[error("agent `{agent}` exists")]
    AgentExists {
        /// Which one.
        agent: AgentId,
    },
    /// The agent's workspace or transcript cannot be used.
    #[error("agent `{agent}` cannot run: {reason}")]
    Broken {
        /// Which one.
        agent: AgentId,
        /// Why, with its causes.
        reason: String,
    },
    /// A tool can't be offered.
    #[error("register the tools of the collective")]
    Tools {
        /// Why.
        source: openclaw_tools::registry::Refusal,
    },
    /// The agent is being deleted or restarted.
    #[error("agent `{agent}` is offline")]
    Offline {
        /// Which one.
        agent: AgentId,
    },
    /// All places of the lane are taken. Nothing was written.
    #[error("session `{session}` of `{agent}` has {depth_max} messages waiting")]
    Busy {
        /// Whose.
        agent: AgentId,
        /// Which one.
        session: SessionId,
        /// How many may wait.
        depth_max: usize,
    },
    /// Too many of the agent's sessions have something to do. Nothing was written.
    #[error("agent `{agent}` has {lanes_max} sessions at work")]
    LanesFull {
        /// Which one.
        agent: AgentId,
        /// How many there may be.
        lanes_max: usize,
    },
    /// A run of this id is known already. Nothing was written.
    #[error("run `{run}` exists")]
    DuplicateRun {
        /// Which one.
        run: RunId,
    },
    /// The message has no text. Nothing was written.
    #[error("the message is empty")]
    EmptyMessage,
    /// The gateway stops and takes nothing new. Nothing was written.
    #[error("the gateway is stopping")]
    Stopping,
    /// The transcript refused the entry.
    #[error("write to the transcript of `{agent}`")]
    Storage {
        /// Whose.
        agent: AgentId,
        /// Why.
        source: openclaw_sessions::Error,
    },
    /// The disk did not answer. Should the entry still arrive there, it will be marked as not run.
    #[error("the disk did not take the message for `{agent}` within {deadline_ms} ms")]
    StorageDeadline {
        /// Whose.
        agent: AgentId,
        /// How long it had.
        deadline_ms: u64,
    },
    /// The workspace refused.
    #[error("workspace of `{agent}`")]
    Workspace {
        /// Whose.
        agent: AgentId,
        /// Why.
        source: workspace::Error,
    },
    /// The change of the agent's settings was refused.
    #[error("settings of `{agent}`")]
    Settings {
        /// Whose.
        agent: AgentId,
        /// Why.
        source: settings::Error,
    },
    /// The list of added and removed agents cannot be read or written.
    #[error("roster {}", path.display())]
    Roster {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Runs of the agent did not stop in time.
    #[error("runs of `{agent}` did not stop within {deadline_ms} ms")]
    StillRunning {
        /// Whose.
        agent: AgentId,
        /// How long they had.
        deadline_ms: u64,
    },
    /// The prompt cannot be made.
    #[error("prompt of `{agent}`: {}", failure.message)]
    Prompt {
        /// Whose.
        agent: AgentId,
        /// Why, with what may be done about it.
        failure: Failure,
    },
    /// A proposal of this id is being deliberated.
    #[error("proposal `{proposal}` is being deliberated")]
    DuplicateProposal {
        /// Which one.
        proposal: String,
    },
    /// Too many proposals are being deliberated.
    #[error("{proposals_max} proposals are being deliberated")]
    ProposalsFull {
        /// How many may be.
        proposals_max: usize,
    },
    /// A bug: the task that deliberated is gone.
    #[error("the deliberation of `{proposal}` broke off")]
    BrokeOff {
        /// Which one.
        proposal: String,
        /// How.
        source: tokio::task::JoinError,
    },
    /// A bug, or the end of the process: the task that made the change is gone.
    #[error("the change of `{agent}` broke off")]
    ChangeBrokeOff {
        /// Which agent.
        agent: AgentId,
        /// How.
        source: tokio::task::JoinError,
    },
}
