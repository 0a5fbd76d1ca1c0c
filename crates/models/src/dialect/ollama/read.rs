//! Ollama's answers become pieces.

use openclaw_types::{StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    dialect::{
        Fault,
        parts::{read, refused},
        piece::{Piece, Reader},
    },
    sse::Event,
};

/// Reads one answer.
#[derive(Debug)]
pub(in crate::dialect) struct OllamaReader {
    /// What ids of calls are made of, because Ollama may have none.
    seed: String,
    has_started: bool,
    calls: usize,
}

/// A line, or a whole answer.
#[derive(Deserialize)]
struct Line {
    model: Option<String>,
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: String,
    #[serde(default)]
    arguments: Value,
}

impl Reader for OllamaReader {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<bool, Fault> {
        let data = event.data.trim_ascii();
        if data.is_empty() {
            return Ok(false);
        }
        self.line(data, pieces)
    }

    fn document(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        self.line(body, pieces).map(drop)
    }
}

impl OllamaReader {
    pub(in crate::dialect) fn new(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            has_started: false,
            calls: 0,
        }
    }

    fn line(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> Result<bool, Fault> {
        let line: Line = read(data)?;
        if line.error.is_some_and(|error| !error.is_null()) {
            return Err(refused(data));
        }
        if line.message.is_none() && !line.done {
            return Err(Fault::Malformed {
                what: "no message",
                source: None,
            });
        }
        if !std::mem::replace(&mut self.has_started, true) {
            pieces.push(Piece::Start {
                id: None,
                model: line.model,
            });
        }
        if let Some(message) = line.message {
            let some = |text: Option<String>| text.filter(|text| !text.is_empty());
            pieces.extend(some(message.thinking).map(Piece::Reasoning));
            pieces.extend(some(message.content).map(Piece::Text));
            for call in message.tool_calls.into_iter().flatten() {
                self.call(call, pieces);
            }
        }
        if line.done {
            let has_calls = self.calls > 0;
            pieces.push(Piece::Stop(match line.done_reason.as_deref() {
                Some("length") => StopReason::Length,
                _ if has_calls => StopReason::ToolCalls,
                _ => StopReason::Stop,
            }));
        }
        if line.prompt_eval_count.is_some() || line.eval_count.is_some() {
            pieces.push(Piece::Usage(Usage {
                input_tokens: line.prompt_eval_count.unwrap_or(0),
                output_tokens: line.eval_count.unwrap_or(0),
                ..Usage::default()
            }));
        }
        Ok(line.done)
    }

    /// A call comes whole.
    fn call(&mut self, call: Call, pieces: &mut Vec<Piece>) {
        let index = self.calls;
        self.calls += 1;
        let id = call.id.filter(|id| !id.is_empty());
        pieces.push(Piece::Call {
            index,
            id: id.unwrap_or_else(|| format!("call_{}_{index}", self.seed)),
            name: call.function.name,
        });
        let text = match call.function.arguments {
            Value::Null => return,
            Value::String(text) => text,
            other => other.to_string(),
        };
        pieces.push(Piece::Arguments { index, text });
    }
}
