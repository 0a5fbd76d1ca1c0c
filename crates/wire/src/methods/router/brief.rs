//! The router in a few words, as the gateway's status has it.

use serde::{Deserialize, Serialize};

use super::BudgetRow;

/// What is behind the models now.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouterBrief {
    /// Where requests for models are taken, where a port is open for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Whether a request for a model can be taken now.
    pub ready: bool,
    /// Deployments that nothing is against.
    pub up: u64,
    /// Deployments that rest after a failure.
    pub cooling: u64,
    /// Spent since midnight of UTC.
    pub spent_today_usd: f64,
    /// Budgets of which something was told in their period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<BudgetRow>,
    /// Where answers are kept for equal requests, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheState>,
}

/// How the cache of answers is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheState {
    /// `memory` or `redis`.
    pub kind: String,
    /// Whether it works, as far as that is known.
    pub ok: bool,
    /// What is wrong, or what it holds.
    #[serde(default)]
    pub detail: String,
}
