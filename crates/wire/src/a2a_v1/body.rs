//! What a frame says: one variant per message type.

mod read;

use openclaw_types::{AgentId, Role, Timestamp};
pub(super) use read::read;
use serde_json::Value;

pub use crate::secret::Secret;

/// One message type with its content.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Talk to an agent.
    Message {
        /// Which one; none for the primary agent.
        agent: Option<AgentId>,
        /// Who speaks, as the sender says.
        role: Role,
        /// What is said.
        text: String,
    },
    /// How is the gateway, or one agent?
    Status {
        /// The agent, or none for the gateway.
        agent: Option<AgentId>,
    },
    /// The sender reports an error.
    Error {
        /// What went wrong.
        error: String,
        /// In more words.
        message: Option<String>,
    },
    /// The sender reports an event.
    Event {
        /// Its name.
        event: String,
        /// What happened.
        content: Value,
    },
    /// The sender introduces itself.
    Handshake(Handshake),
    /// Who is here?
    Discovery,
    /// Tell me of these events from now on.
    Subscribe(Subscription),
    /// Stop telling me.
    Unsubscribe(Subscription),
    /// Are you there?
    Ping {
        /// An older client's account of itself, echoed in the answer.
        heartbeat: Option<Value>,
    },
    /// The answer to a ping.
    Pong,
    /// Here is my token.
    Auth {
        /// The token.
        token: Secret,
    },
    /// The answer to an `auth`.
    AuthResponse {
        /// How it went.
        status: String,
    },
    /// Goodbye.
    Disconnect {
        /// Why.
        reason: DisconnectReason,
        /// In more words.
        message: Option<String>,
    },
    /// Put something to the triad.
    Proposal(Proposal),
    /// The triad decided.
    Decision {
        /// Which proposal.
        proposal: Option<String>,
        /// `approved` or `rejected`.
        result: String,
    },
    /// One agent votes.
    Vote(Vote),
    /// Call a service.
    Request {
        /// Which one.
        service: String,
        /// The whole content, its parameters included.
        content: Value,
    },
    /// The answer to a request.
    Response {
        /// What the service answered.
        result: Value,
    },
    /// Talk to many agents.
    Broadcast {
        /// To whom; none for all.
        agents: Option<Vec<AgentId>>,
        /// What is said.
        text: String,
    },
    /// Which workspaces are there?
    Workspace,
    /// An older client names its agent.
    Register {
        /// The name.
        agent: AgentId,
    },
    /// An older client asks who is here.
    Discover,
    /// An older client asks how the gateway is.
    Health,
}

/// The content of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// The client says what it can do.
    Advertise {
        /// The message types it understands.
        message_types: Vec<String>,
        /// The agents it wants to talk to.
        agents: Vec<String>,
        /// Its protocol version.
        version: Option<String>,
    },
    /// The gateway says who is there; only a gateway sends it.
    Acknowledge,
}

/// What to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The channel.
    pub channel: Channel,
    /// Only these agents; none for all.
    pub agents: Option<Vec<AgentId>>,
}

/// The channels one can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// State changes of agents.
    AgentStatus,
    /// Answers as they are written: deltas, and each message once it is stored.
    AgentMessage,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::AgentStatus, Self::AgentMessage];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentStatus => "agent:status",
            Self::AgentMessage => "agent:message",
        }
    }
}

/// Why a side leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The process ends.
    Shutdown,
    /// Nothing was heard for too long.
    Timeout,
    /// Something went wrong.
    Error,
    /// Someone wanted it.
    Manual,
}

impl DisconnectReason {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Manual => "manual",
        }
    }
}

/// Something for the triad to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The proposal's id: the frame's correlation, which votes repeat.
    pub id: Option<String>,
    /// What is proposed.
    pub text: String,
    /// Why.
    pub reasoning: Option<String>,
    /// Until when.
    pub deadline: Option<Deadline>,
}

/// Until when, as the sender put it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// Within this many milliseconds.
    WithinMs(u64),
    /// By this time.
    By(Timestamp),
}

/// One vote.
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    /// Which proposal.
    pub proposal: String,
    /// Yes, no, or neither.
    pub choice: Choice,
    /// Why.
    pub reasoning: Option<String>,
    /// How sure, from 0 to 1.
    pub confidence: Option<f64>,
}

/// Yes, no, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Neither.
    Abstain,
}

impl Choice {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Abstain => "abstain",
        }
    }

    /// The choice of a word, in any of the vocabularies in use.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "approve" | "yes" | "support" | "agree" => Some(Self::Approve),
            "reject" | "no" | "disagree" => Some(Self::Reject),
            "abstain" => Some(Self::Abstain),
            _ => None,
        }
    }
}
