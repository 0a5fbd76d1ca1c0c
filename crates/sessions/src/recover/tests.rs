use openclaw_types::{Role, SessionId, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::entry::{Draft, Entry, encode};

/// What a scan of a whole file came to: each entry's text, each damaged place, and the end.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    entries: Vec<String>,
    damage: Vec<(u64, u64, Fault)>,
    tail: Tail,
}

fn recover(bytes: &[u8]) -> Outcome {
    let mut outcome = Outcome {
        entries: Vec::new(),
        damage: Vec::new(),
        tail: Tail::Clean,
    };
    let mut scanner = Scanner::default();
    let mut sink = |found: Found<'_>| match found {
        Found::Record {
            offset,
            bytes: line,
            ..
        } => {
            let at = usize::try_from(offset).unwrap();
            assert_eq!(&bytes[at..at + line.len()], line);
            outcome
                .entries
                .push(crate::entry::decode(line).unwrap().content);
        }
        Found::Damage { offset, len, fault } => outcome.damage.push((offset, len, fault)),
    };
    let used = scanner.feed(bytes, &mut |found| sink(found));
    outcome.tail = scanner.finish(&bytes[used..], &mut |found| sink(found));
    outcome
}

/// The file after the repair its end asks for.
fn repaired(bytes: &[u8], tail: Tail) -> Vec<u8> {
    let cut = |keep| bytes[..usize::try_from(keep).unwrap()].to_vec();
    match tail {
        Tail::Clean => bytes.to_vec(),
        Tail::Torn { keep } => cut(keep),
        Tail::Unterminated { keep } => [cut(keep), b"\n".to_vec()].concat(),
    }
}

fn line(text: &str, seq: u64) -> Vec<u8> {
    let session = SessionId::parse("s").unwrap();
    let draft = Draft::message(Role::User, session, text);
    let entry = Entry::from_draft(draft, format!("id-{seq}"), Timestamp(1), seq);
    let mut line = Vec::new();
    encode(&entry, &mut line).unwrap();
    line
}

fn foreign(text: &str) -> String {
    format!(r#"{{"timestamp": 1, "role": "user", "content": "{text}", "sessionId": "s"}}"#)
}

fn file(texts: &[&str]) -> Vec<u8> {
    let lines = texts.iter().zip(1..).map(|(text, seq)| line(text, seq));
    lines.flatten().collect()
}

/// `keep` of the tail is checked by [`repaired`]; here only its sort is named.
fn check(name: &str, bytes: &[u8], entries: &[&str], faults: &[Fault], tail: &str) {
    let outcome = recover(bytes);
    assert_eq!(outcome.entries, entries, "{name}");
    let found: Vec<_> = outcome.damage.iter().map(|(_, _, fault)| *fault).collect();
    assert_eq!(found, faults, "{name}");
    let sort = match outcome.tail {
        Tail::Clean => "clean",
        Tail::Unterminated { .. } => "unterminated",
        Tail::Torn { .. } => "torn",
    };
    assert_eq!(sort, tail, "{name}");
    let mended = repaired(bytes, outcome.tail);
    let again = recover(&mended);
    let expected = Outcome {
        tail: Tail::Clean,
        ..outcome
    };
    assert_eq!(again, expected, "{name}: a second recovery finds the same");
}

#[test]
fn each_kind_of_damage_costs_itself_only() {
    let (a, b, c) = (line("a", 1), line("b", 2), line("c", 3));
    let unended = |line: &[u8]| line[..line.len() - 1].to_vec();
    let half = |line: &[u8]| line[..line.len() / 2].to_vec();
    let mut flipped = b.clone();
    flipped[60] ^= 1;
    let mut latin = b.clone();
    latin[60] = 0xe9;
    let (zeros, newline) = (vec![0; 300], b"\n".to_vec());
    let cases: Vec<(&str, Vec<Vec<u8>>, &[&str], &[Fault], &str)> = vec![
        ("empty", vec![], &[], &[], "clean"),
        (
            "whole",
            vec![a.clone(), b.clone()],
            &["a", "b"],
            &[],
            "clean",
        ),
        ("torn", vec![a.clone(), half(&b)], &["a"], &[], "torn"),
        (
            "no newline",
            vec![a.clone(), unended(&b)],
            &["a", "b"],
            &[],
            "unterminated",
        ),
        (
            "newline lost to junk",
            vec![a.clone(), unended(&b), b"*".to_vec()],
            &["a", "b"],
            &[],
            "unterminated",
        ),
        (
            "zeros behind",
            vec![a.clone(), zeros.clone()],
            &["a"],
            &[],
            "torn",
        ),
        (
            "zeros behind a line",
            vec![unended(&a), zeros.clone()],
            &["a"],
            &[],
            "unterminated",
        ),
        (
            "zeros between",
            vec![a.clone(), zeros.clone(), newline.clone(), b.clone()],
            &["a", "b"],
            &[Fault::Zeros],
            "clean",
        ),
        (
            "zeros before a line",
            vec![a.clone(), zeros.clone(), b.clone()],
            &["a", "b"],
            &[Fault::Zeros],
            "clean",
        ),
        (
            "zeros for a newline",
            vec![unended(&a), zeros, b.clone()],
            &["a", "b"],
            &[Fault::Zeros],
            "clean",
        ),
        (
            "flipped bit",
            vec![a.clone(), flipped.clone(), c.clone()],
            &["a", "c"],
            &[Fault::Checksum],
            "clean",
        ),
        (
            "flipped bit at the end",
            vec![a.clone(), flipped],
            &["a"],
            &[Fault::Checksum],
            "clean",
        ),
        (
            "not UTF-8",
            vec![a.clone(), latin, c.clone()],
            &["a", "c"],
            &[Fault::Checksum],
            "clean",
        ),
        (
            "glued",
            vec![unended(&a), b.clone()],
            &["a", "b"],
            &[],
            "clean",
        ),
        (
            "torn and glued",
            vec![a.clone(), half(&b), c.clone()],
            &["a", "c"],
            &[Fault::Torn],
            "clean",
        ),
        (
            "torn, glued, no newline",
            vec![half(&a), half(&b), unended(&c)],
            &["c"],
            &[Fault::Torn],
            "unterminated",
        ),
        (
            "newline lost to a bit",
            vec![unended(&a), b"J".to_vec(), b.clone()],
            &["a", "b"],
            &[Fault::NotJson],
            "clean",
        ),
        (
            "garbage between",
            vec![a.clone(), b"hello\n".to_vec(), b.clone()],
            &["a", "b"],
            &[Fault::NotJson],
            "clean",
        ),
        (
            "byte order mark",
            vec![b"\xef\xbb\xbf".to_vec(), a.clone()],
            &["a"],
            &[],
            "clean",
        ),
        (
            "CRLF",
            vec![unended(&a), b"\r\n".to_vec(), b.clone()],
            &["a", "b"],
            &[],
            "clean",
        ),
        (
            "blank lines",
            vec![a.clone(), b"\n \n\n".to_vec(), b.clone()],
            &["a", "b"],
            &[],
            "clean",
        ),
        (
            "foreign",
            vec![foreign("x").into_bytes(), newline.clone(), a.clone()],
            &["x", "a"],
            &[],
            "clean",
        ),
        (
            "foreign, no newline",
            vec![a.clone(), foreign("x").into_bytes()],
            &["a", "x"],
            &[],
            "unterminated",
        ),
        (
            "foreign, glued",
            vec![
                foreign("x").into_bytes(),
                foreign("y").into_bytes(),
                newline.clone(),
            ],
            &["x", "y"],
            &[],
            "clean",
        ),
        (
            "foreign, torn and glued",
            vec![
                half(foreign("x").as_bytes()),
                foreign("y").into_bytes(),
                newline,
            ],
            &["y"],
            &[Fault::Torn],
            "clean",
        ),
    ];
    for (name, pieces, entries, faults, tail) in cases {
        check(name, &pieces.concat(), entries, faults, tail);
    }
}

#[test]
fn a_part_of_a_damaged_line_never_passes_for_an_entry() {
    let inner = foreign("planted");
    for damaged in [
        format!(r#"{{"timestamp":1,"x":{inner}}}"#),
        format!(r#"{{"timestamp":1,"x":[{inner},{inner}],"role":5}}"#),
    ] {
        let outcome = recover(format!("{damaged}\n").as_bytes());
        assert_eq!(outcome.entries, [""; 0], "{damaged}");
        assert_eq!(outcome.damage.len(), 1, "{damaged}");
    }
}

#[test]
fn every_truncation_leaves_the_exact_whole_lines() {
    let texts: Vec<String> = (0..12)
        .map(|at| format!("é{}", "x".repeat(at * 7)))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let whole = file(&texts);
    let mut ends = Vec::new();
    for (at, byte) in whole.iter().enumerate() {
        if *byte == b'\n' {
            ends.push(at);
        }
    }
    for len in 0..=whole.len() {
        let cut = &whole[..len];
        let outcome = recover(cut);
        // A line is whole when all but its newline is there.
        let expected = ends.iter().filter(|&&end| end <= len).count();
        assert_eq!(outcome.entries, &texts[..expected], "cut at {len}");
        assert_eq!(outcome.damage, [], "cut at {len}");
        let mended = repaired(cut, outcome.tail);
        let end = if expected == 0 {
            0
        } else {
            ends[expected - 1] + 1
        };
        assert_eq!(mended, &whole[..end], "cut at {len}");
    }
}

#[test]
fn every_flipped_bit_of_a_file_is_noticed_and_costs_one_entry_at_most() {
    let texts = ["one", "two \"quoted\" \\", "three", "four"];
    let whole = file(&texts);
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = recover(&flipped);
        let noticed = !outcome.damage.is_empty() || outcome.tail != Tail::Clean;
        assert!(noticed, "bit {bit}");
        let hit = whole[..bit / 8]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        let mut others = texts.to_vec();
        if whole[bit / 8] != b'\n' {
            others.remove(hit);
        }
        assert_eq!(outcome.entries, others, "bit {bit}");
        let mended = repaired(&flipped, outcome.tail);
        assert_eq!(recover(&mended).entries, others, "bit {bit}");
    }
}

#[test]
fn a_line_beyond_the_limit_is_stepped_over() {
    let (a, b) = (line("a", 1), line("b", 2));
    let mut scanner = Scanner::default();
    let mut found = Vec::new();
    let long = vec![b'x'; LINE_BYTES_MAX + 1];
    let mut note = |item: Found<'_>| match item {
        Found::Record { offset, .. } => found.push((offset, None)),
        Found::Damage { offset, len, fault } => found.push((offset, Some((len, fault)))),
    };
    assert_eq!(scanner.feed(&a, &mut |item| note(item)), a.len());
    assert_eq!(scanner.feed(&long, &mut |item| note(item)), long.len());
    assert_eq!(scanner.feed(b"yy", &mut |item| note(item)), 2);
    let rest = [b"z\n".to_vec(), b].concat();
    assert_eq!(scanner.feed(&rest, &mut |item| note(item)), rest.len());
    let (start, len) = (a.len() as u64, long.len() as u64 + 3);
    let expected = [
        (0, None),
        (start, Some((len, Fault::TooLong))),
        (start + len + 1, None),
    ];
    assert_eq!(found, expected);
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        ("[a-z]{0,8}", 1_u64..9).prop_map(|(text, seq)| line(&text, seq)),
        "[a-z]{0,8}".prop_map(|text| (foreign(&text) + "\n").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..30),
        Just(b"\n".to_vec()),
        Just(vec![0; 20]),
        ("[a-z]{0,8}", 1_u64..9, 0_usize..150).prop_map(|(text, seq, len)| {
            let mut cut = line(&text, seq);
            cut.truncate(len);
            cut
        }),
    ]
}

proptest! {
    #[test]
    fn recovery_of_any_bytes_is_idempotent(pieces in prop::collection::vec(piece(), 0..12)) {
        let bytes = pieces.concat();
        let first = recover(&bytes);
        let mended = repaired(&bytes, first.tail);
        let second = recover(&mended);
        prop_assert_eq!(second.tail, Tail::Clean);
        prop_assert_eq!(second.entries, first.entries);
        prop_assert_eq!(second.damage, first.damage);
    }

    #[test]
    fn the_size_of_the_pieces_fed_does_not_matter(
        pieces in prop::collection::vec(piece(), 0..12),
        step in 1_usize..200,
    ) {
        let bytes = pieces.concat();
        let whole = recover(&bytes);
        let mut entries = 0;
        let mut scanner = Scanner::default();
        let mut buffer: Vec<u8> = Vec::new();
        for chunk in bytes.chunks(step) {
            buffer.extend_from_slice(chunk);
            let used = scanner.feed(&buffer, &mut |found| {
                entries += usize::from(matches!(found, Found::Record { .. }));
            });
            buffer.drain(..used);
        }
        let tail = scanner.finish(&buffer, &mut |found| {
            entries += usize::from(matches!(found, Found::Record { .. }));
        });
        prop_assert_eq!((entries, tail), (whole.entries.len(), whole.tail));
    }
}
