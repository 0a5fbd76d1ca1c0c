//! One consistent picture of providers, models, and what was found; replaced as a whole.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    discovery::Findings,
    health::Spot,
    options::{InputKind, ModelOptions},
    profile::{Profile, Tier},
    provider::Provider,
    router::{Served, Table, Target, Unserved},
    status::{Listed, LookedAt, Source},
};

/// Everything a call is routed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    pub(crate) table: Table,
    pub(crate) entries: BTreeMap<String, Entry>,
    /// The same with keys that are shown only where a search found that they have to be.
    pub(crate) keyed: BTreeMap<String, Entry>,
    pub(crate) source: Option<Source>,
    pub(crate) looked_at: Vec<LookedAt>,
    /// Providers that a search looked for in vain.
    pub(crate) absent: Vec<String>,
}

/// One provider.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) key: Arc<str>,
    pub(crate) models: Vec<ModelOptions>,
    pub(crate) tier: Tier,
}

impl Routes {
    /// Adds a provider behind those already there; one with the same id stays.
    pub(crate) fn add(&mut self, id: &str, entry: Entry, is_open: bool) {
        if self.entries.contains_key(id) {
            return;
        }
        self.table.providers.push(Served {
            provider: id.to_owned(),
            models: entry.models.iter().map(|model| model.id.clone()).collect(),
            is_open,
        });
        self.entries.insert(id.to_owned(), entry);
    }

    /// Notes which models a provider has said it has.
    pub(crate) fn learn(&mut self, id: &str, models: Vec<ModelOptions>) {
        let mut served = self.table.providers.iter_mut();
        if let Some(served) = served.find(|served| served.provider == id) {
            served.models = models.iter().map(|model| model.id.clone()).collect();
            served.is_open = false;
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.models = models;
        }
    }

    /// Whether a plan begins with a provider that has not said yet what it has.
    pub(crate) fn is_guess(&self, targets: &[Target]) -> bool {
        let first = targets.first();
        first
            .and_then(|target| self.table.provider(&target.provider))
            .is_none_or(|served| served.is_open)
    }

    /// What rests when a target fails.
    pub(crate) fn spot(&self, target: Target) -> Spot {
        let entry = self.entries.get(&target.provider);
        Spot {
            key: entry.map_or_else(|| Arc::from(""), |entry| Arc::clone(&entry.key)),
            target,
        }
    }

    /// Adds what was looked at to a reason that would otherwise say only that there is nothing, and leaves out
    /// providers that are not there.
    pub(crate) fn explain(&self, why: Unserved) -> Unserved {
        let why = match why {
            Unserved::Unknown { mut providers } => {
                providers.retain(|provider| !self.absent.contains(provider));
                Unserved::Unknown { providers }
            }
            why => why,
        };
        if self.source.is_some()
            || !matches!(why, Unserved::NoProvider { .. } | Unserved::Unknown { .. })
        {
            return why;
        }
        let looked_at = self.looked_at.iter();
        Unserved::NoProvider {
            looked_at: looked_at
                .map(|place| format!("{}: {}", place.name, place.detail))
                .collect(),
        }
    }

    /// These routes with what a search has found.
    pub(crate) fn with(&self, findings: Findings) -> Self {
        let mut routes = self.clone();
        for id in findings.keyed {
            // One that is configured keeps its own key.
            if let Some(entry) = routes.keyed.get(&id) {
                routes.entries.insert(id, entry.clone());
            }
        }
        for (id, models) in findings.learned {
            routes.learn(&id, models);
        }
        routes.absent.extend(findings.absent);
        let model = findings.source.as_ref().map(|source| source.model.clone());
        routes
            .table
            .defaults
            .extend(model.filter(|model| !model.is_empty()));
        routes.source = findings.source;
        routes.looked_at.extend(findings.looked_at);
        routes
    }

    /// Every model that can be named, provider by provider.
    pub(crate) fn listed(&self) -> Vec<Listed> {
        let of_provider = |served: &Served| {
            let provider = served.provider.clone();
            let entry = self.entries.get(&provider);
            let models = entry.map(|entry| entry.models.clone()).unwrap_or_default();
            models.into_iter().map(move |model| Listed {
                provider: provider.clone(),
                model: model.id,
                name: model.name,
                context_window: model.context_window,
                reasoning: model.reasoning,
            })
        };
        self.table.providers.iter().flat_map(of_provider).collect()
    }

    /// What is known of a model.
    pub(crate) fn profile(&self, target: &Target) -> Profile {
        let entry = self.entries.get(&target.provider);
        let known = entry.and_then(|entry| {
            let mut models = entry.models.iter();
            models.find(|model| model.id == target.model)
        });
        let tier = entry.map_or(Tier::Full, |entry| entry.tier);
        Profile {
            provider: target.provider.clone(),
            model: target.model.clone(),
            context_window: known.map_or(0, |model| model.context_window),
            max_output: known.map_or(0, |model| model.max_output),
            reads_images: known.is_some_and(|model| model.input_kinds.contains(&InputKind::Image)),
            tier,
            can_count: false,
        }
    }
}
