//! Who may spend what.

use openclaw_accounts::{Allowance, Allowances, LedgerOptions, Options, Period, Secret, TeamId};
use openclaw_config::{Config, config};

/// What the accounts are told: the master key, and the budgets of both files.
#[must_use]
pub fn accounts_options(config: &Config) -> Options {
    let router = &config.router;
    let budgets = &router.budgets;
    Options {
        dir: config.paths.router(),
        master_key: router
            .master_key
            .as_ref()
            .map(|key| Secret::new(key.expose())),
        allowances: Allowances {
            agents: budgets
                .agents
                .iter()
                .map(|(id, stated)| (id.clone(), allowance(stated)))
                .collect(),
            teams: budgets
                .teams
                .iter()
                .map(|(id, stated)| (TeamId::new(id), allowance(stated)))
                .collect(),
            global: allowance(&budgets.global),
            key_defaults: allowance(&budgets.key_defaults),
        },
        ledger: LedgerOptions::default(),
    }
}

fn allowance(stated: &config::Allowance) -> Allowance {
    Allowance {
        max_budget: stated.max_budget,
        soft_budget: stated.soft_budget,
        budget_duration: stated.budget_duration.as_deref().and_then(Period::parse),
        tpm: stated.tpm,
        rpm: stated.rpm,
        max_parallel: stated.max_parallel,
        burst: stated.burst,
        tokens_per_day: stated.tokens_per_day,
        alert_at: stated.alert_at.clone(),
        models: stated.models.clone(),
        ..Allowance::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_period_that_a_file_may_name_is_one() {
        for text in [
            "30s", "10m", "2h", "1d", "30d", "1w", "1mo", "hourly", "daily", "weekly", "monthly",
        ] {
            let stated = config::Allowance {
                budget_duration: Some(text.to_owned()),
                ..config::Allowance::default()
            };
            assert!(allowance(&stated).budget_duration.is_some(), "{text}");
        }
    }
}
