//! Default model, aliases, failover, and LiteLLM's virtual models.

use std::collections::BTreeMap;

use super::Checker;
use crate::{
    config::{Passthrough, PassthroughEndpoint, Routing},
    section::Section,
};

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

    /// Leaves out aliases that lead back to themselves, so that following one always ends.
    fn break_cycles(&mut self, routing: &Section<'_>, aliases: &mut BTreeMap<String, String>) {
        let section = routing.section("aliases");
        let names: Vec<String> = aliases.keys().cloned().collect();
        for name in names {
            let mut reference = aliases.get(&name);
            let mut steps = 0;
            while let Some(next) = reference
                && *next != name
                && steps <= aliases.len()
            {
                reference = aliases.get(next);
                steps += 1;
            }
            if reference.is_some_and(|reference| *reference == name) {
                aliases.remove(&name);
                self.degraded(
                    section.at(&name),
                    section.path_of(&name),
                    "the alias leads back to itself; it is left out",
                );
            }
        }
    }
}
