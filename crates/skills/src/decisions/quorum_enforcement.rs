//! Whether enough of the triad can be reached for what needs a quorum.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Refused, TRIAD};

/// Where each check is written down, one line each.
pub const STATE_FILE: &str = "state/quorum.jsonl";
/// Members that must be reached.
pub const QUORUM: usize = 2;
/// How long a member has for a sign of life.
pub const PING_SECONDS: i64 = 5;

const NEEDING: [&str; 5] = [
    "consensus_ledger_write",
    "quorum_vote",
    "triad_state_modify",
    "skill_install_global",
    "config_sync_global",
];

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It may go on.
    Proceeded,
    /// It may not.
    Blocked,
    /// It may go on until it is ratified or rolled back.
    DegradedProvisional,
}

/// A check, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// What was asked for.
    pub action: String,
    /// How many members it takes.
    pub required: usize,
    /// Who was reached.
    pub reached: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// Whether an action needs a quorum.
#[must_use]
pub fn needs_quorum(action: &str) -> bool {
    NEEDING.contains(&action)
}

/// Judges an action by who gave a sign of life. A member counts once, however it was reached, and nobody else does.
///
/// # Errors
/// When the action needs no quorum: then nobody should have been asked.
pub fn decide(action: &str, reached: &[&str], is_degraded: bool) -> Result<Audit, Refused> {
    if !needs_quorum(action) {
        return Err(Refused::new("the action", "needs no quorum"));
    }
    let members: BTreeSet<&str> = reached
        .iter()
        .copied()
        .filter(|name| TRIAD.contains(name))
        .collect();
    let outcome = match members.len() {
        QUORUM.. => Outcome::Proceeded,
        1 if is_degraded => Outcome::DegradedProvisional,
        _ => Outcome::Blocked,
    };
    Ok(Audit {
        action: action.to_owned(),
        required: QUORUM,
        reached: members.into_iter().map(str::to_owned).collect(),
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_members_make_a_quorum() {
        for (reached, is_degraded, outcome) in [
            (&["alpha", "beta"][..], false, Outcome::Proceeded),
            (&["alpha", "beta", "charlie"], true, Outcome::Proceeded),
            (&["alpha", "alpha"], false, Outcome::Blocked),
            (&["alpha", "steward", "localhost"], false, Outcome::Blocked),
            (&["alpha"], true, Outcome::DegradedProvisional),
            (&[], true, Outcome::Blocked),
        ] {
            let audit = decide("quorum_vote", reached, is_degraded).unwrap();
            assert_eq!(audit.outcome, outcome, "{reached:?} {is_degraded}");
        }
    }

    #[test]
    fn what_needs_no_quorum_is_not_held_up() {
        assert!(!needs_quorum("read_file"));
        assert!(decide("read_file", &["alpha", "beta"], false).is_err());
    }
}
