//! Which goals an agent's skills reach, and what is missing for the others.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::Refused;
use crate::front_matter::is_name;

/// Where the last report is kept.
pub const STATE_FILE: &str = "state/gaps.json";

/// What each goal needs.
pub const GOALS: [(&str, [&str; 3]); 5] = [
    (
        "self-improvement",
        ["audit-triad-files", "autonomy-audit", "self-model"],
    ),
    (
        "knowledge-growth",
        ["knowledge-ingest", "knowledge-retrieval", ""],
    ),
    (
        "triad-unity",
        [
            "triad-heartbeat",
            "triad-unity-monitor",
            "triad-sync-protocol",
        ],
    ),
    (
        "resilience",
        ["triad-resilience", "detect-corruption", "backup-ledger"],
    ),
    (
        "autonomy",
        ["curiosity-engine", "gap-detector", "opportunity-scanner"],
    ),
];

/// How far one goal is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The goal.
    pub goal: String,
    /// How many of its skills are there.
    pub there: usize,
    /// How many it needs.
    pub needed: usize,
    /// Those that are missing.
    pub missing: Vec<String>,
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}/{}", self.goal, self.there, self.needed)?;
        if !self.missing.is_empty() {
            write!(f, " ({})", self.missing.join(", "))?;
        }
        Ok(())
    }
}

/// Compares the skills that can be used with what each goal needs.
///
/// # Errors
/// When a name is none of a skill.
pub fn report(skills: &BTreeSet<String>) -> Result<Vec<Reach>, Refused> {
    if skills.iter().any(|name| !is_name(name)) {
        return Err(Refused::new(
            "the name of a skill",
            "has 1 to 64 of a-z, 0-9 and single `-`",
        ));
    }
    let reach = |(goal, needs): &(&str, [&str; 3])| {
        let needs: Vec<&str> = needs
            .iter()
            .copied()
            .filter(|name| !name.is_empty())
            .collect();
        let missing: Vec<String> = needs
            .iter()
            .filter(|name| !skills.contains(**name))
            .map(|name| (*name).to_owned())
            .collect();
        Reach {
            goal: (*goal).to_owned(),
            there: needs.len() - missing.len(),
            needed: needs.len(),
            missing,
        }
    };
    Ok(GOALS.iter().map(reach).collect())
}

/// What is missing now and was not in the last report.
#[must_use]
pub fn news(last: &[Reach], now: &[Reach]) -> Vec<String> {
    let known: BTreeSet<_> = last.iter().flat_map(|reach| &reach.missing).collect();
    let all = now.iter().flat_map(|reach| &reach.missing);
    all.filter(|name| !known.contains(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skills(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_goal_is_reached_with_all_of_its_skills() {
        let few = report(&skills(&["knowledge-ingest", "backup-ledger"])).unwrap();
        let lines: Vec<_> = few.iter().map(ToString::to_string).collect();
        assert_eq!(lines[1], "knowledge-growth: 1/2 (knowledge-retrieval)");
        assert_eq!(
            lines[3],
            "resilience: 1/3 (triad-resilience, detect-corruption)"
        );
        let more = report(&skills(&["knowledge-ingest", "knowledge-retrieval"])).unwrap();
        assert_eq!(more[1].to_string(), "knowledge-growth: 2/2");
        assert_eq!(news(&few, &more), ["backup-ledger"]);
        assert_eq!(news(&few, &few), [""; 0]);
        assert!(report(&skills(&["../x"])).is_err());
    }

    #[test]
    fn everything_a_goal_needs_is_in_the_binary() {
        let all = crate::bundled::all()
            .iter()
            .map(|skill| skill.name.clone())
            .collect();
        assert!(
            report(&all)
                .unwrap()
                .iter()
                .all(|reach| reach.missing.is_empty())
        );
    }
}
