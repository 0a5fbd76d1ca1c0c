//! From an ask to the groups that are tried one after the other: the reference, then its fallbacks.

use std::{collections::BTreeMap, sync::Arc};

use super::{AgentMapping, Ask, Group, Table, Unserved};
use crate::limits::CANDIDATES_MAX;

/// One group of a plan.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) group: Arc<Group>,
    /// Fields for the request that does not have them itself.
    pub(super) defaults: Option<Arc<AgentMapping>>,
}

/// The groups of a plan, and what is tried in place of the rest after some failures.
#[derive(Debug, Clone, Default)]
pub(super) struct Stages {
    pub(super) stages: Vec<Stage>,
    /// When a request does not fit into the window.
    pub(super) context: Vec<String>,
    /// When a content filter refused it.
    pub(super) content: Vec<String>,
    /// Whether the last reference that was added leads to a group that the configuration names.
    is_named: bool,
}

/// The groups that an ask leads to; never empty.
pub(super) fn stages(table: &Table, ask: &Ask<'_>) -> Result<Stages, Unserved> {
    let mut stages = Stages::default();
    let first = stages.reference(table, ask);
    if !ask.is_stated {
        for default in &table.defaults {
            if stages.stages.is_empty() {
                let ask = Ask {
                    reference: default,
                    fallbacks: &[],
                    ..*ask
                };
                stages.reference(table, &ask).ok();
            }
        }
    }
    if stages.stages.is_empty() {
        first?;
    }
    if ask.disable_fallbacks {
        stages.stages.truncate(1);
    }
    Ok(stages)
}

impl Stages {
    /// Adds a reference and everything that is tried when it fails.
    fn reference(&mut self, table: &Table, ask: &Ask<'_>) -> Result<(), Unserved> {
        let settings = &table.settings;
        let followed = table.follow(ask.reference);
        let resolved = followed.clone().unwrap_or_default();
        let mapping = table.mappings.get(bare(resolved));
        let found = followed.and_then(|reference| table.resolve(reference));
        let first = found.as_ref().ok().and_then(|found| found.first().cloned());
        let error = found.map(|found| self.add(found, mapping)).err();
        if let Some(mapping) = mapping {
            self.named(table, std::slice::from_ref(&mapping.primary), Some(mapping));
        }
        if ask.disable_fallbacks {
            return self.outcome(error);
        }
        let names = Names {
            names: [
                Some(ask.reference.trim()),
                Some(resolved),
                first.as_ref().map(|group| &*group.name),
                first.as_ref().and_then(|group| group.pattern.as_deref()),
            ],
        };
        self.is_named = first.as_ref().is_some_and(|group| group.is_named);
        let before = self.stages.len();
        if let Some(mapping) = mapping {
            self.named(table, &mapping.fallbacks, Some(mapping));
        }
        self.is_named = self.is_named || mapping.is_some();
        if ask.replaces_fallbacks {
            self.named(table, ask.fallbacks, mapping);
        } else {
            let mut lists = names.lists(&settings.fallbacks);
            // A reference that leads nowhere is not replaced by something that was not chosen for it.
            if lists.is_empty() && !self.stages.is_empty() {
                let for_all = settings.fallbacks.get("*");
                lists.push(for_all.unwrap_or(&settings.default_fallbacks));
            }
            for list in lists {
                self.named(table, list, mapping);
            }
            self.named(table, ask.fallbacks, mapping);
        }
        let most = settings.max_fallbacks.unwrap_or(CANDIDATES_MAX);
        self.stages.truncate(before.saturating_add(most).max(1));
        self.context = names.first(&settings.context_window_fallbacks);
        self.content = names.first(&settings.content_policy_fallbacks);
        self.outcome(error)
    }

    /// A fallback is as good as what it stands in for.
    fn outcome(&self, error: Option<Unserved>) -> Result<(), Unserved> {
        match error {
            Some(error) if self.stages.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// Adds fallbacks; one that leads nowhere does not take the others with it.
    fn named(&mut self, table: &Table, list: &[String], mapping: Option<&Arc<AgentMapping>>) {
        for reference in list {
            let found = table.follow(reference).and_then(|next| table.resolve(next));
            if let Ok(found) = found {
                self.add(found, mapping);
            }
        }
    }

    fn add(&mut self, found: Vec<Arc<Group>>, mapping: Option<&Arc<AgentMapping>>) {
        for group in found {
            let is_there = |stage: &Stage| stage.group.name == group.name;
            if !self.stages.iter().any(is_there) {
                self.stages.push(Stage {
                    group,
                    defaults: mapping.cloned(),
                });
            }
        }
    }

    /// Whether a request that is at fault goes on to the fallbacks, because those of a group were chosen for it.
    pub(super) const fn is_named(&self) -> bool {
        self.is_named
    }
}

/// The groups that references lead to.
pub(super) fn resolved(table: &Table, references: &[String]) -> Vec<Stage> {
    let mut stages = Stages::default();
    stages.named(table, references, None);
    stages.stages
}

/// A reference without the name of the router in front.
fn bare(reference: &str) -> &str {
    let prefix = reference.strip_prefix(crate::discovery::LITELLM_ID);
    prefix
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(reference)
}

/// What a reference is called in lists of fallbacks, the closest name first.
struct Names<'a> {
    names: [Option<&'a str>; 4],
}

impl<'a> Names<'a> {
    /// Every list that one of the names has.
    fn lists<'m>(&self, lists: &'m BTreeMap<String, Vec<String>>) -> Vec<&'m Vec<String>> {
        if lists.is_empty() {
            return Vec::new();
        }
        self.each().filter_map(|name| lists.get(name)).collect()
    }

    fn first(&self, lists: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        if lists.is_empty() {
            return Vec::new();
        }
        let found = self.each().find_map(|name| lists.get(name));
        let found = found.or_else(|| lists.get("*"));
        found.cloned().unwrap_or_default()
    }

    fn each(&self) -> impl Iterator<Item = &'a str> {
        let names = self.names;
        let once = move |(place, name): (usize, Option<&'a str>)| {
            name.filter(|_| !names[..place].contains(&name))
        };
        names.into_iter().enumerate().filter_map(once)
    }
}
