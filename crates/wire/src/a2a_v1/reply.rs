//! Frames the gateway sends in this dialect, from typed content to text.

mod legacy;
mod push;
mod status;

use std::collections::BTreeMap;

pub use legacy::{discover, health, registered};
use openclaw_types::{AgentId, SessionId, Timestamp};
pub use push::{StatusChange, Writing, disconnect, message_event, status_event};
use serde::Serialize;
use serde_json::{Value, json};
pub use status::{
    AgentCard, AgentState, GatewayStatus, agent_status, discovery, gateway_status, handshake,
    workspace,
};

use super::{ErrorCode, ReplyTo, body::Channel};

/// What every frame carries that only the gateway knows.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// A fresh id.
    pub id: String,
    /// Now.
    pub timestamp: Timestamp,
    /// The id given to this connection; it stands in for a sender that did not name itself.
    pub client: String,
}

/// The sender of everything that no agent says.
const GATEWAY: &str = "gateway";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Out<'a, C> {
    id: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    content: C,
    timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
}

impl Metadata<'_> {
    const fn is_empty(&self) -> bool {
        self.correlation_id.is_none()
            && self.parent_id.is_none()
            && self.run_id.is_none()
            && self.model.is_none()
    }
}

impl<'a, C> Out<'a, C> {
    fn new(kind: &'a str, stamp: &'a Stamp, to: &'a ReplyTo, content: C) -> Self {
        Self {
            id: &stamp.id,
            r#type: kind,
            event: None,
            error: None,
            from: GATEWAY,
            agent: None,
            session_id: None,
            content,
            timestamp: stamp.timestamp.as_millis(),
            correlation_id: to.correlation.as_deref(),
            metadata: Metadata {
                correlation_id: to.correlation.as_deref(),
                parent_id: to.id.as_deref(),
                run_id: None,
                model: None,
            },
        }
    }
}

fn text(frame: &impl Serialize) -> String {
    // Every content type here is a struct or a JSON value with string keys, which always has a JSON form.
    serde_json::to_string(frame).unwrap_or_default()
}

/// An agent's answer.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Who answers.
    pub agent: &'a AgentId,
    /// In which session.
    pub session: &'a SessionId,
    /// What.
    pub text: &'a str,
    /// The run that made it.
    pub run: Option<&'a str>,
    /// The model that wrote it.
    pub model: Option<&'a str>,
}

/// The reply to a `message`.
#[must_use]
pub fn message(stamp: &Stamp, to: &ReplyTo, answer: Answer<'_>) -> String {
    #[derive(Serialize)]
    struct Content<'a> {
        role: &'static str,
        content: &'a str,
    }
    let content = Content {
        role: "assistant",
        content: answer.text,
    };
    let mut out = Out::new("message", stamp, to, content);
    out.from = answer.agent.as_str();
    out.agent = Some(to.from.as_deref().unwrap_or(&stamp.client));
    out.session_id = Some(answer.session.as_str());
    out.metadata.run_id = answer.run;
    out.metadata.model = answer.model;
    text(&out)
}

/// An error: `content` says it for people and programs, the top-level `error` for the reference client.
#[must_use]
pub fn error(stamp: &Stamp, to: &ReplyTo, code: ErrorCode, message: &str) -> String {
    error_with_hint(stamp, to, code, (message, None))
}

/// An error with what to do about it.
#[must_use]
pub fn error_with_hint(
    stamp: &Stamp,
    to: &ReplyTo,
    code: ErrorCode,
    (message, hint): (&str, Option<&str>),
) -> String {
    #[derive(Serialize)]
    struct Content<'a> {
        error: &'static str,
        message: &'a str,
        code: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<&'a str>,
    }
    let content = Content {
        error: code.name(),
        message,
        code: code.number(),
        hint,
    };
    let mut out = Out::new("error", stamp, to, content);
    out.error = Some(code.name());
    text(&out)
}

/// The answer to a frame that could not be read.
#[must_use]
pub fn rejected(stamp: &Stamp, rejected: &super::Rejected) -> String {
    use std::error::Error as _;
    let hint = rejected.error.source().map(ToString::to_string);
    let message = rejected.error.to_string();
    let said = (message.as_str(), hint.as_deref());
    error_with_hint(stamp, &rejected.reply_to, rejected.error.code(), said)
}

/// The answer to a `subscribe`.
#[must_use]
pub fn subscribed(stamp: &Stamp, to: &ReplyTo, channel: Channel) -> String {
    let content = json!({"channel": channel.as_str(), "status": "subscribed"});
    text(&Out::new("subscribe", stamp, to, content))
}

/// The answer to an `unsubscribe`.
#[must_use]
pub fn unsubscribed(stamp: &Stamp, to: &ReplyTo, channel: Channel) -> String {
    let content = json!({"channel": channel.as_str(), "status": "unsubscribed"});
    text(&Out::new("unsubscribe", stamp, to, content))
}

/// The answer to a `ping`; an older client's heartbeat comes back in the form it expects.
#[must_use]
pub fn pong(stamp: &Stamp, to: &ReplyTo, heartbeat: Option<&Value>) -> String {
    let content = match heartbeat {
        Some(sent) => json!({"heartbeat": {"received": true, "agentHeartbeat": sent}}),
        None => json!({}),
    };
    text(&Out::new("pong", stamp, to, content))
}

/// The answer to an `auth` that succeeded; one that failed is an error frame with code 5002.
#[must_use]
pub fn authenticated(stamp: &Stamp, to: &ReplyTo) -> String {
    let content = json!({"status": "authenticated"});
    text(&Out::new("auth-response", stamp, to, content))
}

/// What the triad decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Which proposal.
    pub proposal_id: String,
    /// `approved`, `rejected` or `undecided`.
    pub result: String,
    /// Each member's vote: `approve`, `reject`, `abstain` or `none`.
    pub votes: BTreeMap<String, String>,
    /// Whether the votes agree enough to speak of one will.
    pub consensus: bool,
    /// How many of the members were heard, such as `3/3`.
    pub quorum: String,
    /// Each member's reasons, where it gave any, or why it has no vote.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub reasoning: BTreeMap<String, String>,
}

/// The answer to a `proposal`.
#[must_use]
pub fn decision(stamp: &Stamp, to: &ReplyTo, decision: &Decision) -> String {
    text(&Out::new("decision", stamp, to, decision))
}

/// The answer to a `vote` that was counted.
#[must_use]
pub fn vote_counted(stamp: &Stamp, to: &ReplyTo, proposal: &str) -> String {
    let content = json!({"proposalId": proposal, "status": "counted"});
    text(&Out::new("vote", stamp, to, content))
}

/// The answer to a `request`.
#[must_use]
pub fn response(stamp: &Stamp, to: &ReplyTo, service: &str, result: &Value) -> String {
    let content = json!({"service": service, "result": result});
    text(&Out::new("response", stamp, to, content))
}

/// What became of a broadcast, per agent: accepted, or the name of the error code.
#[must_use]
pub fn broadcast_result(
    stamp: &Stamp,
    to: &ReplyTo,
    results: &BTreeMap<String, Result<(), ErrorCode>>,
) -> String {
    let sent = results.values().filter(|result| result.is_ok()).count();
    let words: BTreeMap<&str, &str> = results
        .iter()
        .map(|(agent, result)| match result {
            Ok(()) => (agent.as_str(), "accepted"),
            Err(code) => (agent.as_str(), code.name()),
        })
        .collect();
    let content = json!({
        "success": sent == results.len(),
        "results": words,
        "totalSent": sent,
    });
    text(&Out::new("broadcast-result", stamp, to, content))
}
