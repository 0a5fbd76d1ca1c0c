//! The manual says what the code does.

use openclaw_wire::{
    Dialect, Frame,
    a2a_v1::{self, ErrorCode as A2aCode, body::Channel},
    connect::{close, refusal},
    error::ErrorCode,
    event::EVENTS,
    limits,
    method::METHODS,
    scope::Scope,
    sniff,
};

const MANUAL: &str = include_str!("../../../../docs/protocol.md");

fn says(line: &str) {
    assert!(
        MANUAL.contains(line),
        "docs/protocol.md does not say: {line}"
    );
}

#[test]
fn every_code_method_and_event_is_in_the_manual() {
    for code in A2aCode::ALL {
        says(&format!("| {} | `{}` |", code.number(), code.name()));
    }
    for (_, word) in ErrorCode::all() {
        says(&format!("| `{word}` |"));
    }
    for row in METHODS {
        let scope = match row.scope {
            Scope::Anyone => "none".to_owned(),
            scope => format!("`{scope}`"),
        };
        says(&format!("| `{}` | {scope} |", row.name));
    }
    for row in &EVENTS {
        says(&format!("| `{}` | ", row.name));
    }
    for scope in Scope::ALL {
        says(&format!("`{scope}`"));
    }
    for channel in Channel::ALL {
        says(&format!("`{}`", channel.as_str()));
    }
    for word in [
        refusal::TOKEN_MISSING,
        refusal::TOKEN_MISMATCH,
        refusal::RATE_LIMITED,
        refusal::ORIGIN_NOT_ALLOWED,
        refusal::PAIRING_REQUIRED,
    ] {
        says(&format!("| `{word}` |"));
    }
    for code in [
        close::NORMAL,
        close::PROTOCOL_MISMATCH,
        close::UNSUPPORTED,
        close::POLICY,
        close::TOO_LARGE,
        close::RESTART,
        close::TRY_LATER,
    ] {
        says(&format!("\n| {code} |"));
    }
}

#[test]
fn every_limit_is_in_the_manual() {
    for line in [
        format!(
            "first message | {} bytes |",
            limits::PREAUTH_FRAME_BYTES_MAX
        ),
        format!("size after it | {} bytes |", limits::FRAME_BYTES_MAX),
        format!("| nesting | {} levels |", limits::DEPTH_MAX),
        format!("| values in one frame | {} |", limits::VALUES_MAX),
        format!("sender | {} bytes |", limits::REQUEST_ID_BYTES_MAX),
        format!("event names | {} bytes |", limits::NAME_BYTES_MAX),
        format!("`connect` | {} ms |", limits::HANDSHAKE_MS),
        format!("does not read | {} |", limits::BUFFERED_BYTES_MAX),
        format!("silent for {} ms", limits::CHALLENGE_SILENCE_MS),
        format!("every {} ms", limits::TICK_INTERVAL_MS),
    ] {
        says(&line);
    }
}

#[test]
fn every_example_in_the_manual_is_a_frame() {
    let mut examples = 0;
    for block in MANUAL.split("```json\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            match sniff(line.as_bytes()).unwrap() {
                Dialect::Native => {
                    Frame::decode(line.as_bytes()).unwrap();
                }
                Dialect::A2a => {
                    a2a_v1::decode(line.as_bytes()).unwrap();
                }
                Dialect::Unknown => panic!("{line}"),
            }
            examples += 1;
        }
    }
    assert!(examples >= 20, "{examples}");
}
