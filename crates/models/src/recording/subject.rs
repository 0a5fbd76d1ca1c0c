//! What was asked, and the form of it that says whether two requests are the same.

use std::borrow::Cow;

use bytes::Bytes;
use openclaw_types::AgentId;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{dialect::Front, exchange::Ask, openai, provider::Request};

/// Fields that say how a request is handled, or that only one asker has, and not what is asked.
const HANDLING: [&str; 14] = [
    "model",
    "stream_options",
    "cache",
    "metadata",
    "litellm_metadata",
    "num_retries",
    "fallbacks",
    "timeout",
    "stream_timeout",
    "user",
    "safety_identifier",
    "session_id",
    "max_tokens",
    "max_completion_tokens",
];
/// Fields in which some clients send a key.
const CREDENTIALS: [&str; 6] = [
    "api_key",
    "apikey",
    "authorization",
    "headers",
    "extra_headers",
    "litellm_api_key",
];
/// What a date of a system prompt counts as: an agent is told what day it is, which is not the question.
const SOME_DAY: &[u8] = b"0000-00-00";

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// By an agent of this process.
    Agent {
        /// Which.
        agent: AgentId,
        /// What.
        request: Box<Request>,
    },
    /// By a client over HTTP.
    Caller {
        /// The protocol.
        front: Front,
        /// Method, path and query of what is passed through; empty otherwise.
        target: String,
        /// The request as it came.
        body: Bytes,
    },
}

impl Subject {
    pub(super) fn agent(agent: &AgentId, request: &Request) -> Self {
        Self::Agent {
            agent: agent.clone(),
            request: Box::new(request.clone()),
        }
    }

    /// What a client asks.
    pub(crate) fn caller(ask: &Ask) -> Self {
        let passthrough = ask.controls.passthrough.as_ref();
        Self::Caller {
            front: ask.front,
            target: passthrough.map_or_else(String::new, |passed| {
                let query = passed.query.as_deref().unwrap_or_default();
                format!("{} {}?{query}", passed.method, passed.path)
            }),
            body: ask.body.clone(),
        }
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Agent { request, .. } => {
                let parts = request.messages.iter().flat_map(|message| &message.parts);
                let parts = parts.map(|part| match part {
                    openclaw_types::Part::Text(text) | openclaw_types::Part::Reasoning(text) => {
                        text.len()
                    }
                    openclaw_types::Part::ToolCall(call) => call.arguments.to_string().len(),
                    openclaw_types::Part::ToolResult(result) => result.content.len(),
                });
                parts.sum::<usize>() + size_of::<Request>()
            }
            Self::Caller { body, .. } => body.len(),
        }
    }

    /// The word for who asks how.
    pub(super) const fn door(&self) -> &'static str {
        match self {
            Self::Agent { .. } => "agent",
            Self::Caller { front, .. } => front.as_str(),
        }
    }

    pub(super) fn run(&self) -> Option<&str> {
        match self {
            Self::Agent { request, .. } => request.run.as_ref().map(openclaw_types::RunId::as_str),
            Self::Caller { .. } => None,
        }
    }

    pub(super) fn conversation(&self) -> Option<&str> {
        match self {
            Self::Agent { request, .. } => request.conversation.as_deref(),
            Self::Caller { .. } => None,
        }
    }

    /// The request as it is kept: in the client's own fields, or an agent's in those of chat completions; nothing
    /// where it is no JSON.
    pub(super) fn document(&self) -> Value {
        let body: Cow<'_, [u8]> = match self {
            Self::Agent { request, .. } => openai::said(request).unwrap_or_default().into(),
            Self::Caller { body, .. } => Cow::Borrowed(body),
        };
        let mut document = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut document {
            fields.retain(|name, _| !CREDENTIALS.contains(&name.to_ascii_lowercase().as_str()));
        }
        document
    }

    /// What is compared: the request without what does not change the question, its fields in order.
    pub(super) fn asked(&self) -> Value {
        let asked = normal(self.document());
        match self {
            // What is no JSON is only itself.
            Self::Caller { body, .. } if asked.is_null() => {
                json!({"sha256": hex(&Sha256::digest(body))})
            }
            _ => asked,
        }
    }

    /// The name of the request: the SHA-256 of what is compared.
    pub(super) fn key(&self) -> String {
        let target = match self {
            Self::Agent { .. } => "",
            Self::Caller { target, .. } => target.as_str(),
        };
        let normal = json!({"asked": self.asked(), "door": self.door(), "target": target});
        hex(&Sha256::digest(normal.to_string()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request's document without what does not change the question.
pub(super) fn normal(document: Value) -> Value {
    let Value::Object(mut fields) = document else {
        return sorted(document);
    };
    fields.retain(|name, _| !HANDLING.contains(&name.as_str()));
    for (name, value) in &mut fields {
        match name.as_str() {
            "messages" | "input" => {
                for message in value.as_array_mut().into_iter().flatten() {
                    let role = message["role"].as_str().unwrap_or_default();
                    if matches!(role, "system" | "developer") {
                        undated(&mut message["content"]);
                    }
                }
            }
            "system" | "instructions" => undated(value),
            _ => {}
        }
    }
    sorted(Value::Object(fields))
}

/// Fields in order, so that it does not matter in which one a client writes them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Puts one day in place of every date in a text, or in the texts of a list of parts.
fn undated(content: &mut Value) {
    match content {
        Value::String(text) => {
            let mut bytes = std::mem::take(text).into_bytes();
            for at in 0..bytes.len().saturating_sub(SOME_DAY.len() - 1) {
                let place = &mut bytes[at..at + SOME_DAY.len()];
                let is_date = place.iter().zip(SOME_DAY).all(|(&byte, &form)| {
                    if form == b'-' {
                        byte == b'-'
                    } else {
                        byte.is_ascii_digit()
                    }
                });
                if is_date {
                    place.copy_from_slice(SOME_DAY);
                }
            }
            *text = String::from_utf8(bytes).unwrap_or_default();
        }
        Value::Array(parts) => {
            for part in parts {
                if let Some(text) = part.get_mut("text") {
                    undated(text);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use openclaw_types::{Message, Role};

    use super::*;

    fn asked(body: &str) -> Subject {
        Subject::Caller {
            front: Front::Chat,
            target: String::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn what_does_not_change_the_question_does_not_change_its_name() {
        let one = r#"{"model":"a","messages":[{"role":"system","content":"Today is 2026-01-02."},{"role":"user","content":"Hi"}],"temperature":1,"max_tokens":5}"#;
        let other = r#"{"user":"u","temperature":1,"messages":[{"content":"Today is 2026-03-04.","role":"system"},{"role":"user","content":"Hi"}],"model":"b"}"#;
        assert_eq!(asked(one).key(), asked(other).key());
    }

    #[test]
    fn another_question_has_another_name() {
        let text = |text: &str| format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
        let mut subjects = vec![
            asked(&text("Hi")),
            asked(&text("On 2026-01-02?")),
            asked(&text("On 2026-01-03?")),
            asked("no JSON"),
            asked("no JSON either"),
        ];
        let Subject::Caller { body, .. } = asked(&text("Hi")) else {
            panic!("a caller")
        };
        for (front, target) in [(Front::Completions, ""), (Front::Chat, "POST x?")] {
            subjects.push(Subject::Caller {
                front,
                target: target.to_owned(),
                body: body.clone(),
            });
        }
        let agent = AgentId::parse("steward").expect("an id");
        let request = Request {
            messages: vec![Message::text(Role::User, "Hi")],
            ..Request::default()
        };
        subjects.push(Subject::agent(&agent, &request));
        let mut keys: Vec<String> = subjects.iter().map(Subject::key).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn a_key_in_a_request_is_not_kept() {
        let document = asked(r#"{"api_key":"sk-1","extra_headers":{"x":"y"},"n":1}"#).document();
        assert_eq!(document, json!({"n": 1}));
    }
}
