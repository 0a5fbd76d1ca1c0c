//! From a reference to what it names: an alias, a group, a provider's model, or what a wildcard makes of it.

use std::sync::Arc;

use super::{AGENT_PREFIX, FAILOVER_SUFFIX, Group, Listing, Presence, Table, Unserved};
use crate::{discovery::LITELLM_ID, limits::ALIAS_STEPS_MAX};

/// Groups that stand for one reference, in order; never empty.
type Found = Vec<Arc<Group>>;

impl Table {
    /// Follows aliases to a reference that is none.
    pub(super) fn follow<'a>(&'a self, reference: &'a str) -> Result<&'a str, Unserved> {
        let mut reference = reference.trim();
        for _ in 0..ALIAS_STEPS_MAX {
            match self.settings.aliases.get(reference) {
                Some(next) if next != reference => reference = next.trim(),
                _ => return Ok(reference),
            }
        }
        Err(Unserved::EndlessAlias)
    }

    /// What a reference names, and behind each the fallback that its name implies.
    pub(super) fn resolve(&self, reference: &str) -> Result<Found, Unserved> {
        let mut found = self.named(reference)?;
        let mut place = 0;
        while place < found.len() {
            let implied = self.implied(&found[place]);
            place += 1;
            if let Some(implied) = implied {
                found.insert(place, implied);
                place += 1;
            }
        }
        Ok(found)
    }

    fn named(&self, reference: &str) -> Result<Found, Unserved> {
        let split = reference
            .split_once('/')
            .filter(|(_, model)| !model.is_empty());
        if let Some((LITELLM_ID, model)) = split
            && let Some(own) = self.own(model)
        {
            return Ok(self.behind_litellm(model, own));
        }
        if let Some(group) = self.groups.get(reference) {
            return Ok(if reference.starts_with(AGENT_PREFIX) {
                self.behind_litellm(reference, Arc::clone(group))
            } else {
                vec![Arc::clone(group)]
            });
        }
        let there = split.and_then(|(provider, model)| Some((self.provider(provider)?, model)));
        if let Some((listing, model)) = there.filter(|(listing, _)| listing.is_configured) {
            return Ok(vec![listing.group(model)]);
        }
        // What stands for everything comes after what was found, which is more than nothing.
        let particular = self.wildcard(reference, |given| given > 0);
        let wildcard = particular
            .or_else(|| there.map(|(listing, model)| listing.group(model)))
            .or_else(|| self.wildcard(reference, |given| given == 0));
        wildcard.map_or_else(|| self.bare(reference), |group| Ok(vec![group]))
    }

    /// A group of the configuration, behind the model of the same name of a real LiteLLM, if one is there.
    fn behind_litellm(&self, model: &str, own: Arc<Group>) -> Found {
        let litellm = self
            .provider(LITELLM_ID)
            .filter(|listing| listing.presence != Presence::Absent && listing.may_serve(model));
        let litellm = litellm.map(|listing| listing.group(model));
        litellm.into_iter().chain([own]).collect()
    }

    fn own(&self, name: &str) -> Option<Arc<Group>> {
        let group = self.groups.get(name).map(Arc::clone);
        group.or_else(|| self.wildcard(name, |_| true))
    }

    fn wildcard(&self, name: &str, fits: impl Fn(usize) -> bool) -> Option<Arc<Group>> {
        if name.is_empty() {
            return None;
        }
        let wildcards = self.wildcards.iter();
        let mut wildcards = wildcards.filter(|wildcard| fits(wildcard.given()));
        wildcards.find_map(|wildcard| wildcard.group(name))
    }

    /// A model's name alone.
    fn bare(&self, reference: &str) -> Result<Found, Unserved> {
        let unknown = || Unserved::Unknown {
            providers: self.ids(),
        };
        if reference.is_empty() {
            return Err(unknown());
        }
        let has = |listing: &&Listing| listing.models.contains_key(reference);
        let mut found: Vec<&Listing> = self.providers.iter().filter(has).collect();
        if found.is_empty() {
            // Nobody is known to have it; one provider that may have it is asked.
            let open = |listing: &&Listing| listing.is_open;
            found = self.providers.iter().filter(open).collect();
            if found.len() > 1 {
                return Err(unknown());
            }
        }
        match found.as_slice() {
            [] if self.providers.is_empty() && !self.has_groups() => Err(Unserved::NoProvider {
                looked_at: Vec::new(),
            }),
            [] => Err(unknown()),
            [listing] => Ok(vec![listing.group(reference)]),
            several => Err(Unserved::Ambiguous {
                references: several
                    .iter()
                    .map(|listing| format!("{}/{reference}", listing.id()))
                    .collect(),
            }),
        }
    }

    /// The fallback that the name of an agent's virtual model implies.
    fn implied(&self, group: &Group) -> Option<Arc<Group>> {
        if group.is_named {
            let name = implied_name(&group.name)?;
            return self.groups.get(name.as_str()).map(Arc::clone);
        }
        let deployment = group.deployments().next()?;
        let name = implied_name(&deployment.model)?;
        let listing = self.provider(deployment.provider())?;
        listing.may_serve(&name).then(|| listing.group(&name))
    }
}

fn implied_name(model: &str) -> Option<String> {
    let agent = model.strip_prefix(AGENT_PREFIX)?;
    (!agent.ends_with(FAILOVER_SUFFIX)).then(|| format!("{model}{FAILOVER_SUFFIX}"))
}
