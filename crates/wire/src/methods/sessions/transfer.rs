//! `sessions.export` and `sessions.import`: conversations as text, a piece at a time.

use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::sessions::KEY,
    schema::{Field, Kind, may, need},
    scope::Scope,
    session_ref::SessionRef,
    text,
};

/// `sessions.export`: the lines of a session, or its Markdown.
#[derive(Debug, Clone, Copy)]
pub struct SessionsExport;

impl Method for SessionsExport {
    const NAME: &'static str = "sessions.export";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[
        KEY,
        may(
            "format",
            Kind::Text,
            "`jsonl`, the lines as they stand in the file, unless given; or `markdown`",
        ),
        may(
            "afterSeq",
            Kind::Number,
            "only what stands behind this number",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("key", Kind::Text, "its full key"),
        need(
            "text",
            Kind::Text,
            "the next piece, about 1 MiB; whole lines",
        ),
        may(
            "afterSeq",
            Kind::Number,
            "what to pass for the next piece; absent when there is none",
        ),
    ];
    type Params = SessionsExportParams;
    type Result = SessionsExportResult;
}

/// Parameters of `sessions.export`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsExportParams {
    /// Which session.
    #[serde(with = "text")]
    pub key: SessionRef,
    /// `jsonl` or `markdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Only what stands behind this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seq: Option<u64>,
}

/// Result of `sessions.export`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsExportResult {
    /// Its full key.
    pub key: String,
    /// The next piece.
    pub text: String,
    /// What to pass for the piece behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seq: Option<u64>,
}

/// `sessions.import`: a new session of lines from elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct SessionsImport;

impl Method for SessionsImport {
    const NAME: &'static str = "sessions.import";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        need(
            "key",
            Kind::Session,
            "the name it gets; nobody may have it yet",
        ),
        need(
            "text",
            Kind::Text,
            "lines of one session, in our format or upstream's; all or none of them are taken",
        ),
        may(
            "afterSeq",
            Kind::Number,
            "goes on with a session that this import began: the number it ended with",
        ),
        may(
            "more",
            Kind::Flag,
            "more pieces follow on this connection; when it closes without the last one, the session is deleted",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("key", Kind::Text, "its full key"),
        need("imported", Kind::Number, "how many entries were taken"),
        need("skipped", Kind::Number, "how many lines say nothing here"),
        need("lastSeq", Kind::Number, "the number of the last one"),
    ];
    type Params = SessionsImportParams;
    type Result = SessionsImportResult;
}

/// Parameters of `sessions.import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsImportParams {
    /// The name it gets.
    #[serde(with = "text")]
    pub key: SessionRef,
    /// The lines.
    pub text: String,
    /// The number this import's session ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seq: Option<u64>,
    /// More pieces follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Result of `sessions.import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionsImportResult {
    /// Its full key.
    pub key: String,
    /// How many entries were taken.
    pub imported: u64,
    /// How many lines say nothing here.
    #[serde(default)]
    pub skipped: u64,
    /// The number of the last one.
    pub last_seq: u64,
}
