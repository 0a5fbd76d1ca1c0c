//! What backends speak, and what each calls a whole answer.

use serde_json::{Value, json};

use super::{captured, spec::Spec};
use crate::scripted_model::Asked;

/// The API of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's text completions.
    Completions,
    /// OpenAI's embeddings.
    Embeddings,
    /// OpenAI's responses.
    Responses,
    /// Anthropic's messages.
    Messages,
    /// Google's `generateContent`.
    Gemini,
    /// Ollama's own chat.
    Ollama,
}

impl Dialect {
    /// The dialect of a path behind the mode.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let bare = path.split('?').next().unwrap_or_default();
        if bare.contains(":generateContent") || bare.contains(":streamGenerateContent") {
            return Some(Self::Gemini);
        }
        // A query was none of the captured paths, and was answered with the path itself.
        match path.strip_prefix("v1/").unwrap_or(path) {
            "chat/completions" => Some(Self::Chat),
            "completions" => Some(Self::Completions),
            "embeddings" => Some(Self::Embeddings),
            "responses" => Some(Self::Responses),
            "messages" | "messages?beta=true" => Some(Self::Messages),
            "api/chat" => Some(Self::Ollama),
            _ => None,
        }
    }

    /// Whether a stream was asked for.
    pub(super) fn is_streaming(self, path: &str, asked: &Asked) -> bool {
        match self {
            Self::Embeddings => false,
            Self::Gemini => path.contains(":streamGenerateContent"),
            // Ollama streams unless told not to.
            Self::Ollama => asked.json["stream"] != Value::Bool(false),
            _ => asked.json["stream"] == Value::Bool(true),
        }
    }

    /// The content type of its streams.
    pub(super) const fn stream_type(self) -> &'static str {
        match self {
            Self::Ollama => "application/x-ndjson",
            _ => "text/event-stream",
        }
    }
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// What the model says, whatever the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) model: String,
    pub(super) pieces: Vec<String>,
    pub(super) calls: Vec<Call>,
    pub(super) has_usage: bool,
}

/// What the tools are called with.
const CITIES: [&str; 3] = ["Paris", "Tōkyō", "Accra"];

/// What a well-behaved model reads and writes for any answer.
pub(super) const TOKENS: (u64, u64) = (11, 7);

impl Said {
    /// What a well-behaved model says: it calls the tools it is given once, and then tells what they said.
    pub(super) fn to(spec: &Spec, asked: &Asked) -> Self {
        let body = &asked.json;
        let text = format!("Grüße vom Modell: {}!", spec.label);
        let mut said = Self {
            model: body["model"].as_str().unwrap_or("mock-model").to_owned(),
            pieces: text.split_inclusive(' ').map(str::to_owned).collect(),
            calls: Vec::new(),
            has_usage: body["stream_options"]["include_usage"] == Value::Bool(true),
        };
        if has_tool_result(body) {
            said.pieces = vec!["The tool ".to_owned(), "has spoken.".to_owned()];
        } else if let Some(name) = first_tool(body) {
            said.pieces.clear();
            said.calls = (0..spec.calls)
                .map(|number| Call {
                    id: format!("call_{number}"),
                    name: name.clone(),
                    arguments: json!({"city": CITIES[number % CITIES.len()]}),
                })
                .collect();
        }
        said
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.pieces.concat()
    }
}

fn first_tool(body: &Value) -> Option<String> {
    let tool = body["tools"].get(0)?;
    [
        &tool["function"]["name"],
        &tool["functionDeclarations"][0]["name"],
        &tool["function_declarations"][0]["name"],
        &tool["name"],
    ]
    .into_iter()
    .find_map(Value::as_str)
    .map(str::to_owned)
}

fn has_tool_result(body: &Value) -> bool {
    let text = body.to_string();
    [
        "\"role\":\"tool\"",
        "\"tool_result\"",
        "\"function_call_output\"",
        "\"functionResponse\"",
        "\"function_response\"",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

/// A whole answer in a dialect.
pub(super) fn whole(dialect: Dialect, said: &Said) -> Value {
    let (read, written) = TOKENS;
    let is_calling = !said.calls.is_empty();
    match dialect {
        Dialect::Chat => {
            let mut message = json!({"role": "assistant", "content": said.text()});
            if is_calling {
                message["content"] = Value::Null;
                message["tool_calls"] = said.calls.iter().map(chat_call).collect();
            }
            json!({"id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000,
                "model": said.model, "choices": [{"index": 0, "message": message,
                    "finish_reason": if is_calling { "tool_calls" } else { "stop" }}],
                "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}})
        }
        Dialect::Completions => captured::completion(),
        Dialect::Embeddings => captured::embedding(),
        Dialect::Responses => response(said),
        Dialect::Messages => message(said),
        Dialect::Gemini => {
            json!({"candidates": [{"content": {"role": "model", "parts": gemini_parts(said)},
                "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": read, "candidatesTokenCount": written,
                "totalTokenCount": read + written}, "modelVersion": "mock-model"})
        }
        Dialect::Ollama => {
            let mut message = json!({"role": "assistant", "content": said.text()});
            if is_calling {
                message["tool_calls"] = said.calls.iter().map(ollama_call).collect();
            }
            json!({"model": said.model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": true,
                "done_reason": "stop", "prompt_eval_count": read, "eval_count": written})
        }
    }
}

pub(super) fn chat_call(call: &Call) -> Value {
    json!({"id": call.id, "type": "function",
        "function": {"name": call.name, "arguments": call.arguments.to_string()}})
}

pub(super) fn ollama_call(call: &Call) -> Value {
    json!({"function": {"name": call.name, "arguments": call.arguments}})
}

pub(super) fn gemini_parts(said: &Said) -> Vec<Value> {
    if said.calls.is_empty() {
        return vec![json!({"text": said.text()})];
    }
    said.calls
        .iter()
        .map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}}))
        .collect()
}

/// A message as it is when it is complete.
pub(super) fn message(said: &Said) -> Value {
    let (read, written) = TOKENS;
    let mut content = vec![json!({"type": "text", "text": said.text()})];
    if !said.calls.is_empty() {
        content = said
            .calls
            .iter()
            .map(|call| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}))
            .collect();
    }
    json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": said.model, "content": content,
        "stop_reason": if said.calls.is_empty() { "end_turn" } else { "tool_use" }, "stop_sequence": null,
        "usage": {"input_tokens": read, "output_tokens": written}})
}

/// A response's items when they are complete.
pub(super) fn items(said: &Said) -> Vec<Value> {
    if said.calls.is_empty() {
        return vec![
            json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": said.text(), "annotations": []}]}),
        ];
    }
    let calls = said.calls.iter().enumerate();
    calls
        .map(|(number, call)| {
            json!({"type": "function_call", "id": format!("fc_{number}"), "status": "completed",
                "call_id": call.id, "name": call.name, "arguments": call.arguments.to_string()})
        })
        .collect()
}

/// A response as it is when it is complete.
pub(super) fn response(said: &Said) -> Value {
    let (read, written) = TOKENS;
    json!({"id": "resp_mock", "object": "response", "created_at": 1_700_000_000, "status": "completed",
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "model": said.model,
        "output": items(said), "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [],
        "top_p": 1.0,
        "usage": {"input_tokens": read, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": read + written}})
}
