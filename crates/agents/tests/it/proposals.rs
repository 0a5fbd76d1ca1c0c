//! Proposals: the votes are the members' own answers, and what is no vote is never made one.

use std::{collections::BTreeMap, time::Duration};

use openclaw_agents::{
    EventKind, Proposal,
    deliberation::{Decision, Verdict},
    vote::{NoVote, Unparsable, Vote},
};
use openclaw_models::{
    Kind, Request,
    scripted::{Script, ScriptedProvider, Step},
};

use crate::harness::{Choices, World, advance, agent, named, session};

/// What each member says, call by call; the last repeats. `...` never ends.
fn members(lines: &[(&str, &[&str])]) -> ScriptedProvider {
    let said: BTreeMap<String, Vec<String>> = lines
        .iter()
        .map(|(member, says)| {
            let says = says.iter().map(|&text| text.to_owned()).collect();
            ((*member).to_owned(), says)
        })
        .collect();
    ScriptedProvider::new(move |request: &Request| {
        let conversation = request.conversation.as_deref().unwrap();
        let member = conversation.split(':').nth(1).unwrap();
        let asked = request.messages.len() / 2 - 1;
        let says = &said[member];
        match says[asked.min(says.len() - 1)].as_str() {
            "..." => Script::new().text("{").then(Step::Hang),
            "!" => Script::failure(Kind::BadRequest),
            text => Script::answer(text),
        }
    })
}

fn proposal(deadline_ms: Option<u64>) -> Proposal {
    Proposal {
        id: "prop-001".to_owned(),
        from: "explorer".to_owned(),
        text: "Adopt the new index.".to_owned(),
        reasoning: Some("It is faster.".to_owned()),
        deadline_ms,
    }
}

async fn decide(world: &World) -> Decision {
    world.agents.propose(proposal(None)).await.unwrap()
}

fn vote<'a>(decision: &'a Decision, member: &str) -> &'a Vote {
    &decision.votes[&agent(member)].vote
}

const YES: &str = r#"{"vote":"approve","reasoning":"good","confidence":0.9}"#;
const NO: &str = r#"{"vote":"reject","reasoning":"risky","confidence":0.8}"#;
const NEITHER: &str = r#"{"vote":"abstain"}"#;

#[tokio::test(start_paused = true)]
async fn two_approvals_approve() {
    let world = World::new(members(&[
        ("alpha", &[YES]),
        ("beta", &[NO]),
        ("charlie", &["```json\n{\"vote\":\"YES\"}\n```"]),
    ]));
    let decision = decide(&world).await;
    assert_eq!(decision.result, Verdict::Approved);
    assert_eq!(decision.proposal, "prop-001");
    assert!(decision.consensus);
    assert_eq!(vote(&decision, "alpha"), &Vote::Approve);
    let alpha = &decision.votes[&agent("alpha")];
    assert_eq!(
        (alpha.reasoning.as_deref(), alpha.confidence),
        (Some("good"), Some(0.9))
    );
    let request = &world.provider.requests()[0];
    assert!(request.schema.is_some());
    let asked = request.messages.last().unwrap().plain_text();
    assert!(asked.contains("Adopt the new index.") && asked.contains("It is faster."));
    let entries = world
        .store
        .tail(&agent("alpha"), &session("proposal:prop-001"), 10)
        .unwrap();
    assert_eq!(entries[1].content, YES);
}

#[tokio::test(start_paused = true)]
async fn one_approval_rejects_and_a_three_way_split_has_no_consensus() {
    let world = World::new(members(&[
        ("alpha", &[YES]),
        ("beta", &[NO]),
        ("charlie", &[NEITHER]),
    ]));
    let decision = decide(&world).await;
    assert_eq!(
        (
            decision.result,
            decision.consensus,
            decision.quorum.as_str()
        ),
        (Verdict::Rejected, false, "3/3")
    );
    assert_eq!(vote(&decision, "charlie"), &Vote::Abstain);

    let world = World::new(members(&[
        ("alpha", &[NO]),
        ("beta", &[NO]),
        ("charlie", &[YES]),
    ]));
    let decision = decide(&world).await;
    assert_eq!(
        (decision.result, decision.consensus),
        (Verdict::Rejected, true)
    );
}

#[tokio::test(start_paused = true)]
async fn an_unparsable_answer_is_asked_once_more_and_then_is_no_vote() {
    let world = World::new(members(&[
        ("alpha", &["I like it!", YES]),
        ("beta", &["Hm.", "Let me think.", YES]),
        ("charlie", &[NO]),
    ]));
    let decision = decide(&world).await;
    assert_eq!(decision.result, Verdict::Rejected);
    assert_eq!(decision.quorum, "2/3");
    assert_eq!(vote(&decision, "alpha"), &Vote::Approve);
    assert_eq!(
        vote(&decision, "beta"),
        &Vote::None {
            why: NoVote::Unparsable(Unparsable::NoObject)
        }
    );
    assert_eq!(world.provider.requests().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_late_member_has_no_vote_and_its_run_is_stopped() {
    let world = World::new(members(&[
        ("alpha", &[YES]),
        ("beta", &[NO]),
        ("charlie", &["..."]),
    ]));
    let decided = world.agents.propose(proposal(Some(10_000)));
    let clock = async {
        world
            .until(|events| {
                let ended =
                    |event: &&openclaw_agents::Event| matches!(event.kind, EventKind::RunEnded(_));
                events.iter().filter(ended).count() == 2
            })
            .await;
        advance(10_001).await;
    };
    let (decision, ()) = tokio::join!(decided, clock);
    let decision = decision.unwrap();
    assert_eq!(
        (decision.result, decision.quorum.as_str()),
        (Verdict::Rejected, "2/3")
    );
    assert_eq!(
        vote(&decision, "charlie"),
        &Vote::None { why: NoVote::Late }
    );
    world
        .until(|events| {
            events.iter().any(|event| {
                event.agent == agent("charlie") && matches!(event.kind, EventKind::RunEnded(_))
            })
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_settled_result_does_not_wait_for_the_third() {
    let world = World::new(members(&[
        ("alpha", &[YES]),
        ("beta", &["..."]),
        ("charlie", &[YES]),
    ]));
    let decision = decide(&world).await;
    assert_eq!(decision.result, Verdict::Approved);
    assert_eq!(
        vote(&decision, "beta"),
        &Vote::None {
            why: NoVote::Settled
        }
    );
}

#[tokio::test(start_paused = true)]
async fn without_two_votes_nothing_is_decided() {
    let world = World::new(members(&[
        ("alpha", &[YES]),
        ("beta", &["!"]),
        ("charlie", &["no json here"]),
    ]));
    let decision = decide(&world).await;
    // Alpha's vote may come after that was settled, and is not waited for then.
    assert_eq!(
        (decision.result, decision.consensus),
        (Verdict::Undecided, false)
    );
    assert!(matches!(
        vote(&decision, "beta"),
        Vote::None {
            why: NoVote::Failed { .. }
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_small_roster_has_fewer_votes() {
    let world = World::with(
        members(&[("alpha", &[YES]), ("beta", &[YES])]),
        Choices {
            agents: ["alpha", "beta"].map(named).to_vec(),
            ..Choices::default()
        },
    );
    let decision = decide(&world).await;
    assert_eq!(decision.result, Verdict::Approved);
    assert_eq!(
        vote(&decision, "charlie"),
        &Vote::None {
            why: NoVote::Absent
        }
    );
}

#[tokio::test(start_paused = true)]
async fn a_proposal_is_decided_even_when_nobody_waits_and_only_once_at_a_time() {
    let world = World::new(members(&[
        ("alpha", &[YES]),
        ("beta", &[YES]),
        ("charlie", &[YES]),
    ]));
    drop(world.agents.propose(proposal(None)));
    let again = world.agents.propose(proposal(None)).await;
    assert!(matches!(
        again,
        Err(openclaw_agents::Error::DuplicateProposal { .. })
    ));
    world
        .until(|events| {
            let ended = events
                .iter()
                .filter(|event| matches!(event.kind, EventKind::RunEnded(_)));
            ended.count() == 3
        })
        .await;
    world.agents.shutdown(Duration::from_secs(10)).await;
}
