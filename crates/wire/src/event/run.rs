//! Payloads of `agent` and `chat`: what a run does, as it does it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
