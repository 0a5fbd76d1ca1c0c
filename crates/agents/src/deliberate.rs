//! Puts a proposal to the triad: one run per member, its answer read as a vote, the decision to whoever asked.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use openclaw_sessions::{Origin, OriginKind};
use openclaw_types::{AgentId, Priority, RunId, SessionId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::{
    agents::{AgentState, Agents},
    core::Core,
    deliberation::{Decision, Deliberation, Effect, Input, Rules},
    error::Error,
    limits::{DELIBERATION_MS_MAX, PROPOSALS_MAX},
    outcome::{Outcome, Status, chain},
    submit::{Cause, Inbound, submit},
    turn::AbortCause,
    vote::Unparsable,
};

/// Who decides, in the order in which they are asked.
pub const TRIAD: [&str; 3] = ["alpha", "beta", "charlie"];
/// So many approvals approve, and so many votes make a decision.
const MAJORITY: usize = 2;
/// Longest proposal and longest reasons that members are shown, in bytes; they share a prompt with much else.
const PROPOSAL_BYTES_MAX: usize = 16_000;

/// Something to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its id; votes and the decision carry it.
    pub id: String,
    /// Who proposes.
    pub from: String,
    /// What.
    pub text: String,
    /// Why.
    pub reasoning: Option<String>,
    /// How long the members have.
    pub deadline_ms: Option<u64>,
}

impl Agents {
    /// Puts a proposal to alpha, beta and charlie. It is decided even when nobody waits for the decision.
    ///
    /// # Errors
    /// The proposal is empty or being deliberated already, there are too many, or the gateway stops.
    pub fn propose(
        &self,
        proposal: Proposal,
    ) -> impl Future<Output = Result<Decision, Error>> + Send + 'static + use<> {
        let begun = begin(self.core(), proposal);
        async move {
            let (id, decided) = begun?;
            decided.await.map_err(|source| Error::BrokeOff {
                proposal: id,
                source,
            })
        }
    }
}

fn begin(
    core: &Arc<Core>,
    proposal: Proposal,
) -> Result<(String, tokio::task::JoinHandle<Decision>), Error> {
    if core.is_stopping() {
        return Err(Error::Stopping);
    }
    if proposal.text.trim().is_empty() || proposal.id.is_empty() {
        return Err(Error::EmptyMessage);
    }
    let id = proposal.id.clone();
    let seat = Seat::take(core, &id)?;
    let core = Arc::clone(core);
    let deliberation = Driver::new(&core, proposal);
    let task = core.spawn(async move {
        let _seat = seat;
        deliberation.decide().await
    });
    Ok((id, task))
}

/// A place among the proposals under deliberation; given back when dropped.
struct Seat {
    core: Arc<Core>,
    proposal: String,
}

impl Seat {
    fn take(core: &Arc<Core>, proposal: &str) -> Result<Self, Error> {
        let mut seats = core
            .proposals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if seats.contains(proposal) {
            return Err(Error::DuplicateProposal {
                proposal: proposal.to_owned(),
            });
        }
        if seats.len() >= PROPOSALS_MAX {
            return Err(Error::ProposalsFull {
                proposals_max: PROPOSALS_MAX,
            });
        }
        seats.insert(proposal.to_owned());
        drop(seats);
        Ok(Self {
            core: Arc::clone(core),
            proposal: proposal.to_owned(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.core
            .proposals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.proposal);
    }
}

type Answer = BoxFuture<'static, (AgentId, Result<Outcome, Error>)>;

struct Driver {
    core: Arc<Core>,
    proposal: Proposal,
    session: SessionId,
    machine: Deliberation,
    todo: VecDeque<Effect>,
    answers: FuturesUnordered<Answer>,
    runs: BTreeMap<AgentId, RunId>,
}

impl Driver {
    fn new(core: &Arc<Core>, proposal: Proposal) -> Self {
        let members = TRIAD.iter().filter_map(|id| AgentId::parse(id).ok());
        let rules = Rules {
            members: members.collect(),
            approvals_min: MAJORITY,
            votes_min: MAJORITY,
        };
        let is_present = |member: &AgentId| {
            core.agent(member)
                .is_some_and(|agent| agent.snapshot().state != AgentState::Offline)
        };
        Self {
            machine: Deliberation::new(proposal.id.clone(), rules, is_present),
            session: session_of(&proposal.id),
            core: Arc::clone(core),
            proposal,
            todo: VecDeque::new(),
            answers: FuturesUnordered::new(),
            runs: BTreeMap::new(),
        }
    }

    fn tell(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.machine.step(input, &mut effects);
        self.todo.extend(effects);
    }

    async fn decide(mut self) -> Decision {
        let wanted = self.proposal.deadline_ms;
        let deadline_ms = wanted
            .unwrap_or(self.core.options.deliberation_ms)
            .clamp(1, DELIBERATION_MS_MAX);
        let mut deadline = std::pin::pin!(sleep(Duration::from_millis(deadline_ms)));
        self.tell(Input::Start);
        loop {
            while let Some(effect) = self.todo.pop_front() {
                match effect {
                    Effect::Ask { member, fault } => self.ask(member, fault.as_ref()),
                    Effect::Withdraw { member } => self.withdraw(&member),
                    Effect::Close(decision) => return decision,
                }
            }
            tokio::select! {
                biased;
                // Votes first: one that came before the deadline counts, however late it is looked at.
                Some((member, answer)) = self.answers.next() => self.heard(member, answer),
                () = &mut deadline => self.tell(Input::Deadline),
            }
        }
    }

    fn ask(&mut self, member: AgentId, fault: Option<&Unparsable>) {
        let Ok(run) = RunId::parse(&self.core.env.fresh_id()) else {
            return;
        };
        self.runs.insert(member.clone(), run.clone());
        let message = Inbound {
            agent: member.clone(),
            session: self.session.clone(),
            text: fault.map_or_else(|| question(&self.proposal), again),
            priority: Priority::High,
            run: Some(run),
            origin: Origin {
                kind: OriginKind::System,
                id: Some(self.proposal.from.clone()),
                message_id: Some(self.proposal.id.clone()),
            },
        };
        let cause = Cause {
            schema: Some(ballot_schema()),
            ..Cause::default()
        };
        let submission = submit(&self.core, message, cause);
        let answer = async move {
            match submission.await {
                Ok(accepted) => Ok(accepted.outcome.await),
                Err(error) => Err(error),
            }
        };
        self.answers
            .push(answer.map(|answer| (member, answer)).boxed());
    }

    fn heard(&mut self, member: AgentId, answer: Result<Outcome, Error>) {
        self.runs.remove(&member);
        let input = match answer {
            Ok(outcome) => match outcome.status {
                Status::Done => Input::Answered {
                    member,
                    text: outcome.text.as_ref().to_owned(),
                },
                Status::Aborted => Input::Failed {
                    member,
                    reason: "its run was stopped".to_owned(),
                },
                Status::Failed(failure) => Input::Failed {
                    member,
                    reason: failure.message,
                },
            },
            Err(error) => Input::Failed {
                member,
                reason: chain(&error),
            },
        };
        self.tell(input);
    }

    fn withdraw(&mut self, member: &AgentId) {
        let run = self.runs.remove(member);
        if let (Some(run), Some(agent)) = (run, self.core.agent(member)) {
            crate::agents::stop(
                &self.core,
                &agent,
                &self.session,
                &run,
                AbortCause::Requested,
            );
        }
    }
}

/// The conversation of a proposal: named by its id, or by the id's hash where a session can't be named so.
fn session_of(proposal: &str) -> SessionId {
    SessionId::parse(&format!("proposal:{proposal}")).unwrap_or_else(|_| {
        let mut name = "proposal:sha256-".to_owned();
        for byte in &Sha256::digest(proposal.as_bytes())[..16] {
            // Writing to a string cannot fail.
            write!(name, "{byte:02x}").unwrap_or_default();
        }
        SessionId::parse(&name).unwrap_or_else(|_| crate::settings::default_session())
    })
}

fn question(proposal: &Proposal) -> String {
    let cut = |text| crate::prompt::cut(text, PROPOSAL_BYTES_MAX);
    let mut text = format!(
        "A proposal from {} needs your vote.\n\nProposal: {}\n",
        proposal.from,
        cut(&proposal.text)
    );
    if let Some(reasoning) = &proposal.reasoning {
        text.push_str("Reasons given: ");
        text.push_str(&cut(reasoning));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(FORM);
    text
}

/// How to answer. It is not itself an object that would be read as a vote.
const FORM: &str = "Answer with one JSON object and nothing else: \
    {\"vote\": \"approve\" or \"reject\" or \"abstain\", \
    \"reasoning\": one sentence, \"confidence\": a number from 0 to 1}";

fn again(fault: &Unparsable) -> String {
    format!("Your answer was not counted as a vote: {fault}.\n\n{FORM}")
}

fn ballot_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "vote": {"type": "string", "enum": ["approve", "reject", "abstain"]},
            "reasoning": {"type": "string"},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["vote", "reasoning", "confidence"],
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_proposal_id_names_a_conversation() {
        assert_eq!(session_of("prop-001").as_str(), "proposal:prop-001");
        for odd in ["a b", "../x", "é", &"x".repeat(200)] {
            let session = session_of(odd);
            assert!(session.as_str().starts_with("proposal:sha256-"), "{odd}");
            assert_ne!(session, session_of("other one"));
        }
    }

    #[test]
    fn repeating_the_question_is_not_a_vote() {
        let proposal = Proposal {
            id: "p".to_owned(),
            from: "steward".to_owned(),
            text: "Do it.".to_owned(),
            reasoning: Some("Because.".to_owned()),
            deadline_ms: None,
        };
        let asked = question(&proposal);
        assert!(asked.contains("Do it.") && asked.contains("Because."));
        assert_eq!(crate::vote::parse(&asked), Err(Unparsable::Broken));
        assert_eq!(
            crate::vote::parse(&again(&Unparsable::NoObject)),
            Err(Unparsable::Broken)
        );
    }
}
