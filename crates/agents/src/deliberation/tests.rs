use proptest::prelude::*;

use super::*;

fn id(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

fn rules() -> Rules {
    Rules {
        members: ["alpha", "beta", "charlie"].map(id).to_vec(),
        approvals_min: 2,
        votes_min: 2,
    }
}

fn answered(member: &str, text: &str) -> Input {
    Input::Answered {
        member: id(member),
        text: text.to_owned(),
    }
}

/// Runs the inputs after `Start`; returns all effects.
fn play(inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
    let mut machine = Deliberation::new("p".to_owned(), rules(), |_| true);
    let mut effects = Vec::new();
    machine.step(Input::Start, &mut effects);
    for input in inputs {
        machine.step(input, &mut effects);
    }
    effects
}

fn decision(effects: &[Effect]) -> Option<&Decision> {
    effects.iter().find_map(|effect| match effect {
        Effect::Close(decision) => Some(decision),
        Effect::Ask { .. } | Effect::Withdraw { .. } => None,
    })
}

/// One letter per member: + approve, - reject, 0 abstain, ? unparsable twice, x failed, . silent.
fn play_letters(letters: &str, order: [usize; 3]) -> Decision {
    let members = ["alpha", "beta", "charlie"];
    let letters: Vec<char> = letters.chars().collect();
    let mut inputs = Vec::new();
    for at in order {
        match letters[at] {
            '+' => inputs.push(answered(members[at], r#"{"vote":"approve"}"#)),
            '-' => inputs.push(answered(members[at], r#"{"vote":"reject"}"#)),
            '0' => inputs.push(answered(members[at], r#"{"vote":"abstain"}"#)),
            '?' => inputs.extend([answered(members[at], "hm"), answered(members[at], "hm")]),
            'x' => inputs.push(Input::Failed {
                member: id(members[at]),
                reason: "model".to_owned(),
            }),
            _ => {}
        }
    }
    inputs.push(Input::Deadline);
    let effects = play(inputs);
    let closes = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Close(_)))
        .count();
    assert_eq!(closes, 1, "{letters:?}");
    decision(&effects).unwrap().clone()
}

const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

#[test]
fn the_consensus_table_holds_for_every_vote_in_every_order() {
    let letters = ['+', '-', '0', '?', 'x', '.'];
    for a in letters {
        for b in letters {
            for c in letters {
                let votes: String = [a, b, c].iter().collect();
                let count = |letter| votes.chars().filter(|&v| v == letter).count();
                let valid = count('+') + count('-') + count('0');
                let expected = if count('+') >= 2 {
                    Verdict::Approved
                } else if valid >= 2 {
                    Verdict::Rejected
                } else {
                    Verdict::Undecided
                };
                for order in ORDERS {
                    let decision = play_letters(&votes, order);
                    assert_eq!(decision.result, expected, "{votes} {order:?}");
                    assert_eq!(
                        decision.consensus,
                        count('+') >= 2 || count('-') >= 2,
                        "{votes} {order:?}"
                    );
                    assert_eq!(decision.votes.len(), 3);
                }
            }
        }
    }
}

#[test]
fn the_rows_of_the_table_read_as_they_are_written() {
    for (votes, result, consensus, quorum) in [
        ("+++", Verdict::Approved, true, "2/3"),
        ("++-", Verdict::Approved, true, "2/3"),
        ("+-+", Verdict::Approved, true, "3/3"),
        ("+--", Verdict::Rejected, true, "3/3"),
        ("---", Verdict::Rejected, true, "2/3"),
        ("+-0", Verdict::Rejected, false, "3/3"),
        ("+00", Verdict::Rejected, false, "3/3"),
        ("000", Verdict::Rejected, false, "2/3"),
        ("+.-", Verdict::Rejected, false, "2/3"),
        ("+..", Verdict::Undecided, false, "1/3"),
        ("...", Verdict::Undecided, false, "0/3"),
    ] {
        let decision = play_letters(votes, ORDERS[0]);
        assert_eq!(
            (
                decision.result,
                decision.consensus,
                decision.quorum.as_str()
            ),
            (result, consensus, quorum),
            "{votes}"
        );
    }
}

#[test]
fn two_approvals_close_early_and_withdraw_the_third() {
    let effects = play([
        answered(
            "charlie",
            r#"{"vote":"yes","reasoning":"r","confidence":0.5}"#,
        ),
        answered("alpha", r#"{"vote":"yes"}"#),
    ]);
    let ask = |member: &str| Effect::Ask {
        member: id(member),
        fault: None,
    };
    let approve = |reasoning: Option<&str>, confidence| VoteRecord {
        vote: Vote::Approve,
        reasoning: reasoning.map(str::to_owned),
        confidence,
    };
    assert_eq!(
        effects,
        vec![
            ask("alpha"),
            ask("beta"),
            ask("charlie"),
            Effect::Withdraw { member: id("beta") },
            Effect::Close(Decision {
                proposal: "p".to_owned(),
                result: Verdict::Approved,
                votes: BTreeMap::from([
                    (id("alpha"), approve(None, None)),
                    (id("beta"), no_vote(NoVote::Settled)),
                    (id("charlie"), approve(Some("r"), Some(0.5))),
                ]),
                consensus: true,
                quorum: "2/3".to_owned(),
            }),
        ]
    );
}

#[test]
fn an_unparsable_answer_is_asked_once_more_and_then_is_no_vote() {
    let effects = play([answered("beta", "maybe"), answered("beta", "perhaps")]);
    assert_eq!(
        effects[3..],
        [Effect::Ask {
            member: id("beta"),
            fault: Some(Unparsable::NoObject),
        }]
    );
    let decision = play_letters("+?+", ORDERS[2]);
    assert_eq!(
        decision.votes[&id("beta")],
        no_vote(NoVote::Unparsable(Unparsable::NoObject))
    );
    assert_eq!(decision.result, Verdict::Approved);
}

#[test]
fn a_small_roster_decides_with_two_and_is_blocked_with_one() {
    let mut effects = Vec::new();
    let mut two = Deliberation::new("p".to_owned(), rules(), |m| m.as_str() != "charlie");
    two.step(Input::Start, &mut effects);
    two.step(answered("alpha", r#"{"vote":"yes"}"#), &mut effects);
    assert_eq!(decision(&effects), None);
    two.step(answered("beta", r#"{"vote":"yes"}"#), &mut effects);
    let made = decision(&effects).unwrap();
    assert_eq!(made.result, Verdict::Approved);
    assert_eq!(made.votes[&id("charlie")], no_vote(NoVote::Absent));

    let mut effects = Vec::new();
    let mut one = Deliberation::new("p".to_owned(), rules(), |m| m.as_str() == "alpha");
    one.step(Input::Start, &mut effects);
    assert_eq!(decision(&effects).unwrap().result, Verdict::Undecided);
}

#[test]
fn strangers_and_second_thoughts_do_not_count() {
    let effects = play([
        answered("mallory", r#"{"vote":"yes"}"#),
        answered("alpha", r#"{"vote":"no"}"#),
        answered("alpha", r#"{"vote":"yes"}"#),
        answered("beta", r#"{"vote":"yes"}"#),
        Input::Deadline,
        answered("charlie", r#"{"vote":"yes"}"#),
    ]);
    let decision = decision(&effects).unwrap();
    assert_eq!(decision.result, Verdict::Rejected);
    assert_eq!(decision.votes[&id("charlie")], no_vote(NoVote::Late));
}

fn any_input() -> impl Strategy<Value = Input> {
    let member = prop::sample::select(vec!["alpha", "beta", "charlie", "mallory"]);
    let text = prop::sample::select(vec![
        r#"{"vote":"approve"}"#,
        r#"{"vote":"reject"}"#,
        r#"{"vote":"abstain"}"#,
        "no idea",
    ]);
    prop_oneof![
        8 => (member.clone(), text).prop_map(|(m, t)| answered(m, t)),
        2 => member.prop_map(|m| Input::Failed { member: id(m), reason: "x".to_owned() }),
        1 => Just(Input::Start),
        1 => Just(Input::Deadline),
    ]
}

proptest! {
    #[test]
    fn every_interleaving_closes_at_most_once_and_nothing_follows(inputs in prop::collection::vec(any_input(), 0..20)) {
        let effects = play(inputs.into_iter().chain([Input::Deadline]));
        let closes: Vec<usize> = effects
            .iter()
            .enumerate()
            .filter(|(_, effect)| matches!(effect, Effect::Close(_)))
            .map(|(at, _)| at)
            .collect();
        prop_assert_eq!(closes, vec![effects.len() - 1]);
        for member in ["alpha", "beta", "charlie"] {
            let asks = effects
                .iter()
                .filter(|effect| matches!(effect, Effect::Ask { member: m, .. } if m.as_str() == member))
                .count();
            prop_assert!((1..=2).contains(&asks));
        }
    }
}
