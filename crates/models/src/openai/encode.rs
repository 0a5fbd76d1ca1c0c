//! A request as the protocol's JSON.

use openclaw_types::{Message, Part, Role, ToolCall, ToolSpec};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::dialect::{Dialect, OutputLimit};
use crate::provider::Request;

/// Room for the fields around the messages.
const BODY_BYTES_BASE: usize = 512;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Spoken<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// One message of the protocol; one of ours may become several.
#[derive(Serialize)]
#[serde(untagged)]
enum Spoken<'a> {
    Plain {
        role: &'static str,
        #[serde(serialize_with = "joined")]
        content: Vec<&'a str>,
    },
    Calls {
        role: &'static str,
        #[serde(serialize_with = "joined_or_null")]
        content: Vec<&'a str>,
        tool_calls: Vec<Call<'a>>,
    },
    Result {
        role: &'static str,
        tool_call_id: &'a str,
        content: &'a str,
    },
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(serialize_with = "as_text")]
    arguments: &'a Value,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Declared<'a>,
}

#[derive(Serialize)]
struct Declared<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    json_schema: NamedSchema<'a>,
}

#[derive(Serialize)]
struct NamedSchema<'a> {
    name: &'static str,
    schema: &'a Value,
}

pub(super) fn encode(
    request: &Request,
    dialect: &Dialect,
    thinks: bool,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut messages = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        spoken(message, &mut messages);
    }
    let completion = dialect.output_limit == OutputLimit::MaxCompletionTokens;
    let limit = request.max_output_tokens;
    let schema = request.schema.as_ref().filter(|_| dialect.takes_schema);
    let body = Body {
        model: &request.model,
        messages,
        stream: true,
        stream_options: dialect.asks_usage.then_some(StreamOptions {
            include_usage: true,
        }),
        tools: request.tools.iter().map(declared).collect(),
        max_tokens: limit.filter(|_| !completion),
        max_completion_tokens: limit.filter(|_| completion),
        temperature: request.temperature.filter(|_| !(completion && thinks)),
        response_format: schema.map(|schema| Format {
            r#type: "json_schema",
            json_schema: NamedSchema {
                name: "answer",
                schema,
            },
        }),
        session_id: request
            .conversation
            .as_deref()
            .filter(|_| dialect.names_conversation),
    };
    let text: usize = request.messages.iter().map(size).sum();
    let mut bytes = Vec::with_capacity(BODY_BYTES_BASE + text + text / 8);
    serde_json::to_writer(&mut bytes, &body)?;
    Ok(bytes)
}

/// Messages alone, as our own model server counts them.
pub(super) fn messages(messages: &[Message]) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Counted<'a> {
        messages: Vec<Spoken<'a>>,
    }
    let mut counted = Counted {
        messages: Vec::with_capacity(messages.len()),
    };
    for message in messages {
        spoken(message, &mut counted.messages);
    }
    serde_json::to_vec(&counted)
}

/// About how long a message is.
fn size(message: &Message) -> usize {
    let part = |part: &Part| match part {
        Part::Text(text) => text.len(),
        Part::ToolResult(result) => result.content.len() + 64,
        Part::ToolCall(_) => 256,
        Part::Reasoning(_) => 0,
    };
    64 + message.parts.iter().map(part).sum::<usize>()
}

/// Splits a message where the protocol wants several: each tool result is a message of its own.
fn spoken<'a>(message: &'a Message, out: &mut Vec<Spoken<'a>>) {
    let mut text = Vec::new();
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(piece) => text.push(piece.as_str()),
            Part::ToolCall(call) => calls.push(called(call)),
            Part::ToolResult(result) => {
                flush(message.role, &mut text, &mut calls, out);
                out.push(Spoken::Result {
                    role: "tool",
                    tool_call_id: &result.call_id,
                    content: &result.content,
                });
            }
            // What one model thought is never shown to another.
            Part::Reasoning(_) => {}
        }
    }
    flush(message.role, &mut text, &mut calls, out);
}

fn flush<'a>(
    role: Role,
    text: &mut Vec<&'a str>,
    calls: &mut Vec<Call<'a>>,
    out: &mut Vec<Spoken<'a>>,
) {
    let content = std::mem::take(text);
    if !calls.is_empty() {
        out.push(Spoken::Calls {
            role: Role::Assistant.as_str(),
            content,
            tool_calls: std::mem::take(calls),
        });
    } else if !content.is_empty() {
        out.push(Spoken::Plain {
            role: role.as_str(),
            content,
        });
    }
}

fn called(call: &ToolCall) -> Call<'_> {
    Call {
        id: &call.id,
        r#type: "function",
        function: Function {
            name: &call.name,
            arguments: &call.arguments,
        },
    }
}

fn declared(tool: &ToolSpec) -> Tool<'_> {
    Tool {
        r#type: "function",
        function: Declared {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
        },
    }
}

fn joined<S: Serializer>(pieces: &[&str], serializer: S) -> Result<S::Ok, S::Error> {
    match pieces {
        [piece] => serializer.serialize_str(piece),
        _ => serializer.serialize_str(&pieces.concat()),
    }
}

fn joined_or_null<S: Serializer>(pieces: &[&str], serializer: S) -> Result<S::Ok, S::Error> {
    if pieces.is_empty() {
        serializer.serialize_none()
    } else {
        joined(pieces, serializer)
    }
}

/// Arguments travel as text; what did not parse when it came goes back as it was.
fn as_text<S: Serializer>(arguments: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    match arguments {
        Value::String(text) => serializer.serialize_str(text),
        value => serializer.collect_str(value),
    }
}

#[cfg(test)]
mod tests;
