//! OpenAI's legacy completions, for clients of servers that only chat: the prompt is what a person says.

use bytes::BytesMut;
use openclaw_types::StopReason;
use serde_json::{Map, Value, json};

use super::{
    Fault, Origin, chat,
    parts::unspeakable,
    piece::{Collected, Piece, Writer},
    stream,
};
use crate::error::Kind;

const API: &str = "a server that only chats";
/// What only a server that completes texts can do.
const UNSPEAKABLE: [&str; 4] = ["suffix", "echo", "logprobs", "best_of"];

/// The request as a chat completion.
pub(super) fn to_chat(asked: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let prompt = match asked.get("prompt") {
        Some(Value::Array(prompts)) if prompts.len() > 1 && prompts[0].is_string() => {
            return Err(unspeakable(API, "more than one `prompt`"));
        }
        Some(Value::Array(prompts)) if prompts.len() == 1 => prompts[0].as_str(),
        Some(Value::Array(_)) => return Err(unspeakable(API, "a `prompt` of tokens")),
        Some(prompt) => prompt.as_str(),
        None => None,
    };
    let Some(prompt) = prompt else {
        return Err(Fault::Field {
            field: "prompt".to_owned(),
            expected: "a text",
        });
    };
    let mut chat = Map::new();
    let message = json!({"role": "user", "content": prompt});
    chat.insert("messages".to_owned(), json!([message]));
    for (name, value) in asked {
        let is_neutral = value.is_null() || *value == false || *value == "" || *value == 1;
        match name.as_str() {
            "prompt" => {}
            name if UNSPEAKABLE.contains(&name) => {
                if !is_neutral {
                    return Err(unspeakable(API, &format!("`{name}`")));
                }
            }
            name => drop(chat.insert(name.to_owned(), value.clone())),
        }
    }
    Ok(chat)
}

/// Writes one answer. What the model thinks has no place in it.
#[derive(Debug)]
pub(super) struct CompletionsWriter {
    from: Origin,
    id: String,
    model: String,
}

impl CompletionsWriter {
    pub(super) fn new(from: &Origin) -> Self {
        Self {
            id: format!("cmpl-{}", from.id),
            model: from.model.clone().unwrap_or_default(),
            from: from.clone(),
        }
    }

    fn completion(&self, id: &str, model: &str, choices: &Value) -> Value {
        json!({
            "id": id, "object": "text_completion", "created": self.from.created,
            "model": model, "choices": choices,
        })
    }

    fn line(&self, choices: &Value, usage: Option<Value>, out: &mut BytesMut) {
        let mut line = self.completion(&self.id, &self.model, choices);
        if let Some(usage) = usage {
            line["usage"] = usage;
        }
        stream::line(line.to_string().as_bytes(), out);
    }
}

fn choices(text: &str, reason: Option<&str>) -> Value {
    json!([{"text": text, "index": 0, "logprobs": null, "finish_reason": reason}])
}

/// There are no calls in a text.
fn reason(stop: StopReason) -> &'static str {
    match stop {
        StopReason::ToolCalls => "stop",
        other => chat::finish_reason(other),
    }
}

impl Writer for CompletionsWriter {
    fn piece(&mut self, piece: &Piece, out: &mut BytesMut) {
        match piece {
            Piece::Start { id, model } => {
                if let Some(id) = id {
                    self.id.clone_from(id);
                }
                if let (None, Some(model)) = (&self.from.model, model) {
                    self.model.clone_from(model);
                }
            }
            Piece::Text(text) | Piece::Refusal(text) => {
                self.line(&choices(text, None), None, out);
            }
            _ => {}
        }
    }

    fn finish(&mut self, ended: &Collected, out: &mut BytesMut) {
        self.line(&choices("", ended.stop.map(reason)), None, out);
        if let Some(counts) = ended.usage.filter(|_| self.from.shows_usage) {
            self.line(&json!([]), Some(chat::usage(&counts)), out);
        }
        stream::line(b"[DONE]", out);
    }

    fn error(&mut self, message: &str, kind: Kind, status: u16, out: &mut BytesMut) {
        stream::openai_error(message, kind, status, out);
    }

    fn document(&self, answer: &Collected) -> Value {
        let text = format!("{}{}", answer.text, answer.refusal);
        let choices = choices(&text, answer.stop.map(reason));
        let id = answer.id.as_ref().unwrap_or(&self.id);
        let mut told = self.completion(id, answer.shown_model(&self.from), &choices);
        if let Some(counts) = &answer.usage {
            told["usage"] = chat::usage(counts);
        }
        told
    }
}

#[cfg(test)]
mod tests;
