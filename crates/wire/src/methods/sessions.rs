//! `sessions.*`: conversations as a list, one by one, and live.

mod keep;
mod rewrite;
mod search;
mod transfer;

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};

pub use self::{
    keep::{
        Flawed, SessionsCommit, SessionsCommitResult, SessionsVerify, SessionsVerifyParams,
        SessionsVerifyResult, VerifiedSession,
    },
    rewrite::{
        ArchivedSession, SessionsArchive, SessionsArchiveParams, SessionsArchiveResult,
        SessionsCompact, SessionsCompactParams, SessionsCompactResult, SessionsDelete,
        SessionsDeleteParams, SessionsDeleteResult,
    },
    search::{SearchHit, SessionsSearch, SessionsSearchParams, SessionsSearchResult},
    transfer::{
        SessionsExport, SessionsExportParams, SessionsExportResult, SessionsImport,
        SessionsImportParams, SessionsImportResult,
    },
};
use crate::{
    method::Method,
    methods::{Empty, HistoryMessage, SessionRow},
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

const KEY: Field = need("key", Kind::Session, "which session");

/// `sessions.list`: newest first.
#[derive(Debug, Clone, Copy)]
pub struct SessionsList;

impl Method for SessionsList {
    const NAME: &'static str = "sessions.list";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        may("agentId", Kind::Agent, "only this agent's"),
        may(
            "search",
            Kind::Text,
            "only those whose key or preview holds this",
        ),
        may("limit", Kind::Number, "how many; 100 unless given"),
        may("offset", Kind::Number, "how many to skip"),
        may("archived", Kind::Flag, "the archived ones instead"),
    ];
    const RESULT: &'static [Field] = &[
        need("ts", Kind::Number, "now"),
        need("path", Kind::Text, "where they are"),
        need("count", Kind::Number, "how many are in this answer"),
        need(
            "sessions",
            Kind::List,
            "`{key, kind, agentId, sessionId, updatedAt, entries, …}` each",
        ),
        may("totalCount", Kind::Number, "how many there are"),
        may("hasMore", Kind::Flag, "whether there are more"),
        may("nextOffset", Kind::Number, "where they start"),
        may(
            "defaults",
            Kind::Object,
            "`{modelProvider, model, contextTokens}`",
        ),
    ];
    type Params = SessionsListParams;
    type Result = SessionsListResult;
}

/// Parameters of `sessions.list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsListParams {
    /// Only this agent's.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub agent_id: Option<AgentId>,
    /// Only those whose key or preview holds this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many to skip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
    /// The archived ones instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
}

/// Result of `sessions.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsListResult {
    /// Now, in milliseconds.
    pub ts: i64,
    /// Where they are.
    pub path: String,
    /// How many are in this answer.
    pub count: u64,
    /// How many there are.
    #[serde(default)]
    pub total_count: u64,
    /// Whether there are more.
    #[serde(default)]
    pub has_more: bool,
    /// Where they start.
    #[serde(default)]
    pub next_offset: Option<u32>,
    /// What a new session gets.
    #[serde(default)]
    pub defaults: Defaults,
    /// The sessions.
    pub sessions: Vec<SessionRow>,
}

/// What a new session gets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Defaults {
    /// The provider.
    #[serde(default)]
    pub model_provider: Option<String>,
    /// The model.
    #[serde(default)]
    pub model: Option<String>,
    /// Its window.
    #[serde(default)]
    pub context_tokens: Option<u64>,
}

/// `sessions.get`: one session with its messages.
#[derive(Debug, Clone, Copy)]
pub struct SessionsGet;

impl Method for SessionsGet {
    const NAME: &'static str = "sessions.get";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        KEY,
        may(
            "limit",
            Kind::Number,
            "how many messages; 200 unless given, 1,000 at most",
        ),
        may("beforeSeq", Kind::Number, "only those before this number"),
    ];
    const RESULT: &'static [Field] = &[
        need("session", Kind::Object, "as `sessions.list` tells it"),
        need("messages", Kind::List, "as `chat.history` tells them"),
        may("hasMore", Kind::Flag, "whether older ones exist"),
    ];
    type Params = SessionsGetParams;
    type Result = SessionsGetResult;
}

/// Parameters of `sessions.get`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsGetParams {
    /// Which session.
    #[serde(with = "text")]
    pub key: SessionRef,
    /// How many messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only those before this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_seq: Option<u64>,
}

/// Result of `sessions.get`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsGetResult {
    /// The session.
    pub session: SessionRow,
    /// Its messages, oldest first.
    pub messages: Vec<HistoryMessage>,
    /// Whether older ones exist.
    #[serde(default)]
    pub has_more: bool,
}

/// `sessions.create`: a fresh id; the file knows it with its first message.
#[derive(Debug, Clone, Copy)]
pub struct SessionsCreate;

impl Method for SessionsCreate {
    const NAME: &'static str = "sessions.create";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[
        may(
            "agentId",
            Kind::Agent,
            "whose; the primary agent's unless given",
        ),
        may("key", Kind::Session, "which id; a fresh one unless given"),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("key", Kind::Text, "its full key"),
        need("agentId", Kind::Text, "its agent"),
        need("sessionId", Kind::Text, "its id"),
    ];
    type Params = SessionsCreateParams;
    type Result = SessionsCreateResult;
}

/// Parameters of `sessions.create`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCreateParams {
    /// Whose.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub agent_id: Option<AgentId>,
    /// Which id.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<SessionRef>,
}

/// Result of `sessions.create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCreateResult {
    /// True.
    pub ok: bool,
    /// Its full key.
    pub key: String,
    /// Its agent.
    pub agent_id: String,
    /// Its id.
    pub session_id: String,
}

/// Parameters that name one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyParams {
    /// Which session.
    #[serde(with = "text")]
    pub key: SessionRef,
}

const SUBSCRIBED: Field = need("subscribed", Kind::Flag, "whether it is on now");

/// Result of the subscriptions to all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// Whether it is on now.
    pub subscribed: bool,
}

/// Result of the subscriptions to one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribedTo {
    /// Whether it is on now.
    pub subscribed: bool,
    /// Its full key.
    pub key: String,
}

/// `sessions.subscribe`: `sessions.changed` from now on.
#[derive(Debug, Clone, Copy)]
pub struct SessionsSubscribe;

impl Method for SessionsSubscribe {
    const NAME: &'static str = "sessions.subscribe";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[SUBSCRIBED];
    type Params = Empty;
    type Result = Subscribed;
}

/// `sessions.unsubscribe`.
#[derive(Debug, Clone, Copy)]
pub struct SessionsUnsubscribe;

impl Method for SessionsUnsubscribe {
    const NAME: &'static str = "sessions.unsubscribe";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[SUBSCRIBED];
    type Params = Empty;
    type Result = Subscribed;
}

/// `sessions.messages.subscribe`: `session.message` of one session from now on.
#[derive(Debug, Clone, Copy)]
pub struct SessionsMessagesSubscribe;

impl Method for SessionsMessagesSubscribe {
    const NAME: &'static str = "sessions.messages.subscribe";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[KEY];
    const RESULT: &'static [Field] = &[SUBSCRIBED, need("key", Kind::Text, "its full key")];
    type Params = KeyParams;
    type Result = SubscribedTo;
}

/// `sessions.messages.unsubscribe`.
#[derive(Debug, Clone, Copy)]
pub struct SessionsMessagesUnsubscribe;

impl Method for SessionsMessagesUnsubscribe {
    const NAME: &'static str = "sessions.messages.unsubscribe";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[KEY];
    const RESULT: &'static [Field] = &[SUBSCRIBED, need("key", Kind::Text, "its full key")];
    type Params = KeyParams;
    type Result = SubscribedTo;
}
