//! The pure machine of one proposal: whom to ask, when the result is settled, and what it is.

use std::collections::BTreeMap;

use openclaw_types::AgentId;

use crate::vote::{self, Ballot, NoVote, Unparsable, Vote};

/// How often a member is asked at most: once, and once more when its answer held no vote.
const ASKS_MAX: u32 = 2;

/// Who votes, and how many votes decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The members, in the order they are asked.
    pub members: Vec<AgentId>,
    /// So many approvals approve.
    pub approvals_min: usize,
    /// With fewer votes than this nothing is decided.
    pub votes_min: usize,
}

/// What the votes came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Enough members approved.
    Approved,
    /// Enough members voted, and too few of them approved.
    Rejected,
    /// Too few members voted.
    Undecided,
}

impl Verdict {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

/// A member's part in a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct VoteRecord {
    /// What it voted, or why it has no vote.
    pub vote: Vote,
    /// Its reasons, where it gave any.
    pub reasoning: Option<String>,
    /// From 0 to 1, where it gave one.
    pub confidence: Option<f64>,
}

/// The outcome of a proposal.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Which proposal.
    pub proposal: String,
    /// What was decided.
    pub result: Verdict,
    /// Every member's part.
    pub votes: BTreeMap<AgentId, VoteRecord>,
    /// Whether as many members as approve it said the same, for or against.
    pub consensus: bool,
    /// Votes received of members, as `2/3`.
    pub quorum: String,
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Begin.
    Start,
    /// A member's run ended with this answer.
    Answered {
        /// Which member.
        member: AgentId,
        /// The whole answer.
        text: String,
    },
    /// A member's run ended without an answer.
    Failed {
        /// Which member.
        member: AgentId,
        /// How it ended.
        reason: String,
    },
    /// The time is up.
    Deadline,
}

/// What the machine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask this member for its vote.
    Ask {
        /// Which member.
        member: AgentId,
        /// What was wrong with its first answer, when it is asked again.
        fault: Option<Unparsable>,
    },
    /// Stop this member's run: its vote is no longer wanted.
    Withdraw {
        /// Which member.
        member: AgentId,
    },
    /// The proposal is decided; comes exactly once, last.
    Close(Decision),
}

#[derive(Debug, Clone)]
enum Seat {
    Asked { times: u32 },
    Done(VoteRecord),
}

/// One proposal on its way to a decision.
#[derive(Debug)]
pub struct Deliberation {
    proposal: String,
    rules: Rules,
    seats: BTreeMap<AgentId, Seat>,
    closed: bool,
}

impl Deliberation {
    /// A proposal that has not been put to anyone; members for whom `present` is false have no vote.
    pub fn new(proposal: String, rules: Rules, present: impl Fn(&AgentId) -> bool) -> Self {
        let seats = rules
            .members
            .iter()
            .map(|member| {
                let seat = if present(member) {
                    Seat::Asked { times: 0 }
                } else {
                    Seat::Done(no_vote(NoVote::Absent))
                };
                (member.clone(), seat)
            })
            .collect();
        Self {
            proposal,
            rules,
            seats,
            closed: false,
        }
    }

    /// Tells the machine what happened; what it wants done is added to `effects`.
    pub fn step(&mut self, input: Input, effects: &mut Vec<Effect>) {
        if self.closed {
            return;
        }
        match input {
            Input::Start => self.ask_everyone(effects),
            Input::Answered { member, text } => self.answered(&member, &text, effects),
            Input::Failed { member, reason } => {
                self.settle(&member, no_vote(NoVote::Failed { reason }));
            }
            Input::Deadline => {
                self.close(&NoVote::Late, effects);
                return;
            }
        }
        if self.is_settled() {
            self.close(&NoVote::Settled, effects);
        }
    }

    fn ask_everyone(&mut self, effects: &mut Vec<Effect>) {
        for member in &self.rules.members {
            if let Some(Seat::Asked { times }) = self.seats.get_mut(member)
                && *times == 0
            {
                *times = 1;
                effects.push(Effect::Ask {
                    member: member.clone(),
                    fault: None,
                });
            }
        }
    }

    fn answered(&mut self, member: &AgentId, text: &str, effects: &mut Vec<Effect>) {
        let Some(Seat::Asked { times }) = self.seats.get_mut(member) else {
            return;
        };
        match vote::parse(text) {
            Ok(Ballot {
                vote,
                reasoning,
                confidence,
            }) => self.settle(
                member,
                VoteRecord {
                    vote,
                    reasoning,
                    confidence,
                },
            ),
            Err(fault) if *times < ASKS_MAX => {
                *times += 1;
                effects.push(Effect::Ask {
                    member: member.clone(),
                    fault: Some(fault),
                });
            }
            Err(fault) => self.settle(member, no_vote(NoVote::Unparsable(fault))),
        }
    }

    fn settle(&mut self, member: &AgentId, record: VoteRecord) {
        if let Some(seat @ Seat::Asked { .. }) = self.seats.get_mut(member) {
            *seat = Seat::Done(record);
        }
    }

    /// Whether every vote still to come would give the same verdict and the same consensus.
    fn is_settled(&self) -> bool {
        let mut tallies = vec![Tally::default()];
        for seat in self.seats.values() {
            tallies = match seat {
                Seat::Done(record) => tallies.iter().map(|t| t.with(&record.vote)).collect(),
                Seat::Asked { .. } => tallies.iter().flat_map(Tally::with_any).collect(),
            };
        }
        let mut outcomes = tallies.iter().map(|tally| tally.outcome(&self.rules));
        let first = outcomes.next();
        outcomes.all(|outcome| Some(outcome) == first)
    }

    fn close(&mut self, missing: &NoVote, effects: &mut Vec<Effect>) {
        self.closed = true;
        let mut tally = Tally::default();
        let mut votes = BTreeMap::new();
        for (member, seat) in std::mem::take(&mut self.seats) {
            let record = match seat {
                Seat::Done(record) => record,
                Seat::Asked { .. } => {
                    effects.push(Effect::Withdraw {
                        member: member.clone(),
                    });
                    no_vote(missing.clone())
                }
            };
            tally = tally.with(&record.vote);
            votes.insert(member, record);
        }
        let (result, consensus) = tally.outcome(&self.rules);
        effects.push(Effect::Close(Decision {
            proposal: std::mem::take(&mut self.proposal),
            result,
            consensus,
            quorum: format!("{}/{}", tally.votes(), votes.len()),
            votes,
        }));
    }
}

const fn no_vote(why: NoVote) -> VoteRecord {
    VoteRecord {
        vote: Vote::None { why },
        reasoning: None,
        confidence: None,
    }
}

/// Votes counted so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    approvals: usize,
    rejections: usize,
    abstentions: usize,
}

impl Tally {
    const fn with(&self, vote: &Vote) -> Self {
        let mut next = *self;
        match vote {
            Vote::Approve => next.approvals += 1,
            Vote::Reject => next.rejections += 1,
            Vote::Abstain => next.abstentions += 1,
            Vote::None { .. } => {}
        }
        next
    }

    fn with_any(&self) -> [Self; 4] {
        [
            self.with(&Vote::Approve),
            self.with(&Vote::Reject),
            self.with(&Vote::Abstain),
            *self,
        ]
    }

    const fn votes(&self) -> usize {
        self.approvals + self.rejections + self.abstentions
    }

    const fn outcome(&self, rules: &Rules) -> (Verdict, bool) {
        let result = if self.approvals >= rules.approvals_min {
            Verdict::Approved
        } else if self.votes() >= rules.votes_min {
            Verdict::Rejected
        } else {
            Verdict::Undecided
        };
        let consensus =
            self.approvals >= rules.approvals_min || self.rejections >= rules.approvals_min;
        (result, consensus)
    }
}

#[cfg(test)]
mod tests;
