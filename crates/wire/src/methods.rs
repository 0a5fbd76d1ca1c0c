//! The methods by namespace, and the shapes that several of them share.

pub mod agent;
pub mod agents;
pub mod chat;
pub mod gateway;
pub mod models;
pub mod router;
pub mod sessions;
pub mod triad;

use openclaw_types::{Part, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::method::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row::<gateway::Connect>(),
    row::<gateway::Health>(),
    row::<gateway::Status>(),
    row::<gateway::GatewayStop>(),
    row::<agents::AgentsList>(),
    row::<agents::AgentsStatus>(),
    row::<agents::AgentsCreate>(),
    row::<agents::AgentsDelete>(),
    row::<agents::AgentsRestart>(),
    row::<agents::AgentsConfigGet>(),
    row::<agents::AgentsConfigSet>(),
    row::<agents::AgentsPrompt>(),
    row::<agent::AgentIdentityGet>(),
    row::<agent::Agent>(),
    row::<agent::AgentWait>(),
    row::<sessions::SessionsList>(),
    row::<sessions::SessionsGet>(),
    row::<sessions::SessionsCreate>(),
    row::<sessions::SessionsDelete>(),
    row::<sessions::SessionsArchive>(),
    row::<sessions::SessionsCompact>(),
    row::<sessions::SessionsCommit>(),
    row::<sessions::SessionsVerify>(),
    row::<sessions::SessionsSearch>(),
    row::<sessions::SessionsExport>(),
    row::<sessions::SessionsImport>(),
    row::<sessions::SessionsSubscribe>(),
    row::<sessions::SessionsUnsubscribe>(),
    row::<sessions::SessionsMessagesSubscribe>(),
    row::<sessions::SessionsMessagesUnsubscribe>(),
    row::<chat::ChatSend>(),
    row::<chat::ChatHistory>(),
    row::<chat::ChatAbort>(),
    row::<models::ModelsList>(),
    row::<models::ModelsStatus>(),
    row::<models::ModelsProbe>(),
    row::<models::ModelsAuth>(),
    row::<router::RouterKeysGenerate>(),
    row::<router::RouterKeysList>(),
    row::<router::RouterKeysInfo>(),
    row::<router::RouterKeysUpdate>(),
    row::<router::RouterKeysDelete>(),
    row::<router::RouterKeysBlock>(),
    row::<router::RouterKeysUnblock>(),
    row::<router::RouterSpend>(),
    row::<router::RouterSpendLogs>(),
    row::<router::RouterBudgets>(),
    row::<router::RouterHealth>(),
    row::<triad::TriadPropose>(),
];

/// An object without fields; unknown ones are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Empty {}

/// Tokens, in upstream's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageShape {
    /// Tokens read.
    #[serde(default)]
    pub input: u64,
    /// Tokens written.
    #[serde(default)]
    pub output: u64,
    /// Of those read, how many came from the provider's cache.
    #[serde(default)]
    pub cache_read: u64,
    /// Both together.
    #[serde(default)]
    pub total: u64,
}

impl From<Usage> for UsageShape {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input_tokens,
            output: usage.output_tokens,
            cache_read: usage.cached_tokens,
            total: usage.input_tokens.saturating_add(usage.output_tokens),
        }
    }
}

/// One entry of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryMessage {
    /// `user`, `assistant`, `system` or `toolResult`.
    pub role: String,
    /// Its parts; one that is a plain string is one text part.
    #[serde(deserialize_with = "content_parts")]
    pub content: Vec<ContentPart>,
    /// When, in milliseconds.
    pub timestamp: i64,
    /// The model that wrote it, by provider and name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageShape>,
    /// The run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// What kind of entry it is, where it is not a plain message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The tool call a `toolResult` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The tool a `toolResult` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// Whether a `toolResult` is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// Where it stands.
    #[serde(
        default,
        rename = "__openclaw",
        skip_serializing_if = "Option::is_none"
    )]
    pub place: Option<Place>,
}

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its number within the session.
    pub seq: u64,
}

/// One part of an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ContentPart {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// What the model thought aloud.
    Thinking {
        /// The text.
        thinking: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// The call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A part this version does not know.
    #[serde(other)]
    Unknown,
}

impl From<&Part> for ContentPart {
    fn from(part: &Part) -> Self {
        match part {
            Part::Text(text) => Self::Text { text: text.clone() },
            Part::Reasoning(text) => Self::Thinking {
                thinking: text.clone(),
            },
            Part::ToolCall(call) => Self::ToolCall {
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            },
            Part::ToolResult(result) => Self::Text {
                text: result.content.clone(),
            },
        }
    }
}

fn content_parts<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ContentPart>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Parts(Vec<ContentPart>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => vec![ContentPart::Text { text }],
        Either::Parts(parts) => parts,
    })
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionRow {
    /// Its full key.
    pub key: String,
    /// `direct`; upstream has more.
    pub kind: String,
    /// Its agent.
    #[serde(default)]
    pub agent_id: String,
    /// Its id.
    #[serde(default)]
    pub session_id: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// When its first entry was written, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// When its newest entry was written, in milliseconds.
    #[serde(default)]
    pub updated_at: i64,
    /// How many entries it has.
    #[serde(default)]
    pub entries: u64,
    /// Who wrote the newest entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_role: Option<String>,
    /// How the newest entry begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_preview: Option<String>,
    /// Who began it: `operator`, `local`, `agent`, `schedule` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `running`, or `done`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The number of the newest committed entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_seq: Option<u64>,
    /// It is in the archive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// The model that wrote last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}
