//! `sessions.commit` and `sessions.verify`: a mark in the file, and whether the file still is what was marked.

use openclaw_types::AgentId;
use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::sessions::{KEY, KeyParams},
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

/// `sessions.commit`: a commit marker with the running hash of the session's lines.
#[derive(Debug, Clone, Copy)]
pub struct SessionsCommit;

impl Method for SessionsCommit {
    const NAME: &'static str = "sessions.commit";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[KEY];
    const RESULT: &'static [Field] = &[
        need("key", Kind::Text, "its full key"),
        need(
            "committed",
            Kind::Flag,
            "whether there was anything to commit",
        ),
        may(
            "entries",
            Kind::Number,
            "how many lines the marker covers that none before it does",
        ),
        may(
            "through",
            Kind::Number,
            "the number of the last line it covers",
        ),
        may("sha256", Kind::Text, "the running hash, in hex"),
    ];
    type Params = KeyParams;
    type Result = SessionsCommitResult;
}

/// Result of `sessions.commit`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionsCommitResult {
    /// Its full key.
    pub key: String,
    /// Whether there was anything to commit.
    pub committed: bool,
    /// How many lines the marker covers that none before it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// The number of the last line it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<u64>,
    /// The running hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// `sessions.verify`: every byte is read again, and every marker's hash is taken again.
#[derive(Debug, Clone, Copy)]
pub struct SessionsVerify;

impl Method for SessionsVerify {
    const NAME: &'static str = "sessions.verify";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        need("agentId", Kind::Agent, "whose sessions"),
        may("key", Kind::Session, "only this one"),
    ];
    const RESULT: &'static [Field] = &[
        need("ok", Kind::Flag, "whether nothing is wrong"),
        need(
            "sessions",
            Kind::List,
            "`{key, entries, markers, verifiedThrough, uncommitted, problems}` each; a problem is `{path, offset, what}`",
        ),
        need(
            "damaged",
            Kind::List,
            "places in the files that are no entries: `{path, offset, what}` each",
        ),
    ];
    type Params = SessionsVerifyParams;
    type Result = SessionsVerifyResult;
}

/// Parameters of `sessions.verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsVerifyParams {
    /// Whose sessions.
    #[serde(with = "text")]
    pub agent_id: AgentId,
    /// Only this one.
    #[serde(
        default,
        with = "text::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<SessionRef>,
}

/// Result of `sessions.verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsVerifyResult {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// What was found of each session.
    pub sessions: Vec<VerifiedSession>,
    /// Places in the files that are no entries.
    pub damaged: Vec<Flawed>,
}

/// What was found of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedSession {
    /// Its full key.
    pub key: String,
    /// How many entries it has.
    pub entries: u64,
    /// How many commit markers.
    pub markers: u64,
    /// Every line up to this number is as it was committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_through: Option<u64>,
    /// How many entries no marker covers.
    pub uncommitted: u64,
    /// What is wrong.
    pub problems: Vec<Flawed>,
}

/// A place where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flawed {
    /// The file.
    pub path: String,
    /// Where in it.
    pub offset: u64,
    /// What.
    pub what: String,
}
