//! Answers of providers of this process in the words of chat completions.

use bytes::Bytes;
use futures_util::StreamExt;
use openclaw_types::{StopReason, ToolCall, Usage};
use serde_json::{Value, json};

use crate::{
    error::Error,
    provider::{Chunk, ChunkStream},
    sse::Event,
};

/// Turns chunks into events of a stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    created: i64,
    model: String,
    calls: usize,
}

impl Encoder {
    pub(crate) const fn new(id: String, created: i64, model: String) -> Self {
        Self {
            id,
            created,
            model,
            calls: 0,
        }
    }

    /// The event of a chunk.
    pub(crate) fn event(&mut self, chunk: Chunk) -> Option<Event> {
        let body = match chunk {
            Chunk::Start { .. } => self.choice(&json!({"role": "assistant", "content": ""}), None),
            Chunk::Text(text) => self.choice(&json!({"content": text}), None),
            Chunk::Reasoning(text) => self.choice(&json!({"reasoning_content": text}), None),
            Chunk::ToolCall(call) => {
                let mut call = called(&call);
                call["index"] = json!(self.calls);
                self.calls += 1;
                self.choice(&json!({"tool_calls": [call]}), None)
            }
            Chunk::Usage(usage) => {
                let mut body = self.body(&json!([]));
                body["usage"] = counted(&usage);
                body
            }
            Chunk::Stop(reason) => self.choice(&json!({}), Some(word(reason))),
        };
        Some(Event {
            name: Bytes::new(),
            data: Bytes::from(body.to_string()),
        })
    }

    fn choice(&self, delta: &Value, reason: Option<&str>) -> Value {
        self.body(&json!([{"index": 0, "delta": delta, "finish_reason": reason}]))
    }

    fn body(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    /// A whole answer as one document.
    ///
    /// # Errors
    /// The provider's own; an answer without an end is cut off.
    pub(crate) async fn document(&self, mut chunks: ChunkStream) -> Result<Bytes, Error> {
        let (mut text, mut thoughts, mut calls) = (String::new(), String::new(), Vec::new());
        let (mut usage, mut stop, mut provider) = (None, None, String::new());
        while let Some(chunk) = chunks.next().await {
            match chunk? {
                Chunk::Start { provider: id, .. } => provider = id,
                Chunk::Text(piece) => text.push_str(&piece),
                Chunk::Reasoning(piece) => thoughts.push_str(&piece),
                Chunk::ToolCall(call) => calls.push(called(&call)),
                Chunk::Usage(used) => usage = Some(used),
                Chunk::Stop(reason) => stop = Some(reason),
            }
        }
        let Some(stop) = stop else {
            return Err(Error::CutOff {
                provider: provider.into(),
            });
        };
        let mut message = json!({"role": "assistant", "content": text});
        if !thoughts.is_empty() {
            message["reasoning_content"] = json!(thoughts);
        }
        if !calls.is_empty() {
            message["tool_calls"] = Value::Array(calls);
        }
        let body = json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": word(stop)}],
            "usage": usage.as_ref().map(counted),
        });
        Ok(Bytes::from(body.to_string()))
    }
}

/// A document of a server that was asked for a stream, as the events that it should have sent.
pub(crate) fn unrolled(document: &[u8]) -> Vec<Event> {
    let Ok(mut body) = serde_json::from_slice::<Value>(document) else {
        return Vec::new();
    };
    let usage = body["usage"].take();
    body["object"] = json!("chat.completion.chunk");
    let mut ends = Vec::new();
    for choice in body["choices"].as_array_mut().into_iter().flatten() {
        let reason = choice["finish_reason"].take();
        let reason = if reason.is_null() {
            json!("stop")
        } else {
            reason
        };
        ends.push(json!({"index": choice["index"], "delta": {}, "finish_reason": reason}));
        let mut delta = choice["message"].take();
        let calls = delta["tool_calls"].as_array_mut().into_iter().flatten();
        for (place, call) in calls.enumerate() {
            call["index"] = json!(place);
        }
        if delta["tool_calls"].is_null()
            && let Some(delta) = delta.as_object_mut()
        {
            delta.remove("tool_calls");
        }
        if let Some(choice) = choice.as_object_mut() {
            choice.remove("message");
            choice.insert("delta".to_owned(), delta);
        }
    }
    let with = |choices: Value, usage: Option<&Value>| {
        let mut body = body.clone();
        body["choices"] = choices;
        if let Some(body) = body.as_object_mut() {
            body.remove("usage");
            body.extend(usage.map(|usage| ("usage".to_owned(), usage.clone())));
        }
        body.to_string()
    };
    let mut events = vec![
        with(body["choices"].clone(), None),
        with(Value::Array(ends), None),
    ];
    if !usage.is_null() {
        events.push(with(json!([]), Some(&usage)));
    }
    let event = |data: String| Event {
        name: Bytes::new(),
        data: Bytes::from(data),
    };
    events.into_iter().map(event).collect()
}

fn called(call: &ToolCall) -> Value {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}

fn counted(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    })
}

const fn word(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Stop => "stop",
        StopReason::Length => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter => "content_filter",
    }
}
