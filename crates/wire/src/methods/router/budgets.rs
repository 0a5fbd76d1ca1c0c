//! `router.budgets`: what may still be spent, and who was told.

use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    methods::Empty,
    schema::{Field, Kind, need},
    scope::Scope,
};

/// `router.budgets`.
#[derive(Debug, Clone, Copy)]
pub struct RouterBudgets;

impl Method for RouterBudgets {
    const NAME: &'static str = "router.budgets";
    const SCOPE: Scope = Scope::Read;
    const PARAMS: &'static [Field] = &[];
    const RESULT: &'static [Field] = &[
        need(
            "budgets",
            Kind::List,
            "`{scope, kind, name, model, spentUsd, reservedUsd, maxUsd, softUsd, leftUsd, percent, period, resetsAtMs, reached}` each",
        ),
        need(
            "alerts",
            Kind::List,
            "the alerts of late as `budget.alert` told them, the oldest first",
        ),
    ];
    type Params = Empty;
    type Result = RouterBudgetsResult;
}

/// Result of `router.budgets`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RouterBudgetsResult {
    /// All budgets.
    pub budgets: Vec<BudgetRow>,
    /// The alerts of late, the oldest first.
    pub alerts: Vec<BudgetAlert>,
}

/// A budget as it is now.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BudgetRow {
    /// Whose it is, in words.
    pub scope: String,
    /// `global`, `team`, `key` or `agent`.
    pub kind: String,
    /// Which team, key or agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key's alias, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The model group it is for alone, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Spent in this period.
    pub spent_usd: f64,
    /// Held for requests under way.
    pub reserved_usd: f64,
    /// The hard stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usd: Option<f64>,
    /// Told when it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_usd: Option<f64>,
    /// What may still be spent before the hard stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_usd: Option<f64>,
    /// The part of the hard stop that is spent, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    /// How long it lasts before it starts anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// When it starts anew next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_at_ms: Option<i64>,
    /// What was told in this period: `50`, `80`, `100`, `soft`, or `refused`.
    pub reached: Vec<String>,
}

/// Payload of `budget.alert`: something about a budget that its owner should know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BudgetAlert {
    /// When.
    pub at_ms: i64,
    /// Whose budget, in words.
    pub scope: String,
    /// `global`, `team`, `key` or `agent`.
    pub kind: String,
    /// Which team, key or agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key's alias, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The model group it is for alone, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What was reached: `50`, `80`, `100`, `soft`, or `refused`.
    pub reached: String,
    /// Spent in this period.
    pub spent_usd: f64,
    /// The hard stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_usd: Option<f64>,
    /// When the budget starts anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_at_ms: Option<i64>,
}
