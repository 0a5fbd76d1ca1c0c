//! Answers about who is there and how they are.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    super::{ReplyTo, VERSION},
    Out, Stamp, text,
};

/// What discovery, handshake and status tell of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCard {
    /// Its id.
    pub name: String,
    /// What it is for.
    pub role: String,
    /// How it is.
    pub status: AgentState,
    /// Its directory.
    pub workspace: String,
}

/// How an agent is, in the dialect's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Loaded.
    Online,
    /// Not loaded.
    Offline,
    /// Working.
    Busy,
    /// Free.
    Idle,
    /// Broken.
    Error,
}

/// The answer to a `handshake`: who is there, and the id this connection goes by.
#[must_use]
pub fn handshake(stamp: &Stamp, to: &ReplyTo, agents: &[&str]) -> String {
    let content = json!({
        "action": "acknowledge",
        "clientId": stamp.client,
        "availableAgents": agents,
        "protocolVersion": VERSION,
    });
    text(&Out::new("handshake", stamp, to, content))
}

/// The answer to a `discovery`.
#[must_use]
pub fn discovery(stamp: &Stamp, to: &ReplyTo, agents: &[AgentCard]) -> String {
    let content = json!({"action": "list", "agents": agents});
    text(&Out::new("discovery", stamp, to, content))
}

/// The answer to a `workspace`.
#[must_use]
pub fn workspace(stamp: &Stamp, to: &ReplyTo, agents: &[AgentCard]) -> String {
    let content = json!({"action": "list", "workspaces": agents});
    text(&Out::new("workspace", stamp, to, content))
}

/// How the gateway is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// `online`, or `draining` once it stops.
    pub status: String,
    /// Our version.
    pub version: String,
    /// Since the start.
    pub uptime_ms: u64,
    /// The agents.
    pub agents: Vec<AgentCard>,
    /// Which model answers, in words.
    pub model: Option<String>,
}

/// The answer to a `status` about the gateway.
#[must_use]
pub fn gateway_status(stamp: &Stamp, to: &ReplyTo, status: &GatewayStatus) -> String {
    text(&Out::new("status", stamp, to, status))
}

/// The answer to a `status` about one agent.
#[must_use]
pub fn agent_status(stamp: &Stamp, to: &ReplyTo, card: &AgentCard, details: &Value) -> String {
    #[derive(Serialize)]
    struct Content<'a> {
        agent: &'a str,
        #[serde(flatten)]
        card: &'a AgentCard,
        details: &'a Value,
    }
    let content = Content {
        agent: &card.name,
        card,
        details,
    };
    let mut out = Out::new("status", stamp, to, content);
    out.agent = Some(&card.name);
    text(&out)
}
