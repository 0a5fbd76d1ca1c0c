//! Pieces become chat completions for a client.

use bytes::BytesMut;
use serde_json::{Map, Value, json};

use super::{finish_reason, usage};
use crate::{
    dialect::{
        Origin,
        piece::{Call, Collected, Piece, Thought, Writer},
        stream,
    },
    error::Kind,
};

/// Writes one answer.
#[derive(Debug)]
pub(in crate::dialect) struct ChatWriter {
    from: Origin,
    id: String,
    model: String,
    has_started: bool,
}

impl ChatWriter {
    pub(in crate::dialect) fn new(from: &Origin) -> Self {
        Self {
            id: format!("chatcmpl-{}", from.id),
            model: from.model.clone().unwrap_or_default(),
            from: from.clone(),
            has_started: false,
        }
    }

    fn chunk(&mut self, mut delta: Value, reason: Option<&str>, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.has_started, true) {
            delta["role"] = Value::from("assistant");
        }
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
        self.event(&choices, None, out);
    }

    fn event(&self, choices: &Value, usage: Option<Value>, out: &mut BytesMut) {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.from.created,
            "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        stream::line(chunk.to_string().as_bytes(), out);
    }
}

impl Writer for ChatWriter {
    fn piece(&mut self, piece: &Piece, out: &mut BytesMut) {
        let delta = match piece {
            Piece::Start { id, model } => {
                if let Some(id) = id {
                    self.id.clone_from(id);
                }
                if let (None, Some(model)) = (&self.from.model, model) {
                    self.model.clone_from(model);
                }
                json!({"content": ""})
            }
            Piece::Text(text) => json!({"content": text}),
            Piece::Reasoning(text) => json!({"reasoning_content": text}),
            Piece::Signature(proof) => {
                json!({"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": proof}]})
            }
            Piece::Sealed(data) => {
                json!({"thinking_blocks": [{"type": "redacted_thinking", "data": data}]})
            }
            Piece::Refusal(text) => json!({"refusal": text}),
            Piece::Call { index, id, name } => json!({"tool_calls": [{
                "index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": ""},
            }]}),
            Piece::Arguments { index, text } => {
                json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]})
            }
            Piece::Usage(_) | Piece::Stop(_) => return,
        };
        self.chunk(delta, None, out);
    }

    fn finish(&mut self, ended: &Collected, out: &mut BytesMut) {
        let reason = ended.stop.map(finish_reason);
        self.chunk(Value::Object(Map::new()), reason, out);
        if let Some(counts) = ended.usage.filter(|_| self.from.shows_usage) {
            self.event(&json!([]), Some(usage(&counts)), out);
        }
        stream::line(b"[DONE]", out);
    }

    fn error(&mut self, message: &str, kind: Kind, status: u16, out: &mut BytesMut) {
        stream::openai_error(message, kind, status, out);
    }

    fn document(&self, answer: &Collected) -> Value {
        let mut message = json!({"role": "assistant", "content": content(answer)});
        if !answer.refusal.is_empty() {
            message["refusal"] = Value::from(answer.refusal.as_str());
        }
        let reasoning = answer.reasoning();
        if !reasoning.is_empty() {
            message["reasoning_content"] = Value::from(reasoning);
        }
        let proven = |thought: &Thought| thought.signature.is_some() || thought.sealed.is_some();
        if answer.thoughts.iter().any(proven) {
            message["thinking_blocks"] = answer.thoughts.iter().map(block).collect();
        }
        if !answer.calls.is_empty() {
            message["tool_calls"] = answer.calls.iter().map(call).collect();
        }
        let mut document = json!({
            "id": answer.id.as_ref().unwrap_or(&self.id),
            "object": "chat.completion",
            "created": self.from.created,
            "model": answer.shown_model(&self.from),
            "choices": [{
                "index": 0,
                "message": message,
                "finish_reason": answer.stop.map(finish_reason),
            }],
        });
        if let Some(counts) = &answer.usage {
            document["usage"] = usage(counts);
        }
        document
    }
}

/// Text, or `null` beside calls without one.
fn content(answer: &Collected) -> Value {
    if answer.text.is_empty() && !answer.calls.is_empty() {
        Value::Null
    } else {
        Value::from(answer.text.as_str())
    }
}

fn block(thought: &Thought) -> Value {
    match &thought.sealed {
        Some(data) => json!({"type": "redacted_thinking", "data": data}),
        None => {
            json!({"type": "thinking", "thinking": thought.text, "signature": thought.signature})
        }
    }
}

fn call(call: &Call) -> Value {
    let arguments = if call.arguments.trim().is_empty() {
        "{}"
    } else {
        &call.arguments
    };
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    })
}
