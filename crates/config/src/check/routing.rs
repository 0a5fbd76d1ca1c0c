//! Default model, aliases, failover, and LiteLLM's virtual models.

use std::collections::BTreeMap;

use super::Checker;
use crate::{
    config::{Passthrough, PassthroughEndpoint, Routing},
    section::Section,
};

/// Most aliases followed one after the other.
const ALIAS_STEPS_MAX: usize = 8;

impl Checker<'_> {
    pub(super) fn routing(&mut self, root: &Section<'_>) -> Routing {
        let routing = root.section("model_routing");
        let older = root.section("collective").section("configuration");
        let default = routing
            .text("default")
            .or_else(|| older.text("primary_model"));
        let mut aliases = BTreeMap::new();
        for (alias, entry) in routing.section("aliases").entries() {
            if let Some(reference) = entry.text() {
                aliases.insert(alias.to_owned(), reference.to_owned());
            }
        }
        let mut failover = BTreeMap::new();
        for (reference, entry) in routing.section("failover").entries() {
            failover.insert(reference.to_owned(), entry.texts());
        }
        if let (Some(primary), Some(fallback)) = (default, older.text("failover_model")) {
            failover
                .entry(primary.to_owned())
                .or_insert_with(|| vec![fallback.to_owned()]);
        }
        let passthrough = self.passthrough(&routing, &older, &mut aliases);
        self.break_cycles(&routing, &mut aliases);
        Routing {
            default: default.map(str::to_owned),
            aliases,
            failover,
            passthrough,
        }
    }

    /// Both shapes: `"agent/x": {backend}`, and `"x": "agent/x"`, which is also an alias.
    fn passthrough(
        &mut self,
        routing: &Section<'_>,
        older: &Section<'_>,
        aliases: &mut BTreeMap<String, String>,
    ) -> Passthrough {
        let section = routing.section("passthrough_endpoints");
        let stated = routing
            .stated_flag("passthrough_endpoints")
            .or_else(|| section.stated_flag("enabled"));
        let enabled = stated.or_else(|| older.stated_flag("passthrough_endpoints"));
        let mut endpoints = BTreeMap::new();
        for (name, entry) in section.section("endpoints").entries() {
            let object = entry.section();
            if let Some(model) = entry.text() {
                if name != model && !aliases.contains_key(name) {
                    aliases.insert(name.to_owned(), model.to_owned());
                }
                endpoints.insert(model.to_owned(), PassthroughEndpoint { backend: None });
            } else if object.is_present() {
                let backend = object.text("backend").map(str::to_owned);
                endpoints.insert(name.to_owned(), PassthroughEndpoint { backend });
            }
        }
        Passthrough {
            enabled: enabled.unwrap_or_else(|| section.flag("enabled")),
            endpoints,
        }
    }

    /// Leaves out aliases that never arrive at a model, so that following one always ends.
    fn break_cycles(&mut self, routing: &Section<'_>, aliases: &mut BTreeMap<String, String>) {
        let section = routing.section("aliases");
        let endless: Vec<String> = aliases
            .keys()
            .filter(|alias| {
                let steps = std::iter::successors(Some(*alias), |alias| aliases.get(*alias));
                steps.take(ALIAS_STEPS_MAX + 2).count() > ALIAS_STEPS_MAX + 1
            })
            .cloned()
            .collect();
        for alias in endless {
            aliases.remove(&alias);
            let message =
                format!("the alias arrives at no model in {ALIAS_STEPS_MAX} steps; it is left out");
            self.degraded(section.at(&alias), section.path_of(&alias), message);
        }
    }
}
