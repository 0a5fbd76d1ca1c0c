//! What is tried when a group failed, and whether the names in it are those of something.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_types::KnownProvider;

use super::Reader;
use crate::{config::RouterSettings, json5::Position, section::Section, suggest};

impl Reader<'_> {
    /// `- group: [group, …]` of `router_settings`, or else of `litellm_settings`.
    pub(super) fn fallbacks(
        &mut self,
        root: &Section<'_>,
        key: &str,
        groups: &BTreeSet<&str>,
    ) -> BTreeMap<String, Vec<String>> {
        let router = root.section("router_settings");
        let section = if router.has(key) {
            router
        } else {
            root.section("litellm_settings")
        };
        let mut fallbacks = BTreeMap::new();
        for entry in section.list(key) {
            for (group, targets) in entry.section().entries() {
                let path = targets.section().path().to_owned();
                if group != "*" {
                    self.group(targets.at(), &path, group, groups);
                }
                let targets_of = targets.texts();
                for (index, (at, target)) in targets.text_items().enumerate() {
                    self.group(at, &format!("{path}[{index}]"), target, groups);
                }
                if fallbacks.insert(group.to_owned(), targets_of).is_some() {
                    self.warning(
                        targets.at(),
                        path,
                        "the group has fallbacks already; the last ones count",
                    );
                }
            }
        }
        fallbacks
    }

    /// For groups that have none of their own: LiteLLM's list, then those of the older files.
    pub(super) fn default_fallbacks(
        &mut self,
        root: &Section<'_>,
        groups: &BTreeSet<&str>,
    ) -> Vec<String> {
        let router = root.section("router_settings");
        let section = if router.has("default_fallbacks") {
            router.clone()
        } else {
            root.section("litellm_settings")
        };
        let priority = router.section("priority_fallback");
        let mut listed = section.text_items("default_fallbacks");
        if priority.is_present() && priority.flag("enabled") {
            listed.extend(priority.text_items("fallback_order"));
        } else if !priority.is_present() {
            listed.extend(router.text_items("priority_fallback"));
        }
        listed.extend(root.text_items("fallback_models"));
        let mut fallbacks: Vec<String> = Vec::new();
        for (at, path, name) in listed {
            self.group(at, &path, name, groups);
            if !fallbacks.iter().any(|known| known == name) {
                fallbacks.push(name.to_owned());
            }
        }
        fallbacks
    }

    /// Models named in `litellm_settings`.
    pub(super) fn default_groups(
        &mut self,
        settings: &Section<'_>,
        routing: &RouterSettings,
        groups: &BTreeSet<&str>,
    ) {
        if let Some(model) = settings.text("default_model")
            && !routing.aliases.contains_key(model)
        {
            let path = settings.path_of("default_model");
            self.group(settings.at("default_model"), &path, model, groups);
        }
    }

    /// Warns of a name that nothing has; it is kept, for openclaw.json may know it.
    pub(super) fn group(&mut self, at: Position, path: &str, name: &str, groups: &BTreeSet<&str>) {
        let is_wildcard = |group: &&str| {
            let (before, after) = group.split_once('*').unwrap_or((group, ""));
            group.contains('*') && name.starts_with(before) && name.ends_with(after)
        };
        let names_provider = name
            .split_once('/')
            .is_some_and(|(word, _)| KnownProvider::find(word).is_some());
        if groups.contains(name) || names_provider || groups.iter().any(is_wildcard) {
            return;
        }
        self.warning(at, path, "no deployment of this file has this name")
            .hint_with(|| {
                let near = suggest::nearest(name, groups.iter().copied())?;
                Some(format!("did you mean `{near}`?"))
            });
    }
}
