//! The table of all native events, who may hear each, and their payloads.

mod run;

pub use run::{
    AgentEvent, Assistant, ChatEvent, ChatMessage, ChatState, Lifecycle, Stream, TextPart,
    TextType, Tool,
};
use serde::{Deserialize, Serialize};

pub use crate::methods::router::BudgetAlert;
use crate::scope::Scope;

/// Who hears an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The one connection it is meant for.
    Target,
    /// Every connection that finished its handshake.
    Connected,
    /// Every connection with the scope.
    Holders(Scope),
    /// Connections with the read scope that subscribed to sessions.
    SessionSubscribers,
    /// Connections with the read scope that subscribed to the session's messages.
    MessageSubscribers,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The event's name.
    pub name: &'static str,
    /// Who hears it.
    pub audience: Audience,
    /// What it tells, for the manual.
    pub summary: &'static str,
}

/// The nonce a client with a device identity signs.
pub const CONNECT_CHALLENGE: &str = "connect.challenge";
/// What a run does.
pub const AGENT: &str = "agent";
/// What a conversation shows.
pub const CHAT: &str = "chat";
/// A session began, grew or went.
pub const SESSIONS_CHANGED: &str = "sessions.changed";
/// An entry was stored.
pub const SESSION_MESSAGE: &str = "session.message";
/// Who is connected.
pub const PRESENCE: &str = "presence";
/// The gateway is alive.
pub const TICK: &str = "tick";
/// How the gateway is.
pub const HEALTH: &str = "health";
/// The gateway stops.
pub const SHUTDOWN: &str = "shutdown";
/// An agent's state changed.
pub const AGENT_STATUS: &str = "agent:status";

/// A share of a budget is spent.
pub const BUDGET_ALERT: &str = "budget.alert";

const fn row(name: &'static str, audience: Audience, summary: &'static str) -> Row {
    Row {
        name,
        audience,
        summary,
    }
}

/// Every event.
pub const EVENTS: [Row; 11] = [
    row(
        CONNECT_CHALLENGE,
        Audience::Target,
        "nonce to sign before `connect`",
    ),
    row(
        AGENT,
        Audience::Holders(Scope::Read),
        "a run's lifecycle, text and tools",
    ),
    row(
        CHAT,
        Audience::Holders(Scope::Read),
        "a conversation's deltas and its end",
    ),
    row(
        SESSIONS_CHANGED,
        Audience::SessionSubscribers,
        "a session began, grew or went",
    ),
    row(
        SESSION_MESSAGE,
        Audience::MessageSubscribers,
        "an entry was stored",
    ),
    row(PRESENCE, Audience::Connected, "who is connected"),
    row(TICK, Audience::Connected, "sign of life"),
    row(HEALTH, Audience::Connected, "how the gateway is"),
    row(SHUTDOWN, Audience::Connected, "the gateway stops"),
    row(
        AGENT_STATUS,
        Audience::Holders(Scope::Read),
        "an agent's state changed",
    ),
    row(
        BUDGET_ALERT,
        Audience::Holders(Scope::Read),
        "a share of a budget is spent: 50, 80 or 100 %, its soft limit, or a request was refused for it",
    ),
];

/// The row of an event.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    EVENTS.iter().find(|row| row.name == name)
}

/// Payload of `sessions.changed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsChanged {
    /// Which session.
    pub session_key: String,
    /// Which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// A run's `start` or `end`, or `message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// `create`, `delete` or what else changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The number of its newest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_seq: Option<u64>,
    /// When, in milliseconds.
    pub ts: i64,
    /// The session now; absent once it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<crate::methods::SessionRow>,
}

/// Payload of `session.message`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionMessage {
    /// Which session.
    pub session_key: String,
    /// Which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The entry.
    pub message: crate::methods::HistoryMessage,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Its number within the session.
    pub message_seq: u64,
}

/// Payload of `presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Everyone.
    pub presence: Vec<PresenceEntry>,
}

/// One connected program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEntry {
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What it is used as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `self`, `connect` or `disconnect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Its scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// This very instance of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Since when, in milliseconds.
    pub ts: i64,
}

/// Payload of `tick`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The gateway's clock in milliseconds.
    pub ts: i64,
}

/// Payload of `shutdown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shutdown {
    /// Why.
    pub reason: String,
    /// In how many milliseconds it is back; null where it stays away.
    pub restart_expected_ms: Option<u64>,
}

/// Payload of `agent:status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentStatus {
    /// Which agent.
    pub agent_id: String,
    /// How it is now.
    pub status: String,
    /// How it was.
    pub previous: String,
    /// Why, where something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When, in milliseconds.
    pub ts: i64,
}
