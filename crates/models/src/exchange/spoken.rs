//! A chat request in JSON as a provider of this process takes it.

use openclaw_types::{Message, Part, Role, ToolCall, ToolResult, ToolSpec};
use serde::Deserialize;
use serde_json::Value;

use crate::provider::Request;

/// Why a chat request can't be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It is none.
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
    /// It holds something else than text, which would be lost.
    #[error("it reads text only, and a message holds `{kind}`")]
    NotText {
        /// The type of that part.
        kind: String,
    },
}

#[derive(Deserialize)]
struct Body {
    messages: Vec<Spoken>,
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f32>,
    response_format: Option<Format>,
}

#[derive(Deserialize)]
struct Spoken {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Vec<Call>>,
    #[serde(default)]
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Piece>),
}

#[derive(Deserialize)]
struct Piece {
    r#type: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: String,
    function: Called,
}

#[derive(Deserialize)]
struct Called {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct Tool {
    function: Declared,
}

#[derive(Deserialize)]
struct Declared {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Value,
}

#[derive(Deserialize)]
struct Format {
    json_schema: Option<Schema>,
}

#[derive(Deserialize)]
struct Schema {
    schema: Option<Value>,
}

/// The request; what only servers elsewhere know is left out.
///
/// # Errors
/// When it is no chat request, or holds what is not text.
pub(crate) fn request(body: &[u8], model: &str) -> Result<Request, Error> {
    let body: Body = serde_json::from_slice(body)?;
    let messages = body.messages.into_iter().map(message);
    let messages = messages.collect::<Result<_, Error>>()?;
    let declared = |tool: Tool| ToolSpec {
        name: tool.function.name,
        description: tool.function.description,
        parameters: tool.function.parameters,
    };
    let tools = body.tools.unwrap_or_default();
    let format = body.response_format.and_then(|format| format.json_schema);
    Ok(Request {
        model: model.to_owned(),
        messages,
        tools: tools.into_iter().map(declared).collect(),
        max_output_tokens: body.max_completion_tokens.or(body.max_tokens),
        temperature: body.temperature,
        conversation: None,
        run: None,
        schema: format.and_then(|format| format.schema),
    })
}

fn message(spoken: Spoken) -> Result<Message, Error> {
    let text = spoken.content.map_or(Ok(String::new()), Content::text)?;
    if let Some(call_id) = spoken.tool_call_id {
        let result = ToolResult {
            call_id,
            // The protocol does not repeat it.
            name: String::new(),
            content: text,
            is_error: false,
        };
        return Ok(Message {
            role: Role::User,
            parts: vec![Part::ToolResult(result)],
        });
    }
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    let calls = spoken.tool_calls.unwrap_or_default();
    parts.extend(calls.into_iter().map(|call| {
        let arguments = call.function.arguments;
        Part::ToolCall(ToolCall {
            id: call.id,
            name: call.function.name,
            arguments: serde_json::from_str(&arguments).unwrap_or(Value::String(arguments)),
        })
    }));
    let role = match spoken.role.as_str() {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        _ => Role::User,
    };
    Ok(Message { role, parts })
}

impl Content {
    fn text(self) -> Result<String, Error> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Parts(pieces) => pieces.into_iter().map(Piece::text).collect(),
        }
    }
}

impl Piece {
    fn text(self) -> Result<String, Error> {
        self.text.ok_or_else(|| Error::NotText {
            kind: self.r#type.unwrap_or_else(|| "no text".to_owned()),
        })
    }
}
