//! One sum with its names, as it is kept beside a file of the ledger that is closed.

use openclaw_types::{Money, Usage};
use serde::{Deserialize, Serialize};

use crate::report::Tally;

/// A sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Days since the epoch.
    pub(crate) day: i64,
    pub(crate) key: String,
    pub(crate) team: String,
    pub(crate) agent: String,
    pub(crate) group: String,
    provider: String,
    model: String,
    requests: u64,
    failures: u64,
    unpriced: u64,
    unsettled: u64,
    input: u64,
    output: u64,
    cached: u64,
    cache_write: u64,
    reasoning: u64,
    /// Picodollars.
    pub(crate) cost: u64,
}

impl Cell {
    pub(super) fn of(day: i64, names: [&str; 6], tally: &Tally) -> Self {
        let [key, team, agent, group, provider, model] = names.map(str::to_owned);
        let Tally {
            requests,
            failures,
            unpriced,
            unsettled,
            usage,
            cost,
        } = *tally;
        Self {
            day,
            key,
            team,
            agent,
            group,
            provider,
            model,
            requests,
            failures,
            unpriced,
            unsettled,
            input: usage.input_tokens,
            output: usage.output_tokens,
            cached: usage.cached_tokens,
            cache_write: usage.cache_write_tokens,
            reasoning: usage.reasoning_tokens,
            cost: cost.0,
        }
    }

    pub(super) fn names(&self) -> [&str; 6] {
        [
            &self.key,
            &self.team,
            &self.agent,
            &self.group,
            &self.provider,
            &self.model,
        ]
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            requests: self.requests,
            failures: self.failures,
            unpriced: self.unpriced,
            unsettled: self.unsettled,
            usage: Usage {
                input_tokens: self.input,
                output_tokens: self.output,
                cached_tokens: self.cached,
                cache_write_tokens: self.cache_write,
                reasoning_tokens: self.reasoning,
            },
            cost: Money(self.cost),
        }
    }
}
