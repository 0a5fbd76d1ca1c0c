//! What somebody may use: budgets and limits, as the files say them.

use std::collections::BTreeMap;

use openclaw_types::{AgentId, Money};

/// What a key, a team, an agent, or everybody together may use; what is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowance {
    /// The hard stop, for each period.
    pub max_budget: Option<Money>,
    /// Told when it is reached; nothing is stopped.
    pub soft_budget: Option<Money>,
    /// When budgets start anew: `30s`, `10m`, `2h`, `1d`, `1w`, `1mo`, `hourly`, `daily`, `weekly`, `monthly`.
    pub budget_duration: Option<String>,
    /// Tokens in a minute.
    pub tpm: Option<u64>,
    /// Requests in a minute.
    pub rpm: Option<u64>,
    /// Requests at the same time.
    pub max_parallel: Option<u64>,
    /// Requests at once.
    pub burst: Option<u64>,
    /// Tokens in a calendar day of UTC.
    pub tokens_per_day: Option<u64>,
    /// Shares of the hard stop to be told of, in percent; empty for the usual ones.
    pub alert_at: Vec<u8>,
    /// The models allowed; all when empty.
    pub models: Vec<String>,
}

impl Allowance {
    /// Where nothing is said, what the other says.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let either = |own: Vec<_>, other: &Vec<_>| {
            if own.is_empty() { other.clone() } else { own }
        };
        // A period belongs to the budget it was written with.
        let period = match self.max_budget {
            Some(_) => self.budget_duration,
            None => self
                .budget_duration
                .or_else(|| other.budget_duration.clone()),
        };
        Self {
            max_budget: self.max_budget.or(other.max_budget),
            soft_budget: self.soft_budget.or(other.soft_budget),
            budget_duration: period,
            tpm: self.tpm.or(other.tpm),
            rpm: self.rpm.or(other.rpm),
            max_parallel: self.max_parallel.or(other.max_parallel),
            burst: self.burst.or(other.burst),
            tokens_per_day: self.tokens_per_day.or(other.tokens_per_day),
            alert_at: if self.alert_at.is_empty() {
                other.alert_at.clone()
            } else {
                self.alert_at
            },
            models: either(self.models, &other.models),
        }
    }
}

/// Who may use how much.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budgets {
    /// By agent.
    pub agents: BTreeMap<AgentId, Allowance>,
    /// By team.
    pub teams: BTreeMap<String, Allowance>,
    /// Everybody together.
    pub global: Allowance,
    /// Keys that say nothing themselves.
    pub key_defaults: Allowance,
}

impl Budgets {
    /// Where nothing is said, what the other says.
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (agent, allowance) in &other.agents {
            let own = self.agents.remove(agent).unwrap_or_default();
            self.agents.insert(agent.clone(), own.or(allowance));
        }
        for (team, allowance) in &other.teams {
            let own = self.teams.remove(team).unwrap_or_default();
            self.teams.insert(team.clone(), own.or(allowance));
        }
        Self {
            agents: self.agents,
            teams: self.teams,
            global: self.global.or(&other.global),
            key_defaults: self.key_defaults.or(&other.key_defaults),
        }
    }
}

/// Whether a text is a period.
pub(crate) fn is_period(text: &str) -> bool {
    if matches!(text, "hourly" | "daily" | "weekly" | "monthly") {
        return true;
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let days = match unit {
        "s" | "m" | "h" | "d" => 36_500,
        "w" => 5_000,
        "mo" => return number == "1",
        _ => return false,
    };
    number
        .parse::<u32>()
        .is_ok_and(|number| (1..=days).contains(&number))
}
