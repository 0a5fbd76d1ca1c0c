//! A ledger with a whole case in it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use openclaw_ledger::{Ballot, Event, Ledger, ProposalId, Verdict};
use openclaw_types::{Env, Timestamp, env::SimEnv};

pub(crate) const T0: i64 = 1_774_742_400_000;

pub(crate) fn env() -> Arc<dyn Env> {
    Arc::new(SimEnv::new(Timestamp(T0), 9))
}

pub(crate) fn id(text: &str) -> ProposalId {
    ProposalId::parse(text).unwrap()
}

pub(crate) fn vote(voter: &str, vote: Ballot) -> Event {
    Event::Vote {
        voter: voter.to_owned(),
        proxy_for: None,
        vote,
        reasoning: "it\nholds \u{1f980}".to_owned(),
        confidence_percent: Some(80),
        round: 1,
    }
}

/// A proposal, three votes, the decision and its ratification.
pub(crate) fn events() -> Vec<Event> {
    let proposal = Event::Proposal {
        title: "Scan less".to_owned(),
        category: "tactical".to_owned(),
        text: "Every ten minutes is enough.".to_owned(),
        reasoning: "Nothing changes faster.".to_owned(),
        submitter: "explorer".to_owned(),
    };
    let votes = [
        ("alpha", Ballot::Approve),
        ("beta", Ballot::Reject),
        ("charlie", Ballot::Approve),
    ];
    let mut events = vec![proposal];
    events.extend(votes.map(|(voter, ballot)| vote(voter, ballot)));
    events.push(Event::Decision {
        result: Verdict::Approved,
        votes: votes
            .map(|(voter, ballot)| (voter.to_owned(), ballot))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        is_consensus: true,
        quorum: "3/3".to_owned(),
        rationale: "two of three".to_owned(),
    });
    events.push(Event::Ratification {
        by: vec!["steward".to_owned()],
        result: Verdict::Approved,
        rationale: String::new(),
    });
    events
}

pub(crate) fn filled(path: &Path) -> Ledger {
    let (mut ledger, _) = Ledger::open(path, env()).unwrap();
    for event in events() {
        ledger.append(id("PROPOSAL-1"), event).unwrap();
    }
    ledger
}
