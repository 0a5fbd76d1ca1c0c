//! One line of a transcript: what it says, and the only place that knows how it looks on disk.

use openclaw_types::{Message, Part, Role, RunId, SessionId, Timestamp, Usage};
use serde_json::{Map, Value};

pub use self::{
    decode::{Fault, decode},
    marker::Marker,
};
pub(crate) use self::{
    encode::{CRC_TAIL_BYTES, Sealed, encode},
    line::{Line, scan},
    marker::SUM_BYTES,
};

mod cursor;
mod decode;
mod encode;
mod line;
mod marker;
mod quick;
#[cfg(test)]
mod tests;

/// What an entry is. Every kind but [`Kind::Message`] has the role `system` on disk, so that a reader that
/// knows nothing of kinds never mistakes a record for chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody said something.
    Message,
    /// A tool answered.
    ToolResult,
    /// The run ended before the agent had finished.
    Aborted,
    /// A summary that stands for everything before it.
    Compaction,
    /// A point the session can be verified up to.
    Commit,
    /// The session was deleted: everything before this line is hidden.
    Tombstone,
    /// A kind this version does not know. It is kept and listed, and never shown to a model.
    Other,
}

impl Kind {
    /// The word on disk.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::ToolResult => "toolResult",
            Self::Aborted => "aborted",
            Self::Compaction => "compaction",
            Self::Commit => "commit",
            Self::Tombstone => "tombstone",
            Self::Other => "other",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "message" => Self::Message,
            "toolResult" => Self::ToolResult,
            "aborted" => Self::Aborted,
            "compaction" => Self::Compaction,
            "commit" => Self::Commit,
            "tombstone" => Self::Tombstone,
            _ => Self::Other,
        }
    }
}

/// Who caused an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginKind {
    /// A client that holds the token.
    Operator,
    /// A client of the same user without a token.
    Local,
    /// Another agent.
    Agent,
    /// A timer: cron or heartbeat.
    Schedule,
    /// The gateway itself.
    System,
}

impl OriginKind {
    /// The word on disk.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Local => "local",
            Self::Agent => "agent",
            Self::Schedule => "schedule",
            Self::System => "system",
        }
    }

    /// The kind of a word, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "operator" => Some(Self::Operator),
            "local" => Some(Self::Local),
            "agent" => Some(Self::Agent),
            "schedule" => Some(Self::Schedule),
            "system" => Some(Self::System),
            _ => None,
        }
    }
}

/// Who caused an entry, by kind, name and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What sort of party.
    pub kind: OriginKind,
    /// The client's or agent's id.
    pub id: Option<String>,
    /// The message's id in the client's own numbering.
    pub message_id: Option<String>,
}

/// One line of a transcript, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When it was written.
    pub timestamp: Timestamp,
    /// Who speaks.
    pub role: Role,
    /// The plain text.
    pub content: String,
    /// Which conversation.
    pub session: SessionId,
    /// Unique id; empty in files of other tools.
    pub id: String,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// What it is.
    pub kind: Kind,
    /// The parts in order; empty when the only part is the content.
    pub parts: Vec<Part>,
    /// Who caused it.
    pub origin: Option<Origin>,
    /// The model that answered.
    pub model: Option<String>,
    /// What the answer used.
    pub usage: Option<Usage>,
    /// Its number in the session. Lines without one get the next number in file order.
    pub seq: u64,
    /// Fields this version does not know.
    pub extra: Map<String, Value>,
}

impl Entry {
    /// The entry as a message: its parts, or its content as the one text part.
    #[must_use]
    pub fn to_message(&self) -> Message {
        if self.parts.is_empty() {
            Message::text(self.role, self.content.clone())
        } else {
            Message {
                role: self.role,
                parts: self.parts.clone(),
            }
        }
    }

    /// Makes the entry that a draft becomes.
    pub(crate) fn from_draft(draft: Draft, id: String, timestamp: Timestamp, seq: u64) -> Self {
        let plain = matches!(draft.parts.as_slice(), [Part::Text(text)] if *text == draft.content);
        Self {
            timestamp,
            role: match draft.kind {
                Kind::Message => draft.role,
                Kind::ToolResult
                | Kind::Aborted
                | Kind::Compaction
                | Kind::Commit
                | Kind::Tombstone
                | Kind::Other => Role::System,
            },
            content: draft.content,
            session: draft.session,
            id,
            run: draft.run,
            kind: draft.kind,
            parts: if plain { Vec::new() } else { draft.parts },
            origin: draft.origin,
            model: draft.model,
            usage: draft.usage,
            seq,
            extra: Map::new(),
        }
    }

    /// Whether the model asks for a tool here, so that its run goes on.
    pub(crate) fn calls_tools(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::ToolCall(_)))
    }

    /// Roughly what the entry costs in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.content.len() + self.id.len() + parts_bytes(&self.parts)
    }
}

/// An entry that is not on disk yet: everything but its id, time and number.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Who speaks; written as `system` for every kind but [`Kind::Message`].
    pub role: Role,
    /// The plain text.
    pub content: String,
    /// Which conversation.
    pub session: SessionId,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// What it is.
    pub kind: Kind,
    /// The parts in order; may be empty when the content says it all.
    pub parts: Vec<Part>,
    /// Who caused it.
    pub origin: Option<Origin>,
    /// The model that answered.
    pub model: Option<String>,
    /// What the answer used.
    pub usage: Option<Usage>,
}

impl Draft {
    /// A message of plain text.
    #[must_use]
    pub fn message(role: Role, session: SessionId, text: impl Into<String>) -> Self {
        Self {
            role,
            content: text.into(),
            session,
            run: None,
            kind: Kind::Message,
            parts: Vec::new(),
            origin: None,
            model: None,
            usage: None,
        }
    }

    /// A record of the gateway's own: no text, role `system`.
    #[must_use]
    pub fn record(kind: Kind, session: SessionId) -> Self {
        Self {
            kind,
            ..Self::message(Role::System, session, "")
        }
    }

    /// Roughly how many bytes wait in the queue with it.
    pub(crate) fn queue_bytes(&self) -> usize {
        size_of::<Self>() + self.content.len() + parts_bytes(&self.parts)
    }
}

/// Where an appended entry ended up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its id.
    pub id: String,
    /// Its number in the session.
    pub seq: u64,
    /// Its time.
    pub timestamp: Timestamp,
}

fn parts_bytes(parts: &[Part]) -> usize {
    parts.iter().map(part_bytes).sum()
}

fn part_bytes(part: &Part) -> usize {
    size_of::<Part>()
        + match part {
            Part::Text(text) | Part::Reasoning(text) => text.len(),
            Part::ToolCall(call) => {
                call.id.len() + call.name.len() + value_bytes(&call.arguments, 0)
            }
            Part::ToolResult(result) => {
                result.call_id.len() + result.name.len() + result.content.len()
            }
        }
}

fn value_bytes(value: &Value, depth: usize) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        _ if depth > crate::limits::VALUE_DEPTH_MAX => 0,
        Value::Array(values) => values.iter().map(|v| value_bytes(v, depth + 1)).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, v)| key.len() + value_bytes(v, depth + 1))
            .sum(),
    };
    size_of::<Value>() + inner
}
