//! The fixed answers that the captures of LiteLLM were made with, byte for byte.

use serde_json::{Value, json};

/// Pieces in a captured stream.
pub(super) const PIECES: usize = 20;
/// Pieces that come before a captured stream breaks.
pub(super) const PIECES_BEFORE_BREAK: usize = 11;

/// The headers of a whole answer.
pub(super) fn headers() -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/json".to_owned()),
        ("x-request-id", "mock-req-1".to_owned()),
        ("x-ratelimit-remaining-requests", "99".to_owned()),
        ("openai-processing-ms", "1".to_owned()),
    ]
}

/// A whole chat completion.
pub(super) fn chat(label: &str) -> Value {
    json!({"id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000, "model": "mock-model",
        "choices": [{"index": 0, "message": {"role": "assistant",
            "content": format!("Hello from the mock backend, this is a fixed reply of modest length. {label}")},
            "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 18, "total_tokens": 30}})
}

/// A streamed chat completion, event by event.
pub(super) fn chat_stream(label: &str, has_usage: bool) -> Vec<Vec<u8>> {
    let mut events = vec![chunk(&json!({"role": "assistant", "content": label}), None)];
    events
        .extend((0..PIECES).map(|piece| chunk(&json!({"content": format!("tok{piece} ")}), None)));
    events.push(chunk(&json!({}), Some("stop")));
    if has_usage {
        events.push(sse(
            &json!({"id": "chatcmpl-mock", "object": "chat.completion.chunk",
            "created": 1_700_000_000, "model": "mock-model", "choices": [],
            "usage": {"prompt_tokens": 12, "completion_tokens": 20, "total_tokens": 32}}),
        ));
    }
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

fn chunk(delta: &Value, stop: Option<&str>) -> Vec<u8> {
    sse(
        &json!({"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "mock-model", "choices": [{"index": 0, "delta": delta, "finish_reason": stop}]}),
    )
}

/// A text completion.
pub(super) fn completion() -> Value {
    json!({"id": "cmpl-mock", "object": "text_completion", "created": 1_700_000_000, "model": "mock-text",
        "choices": [{"index": 0, "text": "mock text", "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
}

/// One vector.
pub(super) fn embedding() -> Value {
    json!({"object": "list", "model": "mock-embed",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2, 0.3, 0.4]}],
        "usage": {"prompt_tokens": 4, "total_tokens": 4}})
}

/// A whole response; a stream was never asked for with success.
pub(super) fn response() -> Value {
    json!({"id": "resp_mock", "object": "response", "created_at": 1_700_000_000, "status": "completed",
        "model": "mock-model", "output": [{"type": "message", "id": "msg_1", "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "hi from responses", "annotations": []}]}],
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 4,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 9}})
}

/// A whole message.
pub(super) fn message(model: &str) -> Value {
    json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": model,
        "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 2}})
}

fn sse(frame: &Value) -> Vec<u8> {
    crate::scripted_model::event(frame).into_bytes()
}
