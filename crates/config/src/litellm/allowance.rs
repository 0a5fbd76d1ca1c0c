//! Budgets and limits of everybody, of teams, of agents, and of keys that say nothing.

use openclaw_types::Money;

use super::Reader;
use crate::{
    config::{Allowance, Budgets, is_period},
    section::Section,
};

/// The period of `budget_daily_usd`.
const DAILY: &str = "daily";

/// Shares that are told anyway, in percent.
const ALERT_AT: [u8; 3] = [50, 80, 100];

impl Reader<'_> {
    pub(super) fn budgets(&mut self, root: &Section<'_>) -> Budgets {
        let settings = root.section("litellm_settings");
        let general = root.section("general_settings");
        let mut budgets = Budgets {
            global: self.allowance(&settings),
            key_defaults: self.allowance(&settings.section("default_key_generate_params")),
            ..Budgets::default()
        };
        budgets.global.max_parallel = general.stated("global_max_parallel_requests");
        let keys = &mut budgets.key_defaults;
        keys.max_parallel = keys
            .max_parallel
            .or_else(|| general.stated("max_parallel_requests"));
        keys.rpm = keys
            .rpm
            .or_else(|| default_rate(&root.section("router_settings")));
        for entry in settings.list("default_team_settings") {
            let team = entry.section();
            let Some(id) = team.text("team_id") else {
                if !entry.is_dropped() {
                    let path = team.path_of("team_id");
                    self.degraded(entry.at(), path, "a team without an id; it is left out");
                }
                continue;
            };
            let allowance = self.allowance(&team);
            budgets.teams.insert(id.to_owned(), allowance);
        }
        self.daily(root, &mut budgets);
        self.tokens(&root.section("budget_settings"), &mut budgets);
        budgets
    }

    /// What a section says in LiteLLM's words.
    fn allowance(&mut self, section: &Section<'_>) -> Allowance {
        let duration = section.text("budget_duration");
        if let Some(text) = duration
            && !is_period(text)
        {
            self.degraded(
                section.at("budget_duration"),
                section.path_of("budget_duration"),
                "not a period; the budget never starts anew",
            )
            .hint("write `30s`, `10m`, `2h`, `1d`, `1w`, `1mo`, `daily`, `weekly`, or `monthly`");
        }
        Allowance {
            max_budget: section
                .stated_fraction("max_budget")
                .and_then(Money::from_usd),
            budget_duration: duration.filter(|text| is_period(text)).map(str::to_owned),
            // `litellm_settings` has none of these keys.
            tpm: section.known("tpm_limit"),
            rpm: section.known("rpm_limit"),
            max_parallel: section.known("max_parallel_requests"),
            models: section.texts("models").unwrap_or_default(),
            ..Allowance::default()
        }
    }

    /// `budget_daily_usd` of agents.
    fn daily(&mut self, root: &Section<'_>, budgets: &mut Budgets) {
        for (name, entry) in root.section("agent_model_mappings").entries() {
            let section = entry.section();
            let dollars = section.stated_fraction("budget_daily_usd");
            let bare = name.strip_prefix("agent/").unwrap_or(name);
            // An id that is none was reported with the mapping.
            let id = openclaw_types::AgentId::parse(bare).ok();
            if let (Some(dollars), Some(id)) = (dollars, id) {
                let allowance = budgets.agents.entry(id).or_default();
                allowance.max_budget = Money::from_usd(dollars);
                allowance.budget_duration = Some(DAILY.to_owned());
            }
        }
    }

    /// Budgets in tokens.
    fn tokens(&mut self, section: &Section<'_>, budgets: &mut Budgets) {
        if !section.is_present() || !section.flag("enabled") {
            return;
        }
        let alert = section
            .stated_fraction("alert_threshold")
            .map(|share| (share * 100.0) as u8);
        let mut alert_at: Vec<u8> = ALERT_AT.into_iter().chain(alert).collect();
        alert_at.sort_unstable();
        alert_at.dedup();
        let agents = section.section("agent_budgets");
        for (name, entry) in agents.entries() {
            let path = entry.section().path().to_owned();
            if let Some(id) = self.agent_id(entry.at(), &path, name) {
                let allowance = budgets.agents.entry(id).or_default();
                allowance.tokens_per_day = agents.stated(name);
            }
        }
        budgets.global.tokens_per_day = section.stated("global_budget");
        if alert.is_some() {
            for allowance in budgets.agents.values_mut().chain([&mut budgets.global]) {
                allowance.alert_at.clone_from(&alert_at);
            }
        }
    }
}

/// Requests in a minute of keys, from so many in a period.
fn default_rate(router: &Section<'_>) -> Option<u64> {
    if router.stated_flag("enable_rate_limiting") != Some(true) {
        return None;
    }
    let requests: u64 = router.stated("default_limit_requests")?;
    let period: u64 = router.stated("default_limit_period").unwrap_or(60);
    Some((requests.saturating_mul(60) / period.max(1)).max(1))
}
