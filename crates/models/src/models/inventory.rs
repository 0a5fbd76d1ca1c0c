//! Every group and its deployments as they are now, for lists and for health.

use std::{sync::Arc, time::Duration};

use openclaw_types::Timestamp;

use super::Models;
use crate::{
    error::Kind,
    routing::{Deployment, Group, State, Table},
};

/// One consistent picture of groups, providers' models, and how each is.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// The groups that the configuration names, then the models of providers, each under the name it is asked for by.
    pub groups: Vec<GroupState>,
    /// Wildcards, such as `openai/*`.
    pub patterns: Vec<Arc<str>>,
    /// Other names, and what they stand for, but for hidden ones.
    pub aliases: Vec<(String, String)>,
}

/// One group.
#[derive(Debug, Clone)]
pub struct GroupState {
    /// What requests call it.
    pub name: Arc<str>,
    /// Whether the configuration names it as a group.
    pub is_named: bool,
    /// What is tried when all of it fails.
    pub fallbacks: Vec<String>,
    /// Its deployments, the first to be tried first.
    pub deployments: Vec<DeploymentState>,
}

/// One deployment.
#[derive(Debug, Clone)]
pub struct DeploymentState {
    /// What it is.
    pub deployment: Arc<Deployment>,
    /// Calls to it that have not ended.
    pub in_flight: u32,
    /// Calls to it in this minute.
    pub requests: u32,
    /// Tokens of them.
    pub tokens: u64,
    /// How long the first byte of an answer takes of late, where known.
    pub first_byte: Option<Duration>,
    /// When a call to it failed last and why, where one did.
    pub failed: Option<(Timestamp, Kind)>,
    /// Until when it rests and why, where it does.
    pub resting: Option<(Timestamp, Kind)>,
    /// Whether it would be asked now if nothing else were there.
    pub is_usable: bool,
}

impl Models {
    /// Everything there is to ask, as it is now.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        let routes = self.shared.search.routes();
        let table: &Table = &routes.table;
        let settings = table.settings();
        let served = table
            .providers()
            .flat_map(|listing| listing.models.values());
        let groups = table.groups().chain(served);
        Inventory {
            groups: groups
                // Groups of single addresses are no models.
                .filter(|group| !group.deployments().all(|known| known.server.is_exact))
                .map(|group| GroupState {
                    name: Arc::clone(&group.name),
                    is_named: group.is_named,
                    fallbacks: settings
                        .fallbacks
                        .get(&*group.name)
                        .cloned()
                        .unwrap_or_default(),
                    deployments: self.states(group),
                })
                .collect(),
            patterns: table.patterns().map(Arc::clone).collect(),
            aliases: settings
                .aliases
                .iter()
                .filter(|(alias, _)| !settings.hidden.contains(*alias))
                .map(|(alias, reference)| (alias.clone(), reference.clone()))
                .collect(),
        }
    }

    /// Whether the configuration names such a group, or an alias for one.
    #[must_use]
    pub fn has_group(&self, name: &str) -> bool {
        let routes = self.shared.search.routes();
        let is_group = routes.table.groups().any(|group| *group.name == *name);
        is_group || routes.table.settings().aliases.contains_key(name)
    }

    fn states(&self, group: &Group) -> Vec<DeploymentState> {
        let now = self.shared.ground.env.now();
        let health = self.shared.health();
        let state = |deployment: &Arc<Deployment>| {
            let spot = &deployment.spot;
            let mut resting = health.resting(now).filter(|(resting, _)| *resting == spot);
            let (requests, tokens) = health.used(spot, now);
            DeploymentState {
                in_flight: health.in_flight(spot),
                requests,
                tokens,
                first_byte: health.first_byte(spot, now),
                failed: health.last_failure(spot),
                resting: resting.next().map(|(_, rest)| (rest.until, rest.kind)),
                is_usable: !matches!(health.state(deployment, 0, now), State::Away(_)),
                deployment: Arc::clone(deployment),
            }
        };
        group.deployments().map(state).collect()
    }
}
