//! How long reading and writing a frame takes, in nanoseconds.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench reads the clock and prints"
)]

use std::{hint::black_box, time::Instant};

use openclaw_types::Timestamp;
use openclaw_wire::{
    Frame, a2a_v1,
    a2a_v1::reply::{Answer, Stamp},
    event::{self, AgentEvent, Assistant, ChatEvent, ChatState, Stream},
    frame::EncodedEvent,
    method,
    methods::agent::Agent,
};

const ROUNDS: u32 = 200_000;

fn measure(name: &str, bytes: usize, mut work: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS));
    }
    println!("{name}: {best:.0} ns ({bytes} bytes)");
}

fn main() {
    reading();
    writing();
}

fn reading() {
    let key = "3f2c8a10-4a5e-4f0e-9d6e-0d7e2f3b1a55";
    let request = format!(
        r#"{{"type":"req","id":"{key}","method":"agent","params":{{"message":"Please look at the build and tell me","agentId":"steward","idempotencyKey":"{key}"}}}}"#
    );
    measure("read a request frame", request.len(), || {
        black_box(Frame::decode(black_box(request.as_bytes())).is_ok());
    });
    measure(
        "read a request frame and its parameters",
        request.len(),
        || {
            if let Ok(Frame::Request(request)) = Frame::decode(black_box(request.as_bytes())) {
                black_box(method::params::<Agent>(request.params).is_ok());
            }
        },
    );
    let message = r#"{"type":"message","id":"msg-1711843200000-x7k2","agent":"steward","content":{"role":"user","content":"Hello, steward!"},"timestamp":1711843200000,"metadata":{"correlationId":"corr-1711843200000","requiresResponse":true}}"#;
    measure("read an a2a-v1 message", message.len(), || {
        black_box(a2a_v1::decode(black_box(message.as_bytes())).is_ok());
    });
}

fn writing() {
    let key = "agent:steward:main";
    let delta = AgentEvent {
        run_id: "3f2c8a10-4a5e-4f0e-9d6e-0d7e2f3b1a55".into(),
        stream: Stream::Assistant(Assistant {
            text: None,
            delta: "some words of the answer".into(),
        }),
        session_key: Some(key.into()),
        agent_id: Some("steward".into()),
        seq: 12,
        ts: 1_711_843_200_000,
    };
    let chat = ChatEvent {
        run_id: "3f2c8a10-4a5e-4f0e-9d6e-0d7e2f3b1a55".into(),
        session_key: key.into(),
        agent_id: Some("steward".into()),
        seq: 12,
        state: ChatState::Delta {
            delta_text: "some words of the answer".into(),
            message: None,
        },
    };
    let encode = |delta: &AgentEvent<'_>| EncodedEvent::new(event::AGENT, delta, None);
    let Ok(encoded) = encode(&delta) else {
        return;
    };
    let bytes = encoded.frame(Some(7)).len();
    measure("write an agent delta", bytes, || {
        black_box(encode(black_box(&delta)).is_ok());
    });
    measure("write a chat delta", bytes, || {
        black_box(EncodedEvent::new(event::CHAT, black_box(&chat), None).is_ok());
    });
    measure("number an event for one connection", bytes, || {
        black_box(encoded.frame(black_box(Some(7))));
    });
    let (Ok(agent), Ok(session)) = ("steward".parse(), "main".parse()) else {
        return;
    };
    let stamp = Stamp {
        id: "0190f4a6c1b27d3e8f00112233445566".to_owned(),
        timestamp: Timestamp(1_711_843_200_000),
        client: "client-1".to_owned(),
    };
    let answer = Answer {
        agent: &agent,
        session: &session,
        text: "Hello! I am steward, and this is a short answer.",
        run: Some("run-1"),
        model: None,
    };
    let to = a2a_v1::ReplyTo::default();
    let bytes = a2a_v1::reply::message(&stamp, &to, answer).len();
    measure("write an a2a-v1 answer", bytes, || {
        black_box(a2a_v1::reply::message(&stamp, &to, black_box(answer)));
    });
}
