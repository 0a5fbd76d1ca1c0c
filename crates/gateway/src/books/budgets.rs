//! Budgets as they are now, and what their owners were told.

use openclaw_accounts::{Alert, BudgetState, Notice, Scope};
use openclaw_types::{Money, Timestamp};
use openclaw_wire::methods::router::{BudgetAlert, BudgetRow, RouterBudgetsResult};

use super::{Books, alias, usd};

/// All budgets, and the alerts of late.
#[must_use]
pub fn budgets(accounts: &dyn Books) -> RouterBudgetsResult {
    let alerts = accounts.alerts();
    RouterBudgetsResult {
        budgets: accounts
            .budgets()
            .iter()
            .map(|state| row(accounts, state))
            .collect(),
        alerts: alerts.iter().map(|told| alert(accounts, told)).collect(),
    }
}

/// One alert.
pub(crate) fn alert(accounts: &dyn Books, alert: &Alert) -> BudgetAlert {
    let whose = Whose::of(accounts, &alert.scope);
    BudgetAlert {
        at_ms: alert.at.as_millis(),
        scope: alert.scope.to_string(),
        kind: whose.kind.to_owned(),
        name: whose.name,
        alias: whose.alias,
        model: whose.model,
        reached: reached(alert.notice),
        spent_usd: alert.spent.as_usd(),
        max_usd: usd(alert.max),
        resets_at_ms: alert.resets_at.map(Timestamp::as_millis),
    }
}

fn row(accounts: &dyn Books, state: &BudgetState) -> BudgetRow {
    let whose = Whose::of(accounts, &state.scope);
    let committed = state.spent.saturating_add(state.reserved);
    let percent = |max: Money| {
        // A budget of nothing is spent from the beginning.
        let share = if max.is_zero() {
            1.0
        } else {
            state.spent.as_usd() / max.as_usd()
        };
        (share * 1_000.0).round() / 10.0
    };
    BudgetRow {
        scope: state.scope.to_string(),
        kind: whose.kind.to_owned(),
        name: whose.name,
        alias: whose.alias,
        model: whose.model,
        spent_usd: state.spent.as_usd(),
        reserved_usd: state.reserved.as_usd(),
        max_usd: usd(state.max),
        soft_usd: usd(state.soft),
        left_usd: usd(state.max.map(|max| max.saturating_sub(committed))),
        percent: state.max.map(percent),
        period: state.period.map(|period| period.to_string()),
        resets_at_ms: state.resets_at.map(Timestamp::as_millis),
        reached: state.told.iter().map(|&notice| reached(notice)).collect(),
    }
}

/// A scope in its parts.
struct Whose {
    kind: &'static str,
    name: Option<String>,
    alias: Option<String>,
    model: Option<String>,
}

impl Whose {
    fn of(accounts: &dyn Books, scope: &Scope) -> Self {
        let model = match scope {
            Scope::Model { model, .. } => Some(model.to_string()),
            _ => None,
        };
        let (kind, name) = match scope.root() {
            Scope::Team(team) => ("team", Some(team.to_string())),
            Scope::Key(key) => ("key", Some(key.to_string())),
            Scope::Agent(agent) => ("agent", Some(agent.to_string())),
            // A root is no model.
            Scope::Global | Scope::Model { .. } => ("global", None),
        };
        let alias = match scope.root() {
            Scope::Key(key) => alias(accounts, key),
            _ => None,
        };
        Self {
            kind,
            name,
            alias,
            model,
        }
    }
}

fn reached(notice: Notice) -> String {
    match notice {
        Notice::Share(percent) => percent.to_string(),
        Notice::Soft => "soft".to_owned(),
        Notice::Refused => "refused".to_owned(),
    }
}
