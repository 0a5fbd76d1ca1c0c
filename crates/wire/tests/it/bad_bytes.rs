//! Bytes that are no frame: each has its own error, and none brings the decoder down.

use openclaw_wire::{
    DecodeError, Frame, a2a_v1,
    frame::{EncodedEvent, Raw},
    limits::DEPTH_MAX,
};
use proptest::prelude::*;

fn nested(depth: usize) -> String {
    format!(
        r#"{{"type":"req","id":"1","method":"m","params":{}{}}}"#,
        "[".repeat(depth - 1),
        "]".repeat(depth - 1)
    )
}

const ID: &str = "frame field `id` must be a text of 1 to 256 bytes";

const BAD: &[(&[u8], &str)] = &[
    (b"", "frame is not JSON at line 1 column 0"),
    (b"hello", "frame is not JSON at line 1 column 1"),
    (b"{", "frame is not JSON at line 1 column 1"),
    (
        b"{\"type\":\"req\"",
        "frame is not JSON at line 1 column 13",
    ),
    (b"{\"a\":01}", "frame is not JSON at line 1 column 7"),
    (b"{'type':1}", "frame is not JSON at line 1 column 2"),
    (b"\xef\xbb\xbf{}", "frame is not JSON at line 1 column 1"),
    (b"{\"type\":\"\xff\"}", "frame is not UTF-8 after byte 9"),
    (b"\x82\x01\x02", "frame is not UTF-8 after byte 0"),
    (b"[1,2]", "frame is not a JSON object"),
    (b"\"text\"", "frame is not a JSON object"),
    (b"null", "frame is not a JSON object"),
    (b"{}{}", "frame has bytes after its end, at byte 2"),
    (b"{} x", "frame has bytes after its end, at byte 3"),
    (b"{\"a\":1,\"a\":2}", "frame repeats the key `a`"),
    (
        b"{\"x\":{\"a\":1,\"\\u0061\":2}}",
        "frame repeats the key `a`",
    ),
    (b"{}", "frame field `type` must be `req`, `res` or `event`"),
    (b"{\"type\":\"req\"}", ID),
    (b"{\"type\":\"req\",\"id\":7}", ID),
    (b"{\"type\":\"req\",\"id\":\"\"}", ID),
    (
        b"{\"type\":\"req\",\"id\":\"1\"}",
        "frame field `method` must be a text of 1 to 128 bytes",
    ),
    (
        b"{\"type\":\"res\",\"id\":\"1\"}",
        "frame field `ok` must be true or false",
    ),
    (
        b"{\"type\":\"res\",\"id\":\"1\",\"ok\":false}",
        "frame field `error` must be an object with `code` and `message`",
    ),
    (
        b"{\"type\":\"res\",\"id\":\"1\",\"ok\":false,\"error\":[\"UNAVAILABLE\",\"m\"]}",
        "frame field `error` must be an object with `code` and `message`",
    ),
    (
        b"{\"type\":\"event\",\"event\":\"x\",\"stateVersion\":[1,2]}",
        "frame field `stateVersion` must be an object with two counters",
    ),
    (
        b"{\"type\":\"event\",\"event\":\"x\",\"seq\":-1}",
        "frame field `seq` must be a whole number",
    ),
    (
        b"{\"type\":\"event\",\"event\":\"x\",\"stateVersion\":[]}",
        "frame field `stateVersion` must be an object with two counters",
    ),
];

#[test]
fn every_kind_of_bad_frame_has_its_own_error() {
    for (bytes, want) in BAD {
        let error = Frame::decode(bytes).unwrap_err();
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(error.to_string(), *want, "{shown}");
    }
}

#[test]
fn ids_and_depth_have_exact_limits() {
    let with_id = |n: usize| {
        let id = "x".repeat(n);
        format!(r#"{{"type":"req","id":"{id}","method":"m"}}"#)
    };
    let refusal = |text: String| Frame::decode(text.as_bytes()).unwrap_err().to_string();
    assert!(Frame::decode(with_id(256).as_bytes()).is_ok());
    assert_eq!(refusal(with_id(257)), ID);
    assert!(Frame::decode(nested(DEPTH_MAX).as_bytes()).is_ok());
    assert_eq!(
        refusal(nested(DEPTH_MAX + 1)),
        "frame nests deeper than 64 levels, at byte 108"
    );
}

#[test]
fn a_request_that_is_wrong_still_tells_its_id() {
    for text in [
        r#"{"type":"req","id":"r1","method":5}"#,
        r#"{"type":"req","id":"r1"}"#,
        r#"{"type":"res","id":"r1"}"#,
    ] {
        let error = Frame::decode(text.as_bytes()).unwrap_err();
        let DecodeError::Field { id, .. } = error else {
            panic!("{text}: {error}");
        };
        assert_eq!(id.as_deref(), Some("r1"), "{text}");
    }
}

fn decode_everything(bytes: &[u8]) {
    if let Ok(raw) = Raw::parse(bytes) {
        // Whatever passed the checks is JSON for the other parser too.
        assert!(serde_json::from_str::<serde::de::IgnoredAny>(raw.text()).is_ok());
        let _dialect = raw.dialect();
        let _frame = raw.frame().map(|frame| format!("{frame:?}"));
        let _incoming = a2a_v1::decode_raw(&raw);
    }
    if let Err(rejected) = a2a_v1::decode(bytes) {
        assert!(rejected.error.code().number() >= 2001);
        assert!(!rejected.to_string().is_empty());
    }
}

const SEEDS: [&str; 8] = [
    r#"{"type":"message","agent":"steward","content":{"role":"user","content":"Hello, steward!"}}"#,
    r#"{"type":"req","id":"1","method":"agent","params":{"message":"hi","idempotencyKey":"k","agentId":"main"}}"#,
    r#"{"type":"res","id":"1","ok":false,"error":{"code":"UNAVAILABLE","message":"m","retryable":true}}"#,
    r#"{"type":"event","event":"tick","payload":{"ts":1},"seq":4,"stateVersion":{"presence":1,"health":2}}"#,
    r#"{"type":"vote","from":"alpha","content":{"proposalId":"p","vote":"approve","confidence":0.7}}"#,
    r#"{"type":"proposal","content":{"proposal":"x","deadline":5000},"metadata":{"correlationId":"c","priority":"high","ttl":4}}"#,
    r#"{"type":"handshake","content":{"action":"advertise","capabilities":{"supportedAgents":["a"],"version":"1.0.0"}}}"#,
    r#"{"type":"subscribe","content":{"channel":"agent:status","agents":["steward"]},"timestamp":"2024-03-31T00:00:00Z"}"#,
];

/// At least two thousand cases; more with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(2_000),
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decoding_never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        decode_everything(&bytes);
    }

    #[test]
    fn decoding_never_panics_on_mutated_frames(
        seed in 0..SEEDS.len(),
        edits in proptest::collection::vec((any::<u16>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = usize::from(at) % bytes.len().max(1);
            match kind {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 => bytes.insert(at.min(bytes.len()), byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        decode_everything(&bytes);
    }

    #[test]
    fn decoding_never_panics_on_json_of_any_shape(
        key in "(type|content|agent|metadata|event|id|timestamp|sessionId|[a-z]{0,3})",
        word in "(message|status|vote|proposal|subscribe|handshake|error|event|disconnect|broadcast)",
        odd in prop_oneof![
            Just("null".to_owned()), Just("[]".to_owned()), Just("{}".to_owned()), Just("-0.0".to_owned()),
            Just("1e308".to_owned()), Just("99999999999999999999".to_owned()), Just("\"\"".to_owned()),
            Just("\"\\ud800\"".to_owned()), Just("[[{\"a\":[]}]]".to_owned()), "\"[ -!#-\\[\\]-~]{0,12}\"",
        ],
    ) {
        decode_everything(format!(r#"{{"type":"{word}","x":1,"{key}":{odd}}}"#).as_bytes());
        decode_everything(format!(r#"{{"type":"{word}","content":{{"{key}":{odd}}}}}"#).as_bytes());
        decode_everything(format!(r#"{{"type":"{word}","content":{odd},"agent":{odd},"metadata":{{"{key}":{odd}}}}}"#).as_bytes());
    }

    #[test]
    fn what_is_encoded_is_decoded(event in "[a-z.]{1,20}", text in any::<String>(), seq in any::<u64>()) {
        let frame = EncodedEvent::new(&event, &text, None).unwrap().frame(Some(seq));
        let Frame::Event(read) = Frame::decode(frame.as_bytes()).unwrap() else {
            panic!("{frame}");
        };
        prop_assert_eq!(&*read.event, event.as_str());
        prop_assert_eq!(read.seq, Some(seq));
        prop_assert_eq!(serde_json::from_str::<String>(read.payload.unwrap().get()).unwrap(), text);
    }
}
