//! A chat completion request: the client's JSON turned into checked values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod raw;

/// Tools one request may offer; their descriptions must fit a small context anyway.
const MAX_TOOLS: usize = 128;
/// Stop texts one request may have; each is searched for in every piece of output.
const MAX_STOPS: usize = 16;
/// Bytes of one stop text.
const MAX_STOP_BYTES: usize = 256;

/// Why a request is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not of the documented shape.
    #[error("the request body can't be read")]
    Json(#[from] serde_json::Error),
    /// A value is out of its range.
    #[error("{param} must be {expected}")]
    Invalid {
        /// The field.
        param: &'static str,
        /// What would have been right.
        expected: &'static str,
    },
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions; `developer` is read as this too.
    #[serde(alias = "developer")]
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// What the assistant called.
    pub calls: Vec<Call>,
    /// Which call a tool message answers.
    pub call_id: Option<String>,
    /// Which tool answers.
    pub name: Option<String>,
}

/// A call the assistant made earlier.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, an object where the client sent one as text.
    pub arguments: Value,
}

/// A tool the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// Whether tools are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// Never.
    None,
    /// As the model likes.
    Auto,
    /// One of them.
    Required,
    /// This one.
    Named(String),
}

/// What the answer must look like.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Anything.
    Text,
    /// JSON that fits the schema.
    Json(Value),
}

/// How the next token is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Zero takes the likeliest token.
    pub temperature: f32,
    /// Mass of the likeliest tokens kept.
    pub top_p: f32,
    /// Number of the likeliest tokens kept; zero keeps all.
    pub top_k: i32,
    /// Least probability relative to the likeliest token.
    pub min_p: f32,
    /// How much a token that was just used is held back; 1 not at all.
    pub repeat_penalty: f32,
    /// Makes a run repeatable.
    pub seed: Option<u32>,
}

/// A checked request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The conversation.
    pub messages: Vec<Message>,
    /// The tools.
    pub tools: Vec<Tool>,
    /// Whether they are called.
    pub tool_choice: ToolChoice,
    /// What the answer must look like.
    pub format: Format,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stops: Vec<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Whether a streamed answer ends with a usage chunk.
    pub include_usage: bool,
    /// Which conversation this continues.
    pub session: Option<String>,
}

impl Request {
    /// Reads and checks a request body.
    ///
    /// # Errors
    ///
    /// When it is not JSON of the documented shape, or a value is out of range.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let raw: raw::Request = serde_json::from_slice(body)?;
        let sampling = raw.sampling()?;
        let tools = tools(raw.tools.unwrap_or_default())?;
        let tool_choice = tool_choice(raw.tool_choice, &tools)?;
        Ok(Self {
            messages: messages(raw.messages)?,
            tools,
            tool_choice,
            format: format(raw.response_format)?,
            sampling,
            max_tokens: max_tokens(raw.max_completion_tokens.or(raw.max_tokens))?,
            stops: stops(raw.stop)?,
            stream: raw.stream.unwrap_or(false),
            include_usage: raw
                .stream_options
                .and_then(|o| o.include_usage)
                .unwrap_or(false),
            session: raw.session_id.or(raw.user),
        })
    }

    /// Whether the last thing that happened is a tool's answer.
    #[must_use]
    pub fn follows_tool_result(&self) -> bool {
        self.messages.last().is_some_and(|m| m.role == Role::Tool)
    }
}

/// Reads the messages and tools of a tokenize request.
///
/// # Errors
///
/// As [`Request::parse`].
pub fn parse_messages(
    messages_json: Value,
    tools_json: Option<Value>,
) -> Result<(Vec<Message>, Vec<Tool>), Error> {
    let list: Vec<raw::Message> = serde_json::from_value(messages_json)?;
    let offered: Vec<raw::Tool> = match tools_json {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => serde_json::from_value(value)?,
    };
    Ok((messages(list)?, tools(offered)?))
}

const fn invalid(param: &'static str, expected: &'static str) -> Error {
    Error::Invalid { param, expected }
}

fn max_tokens(value: Option<i64>) -> Result<Option<u32>, Error> {
    match value.map(u32::try_from) {
        None => Ok(None),
        Some(Ok(n)) if n > 0 => Ok(Some(n)),
        Some(_) => Err(invalid("max_tokens", "a number of at least 1")),
    }
}

fn stops(value: Option<raw::Stop>) -> Result<Vec<String>, Error> {
    let list = match value {
        None => Vec::new(),
        Some(raw::Stop::One(text)) => vec![text],
        Some(raw::Stop::Many(list)) => list,
    };
    let fits = |text: &String| !text.is_empty() && text.len() <= MAX_STOP_BYTES;
    if list.len() > MAX_STOPS || !list.iter().all(fits) {
        return Err(invalid("stop", "at most 16 texts of 1 to 256 bytes"));
    }
    Ok(list)
}

fn messages(list: Vec<raw::Message>) -> Result<Vec<Message>, Error> {
    if list.is_empty() {
        return Err(invalid("messages", "a list of at least one message"));
    }
    list.into_iter().map(message).collect()
}

fn message(raw: raw::Message) -> Result<Message, Error> {
    let calls = raw.tool_calls.unwrap_or_default();
    let content = match raw.content {
        Some(raw::Content::Text(text)) => text,
        Some(raw::Content::Parts(parts)) => joined_text(parts)?,
        None if raw.role == Role::Assistant => String::new(),
        None => {
            return Err(invalid(
                "messages.content",
                "present in every message but an assistant's",
            ));
        }
    };
    if !calls.is_empty() && raw.role != Role::Assistant {
        return Err(invalid("messages.tool_calls", "in an assistant message"));
    }
    let calls = calls.into_iter().map(call).collect::<Result<_, _>>()?;
    Ok(Message {
        role: raw.role,
        content,
        calls,
        call_id: raw.tool_call_id,
        name: raw.name,
    })
}

fn joined_text(parts: Vec<raw::Part>) -> Result<String, Error> {
    let mut text = String::new();
    for part in parts {
        match part.text {
            Some(piece) if part.kind == "text" => text.push_str(&piece),
            _ => {
                return Err(invalid(
                    "messages.content",
                    "text: this model sees no images, sounds or files",
                ));
            }
        }
    }
    Ok(text)
}

fn call(raw: raw::Call) -> Result<Call, Error> {
    if !is_tool_name(&raw.function.name) {
        return Err(invalid(
            "messages.tool_calls",
            "calls with a name of 1 to 64 letters, digits, _, . or -",
        ));
    }
    let arguments = match raw.function.arguments {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(Value::Null) | None => Value::Object(Map::new()),
        Some(other) => other,
    };
    Ok(Call {
        id: raw.id.unwrap_or_default(),
        name: raw.function.name,
        arguments,
    })
}

fn tools(list: Vec<raw::Tool>) -> Result<Vec<Tool>, Error> {
    if list.len() > MAX_TOOLS {
        return Err(invalid("tools", "at most 128 tools"));
    }
    list.into_iter().map(tool).collect()
}

fn tool(raw: raw::Tool) -> Result<Tool, Error> {
    if raw.kind.is_some_and(|kind| kind != "function") {
        return Err(invalid("tools.type", "function"));
    }
    if !is_tool_name(&raw.function.name) {
        return Err(invalid(
            "tools.function.name",
            "1 to 64 letters, digits, _, . or -",
        ));
    }
    let parameters = match raw.function.parameters {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(schema @ Value::Object(_)) => schema,
        Some(_) => return Err(invalid("tools.function.parameters", "a JSON schema object")),
    };
    Ok(Tool {
        name: raw.function.name,
        description: raw.function.description.unwrap_or_default(),
        parameters,
    })
}

fn is_tool_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn tool_choice(raw: Option<raw::ToolChoice>, tools: &[Tool]) -> Result<ToolChoice, Error> {
    const EXPECTED: &str = "none, auto, required or a function of tools";
    let choice = match raw {
        None => {
            return Ok(if tools.is_empty() {
                ToolChoice::None
            } else {
                ToolChoice::Auto
            });
        }
        Some(raw::ToolChoice::Word(word)) => match word.as_str() {
            "none" => ToolChoice::None,
            "auto" => ToolChoice::Auto,
            "required" => ToolChoice::Required,
            _ => return Err(invalid("tool_choice", EXPECTED)),
        },
        Some(raw::ToolChoice::Function { function }) => ToolChoice::Named(function.name),
    };
    let known = match &choice {
        ToolChoice::Named(name) => tools.iter().any(|t| t.name == *name),
        ToolChoice::Required => !tools.is_empty(),
        ToolChoice::None | ToolChoice::Auto => true,
    };
    match (known, tools.is_empty()) {
        (false, _) => Err(invalid("tool_choice", EXPECTED)),
        (true, true) => Ok(ToolChoice::None),
        (true, false) => Ok(choice),
    }
}

fn format(raw: Option<raw::Format>) -> Result<Format, Error> {
    let Some(raw) = raw else {
        return Ok(Format::Text);
    };
    match raw.kind.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json(serde_json::json!({"type": "object"}))),
        "json_schema" => match raw.json_schema.and_then(|s| s.schema) {
            Some(schema) => Ok(Format::Json(schema)),
            None => Err(invalid("response_format.json_schema.schema", "present")),
        },
        _ => Err(invalid(
            "response_format.type",
            "text, json_object or json_schema",
        )),
    }
}

#[cfg(test)]
mod tests;
