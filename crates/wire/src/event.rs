//! The table of all native events, who may hear each, and their payloads.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

const fn row(name: &'static str, audience: Audience, summary: &'static str) -> Row {
    Row {
        name,
        audience,
        summary,
    }
}

/// Every event.
pub const EVENTS: [Row; 10] = [
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
];

/// The row of an event.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    EVENTS.iter().find(|row| row.name == name)
}

/// Payload of `agent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentEvent<'a> {
    /// Which run.
    pub run_id: Cow<'a, str>,
    /// What of the run, with its data.
    #[serde(flatten)]
    pub stream: Stream<'a>,
    /// Which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<Cow<'a, str>>,
    /// Which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Cow<'a, str>>,
    /// Its number within the run.
    pub seq: u64,
    /// When, in milliseconds.
    pub ts: i64,
}

/// The streams of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stream", content = "data", rename_all = "camelCase")]
pub enum Stream<'a> {
    /// It starts, ends or fails.
    Lifecycle(Lifecycle<'a>),
    /// It writes.
    Assistant(Assistant<'a>),
    /// It thinks aloud.
    Reasoning(Assistant<'a>),
    /// It uses a tool.
    Tool(Tool<'a>),
    /// A stream this version does not know.
    #[serde(untagged)]
    Other {
        /// Which one.
        stream: Cow<'a, str>,
        /// Its data.
        #[serde(default)]
        data: Value,
    },
}

/// Where in its life a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifecycle<'a> {
    /// `start`, `end` or `error`.
    pub phase: Cow<'a, str>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// Whether it was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted: Option<bool>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
    /// Which model answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Cow<'a, str>>,
}

/// A piece of text, and all of it so far where that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assistant<'a> {
    /// All so far. Older clients show this and not the piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// The new piece.
    pub delta: Cow<'a, str>,
}

/// A tool call's start, progress or result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool<'a> {
    /// `start`, `update` or `result`.
    pub phase: Cow<'a, str>,
    /// The tool.
    pub name: Cow<'a, str>,
    /// The call.
    pub tool_call_id: Cow<'a, str>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Whether that is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
}

/// Payload of `chat`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatEvent<'a> {
    /// Which run.
    pub run_id: Cow<'a, str>,
    /// Which session.
    pub session_key: Cow<'a, str>,
    /// Which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Cow<'a, str>>,
    /// Its number within the run.
    pub seq: u64,
    /// What of the conversation.
    #[serde(flatten)]
    pub state: ChatState<'a>,
}

/// The states of a conversation's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ChatState<'a> {
    /// What it is doing before the first word (protocol 4).
    Status {
        /// Such as `starting_model`.
        phase: Cow<'a, str>,
    },
    /// A new piece.
    Delta {
        /// The piece (protocol 4 requires it, protocol 3 ignores it).
        #[serde(default)]
        delta_text: Cow<'a, str>,
        /// All so far (protocol 3 requires it).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<ChatMessage<'a>>,
    },
    /// The whole answer.
    Final {
        /// The answer; absent where the run said nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<ChatMessage<'a>>,
        /// Why the model stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop_reason: Option<Cow<'a, str>>,
        /// What it used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<crate::methods::UsageShape>,
    },
    /// Someone stopped it.
    Aborted {
        /// Who or what.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop_reason: Option<Cow<'a, str>>,
        /// What had been said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<ChatMessage<'a>>,
    },
    /// It failed.
    Error {
        /// Why.
        #[serde(default)]
        error_message: Cow<'a, str>,
    },
}

/// An answer as `chat` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage<'a> {
    /// `assistant`.
    pub role: Cow<'a, str>,
    /// Its text, as one part.
    pub content: [TextPart<'a>; 1],
    /// When, in milliseconds.
    pub timestamp: i64,
}

impl<'a> ChatMessage<'a> {
    /// An assistant's text.
    pub fn assistant(text: impl Into<Cow<'a, str>>, timestamp: i64) -> Self {
        Self {
            role: Cow::Borrowed("assistant"),
            content: [TextPart {
                r#type: TextType::Text,
                text: text.into(),
            }],
            timestamp,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        let [part] = &self.content;
        &part.text
    }
}

/// A text part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPart<'a> {
    /// `text`.
    pub r#type: TextType,
    /// The text.
    pub text: Cow<'a, str>,
}

/// The word `text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextType {
    /// The only one.
    Text,
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
