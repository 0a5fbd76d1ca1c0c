//! What clients say and what servers understand: requests one way, answers the other. No IO.
//!
//! Where both speak the same dialect nothing is read that need not be, and every byte but the model's name stays as it
//! was. Where they don't, the way leads through OpenAI's chat completions, which every dialect can be said in.

use std::borrow::Cow;

use bytes::Bytes;
use openclaw_types::{StopReason, Usage};
use serde_json::{Map, Value};

use self::piece::{Reader, Writer};
pub use self::{
    fields::{Change, Fields},
    front::Front,
    stream::Translator,
};
use crate::options::Api;

mod chat;
mod completions;
mod embeddings;
pub(crate) mod fields;
mod front;
mod gemini;
mod messages;
mod ollama;
mod parts;
mod piece;
mod request;
mod responses;
mod sight;
mod stream;
mod whole;

/// The server's side of a request.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What the server calls the model.
    pub model: &'a str,
    /// Whether the answer is to come in pieces.
    pub is_streaming: bool,
    /// Fields that are added where the client did not say them.
    pub extra: &'a Map<String, Value>,
    /// Whether what the server's dialect has no word for is left out, or an error.
    pub drop_params: bool,
    /// Tokens an answer may have where a dialect must say it and the client did not; 0 when unknown.
    pub max_output: u32,
}

/// A request in the server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Below the base address; with the query where there is one.
    pub path: Cow<'static, str>,
    /// JSON.
    pub body: Bytes,
    /// Beside those of the server's own.
    pub headers: Vec<(&'static str, &'static str)>,
    /// How a streamed answer is cut into pieces.
    pub framing: Framing,
    /// Whether the answer comes in another form than was asked for, because the dialect has no word for that: JSON as the
    /// call of a tool, embeddings as numbers and not in base64; to be told to [`Origin`].
    pub answers_by_tool: bool,
}

/// How a streamed answer is cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON document a line.
    Lines,
}

/// What a client sees of where an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The model's name as the client knows it; the server's own where there is none.
    pub model: Option<String>,
    /// For answers and calls that the server gave no id.
    pub id: String,
    /// Seconds since the epoch, for answers without a time.
    pub created: i64,
    /// Whether the client of a stream asked to be told the usage.
    pub shows_usage: bool,
    /// As [`Prepared`] says.
    pub answers_by_tool: bool,
}

/// A whole answer in the client's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// JSON.
    pub body: Bytes,
    /// What the server counted.
    pub usage: Option<Usage>,
    /// Why the model stopped, where the dialect says it.
    pub stop: Option<StopReason>,
    /// What the server calls the model.
    pub model: Option<String>,
}

/// What an event of a stream brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Something that a client would show: from here on no other model may take over.
    pub has_content: bool,
    /// The stream has said everything.
    pub is_done: bool,
}

/// What a stream added up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ended {
    /// What the server counted.
    pub usage: Option<Usage>,
    /// Why the model stopped.
    pub stop: Option<StopReason>,
}

/// Why something can't be said in another dialect, or is not what its own dialect says.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The request is no JSON object.
    #[error("the body is not a JSON object")]
    NoObject {
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A field of the request has a value of the wrong kind.
    #[error("`{field}` must be {expected}")]
    Field {
        /// Its path.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The server's dialect has no word for it.
    #[error("{api} takes no {what}")]
    Unspeakable {
        /// The server's dialect, in words.
        api: &'static str,
        /// What it has no word for.
        what: String,
    },
    /// The answer is not what the dialect says.
    #[error("the answer is {what}")]
    Malformed {
        /// What is wrong with it, after "is".
        what: &'static str,
        /// What the parser says.
        source: Option<serde_json::Error>,
    },
    /// The answer ended before the model said why it stopped.
    #[error("the answer was cut off")]
    CutOff,
    /// An error in the server's words, with a good status or in the middle of a stream.
    #[error("the server reports an error")]
    Refused {
        /// Its body, for the classifier.
        body: Bytes,
    },
}

/// A request in the server's words.
///
/// # Errors
/// When the client's words can't be read, or can't be said to this server.
pub fn request(front: Front, api: Api, body: &Bytes, to: &Target<'_>) -> Result<Prepared, Fault> {
    if front.is_native(api) {
        return request::same(front, body, to);
    }
    if (front, is_embedding(api)) == (Front::Embeddings, true) {
        return embeddings::ask(api, &request::object(body)?, to);
    }
    let chat = request::chat(front, body)?;
    match (chat, api) {
        (Some(chat), Api::OpenAiCompletions) => {
            let body = Bytes::from(Value::Object(chat).to_string());
            request::same(Front::Chat, &body, to)
        }
        (Some(chat), Api::AnthropicMessages) => messages::from_chat(&chat, to),
        (Some(chat), Api::OpenAiResponses) => responses::from_chat(&chat, to),
        (Some(chat), Api::Gemini) => gemini::from_chat(&chat, to),
        (Some(chat), Api::Ollama) => ollama::from_chat(&chat, to),
        (None, _) => Err(unspeakable(front, api)),
    }
}

/// A whole answer in the client's words.
///
/// # Errors
/// When it is not what the server's dialect says, or an error with a good status.
pub fn whole(front: Front, api: Api, body: &Bytes, from: &Origin) -> Result<Whole, Fault> {
    if front.is_native(api) {
        return whole::same(front, body, from);
    }
    if (front, is_embedding(api)) == (Front::Embeddings, true) {
        return embeddings::answer(body, from);
    }
    match (reader(api, from), writer(front, from)) {
        (Some(reader), Some(writer)) => whole::through(reader, writer.as_ref(), body, from),
        _ => Err(unspeakable(front, api)),
    }
}

/// What reads a server's answers.
fn reader(api: Api, from: &Origin) -> Option<Box<dyn Reader>> {
    match api {
        Api::OpenAiCompletions => Some(Box::new(chat::ChatReader::default())),
        Api::AnthropicMessages => Some(Box::new(messages::MessagesReader::default())),
        Api::Gemini => Some(Box::new(gemini::GeminiReader::new(&from.id))),
        Api::Ollama => Some(Box::new(ollama::OllamaReader::new(&from.id))),
        Api::OpenAiResponses => Some(Box::new(responses::ResponsesReader::default())),
    }
}

/// What writes a client's answers.
fn writer(front: Front, from: &Origin) -> Option<Box<dyn Writer>> {
    match front {
        Front::Chat => Some(Box::new(chat::ChatWriter::new(from))),
        Front::Messages => Some(Box::new(messages::MessagesWriter::new(from))),
        Front::Responses => Some(Box::new(responses::ResponsesWriter::new(from))),
        Front::Completions => Some(Box::new(completions::CompletionsWriter::new(from))),
        Front::Embeddings => None,
    }
}

/// Whether a server's own protocol has a way to embed texts.
const fn is_embedding(api: Api) -> bool {
    matches!(api, Api::Gemini | Api::Ollama)
}

fn unspeakable(front: Front, api: Api) -> Fault {
    Fault::Unspeakable {
        api: api.words(),
        what: format!("requests for {}", front.as_str()),
    }
}

impl Api {
    /// Its name for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::OpenAiCompletions => "an OpenAI-compatible server",
            Self::AnthropicMessages => "Anthropic's messages",
            Self::OpenAiResponses => "OpenAI's responses",
            Self::Gemini => "Gemini",
            Self::Ollama => "Ollama",
        }
    }
}

#[cfg(test)]
mod probe;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
