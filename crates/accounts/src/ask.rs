//! What is asked before a call, and what is told after it.

use openclaw_types::{AgentId, Money, Price, Timestamp, Usage};

use crate::caller::Caller;

/// How many tokens a call may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLimit {
    /// The request says so; it is granted whole or not at all.
    Stated(u64),
    /// The request says nothing, and the model stops here by itself; where a budget has less left, the ticket
    /// says how far the caller must lower it.
    Default(u64),
}

impl OutputLimit {
    /// The number.
    #[must_use]
    pub const fn tokens(self) -> u64 {
        match self {
            Self::Stated(tokens) | Self::Default(tokens) => tokens,
        }
    }
}

/// A call that somebody wants to make.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The agent it is for, when it is for one.
    pub agent: Option<&'a AgentId>,
    /// The model group.
    pub model: &'a str,
    /// The price of the dearest candidate; absent when that of any is unknown.
    pub price: Option<Price>,
    /// Tokens the call reads, estimated from above.
    pub input_tokens: u64,
    /// Tokens the call may write.
    pub output: OutputLimit,
    /// What the caller's own books name the end user; kept in the ledger.
    pub user: Option<&'a str>,
    /// Kept in the ledger.
    pub tags: &'a [String],
    /// The id the caller is told; kept in the ledger.
    pub request_id: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// An ask with nothing but what each has.
    #[must_use]
    pub const fn new(caller: &'a Caller, model: &'a str) -> Self {
        Self {
            caller,
            agent: None,
            model,
            price: None,
            input_tokens: 0,
            output: OutputLimit::Default(0),
            user: None,
            tags: &[],
            request_id: None,
        }
    }
}

/// What came of a call.
#[derive(Debug, Clone, Default)]
pub struct Outcome<'a> {
    /// The provider that answered.
    pub provider: &'a str,
    /// The model at the provider.
    pub model: &'a str,
    /// The deployment's id.
    pub deployment: &'a str,
    /// What the provider counted.
    pub usage: Option<Usage>,
    /// What it cost; absent when the usage or the price is unknown. A call that succeeded without a known
    /// cost is charged what was reserved for it, one that failed nothing.
    pub cost: Option<Money>,
    /// The HTTP status as the caller saw it; 0 when the call ended without one.
    pub status: u16,
    /// From the request to its end, in milliseconds.
    pub ms: u64,
    /// From the request to its first content, in milliseconds.
    pub first_ms: Option<u64>,
}

impl Outcome<'_> {
    /// Whether the provider answered.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// What was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// The cost of the call; absent when nobody knows it.
    pub cost: Option<Money>,
    /// Whether the cost is what was reserved, because the real one is unknown.
    pub is_estimate: bool,
    /// What the caller's key has spent in its period; absent for callers without one.
    pub key_spend: Option<Money>,
}

/// What is left of a minute's limit after a request was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// The limit.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When it is whole again.
    pub resets_at: Timestamp,
    /// What it is counted for, in LiteLLM's word: `api_key`, `team`, `model_per_key`, `agent`, `global`.
    pub holder: &'static str,
}
