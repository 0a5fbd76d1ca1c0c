//! What an answer used and cost, told while it comes and whole when it has ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openclaw_types::{Money, Usage};

/// Reads what an answer has used so far. Cheap to clone; stays readable when the answer is gone.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Spent>>);

/// What an answer used and cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Tokens; absent while unknown.
    pub usage: Option<Usage>,
    /// Whether usage or cost are estimates, because the server did not say.
    pub is_estimate: bool,
    /// What was charged; absent when nobody knows, or nobody keeps accounts.
    pub cost: Option<Money>,
    /// The part of what the last server charged that is for tokens written; absent like `cost`.
    pub output_cost: Option<Money>,
    /// What the caller's key has spent in its period; absent for callers without one.
    pub key_spend: Option<Money>,
    /// From the ask to the first content, in milliseconds.
    pub first_ms: Option<u64>,
    /// From the ask to its end, in milliseconds.
    pub ms: u64,
    /// The part of that in which a server was waited for, up to the first content of a stream.
    pub upstream_ms: u64,
    /// Whether everything is settled.
    pub is_over: bool,
    /// Whether the answer came to its own end, instead of breaking off or being given up.
    pub is_whole: bool,
}

impl Meter {
    /// What is known now.
    #[must_use]
    pub fn read(&self) -> Spent {
        *self.lock()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
