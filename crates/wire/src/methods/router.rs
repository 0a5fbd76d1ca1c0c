//! `router.*`: who may spend what on models, what was spent, and how whatever answers is.
//!
//! Amounts are in dollars, times in milliseconds.

mod brief;
mod budgets;
mod health;
mod keys;
mod spend;

pub use self::{
    brief::{CacheState, RouterBrief},
    budgets::{BudgetAlert, BudgetRow, RouterBudgets, RouterBudgetsResult},
    health::{
        DeploymentRow, GroupRow, KeysState, LedgerState, PriceRow, RouterHealth, RouterHealthResult,
    },
    keys::{
        KeyForm, KeyGenerated, KeyParams, KeyResult, KeyRow, KeyUpdate, KeysListParams,
        KeysListResult, RouterKeysBlock, RouterKeysDelete, RouterKeysGenerate, RouterKeysInfo,
        RouterKeysList, RouterKeysUnblock, RouterKeysUpdate,
    },
    spend::{
        CallRow, RouterSpend, RouterSpendLogs, SpendFilter, SpendLogsParams, SpendLogsResult,
        SpendParams, SpendResult, SpendRow, SpendTally,
    },
};
