//! What comes back when a candidate answered.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use openclaw_accounts::Gauge;

use super::Meter;
use crate::{error::Kind, http::HeaderMap};

/// The answer of one candidate. Dropping it cancels what is still under way.
#[derive(Debug)]
pub struct Answer {
    /// The status the client gets: 200, or what was passed through.
    pub status: u16,
    /// The server's headers without those of the connection, cookies, and secrets.
    pub headers: HeaderMap,
    /// Who answered.
    pub by: By,
    /// The answer itself.
    pub body: Body,
    /// What is left of the caller's limits.
    pub gauges: Gauges,
    /// What it used and cost; whole once the body has ended.
    pub meter: Meter,
}

/// The answer itself, in the words of the client's protocol.
pub enum Body {
    /// All of it.
    Whole(Bytes),
    /// Events as they come, framing included. One that breaks off ends with the protocol's error event, and never
    /// with its end mark.
    Events(BoxStream<'static, Bytes>),
    /// Whatever was passed through, as it comes.
    Raw(BoxStream<'static, Result<Bytes, Broken>>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Events(_) => f.write_str("Events"),
            Self::Raw(_) => f.write_str("Raw"),
        }
    }
}

/// What was passed through broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off: {}", kind.as_str())]
pub struct Broken {
    /// Why.
    pub kind: Kind,
}

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The deployment's id.
    pub deployment: Arc<str>,
    /// The provider's id.
    pub provider: Arc<str>,
    /// The model's id there.
    pub model: Arc<str>,
    /// The group that it was asked for.
    pub group: Arc<str>,
    /// The base URL; empty for a model on this machine.
    pub api_base: Arc<str>,
    /// How often something was tried before it within its group.
    pub retries: u32,
    /// How many groups were given up before it.
    pub fallbacks: u32,
    /// Whether the answer was given before, and is only repeated.
    pub is_cached: bool,
}

impl By {
    /// `provider/model`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

/// What is left of the caller's tightest limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Requests in a minute.
    pub requests: Option<Gauge>,
    /// Tokens in a minute.
    pub tokens: Option<Gauge>,
}
