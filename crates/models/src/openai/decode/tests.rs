use serde_json::json;

use super::*;

/// What frames add up to; ids that a server left out are `fresh`.
fn assemble(frames: &[Value]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut assembler = Assembler::default();
    for frame in frames {
        let text = frame.to_string();
        let frame: Frame<'_> = serde_json::from_str(&text).unwrap();
        assembler
            .take(frame, &mut |chunk| chunks.push(chunk))
            .unwrap();
    }
    let finished = assembler.finish(|| "fresh".to_owned(), &mut |chunk| chunks.push(chunk));
    assert!(finished.is_some());
    chunks
}

fn delta(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn stop(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn call(id: &str, name: &str, arguments: Value) -> Chunk {
    Chunk::ToolCall(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
    })
}

#[test]
fn text_and_reasoning_come_out_as_they_came_in() {
    let text = |text: &str| Chunk::Text(text.to_owned());
    let thought = |text: &str| Chunk::Reasoning(text.to_owned());
    let chunks = assemble(&[
        delta(&json!({"role": "assistant", "content": ""})),
        delta(&json!({"reasoning_content": "a", "content": null})),
        delta(&json!({"reasoning": "b"})),
        delta(&json!({"reasoning_content": "c", "reasoning": "c"})),
        delta(&json!({"reasoning_content": "", "content": "d\n\"é\""})),
        delta(
            &json!({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "e"}, {"type": "text", "text": "f"}]}),
        ),
        json!({"choices": [{"index": 1, "delta": {"content": "another choice"}}]}),
        json!({"choices": [], "unknown": {"deep": [1, 2]}}),
        json!({"choices": null}),
        // Some servers end with everything once more.
        json!({"choices": [{"finish_reason": "stop", "index": 0, "message": {"content": "d\n\"é\"ef"}}]}),
    ]);
    assert_eq!(
        chunks,
        [
            thought("a"),
            thought("b"),
            thought("c"),
            text("d\n\"é\""),
            text("ef"),
            Chunk::Stop(StopReason::Stop)
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn tool_calls_are_assembled_however_servers_cut_them() {
    let tool = |value: Value| delta(&json!({ "tool_calls": [value] }));
    let two = vec![
        call("a", "add", json!({"x": 1})),
        call("b", "sub", json!({})),
    ];
    let cases: Vec<(&str, Vec<Value>, Vec<Chunk>)> = vec![
        (
            "by the protocol",
            vec![
                tool(
                    json!({"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}}),
                ),
                tool(json!({"index": 0, "function": {"arguments": "{\"x\""}})),
                tool(json!({"index": 0, "function": {"arguments": ":1}"}})),
                tool(json!({"index": 1, "id": "b", "function": {"name": "sub", "arguments": ""}})),
            ],
            two.clone(),
        ),
        (
            "interleaved",
            vec![
                tool(
                    json!({"index": 0, "id": "a", "function": {"name": "add", "arguments": "{\"x\""}}),
                ),
                tool(json!({"index": 1, "id": "b", "function": {"name": "sub", "arguments": "{"}})),
                tool(json!({"index": 0, "function": {"arguments": ":1}"}})),
                tool(json!({"index": 1, "function": {"arguments": "}"}})),
            ],
            two.clone(),
        ),
        (
            "whole, in one frame, with objects for arguments",
            vec![delta(&json!({"tool_calls": [
                {"index": 0, "id": "a", "function": {"name": "add", "arguments": {"x": 1}}},
                {"index": 1, "id": "b", "function": {"name": "sub", "arguments": {}}}]}))],
            two.clone(),
        ),
        (
            "without indexes",
            vec![
                tool(json!({"id": "a", "function": {"name": "add", "arguments": "{\"x\""}})),
                tool(json!({"function": {"arguments": ":1}"}})),
                tool(json!({"id": "b", "function": {"name": "sub"}})),
            ],
            two.clone(),
        ),
        (
            "with one index for all",
            vec![
                tool(
                    json!({"index": 0, "id": "a", "function": {"name": "add", "arguments": "{\"x\":1}"}}),
                ),
                tool(
                    json!({"index": 0, "id": "b", "function": {"name": "sub", "arguments": "{}"}}),
                ),
            ],
            two,
        ),
        (
            "with id and name repeated",
            vec![
                tool(
                    json!({"index": 0, "id": "a", "function": {"name": "add", "arguments": "{\"x\":"}}),
                ),
                tool(
                    json!({"index": 0, "id": "a", "function": {"name": "add", "arguments": "1}"}}),
                ),
            ],
            vec![call("a", "add", json!({"x": 1}))],
        ),
        (
            "without an id, and not JSON",
            vec![tool(
                json!({"index": 0, "function": {"name": "add", "arguments": "{x: 1"}}),
            )],
            vec![call("call_fresh", "add", json!("{x: 1"))],
        ),
    ];
    for (name, mut frames, mut expected) in cases {
        for reason in ["tool_calls", "stop"] {
            frames.push(stop(reason));
            expected.push(Chunk::Stop(StopReason::ToolCalls));
            assert_eq!(assemble(&frames), expected, "{name}, {reason}");
            frames.pop();
            expected.pop();
        }
    }
}

#[test]
fn usage_is_the_last_that_was_reported() {
    let usage = |input_tokens, output_tokens, cached_tokens| {
        Chunk::Usage(Usage {
            input_tokens,
            output_tokens,
            cached_tokens,
            ..Usage::default()
        })
    };
    let cases = [
        (
            json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}),
            usage(9, 3, 0),
        ),
        (
            json!({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0}}),
            usage(9, 3, 8),
        ),
        (
            json!({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": null, "prompt_cache_hit_tokens": 5}),
            usage(9, 3, 5),
        ),
        (
            json!({
                "prompt_tokens": 9, "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1},
            }),
            Chunk::Usage(Usage {
                input_tokens: 9,
                output_tokens: 3,
                cached_tokens: 4,
                cache_write_tokens: 2,
                reasoning_tokens: 1,
            }),
        ),
        (json!({"prompt_tokens": null}), usage(0, 0, 0)),
    ];
    for (reported, expected) in cases {
        let early = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
        let chunks = assemble(&[
            early,
            stop("length"),
            json!({"choices": [], "usage": reported}),
        ]);
        assert_eq!(chunks, [expected, Chunk::Stop(StopReason::Length)]);
    }
}

#[test]
fn reasons_to_stop_are_understood() {
    for (word, reason) in [
        ("stop", StopReason::Stop),
        ("eos", StopReason::Stop),
        ("length", StopReason::Length),
        ("tool_calls", StopReason::ToolCalls),
        ("content_filter", StopReason::ContentFilter),
    ] {
        assert_eq!(assemble(&[stop(word)]), [Chunk::Stop(reason)]);
    }
}

#[test]
fn runaway_calls_are_refused() {
    let mut assembler = Assembler::default();
    let mut take = |value: Value| {
        let text = delta(&json!({ "tool_calls": [value] })).to_string();
        assembler.take(serde_json::from_str(&text).unwrap(), &mut |_| {})
    };
    let long = "a".repeat(TOOL_ARGUMENTS_BYTES_MAX);
    assert!(take(json!({"index": 0, "function": {"arguments": long}})).is_ok());
    let more = take(json!({"index": 0, "function": {"arguments": "a"}}));
    assert!(matches!(more, Err(Fault::ArgumentsTooLong)));
    for index in 1..TOOL_CALLS_MAX {
        assert!(take(json!({"index": index, "id": index.to_string()})).is_ok());
    }
    let more = take(json!({"index": TOOL_CALLS_MAX, "id": "x"}));
    assert!(matches!(more, Err(Fault::TooManyCalls)));
}
