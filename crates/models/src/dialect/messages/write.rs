//! Pieces become Anthropic's messages for a client.

use bytes::BytesMut;
use openclaw_types::Usage;
use serde_json::{Value, json};

use super::{stop_word, usage};
use crate::{
    dialect::{
        Origin,
        piece::{Call, Collected, Piece, Thought, Writer},
    },
    error::Kind,
};

/// Writes one answer.
#[derive(Debug)]
pub(in crate::dialect) struct MessagesWriter {
    from: Origin,
    has_started: bool,
    /// How many blocks have begun.
    blocks: usize,
    open: Open,
}

/// The block that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    Text,
    Thought,
    Call(usize),
}

impl MessagesWriter {
    pub(in crate::dialect) fn new(from: &Origin) -> Self {
        Self {
            from: from.clone(),
            has_started: false,
            blocks: 0,
            open: Open::None,
        }
    }

    fn start(&mut self, id: Option<&str>, model: Option<&str>, out: &mut BytesMut) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let own = format!("msg_{}", self.from.id);
        let message = json!({
            "id": id.unwrap_or(&own), "type": "message", "role": "assistant", "content": [],
            "model": self.from.model.as_deref().or(model).unwrap_or_default(),
            "stop_reason": null, "stop_sequence": null, "usage": usage(&Usage::default()),
        });
        event("message_start", &json!({"message": message}), out);
    }

    /// Makes sure that a block of a kind is open, and says which one it is.
    fn block(&mut self, kind: Open, beginning: &Value, out: &mut BytesMut) -> usize {
        self.start(None, None, out);
        if self.open != kind {
            self.close(out);
            let start = json!({"index": self.blocks, "content_block": beginning});
            event("content_block_start", &start, out);
            self.open = kind;
            self.blocks += 1;
        }
        self.blocks - 1
    }

    fn close(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.open, Open::None) != Open::None {
            event(
                "content_block_stop",
                &json!({"index": self.blocks - 1}),
                out,
            );
        }
    }

    fn delta(&mut self, kind: Open, beginning: &Value, delta: &Value, out: &mut BytesMut) {
        let index = self.block(kind, beginning, out);
        event(
            "content_block_delta",
            &json!({"index": index, "delta": delta}),
            out,
        );
    }
}

impl Writer for MessagesWriter {
    fn piece(&mut self, piece: &Piece, out: &mut BytesMut) {
        let thought = json!({"type": "thinking", "thinking": "", "signature": ""});
        match piece {
            Piece::Start { id, model } => self.start(id.as_deref(), model.as_deref(), out),
            Piece::Text(text) | Piece::Refusal(text) => {
                let delta = json!({"type": "text_delta", "text": text});
                self.delta(
                    Open::Text,
                    &json!({"type": "text", "text": ""}),
                    &delta,
                    out,
                );
            }
            Piece::Reasoning(text) => {
                let delta = json!({"type": "thinking_delta", "thinking": text});
                self.delta(Open::Thought, &thought, &delta, out);
            }
            Piece::Signature(proof) => {
                let delta = json!({"type": "signature_delta", "signature": proof});
                self.delta(Open::Thought, &thought, &delta, out);
                self.close(out);
            }
            Piece::Sealed(data) => {
                self.close(out);
                let sealed = json!({"type": "redacted_thinking", "data": data});
                self.block(Open::Thought, &sealed, out);
                self.close(out);
            }
            Piece::Call { index, id, name } => {
                let call = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                self.block(Open::Call(*index), &call, out);
            }
            // Blocks come one after the other: what belongs to a call that is closed can't be told any more. No
            // server mixes them.
            Piece::Arguments { index, text } if self.open == Open::Call(*index) => {
                let delta = json!({"type": "input_json_delta", "partial_json": text});
                self.delta(self.open, &Value::Null, &delta, out);
            }
            Piece::Arguments { .. } | Piece::Usage(_) | Piece::Stop(_) => {}
        }
    }

    fn finish(&mut self, ended: &Collected, out: &mut BytesMut) {
        self.start(None, None, out);
        self.close(out);
        let counts = ended.usage.unwrap_or_default();
        let delta = json!({"stop_reason": ended.stop.map(stop_word), "stop_sequence": null});
        event(
            "message_delta",
            &json!({"delta": delta, "usage": usage(&counts)}),
            out,
        );
        event("message_stop", &json!({}), out);
    }

    fn error(&mut self, message: &str, kind: Kind, _status: u16, out: &mut BytesMut) {
        error(message, kind, out);
    }

    fn document(&self, answer: &Collected) -> Value {
        let mut content: Vec<Value> = answer.thoughts.iter().map(thought).collect();
        let text = format!("{}{}", answer.text, answer.refusal);
        if !text.is_empty() {
            content.push(json!({"type": "text", "text": text}));
        }
        content.extend(answer.calls.iter().map(call));
        let own = format!("msg_{}", self.from.id);
        json!({
            "id": answer.id.as_ref().unwrap_or(&own),
            "type": "message",
            "role": "assistant",
            "model": answer.shown_model(&self.from),
            "content": content,
            "stop_reason": answer.stop.map(stop_word),
            "stop_sequence": null,
            "usage": usage(&answer.usage.unwrap_or_default()),
        })
    }
}

fn thought(thought: &Thought) -> Value {
    match &thought.sealed {
        Some(data) => json!({"type": "redacted_thinking", "data": data}),
        None => json!({
            "type": "thinking",
            "thinking": thought.text,
            "signature": thought.signature.as_deref().unwrap_or_default(),
        }),
    }
}

fn call(call: &Call) -> Value {
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input()})
}

/// Ends a stream with an error in Anthropic's words.
pub(in crate::dialect) fn error(message: &str, kind: Kind, out: &mut BytesMut) {
    let word = match kind {
        Kind::Overloaded => "overloaded_error",
        Kind::RateLimited { .. } => "rate_limit_error",
        Kind::Auth => "authentication_error",
        Kind::NotFound | Kind::NoModel => "not_found_error",
        Kind::BadRequest | Kind::ContextOverflow | Kind::Refused => "invalid_request_error",
        Kind::Timeout(_) => "timeout_error",
        Kind::Transport | Kind::Malformed | Kind::Cancelled => "api_error",
    };
    event(
        "error",
        &json!({"error": {"type": word, "message": message}}),
        out,
    );
}

/// Writes an event under its name, which its data repeats.
fn event(name: &str, data: &Value, out: &mut BytesMut) {
    let mut told = json!({"type": name});
    if let (Some(told), Some(data)) = (told.as_object_mut(), data.as_object()) {
        told.extend(data.clone());
    }
    out.extend_from_slice(format!("event: {name}\ndata: {told}\n\n").as_bytes());
}
