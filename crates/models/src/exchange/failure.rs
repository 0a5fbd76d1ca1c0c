//! Why there is no answer, in terms a client can be told.

use std::time::Duration;

use bytes::Bytes;
use openclaw_accounts::Denied;

use super::By;
use crate::{
    error::{Error, Kind},
    http::HeaderMap,
    routing::Unserved,
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller may not ask this, or not now.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The reference leads to no model.
    #[error("no model serves `{reference}`: {why}")]
    Unserved {
        /// The reference.
        reference: String,
        /// Why not.
        why: Unserved,
    },
    /// Nobody was asked, because all candidates asked to be left alone.
    #[error("every model for `{reference}` asked to be left alone for another {} s", retry_after.as_secs().max(1))]
    Resting {
        /// The reference.
        reference: String,
        /// Until the first of them may be asked again.
        retry_after: Duration,
    },
    /// The request can't be sent to any candidate as it is.
    #[error("{message}")]
    BadRequest {
        /// What is wrong with it.
        message: String,
        /// The field that is wrong, where one is.
        param: Option<String>,
    },
    /// Candidates were asked, and none answered; told by the first, because that is what was wanted.
    #[error("{}", .0.message)]
    Upstream(Box<Upstream>),
    /// The gateway stops.
    #[error("the gateway is stopping")]
    Cancelled,
}

/// How the candidate failed that the client is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What it amounts to.
    pub kind: Kind,
    /// The status of its answer; 0 when there was none, or not one that says something.
    pub status: u16,
    /// Its words, without keys; our own where it had none.
    pub message: String,
    /// Its error's `code`, where it has one.
    pub code: Option<String>,
    /// How long it asked to be left alone.
    pub retry_after: Option<Duration>,
    /// Its error's body without keys, as it was, for what is passed through.
    pub body: Bytes,
    /// Its headers without those of the connection, cookies, and secrets.
    pub headers: HeaderMap,
    /// Who it was.
    pub by: By,
    /// Everything that was tried, in order; never empty.
    pub attempts: Vec<Tried>,
}

impl From<Error> for Failure {
    /// Why there is no plan.
    fn from(error: Error) -> Self {
        match error {
            Error::NoModel { reference, why } => Self::Unserved { reference, why },
            Error::Denied { source, .. } => Self::Denied(source),
            _ => Self::Cancelled,
        }
    }
}

impl Upstream {
    /// The status for the client: the server's own, or the one that stands for how it failed.
    #[must_use]
    pub const fn shown_status(&self) -> u16 {
        shown_status(self.status, self.kind)
    }
}

/// The status for the client of a failure with this one; 0 when it has none.
pub(crate) const fn shown_status(status: u16, kind: Kind) -> u16 {
    match (status, kind) {
        (status @ 400..=599, _) => status,
        (_, Kind::Timeout(_)) => 408,
        (_, Kind::RateLimited { .. }) => 429,
        (_, Kind::Auth) => 401,
        (_, Kind::NotFound) => 404,
        (_, Kind::BadRequest | Kind::ContextOverflow | Kind::Refused) => 400,
        (_, Kind::Cancelled) => 503,
        (_, Kind::Overloaded | Kind::Transport | Kind::Malformed | Kind::NoModel) => 500,
    }
}

/// One candidate that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// `provider/model`.
    pub reference: String,
    /// How it failed.
    pub kind: Kind,
    /// The status of its answer; 0 when there was none.
    pub status: u16,
}
