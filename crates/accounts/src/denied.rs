//! Why a request is refused, in terms the asker can act on.

use std::fmt;

use openclaw_types::{Money, Timestamp};

use crate::caller::Scope;

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Requests in a minute.
    Requests,
    /// Tokens in a minute.
    Tokens,
    /// Requests at the same time.
    Parallel,
    /// Requests at once.
    Burst,
    /// Tokens in a day.
    TokensPerDay,
}

impl LimitKind {
    /// LiteLLM's word for it, as its `rate_limit_type` header has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Parallel => "max_parallel_requests",
            Self::Burst => "burst",
            Self::TokensPerDay => "tokens_per_day",
        }
    }
}

impl fmt::Display for LimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "requests per minute",
            Self::Tokens => "tokens per minute",
            Self::Parallel => "requests at the same time",
            Self::Burst => "requests at once",
            Self::TokensPerDay => "tokens per day",
        })
    }
}

/// A rate limit that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimited {
    /// What there is too much of.
    pub kind: LimitKind,
    /// Whose limit it is.
    pub scope: Scope,
    /// The limit.
    pub limit: u64,
    /// What is left of it; more than nothing when the request asks for still more.
    pub remaining: u64,
    /// When it is whole again; absent for requests at the same time, which end when they end.
    pub resets_at: Option<Timestamp>,
    /// How long to wait before trying again, in milliseconds.
    pub retry_after_ms: u64,
}

/// A budget that has not enough left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetExceeded {
    /// Whose budget it is.
    pub scope: Scope,
    /// Spent in this period.
    pub spent: Money,
    /// Held for requests that are under way.
    pub reserved: Money,
    /// The hard stop.
    pub max: Money,
    /// The most that the request may cost.
    pub needed: Money,
    /// When it starts anew; absent means never.
    pub resets_at: Option<Timestamp>,
    /// How many output tokens would be affordable now; zero when not even the input is.
    pub affordable_output_tokens: u64,
}

impl BudgetExceeded {
    /// What is neither spent nor held.
    #[must_use]
    pub const fn left(&self) -> Money {
        self.max
            .saturating_sub(self.spent)
            .saturating_sub(self.reserved)
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A key is needed, and there is none.
    #[error("no API key; send the master key or a virtual key as `Authorization: Bearer <key>`")]
    MissingKey,
    /// It is neither the master key nor a virtual key.
    #[error("the API key is neither the master key nor a known virtual key")]
    WrongKey,
    /// The key was valid once.
    #[error("the API key expired at {at}")]
    Expired {
        /// When it expired.
        at: Timestamp,
    },
    /// Its owner blocked it.
    #[error("the API key is blocked")]
    Blocked,
    /// The file of virtual keys can't be read, so nobody knows which are valid.
    #[error(
        "virtual keys are refused because their file cannot be read: {reason}; the master key still works"
    )]
    KeysUnreadable {
        /// What is wrong with the file.
        reason: String,
    },
    /// The key, team or agent may not use this model group.
    #[error("model {model:?} is not allowed for {scope}")]
    ModelNotAllowed {
        /// The model group asked for.
        model: String,
        /// Who may not use it.
        scope: Scope,
    },
    /// A rate limit is reached.
    #[error("{}", rate_limited(.0))]
    RateLimited(Box<RateLimited>),
    /// A budget has not enough left.
    #[error("{}", budget_exceeded(.0))]
    BudgetExceeded(Box<BudgetExceeded>),
    /// A budget applies, and nobody knows what the model costs.
    #[error(
        "the price of model {model:?} is unknown, and {scope} has a budget; state the price in the configuration"
    )]
    Unpriced {
        /// The model group.
        model: String,
        /// Whose budget it is.
        scope: Scope,
    },
    /// A budget applies, and spending can't be recorded.
    #[error("{scope} has a budget, and spending cannot be recorded: {reason}")]
    LedgerUnavailable {
        /// Whose budget it is.
        scope: Scope,
        /// What is wrong with the ledger.
        reason: String,
    },
}

fn rate_limited(limited: &RateLimited) -> String {
    let RateLimited {
        kind,
        scope,
        limit,
        remaining,
        resets_at,
        ..
    } = limited;
    let text = format!("rate limit of {scope}: {limit} {kind}, {remaining} left");
    match resets_at {
        Some(at) => format!("{text}, whole again at {at}"),
        None => text,
    }
}

fn budget_exceeded(exceeded: &BudgetExceeded) -> String {
    let BudgetExceeded {
        scope,
        spent,
        reserved,
        max,
        needed,
        resets_at,
        affordable_output_tokens,
    } = exceeded;
    let left = exceeded.left();
    let mut text = format!("budget of {scope}: {spent} of {max} spent");
    if !reserved.is_zero() {
        text += &format!(", {reserved} held for requests under way");
    }
    text += &format!(", {left} left, and the request may cost {needed}");
    if *affordable_output_tokens > 0 {
        text += &format!("; {affordable_output_tokens} output tokens would be affordable");
    }
    if let Some(at) = resets_at {
        text += &format!("; it starts anew at {at}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyId, TeamId};

    #[test]
    fn a_refusal_says_what_is_left_and_when_there_is_more() {
        let at = Timestamp::parse("2024-03-31T00:00:00Z").unwrap();
        let usd = |usd| Money::from_usd(usd).unwrap();
        let exceeded = BudgetExceeded {
            scope: Scope::Team(TeamId::new("blue")),
            spent: usd(19.5),
            reserved: usd(0.25),
            max: usd(20.0),
            needed: usd(0.3),
            resets_at: Some(at),
            affordable_output_tokens: 120,
        };
        let for_ever = BudgetExceeded {
            reserved: Money::ZERO,
            resets_at: None,
            affordable_output_tokens: 0,
            ..exceeded.clone()
        };
        let limited = RateLimited {
            kind: LimitKind::Tokens,
            scope: Scope::Model {
                within: Box::new(Scope::Key(KeyId::new("k1"))),
                model: "fast".into(),
            },
            limit: 40,
            remaining: 10,
            resets_at: Some(at),
            retry_after_ms: 5,
        };
        for (denied, text) in [
            (
                Denied::BudgetExceeded(Box::new(exceeded)),
                "budget of team blue: $19.50 of $20.00 spent, $0.25 held for requests under way, $0.25 left, and \
                 the request may cost $0.30; 120 output tokens would be affordable; it starts anew at \
                 2024-03-31T00:00:00.000Z",
            ),
            (
                Denied::BudgetExceeded(Box::new(for_ever)),
                "budget of team blue: $19.50 of $20.00 spent, $0.50 left, and the request may cost $0.30",
            ),
            (
                Denied::RateLimited(Box::new(limited)),
                "rate limit of model fast of key k1: 40 tokens per minute, 10 left, whole again at \
                 2024-03-31T00:00:00.000Z",
            ),
        ] {
            assert_eq!(denied.to_string(), text);
        }
    }
}
