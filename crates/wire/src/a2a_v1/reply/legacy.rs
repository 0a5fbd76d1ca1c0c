//! Answers that only older clients ask for.

use openclaw_types::AgentId;
use serde_json::json;

use super::{super::ReplyTo, GatewayStatus, Out, Stamp, text};

/// The answer to an older client's `register`.
#[must_use]
pub fn registered(stamp: &Stamp, to: &ReplyTo, agent: &AgentId, connected: &[&str]) -> String {
    let content = json!({"agentId": agent.as_str(), "connectedAgents": connected});
    text(&Out::new("registered", stamp, to, content))
}

/// The answer to an older client's `discover`.
#[must_use]
pub fn discover(stamp: &Stamp, to: &ReplyTo, connected: &[&str], registered: &[&str]) -> String {
    let content = json!({"connectedAgents": connected, "registeredAgents": registered});
    text(&Out::new("discover", stamp, to, content))
}

/// The answer to an older client's `health`.
#[must_use]
pub fn health(stamp: &Stamp, to: &ReplyTo, status: &GatewayStatus) -> String {
    let agents: Vec<&str> = status
        .agents
        .iter()
        .map(|card| card.name.as_str())
        .collect();
    let content = json!({
        "status": status.status,
        "running": true,
        "agents": agents,
        "uptimeMs": status.uptime_ms,
        "version": status.version,
    });
    text(&Out::new("health", stamp, to, content))
}
