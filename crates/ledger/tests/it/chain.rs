//! Changes of the file, each found and named.

use std::fs;

use openclaw_ledger::{Ballot, Error, Event, Fault, Head, Ledger, Reader, What};

use crate::world::{env, filled, id, vote};

fn lines() -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    drop(filled(&path));
    fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn fault_of(lines: &[String], known: Option<&Head>) -> Option<Fault> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&path, &text).unwrap();
    let fault = Reader::new(&path).verify(known).unwrap().fault;
    if known.is_none() {
        let opened = Ledger::open(&path, env());
        assert_eq!(opened.is_err(), fault.is_some());
        assert!(fault.is_none() || matches!(opened, Err(Error::Broken { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fault
}

#[test]
fn every_change_is_found_at_its_line() {
    let good = lines();
    assert_eq!(fault_of(&good, None), None);
    let fault = |line, what| Some(Fault { line, what });
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        fault_of(&lines, None)
    };
    assert_eq!(
        with(&|lines| lines[2] = lines[2].replace("reject", "approve")),
        fault(3, What::Hash)
    );
    assert_eq!(
        with(&|lines| lines[2] = lines[2].replace(":80", ": 80")),
        fault(3, What::NotCanonical)
    );
    assert_eq!(
        with(&|lines| lines[2] = lines[2].replace(":80", ":0.8")),
        fault(3, What::NoEntry)
    );
    assert_eq!(
        with(&|lines| lines[4] = "{}".to_owned()),
        fault(5, What::NoEntry)
    );
    assert_eq!(
        with(&|lines| lines[4] = "not json".to_owned()),
        fault(5, What::NoEntry)
    );
    assert_eq!(
        with(&|lines| lines[1] = "x".repeat(2 << 20)),
        fault(2, What::TooLong)
    );
    let number = |line, expected, found| fault(line, What::Number { expected, found });
    assert_eq!(with(&|lines| drop(lines.remove(1))), number(2, 2, 3));
    assert_eq!(
        with(&|lines| lines.insert(1, lines[1].clone())),
        number(3, 3, 2)
    );
    assert_eq!(with(&|lines| lines.swap(1, 2)), number(2, 2, 3));
}

#[test]
fn every_flipped_bit_is_found() {
    let good: Vec<u8> = lines()
        .iter()
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(&path, &bad).unwrap();
        let report = Reader::new(&path).verify(None).unwrap();
        let line = good[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        // A change of the last line's end only makes it an entry that was not finished.
        let found = report.fault.map(|fault| fault.line);
        let is_torn = report.torn_bytes > 0 && report.head.seq == line - 1 && line == 6;
        assert!(
            found.is_some_and(|found| found == line || found == line + 1) || is_torn,
            "byte {at}: {found:?}"
        );
    }
}

#[test]
fn a_chain_that_was_written_anew_is_not_the_one_that_was_remembered() {
    let good = lines();
    let head = |line: &str| {
        let entry: openclaw_ledger::Entry = serde_json::from_str(line).unwrap();
        Head {
            seq: entry.seq,
            hash: entry.hash,
        }
    };
    let remembered = head(&good[3]);
    assert_eq!(fault_of(&good, Some(&remembered)), None);
    // Cut off at the end.
    let fault = fault_of(&good[..3], Some(&remembered));
    assert_eq!(
        fault,
        Some(Fault {
            line: 4,
            what: What::Forgotten { seq: 4 }
        })
    );
    // Written anew, with a chain that is whole.
    let other = Head {
        seq: 4,
        hash: head(&good[4]).hash,
    };
    let fault = fault_of(&good, Some(&other));
    assert_eq!(
        fault,
        Some(Fault {
            line: 4,
            what: What::Forgotten { seq: 4 }
        })
    );
}

#[test]
fn what_breaks_a_rule_is_not_appended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let mut ledger = filled(&path);
    let before = fs::read(&path).unwrap();
    let Event::Vote {
        voter,
        vote: ballot,
        round,
        ..
    } = vote("alpha", Ballot::Approve)
    else {
        unreachable!()
    };
    let with = |voter: &str, reasoning: String, confidence| Event::Vote {
        voter: voter.to_owned(),
        proxy_for: None,
        vote: ballot,
        reasoning,
        confidence_percent: confidence,
        round,
    };
    for (event, expected) in [
        (
            with(&voter, "x".repeat(70_000), None),
            "the entry's reasoning has more than 64 KiB",
        ),
        (
            with(&voter, String::new(), Some(101)),
            "the entry's confidence is more than a hundred percent",
        ),
        (
            with("Al Pha", String::new(), None),
            "the entry's voter is no agent's id",
        ),
    ] {
        let error = ledger.append(id("PROPOSAL-1"), event).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(openclaw_ledger::ProposalId::parse("../x").is_err());
}

#[test]
fn two_processes_never_write_one_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let held = filled(&path);
    assert!(matches!(
        Ledger::open(&path, env()),
        Err(Error::InUse { .. })
    ));
    drop(held);
    Ledger::open(&path, env()).unwrap();
}
