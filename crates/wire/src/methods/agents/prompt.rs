//! `agents.prompt`: what a model would be sent, without sending it.

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};

use super::AGENT;
use crate::{
    method::Method,
    methods::ContentPart,
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

/// `agents.prompt`: exactly what the model would be sent.
#[derive(Debug, Clone, Copy)]
pub struct AgentsPrompt;

impl Method for AgentsPrompt {
    const NAME: &'static str = "agents.prompt";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        AGENT,
        may("sessionKey", Kind::Session, "whose history to include"),
        may("message", Kind::Text, "a message that is not sent"),
    ];
    const RESULT: &'static [Field] = &[
        need("agentId", Kind::Text, "which agent"),
        need("model", Kind::Text, "which model would answer"),
        need(
            "messages",
            Kind::List,
            "`{role, content}` each, as the model gets them",
        ),
        need(
            "parts",
            Kind::List,
            "`{name, bytes, tokens}` of what the prompt is made of",
        ),
        need("tokens", Kind::Number, "of all messages"),
        need(
            "exact",
            Kind::Flag,
            "whether the model's own tokenizer counted",
        ),
    ];
    type Params = AgentsPromptParams;
    type Result = AgentsPromptResult;
}

/// Parameters of `agents.prompt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsPromptParams {
    /// Which one.
    #[serde(with = "text")]
    pub agent_id: AgentId,
    /// Whose history to include.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_key: Option<SessionRef>,
    /// A message that is not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Result of `agents.prompt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsPromptResult {
    /// Which agent.
    pub agent_id: String,
    /// Which model would answer.
    pub model: String,
    /// What it would be sent.
    pub messages: Vec<PromptMessage>,
    /// What that is made of.
    pub parts: Vec<PromptPart>,
    /// Tokens of all messages.
    pub tokens: u64,
    /// Whether the model's own tokenizer counted.
    pub exact: bool,
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Its parts.
    pub content: Vec<ContentPart>,
}

/// One piece a prompt is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptPart {
    /// Such as `SOUL.md` or `history`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its tokens.
    pub tokens: u64,
}
