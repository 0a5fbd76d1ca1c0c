//! What somebody may use: limits on requests and tokens, budgets, and models.

use std::collections::BTreeMap;

use openclaw_types::Money;

use crate::period::Period;

/// The shares of a budget that are told when they are reached, in percent.
pub const ALERT_AT: [u8; 3] = [50, 80, 100];

/// What a key, a team, an agent, or everybody together may use; what is absent is not limited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowance {
    /// The hard stop, for each period.
    pub max_budget: Option<Money>,
    /// Told when it is reached; nothing is stopped.
    pub soft_budget: Option<Money>,
    /// When budgets start anew; absent means never.
    pub budget_duration: Option<Period>,
    /// Input and output tokens in a minute.
    pub tpm: Option<u64>,
    /// Requests in a minute.
    pub rpm: Option<u64>,
    /// Requests at the same time.
    pub max_parallel: Option<u64>,
    /// Requests at once, after which they come no faster than `rpm` spread evenly over the minute; without
    /// `rpm`, so many in each second.
    pub burst: Option<u64>,
    /// Input and output tokens in a calendar day of UTC.
    pub tokens_per_day: Option<u64>,
    /// The hard stop for single model groups, in the same period.
    pub model_max_budget: BTreeMap<String, Money>,
    /// Requests in a minute for single model groups.
    pub model_rpm: BTreeMap<String, u64>,
    /// Tokens in a minute for single model groups.
    pub model_tpm: BTreeMap<String, u64>,
    /// Shares of the hard stop to be told of, in percent; [`ALERT_AT`] when empty.
    pub alert_at: Vec<u8>,
    /// The model groups allowed, `*` and `prefix/*` among them; all when empty.
    pub models: Vec<String>,
}

impl Allowance {
    /// Whether the model group is among those allowed.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| matches(pattern, model))
    }

    /// What holds for one model group alone, when something does.
    #[must_use]
    pub fn of_model(&self, model: &str) -> Option<Self> {
        let of_model = Self {
            max_budget: self.model_max_budget.get(model).copied(),
            rpm: self.model_rpm.get(model).copied(),
            tpm: self.model_tpm.get(model).copied(),
            ..Self::default()
        };
        let is_limited = of_model != Self::default();
        is_limited.then(|| Self {
            budget_duration: self.budget_duration,
            alert_at: self.alert_at.clone(),
            ..of_model
        })
    }

    /// The model groups that have something of their own.
    pub fn models_limited(&self) -> impl Iterator<Item = &str> {
        self.model_max_budget
            .keys()
            .chain(self.model_rpm.keys())
            .chain(self.model_tpm.keys())
            .map(String::as_str)
    }

    /// Where nothing is said, what the other says.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let table = |own: BTreeMap<_, _>, other: &BTreeMap<_, _>| {
            if own.is_empty() { other.clone() } else { own }
        };
        let counts = |own: BTreeMap<_, _>, other: &BTreeMap<_, _>| {
            if own.is_empty() { other.clone() } else { own }
        };
        Self {
            max_budget: self.max_budget.or(other.max_budget),
            soft_budget: self.soft_budget.or(other.soft_budget),
            budget_duration: self.budget_duration.or(other.budget_duration),
            tpm: self.tpm.or(other.tpm),
            rpm: self.rpm.or(other.rpm),
            max_parallel: self.max_parallel.or(other.max_parallel),
            burst: self.burst.or(other.burst),
            tokens_per_day: self.tokens_per_day.or(other.tokens_per_day),
            model_max_budget: table(self.model_max_budget, &other.model_max_budget),
            model_rpm: counts(self.model_rpm, &other.model_rpm),
            model_tpm: counts(self.model_tpm, &other.model_tpm),
            alert_at: if self.alert_at.is_empty() {
                other.alert_at.clone()
            } else {
                self.alert_at
            },
            models: if self.models.is_empty() {
                other.models.clone()
            } else {
                self.models
            },
        }
    }
}

/// LiteLLM's words for all models are understood as well.
fn matches(pattern: &str, model: &str) -> bool {
    match pattern {
        "*" | "all-proxy-models" | "all-team-models" => true,
        _ => match pattern.strip_suffix('*') {
            Some(prefix) => model.starts_with(prefix),
            None => pattern == model,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_allowed_by_name_by_prefix_and_all_at_once() {
        for (models, model, is_allowed) in [
            (&[][..], "agent/steward", true),
            (&["agent/steward"], "agent/steward", true),
            (&["agent/steward"], "agent/steward-failover", false),
            (&["agent/*"], "agent/steward", true),
            (&["agent/*"], "fast", false),
            (&["fast", "*"], "anything", true),
            (&["all-proxy-models"], "anything", true),
            (&["no-default-models"], "anything", false),
        ] {
            let allowance = Allowance {
                models: models.iter().map(|&model| model.to_owned()).collect(),
                ..Allowance::default()
            };
            assert_eq!(allowance.allows(model), is_allowed, "{models:?} {model}");
        }
    }

    #[test]
    fn a_model_has_an_allowance_of_its_own_only_where_something_is_said() {
        let allowance = Allowance {
            rpm: Some(9),
            budget_duration: Some(Period::Day),
            model_rpm: BTreeMap::from([("fast".to_owned(), 2)]),
            ..Allowance::default()
        };
        assert_eq!(
            allowance.of_model("fast"),
            Some(Allowance {
                rpm: Some(2),
                budget_duration: Some(Period::Day),
                ..Allowance::default()
            })
        );
        assert_eq!(allowance.of_model("slow"), None);
        assert_eq!(allowance.models_limited().collect::<Vec<_>>(), ["fast"]);
    }

    #[test]
    fn defaults_fill_what_is_not_said() {
        let own = Allowance {
            rpm: Some(1),
            ..Allowance::default()
        };
        let defaults = Allowance {
            rpm: Some(5),
            tpm: Some(7),
            models: vec!["fast".to_owned()],
            ..Allowance::default()
        };
        assert_eq!(
            own.or(&defaults),
            Allowance {
                rpm: Some(1),
                ..defaults
            }
        );
    }
}
