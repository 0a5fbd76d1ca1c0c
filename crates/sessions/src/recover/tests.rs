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

/// The bytes a sketch of a file stands for: `a` is a line, `a-` one without its newline, `a/` half of one,
/// `a~` one with a flipped bit, `a!` one that is not UTF-8; `f`, `f-`, `f/` the same of another tool; `0` is
/// zeros, `n` a newline, `J` a newline with a flipped bit, and the rest is as it says.
fn sketch(text: &str) -> Vec<u8> {
    text.split(' ').flat_map(sketched).collect()
}

fn sketched(token: &str) -> Vec<u8> {
    let (name, damage) = token.split_at(token.len().min(1));
    let mut whole = match (token, name) {
        ("", _) => Vec::new(),
        ("crlf", _) => b"\r\n".to_vec(),
        ("bom", _) => BYTE_ORDER_MARK.to_vec(),
        ("junk", _) => b"hello\n".to_vec(),
        ("blank", _) => b"\n \n\n".to_vec(),
        ("0", _) => vec![0; 300],
        ("n", _) => b"\n".to_vec(),
        ("J", _) => b"J".to_vec(),
        (_, "f" | "g") => (foreign(name) + "\n").into_bytes(),
        _ => line(name, u64::from(name.as_bytes()[0] - b'`')),
    };
    match damage {
        "-" => whole.truncate(whole.len() - 1),
        "/" => whole.truncate(whole.len() / 2),
        "~" => whole[60] ^= 1,
        "!" => whole[60] = 0xe9,
        _ => {}
    }
    whole
}

#[test]
fn each_kind_of_damage_costs_itself_only() {
    for (file, entries, faults, tail) in [
        ("", "", &[][..], "clean"),
        ("a b", "a b", &[], "clean"),
        ("a b/", "a", &[], "torn"),
        ("a b-", "a b", &[], "unterminated"),
        ("a b- J", "a b", &[], "unterminated"),
        ("a 0", "a", &[], "torn"),
        ("a- 0", "a", &[], "unterminated"),
        ("a 0 n b", "a b", &[Fault::Zeros], "clean"),
        ("a 0 b", "a b", &[Fault::Zeros], "clean"),
        ("a- 0 b", "a b", &[Fault::Zeros], "clean"),
        ("a b~ c", "a c", &[Fault::Checksum], "clean"),
        ("a b~", "a", &[Fault::Checksum], "clean"),
        ("a b! c", "a c", &[Fault::Checksum], "clean"),
        ("a- b", "a b", &[], "clean"),
        ("a b/ c", "a c", &[Fault::Torn], "clean"),
        ("a/ b/ c-", "c", &[Fault::Torn], "unterminated"),
        ("a- J b", "a b", &[Fault::NotJson], "clean"),
        ("a junk b", "a b", &[Fault::NotJson], "clean"),
        ("bom a", "a", &[], "clean"),
        ("a- crlf b", "a b", &[], "clean"),
        ("a blank b", "a b", &[], "clean"),
        ("f a", "f a", &[], "clean"),
        ("a f-", "a f", &[], "unterminated"),
        ("f- g", "f g", &[], "clean"),
        ("f/ g", "g", &[Fault::Torn], "clean"),
    ] {
        check(file, entries, faults, tail);
    }
}

fn check(file: &str, entries: &str, faults: &[Fault], tail: &str) {
    let bytes = sketch(file);
    let outcome = recover(&bytes);
    assert_eq!(outcome.entries.join(" "), entries, "{file}");
    let found: Vec<_> = outcome.damage.iter().map(|(_, _, fault)| *fault).collect();
    assert_eq!(found, faults, "{file}");
    let sort = match outcome.tail {
        Tail::Clean => "clean",
        Tail::Unterminated { .. } => "unterminated",
        Tail::Torn { .. } => "torn",
    };
    assert_eq!(sort, tail, "{file}");
    let again = recover(&repaired(&bytes, outcome.tail));
    let expected = Outcome {
        tail: Tail::Clean,
        ..outcome
    };
    assert_eq!(again, expected, "{file}: a second recovery finds the same");
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
