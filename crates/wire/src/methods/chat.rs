//! `chat.*`: a conversation as a chat window needs it.

use openclaw_types::RunId;
use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::HistoryMessage,
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

const SESSION: Field = need("sessionKey", Kind::Session, "which session");

/// `chat.send`: answered at once; the answer comes as `chat` events.
#[derive(Debug, Clone, Copy)]
pub struct ChatSend;

impl Method for ChatSend {
    const NAME: &'static str = "chat.send";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[
        SESSION,
        need("message", Kind::Text, "what is said"),
        need(
            "idempotencyKey",
            Kind::Run,
            "makes a repeated request harmless; it becomes the run id",
        ),
        may("timeoutMs", Kind::Number, "how long the run may take"),
    ];
    const RESULT: &'static [Field] = &[
        need("runId", Kind::Text, "the run its events name"),
        need(
            "status",
            Kind::Text,
            "`started`, or `in_flight` for a repeated request",
        ),
    ];
    type Params = ChatSendParams;
    type Result = ChatSendResult;
}

/// Parameters of `chat.send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatSendParams {
    /// Which session.
    #[serde(with = "text")]
    pub session_key: SessionRef,
    /// What is said.
    pub message: String,
    /// The run's id.
    #[serde(with = "text")]
    pub idempotency_key: RunId,
    /// How long the run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Result of `chat.send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatSendResult {
    /// The run.
    pub run_id: String,
    /// Whether it is new.
    pub status: ChatSendStatus,
}

/// Whether `chat.send` began a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatSendStatus {
    /// It did.
    Started,
    /// The same request began it before, and it still runs.
    InFlight,
    /// The same request began it before, and it ended.
    Ok,
}

/// `chat.history`: the newest messages, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct ChatHistory;

impl Method for ChatHistory {
    const NAME: &'static str = "chat.history";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        SESSION,
        may(
            "limit",
            Kind::Number,
            "how many; 200 unless given, 1,000 at most",
        ),
        may("beforeSeq", Kind::Number, "only those before this number"),
    ];
    const RESULT: &'static [Field] = &[
        need("sessionKey", Kind::Text, "its full key"),
        need("sessionId", Kind::Text, "its id"),
        need(
            "messages",
            Kind::List,
            "`{role, content, timestamp, model, usage}` each",
        ),
        may("hasMore", Kind::Flag, "whether older ones exist"),
        may("thinkingLevel", Kind::Text, "`off`"),
    ];
    type Params = ChatHistoryParams;
    type Result = ChatHistoryResult;
}

/// Parameters of `chat.history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatHistoryParams {
    /// Which session.
    #[serde(with = "text")]
    pub session_key: SessionRef,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those before this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_seq: Option<u64>,
}

/// Result of `chat.history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatHistoryResult {
    /// Its full key.
    pub session_key: String,
    /// Its id.
    pub session_id: String,
    /// The messages, oldest first.
    pub messages: Vec<HistoryMessage>,
    /// Whether older ones exist.
    #[serde(default)]
    pub has_more: bool,
    /// How much the model thinks aloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_level: Option<String>,
}

/// `chat.abort`: stop one run, or all of a session.
#[derive(Debug, Clone, Copy)]
pub struct ChatAbort;

impl Method for ChatAbort {
    const NAME: &'static str = "chat.abort";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[
        SESSION,
        may(
            "runId",
            Kind::Run,
            "which run; without it all of the session",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("aborted", Kind::Flag, "whether anything was stopped"),
        need("runIds", Kind::List, "what was stopped"),
    ];
    type Params = ChatAbortParams;
    type Result = ChatAbortResult;
}

/// Parameters of `chat.abort`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatAbortParams {
    /// Which session.
    #[serde(with = "text")]
    pub session_key: SessionRef,
    /// Which run.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub run_id: Option<RunId>,
}

/// Result of `chat.abort`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatAbortResult {
    /// True.
    pub ok: bool,
    /// Whether anything was stopped.
    pub aborted: bool,
    /// What was stopped.
    pub run_ids: Vec<String>,
}
