//! One consistent picture of providers, models, and what was found; replaced as a whole.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    discovery::{Findings, LITELLM_ID},
    options::{InputKind, ModelOptions},
    profile::{Profile, Tier},
    provider::Provider,
    recording::Replay,
    routing::{Builder, Deployment, Listing, Presence, Server, Table, Unserved},
    status::{Listed, LookedAt, Source},
};

/// Everything a call is routed by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    /// Made of `builder`.
    pub(crate) table: Arc<Table>,
    builder: Builder,
    /// By the name of a deployment's server.
    pub(crate) entries: BTreeMap<Arc<str>, Entry>,
    /// Providers that are called with a key only where a search found that they have to be.
    pub(crate) keyed: BTreeMap<String, Keyed>,
    pub(crate) source: Option<Source>,
    pub(crate) looked_at: Vec<LookedAt>,
    /// Providers that a search looked for in vain.
    absent: Vec<String>,
}

/// One server.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) tier: Tier,
    /// Where its answers were recorded, if it asks nobody.
    pub(crate) replay: Option<Replay>,
}

/// A provider with its key.
#[derive(Debug, Clone)]
pub(crate) struct Keyed {
    pub(crate) server: Arc<Server>,
    pub(crate) entry: Entry,
}

impl Routes {
    /// These routes with the groups and settings of a table in the making.
    pub(crate) fn with_builder(mut self, builder: Builder) -> Self {
        self.builder = builder;
        self.build();
        self
    }

    /// Adds a provider behind those already there; one with the same id stays.
    pub(crate) fn add(&mut self, mut listing: Listing, models: &[ModelOptions], entry: Entry) {
        if self.listing(listing.id()).is_some() {
            return;
        }
        listing.learn(models);
        let name = Arc::clone(&listing.template.server.name);
        self.builder.provider(listing);
        self.entries.insert(name, entry);
        self.build();
    }

    /// Notes whether a provider is there.
    pub(crate) fn set_presence(&mut self, id: &str, presence: Presence) {
        if let Some(listing) = self.listing(id) {
            listing.presence = presence;
        }
        self.build();
    }

    /// Adds a reference for those that nobody serves and nobody asked for.
    pub(crate) fn otherwise(&mut self, reference: String) {
        self.builder.otherwise(reference);
        self.build();
    }

    fn listing(&mut self, id: &str) -> Option<&mut Listing> {
        let mut listings = self.builder.providers().iter_mut();
        listings.find(|listing| listing.id() == id)
    }

    fn build(&mut self) {
        self.table = Arc::new(self.builder.clone().build());
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
            if let Some(keyed) = routes.keyed.get(&id).cloned()
                && let Some(listing) = routes.listing(&id)
            {
                let name = Arc::clone(&keyed.server.name);
                listing.template.server = keyed.server;
                routes.entries.insert(name, keyed.entry);
            }
        }
        for (id, models) in findings.learned {
            if let Some(listing) = routes.listing(&id) {
                listing.learn(&models);
                listing.is_open = false;
            }
        }
        for listing in routes.builder.providers() {
            let is_silent = findings.silent.iter().any(|id| id == listing.id());
            // Others are called all the same: nobody is to stand in for them.
            listing.presence = if is_silent && listing.id() == LITELLM_ID {
                Presence::Absent
            } else {
                Presence::Here
            };
        }
        // What leads back here leads nowhere.
        let is_other = |listing: &Listing| !findings.ourselves.iter().any(|id| id == listing.id());
        routes.builder.providers().retain(is_other);
        routes.absent.extend(findings.absent);
        let model = findings.source.as_ref().map(|source| source.model.clone());
        if let Some(model) = model.filter(|model| !model.is_empty()) {
            routes.builder.otherwise(model);
        }
        routes.source = findings.source;
        routes.looked_at.extend(findings.looked_at);
        routes.build();
        routes
    }

    /// Every model that can be named: the groups, then provider by provider.
    pub(crate) fn listed(&self) -> Vec<Listed> {
        let listed = |provider: &str, model: &str, deployment: &Deployment| Listed {
            provider: provider.to_owned(),
            model: model.to_owned(),
            name: deployment.title.to_string(),
            context_window: deployment.context_window,
            reasoning: deployment.reasoning,
        };
        let groups = self.table.groups().filter_map(|group| {
            let first = group.deployments().next()?;
            // `litellm/` in front of a group's name means the group, behind a real LiteLLM that has it too.
            let real = self.table.provider(LITELLM_ID);
            if real.is_some_and(|real| real.models.contains_key(&group.name)) {
                return None;
            }
            Some(Listed {
                name: group.name.to_string(),
                ..listed(LITELLM_ID, &group.name, first)
            })
        });
        let models = self.table.providers().flat_map(|listing| {
            let groups = listing.models.values();
            let deployments = groups.filter_map(|group| group.deployments().next());
            deployments.map(move |deployment| listed(listing.id(), &deployment.model, deployment))
        });
        groups.chain(models).collect()
    }

    /// What is known of a model.
    pub(crate) fn profile(&self, deployment: &Deployment) -> Profile {
        let entry = self.entries.get(&deployment.server.name);
        Profile {
            provider: deployment.provider().to_string(),
            model: deployment.model.to_string(),
            context_window: deployment.context_window,
            max_output: deployment.max_output,
            reads_images: deployment.input_kinds.contains(&InputKind::Image),
            tier: entry.map_or(Tier::Full, |entry| entry.tier),
            can_count: false,
        }
    }
}
