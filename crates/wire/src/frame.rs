//! Native frames: requests, responses and events, from bytes and back to text.

mod encode;
mod raw;

use std::borrow::Cow;

pub use encode::{EncodeError, EncodedEvent, encode_error, encode_ok, encode_request};
pub use raw::Raw;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    error::ErrorShape,
    limits::{DEPTH_MAX, VALUES_MAX},
    scan::Fault,
};

/// Why bytes are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8.
    #[error("frame is not UTF-8 after byte {valid_up_to}")]
    Utf8 {
        /// How many bytes were good.
        valid_up_to: usize,
    },
    /// The text is not JSON.
    #[error("frame is not JSON at line {} column {}", source.line(), source.column())]
    Json {
        /// What the parser saw.
        source: serde_json::Error,
    },
    /// The text is JSON but not an object.
    #[error("frame is not a JSON object")]
    NotAnObject,
    /// Something follows the object.
    #[error("frame has bytes after its end, at byte {offset}")]
    Trailing {
        /// Where it starts.
        offset: usize,
    },
    /// The text nests too deep.
    #[error("frame nests deeper than {DEPTH_MAX} levels, at byte {offset}")]
    TooDeep {
        /// Where the limit was passed.
        offset: usize,
    },
    /// The text has too many values.
    #[error("frame has more than {VALUES_MAX} values, at byte {offset}")]
    TooManyValues {
        /// Where the limit was passed.
        offset: usize,
    },
    /// An object repeats a key.
    #[error("frame repeats the key `{key}`")]
    DuplicateKey {
        /// Which one.
        key: String,
    },
    /// A field is absent, of the wrong type or too long.
    #[error("frame field `{field}` must be {expected}")]
    Field {
        /// The request's id, where it was readable, so that the answer can carry it.
        id: Option<String>,
        /// Which field.
        field: &'static str,
        /// What it must be, in words.
        expected: &'static str,
    },
}

/// Which language a frame speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `req`, `res` and native `event` frames.
    Native,
    /// Everything else that names a `type`.
    A2a,
    /// An object without a string `type`: it says nothing about its sender.
    Unknown,
}

/// The dialect of one frame, from its bytes alone.
///
/// # Errors
/// Says why the bytes are no frame of either dialect.
pub fn sniff(bytes: &[u8]) -> Result<Dialect, DecodeError> {
    Ok(Raw::parse(bytes)?.dialect())
}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooDeep { offset } => Self::TooDeep { offset },
            Fault::TooManyValues { offset } => Self::TooManyValues { offset },
            Fault::DuplicateKey { key } => Self::DuplicateKey { key },
            Fault::Trailing { offset } => Self::Trailing { offset },
        }
    }
}

/// One native frame, borrowed from the bytes it came in.
#[derive(Debug)]
pub enum Frame<'a> {
    /// Client to gateway: do something.
    Request(Request<'a>),
    /// Gateway to client: how it went.
    Response(Response<'a>),
    /// Gateway to client: something happened.
    Event(Event<'a>),
}

/// A call of a method.
#[derive(Debug)]
pub struct Request<'a> {
    /// Chosen by the client, echoed in every response.
    pub id: Cow<'a, str>,
    /// Which method.
    pub method: Cow<'a, str>,
    /// Its parameters, not yet read.
    pub params: Option<&'a RawValue>,
}

/// The answer to a request; a two-phase method answers twice with the same id.
#[derive(Debug)]
pub struct Response<'a> {
    /// The request's id.
    pub id: Cow<'a, str>,
    /// The payload, not yet read, or the error.
    pub outcome: Result<Option<&'a RawValue>, ErrorShape>,
}

/// Something that happened.
#[derive(Debug)]
pub struct Event<'a> {
    /// Which event.
    pub event: Cow<'a, str>,
    /// What happened, not yet read.
    pub payload: Option<&'a RawValue>,
    /// Its number on this connection; targeted events have none.
    pub seq: Option<u64>,
    /// Which version of the shared state it belongs to.
    pub state_version: Option<StateVersion>,
}

/// Counters of the two pieces of state every client mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateVersion {
    /// Version of the presence list.
    pub presence: u64,
    /// Version of the health snapshot.
    pub health: u64,
}

impl<'a> Frame<'a> {
    /// Decodes a native frame. The caller has checked the size.
    ///
    /// # Errors
    /// Says why the bytes are no native frame.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Raw::parse(bytes)?.frame()
    }
}
