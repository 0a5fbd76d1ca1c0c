//! The computed parts of the skills that come with the binary: pure functions from a state and what is seen to a
//! decision, with the thresholds that the skills' front matters state.
//!
//! Each module names the file its state is kept in, below the agent's workspace; reading and writing it is done
//! elsewhere.

pub mod autonomous_pulse;
pub mod curiosity_engine;
pub mod day_dream;
pub mod degraded_mode;
pub mod failover_vote;
pub mod gap_detector;
pub mod goal_arbitration;
pub mod knowledge;
pub mod memory_consolidation;
pub mod opportunity_scanner;
pub mod quorum_enforcement;
pub mod self_model;
pub mod signal_filter;
pub mod steward_orchestrator;
pub mod thought_loop;

/// The agents that vote.
pub const TRIAD: [&str; 3] = ["alpha", "beta", "charlie"];

/// Why an input is not decided on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {what}")]
pub struct Refused {
    /// What is wrong.
    pub field: &'static str,
    /// The rule it breaks, as the rest of a sentence.
    pub what: &'static str,
}

impl Refused {
    pub(crate) const fn new(field: &'static str, what: &'static str) -> Self {
        Self { field, what }
    }
}

/// A share from 0 to 1.
pub(crate) fn share(field: &'static str, value: f64) -> Result<f64, Refused> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Refused::new(field, "is a number from 0 to 1"))
}

#[cfg(test)]
mod tests;
