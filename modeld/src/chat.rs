//! A chat completion request: the client's JSON turned into checked values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod check;
mod raw;

use check::{format, max_tokens, messages, stops, tool_choice, tools};

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

#[cfg(test)]
mod tests;
