//! What every frame of the dialect has besides its body: ids, addresses and metadata.

use openclaw_types::{Priority, SessionId, Timestamp};
use serde_json::Value;

use super::{
    Body, Error,
    field::{Fields, agent_value, id_value, object, present, text_value},
    when,
};

/// One frame, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Ids, addresses and metadata.
    pub header: Header,
    /// What it says.
    pub body: Body,
}

/// Ids, addresses and metadata of a frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Header {
    /// The sender's id for this frame.
    pub id: Option<String>,
    /// Who says to have sent it. A claim: nothing may be permitted because of it.
    pub from: Option<String>,
    /// The target, from `agent` or the older `to`.
    pub agent: Option<openclaw_types::AgentId>,
    /// The session it belongs to.
    pub session: Option<SessionId>,
    /// When the sender made it.
    pub timestamp: Option<Timestamp>,
    /// Pairs an answer with its question; from `metadata` or the top level.
    pub correlation: Option<String>,
    /// In what order waiting messages run.
    pub priority: Priority,
    /// Whether the sender waits for an answer; true unless it says otherwise.
    pub requires_response: bool,
    /// The sender's thread.
    pub thread: Option<String>,
    /// The frame this one follows.
    pub parent: Option<String>,
    /// For how many seconds the message makes sense.
    pub ttl_seconds: Option<u64>,
}

/// Whom an answer goes to: what of the question it must repeat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplyTo {
    /// The question's id, which becomes `metadata.parentId`.
    pub id: Option<String>,
    /// The question's correlation, repeated at the top level and in the metadata.
    pub correlation: Option<String>,
    /// The question's sender, where it named itself.
    pub from: Option<String>,
}

impl Header {
    /// Whom to answer.
    #[must_use]
    pub fn reply_to(&self) -> ReplyTo {
        ReplyTo {
            id: self.id.clone(),
            correlation: self.correlation.clone(),
            from: self.from.clone(),
        }
    }
}

/// What can be told about the sender even of a frame that can't be read.
pub(super) fn reply_to(fields: &Fields) -> ReplyTo {
    let id_of = |fields: &Fields, key: &'static str| {
        present(fields, key).and_then(|value| id_value(value, key).ok())
    };
    let metadata = present(fields, "metadata").and_then(Value::as_object);
    ReplyTo {
        id: id_of(fields, "id"),
        correlation: metadata
            .and_then(|metadata| id_of(metadata, "correlationId"))
            .or_else(|| id_of(fields, "correlationId")),
        from: id_of(fields, "from"),
    }
}

pub(super) fn read(fields: &Fields) -> Result<Header, Error> {
    let id = optional_id(fields, "id", "id")?;
    let from = optional_id(fields, "from", "from")?;
    let target = present(fields, "agent").or_else(|| present(fields, "to"));
    let agent = match target {
        Some(value) => Some(agent_value(value, "agent")?),
        None => None,
    };
    let session = match present(fields, "sessionId") {
        Some(value) => {
            let text = text_value(value, "sessionId")?;
            let id = SessionId::parse(text).map_err(|source| Error::Session { source })?;
            Some(id)
        }
        None => None,
    };
    let timestamp = match present(fields, "timestamp") {
        Some(value) => Some(when::read(value).ok_or(Error::Type {
            field: "timestamp",
            expected: "milliseconds since 1970 or an ISO 8601 time",
        })?),
        None => None,
    };
    let header = Header {
        id,
        from,
        agent,
        session,
        timestamp,
        correlation: optional_id(fields, "correlationId", "correlationId")?,
        requires_response: true,
        ..Header::default()
    };
    match present(fields, "metadata") {
        Some(value) => with_metadata(header, object(value, "metadata")?),
        None => Ok(header),
    }
}

fn with_metadata(mut header: Header, metadata: &Fields) -> Result<Header, Error> {
    let correlation = optional_id(metadata, "correlationId", "metadata.correlationId")?;
    header.correlation = correlation.or(header.correlation);
    header.thread = optional_id(metadata, "threadId", "metadata.threadId")?;
    header.parent = optional_id(metadata, "parentId", "metadata.parentId")?;
    if let Some(value) = present(metadata, "priority") {
        let word = value.as_str().and_then(Priority::parse);
        header.priority = word.ok_or(Error::Type {
            field: "metadata.priority",
            expected: "low, normal, high or critical",
        })?;
    }
    if let Some(value) = present(metadata, "requiresResponse") {
        header.requires_response = value.as_bool().ok_or(Error::Type {
            field: "metadata.requiresResponse",
            expected: "true or false",
        })?;
    }
    if let Some(value) = present(metadata, "ttl") {
        header.ttl_seconds = Some(value.as_u64().ok_or(Error::Type {
            field: "metadata.ttl",
            expected: "a whole number of seconds",
        })?);
    }
    Ok(header)
}

fn optional_id(fields: &Fields, key: &str, field: &'static str) -> Result<Option<String>, Error> {
    match present(fields, key) {
        Some(value) => id_value(value, field).map(Some),
        None => Ok(None),
    }
}
