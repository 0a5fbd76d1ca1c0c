//! `sessions.archive`, `sessions.delete`, and `sessions.compact`: sessions out of the way, hidden, or gone.

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::sessions::KEY,
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

/// `sessions.archive`: one session, or all that have been idle for long, to compressed files that are still read.
#[derive(Debug, Clone, Copy)]
pub struct SessionsArchive;

impl Method for SessionsArchive {
    const NAME: &'static str = "sessions.archive";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        need("agentId", Kind::Agent, "whose sessions"),
        may("key", Kind::Session, "this one"),
        may(
            "olderThanMs",
            Kind::Number,
            "all of which the last entry is older than so many milliseconds",
        ),
        may(
            "olderThan",
            Kind::Text,
            "the same as an age: 30s, 5m, 2h, 7d, 4w; exactly one of these three is needed",
        ),
    ];
    const RESULT: &'static [Field] = &[need(
        "archived",
        Kind::List,
        "`{key, sessionId, entries, bytes, path}` each",
    )];
    type Params = SessionsArchiveParams;
    type Result = SessionsArchiveResult;
}

/// Parameters of `sessions.archive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsArchiveParams {
    /// Whose sessions.
    #[serde(with = "text")]
    pub agent_id: AgentId,
    /// This one.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<SessionRef>,
    /// All of which the last entry is older than so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_ms: Option<u64>,
    /// The same as an age, like `7d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<String>,
}

/// Result of `sessions.archive`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionsArchiveResult {
    /// The sessions that were archived.
    pub archived: Vec<ArchivedSession>,
}

/// A session that was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedSession {
    /// Its full key.
    pub key: String,
    /// Its id.
    pub session_id: String,
    /// How many entries the archive holds.
    pub entries: u64,
    /// The archive's size on disk.
    pub bytes: u64,
    /// Where it is.
    pub path: String,
}

/// `sessions.delete`: a tombstone hides the entries; with `purge` their bytes go too.
#[derive(Debug, Clone, Copy)]
pub struct SessionsDelete;

impl Method for SessionsDelete {
    const NAME: &'static str = "sessions.delete";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        KEY,
        may(
            "purge",
            Kind::Flag,
            "whether the bytes go too, archives included",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "true"),
        need("key", Kind::Text, "its full key"),
        need("deleted", Kind::Flag, "whether it existed"),
        may("purged", Kind::Flag, "whether its bytes are gone"),
        may(
            "archived",
            Kind::List,
            "files its entries went to; none here",
        ),
    ];
    type Params = SessionsDeleteParams;
    type Result = SessionsDeleteResult;
}

/// Parameters of `sessions.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsDeleteParams {
    /// Which session.
    #[serde(with = "text")]
    pub key: SessionRef,
    /// Whether the bytes go too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purge: bool,
}

/// Result of `sessions.delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsDeleteResult {
    /// True.
    pub ok: bool,
    /// Its full key.
    pub key: String,
    /// Whether it existed.
    pub deleted: bool,
    /// Whether its bytes are gone.
    #[serde(default)]
    pub purged: bool,
    /// Files its entries went to.
    #[serde(default)]
    pub archived: Vec<String>,
}

/// `sessions.compact`: what deletions have hidden goes for good.
#[derive(Debug, Clone, Copy)]
pub struct SessionsCompact;

impl Method for SessionsCompact {
    const NAME: &'static str = "sessions.compact";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[need("agentId", Kind::Agent, "whose sessions")];
    const RESULT: &'static [Field] = &[
        need(
            "keys",
            Kind::List,
            "the sessions of which something may have been hidden",
        ),
        need(
            "bytesBefore",
            Kind::Number,
            "bytes of the agent's sealed segments and archives before",
        ),
        need("bytesAfter", Kind::Number, "and after"),
    ];
    type Params = SessionsCompactParams;
    type Result = SessionsCompactResult;
}

/// Parameters of `sessions.compact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCompactParams {
    /// Whose sessions.
    #[serde(with = "text")]
    pub agent_id: AgentId,
}

/// Result of `sessions.compact`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsCompactResult {
    /// The sessions of which something may have been hidden.
    pub keys: Vec<String>,
    /// Bytes of the agent's sealed segments and archives before.
    pub bytes_before: u64,
    /// And after.
    pub bytes_after: u64,
}
