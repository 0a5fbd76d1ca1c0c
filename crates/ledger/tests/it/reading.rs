//! Lists, single entries and whole cases.

use openclaw_ledger::{Ballot, Event, Filter, Kind, Ledger, Reader, Verdict};
use openclaw_types::Timestamp;

use crate::world::{T0, env, events, filled, id, vote};

fn numbers(entries: &[openclaw_ledger::Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.seq).collect()
}

/// What is asked for, what a list has, and what a tail has.
fn questions() -> [(Filter, Vec<u64>, Vec<u64>); 9] {
    let none = Filter::default;
    [
        (none(), vec![1, 2, 3, 4, 5, 6, 7], vec![1, 2, 3, 4, 5, 6, 7]),
        (
            Filter {
                count_max: Some(2),
                ..none()
            },
            vec![1, 2],
            vec![6, 7],
        ),
        (
            Filter {
                count_max: Some(0),
                ..none()
            },
            vec![],
            vec![],
        ),
        (
            Filter {
                proposal: Some(id("PROPOSAL-2")),
                ..none()
            },
            vec![7],
            vec![7],
        ),
        (
            Filter {
                kind: Some(Kind::Vote),
                ..none()
            },
            vec![2, 3, 4, 7],
            vec![2, 3, 4, 7],
        ),
        (
            Filter {
                agent: Some("beta".to_owned()),
                ..none()
            },
            vec![3, 5, 7],
            vec![3, 5, 7],
        ),
        (
            Filter {
                from_seq: Some(6),
                ..none()
            },
            vec![6, 7],
            vec![6, 7],
        ),
        (
            Filter {
                since: Some(Timestamp(T0 + 1)),
                ..none()
            },
            vec![],
            vec![],
        ),
        (
            Filter {
                until: Some(Timestamp(T0)),
                ..none()
            },
            vec![],
            vec![],
        ),
    ]
}

#[test]
fn lists_have_what_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let mut ledger = filled(&path);
    ledger
        .append(id("PROPOSAL-2"), vote("beta", Ballot::Approve))
        .unwrap();
    let reader = ledger.reader();
    for (filter, listed, tail) in questions() {
        assert_eq!(
            numbers(&reader.list(&filter).unwrap()),
            listed,
            "{filter:?}"
        );
        assert_eq!(numbers(&reader.tail(&filter).unwrap()), tail, "{filter:?}");
    }
    assert_eq!(reader.entry(3).unwrap().unwrap().event, events()[2]);
    assert_eq!(reader.entry(8).unwrap(), None);
}

#[test]
fn a_case_is_what_happened_to_a_proposal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let (mut ledger, _) = Ledger::open(&path, env()).unwrap();
    for (index, event) in events().into_iter().enumerate() {
        ledger.append(id("PROPOSAL-1"), event).unwrap();
        let case = ledger.reader().show(&id("PROPOSAL-1")).unwrap().unwrap();
        assert_eq!(case.entries.len(), index + 1);
        assert_eq!(case.title.as_deref(), Some("Scan less"));
        assert_eq!(case.votes.len(), index.min(3));
        let verdict = (index >= 4).then_some((Verdict::Approved, index as u64 + 1));
        assert_eq!(case.verdict, verdict);
        assert_eq!(case.is_ratified, index == 5);
    }
    assert_eq!(ledger.reader().show(&id("PROPOSAL-9")).unwrap(), None);
}

#[test]
fn a_vote_by_proxy_counts_for_whom_it_was_cast() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(&dir.path().join("ledger.jsonl"), env()).unwrap();
    let event = Event::Vote {
        voter: "sentinel".to_owned(),
        proxy_for: Some("charlie".to_owned()),
        vote: Ballot::Approve,
        reasoning: String::new(),
        confidence_percent: None,
        round: 1,
    };
    ledger.append(id("PROPOSAL-3"), event).unwrap();
    let case = ledger.reader().show(&id("PROPOSAL-3")).unwrap().unwrap();
    assert_eq!(
        case.votes.into_iter().collect::<Vec<_>>(),
        [("charlie".to_owned(), Ballot::Approve)]
    );
}

#[test]
fn a_ledger_that_does_not_exist_is_empty() {
    let reader = Reader::new(std::path::Path::new("nowhere/ledger.jsonl"));
    assert_eq!(reader.list(&Filter::default()).unwrap(), []);
    let report = reader.verify(None).unwrap();
    assert_eq!((report.head.seq, report.is_whole()), (0, true));
}

#[test]
fn every_word_for_a_vote_is_read() {
    for (text, ballot) in [
        ("approve", Some(Ballot::Approve)),
        (" YES ", Some(Ballot::Approve)),
        ("SUPPORT", Some(Ballot::Approve)),
        ("agree", Some(Ballot::Approve)),
        ("no", Some(Ballot::Reject)),
        ("Disagree", Some(Ballot::Reject)),
        ("abstain", Some(Ballot::Abstain)),
        ("maybe", None),
        ("approve!", None),
    ] {
        assert_eq!(text.parse::<Ballot>().ok(), ballot, "{text}");
    }
}
