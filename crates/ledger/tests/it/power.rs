//! Power cuts: whatever part of the file reached the disk, what was acknowledged is there and the rest is cut.

use std::fs;

use openclaw_ledger::{Ballot, Ledger, Reader};

use crate::world::{env, filled, id, vote};

#[test]
fn after_a_cut_at_any_byte_the_whole_entries_are_there_and_the_chain_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    drop(filled(&path));
    let whole = fs::read(&path).unwrap();
    let torn_path = dir.path().join("ledger.jsonl.torn");
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        fs::remove_file(&torn_path).unwrap_or_default();
        let end = whole[..length]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let entries = whole[..end].iter().filter(|byte| **byte == b'\n').count() as u64;
        let (mut ledger, opened) = Ledger::open(&path, env()).unwrap();
        assert_eq!(
            (opened.head.seq, opened.torn_bytes),
            (entries, (length - end) as u64)
        );
        let torn = fs::read(&torn_path).unwrap_or_default();
        let expected = if end < length {
            [&whole[end..length], b"\n"].concat()
        } else {
            Vec::new()
        };
        assert_eq!(torn, expected);
        ledger
            .append(id("PROPOSAL-2"), vote("beta", Ballot::Abstain))
            .unwrap();
        let report = Reader::new(&path).verify(Some(&opened.head)).unwrap();
        assert!(report.is_whole(), "{length}: {report:?}");
        assert_eq!(report.head.seq, entries + 1);
    }
}

#[test]
fn a_last_line_of_which_only_parts_were_written_is_cut_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    drop(filled(&path));
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for from in last..whole.len() - 1 {
        let mut holed = whole.clone();
        holed[from..whole.len() - 1].fill(0);
        fs::write(&path, &holed).unwrap();
        let (_, opened) = Ledger::open(&path, env()).unwrap();
        assert_eq!(
            (opened.head.seq, opened.torn_bytes),
            (5, (whole.len() - last) as u64)
        );
        assert_eq!(fs::read(&path).unwrap(), &whole[..last]);
    }
}

#[test]
fn an_entry_is_in_the_file_when_it_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/down/ledger.jsonl");
    let (mut ledger, _) = Ledger::open(&path, env()).unwrap();
    for round in 1..=5 {
        let entry = ledger
            .append(id("PROPOSAL-1"), vote("alpha", Ballot::Approve))
            .unwrap();
        // Somebody else reads it at once, without a word from the writer.
        let read = Reader::new(&path).entry(round).unwrap();
        assert_eq!(read.as_ref(), Some(&entry));
        assert_eq!(ledger.head().hash, entry.hash);
    }
}
