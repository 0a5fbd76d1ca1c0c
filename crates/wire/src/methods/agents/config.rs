//! `agents.config.*`: one agent's own configuration.

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AGENT;
use crate::{
    method::Method,
    schema::{Field, Kind, may, need},
    scope::Scope,
    text,
};

/// `agents.config.get`.
#[derive(Debug, Clone, Copy)]
pub struct AgentsConfigGet;

impl Method for AgentsConfigGet {
    const NAME: &'static str = "agents.config.get";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        AGENT,
        may(
            "key",
            Kind::Text,
            "a dotted path; without it the whole configuration",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("agentId", Kind::Text, "which agent"),
        may("key", Kind::Text, "the path asked for"),
        need("value", Kind::Any, "what is there"),
    ];
    type Params = AgentsConfigGetParams;
    type Result = AgentsConfigGetResult;
}

/// Parameters of `agents.config.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsConfigGetParams {
    /// Which one.
    #[serde(with = "text")]
    pub agent_id: AgentId,
    /// A dotted path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Result of `agents.config.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsConfigGetResult {
    /// Which one.
    pub agent_id: String,
    /// The path asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is there.
    pub value: Value,
}

/// `agents.config.set`: writes the agent's own config.json.
#[derive(Debug, Clone, Copy)]
pub struct AgentsConfigSet;

impl Method for AgentsConfigSet {
    const NAME: &'static str = "agents.config.set";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        AGENT,
        need("key", Kind::Text, "a dotted path"),
        need("value", Kind::Any, "what to put there"),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("agentId", Kind::Text, "which agent"),
        need("key", Kind::Text, "the path"),
        need("value", Kind::Any, "what is there now"),
        may(
            "restartNeeded",
            Kind::Flag,
            "whether it takes effect only after a restart",
        ),
    ];
    type Params = AgentsConfigSetParams;
    type Result = AgentsConfigSetResult;
}

/// Parameters of `agents.config.set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsConfigSetParams {
    /// Which one.
    #[serde(with = "text")]
    pub agent_id: AgentId,
    /// A dotted path.
    pub key: String,
    /// What to put there.
    pub value: Value,
}

/// Result of `agents.config.set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsConfigSetResult {
    /// True.
    pub ok: bool,
    /// Which one.
    pub agent_id: String,
    /// The path.
    pub key: String,
    /// What is there now.
    pub value: Value,
    /// Whether it takes effect only after a restart.
    #[serde(default)]
    pub restart_needed: bool,
}
