//! The a2a-v1 dialect: `{type: "message", agent, content}` frames, read leniently and answered exactly.
//!
//! Reading goes [`decode`] → [`Incoming`]; what can't be read is a [`Rejected`] that knows its error code and
//! whom to answer. Writing is in [`reply`].

pub mod body;
pub mod code;
mod field;
pub mod header;
pub mod reply;
mod when;

pub use body::Body;
pub use code::ErrorCode;
pub use header::{Header, Incoming, ReplyTo};

use crate::frame::{DecodeError, Raw};

/// The protocol version a handshake acknowledges.
pub const VERSION: &str = "1.0.0";

/// Why a frame is not a message of this dialect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no JSON object within the limits.
    #[error("{0}")]
    Frame(DecodeError),
    /// A required field is absent.
    #[error("missing required field: {field}")]
    Missing {
        /// Its path, such as `content.action`.
        field: &'static str,
    },
    /// A field has the wrong type.
    #[error("invalid type for field {field}: expected {expected}")]
    Type {
        /// Its path.
        field: &'static str,
        /// What it must be, in words.
        expected: &'static str,
    },
    /// The `type` is none of ours.
    #[error("unknown message type: {kind}")]
    UnknownType {
        /// The word.
        kind: String,
    },
    /// A field has the right type and a value that makes no sense.
    #[error("invalid content in field {field}: {reason}")]
    Content {
        /// Its path.
        field: &'static str,
        /// What would be right.
        reason: &'static str,
    },
    /// The named agent cannot exist.
    #[error("agent not found: {agent}")]
    Agent {
        /// What was asked for, shortened.
        agent: String,
        /// Which rule the id breaks.
        source: openclaw_types::IdError,
    },
    /// The session id breaks a rule.
    #[error("invalid type for field sessionId: expected a session id")]
    Session {
        /// Which rule.
        source: openclaw_types::IdError,
    },
}

impl Error {
    /// The code an error frame carries for this.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Frame(DecodeError::NotAnObject) | Self::Type { .. } | Self::Session { .. } => {
                ErrorCode::InvalidType
            }
            Self::Frame(_) => ErrorCode::InvalidJson,
            Self::Missing { .. } => ErrorCode::MissingField,
            Self::UnknownType { .. } => ErrorCode::UnknownType,
            Self::Content { .. } => ErrorCode::InvalidContent,
            Self::Agent { .. } => ErrorCode::AgentNotFound,
        }
    }
}

/// An error with what is known about the frame that caused it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Rejected {
    /// What is wrong.
    pub error: Error,
    /// Whom to answer.
    pub reply_to: ReplyTo,
}

/// Reads one frame. The caller has checked the size.
///
/// # Errors
/// Says what is wrong, with the correlation of the frame where it was readable.
pub fn decode(bytes: &[u8]) -> Result<Incoming, Box<Rejected>> {
    match Raw::parse(bytes) {
        Ok(raw) => decode_raw(&raw),
        Err(error) => Err(reject(Error::Frame(error), ReplyTo::default())),
    }
}

/// Reads a frame whose bytes were checked already.
///
/// # Errors
/// As [`decode`].
pub fn decode_raw(raw: &Raw<'_>) -> Result<Incoming, Box<Rejected>> {
    let fields: field::Fields = match serde_json::from_str(raw.text()) {
        Ok(fields) => fields,
        Err(source) => {
            let error = Error::Frame(DecodeError::Json { source });
            return Err(reject(error, ReplyTo::default()));
        }
    };
    let reply_to = header::reply_to(&fields);
    let header = match header::read(&fields) {
        Ok(header) => header,
        Err(error) => return Err(reject(error, reply_to)),
    };
    match body::read(&fields, &header) {
        Ok(body) => Ok(Incoming { header, body }),
        Err(error) => Err(reject(error, reply_to)),
    }
}

fn reject(error: Error, reply_to: ReplyTo) -> Box<Rejected> {
    Box::new(Rejected { error, reply_to })
}
