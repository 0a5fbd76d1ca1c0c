//! Puts a table together.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::AgentId;

use super::{
    AGENT_PREFIX, AgentMapping, Deployment, Group, Level, Listing, Member, Settings, Table,
    wildcard::Wildcard,
};

/// A table in the making.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    stated: BTreeMap<Arc<str>, BTreeMap<u32, Vec<Stated>>>,
    table: Table,
}

/// A deployment of a group, with the share that the configuration gives it.
#[derive(Debug, Clone)]
struct Stated {
    deployment: Arc<Deployment>,
    weight: Option<u32>,
}

impl Builder {
    /// A table in which nothing is served.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            stated: BTreeMap::new(),
            table: Table {
                settings,
                ..Table::default()
            },
        }
    }

    /// Adds a deployment to its group; a group with a `*` in its name is a wildcard.
    pub fn deployment(&mut self, deployment: Deployment, order: u32, weight: Option<u32>) {
        let group = self.stated.entry(Arc::clone(&deployment.group));
        let level = group.or_default().entry(order).or_default();
        level.push(Stated {
            deployment: Arc::new(deployment),
            weight,
        });
    }

    /// Adds a provider behind those already there.
    pub fn provider(&mut self, listing: Listing) {
        self.table.providers.push(listing);
    }

    /// The providers that are there so far.
    pub fn providers(&mut self) -> &mut Vec<Listing> {
        &mut self.table.providers
    }

    /// Says what an agent's virtual model stands for.
    pub fn mapping(&mut self, agent: &AgentId, mapping: AgentMapping) {
        let reference = format!("{AGENT_PREFIX}{agent}");
        self.table.mappings.insert(reference, Arc::new(mapping));
    }

    /// Adds a reference for those that nobody serves and nobody asked for.
    pub fn otherwise(&mut self, reference: String) {
        self.table.defaults.push(reference);
    }

    /// The table.
    #[must_use]
    pub fn build(mut self) -> Table {
        for (name, levels) in std::mem::take(&mut self.stated) {
            let levels = levels.into_iter().map(|(order, stated)| Level {
                order,
                members: weighed(stated),
            });
            let group = Arc::new(Group {
                pattern: None,
                levels: levels.collect(),
                is_named: true,
                is_guess: false,
                name: Arc::clone(&name),
            });
            if Wildcard::is_one(&name) {
                self.table.wildcards.push(Wildcard { group });
            } else {
                self.table.groups.insert(name, group);
            }
        }
        let given = |wildcard: &Wildcard| std::cmp::Reverse(wildcard.given());
        self.table.wildcards.sort_by_key(given);
        self.table
    }
}

/// Shares by weight where any is stated, else by `rpm`, else by `tpm`, else equal ones.
fn weighed(stated: Vec<Stated>) -> Vec<Member> {
    let shares: [fn(&Stated) -> Option<u32>; 3] = [
        |stated| stated.weight,
        |stated| stated.deployment.rpm,
        |stated| stated.deployment.tpm,
    ];
    let share = shares
        .into_iter()
        .find(|share| stated.iter().any(|stated| share(stated).is_some()));
    let members = stated.into_iter().map(|stated| Member {
        weight: share.map_or(1, |share| share(&stated).unwrap_or(0)),
        deployment: stated.deployment,
    });
    members.collect()
}
