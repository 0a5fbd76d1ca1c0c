//! What holds of any frames that a model server sends, one to a line.
//!
//! The first byte says what they are: behind a `w` each is a whole answer, behind anything else a piece of a stream.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a check that cannot go on stops where it stands"
)]

use openclaw_models::{
    Chunk,
    limits::TOOL_CALLS_MAX,
    openai::{decode::Assembler, frame::Frame},
};
use openclaw_types::StopReason;
use serde_json::Value;

pub(crate) fn holds(bytes: &[u8]) {
    let Some((&how, stream)) = bytes.split_first() else {
        return;
    };
    let whole = how == b'w';
    let mut assembler = Assembler::default();
    let mut said = Vec::new();
    let mut expected = Some(String::new());
    for line in stream.split(|&byte| byte == b'\n') {
        let Ok(frame) = serde_json::from_slice::<Frame<'_>>(line) else {
            return;
        };
        let say = &mut |chunk| said.push(chunk);
        let taken = match whole {
            true => assembler.take_whole(frame, say),
            false => assembler.take(frame, say),
        };
        if let Err(fault) = taken {
            assert!(!fault.to_string().is_empty());
            return;
        }
        let word = if whole { "message" } else { "delta" };
        expected = expected
            .zip(text(line, word))
            .map(|(all, more)| all + &more);
    }
    assert!(said.iter().all(|chunk| match chunk {
        Chunk::Text(text) | Chunk::Reasoning(text) => !text.is_empty(),
        _ => false,
    }));
    let texts = said.iter().filter_map(|chunk| match chunk {
        Chunk::Text(text) => Some(text.as_str()),
        _ => None,
    });
    if let Some(expected) = expected {
        assert_eq!(
            texts.collect::<String>(),
            expected,
            "nothing said is lost or made up"
        );
    }
    let stopped = assembler.is_stopped();
    let mut last = Vec::new();
    let finished = assembler.finish(|| "fresh".to_owned(), &mut |chunk| last.push(chunk));
    assert_eq!(finished.is_some(), stopped);
    if stopped {
        ended(&last);
    } else {
        assert_eq!(last, [], "an answer without an end has none");
    }
}

/// What a frame says to somebody who reads it as any JSON; `None` where that reader can't tell.
fn text(frame: &[u8], word: &str) -> Option<String> {
    let frame: Value = serde_json::from_slice(frame).ok()?;
    // What is read into a struct may be an array too, which is read by position.
    let choices = frame.as_object()?.get("choices");
    let mut said = String::new();
    for choice in choices.and_then(Value::as_array).into_iter().flatten() {
        if !choice.is_object() || !matches!(choice["index"].as_u64(), None | Some(0)) {
            return None;
        }
        match &choice[word] {
            Value::Object(delta) => match delta.get("content") {
                Some(Value::String(text)) => said.push_str(text),
                Some(Value::Null) | None => {}
                Some(_) => return None,
            },
            Value::Null => {}
            _ => return None,
        }
    }
    Some(said)
}

/// The calls, then at most one account of tokens, then the reason to stop.
fn ended(last: &[Chunk]) {
    let (stop, rest) = last.split_last().expect("the stop is said");
    let calls = match rest.split_last() {
        Some((Chunk::Usage(_), calls)) => calls,
        _ => rest,
    };
    assert!(calls.len() <= TOOL_CALLS_MAX);
    for call in calls {
        let Chunk::ToolCall(call) = call else {
            panic!("{call:?} among the calls");
        };
        assert!(!call.id.is_empty());
    }
    let Chunk::Stop(reason) = stop else {
        panic!("{stop:?} at the end");
    };
    assert!(
        calls.is_empty() || *reason != StopReason::Stop,
        "a call is no stop"
    );
}
