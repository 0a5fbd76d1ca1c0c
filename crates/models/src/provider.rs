//! The seam to every model backend: a request goes in, a stream of chunks comes out.

use std::{fmt::Debug, sync::Arc};

use futures_util::stream::BoxStream;
use openclaw_types::{Message, RunId, StopReason, ToolCall, ToolSpec, Usage};
use serde_json::Value;

use crate::{error::Error, http::HeaderMap};

/// A stream of chunks. Dropping it cancels the call.
pub type ChunkStream = BoxStream<'static, Result<Chunk, Error>>;

/// A model backend, or something that wraps one.
pub trait Provider: Send + Sync + Debug {
    /// Starts one model call; `request.model` is the model's own id at this provider.
    fn stream(&self, request: Request) -> ChunkStream;
}

/// One model call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// A reference for [`crate::Models::stream`], where empty means the agent's own; a model id for a [`Provider`].
    pub model: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// The longest answer, in tokens.
    pub max_output_tokens: Option<u32>,
    /// How much chance there is in the answer.
    pub temperature: Option<f32>,
    /// Names the conversation, for a backend that keeps its prefix warm.
    pub conversation: Option<String>,
    /// The run that it belongs to, by which its recording is found.
    pub run: Option<RunId>,
    /// JSON Schema that the answer must follow, where the backend can do that.
    pub schema: Option<Value>,
}

/// A piece of an answer: `Start` first, then content, `Usage` at most once, `Stop` last.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// Who answers.
    Start {
        /// The provider's id.
        provider: String,
        /// The model's id there.
        model: String,
        /// How the server's answer began; nothing where no server was asked.
        head: Option<Arc<Head>>,
    },
    /// Text of the answer.
    Text(String),
    /// What the model thinks aloud.
    Reasoning(String),
    /// The model asks for a tool; always whole.
    ToolCall(ToolCall),
    /// What the call used.
    Usage(Usage),
    /// The end.
    Stop(StopReason),
}

/// How a server's answer began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Chunk {
    /// Whether nothing of the answer is in it, so that another candidate may still take over.
    #[must_use]
    pub const fn is_preamble(&self) -> bool {
        matches!(self, Self::Start { .. })
    }
}
