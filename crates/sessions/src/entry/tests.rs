use openclaw_types::{ToolCall, ToolResult};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Every line this version can write, as it must stay readable and writable for ever.
const GOLDEN: &str = include_str!("../../tests/golden/written.jsonl");
/// Lines of other tools and later versions.
const FOREIGN: &str = include_str!("../../tests/golden/foreign.jsonl");

fn plain(seq: u64) -> Entry {
    let session = SessionId::parse("sess-123").unwrap();
    let draft = Draft::message(Role::User, session, "Hello!");
    let id = "018e9280-0000".to_owned();
    Entry::from_draft(draft, id, Timestamp(1_711_843_200_000), seq)
}

fn rich() -> Entry {
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "read".to_owned(),
        arguments: json!({"path": "a.txt", "timestamp": 1, "deep": [null, true, {"timestamp": "x"}, -2.5]}),
    };
    Entry {
        role: Role::Assistant,
        content: "Let me look.".to_owned(),
        run: Some(RunId::parse("run-1").unwrap()),
        parts: vec![
            Part::Reasoning("quote \" backslash \\ newline \n".to_owned()),
            Part::Text("Let me look.".to_owned()),
            Part::ToolCall(call),
        ],
        model: Some("litellm/agent/steward".to_owned()),
        usage: Some(Usage {
            input_tokens: 812,
            output_tokens: 34,
            cached_tokens: 512,
            ..Usage::default()
        }),
        ..plain(2)
    }
}

fn tool_result() -> Entry {
    let result = ToolResult {
        call_id: "call_1".to_owned(),
        name: "read".to_owned(),
        content: "\u{0}\u{1f}\t\u{7f} é 𝄞 \u{2028}".to_owned(),
        is_error: true,
    };
    Entry {
        role: Role::System,
        kind: Kind::ToolResult,
        content: "no such file".to_owned(),
        parts: vec![Part::ToolResult(result)],
        ..plain(3)
    }
}

fn with_origin() -> Entry {
    Entry {
        timestamp: Timestamp(-1),
        origin: Some(Origin {
            kind: OriginKind::Agent,
            id: Some("alpha".to_owned()),
            message_id: Some("m-7".to_owned()),
        }),
        ..plain(u64::MAX)
    }
}

fn record(kind: Kind, seq: u64) -> Entry {
    let session = SessionId::parse("agent:main:x").unwrap();
    let id = "018e9280-0001".to_owned();
    Entry::from_draft(Draft::record(kind, session), id, Timestamp(0), seq)
}

fn marked() -> Entry {
    let mut entry = record(Kind::Commit, 5);
    let mut sha256 = [0; 32];
    sha256[..4].copy_from_slice(&[0xde, 0xad, 0x0b, 0xef]);
    let marker = Marker {
        entries: 3,
        through: 4,
        sha256,
    };
    marker.mark(&mut entry);
    entry
}

fn golden_entries() -> Vec<Entry> {
    let mut entries = vec![plain(1), rich(), tool_result(), with_origin()];
    let records = [
        Kind::Aborted,
        Kind::Compaction,
        Kind::Commit,
        Kind::Tombstone,
    ];
    entries.extend(
        records
            .into_iter()
            .zip(1..)
            .map(|(kind, seq)| record(kind, seq)),
    );
    entries.push(marked());
    entries
}

fn line_of(entry: &Entry) -> Vec<u8> {
    let mut line = Vec::new();
    encode(entry, &mut line).unwrap();
    assert_eq!(line.pop(), Some(b'\n'));
    line
}

#[test]
fn written_lines_are_the_golden_ones_byte_for_byte() {
    let mut written = Vec::new();
    for entry in golden_entries() {
        encode(&entry, &mut written).unwrap();
    }
    assert_eq!(String::from_utf8(written).unwrap(), GOLDEN);
}

#[test]
fn golden_lines_read_back_as_what_was_written() {
    let read: Vec<_> = GOLDEN.lines().map(|line| decode(line.as_bytes())).collect();
    let written: Vec<_> = golden_entries().into_iter().map(Ok).collect();
    assert_eq!(read, written);
}

#[test]
fn lines_of_other_tools_are_accepted_and_their_fields_kept() {
    let read: Vec<_> = FOREIGN
        .lines()
        .map(|line| decode(line.as_bytes()).unwrap())
        .collect();
    let seed = Entry {
        id: String::new(),
        seq: 0,
        ..plain(1)
    };
    let fields = |value: Value| value.as_object().unwrap().clone();
    let expected = [
        seed.clone(),
        Entry {
            role: Role::Assistant,
            content: "Hi there!".to_owned(),
            id: "msg-001".to_owned(),
            extra: fields(json!({"mood": {"valence": 0.5}, "tags": ["a"]})),
            ..seed.clone()
        },
        Entry {
            role: Role::System,
            kind: Kind::Other,
            extra: fields(json!({"kind": "reaction", "target": "msg-001"})),
            ..seed.clone()
        },
        Entry {
            role: Role::System,
            kind: Kind::Other,
            extra: fields(json!({"role": "tool"})),
            ..seed.clone()
        },
        Entry {
            role: Role::Assistant,
            extra: fields(json!({"parts": [{"type": "video", "url": "x"}], "usage": "none"})),
            ..seed
        },
    ];
    assert_eq!(read, expected);
}

#[test]
fn lines_that_are_no_entries_say_why() {
    let sealed = String::from_utf8(line_of(&plain(1))).unwrap();
    let seed = r#"{"timestamp":1,"role":"user","content":"x","sessionId":"s""#;
    for (line, fault) in [
        (String::new(), Fault::NotJson),
        ("[]".to_owned(), Fault::NotJson),
        (seed.to_owned(), Fault::NotJson),
        (format!("{seed}}}{seed}}}"), Fault::NotJson),
        (seed.replace("user", "us\ner") + "}", Fault::NotJson),
        (
            seed.replace('1', "\"1\"") + "}",
            Fault::Key { key: "timestamp" },
        ),
        (
            seed.replace("\"role\"", "\"r\"") + "}",
            Fault::Key { key: "role" },
        ),
        (
            seed.replace("\"x\"", "[]") + "}",
            Fault::Key { key: "content" },
        ),
        (
            seed.replace("\"s\"", "\"../s\"") + "}",
            Fault::Key { key: "sessionId" },
        ),
        (format!("{seed},\"seq\":1}}"), Fault::Unpaired),
        (format!("{seed},\"crc\":\"00000000\"}}"), Fault::Checksum),
        (format!("{seed},\"crc\":0}}"), Fault::Unpaired),
        (format!("{seed},\"seq\":1,\"crc\":1}}"), Fault::Checksum),
        (sealed.replace("Hello", "Hullo"), Fault::Checksum),
        (sealed.replace("\"seq\":1,", "\"seq\": 1,"), Fault::Checksum),
    ] {
        assert_eq!(decode(line.as_bytes()), Err(fault), "{line}");
        assert_eq!(scan(line.as_bytes()), Err(fault), "{line}");
    }
}

#[test]
fn a_marker_is_read_where_one_is_whole_and_of_its_kind() {
    let entry = marked();
    let marker = Marker::of(&entry).unwrap();
    assert_eq!(marker.sum(), format!("dead0bef{}", "0".repeat(56)));
    let mut again = record(Kind::Commit, 5);
    marker.mark(&mut again);
    assert_eq!(again, entry);
    let kinds = [Kind::Message, Kind::Other];
    for kind in kinds {
        let other = Entry { kind, ..marked() };
        assert_eq!(Marker::of(&other), None);
    }
    for (key, value) in [
        ("entries", json!(-1)),
        ("through", json!("4")),
        ("sha256", json!("DEAD")),
        ("sha256", json!("X".repeat(64))),
        ("sha256", Value::Null),
    ] {
        let mut broken = marked();
        broken.extra["commit"][key] = value;
        assert_eq!(Marker::of(&broken), None, "{key}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    for entry in golden_entries() {
        let line = line_of(&entry);
        for bit in 0..line.len() * 8 {
            let mut flipped = line.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
            assert!(scan(&flipped).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn the_marker_of_a_line_occurs_at_its_start_only() {
    let line = line_of(&rich());
    let found: Vec<_> = memchr::memmem::find_iter(&line, b"{\"timestamp\"").collect();
    assert_eq!(found, [0]);
}

#[test]
fn values_too_deep_to_be_read_back_are_not_written() {
    let nested = |depth: usize| {
        let mut value = json!(1);
        for _ in 0..depth {
            value = json!([value]);
        }
        let mut entry = rich();
        entry.parts = vec![Part::ToolCall(ToolCall {
            id: "c".to_owned(),
            name: "t".to_owned(),
            arguments: value,
        })];
        entry
    };
    let deepest = nested(crate::limits::VALUE_DEPTH_MAX);
    assert_eq!(decode(&line_of(&deepest)), Ok(deepest));
    let mut out = b"before".to_vec();
    let deeper = nested(crate::limits::VALUE_DEPTH_MAX + 1);
    assert_eq!(encode(&deeper, &mut out), None);
    assert_eq!(out, b"before");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z\"\\\\\n\u{0}]{0,40}"]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        text().prop_map(Part::Text),
        text().prop_map(Part::Reasoning),
        (text(), text(), text(), any::<i64>()).prop_map(|(id, name, key, number)| {
            Part::ToolCall(ToolCall {
                id,
                name,
                arguments: json!({key: number, "timestamp": [number]}),
            })
        }),
        (text(), text(), text(), any::<bool>()).prop_map(|(call_id, name, content, is_error)| {
            Part::ToolResult(ToolResult {
                call_id,
                name,
                content,
                is_error,
            })
        }),
    ]
}

prop_compose! {
    fn entry()(
        content in text(),
        parts in prop::collection::vec(part(), 0..4),
        id in text(),
        run in prop::option::of("[a-z0-9][a-z0-9.:_-]{0,20}"),
        model in prop::option::of(text()),
        origin_id in prop::option::of(text()),
        counts in prop::option::of((any::<[u64; 3]>(), prop::option::of(any::<[u64; 2]>()))),
        seq in 1..u64::MAX,
        timestamp in any::<i64>(),
    ) -> Entry {
        let kind = if content.len() % 5 == 4 { Kind::Aborted } else { Kind::Message };
        let draft = Draft {
            role: Role::Assistant,
            content,
            session: SessionId::parse("sess-1").unwrap(),
            run: run.map(|run| RunId::parse(&run).unwrap()),
            kind,
            parts,
            origin: origin_id.map(|id| Origin { kind: OriginKind::System, id: Some(id), message_id: None }),
            model,
            usage: counts.map(|([input_tokens, output_tokens, cached_tokens], more)| {
                let [cache_write_tokens, reasoning_tokens] = more.unwrap_or_default();
                Usage { input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens }
            }),
        };
        Entry::from_draft(draft, id, Timestamp(timestamp), seq)
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_the_quick_look_agrees(entry in entry()) {
        let line = line_of(&entry);
        prop_assert_eq!(&decode(&line).unwrap(), &entry);
        prop_assert_eq!(&super::decode::general(&line, true).unwrap(), &entry);
        let facts = scan(&line).unwrap();
        prop_assert_eq!(facts.session.as_ref(), entry.session.as_str());
        prop_assert_eq!(
            (facts.timestamp, facts.role, facts.kind, facts.calls_tools, facts.seq),
            (entry.timestamp, entry.role, entry.kind, entry.calls_tools(), entry.seq)
        );
        prop_assert_eq!(facts.run.as_deref(), entry.run.as_ref().map(RunId::as_str));
        prop_assert!(!line.contains(&b'\n'));
    }

    #[test]
    fn a_good_checksum_on_any_body_reads_the_same_both_ways(
        at in 0_usize..9,
        from in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        insert in any::<bool>(),
    ) {
        let line = line_of(&golden_entries()[at]);
        let mut body = Sealed::split(&line).unwrap().body.to_vec();
        let from = from.index(body.len());
        if insert {
            body.insert(from, byte);
        } else {
            body[from] = byte;
        }
        let crc = crc32c::crc32c(&body);
        let forged = [body, format!(",\"crc\":\"{crc:08x}\"}}").into_bytes()].concat();
        let general = super::decode::general(&forged, true);
        if let Ok(quick) = decode(&forged) {
            prop_assert_eq!(general, Ok(quick));
        } else {
            prop_assert!(general.is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_both_readers_agree(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(decode(&bytes).err(), scan(&bytes).err());
    }
}

#[test]
fn the_fractions_in_a_tool_call_are_read_back_as_they_were_written() {
    let arguments: Value =
        serde_json::from_str("[123456789.123456789, 0.1, 1e300, 5e-324, 2.2250738585072014e-308]")
            .unwrap();
    let entry = Entry {
        parts: vec![Part::ToolCall(ToolCall {
            id: "call_1".to_owned(),
            name: "plot".to_owned(),
            arguments,
        })],
        ..plain(1)
    };
    let mut line = Vec::new();
    encode(&entry, &mut line).unwrap();
    assert_eq!(decode(line.trim_ascii_end()), Ok(entry));
}
