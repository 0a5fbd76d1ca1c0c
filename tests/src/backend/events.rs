//! What a well-behaved provider streams, one event an element, the end mark last.

use serde_json::{Value, json};

use super::{
    captured,
    dialect::{self, Dialect, Said, TOKENS},
};
use crate::scripted_model::event;

/// The events of a dialect.
pub(super) fn events(dialect: Dialect, said: &Said) -> Vec<Vec<u8>> {
    let texts = match dialect {
        Dialect::Chat => chat(said),
        Dialect::Completions => completions(),
        Dialect::Embeddings => vec![captured::embedding().to_string()],
        Dialect::Responses => responses(said),
        Dialect::Messages => messages(said),
        Dialect::Gemini => gemini(said),
        Dialect::Ollama => ollama(said),
    };
    texts.into_iter().map(String::into_bytes).collect()
}

fn chat(said: &Said) -> Vec<String> {
    let chunk = |delta: Value, stop: Option<&str>| {
        event(
            &json!({"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": said.model, "choices": [{"index": 0, "delta": delta, "finish_reason": stop}]}),
        )
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    events.extend(
        said.pieces
            .iter()
            .map(|piece| chunk(json!({"content": piece}), None)),
    );
    for (index, call) in said.calls.iter().enumerate() {
        let mut begin = dialect::chat_call(call);
        let arguments = call.arguments.to_string();
        let (first, second) = halves(&arguments);
        begin["index"] = json!(index);
        begin["function"]["arguments"] = json!("");
        events.push(chunk(json!({"tool_calls": [begin]}), None));
        for half in [first, second] {
            let rest = json!({"index": index, "function": {"arguments": half}});
            events.push(chunk(json!({"tool_calls": [rest]}), None));
        }
    }
    let stop = if said.calls.is_empty() {
        "stop"
    } else {
        "tool_calls"
    };
    events.push(chunk(json!({}), Some(stop)));
    if said.has_usage {
        let (read, written) = TOKENS;
        events.push(event(&json!({"id": "chatcmpl-mock", "object": "chat.completion.chunk",
            "created": 1_700_000_000, "model": said.model, "choices": [],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}})));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn completions() -> Vec<String> {
    let chunk = |text: &str, stop: Option<&str>| {
        event(
            &json!({"id": "cmpl-mock", "object": "text_completion", "created": 1_700_000_000,
            "model": "mock-text",
            "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": stop}]}),
        )
    };
    vec![
        chunk("mock ", None),
        chunk("text", None),
        chunk("", Some("stop")),
        "data: [DONE]\n\n".to_owned(),
    ]
}

/// Two halves, cut between characters.
fn halves(text: &str) -> (&str, &str) {
    text.split_at(text.floor_char_boundary(text.len() / 2))
}

fn named(frame: &Value) -> String {
    let name = frame["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {frame}\n\n")
}

fn responses(said: &Said) -> Vec<String> {
    let complete = dialect::response(said);
    let mut begun = complete.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut frames = vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
    ];
    for (index, item) in dialect::items(said).into_iter().enumerate() {
        if said.calls.is_empty() {
            frames.extend(text_item(said, &item));
        } else {
            frames.extend(call_item(index, &item));
        }
    }
    frames.push(json!({"type": "response.completed", "response": complete}));
    for (number, frame) in frames.iter_mut().enumerate() {
        frame["sequence_number"] = json!(number);
    }
    frames.iter().map(named).collect()
}

fn text_item(said: &Said, item: &Value) -> Vec<Value> {
    let mut begun = item.clone();
    begun["status"] = json!("in_progress");
    begun["content"] = json!([]);
    let mut part = item["content"][0].clone();
    let at = |kind: &str, more: Value| {
        let mut frame =
            json!({"type": kind, "item_id": "msg_1", "output_index": 0, "content_index": 0});
        for (key, value) in more.as_object().into_iter().flatten() {
            frame[key] = value.clone();
        }
        frame
    };
    part["text"] = json!("");
    let mut frames = vec![
        json!({"type": "response.output_item.added", "output_index": 0, "item": begun}),
        at("response.content_part.added", json!({"part": part})),
    ];
    let pieces = said.pieces.iter();
    frames.extend(pieces.map(|piece| {
        at(
            "response.output_text.delta",
            json!({"delta": piece, "logprobs": []}),
        )
    }));
    frames.extend([
        at(
            "response.output_text.done",
            json!({"text": said.text(), "logprobs": []}),
        ),
        at(
            "response.content_part.done",
            json!({"part": item["content"][0]}),
        ),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
    ]);
    frames
}

fn call_item(index: usize, item: &Value) -> Vec<Value> {
    let mut begun = item.clone();
    begun["status"] = json!("in_progress");
    begun["arguments"] = json!("");
    let arguments = item["arguments"].as_str().unwrap_or_default();
    let (first, second) = halves(arguments);
    let delta = |half: &str| {
        json!({"type": "response.function_call_arguments.delta", "item_id": item["id"],
            "output_index": index, "delta": half})
    };
    vec![
        json!({"type": "response.output_item.added", "output_index": index, "item": begun}),
        delta(first),
        delta(second),
        json!({"type": "response.function_call_arguments.done", "item_id": item["id"], "output_index": index,
            "name": item["name"], "arguments": arguments}),
        json!({"type": "response.output_item.done", "output_index": index, "item": item}),
    ]
}

fn messages(said: &Said) -> Vec<String> {
    let complete = dialect::message(said);
    let mut begun = complete.clone();
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    begun["usage"]["output_tokens"] = json!(1);
    let mut frames = vec![
        json!({"type": "message_start", "message": begun}),
        json!({"type": "ping"}),
    ];
    let blocks = complete["content"].as_array().into_iter().flatten();
    for (index, block) in blocks.enumerate() {
        let mut empty = block.clone();
        let deltas: Vec<Value> = if block["type"] == "text" {
            empty["text"] = json!("");
            let pieces = said.pieces.iter();
            pieces
                .map(|piece| json!({"type": "text_delta", "text": piece}))
                .collect()
        } else {
            empty["input"] = json!({});
            let input = block["input"].to_string();
            let (first, second) = halves(&input);
            let halves = [first, second].into_iter();
            halves
                .map(|half| json!({"type": "input_json_delta", "partial_json": half}))
                .collect()
        };
        frames.push(json!({"type": "content_block_start", "index": index, "content_block": empty}));
        frames.extend(
            deltas.into_iter().map(
                |delta| json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ),
        );
        frames.push(json!({"type": "content_block_stop", "index": index}));
    }
    frames.push(json!({"type": "message_delta",
        "delta": {"stop_reason": complete["stop_reason"], "stop_sequence": null},
        "usage": {"output_tokens": TOKENS.1}}));
    frames.push(json!({"type": "message_stop"}));
    frames.iter().map(named).collect()
}

fn gemini(said: &Said) -> Vec<String> {
    let (read, written) = TOKENS;
    let frame = |parts: Value, stop: Option<&str>| {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
        if let Some(stop) = stop {
            candidate["finishReason"] = json!(stop);
        }
        event(
            &json!({"candidates": [candidate], "modelVersion": "mock-model",
            "usageMetadata": {"promptTokenCount": read, "candidatesTokenCount": written,
                "totalTokenCount": read + written}}),
        )
    };
    let mut events: Vec<String> = said
        .pieces
        .iter()
        .map(|piece| frame(json!([{"text": piece}]), None))
        .collect();
    if !said.calls.is_empty() {
        events.push(frame(json!(dialect::gemini_parts(said)), None));
    }
    events.push(frame(json!([{"text": ""}]), Some("STOP")));
    events
}

fn ollama(said: &Said) -> Vec<String> {
    let (read, written) = TOKENS;
    let line = |message: Value| {
        let frame = json!({"model": said.model, "created_at": "2026-01-01T00:00:00Z", "message": message,
            "done": false});
        format!("{frame}\n")
    };
    let pieces = said.pieces.iter();
    let mut events: Vec<String> = pieces
        .map(|piece| line(json!({"role": "assistant", "content": piece})))
        .collect();
    if !said.calls.is_empty() {
        let calls: Vec<Value> = said.calls.iter().map(dialect::ollama_call).collect();
        events.push(line(
            json!({"role": "assistant", "content": "", "tool_calls": calls}),
        ));
    }
    let end = json!({"model": said.model, "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": "stop",
        "prompt_eval_count": read, "eval_count": written});
    events.push(format!("{end}\n"));
    events
}
