//! What the configuration says about routing as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Map, Value};

use crate::error::Kind;

/// How the members of a group that are equally well are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// By chance, in proportion to their weights.
    #[default]
    SimpleShuffle,
    /// The one with the fewest calls in flight first.
    LeastBusy,
    /// The one that answered fastest of late first; one that has not been measured is measured.
    LatencyBased,
    /// The one with the fewest tokens in this minute first.
    UsageBased,
}

/// A number for each kind of failure that configurations tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerKind {
    /// The request is wrong.
    pub bad_request: Option<u32>,
    /// The key is.
    pub authentication: Option<u32>,
    /// A deadline passed.
    pub timeout: Option<u32>,
    /// Too many requests.
    pub rate_limit: Option<u32>,
    /// A content filter refused it.
    pub content_policy: Option<u32>,
    /// The server failed.
    pub internal_server: Option<u32>,
}

impl PerKind {
    /// These, and the others where there are none.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            bad_request: self.bad_request.or(others.bad_request),
            authentication: self.authentication.or(others.authentication),
            timeout: self.timeout.or(others.timeout),
            rate_limit: self.rate_limit.or(others.rate_limit),
            content_policy: self.content_policy.or(others.content_policy),
            internal_server: self.internal_server.or(others.internal_server),
        }
    }

    /// The number for a failure.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> Option<u32> {
        match kind {
            Kind::BadRequest | Kind::ContextOverflow | Kind::NotFound => self.bad_request,
            Kind::Auth => self.authentication,
            Kind::Timeout(_) => self.timeout,
            Kind::RateLimited { .. } => self.rate_limit,
            Kind::Refused => self.content_policy,
            Kind::Overloaded | Kind::Transport | Kind::Malformed => self.internal_server,
            Kind::NoModel | Kind::Cancelled => None,
        }
    }
}

/// What holds for every group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// How members of a group are put in order.
    pub strategy: Strategy,
    /// How often a call repeats a candidate when nothing else is left.
    pub num_retries: u32,
    /// The same for single kinds of failure. No answer with a 4xx status is ever repeated, whatever it says.
    pub retry_policy: PerKind,
    /// The most fallbacks tried after a reference; `None` sets no limit.
    pub max_fallbacks: Option<usize>,
    /// How long a candidate rests, in place of the time that the kind of failure would have; not `Retry-After`.
    pub cooldown: Option<Duration>,
    /// How many failures in a minute do not make a candidate rest; `None` is as 0.
    pub allowed_fails: Option<u32>,
    /// The same for single kinds of failure.
    pub allowed_fails_policy: PerKind,
    /// Nothing rests but what asks for it with `Retry-After`.
    pub disable_cooldowns: bool,
    /// Reference to the references tried when it fails; `*` is for those that have none.
    pub fallbacks: BTreeMap<String, Vec<String>>,
    /// The same for a request that does not fit into the window.
    pub context_window_fallbacks: BTreeMap<String, Vec<String>>,
    /// The same for a request that a content filter refused.
    pub content_policy_fallbacks: BTreeMap<String, Vec<String>>,
    /// Tried when a reference has no fallbacks of its own.
    pub default_fallbacks: Vec<String>,
    /// Alias to reference.
    pub aliases: BTreeMap<String, String>,
    /// Aliases that lists leave out.
    pub hidden: BTreeSet<String>,
}

/// What an agent's virtual model `agent/<id>` stands for besides the group of that name, if there is one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AgentMapping {
    /// The reference it stands for.
    pub primary: String,
    /// Tried in order when that fails.
    pub fallbacks: Vec<String>,
    /// Fields for the request that does not have them itself, such as `temperature`.
    pub defaults: Map<String, Value>,
}
