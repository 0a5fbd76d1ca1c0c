//! The steward's round: whom to nudge, whom to report, which ties to break, what to authorise.

use openclaw_types::Timestamp;

use super::Refused;

/// Between two rounds.
pub const ROUND_SECONDS: i64 = 600;
/// Silent for so long, an agent is asked.
pub const SILENT_SECONDS: i64 = 600;
/// Asked so often without an answer, a person is told.
pub const SILENT_ROUNDS_MAX: u32 = 3;
/// After so many cycles without a result a tie is broken.
pub const UNDECIDED_CYCLES: u32 = 2;
/// After so many cycles in all as well.
pub const CYCLES_MAX: u32 = 5;

/// An agent as the round finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Which.
    pub id: String,
    /// When it last gave a sign of life.
    pub last_sign: Timestamp,
    /// Rounds in which it was asked and did not answer.
    pub silent_rounds: u32,
}

/// Where a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The explorer finds out.
    Intelligence,
    /// The examiner asks.
    Questions,
    /// The triad deliberates.
    Deliberation,
    /// The sentinel notes.
    Safety,
    /// The triad votes.
    Vote,
    /// It is ratified, and waits for the steward.
    Ratified,
    /// The coder acts.
    Implementation,
}

/// A proposal as the round finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Which.
    pub id: String,
    /// Where it is.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// How long the stage may take.
    pub deadline_seconds: i64,
    /// Cycles without a result, in a row.
    pub undecided: u32,
    /// Cycles in all.
    pub cycles: u32,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ask an agent whether it is well.
    Ask(String),
    /// Tell a person that an agent is silent.
    Report(String),
    /// Remind whoever a proposal waits for.
    Nudge(String, Stage),
    /// Decide a proposal, and say why.
    BreakTie(String),
    /// Authorise what was ratified.
    Authorise(String),
}

/// Goes round once.
///
/// # Errors
/// When a proposal's deadline is none.
pub fn round(
    agents: &[Agent],
    proposals: &[Proposal],
    now: Timestamp,
) -> Result<Vec<Act>, Refused> {
    if proposals
        .iter()
        .any(|proposal| proposal.deadline_seconds <= 0)
    {
        return Err(Refused::new(
            "the deadline of a stage",
            "is longer than nothing",
        ));
    }
    let mut acts = Vec::new();
    for agent in agents {
        if now.since_ms(agent.last_sign) <= SILENT_SECONDS * 1_000 {
            continue;
        }
        acts.push(if agent.silent_rounds >= SILENT_ROUNDS_MAX {
            Act::Report(agent.id.clone())
        } else {
            Act::Ask(agent.id.clone())
        });
    }
    for proposal in proposals {
        let id = || proposal.id.clone();
        let is_late = now.since_ms(proposal.since) > proposal.deadline_seconds * 1_000;
        let is_tied = proposal.undecided >= UNDECIDED_CYCLES || proposal.cycles >= CYCLES_MAX;
        match proposal.stage {
            Stage::Ratified => acts.push(Act::Authorise(id())),
            Stage::Deliberation | Stage::Vote if is_tied => acts.push(Act::BreakTie(id())),
            stage if is_late => acts.push(Act::Nudge(id(), stage)),
            _ => {}
        }
    }
    Ok(acts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(100_000_000);

    fn proposal(stage: Stage, age: i64, undecided: u32, cycles: u32) -> Proposal {
        let since = Timestamp(NOW.0 - age * 1_000);
        Proposal {
            id: "p".to_owned(),
            stage,
            since,
            deadline_seconds: 300,
            undecided,
            cycles,
        }
    }

    #[test]
    fn a_round_does_what_is_due_and_no_more() {
        let id = || "p".to_owned();
        for (proposal, expected) in [
            (proposal(Stage::Vote, 300, 0, 1), None),
            (
                proposal(Stage::Vote, 301, 0, 1),
                Some(Act::Nudge(id(), Stage::Vote)),
            ),
            (proposal(Stage::Vote, 10, 2, 2), Some(Act::BreakTie(id()))),
            (
                proposal(Stage::Deliberation, 10, 1, 5),
                Some(Act::BreakTie(id())),
            ),
            (proposal(Stage::Implementation, 10, 2, 5), None),
            (
                proposal(Stage::Ratified, 0, 0, 1),
                Some(Act::Authorise(id())),
            ),
        ] {
            let acts = round(&[], std::slice::from_ref(&proposal), NOW).unwrap();
            assert_eq!(
                acts,
                expected.into_iter().collect::<Vec<_>>(),
                "{proposal:?}"
            );
        }
        let bad = Proposal {
            deadline_seconds: 0,
            ..proposal(Stage::Vote, 0, 0, 0)
        };
        assert!(round(&[], &[bad], NOW).is_err());
    }

    #[test]
    fn silent_agents_are_asked_three_times_and_then_reported() {
        let agent = |age: i64, silent_rounds| Agent {
            id: "beta".to_owned(),
            last_sign: Timestamp(NOW.0 - age * 1_000),
            silent_rounds,
        };
        let acts = |agent| round(&[agent], &[], NOW).unwrap();
        assert_eq!(acts(agent(600, 0)), []);
        assert_eq!(acts(agent(601, 2)), [Act::Ask("beta".to_owned())]);
        assert_eq!(acts(agent(601, 3)), [Act::Report("beta".to_owned())]);
    }
}
