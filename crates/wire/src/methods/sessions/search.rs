//! `sessions.search`: entries that hold a text.

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

/// `sessions.search`: full text, newest first.
#[derive(Debug, Clone, Copy)]
pub struct SessionsSearch;

impl Method for SessionsSearch {
    const NAME: &'static str = "sessions.search";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        need("query", Kind::Text, "the text, taken literally"),
        may("agentId", Kind::Agent, "only this agent's sessions"),
        may("key", Kind::Session, "only this session"),
        may(
            "case",
            Kind::Text,
            "`smart`, where capitals count when the query has one; `sensitive`; `insensitive`",
        ),
        may(
            "limit",
            Kind::Number,
            "how many; 50 unless given, 1,000 at most",
        ),
        may(
            "before",
            Kind::Number,
            "only entries older than this, in milliseconds",
        ),
        may(
            "after",
            Kind::Number,
            "only entries of this time or newer, in milliseconds",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need(
            "hits",
            Kind::List,
            "`{key, agentId, sessionId, seq, id, timestamp, role, kind, snippet, ranges}` each; \
             a range is two places in the snippet, in characters",
        ),
        need("more", Kind::Flag, "whether there are older ones"),
        need(
            "stopped",
            Kind::Flag,
            "whether time ran out before all was searched",
        ),
        need("bytes", Kind::Number, "how much was searched"),
    ];
    type Params = SessionsSearchParams;
    type Result = SessionsSearchResult;
}

/// Parameters of `sessions.search`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsSearchParams {
    /// The text.
    pub query: String,
    /// Only this agent's sessions.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub agent_id: Option<AgentId>,
    /// Only this session.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<SessionRef>,
    /// Whether capitals count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only older ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// Only newer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// Result of `sessions.search`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionsSearchResult {
    /// What was found, the newest first.
    pub hits: Vec<SearchHit>,
    /// Whether there are older ones.
    pub more: bool,
    /// Whether time ran out before all was searched.
    pub stopped: bool,
    /// How much was searched.
    pub bytes: u64,
}

/// An entry that holds the text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchHit {
    /// The session's full key.
    pub key: String,
    /// Its agent.
    pub agent_id: String,
    /// Its id.
    pub session_id: String,
    /// The entry's number.
    pub seq: u64,
    /// The entry's id.
    pub id: String,
    /// When, in milliseconds.
    pub timestamp: i64,
    /// Who speaks.
    pub role: String,
    /// What kind of entry it is, where it is not a plain message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The text around the first match.
    pub snippet: String,
    /// Where the matches are in the snippet, in characters.
    pub ranges: Vec<(usize, usize)>,
}
