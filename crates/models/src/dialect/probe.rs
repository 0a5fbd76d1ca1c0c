//! What the tests of every dialect ask and look at.

use bytes::{Bytes, BytesMut};
use openclaw_types::StopReason;
use serde_json::{Map, Value, json};

use super::{Ended, Fault, Framing, Front, Origin, Prepared, Target, Translator, request, whole};
use crate::{
    options::Api,
    sse::{self, Event},
};

/// A file of `tests/fixtures/dialect`.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/dialect/",
            $name
        ))
    };
}
pub(super) use fixture;

pub(super) fn origin() -> Origin {
    Origin {
        model: Some("group".to_owned()),
        id: "7".to_owned(),
        created: 5,
        shows_usage: true,
        ..Origin::default()
    }
}

/// What a server is asked, and where.
pub(super) fn asked_of(
    (front, api, model): (Front, Api, &str),
    body: &Value,
    drop_params: bool,
) -> Result<(Prepared, Value), Fault> {
    let extra = Map::new();
    let to = Target {
        model,
        is_streaming: body["stream"] == true,
        extra: &extra,
        drop_params,
        max_output: 1_000,
    };
    let prepared = request(front, api, &Bytes::from(body.to_string()), &to)?;
    let body = serde_json::from_slice(&prepared.body).unwrap();
    Ok((prepared, body))
}

/// The body of what a model called `up` is asked.
pub(super) fn asked(front: Front, api: Api, body: &Value) -> Result<Value, Fault> {
    asked_of((front, api, "up"), body, false).map(|(_, body)| body)
}

/// What a server is asked for a chat that says nothing but this.
pub(super) fn asked_with(api: Api, more: &Value) -> Result<Value, Fault> {
    let mut body = json!({"messages": [{"role": "user", "content": "x"}]});
    let fields = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    asked(Front::Chat, api, &body)
}

/// A whole answer, with what it counted and why it ended.
pub(super) fn told(front: Front, api: Api, body: &str) -> Result<(Value, Ended), Fault> {
    let answer = whole(
        front,
        api,
        &Bytes::copy_from_slice(body.as_bytes()),
        &origin(),
    )?;
    let ended = Ended {
        usage: answer.usage,
        stop: answer.stop,
    };
    Ok((serde_json::from_slice(&answer.body).unwrap(), ended))
}

/// The bytes that a client is told of a stream.
pub(super) fn bytes(
    front: Front,
    api: Api,
    body: &str,
    from: &Origin,
) -> (BytesMut, Result<Ended, Fault>) {
    let mut translator = Translator::new(front, api, from).unwrap();
    let mut out = BytesMut::new();
    for event in events(api, body) {
        if let Err(fault) = translator.push(&event, &mut out) {
            return (out, Err(fault));
        }
    }
    let ended = translator.finish(&mut out);
    (out, ended)
}

fn events(api: Api, body: &str) -> Vec<Event> {
    if framing(api) == Framing::Lines {
        return body
            .lines()
            .map(|line| Event {
                name: Bytes::new(),
                data: Bytes::copy_from_slice(line.as_bytes()),
            })
            .collect();
    }
    let mut parser = sse::Parser::new();
    parser.push(body.as_bytes());
    std::iter::from_fn(|| parser.next_event())
        .map(Result::unwrap)
        .collect()
}

fn framing(api: Api) -> Framing {
    if api == Api::Ollama {
        Framing::Lines
    } else {
        Framing::Events
    }
}

/// What a client is told of a stream, as the data of its events. Named events say their name in the data too.
pub(super) fn streamed(front: Front, api: Api, body: &str) -> (Vec<Value>, Result<Ended, Fault>) {
    let (out, ended) = bytes(front, api, body, &origin());
    let out = String::from_utf8(out.to_vec()).unwrap();
    let told = events(Api::OpenAiCompletions, &out)
        .into_iter()
        .map(|event| {
            let data = String::from_utf8(event.data.to_vec()).unwrap();
            let data: Value = serde_json::from_str(&data).unwrap_or(Value::String(data));
            if matches!(front, Front::Messages | Front::Responses) {
                assert_eq!(data["type"].as_str().unwrap().as_bytes(), event.name);
            }
            data
        });
    (told.collect(), ended)
}

/// The chunk that a chat's client is told, with our own id or another.
pub(super) fn chunk(id: &str, delta: Value, reason: Option<StopReason>) -> Value {
    let mut choice = json!({"index": 0, "finish_reason": reason.map(super::chat::finish_reason)});
    choice["delta"] = delta;
    json!({
        "id": id, "object": "chat.completion.chunk", "created": 5, "model": "group", "choices": [choice],
    })
}

/// The chunk that begins a call of a chat.
pub(super) fn call(place: u32, id: &str, name: &str) -> Value {
    json!({"tool_calls": [{
        "index": place, "id": id, "type": "function", "function": {"name": name, "arguments": ""},
    }]})
}

/// The chunk that goes on with a call of a chat.
pub(super) fn arguments(place: u32, text: &str) -> Value {
    json!({"tool_calls": [{"index": place, "function": {"arguments": text}}]})
}

/// A chat with everything that dialects say in their own ways.
pub(super) fn rich_chat() -> Value {
    json!({
        "model": "group", "stream": true, "stream_options": {"include_usage": true},
        "max_completion_tokens": 50, "temperature": 0.5, "top_p": 0.9, "user": "u-1",
        "metadata": {"a": "b"}, "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
        "messages": [
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": "so", "reasoning_content": "hm", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "c2", "type": "function", "function": {"name": "f", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "{\"r\":1}"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "r2"}]},
            {"role": "user", "content": "and?"},
        ],
        "x_unknown": 1,
    })
}
