//! From a reference to the models that may answer it, in order. Pure.

use std::{collections::BTreeMap, fmt};

use crate::limits::{ALIAS_STEPS_MAX, CANDIDATES_MAX};
pub use crate::routing::{AGENT_PREFIX, FAILOVER_SUFFIX, Unserved};

/// Everything that routing knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Providers, in order of preference.
    pub providers: Vec<Served>,
    /// Alias to reference.
    pub aliases: BTreeMap<String, String>,
    /// Reference to the references tried when it fails.
    pub failover: BTreeMap<String, Vec<String>>,
    /// For references that nobody serves and nobody asked for; the first that leads anywhere is used.
    pub defaults: Vec<String>,
}

/// What one provider serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The provider's id.
    pub provider: String,
    /// The models it is known to have.
    pub models: Vec<String>,
    /// Whether it may have others: it has not been asked, or did not say.
    pub is_open: bool,
}

/// One model at one provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The provider's id.
    pub provider: String,
    /// The model's id there.
    pub model: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The reference; empty takes the default.
    pub reference: &'a str,
    /// Tried after it, before what the table names.
    pub fallbacks: &'a [String],
    /// Whether nothing but these will do.
    pub is_stated: bool,
}

/// The models that may answer, best first, each once; never empty.
///
/// # Errors
/// Says why there is none.
pub fn plan(table: &Table, wanted: &Wanted<'_>) -> Result<Vec<Target>, Unserved> {
    let mut targets = Vec::new();
    let first = chain(table, wanted.reference, &mut targets);
    for reference in wanted.fallbacks {
        // A fallback that leads nowhere must not take the others with it.
        chain(table, reference, &mut targets).ok();
    }
    if !wanted.is_stated {
        for default in &table.defaults {
            if targets.is_empty() {
                chain(table, default, &mut targets).ok();
            }
        }
    }
    if targets.is_empty() {
        first?;
    }
    targets.truncate(CANDIDATES_MAX);
    Ok(targets)
}

/// Adds a reference and everything that is tried when it fails.
fn chain(table: &Table, reference: &str, out: &mut Vec<Target>) -> Result<(), Unserved> {
    let resolved = follow(table, reference)?;
    let target = resolve(table, resolved);
    if let Ok(target) = &target {
        with_implied(table, target.clone(), out);
    }
    let canonical = target.as_ref().map(Target::to_string).unwrap_or_default();
    let names = [reference, resolved, canonical.as_str()];
    let mut used: Vec<&str> = Vec::new();
    for name in names {
        if used.contains(&name) {
            continue;
        }
        used.push(name);
        for fallback in table.failover.get(name).into_iter().flatten() {
            if let Ok(fallback) = follow(table, fallback)
                && let Ok(fallback) = resolve(table, fallback)
            {
                with_implied(table, fallback, out);
            }
        }
    }
    target.map(|_| ())
}

/// Adds a target and, for an agent's virtual model, the fallback that its name implies.
fn with_implied(table: &Table, target: Target, out: &mut Vec<Target>) {
    let implied = target
        .model
        .strip_prefix(AGENT_PREFIX)
        .filter(|name| !name.ends_with(FAILOVER_SUFFIX))
        .map(|_| Target {
            provider: target.provider.clone(),
            model: format!("{}{FAILOVER_SUFFIX}", target.model),
        })
        .filter(|implied| table.may_serve(implied));
    for target in [Some(target), implied].into_iter().flatten() {
        if !out.contains(&target) {
            out.push(target);
        }
    }
}

/// Follows aliases to a reference that is none.
fn follow<'a>(table: &'a Table, reference: &'a str) -> Result<&'a str, Unserved> {
    let mut reference = reference.trim();
    for _ in 0..ALIAS_STEPS_MAX {
        match table.aliases.get(reference) {
            Some(next) if next != reference => reference = next.trim(),
            _ => return Ok(reference),
        }
    }
    Err(Unserved::EndlessAlias)
}

fn resolve(table: &Table, reference: &str) -> Result<Target, Unserved> {
    if let Some((provider, model)) = reference.split_once('/')
        && !model.is_empty()
        && table.provider(provider).is_some()
    {
        return Ok(Target {
            provider: provider.to_owned(),
            model: model.to_owned(),
        });
    }
    let unknown = || Unserved::Unknown {
        providers: table.ids(),
    };
    if reference.is_empty() {
        return Err(unknown());
    }
    let has = |served: &&Served| served.models.iter().any(|model| model == reference);
    let mut found: Vec<&Served> = table.providers.iter().filter(has).collect();
    if found.is_empty() {
        // Nobody is known to have it; one provider that may have it is asked.
        found = table
            .providers
            .iter()
            .filter(|served| served.is_open)
            .collect();
        if found.len() > 1 {
            return Err(unknown());
        }
    }
    match found.as_slice() {
        [] if table.providers.is_empty() => Err(Unserved::NoProvider {
            looked_at: Vec::new(),
        }),
        [] => Err(unknown()),
        [served] => Ok(Target {
            provider: served.provider.clone(),
            model: reference.to_owned(),
        }),
        several => Err(Unserved::Ambiguous {
            references: several
                .iter()
                .map(|served| format!("{}/{reference}", served.provider))
                .collect(),
        }),
    }
}

impl Table {
    /// What a provider serves.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&Served> {
        self.providers.iter().find(|served| served.provider == id)
    }

    fn ids(&self) -> Vec<String> {
        let ids = self.providers.iter().map(|served| served.provider.clone());
        ids.collect()
    }

    fn may_serve(&self, target: &Target) -> bool {
        self.provider(&target.provider)
            .is_some_and(|served| served.is_open || served.models.contains(&target.model))
    }
}

#[cfg(test)]
mod tests;
