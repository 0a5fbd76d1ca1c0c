//! Error codes of native responses, and the shape they travel in.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::scope::Scope;

/// What kind of failure; upstream's codes first, then ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorCode {
    /// A channel is not linked.
    NotLinked,
    /// The device is not paired.
    NotPaired,
    /// The agent did not finish in time.
    AgentTimeout,
    /// The request is malformed, unknown or out of range.
    InvalidRequest,
    /// No such approval.
    ApprovalNotFound,
    /// It cannot be done now; a later try may succeed.
    Unavailable,
    /// The connection lacks a scope (protocol 4; protocol 3 says `INVALID_REQUEST`).
    Forbidden,
    /// The named agent, session, run or model does not exist.
    NotFound,
    /// A fault of the gateway itself.
    Internal,
    /// A code this version does not know.
    Other(String),
}

const CODES: [(ErrorCode, &str); 9] = [
    (ErrorCode::NotLinked, "NOT_LINKED"),
    (ErrorCode::NotPaired, "NOT_PAIRED"),
    (ErrorCode::AgentTimeout, "AGENT_TIMEOUT"),
    (ErrorCode::InvalidRequest, "INVALID_REQUEST"),
    (ErrorCode::ApprovalNotFound, "APPROVAL_NOT_FOUND"),
    (ErrorCode::Unavailable, "UNAVAILABLE"),
    (ErrorCode::Forbidden, "FORBIDDEN"),
    (ErrorCode::NotFound, "NOT_FOUND"),
    (ErrorCode::Internal, "INTERNAL"),
];

impl ErrorCode {
    /// Every code this version emits, with its word.
    pub fn all() -> impl Iterator<Item = (Self, &'static str)> {
        CODES.iter().cloned()
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => CODES
                .iter()
                .find(|(code, _)| code == known)
                .map_or("INTERNAL", |(_, word)| word),
        }
    }

    /// The code of a word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        CODES
            .iter()
            .find(|(_, known)| *known == word)
            .map_or_else(|| Self::Other(word.to_owned()), |(code, _)| code.clone())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

/// An error as a response carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{code}: {message}")]
pub struct ErrorShape {
    /// What kind of failure.
    pub code: ErrorCode,
    /// What happened, for a person.
    pub message: String,
    /// What a program may need to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
    /// Whether the same request may succeed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How long to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorShape {
    /// An error with a code and a message.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            retryable: None,
            retry_after_ms: None,
        }
    }

    /// Adds details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Says that a later try may succeed, and when.
    #[must_use]
    pub const fn with_retry(mut self, after_ms: Option<u64>) -> Self {
        self.retryable = Some(true);
        self.retry_after_ms = after_ms;
        self
    }

    /// The request is wrong.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// No such method.
    #[must_use]
    pub fn unknown_method(method: &str) -> Self {
        Self::invalid(format!("unknown method: {method}"))
    }

    /// The connection lacks a scope; the two protocol versions say it differently.
    #[must_use]
    pub fn missing_scope(scope: Scope, protocol: u32) -> Self {
        let word = scope.as_str();
        let message = format!("missing scope: {word}");
        if protocol < 4 {
            return Self::invalid(message);
        }
        Self::new(ErrorCode::Forbidden, message).with_details(json!({
            "code": "MISSING_SCOPE",
            "missingScope": word,
            "requiredScopes": [word],
        }))
    }
}
