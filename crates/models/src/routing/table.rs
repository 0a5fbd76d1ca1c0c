//! The routing table: an immutable picture of groups, providers and settings, replaced as a whole.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;

use super::{AgentMapping, Deployment, Settings, wildcard::Wildcard};
use crate::options::ModelOptions;

/// Deployments behind one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What requests call it.
    pub name: Arc<str>,
    /// The wildcard that it was made from.
    pub pattern: Option<Arc<str>>,
    /// Its deployments by order, the first to be tried first; neither it nor a level is ever empty.
    pub levels: Vec<Level>,
    /// Whether the configuration names it as a group, instead of a provider's model.
    pub is_named: bool,
    /// Whether nobody has said yet that its provider has it.
    pub is_guess: bool,
}

/// Deployments of one order.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Lower ones are tried before higher ones.
    pub order: u32,
    /// Those of this order.
    pub members: Vec<Member>,
}

/// One deployment in a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// Its share of the calls; one with 0 is tried after the others.
    pub weight: u32,
}

impl Group {
    /// A group of one.
    #[must_use]
    pub fn of(deployment: Deployment, is_guess: bool) -> Self {
        Self {
            name: Arc::clone(&deployment.group),
            pattern: None,
            levels: vec![Level {
                order: 0,
                members: vec![Member {
                    deployment: Arc::new(deployment),
                    weight: 1,
                }],
            }],
            is_named: false,
            is_guess,
        }
    }

    /// Every deployment, level by level.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        let members = self.levels.iter().flat_map(|level| &level.members);
        members.map(|member| &member.deployment)
    }
}

/// What one provider serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// What a model of it is like that it is not known to have; its `model` is empty.
    pub template: Deployment,
    /// The models it is known to have, by id, in its own order.
    pub models: IndexMap<Arc<str>, Arc<Group>>,
    /// Whether it may have others: it has not been asked, or did not say.
    pub is_open: bool,
    /// Whether the configuration names it.
    pub is_configured: bool,
    /// Whether it is there.
    pub presence: Presence,
}

/// Whether a provider is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It is, or nobody doubts it.
    #[default]
    Here,
    /// That is being found out.
    Awaited,
    /// It was looked for in vain.
    Absent,
}

impl Listing {
    /// A provider that is there and has nothing but what it is said to have.
    #[must_use]
    pub fn of(template: Deployment) -> Self {
        Self {
            template,
            models: IndexMap::new(),
            is_open: false,
            is_configured: false,
            presence: Presence::Here,
        }
    }

    /// The provider's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.template.server.provider
    }

    /// Replaces the models it is known to have.
    pub fn learn(&mut self, models: &[ModelOptions]) {
        let group = |model: &ModelOptions| {
            let deployment = self.template.of_options(model);
            let id = Arc::clone(&deployment.model);
            (id, Arc::new(Group::of(deployment, false)))
        };
        self.models = models.iter().map(group).collect();
    }

    fn may_have_others(&self) -> bool {
        self.is_open || self.presence == Presence::Awaited
    }

    /// Whether it has this model, as far as anybody knows.
    #[must_use]
    pub fn may_serve(&self, model: &str) -> bool {
        self.may_have_others() || self.models.contains_key(model)
    }

    /// One of its models, known or not.
    #[must_use]
    pub fn group(&self, model: &str) -> Arc<Group> {
        if let Some(group) = self.models.get(model) {
            if self.presence != Presence::Awaited {
                return Arc::clone(group);
            }
            return Arc::new(Group {
                is_guess: true,
                ..Group::clone(group)
            });
        }
        let name: Arc<str> = Arc::from(format!("{}/{model}", self.id()));
        let deployment = Deployment {
            id: Arc::clone(&name),
            ..self.template.of_model(&name, model)
        };
        Arc::new(Group::of(deployment, self.may_have_others()))
    }
}

/// Everything that routing knows; made by a [`super::Builder`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub(super) groups: BTreeMap<Arc<str>, Arc<Group>>,
    /// The most particular first.
    pub(super) wildcards: Vec<Wildcard>,
    /// In order of preference.
    pub(super) providers: Vec<Listing>,
    /// By the reference they extend: `agent/<id>`.
    pub(super) mappings: BTreeMap<String, Arc<AgentMapping>>,
    /// For references that nobody serves and nobody asked for; the first that leads anywhere is used.
    pub(super) defaults: Vec<String>,
    pub(super) settings: Settings,
}

impl Table {
    /// The groups that the configuration names, wildcards left out, by name.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values()
    }

    /// The names of wildcards, such as `openai/*`.
    pub fn patterns(&self) -> impl Iterator<Item = &Arc<str>> {
        self.wildcards.iter().map(|wildcard| &wildcard.group.name)
    }

    /// The providers, in order of preference.
    pub fn providers(&self) -> impl Iterator<Item = &Listing> {
        self.providers.iter()
    }

    /// What a provider serves.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Listing> {
        self.providers.iter().find(|listing| listing.id() == id)
    }

    /// What holds for every group.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the configuration names groups of its own.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty() || !self.wildcards.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        let ids = self.providers.iter();
        ids.map(|listing| listing.id().to_owned()).collect()
    }
}
