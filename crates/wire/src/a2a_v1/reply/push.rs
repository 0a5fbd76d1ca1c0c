//! Frames that answer nothing: pushes to subscribers, and the goodbye.

use serde::Serialize;
use serde_json::json;

use super::{
    super::{
        ReplyTo,
        body::{Channel, DisconnectReason},
    },
    AgentState, Out, Stamp, text,
};

/// A goodbye.
#[must_use]
pub fn disconnect(stamp: &Stamp, reason: DisconnectReason, message: &str) -> String {
    let content = json!({"reason": reason.as_str(), "message": message});
    text(&Out::new("disconnect", stamp, &ReplyTo::default(), content))
}

/// A push to a subscriber: something happened to an agent.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusChange<'a> {
    /// Which agent.
    pub agent: &'a str,
    /// How it is now.
    pub status: AgentState,
    /// How it was.
    pub previous: AgentState,
    /// Since when.
    pub timestamp: i64,
}

/// The event `agent:status`.
#[must_use]
pub fn status_event(stamp: &Stamp, change: StatusChange<'_>) -> String {
    let nobody = ReplyTo::default();
    let mut out = Out::new("event", stamp, &nobody, change);
    out.event = Some(Channel::AgentStatus.as_str());
    out.agent = Some(change.agent);
    text(&out)
}

/// A push to a subscriber: an agent writes.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Writing<'a> {
    /// Which agent.
    pub agent: &'a str,
    /// In which session.
    pub session_id: &'a str,
    /// In which run.
    pub run_id: &'a str,
    /// `delta` for a piece, `final` for the whole.
    pub state: &'static str,
    /// The piece, or the whole.
    pub text: &'a str,
}

/// The event `agent:message`.
#[must_use]
pub fn message_event(stamp: &Stamp, writing: Writing<'_>) -> String {
    let nobody = ReplyTo::default();
    let mut out = Out::new("event", stamp, &nobody, writing);
    out.event = Some(Channel::AgentMessage.as_str());
    out.agent = Some(writing.agent);
    out.session_id = Some(writing.session_id);
    text(&out)
}
