//! What plugins may load, and where skills are read from.

use std::{collections::BTreeMap, path::PathBuf};

use super::Checker;
use crate::{
    config::{PluginEntry, Plugins},
    expand,
    secret::Opaque,
    section::Section,
};

impl Checker<'_> {
    pub(super) fn plugins(&self, root: &Section<'_>) -> Plugins {
        let plugins = root.section("plugins");
        let mut entries = BTreeMap::new();
        // A list under `enabled` names plugins; an entry of its own says more and wins.
        for id in plugins.texts("enabled").unwrap_or_default() {
            entries.insert(id, PluginEntry::default());
        }
        let listed = plugins.section("entries");
        for (id, entry) in plugins.entries().chain(listed.entries()) {
            entries.insert(id.to_owned(), plugin(&entry.section()));
        }
        Plugins {
            enabled: plugins.stated_flag("enabled").unwrap_or(true),
            allow: plugins.texts("allow").map(|ids| ids.into_iter().collect()),
            deny: plugins
                .texts("deny")
                .unwrap_or_default()
                .into_iter()
                .collect(),
            timeout_ms: plugins.number("timeout"),
            retry_attempts: plugins.number("retryAttempts"),
            entries,
            memory_slot: plugins.section("slots").text("memory").map(str::to_owned),
        }
    }

    pub(super) fn skills_path(&self, root: &Section<'_>) -> Option<PathBuf> {
        let home = self.environment.home();
        let text = root.section("skills_repository").text("path")?;
        Some(expand::path(text, home.as_deref()))
    }
}

impl Default for PluginEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            config: Opaque(serde_json::Map::new().into()),
        }
    }
}

fn plugin(section: &Section<'_>) -> PluginEntry {
    let empty = || serde_json::Map::new().into();
    PluginEntry {
        enabled: section.flag("enabled"),
        config: Opaque(section.any("config").cloned().unwrap_or_else(empty)),
    }
}
