//! `agent`, `agent.wait` and `agent.identity.get`: one agent at work.

use openclaw_types::{AgentId, Priority, RunId};
use serde::{Deserialize, Serialize};

use crate::{
    method::{Method, TwoPhase},
    methods::UsageShape,
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

/// How a priority travels: as its word.
mod priority {
    use super::{Deserialize, Priority};

    #[expect(clippy::ref_option, reason = "the signature serde asks for")]
    pub(super) fn serialize<S: serde::Serializer>(
        priority: &Option<Priority>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match priority {
            Some(priority) => serializer.serialize_str(priority.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Priority>, D::Error> {
        let Some(word) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let wrong = "priority must be low, normal, high or critical";
        Priority::parse(&word)
            .map(Some)
            .ok_or_else(|| serde::de::Error::custom(wrong))
    }
}

/// `agent`: a message becomes a run; answered when accepted and again when done.
#[derive(Debug, Clone, Copy)]
pub struct Agent;

impl Method for Agent {
    const NAME: &'static str = "agent";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[
        need("message", Kind::Text, "what is said"),
        need(
            "idempotencyKey",
            Kind::Run,
            "makes a repeated request harmless; it becomes the run id",
        ),
        may(
            "agentId",
            Kind::Agent,
            "which agent; without it the session's, else the primary one",
        ),
        may(
            "sessionKey",
            Kind::Session,
            "which session; without it the agent's main one",
        ),
        may(
            "priority",
            Kind::Text,
            "`low`, `normal`, `high` or `critical`",
        ),
        may("timeout", Kind::Number, "seconds the run may take"),
    ];
    const RESULT: &'static [Field] = &[
        need("runId", Kind::Text, "the run"),
        need(
            "status",
            Kind::Text,
            "`accepted` first; then `ok`, `error`, `aborted` or `timeout`",
        ),
        may("summary", Kind::Text, "in words"),
        may(
            "result",
            Kind::Object,
            "`{payloads: [{text}], meta: {durationMs, agentMeta, aborted}}`",
        ),
        may("error", Kind::Text, "what went wrong"),
        may("hint", Kind::Text, "what to do about it"),
    ];
    type Params = AgentParams;
    type Result = AgentResult;
}

impl TwoPhase for Agent {
    type Accepted = AgentAccepted;
}

/// Parameters of `agent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentParams {
    /// What is said.
    pub message: String,
    /// The run's id.
    #[serde(with = "text")]
    pub idempotency_key: RunId,
    /// Which agent.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub agent_id: Option<AgentId>,
    /// Which session.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_key: Option<SessionRef>,
    /// In what order waiting messages run.
    #[serde(default, with = "priority", skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Seconds the run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
}

/// First answer to `agent`: the message is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentAccepted {
    /// The run.
    pub run_id: String,
    /// The session.
    #[serde(default)]
    pub session_key: String,
    /// The agent.
    #[serde(default)]
    pub agent_id: String,
    /// `accepted`.
    pub status: AcceptedWord,
    /// When, in milliseconds.
    pub accepted_at: i64,
    /// The number of the message's entry.
    #[serde(default)]
    pub seq: u64,
    /// How many runs are before it.
    #[serde(default)]
    pub position: u64,
}

/// The word `accepted`, by which a first answer is told from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceptedWord {
    /// The only one.
    #[default]
    Accepted,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It answered.
    Ok,
    /// It failed.
    Error,
    /// Someone stopped it.
    Aborted,
    /// It, or the wait for it, took too long.
    Timeout,
}

/// Last answer to `agent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentResult {
    /// The run.
    pub run_id: String,
    /// How it ended.
    pub status: RunStatus,
    /// In words.
    #[serde(default)]
    pub summary: String,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl AgentResult {
    /// All that was said.
    #[must_use]
    pub fn text(&self) -> String {
        let payloads = self.result.iter().flat_map(|result| &result.payloads);
        payloads.map(|payload| payload.text.as_str()).collect()
    }
}

/// What a run said, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// What it said.
    pub payloads: Vec<Payload>,
    /// How.
    pub meta: RunMeta,
}

/// One piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    /// Its text.
    #[serde(default)]
    pub text: String,
    /// A file that goes with it.
    #[serde(default)]
    pub media_url: Option<String>,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunMeta {
    /// How long it took.
    pub duration_ms: u64,
    /// By which model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_meta: Option<AgentMeta>,
    /// Whether it was stopped.
    #[serde(default)]
    pub aborted: bool,
    /// Why the model stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
}

/// Which model answered, in which session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentMeta {
    /// The session.
    pub session_id: String,
    /// The provider.
    #[serde(default)]
    pub provider: String,
    /// The model.
    #[serde(default)]
    pub model: String,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageShape>,
}

/// `agent.wait`: wait for a run to end, or for the timeout.
#[derive(Debug, Clone, Copy)]
pub struct AgentWait;

impl Method for AgentWait {
    const NAME: &'static str = "agent.wait";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[
        need("runId", Kind::Run, "which run"),
        may(
            "timeoutMs",
            Kind::Number,
            "how long to wait; 30,000 unless given",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("runId", Kind::Text, "the run"),
        need(
            "status",
            Kind::Text,
            "`ok`, `error`, `aborted`, or `timeout` while it still runs",
        ),
        may("startedAt", Kind::Number, "when it started"),
        may("endedAt", Kind::Number, "when it ended"),
        may("text", Kind::Text, "what it said"),
        may("error", Kind::Text, "what went wrong"),
        may("hint", Kind::Text, "what to do about it"),
    ];
    type Params = AgentWaitParams;
    type Result = AgentWaitResult;
}

/// Parameters of `agent.wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentWaitParams {
    /// Which run.
    #[serde(with = "text")]
    pub run_id: RunId,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Result of `agent.wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentWaitResult {
    /// The run.
    pub run_id: String,
    /// How it ended, or that it has not.
    pub status: RunStatus,
    /// When it started, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it ended, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// `agent.identity.get`.
#[derive(Debug, Clone, Copy)]
pub struct AgentIdentityGet;

impl Method for AgentIdentityGet {
    const NAME: &'static str = "agent.identity.get";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        may("agentId", Kind::Agent, "which agent"),
        may("sessionKey", Kind::Session, "whose agent"),
    ];
    const RESULT: &'static [Field] = &[
        need("agentId", Kind::Text, "its id"),
        need("name", Kind::Text, "its name"),
        may("avatar", Kind::Text, "its picture, or a letter"),
        may("emoji", Kind::Text, "its sign"),
    ];
    type Params = AgentIdentityParams;
    type Result = AgentIdentityResult;
}

/// Parameters of `agent.identity.get`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentIdentityParams {
    /// Which agent.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub agent_id: Option<AgentId>,
    /// Whose agent.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_key: Option<SessionRef>,
}

/// Result of `agent.identity.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentIdentityResult {
    /// Its id.
    pub agent_id: String,
    /// Its name.
    pub name: String,
    /// Its picture, or a letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Its sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}
