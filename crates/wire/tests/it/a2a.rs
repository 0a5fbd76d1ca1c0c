//! Every frame of the a2a-v1 dialect: what is read from it, and what the gateway writes.

use std::collections::BTreeMap;

use openclaw_types::{AgentId, Priority, SessionId, Timestamp};
use openclaw_wire::{
    Dialect,
    a2a_v1::{
        Body, ErrorCode, Header, ReplyTo,
        body::{Channel, DisconnectReason, Handshake},
        decode,
        reply::{
            self, AgentCard, AgentState, Answer, Decision, GatewayStatus, Stamp, StatusChange,
            Writing,
        },
    },
    sniff,
};
use serde_json::{Value, json};

/// What the decoder makes of a frame: the body, or the error's code, name and words.
fn read(text: &str) -> String {
    match decode(text.as_bytes()) {
        Ok(incoming) => format!("{:?}", incoming.body),
        Err(rejected) => {
            let code = rejected.error.code();
            format!("{} {}: {rejected}", code.number(), code.name())
        }
    }
}

#[test]
fn every_message_type_is_read() {
    let frames = include_str!("../data/a2a-good.jsonl");
    let read: Vec<String> = frames
        .lines()
        .map(|line| format!("{line}\n    {}", read(line)))
        .collect();
    insta::assert_snapshot!(read.join("\n"));
}

#[test]
fn every_mistake_has_its_code() {
    let frames = include_str!("../data/a2a-bad.jsonl");
    let read: Vec<String> = frames
        .lines()
        .map(|line| format!("{line}\n    {}", read(line)))
        .collect();
    insta::assert_snapshot!(read.join("\n"));
}

#[test]
fn the_seeds_own_snippet_is_a_message_to_steward() {
    let text = r#"{"type":"message","agent":"steward","content":{"role":"user","content":"Hello, steward!"}}"#;
    let incoming = decode(text.as_bytes()).unwrap();
    assert!(incoming.header.requires_response);
    assert_eq!(incoming.header.reply_to(), ReplyTo::default());
    assert_eq!(
        incoming.body,
        Body::Message {
            agent: Some(AgentId::parse("steward").unwrap()),
            role: openclaw_types::Role::User,
            text: "Hello, steward!".to_owned(),
        }
    );
}

#[test]
fn a_header_is_read_whole() {
    let text = r#"{"type":"status","id":"m1","from":"dashboard","to":"alpha","sessionId":"sess-123",
        "timestamp":"2024-03-31T00:00:00.000Z","correlationId":"outer","metadata":{"priority":"critical",
        "requiresResponse":false,"threadId":"t","parentId":"p","ttl":60,"correlationId":"inner","later":1}}"#;
    let want = Header {
        id: Some("m1".to_owned()),
        from: Some("dashboard".to_owned()),
        agent: Some(AgentId::parse("alpha").unwrap()),
        session: Some(SessionId::parse("sess-123").unwrap()),
        timestamp: Some(Timestamp(1_711_843_200_000)),
        correlation: Some("inner".to_owned()),
        priority: Priority::Critical,
        requires_response: false,
        thread: Some("t".to_owned()),
        parent: Some("p".to_owned()),
        ttl_seconds: Some(60),
    };
    assert_eq!(decode(text.as_bytes()).unwrap().header, want);
}

#[test]
fn the_correlation_is_found_in_both_places_even_of_a_frame_that_is_refused() {
    for (text, want) in [
        (
            r#"{"type":"nonsense","id":"m1","correlationId":"c1"}"#,
            "c1",
        ),
        (
            r#"{"type":"message","id":"m1","metadata":{"correlationId":"c2"}}"#,
            "c2",
        ),
        (
            r#"{"type":"message","id":"m1","correlationId":"c1","metadata":{"correlationId":"c2"}}"#,
            "c2",
        ),
        (r#"{"type":"message","id":"m1","correlationId":17}"#, "17"),
        (
            r#"{"type":5,"id":"m1","correlationId":"c1","metadata":"odd"}"#,
            "c1",
        ),
    ] {
        let rejected = decode(text.as_bytes()).unwrap_err();
        let want = ReplyTo {
            id: Some("m1".to_owned()),
            correlation: Some(want.to_owned()),
            from: None,
        };
        assert_eq!(rejected.reply_to, want, "{text}");
    }
}

#[test]
fn nothing_long_is_repeated_in_an_answer() {
    let long = "x".repeat(100_000);
    for text in [
        format!(r#"{{"type":"{long}"}}"#),
        format!(r#"{{"type":"status","id":"{long}"}}"#),
        format!(r#"{{"type":"status","from":"{long}"}}"#),
        format!(r#"{{"type":"status","correlationId":"{long}"}}"#),
        format!(r#"{{"type":"nonsense","metadata":{{"correlationId":"{long}"}}}}"#),
        format!(r#"{{"type":"message","agent":"{long}","content":"x"}}"#),
        format!(r#"{{"{long}":1,"{long}":2}}"#),
    ] {
        let rejected = decode(text.as_bytes()).unwrap_err();
        let frame = reply::rejected(&stamp(), &rejected);
        assert!(frame.len() < 1_000, "{} bytes", frame.len());
    }
}

#[test]
fn a_token_is_never_printed() {
    let frame = r#"{"type":"auth","content":{"token":"s3cret"}}"#;
    let incoming = decode(frame.as_bytes()).unwrap();
    assert!(!format!("{incoming:?}").contains("s3cret"));
}

fn stamp() -> Stamp {
    Stamp {
        id: "m-2".to_owned(),
        timestamp: Timestamp(1_711_843_201_000),
        client: "client-1".to_owned(),
    }
}

fn question() -> ReplyTo {
    ReplyTo {
        id: Some("m-1".to_owned()),
        correlation: Some("corr-1".to_owned()),
        from: Some("dashboard".to_owned()),
    }
}

fn card(name: &str, status: AgentState) -> AgentCard {
    AgentCard {
        name: name.to_owned(),
        role: "orchestrator".to_owned(),
        status,
        workspace: format!("~/.openclaw/agents/{name}"),
    }
}

fn gateway_status() -> GatewayStatus {
    GatewayStatus {
        status: "online".to_owned(),
        version: "0.1.0".to_owned(),
        uptime_ms: 1_000,
        agents: vec![card("steward", AgentState::Idle)],
        model: Some("local/smollm2".to_owned()),
    }
}

fn decision() -> Decision {
    let vote = |agent: &str, vote: &str| (agent.to_owned(), vote.to_owned());
    Decision {
        proposal_id: "corr-1".to_owned(),
        result: "approved".to_owned(),
        votes: BTreeMap::from([
            vote("alpha", "approve"),
            vote("beta", "approve"),
            vote("charlie", "reject"),
        ]),
        consensus: true,
        quorum: "3/3".to_owned(),
        reasoning: BTreeMap::new(),
    }
}

fn answers(stamp: &Stamp, to: &ReplyTo) -> Vec<String> {
    let steward = AgentId::parse("steward").unwrap();
    let session = SessionId::parse("sess-123").unwrap();
    let answer = Answer {
        agent: &steward,
        session: &session,
        text: "Hi \"there\"!",
        run: Some("run-1"),
        model: Some("local/smollm2"),
    };
    let cards = [
        card("steward", AgentState::Idle),
        card("alpha", AgentState::Busy),
    ];
    let results = BTreeMap::from([
        ("alpha".to_owned(), Ok(())),
        ("beta".to_owned(), Err(ErrorCode::AgentBusy)),
    ]);
    vec![
        reply::message(stamp, to, answer),
        reply::error(
            stamp,
            to,
            ErrorCode::AgentNotFound,
            "agent not found: nobody",
        ),
        reply::error_with_hint(
            stamp,
            to,
            ErrorCode::AgentError,
            ("no model", Some("openclaw models list")),
        ),
        reply::handshake(stamp, to, &["main", "steward"]),
        reply::discovery(stamp, to, &cards),
        reply::workspace(stamp, to, &cards),
        reply::gateway_status(stamp, to, &gateway_status()),
        reply::agent_status(
            stamp,
            to,
            &card("steward", AgentState::Error),
            &json!({"sessions": 2}),
        ),
        reply::subscribed(stamp, to, Channel::AgentStatus),
        reply::unsubscribed(stamp, to, Channel::AgentMessage),
        reply::pong(stamp, to, None),
        reply::pong(stamp, to, Some(&json!({"uptime": 5}))),
        reply::authenticated(stamp, to),
        reply::decision(stamp, to, &decision()),
        reply::vote_counted(stamp, to, "corr-1"),
        reply::response(stamp, to, "agents.list", &json!([1])),
        reply::broadcast_result(stamp, to, &results),
        reply::registered(stamp, to, &steward, &["steward"]),
        reply::discover(stamp, to, &["steward"], &["steward", "alpha"]),
        reply::health(stamp, to, &gateway_status()),
    ]
}

fn pushes(stamp: &Stamp) -> Vec<String> {
    let change = StatusChange {
        agent: "steward",
        status: AgentState::Busy,
        previous: AgentState::Idle,
        timestamp: 1_711_843_201_000,
    };
    let writing = Writing {
        agent: "steward",
        session_id: "sess-123",
        run_id: "run-1",
        state: "delta",
        text: "Hi",
    };
    vec![
        reply::disconnect(stamp, DisconnectReason::Shutdown, "the gateway stops"),
        reply::status_event(stamp, change),
        reply::message_event(stamp, writing),
    ]
}

#[test]
fn every_frame_the_gateway_writes() {
    let mut frames = answers(&stamp(), &question());
    frames.extend(pushes(&stamp()));
    frames.push(reply::pong(&stamp(), &ReplyTo::default(), None));
    insta::assert_snapshot!(frames.join("\n"));
}

#[test]
fn every_answer_repeats_the_correlation_and_the_parent_and_is_of_this_dialect() {
    for frame in answers(&stamp(), &question()) {
        let value: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(value["correlationId"], "corr-1", "{frame}");
        assert_eq!(value["metadata"]["correlationId"], "corr-1", "{frame}");
        assert_eq!(value["metadata"]["parentId"], "m-1", "{frame}");
        assert_eq!(value["timestamp"], 1_711_843_201_000_i64, "{frame}");
        assert_eq!(sniff(frame.as_bytes()).unwrap(), Dialect::A2a, "{frame}");
    }
    for frame in pushes(&stamp()) {
        assert_eq!(sniff(frame.as_bytes()).unwrap(), Dialect::A2a, "{frame}");
    }
}

#[test]
fn error_frames_say_it_thrice_for_every_code() {
    let mut last = 0;
    for code in ErrorCode::ALL {
        let frame = reply::error(&stamp(), &question(), *code, "why");
        let value: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(value["type"], "error");
        assert_eq!(value["from"], "gateway");
        assert_eq!(value["error"], code.name());
        assert_eq!(
            value["content"],
            json!({"error": code.name(), "message": "why", "code": code.number()})
        );
        assert!(code.number() > last, "numbers are in order and unique");
        last = code.number();
    }
    let numbers: Vec<u16> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(
        numbers,
        [
            1001, 1002, 1003, 1004, 2001, 2002, 2003, 2004, 2005, 3001, 3002, 3003, 3004, 4001,
            4002, 4003, 4004, 5001, 5002, 5003, 5004
        ]
    );
}

#[test]
fn a_frame_that_cannot_be_read_is_answered_with_its_rule() {
    let text = r#"{"type":"message","id":"m-1","agent":"../etc","content":"x"}"#;
    let rejected = decode(text.as_bytes()).unwrap_err();
    let frame: Value = serde_json::from_str(&reply::rejected(&stamp(), &rejected)).unwrap();
    assert_eq!(
        frame["content"],
        json!({
            "error": "AGENT_NOT_FOUND",
            "message": "agent not found: ../etc",
            "code": 3001,
            "hint": "agent id holds '.'; allowed: a-z, 0-9, `-` and `_`, starting with a letter or digit"
        })
    );
}

#[test]
fn what_we_write_we_read() {
    let frame = reply::handshake(&stamp(), &question(), &["main"]);
    assert_eq!(
        decode(frame.as_bytes()).unwrap().body,
        Body::Handshake(Handshake::Acknowledge)
    );
    for frame in answers(&stamp(), &question()) {
        let kind = serde_json::from_str::<Value>(&frame).unwrap()["type"].clone();
        let is_answer_only = matches!(kind.as_str(), Some("broadcast-result" | "registered"));
        // Answers that list, subscribe, count votes or name a channel have the type of their question.
        if let Err(rejected) = decode(frame.as_bytes()) {
            let known = [2002, 2004].contains(&rejected.error.code().number());
            assert!(
                known && (is_answer_only || kind == "vote"),
                "{frame}: {rejected}"
            );
        }
    }
}
