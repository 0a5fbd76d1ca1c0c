//! What an answer is made of, whatever dialect it comes in, and the two directions from and to it.

use std::fmt::Debug;

use bytes::BytesMut;
use openclaw_types::{StopReason, Usage};
use serde_json::Value;

use super::{Fault, Origin};
use crate::{
    error::Kind,
    limits::{TOOL_ARGUMENTS_BYTES_MAX, TOOL_CALLS_MAX},
    sse::Event,
};

/// One piece of an answer, in the order in which a model says them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// What the server calls this answer and the model.
    Start {
        id: Option<String>,
        model: Option<String>,
    },
    /// Text of the answer.
    Text(String),
    /// What the model thinks aloud.
    Reasoning(String),
    /// What proves to the same server that a thought is its own; it ends the thought.
    Signature(String),
    /// A thought that only the same server can read.
    Sealed(String),
    /// Why the model will not answer, in its words.
    Refusal(String),
    /// The model begins to ask for a tool. Calls are counted from 0.
    Call {
        index: usize,
        id: String,
        name: String,
    },
    /// More of a call's arguments, as JSON text.
    Arguments { index: usize, text: String },
    /// What the call used so far; a later one takes the place of an earlier.
    Usage(Usage),
    /// Why the model stopped.
    Stop(StopReason),
}

impl Piece {
    /// Whether a client would show something of it.
    pub(super) fn is_content(&self) -> bool {
        match self {
            Self::Text(text) | Self::Reasoning(text) | Self::Refusal(text) => !text.is_empty(),
            Self::Sealed(_) | Self::Call { .. } | Self::Arguments { .. } => true,
            Self::Start { .. } | Self::Signature(_) | Self::Usage(_) | Self::Stop(_) => false,
        }
    }
}

/// The server's words of one answer become pieces.
pub(super) trait Reader: Send + Debug {
    /// Takes one event of a stream. True when it was the last.
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<bool, Fault>;
    /// Takes a whole answer.
    fn document(&mut self, body: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault>;
}

/// Pieces become the client's words of one answer.
pub(super) trait Writer: Send + Debug {
    /// Tells the client of one piece.
    fn piece(&mut self, piece: &Piece, out: &mut BytesMut);
    /// Ends the stream.
    fn finish(&mut self, ended: &Collected, out: &mut BytesMut);
    /// Ends the stream with an error, and without an end mark.
    fn error(&mut self, message: &str, kind: Kind, status: u16, out: &mut BytesMut);
    /// A whole answer.
    fn document(&self, answer: &Collected) -> Value;
}

/// Everything an answer said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Collected {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) text: String,
    pub(super) thoughts: Vec<Thought>,
    pub(super) refusal: String,
    pub(super) calls: Vec<Call>,
    pub(super) usage: Option<Usage>,
    pub(super) stop: Option<StopReason>,
}

/// One thought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Thought {
    pub(super) text: String,
    pub(super) signature: Option<String>,
    /// In the place of a text, for the same server only.
    pub(super) sealed: Option<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Call {
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl Call {
    /// The arguments as a JSON object; what is none is kept as a text.
    pub(super) fn input(&self) -> Value {
        if self.arguments.trim().is_empty() {
            return Value::Object(serde_json::Map::new());
        }
        serde_json::from_str(&self.arguments)
            .unwrap_or_else(|_| Value::String(self.arguments.clone()))
    }
}

impl Collected {
    /// Adds a piece. With `keeps` off only what a stream's end needs is kept, because the rest has been told.
    ///
    /// # Errors
    /// When there is more of something than is taken.
    pub(super) fn take(&mut self, piece: &Piece, keeps: bool) -> Result<(), Fault> {
        match piece {
            Piece::Start { id, model } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
            }
            Piece::Usage(usage) => self.usage = Some(*usage),
            Piece::Stop(stop) => self.stop = Some(*stop),
            Piece::Call { index, id, name } => {
                if self.calls.len() >= TOOL_CALLS_MAX {
                    return Err(too_much("full of tool calls"));
                }
                self.calls.push(Call {
                    index: *index,
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                });
            }
            _ if !keeps => {}
            Piece::Text(text) => self.text.push_str(text),
            Piece::Refusal(text) => self.refusal.push_str(text),
            Piece::Reasoning(text) => self.open_thought().text.push_str(text),
            Piece::Signature(proof) => self.open_thought().signature = Some(proof.clone()),
            Piece::Sealed(sealed) => self.thoughts.push(Thought {
                sealed: Some(sealed.clone()),
                ..Thought::default()
            }),
            Piece::Arguments { index, text } => {
                let mut calls = self.calls.iter_mut();
                if let Some(call) = calls.rfind(|call| call.index == *index) {
                    if call.arguments.len() + text.len() > TOOL_ARGUMENTS_BYTES_MAX {
                        return Err(too_much("a tool call without end"));
                    }
                    call.arguments.push_str(text);
                }
            }
        }
        Ok(())
    }

    /// The thought that goes on, or a new one behind one that is closed.
    fn open_thought(&mut self) -> &mut Thought {
        let closed = |thought: &Thought| thought.signature.is_some() || thought.sealed.is_some();
        if self.thoughts.last().is_none_or(closed) {
            self.thoughts.push(Thought::default());
        }
        let last = self.thoughts.len() - 1;
        &mut self.thoughts[last]
    }

    /// All thoughts that can be read.
    pub(super) fn reasoning(&self) -> String {
        self.thoughts
            .iter()
            .map(|thought| thought.text.as_str())
            .collect()
    }

    /// The name that the client knows the model by.
    pub(super) fn shown_model<'a>(&'a self, from: &'a Origin) -> &'a str {
        from.model
            .as_deref()
            .or(self.model.as_deref())
            .unwrap_or_default()
    }
}

const fn too_much(what: &'static str) -> Fault {
    Fault::Malformed { what, source: None }
}

/// Pieces of a forced call become the text that the client asked for: a JSON answer of a server that has no word for one.
#[derive(Debug, Default)]
pub(super) struct AnswerTool {
    index: Option<usize>,
}

/// The name of the tool that such an answer is asked for with.
pub(super) const ANSWER_TOOL: &str = "json_answer";

impl AnswerTool {
    /// The piece as the client should see it; nothing where it should see none.
    pub(super) fn unwrap(&mut self, piece: Piece) -> Option<Piece> {
        match piece {
            Piece::Call { index, name, .. } if name == ANSWER_TOOL => {
                self.index = Some(index);
                None
            }
            Piece::Arguments { index, text } if self.index == Some(index) => {
                Some(Piece::Text(text))
            }
            Piece::Stop(StopReason::ToolCalls) if self.index.is_some() => {
                Some(Piece::Stop(StopReason::Stop))
            }
            piece => Some(piece),
        }
    }
}
