//! `router_settings`: how deployments are chosen.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reader, ms};
use crate::{
    config::{Alias, PerKind, RouterSettings, Strategy},
    section::Section,
    suggest,
};

/// Strategies by their words.
const STRATEGIES: [(&str, Strategy); 5] = [
    ("simple-shuffle", Strategy::SimpleShuffle),
    ("least-busy", Strategy::LeastBusy),
    ("latency-based-routing", Strategy::LatencyBased),
    ("usage-based-routing", Strategy::UsageBased),
    ("usage-based-routing-v2", Strategy::UsageBased),
];

/// The check that is always made.
const ALWAYS_CHECKED: &str = "enforce_model_rate_limits";

/// A failure's `PerKind` from keys with this ending.
fn per_kind(section: &Section<'_>, ending: &str) -> PerKind {
    let of = |kind: &str| section.stated(&format!("{kind}{ending}"));
    PerKind {
        bad_request: of("BadRequestError"),
        authentication: of("AuthenticationError"),
        timeout: of("TimeoutError"),
        rate_limit: of("RateLimitError"),
        content_policy: of("ContentPolicyViolationError"),
        internal_server: of("InternalServerError"),
    }
}

/// An `allowed_fails_policy`.
pub(super) fn allowed_fails(section: &Section<'_>) -> PerKind {
    per_kind(section, "AllowedFails")
}

impl Reader<'_> {
    pub(super) fn routing(
        &mut self,
        root: &Section<'_>,
        groups: &BTreeSet<&str>,
    ) -> RouterSettings {
        let router = root.section("router_settings");
        let settings = root.section("litellm_settings");
        self.checks(&router);
        self.always(&router);
        let number = |key: &str| router.stated(key).or_else(|| settings.stated(key));
        RouterSettings {
            strategy: self.strategy(&router),
            num_retries: number("num_retries"),
            retry_policy: per_kind(&router.section("retry_policy"), "Retries"),
            max_fallbacks: router.stated("max_fallbacks"),
            cooldown_ms: router.stated_fraction("cooldown_time").map(ms),
            allowed_fails: number("allowed_fails"),
            allowed_fails_policy: allowed_fails(&router.section("allowed_fails_policy")),
            disable_cooldowns: router.flag("disable_cooldowns"),
            aliases: self.aliases(&router, groups),
            fallbacks: self.fallbacks(root, "fallbacks", groups),
            context_window_fallbacks: self.fallbacks(root, "context_window_fallbacks", groups),
            content_policy_fallbacks: self.fallbacks(root, "content_policy_fallbacks", groups),
            default_fallbacks: self.default_fallbacks(root, groups),
        }
    }

    fn strategy(&mut self, router: &Section<'_>) -> Strategy {
        let word = router.text_or_default("routing_strategy");
        let known = STRATEGIES.iter().find(|(known, _)| *known == word);
        if let Some((_, strategy)) = known {
            return *strategy;
        }
        let words = || STRATEGIES.iter().map(|(word, _)| *word);
        self.degraded(
            router.at("routing_strategy"),
            router.path_of("routing_strategy"),
            "this strategy is not supported; \"simple-shuffle\" is used",
        )
        .hint_with(|| {
            Some(match suggest::nearest(word, words()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("one of {}", words().collect::<Vec<_>>().join(", ")),
            })
        });
        Strategy::SimpleShuffle
    }

    fn checks(&mut self, router: &Section<'_>) {
        for (at, path, check) in router.text_items("optional_pre_call_checks") {
            if check != ALWAYS_CHECKED {
                self.warning(at, path, "this check is not made here");
            }
        }
    }

    /// Names other programs that would be told of requests.
    pub(super) fn callbacks(&mut self, settings: &Section<'_>) {
        for key in [
            "callbacks",
            "success_callback",
            "failure_callback",
            "service_callback",
        ] {
            for (at, path, name) in settings.text_items(key) {
                // Metrics and spend are always kept.
                if !matches!(name, "prometheus" | "prometheus_system" | "log_cost") {
                    self.warning(at, path, "no such program is told of requests here");
                }
            }
        }
    }

    /// What can't be switched off.
    fn always(&mut self, router: &Section<'_>) {
        for key in ["enable_pre_call_checks", "enable_weighted_failover"] {
            if router.stated_flag(key) == Some(false) {
                self.warning(router.at(key), router.path_of(key), "this is always on");
            }
        }
    }

    fn aliases(
        &mut self,
        router: &Section<'_>,
        groups: &BTreeSet<&str>,
    ) -> BTreeMap<String, Alias> {
        let mut aliases = BTreeMap::new();
        for (name, entry) in router.section("model_group_alias").entries() {
            let section = entry.section();
            let Some(model) = entry.text().or_else(|| section.text("model")) else {
                let path = section.path_of("model");
                self.degraded(entry.at(), path, "an alias for nothing; it is left out");
                continue;
            };
            if groups.contains(name) {
                self.degraded(
                    entry.at(),
                    section.path(),
                    "a group has this name; the alias is left out",
                );
                continue;
            }
            self.group(entry.at(), section.path(), model, groups);
            let alias = Alias {
                model: model.to_owned(),
                is_hidden: section.stated_flag("hidden").unwrap_or_default(),
            };
            aliases.insert(name.to_owned(), alias);
        }
        aliases
    }
}
