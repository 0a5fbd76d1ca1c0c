//! What a connection needs to know: where, who, and how long to wait.

use std::{fmt, time::Duration};

use openclaw_wire::Scope;

/// What [`crate::Client::connect`] needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the gateway listens, such as `ws://127.0.0.1:18789`.
    pub url: String,
    /// The access token, where there is one.
    pub token: Option<Token>,
    /// Which program this is.
    pub identity: Identity,
    /// What it wants to do.
    pub scopes: Vec<Scope>,
    /// How long reaching the gateway may take.
    pub connect_deadline: Duration,
    /// How long the handshake may take after that.
    pub handshake_deadline: Duration,
}

/// Which program connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id in the protocol, such as `cli`.
    pub id: String,
    /// What it is used as, such as `cli` or `backend`.
    pub mode: String,
    /// Its version.
    pub version: String,
}

/// An access token and where it came from. The token is never printed; the origin is, in hints.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    origin: String,
}

impl Token {
    /// A token with the file or variable it was read from.
    pub fn new(text: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            origin: origin.into(),
        }
    }

    /// The file or variable it was read from.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(from {})", self.origin)
    }
}
